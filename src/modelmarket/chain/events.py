# SPDX-License-Identifier: Apache-2.0
"""What a log of the market says.

Whatever bytes a stranger put into one, it can be read: text that is not UTF-8
becomes an `Undecodable`. A log that is no event in spite of its first topic is
`Unreadable`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

from modelmarket.chain.abi import EventType, events
from modelmarket.chain.blocks import Log
from modelmarket.errors import ModelMarketError
from modelmarket.protocol.conditions import Conditions, Texts
from modelmarket.protocol.events import (
    EVENT_TYPES,
    VERIFIED_EVENT_TYPES,
    ContestCreated,
    Event,
    RequestCreated,
    Unreadable,
)
from modelmarket.protocol.labels import from_words
from modelmarket.protocol.phases import Failure
from modelmarket.protocol.point_kinds import Kind
from modelmarket.protocol.points import MOST_SCORE, read_weights
from modelmarket.protocol.shown import Shown
from modelmarket.protocol.terms import MOST_LABELS, MOST_WEI, Terms
from modelmarket.protocol.types import Address, RequestId, SubmissionId, checksummed

_ADDRESSES = {"requester", "trainer", "operator", "demander", "challenger"}

_MOST_ID = 2**61
_MOST_STORED = 2**63 - 1
_LATEST_S = 2**37
"""The year 6325: what a calendar has, and more than the contract's clock lives."""
_MOST_BYTE = 255
_BOUNDS = {
    "request_id": _MOST_ID,
    "submission_id": _MOST_ID,
    "deadline": _LATEST_S,
    "step_ends": _LATEST_S,
    "due": _LATEST_S,
    "submission_window_s": _LATEST_S,
    "response_window_s": _LATEST_S,
    "challenge_window_s": _LATEST_S,
    "page": MOST_LABELS,
    "labels": MOST_LABELS,
    "matched": MOST_LABELS,
    "minimum_matches": MOST_LABELS,
    "score": MOST_SCORE,
    "minimum_score": MOST_SCORE,
    "rows": MOST_SCORE,
    "columns": MOST_LABELS,
    "outputs": MOST_LABELS,
    "bits": MOST_LABELS,
    "part": _MOST_BYTE,
    "parts": _MOST_BYTE + 1,
    "listed": _MOST_BYTE + 1,
    "live": _MOST_STORED,
    "reward": MOST_WEI,
    "stake": MOST_WEI,
    "demand_bond": MOST_WEI,
}
"""No call of the contracts logs more, and databases and calendars take no more."""

_NAMES = {"matches": "score", "contest": "terms_hash"}
"""What the contracts call differently."""


@dataclass(frozen=True)
class Contracts:
    """The contracts of a market.

    Attributes:
        predictions: The market of predictions.
        verified: The market of verified contests; empty where there is none.
    """

    predictions: Address
    verified: Address | None = None

    @property
    def addresses(self) -> tuple[Address, ...]:
        """Of those that there are."""
        return (self.predictions, *([self.verified] if self.verified else []))

    def decode(self, log: Log) -> Event | Unreadable | None:
        """The event that a log of either is; None for one that is none."""
        if log.address == self.verified:
            return _decoded(log, "VerifiedMarket", VERIFIED_EVENT_TYPES)
        if log.address == self.predictions:
            return _decoded(log, "ModelMarket", EVENT_TYPES)
        return None


def _decoded(
    log: Log, contract: str, types: dict[str, type[Event]]
) -> Event | Unreadable | None:
    kind = events(contract).get(log.topics[0]) if log.topics else None
    if kind is None or kind.name not in types:
        return None
    is_verified = types is VERIFIED_EVENT_TYPES
    try:
        values = {
            _NAMES.get(name, name): value
            for name, value in kind.decode(log.topics, log.data).items()
        }
        event = types[kind.name]
        return event(
            **{
                name: _typed(event, name, value, values, is_verified=is_verified)
                for name, value in values.items()
            }
        )
    except Exception as error:  # noqa: BLE001  # a log is bytes of strangers: none stops the others
        said = error.message if isinstance(error, ModelMarketError) else str(error)
        found = _request_of(kind, log, is_verified=is_verified)
        return Unreadable(kind.name, found, said)


def _request_of(kind: EventType, log: Log, *, is_verified: bool) -> RequestId:
    """Which request a log is about as its topics say, where they do."""
    for (name, _), topic in zip(kind.indexed, log.topics[1:], strict=False):
        number = int.from_bytes(topic)
        if name == "request_id" and number <= _MOST_ID:
            return RequestId.of(number, is_verified=is_verified)
    return RequestId(0)


def _typed(
    event: type[Event],
    name: str,
    value: Any,
    values: dict[str, Any],
    *,
    is_verified: bool,
) -> Any:
    """A value of the contract's as the event has it."""
    value = _bounded(name, value)
    if name in _ADDRESSES:
        return checksummed(value)
    if name == "request_id":
        return RequestId.of(value, is_verified=is_verified)
    if name == "submission_id":
        return SubmissionId.of(value, is_verified=is_verified)
    if name == "terms":
        return _struct(Terms if event is RequestCreated else Conditions, value)
    if event is ContestCreated and name == "weights":
        outputs = _struct(Conditions, values["terms"]).outputs
        return read_weights(from_words(value), outputs)
    read = _READERS.get(name)
    return value if read is None else read(value)


def _bounded(name: str, value: Any) -> Any:
    if isinstance(value, int) and value > _BOUNDS.get(name, value):
        raise ValueError(f"{name} is {value:,}")
    return value


def _struct(kind: type[Any], values: Any) -> Any:
    """A struct of the contract's, whose fields have the order of the attributes."""
    given = zip(fields(kind), values, strict=True)
    found = {field.name: _bounded(field.name, value) for field, value in given}
    if kind is Conditions:
        found["points"] = Kind(found["points"])
    return kind(**found)


def _shown(values: Any) -> Shown:
    trainer, header, *rest = values
    return Shown(checksummed(trainer), header.to_bytes(32), *rest)


_READERS: dict[str, Callable[[Any], Any]] = {
    "words": from_words,
    "base": from_words,
    "reason": Failure,
    "shown": _shown,
    "texts": lambda found: _struct(Texts, found),
}
