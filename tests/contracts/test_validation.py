# SPDX-License-Identifier: Apache-2.0
"""Opening the truth and the predictions, and what the recount decides."""

from __future__ import annotations

import boa
import numpy as np
import pytest

from contracts.world import (
    CLAIMS,
    FORFEITED,
    FULFILLED,
    MODEL,
    REFUNDED,
    RESPONSE,
    REWARD,
    STAKE,
    VALIDATION,
    Requested,
    World,
    labels,
)
from modelmarket.protocol.labels import difference, words
from modelmarket.protocol.seals import superhash


@pytest.mark.parametrize("bits", [1, 2, 4, 8, 16])
@pytest.mark.parametrize(
    "size", ["one", "word less one", "word", "word and one", "pages"]
)
def test_the_winner_is_paid_for_every_width_and_padding(
    world: World, bits: int, size: str
) -> None:
    per_word = 256 // bits
    count = {
        "one": 1,
        "word less one": per_word - 1,
        "word": per_word,
        "word and one": per_word + 1,
        "pages": 768 * per_word + 5,
    }[size]
    codes = labels(count, min(2**bits, 1_000), seed=bits)
    request = world.create(codes=codes, bits=bits)
    guess = codes.copy()
    guess[::3] ^= 1
    ann = world.submit(request, "ann", codes=guess)
    world.open_truth(request)
    world.claim(request, ann)
    world.close_claims(request)
    before = world.balance("ann")
    world.validate(request, ann)
    assert world.phase(request) == FULFILLED
    assert world.balance("ann") == before + REWARD + STAKE
    assert world.status(ann) == 5


@pytest.mark.parametrize("off", [-1, 1])
def test_a_count_that_differs_from_the_claim_fails_the_submission(
    world: World, off: int
) -> None:
    request, (ann, bob) = world.in_claims(3, 5)
    world.claim(request, ann, 17 + off)
    world.claim(request, bob)
    world.close_claims(request)
    world.validate(request, ann)
    assert (world.status(ann), world.market.slashed()) == (4, STAKE)
    assert (world.phase(request), world.state(request).candidate) == (
        VALIDATION,
        bob.id,
    )
    world.validate(request, bob)
    assert world.phase(request) == FULFILLED


def test_predictions_open_only_for_the_candidate(world: World) -> None:
    request, (_, bob) = world.in_validation(0, 1)
    with boa.reverts("NotCandidate"):
        world.open_page(request, bob, 0)


def test_what_does_not_open_reverts_and_the_clock_runs_on(world: World) -> None:
    request, (ann,) = world.in_validation(3)
    ends = world.state(request).step_ends
    page = ann.opening.pages[0]
    for reason, change in {
        "WrongSeal": {"inner": bytes(32)},
        "WrongLength": {"difference": [0, 0]},
        "WrongTruth": {"truth": words(page)},
    }.items():
        with boa.reverts(reason):
            world.open_page(request, ann, 0, **change)
    with boa.reverts("WrongModel"):
        world.open_page(request, ann, 0, model="bafyanother")
    with boa.reverts("WrongSeal"):
        other = superhash("bafyanother")
        world.open_page(request, ann, 0, model="bafyanother", superhash=other)
    with boa.reverts("WrongSeal"):
        world.open_page(request, ann, 0, difference=[0] * len(words(page)))
    with boa.reverts("WrongLength"):
        world.open_page(request, ann, 0, truth=[*words(request.opening.pages[0]), 0])
    assert world.state(request).step_ends == ends


def test_pages_are_opened_in_order_and_once(world: World) -> None:
    request, (ann,) = world.in_validation(3, count=100_000)
    with boa.reverts("WrongPage"):
        world.open_page(request, ann, 1)
    world.open_page(request, ann, 0)
    with boa.reverts("WrongPage"):
        world.open_page(request, ann, 0)
    assert world.state(request).pages == 1


THREE_FULL_PAGES = 3 * 768 * 16


