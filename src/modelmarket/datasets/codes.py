# SPDX-License-Identifier: Apache-2.0
"""Tables as codes: schemas made of training rows, and rows encoded by a schema."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from modelmarket.datasets.cells import Values, values_of
from modelmarket.datasets.records import encode_row, read_records
from modelmarket.errors import DataError
from modelmarket.protocol.hidden import MOST_COLUMNS, RowCodes
from modelmarket.protocol.points import MOST_OUTPUTS
from modelmarket.protocol.schema import (
    Affine,
    Column,
    Cuts,
    Numbers,
    Schema,
    Target,
    Texts,
)
from modelmarket.system.text import agreeing, counted

if TYPE_CHECKING:
    import polars as pl

    from modelmarket.datasets.tables import Table

MOST_NAMED = 5
ROUNDS = 16
"""In which numbers that are more frequent than a range give up what they need not."""
MOST_NUMBER = 1e38
"""Forests hold numbers in 32 bits."""


def refuse_many(columns: int, classes: int = 0) -> None:
    """Makes sure that a table is not too large for any verified contest.

    Args:
        columns: Features that it has.
        classes: Different labels; 0 for numbers.

    Raises:
        DataError: It is; says what else can be done.
    """
    if columns > MOST_COLUMNS:
        raise DataError(
            f"A verified contest has at most {MOST_COLUMNS:,} columns, not "
            f"{columns:,}.",
            hint="Leave some out, or make a contest of predictions.",
        )
    if classes > MOST_OUTPUTS:
        raise DataError(
            f"A verified contest has at most {MOST_OUTPUTS:,} classes, not "
            f"{classes:,}.",
            hint="Make a contest of predictions, which has more; or say of the labels "
            "that they are numbers to be predicted, if they are.",
        )


def make_columns(
    path: Path, names: Sequence[str], rows: int, *, width: int, even: bool = False
) -> tuple[Column, ...]:
    """How the columns of a training part become codes.

    A column is one of numbers if every cell that has a value is a number.

    Args:
        path: The training part, as it is published.
        names: Of the columns.
        rows: That it has.
        width: Bits of a code, 8 or 16.
        even: Space the codes of numbers evenly, which suits linear models and
            networks better, rather than by the values that there are.

    Raises:
        DataError: There are too many columns.
    """
    refuse_many(columns=len(names))
    found = zip(names, values_of(path, names, rows), strict=True)
    return tuple(make_column(name, values, width, even=even) for name, values in found)


def make_column(name: str, values: Values, width: int, *, even: bool = False) -> Column:
    """How a column of a training part becomes codes; see `make_columns`."""
    if not values.is_numeric:
        return _texts(name, values, width)
    has_missing = bool(values.is_missing.any())
    numbers = values.numbers[np.isfinite(values.numbers)]
    if even and numbers.size and np.min(numbers) < np.max(numbers):
        return _affine(name, numbers, width, has_missing=has_missing)
    most = 2**width - 1 - has_missing
    return Cuts(name, cuts(numbers, most), has_missing)


def _texts(name: str, values: Values, width: int) -> Texts:
    """The most frequent texts, in order of their letters.

    A blank cell is no text; a word such as "none" may well be one.
    """
    counted = values.texts.filter(values.texts != "").value_counts()
    kept = counted.sort(["count", counted.columns[0]], descending=[True, False])
    return Texts(name, tuple(sorted(kept[:, 0].head(2**width - 1).to_list())))


def _affine(name: str, numbers: Numbers, width: int, *, has_missing: bool) -> Column:
    low, high = float(np.min(numbers)), float(np.max(numbers))
    top = 2**width - 1 - has_missing
    scale = top / (high - low)
    if not 0 < scale < float("inf"):
        return Cuts(name, cuts(numbers, top), has_missing)
    return Affine(name, low, scale, has_missing)


def cuts(numbers: Numbers, most: int) -> tuple[float, ...]:
    """The midpoints between the values that there are, or between quantiles of them.

    Args:
        numbers: Finite; shape (rows,).
        most: Cuts that there may be.
    """
    values, counts = np.unique(numbers + 0.0, return_counts=True)
    if values.size <= 1:
        return ()
    places = np.arange(values.size - 1)
    if places.size > most:
        places = even_shares(counts, most)
    low, high = values[places], values[places + 1]
    middle = low / 2 + high / 2
    # Of two doubles beside each other the lower one divides them.
    middle = np.where((middle < low) | (middle >= high), low, middle)
    return tuple(middle.tolist())


def even_shares(counts: npt.NDArray[np.int64], most: int) -> npt.NDArray[np.intp]:
    """After which numbers to cut, so that ranges hold as many rows each as can be.

    A number with more rows than a range should have gets one of its own, and the
    others share what ranges are left.

    Args:
        counts: Rows of each number; more than `most` + 1.
        most: Cuts there may be, at least 1.

    Returns:
        Strictly increasing places from 0 to two below the numbers' count.
    """
    weights = counts.astype(np.float64)
    for _ in range(ROUNDS):
        fair = weights.sum() / (most + 1)
        if np.max(weights) <= fair * (1 + 1e-9):
            break
        weights = np.minimum(weights, fair)
    reached = np.cumsum(weights)
    wanted = reached[-1] * np.arange(1, most + 1) / (most + 1)
    places = np.searchsorted(reached, wanted * (1 - 1e-12))
    return np.unique(np.minimum(places, counts.size - 2))


def encode(
    path: Path,
    columns: Sequence[Column],
    rows: int,
    width: int,
    *,
    table: Table | None = None,
) -> RowCodes:
    """The codes of a published table's rows.

    A cell that is no number counts as missing in a column of numbers: what a
    requester published can be entered all the same.

    Args:
        path: A CSV as it is published, with these columns among others.
        columns: Of a schema.
        rows: That the table has.
        width: Bits of a code, 8 or 16.
        table: Refuse a cell that is no number instead, and name its row in that table.

    Returns:
        Shape (rows, columns).

    Raises:
        DataError: The file is no such table, or has another number of rows; or a cell
            is to be refused; names row and column.
    """
    codes: RowCodes = np.zeros((rows, len(columns)), dtype=f"u{width // 8}")
    for at, values in enumerate(_values(path, columns, rows)):
        seen = len(values.cells)
        if seen != rows:
            raise DataError(f"{path.name} has {counted(seen, 'row')}, not {rows:,}.")
        codes[:, at] = encode_values(columns[at], values, width, table)
    return codes


def _values(path: Path, columns: Sequence[Column], rows: int) -> Iterator[Values]:
    """What is in these columns of a published table, one by one."""
    texts = {one.name for one in columns if isinstance(one, Texts)}
    return values_of(path, [one.name for one in columns], rows, texts)


def encode_frame(
    frame: pl.DataFrame, columns: Sequence[Column], width: int
) -> RowCodes:
    """The codes of rows that were read; a cell that is no number counts as missing.

    Args:
        frame: Its columns are text, and these among others.
        columns: Of a schema.
        width: Bits of a code, 8 or 16.

    Returns:
        Shape (rows, columns).
    """
    codes: RowCodes = np.zeros((len(frame), len(columns)), dtype=f"u{width // 8}")
    for at, column in enumerate(columns):
        codes[:, at] = encode_cells(column, frame.get_column(column.name), width)
    return codes


def frame_of(lines: Sequence[bytes], names: Sequence[str]) -> pl.DataFrame:
    """Published rows in memory, as columns of text.

    Args:
        lines: As `modelmarket.datasets.records` has them.
        names: Of the columns; as many as a line has cells.

    Raises:
        DataError: A line has more or fewer cells.
    """
    import polars as pl

    # note: without a cell in front, a line of one empty cell would be a blank line.
    places = [str(place) for place in range(1 + len(names))]
    try:
        read = pl.read_csv(
            io.BytesIO(b"," + b"\n,".join(lines) + b"\n"),
            has_header=False,
            schema=dict.fromkeys(places, pl.String),
        )
    except pl.exceptions.PolarsError as error:
        raise DataError(f"The rows cannot be read: {error}") from error
    if len(read) != len(lines):
        raise DataError(
            f"{counted(len(lines), 'row')} {agreeing(len(lines), 'is', 'are')} read as "
            f"{len(read):,}."
        )
    read = read.drop(places[0])
    read.columns = list(names)
    return read


def encode_cells(column: Column, cells: pl.Series, width: int) -> RowCodes:
    """The codes of a column's cells, as text; see `encode`."""
    return encode_values(column, Values.of(cells), width)


