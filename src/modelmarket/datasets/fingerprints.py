# SPDX-License-Identifier: Apache-2.0
"""What the rows of a published table are recognised by, when they come again.

A row is a sum over its cells, each hashed with its column's name, so neither the
order of rows nor that of columns matters, and 1, 1.0 and "1" are the same: what
was read from Parquet is known again in a CSV. The labels are left out; features
alone tell a trainer which row it is. They are looked at only where an earlier table
had them as a column. Where rows are of so few different values that they come again by
chance, they tell nothing; see `modelmarket.datasets.coincidences`.

These are no secrets and hide nothing: whoever keeps them encrypts them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from modelmarket.datasets.coincidences import Prints, alike, is_chance, together
from modelmarket.datasets.frames import scan
from modelmarket.datasets.sources import LABEL, ROW_ID
from modelmarket.datasets.split import Progress
from modelmarket.datasets.tables import MISSING
from modelmarket.errors import DataError

BATCH_ROWS = 16_384
JUDGED_ROWS = 1_000
"""Rows that the columns' types are told by; wrong guesses cost a second reading."""
MOST_EXACT = 2.0**53
"""From here on floats do not tell every whole number from the next."""
DIGITS = r"^[+-]?\d+$"
DISTINCT = 0.9
"""The share of rows that must differ for them to be known without their ids."""


@dataclass(frozen=True, repr=False, eq=False)
class Seen:
    """The rows of a table by some of its columns.

    Attributes:
        columns: Which, in alphabetical order.
        train: Of the training part.
        test: Of the test part.
        likely: How often two rows would be the same, were its columns independent.
    """

    columns: tuple[str, ...]
    train: Prints
    test: Prints
    likely: float = 0.0

    @property
    def rows(self) -> Prints:
        """Of both parts."""
        return np.concatenate((self.train, self.test))

    def identifies(self, other: Seen) -> bool:
        """Whether a row that comes again in another table, by the same columns, is
        likely to be from there.
        """
        likely = max(self.likely, other.likely)
        return not likely or not is_chance(self.rows, other.rows, likely)


@dataclass(frozen=True, repr=False, eq=False)
class Fingerprints:
    """The rows of a table by all of its columns, and by some.

    Attributes:
        seen: By all columns; and without those that merely number the rows, if
            it has such; and by what else was asked for.
        own: How many of them are not what was asked for.
        label: What the column of the labels was called; empty for none, or if nobody
            knows.
    """

    seen: tuple[Seen, ...]
    own: int
    label: str = ""

    @property
    def columns(self) -> list[tuple[str, ...]]:
        """What its rows are known by."""
        return [one.columns for one in self.seen]

    @property
    def names(self) -> frozenset[str]:
        """All of its columns but the labels'."""
        return frozenset(self.seen[0].columns)

    def rows(self, part: str) -> int:
        """How many a part has: `train` or `test`."""
        return int(getattr(self.seen[0], part).size)

    def shared(self, part: str, other: Fingerprints, *others: str) -> int:
        """How many rows of a part come again in another table; see `which`."""
        return int(np.count_nonzero(self.which(part, other, *others)))

    def which(
        self, part: str, other: Fingerprints, *others: str
    ) -> npt.NDArray[np.bool_]:
        """Which rows of a part come again in another table, if that is more than
        chance; shape (rows,).

        Args:
            part: `train` or `test`.
            other: Another table's, by the same columns too.
            others: Its part, or parts.
        """
        again = np.zeros(self.rows(part), dtype=np.bool_)
        for mine in self.seen:
            for its in other.seen:
                if mine.columns == its.columns and mine.identifies(its):
                    for one in others:
                        again |= np.isin(getattr(mine, part), getattr(its, one))
        return again

    def to_bytes(self) -> bytes:
        """What the rows will be known by later, eight or sixteen bytes a row."""
        kept = self.seen[: self.own]
        seen = [
            (one.columns, one.train.size, one.test.size, one.likely) for one in kept
        ]
        head = {"label": self.label, "seen": seen}
        parts = [part for one in kept for part in (one.train, one.test)]
        body = b"".join(part.astype("<u8").tobytes() for part in parts)
        return json.dumps(head).encode() + b"\n" + body

    @classmethod
    def from_bytes(cls, data: bytes) -> Fingerprints:
        """Reads what `to_bytes` wrote.

        Raises:
            DataError: It is something else.
        """
        head, _, body = data.partition(b"\n")
        try:
            words = np.frombuffer(body, "<u8").astype(np.uint64)
            seen, at = [], 0
            said = json.loads(head)
            # Before the label's name was kept there was a list alone; then nobody asked
            # how likely it is that two rows are the same.
            label = str(said["label"]) if isinstance(said, dict) else ""
            for columns, train, test, *likely in (
                said["seen"] if isinstance(said, dict) else said
            ):
                middle, end = at + train, at + train + test
                parts = words[at:middle], words[middle:end]
                seen.append(Seen(tuple(columns), *parts, *map(float, likely)))
                at = end
            if at != words.size or not seen:
                raise ValueError(at)
        except (KeyError, ValueError, TypeError) as error:
            raise DataError("These are no fingerprints of a table.") from error
        return cls(tuple(seen), own=len(seen), label=label)


