# SPDX-License-Identifier: Apache-2.0
"""Splitting a labelled table into a public and a secret part, in one pass.

The test rows are shuffled, since a table that is sorted by class would
otherwise give the labels away by the order of its rows. Their labels go to
memory alone, as codes: what is written never depends on them.
"""

from __future__ import annotations

import os
from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import compress, count
from pathlib import Path

import numpy as np
import numpy.typing as npt

from modelmarket.datasets.attached import Attaching, FileColumn
from modelmarket.datasets.choosing import Choice
from modelmarket.datasets.drawing import (
    Counted,
    Drawing,
    LabelCodes,
    Taken,
)
from modelmarket.datasets.labels import Classed, Labels, Numbered
from modelmarket.datasets.records import encode_row
from modelmarket.datasets.sources import LABEL, ROW_ID, Source
from modelmarket.errors import DataError
from modelmarket.protocol.bins import Binning, Coarseness, coarseness
from modelmarket.protocol.classes import Classes, Codes
from modelmarket.system.files import HashedFile
from modelmarket.system.text import counted

Progress = Callable[[int], None]
"""Is told of so many more rows."""


@dataclass(frozen=True)
class Split:
    """What a split came to.

    Attributes:
        classes: In the order of their codes; bins, if the labels are numbers.
        train_counts: Training rows of each class.
        truth: The test rows' codes, in published order. Secret.
        features: The columns of both parts.
        choice: How the test rows were chosen.
        labels: The different labels of the table, as they are written.
        hidden: Which of them each test row has, in published order. Secret.
        learned: Which rows of the table are for training, from 1; shape (rows,).
        coarseness: What bins lose of the training rows' numbers; None for classes.
        files: The column that names files, if they were published; None for none.
    """

    classes: Classes
    train_counts: tuple[int, ...]
    truth: Codes
    features: tuple[str, ...]
    choice: Choice
    labels: tuple[str, ...]
    hidden: LabelCodes
    learned: npt.NDArray[np.int64]
    coarseness: Coarseness | None = None
    files: FileColumn | None = None

    def __repr__(self) -> str:
        return f"Split({sum(self.train_counts)} train, {self.truth.size} test)"

    @property
    def test_labels(self) -> list[str]:
        """The test rows' labels as they are written, in published order. Secret."""
        return list(map(self.labels.__getitem__, self.hidden.tolist()))

    @property
    def train_rows(self) -> int:
        """Rows with labels."""
        return sum(self.train_counts)

    @property
    def test_rows(self) -> int:
        """Rows without."""
        return int(self.truth.size)


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
    table = source.label_table
    seen = Classed(table) if binning is None else Numbered(table)
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
        for rows, some in shuffle.shuffled():
            test.write(
                b"".join([b"%d,%b\n" % row for row in enumerate(rows, number + 1)])
            )
            number += len(rows)
            truth.extend(some)
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
    hidden = np.frombuffer(truth, dtype=np.uint32)
    return Split(
        classes=classes,
        train_counts=tuple(learnt.tolist()),
        truth=coded[hidden],
        labels=tuple(seen.names),
        hidden=hidden,
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


def count_rows(
    source: Source, choice: Choice, seed: bytes, *, numbers: bool = False
) -> tuple[int, int]:
    """How many rows a split learns from, and how many it tests.

    They are those of the same split with the same seed, in either kind of request.

    Args:
        source: The table.
        choice: How the test rows are chosen.
        seed: What is random.
        numbers: Whether the labels are numbers, rather than classes.

    Raises:
        DataError: The table cannot be split so; names row, column and value.
    """
    seen = (Numbered if numbers else Classed)(source.label_table)
    seen.refuse(choice)
    drawing = choice.drawing(source.data, source.label, seed)
    counted = Counted(drawing.chance)
    with Path(os.devnull).open("wb") as nowhere, HashedFile(nowhere) as part:
        learned = divide(source, seen, part, drawing, counted)
    return int(learned.size), counted.rows


def divide(
    source: Source,
    seen: Labels,
    train: HashedFile,
    drawing: Drawing,
    shuffle: Taken,
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


def _check(seen: Labels, tests: int, fraction: Fraction) -> None:
    if problem := seen.problem():
        raise problem
    rows = seen.rows
    if tests in (0, rows):
        part = "test" if tests == 0 else "training"
        raise DataError(
            f"With {counted(rows, 'row')} and a fraction of {float(fraction):g} the "
            f"{part} part would be empty.",
            hint="Choose another --fraction, or add rows.",
        )
