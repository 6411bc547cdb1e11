# SPDX-License-Identifier: Apache-2.0
"""The files that a dataset's rows name, as a stranger published them."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from modelmarket.datasets.attached import (
    FILES,
    MOST_FILE_BYTES,
    MOST_TEXT_BYTES,
    FileColumn,
    is_published,
)
from modelmarket.datasets.filetypes import FileKind
from modelmarket.errors import DataError, NotFoundError, StorageError

if TYPE_CHECKING:
    import polars as pl

    from modelmarket.storage.cid import Cid
    from modelmarket.storage.store import Store


def named(store: Store, dataset: Cid, table: str, cells: pl.Series) -> dict[str, Cid]:
    """The different files that a column names.

    Args:
        store: Has the dataset.
        dataset: Its folder.
        table: What the table's file is called.
        cells: Of the column, as text; shape (rows,).

    Returns:
        By the cells that name them; an empty cell names none.

    Raises:
        DataError: A cell names no file of the dataset; says which.
    """
    found: dict[str, Cid] = {}
    folders: dict[str, dict[str, Cid]] = {}
    above: dict[str, Cid] | None = None
    for said in cells.drop_nulls().unique(maintain_order=True).to_list():
        if not said:
            continue
        if not is_published(said):
            raise _problem(table, cells, said, "is no name of a file of this dataset")
        _, folder, name = said.split("/")
        try:
            if above is None:
                above = store.links(store.resolve(dataset, FILES))
            if folder not in folders:
                folders[folder] = store.links(above[folder])
            found[said] = folders[folder][name]
        except (KeyError, NotFoundError, StorageError) as error:
            what = "is not among the files of the dataset"
            raise _problem(table, cells, said, what) from error
    return found


def read_in(
    store: Store, dataset: Cid, table: str, cells: pl.Series, files: FileColumn
) -> pl.Series:
    """What a column's files hold, if they are texts; else where they lie.

    Args:
        store: Has the dataset.
        dataset: Its folder.
        table: What the table's file is called.
        cells: Of the column, as text; shape (rows,).
        files: What the manifest says of it.

    Returns:
        Shape (rows,). An empty cell is an empty text, which no file is; else null.

    Raises:
        DataError: A cell names no file, or one that is not what the manifest says.
    """
    import polars as pl

    found, size = dict[str, str](), 0
    # A stranger may name one text in each of very many rows.
    rows = dict(cells.value_counts().iter_rows())
    for said, cid in named(store, dataset, table, cells).items():
        try:
            if files.kind is not FileKind.TEXT:
                found[said] = str(store.path(cid))
                continue
            data = store.read_bytes(cid, most=MOST_FILE_BYTES)
            found[said] = data.decode()
        except (NotFoundError, StorageError, UnicodeDecodeError) as error:
            raise _problem(table, cells, said, "cannot be read") from error
        size += len(data) * rows[said]
        if size > MOST_TEXT_BYTES:
            raise DataError(
                f"The texts that the rows of {table} name take more than "
                f"{MOST_TEXT_BYTES:,} bytes, row by row.",
                hint="Read them one by one: `modelmarket dataset fetch` fetches all.",
            )
    # What learns from texts takes no gaps, and an exported file reads them so.
    gap = "" if files.kind is FileKind.TEXT else None
    return pl.Series(
        cells.name,
        [found.get(one) if one else gap for one in cells.to_list()],
        dtype=pl.String,
    )


def is_as_named(store: Store, said: str, cid: Cid) -> bool:
    """Whether a file is the one whose SHA-256 its name is."""
    digest = hashlib.sha256()
    for piece in store.read(cid):
        digest.update(piece)
    return said.rpartition("/")[2].partition(".")[0] == digest.hexdigest()


def _problem(table: str, cells: pl.Series, said: str, what: str) -> DataError:
    row = cells.to_list().index(said) + 1
    return DataError(
        f"{table}, row {row}, column {cells.name!r}: {said[:100]!r} {what}.",
        hint="Do not submit to it: its requester has published it so.",
    )
