# SPDX-License-Identifier: Apache-2.0
"""What other people, other terms, other words and other times do not get."""

from __future__ import annotations

from copy import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import boa
import pytest

from contracts.sources import compiled, search
from verified.published import CLASSES, Listing, another, hidden, of_rows, replaced
from verified.small_models import forest
from verified.trial import LIE, Trial
from verified.world import (
    BOND,
    CHALLENGE,
    CLAIMS,
    MDC,
    NO_PERMIT,
    REFUNDED,
    RESPONSE,
    REWARD,
    STAKE,
    SUBMITTED,
    TRUTH,
    VALIDATION,
    Contest,
    Entry,
    World,
    header_of,
)

HARNESS = Path(__file__).parents[1] / "contracts" / "harness"
START = 10_000 * MDC


# --- other terms ---


def richer(contest: Contest, **changes: Any) -> Contest:
    """The same contest by terms that promise twice as much."""
    twice = {"reward": 2 * REWARD, "stake": 2 * STAKE, "demand_bond": 2 * BOND}
    return replace(contest, terms=contest.terms | twice | changes)


def test_cancel_request_and_open_key__by_other_terms__are_refused(world: World) -> None:
    contest = world.create()
    mine = bytes(reversed(range(32)))
    with boa.reverts("WrongTerms"):
        world.cancel_request(richer(contest))
    world.at(contest.deadline)
    with boa.reverts("WrongTerms"):
        world.open_key(richer(contest, key_hash=world.key_hash(key=mine)), key=mine)
    assert world.phase(contest) == TRUTH


def test_cancel_submission__by_other_terms__is_refused(world: World) -> None:
    contest = world.create()
    entry = world.submit(contest, "ann")
    with boa.reverts("WrongTerms"):
        world.cancel(richer(contest), entry)
    assert world.status(entry) == SUBMITTED


def test_enforce_timeout__by_other_terms__is_refused(world: World) -> None:
    contest = world.create()
    world.at(contest.deadline + RESPONSE)
    for other in (richer(contest), replace(contest, requester="eve")):
        with boa.reverts("WrongTerms"):
            world.enforce(other)
    world.enforce(contest)
    assert world.phase(contest) == REFUNDED


def test_every_call_about_what_was_shown__by_other_terms__is_refused(
    world: World,
) -> None:
    contest, (ann,) = world.in_challenge({"ann": 18})
    for other in (richer(contest), replace(contest, requester="eve")):
        for call in (world.refute, world.demand):
            with boa.reverts("WrongTerms"):
                call(other, ann)
        with boa.env.anchor():
            world.at(world.now + CHALLENGE)
            with boa.reverts("WrongTerms"):
                world.settle(other, ann)
    assert world.state(contest).candidate == ann.id


# --- other words than what was shown ---

FIELDS = ("trainer", "header", "base_hash", "units_root", "listing_root", "score")


@pytest.mark.parametrize("field", range(6), ids=FIELDS)
def test_every_call_about_what_was_shown__in_other_words__is_refused(
    world: World, field: int
) -> None:
    contest, (ann,) = world.in_challenge({"ann": 18})
    shown = list(ann.shown)
    if field == 0:
        shown[0] = world.people["eve"]
    else:
        is_hash = isinstance(shown[field], bytes)
        shown[field] = b"\x09" * 32 if is_hash else shown[field] - 1
    other = replace(ann, shown=tuple(shown))
    with boa.reverts("WrongShown"):
        world.demand(contest, other)
    with boa.reverts("WrongShown"):
        world.refute(contest, other)
    world.demand(contest, ann)
    with boa.reverts("WrongShown"):
        world.answer(other, 0)
    for of_listing in (False, True):
        world.answer(ann, 0, of_listing=of_listing)
    world.at(world.now + CHALLENGE)
    with boa.reverts("WrongShown"):
        world.settle(contest, other)
    world.settle(contest, ann)
    assert world.balance("ann") == START + REWARD + BOND
    assert world.balance("eve") == START - BOND


