# SPDX-License-Identifier: Apache-2.0
"""The one sink that all output goes through: for people, as JSON, or quiet."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from modelmarket.protocol.types import MarketId
from modelmarket.system.text import in_a_line, plain

if TYPE_CHECKING:
    from collections.abc import Callable

    from modelmarket.agent.notices import Notice
    from modelmarket.errors import ModelMarketError


class Output:
    """Where a command says what it has to say. The program makes one, and no other.

    Results and errors are always said. So is what was sent when a command is
    interrupted, what an agent warns of, and what a question is about: it would
    be missed. All else is for people who watch.

    Args:
        as_json: Documents instead of text.
        quiet: Nothing that is only told, and no advice.
    """

    def __init__(self, *, as_json: bool = False, quiet: bool = False) -> None:
        self.as_json = as_json
        self.quiet = quiet

    def result(self, document: Any, *lines: str) -> None:
        """Says what a command found or did: lines, or else a document."""
        if self.as_json:
            _print(json.dumps(_with_ids(document), indent=1))
        else:
            for line in lines:
                _print(plain(line))

    def tell(self, *lines: str) -> None:
        """Says to people what is beside the result: advice, or how it comes about."""
        if not self.as_json and not self.quiet:
            for line in lines:
                _print(plain(line))

    def notice(self, notice: Notice) -> None:
        """Says what an agent has to tell: a line for each, at once."""
        if self.quiet and notice.level == "info":
            return
        self.event(notice.document(), f"{notice.time} {notice.message}")

    def event(self, document: Mapping[str, Any], line: str) -> None:
        """Says what has just happened: a line for each, at once."""
        _print(json.dumps(_with_ids(document)) if self.as_json else plain(line))

    def table(
        self,
        document: Any,
        columns: Sequence[str],
        rows: Sequence[Sequence[object]],
        *,
        title: str = "",
        empty: str = "",
    ) -> None:
        """Says it as a table; to a pipe as plain lines with tabs between the cells.

        Args:
            document: The same as JSON; None for a table that is part of a text.
            columns: Their names.
            rows: Their cells.
            title: Above it.
            empty: What is told instead of a table without rows.
        """
        if self.as_json:
            self.result(document)
            return
        if not rows and empty:
            if document is None:
                self.tell(empty)
            else:
                self.none(empty)
            return
        if not sys.stdout.isatty():
            if title:
                _print(plain(title))
            for cells in (columns, *rows):
                _print("\t".join(in_a_line(one) for one in cells))
            return
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        table = Table()
        for column in columns:
            is_number = all(
                str(row[columns.index(column)]).replace(",", "").isdigit()
                for row in rows
            )
            table.add_column(column, justify="right" if is_number else "left")
        for row in rows:
            table.add_row(*(Text(in_a_line(cell)) for cell in row))
        console = Console()
        if title:
            # As wide as it is: a table's own title is broken where the table ends.
            console.print(Text(plain(title), style="table.title"), soft_wrap=True)
        console.print(table)

    def none(self, line: str) -> None:
        """Says that a list is empty: where somebody watches, or beside a pipe, in which
        a program counts lines.
        """
        if sys.stdout.isatty():
            self.tell(line)
        else:
            self.advise(line)

    def note(self, line: str) -> None:
        """Says what is going on, to whoever watches."""
        if not self.quiet:
            self.ask(line)

    def ask(self, line: str) -> None:
        """Says what whoever watches is about to be asked."""
        if not self.as_json and sys.stdout.isatty():
            _print(plain(line))

    def advise(self, *lines: str) -> None:
        """Says to people, beside a result that may be read by a program."""
        if not self.as_json and not self.quiet:
            self.warn(*lines)

    def warn(self, *lines: str) -> None:
        """Says what whoever reads the errors must know."""
        for line in lines:
            said = json.dumps({"message": line}) if self.as_json else plain(line)
            _print(said, is_error=True)

    @contextmanager
    def progress(self) -> Iterator[Callable[[str, int], None]]:
        """Shows how far long work has come, where somebody watches."""
        if self.as_json or self.quiet or not sys.stderr.isatty():
            yield lambda _what, _count: None
            return
        from rich.console import Console
        from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

        columns = (
            SpinnerColumn(),
            TextColumn("{task.completed:,.0f} {task.description}"),
            TimeElapsedColumn(),
        )
        with Progress(*columns, console=Console(stderr=True)) as bars:
            tasks: dict[str, Any] = {}

            def advance(what: str, count: int) -> None:
                if what not in tasks:
                    tasks[what] = bars.add_task(what, total=None)
                bars.advance(tasks[what], count)

            yield advance

    def error(self, error: ModelMarketError) -> None:
        """Says what went wrong, where, and what to do next."""
        if self.as_json:
            document: Mapping[str, str] = {
                "error": type(error).__name__,
                "message": error.message,
                "hint": error.hint,
            }
            _print(json.dumps(document), is_error=True)
            return
        _print(f"Error: {plain(error.message)}", is_error=True)
        if error.hint:
            _print(f"  → {plain(error.hint)}", is_error=True)


def _with_ids(document: Any) -> Any:
    """A document whose ids are as JSON has them: 7, or `v7`."""
    if isinstance(document, MarketId):
        return document.shown
    if isinstance(document, Mapping):
        return {key: _with_ids(value) for key, value in document.items()}
    if isinstance(document, list | tuple):
        return [_with_ids(value) for value in document]
    return document


def _print(text: str, *, is_error: bool = False) -> None:
    # At once: whoever starts a server reads its address while it runs.
    print(text, file=sys.stderr if is_error else sys.stdout, flush=True)  # the sink
