# SPDX-License-Identifier: Apache-2.0
"""Columns that give the label away, or number the rows, or say nothing."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from modelmarket.datasets.attached import FileColumn, are_files
from modelmarket.datasets.cells import Values
from modelmarket.datasets.dates import is_dated, times
from modelmarket.datasets.fingerprints import DIGITS, MOST_EXACT
from modelmarket.datasets.lint.commas import are_numbers_with_commas
from modelmarket.datasets.lint.findings import (
    MOST_NAMED,
    Check,
    Finding,
    Severity,
    Told,
    named,
    tells,
)
from modelmarket.system.text import agreeing, counted

BINS = 64
"""Ranges of numbers, with as many rows each, that a label is looked for in."""
LEAST_A_BIN = 8
"""Rows of a range: half of them teach what is said of the others."""
LEAST_OF_A_RUN = 4
"""Rows of one class beside each other, in the order of a column's numbers."""
LEAST_ROWS = 20
"""Fewer rows tell nothing about a column."""
GIVEN_AWAY = 0.98
"""The share of what the commonest class gets wrong that no honest column gets right."""
SUSPICIOUS = 0.9
TELLS = 0.1
"""The same for a column that should tell nothing, such as an index."""
DISTINCT = 0.99
"""The share of the rows that have a value of their own in an identifier's column."""
DEVIATIONS = 3
"""Standard deviations that chance hardly ever passes."""
SPARSEST = 2
"""Times its rows that an index may count."""
LEAST_NAMES = 2
MOST_LOOKED_FOR = 100
"""Names of a column that files are looked for by."""
MOST_IDENTIFIER = 64
"""Characters of an identifier."""

_NAMED_ID = re.compile(
    r"(?:.*[_\s.-])?(?:id|ids|uuid|guid|key|index|idx|nr|no|number|rownum|row)"
    r"|unnamed:?\s*\d*|\.\.\.\d+|",
    re.IGNORECASE,
)
"""Names that people, and data frames, give to what numbers rows."""
_NOTES = {
    Check.CONSTANT: ("has the same value in {rows}", "have the same value in {rows}"),
    Check.FREE_TEXT: (
        "holds texts that hardly ever come twice",
        "hold texts that hardly ever come twice",
    ),
    Check.PREDICTS: (
        "alone tells nearly the whole label",
        "tell nearly the whole label, each alone",
    ),
}
_HINTS = {
    Check.CONSTANT: "No model gains from it.",
    Check.FREE_TEXT: "A model of tables can do little with them; with numbers made of "
    "them, more.",
    Check.PREDICTS: "Is that known before the label is?",
}
MOST_COLUMNS = 100
"""Columns that a finding names."""
IDENTITIES = (Check.INDEX, Check.IDENTIFIER, Check.NAMES_FILES)
"""What is found of columns that tell rows apart and nothing else."""
Floats = npt.NDArray[np.float64]
Labels = Floats
"""Numbers of classes, or numbers to be predicted: shape (rows,)."""


@dataclass(frozen=True)
class Looked:
    """A column, and what was found about it.

    Attributes:
        told: How much of the labels it tells.
        finding: What is grave about it; None if nothing is.
        trait: What is worth a note beside others of the kind; None if nothing is.
    """

    told: Told
    finding: Finding | None = None
    trait: Check | None = None

    @property
    def is_identity(self) -> bool:
        """Whether it tells rows apart and nothing else."""
        finding = self.finding
        return finding is not None and finding.check in IDENTITIES

    def without_date(self) -> Looked:
        """The same where later rows are tested, as a date asks for by itself."""
        finding = self.finding
        is_date = finding is not None and finding.check is Check.DATE
        return replace(self, finding=None) if is_date else self


def look(
    name: str, cells: pl.Series, labels: Labels, *, is_number: bool, step: int = 1
) -> Looked:
    """Looks at a column.

    Args:
        name: Of the column.
        cells: Its cells as they are published, as text, in the rows' order.
        labels: Of the same rows.
        is_number: Whether the labels are numbers to be predicted.
        step: Every which row of the training part is looked at.
    """
    values = Values.of(cells)
    line = values.numbers if values.is_numeric else times(values.texts)
    places = _places(values, line)
    share, by_chance = _told(line, places, labels, is_number=is_number)
    told = Told(name, round(share, 4))
    if share <= by_chance:
        share = 0.0
    if len(cells) < LEAST_ROWS:
        return Looked(told)
    distinct = int(places.max()) + 1
    if distinct == 1:
        return Looked(told, trait=Check.CONSTANT)
    finding = (
        _with_commas(name, values)
        or _identity(name, values, distinct, share, step, is_number=is_number)
        or _date(name, share, is_date=line is not None and not values.is_numeric)
        or _copied(name, values, places, distinct, labels, is_number=is_number)
        or _predicts(name, share, is_number=is_number)
    )
    if finding is not None:
        return Looked(told, finding)
    if share >= SUSPICIOUS:
        return Looked(told, trait=Check.PREDICTS)
    is_free = not values.is_numeric and distinct > len(cells) // 2
    return Looked(told, trait=Check.FREE_TEXT if is_free else None)


