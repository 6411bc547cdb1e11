# SPDX-License-Identifier: Apache-2.0
"""The published folder of a verified contest: its test rows are hidden.

    manifest.json       what it says of itself; Croissant 1.0 besides
    schema.json         how rows become codes
    train.csv           the training part, as it was
    hidden/rows.bin     the test rows in codes, encrypted
    hidden/targets.bin  what is to be predicted for them, encrypted

Whatever stands there of values is made from the training rows alone: of the test rows
nobody learns more than their number before the key is out.
"""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
from eth_hash.auto import keccak

from modelmarket.datasets.choosing import Choice
from modelmarket.datasets.codes import (
    as_schema,
    encode,
    encode_frame,
    frame_of,
    make_columns,
    plain,
)
from modelmarket.datasets.drawing import Shuffle
from modelmarket.datasets.fingerprints import Fingerprints, Watched, fingerprints
from modelmarket.datasets.frames import read_frame
from modelmarket.datasets.published import (
    MANIFEST,
    MOST_MANIFEST_BYTES,
    TRAIN,
    croissant,
    read_choice,
    read_rows,
    read_text,
    record_set,
    written_choice,
)
from modelmarket.datasets.split import (
    LABEL,
    ROW_ID,
    Classed,
    Numbered,
    Progress,
    Source,
    divide,
    places,
)
from modelmarket.datasets.targets import deviation, number_target
from modelmarket.errors import DataError
from modelmarket.protocol.classes import Classes
from modelmarket.protocol.hidden import (
    Keystream,
    RowCodes,
    Targets,
    group_count,
    pack_groups,
    pack_rows,
    row_words,
)
from modelmarket.protocol.labels import WORD_BYTES
from modelmarket.protocol.merkle import (
    GROUP_BYTES,
    Hash,
    rows_tree,
    targets_tree,
)
from modelmarket.protocol.schema import MOST_BYTES, ClassTarget, Schema, Target
from modelmarket.system.documents import parse_json
from modelmarket.system.files import HashedFile

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import polars as pl

    from modelmarket.protocol.conditions import Conditions

SCHEMA = "schema.json"
ROWS = "hidden/rows.bin"
TARGETS = "hidden/targets.bin"
FILES = (TRAIN, SCHEMA, ROWS, TARGETS)
KIND = "verified"
VERSION = 1
_TYPES = {
    TRAIN: "text/csv",
    SCHEMA: "application/json",
    ROWS: "application/octet-stream",
    TARGETS: "application/octet-stream",
}
_MOST_SAID = 200

GATHERED_BYTES = 2**24
"""Of test rows whose text is in memory together: enough to be fast."""

Inspect = Callable[[Fingerprints], None]
"""Is told what the rows of both parts are known by."""


class Watching(Protocol):
    """Sees the hidden rows as they pass, and keeps nothing that tells what they are."""

    def add(self, batch: pl.DataFrame) -> None:
        """Sees the next rows."""


Look = Callable[
    [Path, tuple[str, ...], dict[str, int], "npt.NDArray[np.int64]"], Watching
]
"""Is told where the training part is, of which columns it is, how many rows there are
of each class, and which rows of the table they were."""


@dataclass(frozen=True)
class ContestManifest:
    """What the folder of a verified contest says of itself.

    Attributes:
        name: The request's.
        context: The request's.
        train_rows: Rows with labels.
        hidden_rows: Rows that nobody can read before the key is open.
        train_counts: Training rows of each class; empty for a regression.
        choice: How the test rows were chosen.
        features: The columns.
        sha256: Of each file, by name, in hexadecimal; of what is hidden, that of
            what is published.
    """

    name: str
    context: str
    train_rows: int
    hidden_rows: int
    train_counts: tuple[int, ...]
    choice: Choice
    features: tuple[str, ...]
    sha256: dict[str, str]

    def to_json(self) -> bytes:
        """The manifest as it is published."""
        own = {
            "schema_version": VERSION,
            "kind": KIND,
            "name": self.name,
            "train_rows": self.train_rows,
            "hidden_rows": self.hidden_rows,
            "train_counts": list(self.train_counts),
            "split": written_choice(self.choice),
            "row_id": ROW_ID,
            "label": LABEL,
            "features": list(self.features),
            "context": self.context,
        }
        return croissant(
            own,
            files=[(name, _TYPES[name], self.sha256[name]) for name in FILES],
            records=[record_set(TRAIN, (ROW_ID, *self.features, LABEL))],
        )

    @classmethod
    def from_json(cls, data: bytes) -> ContestManifest:
        """Reads a manifest that a stranger wrote.

        Raises:
            DataError: It is no such manifest.
        """
        try:
            document = parse_json(data)
            own = document["modelmarket"]
            if (own["schema_version"], own["kind"]) != (VERSION, KIND):
                raise DataError(
                    f"{MANIFEST} is not that of a verified contest of version "
                    f"{VERSION}."
                )
            return cls(
                name=read_text(own["name"]),
                context=read_text(own["context"]),
                train_rows=read_rows(own["train_rows"]),
                hidden_rows=read_rows(own["hidden_rows"]),
                train_counts=tuple(map(read_rows, own["train_counts"])),
                choice=read_choice(own["split"]),
                features=tuple(map(read_text, own["features"])),
                sha256={
                    read_text(one["name"]): read_text(one["sha256"])
                    for one in document["distribution"]
                },
            )
        except (
            ArithmeticError,
            KeyError,
            RecursionError,
            TypeError,
            ValueError,
        ) as error:
            said = repr(error)[:_MOST_SAID]
            raise DataError(f"{MANIFEST} is not a manifest: {said}.") from error


