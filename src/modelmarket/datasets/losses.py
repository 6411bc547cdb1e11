# SPDX-License-Identifier: Apache-2.0
"""What is lost where a table becomes codes: values that are told apart no more, and how
much worse a model predicts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from modelmarket.datasets.baselines import (
    MOST_FITTED_ROWS,
    Apart,
    CodedTexts,
    Floats,
    Tried,
    as_it_is,
    every,
    try_forest,
)
from modelmarket.datasets.cells import columns_of, values_of
from modelmarket.datasets.codes import encode_values, make_column
from modelmarket.datasets.sources import LABEL
from modelmarket.protocol.hidden import CODE_WIDTHS, RowCodes
from modelmarket.protocol.schema import NumberTarget, Target, Texts

if TYPE_CHECKING:
    import polars as pl

    from modelmarket.datasets.choosing import Choice

MOST_ROWS = 100_000
"""Rows that are looked at, so that a large table takes no longer than others."""
MOST_CELLS = 2**23


@dataclass(frozen=True)
class Narrowed:
    """A column as codes.

    Attributes:
        name: Of the column.
        is_text: Whether it is one of texts rather than numbers.
        values: Different ones that it has; that a value is missing is one.
        codes: Different codes that these have, by the width of a code.
    """

    name: str
    is_text: bool
    values: int
    codes: dict[int, int]


@dataclass(frozen=True)
class Baseline:
    """How a small forest predicts rows that it has not seen.

    Attributes:
        rows: Training rows that it was tried on, by cross-validation.
        plain: On the table as it is: the share of rows that it predicts right; or of
            numbers, the mean absolute error in the label's own unit.
        coded: The same on codes, by their width, those of texts made without the rows
            that are predicted.
    """

    rows: int
    plain: float
    coded: dict[int, float]


@dataclass(frozen=True)
class Losses:
    """What a table loses as codes.

    Attributes:
        rows: Training rows that were looked at, evenly spread.
        columns: In the table's order.
        baseline: None if there are too few rows.
    """

    rows: int
    columns: tuple[Narrowed, ...]
    baseline: Baseline | None

    def narrowed(self, width: int) -> list[Narrowed]:
        """The columns that lose values as codes of some width, the worst first."""
        lose = [one for one in self.columns if one.codes[width] < one.values]
        return sorted(lose, key=lambda one: one.codes[width] - one.values)


def losses(
    train: Path,
    names: Sequence[str],
    rows: int,
    target: Target,
    *,
    even: bool = False,
    choice: Choice | None = None,
    before: Tried | None = None,
) -> Losses:
    """Finds out what a table loses as codes, from its training part alone.

    Args:
        train: The training part, as it is published.
        names: Of its features.
        rows: That it has.
        target: Made of its labels.
        even: Space the codes of numbers evenly; see `make_columns`.
        choice: How test rows were chosen; None for at random.
        before: A small forest that was tried on the same training part; it need not be
            again if it was on these rows and columns.

    Raises:
        DataError: The file is no such table.
    """
    step = every(rows, min(MOST_ROWS, max(1, MOST_CELLS // len(names))))
    seen = len(range(0, rows, step))
    again = every(seen, MOST_FITTED_ROWS)
    columns: list[Narrowed] = []
    plain: list[Floats] = []
    apart: Apart | None = None
    coded: dict[int, list[RowCodes]] = {width: [] for width in CODE_WIDTHS}
    texts: dict[int, dict[int, CodedTexts]] = {width: {} for width in CODE_WIDTHS}
    told = () if choice is None else (choice.group, choice.time)
    asked = [name for name in names if name in told]
    for name, cells in zip(names, values_of(train, names, rows, asked), strict=True):
        values = cells.every(step)
        codes: dict[int, int] = {}
        for width in CODE_WIDTHS:
            column = make_column(name, values, width, even=even)
            found = encode_values(column, values, width)
            codes[width] = int(np.unique(found).size)
            if isinstance(column, Texts):
                known = CodedTexts.of(values, width, again)
                texts[width][len(columns)] = known
                coded[width].append(known.codes())
            else:
                coded[width].append(found[::again])
        if choice is not None and name in asked:
            apart = Apart.of(choice, name, values.every(again))
        is_text = isinstance(column, Texts)
        places = as_it_is(values, is_text=is_text)
        columns.append(Narrowed(name, is_text, int(np.unique(places).size), codes))
        plain.append(places[::again])
    [labels] = columns_of(train, [LABEL], rows)
    wanted = _labels(labels.gather_every(step)[::again], target)
    tables = {width: np.stack(parts, axis=1) for width, parts in coded.items()}
    is_number = isinstance(target, NumberTarget)

    def reached(
        table: npt.NDArray[Any], texts: Mapping[int, CodedTexts] | None = None
    ) -> float | None:
        return try_forest(
            table, wanted, is_number=is_number, texts=texts, apart=apart, before=before
        ).score

    plainly = reached(np.stack(plain, axis=1))
    if plainly is None:
        return Losses(seen, tuple(columns), None)
    on_codes = {width: reached(table, texts[width]) for width, table in tables.items()}
    scores = {width: one for width, one in on_codes.items() if one is not None}
    return Losses(seen, tuple(columns), Baseline(len(wanted), plainly, scores))


def _labels(labels: pl.Series, target: Target) -> Floats:
    """Classes as their numbers, or numbers in their own unit; shape (rows,)."""
    targets = target.encode([one or "" for one in labels.to_list()])
    if isinstance(target, NumberTarget):
        return target.values(targets)
    return targets.astype(np.float64)
