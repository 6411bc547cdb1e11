# SPDX-License-Identifier: Apache-2.0
"""Opens a browser without telling the link to the machine's other users.

A program's arguments can be read by everybody, so the browser is given the
name of a file that only its owner can read, and that leads on to the link.
"""

from __future__ import annotations

import os
import tempfile
import webbrowser
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Self

from modelmarket.system.files import PRIVATE

if TYPE_CHECKING:
    from types import TracebackType

PAGE = (
    '<!doctype html><html lang="en"><meta charset="utf-8">'
    '<meta name="referrer" content="no-referrer">'
    '<meta http-equiv="refresh" content="0; url={link}"><title>ModelMarket</title>'
    '<p><a href="{link}">Go on to the market</a></p></html>'
)


class LinkFile:
    """A private file that leads to a link; it is gone once the link was used.

    Args:
        inside: The folder in which one of its own is made for it.
    """

    def __init__(self, inside: Path) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="link-", dir=inside)
        self.path = Path(self._folder.name) / "open.html"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._folder.cleanup()

    def open(self, link: str) -> bool:
        """Opens the link in the user's browser; false if there is none."""
        handle = os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, PRIVATE)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(PAGE.format(link=escape(link)))
        return webbrowser.open(self.path.as_uri())

    def remove(self) -> None:
        """Removes the file: its link is void."""
        self.path.unlink(missing_ok=True)