@dataclass(frozen=True)
class PublishedContest:
    """A contest's folder that is ready to be stored.

    Attributes:
        folder: Holds the files.
        manifest: One of them.
        schema: Another.
        rows_root: Commits to the encrypted rows.
        targets_root: Commits to the encrypted targets.
        deviation: Steps of the target by which always predicting the training rows'
            median is off, on average; 0 for classes.
    """

    folder: Path
    manifest: ContestManifest
    schema: Schema
    rows_root: Hash
    targets_root: Hash
    deviation: Fraction


def publish_contest(
    source: Source,
    folder: Path,
    stream: Callable[[bytes], Keystream],
    *,
    name: str = "",
    context: str = "",
    width: int = 8,
    even: bool = False,
    number_bits: int | None = None,
    choice: Choice | None = None,
    seed: bytes | None = None,
    known_by: Sequence[tuple[str, ...]] = (),
    inspect: Inspect | None = None,
    look: Look | None = None,
    progress: Progress | None = None,
) -> PublishedContest:
    """Splits a labelled table and writes the folder to publish.

    On disk the test rows are never in the clear: they wait for their codes, which
    need all training rows, under a key that this process alone has and forgets, and
    lie in the folder under the contest's. Memory holds their codes and targets, and
    of their text what is looked at.

    Args:
        source: The table.
        folder: An empty folder.
        stream: Gives what encrypts, from what tells this contest's rows and targets
            from all others'.
        name: The request's.
        context: The request's.
        width: Bits of a code, 8 or 16.
        even: Space the codes of numbers evenly; see `make_columns`.
        number_bits: Bits of a target, if the labels are numbers to be predicted: 8, 16
            or 32; None if they are classes.
        choice: How the test rows are chosen; None for a fifth of the rows at random.
        seed: Fixes what is random in the split; None for the system's source.
        known_by: Sets of columns that earlier tables are known by.
        inspect: Is told what the rows are known by, before anything is encrypted.
        look: Begins to look at both parts, once the training part is written.
        progress: Is told of the rows read.

    Raises:
        DataError: The table cannot be used; names row, column and value.
    """
    choice = choice or Choice()
    if number_bits is not None and choice.stratified:
        raise DataError(
            "Numbers cannot be drawn class by class.", hint="Leave out --stratified."
        )
    file = source.label_file
    seen = Classed(file) if number_bits is None else Numbered(file)
    drawing = choice.drawing(source.data, source.label, seed)
    with drawing.shuffle(encrypted=True) as shuffle:
        with (folder / TRAIN).open("wb") as opened, HashedFile(opened) as train:
            learned = divide(source, seen, train, drawing, shuffle, progress=progress)
            sha256 = {TRAIN: train.digest().hex()}
        target, coded = _target(seen, number_bits)
        train_rows = seen.rows - shuffle.rows
        columns = make_columns(
            folder / TRAIN, source.features, train_rows, width=width, even=even
        )
        schema = as_schema(columns, target, width)
        written = _written(schema)
        counts = _train_counts(seen)
        watched = Watched(source.features, known_by) if inspect is not None else None
        watching: list[Watching] = [] if watched is None else [watched]
        if look is not None:
            names = target.classes.names if isinstance(target, ClassTarget) else ()
            by_name = dict(zip(names, counts, strict=True))
            watching.append(look(folder / TRAIN, source.features, by_name, learned))
        codes, targets = _hidden(source, shuffle, schema, coded, watching)
    if inspect is not None and watched is not None:
        inspect(fingerprints(folder / TRAIN, watched, known_by))
    (folder / SCHEMA).write_bytes(written)
    sha256[SCHEMA] = _sha256(written)
    rows = pack_rows(codes, width)
    groups = pack_groups(targets, schema.target.bits)
    # Two contests with the same keystream would open each other.
    keystream = stream(keccak(rows.tobytes() + groups.tobytes()))
    encrypted = {
        ROWS: keystream.rows(rows).tobytes(),
        TARGETS: keystream.groups(groups).tobytes(),
    }
    (folder / ROWS).parent.mkdir()
    for file, data in encrypted.items():
        (folder / file).write_bytes(data)
        sha256[file] = _sha256(data)
    manifest = ContestManifest(
        name=name,
        context=context,
        train_rows=train_rows,
        hidden_rows=len(codes),
        train_counts=counts,
        choice=choice,
        features=source.features,
        sha256=sha256,
    )
    (folder / MANIFEST).write_bytes(manifest.to_json())
    return PublishedContest(
        folder,
        manifest,
        schema,
        rows_tree(encrypted[ROWS], schema.row_words).root,
        targets_tree(encrypted[TARGETS]).root,
        deviation(coded, seen.train) if isinstance(seen, Numbered) else Fraction(0),
    )


