# SPDX-License-Identifier: Apache-2.0
"""What an action costs is said before it is confirmed, and is true."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from modelmarket.market.fees import GAS
from modelmarket.web.views import ACTIONS

MEASURED = Path(__file__).parents[2] / "benchmarks" / "gas.json"


@pytest.mark.parametrize("kind", sorted(GAS.keys() - {"fund"}))
def test_the_gas_that_is_told_is_what_the_call_takes_at_most(kind: str) -> None:
    cases = json.loads(MEASURED.read_text())
    most = max(one["gas"] for one in cases if one["function"] == kind)
    assert most <= GAS[kind] <= most * 1.1


def test_every_action_of_the_page_has_its_gas() -> None:
    by_programs = {"open_truth", "claim", "open_predictions", "other"}
    # What the page only shows of verified contests, programs do as well.
    by_programs |= {"create_contest", "submit_model", "open_key", "show_model"}
    by_programs |= {"refute", "demand", "answer", "settle", "withdraw_bond"}
    assert set(GAS) == set(ACTIONS) - by_programs
    # A plain transfer: the Yellow Paper's G_transaction.
    assert GAS["fund"] == 21_000
