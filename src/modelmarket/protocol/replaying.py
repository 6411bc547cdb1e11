# SPDX-License-Identifier: Apache-2.0
"""Requests of both markets, rebuilt from their events."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from modelmarket.protocol.contests import ContestRecord
from modelmarket.protocol.events import ContestCreated, Event, RequestCreated
from modelmarket.protocol.requests import RequestRecord

Record = RequestRecord | ContestRecord
"""A request of either market."""


def replay(events: Iterable[Event], start: Record | None = None) -> Record:
    """Rebuilds one request from its events, in order.

    Args:
        events: All of them, or those since `start`.
        start: What the earlier ones came to; it stays as it is.

    Raises:
        ValueError: The first event of all is not its creation.
    """
    record = None
    if start is not None:
        record = replace(start, submissions=dict(start.submissions))
    for event in events:
        if isinstance(event, RequestCreated | ContestCreated):
            if record is not None:
                raise ValueError(f"request {event.request_id} is created once more")
            record = _created(event)
        elif record is None:
            raise ValueError(f"{event} comes before the request's creation")
        else:
            record = record.after(event)
    if record is None:
        raise ValueError("there is no event")
    return record


def _created(event: RequestCreated | ContestCreated) -> Record:
    if isinstance(event, RequestCreated):
        return RequestRecord.created(event)
    return ContestRecord.created(event)
