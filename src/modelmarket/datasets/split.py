# SPDX-License-Identifier: Apache-2.0
"""Splitting a labelled table into a public and a secret part, in one pass.

The test rows are shuffled, since a table that is sorted by class would
otherwise give the labels away by the order of its rows. Their labels go to
memory alone, as codes: what is written never depends on them.
"""

from __future__ import annotations

import csv
import random
import secrets
from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from tempfile import TemporaryFile
from typing import Self, TextIO

import numpy as np

from modelmarket.datasets.tables import Row, Table
from modelmarket.errors import DataError
from modelmarket.protocol.classes import MOST_CLASSES, Classes, Codes

ROW_ID = "row_id"
LABEL = "label"
DEFAULT_FRACTION = Fraction(1, 5)
FINEST_FRACTION = 1_000
BUCKETS = 64
PROGRESS_ROWS = 1_000

Progress = Callable[[int], None]
"""Is told of so many more rows."""


@dataclass(frozen=True)
class Source:
    """A labelled table: one file with a label column, or data and labels in two.

    Attributes:
        data: The table.
        label: The label column's name; None if the labels are in a file.
        labels: A table of one column, row by row with the data.
    """

    data: Table
    label: str | None = None
    labels: Table | None = None

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
                "a file of labels has one."
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

    def rows(self) -> Iterator[tuple[Row, str]]:
        """Each row's features and its label.

        Raises:
            DataError: Data and labels differ in length.
        """
        if self.label is not None:
            at = self.data.column(self.label)
            for row in self.data.rows():
                yield row, row.pop(at)
            return
        assert self.labels is not None
        data, labels = self.data.rows(), self.labels.rows()
        count = 0
        for row in data:
            label = next(labels, None)
            if label is None:
                more = count + 1 + sum(1 for _ in data)
                self._complain(more, count)
            else:
                yield row, label[0]
            count += 1
        if (more := sum(1 for _ in labels)) > 0:
            self._complain(count, count + more)

    def _complain(self, rows: int, labels: int) -> None:
        assert self.labels is not None
        raise DataError(
            f"{self.data.path.name} has {rows:,} rows, but "
            f"{self.labels.path.name} has {labels:,} labels.",
            hint="Does one of them have a header that the other lacks? See --header.",
        )


@dataclass(frozen=True)
class Split:
    """What a split came to.

    Attributes:
        classes: In the order of their codes.
        train_counts: Training rows of each class.
        truth: The test rows' codes, in published order. Secret.
        features: The columns of both parts.
        fraction: Of the rows, meant for testing.
        stratified: Whether it was drawn class by class.
    """

    classes: Classes
    train_counts: tuple[int, ...]
    truth: Codes
    features: tuple[str, ...]
    fraction: Fraction
    stratified: bool

    def __repr__(self) -> str:
        return f"Split({sum(self.train_counts)} train, {self.truth.size} test)"

    @property
    def train_rows(self) -> int:
        """Rows with labels."""
        return sum(self.train_counts)

    @property
    def test_rows(self) -> int:
        """Rows without."""
        return int(self.truth.size)


def parse_fraction(text: str) -> Fraction:
    """Reads a fraction such as `0.2`, `20%` or `1/5`.

    Raises:
        DataError: It is not above 0 and below 1.
    """
    try:
        percent = text.strip().endswith("%")
        fraction = Fraction(text.strip().rstrip("%").strip()) / (100 if percent else 1)
    except (ValueError, ZeroDivisionError):
        fraction = Fraction(0)
    fraction = fraction.limit_denominator(FINEST_FRACTION)
    if not 0 < fraction < 1:
        raise DataError(f"{text!r} is not a fraction between 0 and 1, such as 0.2.")
    return fraction


class _Draw:
    """Draws p rows of each q for a fraction p/q, at random places."""

    def __init__(self, fraction: Fraction, source: random.Random) -> None:
        self._fraction = fraction
        self._source = source
        self._block: list[bool] = []

    def next(self) -> bool:
        if not self._block:
            p, q = self._fraction.numerator, self._fraction.denominator
            self._block = [True] * p + [False] * (q - p)
            self._source.shuffle(self._block)
        return self._block.pop()


class _Seen:
    """The classes as they come up, each with its count and its first row."""

    def __init__(self, name: str) -> None:
        self._name = name
        self.codes: dict[str, int] = {}
        self.train: list[int] = []
        self.total: list[int] = []
        self.first_row: list[int] = []

    def code(self, label: str, row: int) -> int:
        code = self.codes.get(label)
        if code is None:
            if not label.strip():
                raise DataError(
                    f"{self._name}, row {row}: the label is missing.",
                    hint="Give every row a label, or leave the row out.",
                )
            if len(self.codes) == MOST_CLASSES:
                raise DataError(
                    f"{self._name}, row {row}: {label!r} would be class "
                    f"{MOST_CLASSES + 1:,}; {MOST_CLASSES:,} are allowed.",
                    hint="Is this the label column? Numbers to be predicted must "
                    "be binned first.",
                )
            code = self.codes[label] = len(self.codes)
            self.train.append(0)
            self.total.append(0)
            self.first_row.append(row)
        self.total[code] += 1
        return code


