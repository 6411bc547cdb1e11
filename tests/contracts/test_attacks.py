# SPDX-License-Identifier: Apache-2.0
"""The attacks that the protocol names, one test each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import boa
import pytest
from eth_abi import encode
from eth_hash.auto import keccak

from contracts.machine import Machine
from contracts.sources import search
from contracts.test_coin import newcomer, sign_permit
from contracts.world import (
    CANCELLED,
    CLAIMS,
    FORFEITED,
    FULFILLED,
    MDC,
    MODEL,
    NO_PERMIT,
    RESPONSE,
    REWARD,
    STAKE,
    VALIDATION,
    WINDOW,
    Requested,
    Submitted,
    World,
    labels,
    wrong,
)
from modelmarket.protocol.classes import Codes
from modelmarket.protocol.labels import difference, pack, words
from modelmarket.protocol.seals import Core, bound, seal, superhash
from modelmarket.protocol.types import Salt, Wei

HARNESS = Path(__file__).parent / "harness"


def test_attack_early_payout__before_the_truth_is_open__is_refused(
    world: World,
) -> None:
    request = world.create()
    ann = world.submit(request, "ann")
    for second in (world.now, request.deadline):
        world.at(second)
        with boa.reverts("WrongPhase"):
            world.open_page(request, ann, 0)
        with boa.reverts("NothingDue"):
            world.withdraw(ann)


def test_attack_double_payout__after_winning_or_withdrawing__is_refused(
    world: World,
) -> None:
    request, (ann, bob) = world.in_validation(0, 1)
    world.validate(request, ann)
    with boa.reverts("WrongPhase"):
        world.validate(request, ann)
    world.withdraw(bob)
    for one in (ann, bob):
        with boa.reverts("NothingDue"):
            world.withdraw(one)
    assert world.held() == 0


def test_attack_copied_seal__claimed_by_another_trainer__never_opens_and_fails(
    world: World,
) -> None:
    request = world.create()
    ann = world.submit(request, "ann")
    with world.as_("eve"):
        number = world.market.submit(
            request.id,
            request.terms_hash,
            ann.opening.layers[0],
            superhash(MODEL),
            "",
            NO_PERMIT,
        )
    eve = replace(ann, id=number, trainer="eve")
    world.open_truth(request)
    world.claim(request, ann, 19)
    world.claim(request, eve, 20)
    world.close_claims(request)
    with boa.reverts("WrongSeal"):
        world.open_page(request, eve, 0)
    world.at(world.state(request).step_ends)
    world.enforce(request)
    assert world.status(eve) == 4


def test_cancel_request__when_a_submission_came_just_before__is_refused_as_too_many_live(
    world: World,
) -> None:
    request = world.create()
    world.submit(request, "eve")  # seen in the mempool, and quicker
    with world.as_("requester"), boa.reverts("TooManyLive"):
        world.market.cancel_request(request.id, request.terms_hash, 0)
    assert world.held() == REWARD + STAKE


def test_cancel_submission__at_the_deadline_without_accept_slash__leaves_it_live(
    world: World,
) -> None:
    request = world.create()
    ann = world.submit(request, "ann")
    world.at(request.deadline)
    with boa.reverts("StakeAtRisk"):
        world.cancel(ann)
    assert world.status(ann) == 1


def test_submit__after_somebody_sent_the_same_call__still_wins_for_its_owner(
    world: World,
) -> None:
    """Whoever sends the same call first stakes on a seal he cannot open."""
    request = world.create()
    opening = world.seal_predictions(request, request.codes, "ann")
    call = (
        request.id,
        request.terms_hash,
        opening.layers[0],
        superhash(MODEL),
        "",
        NO_PERMIT,
    )
    with world.as_("eve"):
        world.market.submit(*call)
    with world.as_("ann"):
        number = world.market.submit(*call)
    ann = Submitted(number, "ann", request.codes, opening, MODEL)
    world.open_truth(request)
    world.claim(request, ann)
    world.close_claims(request)
    before = world.balance("ann")
    world.validate(request, ann)
    assert world.balance("ann") == before + REWARD + STAKE


def test_create_request__when_its_permit_was_sent_ahead__is_taken_all_the_same(
    world: World,
) -> None:
    wallet = newcomer(world)
    ends, v, r, s = sign_permit(world, wallet, REWARD)
    with world.as_("eve"):
        world.coin.permit(wallet.address, world.market.address, REWARD, ends, v, r, s)
    world.create(who="new", permit=(ends, v, r, s))
    assert world.market.request_count() == 1


def test_open_predictions__by_a_front_runner__pays_the_trainer_alone(
    world: World,
) -> None:
    """A copied opening changes nothing but who pays the gas."""
    request, (ann,) = world.in_validation(0)
    before = world.balance("ann"), world.balance("eve")
    world.open_page(request, ann, 0, who="eve")
    assert (world.balance("ann"), world.balance("eve")) == (
        before[0] + REWARD + STAKE,
        before[1],
    )


def test_claim__by_a_stranger_who_made_herself_operator__is_refused(
    world: World,
) -> None:
    request, (ann,) = world.in_claims(0)
    with world.as_("eve"):
        world.market.set_operator(world.people["eve"], True)
    with boa.reverts("NotTrainer"):
        world.claim(request, ann, 0, hint=0, who="eve")


def test_attack_second_refund__of_a_cancelled_request__is_refused(world: World) -> None:
    request = world.create()
    with world.as_("requester"):
        world.market.cancel_request(request.id, request.terms_hash, 0)
        with boa.reverts("WrongPhase"):
            world.market.cancel_request(request.id, request.terms_hash, 0)
    world.at(request.deadline + 10 * RESPONSE)
    with boa.reverts("NotOverdue"):
        world.enforce(request)


def test_claim__of_more_matches_than_labels__is_refused(world: World) -> None:
    request, (ann,) = world.in_claims(0)
    for matches in (21, 2**32, 2**256 - 1):
        with boa.reverts("TooManyMatches"):
            world.claim(request, ann, matches, hint=0)


def test_enforce_timeout__on_a_candidate_that_never_opens__slashes_it_and_the_next_wins(
    world: World,
) -> None:
    request, (ann, bob) = world.in_claims(9, 0)
    world.claim(request, ann, 20)
    world.claim(request, bob)
    world.close_claims(request)
    world.at(world.state(request).step_ends)
    world.enforce(request)
    world.validate(request, bob)
    assert world.phase(request) == FULFILLED
    assert world.market.slashed() == STAKE


def test_attack_false_claims__seven_in_a_row__each_cost_a_stake_and_the_honest_one_wins(
    world: World,
) -> None:
    """Each holds the request up for one window."""
    liars = 7
    request, entered = world.in_claims(*[10] * liars, 0)
    *false, honest = entered
    for one in false:
        world.claim(request, one, 20)
    world.claim(request, honest)
    world.close_claims(request)
    began = world.now
    for one in false:
        assert world.state(request).candidate == one.id
        world.at(world.state(request).step_ends)
        world.enforce(request)
    assert world.now == began + liars * RESPONSE
    before = world.balance(honest.trainer)
    world.validate(request, honest)
    assert world.balance(honest.trainer) == before + REWARD + STAKE
    assert world.market.slashed() == liars * STAKE == world.held()


def test_enforce_timeout__on_a_candidate_short_of_its_last_page__fails_it_and_the_next_wins(
    world: World,
) -> None:
    request, (ann, bob) = world.in_validation(1, 2, count=60_000)
    world.open_page(request, ann, 0)
    world.at(world.state(request).step_ends)
    world.enforce(request)
    world.validate(request, bob)
    assert (world.status(ann), world.phase(request)) == (4, FULFILLED)


def test_cancel_submission__by_a_candidate_amid_its_pages__lets_the_next_begin_at_the_first(
    world: World,
) -> None:
    request, (ann, bob) = world.in_validation(1, 2, count=60_000)
    world.open_page(request, ann, 0)
    world.cancel(ann, accept_slash=True)
    state = world.state(request)
    assert (state.pages, state.matched, state.candidate) == (0, 0, bob.id)
    with boa.reverts("WrongPage"):
        world.open_page(request, bob, 1)
    world.validate(request, bob)
    assert world.phase(request) == FULFILLED


@pytest.mark.parametrize("hint", ["itself", "another request", "removed", "unclaimed"])
def test_claim__with_a_hint_that_points_elsewhere__is_refused(
    world: World, hint: str
) -> None:
    other, (stranger,) = world.in_claims(0)
    world.claim(other, stranger)
    request, (ann, bob, cid, dot) = world.in_claims(0, 1, 2, 3)
    world.claim(request, ann)
    world.claim(request, bob)
    world.cancel(bob, accept_slash=True)
    number = {
        "itself": dot.id,
        "another request": stranger.id,
        "removed": bob.id,
        "unclaimed": cid.id,
    }[hint]
    with boa.reverts("BadHint"):
        world.claim(request, dot, hint=number)
    assert world.ranking(request) == [ann.id]


def test_claim__with_a_hint_of_zero__is_placed_from_the_top(world: World) -> None:
    request, (ann, bob) = world.in_claims(1, 0)
    world.claim(request, ann, hint=0)
    world.claim(request, bob, hint=0)
    assert world.ranking(request) == [bob.id, ann.id]


def test_attack_hint_flooding__by_forty_equal_claims__keeps_out_no_claim_with_a_fresh_hint(
    world: World,
) -> None:
    request, entered = world.in_claims(*[5] * 40, 4, 6)
    *flood, better, worse = entered
    ahead = 0
    for one in flood:
        world.claim(request, one, hint=ahead)
        ahead = one.id
    with boa.reverts("HintTooFar"):
        world.claim(request, worse, hint=0)
    world.claim(request, worse)
    world.claim(request, better, hint=flood[20].id)
    assert world.ranking(request) == [better.id, *(one.id for one in flood), worse.id]


def test_attack_guessed_truth__of_one_label_of_one_bit__never_meets_the_seal(
    world: World,
) -> None:
    """One label of one bit has two truths, but 2**256 salts."""
    codes = labels(1, 2)
    request = world.create(codes=codes, bits=1)
    for guess, salt in product((0, 1), (bytes(32), b"\x01" * 32)):
        core = Core.of_truth(
            world.market.chain_id(),
            world.market.address,
            world.people["requester"],
            Salt(salt),
        )
        tried = seal(pack(codes * 0 + guess, 1), core)
        assert tried.seal != request.opening.seal


def test_open_truth__with_a_page_of_the_wrong_length__is_refused(world: World) -> None:
    request = world.create(100)
    world.at(request.deadline)
    right = words(request.opening.pages[0])
    for sent in ([], right[:-1], [*right, 0]):
        with world.as_("requester"), boa.reverts("WrongLength"):
            world.market.open_truth(request.id, 0, sent, request.opening.inner(0))


def test_open_truth__with_a_page_of_another_list__is_refused(world: World) -> None:
    request = world.create(60_000)
    world.at(request.deadline)
    other = world.seal_truth(labels(60_000, seed=9), 4)
    with world.as_("requester"), boa.reverts("WrongSeal"):
        world.market.open_truth(request.id, 0, words(other.pages[0]), other.inner(0))
    world.open_truth_page(request, 0)
    with world.as_("requester"), boa.reverts("WrongSeal"):
        world.market.open_truth(request.id, 1, words(other.pages[1]), other.inner(1))


def test_open_truth__with_an_extra_or_a_short_page__is_refused(world: World) -> None:
    request, _ = world.in_claims(0)
    with boa.reverts("WrongPhase"):
        world.open_truth_page(request, 0)
    longer = world.create(60_000)
    world.at(longer.deadline)
    page = words(longer.opening.pages[0])
    with world.as_("requester"), boa.reverts("WrongLength"):
        world.market.open_truth(longer.id, 0, page[:-1], longer.opening.inner(0))


@pytest.mark.parametrize("second", [-1, 0, RESPONSE - 1, RESPONSE])
def test_clock__at_each_edge_of_the_truths_window__decides_who_may_cancel_or_open(
    world: World, second: int
) -> None:
    request = world.create()
    world.submit(request, "ann")
    world.at(request.deadline + second)
    with boa.env.anchor(), world.as_("requester"):
        if second < RESPONSE:
            world.market.cancel_request(request.id, request.terms_hash, 1)
            assert world.phase(request) == CANCELLED
        else:
            with boa.reverts("Overdue"):
                world.market.cancel_request(request.id, request.terms_hash, 1)
    if second == -1:
        with boa.reverts("WrongPhase"):
            world.open_truth_page(request, 0)
    elif second < RESPONSE:
        world.open_truth_page(request, 0)
        assert world.phase(request) == CLAIMS
    else:
        with boa.reverts("Overdue"):
            world.open_truth_page(request, 0)
        world.enforce(request)
        assert world.phase(request) == FORFEITED


def test_submit__to_an_id_that_a_reorganisation_gave_to_another__is_refused(
    world: World,
) -> None:
    """After a reorganisation request 1 is somebody else's; the stake that was
    meant for the old one is not taken."""
    with boa.env.anchor():
        meant = world.create()
        opening = world.seal_predictions(meant, meant.codes, "ann")
    other = world.create(who="eve")
    assert other.id == meant.id
    with world.as_("ann"), boa.reverts("WrongTerms"):
        world.market.submit(
            other.id,
            meant.terms_hash,
            opening.layers[0],
            superhash(MODEL),
            "",
            NO_PERMIT,
        )


def test_create_request__with_windows_that_overflow_the_clock__is_refused(
    world: World,
) -> None:
    changes: tuple[dict[str, Any], ...] = (
        {"submission_window_s": 2**40},
        {"submission_window_s": 2**256 - 1},
        {"response_window_s": 2**24},
        {"response_window_s": 2**256 - 1},
    )
    for change in changes:
        with boa.reverts("BadWindow"):
            world.create(**change)


def test_books__when_silent_submissions_left_late__slash_each_of_them_once(
    world: World,
) -> None:
    request, (ann, bob, cid) = world.in_claims(0, 1, 2)
    world.claim(request, ann)
    world.cancel(cid, accept_slash=True)  # silent, and slashed at once
    world.close_claims(request)
    world.cancel(bob, accept_slash=True)  # silent too, in validation
    assert world.market.slashed() == 2 * STAKE
    world.validate(request, ann)
    assert world.market.slashed() == 2 * STAKE == world.held()


def test_withdraw__re_entered_by_the_token_while_it_pays__pays_nothing_more(
    world: World,
) -> None:
    search()
    with boa.env.prank(world.deployer):
        coin = boa.load(str(HARNESS / "BadCoin.vy"))
    bad = World(coin, world.deployer)
    request, (ann, bob) = bad.in_validation(0, 1)
    bad.validate(request, ann)
    coin.attack(bad.market.address, bad.market.withdraw.prepare_calldata(bob.id))
    before = bad.balance("bob")
    bad.withdraw(bob)
    assert (coin.reentered(), coin.refused()) == (1, 1)
    assert bad.balance("bob") == before + STAKE
    assert bad.held() == 0


def _outermost(world: World) -> dict[str, bytes]:
    """A call of each of the market's functions, with arguments of nothing."""
    calls = {}
    for entry in world.market.abi:
        if entry["type"] == "function":
            name = entry["name"]
            blank = [_nothing(one) for one in entry["inputs"]]
            kinds = [_kind(one) for one in entry["inputs"]]
            selector = keccak(f"{name}({','.join(kinds)})".encode())[:4]
            calls[name] = selector + encode(kinds, blank)
    return calls


