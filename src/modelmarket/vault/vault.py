# SPDX-License-Identifier: Apache-2.0
"""The vault: what must be opened later, and what has been sent.

SQLite with a write-ahead log and `synchronous = FULL`: when a method returns,
what it wrote is on disk. Everything but hashes of what is public is encrypted.
"""

from __future__ import annotations

import json
import os
import secrets
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from modelmarket.errors import VaultError
from modelmarket.protocol.types import Address, Seal
from modelmarket.system.databases import Database
from modelmarket.system.files import sync_folder
from modelmarket.vault import encryption
from modelmarket.vault.encryption import SALT_BYTES, Key
from modelmarket.vault.journal import SCHEMA, Journal
from modelmarket.vault.secrets import (
    SealedKey,
    SealedModel,
    SealedPredictions,
    SealedTruth,
    Secret,
    from_json,
    kind_of,
    to_json,
)

_CHECK = b"ModelMarket vault 1"
_PASSING = (
    "SQLITE_BUSY",
    "SQLITE_CANTOPEN",
    "SQLITE_FULL",
    "SQLITE_IOERR",
    "SQLITE_READONLY",
)
_SCHEMA = """
CREATE TABLE settings (name TEXT PRIMARY KEY, value BLOB);
CREATE TABLE secrets (
    seal BLOB PRIMARY KEY, kind TEXT NOT NULL, market TEXT NOT NULL,
    owner TEXT NOT NULL, encrypted BLOB NOT NULL, copy BLOB NOT NULL DEFAULT x''
) WITHOUT ROWID;
CREATE TABLE published (seal BLOB PRIMARY KEY, encrypted BLOB NOT NULL) WITHOUT ROWID;
"""
VERSION = 3
"""Of the tables, the journal's too; in the file as SQLite's `user_version`."""


@dataclass(frozen=True, repr=False)
class Published:
    """A table that a request was made from, by what its rows are known by.

    Attributes:
        seal: Of its truth.
        chain_id: Where the request was to be made.
        market: The contract.
        rows: What the rows are known by; means nothing to a vault.
        beside: Seals of the tables that it was held against before it was sealed.
    """

    seal: Seal
    chain_id: int
    market: Address
    rows: bytes
    beside: frozenset[Seal] = frozenset()

    def to_bytes(self) -> bytes:
        """In the clear, to be encrypted."""
        head = {
            "chain_id": self.chain_id,
            "market": self.market,
            "beside": sorted(one.hex() for one in self.beside),
        }
        return json.dumps(head).encode() + b"\n" + self.rows

    @classmethod
    def from_bytes(cls, seal: bytes, data: bytes) -> Published:
        """Reads what `to_bytes` wrote.

        Raises:
            VaultError: It is something else.
        """
        head, _, rows = data.partition(b"\n")
        try:
            values = json.loads(head)
            return cls(
                Seal(seal),
                int(values["chain_id"]),
                values["market"],
                rows,
                frozenset(Seal(bytes.fromhex(one)) for one in values["beside"]),
            )
        except (ValueError, KeyError, TypeError) as error:
            raise VaultError("What was decrypted is no published table.") from error


_Kind = TypeVar("_Kind", bound=Secret)


