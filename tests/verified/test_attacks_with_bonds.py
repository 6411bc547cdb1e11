# SPDX-License-Identifier: Apache-2.0
"""Attacks with demands and their bonds, and that everything ends in its time.

Each is played through market, referee, clerk and coin, and ends in what was paid.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import boa
import pytest

from verified import small_models as models
from verified.published import CLASSES, Listing, another, hidden, of_rows, replaced
from verified.trial import (
    LIE,
    START,
    Candidate,
    Trial,
    honest_one,
    liar_ahead,
    newest_failure,
    proof_of,
)
from verified.world import (
    BOND,
    CANCELLED_LATE,
    CHALLENGE,
    FAILED,
    REFUNDED,
    RESPONSE,
    STAKE,
    WINDOW,
    WITHHELD,
    World,
)

HARNESS = Path(__file__).parents[1] / "contracts" / "harness"


# --- demanding ---


def test_attack_demanding__in_the_last_second__is_taken_and_after_it_refused(
    world: World,
) -> None:
    """Half of the window is for demands; whoever comes later finds a model that may be
    settled, so that nobody is asked when there is no time left to answer."""
    trial, honest = honest_one(world)
    world.at(world.now + CHALLENGE // 2 - 1)
    with boa.env.anchor():
        world.demand(trial.contest, honest.entry)
        assert world.balance("eve") == START - BOND
        for call in trial.answers(honest):
            trial.send(call)
        trial.stands_and_is_paid(honest, bond=BOND)
    world.at(world.now + 1)
    with boa.reverts("TooLate"):
        world.demand(trial.contest, honest.entry)
    trial.stands_and_is_paid(honest)


def test_attack_demanding__twice__is_refused(world: World) -> None:
    """A second demand would lock a second bond and owe all parts again: before an
    answer, after one, and after all."""
    trial, honest = honest_one(world)
    world.demand(trial.contest, honest.entry)
    for call in trial.answers(honest):
        for who in ("eve", "cid"):
            with boa.reverts("AlreadyDemanded"):
                world.demand(trial.contest, honest.entry, who)
        trial.send(call)
    with boa.reverts("AlreadyDemanded"):
        world.demand(trial.contest, honest.entry, "cid")
    trial.stands_and_is_paid(honest, bond=BOND)
    assert world.balance("cid") == START


def test_attack_demanding__of_a_failed_or_unshown_submission__is_refused(
    world: World,
) -> None:
    """There is nothing to post: it is not shown, it is not candidate, or it has failed."""
    one = liar_ahead(world)
    contest, liar, next_ = one.trial.contest, one.liar.entry, one.honest.entry
    with boa.reverts("NotCandidate"):
        world.demand(contest, replace(next_, shown=liar.shown))
    with boa.reverts("WrongShown"):
        world.demand(contest, replace(liar, shown=(*liar.shown[:5], 4)))
    one.trial.convicts(proof_of(one), one.liar)
    with boa.reverts("NotShown"):
        world.demand(contest, liar)
    one.trial.show(one.honest)
    with boa.reverts("NotCandidate"):
        world.demand(contest, liar)
    one.trial.stands_and_is_paid(one.honest)


def test_attack_an_answer__twice_or_too_late__is_refused(world: World) -> None:
    """Each part is ticked off once, until three quarters of the window are over."""
    trial, honest = honest_one(world)
    shown_at = world.now
    first, second, of_listing = trial.answers(honest)
    trial.is_refused(first, "NothingOwed")
    world.demand(trial.contest, honest.entry)
    assert world.market.demand_of(honest.entry.id) == (
        world.people["eve"],
        BOND,
        0b11,
        1,
    )
    for call in (first, of_listing):
        trial.send(call)
        trial.is_refused(call, "NothingOwed")
    world.at(shown_at + CHALLENGE * 3 // 4 - 1)
    with boa.reverts("NotOverdue"):
        world.enforce(trial.contest)
    with boa.env.anchor():
        trial.send(second)
        trial.stands_and_is_paid(honest, bond=BOND)
    world.at(shown_at + CHALLENGE * 3 // 4)
    trial.is_refused(second, "Overdue")
    world.enforce(trial.contest)
    assert newest_failure(world.market).reason == WITHHELD
    assert world.phase(trial.contest) == REFUNDED


def test_attack_an_answer__by_a_contract__counts_and_past_the_clerk_does_not(
    world: World,
) -> None:
    """A contract may post a part. It cannot tell the market itself, nor have the clerk
    tell another market."""
    trial, honest = honest_one(world)
    world.demand(trial.contest, honest.entry)
    puppet = boa.load(str(HARNESS / "Puppet.vy"))
    market, clerk = world.market, world.clerk
    lie = market.answered.prepare_calldata(
        honest.entry.id, honest.entry.shown, 0, bytes(32)
    )
    assert not puppet.speak(market.address, lie)[0]
    with boa.reverts("NotClerk"), world.as_("bob"):
        market.answered(honest.entry.id, honest.entry.shown, 0, bytes(32))
    elsewhere = replace(trial.answer(honest, 0), market=world.coin.address)
    trial.is_refused(elsewhere, "")
    assert market.demand_of(honest.entry.id)[2:] == (0b11, 1)
    for call in trial.answers(honest):
        data = getattr(clerk, call.name).prepare_calldata(*call.arguments)
        assert puppet.speak(clerk.address, data)[0]
    trial.stands_and_is_paid(honest, bond=BOND)


# --- ends with a bond open ---


def test_attack_an_end_with_a_bond_open__by_a_liar_that_answers__earns_it_nothing(
    world: World,
) -> None:
    """The liar demands of itself through a friend, answers, and is refuted: the bond is
    the demander's, once, and not before."""
    one = liar_ahead(world)
    trial, number = one.trial, one.liar.entry.id
    world.demand(trial.contest, one.liar.entry, "cid")
    for call in trial.answers(one.liar):
        trial.send(call, "ann")
    with boa.reverts("NothingDue"):
        world.market.withdraw_bond(number)
    trial.convicts(proof_of(one), one.liar)
    bond_goes_back(world, number, "cid")
    trial.follows_and_is_paid(one.honest)


