# SPDX-License-Identifier: Apache-2.0
"""The events of both markets as dataclasses, named as in the contracts.

What they mean is said once, in `contracts/interfaces/IModelMarket.vyi` and, for
verified contests, in `contracts/interfaces/IVerifiedMarket.vyi`.
"""

from __future__ import annotations

from dataclasses import dataclass

from modelmarket.protocol.conditions import Conditions, Texts
from modelmarket.protocol.labels import Page
from modelmarket.protocol.phases import Failure
from modelmarket.protocol.shown import Shown
from modelmarket.protocol.terms import Terms
from modelmarket.protocol.types import (
    NOBODY,
    Address,
    RequestId,
    Seal,
    SubmissionId,
    Superhash,
    TermsHash,
    Wei,
)


@dataclass(frozen=True)
class RequestCreated:
    request_id: RequestId
    requester: Address
    terms_hash: TermsHash
    deadline: int
    terms: Terms


@dataclass(frozen=True)
class ContestCreated:
    """`RequestCreated` of the market of verified contests."""

    request_id: RequestId
    requester: Address
    terms_hash: TermsHash
    deadline: int
    terms: Conditions
    texts: Texts
    weights: tuple[int, ...]


@dataclass(frozen=True)
class RequestCancelled:
    request_id: RequestId
    live: int
    share: Wei
    paid: Wei


@dataclass(frozen=True)
class SubmissionCreated:
    submission_id: SubmissionId
    request_id: RequestId
    trainer: Address
    seal: Seal
    superhash: Superhash
    name: str


@dataclass(frozen=True)
class SubmissionCancelled:
    submission_id: SubmissionId
    request_id: RequestId
    paid: Wei


@dataclass(frozen=True)
class TruthOpened:
    request_id: RequestId
    page: int
    sealed: Seal
    step_ends: int
    words: Page


@dataclass(frozen=True)
class KeyOpened:
    request_id: RequestId
    step_ends: int
    key: bytes


@dataclass(frozen=True)
class Claimed:
    submission_id: SubmissionId
    request_id: RequestId
    score: int


@dataclass(frozen=True)
class PredictionsOpened:
    submission_id: SubmissionId
    request_id: RequestId
    page: int
    matched: int
    sealed: Seal
    step_ends: int


@dataclass(frozen=True)
class ModelShown:
    submission_id: SubmissionId
    request_id: RequestId
    step_ends: int
    shown: Shown
    base: bytes
    model: str
    listing: str


@dataclass(frozen=True)
class Demanded:
    submission_id: SubmissionId
    request_id: RequestId
    demander: Address
    bond: Wei
    due: int
    parts: int
    listed: int


@dataclass(frozen=True)
class Answered:
    submission_id: SubmissionId
    request_id: RequestId
    part: int
    of_listing: bool


@dataclass(frozen=True)
class BondReturned:
    submission_id: SubmissionId
    request_id: RequestId
    paid: Wei


@dataclass(frozen=True)
class SubmissionFailed:
    """Only in a verified contest is anybody paid for it."""

    submission_id: SubmissionId
    request_id: RequestId
    reason: Failure
    slashed: Wei
    step_ends: int
    challenger: Address = NOBODY
    paid: Wei = Wei(0)


@dataclass(frozen=True)
class RequestFulfilled:
    """A verified contest names the model when it is shown, and may pay a bond."""

    request_id: RequestId
    submission_id: SubmissionId
    paid: Wei
    slashed: Wei
    model: str = ""
    bond: Wei = Wei(0)


@dataclass(frozen=True)
class RequestRefunded:
    request_id: RequestId
    paid: Wei
    slashed: Wei


@dataclass(frozen=True)
class RequestForfeited:
    request_id: RequestId
    slashed: Wei


@dataclass(frozen=True)
class Withdrawn:
    submission_id: SubmissionId
    request_id: RequestId
    paid: Wei


@dataclass(frozen=True)
class OperatorSet:
    trainer: Address
    operator: Address
    approved: bool


@dataclass(frozen=True)
class Unreadable:
    """A log that is not what its first topic says.

    No call of the contract makes one; a node that answers nonsense may.

    Attributes:
        name: The event that it should be.
        request_id: Which request it should be about; 0 where it does not say.
        why: It cannot be read, in words.
    """

    name: str
    request_id: RequestId
    why: str


Event = (
    RequestCreated
    | ContestCreated
    | RequestCancelled
    | SubmissionCreated
    | SubmissionCancelled
    | TruthOpened
    | KeyOpened
    | Claimed
    | PredictionsOpened
    | ModelShown
    | Demanded
    | Answered
    | BondReturned
    | SubmissionFailed
    | RequestFulfilled
    | RequestRefunded
    | RequestForfeited
    | Withdrawn
    | OperatorSet
)

_SHARED: tuple[type[Event], ...] = (
    RequestCancelled,
    SubmissionCreated,
    SubmissionCancelled,
    Claimed,
    SubmissionFailed,
    RequestFulfilled,
    RequestRefunded,
    RequestForfeited,
    Withdrawn,
    OperatorSet,
)

EVENT_TYPES: dict[str, type[Event]] = {
    kind.__name__: kind
    for kind in (*_SHARED, RequestCreated, TruthOpened, PredictionsOpened)
}
"""Of the market of predictions, by their names there."""

VERIFIED_EVENT_TYPES: dict[str, type[Event]] = {
    RequestCreated.__name__: ContestCreated,
    **{
        kind.__name__: kind
        for kind in (*_SHARED, KeyOpened, ModelShown, Demanded, Answered, BondReturned)
    },
}
"""Of the market of verified contests, by their names there."""

Creation = RequestCreated | ContestCreated


def name_of(event: Event | Unreadable) -> str:
    """What the contract calls an event, or what it should be."""
    if isinstance(event, Unreadable):
        return event.name
    kind = RequestCreated if isinstance(event, ContestCreated) else type(event)
    return kind.__name__