def fingerprints(
    train: Path | Watched,
    test: Path | Watched,
    wanted: Iterable[tuple[str, ...]] = (),
    *,
    label: str = "",
    truth: Sequence[str] = (),
    progress: Progress | None = None,
) -> Fingerprints:
    """Reads the rows of both parts of a table, once.

    Args:
        train: As it is published; or what has seen it, and was told of the same sets of
            columns.
        test: Likewise, as it may be hidden.
        wanted: Sets of columns that earlier tables are known by; those that
            this one lacks are left out.
        label: What the column of the labels was called; empty for none. It may be among
            those sets.
        truth: The labels of the test part, if that is a file; one for each row. Secret.
        progress: Is told of the rows read.
    """
    sets = list(dict.fromkeys(wanted))
    parts = [
        one.part
        if isinstance(one, Watched)
        else _read(one, sets, progress, label, said)
        for one, said in ((train, None), (test, truth))
    ]
    columns = parts[0].columns

    def seen(names: Iterable[str], train: Prints, test: Prints) -> Seen:
        by = tuple(sorted(names))
        return Seen(by, train, test, together(parts[0].alike, by))

    found = [seen(columns, parts[0].whole, parts[1].whole)]
    ids = _ids(parts)
    if ids and len(ids) < len(columns):
        others = set(columns) - ids
        found.append(seen(others, parts[0].without(ids), parts[1].without(ids)))
        if not _tell_apart(found[1]):
            del found[1]
    known = {one.columns for one in found}
    for at, names in enumerate(sets):
        if names not in known and {*columns, label}.issuperset(names):
            found.append(seen(names, parts[0].sums[at], parts[1].sums[at]))
    return Fingerprints(tuple(found), own=len(known), label=label)


def _tell_apart(seen: Seen) -> bool:
    """Whether the rows are told apart by these columns, most of them."""
    return bool(np.unique(seen.rows).size >= DISTINCT * seen.rows.size)


def _ids(parts: Sequence[_Part]) -> set[str]:
    """The columns of whole numbers of which none comes twice: they number rows."""
    found = set()
    for name in parts[0].numbering.keys() & parts[1].numbering.keys():
        words = np.concatenate([part.numbering[name] for part in parts])
        if np.unique(words).size == words.size:
            found.add(name)
    return found


@dataclass(frozen=True, repr=False, eq=False)
class _Part:
    """One of the two published tables.

    Attributes:
        columns: Its features.
        whole: Its rows by all of them.
        sums: By each set of columns that was asked for.
        numbering: The words of the columns that may number the rows.
        alike: How often each column, or the label, says the same of two rows.
    """

    columns: tuple[str, ...]
    whole: Prints
    sums: list[Prints]
    numbering: dict[str, Prints]
    alike: dict[str, float]

    def without(self, names: Iterable[str]) -> Prints:
        """The rows without some of the columns that may number them."""
        left = self.whole
        for name in names:
            left = left - self.numbering[name]
        return left