class Vault:
    """An unlocked vault.

    Args:
        path: The file; made if it is not there.
        passphrase: What it is encrypted with.
        work: scrypt's work factor for a new one, a power of two; 0 for what a
            passphrase of people's needs.

    Raises:
        VaultError: The passphrase is wrong, the file is damaged, or another
            version's.
    """

    def __init__(self, path: Path, passphrase: str, *, work: int = 0) -> None:
        self.path = path
        known = {} if path.exists() else _make(path, passphrase, work)
        self.database = Database(path)
        try:
            _check_pages(self.database.connection)
            _check_version(self.database.connection, path)
            self._key = _unlock(self.database.connection, passphrase, known)
        except sqlite3.DatabaseError as error:
            # A disk that is full, or a process that holds it, is no damage.
            if getattr(error, "sqlite_errorname", "").startswith(_PASSING):
                raise
            raise _damaged(path, str(error)) from error
        self.journal = Journal(self.database, self._key)

    def __repr__(self) -> str:
        return f"Vault({self.path})"

    # --- secrets ---

    def add(self, secret: Secret) -> Seal:
        """Puts a secret on disk, under its seal."""
        kind, name = kind_of(secret), secret.seal
        encrypted = self._key.encrypt(to_json(secret), kind.encode() + name)
        with self.database.writing() as connection:
            connection.execute(
                "INSERT OR IGNORE INTO secrets (seal, kind, market, owner, encrypted)"
                " VALUES (?, ?, ?, ?, ?)",
                (name, kind, secret.market, secret.owner, encrypted),
            )
        return name

    def all(self) -> Iterator[Secret]:
        """Every secret that it holds."""
        rows = self.database.connection.execute("SELECT seal FROM secrets").fetchall()
        for (name,) in rows:
            found = self.secret(name)
            assert found is not None
            yield found

    def note_copy(self, name: bytes, cid: bytes) -> None:
        """Notes where the encrypted copy of a secret is."""
        with self.database.writing() as connection:
            connection.execute(
                "UPDATE secrets SET copy = ? WHERE seal = ?", (cid, name)
            )

    def copy_of(self, name: bytes) -> bytes:
        """The binary CID of a secret's encrypted copy; empty if it has none."""
        row = self.database.connection.execute(
            "SELECT copy FROM secrets WHERE seal = ?", (name,)
        ).fetchone()
        return bytes(row[0]) if row else b""

    def copies(self, *contracts: Address) -> dict[Seal, bytes]:
        """The binary CIDs of the copies of contracts' secrets, by seal."""
        marks = ", ".join("?" * len(contracts))
        rows = self.database.connection.execute(
            f"SELECT seal, copy FROM secrets WHERE market IN ({marks})"  # noqa: S608  # question marks alone
            " AND copy != x''",
            contracts,
        )
        return {Seal(name): copy for name, copy in rows}

    def secret(self, name: bytes) -> Secret | None:
        """The secret with a seal, if it is here."""
        row = self.database.connection.execute(
            "SELECT kind, encrypted FROM secrets WHERE seal = ?", (name,)
        ).fetchone()
        if row is None:
            return None
        return from_json(self._key.decrypt(row[1], row[0].encode() + name))

    def truth(self, truth_seal: bytes) -> SealedTruth | None:
        """The truth with a seal, if it is ours."""
        return self._secret(SealedTruth, truth_seal)

    def predictions(self, predictions_seal: bytes) -> SealedPredictions | None:
        """The predictions with a seal, if they are ours."""
        return self._secret(SealedPredictions, predictions_seal)

    def key(self, key_hash: bytes) -> SealedKey | None:
        """The key of a verified contest by its hash, if it is ours."""
        return self._secret(SealedKey, key_hash)

    def model(self, model_seal: bytes) -> SealedModel | None:
        """The exact model with a seal, if it is ours."""
        return self._secret(SealedModel, model_seal)

    def seals(self, *contracts: Address) -> dict[Seal, str]:
        """The seals of everything kept for contracts, with their kinds."""
        marks = ", ".join("?" * len(contracts))
        rows = self.database.connection.execute(
            f"SELECT seal, kind FROM secrets WHERE market IN ({marks})",  # noqa: S608  # question marks alone
            contracts,
        )
        return {Seal(name): kind for name, kind in rows}

    def count(self) -> int:
        """How many secrets it holds, for all markets."""
        row = self.database.connection.execute("SELECT count(*) FROM secrets")
        return int(row.fetchone()[0])

    def truths_of(self, requester: Address) -> int:
        """How many truths and keys it holds that name an account."""
        row = self.database.connection.execute(
            "SELECT count(*) FROM secrets WHERE kind IN ('truth', 'key') AND owner = ?",
            (requester,),
        )
        return int(row.fetchone()[0])

    def _secret(self, kind: type[_Kind], name: bytes) -> _Kind | None:
        found = self.secret(name)
        return found if isinstance(found, kind) else None

    # --- what was published ---

    def add_published(self, table: Published) -> None:
        """Notes what a published table's rows are known by; encrypted like all.

        Of a seal that is known already the rows stay as they are.
        """
        known = self.published_as(table.seal)
        if known is not None:
            table = replace(known, beside=table.beside)
        encrypted = self._key.encrypt(table.to_bytes(), b"published" + table.seal)
        with self.database.writing() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO published VALUES (?, ?)",
                (table.seal, encrypted),
            )

    def published(self) -> Iterator[Published]:
        """Every table that a request was to be made from."""
        for seal in self.published_seals():
            found = self.published_as(seal)
            if found is not None:
                yield found

    def published_seals(self) -> list[Seal]:
        """What those tables are named by."""
        rows = self.database.connection.execute("SELECT seal FROM published")
        return [Seal(name) for (name,) in rows.fetchall()]

    def published_as(self, seal: Seal) -> Published | None:
        """One of those tables; None if there is none with such a seal.

        Raises:
            VaultError: What was decrypted is something else.
        """
        row = self.database.connection.execute(
            "SELECT encrypted FROM published WHERE seal = ?", (seal,)
        ).fetchone()
        if row is None:
            return None
        return Published.from_bytes(
            seal, self._key.decrypt(row[0], b"published" + seal)
        )


