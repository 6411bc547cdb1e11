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
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from eth_hash.auto import keccak

from modelmarket.datasets.codes import as_schema, encode, make_columns
from modelmarket.datasets.frames import read_frame
from modelmarket.datasets.published import (
    MANIFEST,
    MOST_MANIFEST_BYTES,
    TRAIN,
    croissant,
    read_fraction,
    read_rows,
    read_text,
    record_set,
)
from modelmarket.datasets.split import LABEL, ROW_ID, Progress, Source, Split, split
from modelmarket.errors import DataError
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
from modelmarket.protocol.schema import MOST_BYTES, ClassTarget, Schema
from modelmarket.system.documents import parse_json
from modelmarket.system.files import HashedFile

if TYPE_CHECKING:
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

Inspect = Callable[[Path, Path], None]
"""Is shown the training part and the test part."""


@dataclass(frozen=True)
class ContestManifest:
    """What the folder of a verified contest says of itself.

    Attributes:
        name: The request's.
        context: The request's.
        train_rows: Rows with labels.
        hidden_rows: Rows that nobody can read before the key is open.
        train_counts: Training rows of each class; empty for a regression.
        fraction: Of the rows, meant for testing.
        stratified: Whether it was drawn class by class.
        features: The columns.
        sha256: Of each file, by name, in hexadecimal; of what is hidden, that of
            what is published.
    """

    name: str
    context: str
    train_rows: int
    hidden_rows: int
    train_counts: tuple[int, ...]
    fraction: Fraction
    stratified: bool
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
            "split_fraction": str(self.fraction),
            "stratified": self.stratified,
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
                fraction=read_fraction(own["split_fraction"]),
                stratified=bool(own["stratified"]),
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
    """

    folder: Path
    manifest: ContestManifest
    schema: Schema
    rows_root: Hash
    targets_root: Hash


def publish_contest(
    source: Source,
    folder: Path,
    scratch: Path,
    stream: Callable[[bytes], Keystream],
    *,
    name: str = "",
    context: str = "",
    width: int = 8,
    even: bool = False,
    fraction: Fraction = Fraction(1, 5),
    stratified: bool = False,
    seed: bytes | None = None,
    inspect: Inspect | None = None,
    progress: Progress | None = None,
) -> PublishedContest:
    """Splits a labelled table and writes the folder to publish.

    Args:
        source: The table.
        folder: An empty folder.
        scratch: A folder of one's own, where the test rows lie in the clear until
            they are encrypted.
        stream: Gives what encrypts, from what tells this contest's rows and targets
            from all others'.
        name: The request's.
        context: The request's.
        width: Bits of a code, 8 or 16.
        even: Space the codes of numbers evenly; see `make_columns`.
        fraction: Of the rows that are for testing.
        stratified: Draw it class by class.
        seed: Fixes what is random in the split; None for the system's source.
        inspect: Is shown both parts in the clear, before anything is encrypted.
        progress: Is told of the rows read.

    Raises:
        DataError: The table cannot be used; names row, column and value.
    """
    with tempfile.TemporaryDirectory(dir=scratch) as private:
        clear = Path(private) / "test.csv"
        with (
            (folder / TRAIN).open("wb") as train,
            clear.open("wb") as test,
            HashedFile(train) as hashed,
            HashedFile(test) as hidden,
        ):
            done = split(
                source,
                hashed,
                hidden,
                fraction=fraction,
                stratified=stratified,
                seed=seed,
                progress=progress,
            )
            sha256 = {TRAIN: hashed.digest().hex()}
            # Only now is all of it in the file.
            hidden.digest()
            _require_learnable(done)
        if inspect is not None:
            inspect(folder / TRAIN, clear)
        columns = make_columns(
            folder / TRAIN, done.features, done.train_rows, width=width, even=even
        )
        schema = as_schema(columns, ClassTarget(done.classes), width)
        codes = encode(clear, columns, done.test_rows, width)
    (folder / SCHEMA).write_bytes(schema.to_json())
    sha256[SCHEMA] = _sha256(schema.to_json())
    rows = pack_rows(codes, width)
    groups = pack_groups(done.truth, schema.target.bits)
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
        train_rows=done.train_rows,
        hidden_rows=done.test_rows,
        train_counts=done.train_counts,
        fraction=done.fraction,
        stratified=done.stratified,
        features=done.features,
        sha256=sha256,
    )
    (folder / MANIFEST).write_bytes(manifest.to_json())
    return PublishedContest(
        folder,
        manifest,
        schema,
        rows_tree(encrypted[ROWS], schema.row_words).root,
        targets_tree(encrypted[TARGETS]).root,
    )


def _require_learnable(done: Split) -> None:
    """Makes sure that what is published tells nothing of the hidden rows' classes.

    Raises:
        DataError: A class is in no training row; names it.
    """
    for name, count in zip(done.classes.names, done.train_counts, strict=True):
        if not count:
            raise DataError(
                f"Class {name!r} would be in no training row, so nobody could learn it "
                "and its name would tell of the hidden ones.",
                hint="Draw class by class, or leave its rows out.",
            )


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


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
        return Schema.from_json(data)

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
