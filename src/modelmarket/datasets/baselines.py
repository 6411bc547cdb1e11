# SPDX-License-Identifier: Apache-2.0
"""How well a small forest predicts a table: what any model should at least reach."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from modelmarket.datasets.cells import Values
from modelmarket.protocol.bins import Bins
from modelmarket.protocol.hidden import RowCodes

if TYPE_CHECKING:
    from modelmarket.datasets.choosing import Choice

MOST_FITTED_ROWS = 2_000
LEAST_FITTED_ROWS = 30
FOLDS = 3
TREES = 30
MOST_TRIED = 30
"""Columns that a split of a tree is looked for in."""
_FAR = 1e38
"""Forests hold numbers in 32 bits."""
Floats = npt.NDArray[np.float64]
Places = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Tried:
    """What the small forest reached on a table, which is known again.

    Attributes:
        table: Tells what it was asked from all else.
        score: See `forest_score`.
        root: Likewise.
    """

    table: bytes
    score: float | None
    root: float | None = None


@dataclass(frozen=True)
class CodedTexts:
    """A column of texts that models see the codes of.

    Codes know the most frequent texts of the rows that they are made from. Rows that a
    forest has not seen are no such rows, or it would be told of texts of theirs that
    codes of a contest do not know.

    Attributes:
        places: Of the texts of all rows that are looked at, in the order of their
            letters, from 0; -1 for none. Shape (rows,).
        width: Bits of a code.
        again: Every which of these rows the forest is tried on.
    """

    places: Places
    width: int
    again: int

    @classmethod
    def of(cls, values: Values, width: int, again: int) -> CodedTexts:
        """A column's cells, of all rows that are looked at."""
        places = as_it_is(values, is_text=True).astype(np.int64)
        blank = (values.texts == "").to_numpy()
        return cls(np.where(blank, -1, places - 1), width, again)

    def codes(self, held_out: Places | None = None) -> RowCodes:
        """The codes of the rows that the forest is tried on; shape (tried rows,).

        Args:
            held_out: Which of those rows the codes are not made from, from 0; None
                for none.
        """
        learned = self.places.copy()
        if held_out is not None:
            learned[held_out * self.again] = -1
        counts = np.bincount(learned[learned >= 0], minlength=self.places.max() + 1)
        frequent = np.argsort(-counts, kind="stable")[: 2**self.width - 1]
        kept = np.sort(frequent[counts[frequent] > 0])
        # The last stands for -1, which has no text.
        codes = np.zeros(counts.size + 1, dtype=f"u{self.width // 8}")
        codes[kept] = np.arange(1, kept.size + 1)
        return codes[self.places[:: self.again]]


