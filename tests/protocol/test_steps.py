# SPDX-License-Identifier: Apache-2.0
"""What somebody has to do, phase by phase, and what is nobody's business."""

from __future__ import annotations

from dataclasses import replace

import pytest

from modelmarket.protocol.phases import Failure, Phase, Status
from modelmarket.protocol.records import SubmissionRecord
from modelmarket.protocol.requests import RequestRecord
from modelmarket.protocol.steps import NONE, StepKind, steps
from modelmarket.protocol.terms import Terms
from modelmarket.protocol.types import (
    RequestId,
    Seal,
    SubmissionId,
    Superhash,
    TermsHash,
    Wei,
    checksummed,
)

RITA, ANN, BOB = (checksummed(bytes([n]) * 20) for n in (1, 2, 3))
NOTHING = bytes(32)
DEADLINE, RESPONSE = 1_000, 900
TERMS = Terms(
    dataset="d",
    name="",
    context="",
    reward=Wei(100),
    stake=Wei(1),
    submission_window_s=600,
    response_window_s=RESPONSE,
    labels=10,
    bits=4,
    minimum_matches=0,
    truth_seal=Seal(NOTHING),
)
Found = list[tuple[StepKind | None, int, int, int]]


def submission(
    number: int, status: Status = Status.SUBMITTED, matches: int | None = None
) -> SubmissionRecord:
    failure = Failure.MISMATCH if status is Status.FAILED else None
    return SubmissionRecord(
        SubmissionId(number),
        RequestId(1),
        ANN if number == 1 else BOB,
        Seal(NOTHING),
        Superhash(NOTHING),
        "",
        status,
        matches,
        failure,
    )


def request(*entered: SubmissionRecord, stage: Phase = Phase.OPEN) -> RequestRecord:
    return RequestRecord(
        id=RequestId(1),
        requester=RITA,
        terms=TERMS,
        terms_hash=TermsHash(NOTHING),
        deadline=DEADLINE,
        stage=stage,
        started=DEADLINE,
        submissions={one.id: one for one in entered},
        pages=0,
        matched=0,
        truth=(),
        sealed=Seal(NOTHING),
    )


def found(
    record: RequestRecord, now: int, *ours: int, requester: bool = False
) -> Found:
    mine = [record.submissions[SubmissionId(one)] for one in ours]
    planned = steps(record, mine, now, truth_is_ours=requester)
    return [(one.kind, one.submission_id, one.begins, one.ends) for one in planned]


LATE = DEADLINE + RESPONSE
SILENT, OTHER = submission(1), submission(2)
BEST, SECOND = submission(1, Status.RANKED, 9), submission(2, Status.RANKED, 8)
CLAIMS, VALIDATION = Phase.CLAIMS, Phase.VALIDATION


@pytest.mark.parametrize("now", [DEADLINE - 1, DEADLINE, LATE - 1])
def test_the_truth_is_opened_in_one_window_from_the_deadline_on(now: int) -> None:
    expected = [(StepKind.OPEN_TRUTH, NONE, DEADLINE, LATE)]
    assert found(request(SILENT), now, requester=True) == expected


@pytest.mark.parametrize(
    ("now", "begins"), [(DEADLINE - 1, DEADLINE), (DEADLINE, LATE)]
)
def test_a_claim_comes_when_the_present_window_ends_at_the_latest(
    now: int, begins: int
) -> None:
    assert found(request(SILENT), now, 1) == [(StepKind.CLAIM, 1, begins, 0)]


def test_who_has_cancelled_or_failed_has_nothing_to_do() -> None:
    for status in (Status.CANCELLED, Status.FAILED):
        record = request(submission(1, status), OTHER)
        assert found(record, DEADLINE - 1, 1) == []


