# SPDX-License-Identifier: Apache-2.0
"""Reading tables piece by piece, whatever their size.

CSV in any usual delimiter and encoding, with a header or without, and Parquet.
Cells are text and stay as they are written.

Most of most tables are plain: lines without a quotation mark, which can be cut
out of the file's bytes many rows at a time. Only the others go through the csv
module, cell by cell.
"""

from __future__ import annotations

import codecs
import csv
import re
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from modelmarket.datasets.lines import (
    BLOCK_BYTES,
    Lines,
    blocks_of,
    is_ascii_alike,
    lines_in,
    lines_of,
    plain_of,
    rows_in,
)
from modelmarket.errors import DataError
from modelmarket.system.files import existing_file
from modelmarket.system.text import counted

DELIMITERS = ",;\t|"
SAMPLE_BYTES = 2**18
SAMPLE_ROWS = 50
MOST_CELL_CHARACTERS = 2**24
"""Of one cell, sixteen million: books are shorter, forgotten quotation marks longer."""
MISSING = ("", "#n/a", "#na", "<na>", "?", "n/a", "na", "nan", "nat", "none", "null")
"""What a cell says that has no value, in small letters."""
PARQUET_MAGIC = b"PAR1"
PARQUET_BATCH_ROWS = 8_192
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_LAST_RESORT = "cp1252"
_CLEAN = (b"", 0)
_ZIP = b"PK\x03\x04"
_FOREIGN = (
    (b"\x1f\x8b", "compressed with gzip", "Unpack it first: `gunzip {name}`."),
    (b"BZh", "compressed with bzip2", "Unpack it first: `bunzip2 {name}`."),
    (b"\xfd7zXZ\x00", "compressed with xz", "Unpack it first: `unxz {name}`."),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd", "Unpack it first: `unzstd {name}`."),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", "Unpack it, and take the table in it."),
    (b"\x93NUMPY", "an array of numpy's", "Write it with `numpy.savetxt`, as text."),
    (b"\x89HDF", "an HDF5 file", "Write the table as CSV or Parquet."),
    (b"SQLite format 3\x00", "an SQLite database", "Write the table as CSV."),
    (b"\xd0\xcf\x11\xe0", "a spreadsheet", "Save the sheet as CSV."),
    (b"%PDF", "a PDF", "Write the table as CSV or Parquet."),
)
"""How other files begin, what they are, and what to do with them."""

# The library's own bound is 131,072 characters, for the whole process. Ours is
# told of with its row and column, so it is ours that must strike first.
csv.field_size_limit(2 * MOST_CELL_CHARACTERS)

Row = list[str]


@dataclass(frozen=True)
class Plain:
    """Lines without quotation marks.

    Attributes:
        text: In UTF-8; no line is empty, and each ends with a line feed.
        delimiter: Between the cells, wherever it stands.
    """

    text: bytes
    delimiter: bytes


Piece = Plain | list[Row]
"""Consecutive rows of a table."""


