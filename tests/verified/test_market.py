# SPDX-License-Identifier: Apache-2.0
"""The verified market, call by call: when each may come, and what it does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import boa
import pytest
from eth_utils.crypto import keccak

from verified.world import (
    CANCELLED,
    CANCELLED_LATE,
    CANCELLED_SUBMISSION,
    CHALLENGE,
    CLAIMS,
    FORFEITED,
    FULFILLED,
    MDC,
    OPEN,
    RANKED,
    REFUNDED,
    RESPONSE,
    REWARD,
    STAKE,
    SUBMITTED,
    TRUTH,
    VALIDATION,
    WITHHELD,
    WON,
    Contest,
    Entry,
    World,
    header_of,
)

START = 10_000 * MDC


def failed(world: World) -> Any:
    """The newest event of a failure."""
    return next(
        one
        for one in reversed(world.market.get_logs())
        if type(one).__name__ == "SubmissionFailed"
    )


# --- a life ---


def test_life__of_the_best_that_nobody_refutes__pays_it_and_gives_the_ranked_back(
    world: World,
) -> None:
    contest, (ann, bob) = world.in_challenge({"ann": 18, "bob": 15})
    assert world.state(contest).step_ends == world.now + CHALLENGE
    world.at(world.now + CHALLENGE)
    world.settle(contest, ann)
    assert world.phase(contest) == FULFILLED
    assert world.status(ann) == WON
    assert world.balance("ann") == START + REWARD
    world.withdraw(contest, bob)
    assert world.balance("bob") == START
    assert world.market.slashed() == 0


def test_life__of_a_silent_trainer__costs_its_stake_at_the_end(world: World) -> None:
    contest, (ann, bob) = world.in_claims("ann", "bob")
    world.claim(contest, ann, 10)
    world.close_claims(contest)
    world.show(contest, ann)
    world.at(world.now + CHALLENGE)
    world.settle(contest, ann)
    assert world.market.slashed() == STAKE
    with boa.reverts("NothingDue"):
        world.withdraw(contest, bob)


# --- opening the key ---


def test_open_key__once_its_window_is_over__is_refused_and_the_reward_is_slashed(
    world: World,
) -> None:
    contest = world.create()
    entry = world.submit(contest, "ann")
    world.at(contest.deadline + RESPONSE - 1)
    with boa.reverts("NotOverdue"):
        world.enforce(contest)
    world.at(contest.deadline + RESPONSE)
    with boa.reverts("Overdue"):
        world.open_key(contest)
    world.enforce(contest)
    assert world.phase(contest) == FORFEITED
    assert world.market.slashed() == REWARD
    world.withdraw(contest, entry)
    assert world.balance("ann") == START


def test_open_key__later_than_it_could_be__leaves_all_of_their_window_to_the_claims(
    world: World,
) -> None:
    contest = world.create()
    ann = world.submit(contest, "ann")
    opened = contest.deadline + RESPONSE - 1
    world.at(opened)
    world.open_key(contest)
    assert world.state(contest).step_ends == opened + RESPONSE
    world.at(opened + RESPONSE - 1)
    world.claim(contest, ann, 10)
    assert world.phase(contest) == CLAIMS
    world.at(opened + RESPONSE)
    assert world.phase(contest) == VALIDATION


def test_request__before_its_candidate_shows_a_model__has_none_shown(
    world: World,
) -> None:
    contest = world.create()
    ann = world.submit(contest, "ann")

    def seen() -> tuple[int, bool]:
        return world.phase(contest), world.state(contest).shown

    assert seen() == (OPEN, False)
    world.at(contest.deadline)
    assert seen() == (TRUTH, False)
    world.open_key(contest)
    assert seen() == (CLAIMS, False)
    world.claim(contest, ann, 18)
    world.close_claims(contest)
    assert seen() == (VALIDATION, False)
    world.show(contest, ann)
    assert seen() == (VALIDATION, True)
    world.at(world.state(contest).step_ends)
    world.settle(contest, ann)
    assert seen() == (FULFILLED, False)


def test_enforce_timeout__of_a_key_that_nobody_waits_for__pays_the_reward_back(
    world: World,
) -> None:
    contest = world.create()
    world.at(contest.deadline + RESPONSE)
    world.enforce(contest)
    assert world.phase(contest) == REFUNDED
    assert world.balance("requester") == START


# --- entering and leaving ---


def test_submit__at_the_deadline__is_refused(world: World) -> None:
    contest = world.create()
    world.at(contest.deadline - 1)
    world.submit(contest, "ann")
    world.at(contest.deadline)
    with boa.reverts("WrongPhase"):
        world.submit(contest, "bob")


def test_submit__to_other_terms_or_another_requester__is_refused(
    world: World,
) -> None:
    contest = world.create()
    cheap = replace(contest, terms=contest.terms | {"stake": 1})
    with boa.reverts("WrongTerms"):
        world.submit(cheap, "ann")
    with boa.reverts("WrongTerms"):
        world.submit(replace(contest, requester="bob"), "ann")
    with boa.reverts("UnknownRequest"):
        world.submit(replace(contest, id=2), "ann")


def test_cancel_submission__in_time__pays_the_stake_back(world: World) -> None:
    contest = world.create()
    entry = world.submit(contest, "ann")
    world.cancel(contest, entry)
    assert world.status(entry) == CANCELLED_SUBMISSION
    assert world.balance("ann") == START
    with boa.reverts("NotLive"):
        world.cancel(contest, entry)


def test_cancel_submission__late__is_refused_unless_the_slash_is_accepted(
    world: World,
) -> None:
    contest, (ann, _) = world.in_claims("ann", "bob")
    with boa.reverts("StakeAtRisk"):
        world.cancel(contest, ann)
    world.cancel(contest, ann, accept_slash=True)
    assert failed(world).reason == CANCELLED_LATE
    assert world.market.slashed() == STAKE


def test_cancel_submission__by_another__is_refused(world: World) -> None:
    contest, (ann, bob) = world.in_challenge({"ann": 18, "bob": 15})
    for entry in (ann, bob):
        stolen = replace(entry, trainer="eve")
        with boa.reverts():
            world.cancel(contest, stolen, accept_slash=True)


def test_cancel_submission__by_whoever_makes_up_what_was_shown__is_refused(
    world: World,
) -> None:
    """Whoever shows something in their own name is not who entered."""
    contest = world.create()
    early = world.submit(contest, "ann")

    def steal(victim: Entry) -> None:
        made_up = world.shown(replace(victim, trainer="eve"), 18)
        stolen = replace(victim, trainer="eve", shown=made_up)
        with boa.reverts("WrongSeal"):
            world.cancel(contest, stolen, accept_slash=True)

    steal(early)
    contest, (ann, bob) = world.in_challenge({"ann": 18, "bob": 15})
    for entry in (ann, bob):
        steal(entry)
    assert world.balance("eve") == START


def test_cancel_submission__late_before_the_key_or_among_claims__leaves_the_rest_to_come(
    world: World,
) -> None:
    contest = world.create()
    ann, bob, cid = (world.submit(contest, one) for one in ("ann", "bob", "cid"))
    world.at(contest.deadline)
    ends = world.state(contest).step_ends
    world.cancel(contest, ann, accept_slash=True)
    assert (world.phase(contest), world.state(contest).step_ends) == (TRUTH, ends)
    world.open_key(contest)
    world.claim(contest, bob, 9)
    ends = world.state(contest).step_ends
    world.cancel(contest, bob, accept_slash=True)
    assert (world.phase(contest), world.state(contest).step_ends) == (CLAIMS, ends)
    world.claim(contest, cid, 8)
    world.close_claims(contest)
    assert world.state(contest).candidate == cid.id


def test_submission__new_ended_or_failed__says_nothing_that_is_not_its_own(
    world: World,
) -> None:
    """Numbered one by one over all contests; without score or neighbours before a
    claim, and without neighbours after it has failed between them."""
    first = world.create()
    contest = world.create()
    numbers = [world.submit(one, "dot").id for one in (first, contest, first)]
    assert numbers == [1, 2, 3]
    entries = [world.submit(contest, one) for one in ("ann", "bob", "cid")]
    for entry in entries:
        found = world.market.submission(entry.id)
        assert (found.score, found.ahead, found.behind) == (0, 0, 0)
    world.open_key(contest)
    for entry, score in zip(entries, (9, 8, 7), strict=True):
        world.claim(contest, entry, score)
    ann, bob, cid = entries
    found = world.market.submission(bob.id)
    assert (found.ahead, found.behind) == (ann.id, cid.id)
    world.cancel(contest, bob, accept_slash=True)
    found = world.market.submission(bob.id)
    assert (found.score, found.ahead, found.behind) == (8, 0, 0)


def test_submit__when_live_is_at_its_largest__is_refused_before_it_runs_over(
    world: World,
) -> None:
    """The field beside `live` counts the ranked: one more than it holds is refused
    before it can be counted there."""
    contest = world.create()
    layout = world.market.compiler_data.storage_layout["storage_layout"]
    place = layout["contests"]["_states"]["slot"]
    slot = int.from_bytes(keccak(place.to_bytes(32) + contest.id.to_bytes(32)))
    for live, reason in ((2**32 - 1, "TooMany"), (2**32 - 2, "")):
        with boa.env.anchor():
            packed = boa.env.get_storage(world.market.address, slot)
            boa.env.set_storage(world.market.address, slot, packed | live << 96)
            assert world.state(contest).live == live
            if reason:
                with boa.reverts(reason):
                    world.submit(contest, "ann")
                continue
            world.submit(contest, "ann")
            state = world.state(contest)
            assert (state.live, state.ranked, state.best) == (2**32 - 1, 0, 0)
            world.entries.clear()  # it is taken back


UNKNOWN = Entry(99, "ann", bytes(32), 0, [0], bytes(32), bytes(32))


@pytest.mark.parametrize(
    "step",
    [
        lambda world, _: world.market.submission(99),
        lambda world, contest: world.cancel(contest, UNKNOWN),
        lambda world, contest: world.claim(contest, UNKNOWN, 1, hint=0),
        lambda world, contest: world.show(contest, UNKNOWN, shown=UNKNOWN.shown),
        lambda world, _: world.market.answered(
            99, UNKNOWN.shown, 0, bytes(32), sender=world.clerk.address
        ),
        lambda world, contest: world.demand(contest, UNKNOWN),
        lambda world, contest: world.withdraw(contest, UNKNOWN),
        lambda world, _: world.market.withdraw_bond(99),
    ],
)
def test_submission__that_nobody_made__is_told_as_such_by_every_call(
    world: World, step: Callable[[World, Contest], None]
) -> None:
    contest = world.create()
    world.submit(contest, "ann")
    with boa.reverts("UnknownSubmission"):
        step(world, contest)


def test_cancel_submission__of_the_shown_candidate__makes_the_next_one_candidate(
    world: World,
) -> None:
    contest, (ann, bob) = world.in_challenge({"ann": 18, "bob": 15})
    world.cancel(contest, ann, accept_slash=True)
    state = world.state(contest)
    assert (state.candidate, state.shown) == (bob.id, False)
    assert state.step_ends == world.now + RESPONSE


def test_cancel_request__with_nothing_live__pays_the_reward_back(
    world: World,
) -> None:
    contest = world.create()
    world.cancel_request(contest)
    assert world.phase(contest) == CANCELLED
    assert world.balance("requester") == START


def test_cancel_request__with_some_live__shares_the_reward(world: World) -> None:
    contest = world.create(reward=REWARD + 1)
    entries = [world.submit(contest, one) for one in ("ann", "bob")]
    with boa.reverts("TooManyLive"):
        world.cancel_request(contest, 1)
    world.cancel_request(contest, 2)
    for entry in entries:
        world.withdraw(contest, entry)
        assert world.balance(entry.trainer) == START + REWARD // 2
    assert world.balance("requester") == START - REWARD


def test_cancel_request__of_what_is_shared_without_a_rest__moves_no_coin(
    world: World,
) -> None:
    contest = world.create()
    for one in ("ann", "bob"):
        world.submit(contest, one)
    world.cancel_request(contest, 2)
    logged = [type(one).__name__ for one in world.market.get_logs()]
    assert logged == ["RequestCancelled"]


def test_cancel_request__once_the_key_is_open_or_by_another__is_refused(
    world: World,
) -> None:
    contest, _ = world.in_claims("ann")
    with boa.reverts("WrongPhase"):
        world.cancel_request(contest, 9)
    other = world.create()
    with boa.reverts("WrongTerms"):
        world.cancel_request(replace(other, requester="eve"))


# --- claiming ---


@pytest.mark.parametrize(
    ("terms", "most"),
    [
        ({}, 20),
        ({"points": 2, "cap": 7, "outputs": 1, "bits": 8}, 140),
        ({"points": 3, "cap": 7, "outputs": 1, "bits": 8}, 980),
        (
            {"points": 1, "cap": 5, "weights": (5 << 224,)},
            100,
        ),
    ],
    ids=("accuracy", "absolute", "squared", "weighted"),
)
def test_claim__of_more_than_all_points__is_refused(
    world: World, terms: dict[str, Any], most: int
) -> None:
    if "weights" in terms:
        word = terms["weights"][0].to_bytes(32, "big")
        terms = terms | {"weights_hash": keccak(word)}
    contest, (ann,) = world.in_claims("ann", **terms)
    with boa.reverts("BadScore"):
        world.claim(contest, ann, most + 1)
    world.claim(contest, ann, most)
    assert world.market.submission(ann.id).score == most


def test_claim__by_a_stranger__is_refused_and_by_an_operator_taken(
    world: World,
) -> None:
    contest, (ann,) = world.in_claims("ann")
    with boa.reverts("NotTrainer"):
        world.claim(contest, ann, 3, who="eve")
    with world.as_("ann"):
        world.market.set_operator(world.people["eve"], True)
    world.claim(contest, ann, 3, who="eve")
    with boa.reverts("NotLive"):
        world.claim(contest, ann, 3)
    assert world.status(ann) == RANKED


def test_claim_and_withdraw__with_other_terms_requester_or_seal__are_refused(
    world: World,
) -> None:
    """What is kept of a submission binds its contest: no other terms say what it may
    score, nor what it is paid."""
    contest, (ann,) = world.in_claims("ann")
    rich = world.create(rows=40, reward=2 * REWARD, stake=2 * STAKE)
    bobs = world.submit(rich, "bob")
    others = replace(contest, terms=rich.terms), replace(contest, requester="bob")

    def claim(of: Contest, one: Entry) -> None:
        world.claim(of, one, 21)

    for step in (claim, world.withdraw):
        for other in others:
            with boa.reverts("WrongTerms"):
                step(other, ann)
        for seal in (bobs.seal, bytes(32), world.contest_hash(contest)):
            with boa.reverts("WrongSeal"):
                step(contest, replace(ann, seal=seal))
        with boa.reverts("WrongTerms"):
            step(others[0], replace(ann, seal=bobs.seal))
    assert world.status(ann) == SUBMITTED


def test_claim__when_the_window_is_over__is_refused(world: World) -> None:
    contest, (ann,) = world.in_claims("ann")
    world.at(world.now + RESPONSE)
    with boa.reverts("Overdue"):
        world.claim(contest, ann, 3)
    world.enforce(contest)
    assert world.phase(contest) == REFUNDED
    assert world.market.slashed() == STAKE


def test_claim__of_less_than_the_threshold__earns_nothing_and_costs_nothing(
    world: World,
) -> None:
    contest, (ann,) = world.in_validation_or_over({"ann": 4}, minimum_score=5)
    world.enforce(contest)
    assert world.phase(contest) == REFUNDED
    world.withdraw(contest, ann)
    assert world.balance("ann") == START


# --- showing ---


def test_show_model__of_another_model_salt_score_or_cid__is_refused(
    world: World,
) -> None:
    contest, (ann,) = world.in_validation({"ann": 18})
    shown = world.shown(ann, 18)
    for change, reason in (
        ({"salt": bytes(32)}, "WrongSeal"),
        ({"cid": "bafyother"}, "WrongSeal"),
        ({"shown": (*shown[:3], bytes(32), *shown[4:])}, "WrongSeal"),
        ({"shown": (*shown[:5], 17)}, "WrongScore"),
        ({"base": [1]}, "BadBase"),
        ({"terms": tuple(world.terms(stake=1).values())}, "WrongTerms"),
    ):
        with boa.reverts(reason):
            world.show(contest, ann, **change)
    world.show(contest, ann, shown=(*shown[:4], b"\x09" * 32, 18))


def test_show_model__whose_header_contradicts_the_terms__is_refused(
    world: World,
) -> None:
    contest = world.create()
    entry = world.submit(contest, "ann", header=header_of(columns=4))
    world.open_key(contest)
    world.claim(contest, entry, 3)
    world.close_claims(contest)
    with boa.reverts("BadColumns"):
        world.show(contest, entry)


# --- refuting ---


def test_refute__by_anybody_but_the_referee__is_refused(world: World) -> None:
    contest, (ann,) = world.in_challenge({"ann": 18})
    with boa.reverts("NotReferee"), world.as_("eve"):
        world.market.refute(
            contest.id,
            ann.id,
            world.people["requester"],
            contest.struct,
            ann.shown,
            world.people["eve"],
        )


def test_refute__of_what_was_not_shown_or_of_no_candidate__is_refused(
    world: World,
) -> None:
    contest, (ann, bob) = world.in_challenge({"ann": 18, "bob": 15})
    with boa.reverts("WrongShown"):
        world.refute(contest, replace(ann, shown=(*ann.shown[:5], 17)))
    with boa.reverts("NotCandidate"):
        world.refute(contest, replace(bob, shown=ann.shown))
    with boa.reverts("WrongTerms"):
        world.refute(replace(contest, requester="eve"), ann)
    world.refute(contest, ann)
    with boa.reverts("NotShown"):
        world.refute(contest, ann)


# --- demanding and answering ---


def test_answered__by_anybody_but_the_clerk__is_refused(world: World) -> None:
    contest, (ann,) = world.in_challenge({"ann": 18})
    world.demand(contest, ann)
    with boa.reverts("NotClerk"), world.as_("ann"):
        world.market.answered(ann.id, ann.shown, 0, bytes(32))


def test_answered__before_anything_is_shown__is_refused(world: World) -> None:
    _, (ann,) = world.in_validation({"ann": 18})
    with boa.reverts("NotShown"):
        world.answer(ann, 0)


@pytest.mark.parametrize("bond", [2 * MDC - 1, 2 * MDC])
def test_demand__once_it_is_answered_or_has_failed__is_nobodys_any_more(
    world: World, bond: int
) -> None:
    """Its bond goes to the last wei, odd or even, to whom it belongs."""
    nobody = ("0x" + "00" * 20, 0)
    contest, (ann,) = world.in_challenge({"ann": 18}, demand_bond=bond)
    world.demand(contest, ann)
    assert world.market.demand_of(ann.id)[:2] == (world.people["eve"], bond)
    world.answer(ann, 0)
    world.answer(ann, 0, of_listing=True)
    world.at(world.state(contest).step_ends)
    world.settle(contest, ann)
    assert world.market.demand_of(ann.id)[:2] == nobody
    assert world.balance("ann") == START + REWARD + bond

    contest, (bob,) = world.in_challenge({"bob": 18}, demand_bond=bond)
    world.demand(contest, bob)
    before = world.balance("eve")
    world.at(world.state(contest).step_ends)
    world.enforce(contest)
    world.market.withdraw_bond(bob.id)
    assert world.market.demand_of(bob.id)[:2] == nobody
    assert world.balance("eve") == before + bond


def test_answered__of_a_part_beyond_the_last__is_refused(world: World) -> None:
    contest, (ann,) = world.in_challenge({"ann": 18})
    world.demand(contest, ann)
    for part in (1, 255):
        with boa.reverts("NothingOwed"):
            world.answer(ann, part)
        with boa.reverts("NothingOwed"):
            world.answer(ann, part, of_listing=True)


def test_answered__of_a_part_of_several__leaves_the_others_owed(world: World) -> None:
    rows = 8_192 * 2 + 1  # three parts of 64 groups of 128 targets
    contest, (ann,) = world.in_challenge({"ann": 18}, rows=rows, bits=16)
    world.demand(contest, ann)
    for part, owed in ((1, 0b101), (0, 0b100)):
        world.answer(ann, part, of_listing=True)
        assert world.market.demand_of(ann.id)[2:] == (1, owed)
        with boa.reverts("NothingOwed"):
            world.answer(ann, part, of_listing=True)
    world.answer(ann, 0)
    world.at(world.state(contest).step_ends)
    with boa.reverts("Overdue"):
        world.settle(contest, ann)
    world.enforce(contest)
    assert failed(world).reason == WITHHELD


# --- settling ---


def test_settle__a_second_early_or_twice__is_refused(world: World) -> None:
    contest, (ann,) = world.in_challenge({"ann": 18})
    ends = world.now + CHALLENGE
    world.at(ends - 1)
    with boa.reverts("TooEarly"):
        world.settle(contest, ann)
    world.at(ends)
    with boa.reverts("NotOverdue"):
        world.enforce(contest)
    world.settle(contest, ann)
    with boa.reverts("NotShown"):
        world.settle(contest, ann)


# --- terms ---


def bounds(name: str, least: int, most: int, reason: str) -> list[Any]:
    return [
        pytest.param({name: least}, "", id=f"{name}-least"),
        pytest.param({name: most}, "", id=f"{name}-most"),
        pytest.param({name: least - 1}, reason, id=f"{name}-below"),
        pytest.param({name: most + 1}, reason, id=f"{name}-above"),
    ]


REGRESSION = {"points": 2, "outputs": 1, "bits": 8}
MANY = {"outputs": 3, "bits": 2}
LARGEST = {"rows": 2**25, "columns": 64, "most_words": 1, "most_parts": 1}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        *bounds("stake", REWARD // 20, 10_000 * MDC, "BadStake")[:1],
        ({"stake": REWARD // 20 - 1, "demand_bond": MDC}, "BadStake"),
        # Of the least reward all is one wei; a part of a wei is a whole one.
        ({"reward": 1, "stake": 1, "demand_bond": 1}, ""),
        ({"reward": 21, "stake": 1, "demand_bond": 1}, "BadStake"),
        ({"reward": 21, "stake": 2, "demand_bond": 1}, ""),
        ({"reward": 21, "stake": 11, "demand_bond": 1}, "BadBond"),
        ({"reward": 21, "stake": 11, "demand_bond": 2}, ""),
        ({"reward": 0}, "BadReward"),
        ({"reward": 2**96, "stake": 2**96 - 1}, "BadReward"),
        ({"stake": 2**96}, "BadStake"),
        ({"stake": 2**96 - 1, "demand_bond": 2**96 // 10 + 1}, ""),
        *bounds("demand_bond", STAKE // 10, STAKE, "BadBond"),
        *bounds("submission_window", 60, 365 * 86_400, "BadWindow"),
        *bounds("response_window", 900, CHALLENGE // 4, "BadWindow"),
        *bounds("challenge_window", 4 * RESPONSE, 28 * 86_400, "BadWindow"),
        ({"response_window": 7 * 86_400, "challenge_window": 28 * 86_400}, ""),
        ({"rows": 0}, "BadRows"),
        ({"columns": 0}, "BadColumns"),
        *bounds("columns", 1, 1_024, "BadColumns"),
        ({"columns": 1_024, "width": 16}, ""),
        ({"width": 4}, "BadWidth"),
        ({"width": 16}, ""),
        ({"step": 0}, "BadPoints"),
        ({"cap": 0}, "BadPoints"),
        ({"cap": 2**16}, ""),
        ({"cap": 2**16 + 1}, "BadPoints"),
        ({"points": 4}, "BadPoints"),
        ({"bits": 3}, "BadBits"),
        ({"bits": 32}, "BadBits"),
        ({"bits": 16, "outputs": 256}, ""),
        ({"bits": 16, "outputs": 257}, "BadOutputs"),
        ({"bits": 2, "outputs": 4}, ""),
        ({"bits": 2, "outputs": 5}, "BadOutputs"),
        ({"outputs": 1}, "BadOutputs"),
        (REGRESSION, ""),
        (REGRESSION | {"bits": 16}, ""),
        (REGRESSION | {"bits": 32}, ""),
        (REGRESSION | {"bits": 4}, "BadBits"),
        (REGRESSION | {"outputs": 2}, "BadOutputs"),
        ({"weights_hash": bytes(32)}, "BadWeights"),
        *bounds("minimum_score", 1, 20, "BadMinimum")[1:2],
        ({"minimum_score": 21}, "BadMinimum"),
        # A right class scores 1, whatever the cap.
        ({"minimum_score": 21, "cap": 2}, "BadMinimum"),
        ({"rows": 2**17, "cap": 2**16, "most_words": 1}, ""),
        *bounds("most_units", 1, 2**18, "BadUnits"),
        *bounds("most_words", 1, 3_328, "BadWords"),
        ({"most_parts": 0}, "BadParts"),
        # A quarter of the window has time for so many, and one is listed.
        ({"most_parts": 255, "challenge_window": 3_600}, ""),
        # A quarter of this window has time for 300 parts; a part has 2**17 rows.
        ({"rows": 2**17 * 44, "challenge_window": 3_600, "most_parts": 256}, ""),
        (
            {"rows": 2**17 * 44 + 1, "challenge_window": 3_600, "most_parts": 256},
            "BadParts",
        ),
        *bounds("most_parts", 1, 256, "BadParts"),
        # The words of all rows, and the parts of their listing, at their most.
        (LARGEST, ""),
        (LARGEST | {"columns": 65, "response_window": 1_800}, "BadRows"),
        (LARGEST | {"rows": 2**25 + 1, "columns": 32}, "BadRows"),
        # 225 columns of 8 bits are eight words, as 256 are.
        (LARGEST | {"rows": 2**23, "columns": 225}, ""),
        (LARGEST | {"rows": 2**23 + 1, "columns": 225}, "BadRows"),
        # Machines must keep up.
        ({"rows": 2**26 + 1}, "BadRows"),
        ({"rows": 100_000 * RESPONSE + 1, "most_words": 1}, "BadRows"),
        ({"rows": 10_000_000 * CHALLENGE // 3_328 + 1}, "BadWords"),
        ({"rows": 10_000_000 * CHALLENGE // 3_328}, ""),
        # As many as there may be, to the word.
        ({"rows": 22_500_000, "most_words": 3_200, "most_parts": 1}, ""),
        # Whoever watches runs the trees of all outputs, a challenge those of two.
        (MANY | {"rows": 10_000_000 * CHALLENGE // (2 * 3_328)}, ""),
        (MANY | {"rows": 10_000_000 * CHALLENGE // (2 * 3_328) + 1}, "BadWords"),
        (
            MANY | {"outputs": 4, "rows": 10_000_000 * CHALLENGE // (2 * 3_328)},
            "",
        ),
        # All points are below 2**32.
        (REGRESSION | {"points": 3, "cap": 2**16, "rows": 1}, "BadPoints"),
        (REGRESSION | {"points": 3, "cap": 2**16 - 1, "rows": 1}, ""),
        (REGRESSION | {"cap": 2**16, "rows": 2**16, "most_words": 1}, "BadPoints"),
        (REGRESSION | {"cap": 2**16, "rows": 2**16 - 1, "most_words": 1}, ""),
        ({"texts_hash": bytes(32)}, "WrongTexts"),
    ],
)
def test_attack_terms__at_and_beyond_each_bound__are_taken_or_refused(
    world: World, changes: dict[str, Any], reason: str
) -> None:
    if not reason:
        contest = world.create(**changes)
        assert world.market.request(contest.id).contest == world.contest_hash(contest)
        return
    with boa.reverts(reason):
        world.create(**changes)


def test_attack_terms__of_the_most_wei_that_there_can_be__are_taken(
    world: World,
) -> None:
    # Nobody has so much, so the rules are asked and not the market.
    terms = world.terms(reward=2**96 - 1, stake=2**96 - 1, demand_bond=2**96 - 1)
    world.clerk.check_terms(tuple(terms.values()), [])


def test_attack_terms__of_weights_that_do_not_fit__are_refused(world: World) -> None:
    def weighted(*words: int, cap: int, outputs: int = 2, bits: int = 1) -> Contest:
        data = b"".join(one.to_bytes(32, "big") for one in words)
        return world.create(
            points=1,
            cap=cap,
            outputs=outputs,
            bits=bits,
            weights=words,
            weights_hash=keccak(data),
        )

    weighted(3 << 224 | 2 << 192, cap=3)
    for words, cap in (
        ((3 << 224 | 2 << 192,), 4),  # the cap is the greatest weight
        ((3 << 224 | 2 << 192,), 2),
        ((1 << 160,), 1),  # behind the last class
        ((), 1),
        ((3 << 224, 0), 3),
    ):
        with boa.reverts("BadWeights"):
            weighted(*words, cap=cap)
    weighted(1 << 224, 1 << 224, cap=1, outputs=9, bits=4)
    weighted(*[1 << 224] * 31, 2, cap=2, outputs=256, bits=8)
    weighted(1, cap=1, outputs=8, bits=4)
    with boa.reverts("BadWeights"):
        world.create(weights=(1,))
    # Whoever scores by right classes alone weighs none, even if the hash says so.
    with boa.reverts("BadWeights"):
        world.create(weights=(1,), weights_hash=keccak((1).to_bytes(32, "big")))


def test_cancel_submission__of_another_while_one_is_shown__leaves_its_window(
    world: World,
) -> None:
    contest, (ann, bob) = world.in_challenge({"ann": 18, "bob": 15})
    ends = world.state(contest).step_ends
    world.at(world.now + 5)
    world.cancel(contest, bob, accept_slash=True)
    assert failed(world).step_ends == ends == world.state(contest).step_ends
    assert world.state(contest).candidate == ann.id