def together(
    every: Iterable[Looked], rows: str = "all training rows"
) -> Iterator[Finding]:
    """What was found of all columns; of many that are alike some are named.

    Args:
        every: Column.
        rows: What was looked at.
    """
    looked = list(every)
    for check, severity in product(Check, Severity):
        alike = [
            one.finding
            for one in looked
            if one.finding is not None
            and (one.finding.check, one.finding.severity) == (check, severity)
        ]
        yield from alike[:MOST_NAMED]
        if rest := tuple(one.columns[0] for one in alike[MOST_NAMED:]):
            yield replace(
                alike[0],
                text=f"The same is true of {counted(len(rest), 'more column')}: "
                f"{named(rest)}.",
                columns=rest[:MOST_COLUMNS],
            )
    for check, (one, many) in _NOTES.items():
        names = tuple(found.told.column for found in looked if found.trait is check)
        if names:
            is_one = len(names) == 1
            columns = f"Column {names[0]!r}" if is_one else f"{len(names):,} columns"
            which = "" if is_one else f": {named(names)}"
            yield Finding(
                check,
                Severity.NOTE,
                f"{columns} {(one if is_one else many).format(rows=rows)}{which}.",
                _HINTS[check],
                columns=names[:MOST_COLUMNS],
            )


def check_files(files: FileColumn) -> Iterator[Finding]:
    """Looks at a column of files."""
    if files.annotated:
        yield Finding(
            Check.ANNOTATED,
            Severity.WARNING,
            f"{files.annotated:,} of {counted(files.files, 'file')} of column "
            f"{files.column!r} {agreeing(files.annotated, 'says', 'say')} something "
            "beside what is seen or heard, such as when and where it was taken.",
            "Such notes are published with the files, may give labels away, and tell "
            "of people: take them out first, if they are not meant.",
            columns=(files.column,),
            count=files.annotated,
        )


def check_group(name: str) -> Finding:
    """What is to be said of the column of groups that rows were split by."""
    return Finding(
        Check.GROUP,
        Severity.NOTE,
        f"Column {name!r} says which rows stay together, and is published with the "
        "others. Test rows are of other groups than it names in the training part.",
        "No model learns from it what holds for them.",
        columns=(name,),
    )


def check_names(name: str, cells: pl.Series, folder: Path) -> Finding | None:
    """Looks whether a column names files that lie beside the table.

    Args:
        name: Of the column.
        cells: As text.
        folder: That the table lies in.
    """
    said = cells.drop_nulls().unique(maintain_order=True)
    said = said.filter(said.str.strip_chars() != "").head(MOST_LOOKED_FOR)
    if len(said) < LEAST_NAMES or not are_files(said.to_list(), folder):
        return None
    return Finding(
        Check.NAMES_FILES,
        Severity.WARNING,
        f"Column {name!r} names files that lie beside the table, and they are not "
        "published: others have their names alone.",
        f"To publish them too, say --files {name}; or leave the column out.",
        columns=(name,),
        is_private=True,
    )


def _with_commas(name: str, values: Values) -> Finding | None:
    """Looks whether a column holds numbers that are read as text."""
    if values.is_numeric:
        return None
    if not are_numbers_with_commas(values.texts.filter(pl.Series(~values.is_missing))):
        return None
    return Finding(
        Check.COMMAS,
        Severity.WARNING,
        f"Column {name!r} holds numbers with commas, which are read as text.",
        "Write 3.5 for 3,5 and 1000 for 1,000, and models can compute with them.",
        columns=(name,),
    )


def _places(values: Values, line: Floats | None) -> npt.NDArray[np.int64]:
    """Each cell's place among the different ones, from 0; shape (rows,)."""
    if line is not None:
        _, places = np.unique(line, return_inverse=True)
        long = np.abs(line) >= MOST_EXACT
        if long.any():
            # What floats do not tell apart is told by its digits.
            long &= values.texts.str.contains(DIGITS).to_numpy()
            digits = values.texts.rank("dense").to_numpy().astype(np.int64)
            pairs = np.stack((places, digits * long), axis=1)
            _, places = np.unique(pairs, axis=0, return_inverse=True)
        return places.astype(np.int64).reshape(-1)
    return values.texts.rank("dense").to_numpy().astype(np.int64) - 1


