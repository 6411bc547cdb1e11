# SPDX-License-Identifier: Apache-2.0
"""Splitting a labelled table into a public and a secret part, in one pass.

The test rows are shuffled, since a table that is sorted by class would
otherwise give the labels away by the order of its rows. Their labels go to
memory alone, as codes: what is written never depends on them.
"""

from __future__ import annotations

import hashlib
import os
import re
from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain, compress, count, islice
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from modelmarket.datasets.attached import Attached, Attaching, FileColumn
from modelmarket.datasets.choosing import Choice
from modelmarket.datasets.drawing import Drawing, LabelCodes, Shuffle
from modelmarket.datasets.records import Records, encode_row, read_records
from modelmarket.datasets.tables import MISSING, Table
from modelmarket.errors import DataError
from modelmarket.protocol.bins import Binning, Coarseness, coarseness
from modelmarket.protocol.classes import MOST_CLASSES, NUMBERS, Classes, Codes
from modelmarket.protocol.schema import decimal
from modelmarket.system.files import HashedFile

ROW_ID = "row_id"
LABEL = "label"
FINEST_FRACTION = 1_000
_SHARE = re.compile(r"\d{0,9}\.?\d{0,18}|\d{1,9}/\d{1,9}", re.ASCII)
"""Short, since a number of many digits, or with an exponent, takes for ever."""

Progress = Callable[[int], None]
"""Is told of so many more rows."""


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
                "a file of labels has one."
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
    def label_file(self) -> str:
        """What the file of the labels is called."""
        return (self.labels or self.data).path.name

    def attaching(self, folder: Path) -> Attaching | None:
        """What publishes the files that rows name, into a folder; None for none."""
        if self.files is None:
            return None
        return Attaching(self.files, self.features, folder, self.data.path.name)

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
        raise DataError(
            f"{self.data.path.name} has {rows:,} rows, but "
            f"{self.labels.path.name} has {labels:,} labels.",
            hint="Does one of them have a header that the other lacks? See --header.",
        )


@dataclass(frozen=True)
class Split:
    """What a split came to.

    Attributes:
        classes: In the order of their codes; bins, if the labels are numbers.
        train_counts: Training rows of each class.
        truth: The test rows' codes, in published order. Secret.
        features: The columns of both parts.
        choice: How the test rows were chosen.
        learned: Which rows of the table are for training, from 1; shape (rows,).
        coarseness: What bins lose of the training rows' numbers; None for classes.
        files: The column that names files, if they were published; None for none.
    """

    classes: Classes
    train_counts: tuple[int, ...]
    truth: Codes
    features: tuple[str, ...]
    choice: Choice
    learned: npt.NDArray[np.int64]
    coarseness: Coarseness | None = None
    files: FileColumn | None = None

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
    """Reads a fraction of the rows, such as `0.2`, `20%` or `1/5`.

    Raises:
        DataError: It is not above 0 and below 1.
    """
    fraction = _parse_share(text).limit_denominator(FINEST_FRACTION)
    if not 0 < fraction < 1:
        raise DataError(f"{text!r} is not a fraction between 0 and 1, such as 0.2.")
    return fraction


def parse_accuracy(text: str) -> Fraction:
    """Reads a threshold of accuracy, such as `0.9`, `90%` or `9/10`, exactly.

    Raises:
        DataError: It is not from 0 to 1.
    """
    return _parse_share(text)


def parse_number(text: str) -> Fraction:
    """Reads a decimal number, such as `2.5`, exactly.

    Raises:
        DataError: It is none.
    """
    try:
        return decimal(text)
    except ValueError as error:
        raise DataError(
            f"{text[:40]!r} is no number.", hint="Write it as 2.5."
        ) from error


