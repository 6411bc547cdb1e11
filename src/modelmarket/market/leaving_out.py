# SPDX-License-Identifier: Apache-2.0
"""A table without the rows that stand in requests of before."""

from __future__ import annotations

import os
from dataclasses import dataclass
from itertools import compress, islice
from pathlib import Path
from typing import TYPE_CHECKING

from modelmarket.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    import numpy.typing as npt

    from modelmarket.datasets.fingerprints import Fingerprints
    from modelmarket.datasets.sources import Source
    from modelmarket.datasets.tables import Row, Table
    from modelmarket.market.recognising import Before

BATCH_ROWS = 16_384
"""Rows that are looked at together."""


@dataclass(frozen=True)
class Rest:
    """What is left of a table.

    Attributes:
        files: It, and its labels where they are in a file of their own.
        left_out: Rows that stand in requests of before.
        rows: Rows that are left.
    """

    files: tuple[Path, ...]
    left_out: int
    rows: int


def leave_out(source: Source, before: Before, folder: Path) -> Rest:
    """Writes a table again, without the rows that stand in requests of before.

    Args:
        source: The labelled table.
        before: Those requests' tables.
        folder: An empty one, where what is left is written, by the names that the
            files have.

    Raises:
        DataError: No row stands there, or all of them do; or a file is damaged.
    """
    known = known_rows(source, before)
    left_out, every = int(known.sum()), known.size
    if left_out in (0, every):
        which = "Every" if left_out else "No"
        raise DataError(
            f"{which} row of {source.data.path.name} stands in an earlier request.",
            hint="Choose another table."
            if left_out
            else "There is nothing to leave out.",
        )
    tables = [source.data] if source.labels is None else [source.data, source.labels]
    files = [_write(one, ~known, folder / f"{at}") for at, one in enumerate(tables)]
    return Rest(tuple(files), left_out, every - left_out)


def known_rows(source: Source, before: Before) -> npt.NDArray[np.bool_]:
    """Which rows of a table stand in requests of before; shape (rows,).

    Args:
        source: The labelled table.
        before: Those requests' tables.

    Raises:
        DataError: A file is damaged, or has a row of another width.
    """
    import numpy as np

    from modelmarket.market.recognising import PARTS

    mine = _fingerprints(source, before.known_by)
    found = np.zeros(mine.rows("train"), dtype=np.bool_)
    for one in before.earlier:
        found |= mine.which("train", one.rows, *PARTS)
    return found


def _fingerprints(source: Source, known_by: list[tuple[str, ...]]) -> Fingerprints:
    """All rows of a table as they stand in it, as if none were tested."""
    import polars as pl

    from modelmarket.datasets.fingerprints import Watched, fingerprints
    from modelmarket.datasets.sources import LABEL

    label = source.label or ""
    every, none = (Watched(source.features, known_by, label=label) for _ in range(2))
    names = [LABEL if name == source.label else name for name in source.data.columns]
    schema = dict.fromkeys(names, pl.String)
    rows = source.data.rows()
    while some := list(islice(rows, BATCH_ROWS)):
        every.add(pl.DataFrame(some, schema=schema, orient="row"))
    return fingerprints(every, none, known_by, label=label)


def _write(table: Table, kept: npt.NDArray[np.bool_], folder: Path) -> Path:
    """Some rows of a table, in a file of the same name: Parquet, or CSV in UTF-8."""
    folder.mkdir()
    path = folder / table.path.name
    if not table.encoding:
        import polars as pl

        pl.read_parquet(table.path).filter(pl.Series(kept)).write_parquet(path)
        return path
    from modelmarket.datasets.records import encode_row

    with path.open("xb") as file:
        for row in _rows(table, kept):
            file.write(encode_row(row) + b"\n")
        file.flush()
        os.fsync(file.fileno())
    return path


def _rows(table: Table, kept: npt.NDArray[np.bool_]) -> Iterator[Row]:
    if table.has_header:
        yield list(table.columns)
    yield from compress(table.rows(), kept.tolist())
