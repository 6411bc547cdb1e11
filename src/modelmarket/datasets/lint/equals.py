# SPDX-License-Identifier: Apache-2.0
"""Training rows that are equal to others: slips, copies, or rows of few columns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from modelmarket.datasets.coincidences import Prints
from modelmarket.datasets.lint.findings import tells
from modelmarket.system.text import counted

MOSTLY = 0.5
"""The share of the rows that must differ for it to be odd that some do not; and how
much alike their labels must be then for them to be taken for copies."""
SURELY = 0.9
"""How much alike they must be where many rows are equal."""
Labels = npt.NDArray[np.float64]
"""Numbers of classes, or numbers to be predicted: shape (rows,)."""


@dataclass(frozen=True)
class Equals:
    """The training rows that are equal to others.

    Attributes:
        rows: How many there are.
        every: Training rows in all.
        distinct: How many different ones those are.
        told: How much of their labels is told by looking the others up: of what always
            saying the commonest class gets wrong, this much is right; or of the spread
            of numbers. From 0 to 1.
        alike: How much of that they tell to the very number, as if numbers were
            classes: what is measured twice comes near, and a copy is the same.
        is_number: Whether these are numbers to be predicted.
    """

    rows: int
    every: int
    distinct: int
    told: float
    alike: float
    is_number: bool

    @classmethod
    def of(cls, words: Prints, labels: Labels, *, is_number: bool) -> Equals:
        """Looks each of them up among the others.

        Args:
            words: Of the training rows.
            labels: Of the same.
            is_number: Whether these are numbers to be predicted.
        """
        _, places, counts = np.unique(words, return_inverse=True, return_counts=True)
        again = counts[places] > 1
        equal = places[again], labels[again], labels
        alike = told = _share(*_named_so(*equal))
        if is_number:
            told = _share(*_known(*equal))
        return cls(int(again.sum()), words.size, counts.size, told, alike, is_number)

    @property
    def are_odd(self) -> bool:
        """Whether they are hardly meant: their labels are those of their equals, as
        copies' are. Where most rows differ, less of that is enough; where no training
        row has an equal, nobody knows, and copies are likelier than anything else.
        """
        return not self.rows or self.alike >= (MOSTLY if self.are_few else SURELY)

    @property
    def are_few(self) -> bool:
        """Whether most rows differ, so that it is odd if some do not."""
        return self.distinct >= MOSTLY * self.every

    @property
    def why(self) -> str:
        """What tells whether test rows among them matter, in a clause."""
        rows = f"{self.rows:,} of {counted(self.every, 'training row')}"
        if not self.rows:
            return "where the label can be looked up if it is the same"
        if self.are_odd and self.are_few:
            return "where the label can be looked up"
        if self.are_odd:
            return (
                f"where the label can be looked up: {rows} are equal to others, and "
                "nearly always of the same label"
            )
        told = tells(self.told, 0, is_number=self.is_number)
        if self.are_few:
            return (
                f"where equal rows have labels of their own: among {rows} that are "
                f"equal to others, looking the label up {told}"
            )
        return (
            f"and that is how these columns are: {rows} are equal to others, and "
            f"looking the label up there {told}"
        )

    @property
    def hint(self) -> str:
        """What to do about test rows among them."""
        if self.are_odd:
            return "Leave out rows that come more than once, before the split."
        return "Add columns that tell rows apart, if there are any."


def _share(left: float, without: float) -> float:
    """How much of what is wrong without something is right with it, from 0 to 1."""
    return max(0.0, 1 - left / without) if without > 0 else 0.0


def _named_so(
    places: npt.NDArray[np.intp], labels: Labels, every: Labels
) -> tuple[float, float]:
    """Rows whose label is not the commonest one of their equals, and rows whose label
    is not the commonest of all.

    Args:
        places: Which rows are equal; shape (rows,), each comes twice at least.
        labels: Of the same rows.
        every: The labels of all rows.
    """
    if not places.size:
        return 0.0, 0.0
    kinds, codes = np.unique(every, return_inverse=True)
    common = kinds[np.argmax(np.bincount(codes))]
    pairs, at, counts = np.unique(
        places * kinds.size + np.searchsorted(kinds, labels),
        return_inverse=True,
        return_counts=True,
    )
    group = pairs // kinds.size
    # Of each group the last pair in this order is its commonest, then the next.
    order = np.lexsort((counts, group))
    is_last = np.append(group[order][1:] != group[order][:-1], True)
    first, second = np.zeros((2, int(places.max()) + 1), dtype=np.int64)
    first[group[order][is_last]] = order[is_last]
    is_next = np.append(is_last[1:], False) & ~is_last
    second[group[order][is_next]] = counts[order[is_next]]
    others = np.where(first[places] == at, second[places], counts[first[places]])
    wrong = counts[at] - 1 <= others
    return float(wrong.sum()), float((labels != common).sum())


def _known(
    places: npt.NDArray[np.intp], labels: Labels, every: Labels
) -> tuple[float, float]:
    """Squared errors of the mean of a row's equals, and of the mean of all rows; see
    `_named_so`.
    """
    if not places.size:
        return 0.0, 0.0
    counts = np.bincount(places)[places]
    others = (np.bincount(places, weights=labels)[places] - labels) / (counts - 1)
    off = float(np.sum((others - labels) ** 2))
    return off, float(np.sum((every.mean() - labels) ** 2))
