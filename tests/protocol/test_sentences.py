# SPDX-License-Identifier: Apache-2.0
"""How things stand, in words: a sentence for each of them, and the step it names."""

from __future__ import annotations

from dataclasses import replace

import pytest

from modelmarket.protocol import sentences
from modelmarket.protocol.phases import Failure, Phase, Status
from modelmarket.protocol.records import SubmissionRecord
from modelmarket.protocol.steps import StepKind
from modelmarket.protocol.types import SubmissionId, Wei
from protocol.test_steps import DEADLINE, RESPONSE, TERMS, request, submission

NOW = DEADLINE + 100
OPENED = DEADLINE + TERMS.opening_window_s
"""When the truth, and later a candidate, is late."""
CLAIMED = DEADLINE + RESPONSE
"""When claims close, counted from the deadline on as `request` does."""
SILENT = submission(1)
BEST, SECOND = submission(1, Status.RANKED, 9), submission(2, Status.RANKED, 8)
TWO = "It had 2 submissions."
WON = replace(submission(1, Status.WON, 9), paid=Wei(101 * 10**18))


@pytest.mark.parametrize(
    ("stage", "now", "says", "step"),
    [
        (Phase.OPEN, DEADLINE - 1, "Open for submissions for 1 s; 2 are in.", None),
        (
            Phase.OPEN,
            DEADLINE,
            "The requester has 15 min to open the truth (0 of",
            None,
        ),
        (Phase.OPEN, OPENED - 1, "The requester has 1 s to open the truth", None),
        (
            Phase.OPEN,
            OPENED,
            "The truth was not opened in time. Anyone may take the step that is due",
            StepKind.ENFORCE_TIMEOUT,
        ),
        (Phase.CLAIMS, CLAIMED - 1, "Trainers have 1 s to claim; 2 of 2 have.", None),
        (
            Phase.CLAIMS,
            CLAIMED,
            "Submission 1 has 15 min to prove its claim of 9 matches.",
            None,
        ),
        (
            Phase.CLAIMS,
            CLAIMED + TERMS.opening_window_s,
            "The candidate did not prove its claim in time. Anyone may",
            StepKind.ENFORCE_TIMEOUT,
        ),
        (
            Phase.REFUNDED,
            NOW,
            "Nobody earned the reward; the requester has it back. " + TWO,
            None,
        ),
        (Phase.CANCELLED, NOW, f"Cancelled by the requester. {TWO}", None),
        (
            Phase.FORFEITED,
            NOW,
            "The requester did not open the truth; the reward is slashed. " + TWO,
            None,
        ),
    ],
)
def test_a_request_says_who_is_to_act_and_until_when(
    stage: Phase, now: int, says: str, step: StepKind | None
) -> None:
    said = sentences.of_request(request(BEST, SECOND, stage=stage), now)
    assert said.sentence.startswith(says)
    assert said.step is step


@pytest.mark.parametrize(
    ("entries", "says"),
    [
        ((), "It had no submission."),
        ((SILENT,), "It had 1 submission."),
        # Whoever took it out again in time was not in; a late one had been.
        ((submission(1, Status.CANCELLED),), "It had no submission."),
        ((SILENT, submission(2, Status.CANCELLED)), "It had 1 submission."),
        ((SILENT, submission(2, Status.FAILED)), "It had 2 submissions."),
    ],
)
def test_a_request_that_has_ended_says_how_many_had_entered(
    entries: tuple[SubmissionRecord, ...], says: str
) -> None:
    for stage in (Phase.REFUNDED, Phase.CANCELLED, Phase.FORFEITED):
        said = sentences.of_request(request(*entries, stage=stage), NOW)
        assert said.sentence.endswith(f". {says}")


