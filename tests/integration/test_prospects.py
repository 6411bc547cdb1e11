# SPDX-License-Identifier: Apache-2.0
"""What entering a contest may come to is said before money is at stake, and is so."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier

from modelmarket import agent
from modelmarket.agent.checks import examine
from modelmarket.errors import EntryWarning
from modelmarket.market import VerifiedRequest
from modelmarket.market.verified import gas, prospects
from modelmarket.market.verified.opened import Opened
from modelmarket.market.verified.prospects import Pace, Prospect, too_slow
from modelmarket.protocol.hidden import pack_groups, pack_rows
from modelmarket.protocol.types import Wei
from support.contests import (
    PEOPLE,
    contest,
    corrected,
    enter,
    table,
    to_claims,
    to_validation,
    tree_of,
    work,
)
from support.market import Place, place

TABLE = Path(__file__).parents[2] / "benchmarks" / "verified-gas.json"
FAST = Pace(opened=1e12, executed=1e15, memory=2**40)
NOWHERE = "http://127.0.0.1:9"


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """Where rita has opened a contest."""
    with place("embedded", tmp_path_factory.mktemp("people")) as found:
        for name in PEOPLE:
            found.join(name)
        contest(found, found.markets["rita"])
        yield found


@pytest.fixture
def request_v1(here: Place) -> VerifiedRequest:
    """The contest, as ann sees it."""
    found = here.markets["ann"].request("v1")
    found.check_folder()
    return found


EXECUTIONS = {
    "answer_trees": gas.ANSWER_TREES,
    "answer_dense": gas.ANSWER_DENSE,
    "answer_listing": gas.ANSWER_LISTING,
    "rerun_trees": gas.RERUN,
    "rerun_dense": gas.RERUN,
    "recount": gas.RECOUNT,
}
MEASURED = [
    row for row in json.loads(TABLE.read_text()) if row["function"] in EXECUTIONS
]


def trees_of(row: dict[str, Any]) -> int:
    """The trees that a measured rerun ran: of boosting those of two outputs."""
    said = str(row["case"]).replace(",", "").split()
    if row["function"] != "rerun_trees":
        return 0
    return int(said[0]) if said[0].isdigit() else 100


@pytest.mark.parametrize("row", MEASURED, ids=lambda row: f"{row['function']}")
def test_no_call_took_more_on_a_node_than_is_computed(row: dict[str, Any]) -> None:
    tokens = (row["floor"] - gas.A_CALL) // gas.FLOOR_OF_A_TOKEN
    execution = EXECUTIONS[row["function"]]
    computed = execution.gas(tokens, row["words"], trees_of(row))
    assert row["gas"] <= computed <= 2 * row["gas"]


def test_an_answer_and_a_challenge_cost_no_more_than_was_said(tmp_path: Path) -> None:
    with place("anvil", tmp_path) as here:
        rita, ann, ben = (here.join(name) for name in PEOPLE)
        contest(here, rita)
        request = ann.request("v1")
        training = request.training()
        forest = RandomForestClassifier(40, max_depth=6, random_state=0)
        forest.fit(training.codes, training.targets)
        told: list[Prospect] = []
        honest = request.submit(forest, tell=told.append)
        lie = enter(ben, depth=5)
        to_claims(here, request)
        lie.claim(request.terms.rows)
        work(here, "ann")
        to_validation(here)
        lie.show(corrected(lie.refresh(), wrong=0))
        candidate = ann.request("v1").candidate()
        assert candidate is not None
        evidence = candidate.evidence()
        found = candidate.find_lie(evidence)
        assert found is not None
        [said] = told
        assert candidate.refute(evidence, found).gas <= said.challenge.gas
        work(here, "ann")
        honest.refresh().demand()
        taken = sum(receipt.gas for receipt in honest.refresh().answer())
        assert taken <= said.answer.gas <= 1.5 * taken


def test_a_model_that_could_not_be_served_or_watched_is_told_before_it_is_staked(
    here: Place, request_v1: VerifiedRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann, before = here.markets["ann"], here.verified.submission_count()
    network = replace(ann.network, gateways=(NOWHERE,))
    monkeypatch.setattr(ann, "network", network)
    seen: list[int] = []

    def tell(said: Prospect) -> None:
        seen.append(here.verified.submission_count())
        assert any(NOWHERE in one for one in said.warnings)

    request_v1.submit(tree_of(request_v1, 3), again=True, tell=tell)
    assert seen == [before] == [here.verified.submission_count() - 1]
    with pytest.warns(EntryWarning, match="No gateway can be reached"):
        request_v1.submit(tree_of(request_v1, 2), again=True)


def test_a_contest_that_she_could_not_watch_is_told_before_the_reward_is_locked(
    here: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    rita, before = here.markets["rita"], here.verified.request_count()
    monkeypatch.setattr(rita, "network", replace(rita.network, gateways=(NOWHERE,)))
    seen: list[int] = []

    def warn(line: str) -> None:
        assert NOWHERE in line
        seen.append(here.verified.request_count())

    contest(here, rita, source=table(here, seed=2), warn=warn)
    assert seen == [before] == [here.verified.request_count() - 1]
    with pytest.warns(EntryWarning, match="No gateway can be reached"):
        contest(here, rita, source=table(here, seed=3))


def test_a_key_that_could_not_pay_for_an_answer_is_told(
    request_v1: VerifiedRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    market, model = request_v1.market, request_v1.convert(tree_of(request_v1, 3))
    me = market.wallet.address
    said = request_v1.prospect(model, me)
    assert said.warnings == ()
    enough = max(said.answer.wei, said.challenge.wei)
    price = said.answer.wei // said.answer.gas
    assert said.challenge.wei == said.challenge.gas * price
    monkeypatch.setattr(market.connection, "fees", lambda: (Wei(price - 1), Wei(1)))
    monkeypatch.setattr(market, "fee_balance", lambda _: Wei(enough))
    assert request_v1.prospect(model, me).warnings == ()
    monkeypatch.setattr(market, "fee_balance", lambda _: Wei(enough - 1))
    [warning] = request_v1.prospect(model, me).warnings
    assert me in warning
    monkeypatch.setattr(market, "fee_balance", lambda _: Wei(enough))
    bond = request_v1.terms.demand_bond
    monkeypatch.setattr(market, "balance", lambda _: bond)
    assert request_v1.prospect(model, me).warnings == ()
    monkeypatch.setattr(market, "balance", lambda _: Wei(bond - 1))
    [warning] = request_v1.prospect(model, me).warnings
    assert f"{me} has" in warning
    assert "could not demand what nobody serves" in warning


def test_limits_beyond_a_computer_are_told_and_which(
    request_v1: VerifiedRequest,
) -> None:
    terms = request_v1.terms
    assert list(too_slow(terms, FAST)) == []
    [memory] = too_slow(terms, replace(FAST, memory=1_000))
    assert "of memory" in memory
    words = terms.rows  # of one word each
    [slow] = too_slow(terms, replace(FAST, opened=words / terms.response_window_s / 2))
    assert "the response window" in slow
    runs = terms.rows * terms.most_words * 2  # three outputs
    quarter = terms.challenge_window_s / 4
    assert list(too_slow(terms, replace(FAST, executed=1.01 * runs / quarter))) == []
    [long] = too_slow(terms, replace(FAST, executed=0.99 * runs / quarter))
    assert "the largest model" in long
    assert list(too_slow(terms, replace(FAST, executed=None, memory=None))) == []


def test_a_computer_is_measured_by_what_it_does(request_v1: VerifiedRequest) -> None:
    model = request_v1.convert(tree_of(request_v1, 3))
    codes = request_v1.training().codes
    pace = Pace.measured(request_v1.terms, model, codes)
    assert pace.opened > 0
    assert pace.executed is not None
    assert pace.executed > 0
    assert Pace.measured(request_v1.terms).executed is None
    assert prospects.executed_words(model) == model.header.depth + 2


@pytest.mark.parametrize("columns", [3, 200])
def test_opened_rows_take_no_more_memory_than_is_said(
    request_v1: VerifiedRequest, columns: int
) -> None:
    rows = 20_000
    terms = replace(request_v1.terms, rows=rows, columns=columns)
    record = replace(request_v1.record, terms=terms)
    chance = np.random.default_rng(1)
    codes = chance.integers(0, 256, (rows, columns), dtype=np.uint8)
    targets = chance.integers(0, terms.outputs, rows, dtype=np.uint32)
    files = (
        pack_rows(codes, terms.width).tobytes(),
        pack_groups(targets, terms.bits).tobytes(),
    )
    tracemalloc.start()
    try:
        opened = Opened.of(record, bytes(32), *(bytes(bytearray(f)) for f in files))
        assert opened.codes.shape == codes.shape
        assert opened.points(opened.targets).shape == (rows,)
        assert opened.row(5).index == 5
        _, taken = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert taken <= prospects.taken(terms) <= 2 * taken


def test_the_agent_says_that_it_could_not_watch(
    here: Place, request_v1: VerifiedRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann = here.markets["ann"]
    request_v1.submit(tree_of(request_v1, 3), again=True)

    def said() -> str:
        checks = examine(ann, agent.plan(ann), ann.look())
        [found] = [one for one in checks if one.name == "Watching"]
        return "" if found.is_good else found.says

    assert said() == ""
    monkeypatch.setattr(prospects, "memory", lambda: 1_000)
    assert said().startswith("request v1: Opening all rows takes")
    monkeypatch.setattr(ann, "network", replace(ann.network, gateways=()))
    assert "No gateway can be reached" in said()
