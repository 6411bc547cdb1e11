# SPDX-License-Identifier: Apache-2.0
"""Published tables as data frames."""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

import polars as pl
from polars.selectors import by_name

from modelmarket.datasets.records import encode_row, read_records
from modelmarket.datasets.sources import LABEL, ROW_ID
from modelmarket.datasets.tables import Table, open_table
from modelmarket.errors import DataError

SCHEMA_ROWS = 10_000
HEAD_ROWS = 1_000
"""That tell which columns may be whole numbers throughout."""
BATCH_BYTES = 2**22
_Kinds = dict[str, pl.DataType | type[pl.DataType]]
"""Of columns, by their names."""
_INTEGERS: dict[type[pl.DataType], range] = {
    pl.UInt8: range(2**8),
    pl.Int8: range(-(2**7), 2**7),
    pl.UInt16: range(2**16),
    pl.Int16: range(-(2**15), 2**15),
    pl.UInt32: range(2**32),
    pl.Int32: range(-(2**31), 2**31),
}


def scan(path: Path, **options: Any) -> pl.LazyFrame:
    """A published CSV, to be read by polars.

    note: polars leaves quotation marks in a header's names doubled, so these are read
    by what wrote them.

    Args:
        path: The file, in UTF-8, with a header.
        options: Of `polars.scan_csv`.

    Raises:
        DataError: Its header is none.
    """
    try:
        with path.open(newline="", encoding="utf-8") as file:
            names = next(csv.reader(file, strict=True), [])
    except (csv.Error, UnicodeDecodeError) as error:
        raise DataError(f"{path.name} has no header: {error}.") from error
    return pl.scan_csv(path, new_columns=names, **options)


def read_frame(path: Path, texts: Collection[str] = ()) -> pl.DataFrame:
    """Reads a published CSV.

    Labels stay text; whole numbers get the smallest type that holds them, so
    that 70,000 images take 55 MB and not 440. Those of more than 64 bits become floats:
    no library that learns takes integers of 128.

    Args:
        path: The file.
        texts: Columns that are text, whatever is in them: one part of a table may have
            digits alone where another has words.

    Raises:
        DataError: The file is not such a table.
    """
    try:
        return _read(path, texts, SCHEMA_ROWS)
    except DataError:
        # The first word of a column may stand far below its numbers.
        return _read(path, texts, None)


def check_columns(frame: pl.DataFrame, names: Collection[str], table: str) -> None:
    """Makes sure that a published table has the columns that are told of it.

    Args:
        frame: As it was read.
        names: Of the columns.
        table: What its file is called.

    Raises:
        DataError: It lacks one; names it.
    """
    for name in names:
        if name not in frame.columns:
            raise DataError(
                f"{table} has no column {name[:100]!r}, and should.",
                hint="Do not submit to it: its requester has published it so.",
            )


def text_columns(frame: pl.DataFrame) -> list[str]:
    """The columns of a table that have words."""
    return [name for name, kind in frame.schema.items() if kind == pl.String]


def frame_of(table: Table, scratch: Path, texts: Collection[str] = ()) -> pl.DataFrame:
    """Reads any table as it would be read once it is published.

    Args:
        table: Open.
        scratch: Where it is written, and taken away again.
        texts: See `read_frame`.

    Raises:
        DataError: The file is damaged, or a row has more or fewer cells.
    """
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        path = Path(folder) / table.path.name
        with path.open("wb") as file:
            file.write(encode_row(list(table.columns)) + b"\n")
            for records in read_records(table):
                file.writelines(row + b"\n" for row in records.rest)
        return read_frame(path, texts)


