# SPDX-License-Identifier: Apache-2.0
"""What the user does through the page, step by step, on disk.

An errand is one transaction from the wish to the block. It survives a reload
and a restart; nothing secret is in it.

Every change is one conditional `UPDATE` of one row: it says from which state and
attempt it goes on, and whoever comes second is told so. Two clicks, two tabs or
two programs on one home can therefore never both go on from the same place.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from modelmarket.errors import NotFoundError, StepError
from modelmarket.protocol.types import Address
from modelmarket.system.databases import Database

if TYPE_CHECKING:
    from pathlib import Path

_SCHEMA = """
CREATE TABLE IF NOT EXISTS errands (
    id INTEGER PRIMARY KEY, account TEXT NOT NULL, kind TEXT NOT NULL,
    details TEXT NOT NULL, state TEXT NOT NULL, hash BLOB, block INTEGER,
    message TEXT NOT NULL DEFAULT '', reason TEXT NOT NULL DEFAULT '',
    result TEXT NOT NULL DEFAULT '', began INTEGER NOT NULL, nonce INTEGER,
    attempt INTEGER NOT NULL DEFAULT 0, by_key INTEGER NOT NULL DEFAULT 0,
    asked_at INTEGER NOT NULL DEFAULT 0
);
"""
_ADDED = ("attempt", "by_key", "asked_at")
"""Columns that files of earlier versions lack; each is a number, at first 0."""
_COLUMNS = (
    "id, account, kind, details, state, hash, block, message, reason, result, began,"
    " nonce, attempt, by_key, asked_at"
)
_LIST_OF_COLUMNS = "PRAGMA table_info(errands)"
MOST_NUMBER = 2**63 - 1
"""SQLite has no larger one."""


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
    SIGNING = "being signed"
    PENDING = "on its way"
    CONFIRMED = "confirmed"
    REFUSED = "refused in the wallet"
    FAILED = "failed"
    REPLACED = "replaced"

    @property
    def is_open(self) -> bool:
        """Whether nothing is under way, so that it can be confirmed.

        A wallet that was asked may have sent it already, so `WALLET` is not.
        """
        return self in (State.DRAFT, State.REFUSED, State.FAILED)

    @property
    def is_under_way(self) -> bool:
        """Whether it is signed or about to be, and not in the chain yet."""
        return self in (State.SIGNING, State.PENDING)


_OPEN = tuple(one for one in State if one.is_open)


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
        attempt: How often it was handed to a wallet or signed.
        by_key: Whether a key of this computer signed last.
        asked_at: The chain's newest block when it was handed over last.
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
    attempt: int
    by_key: bool
    asked_at: int


class Activity:
    """All errands of this machine's user.

    Args:
        path: The SQLite file; made if it is not there.
    """

    def __init__(self, path: Path) -> None:
        self._database = Database(path)
        with self._database.writing() as sql:
            sql.executescript(_SCHEMA)
        known = {row[1] for row in self._database.connection.execute(_LIST_OF_COLUMNS)}
        with self._database.writing() as sql:
            for name in _ADDED:
                if name not in known:
                    sql.execute(
                        f"ALTER TABLE errands ADD COLUMN {name}"
                        " INTEGER NOT NULL DEFAULT 0"
                    )

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
        found = self._select("WHERE id = ?", number) if number <= MOST_NUMBER else []
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
        return self.all_in(State.PENDING)

    def all_in(self, state: State) -> list[Errand]:
        """All errands in a state, the oldest first."""
        return self._select("WHERE state = ? ORDER BY id", state)

    def made_from(self, upload: str) -> Errand | None:
        """The errand that came of an upload; None if none has."""
        found = self._select(
            "WHERE json_extract(details, '$.upload') = ? ORDER BY id LIMIT 1", upload
        )
        return found[0] if found else None

    def is_of_another(self, transaction: bytes, errand: Errand) -> bool:
        """Whether a transaction is another errand's."""
        return bool(self._select("WHERE hash = ? AND id != ?", transaction, errand.id))

    def twin(self, errand: Errand) -> Errand | None:
        """Another errand with the same submission that may still be sent."""
        found = self._select(
            "WHERE json_extract(details, '$.seal') = ? AND kind = ? AND id != ?"
            " ORDER BY id",
            errand.details.get("seal"),
            errand.kind,
            errand.id,
        )
        may_be_sent = (
            one for one in found if one.state.is_under_way or one.state is State.WALLET
        )
        return next(may_be_sent, None)

    # --- from state to state ---

    def ask_wallet(self, errand: Errand, block: int) -> Errand:
        """Notes that the wallet is asked, before it is.

        Args:
            errand: As it was seen; what was asked before, and is asked once
                more, too.
            block: The chain's newest.

        Raises:
            StepError: It went on meanwhile.
        """
        return self._hand_over(errand, State.WALLET, block)

    def begin_signing(self, errand: Errand, block: int) -> Errand:
        """Notes that a key of this computer is about to sign.

        Args:
            errand: As it was seen.
            block: The chain's newest.

        Raises:
            StepError: It went on meanwhile.
        """
        return self._hand_over(errand, State.SIGNING, block)

    def _hand_over(self, errand: Errand, state: State, block: int) -> Errand:
        """Notes a new attempt, of which nothing is known yet."""
        return self._advance(
            errand,
            (*_OPEN, State.WALLET),
            state=state,
            attempt=errand.attempt + 1,
            hash=None,
            nonce=None,
            by_key=state is State.SIGNING,
            asked_at=block,
            message="",
            reason="",
        )

    def signed(self, errand: Errand, transaction: bytes, nonce: int) -> Errand:
        """Notes what a key of this computer signed, before anybody has it.

        What pays more and replaces it is noted in the same way.

        Raises:
            StepError: It went on meanwhile; the transaction must not leave.
        """
        return self._advance(
            errand,
            (State.SIGNING, State.PENDING),
            state=State.PENDING,
            hash=transaction,
            nonce=nonce,
        )

    def sent(self, errand: Errand, transaction: bytes) -> Errand:
        """Notes what the wallet says that it sent.

        A hash is a proof, so it counts whatever else was said before; but an
        errand has one alone.

        Raises:
            StepError: The wallet was never asked, or has sent another one.
        """
        try:
            return self._advance(
                errand,
                (State.WALLET, State.REFUSED, State.FAILED),
                state=State.PENDING,
                hash=transaction,
                nonce=None,
                message="",
                reason="",
            )
        except StepError:
            # It was told before, or found on the chain by its seal.
            now = self.get(errand.id)
            if now.hash != transaction:
                raise
            return now

    def refused(self, errand: Errand) -> Errand:
        """Notes that the wallet's user declined.

        Raises:
            StepError: It went on meanwhile.
        """
        return self._advance(
            errand,
            (*_OPEN, State.WALLET),
            state=State.REFUSED,
            message="",
            reason="",
        )

    def puzzled(self, errand: Errand, *, message: str, reason: str) -> Errand:
        """Notes that the wallet answered with an error.

        If it had the transaction already it may have sent it all the same, so
        that the errand goes on waiting.

        Raises:
            StepError: It went on meanwhile.
        """
        was_asked = errand.state is State.WALLET
        return self._advance(
            errand,
            (*_OPEN, State.WALLET),
            state=State.WALLET if was_asked else State.FAILED,
            message=message,
            reason=reason,
        )

    def failed(self, errand: Errand, *, message: str, reason: str = "") -> Errand:
        """Notes that an errand was not done, and nothing can come of it any more.

        Raises:
            StepError: It went on meanwhile.
        """
        return self._advance(
            errand,
            (*_OPEN, State.SIGNING, State.PENDING),
            state=State.FAILED,
            message=message,
            reason=reason,
        )

    def replaced(self, errand: Errand, *, message: str) -> Errand:
        """Notes that another transaction has taken the place of this one.

        Raises:
            StepError: It went on meanwhile.
        """
        return self._advance(
            errand, (State.PENDING,), state=State.REPLACED, message=message
        )

    def confirmed(
        self, errand: Errand, *, transaction: bytes, block: int, result: str
    ) -> Errand:
        """Notes that an errand is in the chain.

        Raises:
            StepError: It went on meanwhile.
        """
        return self._advance(
            errand,
            tuple(one for one in State if one is not State.CONFIRMED),
            state=State.CONFIRMED,
            hash=transaction,
            block=block,
            result=result,
            message="",
            reason="",
        )

    def note_nonce(self, errand: Errand, nonce: int) -> Errand:
        """Notes a transaction's place in its account.

        Raises:
            StepError: It went on meanwhile.
        """
        return self._advance(errand, (State.PENDING,), nonce=nonce)

    def _advance(
        self, errand: Errand, allowed: tuple[State, ...], **values: object
    ) -> Errand:
        """The one place where a row changes: from where it was seen, or not at all."""
        changed = 0
        if errand.state in allowed:
            names = ", ".join(f"{name} = ?" for name in values)
            with self._database.writing() as sql:
                changed = sql.execute(
                    f"UPDATE errands SET {names} WHERE id = ? AND state = ?"  # noqa: S608  # names of ours
                    " AND attempt = ? AND hash IS ?",
                    (
                        *values.values(),
                        errand.id,
                        errand.state,
                        errand.attempt,
                        errand.hash,
                    ),
                ).rowcount
        now = self.get(errand.id)
        if not changed:
            raise StepError(
                f"This is {now.state.value} already.", hint="See the activity."
            )
        return now

    def _select(self, where: str, *values: object) -> list[Errand]:
        rows = self._database.connection.execute(
            f"SELECT {_COLUMNS} FROM errands {where}",  # noqa: S608  # words of ours
            values,
        ).fetchall()
        return [_errand(row) for row in rows]


def _errand(row: tuple[Any, ...]) -> Errand:
    values = dict(zip(_COLUMNS.split(", "), row, strict=True))
    return Errand(
        **{
            **values,
            "account": Address(values["account"]),
            "kind": Kind(values["kind"]),
            "details": json.loads(values["details"]),
            "state": State(values["state"]),
            "by_key": bool(values["by_key"]),
        }
    )