def split(
    source: Source,
    train: TextIO,
    test: TextIO,
    *,
    fraction: Fraction = DEFAULT_FRACTION,
    stratified: bool = False,
    seed: bytes | None = None,
    progress: Progress | None = None,
) -> Split:
    """Splits a labelled table at random.

    Args:
        source: The table.
        train: Where the training part is written: id, features, label.
        test: Where the test part is written: id, features.
        fraction: Of the rows that are for testing.
        stratified: Draw it class by class.
        seed: Fixes what is random; None for the system's random source.
        progress: Is told of the rows read.

    Raises:
        DataError: The table cannot be used; names row, column and value.
    """
    chance = random.Random(seed or secrets.token_bytes(32))  # noqa: S311  # seeded from the system's source
    label_file = (source.labels or source.data).path.name
    seen = _Seen(label_file)
    draws: dict[int, _Draw] = {}
    writer = csv.writer(train, lineterminator="\n")
    writer.writerow([ROW_ID, *source.features, LABEL])
    rows = 0
    with _Shuffle(chance) as shuffle:
        for rows, (row, label) in enumerate(source.rows(), 1):
            code = seen.code(label, rows)
            stratum = code if stratified else 0
            if stratum not in draws:
                draws[stratum] = _Draw(fraction, chance)
            if draws[stratum].next():
                shuffle.add(row, code)
            else:
                seen.train[code] += 1
                writer.writerow([rows - shuffle.rows, *row, label])
            if progress is not None and rows % PROGRESS_ROWS == 0:
                progress(PROGRESS_ROWS)
        _check(seen, label_file, rows, shuffle.rows, fraction)
        writer = csv.writer(test, lineterminator="\n")
        writer.writerow([ROW_ID, *source.features])
        truth = array("H")
        for number, (row, code) in enumerate(shuffle.rows_shuffled(), 1):
            writer.writerow([number, *row])
            truth.append(code)
    names = sorted(seen.codes, key=_natural)
    order = [seen.codes[name] for name in names]
    recode = np.empty(len(order), dtype=np.uint16)
    recode[order] = np.arange(len(order), dtype=np.uint16)
    return Split(
        classes=Classes(tuple(names)),
        train_counts=tuple(seen.train[code] for code in order),
        truth=recode[np.frombuffer(truth, dtype=np.uint16)],
        features=source.features,
        fraction=fraction,
        stratified=stratified,
    )


def _check(seen: _Seen, name: str, rows: int, tests: int, fraction: Fraction) -> None:
    if rows == 0:
        raise DataError(f"{name} has no rows.", hint="It must have two at least.")
    for label, code in seen.codes.items():
        if seen.total[code] == 1:
            raise DataError(
                f"{name}, row {seen.first_row[code]}: class {label!r} is seen only "
                "once, so it cannot be both learned and tested.",
                hint="Add rows of that class, or leave the row out.",
            )
    if tests in (0, rows):
        part = "test" if tests == 0 else "training"
        raise DataError(
            f"With {rows:,} rows and a fraction of {float(fraction):g} the {part} part "
            "would be empty.",
            hint="Choose another --fraction, or add rows.",
        )


def _natural(name: str) -> tuple[int, float, str]:
    """Numbers by value before words by letters."""
    try:
        return 0, float(name), name
    except ValueError:
        return 1, 0.0, name


class _Shuffle:
    """Shuffles any number of rows on disk.

    Each row goes to a bucket drawn at random; then each bucket is shuffled in
    memory. The order is uniform, and memory holds one bucket.
    """

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._buckets = [
            TemporaryFile("w+", encoding="utf-8", newline="")  # noqa: SIM115  # closed together
            for _ in range(BUCKETS)
        ]
        self._writers = [csv.writer(bucket) for bucket in self._buckets]
        self.rows = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for bucket in self._buckets:
            bucket.close()

    def add(self, row: Row, code: int) -> None:
        """Adds a row and its code, which goes no further than this machine's
        unnamed temporary files.
        """
        self._writers[self._chance.randrange(BUCKETS)].writerow([*row, code])
        self.rows += 1

    def rows_shuffled(self) -> Iterator[tuple[Row, int]]:
        """All rows with their codes, in random order."""
        for bucket in self._buckets:
            bucket.seek(0)
            rows = list(csv.reader(bucket))
            self._chance.shuffle(rows)
            for row in rows:
                code = int(row.pop())
                yield row, code
