# SPDX-License-Identifier: Apache-2.0
"""Files that the browser sent: for their owner alone, and not for long.

They hold labels and predictions in the clear. So folders and files are private
whatever the umask says, and go as soon as what was sealed of them is confirmed or
they are discarded, when nobody has touched them for an hour, and whenever the program
begins or ends. What was typed beside them stays until it is confirmed or discarded, so
that a file which has gone can be chosen again without typing it once more.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import threading
import time
from collections.abc import Callable, Hashable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any, BinaryIO, TypeVar

from modelmarket.datasets.unpacking import unpack
from modelmarket.errors import NotFoundError, in_words
from modelmarket.system.files import PRIVATE, make_private

IDLE_S = 3_600.0
COPY_BYTES = 2**20
MOST_NAME_BYTES = 100
"""Of a file's name; file systems take 255, and people read fewer."""
NAME = re.compile(r"[0-9a-f]{32}")
MOST_KNOWN = 32
"""Things that are known of one upload."""
MOST_TYPED = 64
"""Uploads beside which something was typed, the newest."""
Known = TypeVar("Known")
_UNFIT = re.compile(r"[^\w.\- ]")


@dataclass(frozen=True)
class Upload:
    """The files of one form, each in a folder that its field names.

    What the browser calls them is used for nothing but the file in that
    folder, so no name can get in the way of another.

    Attributes:
        name: Unguessable.
        folder: Where they lie.
    """

    name: str
    folder: Path

    def save(self, field: str, called: str, content: BinaryIO) -> Path:
        """Keeps a file in place of the one that the field had.

        Args:
            field: Of the form; a word of ours.
            called: What the browser calls it; whatever it likes.
            content: What is in it.
        """
        path = self.place(field, called)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE)
        with os.fdopen(handle, "wb") as file:
            os.fchmod(handle, PRIVATE)
            shutil.copyfileobj(content, file, COPY_BYTES)
        return path

    def unpack(self, field: str, called: str, content: BinaryIO) -> Path:
        """Keeps the files of a ZIP in place of what the field had.

        Args:
            field: Of the form; a word of ours.
            called: What the browser calls the archive.
            content: What is in it.

        Returns:
            The folder that they lie in, which is called as the archive is.

        Raises:
            DataError: It cannot be unpacked; nothing of it stays.
            DiskError: The disk is full; nothing of it stays.
        """
        folder = self.place(field, called)
        try:
            make_private(folder)
            unpack(content, folder.name, folder)
        except BaseException as error:
            self.drop(field)
            if isinstance(error, OSError) and (told := in_words(error)) is not None:
                raise told from error
            raise
        return folder

    def place(self, field: str, called: str) -> Path:
        """Where a field's file goes, in a folder that has no other."""
        self.drop(field)
        make_private(self.folder / field)
        return self.folder / field / fit_name(called)

    def take(self, field: str, other: str) -> None:
        """Puts the file of another field, which has one, in place of a field's."""
        self.drop(field)
        (self.folder / other).rename(self.folder / field)

    def drop(self, field: str) -> None:
        """Removes the file of a field, if it has one."""
        shutil.rmtree(self.folder / field, ignore_errors=True)

    def file(self, field: str) -> Path | None:
        """The file of a field, or the folder of its files; None if it has none."""
        # Whoever only looks at one whose files had gone does not keep others from it.
        with suppress(FileNotFoundError):
            return next((self.folder / field).iterdir(), None)
        return None

    @property
    def stamp(self) -> tuple[int, ...]:
        """Another one whenever a field has got another file, or has lost its own."""
        fields = sorted(self.folder.iterdir())
        return tuple(field.stat().st_mtime_ns for field in fields)

    @property
    def state(self) -> str:
        """The same, as a form says which files it was shown with."""
        return "-".join(map(str, self.stamp))


