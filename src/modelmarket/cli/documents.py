# SPDX-License-Identifier: Apache-2.0
"""Requests and submissions of both markets as programs read them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from modelmarket.system.text import percent, utc_time

if TYPE_CHECKING:
    from modelmarket.market import (
        Request,
        Submission,
        VerifiedRequest,
        VerifiedSubmission,
    )
    from modelmarket.protocol.contests import ContestRecord
    from modelmarket.protocol.requests import RequestRecord

PREDICTION, VERIFIED = "prediction", "verified"


def of_request(request: Request | VerifiedRequest) -> dict[str, Any]:
    """A request."""
    from modelmarket.protocol.requests import RequestRecord

    position, record = request.position(), request.record
    scored = "matches" if isinstance(record, RequestRecord) else "score"
    return {
        "id": request.id,
        "kind": VERIFIED if request.id.is_verified else PREDICTION,
        "phase": position.phase.name,
        "overdue": position.overdue,
        "step_ends": utc_time(position.step_ends) if position.step_ends else None,
        "status": request.status(),
        "requester": record.requester,
        "name": record.name,
        "context": record.context,
        "dataset": record.dataset,
        "reward_wei": str(record.terms.reward),
        "stake_wei": str(record.terms.stake),
        "deadline": utc_time(record.deadline),
        "response_window_s": record.terms.response_window_s,
        "submissions": len(record.submissions),
        "live": record.live,
        "winner": record.winner or None,
        "model": record.model or None,
        "ranking": [
            {
                "submission": one.id,
                "trainer": one.trainer,
                scored: one.score,
                **_error(request, one.score or 0),
            }
            for one in record.ranking
        ],
        **(
            _of_predictions(record)
            if isinstance(record, RequestRecord)
            else _of_contest(record)
        ),
    }


def of_reputations(request: Request | VerifiedRequest) -> list[dict[str, Any]]:
    """The reputations of a request's requester, of who stands in its ranking, and of
    who refuted somebody.
    """
    from modelmarket.market.describing import challengers_of

    record = request.record
    trainers = (one.trainer for one in record.ranking)
    people = [record.requester, *trainers, *challengers_of(request)]
    known = request.market.reputations(people)
    return [one.as_document() for one in known.values()]


def _error(request: Request | VerifiedRequest, score: int) -> dict[str, float | None]:
    """By how much what scores so much is off, in a contest of numbers."""
    from modelmarket.market import VerifiedRequest

    if not isinstance(request, VerifiedRequest):
        return {}
    if not request.terms.points.is_regression:
        return {}
    return {"mean_error": request.error_of(score)}


def _of_predictions(record: RequestRecord) -> dict[str, Any]:
    terms = record.terms
    return {
        "price_of_delay": percent(terms.price_of_delay),
        "labels": terms.labels,
        "bits": terms.bits,
        "minimum_matches": terms.minimum_matches,
    }


def _of_contest(record: ContestRecord) -> dict[str, Any]:
    terms = record.terms
    return {
        "rows": terms.rows,
        "columns": terms.columns,
        "width": terms.width,
        "outputs": terms.outputs,
        "bits": terms.bits,
        "points": terms.points.name.lower(),
        "cap": terms.cap,
        "step": terms.step,
        "minimum_score": terms.minimum_score,
        "most_score": terms.rows * record.scoring.most,
        "demand_bond_wei": str(terms.demand_bond),
        "challenge_window_s": terms.challenge_window_s,
        "most_units": terms.most_units,
        "most_words": terms.most_words,
        "most_parts": terms.most_parts,
        "key_is_open": bool(record.key),
        "candidate": record.candidate.id if record.candidate else None,
    }


def of_submission(submission: Submission | VerifiedSubmission) -> dict[str, Any]:
    """A submission."""
    from modelmarket.protocol.sentences import FAILURES

    record = submission.record
    scored = "score" if record.id.is_verified else "matches"
    return {
        "id": record.id,
        "request": record.request_id,
        "trainer": record.trainer,
        "name": record.name,
        "state": record.status.name,
        scored: record.score,
        "failure": None if record.failure is None else FAILURES[record.failure],
        "paid_wei": str(record.paid),
        "due_wei": str(submission.due()),
        "status": submission.status(),
    }
