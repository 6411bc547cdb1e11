# SPDX-License-Identifier: Apache-2.0
"""The published folder of a verified contest: its test rows are hidden.

    manifest.json       what it says of itself; Croissant 1.1 besides
    schema.json         how rows become codes
    report.json         what is odd about the table
    README.md           a card: what its requester says, and figures
    train.csv           the training part, as it was
    hidden/rows.bin     the test rows in codes, encrypted
    hidden/targets.bin  what is to be predicted for them, encrypted

Whatever stands there of values is made from the training rows alone: of the test rows
nobody learns more than their number before the key is out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from eth_hash.auto import keccak

from modelmarket.datasets.about import About, told_predicts
from modelmarket.datasets.baselines import Tried
from modelmarket.datasets.cards import card
from modelmarket.datasets.choosing import Choice
from modelmarket.datasets.codes import (
    encode,
    plain,
)
from modelmarket.datasets.coding import Coding, Watching, code
from modelmarket.datasets.croissant import croissant, record_set
from modelmarket.datasets.lint.findings import Report
from modelmarket.datasets.published import (
    CARD,
    MANIFEST,
    MOST_MANIFEST_BYTES,
    OPTIONAL,
    REPORT,
    TRAIN,
    read_choice,
    write_files,
    written_choice,
)
from modelmarket.datasets.sources import LABEL, ROW_ID, Source
from modelmarket.datasets.split import Progress
from modelmarket.errors import DataError
from modelmarket.protocol.hidden import (
    Keystream,
    RowCodes,
    Targets,
    group_count,
    row_words,
)
from modelmarket.protocol.labels import WORD_BYTES
from modelmarket.protocol.merkle import (
    GROUP_BYTES,
    Hash,
    rows_tree,
    targets_tree,
)
from modelmarket.protocol.schema import MOST_BYTES, Schema
from modelmarket.system.documents import parse_json, read_rows, read_text

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import polars as pl

    from modelmarket.datasets.fingerprints import Fingerprints
    from modelmarket.datasets.lint.lint import Lint
    from modelmarket.protocol.conditions import Conditions

SCHEMA = "schema.json"
ROWS = "hidden/rows.bin"
TARGETS = "hidden/targets.bin"
KIND = "verified"
VERSION = 2
MEDIA_TYPES = {
    TRAIN: "text/csv",
    SCHEMA: "application/json",
    REPORT: "application/json",
    CARD: "text/markdown",
    ROWS: "application/octet-stream",
    TARGETS: "application/octet-stream",
}
_MOST_SAID = 200

Inspect = Callable[["Fingerprints"], None]
"""Is told what the rows of both parts are known by."""


@dataclass(frozen=True)
class ContestManifest:
    """What the folder of a verified contest says of itself.

    Attributes:
        name: The request's.
        context: The request's.
        licence: SPDX expression for the data; empty if nothing was said.
        model_licence: The same for the model that wins.
        train_rows: Rows with labels.
        hidden_rows: Rows that nobody can read before the key is open.
        train_counts: Training rows of each class; empty for a regression.
        choice: How the test rows were chosen.
        features: The columns.
        predicts: What the requester's table calls the labels; empty if it has no name
            for them.
        sha256: Of each file, by name, in hexadecimal; of what is hidden, that of
            what is published.
    """

    name: str
    context: str
    licence: str
    model_licence: str
    train_rows: int
    hidden_rows: int
    train_counts: tuple[int, ...]
    choice: Choice
    features: tuple[str, ...]
    predicts: str
    sha256: dict[str, str]

    @property
    def told_predicts(self) -> str:
        """What a model is to say, in words."""
        return told_predicts(self.predicts, len(self.train_counts))

    @property
    def files(self) -> list[str]:
        """Those that it must have, and those of the others that it names."""
        return [one for one in MEDIA_TYPES if one not in OPTIONAL - self.sha256.keys()]

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
            "predicts": self.predicts,
            "context": self.context,
            "licence": self.licence,
            "model_licence": self.model_licence,
        }
        return croissant(
            own,
            files=[(name, MEDIA_TYPES[name], self.sha256[name]) for name in self.files],
            records=[
                record_set(
                    TRAIN,
                    (ROW_ID, *self.features, LABEL),
                    called={LABEL: self.predicts},
                )
            ],
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
                licence=read_text(own["licence"]),
                model_licence=read_text(own["model_licence"]),
                train_rows=read_rows(own["train_rows"]),
                hidden_rows=read_rows(own["hidden_rows"]),
                train_counts=tuple(map(read_rows, own["train_counts"])),
                choice=read_choice(own["split"]),
                features=tuple(map(read_text, own["features"])),
                predicts=read_text(own["predicts"]),
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
        variance: The mean square of the steps by which their mean is off; 0 for
            classes.
        report: What is odd about the table. What of it everybody may know is a file.
        learned: Which rows of the table are for training, from 1; shape (rows,).
        tried: The small forest that looked at the training part, if one did.
    """

    folder: Path
    manifest: ContestManifest
    schema: Schema
    rows_root: Hash
    targets_root: Hash
    deviation: Fraction
    variance: Fraction
    report: Report
    learned: npt.NDArray[np.int64]
    tried: Tried | None


