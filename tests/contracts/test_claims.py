# SPDX-License-Identifier: Apache-2.0
"""Claims, their order, hints and operators."""

from __future__ import annotations

import boa
import pytest

from contracts.world import CLAIMS, OPEN, REWARD, STAKE, Requested, Submitted, World
from modelmarket.protocol.seals import superhash


def test_claim__of_more_matches_or_among_equals_of_a_lower_id__ranks_first(
    world: World,
) -> None:
    request, entered = world.in_claims(3, 1, 3, 2, 1, 0)
    for one in reversed(entered):
        world.claim(request, one)
    expected = [entered[n].id for n in (5, 1, 4, 3, 0, 2)]
    assert world.ranking(request) == expected
    assert world.state(request).best == expected[0]
    assert world.state(request).ranked == 6


def test_claim__made_a_second_time__is_refused(world: World) -> None:
    request, (ann,) = world.in_claims(0)
    world.claim(request, ann)
    with boa.reverts("NotLive"):
        world.claim(request, ann, hint=0)


def test_claim__of_one_match_above_the_labels__is_refused_and_of_all_or_none_taken(
    world: World,
) -> None:
    request, (ann, bob) = world.in_claims(0, 0)
    with boa.reverts("TooManyMatches"):
        world.claim(request, ann, 21, hint=0)
    world.claim(request, ann, 20)
    world.claim(request, bob, 0)


def test_claim__by_another_than_the_trainer__is_refused(world: World) -> None:
    request, (ann,) = world.in_claims(0)
    for who in ("bob", "requester"):
        with boa.reverts("NotTrainer"):
            world.claim(request, ann, who=who)


def test_claim__by_an_operator__is_taken_until_it_is_dismissed(world: World) -> None:
    request, (ann, bob, _, _, again) = world.in_claims(0, 0, 0, 0, 0)
    with world.as_("ann"):
        world.market.set_operator(world.people["eve"], True)
    assert world.market.is_operator(world.people["ann"], world.people["eve"])
    world.claim(request, ann, who="eve")
    with boa.reverts("NotTrainer"):
        world.claim(request, bob, who="eve")
    with world.as_("ann"):
        world.market.set_operator(world.people["eve"], False)
    with boa.reverts("NotTrainer"):
        world.claim(request, again, who="eve")


def test_claim__by_an_operator__brings_it_no_money(world: World) -> None:
    request, (ann,) = world.in_claims(0)
    with world.as_("ann"):
        world.market.set_operator(world.people["eve"], True)
    world.claim(request, ann, who="eve")
    world.close_claims(request)
    before = world.balance("eve"), world.balance("ann")
    world.validate(request, ann)
    assert world.balance("eve") == before[0]
    assert world.balance("ann") > before[1]


def test_claim__before_the_truth_is_open__is_refused(world: World) -> None:
    request = world.create()
    ann = world.submit(request, "ann")
    for second in (world.now, request.deadline):
        world.at(second)
        with boa.reverts("WrongPhase"):
            world.claim(request, ann, 3, hint=0)


def test_claim__of_a_submission_cancelled_in_time__is_refused(world: World) -> None:
    request = world.create()
    ann = world.submit(request, "ann")
    world.cancel(ann)
    world.open_truth(request)
    with boa.reverts("NotLive"):
        world.claim(request, ann, hint=0)


def _stairs(
    world: World, steps: int
) -> tuple[Requested, list[Submitted], list[Submitted]]:
    """A request on which claim n (from 0) stands at place n + 1."""
    request = world.create(steps + 100)
    entered = [world.submit(request, "ann", mistakes=n) for n in range(steps)]
    late = [world.submit(request, "bob", mistakes=0) for _ in range(4)]
    world.open_truth(request)
    ahead = 0
    for one in entered:
        world.claim(request, one, hint=ahead)
        ahead = one.id
    return request, entered, late


@pytest.mark.parametrize("off", [0, 1, 31, 32])
def test_claim__with_a_hint_up_to_32_steps_too_low__finds_its_place(
    world: World, off: int
) -> None:
    request, entered, (late, *_) = _stairs(world, 40)
    # Equal to the fifth, so directly behind it; the hint is further down.
    matches = world.matches(request, entered[4])
    world.claim(request, late, matches, hint=entered[4 + off].id)
    assert world.ranking(request)[5] == late.id


@pytest.mark.parametrize("off", [0, 1, 31, 32])
def test_claim__with_a_hint_up_to_32_steps_too_high__finds_its_place(
    world: World, off: int
) -> None:
    request, entered, (late, *_) = _stairs(world, 40)
    matches = world.matches(request, entered[36])
    world.claim(request, late, matches, hint=entered[36 - off].id)
    assert world.ranking(request)[37] == late.id


def test_claim__with_a_hint_33_steps_off_either_way__is_refused(world: World) -> None:
    request, entered, (late, *_) = _stairs(world, 40)
    with boa.reverts("HintTooFar"):
        world.claim(
            request, late, world.matches(request, entered[4]), hint=entered[37].id
        )
    with boa.reverts("HintTooFar"):
        world.claim(
            request, late, world.matches(request, entered[36]), hint=entered[3].id
        )


