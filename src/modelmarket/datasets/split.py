# SPDX-License-Identifier: Apache-2.0
"""Splitting a labelled table into a public and a secret part, in one pass.

The test rows are shuffled, since a table that is sorted by class would
otherwise give the labels away by the order of its rows. Their labels go to
memory alone, as codes: what is written never depends on them.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from array import array
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain, compress, count, islice
from tempfile import TemporaryFile
from typing import Self

import numpy as np
import numpy.typing as npt

from modelmarket.datasets.records import Records, encode_row, read_records
from modelmarket.datasets.tables import Table
from modelmarket.errors import DataError
from modelmarket.protocol.classes import MOST_CLASSES, Classes, Codes
from modelmarket.system.files import HashedFile

ROW_ID = "row_id"
LABEL = "label"
DEFAULT_FRACTION = Fraction(1, 5)
FINEST_FRACTION = 1_000
BUCKETS = 64
BUCKET_BUFFER_BYTES = 2**16
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
    """

    data: Table
    label: str | None = None
    labels: Table | None = None

    def digest(self) -> bytes:
        """SHA-256 over the SHA-256 of each file; 32 bytes."""
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

    def records(self) -> Iterator[Records]:
        """The rows' features as they are published, with their labels.

        Raises:
            DataError: Data and labels differ in length.
        """
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


class _Chance:
    """What is random in a split, from a seed of any length.

    It builds on raw words alone, which numpy promises to be the same in every
    version (NEP 19).
    """

    def __init__(self, seed: bytes) -> None:
        self._words = np.random.Philox(int.from_bytes(b"\1" + seed))

    def words(self, count: int) -> npt.NDArray[np.uint64]:
        """Random words, of shape (count,)."""
        return self._words.random_raw(count)

    def order(self, count: int) -> npt.NDArray[np.int64]:
        """A random order of so many things, of shape (count,)."""
        return self.words(count).argsort(kind="stable")


