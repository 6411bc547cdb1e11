# SPDX-License-Identifier: Apache-2.0
"""The gas table of verified contests: what a real node charges, and its targets."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from support.market import needs_anvil

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture(scope="module")
def table() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(
        (BENCHMARKS / "verified-gas.json").read_text()
    )
    return found


@pytest.mark.xdist_group("gas")
def test_the_table_is_what_a_real_node_charges(
    table: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    needs_anvil()
    # By the name that the other benchmarks know it by.
    monkeypatch.syspath_prepend(BENCHMARKS)
    from verified_gas import measure_all

    assert [asdict(row) for row in measure_all()] == table, "run: make gas"


@pytest.mark.parametrize(
    ("function", "case", "most"),
    [
        ("create_request", "", 190_000),
        ("submit", "allowance", 120_000),
        ("open_key", "", 70_000),
        ("claim", "right hint", 58_000),
        ("show_model", "", 150_000),
        ("settle", "", 110_000),
        ("rerun_trees", "a fitted forest of 100, depth 6", 950_000),
        ("rerun_trees", "a fitted forest of 100, depth 12", 1_300_000),
        ("rerun_dense", "784-10", 500_000),
        ("rerun_dense", "784-64-10", 2_500_000),
        ("recount", "", 300_000),
    ],
)
def test_a_call_costs_at_most_so_much(
    table: list[dict[str, Any]], function: str, case: str, most: int
) -> None:
    found = [
        row["gas"]
        for row in table
        if row["function"] == function and case in row["case"]
    ]
    assert found
    assert max(found) <= most


@pytest.mark.parametrize(
    ("function", "case", "most"),
    [
        ("answer_listing", "", 0.1),
        ("answer_dense", "", 0.1),
        ("answer_trees", "25 trees of 111 leaves", 0.1),
        ("answer_trees", "the largest tree", 0.1),
        ("answer_trees", "as large, leaning", 0.1),
        ("answer_trees", "as large, of depth 32 by its header", 0.1),
    ],
)
def test_what_is_posted_costs_little_more_than_its_data(
    table: list[dict[str, Any]], function: str, case: str, most: float
) -> None:
    found = [
        row["gas"] / row["floor"] - 1
        for row in table
        if row["function"] == function and case in row["case"]
    ]
    assert found
    assert max(found) <= most


def test_amsterdams_prices_are_charged_for_bytes_and_for_what_was_touched(
    table: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By hand: 2 cold slots, one of them written, and a new one; an account."""
    monkeypatch.syspath_prepend(BENCHMARKS)
    from amsterdam import Touched, price

    state = Touched(accounts=1, slots=3, written=1, created=1)
    more = 400 + 3 * 900 + 7_100 + 87_920
    assert price(50_000, is_at_floor=False, data_bytes=10, state=state) == 50_000 + more
    # Of many bytes their own price is the higher one, whatever was executed.
    assert price(50_000, is_at_floor=True, data_bytes=9_999, state=state) == 660_936
    with pytest.raises(ValueError, match="not known"):
        price(50_000, is_at_floor=True, data_bytes=10, state=state)
    for row in table:
        floor = 21_000 + 64 * 32 * row["words"]
        assert row["amsterdam"] >= max(floor, row["gas"])


def test_no_call_needs_more_than_a_transaction_may_have(
    table: list[dict[str, Any]],
) -> None:
    """2**24 gas: EIP-7825."""
    assert max(max(row["gas"], row["floor"]) for row in table) < 2**24


def test_a_contest_of_a_million_rows_costs_less_than_one_of_predictions(
    table: list[dict[str, Any]],
) -> None:
    """Five trainers and nobody who lies, beside 14,000 labels."""

    def gas(rows: list[dict[str, Any]], function: str, case: str) -> int:
        return max(
            int(row["gas"])
            for row in rows
            if row["function"] == function and case in row["case"]
        )

    def contest(rows: list[dict[str, Any]], calls: list[tuple[str, str]]) -> int:
        return (
            gas(rows, "create_request", "allowance")
            + 5 * gas(rows, "submit", "allowance")
            + 5 * gas(rows, "claim", "right hint")
            + 4 * gas(rows, "withdraw", "with MDC")
            + sum(gas(rows, *call) for call in calls)
        )

    predictions = [
        row
        for row in json.loads((BENCHMARKS / "gas.json").read_text())
        if row["labels"] == 14_000
    ]
    verified = contest(
        table, [("open_key", ""), ("show_model", "forest"), ("settle", "")]
    )
    rival = contest(predictions, [("open_truth", ""), ("open_predictions", "97%")])
    assert verified < rival
