# SPDX-License-Identifier: Apache-2.0
"""Looking at a table that is split, before money is put on it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
from polars.selectors import by_name

from modelmarket.datasets.attached import FileColumn
from modelmarket.datasets.baselines import (
    MOST_FITTED_ROWS,
    Apart,
    CodedTexts,
    Floats,
    Tried,
    as_it_is,
    every,
    try_forest,
)
from modelmarket.datasets.cells import Values
from modelmarket.datasets.choosing import Choice
from modelmarket.datasets.codes import encode_cells
from modelmarket.datasets.frames import read_batches
from modelmarket.datasets.lint.columns import (
    Looked,
    check_files,
    check_group,
    check_names,
    look,
    together,
)
from modelmarket.datasets.lint.findings import Finding, Report
from modelmarket.datasets.lint.labels import (
    check_absent,
    check_bins,
    check_classes,
    check_size,
    guess_bits,
    resolution,
)
from modelmarket.datasets.lint.rows import Seen, compare, named_groups
from modelmarket.datasets.sources import LABEL
from modelmarket.datasets.split import Progress, Split
from modelmarket.errors import DataError
from modelmarket.protocol.bins import Bins, Coarseness
from modelmarket.protocol.schema import Column, Schema, Texts
from modelmarket.system.text import counted

MOST_ROWS = 10_000
"""Training rows that each column is looked at in, evenly spread."""
MOST_CELLS = 2**22
MOST_TELLING = 10
DIGITS = 4
SHARE_DIGITS = 6
"""Of shares of rows. People read three, and what is rounded twice may be off in the
last one."""


class Lint:
    """Looks at both parts of a table, first the training part, then the test rows.

    Args:
        train: The training part, as it is published.
        names: Of its features.
        rows: That it has.
        counts: Of them of each class, or bin, by name; empty if the labels are numbers
            to be predicted without bins.
        bins: That the labels fall into; None for classes.
        files: A column that names files, whose names are of no use to any model; None
            for none.
        choice: How test rows were chosen; None for at random.
        schema: How rows become codes, where models see codes alone: the small forest is
            tried on them. None where models see the table as it is.
        beside: The folder that the table lies in, where files are looked for that a
            column may name; None to look for none.
        is_hidden: Whether nobody may know anything of the test rows.
        progress: Is told of the rows looked at.

    Attributes:
        tried: The small forest, on some of the training rows; None if no column was
            left for it.

    Raises:
        DataError: The file is no such table.
    """

    tried: Tried | None

    def __init__(
        self,
        train: Path,
        names: Sequence[str],
        rows: int,
        counts: Mapping[str, int],
        *,
        bins: Bins | None = None,
        files: FileColumn | None = None,
        choice: Choice | None = None,
        schema: Schema | None = None,
        beside: Path | None = None,
        is_hidden: bool = False,
        progress: Progress | None = None,
    ) -> None:
        self._choice = choice or Choice()
        self._counts, self._is_hidden, self._files = dict(counts), is_hidden, files
        self._bins, self._is_number = bins, bins is not None or not counts
        self._rows, self._progress, self._beside = rows, progress, beside
        self._schema = schema
        step = every(rows, min(MOST_ROWS, max(1, MOST_CELLS // max(1, len(names)))))
        labels, some = self._read(train, step)
        self._labels = self._read_labels(labels)
        self._looked_at = "all training rows"
        if step > 1:
            self._looked_at = f"all {counted(len(some), 'training row')} looked at"
        looked_at = [name for name in names if files is None or name != files.column]
        self._looked, self.tried = self._look(some.select(by_name(*looked_at)), step)
        self._baseline = self._told()
        self._features = len(names)
        self._identities = {one.told.column for one in self._looked if one.is_identity}
        others = [name for name in names if name not in self._identities]
        known_by = others, named_groups(names), sorted(self._identities)
        self._train, self._test = Seen(*known_by), Seen(*known_by)
        self._tests = 0
        for batch in read_batches(train):
            self._train.add(batch)
            self._tell(batch.height)

    def add(self, batch: pl.DataFrame) -> None:
        """Sees the next test rows."""
        self._test.add(batch)
        self._tests += batch.height
        self._tell(batch.height)

    def _tell(self, rows: int) -> None:
        if self._progress is not None:
            self._progress(rows)

    def report(
        self, tested: Iterable[int] = (), coarseness: Coarseness | None = None
    ) -> Report:
        """What was found.

        Args:
            tested: Test rows of each class, in the order of `counts`.
            coarseness: What bins lose of the training rows' numbers.
        """
        counts = list(self._counts.values())
        best = _share(max(counts) / self._rows) if counts else None
        reached = max(self._baseline or 0.0, best or 0.0)
        least = _share(resolution(reached, self._tests)) if counts else None
        told = (one.told for one in self._looked)
        others = (one for one in told if one.column != self._choice.group)
        telling = sorted(others, key=lambda one: -one.share)
        bits = round(guess_bits(counts, self._tests), 1) if counts else None
        return Report(
            train_rows=self._rows,
            test_rows=self._tests,
            features=self._features,
            train_counts=self._counts,
            majority=best,
            baseline=self._baseline,
            code_bits=None if self._schema is None else self._schema.width,
            resolution=least,
            guess_bits=bits,
            coarseness=None if coarseness is None else _few_digits(coarseness),
            telling=tuple(one for one in telling[:MOST_TELLING] if one.share > 0),
            findings=(),
            **self._errors(),
        ).also(self._findings(list(tested), least))

    def _findings(self, tested: list[int], least: float | None) -> Iterator[Finding]:
        train, test = self._train.words, self._test.words
        yield from compare(
            train,
            test,
            self._labels,
            numbers=sorted(self._identities),
            is_number=self._is_number,
            is_hidden=self._is_hidden,
        )
        yield from together(
            (
                one.without_date() if one.told.column == self._choice.time else one
                for one in self._looked
                if one.told.column != self._choice.group
            ),
            self._looked_at,
        )
        if self._choice.group is not None:
            yield check_group(self._choice.group)
        if self._bins is not None:
            yield from check_bins(self._counts, self._tests)
        elif self._counts:
            yield from check_classes(self._counts, self._tests)
        if self._files is not None:
            yield from check_files(self._files)
        yield from check_size(self._tests, least)
        if tested and self._bins is None:
            by_class = self._choice.group is None and self._choice.time is None
            yield from check_absent(list(self._counts), tested, by_class=by_class)

    def _read(self, train: Path, step: int) -> tuple[pl.Series, pl.DataFrame]:
        """The labels of all training rows, and every so manyth row; as text."""
        labels, some, rows = list[pl.Series](), list[pl.DataFrame](), 0
        for batch in read_batches(train):
            labels.append(batch.get_column(LABEL))
            # perf: over many columns `gather_every` takes several times as long.
            some.append(batch[np.arange(-rows % step, batch.height, step)])
            rows += batch.height
        if rows != self._rows:
            raise DataError(
                f"{train.name} has {counted(rows, 'row')}, not {self._rows:,}."
            )
        return pl.concat(labels), pl.concat(some)

    def _read_labels(self, cells: pl.Series) -> Floats:
        """Labels as places of classes, or numbers; shape (rows,)."""
        if self._is_number:
            return Values.of(cells).numbers
        return cells.fill_null("").rank("dense").to_numpy().astype(np.float64)

    def _told(self) -> float | None:
        """What the small forest reached, in few digits."""
        score = None if self.tried is None else self.tried.score
        if score is None:
            return None
        is_share = bool(self._counts)
        return _share(score) if is_share else _few(score)

    def _errors(self) -> dict[str, float | None]:
        """What else is told of numbers without bins: the errors of whoever needs no
        model, and the other one of the small forest. None is one that is too large.
        """
        if self._counts:
            return {}
        labels = self._labels
        with np.errstate(over="ignore"):
            found = {
                "constant": float(np.abs(labels - np.median(labels)).mean()),
                "constant_root": float(labels.std()),
                "baseline_root": None if self.tried is None else self.tried.root,
            }
        return {
            name: _few(one) if one is not None and isfinite(one) else None
            for name, one in found.items()
        }

    def _look(self, rows: pl.DataFrame, step: int) -> tuple[list[Looked], Tried | None]:
        """Looks at each column, and tries a small forest on some of the rows.

        Args:
            rows: Every so manyth training row, without its label.
            step: How many that is.
        """
        labels = self._labels[::step]
        again = every(labels.size, MOST_FITTED_ROWS)
        is_number = self._is_number
        looked: list[Looked] = []
        tried = _ToTry(self._schema, self._choice, again)
        for some in rows:
            found = look(some.name, some, labels, is_number=is_number, step=step)
            if self._beside is not None and some.name != self._choice.group:
                names = check_names(some.name, some, self._beside)
                found = found if names is None else replace(found, finding=names)
            looked.append(found)
            tried.hold_apart(some)
            # To know a group again is of no use where others are tested.
            if not found.is_identity and some.name != self._choice.group:
                tried.add(some)
        if not tried.columns:
            return looked, None
        return looked, try_forest(
            np.stack(tried.columns, axis=1),
            labels[::again],
            is_number=is_number,
            bins=self._bins,
            texts=tried.texts,
            apart=tried.apart,
        )


class _ToTry:
    """The columns that a small forest is tried on, as models will see them.

    Args:
        schema: How they become codes; None for columns as they are.
        choice: How test rows were chosen.
        again: Every which row that is looked at it is tried on.

    Attributes:
        columns: Numbers or codes, each of shape (rows,).
        texts: Those of them that are codes of texts, by their place.
        apart: How rows are held out.
    """

    def __init__(self, schema: Schema | None, choice: Choice, again: int) -> None:
        self._schema, self._choice, self._again = schema, choice, again
        self.apart: Apart | None = None
        self._coded: dict[str, Column] = {}
        if schema is not None:
            self._coded = {one.name: one for one in schema.columns}
        self.columns: list[npt.NDArray[Any]] = []
        self.texts: dict[int, CodedTexts] = {}

    def hold_apart(self, cells: pl.Series) -> None:
        """Looks whether test rows were chosen by a column."""
        if cells.name in (self._choice.group, self._choice.time):
            values = Values.of(cells.gather_every(self._again))
            self.apart = Apart.of(self._choice, cells.name, values)

    def add(self, cells: pl.Series) -> None:
        """The next column, as text, of all rows that are looked at."""
        if self._schema is None:
            values = Values.of(cells)
            numbers = as_it_is(values, is_text=not values.is_numeric)
            self.columns.append(numbers[:: self._again])
            return
        column, width = self._coded[cells.name], self._schema.width
        if isinstance(column, Texts):
            texts = CodedTexts.of(Values.of(cells), width, self._again)
            self.texts[len(self.columns)] = texts
            self.columns.append(texts.codes())
        else:
            some = cells.gather_every(self._again)
            self.columns.append(encode_cells(column, some, width))


def _share(number: float) -> float:
    """A share of rows, whatever machine and library it was reached with."""
    return round(number, SHARE_DIGITS)


def _few(number: float) -> float:
    """A number with few digits, whatever machine and library it was reached with."""
    return float(f"{number:.{DIGITS}g}")


def _few_digits(found: Coarseness) -> Coarseness:
    return Coarseness(
        _few(found.mean_absolute), _few(found.root_mean_square), _few(found.median)
    )


def lint(
    train: Path,
    test: Path,
    parts: Split,
    *,
    beside: Path | None = None,
    progress: Progress | None = None,
) -> Report:
    """Looks at both parts of a table that was split.

    Args:
        train: The training part, as it is published.
        test: The test rows.
        parts: What the split came to.
        beside: See `Lint`.
        progress: Is told of the rows looked at.

    Raises:
        DataError: A file of it is no such table.
    """
    classes = parts.classes
    counts = dict(zip(classes.names, parts.train_counts, strict=True))
    found = Lint(
        train,
        parts.features,
        parts.train_rows,
        counts,
        bins=classes if isinstance(classes, Bins) else None,
        files=parts.files,
        choice=parts.choice,
        beside=beside if parts.files is None else None,
        progress=progress,
    )
    for batch in read_batches(test):
        found.add(batch)
    tested = np.bincount(parts.truth, minlength=len(counts))
    return found.report(tested.tolist(), parts.coarseness)