def test_a_page_of_the_truth_is_opened_under_its_own_number(world: World) -> None:
    """Full pages have the same length, so that nothing but the number differs."""
    request = world.create(codes=labels(THREE_FULL_PAGES, 1_000), bits=16)
    world.at(request.deadline)
    page, inner = words(request.opening.pages[0]), request.opening.inner(0)
    for number in (1, 2, 3):
        with boa.reverts(), world.as_("eve"):
            world.market.open_truth(request.id, number, page, inner)
    world.open_truth(request)
    assert world.phase(request) == CLAIMS


def test_a_page_of_predictions_is_opened_under_its_own_number(world: World) -> None:
    """Else somebody could have the same page counted against another truth."""
    request = world.create(codes=labels(THREE_FULL_PAGES, 1_000), bits=16)
    ann = world.submit(request, "ann")
    world.open_truth(request)
    world.claim(request, ann)
    world.close_claims(request)
    first = ann.opening.pages[0]
    for number in (1, 2):
        truth = request.opening.pages[number]
        with boa.reverts("WrongPage"), world.as_("eve"):
            world.market.open_predictions(
                ann.id,
                number,
                words(truth),
                words(difference(truth, first)),
                ann.opening.inner(0),
                superhash(MODEL),
                "",
            )
    world.validate(request, ann)
    assert world.phase(request) == FULFILLED


def test_the_count_goes_on_over_the_pages(world: World) -> None:
    codes = labels(100_000)
    guess = codes.copy()
    guess[[0, 49_151, 49_152, 98_303, 98_304, 99_999]] ^= 1
    request = world.create(codes=codes)
    ann = world.submit(request, "ann", codes=guess)
    world.open_truth(request)
    world.claim(request, ann, 100_000 - 6)
    world.close_claims(request)
    world.open_page(request, ann, 0)
    assert world.state(request).matched == 49_152 - 2
    world.open_page(request, ann, 1)
    assert world.state(request).matched == 2 * 49_152 - 4
    world.open_page(request, ann, 2)
    assert world.phase(request) == FULFILLED


def test_progress_is_void_when_the_candidate_fails(world: World) -> None:
    request, (_, bob) = world.in_validation(0, 7, count=60_000)
    ann_id = world.state(request).candidate
    ann = next(one for one in (world.market.submission(ann_id),) if one.status == 2)
    assert ann.matches == 60_000
    with world.as_("eve"):
        truth = request.opening.pages[0]
        world.market.open_predictions(
            ann_id,
            0,
            words(truth),
            [0] * 768,
            _inner(world, request),
            superhash(MODEL),
            "",
        )
    assert world.state(request).matched == 49_152
    assert world.market.submission(ann_id).sealed != ann.seal
    world.at(world.state(request).step_ends)
    world.enforce(request)
    assert world.market.submission(ann_id).sealed == ann.seal
    assert (world.state(request).pages, world.state(request).matched) == (0, 0)
    world.validate(request, bob)
    assert world.phase(request) == FULFILLED


def _inner(world: World, request: Requested) -> bytes:
    opening = world.seal_predictions(request, request.codes, "ann")
    return opening.inner(0)


def test_padding_never_counts_whatever_it_holds(world: World) -> None:
    """Predictions whose padding differs from the truth's win all the same."""
    from dataclasses import replace

    from modelmarket.protocol.seals import seal

    request = world.create(20)
    ann = world.submit(request, "ann", mistakes=2)
    page = bytearray(ann.opening.pages[0])
    page[10:] = b"\xff" * (32 - 10)
    noisy = seal([bytes(page)], ann.opening.core)
    with world.as_("bob"):
        pass
    bob_opening = world.seal_predictions(request, ann.codes, "bob")
    noisy = seal([bytes(page)], bob_opening.core)
    with world.as_("bob"):
        number = world.market.submit(
            request.id,
            request.terms_hash,
            noisy.layers[0],
            bob_opening.core.superhash,
            "",
            (0, 0, bytes(32), bytes(32)),
        )
    bob = replace(ann, id=number, trainer="bob", opening=noisy)
    world.open_truth(request)
    world.claim(request, bob, 18)
    world.close_claims(request)
    world.validate(request, bob)
    assert world.phase(request) == FULFILLED


