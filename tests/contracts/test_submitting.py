# SPDX-License-Identifier: Apache-2.0
"""Submitting and cancelling, requests as well as submissions."""

from __future__ import annotations

from collections.abc import Callable

import boa
import pytest

from contracts.world import (
    CANCELLED,
    CLAIMS,
    MODEL,
    NO_PERMIT,
    OPEN,
    REFUNDED,
    RESPONSE,
    REWARD,
    STAKE,
    TRUTH,
    VALIDATION,
    Submitted,
    World,
)
from modelmarket.protocol.seals import superhash


def test_submit__when_taken__locks_its_stake_and_is_live(world: World) -> None:
    request = world.create()
    before = world.balance("ann")
    ann = world.submit(request, "ann")
    assert world.balance("ann") == before - STAKE
    assert world.held() == REWARD + STAKE
    entry = world.market.submission(ann.id)
    assert (entry.trainer, entry.request_id) == (world.people["ann"], request.id)
    assert (entry.status, entry.seal) == (1, ann.opening.seal)
    assert entry.sealed == entry.seal
    assert world.state(request).live == 1


def test_submit__many_times_or_by_the_requester__is_taken(world: World) -> None:
    request = world.create()
    ids = [world.submit(request, who).id for who in ("ann", "ann", "requester")]
    assert ids == [1, 2, 3]
    assert world.state(request).live == 3


def test_submit__under_a_terms_hash_of_zeros__is_refused(world: World) -> None:
    request = world.create()
    with world.as_("ann"), boa.reverts("WrongTerms"):
        world.market.submit(
            request.id, bytes(32), bytes(32), superhash(MODEL), "", NO_PERMIT
        )


def test_cancel_submission__in_time__returns_the_stake_at_once_and_once(
    world: World,
) -> None:
    request = world.create()
    before = world.balance("ann")
    ann = world.submit(request, "ann")
    world.cancel(ann)
    assert world.balance("ann") == before
    assert (world.status(ann), world.state(request).live) == (3, 0)
    for again in (False, True):
        with boa.reverts("NotLive"):
            world.cancel(ann, accept_slash=again)


def test_cancel_submission__by_another_than_the_trainer__is_refused(
    world: World,
) -> None:
    request = world.create()
    ann = world.submit(request, "ann")
    with world.as_("ann"):
        world.market.set_operator(world.people["bob"], True)
    for who in ("bob", "requester"):
        with world.as_(who), boa.reverts("NotTrainer"):
            world.market.cancel_submission(ann.id, ann.opening.seal, True)


@pytest.mark.parametrize("number", [0, 1])
def test_every_call__on_an_unknown_submission__is_refused(
    world: World, number: int
) -> None:
    market = world.market
    calls: tuple[Callable[[], object], ...] = (
        lambda: market.submission(number),
        lambda: market.due(number),
        lambda: market.cancel_submission(number, bytes(32), True),
        lambda: market.claim(number, bytes(32), 0, 0),
        lambda: market.open_predictions(number, 0, [1], [1], bytes(32), bytes(32), ""),
        lambda: market.withdraw(number),
    )
    for call in calls:
        with boa.reverts("UnknownSubmission"):
            call()


def test_cancel_submission__late_while_silent__is_slashed(world: World) -> None:
    request = world.create()
    ann = world.submit(request, "ann")
    world.at(request.deadline)
    world.cancel(ann, accept_slash=True)
    assert world.market.slashed() == STAKE
    assert (world.status(ann), world.state(request).live) == (4, 0)


def test_cancel_submission__late_while_ranked__leaves_the_list(world: World) -> None:
    request, entered = world.in_claims(0, 1, 2)
    for one in entered:
        world.claim(request, one)
    world.cancel(entered[1], accept_slash=True)
    assert world.ranking(request) == [entered[0].id, entered[2].id]
    assert (world.state(request).ranked, world.state(request).live) == (2, 2)


def test_cancel_submission__by_the_candidate__makes_way_for_the_next(
    world: World,
) -> None:
    request, (ann, bob) = world.in_validation(0, 1)
    world.at(world.now + 10)
    world.cancel(ann, accept_slash=True)
    state = world.state(request)
    assert (state.candidate, state.step_ends) == (bob.id, world.now + RESPONSE)


def test_cancel_submission__by_the_last_candidate__refunds_the_requester(
    world: World,
) -> None:
    request, (ann,) = world.in_validation(0)
    before = world.balance("requester")
    world.cancel(ann, accept_slash=True)
    assert world.phase(request) == REFUNDED
    assert world.balance("requester") == before + REWARD


