# SPDX-License-Identifier: Apache-2.0
"""What a log of the market says.

Whatever bytes a stranger put into one, it can be read: text that is not UTF-8
becomes an `Undecodable`. A log that is no event in spite of its first topic is
`Unreadable`.
"""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from modelmarket.chain.abi import EventType, events
from modelmarket.chain.blocks import Log
from modelmarket.errors import ModelMarketError
from modelmarket.protocol.events import EVENT_TYPES, Event, Unreadable
from modelmarket.protocol.labels import from_words
from modelmarket.protocol.phases import Failure
from modelmarket.protocol.terms import MOST_LABELS, MOST_WEI, Terms
from modelmarket.protocol.types import RequestId, checksummed

_ADDRESSES = {"requester", "trainer", "operator"}

_MOST_STORED = 2**63 - 1
_LATEST_S = 2**37
"""The year 6325: what a calendar has, and more than the contract's clock lives."""
_BOUNDS = {
    "request_id": _MOST_STORED,
    "submission_id": _MOST_STORED,
    "deadline": _LATEST_S,
    "step_ends": _LATEST_S,
    "submission_window_s": _LATEST_S,
    "response_window_s": _LATEST_S,
    "page": MOST_LABELS,
    "labels": MOST_LABELS,
    "matches": MOST_LABELS,
    "matched": MOST_LABELS,
    "minimum_matches": MOST_LABELS,
    "bits": MOST_LABELS,
    "live": _MOST_STORED,
    "reward": MOST_WEI,
    "stake": MOST_WEI,
}
"""No call of the contract logs more, and databases and calendars take no more."""


def decode(log: Log) -> Event | Unreadable | None:
    """The event that a log of the market is; None for one that is none."""
    kind = events("ModelMarket").get(log.topics[0]) if log.topics else None
    if kind is None or kind.name not in EVENT_TYPES:
        return None
    try:
        values = kind.decode(log.topics, log.data)
        return EVENT_TYPES[kind.name](
            **{name: _typed(name, value) for name, value in values.items()}
        )
    except Exception as error:  # noqa: BLE001  # a log is bytes of strangers: none stops the others
        said = error.message if isinstance(error, ModelMarketError) else str(error)
        return Unreadable(kind.name, _request_of(kind, log), said)


def _request_of(kind: EventType, log: Log) -> RequestId:
    """Which request a log is about as its topics say, where they do."""
    for (name, _), topic in zip(kind.indexed, log.topics[1:], strict=False):
        number = int.from_bytes(topic)
        if name == "request_id" and number <= _MOST_STORED:
            return RequestId(number)
    return RequestId(0)


def _typed(name: str, value: Any) -> Any:
    if isinstance(value, int) and value > _BOUNDS.get(name, value):
        raise ValueError(f"{name} is {value:,}")
    if name in _ADDRESSES:
        return checksummed(value)
    if name == "terms":
        names = (field.name for field in fields(Terms))
        return Terms(
            **{one: _typed(one, part) for one, part in zip(names, value, strict=True)}
        )
    if name == "words":
        return from_words(value)
    if name == "reason":
        return Failure(value)
    return value
