# SPDX-License-Identifier: Apache-2.0
"""What is in a folder of strangers', or of one's own before it is sealed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from modelmarket.errors import InputError, NotFoundError
from modelmarket.storage.cid import Cid
from modelmarket.storage.fetch import fetch

if TYPE_CHECKING:
    from modelmarket.market.reader import Reader
    from modelmarket.models.inspecting import Inspected
    from modelmarket.storage.store import Progress

MOST_FILES = 200
"""Of a folder; a process looks into each."""


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
    from modelmarket.models.inspecting import inspect_file

    found = list(_files(market, what, progress))
    if len(found) > MOST_FILES:
        raise InputError(
            f"There are {len(found):,} files in it; {MOST_FILES} are looked into.",
            hint="Export it, and inspect a folder in it.",
        )
    seen: list[Inspected] = []
    for name, path in found:
        with path.open("rb") as file:
            seen.append(inspect_file(name, path.stat().st_size, file))
    return seen


def _files(
    market: Reader, what: Path | str, progress: Progress | None
) -> Iterator[tuple[str, Path]]:
    """Each file: what it is called, and where it lies."""
    path = Path(what)
    if path.is_dir():
        for one in sorted(path.rglob("*")):
            if one.is_file() and not one.is_symlink():
                yield one.relative_to(path).as_posix(), one
        return
    if path.is_file():
        yield path.name, path
        return
    try:
        cid = Cid.parse(str(what))
    except InputError as error:
        raise NotFoundError(
            f"There is no file or folder {what}, and it is no CID.",
            hint="`modelmarket request show 7` names the model that won.",
        ) from error
    fetch(market.store, cid, market.network.gateways, progress=progress)
    for entry in market.store.entries(cid):
        yield entry.path or str(cid), market.store.path(entry.cid)
