# SPDX-License-Identifier: Apache-2.0
"""Attacks with time, order and bonds: each step a second early, a second late, twice,
by somebody else, or first.

Each is played through market, referee, clerk and coin, and ends in what was paid.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import boa
import pytest

from verified import small_models as models
from verified.published import CLASSES, Listing, another, hidden, of_rows, replaced
from verified.trial import (
    START,
    Candidate,
    Duel,
    Recount,
    Rerun,
    Trial,
    alone,
    duel,
    newest_failure,
)
from verified.world import (
    BOND,
    CANCELLED_LATE,
    CHALLENGE,
    CLAIMS,
    FAILED,
    KEY,
    OPEN,
    REFUNDED,
    RESPONSE,
    REWARD,
    STAKE,
    TIMED_OUT,
    TRUTH,
    VALIDATION,
    WINDOW,
    WITHHELD,
    World,
)

HARNESS = Path(__file__).parents[1] / "contracts" / "harness"
LIE = 3
"""The row that the liar has corrected by hand."""


def liar_ahead(world: World, **terms: Any) -> Duel:
    """A liar who corrected a row by hand has shown its model; an honest one is next."""
    model = models.forest()
    given = of_rows(model)
    lie = replaced(given, {LIE: another(CLASSES, given[LIE])})
    told = hidden(lie)
    return duel(world, told, (model, Listing(told, lie)), model, **terms)


def proof_of(one: Duel) -> Rerun:
    """The challenge that convicts the liar."""
    return one.trial.rerun(one.liar, LIE, one.honest.listing.predictions[LIE])


def honest_one(world: World) -> tuple[Trial, Candidate]:
    """An honest candidate of two parts, and one of a listing."""
    model = models.forest(part=1)
    return alone(world, model, hidden(of_rows(model)))


# --- the key ---


def test_attack_the_key__a_second_early__is_refused(world: World) -> None:
    """Before the deadline nothing opens the rows, though the key is right."""
    contest = world.create()
    world.submit(contest, "ann")
    world.at(contest.deadline - 1)
    assert world.phase(contest) == OPEN
    with boa.reverts("WrongPhase"), world.as_("eve"):
        world.market.open_key(
            contest.id, world.people["requester"], contest.struct, KEY
        )
    world.at(contest.deadline)
    assert world.phase(contest) == TRUTH
    world.open_key(contest)
    assert world.phase(contest) == CLAIMS


def test_attack_the_key__twice__is_refused_and_moves_no_window(world: World) -> None:
    """A second opening would give the claims a fresh window."""
    contest, _ = world.in_claims("ann")
    ends = world.state(contest).step_ends
    world.at(world.now + 9)
    with boa.reverts("WrongPhase"):
        world.open_key(contest)
    assert world.state(contest).step_ends == ends


def test_attack_the_key__of_another_request__is_refused(world: World) -> None:
    """The key of one contest for another, and its terms for another id."""
    contest = world.create()
    other = world.create(key_hash=world.key_hash(key=b"\x01" * 32))
    world.at(contest.deadline)
    with boa.reverts("WrongKey"):
        world.open_key(other)
    with boa.reverts("WrongTerms"):
        world.open_key(replace(contest, id=other.id))


def test_attack_a_keystream_used_twice__by_whoever_copies_rows_and_key_hash__is_forfeited(
    world: World,
) -> None:
    """Somebody publishes another's ciphertexts and key hash again, and would open them
    with the key that the first one opens. The key hash names its requester: it never
    fits, the copy's reward is slashed, and its entrants have their stakes back."""
    model = models.forest()
    told = hidden(of_rows(model))
    trial = Trial(world, told)
    honest = trial.enter("bob", model)
    copy = world.create(who="cid", **told.for_terms, key_hash=world.key_hash())
    entrant = world.submit(copy, "dot")
    trial.close()
    with boa.reverts("Overdue"):
        world.open_key(copy)
    with boa.env.anchor():
        boa.env.timestamp = copy.deadline
        with boa.reverts("WrongKey"):
            world.open_key(copy)
    world.enforce(copy)
    world.withdraw(copy, entrant)
    assert world.balance("dot") == START
    assert world.balance("cid") == START - REWARD
    trial.show(honest)
    trial.stands_and_is_paid(honest)


