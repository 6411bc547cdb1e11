# SPDX-License-Identifier: Apache-2.0
"""py-evm's key-value database in a SQLite file, committed block by block."""

import os
import sqlite3
from pathlib import Path

from eth.db.backends.base import BaseDB

from modelmarket.system.databases import Line
from modelmarket.system.files import PRIVATE

_SCHEMA = """
CREATE TABLE IF NOT EXISTS pairs (key BLOB PRIMARY KEY, value BLOB) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS logs (
    block INTEGER, position INTEGER, transaction_index INTEGER,
    address BLOB, topics BLOB, data BLOB, PRIMARY KEY (block, position)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value TEXT);
"""


class ChainDatabase(BaseDB):
    """Writes stay in memory until `commit`, so that a file is always at a block.

    Args:
        path: The file; made if it is not there.
    """

    def __init__(self, path: Path) -> None:
        if str(path) != ":memory:":
            # It holds the faucet's key: nobody else may read it, from the first
            # byte on.
            os.close(os.open(path, os.O_CREAT | os.O_WRONLY, PRIVATE))
        self.connection = sqlite3.connect(path, check_same_thread=False, factory=Line)
        self.connection.execute("PRAGMA journal_mode = WAL")
        self.connection.execute("PRAGMA synchronous = FULL")
        self.connection.executescript(_SCHEMA)
        self._unwritten: dict[bytes, bytes | None] = {}

    def __getitem__(self, key: bytes) -> bytes:
        if key in self._unwritten:
            value = self._unwritten[key]
        else:
            row = self.connection.execute(
                "SELECT value FROM pairs WHERE key = ?", (key,)
            ).fetchone()
            value = row[0] if row else None
        if value is None:
            raise KeyError(key)
        return value

    def __setitem__(self, key: bytes, value: bytes) -> None:
        self._unwritten[key] = value

    def __delitem__(self, key: bytes) -> None:
        self._unwritten[key] = None

    def _exists(self, key: bytes) -> bool:
        try:
            self[key]
        except KeyError:
            return False
        return True

    def setting(self, name: str) -> str | None:
        """A value that `set_setting` kept."""
        row = self.connection.execute(
            "SELECT value FROM settings WHERE name = ?", (name,)
        ).fetchone()
        return row[0] if row else None

    def set_setting(self, name: str, value: str) -> None:
        """Keeps a value from the next commit on."""
        self.connection.execute(
            "INSERT OR REPLACE INTO settings VALUES (?, ?)", (name, value)
        )

    def commit(self) -> None:
        """Writes everything since the last commit, at once, to the disk."""
        written = [(k, v) for k, v in self._unwritten.items() if v is not None]
        deleted = [(k,) for k, v in self._unwritten.items() if v is None]
        self.connection.executemany(
            "INSERT OR REPLACE INTO pairs VALUES (?,?)", written
        )
        self.connection.executemany("DELETE FROM pairs WHERE key = ?", deleted)
        self.connection.commit()
        self._unwritten.clear()

    def close(self) -> None:
        """Closes the file; what was not committed is gone."""
        self.connection.close()
