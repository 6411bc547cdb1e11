# SPDX-License-Identifier: Apache-2.0
"""Rows that come again: in one part, across the split, with other labels.

Rows are known by words, as in `modelmarket.datasets.fingerprints`: eight bytes a row
for each question, whatever a row has of columns. Two different rows with one word are
one pair in 2**64.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypedDict

import numpy as np
import numpy.typing as npt
import polars as pl

from modelmarket.datasets.coincidences import Prints
from modelmarket.datasets.fingerprints import Cells
from modelmarket.datasets.lint.equals import Equals, Labels
from modelmarket.datasets.lint.findings import (
    MOST_ROWS_NAMED,
    Check,
    Finding,
    Severity,
    named,
)
from modelmarket.system.text import agreeing, counted

DIGITS = 3
"""Numbers that agree in so many significant digits are nearly the same."""
LEAST_CHANGED = 3
"""Columns of numbers with more digits: of fewer, chance makes rows nearly the same."""
QUARTERS = 4
LEAST_QUARTERED = 32
"""Columns from which on rows are nearly the same if three of four of them are."""
MANY = 0.01
"""The share of the test rows from which on it matters that they are known."""
LEAST_TOLD_APART = 0.1
"""The share of the rows that must differ for them to be known without their numbers."""
_GROUPS = re.compile(
    r"(?:.*[_\s.-])?(?:patient|subject|person|user|customer|client|household|family"
    r"|group|session|site|hospital|device|machine|animal|donor|participant)"
    r"(?:[_\s.-]?(?:id|no|nr|number|name|key))?",
    re.IGNORECASE,
)
"""Names of what has several rows that are not independent."""


def named_groups(names: Sequence[str]) -> tuple[str, ...]:
    """The columns that may say whom several rows are of."""
    return tuple(one for one in names if _GROUPS.fullmatch(one))


@dataclass(frozen=True, repr=False, eq=False)
class Words:
    """What the rows of a part are known by; each of shape (rows,).

    Attributes:
        whole: By all columns but those that number them.
        numbered: By those, too.
        rounded: As `whole`, with numbers to a few digits.
        changed: In how many columns that makes a difference.
        quarters: By every fourth column each, with rounded numbers; empty for tables of
            few columns.
        groups: By what a column says, for those that may name groups; 0 for nothing.
    """

    whole: Prints
    numbered: Prints
    rounded: Prints
    changed: npt.NDArray[np.uint32]
    quarters: tuple[Prints, ...]
    groups: dict[str, Prints]


class Seen:
    """Sees rows as they pass, and keeps their words.

    Args:
        names: The columns, but those that number rows.
        groups: The columns that may name groups.
        numbers: The columns that number rows.
    """

    def __init__(
        self,
        names: Sequence[str],
        groups: Sequence[str] = (),
        numbers: Sequence[str] = (),
    ) -> None:
        self._names, self._groups = tuple(names), tuple(groups)
        self._numbers = tuple(numbers)
        self._changed: list[npt.NDArray[np.uint32]] = []
        is_wide = len(self._names) >= LEAST_QUARTERED
        self._quarters = QUARTERS if is_wide else 0
        self._words: list[list[Prints]] = [[] for _ in range(3 + self._quarters)]
        self._members: dict[str, list[Prints]] = {name: [] for name in groups}

    def add(self, batch: pl.DataFrame) -> None:
        """Sees the next rows."""
        sums = [np.zeros(batch.height, dtype=np.uint64) for _ in self._words]
        changed = np.zeros(batch.height, dtype=np.uint32)
        for at, name in enumerate(self._names):
            cells = Cells(batch.get_column(name), exact=True)
            words, rounded = cells.words(), cells.words(DIGITS)
            changed += words != rounded
            np.add(sums[0], words, out=sums[0])
            np.add(sums[2], rounded, out=sums[2])
            if self._quarters:
                quarter = sums[3 + at % QUARTERS]
                np.add(quarter, rounded, out=quarter)
        sums[1] += sums[0]
        for name in self._numbers:
            sums[1] += Cells(batch.get_column(name), exact=True).words()
        self._changed.append(changed)
        for name in self._groups:
            members = Cells(batch.get_column(name), exact=True).words()
            self._members[name].append(members)
        for kept, found in zip(self._words, sums, strict=True):
            kept.append(found)

    @property
    def words(self) -> Words:
        """Of all rows that were seen."""
        whole, numbered, rounded, *quarters = map(_joined, self._words)
        changed = np.concatenate([np.zeros(0, dtype=np.uint32), *self._changed])
        groups = {name: _joined(words) for name, words in self._members.items()}
        return Words(whole, numbered, rounded, changed, tuple(quarters), groups)


def _joined(batches: list[Prints]) -> Prints:
    return np.concatenate([np.zeros(0, dtype=np.uint64), *batches])


def compare(
    train: Words,
    test: Words,
    labels: Labels,
    *,
    numbers: Sequence[str] = (),
    is_number: bool = False,
    is_hidden: bool,
) -> Iterator[Finding]:
    """Finds the rows that come again.

    Args:
        train: Of the training part.
        test: Of the test part.
        labels: Of the training rows.
        numbers: The columns that number rows, and are left out therefore.
        is_number: Whether the labels are numbers to be predicted.
        is_hidden: Whether nobody may know anything of the test rows.
    """
    apart = _apart(numbers)
    distinct = np.unique(train.whole).size / max(1, train.whole.size)
    if distinct < LEAST_TOLD_APART:
        # What looked like a mere number is what the rows are told apart by.
        train, test, apart = _as_numbered(train), _as_numbered(test), ""
    equals = Equals.of(train.whole, labels, is_number=is_number)
    for found in (
        *_across(train, test, equals, is_hidden=is_hidden),
        *_within(train, labels),
    ):
        yield replace(found, text=apart + found.text)
    for name, members in train.groups.items():
        yield from _groups(name, members, test.groups[name], is_hidden=is_hidden)


def _apart(numbers: Sequence[str]) -> str:
    """How a sentence begins that holds whatever these columns say."""
    if not numbers:
        return ""
    return (
        f"Apart from {agreeing(len(numbers), 'column', 'columns')} {named(numbers)}, "
    )


def _as_numbered(words: Words) -> Words:
    """The rows by all of their columns, and none of them nearly another."""
    return replace(
        words,
        whole=words.numbered,
        rounded=words.numbered,
        changed=np.zeros_like(words.changed),
        quarters=(),
    )


def _across(
    train: Words, test: Words, equals: Equals, *, is_hidden: bool
) -> Iterator[Finding]:
    """Finds test rows that stand in the training part.

    Args:
        train: Of the training part.
        test: Of the test part.
        equals: The rows of the training part that are equal to others.
        is_hidden: Whether nobody may know anything of the test rows.
    """
    tests = test.whole.size
    same = np.isin(test.whole, train.whole)
    if again := int(same.sum()):
        copies = np.isin(train.whole, test.whole)
        is_grave = equals.are_odd and again >= MANY * tests
        yield Finding(
            Check.DUPLICATES_ACROSS,
            Severity.CONFIRM if is_grave else Severity.WARNING,
            f"{again:,} of {counted(tests, 'test row')} {_stand(again)} in the "
            f"training part, too, {equals.why}.",
            equals.hint,
            **_named(copies),
            count=again,
            is_private=is_hidden,
        )
    near = _nearly(test, train) & ~same
    if again := int(near.sum()):
        yield Finding(
            Check.NEAR_DUPLICATES_ACROSS,
            Severity.WARNING,
            f"{again:,} of {counted(tests, 'test row')} nearly {_stand(again)} in the "
            f"training part, too: {_difference(train)}.",
            "Are they taken of the same thing? Then split by it with --group.",
            **_named(_nearly(train, test)),
            count=again,
            is_private=is_hidden,
        )


def _difference(words: Words) -> str:
    digits = f"to {DIGITS} digits the numbers are the same"
    return f"{digits}, in three of four columns at least" if words.quarters else digits


def _stand(count: int) -> str:
    return agreeing(count, "stands", "stand")


def _nearly(some: Words, others: Words) -> npt.NDArray[np.bool_]:
    """Which rows nearly stand among others; shape (rows,)."""
    told = some.changed >= LEAST_CHANGED
    found = told & np.isin(some.rounded, others.rounded)
    for at in range(len(some.quarters)):
        mine = some.rounded - some.quarters[at]
        found |= np.isin(mine, others.rounded - others.quarters[at])
    return found


def _within(train: Words, labels: Labels) -> Iterator[Finding]:
    _, first, places, counts = np.unique(
        train.whole, return_index=True, return_inverse=True, return_counts=True
    )
    repeated = np.ones(places.size, dtype=np.bool_)
    repeated[first] = False
    if not repeated.any():
        return
    every = int((counts[places] > 1).sum())
    differs = labels != labels[first][places]
    at_odds = np.isin(places, places[differs])
    yield Finding(
        Check.DUPLICATES,
        Severity.NOTE,
        f"{every:,} of {counted(places.size, 'training row')} are equal to others; "
        f"there {agreeing(first.size, 'is', 'are')} "
        f"{counted(first.size, 'different one')}.",
        "The same rows weigh more than others.",
        **_named(counts[places] > 1),
        count=every,
    )
    if odd := int(at_odds.sum()):
        yield Finding(
            Check.CONFLICTS,
            Severity.WARNING,
            f"{odd:,} of {counted(places.size, 'training row')} are equal to others "
            "in all but the label.",
            "No model can be right about all of them.",
            **_named(at_odds),
            count=odd,
        )


def _groups(
    name: str, train: Prints, test: Prints, *, is_hidden: bool
) -> Iterator[Finding]:
    filled = train[train != 0]
    kinds = np.unique(filled).size
    # A group has some rows, and there are some groups.
    if not 1 < kinds <= filled.size // 2:
        return
    shared = np.unique(test[test != 0])
    both = int(np.isin(shared, filled).sum())
    if both:
        yield Finding(
            Check.GROUPS_ACROSS,
            Severity.WARNING,
            f"Of {counted(kinds, 'group')} that column {name!r} names, {both:,} "
            f"{agreeing(both, 'has', 'have')} rows in both parts: models are tried on "
            "what they have seen others of.",
            f"To try them on groups that they do not know, say --group {name}.",
            columns=(name,),
            count=both,
            is_private=is_hidden,
        )


class _Named(TypedDict):
    """What a finding says of its rows."""

    rows: tuple[int, ...]
    has_more_rows: bool


def _named(which: npt.NDArray[np.bool_]) -> _Named:
    """The ids of the first rows of which something is true."""
    found = np.flatnonzero(which) + 1
    return {
        "rows": tuple(found[:MOST_ROWS_NAMED].tolist()),
        "has_more_rows": found.size > MOST_ROWS_NAMED,
    }
