# SPDX-License-Identifier: Apache-2.0
"""Who may do what in a verified contest, and until when.

The same rules in Vyper: the first checks of each function of `VerifiedMarket.vy`. Held
beside the contract, in random stories, by `tests/verified/test_stories.py`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from modelmarket.protocol import payouts
from modelmarket.protocol.contests import ContestRecord
from modelmarket.protocol.phases import Phase, Position, Status
from modelmarket.protocol.records import SubmissionRecord
from modelmarket.protocol.steps import (
    NONE,
    PHASES,
    RUNNING,
    Step,
    StepKind,
    gains_by_enforcing,
    until_validation,
    waiting,
)
from modelmarket.protocol.types import Address

_PHASES = PHASES | {
    StepKind.OPEN_KEY: (Phase.TRUTH,),
    StepKind.SHOW_MODEL: (Phase.VALIDATION,),
}
"""In which phases a call can be made that belongs to some."""

_OF_A_CANDIDATE = (
    StepKind.WATCH,
    StepKind.DEMAND,
    StepKind.ANSWER,
    StepKind.SETTLE,
)
"""What can be done only while a model is shown."""

BY_OPERATORS = (StepKind.CLAIM, StepKind.SHOW_MODEL)
"""What a trainer's operator may do too."""


def refusal(
    kind: StepKind,
    contest: ContestRecord,
    now: int,
    *,
    who: Address,
    submission: SubmissionRecord | None = None,
    is_operator: bool = False,
    position: Position | None = None,
) -> str | None:
    """Why the contract refuses a call whose arguments are as they should be.

    Args:
        kind: What the call does.
        contest: What it is about.
        now: Seconds of chain time.
        who: Sends it.
        submission: What it is about, where it is about one.
        is_operator: Whether the submission's trainer lets `who` claim and show.
        position: The contest's at that second; None to find it, which takes sorting
            its claims.

    Returns:
        The contract's word, the first of them where there are several; None if
        it is allowed.
    """
    position = position or contest.at(now)
    match kind:
        case StepKind.ENFORCE_TIMEOUT:
            return None if position.overdue else "NotOverdue"
        case StepKind.WITHDRAW if submission is not None and submission.showing:
            # note: whoever has shown a model has won or failed.
            return "WrongSeal"
        case StepKind.WITHDRAW:
            is_due = submission is not None and payouts.due(contest, submission)
            return None if is_due else "NothingDue"
        case StepKind.WITHDRAW_BOND:
            is_due = submission is not None and payouts.bond_due(submission)
            return None if is_due else "NothingDue"
    if kind in _OF_A_CANDIDATE:
        return _of_a_candidate(kind, contest, position, now, submission)
    if kind is StepKind.CANCEL_REQUEST and who != contest.requester:
        # note: whoever is not the requester has other terms, by their hash.
        return "WrongTerms"
    if submission is not None and who != submission.trainer:
        if kind is StepKind.CANCEL_SUBMISSION:
            return "WrongSeal" if submission.showing is None else "NotTrainer"
        if kind in BY_OPERATORS and not is_operator:
            return "NotTrainer"
    if kind is StepKind.CLAIM and submission is not None and submission.showing:
        return "WrongSeal"
    return _in_its_phase(kind, contest, position, now, submission)


def _in_its_phase(
    kind: StepKind,
    contest: ContestRecord,
    position: Position,
    now: int,
    submission: SubmissionRecord | None,
) -> str | None:
    if position.overdue:
        return "Overdue"
    is_showing = kind is StepKind.SHOW_MODEL
    if position.shown and now >= position.step_ends and not is_showing:
        return "TooLate"
    if position.phase not in _PHASES[kind]:
        return "WrongPhase"
    if is_showing and position.shown:
        return "AlreadyShown"
    if submission is None:
        return None
    match kind:
        case StepKind.CANCEL_SUBMISSION if submission.status not in RUNNING:
            return "NotLive"
        case StepKind.CLAIM if submission.status is not Status.SUBMITTED:
            return "NotLive"
        case StepKind.SHOW_MODEL if not contest.is_best(submission.id):
            return "NotCandidate"
        case _:
            return None


