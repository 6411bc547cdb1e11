# SPDX-License-Identifier: Apache-2.0
"""What each call logs: every field, since an index is built from nothing else."""

from __future__ import annotations

import hashlib
from typing import Any

import boa
import pytest
from eth_utils.crypto import keccak

from verified import small_models
from verified.models import Model
from verified.published import hidden, of_rows
from verified.trial import alone, liar_ahead, proof_of
from verified.world import (
    BOND,
    CANCELLED_LATE,
    CHALLENGE,
    KEY,
    MDC,
    REFUTED,
    RESPONSE,
    REWARD,
    STAKE,
    TEXTS,
    TIMED_OUT,
    WINDOW,
    WITHHELD,
    Contest,
    World,
)

NOBODY = "0x" + "00" * 20


def logged(world: World, name: str, contract: Any = None) -> dict[str, Any]:
    """The one event of that name that the last call logged, field by field."""
    called = contract or world.market
    (found,) = (one for one in called.get_logs() if type(one).__name__ == name)
    return {
        field: value
        for field, value in zip(found._fields, found, strict=True)
        if field != "address"
    }


def failure(contest: Contest, number: int, **fields: Any) -> dict[str, Any]:
    """All fields of a failure, of which most say that nobody was paid."""
    found = {
        "submission_id": number,
        "request_id": contest.id,
        "slashed": STAKE,
        "challenger": NOBODY,
        "paid": 0,
    }
    return found | fields


# --- requests ---


def test_create_request__logs_terms_texts_and_weights(world: World) -> None:
    word = 5 << 224
    digest = keccak(word.to_bytes(32, "big"))
    contest = world.create(points=1, cap=5, weights=(word,), weights_hash=digest)
    event = logged(world, "RequestCreated")
    assert tuple(event.pop("terms")) == contest.struct
    assert tuple(event.pop("texts")) == TEXTS
    assert event == {
        "request_id": contest.id,
        "requester": world.people["requester"],
        "contest": world.contest_hash(contest),
        "deadline": world.now + WINDOW,
        "weights": [word],
    }


def test_cancel_request__logs_who_shares_what(world: World) -> None:
    contest = world.create(reward=REWARD + 1)
    for who in ("ann", "bob"):
        world.submit(contest, who)
    world.cancel_request(contest, 2)
    assert logged(world, "RequestCancelled") == {
        "request_id": contest.id,
        "live": 2,
        "share": REWARD // 2,
        "paid": 1,
    }
    alone = world.create()
    world.cancel_request(alone)
    assert logged(world, "RequestCancelled") == {
        "request_id": alone.id,
        "live": 0,
        "share": 0,
        "paid": REWARD,
    }


def test_open_key__logs_the_key_and_when_claims_close(world: World) -> None:
    contest = world.create()
    world.at(contest.deadline + 7)
    world.open_key(contest)
    assert logged(world, "KeyOpened") == {
        "request_id": contest.id,
        "step_ends": world.now + RESPONSE,
        "key": KEY,
    }


def test_enforce_timeout__of_a_key_or_of_claims__logs_what_is_slashed(
    world: World,
) -> None:
    unopened = world.create()
    world.submit(unopened, "ann")
    world.at(unopened.deadline + RESPONSE)
    world.enforce(unopened)
    assert logged(world, "RequestForfeited") == {
        "request_id": unopened.id,
        "slashed": REWARD,
    }
    unclaimed, _ = world.in_claims("ann", "bob")
    world.at(world.now + RESPONSE)
    world.enforce(unclaimed)
    assert logged(world, "RequestRefunded") == {
        "request_id": unclaimed.id,
        "paid": REWARD,
        "slashed": 2 * STAKE,
    }


# --- submissions ---


def test_submit_and_cancel_submission__log_seal_superhash_and_stake(
    world: World,
) -> None:
    contest = world.create()
    entry = world.submit(contest, "ann")
    assert logged(world, "SubmissionCreated") == {
        "submission_id": entry.id,
        "request_id": contest.id,
        "trainer": world.people["ann"],
        "seal": entry.seal,
        "superhash": hashlib.sha256(entry.cid.encode()).digest(),
        "name": "by ann",
    }
    world.cancel(contest, entry)
    assert logged(world, "SubmissionCancelled") == {
        "submission_id": entry.id,
        "request_id": contest.id,
        "paid": STAKE,
    }


def test_claim__logs_its_own_score(world: World) -> None:
    contest, (ann, bob) = world.in_claims("ann", "bob")
    world.claim(contest, ann, 18)
    world.claim(contest, bob, 15)
    assert logged(world, "Claimed") == {
        "submission_id": bob.id,
        "request_id": contest.id,
        "score": 15,
    }


def test_show_model__logs_all_that_was_shown(world: World) -> None:
    contest, (ann,) = world.in_validation({"ann": 18})
    world.at(world.now + 5)
    world.show(contest, ann, listing="bafylisting")
    event = logged(world, "ModelShown")
    assert tuple(event.pop("shown")) == ann.shown
    assert event == {
        "submission_id": ann.id,
        "request_id": contest.id,
        "step_ends": world.now + CHALLENGE,
        "base": ann.base,
        "model": ann.cid,
        "listing": "bafylisting",
    }


def test_set_operator__logs_both_ways(world: World) -> None:
    for approved in (True, False):
        with world.as_("ann"):
            world.market.set_operator(world.people["eve"], approved)
        assert logged(world, "OperatorSet") == {
            "trainer": world.people["ann"],
            "operator": world.people["eve"],
            "approved": approved,
        }


