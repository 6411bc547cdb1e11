# SPDX-License-Identifier: Apache-2.0
"""Requests out of their logs, and what is remembered of the last ones."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from modelmarket.chain.blocks import Log
from modelmarket.chain.events import Contracts
from modelmarket.errors import UnreadableError
from modelmarket.index import schema
from modelmarket.protocol.events import Event, Unreadable
from modelmarket.protocol.replaying import Record, replay
from modelmarket.protocol.types import Address, RequestId

MOST_KNOWN = 256


@dataclass(frozen=True)
class Placed:
    """An event's log with the second of its block."""

    log: Log
    timestamp: int


@dataclass(frozen=True)
class Place:
    """Of an event in the chain."""

    block: int
    position: int
    block_hash: bytes

    @classmethod
    def of(cls, log: Log) -> Place:
        """Where a log's event is."""
        return cls(log.block, log.position, log.block_hash)


PlacedEvent = tuple[Place, Event | Unreadable]


def _placed(row: sa.Row[Any]) -> Placed:
    """A row of the table of events, with the second of its block."""
    topics = tuple(row.topics[at : at + 32] for at in range(0, len(row.topics), 32))
    log = Log(
        Address(row.contract),
        topics,
        row.data,
        row.block,
        row.block_hash,
        row.transaction,
        row.position,
    )
    return Placed(log, row.timestamp)


def unreadable(request_id: RequestId, why: str) -> UnreadableError:
    """What is said of a request that is set aside."""
    return UnreadableError(
        f"The events of request {request_id} cannot be read: {why}",
        hint="It is set aside, and all others are as they were. Another node may "
        "say otherwise: `modelmarket node add`.",
    )


@dataclass(frozen=True)
class Replayed:
    """A request as of an event."""

    place: Place
    record: Record


class Known:
    """The requests that were looked at last, as they were then.

    What is known holds as long as its last event does: the block's hash
    stands for everything before it.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._replayed: OrderedDict[RequestId, Replayed] = OrderedDict()

    def get(self, sql: sa.Connection, request_id: RequestId) -> Replayed | None:
        """A request as it was looked at last, if that still holds."""
        with self._lock:
            found = self._replayed.get(request_id)
        if found is None:
            return None
        holds = sql.scalar(
            sa.select(schema.events.c.request_id).where(
                schema.events.c.block == found.place.block,
                schema.events.c.position == found.place.position,
                schema.events.c.block_hash == found.place.block_hash,
            )
        )
        return found if holds == request_id else None

    def clear(self) -> None:
        """Forgets all of them."""
        with self._lock:
            self._replayed.clear()

    def put(self, request_id: RequestId, replayed: Replayed) -> None:
        """Remembers a request, and forgets the one that nobody looked at longest."""
        with self._lock:
            self._replayed[request_id] = replayed
            self._replayed.move_to_end(request_id)
            if len(self._replayed) > MOST_KNOWN:
                self._replayed.popitem(last=False)


class Records:
    """Makes requests of the table of events.

    Args:
        contracts: Whose events they are.
    """

    def __init__(self, contracts: Contracts) -> None:
        self._contracts = contracts
        self.known = Known()

    def logs(
        self, sql: sa.Connection, request_id: RequestId, after: Place | None = None
    ) -> list[Placed]:
        """The logs of a request in order; only those after a place, if it is given."""
        query = sa.select(schema.events, schema.blocks.c.timestamp).join(
            schema.blocks, schema.blocks.c.number == schema.events.c.block
        )
        if after is not None:
            query = query.where(
                sa.or_(
                    schema.events.c.block > after.block,
                    sa.and_(
                        schema.events.c.block == after.block,
                        schema.events.c.position > after.position,
                    ),
                )
            )
        rows = sql.execute(
            query.where(schema.events.c.request_id == request_id).order_by(
                schema.events.c.block, schema.events.c.position
            )
        )
        return [_placed(row) for row in rows]

    @staticmethod
    def newest(
        sql: sa.Connection, request_id: RequestId, limit: int, named: Collection[str]
    ) -> list[Placed]:
        """The last logs of a request, the newest first; see `Queries.newest`."""
        columns = schema.events.c
        query = (
            sa.select(schema.events, schema.blocks.c.timestamp)
            .join(schema.blocks, schema.blocks.c.number == columns.block)
            .where(columns.request_id == request_id)
            .order_by(columns.block.desc(), columns.position.desc())
            .limit(limit)
        )
        if named:
            query = query.where(columns.name.in_(named))
        return [_placed(row) for row in sql.execute(query)]

    def record(self, sql: sa.Connection, number: RequestId) -> Record | None:
        """A request from its events; only those since the last look are read."""
        before = self.known.get(sql, number)
        placed = self.logs(sql, number, None if before is None else before.place)
        events = [
            (Place.of(one.log), self._contracts.decode(one.log)) for one in placed
        ]
        new = [(place, event) for place, event in events if event is not None]
        if not new:
            return None if before is None else before.record
        return self.replay(number, before, new)

    def replay(
        self, request_id: RequestId, before: Replayed | None, new: Sequence[PlacedEvent]
    ) -> Record:
        """A request as it was before, and its events since.

        Raises:
            UnreadableError: They make no sense.
        """
        start = None if before is None else before.record
        events: list[Event] = []
        for place, event in new:
            if isinstance(event, Unreadable):
                raise unreadable(
                    request_id,
                    f"what stands in block {place.block:,} as {event.name} is none: "
                    f"{event.why}",
                )
            events.append(event)
        try:
            record = replay(events, start)
        except Exception as error:
            # Whatever it is, it is about this request alone.
            raise unreadable(
                request_id, f"they contradict each other ({error!r})."
            ) from error
        self.known.put(request_id, Replayed(new[-1][0], record))
        return record