def _told(
    line: Floats | None,
    places: npt.NDArray[np.int64],
    labels: Labels,
    *,
    is_number: bool,
) -> tuple[float, float]:
    """How much of the labels a column tells, see `Told`; and how much by chance.

    Every second row is predicted by what the others teach, and the other way round:
    each range of numbers, or each text, by its commonest class or its mean; or each
    part between two of its numbers where one class ends and another begins, if that is
    right more often.

    By chance alone, rows that only one of column and commonest class gets right are as
    many either way (Q. McNemar, Psychometrika 12, 1947), but for a few standard
    deviations.

    Args:
        line: Its cells as numbers or times, NaN for what is missing; None for texts.
            Shape (rows,).
        places: Of its cells among the different ones; shape (rows,).
        labels: Of the same rows.
        is_number: Whether they are numbers to be predicted.
    """
    bins = places if line is None else _bins(places)
    known, by_changes = np.zeros(3), np.zeros(3)
    for odd in (False, True):
        tested = (np.arange(labels.size) % 2 == 1) == odd
        learn = _mean_error if is_number else _wrong
        taught = labels[~tested], labels[tested]
        known += learn(bins[~tested], taught[0], bins[tested], taught[1])
        if line is not None and not is_number:
            # Few rows make ranges in which classes meet that the numbers tell apart.
            cuts = _changes(line[~tested], taught[0])
            parts = np.searchsorted(cuts, line)
            by_changes += learn(parts[~tested], taught[0], parts[tested], taught[1])
    if by_changes[0] < known[0] and by_changes[1]:
        known = by_changes
    left, without, variance = known
    if without <= 0:
        return 0.0, 0.0
    by_chance = DEVIATIONS * math.sqrt(variance) / without
    return max(0.0, float(1 - left / without)), by_chance


def _changes(
    numbers: npt.NDArray[np.float64], labels: Labels
) -> npt.NDArray[np.float64]:
    """The numbers between rows of one class and rows of another, in their order, where
    there are some of each.

    Args:
        numbers: Shape (rows,); NaN for what is missing.
        labels: Of the same rows.
    """
    known = ~np.isnan(numbers)
    order = np.argsort(numbers[known], kind="stable")
    lined, kinds = numbers[known][order], labels[known][order]
    ends = np.flatnonzero(kinds[1:] != kinds[:-1])
    runs = np.diff(np.concatenate(([-1], ends, [kinds.size - 1])))
    ends = ends[(runs[:-1] >= LEAST_OF_A_RUN) & (runs[1:] >= LEAST_OF_A_RUN)]
    low, high = lined[ends], lined[ends + 1]
    return np.unique((low / 2 + high / 2)[low < high])


