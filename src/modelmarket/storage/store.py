# SPDX-License-Identifier: Apache-2.0
"""The embedded store: each file once, whole, on disk; the tree in SQLite.

A file lies at `objects/<root CID>`; SQLite knows the inner nodes and where in
which object each leaf stands. So adding costs one copy, a whole file can be
mapped into memory, and still every block can be served.
"""

from __future__ import annotations

import os
import sqlite3
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from modelmarket.errors import (
    InputError,
    ModelMarketError,
    NotFoundError,
    StorageError,
)
from modelmarket.storage import car, unixfs
from modelmarket.storage.cid import RAW, Cid
from modelmarket.storage.unixfs import Node, Part
from modelmarket.system.databases import Database
from modelmarket.system.files import (
    HashedFile,
    existing_file,
    existing_path,
    free_path,
    sync_folder,
)

MOST_DEPTH = 32
MOST_FILES = 100_000
BATCH_FILES = 256
MOST_BYTES = 64 * 2**30

Source = Callable[[Cid], bytes]
"""Gives a block, checked; raises NotFoundError where it is not to be had."""

Progress = Callable[[int], None]
"""Is told of so many more bytes."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS objects (
    cid BLOB PRIMARY KEY, size INTEGER, sha256 BLOB, profile TEXT
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS leaves (
    cid BLOB PRIMARY KEY, object BLOB, offset INTEGER, length INTEGER
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS nodes (cid BLOB PRIMARY KEY, block BLOB) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS roots (
    cid BLOB PRIMARY KEY, name TEXT, size INTEGER, added INTEGER
) WITHOUT ROWID;
"""


@dataclass(frozen=True)
class Stored:
    """A file or folder in the store.

    Attributes:
        cid: Its root.
        size: Bytes of all files in it.
        name: What it was called when it was added.
    """

    cid: Cid
    size: int
    name: str


@dataclass(frozen=True)
class Entry:
    """An entry of a folder.

    Attributes:
        path: From the folder, with slashes.
        cid: Its root.
        size: Bytes of the file; of a folder nothing is known.
        is_folder: Or else a file.
    """

    path: str
    cid: Cid
    size: int
    is_folder: bool = False