def _parse_share(text: str) -> Fraction:
    """Reads a number from 0 to 1; 90% is 0.9, and 90 is neither.

    Raises:
        DataError: It is none.
    """
    number = text.strip().removesuffix("%").rstrip()
    is_percent = text.strip().endswith("%")
    try:
        if not _SHARE.fullmatch(number):
            raise ValueError(number)
        share = Fraction(number) / (100 if is_percent else 1)
    except (ValueError, ZeroDivisionError):
        share = Fraction(-1)
    if 0 <= share <= 1:
        return share
    hint = "Write it as 0.9, 90% or 9/10."
    if not is_percent and 1 < share <= 100:  # noqa: PLR2004  # in percent
        hint = f"Did you mean {number}%?"
    raise DataError(f"{text[:40]!r} is not a fraction between 0 and 1.", hint=hint)


class Classed:
    """The classes as they come up, each with its counts and its first row.

    Args:
        name: Of the file that the labels are in.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._codes: dict[bytes, int] = {}
        self.names: list[str] = []
        self.published: list[bytes] = []
        self.first_row: list[int] = []
        self.rows = 0
        self.total = np.zeros(MOST_CLASSES, dtype=np.int64)
        self.train = np.zeros(MOST_CLASSES, dtype=np.int64)

    def encode(self, labels: list[bytes]) -> LabelCodes:
        """The codes of the next rows' labels, of shape (rows,)."""
        if not self._codes.keys() >= set(labels):
            for row, label in enumerate(labels, self.rows + 1):
                if label not in self._codes:
                    self._meet(label.decode(), row)
        codes = np.array([self._codes[label] for label in labels], dtype=np.uint32)
        _count(self.total, codes)
        self.rows += len(labels)
        return codes

    def learn(self, codes: LabelCodes) -> None:
        """Is told of which rows the labels are published."""
        _count(self.train, codes)

    def refuse(self, choice: Choice) -> None:
        """Makes sure that rows can be drawn so; classes can be in every way."""

    def order(self) -> list[int]:
        """The codes in the order of the classes' names."""
        return sorted(range(len(self.names)), key=lambda one: _natural(self.names[one]))

    def counts(self) -> dict[str, int]:
        """Rows of each class by name, most frequent first."""
        counted = zip(self.names, self.total.tolist(), strict=False)
        return dict(sorted(counted, key=lambda one: -one[1]))

    def problem(self) -> DataError | None:
        """Why these rows cannot be both learned and tested, if they cannot."""
        if self.rows == 0:
            return _no_rows(self._name)
        if len(self.names) == 1:
            which = (
                "its one row is" if self.rows == 1 else f"all {self.rows:,} rows are"
            )
            return DataError(
                f"{self._name}: {which} of class {self.names[0]!r}, so there is "
                "nothing to predict.",
                hint="Is this the label column? A table needs two classes at least.",
            )
        for code, label in enumerate(self.names):
            if self.total[code] == 1:
                return DataError(
                    f"{self._name}, row {self.first_row[code]}: class {label!r} is "
                    "seen only once, so it cannot be both learned and tested.",
                    hint=self._alone(),
                )
        return None

    def _alone(self) -> str:
        """What to do about classes that are seen once."""
        is_number = all(map(_is_number, self.names))
        return NUMBERS if is_number else "Add rows of that class, or leave the row out."

    def _meet(self, label: str, row: int) -> None:
        if (said := label.strip()).lower() in MISSING:
            raise DataError(
                f"{self._name}, row {row}: the label is missing"
                f"{f' ({said!r})' if said else ''}.",
                hint="Give every row a label, or leave the row out."
                + (" A class that is called so needs another name." if said else ""),
            )
        if len(self.names) == MOST_CLASSES:
            raise DataError(
                f"{self._name}, row {row}: {label!r} would be class "
                f"{MOST_CLASSES + 1:,}; {MOST_CLASSES:,} are allowed.",
                hint=NUMBERS,
            )
        self._codes[label.encode()] = len(self.names)
        self.names.append(label)
        self.published.append(encode_row([label]))
        self.first_row.append(row)