def test_a_claim_is_made_once_and_until_claims_close() -> None:
    record = request(SILENT, SECOND, stage=CLAIMS)
    proof = (StepKind.OPEN_PREDICTIONS, 2, LATE, LATE + RESPONSE)
    claim = (StepKind.CLAIM, 1, DEADLINE, LATE)
    assert found(record, DEADLINE, 1, 2) == [claim, proof]
    assert found(record, DEADLINE, 2) == [proof]


def test_whoever_leads_will_have_to_prove_it_and_nobody_else() -> None:
    """So that nobody puts the computer to sleep who would lose the stake by that."""
    record = request(BEST, SECOND, stage=CLAIMS)
    proof = (StepKind.OPEN_PREDICTIONS, 1, LATE, LATE + RESPONSE)
    assert found(record, DEADLINE, 1) == [proof]
    assert found(record, DEADLINE, 2) == [(None, 2, LATE, 0)]
    higher = replace(record, terms=replace(record.terms, minimum_matches=10))
    assert found(higher, DEADLINE, 1) == [(None, 1, LATE, 0)]


def test_the_candidate_opens_its_predictions_and_the_second_waits() -> None:
    record = request(BEST, SECOND, stage=CLAIMS)
    ends = LATE + RESPONSE
    assert found(record, LATE, 1) == [(StepKind.OPEN_PREDICTIONS, 1, LATE, ends)]
    assert found(record, LATE, 2) == [(None, 2, ends, 0)]


@pytest.mark.parametrize(
    ("record", "now", "ours", "requester", "gains"),
    [
        # The truth was not opened: who is in gets the stake back.
        (request(SILENT), LATE, (1,), False, True),
        (request(SILENT), LATE, (), True, False),
        (request(), LATE, (), True, True),
        # Nobody claimed: the requester gets the reward back, and nobody anything else.
        (request(SILENT, stage=CLAIMS), LATE, (1,), False, False),
        (request(SILENT, stage=CLAIMS), LATE, (), True, True),
        # The candidate was silent: the next gains, and the requester does.
        (request(BEST, SECOND, stage=CLAIMS), LATE + RESPONSE, (1,), False, False),
        (request(BEST, SECOND, stage=CLAIMS), LATE + RESPONSE, (2,), False, True),
        (request(BEST, SECOND, stage=CLAIMS), LATE + RESPONSE, (), True, True),
        # Whoever has claimed the best one too would slash a stake of their own.
        (request(BEST, SECOND, stage=CLAIMS), LATE + RESPONSE, (1, 2), True, False),
        (request(BEST, stage=VALIDATION), LATE, (), True, True),
    ],
)
def test_a_missed_step_is_enforced_by_whoever_gains_by_it(
    record: RequestRecord, now: int, ours: tuple[int, ...], requester: bool, gains: bool
) -> None:
    enforced = [(StepKind.ENFORCE_TIMEOUT, NONE, now, 0)]
    planned = found(record, now, *ours, requester=requester)
    assert (planned == enforced) == gains
    assert found(record, now - 1, *ours, requester=requester) != enforced


@pytest.mark.parametrize(
    ("stage", "status", "due"),
    [
        (Phase.CANCELLED, Status.SUBMITTED, True),
        (Phase.FORFEITED, Status.SUBMITTED, True),
        (Phase.REFUNDED, Status.SUBMITTED, False),
        (Phase.FULFILLED, Status.SUBMITTED, False),
        (Phase.REFUNDED, Status.RANKED, True),
        (Phase.FULFILLED, Status.RANKED, True),
        (Phase.FULFILLED, Status.WON, False),
        (Phase.CANCELLED, Status.WITHDRAWN, False),
        (Phase.REFUNDED, Status.FAILED, False),
    ],
)
def test_what_an_ended_request_owes_is_withdrawn(
    stage: Phase, status: Status, due: bool
) -> None:
    record = replace(request(submission(1, status, 5)), stage=stage)
    expected = [(StepKind.WITHDRAW, 1, 0, 0)] if due else []
    assert found(record, LATE, 1) == expected