def _kind(entry: dict[str, Any]) -> str:
    inner = ",".join(map(_kind, entry.get("components", ())))
    return str(entry["type"]).replace("tuple", f"({inner})")


def _nothing(entry: dict[str, Any]) -> object:
    if entry["type"] == "tuple":
        return tuple(map(_nothing, entry["components"]))
    if entry["type"].endswith("[]"):
        return []
    known = {"string": "", "bool": False, "address": "0x" + 40 * "0"}
    return known.get(entry["type"], bytes(32) if "bytes" in entry["type"] else 0)


def test_every_call__by_a_token_that_is_being_moved__answers_nothing(
    world: World,
) -> None:
    """Not even to say why not: outside each answers, with a value or a reason."""
    search()
    with boa.env.prank(world.deployer):
        coin = boa.load(str(HARNESS / "NosyCoin.vy"))
    bad = World(coin, world.deployer)
    calls = _outermost(bad)
    assert {"withdraw", "claim", "create_request", "submit", "due"} <= set(calls)
    puppet = boa.load(str(HARNESS / "Puppet.vy"))
    for name, call in calls.items():
        assert puppet.speak(bad.market.address, call) != (False, b""), name
    first, empty, forgotten = bad.create(), bad.create(), bad.create()
    ann = bad.submit(first, "ann")
    request, (best, second) = bad.in_validation(0, 1)
    # Money moves in and out while each is tried.
    moves: dict[str, Callable[[], object]] = {
        "create_request": lambda: bad.create(),
        "submit": lambda: bad.submit(first, "ann"),
        "cancel_submission": lambda: bad.cancel(ann),
        "cancel_request": lambda: _cancel(bad, empty),
        "open_predictions": lambda: bad.validate(request, best),
        "withdraw": lambda: bad.withdraw(second),
        "enforce_timeout": lambda: bad.enforce(forgotten),
    }
    reached = set()
    for moving, move in moves.items():
        if moving == "enforce_timeout":
            bad.at(bad.state(forgotten).step_ends + RESPONSE)
        with boa.env.anchor():
            if moving in ("submit", "cancel_submission", "cancel_request"):
                # These are for a request that is still open.
                first, empty = bad.create(), bad.create()
                ann = bad.submit(first, "ann")
            if moving == "withdraw":
                bad.validate(request, best)
            for name, call in calls.items():
                with boa.env.anchor():
                    coin.ask(bad.market.address, call)
                    move()
                    assert coin.asked() == 1
                    assert (coin.worked(), coin.answer()) == (False, b""), name
                    reached.add((moving, name))
    assert len(reached) == len(moves) * len(calls)


