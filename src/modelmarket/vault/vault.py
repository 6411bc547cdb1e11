# SPDX-License-Identifier: Apache-2.0
"""The vault: what must be opened later, and what has been sent.

SQLite with a write-ahead log and `synchronous = FULL`: when a method returns,
what it wrote is on disk. Everything but hashes of what is public is encrypted.
"""

from __future__ import annotations

import base64
import json
import os
import secrets
import sqlite3
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

from modelmarket.databases import Database
from modelmarket.errors import InputError, NotFoundError, VaultError
from modelmarket.files import PRIVATE, write_atomically
from modelmarket.protocol.labels import Page
from modelmarket.protocol.seals import Core, Opening, seal
from modelmarket.protocol.types import (
    Address,
    RequestId,
    Salt,
    Seal,
    Superhash,
    TermsHash,
)
from modelmarket.vault.sealing import SALT_BYTES, Key

_CHECK = b"ModelMarket vault 1"
_BACKUP_FORMAT = "ModelMarket backup 1"
_SCHEMA = """
CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value BLOB);
CREATE TABLE IF NOT EXISTS secrets (
    seal BLOB PRIMARY KEY, kind TEXT NOT NULL, market TEXT NOT NULL,
    sealed BLOB NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS journal (
    hash BLOB PRIMARY KEY, market TEXT NOT NULL, step TEXT NOT NULL,
    sealed BLOB NOT NULL, outcome TEXT NOT NULL DEFAULT ''
);
CREATE INDEX IF NOT EXISTS kept ON journal (market) WHERE sealed != x'';
"""


@dataclass(frozen=True, repr=False)
class SealedTruth:
    """The truth of a request of ours.

    Attributes:
        chain_id: In its seal.
        market: The contract.
        requester: Its owner.
        salt: In its seal.
        labels: Number of test rows.
        bits: Per label.
        packed: Its pages, one after the other.
    """

    chain_id: int
    market: Address
    requester: Address
    salt: Salt
    labels: int
    bits: int
    packed: bytes

    def opening(self) -> Opening:
        """What opens it."""
        core = Core.of_truth(self.chain_id, self.market, self.requester, self.salt)
        return seal(_pages(self.packed), core)


@dataclass(frozen=True, repr=False)
class SealedPredictions:
    """The predictions and the model of a submission of ours.

    Attributes:
        chain_id: In its seal.
        market: The contract.
        trainer: Its owner.
        request_id: What it was submitted to.
        terms_hash: In its seal.
        superhash: In its seal.
        salt: In its seal.
        model: The model's CID.
        packed: The predictions' pages, one after the other.
    """

    chain_id: int
    market: Address
    trainer: Address
    request_id: RequestId
    terms_hash: TermsHash
    superhash: Superhash
    salt: Salt
    model: str
    packed: bytes

    def opening(self) -> Opening:
        """What opens it."""
        core = Core.of_predictions(
            self.chain_id,
            self.market,
            self.trainer,
            self.terms_hash,
            self.superhash,
            self.salt,
        )
        return seal(_pages(self.packed), core)


@dataclass(frozen=True, repr=False)
class Sent:
    """A transaction in the journal whose outcome is not known yet.

    Attributes:
        hash: The transaction's.
        step: What it does, in words.
        raw: Its bytes.
    """

    hash: bytes
    step: str
    raw: bytes


Secret = SealedTruth | SealedPredictions
_KINDS: dict[str, type[Secret]] = {
    "truth": SealedTruth,
    "predictions": SealedPredictions,
}
_Kind = TypeVar("_Kind", SealedTruth, SealedPredictions)