@dataclass(frozen=True)
class Apart:
    """How rows are held out of what a forest learns from: as test rows are chosen.

    Attributes:
        groups: Of rows that stay together; None for none. Shape (rows,).
        times: Of rows, the later of which are held out; None for any.
    """

    groups: Places | None = None
    times: Floats | None = None

    @classmethod
    def of(cls, choice: Choice, name: str, values: Values) -> Apart | None:
        """By a column, if test rows are chosen by it; None if they are not.

        Args:
            choice: Of test rows.
            name: Of the column.
            values: Of it, of the rows that the forest is tried on.
        """
        if name == choice.time:
            from modelmarket.datasets.dates import times

            numbers = values.numbers if values.is_numeric else times(values.texts)
            return None if numbers is None else cls(times=numbers)
        if name != choice.group:
            return None
        groups = as_it_is(values, is_text=True).astype(np.int64)
        alone = (values.texts == "").to_numpy()
        groups[alone] = -1 - np.flatnonzero(alone)
        return cls(groups=groups) if np.unique(groups).size >= FOLDS else None

    def folds(self, rows: int) -> Iterator[tuple[Places, Places]]:
        """Which rows are learned from and which are held out, a few times."""
        from sklearn.model_selection import GroupKFold, KFold, TimeSeriesSplit

        if self.times is not None:
            order = np.argsort(self.times, kind="stable")
            for earlier, later in TimeSeriesSplit(FOLDS).split(order):
                yield order[earlier], order[later]
        elif self.groups is not None:
            places = np.arange(rows)
            yield from GroupKFold(FOLDS).split(places, groups=self.groups)
        else:
            folds = KFold(FOLDS, shuffle=True, random_state=0)
            yield from folds.split(np.arange(rows))


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
    texts: Mapping[int, CodedTexts] | None = None,
    apart: Apart | None = None,
) -> tuple[float | None, float | None]:
    """What a small forest reaches by cross-validation.

    Args:
        features: Shape (rows, columns); finite.
        labels: Numbers of classes, or numbers to be predicted; shape (rows,).
        is_number: Which of the two.
        bins: Into which numbers are put before they are compared; None for none.
        texts: By their place the columns of codes of texts, which are made anew without
            the rows that are held out.
        apart: How rows are held out; None for at random.

    Returns:
        The share of the rows that it predicts right; of numbers without bins the mean
        absolute error, and the root of the mean squared one, which is None of others.
        Both are None if there are too few rows.
    """
    if len(labels) < LEAST_FITTED_ROWS:
        return None, None
    found: list[float] = []
    squares: list[float] = []
    seen = features.copy() if texts else features
    for learned, held_out in (apart or Apart()).folds(len(labels)):
        others = np.delete(np.arange(len(labels)), learned)
        for column, one in (texts or {}).items():
            seen[:, column] = one.codes(others)
        forest = quick_forest(features.shape[1], is_number=is_number)
        forest.fit(seen[learned], labels[learned])
        said = forest.predict(seen[held_out])
        found.append(_reached(said, labels[held_out], bins, is_number=is_number))
        if is_number and bins is None:
            squares.append(float(np.mean((said - labels[held_out]) ** 2)))
    return float(np.mean(found)), float(np.sqrt(np.mean(squares))) if squares else None


def try_forest(
    features: npt.NDArray[Any],
    labels: Floats,
    *,
    is_number: bool,
    bins: Bins | None = None,
    texts: Mapping[int, CodedTexts] | None = None,
    apart: Apart | None = None,
    before: Tried | None = None,
) -> Tried:
    """The same as `forest_score`, unless just that was tried before.

    Args:
        features: Shape (rows, columns); finite.
        labels: Numbers of classes, or numbers to be predicted; shape (rows,).
        is_number: Which of the two.
        bins: Into which numbers are put before they are compared; None for none.
        texts: See `forest_score`.
        apart: See `forest_score`.
        before: What was tried; None for nothing.
    """
    # note: a forest looks at the order of classes alone, whatever numbers they have.
    seen = labels if is_number else np.unique(labels, return_inverse=True)[1]
    coded = texts or {}
    named = [(column, one.width, one.again) for column, one in coded.items()]
    asked = f"{features.shape} {features.dtype} {is_number} {bins!r} {named}"
    table = hashlib.sha256(asked.encode())
    held = apart or Apart()
    told = [one for one in (held.groups, held.times) if one is not None]
    for one in (features, seen, *(one.places for one in coded.values()), *told):
        table.update(one.tobytes())
    if before is not None and before.table == table.digest():
        return before
    score, root = forest_score(
        features, labels, is_number=is_number, bins=bins, texts=texts, apart=apart
    )
    return Tried(table.digest(), score, root)


def _reached(
    said: Floats, labels: Floats, bins: Bins | None, *, is_number: bool
) -> float:
    """The share of rows that are right, or that fall into the right bin; of numbers
    without bins the mean absolute error.
    """
    if bins is not None:
        return float(np.mean(bins.codes_of(said) == bins.codes_of(labels)))
    if is_number:
        return float(np.mean(np.abs(said - labels)))
    return float(np.mean(said == labels))