def _read(path: Path, texts: Collection[str], rows: int | None) -> pl.DataFrame:
    """The same, with columns of the kinds that so many rows tell."""
    kinds: _Kinds = {
        **dict.fromkeys(texts, pl.String),
        LABEL: pl.String,
        ROW_ID: pl.Int64,
    }
    try:
        lazy = scan(path, infer_schema_length=rows, schema_overrides=kinds)
        schema: _Kinds = dict(lazy.collect_schema())
        large = [name for name, kind in schema.items() if kind == pl.Int128]
        if large:
            # Read as floats at once: there are whole numbers above 128 bits, too.
            kinds |= dict.fromkeys(large, pl.Float64)
            lazy = scan(path, infer_schema_length=rows, schema_overrides=kinds)
            schema = dict(lazy.collect_schema())
        # perf: what the first rows need mostly suits all, and to be read so takes a
        # table less time than to become so.
        head = scan(
            path, n_rows=SCHEMA_ROWS, infer_schema=False, schema_overrides=schema
        )
        frame = _read_as(path, schema | _smallest(head, schema))
        if frame is not None:
            # A column may have its first number below the head.
            lazy, schema = frame.lazy(), dict(frame.schema)
        casts = [
            by_name(name).cast(kind) for name, kind in _smallest(lazy, schema).items()
        ]
        return lazy.with_columns(casts).collect(engine="streaming")
    except pl.exceptions.PolarsError as error:
        raise DataError(f"{path.name} cannot be read as a table: {error}") from error


def whole_numbers(path: Path, names: Sequence[str]) -> dict[str, pl.Series]:
    """Columns of a published CSV that are whole numbers of at most 32 bits in each row.

    perf: they are read at once, without a text of any cell. Not all such columns need
    be found: the first rows tell what to expect, and where a cell is something else,
    none are.

    Args:
        path: The file.
        names: Of the columns that may be.
    """
    try:
        lazy = scan(path, n_rows=HEAD_ROWS, infer_schema_length=HEAD_ROWS)
        head = lazy.select(by_name(*names)).collect()
        kinds = _smallest(head.lazy(), dict(head.schema))
        small = {name: kind for name, kind in kinds.items() if kind != pl.Int64}
        frame = _read_as(path, small, names=small) if small else None
    except (DataError, pl.exceptions.PolarsError):
        return {}
    if frame is None:
        return {}
    return {one.name: one for one in frame if not one.null_count()}


def _read_as(
    path: Path, kinds: _Kinds, names: Collection[str] | None = None
) -> pl.DataFrame | None:
    """All rows, with columns of these kinds; None if a cell is not of its column's.

    Args:
        path: The file.
        kinds: Of its columns; others are text.
        names: Of the columns that are read; None for all.
    """
    lazy = scan(path, infer_schema=False, schema_overrides=kinds)
    if names is not None:
        lazy = lazy.select(by_name(*names))
    try:
        return lazy.collect(engine="streaming")
    except pl.exceptions.ComputeError:
        return None


def _smallest(lazy: pl.LazyFrame, schema: _Kinds) -> _Kinds:
    """The smallest types that hold the whole numbers of these rows.

    Of a column in which they have none it is the largest.
    """
    whole = [name for name, kind in schema.items() if kind == pl.Int64]
    if not whole:
        return {}
    # note: a bare name may be taken for a pattern, such as `*`.
    numbers = by_name(whole)
    bounds = lazy.select(numbers.min().name.prefix("<"), numbers.max().name.prefix(">"))
    found = bounds.collect(engine="streaming").row(0, named=True)
    return {name: _holding(found[f"<{name}"], found[f">{name}"]) for name in whole}


def read_batches(path: Path) -> Iterator[pl.DataFrame]:
    """A published CSV's rows as text, some megabytes at a time.

    perf: polars reads a whole file before it gives the first of its batches.

    Raises:
        DataError: The file is not such a table.
    """
    table = open_table(path, header=True, delimiter=",", encoding="utf-8")
    rows, size = list[bytes](), 0
    for records in read_records(table):
        rows += records.rest
        size += sum(map(len, records.rest))
        if size >= BATCH_BYTES:
            yield _as_text(rows, table)
            rows, size = [], 0
    if rows:
        yield _as_text(rows, table)


def _as_text(rows: Sequence[bytes], table: Table) -> pl.DataFrame:
    """Published rows, every cell as it is written."""
    try:
        return pl.read_csv(
            b"\n".join(rows),
            has_header=False,
            new_columns=list(table.columns),
            infer_schema=False,
        )
    except pl.exceptions.PolarsError as error:
        name = table.path.name
        raise DataError(f"{name} cannot be read as a table: {error}") from error


def _holding(low: int | None, high: int | None) -> type[pl.DataType]:
    if low is not None and high is not None:
        for kind, bounds in _INTEGERS.items():
            if low in bounds and high in bounds:
                return kind
    return pl.Int64
