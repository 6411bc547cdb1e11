# SPDX-License-Identifier: Apache-2.0
"""What is in a folder of strangers', or of one's own before it is sealed."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from modelmarket.errors import InputError, NotFoundError
from modelmarket.storage.cid import Cid
from modelmarket.storage.fetch import fetch
from modelmarket.system.files import existing_path

if TYPE_CHECKING:
    from modelmarket.market.reader import Reader
    from modelmarket.models.inspecting import Inspected
    from modelmarket.storage.store import Progress

MOST_FILES = 200
"""Of a folder; a process looks into each."""
TOO_LONG = "It was not looked into: the others took too long."
MOST_S = 600.0
"""For all files together, about."""


def inspect(
    market: Reader, what: Path | str, *, progress: Progress | None = None
) -> list[Inspected]:
    """Tells what is in each file of a folder; nothing of it is executed.

    Args:
        market: With store and gateways.
        what: A CID, or a path of one's own.
        progress: Is told of the bytes that are fetched.

    Raises:
        NotFoundError: There is no such path, or no gateway has it.
        StorageError: It is not what its CID says.
        InputError: There are too many files in it.
    """
    if is_here(what):
        return inspect_here(Path(what))
    cid = cid_of(what)
    fetch(market.store, cid, market.network.gateways, progress=progress)
    return _inspected(
        [
            (one.path or str(cid), market.store.path(one.cid))
            for one in market.store.entries(cid)
        ]
    )


def cid_of(what: Path | str) -> Cid:
    """The CID that is meant by what is no path.

    Raises:
        NotFoundError: It is none.
    """
    try:
        return Cid.parse(str(what))
    except InputError as error:
        raise NotFoundError(
            f"There is no file or folder {what}, and it is no CID.",
            hint="`modelmarket request show 7` names the model that won.",
        ) from error


def is_here(what: Path | str) -> bool:
    """Whether it is the path of a file or folder."""
    try:
        return Path(what).exists()
    except OSError:
        return False  # no path is so long


def inspect_here(path: Path) -> list[Inspected]:
    """The same for a file or folder of one's own; links are not followed.

    Raises:
        InputError: There are too many files in it, or it is a pipe or a device.
    """
    existing_path(path)
    if not path.is_dir():
        return _inspected([(path.name, path)])
    return _inspected(
        [
            (one.relative_to(path).as_posix(), one)
            for one in sorted(path.rglob("*"))
            if one.is_file() and not one.is_symlink()
        ]
    )


def _inspected(found: list[tuple[str, Path]]) -> list[Inspected]:
    """What is in each file, by what it is called and where it lies."""
    from modelmarket.models.inspecting import Inspected, inspect_file

    if len(found) > MOST_FILES:
        raise InputError(
            f"There are {len(found):,} files in it; {MOST_FILES} are looked into.",
            hint="Export it, and inspect a folder in it.",
        )
    seen: list[Inspected] = []
    begin = time.monotonic()
    for name, path in found:
        size = path.stat().st_size
        if time.monotonic() - begin > MOST_S:
            seen.append(Inspected(name, size, "file", dangers=(TOO_LONG,)))
            continue
        with path.open("rb") as file:
            seen.append(inspect_file(name, size, file))
    return seen
