# SPDX-License-Identifier: Apache-2.0
"""People on a chain of their own: what the demo and the tests both need."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import ClassVar, Self, TypeVar

from modelmarket.chain.abi import functions
from modelmarket.chain.connection import Connection
from modelmarket.chain.contracts import ModelCoin, ModelMarket
from modelmarket.chain.networks import LOCAL, Network
from modelmarket.chain.verified import Clerk, Referee, VerifiedMarket
from modelmarket.chain.wallets import Wallet
from modelmarket.market.market import Market
from modelmarket.protocol.types import Address
from modelmarket.storage.gateway import application
from modelmarket.storage.store import Store
from modelmarket.system.home import Home
from modelmarket.system.serving import serving
from modelmarket.vault.vault import Vault

S = TypeVar("S", bound="Sandbox")

OF_PLAY = b"ModelMarket playground: a key of no worth\0"
LEAST_WORK = 2
"""scrypt's work factor for a vault under 256 random bits that nobody knows."""


@dataclass
class Person:
    """Somebody who takes part.

    Attributes:
        role: Who they are.
        market: The market as they see it.
        gains: Wei of MDC that the rules give or take from them, so far.
    """

    role: str
    market: Market
    gains: int = 0

    @property
    def address(self) -> Address:
        """Their account."""
        return self.market.wallet.address


class _SideBySide:
    """Contexts that are left at the same time.

    perf: a server takes a tenth of a second to stop, and there are twenty.
    """

    def __init__(self) -> None:
        self._open: list[AbstractContextManager[str]] = []

    def open(self, context: AbstractContextManager[str]) -> str:
        """Enters one."""
        found = context.__enter__()
        self._open.append(context)
        return found

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        def leave(context: AbstractContextManager[str]) -> None:
            context.__exit__(None, None, None)

        with ThreadPoolExecutor(max(1, len(self._open))) as threads:
            try:
                leaving = [threads.submit(leave, one) for one in self._open]
            except RuntimeError:
                # The program ends, and begins no more threads.
                for one in self._open:
                    leave(one)
                return
        for one_left in leaving:
            one_left.result()


class Sandbox:
    """A new market on a chain whose clock is ours, and people who meet there.

    Args:
        rpc: The node, with test methods.
        folder: For everybody's homes.
        closing: Takes what is to be closed in the end.
        name: What the network is called.
        index: The address of a database that all share; empty for one in each home.

    Attributes:
        connection: The node.
        contract: The market of predictions, for those who do not go by the rules.
        verified: The market of verified contests.
        coin: The token that it pays in.
        network: The market's profile, with everybody's gateways.
        deployer: Whose account pays the airdrops.
        people: By role.
    """

    HAS_KEYS_BY_NAME: ClassVar[bool] = False
    """Whether a role has the same key in each of them, which anybody can know."""

    def __init__(
        self,
        rpc: str,
        folder: Path,
        closing: ExitStack,
        *,
        name: str = LOCAL,
        index: str = "",
    ) -> None:
        self.folder = folder
        self.closing = closing
        self.connection = Connection(rpc)
        self._gateways = closing.enter_context(_SideBySide())
        self.deployer = self._key_of("deployer")
        self.people: dict[str, Person] = {}
        self.fund(self.deployer.address)
        self.coin, _ = ModelCoin.deploy(self.connection, self.deployer)
        self.contract, receipt = ModelMarket.deploy(
            self.connection, self.deployer, self.coin.address
        )
        self.verified, _ = VerifiedMarket.deploy(
            self.connection, self.deployer, self.coin.address
        )
        self.network = Network(
            name=name,
            rpc=rpc,
            chain_id=self.connection.chain_id,
            market=self.contract.address,
            verified=self.verified.address,
            first_block=receipt.block,
            confirmations=0,
            index=index,
        )

    def fund(self, account: Address) -> None:
        """Gives an account coin for fees."""
        self.connection.ask("modelmarket_fund", account)

    def invite(
        self,
        role: str,
        *,
        wallet: Wallet | None = None,
        passphrase: str = "",
        is_served: bool = True,
    ) -> Person:
        """Gives somebody a home, a key, coin for fees and a gateway.

        Args:
            role: Who they are, and what their home is called.
            wallet: Their key; None for a new one.
            passphrase: Of their vault; empty for one that nobody knows.
            is_served: Whether others get from their gateway what is in their store.
        """
        home = Home(self.folder / role.replace(" ", "-"))
        if is_served:
            gateway = self._gateways.open(serving(application(Store(home.store))))
            gateways = (*self.network.gateways, gateway)
            self.network = replace(self.network, gateways=gateways)
        for person in self.people.values():
            person.market.network = self.network
        key = wallet or self._key_of(role)
        self.fund(key.address)
        # perf: what nobody can guess need not be made dear to guess.
        vault = (
            Vault(home.vault, passphrase)
            if passphrase
            else Vault(home.vault, secrets.token_hex(32), work=LEAST_WORK)
        )
        market = Market(home, self.network, wallet=key, vault=vault)
        self.closing.callback(market.close)
        person = self.people[role] = Person(role, market)
        return person

    def _key_of(self, role: str) -> Wallet:
        if not self.HAS_KEYS_BY_NAME:
            return Wallet.new()
        return Wallet.from_key(sha256(OF_PLAY + role.encode()).digest())

    def join(
        self,
        name: str,
        wallet: Wallet | None = None,
        *,
        passphrase: str = "",
        is_served: bool = True,
    ) -> Market:
        """Somebody with 1,000 MDC, a home, and a gateway that everybody knows.

        Args:
            name: Who they are.
            wallet: Their key; None for a new one.
            passphrase: Of their vault; empty for one that nobody knows.
            is_served: Whether others get from their gateway what is in their store.
        """
        person = self.invite(
            name, wallet=wallet, passphrase=passphrase, is_served=is_served
        )
        person.market.claim_airdrop()
        return person.market

    def move_to(self, second: int) -> None:
        """Mines a block at a second of chain time."""
        self.connection.ask("evm_setNextBlockTimestamp", second)
        self.connection.ask("evm_mine")


def call_names() -> dict[bytes, str]:
    """The calls of both contracts, by their selectors."""
    return {
        one.selector: one.name
        for contract in (ModelCoin, ModelMarket, VerifiedMarket, Referee, Clerk)
        for one in functions(contract.name).values()
    }


@contextmanager
def sandbox(folder: Path, kind: type[S]) -> Iterator[S]:
    """Starts a chain in memory and deploys a market on it.

    Args:
        folder: For everybody's homes.
        kind: Of what is made.
    """
    from modelmarket.chain.devnode.server import running_node

    with ExitStack() as closing:
        rpc = closing.enter_context(running_node(None, test_methods=True))
        yield kind(rpc, folder, closing)
