# SPDX-License-Identifier: Apache-2.0
"""The market's events in SQL (SQLite by default, or any that SQLAlchemy has).

The table of events is the truth; the tables of requests and submissions are
made from it and can be made again at any time. A reorganisation takes events
back and the requests they touched are replayed. A request whose events make no
sense is set aside, and the others are followed as before.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from logging import DEBUG, INFO
from typing import Any

import sqlalchemy as sa

from modelmarket.chain import queries
from modelmarket.chain.blocks import Block, Log
from modelmarket.chain.connection import Connection
from modelmarket.chain.events import Contracts
from modelmarket.chain.queries import Query, together
from modelmarket.errors import ChainError, UnreadableError
from modelmarket.index import schema
from modelmarket.index.queries import Queries
from modelmarket.index.records import Place, PlacedEvent, Replayed
from modelmarket.index.schema import open_engine
from modelmarket.index.summaries import (
    request_row,
    submission_row,
)
from modelmarket.protocol.events import Creation, OperatorSet, name_of
from modelmarket.protocol.records import SubmissionRecord
from modelmarket.protocol.replaying import Record
from modelmarket.protocol.reproductions import Reproduction
from modelmarket.protocol.types import RequestId, Seal, SubmissionId
from modelmarket.system.logs import told
from modelmarket.system.text import storable

_log = logging.getLogger(__name__)

SPAN_BLOCKS = 10_000
"""Blocks asked of a node at once, at first; halved when it refuses."""
IDS_AT_ONCE = 500
MOST_COMPARED = 1_024
"""New blocks whose logs are held against the blocks; older ones are many."""
MOST_LAG_S = 60.0
"""A head that stays behind what was seen for so long has been taken back."""


class Index(Queries):
    """The index of one market.

    Args:
        url: An SQLAlchemy address, such as `sqlite:///market.sqlite`.
        connection: The node.
        contracts: Of the market.
        first_block: The block that the first of them was deployed in.
    """

    def __init__(
        self, url: str, connection: Connection, contracts: Contracts, first_block: int
    ) -> None:
        super().__init__(open_engine(url), contracts, first_block)
        self._connection = connection
        self._lock = threading.Lock()
        self._behind_since: float | None = None
        try:
            self._settle_for(json.dumps([connection.chain_id, *contracts.addresses]))
        except BaseException:
            self.close()
            raise

    def _settle_for(self, identity: str) -> None:
        """Makes the tables, and sees to it that they are of one market.

        Raises:
            ChainError: They are of another one.
        """
        settings = schema.settings
        ours = {"market": identity, "layout": schema.LAYOUT}
        with self._writing() as sql:
            settings.create(sql, checkfirst=True)
            found = sql.execute(sa.select(settings.c.name, settings.c.value))
            known = {one.name: one.value for one in found}
            if known.get("market", identity) != identity:
                raise ChainError(
                    f"This index is of another market: {known['market']}.",
                    hint="Give each market a file or a database of its own.",
                )
            if known != ours:
                # What another version made of the chain is made anew.
                schema.meta.drop_all(sql, tables=schema.MADE_FROM_THE_CHAIN)
                sql.execute(settings.delete())
                rows = [{"name": name, "value": ours[name]} for name in ours]
                sql.execute(settings.insert(), rows)
            schema.meta.create_all(sql)

    def close(self) -> None:
        """Closes all connections."""
        self._engine.dispose()

    @contextmanager
    def _writing(self) -> Iterator[sa.Connection]:
        """A transaction that no other process writes beside."""
        with self._engine.connect() as raw:
            if self._engine.dialect.name == "sqlite":
                sql = raw.execution_options(writes=True)
                with sql.begin():
                    yield sql
                return
            # What others wrote before this one had its turn is seen by it.
            sql = raw.execution_options(isolation_level="READ COMMITTED")
            with sql.begin():
                sql.execute(sa.select(sa.func.pg_advisory_xact_lock(schema.WRITING)))
                yield sql

    # --- following ---

    def sync(self, head: Block | None = None) -> int:
        """Reads what is new up to the chain's head, and takes back what is gone.

        Other processes may do the same at the same time: each span of blocks
        is stored whole, by whoever comes first.

        Args:
            head: The newest block; None to ask for it.

        Returns:
            The head's number.

        Raises:
            ChainError: The node does not answer, or the chain was reorganised
                while it was read.
        """
        with self._lock:
            head = head or self._connection.block()
            if self._lies_behind(head):
                return head.number
            newest = self._newest()
            # Whether that one still stands is asked with the logs behind it.
            unsure = newest if newest and newest.number < head.number - 1 else None
            if unsure is None:
                self._roll_back(head)
            span, addresses = SPAN_BLOCKS, self._contracts.addresses
            while (first := self._next_block()) <= head.number:
                last = min(first + span - 1, head.number)
                before: Query[Block | None] = (
                    queries.block_or_none(unsure.number)
                    if unsure
                    else queries.nothing()
                )
                try:
                    logs, found = self._connection.query(
                        together(queries.logs(addresses, first, last), before)
                    )
                except ChainError:
                    # Nodes limit how much one answer holds, each in its own words.
                    if span == 1:
                        raise
                    span = max(1, span // 2)
                    continue
                if unsure is not None:
                    is_gone = found is None or found.hash != unsure.hash
                    unsure = None
                    if is_gone:
                        self._roll_back(head)
                        continue
                self._read(first, last, logs, head)
            return head.number

    def _read(self, first: int, last: int, logs: list[Log], head: Block) -> None:
        """Takes in a span of blocks.

        Blocks without logs are looked at, too, where they are not too many: what
        a node left out would be missing for good. One whose bloom filter speaks
        of the market is asked of every node.

        Raises:
            ChainError: The chain was reorganised meanwhile.
        """
        given = {log.block for log in logs}
        is_far = last - first >= MOST_COMPARED
        silent = [
            one for one in range(first, last + 1) if one not in given and not is_far
        ]
        untimed = {log.block for log in logs if log.timestamp is None}
        wanted = {*silent, *untimed, last} - {head.number}
        # The head was read before the logs; if it still stands, so do they. What
        # was logged in it says so itself.
        if not any(log.block_hash == head.hash for log in logs):
            wanted.add(head.number)
        found = self._connection.blocks(sorted(wanted))
        blocks = {head.number: head} | {one.number: one for one in found}
        if blocks[head.number].hash != head.hash:
            raise ChainError(
                "The chain was reorganised while it was read.", hint="Try again."
            )
        for number in silent:
            for contract in self._contracts.addresses:
                if blocks[number].may_have_logs_of(contract):
                    logs += self._connection.logs_anywhere(contract, blocks[number])
        logs.sort(key=lambda log: (log.block, log.position))
        told(_log, DEBUG, "read blocks", first=first, last=last, logs=len(logs))
        self._store(first, logs, blocks, blocks[last])

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
                self._records.known.clear()
                self._take_back(created - 1)

    def rebuild(self) -> None:
        """Forgets everything and reads the chain again."""
        with self._lock, self._writing() as sql:
            for table in schema.MADE_FROM_THE_CHAIN:
                sql.execute(table.delete())
            self._records.known.clear()
        self.sync()

    def note_reproduction(self, seal: Seal, found: Reproduction) -> None:
        """Keeps what was found out about a model that won.

        Args:
            seal: Of its submission.
            found: It; what was kept before is forgotten.
        """
        kept = schema.reproductions
        row = {
            "seal": seal,
            "request_id": found.request,
            "model": storable(found.model),
            "outcome": found.outcome.value,
            "rows": found.rows,
            "alike": found.alike,
            "why": storable(found.why),
            "at": found.at,
        }
        with self._writing() as sql:
            sql.execute(kept.delete().where(kept.c.seal == seal))
            sql.execute(kept.insert(), row)

    def _newest(self) -> sa.Row[Any, Any] | None:
        """The number and hash of the last block that is known."""
        known = schema.blocks.c
        newest = sa.select(known.number, known.hash).order_by(known.number.desc())
        with self._engine.begin() as sql:
            found: sa.Row[Any, Any] | None = sql.execute(newest.limit(1)).first()
        return found

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
        told(_log, INFO, "took blocks back", behind=kept)
        gone = schema.events.c.block > kept
        with self._writing() as sql:
            ids = sql.scalars(
                sa.select(schema.events.c.request_id).where(gone).distinct()
            )
            touched = [RequestId(one) for one in ids if one is not None]
            sql.execute(schema.events.delete().where(gone))
            sql.execute(schema.blocks.delete().where(schema.blocks.c.number > kept))
            self._remake(sql, dict.fromkeys(touched, ()))

    def _store(
        self,
        first: int,
        logs: Sequence[Log],
        blocks: Mapping[int, Block],
        marker: Block,
    ) -> None:
        """Stores a span of blocks' logs, with the hashes that tell a
        reorganisation.

        Args:
            first: The span's first block.
            logs: Of the market, in order.
            blocks: By number; those at least whose logs do not say their second.
            marker: The span's last block.
        """
        rows: list[dict[str, object]] = []
        marks = {marker.number: (marker.hash, marker.timestamp)}
        events: dict[RequestId, list[PlacedEvent]] = {}
        for log in logs:
            event = self._contracts.decode(log)
            if event is None:
                continue
            if log.block not in marks:
                second = log.timestamp
                if second is None:
                    second = blocks[log.block].timestamp
                marks[log.block] = (log.block_hash, second)
            request_id = None
            if not isinstance(event, OperatorSet) and event.request_id:
                request_id = event.request_id
                events.setdefault(request_id, []).append((Place.of(log), event))
            rows.append(
                {
                    "block": log.block,
                    "position": log.position,
                    "request_id": request_id,
                    "contract": log.address,
                    "name": name_of(event),
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
        self, sql: sa.Connection, touched: Mapping[RequestId, Sequence[PlacedEvent]]
    ) -> None:
        """Makes the rows of these requests again, given their new events."""
        submissions = schema.submissions
        remade: list[dict[str, object]] = []
        changed: list[dict[str, object]] = []
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
            record: Record | None
            ours = submissions.c.request_id == request_id
            gone.append({"gone": request_id})
            try:
                if new and isinstance(new[0][1], Creation) and request_id not in seen:
                    before = None
                    record = self._records.replay(request_id, None, new)
                else:
                    # Whether the rows are as far as what is known, or were made by
                    # another program, is not sure once blocks were taken back.
                    before = self._records.known.get(sql, request_id) if new else None
                    if before is None:
                        sql.execute(submissions.delete().where(ours))
                    record = self._records.record(sql, request_id)
            except UnreadableError as error:
                sql.execute(submissions.delete().where(ours))
                aside.append({"request_id": request_id, "why": storable(error.message)})
                continue
            if record is None:
                continue
            remade.append(request_row(record))
            was = _as_they_stand(before, record)
            changed += [
                submission_row(record, submission)
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
            ids = [{"gone": one["id"]} for one in changed]
            sql.execute(submissions.delete().where(of_submission), ids)
            sql.execute(submissions.insert(), changed)

    def _seen_before(
        self, sql: sa.Connection, touched: Mapping[RequestId, Sequence[PlacedEvent]]
    ) -> set[int]:
        """Those of the requests that begin now which had events already.

        Our contract creates an id once and logs nothing of it before; a node may
        say otherwise.
        """
        created = [
            (request_id, new[0][0].block)
            for request_id, new in touched.items()
            if new and isinstance(new[0][1], Creation)
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


def _as_they_stand(
    before: Replayed | None, record: Record
) -> Mapping[SubmissionId, SubmissionRecord]:
    """The submissions whose rows are right unless they have changed.

    Args:
        before: The request when the rows were made; None if there are none.
        record: The request now. Its end is an outcome for all that were in.
    """
    if before is None or before.record.stage is not record.stage:
        return {}
    return before.record.submissions
