# SPDX-License-Identifier: Apache-2.0
"""Each side of each boundary second: a window covers start <= t < end."""

from __future__ import annotations

import boa
import pytest

from contracts.world import (
    CLAIMS,
    FORFEITED,
    FULFILLED,
    OPEN,
    REFUNDED,
    RESPONSE,
    TRUTH,
    VALIDATION,
    World,
)


def test_submitting_ends_at_the_deadline(world: World) -> None:
    request = world.create()
    world.at(request.deadline - 1)
    world.submit(request, "ann")
    world.at(request.deadline)
    with boa.reverts("WrongPhase"):
        world.submit(request, "ann")


def test_the_truth_cannot_be_opened_before_the_deadline(world: World) -> None:
    request = world.create()
    world.submit(request, "ann")
    world.at(request.deadline - 1)
    assert world.phase(request) == OPEN
    with boa.reverts("WrongPhase"):
        world.open_truth_page(request, 0)
    world.at(request.deadline)
    assert world.phase(request) == TRUTH
    world.open_truth_page(request, 0)


def test_the_truth_can_be_opened_until_its_window_ends(world: World) -> None:
    request = world.create()
    world.submit(request, "ann")
    ends = request.deadline + RESPONSE
    world.at(ends - 1)
    assert not world.state(request).overdue
    with boa.env.anchor():
        world.open_truth_page(request, 0)
    with boa.reverts("NotOverdue"):
        world.enforce(request)
    world.at(ends)
    assert (world.phase(request), world.state(request).overdue) == (TRUTH, True)
    with boa.reverts("Overdue"):
        world.open_truth_page(request, 0)
    world.enforce(request)


def test_the_truth_has_one_window_and_a_minute_for_each_further_page(
    world: World,
) -> None:
    request = world.create(100_000)  # three pages
    world.submit(request, "ann")
    ends = request.deadline + RESPONSE + 2 * 60
    world.at(request.deadline)
    assert world.state(request).step_ends == ends
    for page in (0, 1):
        world.at(ends - 10 + page)
        world.open_truth_page(request, page)
        assert world.state(request).step_ends == ends  # no page moves it
    world.at(ends - 1)
    with boa.env.anchor():
        world.open_truth_page(request, 2)
        assert world.state(request).step_ends == ends - 1 + RESPONSE
    world.at(ends)
    with boa.reverts("Overdue"):
        world.open_truth_page(request, 2)
    world.enforce(request)
    assert world.phase(request) == FORFEITED


def test_claims_begin_with_the_last_page_and_last_their_full_window(
    world: World,
) -> None:
    request, (ann, bob) = world.in_claims(0, 1)
    opened = world.now
    assert world.phase(request) == CLAIMS
    assert world.state(request).step_ends == opened + RESPONSE
    world.claim(request, ann)
    world.at(opened + RESPONSE - 1)
    assert world.phase(request) == CLAIMS
    world.claim(request, bob)
    world.at(opened + RESPONSE)
    assert world.phase(request) == VALIDATION


def test_a_claim_at_the_end_of_claims_is_too_late(world: World) -> None:
    request, (ann, bob) = world.in_claims(0, 1)
    world.claim(request, ann)
    world.close_claims(request)
    with boa.reverts("WrongPhase"):
        world.claim(request, bob)


def test_validation_cannot_begin_before_claims_close(world: World) -> None:
    request, (ann,) = world.in_claims(0)
    world.claim(request, ann)
    world.at(world.state(request).step_ends - 1)
    with boa.reverts("WrongPhase"):
        world.open_page(request, ann, 0)
    world.at(world.now + 1)
    world.open_page(request, ann, 0)


def test_the_first_candidates_window_begins_when_claims_close(world: World) -> None:
    request, (ann, bob) = world.in_validation(0, 1)
    closed = world.now
    assert world.state(request).step_ends == closed + RESPONSE
    assert world.state(request).candidate == ann.id
    world.at(closed + RESPONSE - 1)
    with boa.env.anchor():
        world.open_page(request, ann, 0)
    with boa.reverts("NotOverdue"):
        world.enforce(request)
    world.at(closed + RESPONSE)
    with boa.reverts("Overdue"):
        world.open_page(request, ann, 0)
    world.enforce(request)
    assert world.state(request).candidate == bob.id


