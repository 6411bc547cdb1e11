# SPDX-License-Identifier: Apache-2.0
"""The published dataset folder and its manifest.

`manifest.json` says what the contract and the trainer need, and is valid Croissant
besides.
"""

from __future__ import annotations

import hashlib
import re
from contextlib import ExitStack
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modelmarket.datasets.about import About, told_predicts
from modelmarket.datasets.attached import FILES, FileColumn, read_file_column
from modelmarket.datasets.cards import card
from modelmarket.datasets.choosing import Choice
from modelmarket.datasets.croissant import croissant, record_set
from modelmarket.datasets.records import encode_row
from modelmarket.datasets.sources import LABEL, ROW_ID, Source
from modelmarket.datasets.split import Progress, Split, split
from modelmarket.errors import DataError
from modelmarket.protocol.bins import Bins
from modelmarket.protocol.classes import Classes
from modelmarket.system.documents import parse_json, read_rows, read_text
from modelmarket.system.files import HashedFile

if TYPE_CHECKING:
    from modelmarket.datasets.lint.findings import Report
    from modelmarket.protocol.bins import Binning

SCHEMA_VERSION = 2
MANIFEST = "manifest.json"
TRAIN = "train.csv"
TEST = "test.csv"
SAMPLE = "sample_submission.csv"
REPORT = "report.json"
CARD = "README.md"
MEDIA_TYPES = {
    TRAIN: "text/csv",
    TEST: "text/csv",
    SAMPLE: "text/csv",
    REPORT: "application/json",
    CARD: "text/markdown",
}
OPTIONAL = {REPORT, CARD}
"""Files that a folder may lack."""
MOST_MANIFEST_BYTES = 2**24
MOST_SAID = 200
_FRACTION = re.compile(r"[0-9]{1,40}(/[0-9]{1,40}|\.[0-9]{1,40})?", re.ASCII)
SAMPLE_BATCH_ROWS = 100_000


