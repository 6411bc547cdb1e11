# SPDX-License-Identifier: Apache-2.0
"""This computer's keys: chosen in the page, unlocked in the terminal.

A passphrase is never typed into the page, so whoever takes the page over
learns none, and can sign with what is unlocked alone.
"""

from __future__ import annotations

import queue
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from modelmarket.chain.wallets import Keystores
from modelmarket.errors import InputError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from modelmarket.chain.wallets import Wallet
    from modelmarket.protocol.types import Address


class Keyring:
    """The keys of a folder of keystores, most of them locked.

    Args:
        folder: Of the keystore files.
        first: The key that is unlocked from the start.
    """

    def __init__(self, folder: Path, first: Wallet) -> None:
        self._keystores = Keystores(folder)
        self._addresses = (first.address, *self._keystores.addresses())
        self._unlocked = {first.address: first}
        self._asked: queue.SimpleQueue[Address] = queue.SimpleQueue()
        self._waiting: set[Address] = set()
        self._lock = threading.Lock()

    def addresses(self) -> list[Address]:
        """All accounts that were there at the start, the unlocked one first."""
        return list(dict.fromkeys(self._addresses))

    def wallet(self, address: Address) -> Wallet | None:
        """An account's key; None while it is locked."""
        return self._unlocked.get(address)

    def unlocked(self, address: Address) -> Wallet:
        """An account's key, to sign with.

        Raises:
            InputError: It is locked, or not this computer's.
        """
        found = self.wallet(address)
        if found is not None:
            return found
        if address in self._addresses:
            raise InputError(
                f"{address} is locked.",
                hint="Unlock it in the terminal where `modelmarket up` runs.",
            )
        raise InputError(f"This is to be signed by {address}, in its own wallet.")

    def ask_for(self, address: Address) -> None:
        """Has a locked key's passphrase asked for in the terminal, once.

        Raises:
            NotFoundError: The key is not this computer's.
        """
        if address not in self._addresses:
            raise NotFoundError(
                f"This computer has no key of {address}.",
                hint="`modelmarket account list` shows those that it has.",
            )
        with self._lock:
            if self.wallet(address) is None and address not in self._waiting:
                self._waiting.add(address)
                self._asked.put(address)

    def asked(self) -> Address | None:
        """The locked key that is asked for next; None for none."""
        try:
            return self._asked.get_nowait()
        except queue.Empty:
            return None

    def unlock(self, address: Address, passphrase: str) -> None:
        """Unlocks a key.

        Raises:
            InputError: The passphrase is wrong.
        """
        self._unlocked[address] = self._keystores.unlock(address, passphrase)

    @contextmanager
    def answering(self, address: Address) -> Iterator[None]:
        """While the terminal asks; afterwards it can be asked for again."""
        try:
            yield
        finally:
            with self._lock:
                self._waiting.discard(address)