def _read(
    path: Path,
    sets: Sequence[tuple[str, ...]],
    progress: Progress | None,
    label: str,
    truth: Sequence[str] | None,
) -> _Part:
    """The rows of a published part.

    Args:
        path: Its file.
        sets: Of columns that they are known by, too.
        progress: Is told of the rows read.
        label: What the column of the labels was called.
        truth: The labels, if they do not stand in the file; None if they do.
    """
    try:
        return _read_as(path, sets, progress, label, truth, infers=True)
    except pl.exceptions.PolarsError:
        # A later row is of another type than the first ones.
        return _read_as(path, sets, None, label, truth, infers=False)


def _read_as(
    path: Path,
    sets: Sequence[tuple[str, ...]],
    progress: Progress | None,
    label: str,
    truth: Sequence[str] | None,
    *,
    infers: bool,
) -> _Part:
    rows = scan(
        path,
        infer_schema=infers,
        infer_schema_length=JUDGED_ROWS,
        schema_overrides={ROW_ID: pl.Int64},
    )
    schema = rows.collect_schema()
    columns = tuple(name for name in schema if name not in (ROW_ID, LABEL))
    whole = [name for name in columns if schema[name].is_integer()]
    watched = Watched(columns, sets, numbering=whole, label=label)
    done = 0
    for batch in rows.collect_batches(chunk_size=BATCH_ROWS, maintain_order=True):
        if truth:
            said = pl.Series(LABEL, truth[done : done + batch.height], dtype=pl.String)
            batch = batch.with_columns(said)  # noqa: PLW2901  # the same rows
        done += batch.height
        watched.add(batch)
        if progress is not None:
            progress(batch.height)
    return watched.part


class Watched:
    """Sees rows as they pass, and remembers a word for each.

    Args:
        columns: The features.
        wanted: Sets of columns that rows shall be known by, too.
        numbering: The columns that may number the rows; None if any may.
        label: What the column of the labels was called, which stand beside the features
            then; empty for none.
    """

    def __init__(
        self,
        columns: Sequence[str],
        wanted: Iterable[tuple[str, ...]] = (),
        *,
        numbering: Iterable[str] | None = None,
        label: str = "",
    ) -> None:
        self._columns, self._label = tuple(columns), label
        self._members = [frozenset(columns), *map(frozenset, dict.fromkeys(wanted))]
        self._sums: list[list[Prints]] = [[] for _ in self._members]
        may = self._columns if numbering is None else numbering
        self._numbering: dict[str, list[Prints]] = {name: [] for name in may}
        self._alike: dict[str, float] = {}

    def add(self, batch: pl.DataFrame) -> None:
        """Sees the next rows; the same cells are the same as numbers and as text."""
        totals = [np.zeros(batch.height, dtype=np.uint64) for _ in self._members]
        for name in self._columns:
            words = Cells(batch[name]).words()
            self._add(name, words, totals)
            if name in self._numbering:
                self._number(name, words, batch[name])
        if self._label and LABEL in batch.columns:
            words = Cells(batch[LABEL].alias(self._label)).words()
            self._add(self._label, words, totals)
        for done, total in zip(self._sums, totals, strict=True):
            done.append(total)

    def _add(self, name: str, words: Prints, totals: list[Prints]) -> None:
        if name not in self._alike:
            self._alike[name] = alike(words)
        for total, names in zip(totals, self._members, strict=True):
            if name in names:
                np.add(total, words, out=total)

    def _number(self, name: str, words: Prints, cells: pl.Series) -> None:
        is_whole = cells.cast(pl.Int64, strict=False).null_count() == 0
        if is_whole and words.all() and np.unique(words).size == words.size:
            self._numbering[name].append(words)
        else:
            del self._numbering[name]

    @property
    def part(self) -> _Part:
        """All rows that were seen."""
        whole, *others = (_joined(one) for one in self._sums)
        numbering = {name: _joined(one) for name, one in self._numbering.items()}
        return _Part(self._columns, whole, others, numbering, self._alike)


