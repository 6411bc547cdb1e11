# SPDX-License-Identifier: Apache-2.0
"""What each call says to those who only read the chain, to the last field."""

from __future__ import annotations

from typing import Any

import boa
import pytest

from contracts.world import (
    CLAIMS,
    MDC,
    MODEL,
    RESPONSE,
    REWARD,
    STAKE,
    TRUTH,
    VALIDATION,
    Requested,
    World,
    labels,
)
from modelmarket.protocol.labels import words
from modelmarket.protocol.seals import bound, superhash

MISMATCH, TIMED_OUT, CANCELLED_LATE = 1, 2, 3
TWO_PAGES = 768 * 64 + 10


def said(world: World) -> list[tuple[Any, ...]]:
    """The market's events of the last call: name, then every field."""
    return [
        (type(log).__name__, *(getattr(log, one) for one in log._fields[1:]))
        for log in world.market.get_logs()
        if type(log).__name__ not in ("Transfer", "Approval")
    ]


def test_create_request__when_taken__logs_its_terms_and_deadline(world: World) -> None:
    request = world.create()
    terms = request.terms.as_struct()
    ((*start, deadline, told),) = said(world)
    requester = world.people["requester"]
    assert start == ["RequestCreated", 1, requester, request.terms_hash]
    assert (deadline, tuple(told)) == (request.deadline, terms)


def test_submit__when_taken__logs_its_seal_its_superhash_and_its_name(
    world: World,
) -> None:
    world.create()
    request = world.create()
    ann = world.submit(request, "ann")
    seal, owner = ann.opening.seal, world.people["ann"]
    expected = (1, 2, owner, seal, superhash(MODEL), "by ann")
    assert said(world) == [("SubmissionCreated", *expected)]


def test_cancel_request__with_live_submissions__logs_how_the_reward_is_shared(
    world: World,
) -> None:
    request = world.create()
    for who in ("ann", "bob", "cid"):
        world.submit(request, who)
    with world.as_("requester"):
        world.market.cancel_request(request.id, request.terms_hash, 3)
    share, rest = divmod(REWARD, 3)
    assert said(world) == [("RequestCancelled", request.id, 3, share, rest)]


def test_cancel_request__with_none_live__logs_that_all_goes_back(world: World) -> None:
    request = world.create()
    with world.as_("requester"):
        world.market.cancel_request(request.id, request.terms_hash, 0)
    assert said(world) == [("RequestCancelled", request.id, 0, 0, REWARD)]


