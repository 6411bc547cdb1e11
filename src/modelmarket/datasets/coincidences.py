# SPDX-License-Identifier: Apache-2.0
"""Whether rows of two tables are the same by chance.

Rows of few different values come again in any other table of their kind; that one does
says nothing about where it is from.
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
LEAST = 1e-3
"""The pairs of rows that would be the same, were columns independent, from which on
the rows that come twice in one table are taken for chance and not for copies."""
SPREAD = 3.0
"""Standard deviations above what is expected that chance is still believed to reach."""
PAIRED = 3.0
"""Rows that are the same come in pairs, here and there: so much wider it scatters."""


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

    A table's own rows tell how often a row comes again, however its columns hang
    together; where it has too few rows to tell, its columns do, taken as independent.

    Args:
        some: The rows of the one.
        others: The rows of the other.
        likely: How often two rows are the same, were their columns independent.
    """
    if some.size * others.size * likely < LEAST:
        return False
    if some.size == others.size and np.array_equal(np.sort(some), np.sort(others)):
        return False
    again = max(likely, _comes_again(some), _comes_again(others))
    return all(
        np.isin(mine, its).sum() <= _most(mine.size, min(1.0, again * its.size))
        for mine, its in ((some, others), (others, some))
    )


def _comes_again(words: Prints) -> float:
    """How often a row has an equal, for each of the others."""
    counts = np.unique(words, return_counts=True)[1]
    return float(counts[counts > 1].sum()) / max(1, words.size * (words.size - 1))


def _most(rows: int, share: float) -> float:
    """The most rows that chance makes, if it makes each so with a probability."""
    expected = rows * share
    return expected + SPREAD * math.sqrt(PAIRED * expected * (1 - share))
