# SPDX-License-Identifier: Apache-2.0
"""Looking at the disk at every write, as somebody would who pulls the plug then."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

WRITES = {"write", "writelines", "flush", "close", "seek", "truncate", "fsync"}
"""After which of Python's own calls a disk may have become another one."""


class Looking:
    """Finds what matches a pattern in any file, named or not.

    Args:
        folder: Where named files are looked for.
        pattern: What is looked for.
        besides: A file in it that is not looked at.
    """

    def __init__(self, folder: Path, pattern: bytes, besides: Path) -> None:
        self._folder, self._besides = folder, besides
        self._pattern = re.compile(pattern)
        self._known: dict[tuple[int, int], tuple[int, int]] = {}
        self.found: dict[bytes, str] = {}
        """What was found, with where it was found first."""
        self.looks = 0

    def look(self) -> None:
        """Looks at every file that has changed."""
        self.looks += 1
        for path in self._files():
            try:
                status = path.stat()
                place = (status.st_dev, status.st_ino)
                now = (status.st_mtime_ns, status.st_size)
                if not path.is_file() or self._known.get(place) == now:
                    continue
                self._known[place] = now
                data = path.read_bytes()
            except OSError:
                # It was there a moment ago.
                continue
            for one in self._pattern.findall(data):
                self.found.setdefault(one, os.path.realpath(path))

    def _files(self) -> Iterator[Path]:
        for path in self._folder.rglob("*"):
            if path != self._besides:
                yield path
        # Files without a name are here as long as they are open.
        for path in Path("/dev/fd").iterdir():
            if not path.exists() or not path.samefile(self._besides):
                yield path

    @contextmanager
    def at_every_write(self) -> Iterator[None]:
        """Looks whenever this thread has written something."""

        def after(_frame: FrameType, event: str, called: Any) -> None:
            if event == "c_return" and called.__name__ in WRITES:
                sys.setprofile(None)
                self.look()
                sys.setprofile(after)

        sys.setprofile(after)
        try:
            yield
        finally:
            sys.setprofile(None)
        self.look()
