# SPDX-License-Identifier: Apache-2.0
"""Pickles: programs that a file is opened by. They are listed here, and never run."""

from __future__ import annotations

import os
import pickletools
import re
import zipfile
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, cast

from modelmarket.errors import InputError
from modelmarket.models.inspecting.seen import Seen, some
from modelmarket.system.files import existing_file
from modelmarket.system.text import counted

MAGIC, PROTOCOLS = 0x80, range(2, 6)
"""How those of later protocols begin."""
MOST_OPCODES = 100_000
LEAST_OPCODES = 3
"""A text may happen to begin like one of the first two protocols."""
MANY_OPCODES = 1_000
"""Nothing else happens to have so many one behind the other."""
CALLS = {"REDUCE", "INST", "OBJ", "NEWOBJ", "NEWOBJ_EX", "BUILD"}
_GROUPS = {"MARK", "EMPTY_TUPLE", "TUPLE", "TUPLE1", "TUPLE2", "TUPLE3", "EMPTY_DICT"}
"""What is called has its arguments in one of these."""
_NAMED = re.compile(r"[\w.]+ [\w.]+")
_TEXTS = {"SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8", "UNICODE"}
_KEEPS = {"MEMOIZE", "BINPUT", "LONG_BINPUT", "PUT"}
GENERAL = "Opening a pickle runs whatever its maker wants; it is not opened."


class _Bounded:
    """A file that is never asked for more than it has: a pickle may say any length, and
    room is made for all of it.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._size = file.seek(0, os.SEEK_END)
        file.seek(0)

    def read(self, count: int) -> bytes:
        return self._file.read(min(count, self._size - self._file.tell()))

    def readline(self) -> bytes:
        return self._file.readline()

    def tell(self) -> int:
        return self._file.tell()


def is_pickle(file: IO[bytes]) -> bool:
    """Whether a file would be opened as one, and be it in part.

    A pickle runs as it is read: one that breaks off behind a call has called.

    Args:
        file: Open for reading, at its beginning.
    """
    head = file.read(2)
    if len(head) > 1 and head[0] == MAGIC and head[1] in PROTOCOLS:
        return True
    count, groups, last = 0, 0, ""
    try:
        for code, given, _ in pickletools.genops(cast("IO[bytes]", _Bounded(file))):
            count, last = count + 1, code.name
            groups += last in _GROUPS
            if last in ("GLOBAL", "INST") and not _NAMED.fullmatch(str(given)):
                return False  # lines of a text
            if (last in CALLS and groups) or count >= MANY_OPCODES:
                return True
    except Exception:  # noqa: BLE001  # whatever its parser says of what is none
        return False
    return count >= LEAST_OPCODES and last == "STOP"


def refuse_pickle(path: Path, hint: str) -> None:
    """Makes sure that a file is no pickle, be it in an archive of PyTorch's.

    Args:
        path: The file.
        hint: What is taken in its place.

    Raises:
        InputError: It is one.
        NotFoundError: Nothing is there.
    """
    with existing_file(path).open("rb") as file:
        is_one = is_pickle(file)
    if not is_one and zipfile.is_zipfile(path):
        with suppress(zipfile.BadZipFile, OSError), zipfile.ZipFile(path) as archive:
            is_one = any(name.endswith("/data.pkl") for name in archive.namelist())
    if is_one:
        raise InputError(
            f"{path.name} is a pickle: opening one runs whatever is in it, so none is "
            "opened here.",
            hint=hint,
        )


def look_at_pickle(file: IO[bytes]) -> Seen:
    """Lists what a pickle would do."""
    seen = Seen("pickle", dangers=[GENERAL])
    counts, named, end = Counter[str](), dict[str, None](), ""
    try:
        for name, what in _steps(file):
            counts[name] += 1
            if what:
                named[what] = None
            if counts.total() >= MOST_OPCODES:
                end = f"No more than {MOST_OPCODES:,} opcodes were looked at."
                break
        else:
            end = "More follows behind its end." if file.read(1) else ""
    except Exception as error:  # noqa: BLE001  # strangers' bytes break its parser
        end = f"Behind that it is no pickle: {str(error)[:200]}"
    listed = (f"{name} {count:,}" for name, count in counts.most_common())
    seen.facts.append(f"{counted(counts.total(), 'opcode')}: {some(listed)}.")
    if end:
        seen.facts.append(end)
    more = ", and perhaps more" if end else ""
    if named:
        seen.dangers.append(f"It would fetch {some(named)}{more}.")
    if any(counts[one] for one in CALLS):
        seen.dangers.append("It would call something once, or more often.")
    return seen


def _steps(file: IO[bytes]) -> Iterator[tuple[str, str]]:
    """The opcodes by their names, each with what it would fetch."""
    texts: list[str] = []
    for code, given, _ in pickletools.genops(cast("IO[bytes]", _Bounded(file))):
        yield code.name, _fetched(code.name, given, texts)
        if code.name in _TEXTS:
            texts = [*texts[-1:], str(given)]
        elif code.name not in _KEEPS:
            texts = []


def _fetched(name: str, given: Any, texts: list[str]) -> str:
    if name in ("GLOBAL", "INST"):
        return str(given).replace(" ", ".")
    if name == "STACK_GLOBAL":
        return ".".join(texts) if len(texts) > 1 else "something that it makes up"
    return ""
