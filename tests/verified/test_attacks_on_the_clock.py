# SPDX-License-Identifier: Apache-2.0
"""Attacks with time and order: each step a second early, a second late, twice,
by somebody else, or first.

Each is played through market, referee, clerk and coin, and ends in what was paid.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import boa
import pytest

from verified import small_models as models
from verified.published import Listing, hidden, of_rows, replaced
from verified.trial import (
    START,
    Duel,
    Recount,
    Rerun,
    Trial,
    duel,
    liar_ahead,
    newest_failure,
    proof_of,
)
from verified.world import (
    CANCELLED_LATE,
    CHALLENGE,
    CLAIMS,
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
    World,
)

HARNESS = Path(__file__).parents[1] / "contracts" / "harness"


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