def test_cancel_submission__after_the_end__is_refused(world: World) -> None:
    request, (ann, bob) = world.in_validation(0, 1)
    world.validate(request, ann)
    with boa.reverts("WrongPhase"):
        world.cancel(bob, accept_slash=True)


def test_cancel_request__without_submissions__is_free(world: World) -> None:
    before = world.balance("requester")
    request = world.create()
    with world.as_("requester"):
        world.market.cancel_request(request.id, request.terms_hash, 0)
    assert world.phase(request) == CANCELLED
    assert world.balance("requester") == before


def test_cancel_request__with_three_live__splits_the_reward_and_returns_the_rest(
    world: World,
) -> None:
    reward = REWARD + 1
    request = world.create(reward=reward, stake=2 * STAKE)
    entered = [world.submit(request, who) for who in ("ann", "bob", "cid")]
    before = world.balance("requester")
    with world.as_("requester"):
        world.market.cancel_request(request.id, request.terms_hash, 3)
    share, rest = divmod(reward, 3)
    assert rest > 0
    assert world.balance("requester") == before + rest
    for one in entered:
        assert world.market.due(one.id) == 2 * STAKE + share
        world.withdraw(one)
    assert world.held() == 0


def test_cancel_request__by_another_than_the_requester__is_refused(
    world: World,
) -> None:
    request = world.create()
    with world.as_("ann"), boa.reverts("NotRequester"):
        world.market.cancel_request(request.id, request.terms_hash, 0)


def test_cancel_request__after_a_submission_was_cancelled__gives_it_no_share(
    world: World,
) -> None:
    request = world.create()
    ann, bob = world.submit(request, "ann"), world.submit(request, "bob")
    world.cancel(ann)
    with world.as_("requester"):
        world.market.cancel_request(request.id, request.terms_hash, 1)
    assert world.market.due(ann.id) == 0
    assert world.market.due(bob.id) == STAKE + REWARD
    with boa.reverts("NothingDue"):
        world.withdraw(ann)


def test_cancel_request__before_the_last_page_of_the_truth__is_taken_and_then_refused(
    world: World,
) -> None:
    request = world.create(60_000)
    world.submit(request, "ann")
    world.at(request.deadline)
    world.open_truth_page(request, 0)
    with boa.env.anchor(), world.as_("requester"):
        world.market.cancel_request(request.id, request.terms_hash, 1)
    world.open_truth_page(request, 1)
    with world.as_("requester"), boa.reverts("WrongPhase"):
        world.market.cancel_request(request.id, request.terms_hash, 1)


def test_submit__to_a_cancelled_request__is_refused(world: World) -> None:
    request = world.create()
    with world.as_("requester"):
        world.market.cancel_request(request.id, request.terms_hash, 0)
    with boa.reverts("WrongPhase"):
        world.submit(request, "ann")


@pytest.mark.parametrize("phase", [OPEN, TRUTH, CLAIMS, VALIDATION])
def test_cancel_submission__under_another_seal_than_its_own__is_refused_in_every_phase(
    world: World, phase: int
) -> None:
    request, (ann, bob) = world.in_phase(phase, 0, 1, count=60_000)
    if phase == VALIDATION:
        world.open_page(request, ann, 0)
    left = world.market.submission(ann.id).sealed
    for seal in {bytes(32), bob.opening.seal, left} - {ann.opening.seal}:
        with world.as_("ann"), boa.reverts("WrongSeal"):
            world.market.cancel_submission(ann.id, seal, True)
    world.cancel(ann, accept_slash=True)
    assert world.status(ann) == (3 if phase == OPEN else 4)


@pytest.mark.parametrize("phase", [TRUTH, CLAIMS, VALIDATION])
def test_cancel_submission__late_without_accept_slash__is_refused(
    world: World, phase: int
) -> None:
    request, entered = world.in_phase(phase, 0, 1)
    if phase == CLAIMS:
        world.claim(request, entered[0])
    for one in entered:
        with boa.reverts("StakeAtRisk"):
            world.cancel(one)
        world.cancel(one, accept_slash=True)
    assert world.market.slashed() == 2 * STAKE


