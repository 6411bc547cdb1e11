# SPDX-License-Identifier: Apache-2.0
"""Keys: standard Ethereum keystores, or one from the environment.

A wallet never shows its key: not in `repr`, an error or a log.
"""

from __future__ import annotations

import json
import os
import re
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modelmarket.errors import InputError, NotFoundError
from modelmarket.protocol.types import Address, checksummed
from modelmarket.system.environment import refuse_short
from modelmarket.system.files import write_atomically

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount

KEY_VARIABLE = "MODELMARKET_PRIVATE_KEY"
HEXADECIMAL_KEY = re.compile(r"(0x)?[0-9a-fA-F]{64}")


class Wallet:
    """An unlocked key.

    Args:
        account: The account that signs.

    Attributes:
        address: Of the account.
        turn: Is held from asking for a nonce until the node has the transaction.
    """

    def __init__(self, account: LocalAccount) -> None:
        self._unlocked = account
        self.turn = threading.Lock()
        self.address = Address(account.address)

    @property
    def _account(self) -> LocalAccount:
        return self._unlocked

    def __repr__(self) -> str:
        return f"Wallet({self.address})"

    @classmethod
    def from_key(cls, key: bytes | str) -> Wallet:
        """The wallet of a private key.

        Raises:
            InputError: The bytes are no private key. They are not shown.
        """
        from eth_account import Account

        message = "That is not a private key: 64 hexadecimal digits are expected."
        if isinstance(key, str) and not HEXADECIMAL_KEY.fullmatch(key):
            raise InputError(message)
        try:
            return cls(Account.from_key(key))
        except Exception:  # noqa: BLE001, S110  # whatever it says might show the key
            pass
        raise InputError(message)

    @classmethod
    def from_environment(cls) -> Wallet | None:
        """The wallet of `MODELMARKET_PRIVATE_KEY`, if it is set."""
        key = os.environ.get(KEY_VARIABLE)
        return cls.from_key(key) if key else None

    @classmethod
    def new(cls) -> Wallet:
        """A wallet with a new key from the operating system's random source."""
        from eth_account import Account

        return cls(Account.create())

    def sign_transaction(self, transaction: dict[str, Any]) -> tuple[bytes, bytes]:
        """Signs a transaction.

        Returns:
            The transaction's hash and its raw bytes.
        """
        signed = self._account.sign_transaction(transaction)
        return bytes(signed.hash), bytes(signed.raw_transaction)

    def sign_typed(self, message: dict[str, Any]) -> tuple[int, bytes, bytes]:
        """Signs EIP-712 data.

        Returns:
            v, r and s.
        """
        signed = self._account.sign_typed_data(full_message=message)
        return signed.v, signed.r.to_bytes(32), signed.s.to_bytes(32)

    def keystore(self, passphrase: str) -> dict[str, Any]:
        """The key, encrypted, as a standard keystore (version 3, scrypt)."""
        keystore: dict[str, Any] = self._account.encrypt(passphrase)
        return keystore


class LockedWallet(Wallet):
    """An account whose key stays locked until something is to be signed.

    Args:
        address: Of the account.
        unlock: Decrypts its key; called once at most.
    """

    def __init__(self, address: Address, unlock: Callable[[], Wallet]) -> None:
        self.address = address
        self.turn = threading.Lock()
        self._unlock = unlock

    @cached_property
    def _wallet(self) -> Wallet:
        return self._unlock()

    @property
    def _account(self) -> LocalAccount:
        return self._wallet._account  # noqa: SLF001  # of the same class


class Keystores:
    """A folder of keystore files.

    Args:
        folder: It need not exist.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def addresses(self) -> dict[Address, Path]:
        """Every account in the folder, oldest first.

        Raises:
            InputError: A file there is no keystore.
        """
        found: dict[Address, Path] = {}
        for path in sorted(self._folder.glob("UTC--*")):
            try:
                found[checksummed(json.loads(path.read_text())["address"])] = path
            except (ValueError, KeyError, TypeError):
                raise InputError(
                    f"{path} is not a keystore.",
                    hint="Put it elsewhere, or your copy of it in its place.",
                ) from None
        return found

    def find(self, account: str | None) -> tuple[Address, Path]:
        """An account by address, or by how its address begins.

        Args:
            account: None for the only one.

        Raises:
            NotFoundError: None fits, or several do.
        """
        accounts = self.addresses()
        if not accounts:
            raise NotFoundError(
                f"There is no account in {self._folder}.",
                hint="Make one with `modelmarket account new`.",
            )
        wanted = (account or "0x").lower()
        fitting = [one for one in accounts if one.lower().startswith(wanted)]
        if len(fitting) != 1:
            how = "No account" if not fitting else f"{len(fitting)} accounts"
            begin = "begins" if not fitting else "begin"
            raise NotFoundError(
                f"{how} in {self._folder} {begin} with {account!r}."
                if account
                else f"There are {len(fitting)} accounts in {self._folder}.",
                hint="Name one with --account; `modelmarket account list` shows them.",
            )
        return fitting[0], accounts[fitting[0]]

    def unlock(self, account: str | None, passphrase: str) -> Wallet:
        """Decrypts an account's key.

        Raises:
            NotFoundError: There is no such account.
            InputError: The passphrase is wrong.
        """
        from eth_account import Account

        address, path = self.find(account)
        try:
            key = Account.decrypt(json.loads(path.read_text()), passphrase)
        except ValueError:
            message = f"The passphrase does not open {path.name}."
        else:
            return Wallet.from_key(bytes(key))
        raise InputError(message, hint=f"It is the one that {address} was made with.")

    def look(self, account: str | None, passphrase: str) -> Wallet:
        """An account's wallet, whose key is decrypted once something is signed.

        Raises:
            NotFoundError: There is no such account.
        """
        address, _ = self.find(account)
        return LockedWallet(address, lambda: self.unlock(address, passphrase))

    def add(self, wallet: Wallet, passphrase: str) -> Path:
        """Keeps a wallet's key, encrypted, in a file of its own.

        Raises:
            InputError: The passphrase is too short, or the account is there.
        """
        refuse_short(passphrase)
        if wallet.address in self.addresses():
            raise InputError(f"{wallet.address} is in {self._folder} already.")
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H-%M-%S.%fZ")
        path = self._folder / f"UTC--{now}--{wallet.address[2:].lower()}"
        write_atomically(path, json.dumps(wallet.keystore(passphrase)).encode())
        return path
