# SPDX-License-Identifier: Apache-2.0
"""Whether rows of two tables are the same by chance.

Rows of few different values come again in any other table of their kind; that one does
says nothing about where it is from. In doubt a row is no coincidence: what is told once
too often is looked at, and what is not told gives a label away. So it is where most
columns of a table follow from others, and where a part of a table has no more of its
rows than chance would have.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

import numpy as np
import numpy.typing as npt

Prints = npt.NDArray[np.uint64]
"""One word for each row: shape (rows,)."""

JUDGED_ROWS = 1_024
"""Rows that tell how often a column says the same of two of them."""
SPREAD = 3.0
"""Standard deviations above what is expected that chance is still believed to reach."""
UNSEEN = 2
"""Rows that may have an equal beside those that do: one pair more than there is."""
MOST_COUNTED = 64
"""Up to here Poisson's distribution is summed up; beyond, it is nearly normal."""
TOLD_BY_OTHERS = 0.5
"""The part of its columns of which a table's others tell what they say, at the most:
age goes with income, and a question with the next."""


def alike(words: Prints) -> float:
    """How often two different rows say the same: the share of their pairs, from 0 to 1.

    Args:
        words: Of a column's cells; the first ones are judged.
    """
    some = words[:JUDGED_ROWS]
    counts = np.unique(some, return_counts=True)[1]
    return float(np.sum(counts * (counts - 1.0))) / max(1, some.size * (some.size - 1))


def together(columns: Mapping[str, float], names: Iterable[str]) -> float:
    """How often two rows would say the same in each of some columns, were those
    independent.

    Args:
        columns: How often they do in each; see `alike`.
        names: Which of them.
    """
    return math.prod(columns.get(name, 0.0) for name in names)


def is_chance(some: Prints, others: Prints, likely: float) -> bool:
    """Whether no more rows of two tables are the same than chance makes so.

    Rows are paired off, so that a table comes again as a whole even if it has few
    different rows. Each of both tables tells how many pairs there are with a stranger
    of its kind: one of all rows that there can be has no two that are the same. The
    columns tell it too, if half of them follow from others. The least of these counts.

    Args:
        some: The rows of the one.
        others: The rows of the other.
        likely: How often two rows are the same, were their columns independent.
    """
    fewest = min(some.size, others.size)
    expected = min(
        float(fewest),
        some.size * others.size * math.pow(likely, TOLD_BY_OTHERS),
        _pairs_with_strangers(some, others.size),
        _pairs_with_strangers(others, some.size),
    )
    scatter = math.sqrt(2 * expected * (1 - expected / fewest)) if expected else 0.0
    return _pairs(some, others) <= expected + SPREAD * scatter


def _pairs(some: Prints, others: Prints) -> int:
    """How many rows of two tables can be paired off with an equal one."""
    here, mine = np.unique(some, return_counts=True)
    there, its = np.unique(others, return_counts=True)
    _, at, place = np.intersect1d(here, there, assume_unique=True, return_indices=True)
    return int(np.minimum(mine[at], its[place]).sum())


def _pairs_with_strangers(words: Prints, rows: int) -> float:
    """How many rows of a table would be paired off with another one of its kind, that
    has nothing to do with it.

    The chance that a new row is one of those that a table has is the share of its rows
    that have an equal (I. J. Good, Biometrika 40, 1953, after A. Turing).

    Args:
        words: Of its rows.
        rows: That the other has.
    """
    size = max(1, words.size)
    counts = np.unique(words, return_counts=True)[1]
    seen = min(1.0, (size - np.count_nonzero(counts == 1) + UNSEEN) / size)
    found = 0.0
    for count, times in zip(*np.unique(counts, return_counts=True), strict=True):
        found += float(times) * _least_of(int(count), float(count * seen * rows / size))
    return found


def _least_of(most: int, mean: float) -> float:
    """What is expected of a number, or of `most` if that is less, where the number is
    Poisson's of a mean.
    """
    if most > MOST_COUNTED:
        root = math.sqrt(mean)
        away = (most - mean) / root
        below = (1 + math.erf(away / math.sqrt(2))) / 2
        density = math.exp(-away * away / 2) / math.sqrt(2 * math.pi)
        return mean * below + most * (1 - below) - root * density
    term = math.exp(-mean)
    below, found = term, 0.0
    for k in range(most):
        found += 1 - below
        term *= mean / (k + 1)
        below += term
    return found