def _cancel(world: World, request: Requested) -> None:
    with world.as_("requester"):
        world.market.cancel_request(request.id, request.terms_hash, 0)


def test_every_call__through_a_contract_that_its_victim_calls__counts_the_contract(
    world: World,
) -> None:
    """Who calls counts, not who began the transaction."""
    search()
    puppet = boa.load(str(HARNESS / "Puppet.vy"))
    market, coin = world.market, world.coin

    def says(who: str, function: Any, *arguments: object) -> tuple[bool, bytes]:
        with world.as_(who):
            target = function.contract.address
            sent = function.prepare_calldata(*arguments)
            answer: tuple[bool, bytes] = puppet.speak(target, sent)
        return answer

    def refused(answer: tuple[bool, bytes], reason: str) -> bool:
        return not answer[0] and reason.encode() in answer[1]

    request = world.create()
    ann = world.submit(request, "ann")
    seal_ = ann.opening.seal
    answer = says("ann", market.cancel_submission, ann.id, seal_, True)
    assert refused(answer, "NotTrainer")
    answer = says("requester", market.cancel_request, 1, request.terms_hash, 9)
    assert refused(answer, "NotRequester")
    enter = (1, request.terms_hash, seal_, bytes(32), "", NO_PERMIT)
    answer = says("ann", market.submit, *enter)
    assert refused(answer, "erc20: insufficient")
    eve = world.people["eve"]
    assert says("ann", market.set_operator, eve, True)[0]
    assert not market.is_operator(world.people["ann"], eve)
    assert market.is_operator(puppet.address, eve)

    # With money of its own it is a trainer and a requester like others.
    assert says("eve", coin.claim_airdrop)[0]
    assert coin.balanceOf(puppet.address) == 1_000 * MDC
    assert coin.airdropped(puppet.address)
    assert not coin.airdropped(eve)
    assert says("eve", coin.approve, market.address, 2 * STAKE)[0]
    before = world.balance("eve")
    for _ in range(2):
        worked, number = says("eve", market.submit, *enter)
        assert worked
    (event,) = [
        one for one in puppet.get_logs() if type(one).__name__ == "SubmissionCreated"
    ]
    assert event.trainer == puppet.address
    own = int.from_bytes(number)
    assert market.submission(own).trainer == puppet.address
    assert coin.balanceOf(puppet.address) == 1_000 * MDC - 2 * STAKE
    sealed = market.submission(own).seal
    assert says("eve", market.cancel_submission, own, sealed, False)[0]
    assert coin.balanceOf(puppet.address) == 1_000 * MDC - STAKE
    assert world.balance("eve") == before

    reward = 100 * STAKE
    assert says("eve", coin.approve, market.address, reward)[0]
    terms = replace(request.terms, reward=Wei(reward), stake=Wei(STAKE))
    worked, number = says("eve", market.create_request, terms.as_struct(), NO_PERMIT)
    assert worked
    held = 1_000 * MDC - STAKE
    assert coin.balanceOf(puppet.address) == held - reward
    of_puppet = int.from_bytes(number)
    state = market.request(of_puppet)
    assert state.requester == puppet.address
    cancel = (of_puppet, state.terms_hash, 0)
    with world.as_("eve"), boa.reverts("NotRequester"):
        market.cancel_request(*cancel)
    assert says("eve", market.cancel_request, *cancel)[0]
    assert coin.balanceOf(puppet.address) == held

    world.open_truth(request)
    answer = says("ann", market.claim, ann.id, seal_, 20, 0)
    assert refused(answer, "NotTrainer")
    # What anybody may do, a contract may.
    world.close_claims(request)
    before = world.balance("requester")
    assert says("eve", market.enforce_timeout, request.id)[0]
    assert world.balance("requester") == before + REWARD


