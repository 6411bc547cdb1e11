# SPDX-License-Identifier: Apache-2.0
"""New rows that are unlike all training rows: in other units, in other words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from modelmarket.datasets.cells import Values
from modelmarket.datasets.tables import MISSING, open_table
from modelmarket.system.text import counted, measured

if TYPE_CHECKING:
    import polars as pl

MOST_ROWS = 100_000
"""New rows that are looked at, the first of them."""
MOST_BYTES = 2**28
"""Of a training part that is looked at."""
MOST_DIFFERENT = 0.5
"""The share of rows from which on the values of a column are as good as names, which
new rows have of their own.
"""
DENSE = 2
"""Whole numbers of which none comes twice, out of fewer than so many for each row,
number the rows.
"""
FEW = 0.02
"""The share of rows up to which it is nothing unusual that a column has them."""
MOST_SAID = 40


@dataclass(frozen=True)
class Unusual:
    """A column in which new rows are unlike all training rows.

    Attributes:
        column: Its name.
        rows: How many of the new rows are.
        why: What they say, and what training rows say.
    """

    column: str
    rows: int
    why: str

    def told(self, every: int) -> str:
        """The same in a sentence, of so many new rows.

        Args:
            every: How many there are.
        """
        return f"{self.column!r}: {self.rows:,} of {counted(every, 'row')} {self.why}."


def unusual(train: Path, table: Path, columns: Sequence[str]) -> list[Unusual]:
    """The columns of new rows that a model has never seen the like of, the worst first.

    A model predicts them all the same, and says nothing of it. A few rows beyond what a
    sample has are nothing unusual.

    Args:
        train: The training part as it is published.
        table: New rows, with the columns of the training part.
        columns: Its features.

    Raises:
        DataError: A file is no table.
    """
    import polars as pl

    from modelmarket.datasets.frames import read_frame

    if train.stat().st_size > MOST_BYTES:
        return []
    known = read_frame(train)
    new = open_table(table, header=True)
    rows = list(islice(new.rows(), MOST_ROWS))
    schema = dict.fromkeys(new.columns, pl.String)
    texts = pl.DataFrame(rows, schema=schema, orient="row")
    found = [
        one
        for name in columns
        if name in texts.columns
        for one in _unlike(known[name], texts[name])
        if one.rows > FEW * len(rows)
    ]
    return sorted(found, key=lambda one: -one.rows)


def _unlike(known: pl.Series, said: pl.Series) -> Iterator[Unusual]:
    """In what new cells of a column are unlike all of its training cells."""
    import polars as pl

    name, cells = said.name, said.str.strip_chars()
    if not known.dtype.is_numeric():
        known = known.cast(str)
        values = Values.of(known)
        if values.is_numeric:
            # Numbers with gaps, however these are written.
            known = pl.Series(known.name, values.numbers, nan_to_null=True)
    is_missing = cells.is_null() | cells.str.to_lowercase().is_in(MISSING)
    lacking = int(is_missing.sum())
    has_gaps = known.null_count() > 0 or (
        not known.dtype.is_numeric()
        and known.str.strip_chars().str.to_lowercase().is_in(MISSING).any()
    )
    if lacking and not has_gaps:
        yield Unusual(name, lacking, "have no value, which every training row has")
    cells = cells.filter(~is_missing)
    if known.dtype.is_numeric():
        if known.null_count() == known.len():
            return
        numbers = cells.cast(float, strict=False).drop_nulls()
        least, most = (
            float(one)  # type: ignore[arg-type]  # it is a number
            for one in (known.min(), known.max())
        )
        # note: what numbers the rows goes on behind the last of them.
        is_number = known.dtype.is_integer() and known.n_unique() == known.len()
        if is_number and most - least < DENSE * known.len():
            return
        beyond = numbers.filter((numbers < least) | (numbers > most))
        if beyond.len():
            span = f"{measured(least)} to {measured(most)}"
            yield Unusual(name, beyond.len(), f"are outside the training rows' {span}")
        return
    if known.n_unique() > MOST_DIFFERENT * known.len():
        return
    strange = cells.filter(~cells.is_in(known.str.strip_chars().unique().to_list()))
    if strange.len():
        such = f"such as {strange[0][:MOST_SAID]!r}"
        yield Unusual(name, strange.len(), f"say what no training row says, {such}")