@pytest.mark.parametrize(
    ("stage", "now", "says"),
    [
        (Phase.OPEN, DEADLINE - 1, "Open for submissions for 1 s; 1 is in."),
        (Phase.CLAIMS, CLAIMED - 1, "Trainers have 1 s to claim; 1 of 1 has."),
        (Phase.OPEN, OPENED - 1, "to open the truth (0 of 1 page are)."),
    ],
)
def test_of_one_it_is_told_as_of_one(stage: Phase, now: int, says: str) -> None:
    said = sentences.of_request(request(BEST, stage=stage), now)
    assert said.sentence.endswith(says)


def test_nobodys_claim_is_said_when_claims_close_without_one() -> None:
    said = sentences.of_request(request(SILENT, stage=Phase.CLAIMS), CLAIMED)
    assert said.sentence.startswith("Nobody's claim reaches the threshold.")
    assert said.step is StepKind.ENFORCE_TIMEOUT


def test_the_winner_is_named_with_what_it_was_paid() -> None:
    ended = replace(request(WON, stage=Phase.FULFILLED), winner=SubmissionId(1))
    said = sentences.of_request(ended, NOW)
    assert said.sentence == "Submission 1 won with 9 of 10 and was paid 101 MDC."


@pytest.mark.parametrize(
    ("one", "stage", "now", "says", "step"),
    [
        (SILENT, Phase.OPEN, NOW, "Sealed; the claim comes once the truth", None),
        (SILENT, Phase.OPEN, OPENED - 1, "Sealed; the claim comes once", None),
        (SILENT, Phase.OPEN, OPENED, "Sealed; the truth was not opened", None),
        (SILENT, Phase.CLAIMS, CLAIMED - 1, "The claim must be made", StepKind.CLAIM),
        (SILENT, Phase.CLAIMS, CLAIMED, "Silent when claims closed.", None),
        (SILENT, Phase.REFUNDED, NOW, "Silent when claims closed; the stake", None),
        (SILENT, Phase.FORFEITED, NOW, "0.000000000000000001", StepKind.WITHDRAW),
        (BEST, Phase.CLAIMS, CLAIMED - 1, "Claimed 9 matches; waiting for", None),
        (BEST, Phase.CLAIMS, CLAIMED, "Candidate: pred", StepKind.OPEN_PREDICTIONS),
        (
            BEST,
            Phase.CLAIMS,
            CLAIMED + TERMS.opening_window_s,
            "Candidate: it did not prove its claim in time.",
            None,
        ),
        (BEST, Phase.FULFILLED, NOW, "0.000000000000000001", StepKind.WITHDRAW),
        (WON, Phase.FULFILLED, NOW, "Won; paid 101 MDC.", None),
        (
            replace(BEST, status=Status.WITHDRAWN, paid=Wei(10**18)),
            Phase.FULFILLED,
            NOW,
            "Withdrawn; paid 1 MDC.",
            None,
        ),
        (
            submission(1, Status.CANCELLED),
            Phase.OPEN,
            NOW,
            "Cancelled in time; the stake was paid back.",
            None,
        ),
    ],
)
def test_a_submission_says_what_it_waits_for(
    one: SubmissionRecord, stage: Phase, now: int, says: str, step: StepKind | None
) -> None:
    said = sentences.of_submission(request(one, stage=stage), one, now)
    assert said.sentence.startswith(says)
    assert said.step is step


def test_the_second_best_waits_while_the_candidate_proves() -> None:
    both = request(BEST, SECOND, stage=Phase.CLAIMS)
    said = sentences.of_submission(both, SECOND, CLAIMED)
    assert said.sentence == "Claimed 8 matches; waiting for the outcome."


@pytest.mark.parametrize(
    ("failure", "why"),
    [
        (Failure.MISMATCH, "mismatch"),
        (Failure.TIMED_OUT, "timed out"),
        (Failure.CANCELLED_LATE, "cancelled late"),
    ],
)
def test_what_failed_says_why(failure: Failure, why: str) -> None:
    one = replace(submission(1, Status.FAILED, 9), failure=failure)
    said = sentences.of_submission(request(one), one, NOW)
    assert said.sentence == f"Failed ({why}); the stake is slashed."