def test_every_call__by_the_deployer__is_that_of_a_stranger(world: World) -> None:
    request = world.create()
    ann = world.submit(request, "ann")
    opening = request.opening
    page, inner = words(opening.pages[0]), opening.inner(0)
    market = world.market
    with boa.env.prank(world.deployer):
        with boa.reverts("NotTrainer"):
            market.cancel_submission(ann.id, ann.opening.seal, True)
        with boa.reverts("NotRequester"):
            market.cancel_request(request.id, request.terms_hash, 1)
        with boa.reverts("WrongPhase"):
            market.open_truth(request.id, 0, page, inner)
        with boa.reverts("NothingDue"):
            market.withdraw(ann.id)
        world.at(request.deadline)
        market.open_truth(request.id, 0, page, inner)
        with boa.reverts("NotTrainer"):
            market.claim(ann.id, ann.opening.seal, 20, 0)
        with boa.reverts("NotOverdue"):
            market.enforce_timeout(request.id)


def test_chain_id__on_a_fork_under_live_seals__stays_that_of_the_deployment(
    world: World,
) -> None:
    request = world.create()
    ann = world.submit(request, "ann")
    patch = boa.env.evm.patch
    began = patch.chain_id
    patch.chain_id = began + 1
    try:
        assert world.market.chain_id() == began
        world.open_truth(request)
        world.claim(request, ann)
        world.close_claims(request)
        world.validate(request, ann)
    finally:
        patch.chain_id = began
    assert world.phase(request) == FULFILLED


