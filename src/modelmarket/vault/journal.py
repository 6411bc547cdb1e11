# SPDX-License-Identifier: Apache-2.0
"""The journal: every transaction, from the wish to the block that buries it.

It has one life, whoever signs. A key of this computer signs what is journalled
first: that it is about to, then the bytes, before anybody has them. A wallet in a
browser is asked, and says what it sent, or does not.

Every change is one conditional `UPDATE` of one row: it says from which state and
attempt it goes on, and whoever comes second is told so. Two clicks, two tabs or
two programs on one home can therefore never both go on from the same place.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from modelmarket.errors import NotFoundError, StepError, VaultError
from modelmarket.protocol.actions import Action, from_json, to_json
from modelmarket.protocol.types import Address

if TYPE_CHECKING:
    from pathlib import Path

    from modelmarket.system.databases import Database
    from modelmarket.vault.encryption import Key

SCHEMA = """
CREATE TABLE IF NOT EXISTS entries (
    id INTEGER PRIMARY KEY, market TEXT NOT NULL, account TEXT NOT NULL,
    encrypted BLOB NOT NULL, seal BLOB NOT NULL, origin TEXT NOT NULL,
    state TEXT NOT NULL, signer TEXT NOT NULL DEFAULT '',
    attempt INTEGER NOT NULL DEFAULT 0, asked_at INTEGER NOT NULL DEFAULT 0,
    process INTEGER NOT NULL DEFAULT 0, since INTEGER NOT NULL DEFAULT 0,
    nonce INTEGER, hash BLOB, block INTEGER,
    made INTEGER NOT NULL DEFAULT 0, message TEXT NOT NULL DEFAULT '',
    reason TEXT NOT NULL DEFAULT '', began INTEGER NOT NULL,
    second INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS unended ON entries (market, state);
CREATE TABLE IF NOT EXISTS signed (
    hash BLOB PRIMARY KEY, entry INTEGER NOT NULL, encrypted BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS versions ON signed (entry);
"""
_COLUMNS = (
    "id, market, account, encrypted, origin, state, signer, attempt, asked_at, process,"
    " since, nonce, hash, block, made, message, reason, began, second"
)
MOST_NUMBER = 2**63 - 1
"""SQLite has no larger one."""
LONGEST_SIGNING_S = 600
"""Longer than any key takes to sign; what began before is of a program that is dead,
though another one has its number now."""
UNSENT = (
    "The program ended before this was sent. Nothing happened; you can confirm again."
)
DECLINED = "You declined in the wallet. Nothing was sent; you can confirm again."


class State(StrEnum):
    """How far a transaction is."""

    PREPARED = "prepared"
    AWAITING = "awaiting signature"
    SIGNED = "signed"
    SENT = "sent"
    MINED = "mined"
    BURIED = "buried"
    REPLACED = "replaced"
    FAILED = "failed"
    GIVEN_UP = "given up"

    @property
    def is_open(self) -> bool:
        """Whether nothing is under way, so that it can be confirmed."""
        return self in _OPEN

    @property
    def is_given_up(self) -> bool:
        """Whether its user has let go of it."""
        return self is State.GIVEN_UP

    @property
    def is_done(self) -> bool:
        """Whether it is in the chain."""
        return self in _DONE


class Signer(StrEnum):
    """Who signs."""

    NOBODY = ""
    KEY = "key"
    WALLET = "wallet"


_OPEN = (State.PREPARED, State.FAILED)
_DONE = (State.MINED, State.BURIED)
_UNDER_WAY = (State.SIGNED, State.SENT)
_WORDS = {
    State.PREPARED: "to be confirmed",
    State.SIGNED: "on its way",
    State.SENT: "on its way",
    State.MINED: "confirmed",
    State.BURIED: "confirmed",
}
_AWAITED = {Signer.WALLET: "waiting for the wallet", Signer.KEY: "being signed"}
_ASKED_HERE: set[tuple[Path, int, int]] = set()
"""What keys were asked for by this program: file, entry and attempt."""
_ASKING = threading.Lock()
"""Whoever sees in the file that a key was asked sees it there, too."""


@dataclass(frozen=True)
class Entry:
    """A transaction, from the wish to the block.

    Attributes:
        id: Its number.
        market: The contract that the journal is of.
        account: Who signs.
        action: What it does.
        origin: What it came of, on the page: an upload, or the page to go back to;
            empty for what a program does by itself.
        state: How far it is.
        signer: Who was asked to sign last.
        attempt: How often somebody was.
        asked_at: The chain's newest block at that time.
        process: The number of the program that signs.
        since: When it began to; a second of real time.
        nonce: The transaction's place in its account; None while not known.
        hash: The transaction's; None before it is signed.
        block: Where it is; None before.
        made: The number of the request or submission that it made; 0 = none.
        message: What went wrong, in words.
        reason: What the node or wallet said itself.
        began: Second of real time.
        second: The same in chain time; 0 where that was not known.
    """

    id: int
    market: Address
    account: Address
    action: Action
    origin: str
    state: State
    signer: Signer
    attempt: int
    asked_at: int
    process: int
    since: int
    nonce: int | None
    hash: bytes | None
    block: int | None
    made: int
    message: str
    reason: str
    began: int
    second: int

    @property
    def is_under_way(self) -> bool:
        """Whether it is signed or about to be, and not in the chain yet."""
        by_key = self.state is State.AWAITING and self.signer is Signer.KEY
        return by_key or self.state in _UNDER_WAY

    @property
    def is_asked(self) -> bool:
        """Whether a wallet was asked, and has not said what it did."""
        return self.state is State.AWAITING and self.signer is Signer.WALLET

    @property
    def is_declined(self) -> bool:
        """Whether its user said no to it, and can still say yes."""
        return self.state is State.PREPARED and bool(self.message)

    @property
    def told(self) -> str:
        """How far it is, in words."""
        if self.state is State.AWAITING:
            return _AWAITED[self.signer]
        if self.is_declined:
            return "declined"
        return _WORDS.get(self.state, self.state.value)


@dataclass(frozen=True)
class Part:
    """A part of the journal.

    Attributes:
        account: Whose page it is; None for nobody's.
        confirmed: What that account was asked about on the page; or else the rest of
            what keys of this computer have signed.
    """

    account: Address | None
    confirmed: bool


@dataclass(frozen=True, repr=False)
class Version:
    """A transaction as it was signed; one that pays more has the same nonce.

    Attributes:
        hash: 32 bytes.
        raw: Its bytes.
    """

    hash: bytes
    raw: bytes


class Journal:
    """All transactions of a vault's user.

    Args:
        database: The vault's.
        key: The vault's: what is done, and what was signed, is encrypted.
    """

    def __init__(self, database: Database, key: Key) -> None:
        self._database = database
        self._key = key
        self._note_chain_time()

    def _note_chain_time(self) -> None:
        """Makes room for it in a journal that was made before it was noted."""
        if self._notes_chain_time():
            return
        try:
            with self._database.writing() as sql:
                sql.execute(
                    "ALTER TABLE entries ADD COLUMN second INTEGER NOT NULL DEFAULT 0"
                )
        except sqlite3.OperationalError:
            # Another program may have been as fast.
            if not self._notes_chain_time():
                raise

    def _notes_chain_time(self) -> bool:
        columns = self._database.connection.execute("PRAGMA table_info(entries)")
        return "second" in {column[1] for column in columns}

    # --- looking ---

    def entry(self, number: int) -> Entry:
        """An entry.

        Raises:
            NotFoundError: There is none of that number.
        """
        found = self._select("WHERE id = ?", number) if number <= MOST_NUMBER else []
        if not found:
            raise NotFoundError(
                f"There is no action {number}.", hint="The activity lists them."
            )
        return found[0]

    def newest(
        self, market: Address, *, limit: int, offset: int = 0, of: Part | None = None
    ) -> list[Entry]:
        """What was begun last, the newest first; nothing that is only prepared, or was
        given up.

        Args:
            market: The contract that the journal is of.
            limit: So many at most.
            offset: So many of the newest are left out.
            of: A part of it; None for all.
        """
        where, values = _begun(market, of)
        return self._select(
            f"{where} ORDER BY id DESC LIMIT ? OFFSET ?", *values, limit, offset
        )

    def count(self, market: Address, of: Part | None = None) -> int:
        """How many `newest` could give."""
        where, values = _begun(market, of)
        row = self._database.connection.execute(
            f"SELECT count(*) FROM entries {where}",  # noqa: S608  # words of ours
            values,
        ).fetchone()
        return int(row[0])

    def all_in(self, market: Address, *states: State) -> list[Entry]:
        """All entries in some states, the oldest first."""
        marks = ", ".join("?" * len(states))
        return self._select(
            f"WHERE market = ? AND state IN ({marks}) ORDER BY id", market, *states
        )

    def unfinished(self, market: Address) -> list[Entry]:
        """What a key has signed and is not in the chain yet, the oldest first."""
        waiting = self.all_in(market, *_UNDER_WAY)
        return [one for one in waiting if one.signer is Signer.KEY]

    def versions(self, entry: Entry) -> list[Version]:
        """What a key has signed for an entry, the newest last."""
        rows = self._database.connection.execute(
            "SELECT hash, encrypted FROM signed WHERE entry = ? ORDER BY rowid",
            (entry.id,),
        )
        return [Version(name, self._key.decrypt(raw, name)) for name, raw in rows]

    def come_of(self, origin: str) -> Entry | None:
        """The first entry that came of something on the page and was not given up."""
        found = self._select(
            "WHERE origin = ? AND state != ? ORDER BY id LIMIT 1",
            origin,
            State.GIVEN_UP,
        )
        return found[0] if found else None

    def has(self, transaction: bytes) -> bool:
        """Whether a transaction is one of these."""
        return bool(self._select("WHERE hash = ? LIMIT 1", transaction))

    def is_of_another(self, transaction: bytes, entry: Entry) -> bool:
        """Whether a transaction is another entry's."""
        return bool(self._select("WHERE hash = ? AND id != ?", transaction, entry.id))

    def twin(self, entry: Entry) -> Entry | None:
        """Another entry with the same seal that may still be sent."""
        found = self._select(
            "WHERE seal = ? AND id != ? ORDER BY id", entry.action.seal, entry.id
        )
        alike = (one for one in found if type(one.action) is type(entry.action))
        return next((one for one in alike if one.is_under_way or one.is_asked), None)

    # --- from state to state ---

    def prepare(
        self,
        market: Address,
        account: Address,
        action: Action,
        origin: str,
        second: int = 0,
    ) -> Entry:
        """Notes a wish.

        Args:
            market: The contract that the journal is of.
            account: Who signs.
            action: What is to be done.
            origin: What it came of, on the page.
            second: Of chain time; 0 where that is not known.
        """
        return self._add(
            market,
            account,
            action,
            origin=origin,
            state=State.PREPARED,
            second=second,
        )

    def begin(
        self,
        market: Address,
        account: Address,
        action: Action,
        nonce: int,
        second: int = 0,
    ) -> Entry:
        """Notes that a key is about to sign what nobody has to confirm.

        Args:
            market: The contract that the journal is of.
            account: Who signs.
            action: What is to be done.
            nonce: The transaction's place in its account.
            second: Of chain time; 0 where that is not known.
        """
        with _ASKING:
            entry = self._add(
                market,
                account,
                action,
                origin="",
                state=State.AWAITING,
                signer=Signer.KEY,
                attempt=1,
                nonce=nonce,
                second=second,
                **_here_and_now(),
            )
            _ASKED_HERE.add(self._attempt(entry))
        return entry

    def ask_key(self, entry: Entry, nonce: int) -> Entry:
        """Notes that a key of this computer is about to sign.

        Raises:
            StepError: It went on meanwhile.
        """
        with _ASKING:
            asked = self._ask(entry, Signer.KEY, nonce=nonce, **_here_and_now())
            _ASKED_HERE.add(self._attempt(asked))
        return asked

    def ask_wallet(self, entry: Entry, block: int) -> Entry:
        """Notes that the wallet is asked, before it is.

        Args:
            entry: As it was seen; what was asked before, and is asked once more, too.
            block: The chain's newest.

        Raises:
            StepError: It went on meanwhile.
        """
        return self._ask(entry, Signer.WALLET, nonce=None, asked_at=block)

    def _ask(self, entry: Entry, signer: Signer, **values: object) -> Entry:
        """Notes a new attempt, of which nothing is known yet."""
        return self._advance(
            entry,
            _unless_signing(entry),
            state=State.AWAITING,
            signer=signer,
            attempt=entry.attempt + 1,
            hash=None,
            message="",
            reason="",
            **values,
        )

    def signed(self, entry: Entry, version: Version) -> Entry:
        """Notes what a key signed, before anybody has it.

        What pays more and replaces it is noted in the same way.

        Raises:
            StepError: It went on meanwhile; the transaction must not leave.
        """
        by_key = entry.signer is Signer.KEY
        return self._advance(
            entry,
            (State.AWAITING, *_UNDER_WAY) if by_key else (),
            version,
            state=State.SIGNED if entry.state is State.AWAITING else entry.state,
            hash=version.hash,
        )

    def handed_over(self, entry: Entry) -> Entry:
        """Notes that a node has taken what was signed.

        Raises:
            StepError: It went on meanwhile.
        """
        return self._advance(entry, (State.SIGNED,), state=State.SENT)

    def sent(self, entry: Entry, transaction: bytes) -> Entry:
        """Notes what the wallet says that it sent.

        A hash is a proof, so it counts whatever else was said before; but an
        entry has one alone.

        Raises:
            StepError: The wallet was never asked, or has sent another one.
        """
        was_asked = entry.signer is Signer.WALLET
        try:
            return self._advance(
                entry,
                (*_OPEN, State.AWAITING, State.GIVEN_UP) if was_asked else (),
                state=State.SENT,
                hash=transaction,
                nonce=None,
                message="",
                reason="",
            )
        except StepError:
            # It was told before, or found on the chain by its seal.
            now = self.entry(entry.id)
            if now.hash != transaction:
                raise
            return now

    def declined(self, entry: Entry) -> Entry:
        """Notes that the wallet's user declined.

        Raises:
            StepError: It went on meanwhile.
        """
        return self._advance(
            entry,
            _unless_signing(entry),
            state=State.PREPARED,
            message=DECLINED,
            reason="",
        )

    def tried_anew(self, entry: Entry) -> Entry:
        """Forgets what came of the attempt before, as its user tries once more.

        Raises:
            StepError: It went on meanwhile.
        """
        return self._advance(
            entry, _OPEN, state=State.PREPARED, hash=None, message="", reason=""
        )

    def puzzled(self, entry: Entry, *, message: str, reason: str) -> Entry:
        """Notes that the wallet answered with an error.

        If it had the transaction already it may have sent it all the same, so
        that the entry goes on waiting.

        Raises:
            StepError: It went on meanwhile.
        """
        return self._advance(
            entry,
            _unless_signing(entry),
            state=State.AWAITING if entry.is_asked else State.FAILED,
            message=message,
            reason=reason,
        )

    def failed(self, entry: Entry, *, message: str, reason: str = "") -> Entry:
        """Notes that it was not done, and nothing can come of it any more.

        Raises:
            StepError: It went on meanwhile, or a wallet was asked.
        """
        return self._end(entry, State.FAILED, message=message, reason=reason)

    def given_up(self, entry: Entry) -> Entry:
        """Notes that it is not going to be confirmed: its user begins anew.

        Raises:
            StepError: It went on meanwhile, or a wallet was asked.
        """
        return self._advance(entry, _OPEN, state=State.GIVEN_UP, message="", reason="")

    def replaced(self, entry: Entry, *, message: str) -> Entry:
        """Notes that another transaction has taken the place of this one.

        Raises:
            StepError: It went on meanwhile.
        """
        return self._end(entry, State.REPLACED, message=message)

    def _end(self, entry: Entry, state: State, **values: object) -> Entry:
        """Notes an end without a block, and forgets the bytes."""
        if entry.is_asked or (state is State.REPLACED and not entry.is_under_way):
            raise self._went_on(entry)
        allowed = (*_OPEN, State.AWAITING, *_UNDER_WAY, State.MINED)
        return self._advance(entry, allowed, None, True, state=state, **values)

    def mined(
        self, entry: Entry, *, transaction: bytes, block: int, made: int = 0
    ) -> Entry:
        """Notes that it is in the chain, and keeps the bytes until it is buried.

        Raises:
            StepError: It went on meanwhile.
        """
        return self._advance(
            entry,
            tuple(one for one in State if one not in _DONE),
            state=State.MINED,
            hash=transaction,
            block=block,
            made=made,
            message="",
            reason="",
        )

    def buried(self, entry: Entry) -> Entry:
        """Notes that no reorganisation can take it back, and forgets the bytes.

        Raises:
            StepError: It went on meanwhile.
        """
        return self._advance(entry, (State.MINED,), None, True, state=State.BURIED)

    def taken_back(self, entry: Entry) -> Entry:
        """Notes that it fell out of the chain again.

        Raises:
            StepError: It went on meanwhile.
        """
        return self._advance(entry, (State.MINED,), state=State.SENT, block=None)

    def note_nonce(self, entry: Entry, nonce: int) -> Entry:
        """Notes a transaction's place in its account.

        Raises:
            StepError: It went on meanwhile.
        """
        return self._advance(entry, _UNDER_WAY, nonce=nonce)

    def abandon(self, market: Address) -> None:
        """Gives up what was to be signed by programs that have ended.

        What stands nowhere as signed was handed to nobody.
        """
        with _ASKING:
            found = [
                entry
                for entry in self.all_in(market, State.AWAITING)
                if entry.signer is Signer.KEY and not self._is_being_signed(entry)
            ]
        for entry in found:
            try:
                self._advance(
                    entry, (State.AWAITING,), state=State.FAILED, message=UNSENT
                )
            except StepError:
                continue

    def _is_being_signed(self, entry: Entry) -> bool:
        """Whether the program that signs something may still be at it."""
        if time.time() - entry.since > LONGEST_SIGNING_S:
            return False
        # A program may have the number that the one before it had.
        if entry.process == os.getpid():
            return self._attempt(entry) in _ASKED_HERE
        return _is_running(entry.process)

    def _attempt(self, entry: Entry) -> tuple[Path, int, int]:
        """What tells an attempt from all others."""
        return self._database.path, entry.id, entry.attempt

    # --- the file ---

    def _add(
        self, market: Address, account: Address, action: Action, **values: object
    ) -> Entry:
        encrypted = self._key.encrypt(to_json(action), _purpose(market))
        known = {
            "market": market,
            "account": account,
            "encrypted": encrypted,
            "seal": action.seal,
            "began": int(time.time()),
            **values,
        }
        marks = ", ".join("?" * len(known))
        with self._database.writing() as sql:
            row = sql.execute(
                f"INSERT INTO entries ({', '.join(known)}) VALUES ({marks})",  # noqa: S608  # names of ours
                tuple(known.values()),
            )
        assert row.lastrowid is not None
        return self.entry(row.lastrowid)

    def _advance(
        self,
        entry: Entry,
        allowed: tuple[State, ...],
        version: Version | None = None,
        forget: bool = False,  # a column may have any name
        /,
        **values: object,
    ) -> Entry:
        """The one place where a row changes: from where it was seen, or not at all.

        Args:
            entry: As it was seen.
            allowed: States that it may have been seen in.
            version: Is kept with it.
            forget: Forget what was signed, which nobody needs any more.
            values: What changes.
        """
        changed = 0
        if entry.state in allowed:
            names = ", ".join(f"{name} = ?" for name in values)
            with self._database.writing() as sql:
                changed = sql.execute(
                    f"UPDATE entries SET {names} WHERE id = ? AND state = ?"  # noqa: S608  # names of ours
                    " AND attempt = ? AND hash IS ?",
                    (
                        *values.values(),
                        entry.id,
                        entry.state,
                        entry.attempt,
                        entry.hash,
                    ),
                ).rowcount
                if changed and forget:
                    sql.execute("DELETE FROM signed WHERE entry = ?", (entry.id,))
                if changed and version is not None:
                    sql.execute(
                        "INSERT OR IGNORE INTO signed VALUES (?, ?, ?)",
                        (
                            version.hash,
                            entry.id,
                            self._key.encrypt(version.raw, version.hash),
                        ),
                    )
        if not changed:
            raise self._went_on(entry)
        return self.entry(entry.id)

    def _went_on(self, entry: Entry) -> StepError:
        now = self.entry(entry.id)
        return StepError(f"This is {now.told} already.", hint="See the activity.")

    def _select(self, where: str, *values: object) -> list[Entry]:
        rows = self._database.connection.execute(
            f"SELECT {_COLUMNS} FROM entries {where}",  # noqa: S608  # words of ours
            values,
        ).fetchall()
        return [self._read(row) for row in rows]

    def _read(self, row: tuple[Any, ...]) -> Entry:
        values = dict(zip(_COLUMNS.split(", "), row, strict=True))
        data = self._key.decrypt(values.pop("encrypted"), _purpose(values["market"]))
        try:
            action = from_json(data)
        except (ValueError, KeyError, TypeError) as error:
            raise VaultError("What was decrypted is no action.") from error
        return Entry(
            **{
                **values,
                "action": action,
                "account": Address(values["account"]),
                "market": Address(values["market"]),
                "state": State(values["state"]),
                "signer": Signer(values["signer"]),
            }
        )


def _begun(market: Address, of: Part | None) -> tuple[str, tuple[object, ...]]:
    """Which entries somebody began, in SQL: the condition, and its values."""
    where = (
        "WHERE market = ? AND state != ?"
        " AND (attempt > 0 OR state != ? OR message != '')"
    )
    values: tuple[object, ...] = (market, State.GIVEN_UP, State.PREPARED)
    if of is None:
        return where, values
    is_confirmed = "(origin != '' AND account = ?)"
    if of.confirmed:
        return f"{where} AND {is_confirmed}", (*values, of.account or "")
    where += f" AND NOT {is_confirmed} AND signer = ?"
    return where, (*values, of.account or "", Signer.KEY)


def _purpose(market: str) -> bytes:
    return b"action" + market.encode()


def _unless_signing(entry: Entry) -> tuple[State, ...]:
    """The states from which somebody may be asked to sign, but for a key at it."""
    return (*_OPEN, State.AWAITING) if entry.state.is_open or entry.is_asked else ()


def _here_and_now() -> dict[str, int]:
    """Which program signs, and when."""
    return {"process": os.getpid(), "since": int(time.time())}


def _is_running(process: int) -> bool:
    """Whether there is a program with a number."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
