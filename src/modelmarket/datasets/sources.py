# SPDX-License-Identifier: Apache-2.0
"""Labelled tables: one file with a label column, or data and labels in two."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path

from modelmarket.datasets.attached import Attached, Attaching
from modelmarket.datasets.records import Records, read_records
from modelmarket.datasets.tables import Table
from modelmarket.errors import DataError
from modelmarket.system.text import counted

ROW_ID = "row_id"
LABEL = "label"


@dataclass(frozen=True)
class Source:
    """A labelled table: one file with a label column, or data and labels in two.

    Attributes:
        data: The table.
        label: The label column's name; None if the labels are in a file.
        labels: A table of one column, row by row with the data.
        files: The column that names files; None for none.
    """

    data: Table
    label: str | None = None
    labels: Table | None = None
    files: Attached | None = None

    def digest(self) -> bytes:
        """SHA-256 over the SHA-256 of each table; 32 bytes."""
        digests = []
        for table in (self.data, self.labels):
            if table is not None:
                with table.path.open("rb") as file:
                    digests.append(hashlib.file_digest(file, "sha256").digest())
        return hashlib.sha256(b"".join(digests)).digest()

    def __post_init__(self) -> None:
        if (self.label is None) == (self.labels is None):
            raise DataError(
                "The labels must be in a column or in a second file.",
                hint="Name the column with --label, or the file with --labels.",
            )
        if self.label is not None:
            self.data.column(self.label)
            if len(self.data.columns) == 1:
                raise DataError(f"{self.data.path.name} has no column but the labels.")
        if self.labels is not None and len(self.labels.columns) != 1:
            raise DataError(
                f"{self.labels.path.name} has {len(self.labels.columns)} columns; "
                "a file of labels has one.",
                hint="Leave an index out, as pandas does with `index=False`; or put "
                "the labels into the table, and name their column with --label.",
            )
        if self.files is not None:
            self.data.column(self.files.column, "--files")
            if self.files.column == self.label:
                raise DataError(
                    f"The labels of {self.data.path.name} cannot be files.",
                    hint="Name another column with --files.",
                )
        for name in (ROW_ID, LABEL):
            if name in self.features:
                raise DataError(
                    f"{self.data.path.name} has a column {name!r}, as the "
                    "published data will.",
                    hint="Rename it, or leave it out.",
                )

    @property
    def features(self) -> tuple[str, ...]:
        """The columns that are published for every row."""
        return tuple(name for name in self.data.columns if name != self.label)

    @property
    def predicts(self) -> str:
        """What the labels are called; empty if they are in a file without a header."""
        if self.labels is None:
            return self.label or ""
        return self.labels.columns[0] if self.labels.has_header else ""

    @property
    def beside(self) -> Path:
        """The folder that files are in which rows name, if nobody says which."""
        return Path() if self.data.is_made else self.data.path.parent

    @property
    def label_table(self) -> Table:
        """The table that the labels are in."""
        return self.labels or self.data

    def attaching(self, folder: Path) -> Attaching | None:
        """What publishes the files that rows name, into a folder; None for none."""
        if self.files is None:
            return None
        return Attaching(self.files, self.features, folder, self.data)

    def records(self, attaching: Attaching | None = None) -> Iterator[Records]:
        """The rows' features as they are published, with their labels.

        Args:
            attaching: Publishes the files that rows name; None to leave them.

        Raises:
            DataError: Data and labels differ in length, or a file cannot be published.
        """
        for records in self._records():
            if attaching is None:
                yield records
            else:
                yield Records(attaching.replaced(records.rest), records.cut)

    def _records(self) -> Iterator[Records]:
        if self.label is not None:
            yield from read_records(self.data, self.data.column(self.label))
            return
        assert self.labels is not None
        labels = chain.from_iterable(one.cut for one in read_records(self.labels, 0))
        rows = 0
        batches = read_records(self.data)
        for batch in batches:
            cut = list(islice(labels, len(batch.rest)))
            if len(cut) < len(batch.rest):
                more = len(batch.rest) + sum(len(one.rest) for one in batches)
                self._complain(rows + more, rows + len(cut))
            rows += len(batch.rest)
            yield Records(batch.rest, cut)
        if (more := sum(1 for _ in labels)) > 0:
            self._complain(rows, rows + more)

    def _complain(self, rows: int, labels: int) -> None:
        assert self.labels is not None
        hint = "Each row needs its label, in the same order."
        if abs(rows - labels) == 1:
            hint = (
                "Does one of them have a header that the other lacks? Say so with "
                "--header."
            )
        raise DataError(
            f"{self.data.path.name} has {counted(rows, 'row')}, but "
            f"{self.labels.path.name} has {counted(labels, 'label')}.",
            hint=hint,
        )
