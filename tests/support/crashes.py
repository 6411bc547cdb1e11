# SPDX-License-Identifier: Apache-2.0
"""Kills a process at every point where it touches disk or network.

The points are found by instrumentation, not by hand: each call that syncs or
renames a file, commits to a database or asks a node has one before and one
behind it.
"""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any

# What the program loads when it needs it is loaded once here, before the
# processes part.
import eth_account  # noqa: F401  # loaded before the processes part
import httpx
import polars as pl  # noqa: F401  # loaded before the processes part
import pytest
import sqlalchemy.engine.default

from modelmarket import agent
from modelmarket.chain.networks import Network
from modelmarket.chain.wallets import Wallet
from modelmarket.datasets import published  # noqa: F401  # loaded before the processes part
from modelmarket.market import Market
from modelmarket.system.databases import Database
from modelmarket.system.home import Home
from modelmarket.vault import encryption
from modelmarket.vault.vault import Vault

PATIENCE_S = 120

QUICK_N = 2**4
"""Scrypt's work factor here: the passphrase is not what is tested."""


@dataclass(frozen=True)
class User:
    """Somebody whose machine loses power.

    Attributes:
        home: Their folder.
        network: Where the market is.
        key: Their private key.
        passphrase: Of their vault.
    """

    home: Path
    network: Network
    key: bytes
    passphrase: str

    def start(self) -> Market:
        """Their program, as after a restart."""
        home = Home(self.home)
        return Market(
            home,
            self.network,
            wallet=Wallet.from_key(self.key),
            vault=Vault(home.vault, self.passphrase),
        )


Act = Callable[[Market], None]


def work(market: Market) -> None:
    """What the agent does when it starts."""
    market.resume()
    agent.run_once(market)


class _Points:
    """Counts the points that are passed, and dies at one of them."""

    def __init__(self, deadly: int) -> None:
        self.passed = 0
        self._deadly = deadly

    def __call__(self) -> None:
        self.passed += 1
        if self.passed == self._deadly:
            os.kill(os.getpid(), signal.SIGKILL)

    def around(self, holder: Any, name: str) -> None:
        """Puts a point before and behind a function."""
        function = getattr(holder, name)

        @wraps(function)
        def between(*arguments: Any, **options: Any) -> Any:
            self()
            result = function(*arguments, **options)
            self()
            return result

        setattr(holder, name, between)

    def install(self) -> None:
        """Instruments this process."""
        for name in ("fsync", "rename", "replace", "unlink"):
            self.around(os, name)
        self.around(httpx.HTTPTransport, "handle_request")
        self.around(sqlalchemy.engine.default.DefaultDialect, "do_commit")
        writing = Database.writing

        @contextmanager
        def instrumented(database: Database) -> Iterator[Any]:
            with writing(database) as connection:
                yield connection
                self()
            self()

        # For as long as this process lives.
        pytest.MonkeyPatch().setattr(Database, "writing", instrumented)


def _live(user: User, act: Act, deadly: int, passed: Any) -> None:
    encryption.SCRYPT_N = QUICK_N
    points = _Points(deadly)
    points.install()
    act(user.start())
    passed.value = points.passed


def run(user: User, act: Act, deadly: int = 0) -> int | None:
    """Runs a user's program in a process of its own.

    Returns:
        The points that it passed; None if it died at the deadly one.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["support.crashes"])
    passed = context.Value("i", 0)
    process = context.Process(target=_live, args=(user, act, deadly, passed))
    # Until 3.13 the server that the processes part from knows no `sys.path`.
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(Path(__file__).parents[1]))
        process.start()
    process.join(PATIENCE_S)
    if process.is_alive():
        process.kill()
        raise AssertionError(f"the process went on for more than {PATIENCE_S} s")
    if process.exitcode == -signal.SIGKILL:
        return None
    assert process.exitcode == 0, f"the process ended with {process.exitcode}"
    count: int = passed.value
    return count


class Snapshot:
    """The chain and everybody's homes, to be gone back to."""

    def __init__(self, connection: Any, homes: list[Path], keep: Path) -> None:
        self._connection = connection
        self._homes = homes
        self._keep = keep
        self._id = connection.ask("evm_snapshot")
        for number, home in enumerate(homes):
            shutil.copytree(home, keep / str(number))

    def restore(self) -> None:
        """Goes back."""
        assert self._connection.ask("evm_revert", self._id) is True
        self._id = self._connection.ask("evm_snapshot")
        for number, home in enumerate(self._homes):
            shutil.rmtree(home)
            shutil.copytree(self._keep / str(number), home)
