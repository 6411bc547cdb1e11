# SPDX-License-Identifier: Apache-2.0
"""The cells of a published table: which are numbers, and which are missing.

They are read some columns at a time, as text: what is a number is decided here and
nowhere else.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from modelmarket.datasets.tables import MISSING
from modelmarket.errors import DataError
from modelmarket.protocol.schema import Numbers

if TYPE_CHECKING:
    import polars as pl

TEXTS_AT_ONCE = 2**24
"""Cells whose texts are in memory together."""
NUMBERS_AT_ONCE = 2**27
"""Cells that are in memory together where all are whole numbers."""


@dataclass(frozen=True)
class Values:
    """A column's cells.

    Attributes:
        cells: As they are published, as text, or as whole numbers if all are; shape
            (rows,).
        is_missing: Which have no value; shape (rows,).
        numbers: The cells as numbers; NaN for what is missing or none.
    """

    cells: pl.Series
    is_missing: npt.NDArray[np.bool_]
    numbers: Numbers

    @classmethod
    def of(cls, cells: pl.Series) -> Values:
        """The cells of a column, as text or whole numbers."""
        import polars as pl

        # perf: where all are numbers nothing is missing, and no text is made of them.
        numbers = cells.cast(pl.Float64, strict=False)
        if not numbers.null_count() and not numbers.is_nan().any():
            return cls(cells, np.zeros(len(cells), dtype=np.bool_), numbers.to_numpy())
        texts = stripped(cells)
        is_missing = texts.str.to_lowercase().is_in(MISSING).to_numpy()
        numbers = texts.cast(pl.Float64, strict=False).fill_null(float("nan"))
        values = numbers.to_numpy().copy()
        values[is_missing] = np.nan
        return cls(cells, is_missing, values)

    @property
    def bytes(self) -> npt.NDArray[np.uint8] | None:
        """The numbers, where they were read as whole ones below 256; shape (rows,)."""
        import polars as pl

        return self.cells.to_numpy() if self.cells.dtype == pl.UInt8 else None

    def every(self, step: int) -> Values:
        """The first of the cells, and each so manyth after it."""
        return Values(
            self.cells.gather_every(step), self.is_missing[::step], self.numbers[::step]
        )

    @cached_property
    def texts(self) -> pl.Series:
        """The cells without blanks around them, if they are text; shape (rows,)."""
        return stripped(self.cells)

    @property
    def strange(self) -> int | None:
        """The first row, from 0, whose cell has a value that is no number."""
        odd = np.isnan(self.numbers) & ~self.is_missing
        return int(np.argmax(odd)) if odd.any() else None

    @property
    def is_numeric(self) -> bool:
        """Whether every cell with a value is a number, and some are."""
        return self.strange is None and not bool(self.is_missing.all())


def stripped(cells: pl.Series) -> pl.Series:
    """Cells without blanks around them; an absent one is empty."""
    return cells.fill_null("").str.strip_chars()


def values_of(
    path: Path, names: Sequence[str], rows: int, texts: Collection[str] = ()
) -> Iterator[Values]:
    """What is in columns of a published table, one by one.

    Args:
        path: A CSV as it is published.
        names: Of the columns.
        rows: That the table has, about.
        texts: Those of which texts are wanted, even if all are whole numbers.

    Raises:
        DataError: The file is not such a table.
    """
    from modelmarket.datasets.frames import whole_numbers

    at_once = max(1, NUMBERS_AT_ONCE // max(rows, 1))
    for at in range(0, len(names), at_once):
        some = names[at : at + at_once]
        # perf: of a picture's points nobody needs the digits.
        whole = whole_numbers(path, [name for name in some if name not in texts])
        others = columns_of(path, [name for name in some if name not in whole], rows)
        for name in some:
            yield Values.of(whole.pop(name) if name in whole else next(others))


def columns_of(path: Path, names: Sequence[str], rows: int) -> Iterator[pl.Series]:
    """Columns of a published table, one by one, as text.

    Args:
        path: A CSV as it is published.
        names: Of the columns.
        rows: That the table has, about.

    Raises:
        DataError: The file is not such a table.
    """
    import polars as pl
    from polars import selectors

    from modelmarket.datasets.frames import scan

    at_once = max(1, TEXTS_AT_ONCE // max(rows, 1))
    try:
        lazy = scan(path, infer_schema=False)
        for at in range(0, len(names), at_once):
            # note: a bare name may be taken for a pattern, such as `*`.
            wanted = list(names[at : at + at_once])
            some = lazy.select(selectors.by_name(*wanted)).collect()
            yield from (some.get_column(name) for name in wanted)
    except pl.exceptions.PolarsError as error:
        raise DataError(f"{path.name} cannot be read as a table: {error}") from error