class Numbered:
    """Labels that are numbers to be predicted, each different text once.

    They are published without blanks around them.

    Args:
        name: Of the file that the labels are in.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._codes: dict[bytes, int] = {}
        self._train = array("q")
        self.names: list[str] = []
        self.published: list[bytes] = []
        self.rows = 0

    @property
    def train(self) -> npt.NDArray[np.int64]:
        """Training rows of each text."""
        return np.array(self._train, dtype=np.int64)

    def encode(self, labels: list[bytes]) -> LabelCodes:
        """A number for each text of the next rows' labels, of shape (rows,)."""
        for row, label in enumerate(labels, self.rows + 1):
            if label not in self._codes:
                self._meet(label.decode(), row)
        self.rows += len(labels)
        return np.array([self._codes[label] for label in labels], dtype=np.uint32)

    def learn(self, codes: LabelCodes) -> None:
        """Is told of which rows the labels are published."""
        for code in codes.tolist():
            self._train[code] += 1

    def learned(self) -> list[str]:
        """The different labels of training rows."""
        return list(compress(self.names, self._train))

    def refuse(self, choice: Choice) -> None:
        """Makes sure that rows can be drawn so.

        Raises:
            DataError: They cannot.
        """
        if choice.stratified:
            raise DataError(
                "Numbers cannot be drawn class by class.",
                hint="Leave out --stratified.",
            )

    def problem(self) -> DataError | None:
        """Why these rows cannot be both learned and tested, if they cannot."""
        return None if self.rows else _no_rows(self._name)

    def _meet(self, label: str, row: int) -> None:
        try:
            decimal(label)
        except ValueError as error:
            raise DataError(
                f"{self._name}, row {row}: the label {label[:40]!r} is no number that "
                "can be predicted.",
                hint="Every row needs a decimal number, nearer to 0 than 1e30; or "
                "leave the row out.",
            ) from error
        self._codes[label.encode()] = len(self.names)
        self._train.append(0)
        # Not every library reads a number with blanks around it.
        self.names.append(label.strip())
        self.published.append(encode_row([label.strip()]))


class Labels(Protocol):
    """The labels of a table as they come up, each with a code of its own."""

    rows: int
    published: list[bytes]
    """What stands in a table for the label of each code."""

    def encode(self, labels: list[bytes]) -> LabelCodes:
        """The codes of the next rows' labels, of shape (rows,)."""

    def learn(self, codes: LabelCodes) -> None:
        """Is told of which rows the labels are published."""

    def problem(self) -> DataError | None:
        """Why these rows cannot be both learned and tested, if they cannot."""


def split(
    source: Source,
    train: HashedFile,
    test: HashedFile,
    *,
    choice: Choice | None = None,
    binning: Binning | None = None,
    seed: bytes | None = None,
    progress: Progress | None = None,
    folder: Path | None = None,
) -> Split:
    """Splits a labelled table.

    Args:
        source: The table.
        train: Where the training part is written: id, features, label.
        test: Where the test part is written: id, features.
        choice: How the test rows are chosen; None for a fifth of the rows at random.
        binning: How labels that are numbers are put into bins; None for classes.
        seed: Fixes what is random; None for the system's random source.
        progress: Is told of the rows read.
        folder: Where the files that rows name are published; None to leave them.

    Raises:
        DataError: The table cannot be used; names row, column and value.
    """
    choice = choice or Choice()
    file = source.label_file
    seen = Classed(file) if binning is None else Numbered(file)
    seen.refuse(choice)
    drawing = choice.drawing(source.data, source.label, seed)
    attaching = None if folder is None else source.attaching(folder)
    with drawing.shuffle() as shuffle:
        learned = divide(
            source, seen, train, drawing, shuffle, attaching, progress=progress
        )
        test.write(encode_row([ROW_ID, *source.features]) + b"\n")
        truth = array("I")
        number = 0
        for rows, hidden in shuffle.shuffled():
            test.write(
                b"".join([b"%d,%b\n" % row for row in enumerate(rows, number + 1)])
            )
            number += len(rows)
            truth.extend(hidden)
    if isinstance(seen, Numbered):
        assert binning is not None, "it numbers labels"
        classes: Classes = (bins := binning.of(seen.names, seen.train.tolist()))
        coded = bins.encode(seen.names)
        lost = coarseness(bins, seen.names, seen.train.tolist())
    else:
        order, lost = seen.order(), None
        classes = Classes(tuple(seen.names[code] for code in order))
        coded = places(order).astype(np.uint16)
    learnt = np.bincount(
        coded, weights=seen.train[: coded.size], minlength=len(classes)
    ).astype(np.int64)
    return Split(
        classes=classes,
        train_counts=tuple(learnt.tolist()),
        truth=coded[np.frombuffer(truth, dtype=np.uint32)],
        features=source.features,
        choice=choice,
        learned=learned,
        coarseness=lost,
        files=None if attaching is None else attaching.column(),
    )


