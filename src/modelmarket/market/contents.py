# SPDX-License-Identifier: Apache-2.0
"""The files of a request: its dataset, and the model that won."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from modelmarket.datasets.published import (
    MANIFEST,
    MOST_MANIFEST_BYTES,
    REPORT,
    TEST,
    TRAIN,
    Manifest,
)
from modelmarket.datasets.sources import LABEL, ROW_ID
from modelmarket.errors import (
    DataError,
    InputError,
    ModelMarketError,
    NotFoundError,
    StorageError,
)
from modelmarket.protocol.terms import Terms
from modelmarket.storage.cid import Cid
from modelmarket.storage.fetch import fetch, is_served
from modelmarket.storage.store import MOST_BYTES, Entry
from modelmarket.system.notebooks import watched
from modelmarket.system.text import counted

if TYPE_CHECKING:
    import polars as pl

    from modelmarket.chain.networks import Network
    from modelmarket.datasets.lint.findings import Report
    from modelmarket.protocol.records import BaseRecord
    from modelmarket.storage.store import Progress, Store, Stored

PREDICTIONS = "predictions.csv"
"""In the folder of a model: what it predicts for each test row."""
MOST_PREDICTIONS_BYTES = 2**30
PROBABILITIES = "probabilities.csv"
"""In the folder of a model, if it says so: how sure it is of each class."""


@dataclass(frozen=True)
class KeptModel:
    """The model that won, as it lies in the store.

    Attributes:
        folder: That it is in.
        files: With their paths in that folder.
    """

    folder: Cid
    files: list[Entry]


@dataclass(frozen=True)
class Contents:
    """A request's files, in the store or from the network's gateways.

    Attributes:
        store: Where they are, or come to be; each block is checked.
        network: Names the gateways.
        record: The request.
    """

    store: Store
    network: Network
    record: BaseRecord

    # --- the dataset ---

    @property
    def dataset(self) -> Cid:
        """The published folder's.

        Raises:
            InputError: What the terms name is no CID.
        """
        return Cid.parse(self.record.dataset)

    def fetch(
        self, *, most_bytes: int = MOST_BYTES, progress: Progress | None = None
    ) -> Stored:
        """Gets the dataset into the store, each block checked.

        Args:
            most_bytes: Refuse more than so much, whatever it says of itself.
            progress: Is told of the bytes taken in.

        Raises:
            NotFoundError: No gateway has it.
            StorageError: It is not what it says, or is too large.
        """
        with watched(progress and (lambda _, count: progress(count))) as tell:
            return fetch(
                self.store,
                self.dataset,
                self.network.gateways,
                name=f"request-{self.record.id}",
                most_bytes=most_bytes,
                progress=tell and (lambda count: tell("bytes fetched", count)),
            )

    def manifest(self) -> Manifest:
        """What the dataset of predictions says of itself, held against the terms.

        Raises:
            DataError: It contradicts the terms.
        """
        folder, terms = self.dataset, self.record.terms
        assert isinstance(terms, Terms), "it is of the market of predictions"
        fetch(self.store, folder, self.network.gateways, only=MANIFEST)
        document = self.store.read_bytes(
            self.store.resolve(folder, MANIFEST), most=MOST_MANIFEST_BYTES
        )
        manifest = Manifest.from_json(document)
        if (manifest.test_rows, manifest.classes.bits) != (terms.labels, terms.bits):
            raise DataError(
                f"Request {self.record.id} is about {counted(terms.labels, 'label')} "
                f"of {counted(terms.bits, 'bit')}, but its dataset has "
                f"{manifest.test_rows:,} of {manifest.classes.bits}.",
                hint="Do not submit to it: no predictions could fit.",
            )
        return manifest

    def frame(self, name: str, *, texts: Collection[str] = ()) -> pl.DataFrame:
        """A table of the dataset, in the order of its rows, without their ids.

        A column of files has the texts that are in them; of pictures and sounds the
        paths where they lie, to be read and never written.

        Args:
            name: Of its file.
            texts: Columns that are text, whatever is in them.

        Raises:
            NotFoundError: No gateway has it.
            DataError: The dataset contradicts the terms or itself, or names a file that
                it lacks.
        """
        from modelmarket.datasets.frames import check_columns, read_frame
        from modelmarket.market.attached import read_in

        manifest = self.manifest()
        files = manifest.files
        self.fetch()
        path = self.store.path(self.store.resolve(self.dataset, name))
        known = (*texts, files.column) if files is not None else texts
        frame = read_frame(path, known)
        labels = (LABEL,) if name == TRAIN else ()
        check_columns(frame, (ROW_ID, *manifest.features, *labels), name)
        frame = frame.drop(ROW_ID)
        if files is None:
            return frame
        cells = frame.get_column(files.column)
        return frame.with_columns(read_in(self.store, self.dataset, name, cells, files))

    def misnamed(self) -> str:
        """A file that rows name and that is not what its name says; empty for none.

        Raises:
            NotFoundError: The dataset is not here.
            DataError: It contradicts the terms, or a row names a file that it lacks.
        """
        from modelmarket.datasets.cells import columns_of
        from modelmarket.market.attached import is_as_named, named

        manifest = self.manifest()
        if manifest.files is None:
            return ""
        for table, rows in (
            (TRAIN, manifest.train_rows),
            (TEST, manifest.test_rows),
        ):
            path = self.store.path(self.store.resolve(self.dataset, table))
            [cells] = columns_of(path, [manifest.files.column], rows)
            for said, cid in named(self.store, self.dataset, table, cells).items():
                if not is_as_named(self.store, said, cid):
                    return said
        return ""

    def report(self, sha256: str | None) -> Report:
        """What was found about the dataset's table, as its requester publishes it.

        Args:
            sha256: Of the report, in hexadecimal, as the manifest says; None if it
                names none.

        Raises:
            NotFoundError: There is none, or no gateway has it.
            DataError: It is another one than the manifest names, or none at all.
        """
        if sha256 is None:
            raise NotFoundError(
                f"Nothing was published of what was found about the table of request "
                f"{self.record.id}."
            )
        fetch(self.store, self.dataset, self.network.gateways, only=REPORT)
        found = self.kept_report(sha256)
        if found is None:
            raise NotFoundError(f"The dataset of request {self.record.id} has none.")
        return found

    def kept_report(self, sha256: str) -> Report | None:
        """The same, if the store has it; nothing is fetched.

        Raises:
            DataError: It is another one than the manifest names, or none at all.
        """
        from modelmarket.datasets.lint.findings import MOST_BYTES, Report

        document = self.kept(REPORT, MOST_BYTES)
        if document is None:
            return None
        if hashlib.sha256(document).hexdigest() != sha256:
            raise DataError(f"{REPORT} is not the file that the manifest names.")
        # Reports were published with advice to their requesters.
        return Report.from_json(document).public()

    def kept(self, name: str, most: int) -> bytes | None:
        """A small file of the dataset, if the store has it; nothing is fetched.

        Args:
            name: Of the file.
            most: Bytes that it may have.

        Raises:
            DataError: It is damaged, or too large.
        """
        try:
            found = self.store.resolve(self.dataset, name)
            return self.store.read_bytes(found, most=most)
        except (InputError, NotFoundError):
            return None  # whatever a stranger named, and whatever of it is here
        except StorageError as error:
            raise DataError(f"{name} cannot be read: {error.message}") from error

    def entry(self, path: str) -> Entry:
        """A file or folder of the dataset; of an empty path the dataset itself.

        Raises:
            NotFoundError: There is none, or no gateway has it.
        """
        folder, _, name = path.rpartition("/")
        if not path:
            return Entry("", self.dataset, 0, is_folder=True)
        for one in self.listing(folder):
            if one.path == name:
                return one
        raise NotFoundError(f"Request {self.record.id} has no file {path!r}.")

    def listing(self, path: str = "") -> list[Entry]:
        """What stands in a folder of the dataset itself; of a file that file.

        No more is fetched than tells that.

        Raises:
            NotFoundError: There is none, or no gateway has it.
        """
        here = self.entry(path)
        if not here.is_folder:
            return [replace(here, path="")]
        fetch(self.store, here.cid, self.network.gateways, listing=True)
        return self.store.listing(here.cid)

    def size(self) -> int:
        """Bytes of the dataset's tables, as it says itself.

        No more is fetched than tells that.

        Raises:
            NotFoundError: No gateway has it.
        """
        here = self.listing()
        folders = [one.path for one in here if one.is_folder]
        inside = [one for path in folders for one in self.listing(path)]
        return sum(one.size for one in (*here, *inside))

    def fetch_file(self, path: str) -> Path:
        """Gets a file of the dataset into the store, each block checked.

        Returns:
            Where it lies, to be read and never written.

        Raises:
            NotFoundError: There is none, or no gateway has it.
            StorageError: It is not what it says.
        """
        folder, _, name = path.rpartition("/")
        above = self.entry(folder)
        fetch(self.store, above.cid, self.network.gateways, only=name)
        return self.store.path(self.store.resolve(above.cid, name))

    def read(self, name: str) -> Iterator[bytes]:
        """The pieces of a file of the dataset that is in the store.

        Raises:
            NotFoundError: It is not.
        """
        return self.store.read(self.store.resolve(self.dataset, name))

    def is_here(self) -> bool:
        """Whether the store has the dataset."""
        try:
            return self.store.has_all(self.dataset)
        except ModelMarketError:
            return False

    def is_served(self) -> bool:
        """Whether others get the dataset from a gateway of the network."""
        try:
            return is_served(self.dataset, self.network.gateways)
        except ModelMarketError:
            return False

    def export(self, destination: Path) -> Path:
        """Writes the dataset to a path that does not exist yet.

        Raises:
            NotFoundError: It is not in the store.
        """
        return self.store.export(self.dataset, destination)

    # --- the model ---

    def fetch_model(self, *, most_bytes: int = MOST_BYTES) -> Stored:
        """Gets the winner's model into the store, each block checked.

        Args:
            most_bytes: Refuse more than so much, whatever it says of itself.

        Raises:
            NotFoundError: No gateway has it.
            StorageError: It is not what it says.
        """
        return fetch(
            self.store,
            Cid.parse(self.record.model),
            self.network.gateways,
            name=f"model-of-request-{self.record.id}",
            most_bytes=most_bytes,
        )

    def listed_predictions(self) -> bytes:
        """The predictions that lie beside the winner's model: a stranger's bytes.

        Raises:
            NotFoundError: There are none, or the model is not in the store.
            StorageError: There are too many.
        """
        listed = self.store.resolve(Cid.parse(self.record.model), PREDICTIONS)
        return self.store.read_bytes(listed, most=MOST_PREDICTIONS_BYTES)

    def fetch_probabilities(self) -> Path | None:
        """Gets the probabilities that lie beside the winner's model: a stranger's.

        Nothing else of the model is fetched.

        Returns:
            Where they lie, to be read and never written; None if there are none.

        Raises:
            NotFoundError: No gateway has them.
            StorageError: They are not what they say, or too large.
        """
        from modelmarket.datasets.probabilities import MOST_BYTES

        # Inner nodes and the folder's own block come on top, and are small.
        model, gateways = Cid.parse(self.record.model), self.network.gateways
        fetch(
            self.store, model, gateways, only=PROBABILITIES, most_bytes=2 * MOST_BYTES
        )
        if not any(one.name == PROBABILITIES for one in self.store.node(model).links):
            return None
        found = self.store.resolve(model, PROBABILITIES)
        node = self.store.node(found)
        if node.is_folder or node.size > MOST_BYTES:
            raise StorageError(
                f"{PROBABILITIES} is a folder, or larger than it may be."
            )
        return self.store.path(found)