@dataclass(frozen=True)
class Manifest:
    """What a published dataset says of itself.

    Attributes:
        name: The request's.
        context: The request's.
        licence: SPDX expression for the data; empty if nothing was said.
        model_licence: The same for the model that wins.
        classes: In the order of their codes; bins, if the labels are numbers.
        train_rows: Rows with labels.
        test_rows: Rows without.
        train_counts: Training rows of each class.
        choice: How the test rows were chosen.
        features: The columns of both parts.
        predicts: What the requester's table calls the labels; empty if it has no name
            for them.
        sha256: Of each file beside the column of files, by name, in hexadecimal.
        files: The column that names files; None for none.
    """

    name: str
    context: str
    licence: str
    model_licence: str
    classes: Classes
    train_rows: int
    test_rows: int
    train_counts: tuple[int, ...]
    choice: Choice
    features: tuple[str, ...]
    predicts: str
    sha256: dict[str, str]
    files: FileColumn | None = None

    @property
    def bins(self) -> Bins | None:
        """What labels that are numbers were put into; None for classes."""
        return self.classes if isinstance(self.classes, Bins) else None

    @property
    def told_predicts(self) -> str:
        """What a model is to say, in words."""
        return told_predicts(
            self.predicts, len(self.classes), in_bins=self.bins is not None
        )

    @property
    def file_names(self) -> list[str]:
        """Those that it must have, and those of the others that it names."""
        return [one for one in MEDIA_TYPES if one not in OPTIONAL - self.sha256.keys()]

    def to_json(self) -> bytes:
        """The manifest as it is published."""
        own = {
            "schema_version": SCHEMA_VERSION,
            "name": self.name,
            "classes": list(self.classes.names),
            "bits": self.classes.bits,
            "edges": None if self.bins is None else list(self.bins.edges),
            "train_rows": self.train_rows,
            "test_rows": self.test_rows,
            "train_counts": list(self.train_counts),
            "split": written_choice(self.choice),
            "row_id": ROW_ID,
            "label": LABEL,
            "features": list(self.features),
            "predicts": self.predicts,
            "files": None if self.files is None else self.files.to_document(),
            "context": self.context,
            "licence": self.licence,
            "model_licence": self.model_licence,
        }
        return croissant(
            own,
            files=[
                (name, MEDIA_TYPES[name], self.sha256[name]) for name in self.file_names
            ],
            records=[
                record_set(
                    TRAIN,
                    (ROW_ID, *self.features, LABEL),
                    self.files,
                    called={LABEL: self.predicts},
                ),
                record_set(TEST, (ROW_ID, *self.features), self.files),
            ],
            beside=self.files,
        )

    @classmethod
    def from_json(cls, data: bytes) -> Manifest:
        """Reads a manifest that a stranger wrote.

        Raises:
            DataError: It is not such a manifest.
        """
        try:
            document = parse_json(data)
            own = document["modelmarket"]
            if own["schema_version"] != SCHEMA_VERSION:
                version = repr(own["schema_version"])[:MOST_SAID]
                raise DataError(
                    f"The manifest has version {version}; this "
                    f"program reads {SCHEMA_VERSION}."
                )
            manifest = cls(
                name=read_text(own["name"]),
                context=read_text(own["context"]),
                licence=read_text(own["licence"]),
                model_licence=read_text(own["model_licence"]),
                classes=_read_classes(own["classes"], own["edges"]),
                train_rows=read_rows(own["train_rows"]),
                test_rows=read_rows(own["test_rows"]),
                train_counts=tuple(map(read_rows, own["train_counts"])),
                choice=read_choice(own["split"]),
                features=_read_features(own["features"]),
                predicts=read_text(own["predicts"]),
                sha256={
                    read_text(one["name"]): read_text(one["sha256"])
                    for one in document["distribution"]
                    if one["@id"] != FILES
                },
                files=read_file_column(own["files"], own["features"]),
            )
            bits = own["bits"]
        except (
            ArithmeticError,
            KeyError,
            RecursionError,
            TypeError,
            ValueError,
        ) as error:
            said = repr(error)[:MOST_SAID]
            raise DataError(f"{MANIFEST} is not a manifest: {said}.") from error
        if bits != manifest.classes.bits:
            said = repr(bits)[:MOST_SAID]
            raise DataError(f"{MANIFEST} says {said} bits for its classes.")
        return manifest


def _read_features(names: Any) -> tuple[str, ...]:
    """The columns of both parts, as a stranger says."""
    features = tuple(map(read_text, names))
    if len({*features, ROW_ID, LABEL}) != len(features) + 2:
        raise ValueError("two columns have one name")
    return features


def _read_classes(names: Any, edges: Any) -> Classes:
    """Classes, or bins with edges, as a stranger says."""
    classes = tuple(map(read_text, names))
    if edges is None:
        return Classes(classes)
    return Bins(classes, tuple(map(_read_edge, edges)))


def _read_edge(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"an edge is a {type(value).__name__}")
    return float(value)


def written_choice(choice: Choice) -> dict[str, Any]:
    """How test rows were chosen, as a manifest says it."""
    return {
        "fraction": str(choice.fraction),
        "stratified": choice.stratified,
        "group": choice.group,
        "time": choice.time,
    }


def read_choice(value: Any) -> Choice:
    """How test rows were chosen, as a stranger says."""
    group, time = value["group"], value["time"]
    ways = [bool(value["stratified"]), group is not None, time is not None]
    if sum(ways) > 1:
        raise ValueError("test rows are chosen in two ways")
    return Choice(
        fraction=_read_fraction(value["fraction"]),
        stratified=ways[0],
        group=None if group is None else read_text(group),
        time=None if time is None else read_text(time),
    )


def _read_fraction(value: object) -> Fraction:
    """A stranger's fraction; an exponent could stand for more than memory holds."""
    text = read_text(value)
    if not _FRACTION.fullmatch(text):
        raise ValueError(f"{text[:40]!r} is no fraction")
    return Fraction(text)