class Vault:
    """An unlocked vault.

    Args:
        path: The file; made if it is not there.
        passphrase: What it is encrypted with.

    Raises:
        VaultError: The passphrase is wrong, or the file is damaged.
    """

    def __init__(self, path: Path, passphrase: str) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        # Made here, so that nobody else can read it from the first byte on.
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY, PRIVATE))
        self.database = Database(path)
        try:
            with self.database.writing() as connection:
                connection.executescript(_SCHEMA)
                self._key = _unlock(connection, passphrase)
        except sqlite3.DatabaseError as error:
            raise VaultError(
                f"The vault {path} is damaged: {error}.",
                hint="Move it away, then: `modelmarket agent restore FILE`.",
            ) from error

    def __repr__(self) -> str:
        return f"Vault({self.path})"

    # --- secrets ---

    def keep(self, secret: Secret) -> Seal:
        """Puts a secret on disk, under its seal."""
        kind = "truth" if isinstance(secret, SealedTruth) else "predictions"
        name = secret.opening().seal
        sealed = self._key.encrypt(_to_json(secret), kind.encode() + name)
        with self.database.writing() as connection:
            connection.execute(
                "INSERT OR IGNORE INTO secrets VALUES (?, ?, ?, ?)",
                (name, kind, secret.market, sealed),
            )
        return name

    def truth(self, truth_seal: bytes) -> SealedTruth | None:
        """The truth with a seal, if it is ours."""
        return self._secret(SealedTruth, truth_seal)

    def predictions(self, predictions_seal: bytes) -> SealedPredictions | None:
        """The predictions with a seal, if they are ours."""
        return self._secret(SealedPredictions, predictions_seal)

    def seals(self, market: Address) -> dict[Seal, str]:
        """The seals of everything kept for a market, with their kinds."""
        rows = self.database.connection.execute(
            "SELECT seal, kind FROM secrets WHERE market = ?", (market,)
        )
        return {Seal(name): kind for name, kind in rows}

    def size(self) -> int:
        """How many secrets it holds, for all markets."""
        row = self.database.connection.execute("SELECT count(*) FROM secrets")
        return int(row.fetchone()[0])

    def _secret(self, kind: type[_Kind], name: bytes) -> _Kind | None:
        row = self.database.connection.execute(
            "SELECT kind, sealed FROM secrets WHERE seal = ?", (name,)
        ).fetchone()
        if row is None or _KINDS[row[0]] is not kind:
            return None
        return _from_json(kind, self._key.decrypt(row[1], row[0].encode() + name))

    # --- the journal ---

    def begin(self, market: Address, step: str, transaction: bytes, raw: bytes) -> None:
        """Notes a signed transaction before it is sent."""
        with self.database.writing() as connection:
            connection.execute(
                "INSERT OR IGNORE INTO journal (hash, market, step, sealed)"
                " VALUES (?, ?, ?, ?)",
                (transaction, market, step, self._key.encrypt(raw, transaction)),
            )

    def end(self, transaction: bytes, outcome: str) -> None:
        """Notes what became of a transaction, and forgets its bytes."""
        with self.database.writing() as connection:
            connection.execute(
                "UPDATE journal SET outcome = ?, sealed = x'' WHERE hash = ?",
                (outcome, transaction),
            )

    def mined(self, transaction: bytes, block: int) -> None:
        """Notes that a transaction is in the chain, and keeps its bytes."""
        self._outcome(transaction, f"block {block}")

    def reopen(self, transaction: bytes) -> None:
        """Notes that a transaction fell out of the chain again."""
        self._outcome(transaction, "")

    def _outcome(self, transaction: bytes, outcome: str) -> None:
        with self.database.writing() as connection:
            connection.execute(
                "UPDATE journal SET outcome = ? WHERE hash = ? AND sealed != x''",
                (outcome, transaction),
            )

    def unburied(self, market: Address) -> list[bytes]:
        """Transactions in the chain whose bytes are still kept."""
        rows = self.database.connection.execute(
            "SELECT hash FROM journal WHERE market = ? AND sealed != x''"
            " AND outcome != '' ORDER BY rowid",
            (market,),
        )
        return [name for (name,) in rows]

    def unfinished(self, market: Address) -> list[Sent]:
        """Transactions that were signed and whose outcome is not known."""
        rows = self.database.connection.execute(
            "SELECT hash, step, sealed FROM journal"
            " WHERE market = ? AND sealed != x'' AND outcome = '' ORDER BY rowid",
            (market,),
        )
        return [
            Sent(name, step, self._key.decrypt(sealed, name))
            for name, step, sealed in rows
        ]

    # --- backups ---

    def export(self, path: Path, passphrase: str) -> int:
        """Writes a backup of all secrets, encrypted under its own passphrase.

        Returns:
            How many secrets it holds.

        Raises:
            InputError: There is a file already.
        """
        if path.exists():
            raise InputError(f"{path} exists already.", hint="Choose another name.")
        rows = self.database.connection.execute(
            "SELECT seal, kind, sealed FROM secrets"
        )
        records = [
            {
                "kind": kind,
                "record": _encode(self._key.decrypt(sealed, kind.encode() + name)),
            }
            for name, kind, sealed in rows
        ]
        salt = secrets.token_bytes(SALT_BYTES)
        body = Key.derive(passphrase, salt).encrypt(
            json.dumps(records).encode(), _BACKUP_FORMAT.encode()
        )
        document = {
            "format": _BACKUP_FORMAT,
            "salt": _encode(salt),
            "sealed": _encode(body),
        }
        write_atomically(path, json.dumps(document).encode())
        return len(records)

    def restore(self, path: Path, passphrase: str) -> int:
        """Takes in a backup; what is here already stays.

        Returns:
            How many secrets the backup holds.

        Raises:
            NotFoundError: There is no such file.
            VaultError: It is no backup, or the passphrase is wrong.
        """
        if not path.is_file():
            raise NotFoundError(f"There is no file {path}.")
        try:
            document = json.loads(path.read_text())
            if document["format"] != _BACKUP_FORMAT:
                raise ValueError(document["format"])
            salt, body = _decode(document["salt"]), _decode(document["sealed"])
        except (ValueError, KeyError, TypeError, UnicodeDecodeError) as error:
            raise VaultError(f"{path} is not a backup of a vault.") from error
        plain = Key.derive(passphrase, salt).decrypt(body, _BACKUP_FORMAT.encode())
        records = json.loads(plain)
        for record in records:
            data = _decode(record["record"])
            if record["kind"] == "truth":
                self.keep(_from_json(SealedTruth, data))
            else:
                self.keep(_from_json(SealedPredictions, data))
        return len(records)


