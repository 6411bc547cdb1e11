# SPDX-License-Identifier: Apache-2.0
"""How things stand, in words: what is so, who is to act, and until when.

What is said follows from `phases`, `payouts` and `steps`. How one takes a step is
said by whoever shows the sentence: by a command, or by a button.
"""

from __future__ import annotations

from dataclasses import dataclass

from modelmarket.protocol import payouts
from modelmarket.protocol.labels import page_count
from modelmarket.protocol.money import format_mdc
from modelmarket.protocol.phases import Failure, Phase, Status
from modelmarket.protocol.records import BaseRecord, SubmissionRecord
from modelmarket.protocol.requests import RequestRecord
from modelmarket.protocol.steps import StepKind, refusal
from modelmarket.system.text import agreeing, counted, duration

MISSED = {
    Phase.TRUTH: "The truth was not opened in time",
    Phase.CLAIMS: "Nobody's claim reaches the threshold",
    Phase.VALIDATION: "The candidate did not prove its claim in time",
}
"""What has not happened when a phase is overdue."""
FAILURES = {
    Failure.MISMATCH: "mismatch",
    Failure.TIMED_OUT: "timed out",
    Failure.CANCELLED_LATE: "cancelled late",
    Failure.REFUTED: "refuted",
    Failure.WITHHELD: "withheld",
}


@dataclass(frozen=True)
class Situation:
    """How something stands.

    Attributes:
        sentence: What is so; without a full stop where a step is named, so that
            how to take it can be added.
        step: What is due now, by whoever may; None for nothing, or for what is
            not of one call.
    """

    sentence: str
    step: StepKind | None = None


def told_entries(record: BaseRecord) -> str:
    """How many submissions a request had, in a sentence."""
    told = counted(record.entries, "submission") if record.entries else "no submission"
    return f"It had {told}."


def of_request(record: RequestRecord, now: int) -> Situation:
    """How a request stands at a second of chain time."""
    position, terms = record.at(now), record.terms
    left = max(0, position.step_ends - now)
    if position.overdue:
        return Situation(
            f"{MISSED[position.phase]}. Anyone may take the step that is due",
            StepKind.ENFORCE_TIMEOUT,
        )
    match position.phase:
        case Phase.OPEN:
            are = agreeing(record.live, "is", "are")
            says = f"Open for submissions for {duration(left)}; {record.live} {are} in."
        case Phase.TRUTH:
            pages = page_count(terms.labels, terms.bits)
            says = (
                f"The requester has {duration(left)} to open the truth "
                f"({record.pages} of {counted(pages, 'page')} "
                f"{agreeing(record.pages, 'is', 'are')})."
            )
        case Phase.CLAIMS:
            claimed = len(record.ranking)
            says = (
                f"Trainers have {duration(left)} to claim; {claimed} of {record.live} "
                f"{agreeing(claimed, 'has', 'have')}."
            )
        case Phase.VALIDATION:
            best = record.ranking[0]
            says = (
                f"Submission {best.id} has {duration(left)} to prove its claim of "
                f"{counted(best.score or 0, 'match', 'matches')}."
            )
        case Phase.FULFILLED:
            won = record.submissions[record.winner]
            says = (
                f"Submission {won.id} won with {won.score:,} of "
                f"{terms.labels:,} and was paid {format_mdc(won.paid)} MDC."
            )
        case Phase.REFUNDED:
            says = "Nobody earned the reward; the requester has it back. "
            says += told_entries(record)
        case Phase.CANCELLED:
            says = f"Cancelled by the requester. {told_entries(record)}"
        case Phase.FORFEITED:
            says = "The requester did not open the truth; the reward is slashed. "
            says += told_entries(record)
    return Situation(says)


def of_submission(
    request: RequestRecord, submission: SubmissionRecord, now: int
) -> Situation:
    """How a submission stands at a second of chain time."""
    match submission.status:
        case Status.CANCELLED:
            return Situation("Cancelled in time; the stake was paid back.")
        case Status.FAILED:
            assert submission.failure is not None, "what failed says why"
            why = FAILURES[submission.failure]
            return Situation(f"Failed ({why}); the stake is slashed.")
        case Status.WON:
            return Situation(f"Won; paid {format_mdc(submission.paid)} MDC.")
        case Status.WITHDRAWN:
            return Situation(f"Withdrawn; paid {format_mdc(submission.paid)} MDC.")
        case Status.SUBMITTED | Status.RANKED:
            return _of_live(request, submission, now)


def _of_live(
    request: RequestRecord, submission: SubmissionRecord, now: int
) -> Situation:
    def may(kind: StepKind) -> bool:
        who = submission.trainer
        return refusal(kind, request, now, who=who, submission=submission) is None

    if may(StepKind.WITHDRAW):
        due = payouts.due(request, submission)
        return Situation(f"{format_mdc(due)} MDC are due", StepKind.WITHDRAW)
    position = request.at(now)
    if position.phase.is_final:
        return Situation("Silent when claims closed; the stake is slashed.")
    if may(StepKind.OPEN_PREDICTIONS):
        return Situation(
            "Candidate: predictions and model must be opened",
            StepKind.OPEN_PREDICTIONS,
        )
    if may(StepKind.CLAIM):
        return Situation("The claim must be made now", StepKind.CLAIM)
    if submission.status is Status.RANKED:
        is_candidate = request.ranking[0].id == submission.id
        if position.phase is Phase.VALIDATION and is_candidate:
            return Situation("Candidate: it did not prove its claim in time.")
        claimed = counted(submission.score or 0, "match", "matches")
        return Situation(f"Claimed {claimed}; waiting for the outcome.")
    if position.phase is Phase.TRUTH and position.overdue:
        return Situation("Sealed; the truth was not opened in time.")
    if position.phase in (Phase.OPEN, Phase.TRUTH):
        return Situation("Sealed; the claim comes once the truth is open.")
    return Situation("Silent when claims closed.")
