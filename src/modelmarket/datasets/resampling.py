# SPDX-License-Identifier: Apache-2.0
"""What luck in the choice of the test rows can do to a figure that they gave.

Few rows or kinds of rows are drawn again, as often as there were, and the figure is
taken of each draw: the interval holds the middle 95% of them (B. Efron, Ann. Stat. 7,
1979), moved by what they are off on average. Of many the figure is all but normal, and
its spread follows from how much each row moves it (L. A. Jaeckel, Bell Labs, 1972: the
infinitesimal jackknife), which takes a pass or two over them, however many there are.
The same rows give the same interval.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from modelmarket.protocol.intervals import CONFIDENT

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]
Interval = tuple[float, float]
"""The lower and the upper bound."""

RESAMPLES, SEED = 1_000, 0
NORMAL = NormalDist()
MOST_DRAWN = 2**14
"""perf: of more rows, or kinds of rows, nothing is drawn; these take a second."""
AT_ONCE = 2**20
"""perf: numbers of a draw that are held at a time."""
NOTHING = 1e-12
"""What differs by less, as a share, differs by the rounding of doubles alone."""


@dataclass(frozen=True)
class Confused:
    """How many rows there are of each kind: what they are, and what was said of them.

    Attributes:
        truth: The class that they are, as its number; shape (kinds,).
        said: The class that was predicted; shape (kinds,).
        counts: Rows, each above 0; shape (kinds,).
        classes: How many are numbered.

    Attributes of one kind stand at one place; no pair of classes comes twice.
    """

    truth: npt.NDArray[np.int64]
    said: npt.NDArray[np.int64]
    counts: Counts
    classes: int

    @property
    def rows(self) -> int:
        """All of them."""
        return int(self.counts.sum())

    def margins(self) -> tuple[Floats, Floats, Floats]:
        """Rows of each class that are right, that there are, and that were predicted.

        Returns:
            Three arrays of shape (classes,), in doubles that are whole.
        """
        counts, right = self.counts.astype(np.float64), self.truth == self.said
        return (
            self._sums(self.truth[right], counts[right]),
            self._sums(self.truth, counts),
            self._sums(self.said, counts),
        )

    def _sums(self, classes: npt.NDArray[np.int64], counts: Floats) -> Floats:
        found = np.zeros(self.classes)
        np.add.at(found, classes, counts)
        return found


def balanced_accuracy(right: Floats, there: Floats) -> Floats:
    """The mean recall of the classes that there are; of several draws at once.

    Args:
        right: Rows that are right; shape (…, classes).
        there: All rows of each class; the same shape.
    """
    with np.errstate(invalid="ignore"):
        recall = np.where(there > 0, right / there, 0)
    found: Floats = recall.sum(-1) / (there > 0).sum(-1)
    return found


def macro_f1(right: Floats, there: Floats, said: Floats) -> Floats:
    """The mean F1 of the classes that there are or that were predicted.

    Args:
        right: Rows that are right; shape (…, classes).
        there: All rows of each class; the same shape.
        said: Rows that were predicted to be of each class; the same shape.
    """
    both = there + said
    with np.errstate(invalid="ignore"):
        scores = np.where(both > 0, 2 * right / both, 0)
    found: Floats = scores.sum(-1) / (both > 0).sum(-1)
    return found


def intervals_of_classes(
    confused: Confused,
) -> tuple[Interval | None, Interval | None]:
    """What luck can do to balanced accuracy and macro F1.

    perf: the work depends on the kinds of rows, of which few classes make few.

    Returns:
        The interval of each; None where every draw says the same.
    """
    right, there, said = confused.margins()
    values = float(balanced_accuracy(right, there)), float(macro_f1(right, there, said))
    if confused.counts.size <= MOST_DRAWN:
        drawn = _drawn_again(confused)
        return _middle(drawn[:, 0], values[0]), _middle(drawn[:, 1], values[1])
    counts, rows = confused.counts, confused.rows
    spreads = (
        _spread_of(moved, counts, rows)
        for moved in _moved(confused, right, there, said)
    )
    balanced, f1 = (
        _normal(value, spread, 0.0, 1.0)
        for value, spread in zip(values, spreads, strict=True)
    )
    return balanced, f1


def _drawn_again(confused: Confused) -> Floats:
    """Balanced accuracy and macro F1 of each draw; shape (draws, 2)."""
    chance = np.random.default_rng(SEED)
    counts, rows = confused.counts, confused.rows
    # Classes that nobody meant or said take no part.
    truth, said, size = _numbered(confused.truth, confused.said)
    right = truth == said
    by_truth = np.argsort(truth, kind="stable")
    by_said = np.argsort(said, kind="stable")
    found: list[Floats] = []
    at_once = max(1, AT_ONCE // counts.size)
    for first in range(0, RESAMPLES, at_once):
        many = min(at_once, RESAMPLES - first)
        drawn = chance.multinomial(rows, counts / rows, size=many).astype(np.float64)
        all_right = np.zeros((many, size))
        all_right[:, truth[right]] = drawn[:, right]
        there = _sums(drawn[:, by_truth], truth[by_truth], size)
        meant = _sums(drawn[:, by_said], said[by_said], size)
        found.append(
            np.stack(
                [
                    balanced_accuracy(all_right, there),
                    macro_f1(all_right, there, meant),
                ],
                axis=1,
            )
        )
    return np.concatenate(found)


def _numbered(
    truth: npt.NDArray[np.int64], said: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], int]:
    """The same classes, numbered without gaps, and how many they are."""
    known, places = np.unique(np.concatenate([truth, said]), return_inverse=True)
    return places[: truth.size], places[truth.size :], known.size


def _sums(drawn: Floats, classes: npt.NDArray[np.int64], size: int) -> Floats:
    """The sums of columns that are of the same class, which stand side by side."""
    starts = np.flatnonzero(np.diff(classes, prepend=-1))
    found = np.zeros((len(drawn), size))
    found[:, classes[starts]] = np.add.reduceat(drawn, starts, axis=1)
    return found


def _moved(
    confused: Confused, right: Floats, there: Floats, said: Floats
) -> tuple[Floats, Floats]:
    """How much a row of each kind moves balanced accuracy, and macro F1."""
    truth, meant, rows = confused.truth, confused.said, confused.rows
    is_right = truth == meant
    both = there + said
    with np.errstate(invalid="ignore", divide="ignore"):
        recall, f1 = right / there, 2 * right / both
        balanced = (is_right - recall[truth]) * rows / there[truth]
        # Of a row that is right both of its halves are of one class.
        shared = 2 * is_right / both[truth]
        macro = shared - f1[truth] / both[truth] - f1[meant] / both[meant]
    return balanced / np.count_nonzero(there), macro * rows / np.count_nonzero(both)


def of_means(
    tables: Callable[[], Iterable[Floats]],
    figures: Callable[[Floats], Floats],
    slopes: Callable[[Floats], Floats],
    bounds: Sequence[Interval],
) -> list[tuple[float, Interval | None]]:
    """Figures that are made of means over the rows, and what luck can do to them.

    Args:
        tables: Gives what is averaged, so many rows at a time, as often as it is asked;
            each of shape (some rows, columns).
        figures: All of them, of the means: (…, columns) becomes (…, figures).
        slopes: How fast each figure grows with each mean: (columns,) becomes
            (figures, columns).
        bounds: What each figure can be at least and at most.

    Returns:
        Each figure of all rows, and its interval; None where every draw says the same.
    """
    sums, rows = np.zeros(1), 0
    for table in tables():
        sums, rows = sums + table.sum(axis=0), rows + len(table)
    means = sums / rows
    values = [float(one) for one in figures(means)]
    if rows <= MOST_DRAWN:
        table = np.concatenate(list(tables()))
        chance = np.random.default_rng(SEED)
        drawn = figures(
            np.stack(
                [
                    np.bincount(chance.integers(0, rows, rows), minlength=rows) @ table
                    for _ in range(RESAMPLES)
                ]
            )
            / rows
        )
        return [(one, _middle(drawn[:, at], one)) for at, one in enumerate(values)]
    together = np.zeros((means.size, means.size))
    for table in tables():
        together += (table - means).T @ (table - means)
    spreads = [
        math.sqrt(max(0.0, slope @ together @ slope)) / rows for slope in slopes(means)
    ]
    return [
        (one, _normal(one, spread, *least_and_most))
        for one, spread, least_and_most in zip(values, spreads, bounds, strict=True)
    ]


def _middle(drawn: Floats, value: float) -> Interval | None:
    """The middle 95% of the draws, moved by what draws are off on average.

    note: without that it would miss macro F1 one time in four where classes have ten
    rows each, since a draw has fewer of them (B. Efron, Can. J. Stat. 9, 1981).
    """
    known = drawn[np.isfinite(drawn)]
    if not known.size or np.ptp(known) <= NOTHING * np.abs(known).max():
        return None
    below = np.count_nonzero(known < value) + np.count_nonzero(known == value) / 2
    least = 0.5 / known.size
    off = NORMAL.inv_cdf(min(max(below / known.size, least), 1 - least))
    bounds = [NORMAL.cdf(2 * off + one) for one in (-CONFIDENT, CONFIDENT)]
    low, high = (float(one) for one in np.quantile(known, bounds))
    return min(low, value), max(high, value)


def _spread_of(moved: Floats, counts: npt.NDArray[np.number], rows: int) -> float:
    """The standard deviation of a figure, by how much each row moves it."""
    mean = float((moved * counts).sum()) / rows
    return float(np.sqrt((np.square(moved - mean) * counts).sum())) / rows


def _normal(value: float, spread: float, least: float, most: float) -> Interval | None:
    """The middle 95% of what is normal, as far as it can be; None without spread."""
    if not spread > NOTHING * abs(value):
        return None
    off = CONFIDENT * spread
    return max(least, value - off), min(most, value + off)
