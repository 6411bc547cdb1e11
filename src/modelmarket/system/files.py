# SPDX-License-Identifier: Apache-2.0
"""Files that somebody names, and writing them so that a crash leaves the old one
or the new one.
"""

from __future__ import annotations

import hashlib
import os
import stat
import tempfile
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import BinaryIO, Self

from modelmarket.errors import DiskError, InputError, NotFoundError

PRIVATE = 0o600
PRIVATE_FOLDER = 0o700
GATHERED_BYTES = 2**20
MOST_WAITING = 4
_SPECIAL = {
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def existing_file(path: Path) -> Path:
    """A file that somebody named, which can be read, as often as one likes.

    Raises:
        NotFoundError: Nothing is there.
        InputError: It is a folder, a pipe or a device.
        DiskError: It may not be read.
    """
    if stat.S_ISDIR(_kind(path, "file")):
        raise InputError(
            f"{path} is a folder, not a file.", hint="Name the file that is in it."
        )
    return path


def existing_folder(path: Path) -> Path:
    """A folder that somebody named, which can be looked into.

    Raises:
        NotFoundError: Nothing is there.
        InputError: It is a file, a pipe or a device.
        DiskError: It may not be read.
    """
    if not stat.S_ISDIR(_kind(path, "folder")):
        raise InputError(f"{path} is a file, not a folder.")
    return path


def existing_path(path: Path) -> Path:
    """A file or folder that somebody named, which can be read.

    Raises:
        NotFoundError: Nothing is there.
        InputError: It is a pipe or a device.
        DiskError: It may not be read.
    """
    _kind(path, "file or folder")
    return path


def free_path(path: Path) -> Path:
    """A path that somebody named for something new.

    Raises:
        InputError: Something is there already, or nothing can be.
        DiskError: Nobody may look.
    """
    if _mode(path) is not None or path.is_symlink():
        raise InputError(f"{path} exists already.", hint="Choose another name.")
    return path


def _kind(path: Path, wanted: str) -> int:
    """The type of what is at a path that must be there, as in `st_mode`."""
    mode = _mode(path)
    if mode is None:
        raise NotFoundError(f"There is no {wanted} {path}.", hint=_where(path))
    kind = stat.S_IFMT(mode)
    if special := _SPECIAL.get(kind):
        raise InputError(
            f"{path} is {special}, not a {wanted}.",
            hint="Write what comes out of it into a file first: it is read more "
            "than once.",
        )
    if not os.access(path, os.R_OK | (os.X_OK if stat.S_ISDIR(mode) else 0)):
        raise DiskError(
            f"{path} cannot be read: Permission denied.",
            hint="Its owner can let you: `chmod u+r`.",
        )
    return kind


def _mode(path: Path) -> int | None:
    """What is at a path; None if nothing is."""
    try:
        return path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return None
    except PermissionError as error:
        raise DiskError(
            f"{path} cannot be read: {error.strerror}.",
            hint="A folder on the way to it is closed to you.",
        ) from error
    except (OSError, ValueError) as error:
        # Too long, a circle of links, or a null character.
        said = getattr(error, "strerror", None) or str(error)
        raise InputError(f"{str(path)[:80]!r} cannot be a path: {said}.") from error


def _where(path: Path) -> str:
    """Where a relative path was looked for."""
    return "" if path.is_absolute() else f"You are in {Path.cwd()}."


def make_private(folder: Path) -> None:
    """Makes a folder its owner's alone, whether it is there or not."""
    folder.mkdir(parents=True, exist_ok=True, mode=PRIVATE_FOLDER)
    folder.chmod(PRIVATE_FOLDER)


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