# --- demands and failures ---


@pytest.mark.parametrize(
    ("model", "parts"), [(small_models.forest(part=1), 2), (small_models.network(), 1)]
)
def test_demand_answers_and_settle__log_parts_words_and_bond(
    world: World, model: Model, parts: int
) -> None:
    trial, honest = alone(world, model, hidden(of_rows(model)))
    number, contest, shown_at = honest.entry.id, trial.contest, world.now
    world.at(world.now + 3)
    world.demand(contest, honest.entry)
    assert logged(world, "Demanded") == {
        "submission_id": number,
        "request_id": contest.id,
        "demander": world.people["eve"],
        "bond": BOND,
        "due": shown_at + CHALLENGE * 3 // 4,
        "parts": parts,
        "listed": 1,
    }
    answers: list[Any] = trial.answers(honest)
    for call in answers:
        of_listing = call.name == "answer_listing"
        part = 0 if call.name == "answer_dense" else call.part
        trial.send(call, "dot")
        assert logged(world, "Answered", world.clerk) == {
            "submission_id": number,
            "request_id": contest.id,
            "part": part,
            "of_listing": of_listing,
        }
        posted = {
            "market": world.market.address,
            "submission_id": number,
            "part": part,
            "words": call.words,
        }
        if of_listing:
            posted["sums"] = call.sums
        name = "PostedListing" if of_listing else "Posted"
        assert logged(world, name, world.clerk) == posted
    world.at(trial.ends)
    world.settle(contest, honest.entry)
    assert logged(world, "RequestFulfilled") == {
        "request_id": contest.id,
        "submission_id": number,
        "paid": REWARD + STAKE,
        "bond": BOND,
        "slashed": 0,
    }


def test_settle__logs_the_silent_of_this_contest_alone(world: World) -> None:
    other, (lazy,) = world.in_claims("cid")
    world.cancel(other, lazy, accept_slash=True)
    contest, (ann, bob) = world.in_claims("ann", "bob")
    world.claim(contest, ann, 10)
    world.close_claims(contest)
    world.show(contest, ann)
    world.at(world.now + CHALLENGE)
    world.settle(contest, ann)
    assert logged(world, "RequestFulfilled") == {
        "request_id": contest.id,
        "submission_id": ann.id,
        "paid": REWARD + STAKE,
        "bond": 0,
        "slashed": STAKE,
    }
    assert world.status(bob) == 1


def test_a_refutation__logs_its_challenger_and_the_next_window(world: World) -> None:
    one = liar_ahead(world)
    contest, number = one.trial.contest, one.liar.entry.id
    world.at(world.now + 11)
    one.trial.send(proof_of(one), "cid")
    assert logged(world, "SubmissionFailed", world.referee) == failure(
        contest,
        number,
        reason=REFUTED,
        slashed=STAKE - STAKE // 10,
        challenger=world.people["cid"],
        paid=STAKE // 10,
        step_ends=world.now + RESPONSE,
    )


def test_failures__of_each_kind__log_the_window_that_stands_now(world: World) -> None:
    scores = {"ann": 18, "bob": 15, "cid": 12, "dot": 9}
    contest, (ann, bob, cid, dot) = world.in_validation(scores)
    closed = world.now
    world.at(closed + 5)
    world.cancel(contest, dot, accept_slash=True)
    assert logged(world, "SubmissionFailed") == failure(
        contest, dot.id, reason=CANCELLED_LATE, step_ends=closed + RESPONSE
    )
    assert world.state(contest).step_ends == closed + RESPONSE
    world.at(closed + RESPONSE + 9)
    world.enforce(contest)
    assert logged(world, "SubmissionFailed") == failure(
        contest, ann.id, reason=TIMED_OUT, step_ends=world.now + RESPONSE
    )
    world.show(contest, bob)
    shown_at = world.now
    world.at(shown_at + 1)
    world.demand(contest, bob)
    world.cancel(contest, cid, accept_slash=True)
    assert logged(world, "SubmissionFailed") == failure(
        contest, cid.id, reason=CANCELLED_LATE, step_ends=shown_at + CHALLENGE
    )
    world.at(shown_at + CHALLENGE * 3 // 4)
    world.enforce(contest)
    assert logged(world, "SubmissionFailed") == failure(
        contest, bob.id, reason=WITHHELD, step_ends=world.now + RESPONSE
    )
    assert logged(world, "RequestRefunded") == {
        "request_id": contest.id,
        "paid": REWARD,
        "slashed": 0,
    }
    world.market.withdraw_bond(bob.id)
    assert logged(world, "BondReturned") == {
        "submission_id": bob.id,
        "request_id": contest.id,
        "paid": BOND,
    }


def test_withdraw__logs_stake_and_share(world: World) -> None:
    contest = world.create()
    entries = [world.submit(contest, who) for who in ("ann", "bob")]
    world.cancel_request(contest, 2)
    for entry in entries:
        world.withdraw(contest, entry)
        assert logged(world, "Withdrawn") == {
            "submission_id": entry.id,
            "request_id": contest.id,
            "paid": STAKE + REWARD // 2,
        }
    assert world.balance("ann") == 10_000 * MDC + REWARD // 2
    with boa.reverts("NothingDue"):
        world.withdraw(contest, entries[0])