def published_in(path: Path) -> int:
    """How many published tables a vault knows, which its passphrase is not needed for.

    Returns:
        0 if there is no vault, or none that can be read.
    """
    if not path.exists():
        return 0
    try:
        with closing(
            sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
        ) as reading:
            row = reading.execute("SELECT count(*) FROM published").fetchone()
    except sqlite3.Error:
        return 0
    return int(row[0])


def _make(path: Path, passphrase: str, work: int) -> dict[bytes, Key]:
    """Makes a vault whole and then gives it its name.

    So an empty file is never a new vault: it is one that was lost.

    Returns:
        The key by its salt.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    # Nobody else can read it from the first byte on.
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    os.close(handle)
    draft = Path(name)
    salt = secrets.token_bytes(SALT_BYTES)
    n = work or encryption.SCRYPT_N
    key = Key.derive(passphrase, salt, n)
    check = key.encrypt(_CHECK, _CHECK)
    try:
        with closing(sqlite3.connect(draft)) as connection, connection:
            connection.execute("PRAGMA synchronous = FULL")
            connection.executescript(
                f"{_SCHEMA}{SCHEMA}PRAGMA user_version = {VERSION};"
            )
            connection.executemany(
                "INSERT INTO settings VALUES (?, ?)",
                [("salt", salt), ("scrypt_n", n), ("check", check)],
            )
        # Of two processes that make one, the first has made it.
        try:
            os.link(draft, path)
        except FileExistsError:
            pass
        except OSError:  # a file system without links
            draft.replace(path)
        sync_folder(path.parent)
    finally:
        draft.unlink(missing_ok=True)
    return {salt: key}


def _check_pages(connection: sqlite3.Connection) -> None:
    """Looks whether every page is there and in order.

    Raises:
        sqlite3.DatabaseError: One is not.
    """
    [(tables,)] = connection.execute("SELECT count(*) FROM sqlite_schema").fetchall()
    if not tables:
        raise sqlite3.DatabaseError("it is empty")
    [(found,)] = connection.execute("PRAGMA quick_check(1)").fetchall()
    if found != "ok":
        raise sqlite3.DatabaseError(found)


def _check_version(connection: sqlite3.Connection, path: Path) -> None:
    """Looks whether this program knows the tables.

    Raises:
        VaultError: Another version of it made them.
    """
    [(version,)] = connection.execute("PRAGMA user_version").fetchall()
    if version != VERSION:
        raise VaultError(
            f"The vault {path} is of another version of ModelMarket: its tables are "
            f"number {version}, and this program's {VERSION}.",
            hint="Use the program that made it; nothing in it was changed.",
        )


def _damaged(path: Path, how: str) -> VaultError:
    return VaultError(
        f"The vault {path} is damaged: {how}.",
        hint="Move it away, then: `modelmarket vault restore FILE` reads a backup, "
        "and `modelmarket vault recover` finds the rest from chain and store.",
    )


def _unlock(
    connection: sqlite3.Connection, passphrase: str, known: dict[bytes, Key]
) -> Key:
    """The vault's key; it takes its time, unless it is known by its salt."""
    settings = dict(connection.execute("SELECT name, value FROM settings").fetchall())
    if settings.keys() != {"salt", "scrypt_n", "check"}:
        raise sqlite3.DatabaseError("it has lost its salt")
    salt = settings["salt"]
    key = known.get(salt) or Key.derive(passphrase, salt, settings["scrypt_n"])
    key.decrypt(settings["check"], _CHECK)
    return key