def encode_values(
    column: Column, values: Values, width: int, table: Table | None = None
) -> RowCodes:
    """The codes of a column's values; see `encode`.

    Raises:
        DataError: A cell is to be refused; names row and column.
    """
    import polars as pl

    if not isinstance(column, Texts):
        row = None if table is None else values.strange
        if table is not None and row is not None:
            said = str(values.texts[row])[:40]
            raise DataError(
                f"{table.told(row + 1)}, column {column.name!r}: {said!r} is no "
                "number, as all of the training part's are."
            )
        if (small := values.bytes) is not None:
            # perf: of 256 numbers, however many rows there are.
            return column.codes(np.arange(256.0), width)[small]
        return column.codes(values.numbers, width)
    places = list(range(1, len(column.values) + 1))
    found = values.texts.replace_strict(
        list(column.values), places, default=0, return_dtype=pl.UInt32
    )
    found = found.set(values.texts == "", 0)
    codes: RowCodes = found.to_numpy().astype(f"u{width // 8}")
    return codes


def plain(
    path: Path, columns: Sequence[Column], rows: int, width: int
) -> npt.NDArray[np.float64]:
    """The training part's rows as they are, for what reads numbers and no codes.

    Texts are their codes, in order of their letters; a number that is missing lies
    below all others, as its code does, by one part in 255 of their range.

    Args:
        path: The training part, as it is published.
        columns: Of the schema.
        rows: That it has.
        width: Bits of a code, 8 or 16.

    Returns:
        Shape (rows, columns); finite.
    """
    found = np.zeros((rows, len(columns)))
    each = zip(columns, _values(path, columns, rows), strict=True)
    for at, (column, values) in enumerate(each):
        if isinstance(column, Texts):
            found[:, at] = encode_values(column, values, width)
            continue
        numbers = np.clip(values.numbers, -MOST_NUMBER, MOST_NUMBER)
        known = numbers[~np.isnan(numbers)]
        low, high = (float(known.min()), float(known.max())) if known.size else (0, 0)
        found[:, at] = np.nan_to_num(numbers, nan=low - (high - low) / 255)
    return found