@dataclass(frozen=True)
class Table:
    """A table that can be read as often as one likes.

    Attributes:
        path: The file.
        columns: Their names; `column_1` … where the file has no header.
        has_header: Whether the first row of the file names the columns.
        encoding: Of a CSV; empty for Parquet.
        delimiter: Of a CSV; empty for Parquet.
        is_made: Whether this program wrote the file, of a data frame: nobody else
            knows its lines.
    """

    path: Path
    columns: tuple[str, ...]
    has_header: bool
    encoding: str = ""
    delimiter: str = ""
    is_made: bool = False

    def pieces(self) -> Iterator[Piece]:
        """The rows in order, as they come out of the file; none is empty.

        Raises:
            DataError: The file is damaged.
        """
        if not self.encoding:
            yield from _parquet_pieces(self.path)
            return
        pieces = _csv_pieces(self.path, self.encoding, self.delimiter, self)
        if self.has_header:
            first = next(pieces, [])
            if isinstance(first, list):
                first = first[1:]
            else:
                text = first.text.partition(b"\n")[2]
                first = Plain(text, first.delimiter) if text else []
            if first:
                yield first
        yield from pieces

    def rows(self) -> Iterator[Row]:
        """The rows in order, each with as many cells as there are columns.

        Raises:
            DataError: A row has more or fewer cells; names the row.
        """
        number = 0
        for piece in self.pieces():
            for row in cells(piece):
                number += 1
                self.check_width(row, number)
                yield row

    def lines(self, rows: Iterable[int]) -> dict[int, int]:
        """The lines of the file that rows begin in, both from 1; the header's come
        first, and are no row.

        Quoted cells go over several lines, and blank ones are no rows: so the file is
        read again, which whoever has an error to tell can afford. Parquet has no lines.

        Returns:
            By row; what cannot be found is left out.
        """
        if not self.encoding or self.is_made:
            return {}
        ahead = int(self.has_header)
        wanted = [row + ahead for row in rows]
        found = lines_of(self.path, self.encoding, self.delimiter, wanted)
        return {row - ahead: line for row, line in found.items()}

    def row(self, number: int) -> str:
        """What a row is called in an error: `row 3 (line 6)`, from 1 both."""
        line = self.lines([number]).get(number)
        return f"row {number}" if line is None else f"row {number} (line {line})"

    def told(self, number: int) -> str:
        """The same with the name of the file: `table.csv, row 3 (line 6)`."""
        return f"{self.path.name}, {self.row(number)}"

    def check_width(self, row: Row, number: int) -> None:
        """Raises a `DataError` unless a row has a cell for each column, and none
        of them is longer than a cell may be.
        """
        width = len(self.columns)
        if len(row) != width:
            raise DataError(
                f"{self.told(number)}: {counted(len(row), 'cell')} where "
                f"{counted(width, 'column')} are expected; it begins with "
                f"{_shown(row)}.",
                hint="A cell with a delimiter in it must be quoted.",
            )
        longest = max(map(len, row), default=0)
        if longest > MOST_CELL_CHARACTERS:
            raise self.too_long(number, list(map(len, row)).index(longest))

    def too_long(self, number: int, at: int) -> DataError:
        """What is wrong with a row whose cell at a place is too long."""
        name = self.columns[at] if at < len(self.columns) else f"column_{at + 1}"
        return DataError(
            f"{self.told(number)}, column {name!r}: the cell is longer than "
            f"{MOST_CELL_CHARACTERS:,} characters.",
            hint="Is a quotation mark missing?",
        )

    def column(self, name: str, option: str = "--label") -> int:
        """The place of a column.

        Args:
            name: Of the column.
            option: That it was named with.

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
            hint=f"Name a column with {option}.",
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
        InputError: It is a folder, a pipe or a device.
        DataError: It is empty, or not a table.
    """
    with existing_file(path).open("rb") as file:
        sample = file.read(SAMPLE_BYTES)
    if not sample.strip():
        raise DataError(f"{path.name} is empty.", hint="It must have a row at least.")
    if sample.startswith(PARQUET_MAGIC):
        return Table(path, _parquet_columns(path), has_header=True)
    if foreign := _foreign(path, sample, is_text=encoding is not None):
        raise foreign
    try:
        encoding = codecs.lookup(encoding or _find_encoding(path, sample)).name
        text = sample.decode(encoding, errors="replace")
    except (LookupError, UnicodeError) as error:
        raise DataError(
            f"There is no encoding {encoding!r} of tables.",
            hint="Such as utf-8, utf-16 or latin-1.",
        ) from error
    delimiter = _find_delimiter(text) if delimiter is None else _named(delimiter)
    first = _first_rows(_csv_pieces(path, encoding, delimiter))
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


def _first_rows(pieces: Iterator[Piece]) -> list[Row]:
    """The rows that a table is known by.

    What is wrong with a later one is said when it is read, with its column.
    """
    first: list[Row] = []
    try:
        for row in islice((row for one in pieces for row in cells(one)), SAMPLE_ROWS):
            first.append(row)  # noqa: PERF402  # those before an error are kept
    except DataError:
        if not first:
            raise
    return first


def _foreign(path: Path, sample: bytes, *, is_text: bool) -> DataError | None:
    """Why a file is no table at all, by how it begins; None if it may be one.

    Args:
        path: The file.
        sample: Its first bytes.
        is_text: Whether somebody knows in what encoding.
    """
    if sample.startswith(_ZIP):
        try:
            with zipfile.ZipFile(path) as archive:
                is_sheet = "xl/workbook.xml" in archive.namelist()
        except (zipfile.BadZipFile, OSError):
            is_sheet = False
        if is_sheet:
            return DataError(
                f"{path.name} is an Excel workbook.", hint="Save the sheet as CSV."
            )
        return DataError(
            f"{path.name} is a zip archive.",
            hint="Unpack it, and take the table in it.",
        )
    for magic, what, hint in _FOREIGN:
        if sample.startswith(magic):
            return DataError(
                f"{path.name} is {what}.", hint=hint.format(name=path.name)
            )
    is_wide = sample.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    if b"\0" in sample and not (is_wide or is_text):
        return DataError(
            f"{path.name} is not a text file: byte {sample.index(0):,} is 0.",
            hint="Write the table as CSV or Parquet.",
        )
    return None


def _find_encoding(path: Path, sample: bytes) -> str:
    for bom, encoding in _BOMS:
        if sample.startswith(bom):
            return encoding
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        with path.open("rb") as file:
            while piece := file.read(BLOCK_BYTES):
                if not (piece.isascii() and decoder.getstate() == _CLEAN):
                    decoder.decode(piece)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return _LAST_RESORT
    return "utf-8"


