# SPDX-License-Identifier: Apache-2.0
"""The questions that are asked of an index."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import TypeVar

import sqlalchemy as sa

from modelmarket.chain.events import Contracts
from modelmarket.errors import ChainError, NotFoundError
from modelmarket.index import schema
from modelmarket.index.records import Placed, Records
from modelmarket.index.sorting import Part, Sort
from modelmarket.index.summaries import (
    ALL,
    Summary,
    Tally,
    Wanted,
    entered_by,
    in_order,
    in_part,
    summary,
)
from modelmarket.protocol.events import Event, RequestCreated, SubmissionCreated
from modelmarket.protocol.phases import Status
from modelmarket.protocol.replaying import Record
from modelmarket.protocol.reproductions import Outcome, Reproduction
from modelmarket.protocol.reputation import (
    Reputation,
    RequestOutcome,
    SubmissionOutcome,
)
from modelmarket.protocol.types import Address, RequestId, Seal, SubmissionId

_T = TypeVar("_T")

TRIES = 20


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

    record: Record
    placed: list[Placed]
    mark: Mark


class Queries:
    """What an index knows, as far as it has read.

    Args:
        engine: The database.
        contracts: Of the market.
        first_block: The block that the first of them was deployed in.
    """

    def __init__(
        self, engine: sa.Engine, contracts: Contracts, first_block: int
    ) -> None:
        self._engine = engine
        self._contracts = contracts
        self._first_block = first_block
        self._records = Records(contracts)

    def logs(self, request_id: RequestId) -> list[Placed]:
        """All logs of a request, in order."""
        with self._engine.begin() as sql:
            return self._records.logs(sql, request_id)

    def newest(
        self, request_id: RequestId, *, limit: int, named: Collection[str] = ()
    ) -> list[Placed]:
        """The last logs of a request, the newest first.

        Args:
            request_id: The request; one without events has none.
            limit: No more than so many.
            named: Only of events that are called so; empty for all.
        """
        with self._engine.begin() as sql:
            return self._records.newest(sql, request_id, limit, named)

    def request(self, request_id: RequestId) -> Record:
        """A request with everything that happened to it.

        Raises:
            NotFoundError: There is none with this id.
            UnreadableError: Its events make no sense, so that it is set aside.
        """
        with self._engine.begin() as sql:
            return self._found(sql, request_id)

    def _found(self, sql: sa.Connection, request_id: RequestId) -> Record:
        record = self._records.record(sql, request_id)
        if record is None:
            raise NotFoundError(
                f"There is no request {request_id} on this market.",
                hint="`modelmarket request list` shows all.",
            )
        return record

    def request_as_of(self, request_id: RequestId) -> tuple[Record, Mark]:
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
            lambda sql: (
                self._found(sql, request_id),
                self._records.logs(sql, request_id),
            )
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

    def seconds(self, blocks: Collection[int]) -> dict[int, int]:
        """The second of each of some blocks, in chain time, as far as it is known."""
        known = schema.blocks.c
        query = sa.select(known.number, known.timestamp).where(known.number.in_(blocks))
        with self._engine.begin() as sql:
            return {row.number: row.timestamp for row in sql.execute(query)}

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
        query = query.order_by(*in_order(sort)).limit(limit).offset(offset)
        with self._engine.begin() as sql:
            ids = sql.scalars(query).all()
            found = sa.select(schema.requests).where(columns.id.in_(ids))
            rows = sql.execute(found.order_by(*in_order(sort))).all()
        return [summary(row) for row in rows]

    def count(self, wanted: Wanted = ALL) -> int:
        """How many requests fit."""
        query = sa.select(sa.func.count()).select_from(schema.requests)
        with self._engine.begin() as sql:
            return sql.scalar(query.where(*wanted.conditions())) or 0

    def tally(self, search: str, now: int, account: Address | None) -> Tally:
        """How many requests there are of each kind that can be asked for.

        Args:
            search: Words in their names.
            now: Chain time, in seconds.
            account: Whose some of them are; None for nobody.
        """
        # perf: one pass over all of them, for whichever words.
        wanted = [in_part(one, now) for one in Part]
        if account is not None:
            wanted.append(schema.requests.c.requester == account)
            wanted.append(entered_by(account))
        columns = [sa.func.sum(sa.case((one, 1), else_=0)) for one in wanted]
        query = sa.select(sa.func.count(), *columns).select_from(schema.requests)
        with self._engine.begin() as sql:
            row = sql.execute(query.where(*Wanted(search=search).conditions())).one()
        found = [one or 0 for one in row]
        return Tally(*found, *[0] * (6 - len(found)))

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

    def reputations(self, addresses: Iterable[Address]) -> dict[Address, Reputation]:
        """What each of some addresses has made of its requests and submissions.

        Those that are set aside do not count.
        """
        wanted = sorted(set(addresses))
        requests = {one: Counter[RequestOutcome]() for one in wanted}
        submissions = {one: Counter[SubmissionOutcome]() for one in wanted}
        run = {one: Counter[bool]() for one in wanted}

        def counts(
            who: sa.Column[Address], outcome: sa.Column[int]
        ) -> sa.Select[str, Address, int, int]:
            kind = sa.literal(outcome.table.name)
            query = sa.select(kind, who, outcome, sa.func.count())
            return query.where(who.in_(wanted)).group_by(who, outcome)

        one, other = schema.requests.c, schema.submissions.c
        kept = schema.reproductions.c
        is_same = sa.case((kept.outcome == Outcome.REPRODUCED.value, 1), else_=0)
        tried = (
            sa.select(sa.literal("models"), other.trainer, is_same, sa.func.count())
            .join(schema.reproductions, kept.seal == other.seal)
            .where(other.trainer.in_(wanted))
            .group_by(other.trainer, is_same)
        )
        all_ = sa.union_all(
            counts(one.requester, one.outcome),
            counts(other.trainer, other.outcome),
            tried,
        )
        with self._engine.begin() as sql:
            for kind, who, outcome, count in sql.execute(all_):
                if kind == schema.requests.name:
                    requests[who][RequestOutcome(outcome)] = count
                elif kind == schema.submissions.name:
                    submissions[who][SubmissionOutcome(outcome)] = count
                else:
                    run[who][bool(outcome)] = count
        return {
            one: Reputation.of(one, requests[one], submissions[one], run[one])
            for one in wanted
        }

    def reproduction(self, seal: Seal) -> Reproduction | None:
        """What was found out here about a model that won, by its submission's seal."""
        kept = schema.reproductions
        with self._engine.begin() as sql:
            row = sql.execute(sa.select(kept).where(kept.c.seal == seal)).first()
        if row is None:
            return None
        return Reproduction(
            RequestId(row.request_id),
            row.model,
            Outcome(row.outcome),
            rows=row.rows,
            alike=row.alike,
            why=row.why,
            at=row.at,
        )

    def open_seals(self, account: Address) -> list[Seal]:
        """What an account must open: the truths and keys of its requests, and its
        live submissions, where the request has not ended.
        """
        wanted = Wanted(requester=account, is_final=False)
        truths = sa.select(schema.requests.c.secret).where(*wanted.conditions())
        entry, live = schema.submissions.c, (Status.SUBMITTED, Status.RANKED)
        predictions = (
            sa.select(entry.seal)
            .join(schema.requests, schema.requests.c.id == entry.request_id)
            .where(entry.trainer == account, entry.status.in_(live))
            .where(*Wanted(is_final=False).conditions())
        )
        with self._engine.begin() as sql:
            return [Seal(one) for one in sql.scalars(sa.union_all(truths, predictions))]

    def requests_of_seal(self, seal: bytes) -> list[tuple[RequestId, Address]]:
        """The requests with a truth's seal, or a key's hash, and their requesters; a
        copier's too.
        """
        with self._engine.begin() as sql:
            rows = sql.execute(
                sa.select(schema.requests.c.id, schema.requests.c.requester).where(
                    schema.requests.c.secret == seal
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
            raise NotFoundError(
                f"There is no submission {submission_id} on this market.",
                hint="`modelmarket submission list` shows yours, and `modelmarket "
                "request show` those to a request.",
            )
        return RequestId(found)

    def hint(
        self, request_id: RequestId, submission_id: SubmissionId, score: int
    ) -> SubmissionId:
        """The ranked submission that a claim would stand directly behind."""
        ranked = schema.submissions.c
        better = sa.or_(
            ranked.score > score,
            sa.and_(ranked.score == score, ranked.id < submission_id),
        )
        with self._engine.begin() as sql:
            found = sql.scalar(
                sa.select(ranked.id)
                .where(ranked.request_id == request_id, ranked.is_ranked, better)
                .order_by(ranked.score, ranked.id.desc())
                .limit(1)
            )
        return SubmissionId(found or 0)
