# SPDX-License-Identifier: Apache-2.0
"""The market's events as dataclasses, named as in the contract.

What they mean is said once, in `contracts/interfaces/IModelMarket.vyi`.
"""

from __future__ import annotations

from dataclasses import dataclass

from modelmarket.protocol.labels import Page
from modelmarket.protocol.phases import Failure
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
class RequestCreated:
    request_id: RequestId
    requester: Address
    terms_hash: TermsHash
    deadline: int
    terms: Terms


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
class Claimed:
    submission_id: SubmissionId
    request_id: RequestId
    matches: int


@dataclass(frozen=True)
class PredictionsOpened:
    submission_id: SubmissionId
    request_id: RequestId
    page: int
    matched: int
    sealed: Seal
    step_ends: int


@dataclass(frozen=True)
class SubmissionFailed:
    submission_id: SubmissionId
    request_id: RequestId
    reason: Failure
    slashed: Wei
    step_ends: int


@dataclass(frozen=True)
class RequestFulfilled:
    request_id: RequestId
    submission_id: SubmissionId
    paid: Wei
    slashed: Wei
    model: str


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
    | RequestCancelled
    | SubmissionCreated
    | SubmissionCancelled
    | TruthOpened
    | Claimed
    | PredictionsOpened
    | SubmissionFailed
    | RequestFulfilled
    | RequestRefunded
    | RequestForfeited
    | Withdrawn
    | OperatorSet
)

EVENT_TYPES: dict[str, type[Event]] = {
    kind.__name__: kind
    for kind in (
        RequestCreated,
        RequestCancelled,
        SubmissionCreated,
        SubmissionCancelled,
        TruthOpened,
        Claimed,
        PredictionsOpened,
        SubmissionFailed,
        RequestFulfilled,
        RequestRefunded,
        RequestForfeited,
        Withdrawn,
        OperatorSet,
    )
}