def test_attack_a_keystream_used_twice__by_its_requester__opens_no_phase_early(
    world: World,
) -> None:
    """Once the first contest opens, everybody reads the rows of the second. The chain
    cannot know; its deadline stands all the same, and no stake is lost by it."""
    told = hidden((0,) * 5)
    first, second = Trial(world, told), None
    first.enter("bob", models.forest())
    world.at(world.now + WINDOW // 2)
    second = Trial(world, told)
    late = second.enter("cid", models.forest())
    world.open_key(first.contest)
    with boa.reverts("WrongPhase"), world.as_("eve"):
        world.market.open_key(
            second.contest.id, second.requester, second.contest.struct, KEY
        )
    assert world.phase(second.contest) == OPEN
    world.cancel(second.contest, late.entry)
    assert world.balance("cid") == START


# --- showing ---


def test_attack_showing__for_somebody_else__is_refused(world: World) -> None:
    """Somebody shows what another sealed, or shows its own before its turn."""
    contest, (ann, bob) = world.in_validation({"ann": 18, "bob": 15})
    for who in ("bob", "eve", "requester"):
        with boa.reverts("NotTrainer"):
            world.show(contest, ann, who=who)
    with boa.reverts("NotCandidate"):
        world.show(contest, bob)
    with world.as_("ann"):
        world.market.set_operator(world.people["eve"], True)
    world.show(contest, ann, who="eve")


def test_attack_showing__twice__is_refused_and_moves_no_window(world: World) -> None:
    """A second showing, of the same or of another listing, would begin the challenge
    window anew."""
    contest, (ann, _) = world.in_challenge({"ann": 18, "bob": 15})
    ends = world.now + CHALLENGE
    state = world.state(contest)
    assert (state.phase, state.shown, state.candidate) == (VALIDATION, True, ann.id)
    world.at(world.now + 60)
    for root in (ann.listing_root, b"\x09" * 32):
        shown = (*ann.shown[:4], root, 18)
        with boa.reverts("AlreadyShown"):
            world.show(contest, ann, shown=shown)
    assert world.state(contest).step_ends == ends


def test_attack_showing__too_late__costs_the_stake_and_the_next_is_candidate(
    world: World,
) -> None:
    """The window to show is over: not even the candidate may."""
    contest, (ann, bob) = world.in_validation({"ann": 18, "bob": 15})
    ends = world.state(contest).step_ends
    world.at(ends - 1)
    with boa.reverts("NotOverdue"):
        world.enforce(contest)
    world.at(ends)
    with boa.reverts("Overdue"):
        world.show(contest, ann)
    world.enforce(contest)
    event = newest_failure(world.market)
    assert (event.reason, event.slashed) == (TIMED_OUT, STAKE)
    assert world.state(contest).candidate == bob.id
    assert world.state(contest).step_ends == ends + RESPONSE
    world.show(contest, bob)


def test_attack_front_running__a_showing_by_whoever_copied_the_seal__opens_nothing(
    world: World,
) -> None:
    """Eve seals what Ann sealed, claims more, and waits for Ann to show salt and model.
    The seal names its owner: Eve can never show it, and pays her stake."""
    model = models.forest()
    told = hidden(of_rows(model))
    trial = Trial(world, told)
    honest = trial.enter("ann", model)
    entry = honest.entry
    with world.as_("eve"):
        number = world.market.submit(
            trial.contest.id,
            trial.requester,
            trial.contest.struct,
            entry.seal,
            bytes(32),
            "mine",
            (0, 0, bytes(32), bytes(32)),
        )
    copy = replace(entry, id=number, trainer="eve")
    world.entries.append((trial.contest, copy))
    world.open_key(trial.contest)
    world.claim(trial.contest, entry, 4)
    world.claim(trial.contest, copy, 5)
    world.close_claims(trial.contest)
    for shown in (world.shown(copy, 5), (*world.shown(entry, 5),)):
        with boa.reverts(), world.as_("eve"):
            world.show(trial.contest, copy, shown=shown)
    world.at(trial.ends)
    world.enforce(trial.contest)
    assert world.balance("eve") == START - STAKE
    assert world.state(trial.contest).candidate == entry.id


# --- challenging ---


CHALLENGES = ("rerun", "recount")


def challenge(one: Duel, kind: str) -> Rerun | Recount:
    """A challenge of either kind that convicts the liar."""
    return proof_of(one) if kind == "rerun" else one.trial.recount(one.liar, 0)


def liar_of(world: World, kind: str) -> Duel:
    """A liar with a row or with a sum."""
    if kind == "rerun":
        return liar_ahead(world)
    model = models.forest()
    told = hidden(replaced(of_rows(model), {0: 0}))
    fair = Listing(told, of_rows(model))
    liar = replace(fair, lies=(((0, 0), fair.score + 1),))
    return duel(world, told, (model, liar), model)


@pytest.mark.parametrize("kind", CHALLENGES)
def test_attack_challenging__in_the_last_second__convicts_and_after_it_nobody_can(
    world: World, kind: str
) -> None:
    """Who stands unrefuted at the end is paid, liar or not: a challenge in the second in
    which the window ends comes too late."""
    one = liar_of(world, kind)
    trial, call = one.trial, challenge(one, kind)
    ends = world.now + CHALLENGE
    assert trial.ends == ends
    world.at(ends - 1)
    with boa.env.anchor():
        trial.convicts(call, one.liar)
        state = world.state(trial.contest)
        assert (state.candidate, state.shown) == (one.honest.entry.id, False)
        assert state.step_ends == ends - 1 + RESPONSE
        trial.follows_and_is_paid(one.honest, call)
    world.at(ends)
    trial.is_refused(call, "TooLate")
    with boa.reverts("TooLate"):
        world.cancel(trial.contest, one.liar.entry, accept_slash=True)
    trial.stands_and_is_paid(one.liar)
    trial.is_refused(call, "NotShown")


@pytest.mark.parametrize("kind", CHALLENGES)
def test_attack_challenging__the_last_claim__refunds_the_requester(
    world: World, kind: str
) -> None:
    """Nobody is behind the liar: the reward goes back."""
    one = liar_of(world, kind)
    world.cancel(one.trial.contest, one.honest.entry, accept_slash=True)
    one.trial.convicts(challenge(one, kind), one.liar)
    assert world.phase(one.trial.contest) == REFUNDED
    assert world.balance("requester") == START


def test_attack_refuting_oneself__for_the_tenth__costs_nine_tenths_each_time(
    world: World,
) -> None:
    """A liar buys delay by refuting itself in the last second. It has a tenth of its
    stake back, so a window costs nine tenths of it: 4.5% of the reward at least."""
    one = liar_ahead(world, stake=REWARD // 20, demand_bond=REWARD // 200)
    trial, stake = one.trial, REWARD // 20
    world.at(trial.ends - 1)
    trial.send(proof_of(one), "ann")
    assert world.balance("ann") == START - stake + stake // 10
    assert START - world.balance("ann") == REWARD * 45 // 1_000
    assert world.market.slashed() == stake - stake // 10
    trial.follows_and_is_paid(one.honest)


def test_attack_front_running__a_challenge_by_whoever_copies_it__convicts_once(
    world: World,
) -> None:
    """Eve sends Bob's challenge before he does and has the tenth. His reverts and hits
    nobody else; the liar is convicted either way."""
    one = liar_ahead(world)
    trial, call = one.trial, proof_of(one)
    trial.convicts(call, one.liar, "eve")
    trial.is_refused(call, "NotShown", "bob")
    trial.follows_and_is_paid(one.honest, call)
    assert world.market.slashed() == STAKE - STAKE // 10
    assert world.balance("eve") == START + STAKE // 10


def test_attack_front_running__a_challenge_by_leaving__costs_the_liar_more(
    world: World,
) -> None:
    """The liar sees the challenge come and leaves: all of its stake is slashed."""
    one = liar_ahead(world)
    trial = one.trial
    world.cancel(trial.contest, one.liar.entry, accept_slash=True)
    event = newest_failure(world.market)
    assert (event.reason, event.slashed, event.paid) == (CANCELLED_LATE, STAKE, 0)
    trial.is_refused(proof_of(one), "NotShown")
    trial.follows_and_is_paid(one.honest)


def test_attack_challenging__by_a_contract__pays_the_contract(world: World) -> None:
    """Whoever calls the referee is paid, whatever began the transaction."""
    one = liar_ahead(world)
    puppet, call = boa.load(str(HARNESS / "Puppet.vy")), proof_of(one)
    data = getattr(world.referee, call.name).prepare_calldata(*call.arguments)
    worked, _ = puppet.speak(world.referee.address, data)
    assert worked
    assert world.coin.balanceOf(puppet.address) == STAKE // 10
    one.trial.follows_and_is_paid(one.honest)


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
        honest.entry.id, honest.entry.shown, 0, False
    )
    assert not puppet.speak(market.address, lie)[0]
    with boa.reverts("NotClerk"), world.as_("bob"):
        market.answered(honest.entry.id, honest.entry.shown, 0, False)
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