def bond_goes_back(world: World, number: int, who: str) -> None:
    """Anybody may pull it, once; it goes to whoever demanded."""
    before = world.balance(who)
    with world.as_("dot"):
        world.market.withdraw_bond(number)
    assert world.balance(who) == before + BOND
    with boa.reverts("NothingDue"):
        world.market.withdraw_bond(number)


def test_attack_an_end_with_a_bond_open__by_a_late_cancel__pays_it_back(
    world: World,
) -> None:
    """The candidate leaves while its parts are owed: its stake is slashed, the bond is
    not its own."""
    one = liar_ahead(world)
    trial = one.trial
    world.demand(trial.contest, one.liar.entry)
    world.cancel(trial.contest, one.liar.entry, accept_slash=True)
    event = newest_failure(world.market)
    assert (event.reason, event.slashed) == (CANCELLED_LATE, STAKE)
    bond_goes_back(world, one.liar.entry.id, "eve")
    trial.follows_and_is_paid(one.honest)


@pytest.mark.parametrize("behind", [True, False], ids=("one-behind", "nobody-behind"))
def test_attack_an_end_with_a_bond_open__by_silence__pays_it_back(
    world: World, behind: bool
) -> None:
    """A model that is not posted whole: while that is overdue only `enforce_timeout` may
    come, and then the next candidate, or nobody, is paid."""
    one = liar_ahead(world)
    trial, liar, shown_at = one.trial, one.liar, world.now
    if not behind:
        world.cancel(trial.contest, one.honest.entry, accept_slash=True)
    slashed = world.market.slashed()
    world.demand(trial.contest, liar.entry)
    *posted, missing = trial.answers(liar)
    for call in posted:
        trial.send(call)
    world.at(shown_at + CHALLENGE * 3 // 4)
    for late in (missing, proof_of(one)):
        trial.is_refused(late, "Overdue")
    with boa.reverts("Overdue"):
        world.cancel(trial.contest, liar.entry, accept_slash=True)
    with boa.reverts("Overdue"):
        world.settle(trial.contest, liar.entry)
    world.enforce(trial.contest)
    event = newest_failure(world.market)
    assert (event.reason, event.slashed, event.paid) == (WITHHELD, STAKE, 0)
    assert world.market.slashed() == slashed + STAKE
    bond_goes_back(world, liar.entry.id, "eve")
    if behind:
        trial.follows_and_is_paid(one.honest)
    else:
        assert world.phase(trial.contest) == REFUNDED
        assert world.balance("requester") == START


def test_attack_an_end_with_a_bond_open__by_winning__pays_it_to_the_trainer_once(
    world: World,
) -> None:
    """The demander cannot have back what the winner has been paid."""
    trial, honest = honest_one(world)
    world.demand(trial.contest, honest.entry)
    for call in trial.answers(honest):
        trial.send(call)
    with boa.reverts("WrongPhase"):
        world.cancel_request(trial.contest, 9)
    trial.stands_and_is_paid(honest, bond=BOND)
    with boa.reverts("NothingDue"):
        world.market.withdraw_bond(honest.entry.id)
    assert world.balance("eve") == START - BOND
    assert world.held() == world.market.slashed() == 0


def test_attack_settling__with_a_demand_incomplete__is_refused_for_good(
    world: World,
) -> None:
    """Long after the challenge window a part is still owed: then nobody is paid."""
    trial, honest = honest_one(world)
    world.demand(trial.contest, honest.entry)
    first, *_ = trial.answers(honest)
    trial.send(first)
    for second in (trial.ends - 1, trial.ends, trial.ends + 365 * 86_400):
        world.at(second)
        with boa.reverts("Overdue"):
            world.settle(trial.contest, honest.entry)
    world.enforce(trial.contest)
    assert newest_failure(world.market).reason == WITHHELD
    assert world.status(honest.entry) == FAILED
    assert world.balance("requester") == START
    bond_goes_back(world, honest.entry.id, "eve")


# --- that everything ends ---


def test_every_request__with_liars_of_each_kind_ahead__ends_within_its_time(
    world: World,
) -> None:
    """Each request ends within window + 2 response windows + (liars + 1) x (response +
    challenge window), however late each step comes: one liar shows nothing, one lists
    what its model does not give, one withholds, and one leaves."""
    model = models.forest()
    given = of_rows(model)
    lie = replaced(given, {LIE: another(CLASSES, given[LIE])})
    told = hidden(lie)
    trial, created = Trial(world, told), world.now
    liars = [
        trial.enter(who, model, Listing(told, lie))
        for who in ("ann", "cid", "dot", "eve")
    ]
    honest = trial.enter("bob", model)
    world.at(trial.contest.deadline + RESPONSE - 1)
    trial.close()
    for liar, fate in zip(
        liars, ("silent", "wrong", "withheld", "leaves"), strict=True
    ):
        as_late_as_it_can(trial, liar, fate)
    world.at(trial.ends - 1)
    trial.show(honest)
    trial.stands_and_is_paid(honest)
    each = RESPONSE + CHALLENGE
    assert world.now <= created + WINDOW + 2 * RESPONSE + (len(liars) + 1) * each


def as_late_as_it_can(trial: Trial, liar: Candidate, fate: str) -> None:
    """A liar shows in the last second, or never, and is held up to the last one."""
    world, contest = trial.world, trial.contest
    if fate == "silent":
        world.at(trial.ends)
        world.enforce(contest)
        return
    world.at(trial.ends - 1)
    trial.show(liar)
    shown_at, ends = world.now, trial.ends
    if fate == "withheld":
        world.at(shown_at + CHALLENGE // 2 - 1)
        world.demand(contest, liar.entry, "requester")
        trial.send(trial.answer(liar, 0))
        assert trial.ends == ends
        world.at(shown_at + CHALLENGE * 3 // 4)
        world.enforce(contest)
        return
    world.at(ends - 1)
    if fate == "leaves":
        world.cancel(contest, liar.entry, accept_slash=True)
        return
    wrong = trial.rerun(liar, LIE, of_rows(liar.model)[LIE])
    trial.is_refused(trial.rerun(liar, 0, 2), "NothingWrong")
    assert trial.ends == ends
    trial.send(wrong, "requester")


def test_every_request__with_liars_ahead_that_delay_most__ends_within_its_time(
    world: World,
) -> None:
    """All are liars, and each costs exactly its two windows, but for the two seconds
    that a last second is before the end."""
    model = models.forest()
    given = of_rows(model)
    lie = replaced(given, {LIE: another(CLASSES, given[LIE])})
    told = hidden(lie)
    trial = Trial(world, told)
    liars = [
        trial.enter(who, model, Listing(told, lie)) for who in ("ann", "bob", "cid")
    ]
    trial.close()
    for liar in liars:
        as_late_as_it_can(trial, liar, "wrong")
    assert world.phase(trial.contest) == REFUNDED
    each = RESPONSE + CHALLENGE - 2
    assert world.now == trial.contest.deadline + RESPONSE + len(liars) * each