def codes_of(table: Table, schema: Schema, scratch: Path) -> RowCodes:
    """The codes of any table's rows, found by the names of its columns.

    Args:
        table: With the schema's columns, in any order, and maybe others.
        schema: Of a contest.
        scratch: A folder for what is temporary.

    Returns:
        Shape (rows, columns).

    Raises:
        DataError: A column is missing, or a cell is none of its kind; names it.
    """
    lacking = [name for name in schema.names if name not in table.columns]
    if lacking:
        named = ", ".join(map(repr, lacking[:MOST_NAMED]))
        rest = len(lacking) - MOST_NAMED
        more = f" and {rest:,} more" if rest > 0 else ""
        columns = agreeing(len(lacking), "column", "columns")
        raise DataError(
            f"{table.path.name} has no {columns} {named}{more}.",
            hint=agreeing(
                len(lacking),
                "It needs that column of the training part, by the same name.",
                "It needs these columns of the training part, by the same names.",
            ),
        )
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        path, rows = Path(folder) / table.path.name, 0
        with path.open("wb") as file:
            file.write(encode_row(list(table.columns)) + b"\n")
            for records in read_records(table):
                file.writelines(line + b"\n" for line in records.rest)
                rows += len(records.rest)
        return encode(path, schema.columns, rows, schema.width, table=table)


def as_schema(columns: Sequence[Column], target: Target, width: int) -> Schema:
    """The schema of columns and a target.

    Raises:
        DataError: A row would be too long, or there are too many classes.
    """
    schema = Schema(width, tuple(columns), target)
    _ = schema.row_words
    return schema
