# SPDX-License-Identifier: Apache-2.0
"""Looking a labelled table over before anything is done with it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice

from modelmarket.datasets.split import Classed, Source
from modelmarket.datasets.tables import Row, Table
from modelmarket.errors import DataError

FIRST_ROWS = 8


@dataclass(frozen=True)
class Survey:
    """What a labelled table holds.

    Attributes:
        columns: The features' names.
        first: The first rows' features.
        first_labels: Their labels.
        rows: How many there are.
        counts: Rows of each class, by name, most frequent first.
        problem: Why it cannot be split; None if it can.
    """

    columns: tuple[str, ...]
    first: list[Row]
    first_labels: list[str]
    rows: int
    counts: dict[str, int]
    problem: DataError | None


def survey(source: Source) -> Survey:
    """Reads a labelled table once.

    Raises:
        DataError: The table is damaged; names row, column and value.
    """
    first = list(islice(source.data.rows(), FIRST_ROWS))
    if source.label is not None:
        at = source.data.column(source.label)
        labels = [row.pop(at) for row in first]
    else:
        assert source.labels is not None
        labels = _column(source.labels)
    seen = Classed((source.labels or source.data).path.name)
    for records in source.records():
        seen.encode(records.cut)
    return Survey(
        columns=source.features,
        first=first,
        first_labels=labels,
        rows=seen.rows,
        counts=seen.counts(),
        problem=seen.problem(),
    )


def _column(table: Table) -> list[str]:
    return [row[0] for row in islice(table.rows(), FIRST_ROWS)]
