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


def test_submit__at_the_deadline__is_refused_and_a_second_before_taken(
    world: World,
) -> None:
    request = world.create()
    world.at(request.deadline - 1)
    world.submit(request, "ann")
    world.at(request.deadline)
    with boa.reverts("WrongPhase"):
        world.submit(request, "ann")


def test_open_truth__before_the_deadline__is_refused_whoever_calls_and_at_it_taken(
    world: World,
) -> None:
    request = world.create()
    world.submit(request, "ann")
    world.at(request.deadline - 1)
    assert world.phase(request) == OPEN
    for who in world.people:
        with boa.reverts("WrongPhase"):
            world.open_truth_page(request, 0, who)
    world.at(request.deadline)
    assert world.phase(request) == TRUTH
    world.open_truth_page(request, 0)


def test_open_truth__at_the_end_of_its_window__is_refused_and_a_second_before_taken(
    world: World,
) -> None:
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


def test_open_truth__of_several_pages__has_one_window_and_a_minute_for_each_further_page(
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


def test_clock__from_the_last_page_of_the_truth__gives_claims_their_full_window(
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


def test_claim__at_the_second_claims_close__is_refused(world: World) -> None:
    request, (ann, bob) = world.in_claims(0, 1)
    world.claim(request, ann)
    world.close_claims(request)
    with boa.reverts("WrongPhase"):
        world.claim(request, bob)


def test_open_predictions__before_claims_close__is_refused_and_then_taken(
    world: World,
) -> None:
    request, (ann,) = world.in_claims(0)
    world.claim(request, ann)
    world.at(world.state(request).step_ends - 1)
    with boa.reverts("WrongPhase"):
        world.open_page(request, ann, 0)
    world.at(world.now + 1)
    world.open_page(request, ann, 0)


def test_clock__when_claims_close__begins_the_first_candidates_window(
    world: World,
) -> None:
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


def test_enforce_timeout__on_a_candidate__begins_the_next_ones_window_in_its_block(
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
def test_clock__for_a_candidate_that_opens_late__ends_where_it_was_fixed(
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


def test_clock__of_claims_on_any_number_of_pages__is_one_response_window(
    world: World,
) -> None:
    request, (ann,) = world.in_claims(0, count=100_000)
    closes = world.now + RESPONSE
    assert world.state(request).step_ends == closes
    world.claim(request, ann)
    world.at(closes)
    assert world.phase(request) == VALIDATION
    assert world.state(request).step_ends == closes + RESPONSE + 2 * 60


def test_cancel_submission__by_others_in_validation__never_moves_the_candidates_deadline(
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


def test_clock__when_claims_close_without_a_candidate__is_overdue_at_once(
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
def test_cancel_submission__around_the_deadline__is_free_before_and_costs_the_stake_from_it(
    world: World, second: int
) -> None:
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


@pytest.mark.parametrize("phase", [TRUTH, CLAIMS, VALIDATION])
def test_every_call__while_a_step_is_overdue__is_refused_but_enforce_timeout(
    world: World, phase: int
) -> None:
    # In CLAIMS only what is below the threshold leaves a step overdue.
    request, (ann, bob) = world.in_phase(phase, 9, 1, minimum_matches=0)
    if phase == CLAIMS:
        request, (ann, bob) = world.in_claims(9, 8, minimum_matches=15)
        world.claim(request, ann)
    world.at(world.state(request).step_ends)
    assert world.phase(request) == phase
    with boa.reverts("Overdue"):
        world.submit(request, "bob")
    for one in (ann, bob):
        with boa.reverts("Overdue"):
            world.cancel(one, accept_slash=True)
        with boa.reverts("Overdue"):
            world.claim(request, one, hint=0)
        with boa.reverts("Overdue"):
            world.open_page(request, one, 0)
        with boa.reverts("NothingDue"):
            world.withdraw(one)
    with boa.reverts("Overdue"):
        world.open_truth_page(request, 0, "requester")
    with world.as_("requester"), boa.reverts("Overdue"):
        world.market.cancel_request(request.id, request.terms_hash, 9)
    world.enforce(request)


@pytest.mark.parametrize("phase", [OPEN, TRUTH, CLAIMS, VALIDATION])
def test_enforce_timeout__a_second_early__is_refused_whoever_calls(
    world: World, phase: int
) -> None:
    request, _ = world.in_phase(phase, 0, 1)
    ends = world.state(request).step_ends
    for second in (world.now, ends - 1):
        world.at(second)
        for who in world.people:
            with boa.reverts("NotOverdue"):
                world.enforce(request, who)
    world.at(ends)
    assert world.state(request).overdue is (phase != OPEN)
    if phase != OPEN:
        world.enforce(request)


@pytest.mark.parametrize("phase", [TRUTH, CLAIMS, VALIDATION])
def test_cancel_submission__by_any_but_the_candidate__moves_no_window(
    world: World, phase: int
) -> None:
    request, (_, bob, cid) = world.in_phase(phase, 0, 1, 2)
    if phase == CLAIMS:
        world.claim(request, bob)
    ends = world.state(request).step_ends
    for one in (bob, cid):
        world.at(world.now + 100)
        world.cancel(one, accept_slash=True)
        assert world.state(request).step_ends == ends


def test_clock__of_the_longest_list__has_a_minute_for_each_of_341_further_pages(
    world: World,
) -> None:
    request = world.create(1, labels=2**22, bits=16)
    world.at(request.deadline)
    assert world.state(request).step_ends == request.deadline + RESPONSE + 341 * 60


def test_clock__past_32_bits_of_seconds__holds_until_the_request_is_fulfilled(
    world: World,
) -> None:
    """Seconds leave 32 bits in 2106."""
    for began in (2**32 - 1, 2**32 + 12_345):
        with boa.env.anchor():
            world.at(began)
            request, (ann,) = world.in_claims(0, response_window_s=7 * 86_400)
            assert world.state(request).deadline == request.deadline == world.now
            assert world.state(request).step_ends == world.now + 7 * 86_400
            world.claim(request, ann)
            world.close_claims(request)
            world.validate(request, ann)
            assert world.phase(request) == FULFILLED


def test_enforce_timeout__ten_windows_late__takes_exactly_one_step(
    world: World,
) -> None:
    request, _ = world.in_validation(0, 1)
    world.at(world.now + 10 * RESPONSE)
    world.enforce(request)
    with boa.reverts("NotOverdue"):
        world.enforce(request)
