# SPDX-License-Identifier: Apache-2.0
"""Writing files so that a crash leaves the old one or the new one."""

from __future__ import annotations

import hashlib
import os
import tempfile
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import BinaryIO, Self

PRIVATE = 0o600


def write_atomically(path: Path, data: bytes) -> None:
    """Writes a file that only its owner can read: temporary, fsync, rename."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sync_folder(path: Path) -> None:
    """Puts a folder's names on disk, so that a rename survives a power cut."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class HashedFile:
    """A file whose SHA-256 is taken beside the writing, in a thread."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._sha256 = hashlib.sha256()
        self._thread = ThreadPoolExecutor(max_workers=1)
        self._last: Future[None] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.shutdown()

    def write(self, data: bytes) -> None:
        """Appends to the file; best a megabyte at a time."""
        self._wait()
        self._last = self._thread.submit(self._sha256.update, data)
        self._file.write(data)

    def digest(self) -> bytes:
        """The SHA-256 of what was written."""
        self._wait()
        return self._sha256.digest()

    def _wait(self) -> None:
        if self._last is not None:
            self._last.result()