@pytest.mark.parametrize("bits", [8, 16, 32, 40, 64, 96, 128, 160, 255])
def test_every_call__with_a_number_equal_in_its_low_bits__takes_it_for_no_other(
    world: World, bits: int
) -> None:
    """Of requests, submissions, pages and hints."""
    market, far = world.market, 2**bits
    request, (ann, bob) = world.in_claims(1, 0, count=50_000)
    opening = ann.opening.seal
    of_requests: tuple[Callable[[int], object], ...] = (
        lambda n: market.phase(n),
        lambda n: market.request(n),
        lambda n: market.truth_page(n, 0),
        lambda n: market.enforce_timeout(n),
        lambda n: market.cancel_request(n, request.terms_hash, 9),
        lambda n: market.open_truth(n, 0, [1], bytes(32)),
        lambda n: market.submit(
            n, request.terms_hash, bytes(32), bytes(32), "", NO_PERMIT
        ),
    )
    for unknown in (far, far + request.id):
        for call in of_requests:
            with boa.reverts("UnknownRequest"), world.as_("requester"):
                call(unknown)
    of_submissions: tuple[Callable[[int], object], ...] = (
        lambda n: market.submission(n),
        lambda n: market.due(n),
        lambda n: market.withdraw(n),
        lambda n: market.cancel_submission(n, opening, True),
        lambda n: market.claim(n, opening, 3, 0),
        lambda n: market.open_predictions(n, 0, [1], [1], bytes(32), bytes(32), ""),
    )
    for unknown in (far, far + ann.id):
        for call in of_submissions:
            with boa.reverts("UnknownSubmission"), world.as_("ann"):
                call(unknown)
    for page in (0, 1):
        assert market.truth_page(request.id, page) != bytes(32)
        assert market.truth_page(request.id, far + page) == bytes(32)
    world.claim(request, ann)
    for hint in (far, far + ann.id):
        with boa.reverts("BadHint"):
            world.claim(request, bob, hint=hint)
    with boa.reverts("TooManyMatches"):
        world.claim(request, bob, max(far, 50_001), hint=0)
    world.claim(request, bob)
    world.close_claims(request)
    truth, guess = request.opening.pages[0], bob.opening.pages[0]
    sent = words(truth), words(difference(truth, guess))
    with boa.reverts("WrongPage"):
        market.open_predictions(
            bob.id, far, *sent, bob.opening.inner(0), superhash(MODEL), ""
        )
    other = world.create(50_000)
    world.at(other.deadline)
    with boa.reverts("WrongPage"):
        market.open_truth(
            other.id, far, words(other.opening.pages[0]), other.opening.inner(0)
        )


