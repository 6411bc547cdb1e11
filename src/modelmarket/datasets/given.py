# SPDX-License-Identifier: Apache-2.0
"""Tables as people have them at hand: a file, or a data frame."""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from modelmarket.datasets.attached import attached_files
from modelmarket.datasets.sources import Source
from modelmarket.datasets.tables import Table, open_table
from modelmarket.errors import InputError
from modelmarket.system.text import an

LABELS = "labels.csv"
TABLE = "table.csv"


@contextmanager
def opened(
    data: Any,
    scratch: Path,
    *,
    label: str | None = None,
    labels: Any = None,
    files: str | None = None,
    files_in: Path | str | None = None,
) -> Iterator[Source]:
    """A labelled table, whatever it is given as, for as long as it is read.

    A data frame is written as CSV, cell by cell as it stands; an index of pandas' is no
    column, and left out.

    Args:
        data: A `Source`, the path of a file, or a data frame of polars or pandas.
        scratch: Where a frame is written, and taken away again.
        label: The column with the labels.
        labels: In place of it, the labels row by row: the path of a file, a column of
            polars or pandas, an array or a list.
        files: The column that names files; None for none.
        files_in: The folder that they are in; None for the table's own, or the current
            one if it is a data frame.

    Raises:
        InputError: It is none of these, or something is said twice.
        DataError: The file is no table; says where.
    """
    if isinstance(data, Source):
        if label is not None or labels is not None:
            raise InputError("This table knows its labels already.")
        if files is not None or files_in is not None:
            raise InputError("This table knows its files already.")
        yield data
        return
    beside = Path(data).parent if isinstance(data, str | Path) else Path()
    attached = attached_files(files, files_in, beside)
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        table = _table(data, Path(folder), label)
        column = None if labels is None else _labels(labels, Path(folder), data)
        yield Source(table, label=label, labels=column, files=attached)


@contextmanager
def opened_table(data: Any, scratch: Path) -> Iterator[Table]:
    """A table of features with a header, for as long as it is read; see `opened`."""
    if isinstance(data, str | Path):
        yield open_table(Path(data), header=True)
        return
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        yield _table(data, Path(folder), None)


def _table(data: Any, folder: Path, label: str | None) -> Table:
    if isinstance(data, str | Path):
        return open_table(Path(data), knows=label)
    path = folder / TABLE
    match library_of(data), type(data).__name__:
        case "polars", "DataFrame":
            data.write_csv(path)
        case "pandas", "DataFrame":
            data.to_csv(path, index=False)
        case _:
            raise InputError(
                f"{an(type(data).__name__, first=True)} is no table.",
                hint="Give the path of a CSV or Parquet file, or a data frame of "
                "polars or pandas.",
            )
    return _made(path)


def _made(path: Path) -> Table:
    """A table that was written here, of what is no file."""
    table = open_table(path, header=True, delimiter=",", encoding="utf-8")
    return replace(table, is_made=True)


def _labels(labels: Any, folder: Path, data: Any) -> Table:
    """The labels row by row.

    Raises:
        InputError: They are none, or belong to other rows than the frame's.
    """
    if isinstance(labels, str | Path):
        return open_table(Path(labels), delimiter=",")
    if not hasattr(labels, "__iter__") or getattr(labels, "ndim", 1) != 1:
        raise InputError(
            f"{an(type(labels).__name__, first=True)} is no column of labels.",
            hint="Give the path of a file, or one label for each row.",
        )
    if library_of(labels) == library_of(data) == "pandas" and not labels.index.equals(
        data.index
    ):
        raise InputError(
            "The labels have another index than the rows.",
            hint="Bring them into one order first, as `labels.loc[data.index]` does.",
        )
    path = folder / LABELS
    cells = labels.tolist() if hasattr(labels, "tolist") else list(labels)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["label"])
        writer.writerows([["" if one is None else one] for one in cells])
    return _made(path)


def library_of(data: Any) -> str:
    """What a value's type comes from."""
    return type(data).__module__.partition(".")[0]
