# SPDX-License-Identifier: Apache-2.0
"""Reading tables row by row, whatever their size.

CSV in any usual delimiter and encoding, with a header or without, and Parquet.
Cells are text and stay as they are written.
"""

from __future__ import annotations

import codecs
import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from modelmarket.errors import DataError, NotFoundError

DELIMITERS = ",;\t|"
SAMPLE_BYTES = 2**18
SAMPLE_ROWS = 50
MOST_CELL_CHARACTERS = 2**24
PARQUET_MAGIC = b"PAR1"
PARQUET_BATCH_ROWS = 8_192
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_LAST_RESORT = "cp1252"

Row = list[str]


@dataclass(frozen=True)
class Table:
    """A table that can be read as often as one likes.

    Attributes:
        path: The file.
        columns: Their names; `column_1` … where the file has no header.
        has_header: Whether the first row of the file names the columns.
        encoding: Of a CSV; empty for Parquet.
        delimiter: Of a CSV; empty for Parquet.
    """

    path: Path
    columns: tuple[str, ...]
    has_header: bool
    encoding: str = ""
    delimiter: str = ""

    def rows(self) -> Iterator[Row]:
        """The rows in order, each with as many cells as there are columns.

        Raises:
            DataError: A row has more or fewer cells; names the row.
        """
        if not self.encoding:
            yield from _parquet_rows(self.path)
            return
        with _open(self.path, self.encoding) as file:
            records = _records(file, self.delimiter, self.path)
            if self.has_header:
                next(records, None)
            width = len(self.columns)
            for number, row in enumerate(records, 1):
                if len(row) != width:
                    raise DataError(
                        f"{self.path.name}, row {number}: {len(row)} cells where "
                        f"{width} columns are expected; it begins with "
                        f"{_shown(row)}.",
                        hint="A cell with a delimiter in it must be quoted.",
                    )
                yield row

    def column(self, name: str) -> int:
        """The place of a column.

        Raises:
            DataError: There is no such column, or there are several.
        """
        places = [at for at, column in enumerate(self.columns) if column == name]
        if len(places) == 1:
            return places[0]
        known = ", ".join(repr(column) for column in self.columns[-8:])
        how = "has no column" if not places else f"has {len(places)} columns"
        raise DataError(
            f"{self.path.name} {how} {name!r}; its last ones are {known}.",
            hint="Name the label column with --label.",
        )


def open_table(
    path: Path,
    *,
    header: bool | None = None,
    delimiter: str | None = None,
    encoding: str | None = None,
    knows: str | None = None,
) -> Table:
    """Finds out how a table is written.

    Args:
        path: A CSV or Parquet file.
        header: Whether its first row names the columns; None to find out.
        delimiter: Of a CSV; None to find out.
        encoding: Of a CSV; None to find out.
        knows: A column that a header would name.

    Raises:
        NotFoundError: There is no such file.
        DataError: It is empty, or not a table.
    """
    if not path.is_file():
        raise NotFoundError(f"There is no file {path}.")
    with path.open("rb") as file:
        sample = file.read(SAMPLE_BYTES)
    if not sample.strip():
        raise DataError(f"{path.name} is empty.", hint="It must have a row at least.")
    if sample.startswith(PARQUET_MAGIC):
        return Table(path, _parquet_columns(path), has_header=True)
    encoding = encoding or _find_encoding(path, sample)
    try:
        with _open(path, encoding) as file:
            if delimiter is None:
                delimiter = _find_delimiter(file.read(SAMPLE_BYTES))
                file.seek(0)
            records = _records(file, delimiter, path)
            first = [row for _, row in zip(range(SAMPLE_ROWS), records, strict=False)]
    except LookupError as error:
        raise DataError(f"There is no encoding {encoding!r}.") from error
    except UnicodeDecodeError as error:
        raise _not_encoded(path, error, 0) from error
    if not first:
        raise DataError(f"{path.name} is empty.", hint="It must have a row at least.")
    if header is None:
        header = knows in first[0] or _looks_like_header(first)
    names = first[0] if header else [f"column_{n + 1}" for n in range(len(first[0]))]
    if header and len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise DataError(
            f"{path.name} has several columns called {twice!r}.",
            hint="If its first row is data, say --no-header.",
        )
    return Table(path, tuple(names), header, encoding, delimiter)


