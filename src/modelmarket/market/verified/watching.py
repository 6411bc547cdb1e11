# SPDX-License-Identifier: Apache-2.0
"""Watching a candidate: whether what it showed is true, and what to do about it.

Whoever has an interest in a contest fetches the shown model, recomputes every row,
refutes the first difference by its cheapest proof, and demands what nobody serves.
"""

from __future__ import annotations

import threading
from enum import Enum
from typing import TYPE_CHECKING

from modelmarket.errors import RevertError, StepError
from modelmarket.protocol.steps import Step, StepKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelmarket.market.verified.evidence import Evidence
    from modelmarket.market.verified.submission import VerifiedSubmission
    from modelmarket.protocol.contests import ContestRecord
    from modelmarket.protocol.merkle import Hash
    from modelmarket.protocol.records import SubmissionRecord
    from modelmarket.protocol.types import SubmissionId

PATIENCE = 4
"""After a quarter of the window what nobody serves is demanded."""


class Verdict(Enum):
    """What was found out about a candidate."""

    TRUE = "what was shown is true, to the last row"
    REFUTED = "refuted"
    NOT_SERVED = "nobody serves all that was shown"
    DEMANDED = "demanded, since nobody serves all that was shown"


class Watched:
    """What was found out, in this program's memory alone: it can be found out again.

    Of each submission by itself: what is true on the rows of one contest may be false
    on those of another.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._verdicts: dict[tuple[SubmissionId, Hash], Verdict] = {}

    def of(self, submission: SubmissionRecord) -> Verdict | None:
        """What was found out about a candidate; None for nothing yet."""
        if submission.showing is None:
            return None
        with self._lock:
            return self._verdicts.get((submission.id, submission.showing.shown.hash()))

    def note(self, submission: SubmissionRecord, verdict: Verdict) -> None:
        """Remembers what was found out."""
        assert submission.showing is not None, "what is watched was shown"
        with self._lock:
            self._verdicts[submission.id, submission.showing.shown.hash()] = verdict


def planned(step: Step, contest: ContestRecord, watched: Watched) -> Iterator[Step]:
    """When a candidate is to be looked at, by what is known of it.

    Args:
        step: To watch it.
        contest: Whose candidate it is.
        watched: What was found out.
    """
    candidate = contest.candidate
    if step.kind is not StepKind.WATCH or candidate is None:
        yield step
        return
    table, demand = contest.timetable, candidate.demand
    match watched.of(candidate):
        case Verdict.TRUE:
            return
        case Verdict.NOT_SERVED | Verdict.DEMANDED if demand is not None:
            # Parts are looked at once they are all there, or else they are late.
            if not demand.is_open:
                yield step
        case Verdict.NOT_SERVED:
            begins = table.began + table.window_s // PATIENCE
            yield Step(
                step.kind, step.request_id, step.submission_id, begins, step.ends
            )
        case _:
            yield step


def watch(submission: VerifiedSubmission) -> Verdict:
    """Looks at a candidate, and does what must be done about it.

    Args:
        submission: As it is now.

    Raises:
        StepError: It is no candidate any more.
        RevertError: Somebody else was faster.
        FundsError: A demand cannot be paid.
        ChainError: The node does not answer.
    """
    request, record = submission.request, submission.record
    contest, watched = request.record, request.market.watched
    candidate = contest.candidate
    if candidate is None or candidate.id != submission.id:
        raise StepError(f"Submission {submission.id} is no candidate any more.")
    evidence = submission.evidence()
    if _refuted(submission, evidence):
        return Verdict.REFUTED
    if evidence.is_whole:
        watched.note(record, Verdict.TRUE)
        return Verdict.TRUE
    watched.note(record, Verdict.NOT_SERVED)
    table = contest.timetable
    is_time = request.now >= table.began + table.window_s // PATIENCE
    if record.demand is None and is_time and request.now < table.demands_end:
        submission.demand()
        watched.note(record, Verdict.DEMANDED)
        return Verdict.DEMANDED
    return Verdict.NOT_SERVED


def _refuted(submission: VerifiedSubmission, evidence: Evidence) -> bool:
    """Refutes what is false by the first proof that the chain takes.

    Raises:
        RevertError: It takes none.
    """
    refused: RevertError | None = None
    for lie in submission.find_lies(evidence):
        try:
            submission.refute(evidence, lie)
        except RevertError as error:
            # There may be another: no lie may pass because of one that is none.
            refused = error
        else:
            return True
    if refused is not None:
        raise refused
    return False
