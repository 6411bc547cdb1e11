# SPDX-License-Identifier: Apache-2.0
"""Requests as lists show them, and which of them are wanted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from modelmarket.index import schema
from modelmarket.index.sorting import Part, Sort
from modelmarket.protocol import reputation
from modelmarket.protocol.contests import ContestClock
from modelmarket.protocol.phases import Clock, Phase
from modelmarket.protocol.records import SubmissionRecord
from modelmarket.protocol.replaying import Record
from modelmarket.protocol.requests import RequestRecord
from modelmarket.protocol.types import Address, RequestId, SubmissionId, Wei
from modelmarket.system.text import storable

WEI_DIGITS = 29
"""Of the largest amount, 2**96 - 1."""


def in_order(sort: Sort) -> tuple[sa.ColumnElement[Any], ...]:
    """An order in SQL."""
    columns = schema.requests.c
    match sort:
        case Sort.NEWEST:
            return (columns.created.desc(), columns.id.desc())
        case Sort.DEADLINE:
            return (columns.deadline, columns.id)
        case Sort.REWARD:
            return (columns.reward.desc(), columns.id)


IS_FINAL = schema.requests.c.stage > int(Phase.VALIDATION)


def in_part(part: Part, now: int) -> sa.ColumnElement[bool]:
    """Which requests are in a part of their lives at a second of chain time, in SQL."""
    is_due = schema.requests.c.deadline <= now
    match part:
        case Part.OPEN:
            return sa.and_(sa.not_(IS_FINAL), sa.not_(is_due))
        case Part.DECIDING:
            return sa.and_(sa.not_(IS_FINAL), is_due)
        case Part.ENDED:
            return IS_FINAL


def entered_by(trainer: Address) -> sa.ColumnElement[bool]:
    """Which requests have a submission of an account, in SQL."""
    entered = sa.select(schema.submissions.c.request_id).where(
        schema.submissions.c.trainer == trainer
    )
    return schema.requests.c.id.in_(entered)


@dataclass(frozen=True)
class Wanted:
    """Which requests are looked for.

    Attributes:
        requester: Only hers.
        trainer: Only with a submission of this one.
        is_final: Only ended ones, or only others; None for both.
        search: Words in the name.
        part: Only those in this part of their lives; None for all.
        now: Chain time in seconds, for `part`.
    """

    requester: Address | None = None
    trainer: Address | None = None
    is_final: bool | None = None
    search: str = ""
    part: Part | None = None
    now: int = 0

    def conditions(self) -> list[sa.ColumnElement[bool]]:
        """The same in SQL."""
        conditions: list[sa.ColumnElement[bool]] = []
        if self.requester is not None:
            conditions.append(schema.requests.c.requester == self.requester)
        if self.trainer is not None:
            conditions.append(entered_by(self.trainer))
        if self.is_final is not None:
            conditions.append(IS_FINAL if self.is_final else sa.not_(IS_FINAL))
        if self.part is not None:
            conditions.append(in_part(self.part, self.now))
        if self.search:
            words = schema.requests.c.words
            conditions.append(
                words.contains(storable(self.search).casefold(), autoescape=True)
            )
        return conditions


ALL = Wanted()


@dataclass(frozen=True)
class Summary:
    """A request as a list shows it.

    Attributes:
        id: Its id.
        requester: Who locked the reward.
        name: Her choice, as it is shown.
        dataset: CID of the published folder, as it is shown.
        reward: Wei for the winner.
        stake: Wei that a submission locks.
        rows: Test rows.
        least: What earns the reward, at least: a share of the matches, or in a verified
            contest of the points; 0 = any.
        clock: What its position follows from.
        entries: Submissions, but for those that were taken out again in time.
        live: Those that neither failed nor were cancelled.
        winner: 0 = none.
    """

    id: RequestId
    requester: Address
    name: str
    dataset: str
    reward: Wei
    stake: Wei
    rows: int
    least: float
    clock: Clock | ContestClock
    entries: int
    live: int
    winner: SubmissionId


@dataclass(frozen=True)
class Tally:
    """How many requests there are of each kind that can be asked for.

    Attributes:
        all: Whatever has become of them.
        open: Take submissions.
        deciding: Are past their deadline, and have not ended.
        ended: Have ended.
        mine: Are whose page it is.
        entered: Have a submission of theirs.
    """

    all: int
    open: int
    deciding: int
    ended: int
    mine: int
    entered: int


def request_row(record: Record) -> dict[str, object]:
    """A request's row."""
    terms = record.terms
    return {
        "id": record.id,
        "requester": record.requester,
        "name": storable(record.name),
        "words": storable(record.name).casefold(),
        "dataset": storable(record.dataset),
        # Text of one length sorts like the number, and no number type of SQL's
        # holds 96 bits everywhere.
        "reward": f"{terms.reward:0{WEI_DIGITS}}",
        "stake": str(terms.stake),
        "rows": record.rows,
        "least": _least(record),
        "created": record.deadline - terms.submission_window_s,
        "deadline": record.deadline,
        "response_window": terms.response_window_s,
        **_windows(record),
        "stage": int(record.stage),
        "started": record.started,
        "has_candidate": record.has_candidate,
        "entries": record.entries,
        "live": record.live,
        "winner": record.winner,
        "secret": record.secret,
        "outcome": int(reputation.of_request(record)),
    }


def _least(record: Record) -> float:
    """What earns the reward, as a share of what one without a mistake scores."""
    if isinstance(record, RequestRecord):
        most = record.rows
    else:
        most = record.scoring.flawless(record.rows)
    return min(record.minimum / max(most, 1), 1.0)


def _windows(record: Record) -> dict[str, object]:
    """What a clock needs besides, of whichever market."""
    if isinstance(record, RequestRecord):
        opening, challenge = record.terms.opening_window_s, 0
        is_shown = is_owed = False
    else:
        opening, challenge = 0, record.terms.challenge_window_s
        is_shown, is_owed = record.clock.is_shown, record.clock.is_owed
    return {
        "opening_window": opening,
        "challenge_window": challenge,
        "is_shown": is_shown,
        "is_owed": is_owed,
    }


def submission_row(request: Record, record: SubmissionRecord) -> dict[str, object]:
    """A submission's row.

    Args:
        request: What it was submitted to.
        record: It, as the request has it.
    """
    return {
        "id": record.id,
        "request_id": record.request_id,
        "trainer": record.trainer,
        "name": storable(record.name),
        "seal": record.seal,
        "status": int(record.status),
        "score": record.score,
        "is_ranked": record.score is not None and record.is_live,
        "outcome": int(reputation.of_submission(request, record)),
    }


def summary(row: sa.Row[Any]) -> Summary:
    """What a request's row says."""
    return Summary(
        id=RequestId(row.id),
        requester=Address(row.requester),
        name=row.name,
        dataset=row.dataset,
        reward=Wei(int(row.reward)),
        stake=Wei(int(row.stake)),
        rows=row.rows,
        least=row.least,
        clock=_clock(row),
        entries=row.entries,
        live=row.live,
        winner=SubmissionId(row.winner),
    )


def _clock(row: sa.Row[Any]) -> Clock | ContestClock:
    if RequestId(row.id).is_verified:
        return ContestClock(
            Phase(row.stage),
            row.started,
            row.response_window,
            row.challenge_window,
            has_candidate=row.has_candidate,
            is_shown=row.is_shown,
            is_owed=row.is_owed,
        )
    return Clock(
        Phase(row.stage),
        row.started,
        row.deadline,
        row.response_window,
        row.opening_window,
        has_candidate=row.has_candidate,
    )