# --- other people ---


def test_set_operator__lets_a_key_claim_and_show_and_no_more_until_it_is_dismissed(
    world: World,
) -> None:
    contest, (ann, bob) = world.in_claims("ann", "bob")
    with world.as_("ann"):
        world.market.set_operator(world.people["eve"], True)
    world.claim(contest, ann, 18, who="eve")
    for entry, who in ((bob, "eve"), (bob, "ann")):
        with boa.reverts("NotTrainer"):
            world.claim(contest, entry, 15, who=who)
    world.claim(contest, bob, 15)
    world.close_claims(contest)
    with boa.env.anchor():
        with world.as_("ann"):
            world.market.set_operator(world.people["eve"], False)
        with boa.reverts("NotTrainer"):
            world.show(contest, ann, who="eve")
    with boa.reverts("NotTrainer"):
        world.show(contest, ann, who="bob")
    world.show(contest, ann, who="eve")
    for entry in (ann, bob):
        with boa.reverts(), world.as_("eve"):
            world.market.cancel_submission(
                entry.id,
                world.people[contest.requester],
                contest.struct,
                entry.seal,
                entry.shown,
                True,
            )
    assert world.state(contest).live == 2


def test_claim__for_whom_the_caller_appointed__is_refused(world: World) -> None:
    """Whoever serves somebody has not made that one its servant."""
    contest, (ann,) = world.in_claims("ann")
    with world.as_("eve"):
        world.market.set_operator(world.people["ann"], True)
    with boa.reverts("NotTrainer"):
        world.claim(contest, ann, 3, who="eve")


def test_settle__by_anybody__pays_the_trainer(world: World) -> None:
    contest, (ann,) = world.in_challenge({"ann": 18})
    world.demand(contest, ann, "cid")
    for of_listing in (False, True):
        world.answer(ann, 0, of_listing=of_listing)
    world.at(world.now + CHALLENGE)
    world.settle(contest, ann, "dot")
    assert world.balance("ann") == START + REWARD + BOND
    assert world.balance("dot") == START


def test_demand__by_a_contract__gives_the_bond_back_to_the_contract(
    world: World,
) -> None:
    contest, (ann, _) = world.in_challenge({"ann": 18, "bob": 15})
    puppet = boa.load(str(HARNESS / "Puppet.vy"))
    market, coin = world.market, world.coin
    with world.as_("eve"):
        coin.transfer(puppet.address, BOND)
        puppet.speak(coin.address, coin.approve.prepare_calldata(market.address, BOND))
        requester = world.people[contest.requester]
        demand = market.demand.prepare_calldata(
            ann.id, requester, contest.struct, ann.shown, NO_PERMIT
        )
        assert puppet.speak(market.address, demand)[0]
    assert market.demand_of(ann.id)[:2] == (puppet.address, BOND)
    world.refute(contest, ann)
    with world.as_("dot"):
        market.withdraw_bond(ann.id)
    assert coin.balanceOf(puppet.address) == BOND


# --- other times ---


def test_claim__of_whoever_left_or_before_the_key_or_after_the_claims__is_refused(
    world: World,
) -> None:
    contest = world.create()
    ann, bob, cid = (world.submit(contest, who) for who in ("ann", "bob", "cid"))
    world.cancel(contest, ann)
    for second in (world.now, contest.deadline):
        world.at(second)
        with boa.reverts("WrongPhase"):
            world.claim(contest, bob, 3, hint=0)
    world.open_key(contest)
    with boa.reverts("NotLive"):
        world.claim(contest, ann, 3)
    world.at(world.now + RESPONSE - 1)
    world.claim(contest, bob, 3)
    world.at(world.now + 1)
    assert world.phase(contest) == VALIDATION
    with boa.reverts("WrongPhase"):
        world.claim(contest, cid, 2)


def test_show_model__before_claims_close__is_refused(world: World) -> None:
    contest, (ann,) = world.in_claims("ann")
    world.claim(contest, ann, 18)
    with boa.reverts("WrongPhase"):
        world.show(contest, ann)
    assert world.phase(contest) == CLAIMS


