# SPDX-License-Identifier: Apache-2.0
"""New rows in other units, or in other words, are named by column."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from modelmarket.datasets import unusual as rows
from modelmarket.datasets.unusual import Unusual, unusual

COLUMNS = ("id", "months", "gaps", "plan", "note", "same", "count")


def trained(folder: Path) -> Path:
    """A training part of forty rows."""
    path = folder / "train.csv"
    pl.DataFrame(
        {
            "row_id": range(1, 41),
            "id": range(1_000, 1_040),
            "months": [n % 20 + 1.5 for n in range(40)],
            "gaps": ["NA" if n == 7 else str(n % 9) for n in range(40)],
            "plan": ["yearly", "monthly"] * 20,
            "note": [f"note {n}" for n in range(40)],
            "same": [3] * 40,
            "count": [n * n for n in range(40)],
            "label": ["a", "b"] * 20,
        }
    ).write_csv(path)
    return path


LIKE = {
    "count": "1521",
    "same": "3",
    "note": "of its own",
    "plan": "yearly",
    "gaps": "NA",
    "months": "20.5",
    "id": "77777",
}


def told(tmp_path: Path, **cells: str) -> list[Unusual]:
    """What is said of two rows, of which the second has some other cells."""
    table = tmp_path / "new.csv"
    pl.DataFrame([LIKE, {**LIKE, **cells}]).write_csv(table)
    return unusual(trained(tmp_path), table, COLUMNS)


@pytest.mark.parametrize(
    "cells",
    [
        {},
        {"months": "1.5"},
        {"months": " 20.5 "},
        {"plan": " monthly "},
        {"gaps": ""},
        {"note": "anything"},
        {"id": "-5"},
    ],
)
def test_rows_like_those_of_the_training_part_are_not_spoken_of(
    tmp_path: Path, cells: dict[str, str]
) -> None:
    assert told(tmp_path, **cells) == []


@pytest.mark.parametrize(
    ("cells", "why"),
    [
        ({"months": "1.4"}, "are outside the training rows' 1.5 to 20.5"),
        ({"months": "20.6"}, "are outside the training rows' 1.5 to 20.5"),
        ({"months": "1e9"}, "are outside the training rows' 1.5 to 20.5"),
        ({"count": "5000"}, "are outside the training rows' 0 to 1,521"),
        ({"same": "4"}, "are outside the training rows' 3 to 3"),
        # Numbers, although a gap among them is written as a word.
        ({"gaps": "900"}, "are outside the training rows' 0 to 8"),
        ({"plan": "YEARLY"}, "say what no training row says, such as 'YEARLY'"),
        ({"months": ""}, "have no value, which every training row has"),
        ({"plan": "n/a"}, "have no value, which every training row has"),
    ],
)
def test_a_cell_that_no_training_row_is_like_is_told_by_its_column(
    tmp_path: Path, cells: dict[str, str], why: str
) -> None:
    [column] = cells
    assert told(tmp_path, **cells) == [Unusual(column, 1, why)]


def test_the_columns_with_most_of_them_come_first(tmp_path: Path) -> None:
    table = tmp_path / "new.csv"
    new = [{**LIKE, "months": str(n), "plan": "weekly"} for n in range(18, 24)]
    pl.DataFrame(new).write_csv(table)
    found = unusual(trained(tmp_path), table, COLUMNS)
    assert [(one.column, one.rows) for one in found] == [("plan", 6), ("months", 3)]
    assert found[1].told(6) == (
        "'months': 3 of 6 rows are outside the training rows' 1.5 to 20.5."
    )


@pytest.mark.parametrize(("strange", "is_told"), [(2, False), (3, True)])
def test_a_few_rows_of_many_are_nothing_unusual(
    tmp_path: Path, strange: int, is_told: bool
) -> None:
    table = tmp_path / "new.csv"
    rows = [{**LIKE, "months": "99" if n < strange else "2"} for n in range(100)]
    pl.DataFrame(rows).write_csv(table)
    found = unusual(trained(tmp_path), table, COLUMNS)
    assert [one.rows for one in found] == [strange] * is_told


def test_a_training_part_too_large_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows, "MOST_BYTES", 10)
    assert told(tmp_path, plan="weekly") == []
