# SPDX-License-Identifier: Apache-2.0
"""What an agent does, as people say it: before, after, and when it did not work."""

from __future__ import annotations

import re

import pytest

from modelmarket.agent import Kind, Report, Step
from modelmarket.agent.running import DONE, NO_STEP
from modelmarket.protocol.steps import NONE
from modelmarket.protocol.types import RequestId, SubmissionId

OF_REQUESTS = {
    Kind.OPEN_TRUTH,
    Kind.OPEN_KEY,
    Kind.SETTLE,
    Kind.ENFORCE,
    Kind.FETCH,
    Kind.STAND_BY,
    Kind.LOOK,
}


def step(kind: Kind) -> Step:
    """About contest v7, or its submission v3."""
    request_id = RequestId.parse("v7")
    about = NONE if kind in OF_REQUESTS else SubmissionId.parse("v3")
    return Step(kind, request_id, about, 0, 0)


@pytest.mark.parametrize("kind", sorted(set(Kind) - {Kind.FOLLOW}))
def test_a_step_names_what_it_is_about_before_and_after(kind: Kind) -> None:
    one = step(kind)
    about = "contest v7" if kind in OF_REQUESTS else "submission v3 to contest v7"
    for said in (str(one), one.past):
        assert said.count(about) == 1
        assert not re.search(r"[A-Z_{}:]", said)
    assert str(one) != one.past


@pytest.mark.parametrize(
    ("report", "says"),
    [
        (Report(step(Kind.SETTLE), done=True, message=DONE), "Settled contest v7."),
        (
            Report(step(Kind.WATCH), done=True, message="refuted"),
            "Checked the model that submission v3 to contest v7 showed: refuted.",
        ),
        (
            Report(step(Kind.CLAIM), done=False, message="The node is away."),
            "Could not claim for submission v3 to contest v7: The node is away.",
        ),
        (
            Report(
                step(Kind.SETTLE), done=True, message="It is settled.", by_others=True
            ),
            "There was no need any more to settle contest v7: It is settled.",
        ),
        (
            Report(NO_STEP, done=False, message="The node is away."),
            "Could not follow the chain: The node is away.",
        ),
    ],
    ids=["done", "looked at", "failed", "done by others", "no chain"],
)
def test_what_became_of_a_step_is_a_sentence(report: Report, says: str) -> None:
    assert str(report) == says


def test_a_request_is_called_by_its_kind() -> None:
    assert str(Step(Kind.LOOK, RequestId(2), NONE, 0, 0)) == "look at request 2"
    assert str(Step(Kind.LOOK, RequestId(0), NONE, 0, 0)) == "look at the market"
