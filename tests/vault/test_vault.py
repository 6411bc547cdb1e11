# SPDX-License-Identifier: Apache-2.0
"""The vault keeps secrets: on disk, encrypted, and through anything."""

from __future__ import annotations

import os
import signal
import sqlite3
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from modelmarket.errors import InputError, NotFoundError, VaultError
from modelmarket.protocol.actions import Other, Submit
from modelmarket.protocol.labels import pack
from modelmarket.protocol.seals import superhash
from modelmarket.protocol.types import (
    RequestId,
    Salt,
    Seal,
    TermsHash,
    Wei,
    checksummed,
)
from modelmarket.sandbox import Sandbox, sandbox
from modelmarket.vault import backups, encryption
from modelmarket.vault.journal import Version
from modelmarket.vault.secrets import SealedPredictions, SealedTruth
from modelmarket.vault.vault import VERSION, Published, Vault
from support.children import child

PASSPHRASE = "correct horse battery staple"
MARKET = checksummed(b"\x01" * 20)
ME = checksummed(b"\x02" * 20)
CODES = np.arange(50, dtype=np.uint16) % 10
PACKED = b"".join(pack(CODES, 4))
TRUTH = SealedTruth(1, MARKET, ME, Salt(b"\x07" * 32), 50, 4, PACKED)
PREDICTIONS = SealedPredictions(
    1,
    MARKET,
    ME,
    RequestId(3),
    TermsHash(b"\x08" * 32),
    superhash("bafy"),
    Salt(b"\x09" * 32),
    "bafy",
    PACKED,
)
SUBMISSION: dict[str, Any] = {
    "request": RequestId(3),
    "terms_hash": TermsHash(b"\x08" * 32),
    "stake": Wei(10**18),
    "sealed_as": PREDICTIONS.opening().seal,
    "superhash": superhash("bafy"),
    "name": "a name that is secret until it is sent",
    "counts": {"cats that were predicted": 7},
}


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    return Vault(tmp_path / "home" / "vault.sqlite", PASSPHRASE)


def again(vault: Vault, passphrase: str = PASSPHRASE) -> Vault:
    return Vault(vault.path, passphrase)


def test_secrets_come_back_after_a_restart(vault: Vault) -> None:
    truth_seal, predictions_seal = vault.add(TRUTH), vault.add(PREDICTIONS)
    assert again(vault).truth(truth_seal) == TRUTH
    assert again(vault).predictions(predictions_seal) == PREDICTIONS
    assert vault.seals(MARKET) == {truth_seal: "truth", predictions_seal: "predictions"}
    assert vault.seals(ME) == {}


PUBLISHED = Published(TRUTH.opening().seal, 1, MARKET, b"rows that say little")


def test_what_was_published_comes_back_and_is_not_in_the_clear(vault: Vault) -> None:
    vault.add_published(PUBLISHED)
    beside = frozenset({Seal(bytes(32)), Seal(b"\x01" * 32)})
    vault.add_published(replace(PUBLISHED, rows=b"others", beside=beside))
    assert list(again(vault).published()) == [replace(PUBLISHED, beside=beside)]
    assert vault.published_seals() == [PUBLISHED.seal]
    assert vault.published_as(PUBLISHED.seal) == replace(PUBLISHED, beside=beside)
    assert vault.published_as(Seal(bytes(32))) is None
    files = vault.path.parent.glob("vault.sqlite*")
    written = b"".join(path.read_bytes() for path in files)
    assert PUBLISHED.rows not in written
    assert "rows" not in repr(PUBLISHED)


