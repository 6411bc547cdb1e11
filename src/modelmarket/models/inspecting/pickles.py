# SPDX-License-Identifier: Apache-2.0
"""Pickles: programs that a file is opened by. They are listed here, and never run."""

from __future__ import annotations

import io
import pickletools
from collections import Counter
from collections.abc import Iterator
from typing import Any, BinaryIO

from modelmarket.models.inspecting.seen import Seen, some
from modelmarket.system.text import counted

MAGIC, PROTOCOLS = 0x80, range(2, 6)
"""How those of later protocols begin."""
MOST_OPCODES = 100_000
HEAD_BYTES = 65_536
LEAST_OPCODES = 3
"""A text may happen to begin like one of the first two protocols."""
CALLS = {"REDUCE", "INST", "OBJ", "NEWOBJ", "NEWOBJ_EX", "BUILD"}
_TEXTS = {"SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8", "UNICODE"}
_KEEPS = {"MEMOIZE", "BINPUT", "LONG_BINPUT", "PUT"}


def is_pickle(head: bytes, *, is_whole: bool) -> bool:
    """Whether a file that begins so is one.

    Args:
        head: How it begins.
        is_whole: Whether that is all of it.
    """
    if len(head) > 1 and head[0] == MAGIC and head[1] in PROTOCOLS:
        return True
    if not is_whole:
        return False
    count, last = 0, ""
    try:
        for code, _, _ in pickletools.genops(io.BytesIO(head)):
            count, last = count + 1, code.name
    except Exception:  # noqa: BLE001  # it is none: whatever its parser says of it
        return False
    return count >= LEAST_OPCODES and last == "STOP"


def look_at_pickle(file: BinaryIO) -> Seen:
    """Lists what a pickle would do."""
    seen = Seen("pickle")
    counts, named, end = Counter[str](), dict[str, None](), ""
    try:
        for name, what in _steps(file):
            counts[name] += 1
            if what:
                named[what] = None
            if counts.total() >= MOST_OPCODES:
                end = f"No more than {MOST_OPCODES:,} opcodes were looked at."
                break
    except Exception as error:  # noqa: BLE001  # strangers' bytes break its parser
        end = f"Behind that it is no pickle: {error}"
    listed = [f"{name} {count:,}" for name, count in counts.most_common()]
    seen.facts.append(f"{counted(counts.total(), 'opcode')}: {some(listed)}.")
    if end:
        seen.facts.append(end)
    seen.dangers.append(
        "Opening a pickle runs whatever its maker wants; it is not opened."
    )
    if named:
        seen.dangers.append(f"It would fetch {some(list(named))}.")
    if any(counts[one] for one in CALLS):
        seen.dangers.append("It would call something once, or more often.")
    return seen


def _steps(file: BinaryIO) -> Iterator[tuple[str, str]]:
    """The opcodes by their names, each with what it would fetch."""
    texts: list[str] = []
    for code, given, _ in pickletools.genops(file):
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