def _find_encoding(path: Path, sample: bytes) -> str:
    for bom, encoding in _BOMS:
        if sample.startswith(bom):
            return encoding
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        with path.open("rb") as file:
            while piece := file.read(2**20):
                decoder.decode(piece)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return _LAST_RESORT
    return "utf-8"


def _find_delimiter(text: str) -> str:
    """The delimiter that splits the first lines most evenly, and most."""
    lines = [line for line in text.splitlines()[:SAMPLE_ROWS] if line]

    def quality(delimiter: str) -> tuple[int, int]:
        widths = [len(row) for row in csv.reader(lines, delimiter=delimiter)]
        common = max(set(widths), key=widths.count)
        return (widths.count(common) if common > 1 else 0), common

    return max(DELIMITERS, key=quality)


def _looks_like_header(rows: Sequence[Row]) -> bool:
    """Whether the first row's cells are words above columns of numbers.

    A table without any number has a header if its first row's cells are all
    different and never come again in their columns.
    """
    first, rest = rows[0], [row for row in rows[1:] if len(row) == len(rows[0])]
    if any(_is_number(cell) or not cell for cell in first):
        return False
    if not rest:
        return False
    numeric = [all(_is_number(row[at]) for row in rest) for at in range(len(first))]
    if any(numeric):
        return True
    return len(set(first)) == len(first) and all(
        cell not in {row[at] for row in rest} for at, cell in enumerate(first)
    )


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _open(path: Path, encoding: str) -> TextIO:
    return path.open(encoding=encoding, newline="")


def _records(file: TextIO, delimiter: str, path: Path) -> Iterator[Row]:
    """The records of a CSV; blank lines are none."""
    csv.field_size_limit(MOST_CELL_CHARACTERS)
    reader = csv.reader(file, delimiter=delimiter, strict=True)
    number = 0
    try:
        for row in reader:
            if row:
                number += 1
                yield row
    except csv.Error as error:
        raise DataError(
            f"{path.name}, line {reader.line_num}, after {number:,} rows: {error}.",
            hint="Is a quotation mark missing?",
        ) from error
    except UnicodeDecodeError as error:
        raise _not_encoded(path, error, number) from error


def _not_encoded(path: Path, error: UnicodeDecodeError, rows: int) -> DataError:
    return DataError(
        f"{path.name} is not {error.encoding}: {error.reason}, after {rows:,} rows.",
        hint="Name its encoding with --encoding.",
    )


def _shown(row: Row) -> str:
    return ", ".join(repr(cell[:20]) for cell in row[:3])


def _parquet_columns(path: Path) -> tuple[str, ...]:
    import polars as pl

    try:
        schema = pl.read_parquet_schema(path)
    except pl.exceptions.PolarsError as error:
        raise DataError(
            f"{path.name} is not a Parquet file that can be read."
        ) from error
    for name, kind in schema.items():
        if kind.is_nested() or kind == pl.Binary:
            raise DataError(
                f"{path.name}: column {name!r} holds {kind}, not single values.",
                hint="Write such a column as several columns.",
            )
    return tuple(schema)


def _parquet_rows(path: Path) -> Iterator[Row]:
    import polars as pl

    text = pl.scan_parquet(path).select(pl.all().cast(pl.String).fill_null(""))
    for batch in text.collect_batches(
        chunk_size=PARQUET_BATCH_ROWS, maintain_order=True
    ):
        yield from map(list, batch.iter_rows())