def publish_contest(
    source: Source,
    folder: Path,
    stream: Callable[[bytes], Keystream],
    coding: Coding,
    *,
    about: About | None = None,
    known_by: Sequence[tuple[str, ...]] = (),
    inspect: Inspect | None = None,
    progress: Progress | None = None,
    looking: Progress | None = None,
) -> PublishedContest:
    """Splits a labelled table, looks at it, and writes the folder to publish.

    On disk the test rows are never in the clear: see `coding.code`; in the folder they
    lie under the contest's key.

    Args:
        source: The table.
        folder: An empty folder.
        stream: Gives what encrypts, from what tells this contest's rows and targets
            from all others'.
        coding: How it is split, and becomes codes.
        about: What people are told of it.
        known_by: Sets of columns that earlier tables are known by.
        inspect: Is told what the rows are known by, before anything is encrypted.
        progress: Is told of the rows read.
        looking: Is told of the rows looked at.

    Raises:
        DataError: The table cannot be used; names row, column and value.
        InputError: A licence is none, or the description is too long.
    """
    # perf: polars is needed to publish; whoever reads the schema alone does without.
    from modelmarket.datasets.fingerprints import Watched, fingerprints
    from modelmarket.datasets.lint.lint import Lint

    about = (about or About()).checked()
    train, features = folder / TRAIN, source.features
    watched = Watched(features, known_by, label=source.label or "")
    lints: list[Lint] = []

    def watch(rows: int, counts: dict[str, int], schema: Schema) -> list[Watching]:
        lint = Lint(
            train,
            features,
            rows,
            counts,
            choice=coding.choice,
            schema=schema,
            is_hidden=True,
            progress=looking,
        )
        lints.append(lint)
        return [lint] if inspect is None else [lint, watched]

    coded = code(source, train, coding, watch=watch, progress=progress)
    if inspect is not None:
        inspect(fingerprints(train, watched, known_by, label=source.label or ""))
    report = lints[0].report()
    public = report.public()
    # Two contests with the same keystream would open each other.
    keystream = stream(coded.digest)
    files = {
        SCHEMA: coded.written,
        REPORT: public.to_json(),
        CARD: card(
            about, told_predicts(source.predicts, len(coded.train_counts)), public
        ),
        ROWS: keystream.rows(coded.rows).tobytes(),
        TARGETS: keystream.groups(coded.groups).tobytes(),
    }
    (folder / ROWS).parent.mkdir()
    sha256 = {TRAIN: coded.sha256} | write_files(folder, files)
    manifest = ContestManifest(
        name=about.name,
        context=about.context,
        licence=about.licence,
        model_licence=about.model_licence,
        train_rows=coded.train_rows,
        hidden_rows=len(coded.rows),
        train_counts=coded.train_counts,
        choice=coding.choice,
        features=features,
        predicts=source.predicts,
        sha256=sha256,
    )
    (folder / MANIFEST).write_bytes(manifest.to_json())
    return PublishedContest(
        folder,
        manifest,
        coded.schema,
        rows_tree(files[ROWS], coded.schema.row_words).root,
        targets_tree(files[TARGETS]).root,
        coded.deviation,
        coded.variance,
        report,
        coded.learned,
        lints[0].tried,
    )


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
        from modelmarket.datasets.frames import check_columns, read_frame

        frame = read_frame(self.path_of(TRAIN))
        check_columns(frame, (ROW_ID, LABEL), TRAIN)
        frame = frame.drop(ROW_ID)
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
    from modelmarket.datasets.cells import columns_of

    [labels] = columns_of(path, [LABEL], 1)
    return [one or "" for one in labels.to_list()]
