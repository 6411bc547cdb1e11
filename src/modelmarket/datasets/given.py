# SPDX-License-Identifier: Apache-2.0
"""Tables as people have them at hand: a file, or a data frame."""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from modelmarket.datasets.attached import attached_files
from modelmarket.datasets.sources import Source
from modelmarket.datasets.tables import Table, open_table
from modelmarket.errors import DataError, InputError
from modelmarket.system.text import an

LABELS, FRAME = "labels=", "DataFrame"
"""What errors call labels and a table that are in no file of their own."""


@contextmanager
def opened(
    data: Any,
    scratch: Path,
    *,
    label: str | None = None,
    labels: Any = None,
    files: str | None = None,
    files_in: Path | str | None = None,
    header: bool | None = None,
    delimiter: str | None = None,
    encoding: str | None = None,
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
        header: Of files: whether their first row names the columns; None to find out.
        delimiter: Of the table's file; None to find out.
        encoding: Of files; None to find out.

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
        written = Written(header, delimiter, encoding)
        table = _table(data, Path(folder), label, written)
        column = None
        if labels is not None:
            column = _labels(labels, Path(folder), data, written)
        yield Source(table, label=label, labels=column, files=attached)


@contextmanager
def opened_table(data: Any, scratch: Path) -> Iterator[Table]:
    """A table of features with a header, for as long as it is read; see `opened`."""
    with (
        found_out("It must have the columns of the training part, and a header."),
        tempfile.TemporaryDirectory(dir=scratch) as folder,
    ):
        if isinstance(data, str | Path):
            yield open_table(Path(data), header=True)
        else:
            yield _table(data, Path(folder), None, Written())


@contextmanager
def found_out(hint: str) -> Iterator[None]:
    """Where nobody can say how a file is written, no advice says that somebody should.

    Args:
        hint: What is advised in its place.
    """
    try:
        yield
    except DataError as error:
        if "--" not in error.hint:
            raise
        if "--encoding" in error.hint:
            hint = "Save it as UTF-8."
        raise DataError(error.message, hint=hint) from error


@dataclass(frozen=True)
class Written:
    """How files are written, where somebody knows; see `opened`."""

    header: bool | None = None
    delimiter: str | None = None
    encoding: str | None = None

    def refuse_for(self, what: str) -> None:
        """Makes sure that it is said of a file.

        Raises:
            InputError: It is said of something else.
        """
        for name in ("header", "delimiter", "encoding"):
            if getattr(self, name) is not None:
                raise InputError(
                    f"Only a file has a way in which it is written: {what} has none.",
                    hint=f"Leave out {name}=.",
                )


def _table(data: Any, folder: Path, label: str | None, written: Written) -> Table:
    if isinstance(data, str | Path):
        return open_table(
            Path(data),
            header=written.header,
            delimiter=written.delimiter,
            encoding=written.encoding,
            knows=label,
        )
    path = folder / FRAME
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
    written.refuse_for("a data frame")
    return _made(path)


def _made(path: Path) -> Table:
    """A table that was written here, of what is no file."""
    table = open_table(path, header=True, delimiter=",", encoding="utf-8")
    return replace(table, is_made=True)


def _labels(labels: Any, folder: Path, data: Any, written: Written) -> Table:
    """The labels row by row.

    Raises:
        InputError: They are none, or belong to other rows than the frame's.
    """
    if isinstance(labels, str | Path):
        return open_table(
            Path(labels),
            header=written.header,
            delimiter=",",
            encoding=written.encoding,
        )
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
