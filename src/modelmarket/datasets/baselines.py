# SPDX-License-Identifier: Apache-2.0
"""How well a small forest predicts a table: what any model should at least reach."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from modelmarket.datasets.codes import Values
from modelmarket.protocol.bins import Bins

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
class Tried:
    """What the small forest reached on a table, which is known again.

    Attributes:
        table: Tells what it was asked from all else.
        score: See `forest_score`.
    """

    table: bytes
    score: float | None


def every(rows: int, most: int) -> int:
    """Every which row is looked at, so that there are at most so many."""
    return -(-rows // most)


def as_it_is(values: Values, *, is_text: bool) -> Floats:
    """A column as forests read it: numbers, or the places of texts; shape (rows,).

    What is missing is below everything.
    """
    if is_text:
        return values.texts.rank("dense").to_numpy().astype(np.float64)
    return np.nan_to_num(
        np.clip(values.numbers, -_FAR, _FAR) + 0.0, copy=False, nan=-2 * _FAR
    )


def quick_forest(columns: int, *, is_number: bool, threads: int | None = None) -> Any:
    """The small forest that any model should at least be as good as; not fitted.

    Args:
        columns: Of the table.
        is_number: Whether it is to predict numbers rather than classes.
        threads: That it may use; None for one.
    """
    from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

    kind = RandomForestRegressor if is_number else RandomForestClassifier
    tried = min(columns, MOST_TRIED)
    return kind(TREES, max_features=tried, random_state=0, n_jobs=threads)


def forest_score(
    features: npt.NDArray[Any],
    labels: Floats,
    *,
    is_number: bool,
    bins: Bins | None = None,
) -> float | None:
    """What a small forest reaches by cross-validation.

    Args:
        features: Shape (rows, columns); finite.
        labels: Numbers of classes, or numbers to be predicted; shape (rows,).
        is_number: Which of the two.
        bins: Into which numbers are put before they are compared; None for none.

    Returns:
        The share of the rows that it predicts right; of numbers without bins the mean
        absolute error; None if there are too few rows.
    """
    if len(labels) < LEAST_FITTED_ROWS:
        return None
    from sklearn.model_selection import KFold, cross_val_score

    measure: Any = "neg_mean_absolute_error" if is_number else "accuracy"
    if bins is not None:
        measure = _right_bins(bins)
    forest = quick_forest(features.shape[1], is_number=is_number)
    folds = KFold(FOLDS, shuffle=True, random_state=0)
    found = cross_val_score(forest, features, labels, cv=folds, scoring=measure)
    return abs(float(np.mean(found)))


def try_forest(
    features: npt.NDArray[Any],
    labels: Floats,
    *,
    is_number: bool,
    bins: Bins | None = None,
    before: Tried | None = None,
) -> Tried:
    """The same as `forest_score`, unless just that was tried before.

    Args:
        features: Shape (rows, columns); finite.
        labels: Numbers of classes, or numbers to be predicted; shape (rows,).
        is_number: Which of the two.
        bins: Into which numbers are put before they are compared; None for none.
        before: What was tried; None for nothing.
    """
    # note: a forest looks at the order of classes alone, whatever numbers they have.
    seen = labels if is_number else np.unique(labels, return_inverse=True)[1]
    asked = f"{features.shape} {features.dtype} {is_number} {bins!r}"
    table = hashlib.sha256(asked.encode())
    for one in (features, seen):
        table.update(one.tobytes())
    if before is not None and before.table == table.digest():
        return before
    score = forest_score(features, labels, is_number=is_number, bins=bins)
    return Tried(table.digest(), score)


def _right_bins(bins: Bins) -> Any:
    """Scores a fitted regressor by the share of rows that fall into the right bin."""

    def score(forest: Any, features: npt.NDArray[Any], labels: Floats) -> float:
        said = bins.codes_of(forest.predict(features))
        return float(np.mean(said == bins.codes_of(labels)))

    return score