def test_the_next_candidates_window_begins_in_the_block_of_the_failure(
    world: World,
) -> None:
    request, (ann, bob) = world.in_validation(0, 1)
    world.at(world.now + RESPONSE + 123)
    world.enforce(request)
    assert world.state(request).step_ends == world.now + RESPONSE
    world.at(world.now + RESPONSE - 1)
    world.open_page(request, bob, 0)
    assert ann.id != bob.id


@pytest.mark.parametrize("late", [False, True])
def test_a_candidates_time_is_fixed_when_it_becomes_candidate(
    world: World, late: bool
) -> None:
    request, (ann, bob) = world.in_validation(5, 6, count=60_000)  # two pages
    ends = world.now + RESPONSE + 60
    assert world.state(request).step_ends == ends
    world.at(ends - 1)
    world.open_page(request, ann, 0)
    assert world.state(request).step_ends == ends
    if not late:
        world.open_page(request, ann, 1)
        assert world.phase(request) == FULFILLED
        return
    world.at(ends)
    with boa.reverts("Overdue"):
        world.open_page(request, ann, 1)
    world.enforce(request)
    state = world.state(request)
    assert (state.candidate, state.step_ends) == (bob.id, ends + RESPONSE + 60)


def test_claims_last_one_response_window_however_many_pages(world: World) -> None:
    request, (ann,) = world.in_claims(0, count=100_000)
    closes = world.now + RESPONSE
    assert world.state(request).step_ends == closes
    world.claim(request, ann)
    world.at(closes)
    assert world.phase(request) == VALIDATION
    assert world.state(request).step_ends == closes + RESPONSE + 2 * 60


def test_another_submissions_leaving_never_moves_the_candidates_deadline(
    world: World,
) -> None:
    request, (_, bob, cid) = world.in_validation(0, 1, 2)
    ends = world.state(request).step_ends
    world.at(world.now + 100)
    world.cancel(cid, accept_slash=True)
    assert world.state(request).step_ends == ends
    world.at(world.now + 100)
    world.cancel(bob, accept_slash=True)
    assert world.state(request).step_ends == ends


def test_claims_without_a_candidate_are_overdue_from_the_second_they_close(
    world: World,
) -> None:
    request, (ann,) = world.in_claims(0)
    ends = world.state(request).step_ends
    world.at(ends - 1)
    assert not world.state(request).overdue
    world.at(ends)
    state = world.state(request)
    assert (state.phase, state.overdue, state.candidate) == (CLAIMS, True, 0)
    with boa.reverts("Overdue"):
        world.claim(request, ann)
    world.enforce(request)
    assert world.phase(request) == REFUNDED


@pytest.mark.parametrize("second", [-1, 0])
def test_cancelling_a_submission_around_the_deadline(world: World, second: int) -> None:
    request = world.create()
    ann = world.submit(request, "ann")
    before = world.balance("ann")
    world.at(request.deadline + second)
    if second < 0:
        world.cancel(ann)
        assert world.balance("ann") == before + request.terms.stake
    else:
        with boa.reverts("StakeAtRisk"):
            world.cancel(ann)
        world.cancel(ann, accept_slash=True)
        assert world.balance("ann") == before


def test_while_a_step_is_overdue_nothing_but_the_timeout_changes_the_request(
    world: World,
) -> None:
    request = world.create()
    ann = world.submit(request, "ann")
    world.at(request.deadline + RESPONSE)
    with boa.reverts("Overdue"):
        world.submit(request, "bob")
    with boa.reverts("Overdue"):
        world.cancel(ann, accept_slash=True)
    with boa.reverts("Overdue"):
        world.claim(request, ann, hint=0)
    with boa.reverts("Overdue"):
        world.open_page(request, ann, 0)
    with world.as_("requester"), boa.reverts("Overdue"):
        world.market.cancel_request(request.id, request.terms_hash, 9)
    with boa.reverts("NothingDue"):
        world.withdraw(ann)


def test_each_timeout_takes_exactly_one_step(world: World) -> None:
    request, _ = world.in_validation(0, 1)
    world.at(world.now + 10 * RESPONSE)
    world.enforce(request)
    with boa.reverts("NotOverdue"):
        world.enforce(request)
