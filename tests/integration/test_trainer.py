# SPDX-License-Identifier: Apache-2.0
"""A trainer that works by itself: what it enters, what it spends, and that it never
enters anything twice.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import polars as pl
import pytest
from sklearn.tree import DecisionTreeClassifier

from modelmarket import agent
from modelmarket.agent.trainer import (
    Budget,
    Decision,
    RequestKind,
    Rule,
    Rules,
    Trained,
    Trainer,
    Verdict,
    beside,
    run,
)
from modelmarket.audit import audit
from modelmarket.chain.sending import Signed, quote
from modelmarket.market import Request, VerifiedRequest
from modelmarket.market.contents import Contents
from modelmarket.protocol.actions import Submit
from modelmarket.protocol.money import ONE_MDC
from modelmarket.protocol.phases import Status
from modelmarket.protocol.types import RequestId, Seal, Superhash, Wei
from modelmarket.vault.journal import Version
from support.contests import contest, finish
from support.market import Place

QUICK = Rules(seconds=3)
AnyRequest = Request | VerifiedRequest


def frame(seed: int = 1, rows: int = 150) -> pl.DataFrame:
    """Words, numbers, gaps in both, and a class that depends on all of them."""
    chance = Random(seed)
    lines: list[dict[str, Any]] = []
    for _ in range(rows):
        x, word = chance.gauss(0, 1), chance.choice(("ab", "cd", None))
        kind = "up" if x + (1.5 if word == "ab" else 0) > 0.5 else "down"
        x_or_gap = None if chance.random() < 0.1 else round(x, 4)
        lines.append({"x": x_or_gap, "y": chance.gauss(0, 1), "w": word, "kind": kind})
    return pl.DataFrame(lines)


def numbers(seed: int = 2, rows: int = 150) -> pl.DataFrame:
    chance = Random(seed)
    xs = [chance.gauss(0, 1) for _ in range(rows)]
    price = [round(100 + 20 * x + chance.gauss(0, 2), 2) for x in xs]
    return pl.DataFrame({"x": xs, "price": price})


def tree(request: AnyRequest) -> Any:
    """What somebody's plug-in may do."""
    return DecisionTreeClassifier(max_depth=3).fit(*request.training_data("numpy"))


def plain(here: Place, seed: int = 1, **options: Any) -> VerifiedRequest:
    """A contest of numbers' columns alone, quickly made."""
    table = frame(seed).select(pl.col("y") + seed, "kind")
    said = {"reward": "100", "label": "kind", "accept_findings": True, **options}
    return here.markets["rita"].create_contest(table, **said)


def test_contests_of_both_kinds_are_entered_and_won(here: Place) -> None:
    rita, ann = here.markets["rita"], here.markets["ann"]
    rita.create_request(frame(), label="kind", reward="100", name="words and gaps")
    contest(here, rita)
    rita.create_contest(numbers(), label="price", reward="100", error="absolute")
    rita.create_request(
        numbers(seed=3), label="price", reward="100", bins=8, accept_findings=True
    )
    decisions = Trainer(ann, QUICK).look()
    assert [str(one.request) for one in decisions] == ["1", "v1", "v2", "2"]
    for one in decisions:
        assert one.verdict is Verdict.ENTERED, one.message
        assert one.trained is not None
        assert one.trained.gap is not None
        assert one.trained.gap >= 0
        assert f"submission {one.submission}, " in one.message
        assert "in cross-validation" in one.message
        mine = ann.any_submission(one.submission)
        assert mine.record.name == one.trained.name
        assert mine.record.trainer == ann.wallet.address
    finish(here)
    for number in (1, 2, "v1", "v2"):
        ended = here.live(number)
        winner = ended.winner()
        assert winner is not None
        assert winner.record.trainer == ann.wallet.address
        verdicts = audit(rita, ended.id)
        assert not [one for one in verdicts if one.is_broken]


