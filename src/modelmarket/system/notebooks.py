# SPDX-License-Identifier: Apache-2.0
"""What is shown in Jupyter: facts and tables as HTML, and how far long work is.

Jupyter is never imported: where nobody has started it there is nothing to show.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from html import escape
from typing import Any

from modelmarket.system.text import in_a_line

Told = Callable[[str, int], None]
"""Is told what is being done, and of so many more of it."""

SOON_S = 0.5
"""What takes no longer shows nothing."""
LEAST_S = 0.1
"""A cell is not written to more often."""


def facts_html(title: str, facts: Iterable[object], *more: str) -> str:
    """A title and lines below it.

    Args:
        title: What it is about.
        facts: The lines; empty ones are left out.
        more: HTML below them.
    """
    lines = "".join(f"<li>{_said(one)}</li>" for one in facts if str(one))
    return f"<div><b>{_said(title)}</b><ul>{lines}</ul>{''.join(more)}</div>"


def table_html(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table."""
    head = "".join(f"<th>{_said(one)}</th>" for one in columns)
    body = "".join(
        f"<tr>{''.join(f'<td>{_said(cell)}</td>' for cell in row)}</tr>" for row in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _said(text: object) -> str:
    """A stranger's words as HTML that does nothing."""
    return escape(in_a_line(text))


def is_notebook() -> bool:
    """Whether this is a cell of Jupyter's."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return getattr(shell, "kernel", None) is not None


@contextmanager
def watched(given: Told | None = None) -> Iterator[Told | None]:
    """What long work tells how far it is: a line in a notebook's cell, if it is there.

    Args:
        given: Is told instead; None for none.
    """
    if given is not None or not is_notebook():
        yield given
        return
    cell = _Cell()
    try:
        yield cell.tell
    finally:
        cell.close()


class _Cell:
    """How far long work is, in a notebook's cell."""

    def __init__(self) -> None:
        self._done: dict[str, int] = {}
        self._handle: Any = None
        self._written = time.monotonic() + SOON_S - LEAST_S

    def tell(self, what: str, count: int) -> None:
        """So many more of something are done."""
        self._done[what] = self._done.get(what, 0) + count
        if time.monotonic() - self._written >= LEAST_S:
            self._write("<progress></progress> ")

    def close(self) -> None:
        """Nothing more will come."""
        if self._handle is not None:
            self._write("")

    def _write(self, bar: str) -> None:
        from IPython.display import HTML, display

        self._written = time.monotonic()
        said = ", ".join(f"{count:,} {what}" for what, count in self._done.items())
        shown = HTML(f"{bar}{_said(said)}")
        if self._handle is None:
            self._handle = display(shown, display_id=True)
        else:
            self._handle.update(shown)