class Store:
    """Files and folders by CID.

    Args:
        folder: Where it keeps them; made if it is not there.
    """

    def __init__(self, folder: Path) -> None:
        self._objects = folder / "objects"
        self._objects.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.database = Database(folder / "blocks.sqlite")
        with self.database.writing() as connection:
            connection.executescript(_SCHEMA)

    # --- adding ---

    def add(self, path: Path, *, progress: Progress | None = None) -> Stored:
        """Adds a file, or a folder with all that is in it.

        Hidden files are added too; links and special files are not followed.

        Raises:
            NotFoundError: There is nothing at the path.
            InputError: Something in the folder is neither file nor folder.
        """
        existing_path(path)
        with self._batch() as batch:
            part, size = self._add(path, progress or (lambda _: None), 0, batch)
        return self._note_root(part.cid, size, path.name)

    def add_bytes(self, data: bytes, name: str) -> Stored:
        """Adds a small file from memory."""
        pieces = (
            data[at : at + unixfs.CHUNK_BYTES]
            for at in range(0, max(len(data), 1), unixfs.CHUNK_BYTES)
        )
        with self._batch() as batch:
            part = self._add_chunks(pieces, batch)
        return self._note_root(part.cid, part.size, name)

    def add_folder(self, files: dict[str, Stored], name: str) -> Stored:
        """Makes a folder of files that are in the store, by their paths in it."""
        tree: dict[str, Part] = {}
        for path, stored in files.items():
            if "/" in path:
                raise InputError(f"{path!r} cannot be the name of a file.")
            tree[path] = self._part(stored.cid)
        part, block = unixfs.folder(tree)
        with self.database.writing() as connection:
            _put_node(connection, part.cid, block)
        size = sum(stored.size for stored in files.values())
        return self._note_root(part.cid, size, name)

    def _add(
        self, path: Path, progress: Progress, depth: int, batch: _Batch
    ) -> tuple[Part, int]:
        if path.is_symlink() or not (path.is_file() or path.is_dir()):
            raise InputError(f"{path} is neither a file nor a folder.")
        if path.is_file():
            with path.open("rb") as file:
                part = self._add_chunks(_chunks(file, progress), batch)
            return part, part.size
        if depth > MOST_DEPTH:
            raise InputError(f"{path} is nested deeper than {MOST_DEPTH} folders.")
        entries: dict[str, Part] = {}
        size = 0
        for child in sorted(path.iterdir()):
            entries[child.name], below = self._add(child, progress, depth + 1, batch)
            size += below
        part, block = unixfs.folder(entries)
        batch.nodes.append((part.cid, block))
        return part, size

    def _add_chunks(self, chunks: Iterable[bytes], batch: _Batch) -> Part:
        leaves: list[Part] = []
        with self._new_object() as new:
            for chunk in chunks:
                part = unixfs.leaf(chunk)
                leaves.append(part)
                new.write(part.cid, chunk)
            root, nodes = unixfs.tree(leaves)
            new.finish(root.cid, nodes, unixfs.PROFILE, batch)
        return root

    def _note_root(self, cid: Cid, size: int, name: str) -> Stored:
        with self.database.writing() as connection:
            connection.execute(
                "INSERT OR IGNORE INTO roots VALUES (?, ?, ?, unixepoch())",
                (bytes(cid), name, size),
            )
        return Stored(cid, size, name)

    def _part(self, cid: Cid) -> Part:
        block = self.block(cid)
        node = unixfs.decode(cid, block)
        total = len(block) + sum(link.total_size for link in node.links)
        return Part(cid, node.size, total)

    # --- taking in from elsewhere ---

    def ingest(
        self,
        root: Cid,
        source: Source,
        *,
        name: str = "",
        only: str = "",
        listing: bool = False,
        most_bytes: int = MOST_BYTES,
        progress: Progress | None = None,
    ) -> Stored:
        """Takes in a file or folder block by block; each is checked.

        Args:
            root: What is wanted.
            source: Where blocks come from.
            name: What to call it.
            only: Of a folder, this entry alone; empty for all.
            listing: Of a folder, no more than `listing` tells.
            most_bytes: Refuse more than so much.
            progress: Is told of the bytes taken in.

        Raises:
            NotFoundError: A block is not to be had.
            StorageError: A block is wrong, or the limits are passed.
        """
        with self._batch() as batch:
            tell = progress or (lambda _: None)
            taking = _Taking(self, source, most_bytes, tell, batch)
            if listing:
                return Stored(root, taking.take_listing(root), name)
            size = taking.take(root, depth=0, only=only)
        return Stored(root, size, name) if only else self._note_root(root, size, name)

    def import_car(self, path: Path, root: Cid) -> Stored:
        """Takes in a file or folder from a CAR.

        Raises:
            StorageError: The CAR is damaged.
            NotFoundError: It lacks a block of what is wanted.
        """
        with existing_file(path).open("rb") as file:
            places = {
                (entry.cid.codec, entry.cid.digest): entry for entry in car.read(file)
            }

            def source(cid: Cid) -> bytes:
                entry = places.get((cid.codec, cid.digest))
                if entry is None:
                    raise NotFoundError(f"{path} does not hold the block {cid}.")
                return os.pread(file.fileno(), entry.length, entry.offset)

            return self.ingest(root, source, name=path.stem)

    # --- reading ---

    def has(self, cid: Cid) -> bool:
        """Whether a block is here."""
        try:
            self.block(cid)
        except NotFoundError:
            return False
        return True

    def has_all(self, cid: Cid) -> bool:
        """Whether a file, or a folder with all that is in it, is here."""
        try:
            is_here = self.has(cid)
            # perf: of what was taken in as a whole nothing more is looked at.
            if is_here and self.size(cid) is None:
                self.entries(cid)
        except ModelMarketError:
            return False
        return is_here

    def holds(self, cid: Cid) -> int | None:
        """The size of a file that is here as a whole; None for others."""
        row = self.database.connection.execute(
            "SELECT size FROM objects WHERE cid = ?",
            (bytes(Cid(cid.codec, cid.digest)),),
        ).fetchone()
        if row is None or not self._place(cid).is_file():
            return None
        return int(row[0])

    def _place(self, cid: Cid) -> Path:
        return self._objects / str(Cid(cid.codec, cid.digest))

    def block(self, cid: Cid) -> bytes:
        """A block, checked.

        Raises:
            NotFoundError: It is not here.
            StorageError: It is damaged.
        """
        reading = self.database.connection
        key = bytes(Cid(cid.codec, cid.digest))
        if cid.codec == RAW:
            row = reading.execute(
                "SELECT object, offset, length FROM leaves WHERE cid = ?", (key,)
            ).fetchone()
            if row is not None:
                return cid.check(self._read_object(Cid.from_bytes(row[0]), *row[1:]))
        else:
            row = reading.execute(
                "SELECT block FROM nodes WHERE cid = ?", (key,)
            ).fetchone()
            if row is not None:
                return cid.check(row[0])
        raise NotFoundError(
            f"{cid} is not in this store.",
            hint="`modelmarket store fetch CID` gets it from the network's gateways.",
        )

    def node(self, cid: Cid) -> Node:
        """A block as a part of a file or folder."""
        return unixfs.decode(cid, self.block(cid))

    def read(self, cid: Cid) -> Iterator[bytes]:
        """The bytes of a file, checked block by block.

        Raises:
            StorageError: It is a folder, or a block is damaged.
            NotFoundError: A block is not here.
        """
        node = self.node(cid)
        if node.is_folder:
            raise StorageError(f"{cid} is a folder, not a file.")
        if node.data:
            yield node.data
        for link in node.links:
            yield from self.read(link.cid)

    def read_bytes(self, cid: Cid, *, most: int = 2**24) -> bytes:
        """The bytes of a small file, checked.

        Raises:
            StorageError: It is larger than `most` bytes.
        """
        if self.node(cid).size > most:
            raise StorageError(f"{cid} is larger than {most:,} bytes.")
        return b"".join(self.read(cid))

    def path(self, cid: Cid) -> Path:
        """Where a whole file lies, to be read and never written.

        Raises:
            NotFoundError: The file is not here as a whole.
        """
        if self.holds(cid) is None:
            raise NotFoundError(f"The file {cid} is not in this store as a whole.")
        return self._place(cid)

    def entries(self, cid: Cid) -> list[Entry]:
        """All files in a folder, with their paths in it; or the one file.

        Raises:
            NotFoundError: One of them is not here as a whole.
            StorageError: A folder's block is damaged.
            InputError: One has a name that no file can have.
        """
        if (size := self._leaf_size(cid)) is not None:
            return [Entry("", cid, size)]
        node = self.node(cid)
        if not node.is_folder:
            # Of what was only listed, the first block alone is here.
            if self.holds(cid) is None:
                raise NotFoundError(
                    f"{cid} is not in this store as a whole.",
                    hint="`modelmarket store fetch CID` gets the rest of it.",
                )
            return [Entry("", cid, node.size)]
        found: list[Entry] = []
        for link in node.links:
            unixfs.check_name(link.name)
            for below in self.entries(link.cid):
                path = f"{link.name}/{below.path}" if below.path else link.name
                found.append(Entry(path, below.cid, below.size))
        return found

    def links(self, cid: Cid) -> dict[str, Cid]:
        """Where the names in a folder lead.

        Raises:
            NotFoundError: It is not here.
            StorageError: It is no folder.
        """
        folder = self.node(cid)
        if not folder.is_folder:
            raise StorageError(f"{cid} is no folder.")
        return {link.name: link.cid for link in folder.links}

    def sha256(self, cid: Cid) -> bytes | None:
        """SHA-256 of a file that is here as a whole; None for others."""
        row = self.database.connection.execute(
            "SELECT sha256 FROM objects WHERE cid = ?",
            (bytes(Cid(cid.codec, cid.digest)),),
        ).fetchone()
        return None if row is None else bytes(row[0])

    def size(self, root: Cid) -> int | None:
        """Bytes of the files of what was added or fetched as a whole; None for others.

        perf: whatever is in it is not looked at.
        """
        row = self.database.connection.execute(
            "SELECT size FROM roots WHERE cid = ?", (bytes(root),)
        ).fetchone()
        return None if row is None else int(row[0])

    def _leaf_size(self, cid: Cid) -> int | None:
        """Bytes of a block without links that is here; None for others.

        perf: a folder of thousands of pictures is listed without reading them.
        """
        if cid.codec != RAW:
            return None
        row = self.database.connection.execute(
            "SELECT length FROM leaves WHERE cid = ?",
            (bytes(Cid(cid.codec, cid.digest)),),
        ).fetchone()
        return None if row is None else int(row[0])

    def listing(self, cid: Cid) -> list[Entry]:
        """What stands in a folder itself, by name: files and folders.

        Raises:
            NotFoundError: It is not here, or an entry's first block is not.
            StorageError: It is no folder.
            InputError: An entry has a name that no file can have.
        """
        folder = self.node(cid)
        if not folder.is_folder:
            raise StorageError(f"{cid} is no folder.")
        found: list[Entry] = []
        for link in folder.links:
            unixfs.check_name(link.name)
            if (size := self._leaf_size(link.cid)) is not None:
                found.append(Entry(link.name, link.cid, size))
                continue
            node = self.node(link.cid)
            size = 0 if node.is_folder else node.size
            found.append(Entry(link.name, link.cid, size, node.is_folder))
        return found

    def resolve(self, cid: Cid, path: str) -> Cid:
        """What a path in a folder leads to.

        Raises:
            NotFoundError: There is no such entry.
        """
        here = cid
        for name in PurePosixPath(path).parts:
            node = self.node(here)
            fitting = [link for link in node.links if link.name == name]
            if not node.is_folder or not fitting:
                raise NotFoundError(f"{cid} has no entry {path!r}.")
            here = fitting[0].cid
        return here

    def export(self, cid: Cid, destination: Path) -> Path:
        """Writes a file or folder, checked, to a path that does not exist yet.

        Raises:
            InputError: Something is at the path already.
            StorageError: The disk takes two names in it for one.
        """
        free_path(destination)
        destination.absolute().parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=destination.absolute().parent) as held:
            out = Path(held, "out")
            if self.node(cid).is_folder:
                out.mkdir()
            for entry in self.entries(cid):
                target = out / entry.path
                target.parent.mkdir(parents=True, exist_ok=True)
                self._export_file(entry.cid, target)
            out.rename(destination)
        return destination

    def blocks(self, cid: Cid) -> Iterator[tuple[Cid, bytes]]:
        """All blocks at and below a root, depth first."""
        block = self.block(cid)
        yield cid, block
        if cid.codec != RAW:
            for link in unixfs.decode(cid, block).links:
                yield from self.blocks(link.cid)

    def export_car(self, cid: Cid) -> Iterator[bytes]:
        """A file or folder as a CAR, piece by piece."""
        return car.write(cid, self.blocks(cid))

    def roots(self) -> list[Stored]:
        """Everything that was added or fetched, oldest first."""
        rows = self.database.connection.execute(
            "SELECT cid, size, name FROM roots ORDER BY added, cid"
        )
        return [Stored(Cid.from_bytes(cid), size, name) for cid, size, name in rows]

    def _export_file(self, cid: Cid, target: Path) -> None:
        try:
            # Some disks do not tell `train.csv` from `TRAIN.CSV`.
            file = target.open("xb")
        except FileExistsError as error:
            raise StorageError(
                f"There are two files called {target.name!r} in it, as this disk reads "
                "names."
            ) from error
        with file:
            for piece in self.read(cid):
                file.write(piece)
            file.flush()
            os.fsync(file.fileno())

    # --- the disk ---

    def _read_object(self, cid: Cid, offset: int, length: int) -> bytes:
        try:
            with (self._objects / str(cid)).open("rb") as file:
                return os.pread(file.fileno(), length, offset)
        except FileNotFoundError as error:
            raise StorageError(f"The store's file of {cid} is gone.") from error

    @contextmanager
    def _batch(self) -> Iterator[_Batch]:
        """Takes files and folders in together; whatever happens, they stay."""
        batch = _Batch(self)
        try:
            yield batch
        finally:
            batch.commit()

    @contextmanager
    def _new_object(self) -> Iterator[_NewObject]:
        handle, temporary = tempfile.mkstemp(dir=self._objects, prefix=".new-")
        try:
            with os.fdopen(handle, "wb") as file, HashedFile(file) as hashed:
                yield _NewObject(self, file, hashed, Path(temporary))
        finally:
            Path(temporary).unlink(missing_ok=True)


