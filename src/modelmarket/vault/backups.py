# SPDX-License-Identifier: Apache-2.0
"""Secrets in a file: a backup of all, or a bundle that opens one request."""

from __future__ import annotations

import base64
import json
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from modelmarket.errors import VaultError
from modelmarket.system.documents import parse_json
from modelmarket.system.environment import refuse_short
from modelmarket.system.files import existing_file, free_path, write_atomically
from modelmarket.vault import encryption
from modelmarket.vault.encryption import SALT_BYTES, Key
from modelmarket.vault.secrets import from_json, to_json
from modelmarket.vault.vault import Published

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from modelmarket.vault.secrets import Secret
    from modelmarket.vault.vault import Vault

FORMAT = "ModelMarket backup 3"


def write(
    path: Path,
    kept: Iterable[Secret],
    passphrase: str,
    *,
    published: Iterable[Published] = (),
) -> int:
    """Writes secrets into a file, encrypted under its own passphrase.

    Args:
        path: A file that is not there yet.
        kept: The secrets.
        passphrase: The file's.
        published: What tables are recognised by when they come again.

    Returns:
        How many secrets it holds.

    Raises:
        InputError: There is a file already, or the passphrase is too short.
    """
    free_path(path)
    refuse_short(passphrase)
    records = [to_json(one).decode() for one in kept]
    tables = [
        [base64.b64encode(part).decode() for part in (one.seal, one.to_bytes())]
        for one in published
    ]
    salt = secrets.token_bytes(SALT_BYTES)
    n = encryption.SCRYPT_N
    body = Key.derive(passphrase, salt, n).encrypt(
        json.dumps([records, tables] if tables else records).encode(), FORMAT.encode()
    )
    document = {
        "format": FORMAT,
        "salt": base64.b64encode(salt).decode(),
        "scrypt_n": n,
        "encrypted": base64.b64encode(body).decode(),
    }
    write_atomically(path, json.dumps(document).encode())
    return len(records)


@dataclass(frozen=True, repr=False)
class Backup:
    """What a backup's file holds, decrypted.

    Attributes:
        secrets: What opens seals.
        tables: What tables are recognised by when they come again.
    """

    secrets: list[Secret]
    tables: list[Published]

    def restore(self, vault: Vault) -> int:
        """Takes the secrets into a vault; what is there already stays.

        Returns:
            How many secrets there are in it.
        """
        # What is recognised first, so that no truth is ever there without.
        for table in self.tables:
            vault.add_published(table)
        for secret in self.secrets:
            vault.add(secret)
        return len(self.secrets)


def read(path: Path, passphrase: str) -> Backup:
    """Decrypts a file, which a friend may have made.

    Raises:
        NotFoundError: There is no such file.
        VaultError: It is no backup, or the passphrase is wrong.
    """
    existing_file(path)
    try:
        document = parse_json(path.read_bytes())
        if document["format"] != FORMAT:
            raise VaultError(
                f"{path} is not a backup that this program writes, which would be "
                f"{FORMAT!r}: it is {str(document['format'])[:60]!r}."
            )
        salt, body = (
            base64.b64decode(document[name], validate=True)
            for name in ("salt", "encrypted")
        )
    except (ValueError, KeyError, TypeError, UnicodeDecodeError) as error:
        raise VaultError(f"{path} is not a backup of a vault.") from error
    try:
        key = Key.derive(passphrase, salt, document.get("scrypt_n"))
        plain = key.decrypt(body, FORMAT.encode())
    except VaultError as error:
        raise VaultError(
            f"The passphrase does not open {path}, or the file is damaged.",
            hint="A backup of a vault has that vault's passphrase; a friend's bundle, "
            "and what the page exported, has one of its own: "
            "`modelmarket vault restore --bundle FILE`.",
        ) from error
    records, tables = _contents(path, plain)
    try:
        return Backup(
            [from_json(record.encode()) for record in records],
            [
                Published.from_bytes(base64.b64decode(seal), base64.b64decode(table))
                for seal, table in tables
            ],
        )
    except (ValueError, TypeError, AttributeError) as error:
        raise VaultError(f"{path} holds no secrets.") from error


def _contents(path: Path, plain: bytes) -> tuple[list[Any], list[Any]]:
    """The secrets and the tables that a file holds; a friend may have made it.

    Raises:
        VaultError: It holds something else.
    """
    try:
        found = parse_json(plain)
        is_new = bool(found) and isinstance(found[0], list)
        records, tables = found if is_new else (found, [])
        if not (isinstance(records, list) and isinstance(tables, list)):
            raise TypeError(type(found))
    except (ValueError, KeyError, TypeError) as error:
        raise VaultError(f"{path} holds no secrets.") from error
    return records, tables