def _target(
    seen: Classed | Numbered, number_bits: int | None
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
            raise DataError(
                f"Class {name!r} would be in no training row, so nobody could learn it "
                "and its name would tell of the hidden ones.",
                hint="Draw class by class, or leave its rows out.",
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
    coded: Targets,
    watching: Sequence[Watching],
) -> tuple[RowCodes, Targets]:
    """The test rows in random order: codes of shape (rows, columns), and targets.

    Args:
        source: Names their columns.
        shuffle: Has them.
        schema: Makes codes of them.
        coded: The target of each label.
        watching: See them.
    """
    shape = (shuffle.rows, len(schema.columns))
    codes: RowCodes = np.empty(shape, dtype=f"u{schema.width // 8}")
    labels = array("I")
    for lines, some in _gathered(shuffle):
        frame = frame_of(lines, source.features)
        for one in watching:
            one.add(frame)
        first = len(labels)
        labels.extend(some)
        codes[first : len(labels)] = encode_frame(frame, schema.columns, schema.width)
    return codes, coded[np.frombuffer(labels, dtype=np.uint32)]


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


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


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


# perf: pages and commands ask for a contest's schema again and again.
_parsed = lru_cache(maxsize=4)(Schema.from_json)


@dataclass(frozen=True)
class ContestFolder:
    """The folder of somebody's contest, wherever its files lie.

    Attributes:
        path_of: Where a file is, by its name; raises a `ModelMarketError` for one
            that is not there.
    """

    path_of: Callable[[str], Path]

    def read(self, name: str, most: int) -> bytes:
        """The bytes of a file.

        Raises:
            DataError: It has more than it should.
        """
        path = self.path_of(name)
        size = path.stat().st_size
        if size > most:
            raise DataError(f"{name} has {size:,} bytes; {most:,} are allowed.")
        return path.read_bytes()

    def manifest(self) -> ContestManifest:
        """What it says of itself.

        Raises:
            DataError: It is no such folder.
        """
        return ContestManifest.from_json(self.read(MANIFEST, MOST_MANIFEST_BYTES))

    def schema(self, wanted: Hash) -> Schema:
        """How its rows become codes.

        Args:
            wanted: keccak256 of the file, as the terms say.

        Raises:
            DataError: It is another one, or none.
        """
        data = self.read(SCHEMA, MOST_BYTES)
        if keccak(data) != wanted:
            raise DataError(
                f"{SCHEMA} is not the one that the terms name.",
                hint="Do not enter this contest: no model could fit.",
            )
        return _parsed(data)

    def hidden(self, terms: Conditions) -> tuple[bytes, bytes]:
        """The encrypted rows and targets, held against the roots.

        Args:
            terms: Of the contest.

        Raises:
            DataError: They are not what the terms promise.
        """
        words = row_words(terms.columns, terms.width)
        sizes = {
            ROWS: terms.rows * words * WORD_BYTES,
            TARGETS: group_count(terms.rows, terms.bits) * GROUP_BYTES,
        }
        found: list[bytes] = []
        for name, size in sizes.items():
            data = self.read(name, size)
            if len(data) != size:
                raise DataError(
                    f"{name} has {len(data):,} bytes; {terms.rows:,} rows take "
                    f"{size:,}.",
                    hint="Do not enter this contest: nothing could be proven.",
                )
            found.append(data)
        rows, targets = found
        roots = (rows_tree(rows, words).root, targets_tree(targets).root)
        if roots != (terms.rows_root, terms.targets_root):
            raise DataError(
                "The hidden files are not those that the terms name.",
                hint="Do not enter this contest: nothing could be proven.",
            )
        return rows, targets

    def frame(self) -> tuple[pl.DataFrame, pl.Series]:
        """The training part as it was: features, and labels as text.

        Raises:
            DataError: It is no such table.
        """
        frame = read_frame(self.path_of(TRAIN)).drop(ROW_ID)
        return frame.drop(LABEL), frame[LABEL]

    def plain(self, schema: Schema) -> npt.NDArray[np.float64]:
        """The training part's features in numbers that are no codes.

        Shape (rows, columns); see `modelmarket.datasets.codes.plain`.

        Raises:
            DataError: It is no table of this schema.
        """
        path = self.path_of(TRAIN)
        return plain(path, schema.columns, len(read_labels(path)), schema.width)

    def training(self, schema: Schema) -> tuple[RowCodes, Targets]:
        """The training part in codes: shapes (rows, columns) and (rows,).

        Raises:
            DataError: It is no table of this schema.
        """
        path = self.path_of(TRAIN)
        labels = [one or "" for one in read_labels(path)]
        codes = encode(path, schema.columns, len(labels), schema.width)
        return codes, schema.target.encode(labels)


def read_labels(path: Path) -> list[str]:
    """The labels of a training part, as text.

    Raises:
        DataError: It is no such table.
    """
    from modelmarket.datasets.codes import columns_of

    [labels] = columns_of(path, [LABEL], 1)
    return [one or "" for one in labels.to_list()]
