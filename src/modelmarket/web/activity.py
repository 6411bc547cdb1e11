# SPDX-License-Identifier: Apache-2.0
"""What the user does through the page, step by step, on disk.

An errand is one transaction from the wish to the block. It survives a reload
and a restart; nothing secret is in it.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from modelmarket.databases import Database
from modelmarket.errors import NotFoundError
from modelmarket.protocol.types import Address

if TYPE_CHECKING:
    from pathlib import Path

_SCHEMA = """
CREATE TABLE IF NOT EXISTS errands (
    id INTEGER PRIMARY KEY, account TEXT NOT NULL, kind TEXT NOT NULL,
    details TEXT NOT NULL, state TEXT NOT NULL, hash BLOB, block INTEGER,
    message TEXT NOT NULL DEFAULT '', reason TEXT NOT NULL DEFAULT '',
    result TEXT NOT NULL DEFAULT '', began INTEGER NOT NULL, nonce INTEGER
);
"""
_COLUMNS = (
    "id, account, kind, details, state, hash, block, message, reason, result, began,"
    " nonce"
)


class Kind(StrEnum):
    """What an errand does."""

    CREATE_REQUEST = "create a request"
    SUBMIT = "submit"
    AIRDROP = "claim the airdrop"
    CANCEL_REQUEST = "cancel the request"
    CANCEL_SUBMISSION = "cancel the submission"
    WITHDRAW = "withdraw"
    ENFORCE = "enforce the time-out"
    APPOINT = "appoint the agent"
    FUND = "fund the agent"


class State(StrEnum):
    """How far an errand is."""

    DRAFT = "to be confirmed"
    WALLET = "waiting for the wallet"
    PENDING = "on its way"
    CONFIRMED = "confirmed"
    REFUSED = "refused in the wallet"
    FAILED = "failed"
    REPLACED = "replaced"

    @property
    def is_open(self) -> bool:
        """Whether nothing was sent yet, so that it can be confirmed."""
        return self in (State.DRAFT, State.WALLET, State.REFUSED, State.FAILED)


@dataclass(frozen=True)
class Errand:
    """A transaction, from the wish to the block.

    Attributes:
        id: Its number.
        account: Whose wallet signs.
        kind: What it does.
        details: What about; values that JSON has.
        state: How far it is.
        hash: The transaction's; None before it is sent.
        block: Where it is; None before.
        message: What went wrong, in words.
        reason: What the node or wallet said itself.
        result: The page that shows what came of it.
        began: Second of real time.
        nonce: The transaction's place in its account; None while not known.
    """

    id: int
    account: Address
    kind: Kind
    details: dict[str, Any]
    state: State
    hash: bytes | None
    block: int | None
    message: str
    reason: str
    result: str
    began: int
    nonce: int | None


class Activity:
    """All errands of this machine's user.

    Args:
        path: The SQLite file; made if it is not there.
    """

    def __init__(self, path: Path) -> None:
        self._database = Database(path)
        with self._database.writing() as sql:
            sql.executescript(_SCHEMA)

    def begin(self, account: Address, kind: Kind, details: dict[str, Any]) -> Errand:
        """Notes a wish."""
        with self._database.writing() as sql:
            row = sql.execute(
                "INSERT INTO errands (account, kind, details, state, began)"
                " VALUES (?, ?, ?, ?, ?)",
                (account, kind, json.dumps(details), State.DRAFT, int(time.time())),
            )
        assert row.lastrowid is not None
        return self.get(row.lastrowid)

    def get(self, number: int) -> Errand:
        """An errand.

        Raises:
            NotFoundError: There is none of that number.
        """
        found = self._select("WHERE id = ?", number)
        if not found:
            raise NotFoundError(f"There is no errand {number}.")
        return found[0]

    def of(self, account: Address, limit: int = 100) -> list[Errand]:
        """An account's errands that were confirmed by its user, newest first."""
        return self._select(
            "WHERE account = ? AND state != ? ORDER BY id DESC LIMIT ?",
            account,
            State.DRAFT,
            limit,
        )

    def pending(self) -> list[Errand]:
        """What was sent and is not in the chain yet."""
        return self._select("WHERE state = ? ORDER BY id", State.PENDING)

    def sent(self, number: int, transaction: bytes) -> None:
        """Notes that an errand is on its way."""
        self._change(
            number, state=State.PENDING, hash=transaction, message="", reason=""
        )

    def note_nonce(self, number: int, nonce: int) -> None:
        """Notes a transaction's place in its account."""
        self._change(number, nonce=nonce)

    def move(
        self, number: int, state: State, *, message: str = "", reason: str = ""
    ) -> None:
        """Notes how far an errand is."""
        self._change(number, state=state, message=message, reason=reason)

    def confirm(self, number: int, block: int, result: str) -> None:
        """Notes that an errand is in the chain."""
        self._change(number, state=State.CONFIRMED, block=block, result=result)

    def _change(self, number: int, **values: object) -> None:
        names = ", ".join(f"{name} = ?" for name in values)
        with self._database.writing() as sql:
            sql.execute(
                f"UPDATE errands SET {names} WHERE id = ?",  # noqa: S608  # names of ours
                (*values.values(), number),
            )

    def _select(self, where: str, *values: object) -> list[Errand]:
        rows = self._database.connection.execute(
            f"SELECT {_COLUMNS} FROM errands {where}",  # noqa: S608  # words of ours
            values,
        ).fetchall()
        return [
            Errand(
                row[0],
                Address(row[1]),
                Kind(row[2]),
                json.loads(row[3]),
                State(row[4]),
                *row[5:],
            )
            for row in rows
        ]