def test_claim__32_steps_from_a_hint_at_the_top_or_the_bottom__finds_its_place(
    world: World,
) -> None:
    request, entered, (first, second, third, fourth) = _stairs(world, 32)
    with boa.env.anchor():
        world.claim(request, first, request.terms.labels, hint=entered[31].id)
        assert world.ranking(request)[1] == first.id
    world.claim(request, first, 0, hint=0)
    assert world.ranking(request)[-1] == first.id
    with boa.reverts("HintTooFar"):
        world.claim(request, second, 0, hint=0)
    world.claim(request, third, 0, hint=first.id)
    world.claim(request, fourth, 0, hint=third.id)
    assert world.ranking(request)[-3:] == [first.id, third.id, fourth.id]


def test_open_predictions__of_the_winner__slashes_those_who_stayed_silent(
    world: World,
) -> None:
    request, (ann, bob, cid) = world.in_claims(0, 1, 2)
    world.claim(request, ann)
    world.claim(request, bob)
    world.close_claims(request)
    assert world.market.slashed() == 0
    world.validate(request, ann)
    assert world.market.slashed() == STAKE
    assert world.market.due(cid.id) == 0
    with boa.reverts("NothingDue"):
        world.withdraw(cid)
    world.withdraw(bob)
    assert world.held() == STAKE


def test_submit__of_a_model__logs_its_superhash(world: World) -> None:
    request = world.create()
    world.submit(request, "ann", model="bafyother")
    (event,) = [
        log
        for log in world.market.get_logs()
        if type(log).__name__ == "SubmissionCreated"
    ]
    assert event.superhash == superhash("bafyother")


def test_claim__under_another_seal_than_its_submissions__is_refused_whoever_makes_it(
    world: World,
) -> None:
    request, (ann, bob) = world.in_claims(0, 1)
    with world.as_("ann"):
        world.market.set_operator(world.people["eve"], True)
    for who in ("ann", "eve"):
        for seal in (bytes(32), bob.opening.seal):
            with world.as_(who), boa.reverts("WrongSeal"):
                world.market.claim(ann.id, seal, 20, 0)
    world.claim(request, ann, who="eve")


def test_set_operator__by_the_operator_itself_or_another_trainer__allows_no_claim(
    world: World,
) -> None:
    """Eve may name whom she likes, herself too, and still claims for nobody."""
    request, (ann,) = world.in_claims(0)
    for operator in ("ann", "eve", "requester"):
        with world.as_("eve"):
            world.market.set_operator(world.people[operator], True)
    with world.as_("bob"):
        world.market.set_operator(world.people["eve"], True)
    for who in ("eve", "bob", "requester"):
        with boa.reverts("NotTrainer"):
            world.claim(request, ann, who=who)


def test_withdraw__by_an_operator_that_opened_the_pages_too__pays_the_trainers_alone(
    world: World,
) -> None:
    request, (ann, bob) = world.in_validation(0, 1)
    for who in ("ann", "bob"):
        with world.as_(who):
            world.market.set_operator(world.people["eve"], True)
    before = {name: world.balance(name) for name in world.people}
    for page in range(len(ann.opening.pages)):
        world.open_page(request, ann, page, who="eve")
    world.withdraw(bob, who="eve")
    gained = {name: world.balance(name) - before[name] for name in world.people}
    assert gained == dict.fromkeys(world.people, 0) | {
        "ann": REWARD + STAKE,
        "bob": STAKE,
    }


def test_request__before_claims_close__tells_the_best_claim_and_no_candidate(
    world: World,
) -> None:
    request, (ann, bob) = world.in_claims(1, 0)
    for one in (ann, bob):
        world.claim(request, one)
        state = world.state(request)
        assert (state.phase, state.candidate, state.best) == (CLAIMS, 0, one.id)
    # All have claimed, and still the window is the window.
    assert world.state(request).step_ends > world.now


def test_claim__of_matches_around_65_536__keeps_its_order(world: World) -> None:
    request, (ann, bob, cid) = world.in_claims(1, 2, 3, count=70_000)
    world.claim(request, ann, 65_536)
    world.claim(request, bob, 65_535)
    world.claim(request, cid, 65_537)
    assert world.ranking(request) == [cid.id, ann.id, bob.id]
    assert world.market.submission(cid.id).matches == 65_537


def test_claim__of_a_submission_that_left_early_or_late__is_refused(
    world: World,
) -> None:
    request, (early, late, ranked, silent, ann) = world.in_phase(OPEN, 0, 1, 2, 3, 4)
    world.cancel(early)
    world.at(request.deadline)
    world.cancel(late, accept_slash=True)
    world.open_truth(request)
    world.claim(request, ranked)
    for one in (ranked, silent):
        world.cancel(one, accept_slash=True)
    for one in (early, late, ranked, silent):
        with boa.reverts("NotLive"):
            world.claim(request, one, hint=0)
    world.claim(request, ann)
    assert world.ranking(request) == [ann.id]
