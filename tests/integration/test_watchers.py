# SPDX-License-Identifier: Apache-2.0
"""Liars who play on what is said beside the chain: watchers go by what stands on it.

What a file says of points that no root commits to, sums that wrap around, weights of no
class: each would have made agents try what cannot convict, again and again, until the
liar was paid.
"""

from __future__ import annotations

import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from eth_hash.auto import keccak
from sklearn.ensemble import RandomForestClassifier
from sklearn.tree import DecisionTreeRegressor

from modelmarket import agent
from modelmarket.agent import planning, running
from modelmarket.chain import verified as calls
from modelmarket.errors import DataError, TransactionError
from modelmarket.market import Market, VerifiedRequest, VerifiedSubmission
from modelmarket.market.verified import judging, publishing
from modelmarket.market.verified.calls import contest_of
from modelmarket.market.verified.evidence import Evidence, patience
from modelmarket.market.verified.judging import FalseGroup, FalseRow
from modelmarket.market.verified.listing import Listing
from modelmarket.market.verified.watching import Verdict
from modelmarket.models import ExactModel
from modelmarket.protocol import conditions, points
from modelmarket.protocol.actions import Answer, ShowModel
from modelmarket.protocol.listings import WORDS
from modelmarket.protocol.phases import Failure
from modelmarket.protocol.shown import Shown
from modelmarket.protocol.types import RequestId, SubmissionId
from modelmarket.storage.cid import Cid
from support.contests import (
    PEOPLE,
    REWARD,
    contest,
    corrected,
    enter,
    finish,
    next_time,
    promises,
    seen,
    source,
    to_claims,
    to_validation,
    work,
)
from support.market import Place, place
from verified import reference, small_models


def forget(market: Market, cid: str) -> None:
    """Has somebody's store serve something no more."""
    with market.store.database.writing() as connection:
        data = bytes(Cid.parse(cid))
        gone = sum(
            connection.execute(f"DELETE FROM {name} WHERE cid = ?", (data,)).rowcount
            for name in ("nodes", "leaves", "objects")
        )
    assert gone


def is_refuted(here: Place, lie: VerifiedSubmission) -> None:
    """Agents have refuted it, and the honest one wins."""
    failed = lie.refresh().record
    assert failed.failure is Failure.REFUTED
    done = finish(here, "ann", "rita")
    won = done.winner()
    assert won is not None
    assert won.record.trainer == here.markets["ann"].wallet.address
    assert promises(here.markets["rita"]) == []


def ahead(here: Place, request: VerifiedRequest | None = None) -> VerifiedSubmission:
    """Ben's submission, which will claim what its model does not give."""
    request = request or contest(here, here.markets["rita"])
    enter(here.markets["ann"])
    lie = enter(here.markets["ben"], depth=1)
    to_claims(here, request)
    return lie.refresh()


# --- points that nothing commits to ---


@pytest.mark.parametrize("stated", [0, 1, 2**63, 2**64 - 1])
def test_a_file_that_states_other_points_than_the_claim_hides_no_false_row(
    here: Place, stated: int
) -> None:
    """The root of a single group commits to no points: the claim alone states them."""
    lie = ahead(here)
    assert lie.request.terms.groups == 1
    listing = corrected(lie, wrong=0)
    lie.claim(listing.score)
    work(here, "ann")
    to_validation(here)
    lie.show(replace(listing, points=(stated,)))
    found = seen(here)
    lies = list(found.find_lies(found.evidence()))
    assert {type(one) for one in lies} == {FalseRow}
    work(here, "ann", "rita")
    is_refuted(here, lie)


