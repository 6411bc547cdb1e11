# SPDX-License-Identifier: Apache-2.0
"""The log: what happened, for whoever has to find out why.

Each line of the file is a JSON object. Nothing of it is needed to go on, and
nothing secret is in it: addresses stand without what may be somebody's key.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from contextlib import suppress
from logging.handlers import WatchedFileHandler
from pathlib import Path
from typing import Any

from modelmarket.system.text import in_a_line

NAME = "modelmarket"
"""Of the logger that everything of ours is told to."""
MOST_BYTES = 5 * 10**6
"""Of the file; the one before it is kept."""


def told(logger: logging.Logger, level: int, what: str, /, **fields: Any) -> None:
    """Tells a log what happened.

    Args:
        logger: Of the module.
        level: As `logging` has it.
        what: The same words each time.
        fields: What it happened to.
    """
    logger.log(level, what, extra={"fields": fields})


class _Lines(logging.Formatter):
    """JSON, an object a line."""

    def format(self, record: logging.LogRecord) -> str:
        document = {
            **getattr(record, "fields", {}),
            "time": self.formatTime(record, "%Y-%m-%dT%H:%M:%S%z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "process": record.process,
            "thread": record.threadName,
            "message": record.getMessage(),
        }
        if record.exc_info:
            document["exception"] = self.formatException(record.exc_info)
        return json.dumps(document, default=str)


class _People(logging.Formatter):
    """A line for whoever watches, and the traceback if there is one."""

    def format(self, record: logging.LogRecord) -> str:
        fields = getattr(record, "fields", {})
        more = " ".join(f"{name}={in_a_line(one)}" for name, one in fields.items())
        line = f"{self.formatTime(record, '%H:%M:%S')} {record.getMessage()} {more}"
        if record.exc_info:
            line += "\n" + self.formatException(record.exc_info)
        return line.rstrip()


class _File(WatchedFileHandler):
    """A file for its owner alone, made when there is something to be told."""

    def _open(self) -> Any:
        path = Path(self.baseFilename)
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        # Several programs append to it: each line is one write.
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        return os.fdopen(handle, "a", encoding="utf-8")

    def emit(self, record: logging.LogRecord) -> None:
        # A disk that is full keeps nobody from acting.
        with suppress(OSError):
            super().emit(record)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802  # logging's
        """Says nothing: there is nobody else to tell."""


def begin(path: Path, *, verbose: bool = False, quiet: bool = False) -> None:
    """Has what is told written to a file, and what matters to the terminal.

    Args:
        path: The file; made when there is something to be told.
        verbose: Tell everything, in the terminal too.
        quiet: Tell the terminal of errors alone.
    """
    logger = logging.getLogger(NAME)
    for old in list(logger.handlers):
        logger.removeHandler(old)
        old.close()
    logger.setLevel(logging.DEBUG if verbose else logging.INFO)
    terminal = logging.StreamHandler(sys.stderr)
    if quiet:
        terminal.setLevel(logging.ERROR)
    else:
        terminal.setLevel(logging.DEBUG if verbose else logging.WARNING)
    terminal.setFormatter(_People())
    _make_room(path)
    file = _File(path, encoding="utf-8", delay=True)
    file.setFormatter(_Lines())
    logger.addHandler(terminal)
    logger.addHandler(file)


def _make_room(path: Path) -> None:
    """Lays a long file aside."""
    try:
        if path.stat().st_size > MOST_BYTES:
            path.replace(path.with_suffix(".1.jsonl"))
    except OSError:
        pass  # there is none, or another program was quicker
