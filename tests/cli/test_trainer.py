# SPDX-License-Identifier: Apache-2.0
"""`modelmarket trainer run`: what it says, how it ends, and what it costs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from support import packages
from support.children import child
from support.contests import contest
from support.market import PASSPHRASE, Place

Give = Callable[..., tuple[object, str, str]]
RUN = ("trainer", "run", "--once", "--plugin", "mine")
MINE = """
from sklearn.tree import DecisionTreeClassifier

def tree(request):
    return DecisionTreeClassifier(max_depth=3).fit(*request.training_data("numpy"))

def broken(request):
    raise ValueError("I do not like it")
"""


@pytest.fixture(autouse=True)
def _mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    packages.install(tmp_path, monkeypatch, MINE, mine="tree", broken="broken")


def test_once_says_what_it_entered_and_ends_well(here: Place, give: Give) -> None:
    contest(here, here.markets["rita"])
    code, told, errors = give("ann", *RUN)
    assert (code, errors) == (0, "")
    assert told.splitlines() == [
        "Request v1: entered: DecisionTreeClassifier, of which nobody knows how it does "
        "on rows not seen; submission v1, 5 MDC at stake",
        "The appointments are kept by `modelmarket agent run`.",
    ]
    [mine] = here.markets["ann"].submissions()
    assert (str(mine.id), mine.record.name) == ("v1", "DecisionTreeClassifier")
    code, told, _ = give("ann", *RUN, "--json")
    assert code == 0
    [document] = json.loads(told)
    assert document == {
        "request": "v1",
        "decision": "entered_before",
        "rule": None,
        "message": "Request v1: entered before: submission v1 is yours",
        "submission": "v1",
        "stake_wei": "5000000000000000000",
        "training": None,
    }


def test_the_portfolio_explains_its_model(here: Place, give: Give) -> None:
    contest(here, here.markets["rita"])
    words = ("trainer", "run", "--once", "--dry-run", "--seconds", "3", "--json")
    code, told, errors = give("ann", *words)
    assert (code, errors) == (0, "")
    [document] = json.loads(told)
    assert document["decision"] == "would_enter"
    training = document["training"]
    assert training["points_above"] >= 0
    assert training["value"] >= training["baseline"]
    assert training["model"] in {one["name"] for one in training["tried"]}
    assert here.markets["ann"].submissions() == []


def test_a_rule_that_is_not_kept_is_told_with_its_option(
    here: Place, give: Give
) -> None:
    rows = contest(here, here.markets["rita"]).manifest().train_rows
    rules = {
        "--least-reward=150": "the reward of 100 MDC is below 150 MDC "
        "(`--least-reward`)",
        "--most-stake=2.5": "the stake of 5 MDC is above 2.5 MDC (`--most-stake`)",
        "--most-locked=4": "with its stake of 5 MDC more than 4 MDC would be at stake "
        "at once (`--most-locked`)",
        "--most-rows=100": f"it has {rows} training rows, and 100 are the most "
        "(`--most-rows`)",
        "--most-classes=2": "it has 3 classes, and 2 are the most (`--most-classes`)",
        "--kind=prediction": "it is a verified contest (`--kind`)",
        "--most-fees=0": "fees would come to more than 0 of the chain's coin "
        "(`--most-fees`)",
    }
    for option, why in rules.items():
        code, told, _ = give("ann", *RUN, option, "--quiet", "--dry-run")
        assert (code, told) == (0, f"Request v1: not entered: {why}\n")
    for option, said in (
        ("--most-megabytes=1", "would enter"),
        ("--least-gap=1", "1 point"),
    ):
        told = give("ann", *RUN, option, "--quiet", "--dry-run")[1]
        assert said in told
    code, told, _ = give("ann", *RUN, "--least-gap=1", "--quiet")
    assert "nobody knows whether it is 1 point above the quick baseline" in told
    assert here.markets["ann"].submissions() == []


def test_a_failure_is_told_and_the_exit_code_says_so(here: Place, give: Give) -> None:
    contest(here, here.markets["rita"])
    code, told, errors = give("ann", *RUN[:3], "--plugin", "broken")
    assert (code, errors) == (1, "")
    assert "Request v1: failed: training raised ValueError: I do not like it" in told


def test_where_nobody_asks_for_anything_it_says_so(here: Place, give: Give) -> None:
    assert give("ann", *RUN) == (0, "", "No request takes submissions.\n")
    assert give("ann", *RUN, "--json") == (0, "[]\n", "")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--plugin", "theirs"), "There are: broken, mine, portfolio."),
        (("--kind", "odd"), "--kind is one of: prediction, verified."),
        (("--most-stake", "much"), "'much' is not an amount of MDC."),
        (("--seconds", "0"), "--seconds"),
    ],
)
def test_what_was_not_meant_is_told_before_a_key_is_unlocked(
    give: Give, words: tuple[str, ...], said: str
) -> None:
    code, _, errors = give("ann", "trainer", "run", *words)
    assert (code, said in errors) == (2, True), errors


def test_it_runs_until_it_is_interrupted_and_keeps_its_appointments(
    here: Place, tmp_path: Path
) -> None:
    request = contest(here, here.markets["rita"])
    market = here.markets["ann"]
    program = "from modelmarket.cli import main; main()"
    words = ("trainer", "run", "--plugin", "mine", "--poll", "0.2", "--json")
    environment = {
        **os.environ,
        "PYTHONPATH": str(tmp_path),
        "MODELMARKET_HOME": str(market.home.path),
        "MODELMARKET_NETWORK": "test",
        "MODELMARKET_PRIVATE_KEY": "0x"
        + market.wallet._account.key.hex().removeprefix("0x"),
        "MODELMARKET_PASSPHRASE": PASSPHRASE,
    }
    with child(
        [sys.executable, "-c", program, *words],
        stdout=subprocess.PIPE,
        env=environment,
    ) as server:
        assert server.stdout is not None
        said: list[dict[str, Any]] = []
        while len(said) < 2:
            document = json.loads(server.stdout.readline())
            if "decision" in document:
                said.append(document)
                assert document["time"].endswith("+00:00")
        assert [one["decision"] for one in said] == ["entered", "entered_before"]
        here.move_to(request.record.deadline)
        here.markets["rita"].request("v1").open_key()
        while "Claimed for" not in (line := server.stdout.readline().decode()):
            assert line, f"it ended with {server.wait()}"
        server.send_signal(signal.SIGINT)
        assert server.wait(timeout=60) == 130
    assert market.submission("v1").record.score is not None