def test_cancel_submission__once_the_key_is_due__costs_the_stake(world: World) -> None:
    contest = world.create()
    entry = world.submit(contest, "ann")
    world.at(contest.deadline)
    with boa.reverts("StakeAtRisk"):
        world.cancel(contest, entry)
    world.cancel(contest, entry, accept_slash=True)
    assert world.balance("ann") == START - STAKE
    with boa.reverts("NotLive"):
        world.cancel(contest, entry, accept_slash=True)


def test_cancel_submission__once_only_settle_may_come__is_refused(
    world: World,
) -> None:
    contest, (ann, bob) = world.in_challenge({"ann": 18, "bob": 15})
    world.at(world.now + CHALLENGE)
    for entry in (ann, bob):
        with boa.reverts("TooLate"):
            world.cancel(contest, entry, accept_slash=True)
    world.settle(contest, ann)
    with boa.reverts("WrongPhase"):
        world.cancel(contest, bob, accept_slash=True)


def test_cancel_request__once_the_key_is_overdue__is_refused(world: World) -> None:
    contest = world.create()
    world.submit(contest, "ann")
    world.at(contest.deadline + RESPONSE - 1)
    with boa.env.anchor():
        world.cancel_request(contest, 1)
    world.at(world.now + 1)
    with boa.reverts("Overdue"):
        world.cancel_request(contest, 1)


def test_withdraw__before_the_end_or_twice__is_refused(world: World) -> None:
    contest, (ann, bob) = world.in_challenge({"ann": 18, "bob": 15})
    with boa.reverts("NothingDue"):
        world.withdraw(contest, bob)
    world.at(world.now + CHALLENGE)
    world.settle(contest, ann)
    world.withdraw(contest, bob)
    with boa.reverts("NothingDue"):
        world.withdraw(contest, bob)
    with boa.reverts("WrongSeal"):
        world.withdraw(contest, ann)


def test_withdraw__by_whoever_claimed_nothing__is_refused_when_nobody_won(
    world: World,
) -> None:
    contest, (ann, bob) = world.in_claims("ann", "bob", minimum_score=5)
    world.claim(contest, ann, 4)
    world.at(world.now + RESPONSE)
    world.enforce(contest)
    assert world.phase(contest) == REFUNDED
    with boa.reverts("NothingDue"):
        world.withdraw(contest, bob)
    world.withdraw(contest, ann)
    assert world.market.slashed() == STAKE


def test_enforce_timeout__below_the_threshold__has_no_next_candidate(
    world: World,
) -> None:
    contest, (ann, bob) = world.in_challenge({"ann": 18, "bob": 4}, minimum_score=5)
    world.refute(contest, ann)
    assert world.phase(contest) == REFUNDED
    world.withdraw(contest, bob)
    assert world.balance("bob") == START


def test_show_model__of_a_claim_that_equals_the_threshold__is_taken(
    world: World,
) -> None:
    contest, (ann,) = world.in_challenge({"ann": 5}, minimum_score=5)
    assert world.state(contest).candidate == ann.id


# --- other chains, other sizes ---


def test_a_fork_of_the_chain__voids_no_seal_and_no_key(world: World) -> None:
    model = forest()
    given = of_rows(model)
    lie = replaced(given, {LIE: another(CLASSES, given[LIE])})
    told = hidden(lie)
    trial = Trial(world, told)
    liar = trial.enter("ann", model, Listing(told, lie))
    honest = trial.enter("bob", model)
    chain_id = world.market.chain_id()
    boa.env.evm.patch.chain_id = chain_id + 1
    assert world.market.chain_id() == chain_id
    trial.close()
    trial.show(liar)
    trial.convicts(trial.rerun(liar, LIE, given[LIE]), liar)
    trial.follows_and_is_paid(honest)


