# SPDX-License-Identifier: Apache-2.0
"""People who trade on a real node, each with a home, a store and a gateway."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from modelmarket.chain.anvil import find_anvil, running_anvil
from modelmarket.chain.devnode.server import running_node
from modelmarket.chain.networks import Networks
from modelmarket.chain.sending import Signed
from modelmarket.chain.wallets import Wallet
from modelmarket.datasets.sources import Source
from modelmarket.datasets.tables import open_table
from modelmarket.demo.playground import Playground
from modelmarket.errors import ConfirmationError
from modelmarket.market import Market, Request, Submission
from modelmarket.market.filesystem import RequestFileSystem
from modelmarket.protocol.actions import Other
from modelmarket.protocol.money import ONE_MDC
from modelmarket.protocol.types import Address, Wei
from modelmarket.vault.journal import Entry, Version
from modelmarket.vault.vault import Vault

REWARD = Wei(100 * ONE_MDC)
STAKE = Wei(ONE_MDC)
PASSPHRASE = "a passphrase for tests"
BY_CHANCE = "MODELMARKET_TESTS_BY_CHANCE"
"""If it is set, everybody's key is new each time, and with it what is drawn and sealed.

Else a test that passed once passes again: splits come from keys."""


class Place(Playground):
    """A market whose people trade what tests need."""

    HAS_KEYS_BY_NAME = not os.environ.get(BY_CHANCE)

    @property
    def markets(self) -> dict[str, Market]:
        return {role: person.market for role, person in self.people.items()}

    @property
    def is_anvil(self) -> bool:
        return "anvil" in str(self.connection.ask("web3_clientVersion"))

    def fund(self, account: Address) -> None:
        if self.is_anvil:
            self.connection.ask("anvil_setBalance", account, hex(10**20))
        else:
            super().fund(account)

    def join(
        self,
        name: str,
        wallet: Wallet | None = None,
        *,
        passphrase: str = PASSPHRASE,
        is_served: bool = True,
    ) -> Market:
        return super().join(name, wallet, passphrase=passphrase, is_served=is_served)

    def again(self, name: str) -> Market:
        """The same person after a restart."""
        person = self.people[name]
        old = person.market
        person.market = Market(
            old.home,
            self.network,
            wallet=old.wallet,
            vault=Vault(old.home.vault, PASSPHRASE),
        )
        self.closing.callback(person.market.close)
        return person.market

    # --- a small trade ---

    def data(self, rows: int = 100) -> Source:
        """Numbers and whether they are even."""
        path = self.folder / f"numbers-{rows}.csv"
        if not path.exists():
            lines = (f"{n},{n * n},{'odd' if n % 2 else 'even'}" for n in range(rows))
            path.write_text("n,square,kind\n" + "\n".join(lines) + "\n")
        return Source(open_table(path, header=True), label="kind")

    def create(self, market: Market, rows: int = 100, **terms: object) -> Request:
        options: dict[str, Any] = {
            "reward": REWARD,
            "name": "odd or even",
            "again": True,  # most lives are of the same numbers
        } | terms
        return market.create_request(self.data(rows), **options)

    def submit(
        self, market: Market, request_id: int, mistakes: int = 0, *, again: bool = True
    ) -> Submission:
        """Predicts well, but for so many rows."""
        request = market.request(request_id)
        right = ["odd" if n % 2 else "even" for n in request.test_data()["n"]]
        for n in range(mistakes):
            right[n] = "odd" if right[n] == "even" else "even"
        model = market.home.path / "model.txt"
        model.write_text("n % 2")
        name = f"{mistakes} mistakes"
        return request.submit(model, right, name=name, show=None, again=again)


@contextmanager
def addressed(here: Place, name: str) -> Iterator[dict[str, Any]]:
    """What names somebody's home to what opens files by `mdc://` addresses."""
    home = here.markets[name].home
    Networks(home.networks).put(here.network)
    yield {"network": here.network.name, "home": str(home.path)}
    RequestFileSystem.clear_instance_cache()
    gc.collect()


def journalled(market: Market, what: str, signed: Signed) -> Entry:
    """Something in the journal that was signed, and has not left."""
    journal = market.vault.journal
    name = market.network.market
    entry = journal.begin(name, signed.sender, Other(what), signed.nonce)
    return journal.signed(entry, Version(signed.hash, signed.raw))


def left(market: Market) -> tuple[int, int, int, int]:
    """What would have grown if something had been sent or stored."""
    me = market.wallet.address
    return (
        market.connection.transaction_count(me, "pending"),
        market.vault.count(),
        len(list(market.vault.published())),
        len(market.store.roots()),
    )


def refused(market: Market, option: str, act: Callable[[], object]) -> str:
    """What a question says that an act leads to; nothing is left behind it."""
    before = left(market)
    with pytest.raises(ConfirmationError) as told:
        act()
    assert told.value.option == option
    assert left(market) == before
    assert list(market.home.scratch().iterdir()) == []
    return str(told.value)


def needs_anvil() -> None:
    """Leaves a test out where there is no anvil, and fails it in CI."""
    if find_anvil() is None:
        if os.environ.get("CI"):
            pytest.fail("anvil must be installed in CI")
        pytest.skip("anvil is not installed")


@contextmanager
def place(kind: str, folder: Path, index: str = "") -> Iterator[Place]:
    """A market on the embedded node or on anvil.

    Args:
        kind: `embedded` or `anvil`.
        folder: Of everybody's homes.
        index: The address of a database that all of them share; empty for one in
            each home.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as closing:
        if kind == "anvil":
            needs_anvil()
            rpc = closing.enter_context(running_anvil())
        else:
            rpc = closing.enter_context(running_node(None, test_methods=True))
        yield Place(rpc, folder, closing, name="test", index=index)