@pytest.mark.parametrize("phase", [OPEN, TRUTH])
def test_cancel_request__by_a_stranger_or_under_other_terms_or_limits__is_refused(
    world: World, phase: int
) -> None:
    before = world.create(name="the one before")
    request, _ = world.in_phase(phase, 0, 1)
    with world.as_("requester"):
        world.market.set_operator(world.people["bob"], True)
        for terms_hash in (bytes(32), before.terms_hash):
            with boa.reverts("WrongTerms"):
                world.market.cancel_request(request.id, terms_hash, 2)
        for most in (0, 1):
            with boa.reverts("TooManyLive"):
                world.market.cancel_request(request.id, request.terms_hash, most)
    for who in ("ann", "bob", "eve"):
        with world.as_(who), boa.reverts("NotRequester"):
            world.market.cancel_request(request.id, request.terms_hash, 2)
    for most in (2, 3, 2**32, 2**256 - 1):
        with boa.env.anchor(), world.as_("requester"):
            world.market.cancel_request(request.id, request.terms_hash, most)
            assert world.phase(request) == CANCELLED


def test_submit__under_the_terms_of_another_request__is_refused(world: World) -> None:
    before = world.create(name="the one before")
    request = world.create()
    other = world.create(who="ann")
    for terms_hash in (bytes(32), before.terms_hash, other.terms_hash):
        with world.as_("ann"), boa.reverts("WrongTerms"):
            world.market.submit(
                request.id, terms_hash, bytes(32), bytes(32), "", NO_PERMIT
            )
    assert world.state(request).live == 0


def test_books__with_the_smallest_stake__slash_it_like_any_other(world: World) -> None:
    request, (ann, _) = world.in_claims(0, 1, reward=100, stake=1)
    world.cancel(ann, accept_slash=True)
    assert world.market.slashed() == 1
    world.close_claims(request)
    world.enforce(request)
    assert world.market.slashed() == 2 == world.held()


@pytest.mark.parametrize("gone", [0, 1, 2])
def test_cancel_submission__from_any_place_in_the_ranking__leaves_no_link_behind(
    world: World, gone: int
) -> None:
    """The first submission ranks last, so that each id stands at each place."""
    request, entered = world.in_claims(2, 1, 0)
    for one in entered:
        world.claim(request, one)
    left = [one for one in reversed(entered) if one is not entered[gone]]
    world.cancel(entered[gone], accept_slash=True)
    assert world.ranking(request) == [one.id for one in left]
    entry = world.market.submission(entered[gone].id)
    assert (entry.ahead, entry.behind) == (0, 0)


@pytest.mark.parametrize("phase", [TRUTH, CLAIMS, VALIDATION])
def test_cancel_submission__late_for_the_second_time__is_refused(
    world: World, phase: int
) -> None:
    request, (_, bob, cid) = world.in_phase(phase, 0, 1, 2)
    for one in (bob, cid):
        world.cancel(one, accept_slash=True)
        with boa.reverts("NotLive"):
            world.cancel(one, accept_slash=True)
    assert world.market.slashed() == 2 * STAKE
    assert world.state(request).live == 1


@pytest.mark.parametrize("phase", [TRUTH, CLAIMS, VALIDATION])
def test_cancel_submission__late_after_leaving_in_time__is_refused(
    world: World, phase: int
) -> None:
    request, (gone, _, best) = world.in_phase(OPEN, 2, 1, 0)
    world.cancel(gone)
    if phase == TRUTH:
        world.at(request.deadline)
    else:
        world.open_truth(request)
    if phase == VALIDATION:
        world.claim(request, best)
        world.close_claims(request)
    assert world.phase(request) == phase
    with boa.reverts("NotLive"):
        world.cancel(gone, accept_slash=True)
    assert world.market.slashed() == 0


def test_story__with_the_longest_name_and_model__is_fulfilled_and_longer_ones_are_refused(
    world: World,
) -> None:
    model = "b" * 128
    request = world.create()
    opening = world.seal_predictions(request, request.codes, "ann", model)
    call = (request.id, request.terms_hash, opening.layers[0], superhash(model))
    with world.as_("ann"):
        number = world.market.submit(*call, "n" * 64, NO_PERMIT)
        with pytest.raises(Exception):  # noqa: B017  # the ABI decoder has no reason
            world.market.submit(*call, "n" * 65, NO_PERMIT)
    ann = Submitted(number, "ann", request.codes, opening, model)
    world.open_truth(request)
    world.claim(request, ann)
    world.close_claims(request)
    with pytest.raises(Exception):  # noqa: B017  # as above
        world.open_page(request, ann, 0, model=model + "b")
    world.validate(request, ann)
    (event,) = [
        one
        for one in world.market.get_logs()
        if type(one).__name__ == "RequestFulfilled"
    ]
    assert event.model == model