@dataclass(frozen=True)
class Published:
    """A dataset folder that is ready to be stored, and what stays secret.

    Attributes:
        folder: Holds the files.
        manifest: One of them.
        split: Holds the truth.
        report: What is odd about the table. What of it everybody may know is a file.
    """

    folder: Path
    manifest: Manifest
    split: Split
    report: Report


def publish(
    source: Source,
    folder: Path,
    *,
    about: About | None = None,
    choice: Choice | None = None,
    binning: Binning | None = None,
    seed: bytes | None = None,
    progress: Progress | None = None,
    looking: Progress | None = None,
) -> Published:
    """Splits a labelled table, looks at it, and writes the folder to publish.

    Args:
        source: The table.
        folder: An empty folder.
        about: What people are told of it.
        choice: How the test rows are chosen; None for a fifth of the rows at random.
        binning: How labels that are numbers are put into bins; None for classes.
        seed: Fixes what is random; None for the system's random source.
        progress: Is told of the rows read.
        looking: Is told of the rows looked at.

    Raises:
        DataError: The table cannot be used; names row, column and value.
        InputError: A licence is none, or the description is too long.
    """
    from modelmarket.datasets.lint.lint import lint

    about = (about or About()).checked()
    done, sha256 = write_parts(
        source, folder, choice=choice, binning=binning, seed=seed, progress=progress
    )
    report = lint(
        folder / TRAIN, folder / TEST, done, beside=source.beside, progress=looking
    )
    public = report.public()
    manifest = Manifest(
        name=about.name,
        context=about.context,
        licence=about.licence,
        model_licence=about.model_licence,
        classes=done.classes,
        train_rows=done.train_rows,
        test_rows=done.test_rows,
        train_counts=done.train_counts,
        choice=done.choice,
        features=done.features,
        predicts=source.predicts,
        sha256=sha256,
        files=done.files,
    )
    described = card(about, manifest.told_predicts, public, done.files)
    sha256 |= write_files(folder, {REPORT: public.to_json(), CARD: described})
    manifest = replace(manifest, sha256=sha256)
    (folder / MANIFEST).write_bytes(manifest.to_json())
    return Published(folder, manifest, done, report)


def write_parts(
    source: Source,
    folder: Path,
    *,
    choice: Choice | None = None,
    binning: Binning | None = None,
    seed: bytes | None = None,
    progress: Progress | None = None,
) -> tuple[Split, dict[str, str]]:
    """Splits a labelled table, and writes both parts, the files that rows name, and a
    sample of predictions.

    Returns:
        What was split, and the SHA-256 of each file, in hexadecimal.

    Raises:
        DataError: The table cannot be used; names row, column and value.
    """
    with ExitStack() as files:

        def create(name: str) -> HashedFile:
            file = files.enter_context((folder / name).open("wb"))
            return files.enter_context(HashedFile(file))

        written = {name: create(name) for name in (TRAIN, TEST, SAMPLE)}
        done = split(
            source,
            written[TRAIN],
            written[TEST],
            choice=choice,
            binning=binning,
            seed=seed,
            progress=progress,
            folder=folder,
        )
        first = encode_row([done.classes.names[0]])
        written[SAMPLE].write(f"{ROW_ID},{LABEL}\n".encode())
        for start in range(1, done.test_rows + 1, SAMPLE_BATCH_ROWS):
            rows = range(start, min(start + SAMPLE_BATCH_ROWS, done.test_rows + 1))
            written[SAMPLE].write(b"".join([b"%d,%b\n" % (row, first) for row in rows]))
        return done, {name: file.digest().hex() for name, file in written.items()}


def write_files(folder: Path, files: dict[str, bytes]) -> dict[str, str]:
    """Writes files by their names; the SHA-256 of each, in hexadecimal."""
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
