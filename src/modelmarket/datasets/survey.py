# SPDX-License-Identifier: Apache-2.0
"""Looking a labelled table over before anything is done with it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice

import numpy as np

from modelmarket.datasets.labels import Classed, Numbered
from modelmarket.datasets.sources import Source
from modelmarket.datasets.tables import MISSING, Row
from modelmarket.errors import DataError

FIRST_ROWS = 8
TYPED_ROWS = 200
"""Rows that a column's type is told by."""

_WHOLE = re.compile(r"[+-]?[0-9]+")
_NUMBER = re.compile(
    r"[+-]?(?:(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:e[+-]?[0-9]+)?|nan|inf)", re.IGNORECASE
)


class Type(StrEnum):
    """What the cells of a column are."""

    WHOLE = "whole numbers"
    NUMBERS = "numbers"
    TEXT = "text"
    EMPTY = "empty cells"

    @classmethod
    def of(cls, cells: Iterable[str]) -> Type:
        """The narrowest type of all cells that have a value."""
        filled = [cell for one in cells if (cell := one.strip())]
        if not filled:
            return cls.EMPTY
        numbers = [one for one in filled if one.lower() not in MISSING]
        if numbers and all(map(_WHOLE.fullmatch, numbers)):
            return cls.WHOLE
        is_number = numbers and all(map(_NUMBER.fullmatch, numbers))
        return cls.NUMBERS if is_number else cls.TEXT

    def is_gap(self, cell: str) -> bool:
        """Whether a cell has no value: "none" may be a text, and is no number."""
        said = cell.strip().lower()
        return said in MISSING if self in (Type.WHOLE, Type.NUMBERS) else not said


@dataclass(frozen=True)
class Column:
    """A feature, by the table's first rows.

    Attributes:
        name: As the header says.
        type: Of its cells.
        has_gaps: Whether some of them have no value.
    """

    name: str
    type: Type
    has_gaps: bool


@dataclass(frozen=True)
class Spread:
    """The labels of a table, as numbers.

    Attributes:
        lowest: As it is written.
        median: The same.
        highest: The same.
        deviation: By how much always saying the median is off, on average.
        mean: Of the labels.
        root: The root of the mean square by which always saying the mean is off.
    """

    lowest: str
    median: str
    highest: str
    deviation: float
    mean: float
    root: float


@dataclass(frozen=True)
class Survey:
    """What a labelled table holds.

    Attributes:
        columns: The features.
        first: The first rows' features.
        first_labels: Their labels.
        rows: How many there are.
        counts: Rows of each class, by name, most frequent first; none for numbers.
        problem: Why it cannot be split; None if it can.
        spread: Of the labels, if they are looked at as numbers.
    """

    columns: tuple[Column, ...]
    first: list[Row]
    first_labels: list[str]
    rows: int
    counts: dict[str, int]
    problem: DataError | None
    spread: Spread | None = None

    @property
    def types(self) -> dict[Type, int]:
        """Columns of each type, most frequent first."""
        return dict(Counter(one.type for one in self.columns).most_common())

    @property
    def typed_rows(self) -> int:
        """Rows that the types are told by."""
        return min(self.rows, TYPED_ROWS)


def survey(source: Source, *, as_numbers: bool = False) -> Survey:
    """Reads a labelled table once.

    Args:
        source: The table.
        as_numbers: The labels are numbers to be predicted, not classes.

    Raises:
        DataError: The table is damaged; names row, column and value.
    """
    rows = list(islice(source.data.rows(), TYPED_ROWS))
    if source.label is not None:
        at = source.data.column(source.label)
        labels = [row.pop(at) for row in rows][:FIRST_ROWS]
    else:
        assert source.labels is not None
        labels = [row[0] for row in islice(source.labels.rows(), FIRST_ROWS)]
    seen: Classed | Numbered = (
        Numbered(source.label_table) if as_numbers else Classed(source.label_table)
    )
    for records in source.records():
        codes = seen.encode(records.cut)
        if isinstance(seen, Numbered):
            seen.learn(codes)
    return Survey(
        columns=tuple(
            Column(name, kind := Type.of(cells), any(map(kind.is_gap, cells)))
            for name, cells in zip(source.features, _columns(source, rows), strict=True)
        ),
        first=rows[:FIRST_ROWS],
        first_labels=labels,
        rows=seen.rows,
        counts=seen.counts() if isinstance(seen, Classed) else {},
        problem=seen.problem(),
        spread=_spread(seen) if isinstance(seen, Numbered) and seen.rows else None,
    )


def _spread(seen: Numbered) -> Spread:
    """The labels, lowest first, with how often each stands there."""
    values = np.array(list(map(float, seen.names)))
    order = np.argsort(values, kind="stable")
    middle = np.searchsorted(np.cumsum(seen.train[order]), (seen.rows + 1) // 2)
    lowest, median, highest = (seen.names[order[at]].strip() for at in (0, middle, -1))
    off = np.abs(values - values[order[middle]]) @ seen.train / seen.rows
    mean = float(values @ seen.train / seen.rows)
    root = float(np.sqrt((values - mean) ** 2 @ seen.train / seen.rows))
    return Spread(lowest, median, highest, float(off), mean, root)


def _columns(source: Source, rows: list[Row]) -> list[tuple[str, ...]]:
    return list(zip(*rows, strict=True)) or [()] * len(source.features)