def test_a_proof_that_does_not_convict_keeps_nobody_from_the_next(
    here: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    lie = ahead(here)
    listing = corrected(lie, wrong=0)
    lie.claim(listing.score)
    work(here, "ann")
    to_validation(here)
    lie.show(listing)
    # As though something false had been found of the sums, which are true.
    none = FalseGroup(0, 1, 2)
    monkeypatch.setattr(judging, "_false_sums", lambda *_: iter([none]))
    found = seen(here)
    lies = list(found.find_lies(found.evidence()))
    assert (type(lies[0]), type(lies[1])) == (FalseGroup, FalseRow)
    assert found.watch() is Verdict.REFUTED
    assert lie.refresh().record.failure is Failure.REFUTED


# --- classes that there are not ---


def test_a_row_listed_as_no_class_at_all_convicts_whatever_the_model_is(
    here: Place,
) -> None:
    """The model has no trees for class 0, so that a proof of that output alone would be
    one of no tree. Of a class that there is not the chain reads no proof."""
    rita, ann, ben = (here.markets[name] for name in PEOPLE)
    request = contest(here, rita)
    enter(ann)
    odd = small_models.ensemble(
        small_models.stump(0, 100, small_models.scalar(-3), small_models.scalar(9)),
        small_models.scalar(-5),
        base=(0, 0, 0),
        form=2,
        rounds=1,
        columns=request.terms.columns,
    )
    data = reference.joined(reference.model_words(odd))
    lie = ben.request("v1").submit(ExactModel.from_bytes(data), show=None)
    to_claims(here, request)
    opened = lie.refresh().request.opened()
    computed = opened.predictions(lie.refresh().model())
    predictions = opened.targets.copy()
    (wrong, *_) = np.flatnonzero((computed == 0) & (opened.targets != 0)).tolist()
    predictions[wrong] = 3
    listing = Listing.of(request.terms, predictions, opened.points(predictions))
    lie.refresh().claim(listing.score)
    work(here, "ann")
    to_validation(here)
    lie.refresh().show(listing)
    work(here, "ann", "rita")
    is_refuted(here, lie)
    (told,) = rita.request("v1").refutations()
    assert told.as_document()["row"] == wrong + 1
    assert told.sentence.startswith(f"Row {wrong + 1} was listed as no class (3)")


# --- sums that wrap around ---


def prices(here: Place) -> VerifiedRequest:
    """A contest of so many groups of numbers that its listing has two parts."""
    chance = random.Random(1)
    lines = ["size,floor,price"]
    for _ in range(5_600):
        size = chance.uniform(20, 120)
        price = 2.5 * size + chance.gauss(0, 8)
        lines.append(f"{size:.6f},{chance.randrange(9)},{price:.2f}")
    path = here.folder / "prices.csv"
    path.write_text("\n".join(lines) + "\n")
    return here.markets["rita"].create_contest(
        source(path, "price"),
        reward=REWARD,
        error="absolute",
        bits=32,
        fraction=Fraction(3, 4),
        accept_findings=True,
    )


def enter_tree(market: Market, depth: int) -> VerifiedSubmission:
    """A tree of some depth, for numbers."""
    request = market.request("v1")
    training = request.training()
    tree = DecisionTreeRegressor(max_depth=depth, random_state=0)
    return request.submit(tree.fit(training.codes, training.targets), show=None)


def test_sums_that_wrap_around_are_read_from_the_chain_and_refuted(here: Place) -> None:
    """In one part of the listing nearly 2**256 points, in the other the claim and a few
    more: the contract adds words, and both parts can be posted."""
    ann, ben = here.markets["ann"], here.markets["ben"]
    request = prices(here)
    assert request.terms.listing_parts == 2
    enter_tree(ann, 6)
    lie = enter_tree(ben, 1)
    to_claims(here, request)
    work(here, "ann")
    lie = lie.refresh()
    claim = request.terms.rows * lie.request.record.scoring.most
    lie.claim(claim)
    to_validation(here)

    true = lie.listing()
    stated = [0] * request.terms.groups
    stated[0], stated[64] = WORDS - 5, claim + 5
    listing = replace(true, points=tuple(stated))
    assert listing.score == claim
    show_unserved(ben, lie.refresh(), listing)
    work(here, "ann", "rita")
    here.move_to(next_time(request.refresh()))
    work(here, "ann")
    assert seen(here).record.demand is not None
    answer(ben, lie.refresh(), listing)
    demand = seen(here).record.demand
    assert demand is not None
    assert not demand.is_open
    work(here, "ann", "rita")
    is_refuted(here, lie)


def show_unserved(market: Market, lie: VerifiedSubmission, listing: Listing) -> None:
    """Shows a model beside a listing, and serves neither."""
    secret, model = lie.secret(), lie.model()
    assert secret is not None
    assert lie.record.score is not None
    shown = Shown(
        lie.record.trainer,
        model.header.word,
        model.base_hash,
        model.units_root,
        listing.root,
        lie.record.score,
    )
    contest = contest_of(lie.request.record)
    call = market.markets.verified.show_model(
        lie.id,
        contest,
        shown,
        model.base,
        salt=secret.salt,
        model=secret.model,
        listing="",
    )
    market.send(call, ShowModel(lie.request.id, lie.id))


def answer(market: Market, lie: VerifiedSubmission, listing: Listing) -> None:
    """Posts model and listing, as the liar has them."""
    evidence, demand = Evidence(lie.model(), listing), lie.record.demand
    assert demand is not None
    request = lie.request.id
    for part in sorted(demand.owed):
        call = lie.part_call(evidence, part)
        market.send(call, Answer(request, lie.id, part, of_listing=False))
    for part in sorted(demand.owed_of_listing):
        call = lie.listing_call(evidence, part)
        market.send(call, Answer(request, lie.id, part, of_listing=True))


# --- weights of no class ---


def weighted(here: Place) -> VerifiedRequest:
    """A contest with a weight behind that of the last class."""
    true = points.weight_words

    def with_one_more(weights: tuple[int, ...]) -> bytes:
        return true((*weights, 5) if weights else ())

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(calls, "weight_words", with_one_more)
        for module in (publishing, conditions):
            patch.setattr(module, "weights_hash", lambda w: keccak(with_one_more(w)))
        request = contest(here, here.markets["rita"], balanced=True)
    assert len(request.record.weights) == request.terms.outputs + 1
    return request


def test_a_contest_with_a_weight_for_no_class_is_entered_by_nobody(
    here: Place,
) -> None:
    weighted(here)
    with pytest.raises(DataError, match=r"The terms of request v1 are none: 4 weights"):
        enter(here.markets["ann"])


def test_a_weight_for_no_class_saves_no_liar_from_those_who_entered(
    here: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(VerifiedRequest, "check_folder", lambda _: None)
    lie = ahead(here, weighted(here))
    most = lie.request.terms.rows * lie.request.record.scoring.most
    lie.claim(most)
    work(here, "ann")
    to_validation(here)
    lie.show(replace(lie.listing(), points=(most,)))
    work(here, "ann", "rita")
    assert lie.refresh().record.failure is Failure.REFUTED


# --- what was found out of another contest, or can be found out without anybody ---


def honest(here: Place) -> VerifiedSubmission:
    """A true candidate, alone."""
    request = contest(here, here.markets["rita"])
    found = enter(here.markets["ben"])
    to_claims(here, request)
    found.refresh().claim()
    to_validation(here)
    found.refresh().show()
    return found.refresh()


def test_a_verdict_is_that_of_one_submission(here: Place) -> None:
    """The same model, listing and score may be true in one contest and not in another."""
    honest(here)
    found = seen(here)
    record, watched = found.record, found.request.market.watched
    assert found.watch() is watched.of(record) is Verdict.TRUE
    elsewhere = SubmissionId.of(record.id.number + 1, is_verified=True)
    assert watched.of(replace(record, id=elsewhere)) is None
    showing = record.showing
    assert showing is not None
    other = replace(showing, shown=replace(showing.shown, score=1))
    assert watched.of(replace(record, showing=other)) is None


def test_a_true_listing_that_nobody_serves_is_computed_and_nothing_demanded(
    here: Place,
) -> None:
    showing = honest(here).record.showing
    assert showing is not None
    forget(here.markets["ben"], showing.listing)
    assert seen(here).evidence().is_whole
    here.move_to(next_time(seen(here).request))
    assert seen(here).watch() is Verdict.TRUE
    assert seen(here).record.demand is None


# --- in time ---


PARTS = 8
"""Seven of the model that is demanded, and one of its listing."""


def demanded(here: Place) -> None:
    """Ben's candidate, an honest forest in parts of one tree, is demanded by rita."""
    rita, ben = here.markets["rita"], here.markets["ben"]
    contest(here, rita)
    request = ben.request("v1")
    model = request.convert(forest_of(request, trees=PARTS - 1))
    single = ExactModel(replace(model.header, part=0), model.base, model.units)
    request.submit(single, show=None)
    to_claims(here, rita.request("v1"))
    work(here, "ben")
    to_validation(here)
    work(here, "ben")
    seen(here, "rita").demand()


def is_answered(here: Place) -> bool:
    """Whether nothing is owed any more."""
    demand = seen(here, "rita").record.demand
    return demand is not None and not demand.is_open


def test_all_parts_wait_for_their_blocks_at_once_so_that_there_is_time_for_them(
    tmp_path: Path,
) -> None:
    """The contract counts with four of the fullest parts in each block."""
    with place("anvil", tmp_path) as here:
        for name in PEOPLE:
            here.join(name)
        demanded(here)
        here.connection.ask("evm_setAutomine", False)
        mine = seen(here, "ben")
        with ThreadPoolExecutor() as threads:
            answering = threads.submit(mine.answer)
            try:
                # No block comes before all of them are there.
                while waiting(here) < PARTS and not answering.done():
                    time.sleep(0.05)
                assert waiting(here) == PARTS
            finally:
                here.connection.ask("evm_setAutomine", True)
                here.connection.ask("evm_mine")
            assert len({one.transaction for one in answering.result()}) == PARTS
        assert is_answered(here)


def waiting(here: Place) -> int:
    """How many transactions wait at the node."""
    return int(here.connection.ask("txpool_status")["pending"], 16)


def test_a_part_that_somebody_posts_first_keeps_no_other_waiting(
    here: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever demanded would post some, so that the trainer gives up on the others."""
    demanded(here)
    hers, mine = seen(here, "rita"), seen(here, "ben")
    evidence = mine.evidence()
    real = VerifiedSubmission.post

    def post(one: VerifiedSubmission, *given: Any) -> Any:
        # Four are posted by her, between his look and his calls.
        monkeypatch.setattr(VerifiedSubmission, "post", real)
        real(hers, evidence, hers.owed()[:4])
        return real(one, *given)

    monkeypatch.setattr(VerifiedSubmission, "post", post)
    assert len(mine.answer()) == PARTS - 4
    assert is_answered(here)


def forest_of(request: VerifiedRequest, trees: int) -> RandomForestClassifier:
    """So many trees, fitted on a contest's training part."""
    training = request.training()
    forest = RandomForestClassifier(trees, max_depth=3, random_state=0)
    return forest.fit(training.codes, training.targets)


def test_a_gateway_that_is_slow_leaves_time_for_a_demand(here: Place) -> None:
    request = honest(here).request
    table = request.record.timetable
    for left in (table.window_s, 400, 40):
        now = table.demands_end - left
        assert patience(request.record, now) == min(table.window_s / 20, left / 4)
    assert patience(request.record, table.demands_end) == table.window_s / 20


def test_watches_that_hang_keep_no_step_waiting(
    here: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sixteen strangers' gateways hang, and the key is opened all the same."""
    rita = here.markets["rita"]
    request = contest(here, rita)
    enter(here.markets["ann"])
    here.move_to(request.record.deadline)
    let_go, real = threading.Event(), running.perform

    def perform(market: Market, step: agent.Step) -> agent.Report:
        if step.kind is agent.Kind.WATCH:
            let_go.wait(60)
            return agent.Report(step, done=False, message="it hung")
        return real(market, step)

    def look_ahead(market: Market, *given: Any) -> Any:
        found = planning.look_ahead(market, *given)
        watches = [
            agent.Step(
                agent.Kind.WATCH, request.id, SubmissionId.of(n, is_verified=True), 0, 1
            )
            for n in range(1, 17)
        ]
        return replace(found, steps=[*watches, *found.steps])

    monkeypatch.setattr(running, "perform", perform)
    monkeypatch.setattr(running, "look_ahead", look_ahead)
    told, stop = list[agent.Report](), threading.Event()

    def tell(report: agent.Report) -> None:
        told.append(report)
        if report.step.kind is agent.Kind.OPEN_KEY:
            stop.set()
            let_go.set()

    threading.Timer(60, let_go.set).start()
    threading.Timer(60, stop.set).start()
    agent.run(rita, tell=tell, stop=stop, poll_s=0.1)
    assert [one.done for one in told if one.step.kind is agent.Kind.OPEN_KEY] == [True]
    assert rita.request("v1").record.key


def test_whoever_pays_the_winner_a_moment_late_is_told_that_there_was_no_need(
    here: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other transaction came between the check and the block."""
    rita, ann = here.markets["rita"], here.markets["ann"]
    request = contest(here, rita)
    enter(ann)
    to_claims(here, request)
    work(here, "ann")
    to_validation(here)
    work(here, "ann", "rita")
    here.move_to(rita.request("v1").record.timetable.ends)
    [step] = [one for one in agent.plan(rita) if one.kind is agent.Kind.SETTLE]
    do = Market.do

    def outrun(market: Market, *given: Any) -> Any:
        if market is rita:
            ann.request("v1").settle()
            raise TransactionError(
                "Transaction 0x12 is in block 9 and failed.",
                hint="If this is still due, try again.",
            )
        return do(market, *given)

    monkeypatch.setattr(Market, "do", outrun)
    report = running.perform(rita, step)
    assert report.done
    assert "no need any more to settle contest v1" in str(report)
    assert "try again" not in str(report)


def test_what_has_to_be_opened_is_planned_before_the_claims_that_wait_for_it(
    here: Place,
) -> None:
    """Of whoever is both, requester and trainer; claims have no end that is known."""
    rita = here.markets["rita"]
    contest(here, rita)
    enter(rita)
    asked = here.create(rita)
    here.submit(rita, asked.id)
    for request_id, opening in (
        (RequestId.parse("v1"), agent.Kind.OPEN_KEY),
        (asked.id, agent.Kind.OPEN_TRUTH),
    ):
        kinds = [one.kind for one in agent.plan(rita) if one.request_id == request_id]
        assert kinds == [opening, agent.Kind.CLAIM]


def test_a_key_is_not_opened_for_what_a_node_says_of_the_next_block(
    here: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half a window after the deadline it is opened before any burial: by the time of
    a block that there is."""
    rita = here.markets["rita"]
    request = contest(here, rita)
    enter(here.markets["ann"])
    rita.network = replace(rita.network, confirmations=5)
    monkeypatch.setattr(Market, "is_past_for_good", lambda *_: False)
    deadline = request.record.deadline
    half = request.terms.response_window_s // 2
    here.move_to(deadline)
    [step] = [one for one in agent.plan(rita) if one.kind is agent.Kind.OPEN_KEY]
    moment = rita.look()
    for stands_at, due in ((deadline + half - 1, False), (deadline + half, True)):
        head = replace(moment.head, timestamp=stands_at)
        ahead_of_it = replace(moment, head=head, now=deadline + half)
        assert agent.is_due(rita, step, ahead_of_it) is due
