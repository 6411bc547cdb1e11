# SPDX-License-Identifier: Apache-2.0
"""What somebody can do by a transaction, with all that its call is made of.

They are kept in the journal, so each goes into JSON and comes out of it again.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, is_dataclass
from typing import Any, ClassVar, get_origin, get_type_hints

from modelmarket.protocol.conditions import Conditions, Texts
from modelmarket.protocol.terms import Terms
from modelmarket.protocol.types import (
    Address,
    RequestId,
    Seal,
    SubmissionId,
    Superhash,
    TermsHash,
    Wei,
)


@dataclass(frozen=True)
class Action:
    """Something that a transaction does.

    Attributes:
        kind: The contract's function, where it calls one of ours.
    """

    kind: ClassVar[str] = ""

    @property
    def what(self) -> str:
        """The same in the journal and in messages."""
        return self.kind

    @property
    def locks(self) -> Wei:
        """Wei of MDC that the market takes for it."""
        return Wei(0)

    @property
    def request_id(self) -> RequestId:
        """The request that it is about; 0 = none that is known before."""
        return RequestId(0)

    @property
    def seal(self) -> Seal:
        """The seal that it brings into the world; empty for none."""
        return Seal(b"")

    @property
    def is_verified(self) -> bool:
        """Whether it is about the market of verified contests."""
        return self.request_id.is_verified


@dataclass(frozen=True)
class CreateContest(Action):
    """Opens a verified contest and locks its reward.

    Attributes:
        terms: What it promises, but for its texts.
        texts: What people read of it.
        weights: Points of each class, if they are weighted.
        warnings: What would keep this computer from watching it, in words.
    """

    kind = "create_contest"
    terms: Conditions
    texts: Texts
    weights: tuple[int, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def locks(self) -> Wei:
        return self.terms.reward

    @property
    def seal(self) -> Seal:
        return Seal(self.terms.key_hash)

    @property
    def is_verified(self) -> bool:
        return True


@dataclass(frozen=True)
class CreateRequest(Action):
    """Opens a request and locks its reward."""

    kind = "create_request"
    terms: Terms

    @property
    def locks(self) -> Wei:
        return self.terms.reward

    @property
    def seal(self) -> Seal:
        return self.terms.truth_seal


@dataclass(frozen=True)
class _OfRequest(Action):
    """Something about a request."""

    request: RequestId

    @property
    def request_id(self) -> RequestId:
        return self.request


@dataclass(frozen=True)
class CancelRequest(_OfRequest):
    """Cancels the request with such terms if no more submissions are live."""

    kind = "cancel_request"
    terms_hash: TermsHash
    max_live: int


@dataclass(frozen=True)
class OpenTruth(_OfRequest):
    """Opens a page of the truth."""

    kind = "open_truth"
    page: int


@dataclass(frozen=True)
class EnforceTimeout(_OfRequest):
    """Takes the step that is due because somebody missed one."""

    kind = "enforce_timeout"


@dataclass(frozen=True)
class Entering(_OfRequest):
    """Enters a request of either market and locks its stake.

    Attributes:
        terms_hash: Of the request.
        stake: Wei.
        sealed_as: The seal of what is entered.
        superhash: Of the model's CID.
        name: Shown beside it.
        again: Even if a submission of one's own stands already.
    """

    terms_hash: TermsHash
    stake: Wei
    sealed_as: Seal
    superhash: Superhash
    name: str
    again: bool = False

    @property
    def locks(self) -> Wei:
        return self.stake

    @property
    def seal(self) -> Seal:
        return self.sealed_as


@dataclass(frozen=True)
class Submit(Entering):
    """Enters a request with predictions and the model that they come from.

    Attributes:
        counts: Rows of each class that was predicted, by name.
        files: What the files were called that somebody chose, by what they are.
        unlikely: Rows in which the probabilities that go with it say that another class
            is likelier than the predicted one; None if none go with it.
    """

    kind = "submit"
    counts: dict[str, int] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    unlikely: int | None = None


@dataclass(frozen=True)
class OpenKey(_OfRequest):
    """Opens the key of a verified contest."""

    kind = "open_key"


@dataclass(frozen=True)
class SubmitModel(Entering):
    """Enters a verified contest with an exact model.

    Attributes:
        fit: What was said of the model before, and of what entering may come to, as
            JSON has both; see `Fit` and `Prospect`.
    """

    kind = "submit_model"
    fit: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Settle(_OfRequest):
    """Pays the candidate that stood unrefuted."""

    kind = "settle"


@dataclass(frozen=True)
class _OfSubmission(_OfRequest):
    """Something about a submission."""

    submission: SubmissionId


@dataclass(frozen=True)
class CancelSubmission(_OfSubmission):
    """Takes the submission with such a seal out."""

    kind = "cancel_submission"
    sealed_as: Seal
    accept_slash: bool


@dataclass(frozen=True)
class Claim(_OfSubmission):
    """States what is under such a seal scores: matches, or points of a model."""

    kind = "claim"
    sealed_as: Seal
    score: int


@dataclass(frozen=True)
class OpenPredictions(_OfSubmission):
    """Opens a page of the candidate's predictions."""

    kind = "open_predictions"
    page: int


