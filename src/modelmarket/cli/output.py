# SPDX-License-Identifier: Apache-2.0
"""The one sink that all output goes through: for people, or as JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from modelmarket.system.text import in_a_line, plain

if TYPE_CHECKING:
    from collections.abc import Callable

    from modelmarket.agent.notices import Notice
    from modelmarket.errors import ModelMarketError


class Output:
    """Where a command says what it has to say.

    Args:
        as_json: One JSON document instead of text.
    """

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json

    def result(self, document: Any, *lines: str) -> None:
        """Says what a command found or did: lines, or else a document."""
        if self.as_json:
            print(json.dumps(document, indent=1))  # noqa: T201  # the sink
        else:
            for line in lines:
                print(plain(line))  # noqa: T201  # the sink

    def notice(self, notice: Notice) -> None:
        """Says what an agent has to tell: a line for each, at once."""
        line = f"{notice.time} {plain(notice.message)}"
        document = json.dumps(notice.document())
        print(document if self.as_json else line, flush=True)  # noqa: T201  # the sink

    def table(
        self,
        document: Any,
        columns: Sequence[str],
        rows: Sequence[Sequence[object]],
        *,
        title: str = "",
        empty: str = "",
    ) -> None:
        """Says it as a table."""
        if self.as_json:
            self.result(document)
            return
        if not rows and empty:
            self.result(None, empty)
            return
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        table = Table(title=Text(plain(title)) if title else None, title_justify="left")
        for column in columns:
            is_number = all(
                str(row[columns.index(column)]).replace(",", "").isdigit()
                for row in rows
            )
            table.add_column(column, justify="right" if is_number else "left")
        for row in rows:
            table.add_row(*(Text(in_a_line(cell)) for cell in row))
        # A pipe has no width; programs that read tables want whole lines.
        width = None if sys.stdout.isatty() else 200
        Console(width=width).print(table)

    def note(self, line: str) -> None:
        """Says what is going on; quiet when nobody watches."""
        if not self.as_json and sys.stdout.isatty():
            print(plain(line))  # noqa: T201  # the sink

    def warn(self, *lines: str) -> None:
        """Says what whoever reads the errors should know, beside a result."""
        for line in lines:
            said = json.dumps({"message": line}) if self.as_json else plain(line)
            print(said, file=sys.stderr)  # noqa: T201  # the sink

    @contextmanager
    def progress(self) -> Iterator[Callable[[str, int], None]]:
        """Shows how far long work has come, where somebody watches."""
        if self.as_json or not sys.stderr.isatty():
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
            print(json.dumps(document), file=sys.stderr)  # noqa: T201  # the sink
            return
        print(f"Error: {plain(error.message)}", file=sys.stderr)  # noqa: T201  # the sink
        if error.hint:
            print(f"  → {plain(error.hint)}", file=sys.stderr)  # noqa: T201  # the sink
