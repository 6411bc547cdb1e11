# SPDX-License-Identifier: Apache-2.0
"""Opening the truth and the predictions, and what the recount decides."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import boa
import numpy as np
import pytest
from eth_abi import encode
from eth_hash.auto import keccak

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
    Submitted,
    World,
    labels,
)
from modelmarket.protocol.labels import difference, words
from modelmarket.protocol.seals import Opening, seal, superhash


@pytest.mark.parametrize("bits", [1, 2, 4, 8, 16])
@pytest.mark.parametrize(
    "size", ["one", "word less one", "word", "word and one", "pages"]
)
def test_open_predictions__at_every_width_and_padding__pays_the_winner(
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
def test_open_predictions__with_another_count_than_claimed__fails_the_submission(
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


def test_open_predictions__of_another_than_the_candidate__is_refused(
    world: World,
) -> None:
    request, (_, bob) = world.in_validation(0, 1)
    with boa.reverts("NotCandidate"):
        world.open_page(request, bob, 0)


def test_open_predictions__with_any_part_wrong__is_refused_and_the_clock_runs_on(
    world: World,
) -> None:
    request, (ann,) = world.in_validation(3)
    ends = world.state(request).step_ends
    page = ann.opening.pages[0]
    changes: dict[str, dict[str, Any]] = {
        "WrongSeal": {"inner": bytes(32)},
        "WrongLength": {"difference": [0, 0]},
        "WrongTruth": {"truth": words(page)},
    }
    for reason, change in changes.items():
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


def test_open_predictions__out_of_order_or_a_second_time__is_refused(
    world: World,
) -> None:
    request, (ann,) = world.in_validation(3, count=100_000)
    with boa.reverts("WrongPage"):
        world.open_page(request, ann, 1)
    world.open_page(request, ann, 0)
    with boa.reverts("WrongPage"):
        world.open_page(request, ann, 0)
    assert world.state(request).pages == 1


THREE_FULL_PAGES = 3 * 768 * 16


def test_open_truth__of_a_page_under_another_number__is_refused(world: World) -> None:
    """Full pages have the same length, so that nothing but the number differs."""
    request = world.create(codes=labels(THREE_FULL_PAGES, 1_000), bits=16)
    world.at(request.deadline)
    page, inner = words(request.opening.pages[0]), request.opening.inner(0)
    for number in (1, 2, 3):
        with boa.reverts("WrongPage"), world.as_("eve"):
            world.market.open_truth(request.id, number, page, inner)
    world.open_truth(request)
    assert world.phase(request) == CLAIMS


def test_open_predictions__of_a_page_under_another_number__is_refused(
    world: World,
) -> None:
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


def test_open_predictions__of_page_after_page__goes_on_counting(world: World) -> None:
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


def test_enforce_timeout__on_a_candidate_amid_its_pages__voids_its_progress(
    world: World,
) -> None:
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


@pytest.mark.parametrize("leaving", ["ranked", "silent"])
def test_cancel_submission__by_a_bystander__voids_nothing_of_the_candidates(
    world: World, leaving: str
) -> None:
    request, (ann, bob, cid) = world.in_claims(3, 7, 9, count=60_000)
    for one in (ann, bob):
        world.claim(request, one)
    world.close_claims(request)
    world.open_page(request, ann, 0)
    progress = world.state(request).pages, world.state(request).matched
    left = world.market.submission(ann.id).sealed
    world.cancel(bob if leaving == "ranked" else cid, accept_slash=True)
    state = world.state(request)
    assert (state.pages, state.matched) == progress == (1, 49_152 - 3)
    assert world.market.submission(ann.id).sealed == left != ann.opening.seal
    world.open_page(request, ann, 1)
    assert world.phase(request) == FULFILLED


@pytest.mark.parametrize("end", ["leaves", "lies", "late"])
def test_open_predictions__of_the_next_candidate__begins_at_its_first_page(
    world: World, end: str
) -> None:
    request, (ann, bob) = world.in_claims(3, 7, count=60_000)
    world.claim(request, ann, 60_000)
    world.claim(request, bob)
    world.close_claims(request)
    world.open_page(request, ann, 0)
    if end == "leaves":
        world.cancel(ann, accept_slash=True)
    elif end == "lies":
        world.open_page(request, ann, 1)
    else:
        world.at(world.state(request).step_ends)
        world.enforce(request)
    state = world.state(request)
    assert (state.pages, state.matched, state.candidate) == (0, 0, bob.id)
    assert world.market.submission(ann.id).sealed == ann.opening.seal
    with boa.reverts("WrongPage"):
        world.open_page(request, bob, 1)
    world.validate(request, bob)
    assert world.phase(request) == FULFILLED
    assert world.state(request).matched == 60_000 - 7


def test_open_truth__of_each_page__is_held_against_its_seal(world: World) -> None:
    request = world.create(codes=labels(THREE_FULL_PAGES, 1_000), bits=16)
    world.at(request.deadline)
    for page, packed in enumerate(request.opening.pages):
        right, inner = words(packed), request.opening.inner(page)
        wrong_words = [right[0] ^ 1, *right[1:]]
        for sent, below in ((wrong_words, inner), (right, bytes(32))):
            with boa.reverts("WrongSeal"), world.as_("requester"):
                world.market.open_truth(request.id, page, sent, below)
        for sent in ([], right[:-1]):
            with boa.reverts("WrongLength"), world.as_("requester"):
                world.market.open_truth(request.id, page, sent, inner)
        world.open_truth_page(request, page)
        for again in range(page + 1):
            with boa.reverts(), world.as_("requester"):
                world.open_truth_page(request, again)
        kept = world.market.truth_page(request.id, page)
        assert kept == keccak(encode(("uint256[]",), (right,)))
        assert world.market.truth_page(request.id, page + 1) == bytes(32)
    assert world.phase(request) == CLAIMS


def test_open_predictions__of_each_page__is_held_against_seal_and_truth(
    world: World,
) -> None:
    codes = labels(THREE_FULL_PAGES, 1_000)
    guess_codes = codes.copy()
    guess_codes[::5_000] ^= 1
    guess_codes[-1] ^= 1
    request = world.create(codes=codes, bits=16)
    ann = world.submit(request, "ann", codes=guess_codes)
    world.open_truth(request)
    world.claim(request, ann)
    world.close_claims(request)
    for page, packed in enumerate(request.opening.pages):
        truth, guess = words(packed), words(ann.opening.pages[page])
        differing = [one ^ other for one, other in zip(truth, guess, strict=True)]
        elsewhere = words(request.opening.pages[page - 1])
        for reason, change in (
            ("WrongSeal", {"difference": [differing[0] ^ 1, *differing[1:]]}),
            ("WrongSeal", {"inner": bytes(32)}),
            ("WrongSeal", {"superhash": superhash("bafyother"), "model": "bafyother"}),
            # Counted against a page that suits them better.
            ("WrongTruth", {"truth": guess, "difference": [0] * len(guess)}),
            ("WrongTruth", {"truth": elsewhere}),
            # What is not sent would count as right.
            ("WrongLength", {"difference": differing[:-1]}),
            ("WrongLength", {"difference": []}),
            ("WrongLength", {"truth": truth[:-1]}),
        ):
            with boa.reverts(reason):
                world.open_page(request, ann, page, **change)
        world.open_page(request, ann, page)
    assert world.phase(request) == FULFILLED


def test_truth_page__of_two_requests_opened_in_turn__is_kept_apart(
    world: World,
) -> None:
    """Opened side by side, page by page; neither is counted against the other."""
    stories = []
    for who, seed in (("ann", 1), ("bob", 2)):
        request = world.create(codes=labels(50_000, seed=seed))
        stories.append((request, world.submit(request, who, 4)))
    world.at(stories[-1][0].deadline)
    for page in (0, 1):
        for request, _ in stories:
            world.open_truth_page(request, page)
    for request, one in stories:
        for page in (0, 1):
            packed = request.opening.pages[page]
            kept = world.market.truth_page(request.id, page)
            assert kept == keccak(encode(("uint256[]",), (words(packed),)))
        world.claim(request, one)
    world.close_claims(stories[-1][0])
    for page in (0, 1):
        for request, one in stories:
            world.open_page(request, one, page)
    assert [world.phase(request) for request, _ in stories] == [FULFILLED] * 2


def test_open_predictions__of_labels_off_by_any_one_bit__counts_them_as_wrong(
    world: World,
) -> None:
    """Sixteen labels of sixteen bits, each off by another bit."""
    codes = labels(32, 1_000)
    guess = codes.copy()
    guess[:16] ^= np.uint16(1) << np.arange(16, dtype=np.uint16)
    request = world.create(codes=codes, bits=16)
    ann = world.submit(request, "ann", codes=guess)
    world.open_truth(request)
    world.claim(request, ann, 16)
    world.close_claims(request)
    world.validate(request, ann)
    assert world.phase(request) == FULFILLED


@pytest.mark.parametrize("bits", [1, 2, 4, 8, 16])
def test_open_predictions__with_not_one_label_right__counts_none(
    world: World, bits: int
) -> None:
    per_word = 256 // bits
    codes = labels(3 * per_word, min(2**bits, 1_000), seed=bits)
    request = world.create(codes=codes, bits=bits)
    ann = world.submit(request, "ann", codes=codes ^ np.uint16(1))
    world.open_truth(request)
    world.claim(request, ann, 0)
    world.close_claims(request)
    world.validate(request, ann)
    assert world.phase(request) == FULFILLED
    assert world.state(request).matched == 0


def _inner(world: World, request: Requested) -> bytes:
    opening = world.seal_predictions(request, request.codes, "ann")
    return opening.inner(0)


def test_open_predictions__with_padding_unlike_the_truths__wins_all_the_same(
    world: World,
) -> None:
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


@pytest.mark.parametrize("whose", ["truth", "predictions", "both"])
def test_open_predictions__with_padding_on_the_last_of_several_pages__never_counts_it(
    world: World, whose: str
) -> None:
    codes = labels(768 * 16 + 5, 1_000)
    opening = _noisy(world.seal_truth(codes, 16), is_noisy=whose != "predictions")
    request = world.create(codes=codes, bits=16, truth_seal=opening.seal)
    request = replace(request, opening=opening)
    guess = codes.copy()
    guess[[0, -1]] ^= 1
    own = _noisy(
        world.seal_predictions(request, guess, "ann"), is_noisy=whose != "truth"
    )
    with world.as_("ann"):
        number = world.market.submit(
            request.id,
            request.terms_hash,
            own.layers[0],
            superhash(MODEL),
            "",
            (0, 0, bytes(32), bytes(32)),
        )
    ann = Submitted(number, "ann", guess, own, MODEL)
    world.open_truth(request)
    world.claim(request, ann, codes.size - 2)
    world.close_claims(request)
    world.validate(request, ann)
    assert world.phase(request) == FULFILLED


def _noisy(opening: Opening, *, is_noisy: bool) -> Opening:
    """The same list, with padding that is not zero."""
    *full, last = opening.pages
    if not is_noisy:
        return opening
    used = 5 * 2
    return seal([*full, last[:used] + b"\xa5" * (len(last) - used)], opening.core)


def test_open_predictions__by_anyone__pays_the_trainer(world: World) -> None:
    request, (ann,) = world.in_claims(0)
    world.claim(request, ann)
    world.close_claims(request)
    before = world.balance("ann"), world.balance("eve")
    world.open_page(request, ann, 0, who="eve")
    assert world.balance("ann") == before[0] + REWARD + STAKE
    assert world.balance("eve") == before[1]


def test_enforce_timeout__on_an_unopened_truth__slashes_the_reward_and_frees_the_stakes(
    world: World,
) -> None:
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


def test_enforce_timeout__on_an_unopened_truth_with_none_live__refunds_the_requester(
    world: World,
) -> None:
    before = world.balance("requester")
    request = world.create()
    world.at(request.deadline + RESPONSE)
    world.enforce(request)
    assert world.phase(request) == REFUNDED
    assert world.balance("requester") == before


def test_enforce_timeout__when_nobody_claimed__refunds_the_requester_and_slashes_the_silent(
    world: World,
) -> None:
    request, _ = world.in_claims(0, 1)
    before = world.balance("requester")
    world.at(world.state(request).step_ends)
    world.enforce(request)
    assert world.phase(request) == REFUNDED
    assert world.balance("requester") == before + REWARD
    assert world.market.slashed() == 2 * STAKE == world.held()


def test_enforce_timeout__after_claims_without_submissions__refunds_the_request(
    world: World,
) -> None:
    request, _ = world.in_claims()
    assert world.phase(request) == CLAIMS
    world.at(world.state(request).step_ends)
    world.enforce(request)
    assert world.phase(request) == REFUNDED


@pytest.mark.parametrize("minimum", [17, 18])
def test_open_predictions__at_the_threshold__wins_and_one_match_below_it_is_refused(
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


def test_open_predictions__failing_with_the_next_below_the_threshold__refunds_the_request(
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


def test_withdraw__for_ranked_losers__returns_their_stakes_once_whoever_asks(
    world: World,
) -> None:
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


def test_open_predictions__of_labels_above_the_classes__wins_all_the_same(
    world: World,
) -> None:
    codes = np.full(20, 15, dtype=np.uint16)
    request = world.create(codes=codes)
    ann = world.submit(request, "ann", codes=codes.copy())
    world.open_truth(request)
    world.claim(request, ann)
    world.close_claims(request)
    world.validate(request, ann)
    assert world.phase(request) == FULFILLED