@dataclass(frozen=True)
class ShowModel(_OfSubmission):
    """Shows the candidate's model and all of its predictions."""

    kind = "show_model"


@dataclass(frozen=True)
class Refute(_OfSubmission):
    """Proves that what a candidate showed is false.

    Attributes:
        row: Whose prediction is; -1 where a group's points are.
        group: Of the listing.
    """

    kind = "refute"
    row: int
    group: int


@dataclass(frozen=True)
class Demand(_OfSubmission):
    """Demands that a shown model and its listing be posted, for a bond.

    Attributes:
        bond: Wei.
    """

    kind = "demand"
    bond: Wei

    @property
    def locks(self) -> Wei:
        return self.bond


@dataclass(frozen=True)
class Answer(_OfSubmission):
    """Posts a part that was demanded.

    Attributes:
        part: Which.
        of_listing: Whether it is one of the listing's.
    """

    kind = "answer"
    part: int
    of_listing: bool


@dataclass(frozen=True)
class WithdrawBond(_OfSubmission):
    """Gives the bond of a demand back."""

    kind = "withdraw_bond"


@dataclass(frozen=True)
class Withdraw(_OfSubmission):
    """Pays the trainer what is due."""

    kind = "withdraw"


@dataclass(frozen=True)
class ClaimAirdrop(Action):
    """1,000 MDC, once."""

    kind = "claim_airdrop"


@dataclass(frozen=True)
class SetOperator(Action):
    """Lets a key claim for the sender, or no longer.

    Attributes:
        operator: Whose key it is.
        approved: Whether it may.
        verified: In the market of verified contests rather than of predictions.
    """

    kind = "set_operator"
    operator: Address
    approved: bool
    verified: bool = False

    @property
    def is_verified(self) -> bool:
        return self.verified


@dataclass(frozen=True)
class Fund(Action):
    """Sends wei of the chain's own coin."""

    kind = "fund"
    receiver: Address
    amount: Wei


@dataclass(frozen=True)
class Transfer(Action):
    """Sends MDC to another account.

    Attributes:
        receiver: Whose.
        amount: Wei.
    """

    kind = "transfer"
    receiver: Address
    amount: Wei


@dataclass(frozen=True)
class Other(Action):
    """Any other call.

    Attributes:
        called: The function, in words.
    """

    kind = "other"
    called: str

    @property
    def what(self) -> str:
        return self.called


KINDS: dict[str, type[Action]] = {
    one.kind: one
    for one in (
        CreateRequest,
        CreateContest,
        CancelRequest,
        OpenTruth,
        OpenKey,
        EnforceTimeout,
        Submit,
        SubmitModel,
        Settle,
        CancelSubmission,
        Claim,
        OpenPredictions,
        ShowModel,
        Refute,
        Demand,
        Answer,
        WithdrawBond,
        Withdraw,
        ClaimAirdrop,
        SetOperator,
        Fund,
        Transfer,
        Other,
    )
}
"""By the name that stands in the journal."""


def to_json(action: Action) -> bytes:
    """An action as JSON; bytes are hexadecimal."""
    assert is_dataclass(action)
    document = {"kind": action.kind, **asdict(action)}
    return json.dumps(document, default=bytes.hex).encode()


def from_json(data: bytes) -> Action:
    """Reads what `to_json` wrote.

    Raises:
        ValueError, KeyError, TypeError: It is something else.
    """
    document = json.loads(data)
    kind = KINDS[document.pop("kind")]
    found: Action = _read(kind, document)
    return found


def _read(kind: Any, value: Any) -> Any:
    """A JSON value as what a field holds."""
    while hasattr(kind, "__supertype__"):
        kind = kind.__supertype__
    if is_dataclass(kind):
        hints = get_type_hints(kind)
        assert isinstance(kind, type)
        return kind(**{name: _read(hints[name], one) for name, one in value.items()})
    if kind is bytes:
        return bytes.fromhex(value)
    if get_origin(kind) is tuple:
        return tuple(value)
    is_number = isinstance(kind, type) and issubclass(kind, int)
    return kind(value) if is_number else value