def test_it_tells_under_which_licence_the_models_are_handed_over(here: Place) -> None:
    plain(here, model_licence="mit")
    here.create(here.markets["rita"])
    told: list[str] = []
    trainer = Trainer(here.markets["ann"], QUICK, train=tree, show=told.append)
    assert [one.verdict for one in trainer.look()] == [Verdict.ENTERED] * 2
    assert [one for one in told if "hand the model over" in one] == [
        "Request v1: If it wins, you hand the model over under MIT."
    ]


def test_a_request_is_entered_once_whoever_looks_again(here: Place) -> None:
    contest(here, here.markets["rita"])
    ann = here.markets["ann"]
    trainer = Trainer(ann, QUICK, train=tree)
    [first] = trainer.look()
    [again] = trainer.look()
    [restarted] = Trainer(here.again("ann"), QUICK, train=tree).look()
    assert first.verdict is Verdict.ENTERED
    assert again.message == "Request v1: entered before: submission v1 is yours"
    assert restarted == again
    assert len(ann.request("v1").submissions()) == 1


def test_one_that_was_cancelled_is_not_entered_again(here: Place) -> None:
    contest(here, here.markets["rita"])
    trainer = Trainer(here.markets["ann"], QUICK, train=tree)
    trainer.look()
    here.markets["ann"].submission("v1").cancel()
    [decision] = trainer.look()
    assert decision.verdict is Verdict.ENTERED_BEFORE


def test_two_trainers_of_one_account_enter_once(here: Place) -> None:
    """Both have trained before either has entered."""
    contest(here, here.markets["rita"])
    found: list[Decision] = []
    ann = here.markets["ann"]

    def both(request: AnyRequest) -> Any:
        # While the first one trains the second one enters.
        if not found:
            found.append(Decision(RequestId(0), Verdict.FAILED, "not yet"))
            other = Trainer(ann, QUICK, train=tree)
            seen = other._seen()
            found[0] = other._enter(request, Trained(tree(request)))
            assert seen.purse.locked == 0
        return tree(request)

    [decision] = Trainer(ann, QUICK, train=both).look()
    assert found[0].verdict is Verdict.ENTERED
    assert decision.verdict is Verdict.ENTERED_BEFORE
    assert len(ann.request("v1").submissions()) == 1


def test_what_is_signed_and_not_in_the_chain_yet_is_not_signed_again(
    here: Place,
) -> None:
    request = contest(here, here.markets["rita"])
    ann = here.markets["ann"]
    stake = request.record.terms.stake
    action = Submit(
        request=request.id,
        terms_hash=request.record.terms_hash,
        stake=stake,
        sealed_as=Seal(bytes(32)),
        superhash=Superhash(bytes(32)),
        name="",
    )
    # What stands before it is not there, so no node takes it yet.
    call = ann.coin.approve(ann.network.market, 1)
    fields = quote(ann.connection, call, ann.wallet.address)
    fields["nonce"] += 1
    signed = Signed(*ann.wallet.sign_transaction(fields))
    journal, me = ann.vault.journal, ann.wallet.address
    entry = journal.begin(ann.network.market, me, action, fields["nonce"])
    journal.signed(entry, Version(signed.hash, signed.raw))
    trainer = Trainer(ann, QUICK, train=tree)
    [decision] = trainer.look()
    assert decision.rule is Rule.UNDER_WAY
    assert decision.why == "an entry of yours is still on its way"
    assert trainer._seen().purse.locked == stake


def test_no_more_is_at_stake_at_once_than_is_allowed(here: Place) -> None:
    for seed in (1, 2, 3):
        plain(here, seed, stake="5")
    rules = Rules(seconds=3, most_locked=Wei(10 * ONE_MDC))
    trainer = Trainer(here.markets["ann"], rules, train=tree)
    verdicts = [one.verdict for one in trainer.look()]
    assert verdicts == [Verdict.ENTERED, Verdict.ENTERED, Verdict.NOT_ENTERED]
    last = trainer.look()[-1]
    assert last.rule is Rule.MOST_LOCKED
    # Money that comes back is staked again.
    here.markets["ann"].submission("v1").cancel()
    assert trainer.look()[-1].verdict is Verdict.ENTERED