def _unlock(connection: sqlite3.Connection, passphrase: str) -> Key:
    """The vault's key; a new vault gets its salt here."""
    connection.execute("BEGIN IMMEDIATE")
    settings: dict[str, bytes] = dict(
        connection.execute("SELECT name, value FROM settings").fetchall()
    )
    if not settings:
        salt = secrets.token_bytes(SALT_BYTES)
        key = Key.derive(passphrase, salt)
        connection.executemany(
            "INSERT INTO settings VALUES (?, ?)",
            [("salt", salt), ("check", key.encrypt(_CHECK, _CHECK))],
        )
        return key
    key = Key.derive(passphrase, settings["salt"])
    key.decrypt(settings["check"], _CHECK)
    return key


def _pages(packed: bytes) -> list[Page]:
    from modelmarket.protocol.labels import PAGE_BYTES

    return [packed[at : at + PAGE_BYTES] for at in range(0, len(packed), PAGE_BYTES)]


def _to_json(secret: Secret) -> bytes:
    return json.dumps(
        {
            name: _encode(value) if isinstance(value, bytes) else value
            for name, value in asdict(secret).items()
        }
    ).encode()


def _from_json(kind: type[_Kind], data: bytes) -> _Kind:
    stored: dict[str, Any] = json.loads(data)
    binary = {"salt", "packed", "terms_hash", "superhash"}
    values: dict[str, Any] = {
        field.name: _decode(stored[field.name])
        if field.name in binary
        else stored[field.name]
        for field in fields(kind)
    }
    return kind(**values)


def _encode(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _decode(text: str) -> bytes:
    return base64.b64decode(text, validate=True)