def _of_a_candidate(
    kind: StepKind,
    contest: ContestRecord,
    position: Position,
    now: int,
    submission: SubmissionRecord | None,
) -> str | None:
    if position.overdue and kind is not StepKind.DEMAND:
        return "Overdue"
    if not position.shown:
        return "NotShown"
    if kind is StepKind.SETTLE:
        return None if now >= position.step_ends else "TooEarly"
    if submission is None or not contest.is_best(submission.id):
        return "NotCandidate"
    match kind:
        case StepKind.DEMAND if submission.demand is not None:
            return "AlreadyDemanded"
        case StepKind.DEMAND if now >= contest.timetable.demands_end:
            return "TooLate"
        case StepKind.WATCH if now >= position.step_ends:
            return "TooLate"
        case StepKind.ANSWER:
            demand = submission.demand
            is_owed = demand is not None and demand.is_open
            return None if is_owed else "NothingOwed"
        case _:
            return None


def steps(
    contest: ContestRecord,
    ours: list[SubmissionRecord],
    now: int,
    *,
    key_is_ours: bool,
    accounts: Collection[Address] = (),
) -> list[Step]:
    """What somebody has to do, or will have, so that nothing of theirs is lost.

    Args:
        contest: The contest.
        ours: Their submissions to it.
        now: Seconds of chain time.
        key_is_ours: Whether they know its key.
        accounts: Whose bonds are theirs.
    """
    found = [
        Step(StepKind.WITHDRAW_BOND, contest.id, one.id, 0, 0)
        for one in contest.submissions.values()
        if payouts.bond_due(one) and one.demand and one.demand.demander in accounts
    ]
    if contest.stage.is_final:
        found += [
            Step(StepKind.WITHDRAW, contest.id, one.id, 0, 0)
            for one in ours
            if payouts.due(contest, one)
        ]
        return found
    found += _due(contest, ours, now, key_is_ours=key_is_ours)
    return found or list(waiting(contest, ours, now, is_hers=key_is_ours))


def _due(
    contest: ContestRecord,
    ours: list[SubmissionRecord],
    now: int,
    *,
    key_is_ours: bool,
) -> Iterator[Step]:
    position, window = contest.at(now), contest.terms.response_window_s
    ends = position.step_ends
    live = [one for one in ours if one.is_live]
    if position.overdue:
        if gains_by_enforcing(contest, live, position.phase, is_hers=key_is_ours):
            began = contest.timetable.answers_end if position.shown else ends
            yield Step(StepKind.ENFORCE_TIMEOUT, contest.id, NONE, began, 0)
    elif position.shown:
        yield from _shown(contest, live, now, requester=key_is_ours)
    elif position.phase is Phase.VALIDATION:
        best = contest.ranking[0]
        if best in live:
            yield Step(StepKind.SHOW_MODEL, contest.id, best.id, ends - window, ends)
    else:
        opening = StepKind.OPEN_KEY if key_is_ours else None
        proving = StepKind.SHOW_MODEL
        yield from until_validation(contest, live, position, opening, proving, window)


def _shown(
    contest: ContestRecord,
    live: list[SubmissionRecord],
    now: int,
    *,
    requester: bool,
) -> Iterator[Step]:
    """While a challenge window runs: its candidate answers, others watch."""
    candidate, table = contest.candidate, contest.timetable
    assert candidate is not None, "somebody has shown a model"
    ranked = [one for one in live if one.status is Status.RANKED]
    if candidate in live:
        if candidate.demand is not None and candidate.demand.is_open:
            yield Step(
                StepKind.ANSWER,
                contest.id,
                candidate.id,
                table.began,
                table.answers_end,
            )
    elif (requester or ranked) and now < table.ends:
        yield Step(StepKind.WATCH, contest.id, candidate.id, table.began, table.ends)
    if requester or ranked:
        yield Step(StepKind.SETTLE, contest.id, NONE, table.ends, 0)
