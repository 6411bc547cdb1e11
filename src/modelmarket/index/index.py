# SPDX-License-Identifier: Apache-2.0
"""The market's events in SQL (SQLite by default, or any that SQLAlchemy has).

The table of events is the truth; the tables of requests and submissions are
made from it and can be made again at any time. A reorganisation takes events
back and the requests they touched are replayed.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

import sqlalchemy as sa

from modelmarket.chain.connection import Block, Connection, Log
from modelmarket.chain.events import OperatorSet, decode
from modelmarket.errors import ChainError, NotFoundError
from modelmarket.index.history import RequestRecord, replay
from modelmarket.protocol.phases import Phase
from modelmarket.protocol.types import Address, RequestId, SubmissionId

SPAN_BLOCKS = 10_000
"""Blocks asked of a node at once, at first; halved when it refuses."""

_meta = sa.MetaData()

_settings = sa.Table(
    "settings",
    _meta,
    sa.Column("name", sa.String, primary_key=True),
    sa.Column("value", sa.String, nullable=False),
)
_blocks = sa.Table(
    "blocks",
    _meta,
    sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("hash", sa.LargeBinary, nullable=False),
    sa.Column("timestamp", sa.BigInteger, nullable=False),
)
_events = sa.Table(
    "events",
    _meta,
    sa.Column("block", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("request_id", sa.BigInteger, index=True),
    sa.Column("name", sa.String, nullable=False),
    sa.Column("transaction", sa.LargeBinary, nullable=False),
    sa.Column("block_hash", sa.LargeBinary, nullable=False),
    sa.Column("topics", sa.LargeBinary, nullable=False),
    sa.Column("data", sa.LargeBinary, nullable=False),
)
_requests = sa.Table(
    "requests",
    _meta,
    sa.Column("id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("requester", sa.String, nullable=False, index=True),
    sa.Column("name", sa.String, nullable=False),
    sa.Column("dataset", sa.String, nullable=False),
    sa.Column("reward", sa.String, nullable=False),
    sa.Column("stake", sa.String, nullable=False),
    sa.Column("labels", sa.Integer, nullable=False),
    sa.Column("deadline", sa.BigInteger, nullable=False, index=True),
    sa.Column("response_window", sa.Integer, nullable=False),
    sa.Column("stage", sa.Integer, nullable=False, index=True),
    sa.Column("started", sa.BigInteger, nullable=False),
    sa.Column("has_candidate", sa.Boolean, nullable=False),
    sa.Column("entries", sa.Integer, nullable=False),
    sa.Column("live", sa.Integer, nullable=False),
    sa.Column("winner", sa.BigInteger, nullable=False),
    sa.Column("truth_seal", sa.LargeBinary, nullable=False, index=True),
)
_submissions = sa.Table(
    "submissions",
    _meta,
    sa.Column("id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("request_id", sa.BigInteger, nullable=False),
    sa.Column("trainer", sa.String, nullable=False, index=True),
    sa.Column("name", sa.String, nullable=False),
    sa.Column("seal", sa.LargeBinary, nullable=False, index=True),
    sa.Column("status", sa.Integer, nullable=False),
    sa.Column("matches", sa.Integer),
    sa.Column("is_ranked", sa.Boolean, nullable=False),
    sa.Index("ranking", "request_id", "is_ranked", "matches", "id"),
)


class Sort(StrEnum):
    """Orders that requests can be listed in."""

    NEWEST = "newest"
    DEADLINE = "deadline"
    REWARD = "reward"


@dataclass(frozen=True)
class Placed:
    """An event's log with the second of its block."""

    log: Log
    timestamp: int


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
        self._engine = sa.create_engine(url)
        self._connection = connection
        self._market = market
        self._first_block = first_block
        self._lock = threading.Lock()
        _meta.create_all(self._engine)
        identity = json.dumps([connection.chain_id, market])
        with self._engine.begin() as sql:
            known = sql.scalar(
                sa.select(_settings.c.value).where(_settings.c.name == "market")
            )
            if known is not None and known != identity:
                raise ChainError(
                    f"This index is of another market: {known}.",
                    hint="Give each market a file of its own.",
                )
            if known is None:
                sql.execute(_settings.insert().values(name="market", value=identity))

    def close(self) -> None:
        """Closes all connections."""
        self._engine.dispose()

    # --- following ---

    def sync(self) -> int:
        """Reads what is new up to the chain's head, and takes back what is gone.

        Returns:
            The head's number.
        """
        with self._lock:
            head = self._connection.block()
            touched = self._roll_back(head)
            first = self._next_block()
            span = SPAN_BLOCKS
            while first <= head.number:
                last = min(first + span - 1, head.number)
                try:
                    logs = self._connection.logs(self._market, first, last)
                except ChainError:
                    # Nodes limit how much one answer holds, each in its own words.
                    if span == 1:
                        raise
                    span = max(1, span // 2)
                    continue
                marker = head if last == head.number else self._connection.block(last)
                touched |= self._store(logs, marker)
                self._remake(touched)
                touched = set()
                first = last + 1
            self._remake(touched)
            return head.number

    def rebuild(self) -> None:
        """Forgets everything and reads the chain again."""
        with self._lock, self._engine.begin() as sql:
            for table in (_blocks, _events, _requests, _submissions):
                sql.execute(table.delete())
        self.sync()

    def _next_block(self) -> int:
        with self._engine.begin() as sql:
            last = sql.scalar(sa.select(sa.func.max(_blocks.c.number)))
        return self._first_block if last is None else last + 1

    def _roll_back(self, head: Block) -> set[RequestId]:
        """Takes back the blocks that are not in the chain any more."""
        with self._engine.begin() as sql:
            stored = sql.execute(
                sa.select(_blocks.c.number, _blocks.c.hash).order_by(
                    _blocks.c.number.desc()
                )
            )
            kept = self._first_block - 1
            for number, block_hash in stored:
                if number > head.number:
                    continue
                same = head if number == head.number else self._connection.block(number)
                if same.hash == block_hash:
                    kept = number
                    break
            gone = _events.c.block > kept
            touched = set(
                sql.scalars(sa.select(_events.c.request_id).where(gone).distinct())
            )
            sql.execute(_events.delete().where(gone))
            sql.execute(_blocks.delete().where(_blocks.c.number > kept))
        return {RequestId(one) for one in touched if one is not None}

    def _store(self, logs: Sequence[Log], marker: Block) -> set[RequestId]:
        """Stores logs up to a block, with the hashes that tell a reorganisation."""
        rows: list[dict[str, object]] = []
        marks = {marker.number: marker}
        for log in logs:
            event = decode(log)
            if event is None:
                continue
            if log.block not in marks:
                marks[log.block] = self._connection.block(log.block)
            rows.append(
                {
                    "block": log.block,
                    "position": log.position,
                    "request_id": None
                    if isinstance(event, OperatorSet)
                    else event.request_id,
                    "name": type(event).__name__,
                    "transaction": log.transaction,
                    "block_hash": log.block_hash,
                    "topics": b"".join(log.topics),
                    "data": log.data,
                }
            )
            if marks[log.block].hash != log.block_hash:
                raise ChainError(
                    "The chain was reorganised while it was read.", hint="Try again."
                )
        with self._engine.begin() as sql:
            if rows:
                sql.execute(_events.insert(), rows)
            sql.execute(
                _blocks.insert(),
                [
                    {"number": one.number, "hash": one.hash, "timestamp": one.timestamp}
                    for one in marks.values()
                ],
            )
        ids = (row["request_id"] for row in rows)
        return {RequestId(one) for one in ids if isinstance(one, int)}

    def _remake(self, touched: Iterable[RequestId]) -> None:
        """Makes the rows of these requests again from their events."""
        with self._engine.begin() as sql:
            for request_id in touched:
                sql.execute(_requests.delete().where(_requests.c.id == request_id))
                sql.execute(
                    _submissions.delete().where(_submissions.c.request_id == request_id)
                )
                logs = self._logs(sql, request_id)
                if not logs:
                    continue
                events = (decode(one.log) for one in logs)
                record = replay(event for event in events if event is not None)
                sql.execute(_requests.insert().values(_request_row(record)))
                rows = [
                    {
                        "id": one.id,
                        "request_id": request_id,
                        "trainer": one.trainer,
                        "name": one.name,
                        "seal": one.seal,
                        "status": int(one.status),
                        "matches": one.matches,
                        "is_ranked": one.matches is not None and one.is_live,
                    }
                    for one in record.submissions.values()
                ]
                if rows:
                    sql.execute(_submissions.insert(), rows)

    # --- asking ---

    def _logs(self, sql: sa.Connection, request_id: RequestId) -> list[Placed]:
        rows = sql.execute(
            sa.select(_events, _blocks.c.timestamp)
            .join(_blocks, _blocks.c.number == _events.c.block)
            .where(_events.c.request_id == request_id)
            .order_by(_events.c.block, _events.c.position)
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
        """
        events = [decode(one.log) for one in self.logs(request_id)]
        if not events:
            raise NotFoundError(
                f"There is no request {request_id} on this market.",
                hint="`modelmarket request list` shows all.",
            )
        return replay(event for event in events if event is not None)

    def request_ids(
        self,
        *,
        requester: Address | None = None,
        trainer: Address | None = None,
        is_final: bool | None = None,
        search: str = "",
        sort: Sort = Sort.NEWEST,
        limit: int = 1_000,
    ) -> list[RequestId]:
        """Requests that fit, in order.

        Args:
            requester: Only hers.
            trainer: Only with a submission of this one.
            is_final: Only ended ones, or only others.
            search: Words in the name.
            sort: The order.
            limit: No more than so many.
        """
        query = sa.select(_requests.c.id)
        if requester is not None:
            query = query.where(_requests.c.requester == requester)
        if trainer is not None:
            entered = sa.select(_submissions.c.request_id).where(
                _submissions.c.trainer == trainer
            )
            query = query.where(_requests.c.id.in_(entered))
        if is_final is not None:
            final = _requests.c.stage > int(Phase.VALIDATION)
            query = query.where(final if is_final else sa.not_(final))
        if search:
            query = query.where(_requests.c.name.icontains(search, autoescape=True))
        order = {
            Sort.NEWEST: (_requests.c.id.desc(),),
            Sort.DEADLINE: (_requests.c.deadline, _requests.c.id),
            # Wei as text sort like numbers once they are equally long.
            Sort.REWARD: (
                sa.func.length(_requests.c.reward).desc(),
                _requests.c.reward.desc(),
                _requests.c.id,
            ),
        }[sort]
        with self._engine.begin() as sql:
            ids = sql.scalars(query.order_by(*order).limit(limit))
            return [RequestId(one) for one in ids]

    def request_of_seal(self, truth_seal: bytes) -> RequestId | None:
        """The request with a truth's seal."""
        with self._engine.begin() as sql:
            found = sql.scalar(
                sa.select(_requests.c.id).where(_requests.c.truth_seal == truth_seal)
            )
        return None if found is None else RequestId(found)

    def submissions_of_seal(self, seal: bytes) -> list[tuple[SubmissionId, Address]]:
        """The submissions with a seal, and their trainers; a copier's too."""
        with self._engine.begin() as sql:
            rows = sql.execute(
                sa.select(_submissions.c.id, _submissions.c.trainer).where(
                    _submissions.c.seal == seal
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
                sa.select(_submissions.c.request_id).where(
                    _submissions.c.id == submission_id
                )
            )
        if found is None:
            raise NotFoundError(f"There is no submission {submission_id}.")
        return RequestId(found)

    def hint(
        self, request_id: RequestId, submission_id: SubmissionId, matches: int
    ) -> SubmissionId:
        """The ranked submission that a claim would stand directly behind."""
        ranked = _submissions.c
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


def _request_row(record: RequestRecord) -> dict[str, object]:
    terms = record.terms
    return {
        "id": record.id,
        "requester": record.requester,
        "name": terms.name,
        "dataset": terms.dataset,
        "reward": str(terms.reward),
        "stake": str(terms.stake),
        "labels": terms.labels,
        "deadline": record.deadline,
        "response_window": terms.response_window_s,
        "stage": int(record.stage),
        "started": record.started,
        "has_candidate": record.clock.has_candidate,
        "entries": len(record.submissions),
        "live": record.live,
        "winner": record.winner,
        "truth_seal": terms.truth_seal,
    }
