# SPDX-License-Identifier: Apache-2.0
"""What an action costs is said before it is confirmed, and is true."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from modelmarket.market.fees import CONTEST_GAS, GAS
from modelmarket.web.views import ACTIONS

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
FUNCTIONS = {"create_contest": "create_request", "submit_model": "submit"}
"""What the other contract calls an action that has a name of its own."""


def most_measured(report: str, function: str) -> int:
    cases = json.loads((BENCHMARKS / report).read_text())
    return int(max(one["gas"] for one in cases if one["function"] == function))


@pytest.mark.parametrize("kind", sorted(GAS.keys() - {"fund"}))
def test_the_gas_that_is_told_is_what_the_call_takes_at_most(kind: str) -> None:
    most = most_measured("gas.json", kind)
    assert most <= GAS[kind] <= most * 1.1


@pytest.mark.parametrize("kind", sorted(CONTEST_GAS))
def test_the_same_holds_in_verified_contests(kind: str) -> None:
    most = most_measured("verified-gas.json", FUNCTIONS.get(kind, kind))
    assert most <= CONTEST_GAS[kind] <= most * 1.1


def test_every_action_of_the_page_has_its_gas() -> None:
    by_programs = {"open_truth", "claim", "open_predictions", "other"}
    # What the page only shows of verified contests, programs do as well.
    by_programs |= {"open_key", "show_model", "refute", "demand", "answer"}
    assert set(GAS) | set(CONTEST_GAS) == set(ACTIONS) - by_programs
    # A plain transfer: the Yellow Paper's G_transaction.
    assert GAS["fund"] == 21_000
