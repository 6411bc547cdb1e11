# SPDX-License-Identifier: Apache-2.0
"""Requests as folders of a file system: `mdc://7/train.csv`.

It is registered with fsspec (https://filesystem-spec.readthedocs.io), so whatever
opens files by their addresses reads a request directly. It can be read only, without
a key; each block is checked as it comes.
"""

from __future__ import annotations

import io
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, BinaryIO

from fsspec.spec import AbstractFileSystem

from modelmarket.errors import InputError, NotFoundError
from modelmarket.market.reader import Reader, place_of
from modelmarket.protocol.types import MarketId, RequestId

if TYPE_CHECKING:
    from modelmarket.market.contents import Contents
    from modelmarket.storage.store import Entry

MOST_REQUESTS = 1_000
"""So many of the newest requests are listed."""


class RequestFileSystem(AbstractFileSystem):  # type: ignore[misc]  # it has no types
    """Requests as folders: `7` of predictions, `v7` a verified contest.

    Args:
        network: Its name; None for MODELMARKET_NETWORK, or the local one.
        home: The user's folder; None for MODELMARKET_HOME, or the default one.
        options: What fsspec itself takes.

    Raises:
        NotFoundError: There is no such network.
    """

    protocol = "mdc"

    def __init__(
        self, network: str | None = None, home: str | None = None, **options: Any
    ) -> None:
        super().__init__(**options)
        self._reader = Reader(*place_of(network, home))
        # Fsspec keeps file systems for as long as the program runs.
        weakref.finalize(self, self._reader.close)

    def ls(self, path: str, detail: bool = True, **_: Any) -> list[Any]:
        """The files in a request's folder; of no request, the newest requests.

        Args:
            path: `7`, a folder in it, or empty.
            detail: A dict for each, as fsspec describes it; or else its path alone.

        Raises:
            FileNotFoundError: There is no such request, or no gateway has it.
        """
        here = self._strip_protocol(path)
        if not here:
            self._reader.look()
            found = [
                _folder(str(one.id)) for one in self._reader.find(limit=MOST_REQUESTS)
            ]
        else:
            with _missing(here):
                contents, inside = self._contents(here)
                found = [
                    _told(f"{here}/{one.path}" if one.path else here, one)
                    for one in contents.listing(inside)
                ]
        return found if detail else [one["name"] for one in found]

    def info(self, path: str, **_: Any) -> dict[str, Any]:
        """What is known of a file or folder.

        Raises:
            FileNotFoundError: There is none.
        """
        here = self._strip_protocol(path)
        if not here:
            return _folder(here)
        with _missing(here):
            contents, inside = self._contents(here)
            return _told(here, contents.entry(inside))

    def _open(self, path: str, mode: str = "rb", **_: Any) -> BinaryIO:
        """A file, fetched into the store as a whole.

        Raises:
            FileNotFoundError: There is none, or no gateway has it.
            IsADirectoryError: It is a folder.
            UnsupportedOperation: It is to be written.
        """
        if mode != "rb":
            raise io.UnsupportedOperation(f"{path} can be read only.")
        with _missing(path):
            contents, inside = self._contents(path)
            if contents.entry(inside).is_folder:
                raise IsADirectoryError(f"{path} is a folder.")
            return contents.fetch_file(inside).open("rb")

    def _contents(self, path: str) -> tuple[Contents, str]:
        """A request's files, and a path in them."""
        number, *inside = PurePosixPath(path).parts
        request_id = MarketId.of_any(number, RequestId)
        self._reader.look()
        return self._reader.contents(request_id), "/".join(inside)


@contextmanager
def _missing(path: str) -> Iterator[None]:
    """Says what is not there as Python does; whoever walks about waits for that."""
    try:
        yield
    except (NotFoundError, InputError) as error:
        raise FileNotFoundError(f"{path}: {error}") from error


def _folder(name: str) -> dict[str, Any]:
    return {"name": name, "size": 0, "type": "directory"}


def _told(name: str, entry: Entry) -> dict[str, Any]:
    if entry.is_folder:
        return _folder(name) | {"ETag": str(entry.cid)}
    cid = str(entry.cid)
    return {"name": name, "size": entry.size, "type": "file", "ETag": cid}