def test_truth_page__for_page_256__stands_beside_page_0(world: World) -> None:
    """The longest list has 342; those between are skipped in storage."""
    page, next_ = ([n] * 768 for n in (1, 2))
    hashes = [keccak(encode(("uint256[]",), (one,))) for one in (page, next_)]
    below = keccak(hashes[1] + bytes(32))
    request = world.create(
        1, labels=2**22, bits=16, truth_seal=keccak(hashes[0] + below)
    )
    slot = _slot_of_state(world, request)
    world.at(request.deadline)
    with boa.env.anchor():
        world.market.open_truth(request.id, 0, page, below)
        packed = boa.env.get_storage(world.market.address, slot)
        boa.env.set_storage(world.market.address, slot, packed + (255 << 176))
        world.market.open_truth(request.id, 256, next_, bytes(32))
        kept = [world.market.truth_page(request.id, one) for one in (0, 255, 256)]
        assert kept == [hashes[0], bytes(32), hashes[1]]
        assert world.state(request).pages == 257


def test_story__with_ids_above_32_bits__runs_like_any_other(world: World) -> None:
    layout = world.market.compiler_data.storage_layout["storage_layout"]
    many = 2**32 + 7
    with boa.env.anchor():
        for counter in ("request_count", "submission_count"):
            slot = layout[counter]["slot"]
            boa.env.set_storage(world.market.address, slot, many)
        request, (ann, bob, cid, dot) = world.in_claims(3, 2, 1, 0)
        assert (request.id, ann.id) == (many + 1, many + 1)
        for one in (ann, bob, cid, dot):
            assert world.market.submission(one.id).request_id == request.id
            world.claim(request, one)
        assert world.ranking(request) == [dot.id, cid.id, bob.id, ann.id]
        world.cancel(cid, accept_slash=True)
        assert world.ranking(request) == [dot.id, bob.id, ann.id]
        world.close_claims(request)
        world.cancel(dot, accept_slash=True)
        assert world.state(request).candidate == bob.id
        world.validate(request, bob)
        world.withdraw(ann)
        assert world.held() == world.market.slashed() == 2 * STAKE


def test_attack_unpaying_token__on_creating_and_on_winning__is_refused(
    world: World,
) -> None:
    search()
    with boa.env.prank(world.deployer):
        coin = boa.load(str(HARNESS / "BadCoin.vy"))
    bad = World(coin, world.deployer)
    request, (ann,) = bad.in_validation(0)
    coin.behave(1, 0)
    with boa.reverts("Unpaid"):
        bad.create()
    with boa.reverts("Unpaid"):
        bad.validate(request, ann)
    assert bad.phase(request) == VALIDATION


def test_books__with_a_donation_to_the_market__pay_out_all_but_the_donation(
    world: World,
) -> None:
    request, (ann, bob) = world.in_validation(0, 1)
    with world.as_("eve"):
        world.coin.transfer(world.market.address, 12_345)
    world.given = 12_345
    world.validate(request, ann)
    world.withdraw(bob)
    assert (world.held(), world.market.slashed()) == (12_345, 0)


