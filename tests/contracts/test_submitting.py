# SPDX-License-Identifier: Apache-2.0
"""Submitting and cancelling, requests as well as submissions."""

from __future__ import annotations

import boa
import pytest

from contracts.world import (
    CANCELLED,
    MODEL,
    NO_PERMIT,
    REFUNDED,
    RESPONSE,
    REWARD,
    STAKE,
    World,
)
from modelmarket.protocol.seals import superhash


def test_a_submission_locks_its_stake(world: World) -> None:
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


def test_one_trainer_may_submit_many_times_and_the_requester_too(world: World) -> None:
    request = world.create()
    ids = [world.submit(request, who).id for who in ("ann", "ann", "requester")]
    assert ids == [1, 2, 3]
    assert world.state(request).live == 3


def test_submitting_to_other_terms_is_refused(world: World) -> None:
    request = world.create()
    with world.as_("ann"), boa.reverts("WrongTerms"):
        world.market.submit(
            request.id, bytes(32), bytes(32), superhash(MODEL), "", NO_PERMIT
        )


def test_a_submission_cancelled_in_time_has_its_stake_back_at_once(
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


def test_only_the_trainer_cancels_a_submission(world: World) -> None:
    request = world.create()
    ann = world.submit(request, "ann")
    with world.as_("ann"):
        world.market.set_operator(world.people["bob"], True)
    for who in ("bob", "requester"):
        with world.as_(who), boa.reverts("NotTrainer"):
            world.market.cancel_submission(ann.id, ann.opening.seal, True)


@pytest.mark.parametrize("number", [0, 1])
def test_an_unknown_submission_is_refused_everywhere(world: World, number: int) -> None:
    market = world.market
    for call in (
        lambda: market.submission(number),
        lambda: market.due(number),
        lambda: market.cancel_submission(number, bytes(32), True),
        lambda: market.claim(number, bytes(32), 0, 0),
        lambda: market.open_predictions(number, 0, [1], [1], bytes(32), bytes(32), ""),
        lambda: market.withdraw(number),
    ):
        with boa.reverts("UnknownSubmission"):
            call()


def test_cancelling_late_slashes_a_silent_submission(world: World) -> None:
    request = world.create()
    ann = world.submit(request, "ann")
    world.at(request.deadline)
    world.cancel(ann, accept_slash=True)
    assert world.market.slashed() == STAKE
    assert (world.status(ann), world.state(request).live) == (4, 0)


def test_cancelling_late_takes_a_ranked_submission_out_of_the_list(
    world: World,
) -> None:
    request, entered = world.in_claims(0, 1, 2)
    for one in entered:
        world.claim(request, one)
    world.cancel(entered[1], accept_slash=True)
    assert world.ranking(request) == [entered[0].id, entered[2].id]
    assert (world.state(request).ranked, world.state(request).live) == (2, 2)


def test_a_candidate_that_cancels_makes_way_for_the_next(world: World) -> None:
    request, (ann, bob) = world.in_validation(0, 1)
    world.at(world.now + 10)
    world.cancel(ann, accept_slash=True)
    state = world.state(request)
    assert (state.candidate, state.step_ends) == (bob.id, world.now + RESPONSE)


def test_the_last_candidates_cancelling_refunds_the_requester(world: World) -> None:
    request, (ann,) = world.in_validation(0)
    before = world.balance("requester")
    world.cancel(ann, accept_slash=True)
    assert world.phase(request) == REFUNDED
    assert world.balance("requester") == before + REWARD


def test_after_the_end_a_submission_cannot_be_cancelled(world: World) -> None:
    request, (ann, bob) = world.in_validation(0, 1)
    world.validate(request, ann)
    with boa.reverts("WrongPhase"):
        world.cancel(bob, accept_slash=True)


def test_a_request_without_submissions_is_cancelled_for_free(world: World) -> None:
    before = world.balance("requester")
    request = world.create()
    with world.as_("requester"):
        world.market.cancel_request(request.id, request.terms_hash, 0)
    assert world.phase(request) == CANCELLED
    assert world.balance("requester") == before


def test_a_cancelled_reward_is_split_evenly_and_the_rest_goes_back(
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


def test_only_the_requester_cancels_a_request(world: World) -> None:
    request = world.create()
    with world.as_("ann"), boa.reverts("NotRequester"):
        world.market.cancel_request(request.id, request.terms_hash, 0)


def test_cancelled_submissions_have_no_share(world: World) -> None:
    request = world.create()
    ann, bob = world.submit(request, "ann"), world.submit(request, "bob")
    world.cancel(ann)
    with world.as_("requester"):
        world.market.cancel_request(request.id, request.terms_hash, 1)
    assert world.market.due(ann.id) == 0
    assert world.market.due(bob.id) == STAKE + REWARD
    with boa.reverts("NothingDue"):
        world.withdraw(ann)


def test_a_request_can_be_cancelled_until_the_last_page_of_its_truth(
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


def test_a_cancelled_request_takes_no_submission(world: World) -> None:
    request = world.create()
    with world.as_("requester"):
        world.market.cancel_request(request.id, request.terms_hash, 0)
    with boa.reverts("WrongPhase"):
        world.submit(request, "ann")
