# SPDX-License-Identifier: Apache-2.0
"""A table in codes, before anything of it is encrypted."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
from eth_hash.auto import keccak

from modelmarket.datasets.choosing import Choice
from modelmarket.datasets.codes import (
    as_schema,
    encode_frame,
    frame_of,
    make_columns,
    refuse_many,
)
from modelmarket.datasets.drawing import Shuffle
from modelmarket.datasets.labels import Classed, Numbered
from modelmarket.datasets.sources import LABEL, Source
from modelmarket.datasets.split import Progress, divide, places
from modelmarket.datasets.targets import deviation, number_target, variance
from modelmarket.errors import DataError, InputError
from modelmarket.protocol.classes import Classes
from modelmarket.protocol.hidden import (
    RowCodes,
    Targets,
    Words,
    pack_groups,
    pack_rows,
)
from modelmarket.protocol.schema import MOST_BYTES, ClassTarget, Schema, Target
from modelmarket.system.files import HashedFile

if TYPE_CHECKING:
    import numpy.typing as npt
    import polars as pl

TABLES_ALONE = (
    "A verified contest has tables alone: no chain could judge what models say of "
    "files."
)
GATHERED_BYTES = 2**24
"""Of test rows whose text is in memory together: enough to be fast."""


class Watching(Protocol):
    """Sees the hidden rows as they pass, and keeps nothing that tells what they are."""

    def add(self, batch: pl.DataFrame) -> None:
        """Sees the next rows, with their labels."""


Watch = Callable[[int, dict[str, int], Schema], Sequence[Watching]]
"""Is told, once the training part is written, how many rows it has, how many of each
class, and how they become codes; says who sees the test rows."""


@dataclass(frozen=True)
class Coding:
    """How a table is split, and becomes codes.

    Attributes:
        width: Bits of a code, 8 or 16.
        even: Space the codes of numbers evenly; see `make_columns`.
        number_bits: Bits of a target, if the labels are numbers to be predicted: 8, 16
            or 32; None if they are classes.
        choice: How the test rows are chosen.
        seed: Fixes what is random in the split; None for the system's source. Secret.
    """

    width: int = 8
    even: bool = False
    number_bits: int | None = None
    choice: Choice = field(default_factory=Choice)
    seed: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, repr=False)
class Coded:
    """A table in codes. Secret, but for its training part and schema.

    Attributes:
        sha256: Of the training part as it was written, in hexadecimal.
        train_rows: That it has.
        train_counts: Of them of each class, in the order of the classes; empty for
            numbers.
        learned: Which rows of the table those are, from 1; shape (training rows,).
        schema: How its rows became codes.
        written: The schema's file.
        rows: The test rows, packed; shape (test rows, bytes).
        groups: Their targets, packed.
        deviation: Steps of the target by which always predicting the training rows'
            median is off, on average; 0 for classes.
        variance: The mean square of the steps by which their mean is off; 0 for
            classes.
    """

    sha256: str
    train_rows: int
    train_counts: tuple[int, ...]
    learned: npt.NDArray[np.int64]
    schema: Schema
    written: bytes
    rows: Words
    groups: Words
    deviation: Fraction
    variance: Fraction

    @property
    def digest(self) -> bytes:
        """What tells these rows and targets from all others; 32 bytes."""
        return keccak(self.rows.tobytes() + self.groups.tobytes())


def code(
    source: Source,
    train: Path,
    coding: Coding,
    *,
    watch: Watch | None = None,
    progress: Progress | None = None,
) -> Coded:
    """Splits a labelled table, writes the training part, and codes the test rows.

    On disk the test rows wait for their codes, which need all training rows, under a
    key that this process alone has and forgets. Memory holds their codes and targets,
    and of their text what is looked at.

    Args:
        source: The table.
        train: Where the training part is written.
        coding: How it is split, and becomes codes.
        watch: Says who sees the test rows.
        progress: Is told of the rows read.

    Raises:
        DataError: The table cannot be used; names row, column and value.
        InputError: It has a column of files.
    """
    if source.files is not None:
        raise InputError(
            TABLES_ALONE, hint="Leave the files out, or make a contest of predictions."
        )
    choice, bits = coding.choice, coding.number_bits
    table = source.label_table
    seen = Classed(table) if bits is None else Numbered(table)
    seen.refuse(choice)
    drawing = choice.drawing(source.data, source.label, coding.seed)
    with drawing.shuffle(encrypted=True) as shuffle:
        with train.open("wb") as opened, HashedFile(opened) as written:
            learned = divide(source, seen, written, drawing, shuffle, progress=progress)
            sha256 = written.digest().hex()
        is_classes = isinstance(seen, Classed)
        refuse_many(len(source.features), len(seen.names) if is_classes else 0)
        target, coded = _target(seen, choice, bits)
        train_rows = seen.rows - shuffle.rows
        columns = make_columns(
            train, source.features, train_rows, width=coding.width, even=coding.even
        )
        schema = as_schema(columns, target, coding.width)
        train_counts = _train_counts(seen)
        named = target.classes.names if isinstance(target, ClassTarget) else ()
        counts = dict(zip(named, train_counts, strict=True))
        watching = () if watch is None else watch(train_rows, counts, schema)
        codes, targets = _hidden(source, shuffle, schema, seen.names, coded, watching)
    return Coded(
        sha256,
        train_rows,
        train_counts,
        learned,
        schema,
        _written(schema),
        pack_rows(codes, coding.width),
        pack_groups(targets, schema.target.bits),
        *(
            of(coded, seen.train) if isinstance(seen, Numbered) else Fraction(0)
            for of in (deviation, variance)
        ),
    )


def _target(
    seen: Classed | Numbered, choice: Choice, number_bits: int | None
) -> tuple[Target, Targets]:
    """What is predicted, from training labels alone, and the target of each label.

    Raises:
        DataError: A class is in no training row, which tells of the hidden ones;
            names it. Or the numbers make no target.
    """
    if isinstance(seen, Numbered):
        assert number_bits is not None, "it numbers labels"
        numbers = number_target(seen.learned(), number_bits)
        return numbers, numbers.encode(seen.names)
    for code, name in enumerate(seen.names):
        if not seen.train[code]:
            by_class = choice.group is None and choice.time is None
            raise DataError(
                f"Class {name!r} would be in no training row, so nobody could learn it "
                "and its name would tell of the hidden ones.",
                hint="Draw class by class with --stratified, or leave its rows out."
                if by_class
                else "Leave its rows out.",
            )
    order = seen.order()
    return ClassTarget(Classes(tuple(map(seen.names.__getitem__, order)))), places(
        order
    )


def _train_counts(seen: Classed | Numbered) -> tuple[int, ...]:
    """Training rows of each class, in the order of the classes; empty for numbers."""
    if isinstance(seen, Numbered):
        return ()
    return tuple(seen.train[seen.order()].tolist())


def _hidden(
    source: Source,
    shuffle: Shuffle,
    schema: Schema,
    labels: Sequence[str],
    coded: Targets,
    watching: Sequence[Watching],
) -> tuple[RowCodes, Targets]:
    """The test rows in random order: codes of shape (rows, columns), and targets.

    Args:
        source: Names their columns.
        shuffle: Has them.
        schema: Makes codes of them.
        labels: The different ones, as they are written.
        coded: The target of each.
        watching: See them.
    """
    import polars as pl

    shape = (shuffle.rows, len(schema.columns))
    codes: RowCodes = np.empty(shape, dtype=f"u{schema.width // 8}")
    hidden = array("I")
    for lines, some in _gathered(shuffle):
        frame = frame_of(lines, source.features)
        if watching:
            said = pl.Series(LABEL, [labels[one] for one in some], dtype=pl.String)
            for one in watching:
                one.add(frame.with_columns(said))
        first = len(hidden)
        hidden.extend(some)
        codes[first : len(hidden)] = encode_frame(frame, schema.columns, schema.width)
    return codes, coded[np.frombuffer(hidden, dtype=np.uint32)]


def _gathered(shuffle: Shuffle) -> Iterator[tuple[list[bytes], list[int]]]:
    """Shuffled rows and their labels, as many together as are worth to be read."""
    lines, labels, size = list[bytes](), list[int](), 0
    for rows, some in shuffle.shuffled():
        lines += rows
        labels += some
        size += sum(map(len, rows))
        if size >= GATHERED_BYTES:
            yield lines, labels
            lines, labels, size = [], [], 0
    if lines:
        yield lines, labels


def _written(schema: Schema) -> bytes:
    """The schema's file.

    Raises:
        DataError: It is larger than anybody reads.
    """
    data = schema.to_json()
    if len(data) > MOST_BYTES:
        raise DataError(
            f"The schema of this table takes {len(data):,} bytes; at most "
            f"{MOST_BYTES:,} are read.",
            hint="Take codes of 8 bits, or leave columns out.",
        )
    return data