def test_cancel_request__of_a_reward_shared_without_a_rest__moves_no_coin(
    world: World,
) -> None:
    request = world.create()
    for who in ("ann", "bob"):
        world.submit(request, who)
    with world.as_("requester"):
        world.market.cancel_request(request.id, request.terms_hash, 2)
    assert said(world) == [("RequestCancelled", request.id, 2, REWARD // 2, 0)]
    every = world.market.get_logs(strict=False)
    assert [type(one).__name__ for one in every] == ["RequestCancelled"]


def test_cancel_submission__in_time__logs_what_is_paid_back(world: World) -> None:
    world.submit(world.create(), "bob")
    ann = world.submit(world.create(), "ann")
    world.cancel(ann)
    assert said(world) == [("SubmissionCancelled", 2, 2, STAKE)]


def test_cancel_submission__late__logs_a_failure_with_its_reason(world: World) -> None:
    request, (ann, _bob) = world.in_claims(0, 1)
    ends = world.state(request).step_ends
    world.at(world.now + 100)
    world.cancel(ann, accept_slash=True)
    failed = ("SubmissionFailed", ann.id, request.id, CANCELLED_LATE, STAKE, ends)
    assert said(world) == [failed]


def test_open_truth__of_each_page__logs_its_labels_and_the_window(world: World) -> None:
    request = world.create(codes=labels(TWO_PAGES))
    world.at(request.deadline + 7)
    for page in (0, 1):
        world.open_truth_page(request, page)
        page_words = words(request.opening.pages[page])
        ((*start, told),) = said(world)
        # No page moves the window; the last begins that of the claims.
        ends = world.now + RESPONSE if page else request.deadline + RESPONSE + 60
        left = request.opening.layers[1]
        assert start == ["TruthOpened", request.id, page, left, ends]
        assert list(told) == page_words
        assert world.state(request).sealed == left
        world.at(world.now + 11)


def test_claim__when_taken__logs_how_many_matches(world: World) -> None:
    request, (_, bob) = world.in_claims(0, 3)
    world.claim(request, bob)
    assert said(world) == [("Claimed", bob.id, request.id, 17)]


def test_set_operator__to_appoint_or_to_dismiss__logs_which(world: World) -> None:
    ann, eve = world.people["ann"], world.people["eve"]
    for approved in (True, False):
        with world.as_("ann"):
            world.market.set_operator(eve, approved)
        assert said(world) == [("OperatorSet", ann, eve, approved)]


def test_open_predictions__of_a_page_before_the_last__logs_the_count_so_far(
    world: World,
) -> None:
    request, (ann,) = world.in_validation(5, codes=labels(TWO_PAGES))
    ends = world.now + RESPONSE + 60
    world.at(world.now + 13)
    world.open_page(request, ann, 0)
    counted = 768 * 64 - 5
    left = bound(ann.opening.layers[1], superhash(MODEL))
    opened = ("PredictionsOpened", ann.id, request.id, 0, counted, left, ends)
    assert said(world) == [opened]
    entry = world.market.submission(ann.id)
    assert (entry.seal, entry.sealed) == (ann.opening.seal, left)


def test_open_predictions__of_the_winner__logs_what_is_paid_and_the_model(
    world: World,
) -> None:
    request, (ann, _bob) = world.in_claims(0, 1)  # bob says nothing
    world.claim(request, ann)
    world.close_claims(request)
    world.validate(request, ann)
    won = ("RequestFulfilled", request.id, ann.id, REWARD + STAKE, STAKE, MODEL)
    assert said(world) == [won]


@pytest.mark.parametrize("lie", [-1, 1])
def test_open_predictions__with_a_mismatch__logs_the_failure_and_the_next_ones_window(
    world: World, lie: int
) -> None:
    request, (ann, bob) = world.in_claims(1, 2)
    world.claim(request, ann, 19 + lie)
    world.claim(request, bob)
    world.close_claims(request)
    first = ann if world.state(request).best == ann.id else bob
    assert first is ann
    world.at(world.now + 17)
    world.validate(request, ann)
    ends = world.now + RESPONSE
    failed = ("SubmissionFailed", ann.id, request.id, MISMATCH, STAKE, ends)
    assert said(world) == [failed]


def test_enforce_timeout__on_the_last_candidate__logs_its_failure_and_then_the_refund(
    world: World,
) -> None:
    request, (ann, _bob) = world.in_claims(0, 1)  # bob says nothing
    world.claim(request, ann)
    world.close_claims(request)
    world.at(world.state(request).step_ends + 5)
    world.enforce(request)
    ends = world.now + RESPONSE
    assert said(world) == [
        ("SubmissionFailed", ann.id, request.id, TIMED_OUT, STAKE, ends),
        ("RequestRefunded", request.id, REWARD, STAKE),
    ]


def test_enforce_timeout__when_nobody_claimed__logs_what_is_paid_and_slashed(
    world: World,
) -> None:
    request, _ = world.in_claims(0, 1)  # nobody says anything
    world.close_claims(request)
    world.enforce(request)
    assert said(world) == [("RequestRefunded", request.id, REWARD, 2 * STAKE)]


def test_enforce_timeout__on_an_unopened_truth__logs_the_reward_as_slashed(
    world: World,
) -> None:
    request = world.create()
    world.submit(request, "ann")
    world.at(request.deadline + RESPONSE)
    world.enforce(request)
    assert said(world) == [("RequestForfeited", request.id, REWARD)]


def test_withdraw__when_a_stake_is_due__logs_what_is_paid(world: World) -> None:
    world.create()
    request, (ann, bob) = world.in_validation(0, 1)
    world.validate(request, ann)
    world.withdraw(bob)
    assert said(world) == [("Withdrawn", bob.id, request.id, STAKE)]


def test_claim_airdrop__when_taken__logs_who_had_how_much(world: World) -> None:
    newcomer = boa.env.generate_address("newcomer")
    with boa.env.prank(newcomer):
        world.coin.claim_airdrop()
    (claimed,) = [
        log for log in world.coin.get_logs() if type(log).__name__ == "AirdropClaimed"
    ]
    assert (claimed.account, claimed.amount) == (newcomer, 1_000 * MDC)


def test_request__while_the_candidate_opens__reads_back_its_pages_and_matches(
    world: World,
) -> None:
    request, (ann,) = world.in_validation(5, codes=labels(TWO_PAGES))
    _look(world, request, candidate=ann.id, pages=0, matched=0, live=1, ranked=1)
    world.open_page(request, ann, 0)
    matched = 768 * 64 - 5
    _look(world, request, candidate=ann.id, pages=1, matched=matched)
    world.open_page(request, ann, 1)
    _look(world, request, candidate=0, best=ann.id, pages=2)
    _look(world, request, matched=TWO_PAGES - 5)


def test_submission__just_submitted__reads_back_as_it_was_made(world: World) -> None:
    world.create()
    request = world.create()
    ann = world.submit(request, "ann")
    entry = world.market.submission(ann.id)
    assert (entry.trainer, entry.request_id) == (world.people["ann"], request.id)
    assert (entry.status, entry.matches) == (1, 0)
    assert (entry.ahead, entry.behind) == (0, 0)
    assert (entry.seal, entry.sealed) == (ann.opening.seal, ann.opening.seal)


def test_submission__after_it_failed__stands_beside_nobody(world: World) -> None:
    request, entered = world.in_claims(0, 1, 2)
    for one in entered:
        world.claim(request, one)
    first, middle, last = entered
    entry = world.market.submission(middle.id)
    assert (entry.ahead, entry.behind) == (first.id, last.id)
    world.cancel(middle, accept_slash=True)
    entry = world.market.submission(middle.id)
    assert (entry.ahead, entry.behind, entry.status) == (0, 0, 4)
    assert world.ranking(request) == [first.id, last.id]


def _look(world: World, request: Requested, **fields: int | bytes) -> None:
    state = world.state(request)
    assert {name: getattr(state, name) for name in fields} == fields


THREE_PAGES = 2 * 768 * 64 + 10


def test_pages__in_the_middle_of_three__are_logged_like_the_first(world: World) -> None:
    world.submit(world.create(), "bob")
    request = world.create(codes=labels(THREE_PAGES))
    ann = world.submit(request, "ann", mistakes=5)
    due = request.deadline + RESPONSE + 2 * 60
    for page in (0, 1):
        world.at(request.deadline + 10 * page)
        world.open_truth_page(request, page)
        ((*told, _),) = said(world)
        left = request.opening.layers[page + 1]
        assert told == ["TruthOpened", request.id, page, left, due]
        _look(world, request, phase=TRUTH, pages=page + 1, matched=0, sealed=left)
    world.open_truth_page(request, 2)
    _look(world, request, phase=CLAIMS, pages=0, matched=0, sealed=left)
    world.claim(request, ann)
    world.close_claims(request)
    due = world.now + RESPONSE + 2 * 60
    for page in (0, 1):
        world.at(world.now + 10 * page)
        world.open_page(request, ann, page)
        counted = (page + 1) * 768 * 64 - 5
        left = bound(ann.opening.layers[page + 1], superhash(MODEL))
        opened = ("PredictionsOpened", ann.id, request.id, page, counted, left, due)
        assert said(world) == [opened]
        _look(world, request, phase=VALIDATION, pages=page + 1, matched=counted)
        assert world.market.submission(ann.id).sealed == left


@pytest.mark.parametrize("phase", [TRUTH, CLAIMS, VALIDATION])
@pytest.mark.parametrize("leaving", ["first", "second"])
def test_cancel_submission__late_in_any_phase__logs_the_same_failure(
    world: World, phase: int, leaving: str
) -> None:
    world.submit(world.create(), "bob")
    request, entered = world.in_phase(phase, 0, 1)
    ends = world.state(request).step_ends
    one = entered[leaving == "second"]
    world.at(world.now + 100)
    world.cancel(one, accept_slash=True)
    if (phase, leaving) == (VALIDATION, "first"):
        ends = world.now + RESPONSE
    failed = ("SubmissionFailed", one.id, request.id, CANCELLED_LATE, STAKE, ends)
    assert said(world) == [failed]


def test_claim__wherever_it_ranks__logs_the_one_that_claims(world: World) -> None:
    world.submit(world.create(), "dot")
    request, entered = world.in_claims(1, 0, 2)
    for one, matches in zip(entered, (19, 20, 18), strict=True):
        world.claim(request, one)
        assert said(world) == [("Claimed", one.id, request.id, matches)]


def test_cancel_request__with_a_max_live_above_the_live__logs_how_many_were_live(
    world: World,
) -> None:
    request, _ = world.in_phase(TRUTH, 0, 1, 2)
    with world.as_("requester"):
        world.market.cancel_request(request.id, request.terms_hash, 9)
    share, rest = divmod(REWARD, 3)
    assert said(world) == [("RequestCancelled", request.id, 3, share, rest)]


def test_set_operator__to_dismiss_one_that_was_none__logs_a_dismissal(
    world: World,
) -> None:
    ann, eve = world.people["ann"], world.people["eve"]
    with world.as_("ann"):
        world.market.set_operator(eve, False)
    assert said(world) == [("OperatorSet", ann, eve, False)]
