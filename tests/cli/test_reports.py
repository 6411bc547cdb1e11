# SPDX-License-Identifier: Apache-2.0
"""What is odd about a table is asked about, published, and read by everybody."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

Give = Callable[..., tuple[object, str, str]]
KINDS = {"1": (), "v1": ("--verified",)}


@pytest.fixture
def table(tmp_path: Path) -> str:
    """Rows sorted by class, with a data frame's index; some come twice."""
    chance = Random(3)
    xs = [f"{chance.random():.4f}" for _ in range(80)]
    rows = [f"{n},{xs[n % 80]},{'ab'[n // 50]}" for n in range(100)]
    path = tmp_path / "table.csv"
    path.write_text("\n".join(["id,x,kind", *rows]) + "\n")
    return str(path)


@pytest.mark.parametrize("number", KINDS)
def test_a_table_that_is_hardly_meant_is_created_with_a_yes_alone(
    give: Give, table: str, number: str
) -> None:
    said = ("request", "create", table, "--label", "kind", "--reward", "9")
    code, told, errors = give("rita", *said, *KINDS[number])
    assert (code, told) == (2, "")
    assert "Column 'id' counts the rows, and tells the label" in errors
    assert "Say --accept-findings to do it all the same" in errors
    code, told, _ = give("rita", *said, *KINDS[number], "--accept-findings")
    assert code == 0
    assert f"Request {number}: 9 MDC are locked" in told


@pytest.mark.parametrize("number", KINDS)
def test_a_trainer_reads_what_the_requester_was_told(
    give: Give, table: str, number: str, tmp_path: Path
) -> None:
    said = ("request", "create", table, "--label", "kind", "--reward", "9")
    give("rita", *said, *KINDS[number], "--accept-findings")
    code, told, errors = give("ann", "dataset", "report", number)
    assert (code, errors) == (0, "")
    noun = "hidden" if number.startswith("v") else "test"
    assert f"Request {number}: 80 training rows, 20 {noun} rows, 2 features." in told
    assert "Always saying the commonest class is right for" in told
    assert "Beware: Column 'id' counts the rows, and tells the" in told
    # What the requester was advised is too late for everybody.
    assert "Leave it out" not in told
    # Hidden rows that stand in the training part are nobody's business.
    assert ("stand in the training part, too" in told) == (noun == "test")
    _, told, _ = give("ann", "dataset", "report", number, "--json")
    give("ann", "dataset", "fetch", number, str(tmp_path / "fetched"))
    published = json.loads((tmp_path / "fetched" / "report.json").read_text())
    assert published.pop("version") == 1
    assert json.loads(told) == published