def _joined(batches: Sequence[Prints]) -> Prints:
    return np.concatenate([np.zeros(0, dtype=np.uint64), *batches])


class Cells:
    """The cells of a column, to be made words of.

    Args:
        series: Of numbers or of text; its name is part of each word.
        exact: Whether whole numbers that floats do not tell apart are told by their
            digits: where all cells are written in one way, and not as floats.
    """

    def __init__(self, series: pl.Series, *, exact: bool = False) -> None:
        self._name = series.name
        words = None
        if series.dtype.is_numeric():
            numbers = series.cast(pl.Float64)
        else:
            texts = series.cast(pl.String)
            # perf: of most columns every cell is a number as it stands.
            numbers = texts.cast(pl.Float64, strict=False)
            if numbers.null_count():
                texts = texts.str.strip_chars().str.to_lowercase()
                numbers = texts.cast(pl.Float64, strict=False)
                words = numbers.is_null() & texts.is_not_null() & ~texts.is_in(MISSING)
        self._words = None if words is None else _texts(texts, words)
        # Gaps become NaN; adding 0 makes one zero of two.
        self._values = numbers.to_numpy() + 0.0
        self._long = None
        if exact and (long := np.abs(self._values) >= MOST_EXACT).any():
            texts = series.cast(pl.String).str.strip_chars()
            is_long = pl.Series(long) & texts.str.contains(DIGITS).fill_null(False)
            self._long = _texts(texts, is_long)

    def words(self, digits: int | None = None) -> Prints:
        """A word for each cell; 0 for an empty one.

        Args:
            digits: How many significant ones of a number matter; None for all.
        """
        key = np.frombuffer(_digest("column", self._name), np.uint64)
        values = self._values if digits is None else _rounded(self._values, digits)
        words = _mix(values.view(np.uint64) ^ key)
        words[np.isnan(values)] = 0
        for texts in (self._words, self._long if digits is None else None):
            if texts is not None:
                places, said, which = texts
                digests = b"".join(_digest(self._name, text) for text in said)
                words[places] = np.frombuffer(digests, np.uint64)[which]
        return words


def _texts(
    texts: pl.Series, chosen: pl.Series
) -> tuple[npt.NDArray[np.intp], list[str], npt.NDArray[np.intp]]:
    """Where some of the texts stand, the different ones, and which each is."""
    found = texts.filter(chosen).to_numpy().astype(object)
    said, which = np.unique(found, return_inverse=True)
    return np.flatnonzero(chosen.to_numpy()), said.tolist(), which


def _rounded(values: npt.NDArray[np.float64], digits: int) -> npt.NDArray[np.float64]:
    """Numbers with so many significant digits; what is no number stays."""
    # perf: so it is with counts, classes and the colours of pictures.
    if np.all((np.abs(values) < 10**digits) & (values == np.trunc(values))):
        return values
    with np.errstate(all="ignore"):
        tens = digits - 1 - np.floor(np.log10(np.abs(values)))
        # Whole powers alone are exact, and none overflows.
        scale = 10.0 ** np.clip(tens, -300, 300)
        rounded = np.round(values * scale) / scale
    is_kept = ~np.isfinite(rounded) | (values == 0)
    return np.where(is_kept, values, rounded) + 0.0


def _digest(name: str, text: str) -> bytes:
    said = f"{len(name)}:{name}{text}".encode()
    return hashlib.blake2b(said, digest_size=8).digest()


def _mix(words: Prints) -> Prints:
    """Spreads each word's bits over all of it (the finaliser of splitmix64)."""
    words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed: Prints = words ^ (words >> np.uint64(31))
    return mixed
