# SPDX-License-Identifier: Apache-2.0
"""A text file as blocks of whole lines, and the lines that rows begin in."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet
from pathlib import Path

import numpy as np

from modelmarket.errors import DataError

BLOCK_BYTES = 2**18
"""Read at once: what is made of it stays in the processor's cache."""
MOST_LINE_BYTES = 2**26
_LINE_FEED = ord("\n")
_ASCII_ALIKE = ("utf-8", "ascii", "iso8859", "cp125")
"""Encodings in which the bytes of ASCII mean ASCII, wherever they stand."""


def is_ascii_alike(encoding: str) -> bool:
    """Whether the bytes of ASCII mean ASCII, so that lines are cut undecoded."""
    return encoding.startswith(_ASCII_ALIKE)


def blocks_of(path: Path, encoding: str) -> Iterator[bytes]:
    """A text file in UTF-8, in blocks that end with a line."""
    bom = codecs.BOM_UTF8 if encoding == "utf-8-sig" else b""
    if not is_ascii_alike(encoding):
        with path.open(encoding=encoding, newline="") as text:
            while characters := text.read(BLOCK_BYTES):
                yield (characters + text.readline(MOST_LINE_BYTES)).encode()
        return
    with path.open("rb") as file:
        while block := file.read(BLOCK_BYTES):
            block += file.readline(MOST_LINE_BYTES)
            if len(block) > MOST_LINE_BYTES:
                raise DataError(
                    f"{path.name} has a line of more than {MOST_LINE_BYTES:,} bytes.",
                    hint="Is it a table?",
                )
            block, bom = block.removeprefix(bom), b""
            if encoding.startswith("utf-8"):
                if not block.isascii():
                    block.decode()
            else:
                block = block.decode(encoding).encode()
            yield block


class Lines:
    """The lines for a csv reader: those of one block, and of further blocks
    only where a quoted cell goes on into them.
    """

    def __init__(self, blocks: Iterator[bytes]) -> None:
        self.number = 0
        self.record: list[str] = []
        """The lines of the row that is being read."""
        self._blocks = blocks
        self._lines = io.StringIO()
        self._length = 0

    def feed(self, block: bytes) -> None:
        """Goes on with a block."""
        text = block.decode()
        self._lines = io.StringIO(text, newline="")
        self._length = len(text)

    @property
    def at_end(self) -> bool:
        """Whether the block is used up."""
        return self._lines.tell() == self._length

    def __iter__(self) -> Lines:
        return self

    def __next__(self) -> str:
        if self.at_end:
            self.feed(next(self._blocks))
        self.number += 1
        line = self._lines.readline()
        self.record.append(line)
        return line


def plain_of(block: bytes) -> bytes | None:
    """A block's lines without the blank ones, if no cell of them is quoted."""
    if b'"' in block:
        return None
    if b"\r" in block:
        block = block.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    if not block.endswith(b"\n"):
        block += b"\n"
    ends = np.frombuffer(block, np.uint8) == _LINE_FEED
    if ends[0] or (ends[1:] & ends[:-1]).any():
        block = b"".join(
            line for line in block.splitlines(keepends=True) if line != b"\n"
        )
    return block


def rows_in(plain: bytes) -> int:
    """How many rows plain lines are."""
    return int(np.count_nonzero(np.frombuffer(plain, np.uint8) == _LINE_FEED))


def lines_in(block: bytes) -> int:
    """How many lines end in a block, as editors count them."""
    return block.count(b"\n") + block.count(b"\r") - block.count(b"\r\n")


def lines_of(
    path: Path, encoding: str, delimiter: str, rows: Iterable[int]
) -> dict[int, int]:
    """The lines that rows of a CSV begin in: a quoted cell may go over several lines,
    and blank ones are no rows.

    The file is read again, as far as the last of the rows.

    Args:
        path: The file.
        encoding: Of it.
        delimiter: Between the cells.
        rows: Of the file, from 1; its header is the first.

    Returns:
        From 1, by row; what cannot be found, since the file is damaged, is left out.
    """
    wanted = set(rows)
    last, found = max(wanted, default=0), dict[int, int]()
    try:
        for row, line in _begins(path, encoding, delimiter, wanted):
            if row in wanted:
                found[row] = line
            if row >= last:
                break
    except (DataError, OSError, UnicodeError):
        # Whoever asks is about to say what is wrong with the file.
        return found
    return found


def _begins(
    path: Path, encoding: str, delimiter: str, wanted: AbstractSet[int]
) -> Iterator[tuple[int, int]]:
    """Rows, with the lines that they begin in; of plain ones those that are wanted."""
    blocks = blocks_of(path, encoding)
    lines = Lines(blocks)
    records = csv.reader(lines, delimiter=delimiter, strict=True)
    row = 0
    for block in blocks:
        plain = plain_of(block)
        if plain is not None:
            count = rows_in(plain)
            # perf: most blocks have none of the rows, and need not be taken apart.
            if any(row < one <= row + count for one in wanted):
                for at, line in enumerate(block.splitlines(), lines.number + 1):
                    if line:
                        row += 1
                        yield row, at
            else:
                row += count
            lines.number += lines_in(block)
            continue
        lines.feed(block)
        begin = lines.number + 1
        try:
            for record in records:
                if record:
                    row += 1
                    yield row, begin
                begin = lines.number + 1
                if lines.at_end:
                    break
        except csv.Error:
            # What is damaged begins somewhere, too.
            yield row + 1, begin
            return
