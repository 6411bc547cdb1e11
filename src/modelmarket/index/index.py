# SPDX-License-Identifier: Apache-2.0
"""The market's events in SQL (SQLite by default, or any that SQLAlchemy has).

The table of events is the truth; the tables of requests and submissions are
made from it and can be made again at any time. A reorganisation takes events
back and the requests they touched are replayed. A request whose events make no
sense is set aside, and the others are followed as before.
"""

from __future__ import annotations

import json
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

import sqlalchemy as sa

from modelmarket.chain.connection import Block, Connection, Log
from modelmarket.chain.events import (
    Event,
    OperatorSet,
    RequestCreated,
    SubmissionCreated,
    Unreadable,
    decode,
)
from modelmarket.errors import ChainError, NotFoundError, UnreadableError
from modelmarket.index import schema
from modelmarket.index.history import RequestRecord, SubmissionRecord, replay
from modelmarket.index.schema import open_engine
from modelmarket.index.summaries import (
    ALL,
    Sort,
    Summary,
    Wanted,
    request_row,
    submission_row,
    summary,
)
from modelmarket.protocol.phases import Status
from modelmarket.protocol.types import Address, RequestId, Seal, SubmissionId
from modelmarket.text import storable

_T = TypeVar("_T")

SPAN_BLOCKS = 10_000
"""Blocks asked of a node at once, at first; halved when it refuses."""
MOST_KNOWN = 256
IDS_AT_ONCE = 500
MOST_COMPARED = 1_024
"""New blocks whose logs are held against the blocks; older ones are many."""
HEADERS_AT_ONCE = 8
TRIES = 20
MOST_LAG_S = 60.0
"""A head that stays behind what was seen for so long has been taken back."""


@dataclass(frozen=True)
class Placed:
    """An event's log with the second of its block."""

    log: Log
    timestamp: int


@dataclass(frozen=True)
class Mark:
    """The last block that an index has read.

    Attributes:
        number: Of the block; what is said holds after it.
        hash: 32 bytes; the chain may have another block there by now.
    """

    number: int
    hash: bytes


@dataclass(frozen=True)
class Seen:
    """A request and its logs, all as of one block.

    Attributes:
        record: What the logs come to.
        placed: The logs.
        mark: The block.
    """

    record: RequestRecord
    placed: list[Placed]
    mark: Mark


