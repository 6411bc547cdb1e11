# SPDX-License-Identifier: Apache-2.0
"""Who may do what, and until when.

The same rules in Vyper: the first checks of each function of `ModelMarket.vy`.
Held beside the contract, in random stories, by `tests/protocol/test_rules.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from modelmarket.protocol import payouts
from modelmarket.protocol.phases import Phase, Position, Status
from modelmarket.protocol.records import BaseRecord, SubmissionRecord
from modelmarket.protocol.requests import RequestRecord
from modelmarket.protocol.types import Address, RequestId, SubmissionId

NONE = SubmissionId(0)


class StepKind(StrEnum):
    """What can be done about a request; the value is the contract's function.

    Some are of one market alone: see `contest_steps` for verified contests.
    """

    CANCEL_REQUEST = "cancel_request"
    OPEN_TRUTH = "open_truth"
    OPEN_KEY = "open_key"
    SUBMIT = "submit"
    CANCEL_SUBMISSION = "cancel_submission"
    CLAIM = "claim"
    OPEN_PREDICTIONS = "open_predictions"
    SHOW_MODEL = "show_model"
    WATCH = "refute"
    """Look whether what was shown is true; refute it, or demand what is missing."""
    DEMAND = "demand"
    ANSWER = "answered"
    SETTLE = "settle"
    ENFORCE_TIMEOUT = "enforce_timeout"
    WITHDRAW = "withdraw"
    WITHDRAW_BOND = "withdraw_bond"


PHASES = {
    StepKind.CANCEL_REQUEST: (Phase.OPEN, Phase.TRUTH),
    StepKind.SUBMIT: (Phase.OPEN,),
    StepKind.CANCEL_SUBMISSION: (
        Phase.OPEN,
        Phase.TRUTH,
        Phase.CLAIMS,
        Phase.VALIDATION,
    ),
    StepKind.CLAIM: (Phase.CLAIMS,),
}
"""In which phases a call of both markets can be made that belongs to some."""
_PHASES = PHASES | {
    StepKind.OPEN_TRUTH: (Phase.TRUTH,),
    StepKind.OPEN_PREDICTIONS: (Phase.VALIDATION,),
}
KINDS = (*_PHASES, StepKind.ENFORCE_TIMEOUT, StepKind.WITHDRAW)
"""What can be done about a request of predictions."""
RUNNING = (Status.SUBMITTED, Status.RANKED)


def refusal(
    kind: StepKind,
    request: RequestRecord,
    now: int,
    *,
    who: Address,
    submission: SubmissionRecord | None = None,
    is_operator: bool = False,
    position: Position | None = None,
) -> str | None:
    """Why the contract refuses a call whose arguments are as they should be.

    Args:
        kind: What the call does; one of `KINDS`.
        request: What it is about.
        now: Seconds of chain time.
        who: Sends it.
        submission: What it is about, where it is about one.
        is_operator: Whether the submission's trainer lets `who` claim.
        position: The request's at that second; None to find it, which takes sorting
            its claims.

    Returns:
        The contract's word, the first of them where there are several; None if
        it is allowed.
    """
    position = position or request.at(now)
    if kind is StepKind.ENFORCE_TIMEOUT:
        return None if position.overdue else "NotOverdue"
    if kind is StepKind.WITHDRAW:
        is_due = submission is not None and payouts.due(request, submission)
        return None if is_due else "NothingDue"
    if refused := _not_whose_it_is(kind, request, who, submission, is_operator):
        return refused
    if position.overdue:
        return "Overdue"
    if position.phase not in _PHASES[kind]:
        return "WrongPhase"
    if submission is None:
        return None
    match kind:
        case StepKind.CANCEL_SUBMISSION if submission.status not in RUNNING:
            return "NotLive"
        case StepKind.CLAIM if submission.status is not Status.SUBMITTED:
            return "NotLive"
        case StepKind.OPEN_PREDICTIONS if request.ranking[0].id != submission.id:
            return "NotCandidate"
        case _:
            return None


def takes_submissions(request: BaseRecord, now: int) -> bool:
    """Whether anybody may enter a request.

    Args:
        request: The request.
        now: Seconds of chain time.
    """
    return request.at(now).phase in PHASES[StepKind.SUBMIT]


def _not_whose_it_is(
    kind: StepKind,
    request: RequestRecord,
    who: Address,
    submission: SubmissionRecord | None,
    is_operator: bool,
) -> str | None:
    if kind is StepKind.CANCEL_REQUEST and who != request.requester:
        return "NotRequester"
    if submission is None or who == submission.trainer:
        return None
    if kind is StepKind.CANCEL_SUBMISSION or (
        kind is StepKind.CLAIM and not is_operator
    ):
        return "NotTrainer"
    return None


@dataclass(frozen=True)
class Step:
    """Something to be done about a request, by whoever gains by it.

    Attributes:
        kind: What; None where nothing can be done before others have acted, or
            have missed their time.
        request_id: About which request.
        submission_id: About which submission; 0 = none.
        begins: The second from which it can be done, as far as is known.
        ends: The second from which it is too late; 0 = never, or not known yet.
    """

    kind: StepKind | None
    request_id: RequestId
    submission_id: SubmissionId
    begins: int
    ends: int


def steps(
    request: RequestRecord,
    ours: list[SubmissionRecord],
    now: int,
    *,
    truth_is_ours: bool,
) -> list[Step]:
    """What somebody has to do, or will have, so that nothing of theirs is lost.

    Args:
        request: The request.
        ours: Their submissions to it.
        now: Seconds of chain time.
        truth_is_ours: Whether they know its truth.
    """
    if request.stage.is_final:
        return [
            Step(StepKind.WITHDRAW, request.id, one.id, 0, 0)
            for one in ours
            if payouts.due(request, one)
        ]
    found = list(_due(request, ours, now, truth_is_ours=truth_is_ours))
    return found or list(waiting(request, ours, now, is_hers=truth_is_ours))


def _due(
    request: RequestRecord,
    ours: list[SubmissionRecord],
    now: int,
    *,
    truth_is_ours: bool,
) -> Iterator[Step]:
    position, window = request.at(now), request.terms.opening_window_s
    ends = position.step_ends
    live = [one for one in ours if one.is_live]
    if position.overdue:
        if gains_by_enforcing(request, live, position.phase, is_hers=truth_is_ours):
            yield Step(StepKind.ENFORCE_TIMEOUT, request.id, NONE, ends, 0)
    elif position.phase is Phase.VALIDATION:
        best = request.ranking[0]
        if best in live:
            yield Step(
                StepKind.OPEN_PREDICTIONS, request.id, best.id, ends - window, ends
            )
    else:
        opening = StepKind.OPEN_TRUTH if truth_is_ours else None
        proving = StepKind.OPEN_PREDICTIONS
        yield from until_validation(request, live, position, opening, proving, window)


def until_validation(
    record: BaseRecord,
    live: list[SubmissionRecord],
    position: Position,
    opening: StepKind | None,
    proving: StepKind,
    window_s: int,
) -> Iterator[Step]:
    """What is due before anybody is the candidate, in both markets.

    Args:
        record: The request.
        live: Submissions of ours that run.
        position: Where it is now; nothing is overdue.
        opening: Opens what was sealed, if it is ours.
        proving: Shows that the best claim is true.
        window_s: Seconds within which either must be done.
    """
    ends = position.step_ends
    match position.phase:
        case Phase.OPEN | Phase.TRUTH:
            if opening:
                begins = record.deadline
                yield Step(opening, record.id, NONE, begins, begins + window_s)
            for one in live:
                # Claims come once it is open; until then nothing can be done.
                yield Step(StepKind.CLAIM, record.id, one.id, ends, 0)
        case Phase.CLAIMS:
            for one in live:
                if one.status is Status.SUBMITTED:
                    yield Step(StepKind.CLAIM, record.id, one.id, record.started, ends)
            # Another one may still claim more; until then it is theirs to prove.
            if record.has_candidate and record.ranking[0] in live:
                best = record.ranking[0].id
                yield Step(proving, record.id, best, ends, ends + window_s)
        case _:
            return


def waiting(
    record: BaseRecord, ours: list[SubmissionRecord], now: int, *, is_hers: bool
) -> Iterator[Step]:
    """A claim may become the candidate, and others may miss their steps.

    Whoever has nothing in it any more has nothing to wait for.
    """
    live = [one for one in ours if one.is_live]
    if not (live or is_hers):
        return
    ends = record.at(now).step_ends
    ranked = [one.id for one in live if one.status is Status.RANKED]
    for one in ranked or [NONE]:
        yield Step(None, record.id, one, ends, 0)


def gains_by_enforcing(
    record: BaseRecord,
    live: list[SubmissionRecord],
    phase: Phase,
    *,
    is_hers: bool,
) -> bool:
    """Whether taking the step that somebody missed is in their interest."""
    ranked = [one for one in live if one.status is Status.RANKED]
    if phase is Phase.TRUTH:
        return bool(live) or (is_hers and record.live == 0)
    if phase is Phase.CLAIMS:
        return is_hers or bool(ranked)
    candidate = record.ranking[0]
    return candidate not in ranked and (is_hers or bool(ranked))