@pytest.mark.parametrize("reward", [1, 2, 3, 100, 101, 999])
@pytest.mark.parametrize("live", [1, 2, 3])
def test_cancel_request__with_any_reward_and_number_live__leaves_no_dust(
    world: World, reward: int, live: int
) -> None:
    request = world.create(reward=reward, stake=max(-(-reward // 100), 1))
    entered = [world.submit(request, "ann") for _ in range(live)]
    with world.as_("requester"):
        world.market.cancel_request(request.id, request.terms_hash, live)
    for one in entered:
        world.withdraw(one)
    assert world.held() == 0


def test_enforce_timeout__by_a_requester_with_her_truth_unopened__slashes_her_reward(
    world: World,
) -> None:
    """Slashing the reward rather than sharing it out gives nobody a motive to
    stop her, not even herself."""
    request = world.create()
    world.submit(request, "requester")
    before = world.balance("requester")
    world.at(request.deadline + RESPONSE)
    world.enforce(request, who="requester")
    assert world.balance("requester") == before
    assert world.market.slashed() == REWARD


def test_story__with_10_000_claims__is_fulfilled_and_pays_first_and_last() -> None:
    """Ten thousand claims; the last call costs what the first did."""
    machine = Machine()
    people = {name: "0x" + f"{n:02x}" * 20 for n, name in enumerate("dra", 17)}
    deployer, requester, trainer = people.values()
    coin = machine.deploy("ModelCoin", deployer)
    market = machine.deploy("ModelMarket", deployer, encode(("address",), (coin,)))

    def of_coin(who: str, what: str, *arguments: object) -> object:
        return machine.call("ModelCoin", coin, who, what, *arguments)

    def call(who: str, what: str, *arguments: object) -> object:
        return machine.call("ModelMarket", market, who, what, *arguments)

    for who in (requester, trainer):
        of_coin(deployer, "transfer", who, 20_000 * STAKE)
        of_coin(who, "approve", market, 2**255)
    codes = labels(14_000)
    from modelmarket.protocol.terms import Terms
    from modelmarket.protocol.types import checksummed

    where, owner = checksummed(market), checksummed(requester)
    truth = seal(pack(codes, 4), Core.of_truth(1, where, owner, Salt(bytes(32))))
    terms = Terms(
        dataset="d",
        name="n",
        context="c",
        reward=Wei(REWARD),
        stake=Wei(STAKE),
        submission_window_s=WINDOW,
        response_window_s=RESPONSE,
        labels=14_000,
        bits=4,
        minimum_matches=0,
        truth_seal=truth.seal,
    )
    call(requester, "create_request", terms.as_struct(), NO_PERMIT)
    terms_hash = terms.hash(owner)
    guess = codes.copy()
    guess[0] ^= 1
    core = Core.of_predictions(
        1, where, checksummed(trainer), terms_hash, superhash(MODEL), Salt(bytes(32))
    )
    predictions = seal(pack(guess, 4), core)
    many = 10_000
    for _ in range(many):
        call(
            trainer,
            "submit",
            1,
            terms_hash,
            predictions.layers[0],
            superhash(MODEL),
            "",
            NO_PERMIT,
        )
    machine.move_to(machine.now + WINDOW)
    page = words(truth.pages[0])
    call(requester, "open_truth", 1, 0, page, truth.inner(0))
    # The first stays honest, the others claim stairs of falsehoods below it.
    sealed = predictions.seal
    call(trainer, "claim", 1, sealed, 13_999, 0)
    for one in range(2, many + 1):
        call(trainer, "claim", one, sealed, 13_998 - one, one - 1)
    machine.move_to(machine.now + RESPONSE)
    sent = words(difference(truth.pages[0], predictions.pages[0]))
    inner, model = predictions.inner(0), superhash(MODEL)
    call(trainer, "open_predictions", 1, 0, page, sent, inner, model, MODEL)
    assert call(trainer, "phase", 1) == FULFILLED
    for one in (2, many // 2, many):
        call(trainer, "withdraw", one)
    held = of_coin(trainer, "balanceOf", market)
    assert held == (many - 4) * STAKE


def test_every_call__in_the_interface__gives_nobody_a_privilege(world: World) -> None:
    names = {e["name"] for e in world.market.abi if e["type"] == "function"}
    for word in ("owner", "pause", "upgrade", "fee", "sweep", "set_coin", "admin"):
        assert not any(word in name for name in names)
    assert world.market.chain_id() == boa.env.evm.patch.chain_id


def test_attack_reorganisation__that_swaps_two_submissions__moves_no_claim_and_no_cancel(
    world: World,
) -> None:
    """After a reorganisation two submissions have changed places; what was
    meant for one of them does nothing to the other, and both stakes stand."""
    request = world.create()
    opening = {
        n: world.seal_predictions(request, _off(request, n), "ann") for n in (0, 5)
    }
    with boa.env.anchor():
        meant, _ = (world.submit(request, "ann", mistakes=n) for n in (0, 5))
    swapped, _ = (world.submit(request, "ann", mistakes=n) for n in (5, 0))
    assert swapped.id == meant.id
    with world.as_("ann"), boa.reverts("WrongSeal"):
        world.market.cancel_submission(swapped.id, opening[0].seal, True)
    world.open_truth(request)
    with world.as_("ann"), boa.reverts("WrongSeal"):
        world.market.claim(swapped.id, opening[0].seal, 20, 0)
    with world.as_("ann"), boa.reverts("WrongSeal"):
        world.market.cancel_submission(swapped.id, opening[0].seal, True)
    assert (world.state(request).live, world.market.slashed()) == (2, 0)


def _off(request: Requested, mistakes: int) -> Codes:
    return wrong(request.codes, mistakes)


def test_cancel_request__moved_to_another_request_by_a_reorganisation__is_refused(
    world: World,
) -> None:
    with boa.env.anchor():
        meant = world.create()
    other = world.create(name="another one")
    assert other.id == meant.id
    with world.as_("requester"), boa.reverts("WrongTerms"):
        world.market.cancel_request(other.id, meant.terms_hash, 0)
    assert world.held() == REWARD


def test_open_predictions__after_logging_another_superhash_than_sealed__is_refused(
    world: World,
) -> None:
    """What was logged of a model when submitting is what must be opened: a
    seal whose core names another model wins nothing."""
    request = world.create()
    shown, kept = "bafyshown", "bafykept"
    opening = world.seal_predictions(request, request.codes, "ann", kept)
    with world.as_("ann"):
        number = world.market.submit(
            request.id,
            request.terms_hash,
            opening.layers[0],
            superhash(shown),
            "",
            NO_PERMIT,
        )
    sealed = bound(opening.layers[0], superhash(shown))
    ann = Submitted(number, "ann", request.codes, replace(opening), kept)
    world.open_truth(request)
    with world.as_("ann"):
        world.market.claim(number, sealed, 20, 0)
    world.close_claims(request)
    for model, named, reason in (
        (kept, kept, "WrongSeal"),
        (shown, shown, "WrongSeal"),
        (kept, shown, "WrongModel"),
        (shown, kept, "WrongModel"),
    ):
        with boa.reverts(reason):
            world.open_page(request, ann, 0, model=model, superhash=superhash(named))


def test_open_predictions__of_the_last_page_under_a_superhash_not_logged__is_refused(
    world: World,
) -> None:
    """On the first page it is the one that was logged, so on the last one too."""
    request = world.create(60_000)
    shown, kept = "bafyshown", "bafykept"
    opening = world.seal_predictions(request, request.codes, "ann", kept)
    call = (request.id, request.terms_hash, opening.layers[0], superhash(shown), "")
    with world.as_("ann"):
        number = world.market.submit(*call, NO_PERMIT)
    sealed = bound(opening.layers[0], superhash(shown))
    ann = Submitted(number, "ann", request.codes, opening, kept)
    world.open_truth(request)
    with world.as_("ann"):
        world.market.claim(number, sealed, 60_000, 0)
    world.close_claims(request)
    world.open_page(request, ann, 0, superhash=superhash(shown))
    for model in (kept, shown):
        with boa.reverts("WrongSeal"):
            world.open_page(request, ann, 1, model=model, superhash=superhash(model))


@pytest.mark.parametrize("pages", [1, 3])
def test_attack_delay__by_a_false_claim_however_many_pages_come__lasts_one_window(
    world: World, pages: int
) -> None:
    """A liar that opens all pages but the last, each as late as it can, holds
    the request up for its one window and not a second longer."""
    request, (ann, bob) = world.in_claims(1, 2, count=pages * 49_152)
    world.claim(request, ann, request.terms.labels)
    world.claim(request, bob)
    world.close_claims(request)
    began = world.now
    for page in range(pages - 1):
        world.at(began + RESPONSE + 60 * (pages - 1) - 10 + page)
        world.open_page(request, ann, page)
    world.at(began + RESPONSE + 60 * (pages - 1))
    world.enforce(request)
    assert world.state(request).candidate == bob.id


def test_submit__when_live_is_at_its_largest__is_refused_before_it_runs_over(
    world: World,
) -> None:
    """The field beside `live` counts the ranked; one more than it holds is
    refused before it can be counted there."""
    request = world.create()
    slot = _slot_of_state(world, request)
    for live, reason in ((2**32 - 1, "TooMany"), (2**32 - 2, None)):
        with boa.env.anchor():
            packed = boa.env.get_storage(world.market.address, slot)
            boa.env.set_storage(world.market.address, slot, packed | live << 48)
            assert world.state(request).live == live
            if reason is None:
                world.submit(request, "ann")
                state = world.state(request)
                assert (state.live, state.ranked) == (2**32 - 1, 0)
                assert (state.best, state.step_ends) == (0, request.deadline)
                continue
            with boa.reverts(reason):
                world.submit(request, "ann")


def test_claim__as_the_65_536th__is_counted(world: World) -> None:
    request = world.create()
    slot = _slot_of_state(world, request)
    with boa.env.anchor():
        ann = world.submit(request, "ann")
        packed = boa.env.get_storage(world.market.address, slot)
        counted = packed | 65_536 << 48 | 65_535 << 80
        boa.env.set_storage(world.market.address, slot, counted)
        world.open_truth(request)
        world.claim(request, ann)
        state = world.state(request)
        assert (state.live, state.ranked, state.best) == (65_537, 65_536, ann.id)


def _slot_of_state(world: World, request: Requested) -> int:
    """Where a new request's packed state stands: the word that says OPEN and
    the deadline, and nothing else."""
    layout = world.market.compiler_data.storage_layout["storage_layout"]
    place = layout["requests"]["_states"]["slot"]
    slot = int.from_bytes(keccak(place.to_bytes(32) + request.id.to_bytes(32)))
    packed = boa.env.get_storage(world.market.address, slot)
    assert packed == 1 | request.deadline << 8
    return slot


def test_cancel_request__with_99_of_100_entries_her_own__returns_her_99_mdc(
    world: World,
) -> None:
    """What the docs warn of: with 99 of 100 live entries her own, a requester
    has a reward of 100 MDC back for the one that a stranger gets."""
    request = world.create(reward=100 * MDC)
    before = world.balance("requester")
    own = [world.submit(request, "requester") for _ in range(99)]
    stranger = world.submit(request, "ann")
    with world.as_("requester"):
        world.market.cancel_request(request.id, request.terms_hash, 100)
    for one in [*own, stranger]:
        world.withdraw(one)
    assert world.balance("requester") == before + 99 * MDC
    assert world.held() == 0
