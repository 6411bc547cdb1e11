# SPDX-License-Identifier: Apache-2.0
"""A SQLite file that several threads and processes may share."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

BUSY_S = 60.0


class Line(sqlite3.Connection):
    """A connection, closed at the latest when nobody holds it any more.

    Python 3.13 warns of each that is not closed; whoever looks at a market from a
    notebook closes none.
    """

    def __del__(self) -> None:
        self.close()


class Database:
    """One connection for each thread, with a write-ahead log and full syncing.

    When `writing` ends, what was written in it is on disk, or none of it.

    Args:
        path: The file; made if it is not there.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._local = threading.local()

    @property
    def connection(self) -> sqlite3.Connection:
        """This thread's connection."""
        connection: sqlite3.Connection | None = getattr(self._local, "line", None)
        if connection is None:
            # Only this thread uses it; any may be the one that closes it.
            connection = sqlite3.connect(
                self.path, timeout=BUSY_S, factory=Line, check_same_thread=False
            )
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            self._local.line = connection
        return connection

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """A transaction of this thread."""
        with self.connection as connection:
            yield connection