def _named(delimiter: str) -> str:
    r"""A delimiter as somebody named it; a tab may be written `\t`.

    Raises:
        DataError: It cannot stand between cells.
    """
    named = {"\\t": "\t", "tab": "\t"}.get(delimiter, delimiter)
    if len(named) != 1 or named in '"\r\n\0':
        raise DataError(
            f"{delimiter!r} cannot stand between cells.",
            hint="A delimiter is one character, such as ; or \\t.",
        )
    return named


def _find_delimiter(text: str) -> str:
    """The delimiter that splits the first lines most evenly, and most.

    The first line counts more than all others: in a file with semicolons numbers may
    have decimal commas, but a header has none.
    """
    lines = [line for line in text.splitlines()[:SAMPLE_ROWS] if line]

    def quality(delimiter: str) -> tuple[bool, int, int]:
        widths = [len(row) for row in csv.reader(lines, delimiter=delimiter)]
        common = max(set(widths), key=widths.count)
        if common == 1:
            return False, 0, 1
        return widths[0] == common, widths.count(common), common

    return max(DELIMITERS, key=quality)


def _looks_like_header(rows: Sequence[Row]) -> bool:
    """Whether the first row's cells are words above columns of numbers.

    A table without any number has a header if its first row's cells are all
    different and never come again in their columns. So a line of several words by
    itself is one: no table has a single row, and there is nothing to be learned of it.
    """
    first, rest = rows[0], [row for row in rows[1:] if len(row) == len(rows[0])]
    # Data frames are written with a column that numbers the rows, and has no name.
    numbers_rows = (
        not first[0] and bool(rest) and all(_is_number(row[0]) for row in rest)
    )
    if any(_is_number(cell) or not cell for cell in first[numbers_rows:]):
        return False
    if not rest:
        return len(rows) == 1 < len(first) == len(set(first))
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


def cells(piece: Piece) -> Iterator[Row]:
    """The rows of a piece, cell by cell; nobody has counted the cells."""
    if isinstance(piece, list):
        yield from piece
        return
    delimiter = piece.delimiter.decode()
    for line in piece.text.decode().removesuffix("\n").split("\n"):
        yield line.split(delimiter)


def _csv_pieces(
    path: Path, encoding: str, delimiter: str, table: Table | None = None
) -> Iterator[Piece]:
    """The records of a CSV; blank lines are none.

    Args:
        path: The file.
        encoding: Of it.
        delimiter: Between the cells.
        table: Names columns in errors; None while they are looked for.
    """
    blocks = blocks_of(path, encoding)
    lines = Lines(blocks)
    records = csv.reader(lines, delimiter=delimiter, strict=True)
    rows = 0
    piece: list[Row] = []
    try:
        for block in blocks:
            plain = plain_of(block)
            if plain is not None:
                lines.number += lines_in(block)
                rows += rows_in(plain)
                if plain:
                    yield Plain(plain, delimiter.encode())
                continue
            lines.feed(block)
            piece = []
            for row in records:
                lines.record = []
                if row:
                    piece.append(row)
                    rows += 1
                if lines.at_end:
                    break
            if piece:
                yield piece
    except csv.Error as error:
        if piece:
            yield piece
        where = table or Table(path, (), False, encoding, delimiter)
        number = rows + (not where.has_header)
        at = _too_long("".join(lines.record), delimiter)
        if at is not None:
            raise where.too_long(number, at) from error
        raise DataError(
            f"{where.told(number)}: {error}.",
            hint="Is a quotation mark missing?",
        ) from error
    except UnicodeDecodeError as error:
        raise _not_encoded(path, encoding, error, lines.number) from error


def _too_long(record: str, delimiter: str) -> int | None:
    """The place of the cell that is too long, in a row that was not read to its
    end; None if all are short enough.
    """
    at, is_quoted, length = 0, False, 0
    for piece in re.split(f'(["{re.escape(delimiter)}])', record):
        if piece == '"':
            is_quoted = not is_quoted
        elif piece == delimiter and not is_quoted:
            at, length = at + 1, 0
        else:
            length += len(piece)
            if length > MOST_CELL_CHARACTERS:
                return at
    return None


def _not_encoded(
    path: Path, encoding: str, error: UnicodeDecodeError, lines: int
) -> DataError:
    """What is wrong with a file after so many lines, which are whole blocks."""
    byte = error.object[error.start]
    line = lines + lines_in(error.object[: error.start]) + 1
    # Of other encodings what is decoded at once is no block.
    where = f"in line {line}" if is_ascii_alike(encoding) else f"after line {lines}"
    return DataError(
        f"{path.name} is not text in {encoding}: {where} there is the byte "
        f"0x{byte:02x}.",
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


def _parquet_pieces(path: Path) -> Iterator[list[Row]]:
    import polars as pl

    text = pl.scan_parquet(path).select(pl.all().cast(pl.String).fill_null(""))
    for batch in text.collect_batches(
        chunk_size=PARQUET_BATCH_ROWS, maintain_order=True
    ):
        yield list(map(list, batch.iter_rows()))