def only_split(
    source: Source,
    *,
    choice: Choice | None = None,
    binning: Binning | None = None,
    seed: bytes | None = None,
) -> Split:
    """What a split would come to, without its parts; see `split`."""
    with Path(os.devnull).open("wb") as nowhere, HashedFile(nowhere) as part:
        return split(source, part, part, choice=choice, binning=binning, seed=seed)


def divide(
    source: Source,
    seen: Labels,
    train: HashedFile,
    drawing: Drawing,
    shuffle: Shuffle,
    attaching: Attaching | None = None,
    *,
    progress: Progress | None = None,
) -> npt.NDArray[np.int64]:
    """Writes the training part of a table, and hands the test part to a shuffle.

    The same drawing divides the same table in the same way, whatever becomes of the
    test part.

    Args:
        source: The table.
        seen: Numbers its labels.
        train: Where the training part is written: id, features, label.
        drawing: Draws the test rows.
        shuffle: Is given the features of test rows as they are published.
        attaching: Publishes the files that rows name; None to leave them.
        progress: Is told of the rows read.

    Returns:
        Which rows of the table are for training, from 1; shape (training rows,).

    Raises:
        DataError: The table cannot be used; names row, column and value.
    """
    train.write(encode_row([ROW_ID, *source.features, LABEL]) + b"\n")
    train_row, places, rows = count(1), list[npt.NDArray[np.int64]](), 0
    for records in source.records(attaching):
        codes = seen.encode(records.cut)
        tested = drawing.strata.take(codes)
        shuffle.add(list(compress(records.rest, tested.tolist())), codes[tested])
        learned = codes[~tested]
        places.append(np.flatnonzero(~tested) + rows + 1)
        rows += codes.size
        seen.learn(learned)
        labels = map(seen.published.__getitem__, learned.tolist())
        features = compress(records.rest, (~tested).tolist())
        train.write(
            b"".join(
                [
                    b"%d,%b,%b\n" % row
                    for row in zip(train_row, features, labels, strict=False)
                ]
            )
        )
        if progress is not None:
            progress(codes.size)
    _check(seen, shuffle.rows, drawing.fraction)
    return np.concatenate(places)


def places(order: Sequence[int]) -> LabelCodes:
    """Where each code stands in an order of all codes; shape (codes,)."""
    found = np.empty(len(order), dtype=np.uint32)
    found[list(order)] = np.arange(len(order), dtype=np.uint32)
    return found


def _no_rows(name: str) -> DataError:
    return DataError(f"{name} has no rows.", hint="It must have two at least.")


def _count(counts: npt.NDArray[np.int64], codes: LabelCodes) -> None:
    """Adds to the counts of as many classes as there are up to the highest code."""
    more = np.bincount(codes)
    counts[: more.size] += more


def _check(seen: Labels, tests: int, fraction: Fraction) -> None:
    if problem := seen.problem():
        raise problem
    rows = seen.rows
    if tests in (0, rows):
        part = "test" if tests == 0 else "training"
        raise DataError(
            f"With {rows:,} rows and a fraction of {float(fraction):g} the {part} part "
            "would be empty.",
            hint="Choose another --fraction, or add rows.",
        )


def _is_number(text: str) -> bool:
    try:
        decimal(text)
    except ValueError:
        return False
    return True


def _natural(name: str) -> tuple[int, float, str]:
    """Numbers by value before words by letters."""
    try:
        return 0, float(name), name
    except ValueError:
        return 1, 0.0, name