class Index:
    """The index of one market.

    Args:
        url: An SQLAlchemy address, such as `sqlite:///market.sqlite`.
        connection: The node.
        market: The contract.
        first_block: The block that the market was deployed in.
    """

    def __init__(
        self, url: str, connection: Connection, market: Address, first_block: int
    ) -> None:
        self._engine = open_engine(url)
        self._connection = connection
        self._market = market
        self._first_block = first_block
        self._lock = threading.Lock()
        self._known = _Known()
        self._behind_since: float | None = None
        with self._writing() as sql:
            schema.meta.create_all(sql)
            identity = json.dumps([connection.chain_id, market])
            known = sql.scalar(
                sa.select(schema.settings.c.value).where(
                    schema.settings.c.name == "market"
                )
            )
            if known is not None and known != identity:
                raise ChainError(
                    f"This index is of another market: {known}.",
                    hint="Give each market a file of its own.",
                )
            if known is None:
                sql.execute(
                    schema.settings.insert().values(name="market", value=identity)
                )

    def close(self) -> None:
        """Closes all connections."""
        self._engine.dispose()

    @contextmanager
    def _writing(self) -> Iterator[sa.Connection]:
        """A transaction that no other process writes beside."""
        with self._engine.connect() as raw:
            sql = raw.execution_options(writes=True)
            with sql.begin():
                yield sql

    # --- following ---

    def sync(self) -> int:
        """Reads what is new up to the chain's head, and takes back what is gone.

        Other processes may do the same at the same time: each span of blocks
        is stored whole, by whoever comes first.

        Returns:
            The head's number.
        """
        with self._lock:
            head = self._connection.block()
            if self._lies_behind(head):
                return head.number
            self._roll_back(head)
            span = SPAN_BLOCKS
            while (first := self._next_block()) <= head.number:
                last = min(first + span - 1, head.number)
                try:
                    logs = self._connection.logs(self._market, first, last)
                except ChainError:
                    # Nodes limit how much one answer holds, each in its own words.
                    if span == 1:
                        raise
                    span = max(1, span // 2)
                    continue
                logs += self._left_out(first, last, logs, head)
                logs.sort(key=lambda log: (log.block, log.position))
                # The head was read before the logs; if it still stands, so do they.
                if self._connection.block(head.number).hash != head.hash:
                    raise ChainError(
                        "The chain was reorganised while it was read.",
                        hint="Try again.",
                    )
                marker = head if last == head.number else self._connection.block(last)
                self._store(first, logs, marker)
            return head.number

    def _left_out(
        self, first: int, last: int, logs: Sequence[Log], head: Block
    ) -> list[Log]:
        """What a node left out, as another one tells it.

        It would be missing for good. A block without logs whose bloom filter
        speaks of the market is asked of every node.
        """
        if last - first >= MOST_COMPARED:
            return []
        given = {log.block for log in logs}
        silent = [one for one in range(first, last + 1) if one not in given]

        def header(number: int) -> Block:
            return head if number == head.number else self._connection.block(number)

        with ThreadPoolExecutor(HEADERS_AT_ONCE) as threads:
            return [
                log
                for block in threads.map(header, silent)
                if block.may_have_logs_of(self._market)
                for log in self._connection.logs_anywhere(self._market, block)
            ]

    def forget(self, request_id: RequestId) -> None:
        """Forgets everything from a request's creation on.

        What a node left out in between is read with the rest at the next `sync`.
        """
        with self._engine.begin() as sql:
            created = sql.scalar(
                sa.select(sa.func.min(schema.events.c.block)).where(
                    schema.events.c.request_id == request_id
                )
            )
        if created is not None:
            with self._lock:
                self._known.clear()
                self._take_back(created - 1)

    def rebuild(self) -> None:
        """Forgets everything and reads the chain again."""
        with self._lock, self._writing() as sql:
            for table in schema.MADE_FROM_THE_CHAIN:
                sql.execute(table.delete())
            self._known.clear()
        self.sync()

    def _next_block(self) -> int:
        with self._engine.begin() as sql:
            return self._next_block_of(sql)

    def _next_block_of(self, sql: sa.Connection) -> int:
        last = sql.scalar(sa.select(sa.func.max(schema.blocks.c.number)))
        return self._first_block if last is None else last + 1

    def _lies_behind(self, head: Block) -> bool:
        """Whether a node has not got as far as this index has.

        What it has is what is known here, as far as it has any: nothing is
        known to be gone, so nothing is taken back until that has lasted.
        """
        known = schema.blocks.c
        newest = sa.select(known.number, known.hash).order_by(known.number.desc())
        with self._engine.begin() as sql:
            last = sql.execute(newest.limit(1)).first()
            at_or_below = newest.where(known.number <= head.number).limit(1)
            before = sql.execute(at_or_below).first()
        if (
            last is None
            or last.number <= head.number
            or (
                before is not None
                and self._connection.block(before.number).hash != before.hash
            )
        ):
            self._behind_since = None
            return False
        now = time.monotonic()
        self._behind_since = self._behind_since or now
        return now - self._behind_since < MOST_LAG_S

    def _roll_back(self, head: Block) -> None:
        """Takes back the blocks that are not in the chain any more."""
        newest = sa.select(schema.blocks.c.number, schema.blocks.c.hash).order_by(
            schema.blocks.c.number.desc()
        )
        with self._engine.begin() as sql:
            kept = self._first_block - 1
            rows = sql.execute(newest)
            for number, block_hash in rows:
                if number > head.number:
                    continue
                if self._hash(number, head) == block_hash:
                    kept = number
                    break
            rows.close()
            if self._next_block_of(sql) == kept + 1:
                return
        self._take_back(kept)

    def _hash(self, number: int, head: Block) -> bytes:
        """A block's hash as the chain is now.

        The head tells its own and its parent's.
        """
        if number == head.number:
            return head.hash
        if number == head.number - 1:
            return head.parent_hash
        return self._connection.block(number).hash

    def _take_back(self, kept: int) -> None:
        """Forgets the blocks behind one."""
        gone = schema.events.c.block > kept
        with self._writing() as sql:
            ids = sql.scalars(
                sa.select(schema.events.c.request_id).where(gone).distinct()
            )
            touched = [RequestId(one) for one in ids if one is not None]
            sql.execute(schema.events.delete().where(gone))
            sql.execute(schema.blocks.delete().where(schema.blocks.c.number > kept))
            self._remake(sql, dict.fromkeys(touched, ()))

    def _store(self, first: int, logs: Sequence[Log], marker: Block) -> None:
        """Stores a span of blocks' logs, with the hashes that tell a
        reorganisation.
        """
        rows: list[dict[str, object]] = []
        marks = {marker.number: (marker.hash, marker.timestamp)}
        events: dict[RequestId, list[_Placed]] = {}
        for log in logs:
            event = decode(log)
            if event is None:
                continue
            if log.block not in marks:
                second = log.timestamp
                if second is None:
                    second = self._connection.block(log.block).timestamp
                marks[log.block] = (log.block_hash, second)
            request_id = None
            if not isinstance(event, OperatorSet) and event.request_id:
                request_id = event.request_id
                events.setdefault(request_id, []).append((_Place.of(log), event))
            name = type(event).__name__
            rows.append(
                {
                    "block": log.block,
                    "position": log.position,
                    "request_id": request_id,
                    "name": event.name if isinstance(event, Unreadable) else name,
                    "transaction": log.transaction,
                    "block_hash": log.block_hash,
                    "topics": b"".join(log.topics),
                    "data": log.data,
                }
            )
        with self._writing() as sql:
            if self._next_block_of(sql) != first:
                return
            if rows:
                sql.execute(schema.events.insert(), rows)
            sql.execute(
                schema.blocks.insert(),
                [
                    {"number": number, "hash": block_hash, "timestamp": second}
                    for number, (block_hash, second) in marks.items()
                ],
            )
            self._remake(sql, events)

    def _remake(
        self, sql: sa.Connection, touched: Mapping[RequestId, Sequence[_Placed]]
    ) -> None:
        """Makes the rows of these requests again, given their new events."""
        submissions = schema.submissions
        remade: list[dict[str, object]] = []
        changed: list[SubmissionRecord] = []
        gone: list[dict[str, int]] = []
        seen = self._seen_before(sql, touched)
        aside: list[dict[str, object]] = []
        if touched:
            is_touched = schema.set_aside.c.request_id == sa.bindparam("gone")
            sql.execute(
                schema.set_aside.delete().where(is_touched),
                [{"gone": request_id} for request_id in touched],
            )
        for request_id, new in touched.items():
            record: RequestRecord | None
            ours = submissions.c.request_id == request_id
            gone.append({"gone": request_id})
            try:
                if (
                    new
                    and isinstance(new[0][1], RequestCreated)
                    and request_id not in seen
                ):
                    before = None
                    record = self._replay(request_id, None, new)
                else:
                    before = self._known.get(sql, request_id)
                    if before is None:
                        sql.execute(submissions.delete().where(ours))
                    record = self._record(sql, request_id)
            except UnreadableError as error:
                sql.execute(submissions.delete().where(ours))
                aside.append({"request_id": request_id, "why": storable(error.message)})
                continue
            if record is None:
                continue
            remade.append(request_row(record))
            was = {} if before is None else before.record.submissions
            changed += [
                submission
                for submission in record.submissions.values()
                if was.get(submission.id) is not submission
            ]
        if aside:
            sql.execute(schema.set_aside.insert(), aside)
        if gone:
            of_request = schema.requests.c.id == sa.bindparam("gone")
            sql.execute(schema.requests.delete().where(of_request), gone)
        if remade:
            sql.execute(schema.requests.insert(), remade)
        if changed:
            of_submission = submissions.c.id == sa.bindparam("gone")
            ids = [{"gone": one.id} for one in changed]
            sql.execute(submissions.delete().where(of_submission), ids)
            sql.execute(submissions.insert(), list(map(submission_row, changed)))

    def _seen_before(
        self, sql: sa.Connection, touched: Mapping[RequestId, Sequence[_Placed]]
    ) -> set[int]:
        """Those of the requests that begin now which had events already.

        Our contract creates an id once and logs nothing of it before; a node may
        say otherwise.
        """
        created = [
            (request_id, new[0][0].block)
            for request_id, new in touched.items()
            if new and isinstance(new[0][1], RequestCreated)
        ]
        found: set[int] = set()
        columns = schema.events.c
        for at in range(0, len(created), IDS_AT_ONCE):
            some = created[at : at + IDS_AT_ONCE]
            query = sa.select(columns.request_id).distinct()
            ids = [request_id for request_id, _ in some]
            first = min(block for _, block in some)
            query = query.where(columns.request_id.in_(ids), columns.block < first)
            found.update(sql.scalars(query))
        return found

    def _record(self, sql: sa.Connection, number: RequestId) -> RequestRecord | None:
        """A request from its events; only those since the last look are read."""
        before = self._known.get(sql, number)
        placed = self._logs(sql, number, None if before is None else before.place)
        events = [(_Place.of(one.log), decode(one.log)) for one in placed]
        new = [(place, event) for place, event in events if event is not None]
        if not new:
            return None if before is None else before.record
        return self._replay(number, before, new)

    def _replay(
        self, request_id: RequestId, before: _Replayed | None, new: Sequence[_Placed]
    ) -> RequestRecord:
        """A request as it was before, and its events since.

        Raises:
            UnreadableError: They make no sense.
        """
        start = None if before is None else before.record
        events: list[Event] = []
        for place, event in new:
            if isinstance(event, Unreadable):
                raise _unreadable(
                    request_id,
                    f"what stands in block {place.block:,} as {event.name} is none: "
                    f"{event.why}",
                )
            events.append(event)
        try:
            record = replay(events, start)
        except Exception as error:
            # Whatever it is, it is about this request alone.
            raise _unreadable(
                request_id, f"they contradict each other ({error!r})."
            ) from error
        self._known.put(request_id, _Replayed(new[-1][0], record))
        return record

    # --- asking ---

    def _logs(
        self, sql: sa.Connection, request_id: RequestId, after: _Place | None = None
    ) -> list[Placed]:
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
        return [
            Placed(
                Log(
                    self._market,
                    tuple(
                        row.topics[at : at + 32] for at in range(0, len(row.topics), 32)
                    ),
                    row.data,
                    row.block,
                    row.block_hash,
                    row.transaction,
                    row.position,
                ),
                row.timestamp,
            )
            for row in rows
        ]

    def logs(self, request_id: RequestId) -> list[Placed]:
        """All logs of a request, in order."""
        with self._engine.begin() as sql:
            return self._logs(sql, request_id)

    def request(self, request_id: RequestId) -> RequestRecord:
        """A request with everything that happened to it.

        Raises:
            NotFoundError: There is none with this id.
            UnreadableError: Its events make no sense, so that it is set aside.
        """
        with self._engine.begin() as sql:
            return self._found(sql, request_id)

    def _found(self, sql: sa.Connection, request_id: RequestId) -> RequestRecord:
        record = self._record(sql, request_id)
        if record is None:
            raise NotFoundError(
                f"There is no request {request_id} on this market.",
                hint="`modelmarket request list` shows all.",
            )
        return record

    def request_as_of(self, request_id: RequestId) -> tuple[RequestRecord, Mark]:
        """A request, and the block after which it is so.

        Raises:
            NotFoundError: There is none with this id.
            UnreadableError: Its events make no sense, so that it is set aside.
        """
        return self._as_of(lambda sql: self._found(sql, request_id))

    def seen(self, request_id: RequestId) -> Seen:
        """A request with its logs, and the block after which all of it is so.

        Raises:
            NotFoundError: There is none with this id.
            UnreadableError: Its events make no sense, so that it is set aside.
        """
        (record, placed), mark = self._as_of(
            lambda sql: (self._found(sql, request_id), self._logs(sql, request_id))
        )
        return Seen(record, placed, mark)

    def counts_as_of(self) -> tuple[tuple[int, int], Mark]:
        """The same as `counts`, and the block after which it is so."""
        return self._as_of(self._counts)

    def _as_of(self, read: Callable[[sa.Connection], _T]) -> tuple[_T, Mark]:
        """What the index says, and as of which block.

        Others may write in between: not every database keeps two questions of
        one transaction together.
        """
        for _ in range(TRIES):
            with self._engine.begin() as sql:
                before = self._mark(sql)
                found = read(sql)
                after = self._mark(sql)
            if before == after:
                return found, before
        raise ChainError(
            "The index changes faster than it can be read.", hint="Try again."
        )

    def _mark(self, sql: sa.Connection) -> Mark:
        known = schema.blocks.c
        newest = sa.select(known.number, known.hash).order_by(known.number.desc())
        last = sql.execute(newest.limit(1)).first()
        if last is None:
            return Mark(self._first_block - 1, b"")
        return Mark(last.number, last.hash)

    def set_aside(self) -> dict[RequestId, str]:
        """The requests whose events make no sense, and what is wrong with each."""
        with self._engine.begin() as sql:
            rows = sql.execute(sa.select(schema.set_aside)).all()
        return {RequestId(one.request_id): one.why for one in rows}

    def find(
        self,
        wanted: Wanted = ALL,
        *,
        sort: Sort = Sort.NEWEST,
        limit: int = 1_000,
        offset: int = 0,
    ) -> list[Summary]:
        """Requests that fit, in order.

        Args:
            wanted: Which.
            sort: The order.
            limit: No more than so many.
            offset: Leave out so many first.
        """
        # perf: the ids alone come out of an SQL index, however far down they are.
        columns = schema.requests.c
        query = sa.select(columns.id).where(*wanted.conditions())
        query = query.order_by(*sort.order()).limit(limit).offset(offset)
        with self._engine.begin() as sql:
            ids = sql.scalars(query).all()
            found = sa.select(schema.requests).where(columns.id.in_(ids))
            rows = sql.execute(found.order_by(*sort.order())).all()
        return [summary(row) for row in rows]

    def count(self, wanted: Wanted = ALL) -> int:
        """How many requests fit."""
        query = sa.select(sa.func.count()).select_from(schema.requests)
        with self._engine.begin() as sql:
            return sql.scalar(query.where(*wanted.conditions())) or 0

    def counts(self) -> tuple[int, int]:
        """How many requests there are, and how many submissions.

        Those that are set aside count too.
        """
        with self._engine.begin() as sql:
            return self._counts(sql)

    def _counts(self, sql: sa.Connection) -> tuple[int, int]:
        aside = schema.events.c.request_id.in_(sa.select(schema.set_aside.c.request_id))

        def number(table: sa.Table, created: type[Event]) -> int:
            entries = sql.scalar(sa.select(sa.func.count()).select_from(table))
            more = sql.scalar(
                sa.select(sa.func.count())
                .select_from(schema.events)
                .where(aside, schema.events.c.name == created.__name__)
            )
            return (entries or 0) + (more or 0)

        return (
            number(schema.requests, RequestCreated),
            number(schema.submissions, SubmissionCreated),
        )

    def open_seals(self, account: Address) -> list[Seal]:
        """What an account must open: the truths of its requests, and the
        predictions of its live submissions, where the request has not ended.
        """
        wanted = Wanted(requester=account, is_final=False)
        truths = sa.select(schema.requests.c.truth_seal).where(*wanted.conditions())
        entry, live = schema.submissions.c, (Status.LIVE, Status.RANKED)
        predictions = (
            sa.select(entry.seal)
            .join(schema.requests, schema.requests.c.id == entry.request_id)
            .where(entry.trainer == account, entry.status.in_(live))
            .where(*Wanted(is_final=False).conditions())
        )
        with self._engine.begin() as sql:
            return [Seal(one) for one in sql.scalars(sa.union_all(truths, predictions))]

    def requests_of_seal(self, truth_seal: bytes) -> list[tuple[RequestId, Address]]:
        """The requests with a truth's seal, and their requesters; a copier's too."""
        with self._engine.begin() as sql:
            rows = sql.execute(
                sa.select(schema.requests.c.id, schema.requests.c.requester).where(
                    schema.requests.c.truth_seal == truth_seal
                )
            ).all()
        return [(RequestId(one.id), Address(one.requester)) for one in rows]

    def submissions_of_seal(self, seal: bytes) -> list[tuple[SubmissionId, Address]]:
        """The submissions with a seal, and their trainers; a copier's too."""
        with self._engine.begin() as sql:
            rows = sql.execute(
                sa.select(schema.submissions.c.id, schema.submissions.c.trainer).where(
                    schema.submissions.c.seal == seal
                )
            ).all()
        return [(SubmissionId(one.id), Address(one.trainer)) for one in rows]

    def request_of_submission(self, submission_id: SubmissionId) -> RequestId:
        """What a submission was submitted to.

        Raises:
            NotFoundError: There is none with this id.
        """
        with self._engine.begin() as sql:
            found = sql.scalar(
                sa.select(schema.submissions.c.request_id).where(
                    schema.submissions.c.id == submission_id
                )
            )
        if found is None:
            raise NotFoundError(f"There is no submission {submission_id}.")
        return RequestId(found)

    def hint(
        self, request_id: RequestId, submission_id: SubmissionId, matches: int
    ) -> SubmissionId:
        """The ranked submission that a claim would stand directly behind."""
        ranked = schema.submissions.c
        better = sa.or_(
            ranked.matches > matches,
            sa.and_(ranked.matches == matches, ranked.id < submission_id),
        )
        with self._engine.begin() as sql:
            found = sql.scalar(
                sa.select(ranked.id)
                .where(ranked.request_id == request_id, ranked.is_ranked, better)
                .order_by(ranked.matches, ranked.id.desc())
                .limit(1)
            )
        return SubmissionId(found or 0)


@dataclass(frozen=True)
class _Place:
    """Of an event in the chain."""

    block: int
    position: int
    block_hash: bytes

    @classmethod
    def of(cls, log: Log) -> _Place:
        return cls(log.block, log.position, log.block_hash)


_Placed = tuple[_Place, Event | Unreadable]


def _unreadable(request_id: RequestId, why: str) -> UnreadableError:
    return UnreadableError(
        f"The events of request {request_id} cannot be read: {why}",
        hint="It is set aside, and all others are as they were. Another node may "
        "say otherwise: `modelmarket node add`.",
    )


@dataclass(frozen=True)
class _Replayed:
    """A request as of an event."""

    place: _Place
    record: RequestRecord


class _Known:
    """The requests that were looked at last, as they were then.

    What is known holds as long as its last event does: the block's hash
    stands for everything before it.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._replayed: OrderedDict[RequestId, _Replayed] = OrderedDict()

    def get(self, sql: sa.Connection, request_id: RequestId) -> _Replayed | None:
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
        with self._lock:
            self._replayed.clear()

    def put(self, request_id: RequestId, replayed: _Replayed) -> None:
        with self._lock:
            self._replayed[request_id] = replayed
            self._replayed.move_to_end(request_id)
            if len(self._replayed) > MOST_KNOWN:
                self._replayed.popitem(last=False)