def _bins(places: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Ranges of ranks with about as many rows each; equal cells in the same one."""
    counts = np.bincount(places)
    most = max(2, min(BINS, places.size // LEAST_A_BIN))
    if counts.size <= most:
        return places
    before = np.cumsum(counts) - counts
    bins: npt.NDArray[np.int64] = (before * most // places.size)[places]
    return bins


def _wrong(
    bins: npt.NDArray[np.int64],
    labels: Labels,
    tested: npt.NDArray[np.int64],
    wanted: Labels,
) -> tuple[int, int, int]:
    """Rows that are predicted wrongly by their bin's commonest class, by that of all
    rows, and by one of both only.
    """
    if not labels.size:
        return 0, 0, 0
    kinds, codes = np.unique(labels, return_inverse=True)
    common = kinds[np.argmax(np.bincount(codes))]
    size = int(max(bins.max(), tested.max(initial=0))) + 1
    best = np.full(size, common)
    pairs, counts = np.unique(bins * kinds.size + codes, return_counts=True)
    # Of a bin's pairs the last in this order, which stays, is its commonest class.
    order = np.lexsort((-pairs, counts))
    best[pairs[order] // kinds.size] = kinds[pairs[order] % kinds.size]
    by_bin, by_all = best[tested] != wanted, wanted != common
    return int(by_bin.sum()), int(by_all.sum()), int((by_bin != by_all).sum())


def _mean_error(
    bins: npt.NDArray[np.int64],
    labels: Labels,
    tested: npt.NDArray[np.int64],
    wanted: Labels,
) -> tuple[float, float, float]:
    """Squared errors of a bin's mean, and of that of all rows; and the sum of squares
    of their differences, row by row.
    """
    if not labels.size:
        return 0.0, 0.0, 0.0
    mean = float(labels.mean())
    size = int(max(bins.max(), tested.max(initial=0))) + 1
    counts = np.bincount(bins, minlength=size)
    sums = np.bincount(bins, weights=labels, minlength=size)
    means = np.where(counts > 0, sums / np.maximum(counts, 1), mean)
    by_bin, by_all = (means[tested] - wanted) ** 2, (mean - wanted) ** 2
    differences = float(np.sum((by_bin - by_all) ** 2))
    return float(by_bin.sum()), float(by_all.sum()), differences


def _identity(
    name: str,
    values: Values,
    distinct: int,
    share: float,
    step: int,
    *,
    is_number: bool,
) -> Finding | None:
    """What is to be said of a column that tells rows apart and nothing else."""
    rows = len(values.cells)
    if distinct < DISTINCT * rows:
        return None
    if values.is_numeric:
        numbers = values.numbers[~values.is_missing]
        if not np.all(numbers == np.floor(numbers)):
            return None
        # Of the table's rows the test part is not here, and of the others some.
        is_index = bool(np.ptp(numbers) < SPARSEST * step * rows)
        if not is_index and not _NAMED_ID.fullmatch(name):
            return None
        check = Check.INDEX if is_index else Check.IDENTIFIER
    else:
        texts = values.texts
        longest = texts.str.len_chars().max()
        is_word = not texts.str.contains(r"\s").any()
        if not is_word or not isinstance(longest, int) or longest > MOST_IDENTIFIER:
            return None
        if is_dated(texts):
            return None
        check = Check.IDENTIFIER
    counts = "counts the rows" if check is Check.INDEX else "has a value for each row"
    if share >= TELLS:
        return Finding(
            check,
            Severity.CONFIRM,
            f"Column {name!r} {counts}, and tells the label: the rows are in an order "
            f"that goes with it. It {tells(share, 0, is_number=is_number)}.",
            "Leave it out: it says nothing about new rows.",
            columns=(name,),
        )
    return Finding(
        check,
        Severity.WARNING,
        f"Column {name!r} {counts}.",
        "Leave it out, unless it says something about new rows.",
        columns=(name,),
    )


def _date(name: str, share: float, *, is_date: bool) -> Finding | None:
    if not is_date:
        return None
    tells = share >= SUSPICIOUS
    return Finding(
        Check.DATE,
        Severity.CONFIRM if tells else Severity.WARNING,
        f"Column {name!r} holds dates"
        + (", and tells the label by itself." if tells else ".")
        + " Test rows are drawn at random, so models are tried on days that they have "
        "seen others of.",
        f"To try them on later rows than they learn from, say --time {name}.",
        columns=(name,),
    )


def _copied(
    name: str,
    values: Values,
    places: npt.NDArray[np.int64],
    distinct: int,
    labels: Labels,
    *,
    is_number: bool,
) -> Finding | None:
    """What is to be said of a column that is the label in other words."""
    if is_number:
        if not values.is_numeric or values.is_missing.any():
            return None
        same = bool(np.array_equal(values.numbers, labels))
        is_copy = same or _is_line(values.numbers, labels)
    else:
        kinds, codes = np.unique(labels, return_inverse=True)
        pairs = np.unique(np.stack((places, codes.astype(np.int64))), axis=1).shape[1]
        is_copy = kinds.size > 1 and pairs == kinds.size == distinct
    if not is_copy:
        return None
    return Finding(
        Check.LABEL_COPY,
        Severity.CONFIRM,
        f"Column {name!r} says what the label says, in all rows that were looked at.",
        "Leave it out: whoever has it needs no model.",
        columns=(name,),
    )


def _is_line(numbers: Labels, labels: Labels) -> bool:
    """Whether labels are a column's numbers times a factor, plus something."""
    if not (np.isfinite(numbers).all() and np.ptp(numbers) and np.ptp(labels)):
        return False
    return bool(abs(np.corrcoef(numbers, labels)[0, 1]) > 1 - 1e-9)


def _predicts(name: str, share: float, *, is_number: bool) -> Finding | None:
    if share < GIVEN_AWAY:
        return None
    return Finding(
        Check.PREDICTS,
        Severity.CONFIRM,
        f"Column {name!r} alone {tells(share, 1, is_number=is_number)}.",
        "Is it known before the label is? Leave it out if it is not.",
        columns=(name,),
    )
