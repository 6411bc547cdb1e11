# SPDX-License-Identifier: Apache-2.0
"""How things stand in a verified contest, in words; see `sentences`."""

from __future__ import annotations

from modelmarket.protocol import payouts
from modelmarket.protocol.contest_steps import refusal
from modelmarket.protocol.contests import ContestRecord
from modelmarket.protocol.money import format_mdc
from modelmarket.protocol.phases import Failure, Phase, Status
from modelmarket.protocol.records import SubmissionRecord
from modelmarket.protocol.sentences import FAILURES, Situation, told_entries
from modelmarket.protocol.steps import StepKind
from modelmarket.system.text import agreeing, counted, duration

_MISSED = {
    Phase.TRUTH: "The key was not opened in time",
    Phase.CLAIMS: "Nobody's claim reaches the threshold",
    Phase.VALIDATION: "The candidate did not show its model in time",
}
"""What has not happened when a phase is overdue."""


def of_request(record: ContestRecord, now: int) -> Situation:
    """How a contest stands at a second of chain time."""
    position = record.at(now)
    left = max(0, position.step_ends - now)
    if position.overdue:
        missed = _MISSED[position.phase]
        if position.shown:
            missed = "The candidate did not post what was demanded in time"
        return Situation(
            f"{missed}. Anyone may take the step that is due",
            StepKind.ENFORCE_TIMEOUT,
        )
    match position.phase:
        case Phase.OPEN:
            are = agreeing(record.live, "is", "are")
            says = f"Open for models for {duration(left)}; {record.live} {are} in."
        case Phase.TRUTH:
            says = f"The requester has {duration(left)} to open the key."
        case Phase.CLAIMS:
            claimed = len(record.ranking)
            says = (
                f"Trainers have {duration(left)} to claim; {claimed} of {record.live} "
                f"{agreeing(claimed, 'has', 'have')}."
            )
        case Phase.VALIDATION:
            return _of_validation(record, now, left)
        case Phase.FULFILLED:
            won = record.submissions[record.winner]
            says = (
                f"Submission {won.id} won with {_points(won)} and was paid "
                f"{format_mdc(won.paid)} MDC; its model is the one that scored."
            )
        case Phase.REFUNDED:
            says = "Nobody earned the reward; the requester has it back. "
            says += told_entries(record)
        case Phase.CANCELLED:
            says = f"Cancelled by the requester. {told_entries(record)}"
        case Phase.FORFEITED:
            says = "The requester did not open the key; the reward is slashed. "
            says += told_entries(record)
    return Situation(says)


def _points(submission: SubmissionRecord) -> str:
    """What somebody claimed."""
    return counted(submission.score or 0, "point")


def _of_validation(record: ContestRecord, now: int, left: int) -> Situation:
    candidate = record.candidate
    if candidate is None:
        best = record.ranking[0]
        return Situation(
            f"Submission {best.id} has {duration(left)} to show the model that scores "
            f"{_points(best)}."
        )
    if now >= record.timetable.ends:
        return Situation(
            f"Submission {candidate.id} stood unrefuted. Anyone may settle",
            StepKind.SETTLE,
        )
    demand = candidate.demand
    if demand is not None and demand.is_open:
        parts = len(demand.owed) + len(demand.owed_of_listing)
        return Situation(
            f"Submission {candidate.id} has {duration(demand.due - now)} to post "
            f"{counted(parts, 'part that was', 'parts that were')} demanded."
        )
    return Situation(
        f"Submission {candidate.id} has shown its model; anybody can refute it for "
        f"{duration(left)}."
    )


def of_submission(
    record: ContestRecord, submission: SubmissionRecord, now: int
) -> Situation:
    """How a submission stands at a second of chain time."""
    match submission.status:
        case Status.CANCELLED:
            return Situation("Cancelled in time; the stake was paid back.")
        case Status.FAILED:
            return _of_failed(submission)
        case Status.WON:
            return Situation(f"Won; paid {format_mdc(submission.paid)} MDC.")
        case Status.WITHDRAWN:
            return Situation(f"Withdrawn; paid {format_mdc(submission.paid)} MDC.")
        case Status.SUBMITTED | Status.RANKED:
            return _of_live(record, submission, now)


def _of_failed(submission: SubmissionRecord) -> Situation:
    assert submission.failure is not None, "what failed says why"
    if submission.failure is Failure.REFUTED:
        paid = format_mdc(submission.reward_of_challenger)
        return Situation(
            f"Refuted by {submission.challenger}, who was paid {paid} MDC; the rest of "
            "the stake is slashed."
        )
    why = FAILURES[submission.failure]
    return Situation(f"Failed ({why}); the stake is slashed.")


def _of_live(
    record: ContestRecord, submission: SubmissionRecord, now: int
) -> Situation:
    def may(kind: StepKind) -> bool:
        who = submission.trainer
        return refusal(kind, record, now, who=who, submission=submission) is None

    if may(StepKind.WITHDRAW):
        due = payouts.due(record, submission)
        return Situation(f"{format_mdc(due)} MDC are due", StepKind.WITHDRAW)
    position = record.at(now)
    if position.phase.is_final:
        return Situation("Silent when claims closed; the stake is slashed.")
    if may(StepKind.SHOW_MODEL):
        return Situation("Candidate: the model must be shown", StepKind.SHOW_MODEL)
    if may(StepKind.ANSWER):
        return Situation("The model must be posted: it was demanded", StepKind.ANSWER)
    if may(StepKind.CLAIM):
        return Situation("The claim must be made now", StepKind.CLAIM)
    if submission.status is Status.RANKED:
        is_candidate = record.is_best(submission.id)
        if position.phase is Phase.VALIDATION and is_candidate:
            if position.overdue:
                return Situation("Candidate: it missed its step.")
            return Situation("Candidate: its model is shown, and may be refuted.")
        return Situation(f"Claimed {_points(submission)}; waiting for the outcome.")
    if position.phase is Phase.TRUTH and position.overdue:
        return Situation("Sealed; the key was not opened in time.")
    if position.phase in (Phase.OPEN, Phase.TRUTH):
        return Situation("Sealed; the claim comes once the key is open.")
    return Situation("Silent when claims closed.")