def test_no_more_fees_are_paid_than_is_allowed(here: Place) -> None:
    for seed in (1, 2):
        plain(here, seed)
    ann = here.markets["ann"]
    fee = ann.price(170_000)
    rules = Rules(seconds=3, most_fees=Wei(fee + fee // 10))
    first, second = Trainer(ann, rules, train=tree).look()
    assert first.verdict is Verdict.ENTERED
    assert second.rule is Rule.MOST_FEES


def test_rules_are_kept_before_anything_is_fetched_or_trained(here: Place) -> None:
    contest(here, here.markets["rita"])
    ann = here.markets["ann"]

    def never(request: AnyRequest) -> Any:
        raise AssertionError("it was trained")

    rules: list[tuple[Rules, Rule]] = [
        (Rules(least_reward=Wei(101 * ONE_MDC)), Rule.LEAST_REWARD),
        (Rules(most_stake=Wei(1)), Rule.MOST_STAKE),
        (Rules(most_rows=20), Rule.MOST_ROWS),
        (Rules(kinds=frozenset({RequestKind.PREDICTION})), Rule.KIND),
    ]
    for said, rule in rules:
        [decision] = Trainer(ann, said, train=never).look()
        assert (decision.verdict, decision.rule) == (Verdict.NOT_ENTERED, rule)
    assert ann.store.roots() == []
    for said, rule in (
        (Rules(most_rows=100), Rule.MOST_ROWS),
        (Rules(most_classes=2), Rule.MOST_CLASSES),
        (Rules(most_bytes=10_000), Rule.MOST_MEGABYTES),
    ):
        [decision] = Trainer(ann, said, train=never).look()
        assert decision.rule is rule, decision.message
    [decision] = Trainer(here.markets["rita"], train=never).look()
    assert decision.why == "it is your own"


def test_a_folder_that_is_larger_than_it_says_is_not_fetched(
    here: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it says is believed of nobody: here it says nothing at all."""
    here.create(here.markets["rita"])
    monkeypatch.setattr(Contents, "size", lambda _: 0)
    rules = Rules(seconds=3, most_bytes=1_000)
    [decision] = Trainer(here.markets["ann"], rules, train=tree).look()
    assert decision.verdict is Verdict.FAILED
    assert "1,000" in decision.why


def test_a_model_that_is_too_near_the_baseline_is_trained_once_and_not_entered(
    here: Place,
) -> None:
    contest(here, here.markets["rita"])
    times: list[RequestId] = []

    def near(request: AnyRequest) -> Trained:
        times.append(request.id)
        return Trained(tree(request), name="mine", value=0.8, baseline=0.79)

    trainer = Trainer(here.markets["ann"], Rules(least_gap=1.5), train=near)
    first, again = *trainer.look(), *trainer.look()
    assert first == again
    assert first.why == (
        "mine, 80.0% accuracy in cross-validation, 1.0 points above the quick baseline; "
        "1.5 points above it are the least (`--least-gap`)"
    )
    assert len(times) == 1


def test_a_dry_run_trains_and_stakes_nothing(here: Place) -> None:
    contest(here, here.markets["rita"])
    here.create(here.markets["rita"])
    ann = here.markets["ann"]
    before = ann.balance(ann.wallet.address)
    trainer = Trainer(ann, QUICK, train=tree, is_dry=True)
    for decision in (*trainer.look(), *trainer.look()):
        assert decision.verdict is Verdict.WOULD_ENTER, decision.message
        assert not decision.submission
    assert ann.balance(ann.wallet.address) == before
    assert ann.submissions() == []


def test_one_that_raises_is_told_and_stops_nobody(here: Place) -> None:
    for seed in (1, 2):
        plain(here, seed)

    def picky(request: AnyRequest) -> Any:
        if str(request.id) == "v1":
            raise ValueError("I do not like it")
        return tree(request)

    first, second = Trainer(here.markets["ann"], QUICK, train=picky).look()
    assert first.message == (
        "Request v1: failed: training raised ValueError: I do not like it"
    )
    assert second.verdict is Verdict.ENTERED


def test_what_cannot_be_sealed_is_told_and_costs_nothing(here: Place) -> None:
    plain(here)
    ann = here.markets["ann"]
    [decision] = Trainer(ann, QUICK, train=lambda _: 7).look()
    assert decision.verdict is Verdict.FAILED
    assert "int" in decision.why
    assert ann.submissions() == []


def test_what_failed_rests_before_it_is_tried_again(
    here: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain(here)
    tries: list[int] = []

    def broken(request: AnyRequest) -> Any:
        tries.append(1)
        raise ValueError("again")

    trainer = Trainer(here.markets["ann"], QUICK, train=broken)
    trainer.look()
    trainer.look()
    assert len(tries) == 1
    monkeypatch.setattr("modelmarket.agent.trainer.trainer.REST_S", 0.0)
    trainer._known.clear()
    for _ in range(9):
        trainer.look()
    assert len(tries) == 1 + 5


def test_the_budget_is_the_rules_and_the_deadline_s(here: Place) -> None:
    request = plain(here)
    budgets: list[Budget] = []

    def asked(request: AnyRequest, budget: Budget) -> Any:
        budgets.append(budget)
        return tree(request)

    ann = here.markets["ann"]
    here.move_to(request.record.deadline - 40)
    Trainer(ann, Rules(seconds=60), train=asked, threads=1, is_dry=True).look()
    [budget] = budgets
    assert budget.threads == 1
    assert 5 < budget.seconds <= 10


def wait_for(done: Callable[[], object]) -> None:
    for _ in range(600):
        if done():
            return
        threading.Event().wait(0.05)
    raise AssertionError("it did not happen")


def test_it_goes_on_looking_and_says_everything_once(here: Place) -> None:
    plain(here)
    said: list[Decision] = []
    stop = threading.Event()
    trainer = Trainer(here.markets["ann"], QUICK, train=tree)
    loop = threading.Thread(
        target=run, args=(trainer, said.append), kwargs={"stop": stop, "poll_s": 0.05}
    )
    loop.start()
    try:
        wait_for(lambda: len(said) == 2)
        plain(here, 2)
        wait_for(lambda: len(said) == 4)
    finally:
        stop.set()
        loop.join()
    told = [(str(one.request), one.verdict) for one in said]
    assert told == [
        ("v1", Verdict.ENTERED),
        ("v1", Verdict.ENTERED_BEFORE),
        ("v2", Verdict.ENTERED),
        ("v2", Verdict.ENTERED_BEFORE),
    ]


def test_a_node_that_is_away_is_told_once_and_waited_for(
    here: Place, tmp_path: Path
) -> None:
    ann = here.markets["ann"]
    trainer = Trainer(ann, QUICK, train=tree)
    plain(here)
    said: list[Decision] = []
    stop = threading.Event()
    look = trainer.decide
    away = [True] * 5

    def decide() -> Any:
        if away:
            away.pop()
            raise ConnectionError("nobody answers")
        return look()

    trainer.decide = decide  # type: ignore[method-assign]  # the line is down

    def tell(decision: Decision) -> None:
        said.append(decision)
        if decision.verdict is Verdict.ENTERED:
            stop.set()

    run(trainer, tell, stop=stop, poll_s=0.01)
    assert [one.message.partition(":")[0] for one in said] == [
        "The market could not be looked at",
        "Request v1",
    ]


def test_beside_a_program_it_enters_and_keeps_its_appointments(here: Place) -> None:
    request = plain(here)
    ann = here.markets["ann"]
    with beside(Trainer(ann, QUICK, train=tree)):
        wait_for(lambda: request.refresh().submissions())
        here.move_to(request.record.deadline)
        agent.run_once(here.markets["rita"])
        wait_for(lambda: ann.submission("v1").record.score is not None)
    assert ann.submission("v1").record.status is Status.RANKED