class _Draw:
    """Draws p rows of each q for a fraction p/q, at random places."""

    def __init__(self, fraction: Fraction, chance: _Chance) -> None:
        self._fraction = fraction
        self._chance = chance
        self._drawn = np.zeros(0, dtype=np.bool_)

    def take(self, rows: int) -> npt.NDArray[np.bool_]:
        """Which of the next rows are drawn, of shape (rows,)."""
        p, q = self._fraction.numerator, self._fraction.denominator
        if (lacking := rows - self._drawn.size) > 0:
            blocks = -(-lacking // q)
            words = self._chance.words(blocks * q).reshape(blocks, q)
            ranks = words.argsort(axis=1, kind="stable").argsort(axis=1, kind="stable")
            self._drawn = np.concatenate((self._drawn, (ranks < p).ravel()))
        taken, self._drawn = self._drawn[:rows], self._drawn[rows:]
        return taken


class _Strata:
    """Draws class by class, or from all rows alike."""

    def __init__(
        self, fraction: Fraction, chance: _Chance, *, stratified: bool
    ) -> None:
        self._fraction = fraction
        self._chance = chance
        self._stratified = stratified
        self._draws: dict[int, _Draw] = {}

    def take(self, codes: npt.NDArray[np.uint16]) -> npt.NDArray[np.bool_]:
        """Which of the next rows are for testing, of shape (rows,)."""
        strata = codes if self._stratified else np.zeros_like(codes)
        taken = np.zeros(codes.size, dtype=np.bool_)
        for stratum in np.unique(strata).tolist():
            if stratum not in self._draws:
                self._draws[stratum] = _Draw(self._fraction, self._chance)
            rows = np.flatnonzero(strata == stratum)
            taken[rows] = self._draws[stratum].take(rows.size)
        return taken


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

    def encode(self, labels: list[bytes]) -> npt.NDArray[np.uint16]:
        """The codes of the next rows' labels, of shape (rows,)."""
        if not self._codes.keys() >= set(labels):
            for row, label in enumerate(labels, self.rows + 1):
                if label not in self._codes:
                    self._meet(label.decode(), row)
        codes = np.array([self._codes[label] for label in labels], dtype=np.uint16)
        _count(self.total, codes)
        self.rows += len(labels)
        return codes

    def counts(self) -> dict[str, int]:
        """Rows of each class by name, most frequent first."""
        counted = zip(self.names, self.total.tolist(), strict=False)
        return dict(sorted(counted, key=lambda one: -one[1]))

    def problem(self) -> DataError | None:
        """Why these rows cannot be both learned and tested, if they cannot."""
        if self.rows == 0:
            return DataError(
                f"{self._name} has no rows.", hint="It must have two at least."
            )
        for code, label in enumerate(self.names):
            if self.total[code] == 1:
                return DataError(
                    f"{self._name}, row {self.first_row[code]}: class {label!r} is "
                    "seen only once, so it cannot be both learned and tested.",
                    hint="Add rows of that class, or leave the row out.",
                )
        return None

    def _meet(self, label: str, row: int) -> None:
        if not label.strip():
            raise DataError(
                f"{self._name}, row {row}: the label is missing.",
                hint="Give every row a label, or leave the row out.",
            )
        if len(self.names) == MOST_CLASSES:
            raise DataError(
                f"{self._name}, row {row}: {label!r} would be class "
                f"{MOST_CLASSES + 1:,}; {MOST_CLASSES:,} are allowed.",
                hint="Is this the label column? Numbers to be predicted must "
                "be binned first.",
            )
        self._codes[label.encode()] = len(self.names)
        self.names.append(label)
        self.published.append(encode_row([label]))
        self.first_row.append(row)


def split(
    source: Source,
    train: HashedFile,
    test: HashedFile,
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
    chance = _Chance(seed or secrets.token_bytes(32))
    strata = _Strata(fraction, chance, stratified=stratified)
    label_file = (source.labels or source.data).path.name
    seen = Classed(label_file)
    train.write(encode_row([ROW_ID, *source.features, LABEL]) + b"\n")
    train_row = count(1)
    with _Shuffle(chance) as shuffle:
        for records in source.records():
            codes = seen.encode(records.cut)
            tested = strata.take(codes)
            shuffle.add(list(compress(records.rest, tested.tolist())), codes[tested])
            learned = codes[~tested]
            _count(seen.train, learned)
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
        _check(seen, shuffle.rows, fraction)
        test.write(encode_row([ROW_ID, *source.features]) + b"\n")
        truth = array("H")
        number = 0
        for rows, hidden in shuffle.shuffled():
            test.write(
                b"".join([b"%d,%b\n" % row for row in enumerate(rows, number + 1)])
            )
            number += len(rows)
            truth.extend(hidden)
    order = sorted(range(len(seen.names)), key=lambda code: _natural(seen.names[code]))
    recode = np.empty(len(order), dtype=np.uint16)
    recode[order] = np.arange(len(order), dtype=np.uint16)
    return Split(
        classes=Classes(tuple(seen.names[code] for code in order)),
        train_counts=tuple(seen.train[order].tolist()),
        truth=recode[np.frombuffer(truth, dtype=np.uint16)],
        features=source.features,
        fraction=fraction,
        stratified=stratified,
    )


def _count(counts: npt.NDArray[np.int64], codes: npt.NDArray[np.uint16]) -> None:
    """Adds to the counts of as many classes as there are up to the highest code."""
    more = np.bincount(codes)
    counts[: more.size] += more


def _check(seen: Classed, tests: int, fraction: Fraction) -> None:
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


def _natural(name: str) -> tuple[int, float, str]:
    """Numbers by value before words by letters."""
    try:
        return 0, float(name), name
    except ValueError:
        return 1, 0.0, name


class _Shuffle:
    """Shuffles any number of rows on disk.

    Each row goes to a bucket drawn at random; then each bucket is shuffled in
    memory. The order is uniform, and memory holds one bucket; and, of the
    others, six bytes a row: its length and its code, which no disk ever sees.
    """

    def __init__(self, chance: _Chance) -> None:
        self._chance = chance
        self._buckets = [_Bucket() for _ in range(BUCKETS)]
        self.rows = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for bucket in self._buckets:
            bucket.file.close()

    def add(self, rows: list[bytes], codes: npt.NDArray[np.uint16]) -> None:
        """Adds rows and their codes."""
        places = (self._chance.words(len(rows)) % np.uint64(BUCKETS)).tolist()
        for row, code, place in zip(rows, codes.tolist(), places, strict=True):
            bucket = self._buckets[place]
            bucket.file.write(row)
            bucket.lengths.append(len(row))
            bucket.codes.append(code)
        self.rows += len(rows)

    def shuffled(self) -> Iterator[tuple[list[bytes], Iterable[int]]]:
        """All rows with their codes, in random order, a bucket at a time."""
        for bucket in self._buckets:
            bucket.file.seek(0)
            rows = [bucket.file.read(length) for length in bucket.lengths]
            order = self._chance.order(len(rows)).tolist()
            yield [rows[at] for at in order], [bucket.codes[at] for at in order]


class _Bucket:
    """Rows one behind the other in an unnamed file."""

    def __init__(self) -> None:
        self.file = TemporaryFile(buffering=BUCKET_BUFFER_BYTES)  # noqa: SIM115  # closed together
        self.lengths = array("I")
        self.codes = array("H")
