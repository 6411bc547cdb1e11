# SPDX-License-Identifier: Apache-2.0
"""What somebody can do by a transaction, with all that its call is made of.

They are kept in the journal, so each goes into JSON and comes out of it again.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, is_dataclass
from typing import Any, ClassVar, get_type_hints

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
class Submit(_OfRequest):
    """Enters a request and locks its stake.

    Attributes:
        terms_hash: Of the request.
        stake: Wei.
        prediction_seal: Of predictions and model.
        superhash: Of the model's CID.
        name: Shown beside it.
        counts: Rows of each class that was predicted, by name.
        again: Even if a submission of one's own stands already.
    """

    kind = "submit"
    terms_hash: TermsHash
    stake: Wei
    prediction_seal: Seal
    superhash: Superhash
    name: str
    counts: dict[str, int] = field(default_factory=dict)
    again: bool = False

    @property
    def locks(self) -> Wei:
        return self.stake

    @property
    def seal(self) -> Seal:
        return self.prediction_seal


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
    """States how many predictions under such a seal equal the truth."""

    kind = "claim"
    sealed_as: Seal
    matches: int


@dataclass(frozen=True)
class OpenPredictions(_OfSubmission):
    """Opens a page of the candidate's predictions."""

    kind = "open_predictions"
    page: int


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
    """Lets a key claim for the sender, or no longer."""

    kind = "set_operator"
    operator: Address
    approved: bool


@dataclass(frozen=True)
class Fund(Action):
    """Sends wei of the chain's own coin."""

    kind = "fund"
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
        CancelRequest,
        OpenTruth,
        EnforceTimeout,
        Submit,
        CancelSubmission,
        Claim,
        OpenPredictions,
        Withdraw,
        ClaimAirdrop,
        SetOperator,
        Fund,
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
    return bytes.fromhex(value) if kind is bytes else value