class _Batch:
    """Files and folders whose bytes are in place, and of which nothing is known yet.

    perf: of many small files each would wait twice for the disk, for its name and for
    what is known of it; together they wait twice for all.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self.nodes: list[tuple[Cid, bytes]] = []
        """Blocks with links; what they lead to was added before them."""
        self._leaves: list[tuple[bytes, bytes, int, int]] = []
        self._objects: dict[bytes, tuple[int, bytes, str]] = {}

    def holds(self, cid: Cid) -> int | None:
        """The size of a file that waits here; None for others."""
        known = self._objects.get(bytes(Cid(cid.codec, cid.digest)))
        return None if known is None else known[0]

    def add(
        self,
        root: bytes,
        leaves: Iterable[tuple[bytes, bytes, int, int]],
        stored: tuple[int, bytes, str],
    ) -> None:
        """Adds a file that has its name: rows of the tables of the store."""
        self._leaves.extend(leaves)
        self._objects[root] = stored
        if len(self._objects) >= BATCH_FILES:
            self.commit()

    def commit(self) -> None:
        """Makes the names last, and then notes what is known."""
        if self._objects:
            sync_folder(self._store._objects)  # noqa: SLF001  # one class in two
        if not (self._objects or self.nodes):
            return
        with self._store.database.writing() as connection:
            for cid, block in self.nodes:
                _put_node(connection, cid, block)
            connection.executemany(
                "INSERT OR IGNORE INTO leaves VALUES (?, ?, ?, ?)", self._leaves
            )
            connection.executemany(
                "INSERT OR REPLACE INTO objects VALUES (?, ?, ?, ?)",
                ((root, *stored) for root, stored in self._objects.items()),
            )
        self.nodes, self._leaves, self._objects = [], [], {}


class _NewObject:
    """A file on its way into the store."""

    def __init__(
        self, store: Store, file: BinaryIO, hashed: HashedFile, temporary: Path
    ) -> None:
        self._store = store
        self._file = file
        self._hashed = hashed
        self._temporary = temporary
        self._leaves: list[tuple[bytes, int, int]] = []
        self.size = 0

    def write(self, leaf: Cid, chunk: bytes) -> None:
        """Appends a leaf."""
        self._hashed.write(chunk)
        self._leaves.append((bytes(leaf), self.size, len(chunk)))
        self.size += len(chunk)

    def finish(
        self, root: Cid, nodes: list[tuple[Cid, bytes]], profile: str, batch: _Batch
    ) -> None:
        """Puts the file in its place, and hands on what is known of it."""
        sha256 = self._hashed.digest()
        self._file.flush()
        os.fsync(self._file.fileno())
        self._temporary.rename(self._store._place(root))  # noqa: SLF001  # one class in two
        batch.nodes.extend(nodes)
        batch.add(
            bytes(root),
            ((leaf, bytes(root), at, size) for leaf, at, size in self._leaves),
            (self.size, sha256, profile),
        )


@dataclass(frozen=True)
class _Folder:
    """A folder that was taken in: the bytes of its files, and all paths in it."""

    size: int
    paths: int


class _Taking:
    """A file or folder on its way in from elsewhere, with the limits on it."""

    def __init__(
        self,
        store: Store,
        source: Source,
        most_bytes: int,
        progress: Progress,
        batch: _Batch,
    ) -> None:
        self._store, self._batch = store, batch
        self._source = source
        self._most_bytes = most_bytes
        self._progress = progress
        self._bytes = 0
        self._paths = 0
        self._folders: dict[Cid, _Folder] = {}

    def take(self, cid: Cid, depth: int, only: str = "") -> int:
        """Takes in a file or folder, or one entry of a folder; returns the
        bytes of its files.
        """
        if depth > MOST_DEPTH:
            raise StorageError(f"{cid} is nested deeper than {MOST_DEPTH} folders.")
        begun = self._paths
        known = self._folders.get(cid)
        # Each path counts: a few folders that link twice to the next have billions.
        self._paths += 1 if known is None else known.paths
        if self._paths > MOST_FILES:
            raise StorageError(
                f"There are more than {MOST_FILES:,} files and folders in it."
            )
        if known is not None:
            return known.size
        block = None if cid.codec == RAW else self._block(cid)
        if block is not None:
            node = unixfs.decode(cid, block)
            if node.is_folder:
                size = 0
                for link in node.links:
                    unixfs.check_name(link.name)
                    if only in ("", link.name):
                        size += self.take(link.cid, depth + 1)
                self._batch.nodes.append((cid, block))
                if not only:
                    self._folders[cid] = _Folder(size, self._paths - begun)
                return size
        for size_here in (self._store.holds(cid), self._batch.holds(cid)):
            if size_here is not None:
                return size_here
        nodes: list[tuple[Cid, bytes]] = []
        with self._store._new_object() as new:  # noqa: SLF001  # one class in two
            block = self._block(cid) if block is None else block
            size = self._take_file(cid, block, new, nodes, depth=0)
            new.finish(cid, nodes, "", self._batch)
        return size

    def take_listing(self, cid: Cid) -> int:
        """Takes in a folder's own block, and the first of each of its entries; returns
        their bytes.
        """
        node = self._take_first(cid)
        if not node.is_folder:
            return node.size
        if len(node.links) > MOST_FILES:
            raise StorageError(f"There are more than {MOST_FILES:,} entries in it.")
        return sum(
            # A file of one block is that block.
            self.take(link.cid, depth=1)
            if link.cid.codec == RAW
            else self._take_first(link.cid).size
            for link in node.links
        )

    def _take_first(self, cid: Cid) -> Node:
        """Takes in the first block of a file or folder."""
        block = self._block(cid)
        node = unixfs.decode(cid, block)
        if cid.codec != RAW:
            self._batch.nodes.append((cid, block))
        return node

    def _take_file(
        self,
        cid: Cid,
        block: bytes,
        new: _NewObject,
        nodes: list[tuple[Cid, bytes]],
        depth: int,
    ) -> int:
        if depth > MOST_DEPTH:
            raise StorageError(f"{cid} is nested deeper than {MOST_DEPTH} levels.")
        if cid.codec == RAW:
            new.write(cid, block)
            return len(block)
        nodes.append((cid, block))
        node = unixfs.decode(cid, block)
        if node.is_folder:
            raise StorageError(f"{cid} is a folder in the middle of a file.")
        size = len(node.data)
        for link in node.links:
            below = self._block(link.cid)
            size += self._take_file(link.cid, below, new, nodes, depth + 1)
        if size != node.size:
            raise StorageError(f"{cid} is not as large as it says.")
        return size

    def _block(self, cid: Cid) -> bytes:
        try:
            block = self._store.block(cid)
        except (NotFoundError, StorageError):
            block = cid.check(self._source(cid))
        self._bytes += len(block)
        if self._bytes > self._most_bytes:
            raise StorageError(f"It is larger than {self._most_bytes:,} bytes.")
        self._progress(len(block))
        return block


def _put_node(connection: sqlite3.Connection, cid: Cid, block: bytes) -> None:
    key = bytes(Cid(cid.codec, cid.digest))
    connection.execute("INSERT OR IGNORE INTO nodes VALUES (?, ?)", (key, block))


def _chunks(file: BinaryIO, progress: Progress) -> Iterator[bytes]:
    """A file's chunks; one of no bytes for an empty file."""
    chunk = file.read(unixfs.CHUNK_BYTES)
    while True:
        yield chunk
        progress(len(chunk))
        chunk = file.read(unixfs.CHUNK_BYTES)
        if not chunk:
            return
