# SPDX-License-Identifier: Apache-2.0
"""Numbers put into bins, so that a market of classes can pay for predicting them.

A bin is a class: the chain counts how many rows' predictions fall into the bin that the
truth falls into. What is published and predicted are numbers; the bins stand in the
manifest, and whoever seals a prediction puts it into its bin first. All is compared as
doubles of IEEE 754, so that any program finds the same bins.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from modelmarket.errors import DataError, InputError
from modelmarket.protocol.classes import (
    MOST_CLASSES,
    Classes,
    Codes,
    RowName,
    row_name,
)
from modelmarket.system.text import counted, measured

MOST_BINS = MOST_CLASSES
_WHOLE = 2.0**53
"""Doubles hold every whole number up to it."""

ROUNDING = 2.0**-22
"""By so much, as a share, what has 32 bits may be off."""

Numbers = npt.NDArray[np.float64]
"""Labels that are numbers; shape (rows,)."""


@dataclass(frozen=True)
class Bins(Classes):
    """Bins of numbers, from the lowest on; as classes each is called by its number.

    Attributes:
        names: A number of each bin that stands for all of it, as decimals.
        edges: Between bins: a bin holds what is above the edge before it, and at most
            its own. Finite; one fewer than there are bins.
    """

    edges: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        values = [_double(one) for one in self.names]
        if len(self.edges) != len(values) - 1 or len(values) < 2:  # noqa: PLR2004  # one tells nothing
            raise DataError(
                f"{len(self.edges):,} edges do not part {len(values):,} bins."
            )
        bounds = [-math.inf, *self.edges, math.inf]
        for at, value in enumerate(values):
            low, high = bounds[at], bounds[at + 1]
            is_inside = value is not None and low < value <= high
            if not is_inside or math.isnan(high) or math.isinf(value or 0.0):
                raise DataError(
                    f"Bin {at + 1:,} of the labels is called {self.names[at][:40]!r}, "
                    f"which is not between {low:g} and {high:g}."
                )

    @cached_property
    def _edges(self) -> Numbers:
        return np.array(self.edges, dtype=np.float64)

    @cached_property
    def numbers(self) -> Numbers:
        """The number that stands for each bin; shape (bins,)."""
        return np.array([float(one) for one in self.names], dtype=np.float64)

    def knows(self, label: str) -> bool:
        """Whether a text is a finite number, which falls into some bin."""
        value = _double(label)
        return value is not None and math.isfinite(value)

    def codes_of(self, numbers: Numbers) -> Codes:
        """The bin of each number; shape (rows,).

        Args:
            numbers: Finite; shape (rows,).
        """
        return np.searchsorted(self._edges, numbers, side="left").astype(np.uint16)

    def encode(self, labels: Sequence[str], *, row: RowName = row_name) -> Codes:
        """Puts numbers that stand as text into their bins.

        Args:
            labels: One decimal number per row.
            row: What each is called in an error.

        Raises:
            DataError: One is no finite number; names row and value.
        """
        return self.codes_of(read_numbers(labels, row=row))

    def named(self, numbers: Numbers) -> list[str]:
        """What the bins of some numbers are called."""
        return self.decode(self.codes_of(numbers))


def read_numbers(labels: Sequence[str], *, row: RowName = row_name) -> Numbers:
    """Numbers that stand as text; shape (rows,).

    Args:
        labels: One decimal number per row.
        row: What each is called in an error.

    Raises:
        DataError: One is no finite number; names row and value.
    """
    found = np.empty(len(labels), dtype=np.float64)
    for at, label in enumerate(labels):
        value = _double(label)
        if value is None or not math.isfinite(value):
            raise DataError(
                f"{row(at + 1)}: {label[:40]!r} is no finite number.",
                hint="The labels are numbers here: predict one for each row.",
            )
        found[at] = value
    return found


def _double(text: str) -> float | None:
    """A decimal number as a double; None for what is none."""
    # Python takes 1_000 for a number, and digits of any script.
    if "_" in text or not text.isascii():
        return None
    try:
        return float(text)
    except ValueError:
        return None


def parse_bins(text: str) -> int:
    """Reads a number of bins.

    Raises:
        InputError: It is none.
    """
    said = text.strip()
    if said.isascii() and said.isdigit() and len(said) < len(str(MOST_BINS)) + 1:
        return Binning(int(said)).bins
    raise InputError(
        f"{text[:40]!r} is no number of bins.",
        hint=f"Say a number from 2 to {MOST_BINS:,}.",
    )


@dataclass(frozen=True)
class Binning:
    """How numbers are put into bins.

    Attributes:
        bins: How many; there are fewer where the training rows have not so many
            different numbers, or none between two edges.
        is_even: Bins of the same width from the lowest training label to the highest,
            of which a bin without rows is part of the one above it; an edge that
            is as near to a label as 32 bits are rounded by is half way between
            labels. Else such that about as many training rows fall into each.

    Raises:
        InputError: There cannot be so many.
    """

    bins: int
    is_even: bool = False

    def __post_init__(self) -> None:
        if not 2 <= self.bins <= MOST_BINS:  # noqa: PLR2004  # one tells nothing
            raise InputError(
                f"Numbers cannot be put into {counted(self.bins, 'bin')}.",
                hint=f"Say a number from 2 to {MOST_BINS:,}.",
            )

    def of(self, labels: Iterable[str], counts: Sequence[int]) -> Bins:
        """The bins of a training part.

        Args:
            labels: Of training rows, each once.
            counts: Training rows of each.

        Raises:
            DataError: The labels are all the same, or one is no finite number.
        """
        values, rows = _counted(labels, counts)
        make = _evenly_spaced if self.is_even else _evenly_filled
        return make(values, rows, self.bins)


def _evenly_filled(values: Numbers, rows: npt.NDArray[np.int64], bins: int) -> Bins:
    below = np.cumsum(rows)
    wanted = below[-1] * np.arange(1, bins) / bins
    # Each bin ends with the number that comes nearest to so many rows.
    after = np.searchsorted(below, wanted)
    before = np.maximum(after - 1, 0)
    is_nearer = wanted - below[before] <= below[after] - wanted
    ends = np.where(is_nearer, before, after)
    return _parted(values, rows, np.unique(ends))


def _evenly_spaced(values: Numbers, rows: npt.NDArray[np.int64], bins: int) -> Bins:
    shares = np.arange(1, bins) / bins
    # Halves, since the whole range may be beyond what a double holds.
    edges = values[0] * (1 - shares) + values[-1] * shares
    # Of numbers that are hardly apart, rounding may lead beyond the highest, or back.
    edges = np.maximum.accumulate(np.clip(edges, values[0], _before(values[-1])))
    ends = np.searchsorted(values, edges, side="right") - 1
    return _parted(values, rows, np.unique(ends), edges)


def _before(number: float) -> float:
    """The double before another."""
    return float(np.nextafter(number, -np.inf))


def _counted(
    labels: Iterable[str], counts: Sequence[int]
) -> tuple[Numbers, npt.NDArray[np.int64]]:
    """Different numbers from the lowest on, and the rows of each."""
    numbers = read_numbers(list(labels))
    values, places = np.unique(numbers, return_inverse=True)
    rows = np.bincount(places, weights=np.array(counts, dtype=np.float64))
    keep = rows > 0
    values, rows = values[keep] + 0.0, rows[keep].astype(np.int64)
    if values.size < 2:  # noqa: PLR2004  # one tells nothing
        raise DataError(
            "All training labels are the same number, so there is nothing to predict.",
            hint="Is this the label column?",
        )
    return values, rows


def _parted(
    values: Numbers,
    rows: npt.NDArray[np.int64],
    ends: npt.NDArray[np.integer],
    edges: Numbers | None = None,
) -> Bins:
    """Bins that end with some of the training rows' numbers.

    Args:
        values: Different, from the lowest on; shape (values,).
        rows: Of each; shape (values,).
        ends: The places of the last numbers of bins, the last bin's left out.
        edges: Where bins should end; None for half way to the next number.
    """
    ends = ends[(ends >= 0) & (ends < values.size - 1)]
    low, high = values[ends], values[ends + 1]
    half = low / 2 + high / 2
    if edges is not None:
        # The highest edge of those that part the same numbers.
        wanted = edges[np.searchsorted(edges, high) - 1]
        # Models that say 0.1 mean it, rounded to 32 bits or by adding.
        is_clear = _clear(low, wanted, high) | ~_clear(low, half, high)
        half = np.where(is_clear, wanted, half)
    between = np.where((low <= half) & (half < high), half, low)
    starts = [0, *(ends + 1).tolist()]
    names = [
        _named(_median(values[first:last], rows[first:last]))
        for first, last in zip(starts, [*starts[1:], values.size], strict=True)
    ]
    return Bins(tuple(names), tuple(between.tolist()))


def _clear(low: Numbers, edge: Numbers, high: Numbers) -> npt.NDArray[np.bool_]:
    """Whether edges are further from the numbers beside them than rounding leads.

    What 32 bits hold as it is, such as small whole numbers, is not led anywhere.
    """
    found = np.ones(edge.shape, dtype=np.bool_)
    for label in (low, high):
        with np.errstate(over="ignore"):
            is_exact = label.astype(np.float32) == label
        found &= is_exact | (np.abs(edge - label) > ROUNDING * np.abs(label))
    return found


def _median(values: Numbers, rows: npt.NDArray[np.int64]) -> float:
    """The lower median of rows: what is off least, on average."""
    below = np.cumsum(rows)
    return float(values[np.searchsorted(below, (below[-1] + 1) // 2)])


def _named(value: float) -> str:
    """A double as decimals that lead back to it."""
    return (
        str(int(value)) if value.is_integer() and abs(value) < _WHOLE else repr(value)
    )


@dataclass(frozen=True)
class Coarseness:
    """What is lost of numbers of which nothing but the bin is known.

    Attributes:
        mean_absolute: By how much the bins' numbers are off, on average; in the
            label's own unit, as all of these.
        root_mean_square: The root of the mean of these errors' squares.
        median: By how much always saying the median is off, on average.
    """

    mean_absolute: float
    root_mean_square: float
    median: float

    @property
    def line(self) -> str:
        """For people."""
        return (
            "Who names the right bin in every row is still off by "
            f"{measured(self.mean_absolute)} on average (root mean square "
            f"{measured(self.root_mean_square)}); who always says the median, by "
            f"{measured(self.median)}."
        )


def coarseness(bins: Bins, labels: Iterable[str], counts: Sequence[int]) -> Coarseness:
    """What bins lose of some rows' numbers.

    Args:
        bins: They are put into.
        labels: Of rows, each once.
        counts: Rows of each, some above 0.

    Raises:
        DataError: A label is no finite number.
    """
    values, rows = _counted(labels, counts)
    off = np.abs(values - bins.numbers[bins.codes_of(values)])
    weights = rows / rows.sum()
    from_median = np.abs(values - _median(values, rows))
    return Coarseness(
        mean_absolute=float(off @ weights),
        root_mean_square=float(np.sqrt(off**2 @ weights)),
        median=float(from_median @ weights),
    )
