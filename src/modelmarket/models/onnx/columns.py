# SPDX-License-Identifier: Apache-2.0
"""What an ONNX file reads of a table: one matrix, or each column by itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from modelmarket.errors import DataError

if TYPE_CHECKING:
    import polars as pl

FEATURES, COLUMN = "features", "column"
"""What the matrix is called, where one has all columns; and each array, with its number
from 1, where each column has its own. No name of a column could stand here: it might be
that of anything inside a file."""

Feed = dict[str, npt.NDArray[Any]]
"""What a file is given: arrays by their names; shapes (rows, columns)."""


class Reads(Enum):
    """What is read of a cell, named as ONNX names it."""

    FLOAT = "tensor(float)"
    DOUBLE = "tensor(double)"
    WHOLE = "tensor(int64)"
    TEXT = "tensor(string)"

    @property
    def dtype(self) -> type[Any]:
        """Its type of NumPy's."""
        return _DTYPES[self]


_DTYPES: dict[Reads, type[Any]] = {
    Reads.FLOAT: np.float32,
    Reads.DOUBLE: np.float64,
    Reads.WHOLE: np.int64,
    Reads.TEXT: object,
}


@dataclass(frozen=True)
class Input:
    """One of the arrays that a file reads.

    Attributes:
        name: `FEATURES`, or `COLUMN` and a number.
        reads: Of each cell.
        columns: Whose cells it has, in their order.
    """

    name: str
    reads: Reads
    columns: tuple[str, ...]

    def of(self, frame: pl.DataFrame) -> npt.NDArray[Any]:
        """Its array of a table; shape (rows, columns).

        A gap reads as no number, or as an empty text.

        Raises:
            DataError: A column is missing, or has cells of another kind.
        """
        # perf: column by column, since casting a wide table at once takes GBs.
        found = np.empty((frame.height, len(self.columns)), dtype=self.reads.dtype)
        for at, name in enumerate(self.columns):
            found[:, at] = _cells(frame[name], self.reads)
        return found


def places_of(columns: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """The columns of each array that a file may read, by what it is called.

    Args:
        columns: All that the file reads, in their order.
    """
    found = {f"{COLUMN} {number}": (one,) for number, one in enumerate(columns, 1)}
    return found | {FEATURES: tuple(columns)}


def _cells(column: pl.Series, reads: Reads) -> npt.NDArray[Any]:
    """A column's cells as a model reads them; shape (rows,)."""
    import polars as pl

    is_text = column.dtype == pl.String
    if reads is Reads.TEXT:
        return column.cast(pl.String).fill_null("").to_numpy()
    if is_text and column.null_count() < len(column):
        raise DataError(
            f"The model reads numbers in {column.name!r}, where this table has text."
        )
    if reads is Reads.WHOLE:
        if column.null_count() or not (column.dtype.is_integer() or _is_flag(column)):
            raise DataError(
                f"The model reads whole numbers in {column.name!r}, where this table "
                "has others, or gaps."
            )
        return column.cast(pl.Int64).to_numpy()
    return column.cast(pl.Float64).to_numpy().astype(reads.dtype)


def _is_flag(column: pl.Series) -> bool:
    import polars as pl

    return column.dtype == pl.Boolean


def feed(inputs: Sequence[Input], frame: pl.DataFrame) -> Feed:
    """What a file is given of a table.

    Raises:
        DataError: See `Input.of`.
    """
    return {one.name: one.of(frame) for one in inputs}


def one_matrix(columns: Sequence[str], reads: Reads) -> tuple[Input, ...]:
    """All columns in one matrix."""
    return (Input(FEATURES, reads, tuple(columns)),)


def each_by_itself(
    frames: Sequence[pl.DataFrame], numbers: Reads, whole: Reads
) -> tuple[Input, ...]:
    """Each column by its name.

    Args:
        frames: Tables of the same columns; what one of them has no number in is text,
            and whole numbers are those of all.
        numbers: How numbers are read.
        whole: How whole numbers are read, where there are no gaps.
    """
    import polars as pl

    def reads(name: str) -> Reads:
        kinds = [one[name].dtype for one in frames]
        if pl.String in kinds:
            return Reads.TEXT
        if all(one[name].dtype.is_integer() for one in frames) and not any(
            one[name].null_count() for one in frames
        ):
            return whole
        return numbers

    return tuple(
        Input(f"{COLUMN} {number}", reads(name), (name,))
        for number, name in enumerate(frames[0].columns, 1)
    )
