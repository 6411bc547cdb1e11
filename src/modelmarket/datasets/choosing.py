# SPDX-License-Identifier: Apache-2.0
"""How the test rows of a table are chosen: at random, by groups, or by time."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from modelmarket.datasets.drawing import Chance, Drawing, LabelCodes
from modelmarket.datasets.records import read_records
from modelmarket.datasets.tables import Table
from modelmarket.errors import DataError, InputError

DEFAULT_FRACTION = Fraction(1, 5)

Mask = npt.NDArray[np.bool_]
"""Which rows are for testing: shape (rows,)."""


@dataclass(frozen=True)
class Choice:
    """How test rows are chosen.

    Attributes:
        fraction: Of the rows that are for testing.
        stratified: Draw it class by class.
        group: A column; rows of which it says the same stay together.
        time: A column; the latest rows are for testing.

    Raises:
        InputError: Two of these ways at once.
    """

    fraction: Fraction = DEFAULT_FRACTION
    stratified: bool = False
    group: str | None = None
    time: str | None = None

    def __post_init__(self) -> None:
        ways = {
            "Class by class": self.stratified,
            "by groups": self.group is not None,
            "by time": self.time is not None,
        }
        said = [name for name, is_said in ways.items() if is_said]
        if len(said) > 1:
            ways_said = " and ".join(said).capitalize()
            raise InputError(
                f"{ways_said} are {len(said)} ways to choose the test rows, and only "
                "one can be taken.",
                hint="Choose one of them.",
            )

    def drawing(
        self, table: Table, label: str | None = None, seed: bytes | None = None
    ) -> Drawing:
        """Chooses the test rows of a table.

        Args:
            table: With the column that was named.
            label: The column of the labels, if it is in that table.
            seed: Fixes what is random; None for the system's random source.

        Raises:
            DataError: The column is not there, or cannot be used; names the row.
        """
        if self.group is None and self.time is None:
            return Drawing(self.fraction, stratified=self.stratified, seed=seed)
        name = self.group if self.time is None else self.time
        option = "--group" if self.time is None else "--time"
        if name == label:
            raise DataError(
                f"Column {name!r} has the labels, so rows cannot be split by it.",
                hint=f"Name another column with {option}.",
            )
        drawing = Drawing(self.fraction, seed=seed)
        if self.group is not None:
            mask = _by_groups(table, self.group, self.fraction, drawing.chance)
        else:
            assert self.time is not None
            mask = _by_time(table, self.time, self.fraction)
        drawing.strata = Chosen(mask)
        return drawing


class Chosen:
    """Rows that were chosen before any is split."""

    def __init__(self, mask: Mask) -> None:
        self._mask = mask
        self._taken = 0

    def take(self, codes: LabelCodes) -> Mask:
        """Which of the next rows are for testing, of shape (rows,)."""
        first, self._taken = self._taken, self._taken + codes.size
        return self._mask[first : self._taken]


def _cells(table: Table, name: str, option: str) -> Iterator[bytes]:
    for records in read_records(table, table.column(name, option)):
        yield from records.cut


def _by_groups(table: Table, name: str, fraction: Fraction, chance: Chance) -> Mask:
    """Draws groups in random order, each that brings the rows nearer to as many as
    are wanted.

    A row without a group is one by itself.
    """
    numbers: dict[bytes, int] = {}
    of_row: list[int] = []
    alone = 0
    for cell in _cells(table, name, "--group"):
        if group := cell.strip():
            of_row.append(numbers.setdefault(group, len(numbers)))
        else:
            alone += 1
            of_row.append(-alone)
    members = np.array(of_row, dtype=np.int64)
    members[members < 0] = len(numbers) - 1 - members[members < 0]
    sizes = np.bincount(members)
    if sizes.size < 2:  # noqa: PLR2004  # one for each part
        raise DataError(
            f"{table.path.name}: column {name!r} says the same in all rows, so they "
            "cannot be split by it.",
            hint="Name another column with --group, or none.",
        )
    drawn = np.zeros(sizes.size, dtype=np.bool_)
    reached, wanted = 0, fraction * members.size
    for group in chance.order(sizes.size).tolist():
        size = int(sizes[group])
        if abs(reached + size - wanted) < abs(reached - wanted):
            drawn[group] = True
            reached += size
    # Neither part may be empty, however few and large the groups are.
    if drawn.all() or not drawn.any():
        drawn[np.argmin(sizes)] ^= True
    mask: Mask = drawn[members]
    return mask


def _by_time(table: Table, name: str, fraction: Fraction) -> Mask:
    """The latest rows; such as are of one time stay together."""
    cells = _cells(table, name, "--time")
    times = _times(table, name, [one.decode().strip() for one in cells])
    kinds, counts = np.unique(times, return_counts=True)
    if kinds.size < 2:  # noqa: PLR2004  # one for each part
        raise DataError(
            f"{table.path.name}: column {name!r} says the same time in all rows, so "
            "they cannot be split by it.",
            hint="Name another column with --time, or none.",
        )
    later = np.cumsum(counts[::-1])[::-1][1:]
    wanted = float(fraction) * times.size
    first = int(np.argmin(np.abs(later - wanted))) + 1
    mask: Mask = times >= kinds[first]
    return mask


def _times(
    table: Table, name: str, texts: list[str]
) -> npt.NDArray[np.float64] | npt.NDArray[np.int64]:
    """Each row's time, as numbers that can be compared; shape (rows,)."""
    import polars as pl

    from modelmarket.datasets.dates import readings

    filled = next((row for row, text in enumerate(texts, 1) if text), None)
    if filled is not None and not _is_time(texts[filled - 1]):
        raise _no_time(table, filled, name, texts[filled - 1])
    for row, text in enumerate(texts, 1):
        if not text:
            raise DataError(
                f"{table.told(row)}: column {name!r} says no time.",
                hint="Fill it in, or leave the row out.",
            )
    cells = pl.Series(name, texts, dtype=pl.String)
    numbers = cells.cast(pl.Float64, strict=False)
    if not numbers.null_count() and numbers.is_finite().all():
        return numbers.to_numpy()
    found = readings(cells)
    if len(found) > 1:
        raise DataError(
            f"{table.path.name}: in column {name!r} nobody can tell days from months, "
            f"as in {texts[0][:40]!r}.",
            hint="Write the day as 2024-01-31.",
        )
    if not found:
        # The first row that is not written as the first one is.
        rows = range(1, len(cells))
        row = bisect_left(rows, True, key=lambda at: not readings(cells[:at])) + 1
        raise _no_time(table, row, name, texts[row - 1], " as the rows before have it")
    return found[0].to_numpy()


def _is_time(text: str) -> bool:
    """Whether a cell is a number, a date or a time."""
    import polars as pl

    from modelmarket.datasets.dates import readings

    cell = pl.Series([text], dtype=pl.String)
    number = cell.cast(pl.Float64, strict=False)[0]
    is_number = number is not None and math.isfinite(number)
    return is_number or bool(readings(cell))


def _no_time(table: Table, row: int, name: str, text: str, than: str = "") -> DataError:
    return DataError(
        f"{table.told(row)}: {text[:40]!r} in column {name!r} is no time{than}.",
        hint="Write the time as 2024-01-31, 2024-01-31 18:00:00 or a number.",
    )
