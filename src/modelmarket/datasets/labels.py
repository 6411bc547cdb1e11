# SPDX-License-Identifier: Apache-2.0
"""The labels of a table as they come up: classes, or numbers to be predicted."""

from __future__ import annotations

from array import array
from itertools import compress
from typing import Protocol

import numpy as np
import numpy.typing as npt

from modelmarket.datasets.choosing import Choice
from modelmarket.datasets.drawing import LabelCodes
from modelmarket.datasets.records import encode_row
from modelmarket.datasets.tables import MISSING, Table
from modelmarket.errors import DataError
from modelmarket.protocol.classes import MOST_CLASSES, NUMBERS
from modelmarket.protocol.schema import decimal


class Classed:
    """The classes as they come up, each with its counts and its first row.

    Args:
        table: That the labels are in.
    """

    def __init__(self, table: Table) -> None:
        self._table, self._name = table, table.path.name
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
        if (too_few := _too_few(self._table, self.rows)) is not None:
            return too_few
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
                    f"{self._table.told(self.first_row[code])}: class {label!r} "
                    "is seen only once, so it cannot be both learned and tested.",
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
                f"{self._table.told(row)}: the label is missing"
                f"{f' ({said!r})' if said else ''}.",
                hint="Give every row a label, or leave the row out."
                + (" A class that is called so needs another name." if said else ""),
            )
        if len(self.names) == MOST_CLASSES:
            raise DataError(
                f"{self._table.told(row)}: {label!r} would be class "
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
        table: That the labels are in.
    """

    def __init__(self, table: Table) -> None:
        self._table, self._name = table, table.path.name
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
        if (too_few := _too_few(self._table, self.rows)) is not None:
            return too_few
        if self.rows == 1:
            return DataError(
                f"{self._name} has one row, which cannot be both learned and tested.",
                hint="A table has two rows at least.",
            )
        if len(self.names) == 1:
            only = self.names[0][:40]
            return DataError(
                f"{self._name}: all {self.rows:,} rows are {only}, so there is nothing "
                "to predict.",
                hint="Is this the label column?",
            )
        return None

    def _meet(self, label: str, row: int) -> None:
        try:
            decimal(label)
        except ValueError as error:
            raise DataError(
                f"{self._table.told(row)}: the label {label[:40]!r} is no number that "
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


def _too_few(table: Table, rows: int) -> DataError | None:
    """Why a table has no rows to speak of; None if it has some."""
    if rows == 0:
        below = " below its header" if table.has_header else ""
        return DataError(
            f"{table.path.name} has no rows{below}.", hint="It must have two at least."
        )
    if rows == 1 and not table.has_header:
        return DataError(
            f"{table.path.name} has one line, which was taken for a row.",
            hint="A table has two rows at least. If that line names the columns, there "
            "are none below it.",
        )
    return None


def _count(counts: npt.NDArray[np.int64], codes: LabelCodes) -> None:
    """Adds to the counts of as many classes as there are up to the highest code."""
    more = np.bincount(codes)
    counts[: more.size] += more


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
