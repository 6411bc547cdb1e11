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

from modelmarket.datasets.codes import (
    Values,
    columns_of,
    encode_cells,
    make_column,
)
from modelmarket.datasets.split import LABEL
from modelmarket.protocol.hidden import CODE_WIDTHS, RowCodes
from modelmarket.protocol.schema import NumberTarget, Target, Texts

if TYPE_CHECKING:
    import polars as pl

MOST_ROWS = 100_000
"""Rows that are looked at, so that a large table takes no longer than others."""
MOST_CELLS = 2**23

MOST_FITTED_ROWS = 2_000
LEAST_FITTED_ROWS = 30
FOLDS = 3
TREES = 30
MOST_TRIED = 30
"""Columns that a split of a tree is looked for in."""
_FAR = 1e38
"""Forests hold numbers in 32 bits."""

Floats = npt.NDArray[np.float64]


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
        coded: The same on codes, by their width.
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
        baseline: None without scikit-learn, or if there are too few rows.
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
) -> Losses:
    """Finds out what a table loses as codes, from its training part alone.

    Args:
        train: The training part, as it is published.
        names: Of its features.
        rows: That it has.
        target: Made of its labels.
        even: Space the codes of numbers evenly; see `make_columns`.

    Raises:
        DataError: The file is no such table.
    """
    every = _step(rows, min(MOST_ROWS, max(1, MOST_CELLS // len(names))))
    seen = len(range(0, rows, every))
    again = _step(seen, MOST_FITTED_ROWS)
    columns: list[Narrowed] = []
    plain: list[Floats] = []
    coded: dict[int, list[RowCodes]] = {width: [] for width in CODE_WIDTHS}
    for name, cells in zip(names, columns_of(train, names, rows), strict=True):
        some = cells.gather_every(every)
        values = Values.of(some)
        codes: dict[int, int] = {}
        for width in CODE_WIDTHS:
            column = make_column(name, values, width, even=even)
            found = encode_cells(column, some, width)
            codes[width] = int(np.unique(found).size)
            coded[width].append(found[::again])
        is_text = isinstance(column, Texts)
        places = _as_it_is(values, is_text=is_text)
        columns.append(Narrowed(name, is_text, int(np.unique(places).size), codes))
        plain.append(places[::again])
    [labels] = columns_of(train, [LABEL], rows)
    known = _labels(labels.gather_every(every)[::again], target)
    tables = {width: np.stack(parts, axis=1) for width, parts in coded.items()}
    baseline = _baseline(np.stack(plain, axis=1), tables, known, target)
    return Losses(seen, tuple(columns), baseline)


def _step(rows: int, most: int) -> int:
    """Every which row is looked at, so that there are at most so many."""
    return -(-rows // most)


def _as_it_is(values: Values, *, is_text: bool) -> Floats:
    """A column as forests read it: numbers, or the places of texts; shape (rows,).

    What is missing is below everything.
    """
    if is_text:
        return values.texts.rank("dense").to_numpy().astype(np.float64)
    return np.nan_to_num(
        np.clip(values.numbers, -_FAR, _FAR) + 0.0, copy=False, nan=-2 * _FAR
    )


def _labels(labels: pl.Series, target: Target) -> Floats:
    """Classes as their numbers, or numbers in their own unit; shape (rows,)."""
    targets = target.encode([one or "" for one in labels.to_list()])
    if isinstance(target, NumberTarget):
        return target.values(targets)
    return targets.astype(np.float64)


def _baseline(
    plain: Floats,
    coded: Mapping[int, npt.NDArray[Any]],
    labels: Floats,
    target: Target,
) -> Baseline | None:
    """Tries a small forest on the same rows as they are, and in codes."""
    if len(labels) < LEAST_FITTED_ROWS:
        return None
    try:
        from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
        from sklearn.model_selection import KFold, cross_val_score
    except ImportError:
        return None
    is_number = isinstance(target, NumberTarget)
    kind = RandomForestRegressor if is_number else RandomForestClassifier
    measure = "neg_mean_absolute_error" if is_number else "accuracy"

    def score(features: Any) -> float:
        tried = min(features.shape[1], MOST_TRIED)
        forest = kind(TREES, max_features=tried, random_state=0)
        folds = KFold(FOLDS, shuffle=True, random_state=0)
        found = cross_val_score(forest, features, labels, cv=folds, scoring=measure)
        return abs(float(np.mean(found)))

    on_codes = {width: score(codes) for width, codes in coded.items()}
    return Baseline(len(labels), score(plain), on_codes)