def test_anyone_may_open_and_the_owners_are_paid(world: World) -> None:
    request, (ann,) = world.in_claims(0)
    world.claim(request, ann)
    world.close_claims(request)
    before = world.balance("ann"), world.balance("eve")
    world.open_page(request, ann, 0, who="eve")
    assert world.balance("ann") == before[0] + REWARD + STAKE
    assert world.balance("eve") == before[1]


def test_a_forfeited_reward_is_slashed_and_stakes_go_back(world: World) -> None:
    request = world.create()
    ann, bob = world.submit(request, "ann"), world.submit(request, "bob")
    world.at(request.deadline)
    world.cancel(bob, accept_slash=True)
    world.at(request.deadline + RESPONSE)
    world.enforce(request)
    assert (world.phase(request), world.market.slashed()) == (
        FORFEITED,
        REWARD + STAKE,
    )
    before = world.balance("ann")
    world.withdraw(ann)
    assert world.balance("ann") == before + STAKE
    with boa.reverts("NothingDue"):
        world.withdraw(bob)
    assert world.held() == world.market.slashed()


def test_without_live_submissions_an_unopened_truth_refunds(world: World) -> None:
    before = world.balance("requester")
    request = world.create()
    world.at(request.deadline + RESPONSE)
    world.enforce(request)
    assert world.phase(request) == REFUNDED
    assert world.balance("requester") == before


def test_nobody_claiming_refunds_the_requester_and_slashes_the_silent(
    world: World,
) -> None:
    request, _ = world.in_claims(0, 1)
    before = world.balance("requester")
    world.at(world.state(request).step_ends)
    world.enforce(request)
    assert world.phase(request) == REFUNDED
    assert world.balance("requester") == before + REWARD
    assert world.market.slashed() == 2 * STAKE == world.held()


def test_a_truth_without_submissions_refunds_after_claims(world: World) -> None:
    request, _ = world.in_claims()
    assert world.phase(request) == CLAIMS
    world.at(world.state(request).step_ends)
    world.enforce(request)
    assert world.phase(request) == REFUNDED


@pytest.mark.parametrize("minimum", [17, 18])
def test_the_threshold_is_the_fewest_matches_that_earn_the_reward(
    world: World, minimum: int
) -> None:
    request, (ann,) = world.in_claims(3, minimum_matches=minimum)
    world.claim(request, ann)
    world.at(world.state(request).step_ends)
    if minimum == 17:
        world.validate(request, ann)
        assert world.phase(request) == FULFILLED
        return
    with boa.reverts("Overdue"):
        world.open_page(request, ann, 0)
    world.enforce(request)
    assert world.phase(request) == REFUNDED
    before = world.balance("ann")
    world.withdraw(ann)
    assert world.balance("ann") == before + STAKE


def test_when_the_next_claim_is_below_the_threshold_the_failure_refunds(
    world: World,
) -> None:
    request, (ann, bob, _) = world.in_claims(0, 9, 0, minimum_matches=15)
    world.claim(request, ann, 19)
    world.claim(request, bob)
    world.close_claims(request)
    world.validate(request, ann)
    assert world.phase(request) == REFUNDED
    assert world.market.slashed() == 2 * STAKE  # the liar's and the silent one's
    world.withdraw(bob)
    assert world.held() == world.market.slashed()


def test_ranked_losers_take_their_stakes_back_whoever_asks(world: World) -> None:
    request, (ann, bob, cid) = world.in_validation(0, 1, 2)
    with boa.reverts("NothingDue"):
        world.withdraw(bob)
    world.validate(request, ann)
    for one in (bob, cid):
        before = world.balance(one.trainer)
        world.withdraw(one, who="eve")
        assert world.balance(one.trainer) == before + STAKE
        assert world.status(one) == 6
        with boa.reverts("NothingDue"):
            world.withdraw(one)
    with boa.reverts("NothingDue"):
        world.withdraw(ann)
    assert world.held() == 0


def test_labels_above_the_classes_harm_nobody(world: World) -> None:
    codes = np.full(20, 15, dtype=np.uint16)
    request = world.create(codes=codes)
    ann = world.submit(request, "ann", codes=codes.copy())
    world.open_truth(request)
    world.claim(request, ann)
    world.close_claims(request)
    world.validate(request, ann)
    assert world.phase(request) == FULFILLED
