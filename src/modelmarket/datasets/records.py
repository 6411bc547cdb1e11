# SPDX-License-Identifier: Apache-2.0
"""Rows as the bytes in which they are published, many at a time.

A published row is UTF-8 with commas between its cells. Plain lines are that
already, or nearly; the label is cut out of them by the places of the
delimiters, which numpy finds for a whole block at once.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np

from modelmarket.datasets.tables import (
    MOST_CELL_CHARACTERS,
    Plain,
    Row,
    Table,
    cells,
)

COMMA = b","
_LINE_END = "\r\n"
"""A line end that makes the csv module quote both of its characters."""


@dataclass(frozen=True)
class Records:
    """Consecutive rows.

    Attributes:
        rest: Each row's cells but one, as they are published.
        cut: The one cell of each row, as bare text in UTF-8; empty if none
            was to be cut.
    """

    rest: list[bytes]
    cut: list[bytes]


def read_records(table: Table, column: int | None = None) -> Iterator[Records]:
    """The rows of a table in order.

    Args:
        table: Where they are.
        column: The place of the cell to be cut out; None for none.

    Raises:
        DataError: The file is damaged, or a row has more or fewer cells.
    """
    number = 0
    for piece in table.pieces():
        records = None
        if isinstance(piece, Plain):
            records = _cut_lines(piece, len(table.columns), column)
        if records is None:
            records = _cut_rows(table, cells(piece), number, column)
        number += len(records.rest)
        yield records


def encode_row(row: Row) -> bytes:
    """Cells as they are published, quoted where they must be."""
    # The cell in front keeps csv from quoting a lone empty one.
    lines: list[str] = []
    writer = csv.writer(SimpleNamespace(write=lines.append), lineterminator=_LINE_END)
    writer.writerow(["x", *row])
    return lines[0].removesuffix(_LINE_END)[2:].encode()


def _cut_rows(
    table: Table, rows: Iterator[Row], number: int, column: int | None
) -> Records:
    rest, cut = list[bytes](), list[bytes]()
    for row in rows:
        number += 1
        table.check_width(row, number)
        if column is not None:
            cut.append(row.pop(column).encode())
        rest.append(encode_row(row))
    return Records(rest, cut)


def _cut_lines(piece: Plain, width: int, column: int | None) -> Records | None:
    """The rows of plain lines; None if they must be looked at cell by cell."""
    text = piece.text
    if piece.delimiter != COMMA:
        if COMMA in text:
            return None
        text = text.replace(piece.delimiter, COMMA)
    characters = np.frombuffer(text, np.uint8)
    ends = np.flatnonzero(characters == ord("\n"))
    commas = np.flatnonzero(characters == ord(COMMA))
    if commas.size != ends.size * (width - 1):
        return None
    inner = commas.reshape(ends.size, width - 1)
    starts = np.concatenate(([0], ends[:-1] + 1))
    if np.max(ends - starts) > MOST_CELL_CHARACTERS:
        return None
    if width > 1 and not (
        (inner[:, 0] >= starts).all() and (inner[:, -1] < ends).all()
    ):
        return None
    if column is None or width == 1:
        lines = text.removesuffix(b"\n").split(b"\n")
        return (
            Records(lines, []) if column is None else Records([b""] * ends.size, lines)
        )
    first, last = column == 0, column == width - 1
    begins = starts if first else inner[:, column - 1] + 1
    stops = ends if last else inner[:, column]
    cuts = list(zip(begins.tolist(), stops.tolist(), strict=True))
    cut = [text[begin:stop] for begin, stop in cuts]
    lines_at = zip(starts.tolist(), cuts, ends.tolist(), strict=True)
    if first:
        rest = [text[stop + 1 : end] for _, (_, stop), end in lines_at]
    elif last:
        rest = [text[start : begin - 1] for start, (begin, _), _ in lines_at]
    else:
        rest = [
            text[start : begin - 1] + text[stop:end]
            for start, (begin, stop), end in lines_at
        ]
    return Records(rest, cut)
