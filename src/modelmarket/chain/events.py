# SPDX-License-Identifier: Apache-2.0
"""The market's events as dataclasses, named as in the contract.

What they mean is said once, in `contracts/interfaces/IModelMarket.vyi`.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from modelmarket.chain.abi import events
from modelmarket.chain.connection import Log
from modelmarket.protocol.labels import Page, from_words
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
    checksummed,
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

_ADDRESSES = {"requester", "trainer", "operator"}


def decode(log: Log) -> Event | None:
    """The event that a log of the market is; None for one that is none.

    A name or a context that is not UTF-8 is shown with replacement characters.
    """
    kind = events("ModelMarket").get(log.topics[0]) if log.topics else None
    if kind is None or kind.name not in EVENT_TYPES:
        return None
    values = kind.decode(log.topics, log.data)
    return EVENT_TYPES[kind.name](
        **{name: _typed(name, value) for name, value in values.items()}
    )


def _typed(name: str, value: Any) -> Any:
    if name in _ADDRESSES:
        return checksummed(value)
    if name == "terms":
        return Terms(
            **{f.name: one for f, one in zip(fields(Terms), value, strict=True)}
        )
    if name == "words":
        return from_words(value)
    if name == "reason":
        return Failure(value)
    return value