def test_claim__with_its_hint__is_taken_behind_any_number(world: World) -> None:
    contest = world.create()
    names = ("ann", "bob", "cid", "dot")
    entries = [world.submit(contest, names[n % 4]) for n in range(36)]
    world.open_key(contest)
    for entry, ahead in zip(entries, [0, *(one.id for one in entries)], strict=False):
        world.claim(contest, entry, 3, hint=ahead)
    assert world.market.submission(entries[-1].id).ahead == entries[-2].id


def test_demand__of_as_many_parts_as_there_may_be__owes_all(world: World) -> None:
    contest = world.create(most_parts=256)
    entry = world.submit(contest, "ann", header=header_of(units=256))
    world.open_key(contest)
    world.claim(contest, entry, 3)
    world.close_claims(contest)
    world.show(contest, entry)
    world.demand(contest, entry)
    for part in (0, 128, 255):
        world.answer(entry, part)
    left = 2**256 - 1 - (1 | 1 << 128 | 1 << 255)
    assert world.market.demand_of(entry.id)[2:] == (left, 1)


def test_request__is_told_as_it_stands_in_each_phase(world: World) -> None:
    contest = world.create()
    entry = world.submit(contest, "ann")
    assert world.state(contest).deadline == contest.deadline
    world.open_key(contest)
    world.claim(contest, entry, 3)
    state = world.state(contest)
    assert (state.deadline, state.best, state.candidate) == (0, entry.id, 0)
    world.close_claims(contest)
    state = world.state(contest)
    assert (state.deadline, state.best, state.candidate) == (0, entry.id, entry.id)


@pytest.fixture(scope="module")
def packed() -> Any:
    search()
    return boa.load(str(HARNESS / "contests_harness.vy"))


BITS = (8, 40, 24, 24, 32, 32, 64, 32)


@pytest.mark.parametrize("field", range(len(BITS)))
def test_a_state__of_the_most_that_a_field_holds__comes_back(
    packed: Any, field: int
) -> None:
    for value in (1, 2 ** BITS[field] - 1):
        state = tuple(value if at == field else 0 for at in range(len(BITS)))
        with boa.env.anchor():
            packed.keep(1, state)
            assert tuple(packed.load(1)) == state


def test_a_state__of_the_most_that_all_fields_hold__comes_back(packed: Any) -> None:
    state = tuple(2**bits - 1 for bits in BITS)
    with boa.env.anchor():
        packed.keep(1, state)
        assert tuple(packed.load(1)) == state


# --- a token that calls back ---


def test_every_call__from_within_a_payment__is_refused(world: World) -> None:
    """Even a view, and whoever it is that pays."""
    coin = boa.load(str(HARNESS / "NosyCoin.vy"))
    referee, clerk = world.referee.address, world.clerk.address
    nosy = copy(world)
    nosy.coin, nosy.contests, nosy.entries = coin, [], []
    nosy.market = compiled("VerifiedMarket").deploy(coin.address, referee, clerk)
    for address in nosy.people.values():
        coin.transfer(address, 1_000 * MDC)
    contest, (ann, bob) = nosy.in_challenge({"ann": 18, "bob": 15})
    asked = 0
    for pay in (
        lambda: nosy.create(),
        lambda: nosy.submit(nosy.create(), "cid"),
        lambda: nosy.demand(contest, ann),
        lambda: nosy.refute(contest, ann),
    ):
        for words in _calls(nosy, contest, bob):
            with boa.env.anchor():
                assert boa.env.raw_call(nosy.market.address, data=words).is_success
                coin.ask(nosy.market.address, words)
                pay()
                asked += 1
                assert coin.asked() > 0
                assert not coin.worked()
    assert asked == 4 * len(_calls(nosy, contest, bob))


def _calls(world: World, contest: Contest, entry: Entry) -> list[bytes]:
    """Calls that work by themselves, whoever makes them."""
    market = world.market
    return [
        market.phase.prepare_calldata(contest.id),
        market.submission.prepare_calldata(entry.id),
        market.set_operator.prepare_calldata(world.people["eve"], True),
    ]
