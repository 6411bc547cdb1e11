# SPDX-License-Identifier: Apache-2.0
"""Writing files so that a crash leaves the old one or the new one."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import BinaryIO, Self

PRIVATE = 0o600
GATHERED_BYTES = 2**20
MOST_WAITING = 4


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
    """A file whose SHA-256 is taken beside the writing, in a thread.

    Small writes are gathered: a thread that is handed little each time mostly
    waits for its turn.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._sha256 = hashlib.sha256()
        self._thread = ThreadPoolExecutor(max_workers=1)
        self._waiting: deque[Future[None]] = deque()
        self._gathered: list[bytes] = []
        self._size = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.shutdown()

    def write(self, data: bytes) -> None:
        """Appends to the file."""
        self._gathered.append(data)
        self._size += len(data)
        if self._size >= GATHERED_BYTES:
            self._hand_over()

    def digest(self) -> bytes:
        """The SHA-256 of what was written; all of it is in the file then."""
        self._hand_over()
        while self._waiting:
            self._waiting.popleft().result()
        return self._sha256.digest()

    def _hand_over(self) -> None:
        data = b"".join(self._gathered)
        self._gathered.clear()
        self._size = 0
        if len(self._waiting) == MOST_WAITING:
            self._waiting.popleft().result()
        self._waiting.append(self._thread.submit(self._sha256.update, data))
        self._file.write(data)