class Uploads:
    """All that was sent and is not confirmed yet.

    Args:
        folder: Theirs alone; made and removed as needed.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._guard = threading.Lock()
        self._used: dict[str, float] = {}
        self._locks: dict[str, threading.Lock] = {}
        self._known: dict[str, dict[Hashable, Any]] = {}
        self._typed: dict[str, Mapping[str, str]] = {}
        self._taken_away: set[str] = set()

    def clear(self) -> None:
        """Removes all, of whichever run."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def begin(self) -> Upload:
        """A new one without files."""
        return self.resume("")

    def resume(self, name: str) -> Upload:
        """One that was begun, with its files, or without where they have gone; a new
        one if none of that name was.

        Args:
            name: Whatever somebody says.
        """
        upload = self.given(name) or self.reserve()
        with self._guard:
            make_private(self._folder)
            make_private(upload.folder)
            self._used[upload.name] = time.monotonic()
            self._taken_away.discard(upload.name)
        return upload

    def reserve(self) -> Upload:
        """A new one that is not begun yet: what is typed beside it waits for files."""
        name = secrets.token_hex(16)
        with self._guard:
            self._locks[name] = threading.Lock()
        return Upload(name, self._folder / name)

    def given(self, name: str) -> Upload | None:
        """One of this run, whether its files are here or not; None if none is called
        so.
        """
        is_given = name in self._locks
        return Upload(name, self._folder / name) if is_given else None

    @contextmanager
    def using(self, name: str) -> Iterator[Upload]:
        """One that was begun; nobody else uses or removes it meanwhile.

        Raises:
            NotFoundError: It is gone.
        """
        lock = self._locks.get(name)
        if lock is None or not NAME.fullmatch(name):
            raise _gone()
        with lock:
            folder = self._folder / name
            if not folder.is_dir():
                raise _gone()
            try:
                yield Upload(name, folder)
            finally:
                with self._guard:
                    self._used[name] = time.monotonic()

    def once(
        self, upload: Upload, what: Hashable, find_out: Callable[[], Known]
    ) -> Known:
        """What is known of an upload's files, by whoever uses it.

        Open pages ask whenever something has happened on the chain, and the files are
        as large as they like.

        Args:
            upload: It.
            what: Names what is found out, and all that it follows from but the files.
            find_out: Finds it out, unless it is known.
        """
        with self._guard:
            known = self._known.setdefault(upload.name, {})
        key = (what, upload.stamp)
        if key in known:
            kept: Known = known[key]
            return kept
        found = find_out()
        if len(known) >= MOST_KNOWN:
            known.clear()
        known[key] = found
        return found

    def seen(self, upload: Upload, what: Hashable) -> object | None:
        """What was found out with `once`; None if it was not, or of other files."""
        return self._known.get(upload.name, {}).get((what, upload.stamp))

    def remember(
        self, upload: Upload, typed: Mapping[str, str], *, evicts: bool = True
    ) -> None:
        """Keeps what was typed beside an upload's files, in place of what was.

        Args:
            upload: It.
            typed: By field.
            evicts: Whether the oldest of the others goes where there are too many;
                else nothing is kept.
        """
        with self._guard:
            had = self._typed.pop(upload.name, None)
            if had is None and len(self._typed) >= MOST_TYPED:
                if not evicts:
                    return
                del self._typed[next(iter(self._typed))]
            self._typed[upload.name] = typed

    def typed(self, upload: Upload) -> Mapping[str, str]:
        """What was typed beside an upload's files; empty for nothing."""
        return self._typed.get(upload.name, {})

    def has(self, name: str) -> bool:
        """Whether there is an upload of that name."""
        return bool(NAME.fullmatch(name)) and (self._folder / name).is_dir()

    def lost(self, name: str) -> Upload | None:
        """One of this run whose files have gone; None if they are here, or it is none.

        What was typed beside them may still be known.
        """
        return None if self.has(name) else self.given(name)

    def discard(self, upload: Upload) -> None:
        """Removes one and what was typed beside it, by whoever uses it."""
        self.take_away(upload)
        with self._guard:
            self._typed.pop(upload.name, None)

    def discard_named(self, name: str) -> None:
        """Removes one and what was typed beside it, whether its files are here or not.

        Args:
            name: Whatever somebody says; nothing is done if none is called so.
        """
        upload = self.given(name)
        if upload is not None:
            with self._locks[name]:
                self.discard(upload)

    def take_away(self, upload: Upload) -> None:
        """Removes the files of one as somebody wishes, by whoever uses it."""
        self.forget(upload)
        with self._guard:
            self._taken_away.add(upload.name)

    def was_taken_away(self, name: str) -> bool:
        """Whether somebody removed the files of one, rather than that time did."""
        return name in self._taken_away

    def forget(self, upload: Upload) -> None:
        """Removes the files of one, by whoever uses it."""
        shutil.rmtree(upload.folder, ignore_errors=True)
        with self._guard:
            self._known.pop(upload.name, None)
            self._used.pop(upload.name, None)

    def forget_idle(self, now: float | None = None) -> None:
        """Removes the files that nobody has used for an hour.

        Args:
            now: By the monotonic clock; None to look at it.
        """
        second = time.monotonic() if now is None else now
        with self._guard:
            idle = [one for one in self._used if self._is_idle(one, second)]
        for name in idle:
            lock = self._locks[name]
            if lock.acquire(blocking=False):
                try:
                    # Somebody may have used it meanwhile.
                    if self._is_idle(name, second):
                        self.forget(Upload(name, self._folder / name))
                finally:
                    lock.release()

    def _is_idle(self, name: str, second: float) -> bool:
        return second - self._used.get(name, second) > IDLE_S


def fit_name(called: str) -> str:
    """A file's name as the browser gives it, so that any file system takes it."""
    last = PurePath(called.replace("\\", "/")).name
    fit = _UNFIT.sub("_", last).lstrip(". ").rstrip()
    stem, dot, suffix = fit.rpartition(".")
    if not dot:
        stem, suffix = fit, ""
    tail = (dot + suffix).encode()[:20]
    head = stem.encode()[: MOST_NAME_BYTES - len(tail)]
    return (head + tail).decode(errors="ignore") or "file"


def _gone() -> NotFoundError:
    return NotFoundError(
        "That upload is not here any more.", hint="Choose the file again."
    )
