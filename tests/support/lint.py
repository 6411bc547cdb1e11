# SPDX-License-Identifier: Apache-2.0
"""Tables, rows and reports that a look at a table is tried on."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from modelmarket.datasets.choosing import Choice
from modelmarket.datasets.lint.findings import Finding, Report
from modelmarket.datasets.lint.rows import Seen, Words, compare
from modelmarket.datasets.published import publish
from modelmarket.datasets.sources import Source
from modelmarket.datasets.tables import open_table

Rows = Sequence[Sequence[object]]


def seen(rows: Rows, groups: tuple[str, ...] = ()) -> Words:
    """What rows of some columns, the last of which name groups, are known by."""
    width = len(rows[0]) if rows else 2
    names = [*(f"c{n}" for n in range(width - len(groups))), *groups]
    found = Seen(names, groups)
    for part in (rows[: len(rows) // 2], rows[len(rows) // 2 :]):
        batch = pl.DataFrame(
            {name: [str(row[n]) for row in part] for n, name in enumerate(names)},
            schema=dict.fromkeys(names, pl.String),
        )
        found.add(batch)
    return found.words


def between(
    train: Rows,
    test: Rows,
    labels: list[float] | None = None,
    groups: tuple[str, ...] = (),
    *,
    is_hidden: bool = False,
    is_number: bool = False,
) -> list[Finding]:
    """What is found of two parts; every second row is of another class."""
    said = np.array(labels or [float(n % 2) for n in range(len(train))])
    parts = seen(train, groups), seen(test, groups)
    found = compare(*parts, said, is_number=is_number, is_hidden=is_hidden)
    return list(found)


def frame(rows: int = 400) -> pl.DataFrame:
    """A table in which nothing is odd."""
    chance = np.random.default_rng(0)
    labels = chance.integers(0, 2, rows)
    return pl.DataFrame(
        {
            "a": (labels + chance.normal(size=rows)).round(5),
            "b": chance.normal(size=rows).round(5),
            "label": [("no", "yes")[one] for one in labels],
        }
    )


def report(folder: Path, table: pl.DataFrame, **choice: Any) -> Report:
    """What is found of a table that is split."""
    path = folder / "table.csv"
    table.write_csv(path)
    (folder / "out").mkdir()
    source = Source(open_table(path, header=True, delimiter=","), label="label")
    chosen = Choice(Fraction(1, 4), **choice)
    made = publish(source, folder / "out", choice=chosen, seed=b"\x05")
    return made.report.of_table(made.split.learned, source.data)


def some(findings: tuple[Finding, ...] = ()) -> Report:
    """A report of so many findings."""
    return Report(8, 2, 3, {"a": 4, "b": 4}, 0.5, None, 0.25, 2.0, (), findings)