@pytest.mark.parametrize("version", [0, VERSION - 1, VERSION + 1])
def test_a_vault_of_another_version_is_refused_and_stays_as_it_is(
    vault: Vault, version: int
) -> None:
    vault.add(TRUTH)
    with closing(sqlite3.connect(vault.path)) as connection:
        connection.execute(f"PRAGMA user_version = {version}")
    with pytest.raises(VaultError, match="another version"):
        again(vault)
    with closing(sqlite3.connect(vault.path)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (version,)
        connection.execute(f"PRAGMA user_version = {VERSION}")
    assert list(again(vault).all()) == [TRUTH]


def test_a_backup_of_another_version_is_refused_by_its_name(
    vault: Vault, tmp_path: Path
) -> None:
    path = tmp_path / "backup.json"
    backups.write(path, vault.all(), PASSPHRASE)
    path.write_text(path.read_text().replace(backups.FORMAT, "ModelMarket backup 1"))
    with pytest.raises(VaultError, match="'ModelMarket backup 1'"):
        backups.read(path, PASSPHRASE).restore(vault)


def test_whoever_guesses_a_passphrase_pays_for_each_guess() -> None:
    """The factor of OWASP's for this much memory; other tests have a lesser one."""
    source = "from modelmarket.vault.encryption import *; print(SCRYPT_N, SCRYPT_R, SCRYPT_P)"
    done = subprocess.run(
        [sys.executable, "-c", source], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == [str(2**15), "8", "3"]


def test_what_was_encrypted_at_another_price_is_still_opened(
    vault: Vault, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    vault.add(TRUTH)
    path = tmp_path / "backup.json"
    backups.write(path, vault.all(), PASSPHRASE)
    monkeypatch.setattr(encryption, "SCRYPT_N", 2 * encryption.SCRYPT_N)
    assert list(again(vault).all()) == [TRUTH]
    assert backups.read(path, PASSPHRASE).secrets == [TRUTH]
    with pytest.raises(VaultError):
        again(vault, PASSPHRASE + "!")


def test_only_what_nobody_can_guess_is_made_cheap_to_guess(tmp_path: Path) -> None:
    def factor(path: Path) -> int:
        with closing(sqlite3.connect(path)) as connection:
            query = "SELECT value FROM settings WHERE name = 'scrypt_n'"
            return int(connection.execute(query).fetchone()[0])

    Vault(tmp_path / "people", "secret")
    Vault(tmp_path / "random", "f" * 64, work=2)
    assert factor(tmp_path / "people") == encryption.SCRYPT_N
    assert factor(tmp_path / "random") == 2
    assert Vault(tmp_path / "random", "f" * 64), "it says by itself what it takes"
    with sandbox(tmp_path, Sandbox) as here:
        for name, passphrase, work in (
            ("ann", "secret", encryption.SCRYPT_N),
            ("you", "", 2),
        ):
            person = here.invite(name, passphrase=passphrase)
            assert factor(person.market.vault.path) == work


@pytest.mark.parametrize(
    "factor", ["null", "0", "1", "-16", "15", "16.0", '"16"', str(2**18), str(2**80)]
)
def test_a_work_factor_that_is_none_stops_nobody(
    vault: Vault, tmp_path: Path, factor: str
) -> None:
    """Nor takes all of the memory: whoever made a backup's file may be a stranger."""
    path = tmp_path / "backup.json"
    backups.write(path, vault.all(), PASSPHRASE)
    written = f'"scrypt_n": {encryption.SCRYPT_N}'
    assert written in path.read_text()
    path.write_text(path.read_text().replace(written, f'"scrypt_n": {factor}'))
    with pytest.raises(VaultError, match="damaged"):
        backups.read(path, PASSPHRASE)


@pytest.mark.parametrize("tables", [[], [PUBLISHED]])
def test_a_backup_holds_what_was_published(
    vault: Vault, tmp_path: Path, tables: list[Published]
) -> None:
    """One without tables holds secrets alone, and is read as well."""
    vault.add(TRUTH)
    path = tmp_path / "backup.json"
    backups.write(path, vault.all(), PASSPHRASE, published=tables)
    other = Vault(tmp_path / "other.sqlite", "another passphrase")
    assert backups.read(path, PASSPHRASE).restore(other) == 1
    assert list(other.published()) == tables
    assert list(other.all()) == [TRUTH]


def test_each_secret_is_kept_under_its_seal(vault: Vault) -> None:
    assert vault.add(TRUTH) == TRUTH.opening().seal
    assert vault.truth(PREDICTIONS.opening().seal) is None
    vault.add(PREDICTIONS)
    assert vault.truth(PREDICTIONS.opening().seal) is None


def test_nothing_secret_stands_on_the_disk_in_the_clear(vault: Vault) -> None:
    vault.add(TRUTH)
    vault.add(PREDICTIONS)
    entry = vault.journal.begin(MARKET, ME, Submit(**SUBMISSION), 7)
    raw = b"raw transaction " + PACKED
    vault.journal.signed(entry, Version(b"\x0a" * 32, raw))
    written = b"".join(
        path.read_bytes() for path in vault.path.parent.glob("vault.sqlite*")
    )
    for secret in (PACKED, TRUTH.salt, PREDICTIONS.salt, b"bafy", b"raw transaction"):
        assert secret not in written
    assert PASSPHRASE.encode() not in written


def test_nothing_secret_is_shown(vault: Vault) -> None:
    for shown in (repr(TRUTH), repr(PREDICTIONS), repr(vault), repr(vault._key)):
        assert "\\x07" not in shown
        assert "packed" not in shown


def test_nobody_else_can_read_the_file(vault: Vault) -> None:
    assert stat.S_IMODE(vault.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(vault.path.parent.stat().st_mode) == 0o700


def test_a_wrong_passphrase_opens_nothing(vault: Vault) -> None:
    with pytest.raises(VaultError, match="The passphrase is wrong"):
        again(vault, "wrong")


def test_a_damaged_vault_says_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "vault.sqlite"
    path.write_bytes(b"this is no database, and long enough to be read as one" * 20)
    with pytest.raises(VaultError, match=r"is damaged.*vault restore"):
        Vault(path, PASSPHRASE)


def test_a_vault_cut_off_at_any_page_says_so(vault: Vault, tmp_path: Path) -> None:
    """It never opens as a new one, nor as one that holds less."""
    for number in range(60):
        vault.add(replace(TRUTH, salt=Salt(bytes([number]) * 32)))
        entry = vault.journal.begin(MARKET, ME, Other("approve"), number)
        vault.journal.signed(entry, Version(bytes([number]) * 32, bytes(500)))
    vault.database.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    whole = vault.path.read_bytes()
    page = int.from_bytes(whole[16:18])
    assert len(whole) // page > 10
    for size in (*range(0, len(whole), page), 1, 99, 100, page - 1):
        path = tmp_path / f"{size}.sqlite"
        path.write_bytes(whole[:size])
        with pytest.raises(VaultError, match=r"is damaged.*restore.*recover") as told:
            Vault(path, PASSPHRASE)
        assert ("it is empty" in str(told.value)) == (size <= 1)
        assert path.read_bytes()[:size] == whole[:size], "it was not touched"
    path = tmp_path / "whole.sqlite"
    path.write_bytes(whole)
    assert Vault(path, PASSPHRASE).count() == 60


def test_a_page_of_noise_in_a_vault_is_noticed(vault: Vault, tmp_path: Path) -> None:
    seals = [
        vault.add(replace(TRUTH, salt=Salt(bytes([number]) * 32)))
        for number in range(60)
    ]
    vault.database.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    whole = vault.path.read_bytes()
    page = int.from_bytes(whole[16:18])
    for start in range(0, len(whole), page):
        path = tmp_path / f"{start}.sqlite"
        path.write_bytes(whole[:start] + os.urandom(page) + whole[start + page :])
        try:
            opened = Vault(path, PASSPHRASE)
            found = [opened.truth(one) for one in seals]
        except (VaultError, sqlite3.DatabaseError):
            continue
        assert all(found), "an unused page may hold anything"


def test_two_programs_that_make_a_vault_make_the_same(tmp_path: Path) -> None:
    path = tmp_path / "vault.sqlite"
    with ThreadPoolExecutor(8) as threads:
        vaults = list(threads.map(lambda _: Vault(path, PASSPHRASE), range(8)))
    seal = vaults[0].add(TRUTH)
    assert all(one.truth(seal) == TRUTH for one in vaults)
    assert [one.name for one in tmp_path.iterdir() if "-" not in one.name] == [
        path.name
    ]


def test_a_changed_record_is_noticed(vault: Vault) -> None:
    name = vault.add(TRUTH)
    with closing(sqlite3.connect(vault.path)) as connection, connection:
        connection.execute("UPDATE secrets SET encrypted = zeroblob(200)")
    with pytest.raises(VaultError):
        vault.truth(name)


def test_records_cannot_be_exchanged(vault: Vault) -> None:
    """What is encrypted for one seal does not open under another."""
    first, second = vault.add(TRUTH), vault.add(PREDICTIONS)
    with closing(sqlite3.connect(vault.path)) as connection, connection:
        connection.execute(
            "UPDATE secrets SET encrypted = (SELECT encrypted FROM secrets WHERE seal = ?)"
            " WHERE seal = ?",
            (second, first),
        )
    with pytest.raises(VaultError):
        vault.truth(first)


def test_a_backup_brings_everything_to_another_vault(
    vault: Vault, tmp_path: Path
) -> None:
    name = vault.add(TRUTH)
    vault.add(PREDICTIONS)
    backup = tmp_path / "backup.json"
    assert backups.write(backup, vault.all(), "of the backup") == 2
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600
    other = Vault(tmp_path / "other.sqlite", "another one")
    assert backups.read(backup, "of the backup").restore(other) == 2
    assert backups.read(backup, "of the backup").restore(other) == 2
    assert other.truth(name) == TRUTH
    with pytest.raises(VaultError):
        backups.read(backup, "guessed").restore(other)
    with pytest.raises(InputError, match="exists already"):
        backups.write(backup, vault.all(), "of the backup")
    with pytest.raises(InputError, match="7 characters; at least 8"):
        backups.write(tmp_path / "short.json", vault.all(), "7 chars")
    assert not (tmp_path / "short.json").exists()


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"format": "other"}'])
def test_what_is_no_backup_is_refused(
    vault: Vault, tmp_path: Path, content: str
) -> None:
    path = tmp_path / "x"
    path.write_text(content)
    with pytest.raises(VaultError, match="is not a backup"):
        backups.read(path, PASSPHRASE).restore(vault)
    with pytest.raises(NotFoundError):
        backups.read(tmp_path / "nowhere", PASSPHRASE).restore(vault)


def test_what_was_kept_survives_a_kill(tmp_path: Path) -> None:
    """A process keeps secrets and says so; it is killed at once; all are there."""
    program = """
import sys
sys.path.insert(0, {tests!r})
from vault.test_vault import *
from dataclasses import replace
vault = Vault(Path({path!r}), PASSPHRASE)
for n in range(10_000):
    name = vault.add(replace(TRUTH, salt=Salt(n.to_bytes(32))))
    print(name.hex(), flush=True)
"""
    path = tmp_path / "vault.sqlite"
    tests = str(Path(__file__).parents[1])
    with child(
        [sys.executable, "-c", program.format(tests=tests, path=str(path))],
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        said = [process.stdout.readline().strip() for _ in range(25)]
        os.kill(process.pid, signal.SIGKILL)
        said += process.stdout.read().split("\n")[:-1]
    vault = Vault(path, PASSPHRASE)
    assert all(vault.truth(bytes.fromhex(name)) for name in said if len(name) == 64)
