# SPDX-License-Identifier: Apache-2.0
"""Which column of a table names the files of a folder, if nobody has said."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from posixpath import join, normpath

from modelmarket.datasets.attached import ELSEWHERE, Attached
from modelmarket.datasets.tables import Table

FIRST_ROWS = 100
"""Rows that are asked for the column."""
LIKELY_FILES = ("file", "path", "filename", "file_name", "image", "photo", "picture")


@dataclass(frozen=True)
class Named:
    """The files of a folder, as rows name them.

    Attributes:
        attached: The column that names them, and where they are.
        files: Different names in it of files that are there.
        bytes: Of those.
    """

    attached: Attached
    files: int
    bytes: int


def unpacked_files(folder: Path) -> dict[str, int]:
    """Sizes of the files that were unpacked into a folder, by their names there."""
    found: dict[str, int] = {}
    for above, _, names in os.walk(folder):
        where = Path(above).relative_to(folder).as_posix()
        for name in names:
            path = Path(above, name)
            found[normpath(join(where, name))] = path.stat().st_size
    return found


def look_for_files(
    table: Table,
    folder: Path,
    *,
    label: str | None = None,
    column: str = "",
    hint: str = ELSEWHERE,
) -> Named:
    """Which column names the files of a folder, and what its names are relative to.

    They may be without the folder that all files lie in: people make an archive of a
    folder, and name what is in it.

    Args:
        table: Whose rows name files.
        folder: That the files were unpacked into; called as the archive was.
        label: The column that cannot be it, since it has the labels; None for none.
        column: That is said to be it; any that it cannot be for whichever fits best.
        hint: What to do if a file is not there.

    Raises:
        DataError: The table is damaged; names row, column and value.
    """
    sizes = unpacked_files(folder)
    features = [one for one in table.columns if one != label]
    asked = [column] if column in features else features
    rows = list(islice(table.rows(), FIRST_ROWS))
    best, chosen, base = 0, _likely(asked or list(table.columns)), ""
    for name in asked:
        at = table.columns.index(name)
        for under in _bases(sizes):
            fit = sum(_in(under, row[at]) in sizes for row in rows)
            if fit > best:
                best, chosen, base = fit, name, under
    at = table.columns.index(chosen)
    named = {_in(base, row[at]) for row in table.rows()} & sizes.keys()
    attached = Attached(
        chosen, folder / base, called=join(folder.name, base).rstrip("/"), hint=hint
    )
    return Named(attached, len(named), sum(sizes[one] for one in named))


def _in(base: str, said: str) -> str:
    """The name that a cell stands for, in the folder."""
    return normpath(join(base, said))


def _bases(names: dict[str, int]) -> Iterator[str]:
    """The folder itself, and each in it that all files lie in, from the top."""
    base, inner = "", set(names)
    while inner:
        yield base
        tops = {one.partition("/")[0] for one in inner}
        if len(tops) > 1 or not all("/" in one for one in inner):
            return
        base = join(base, tops.pop())
        inner = {one.partition("/")[2] for one in inner}


def _likely(columns: list[str]) -> str:
    """The column that is called as such columns are; else the first."""
    known = {name.lower(): name for name in columns}
    return next((known[one] for one in LIKELY_FILES if one in known), columns[0])
