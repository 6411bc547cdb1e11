# SPDX-License-Identifier: Apache-2.0
"""The people of the demo: each with a home, a key and a gateway of their own."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from modelmarket.chain.connection import Connection
from modelmarket.chain.contracts import ModelCoin, ModelMarket
from modelmarket.chain.networks import LOCAL, Network
from modelmarket.chain.wallets import Wallet
from modelmarket.market import Market
from modelmarket.protocol.types import Address
from modelmarket.storage.gateway import application
from modelmarket.storage.store import Store
from modelmarket.system.home import Home
from modelmarket.system.serving import serving
from modelmarket.vault.vault import Vault


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


@dataclass
class Stage:
    """A chain of its own with a market, and people who meet there.

    Attributes:
        connection: The node.
        contract: The market, for those who do not go by the rules.
        coin: The token that it pays in.
        network: The market's profile, with everybody's gateways.
        deployer: Whose account pays the airdrops.
        folder: For everybody's homes.
        closing: What ends with the demo.
        people: By role.
    """

    connection: Connection
    contract: ModelMarket
    coin: ModelCoin
    network: Network
    deployer: Wallet
    folder: Path
    closing: ExitStack
    people: dict[str, Person] = field(default_factory=dict)

    def invite(self, role: str) -> Person:
        """Gives somebody a home, a key, coin for fees and a gateway."""
        home = Home(self.folder / role.replace(" ", "-"))
        gateway = self.closing.enter_context(serving(application(Store(home.store))))
        self.network = replace(self.network, gateways=(*self.network.gateways, gateway))
        for person in self.people.values():
            person.market.network = self.network
        wallet = Wallet.new()
        self.connection.ask("modelmarket_fund", wallet.address)
        vault = Vault(home.vault, secrets.token_hex(16))
        market = Market(home, self.network, wallet=wallet, vault=vault)
        self.closing.callback(market.close)
        person = self.people[role] = Person(role, market)
        return person

    def move_to(self, second: int) -> None:
        """Moves the chain's clock to a second."""
        self.connection.ask("evm_setNextBlockTimestamp", second)
        self.connection.ask("evm_mine")


@contextmanager
def stage(folder: Path) -> Iterator[Stage]:
    """Starts a chain in memory and deploys a market on it.

    Args:
        folder: For everybody's homes.
    """
    from modelmarket.chain.node.server import running_node

    with ExitStack() as closing:
        rpc = closing.enter_context(running_node(None, test_methods=True))
        connection = Connection(rpc)
        deployer = Wallet.new()
        connection.ask("modelmarket_fund", deployer.address)
        coin, _ = ModelCoin.deploy(connection, deployer)
        market, receipt = ModelMarket.deploy(connection, deployer, coin.address)
        network = Network(
            name=LOCAL,
            rpc=rpc,
            chain_id=connection.chain_id,
            market=market.address,
            first_block=receipt.block,
            confirmations=0,
        )
        yield Stage(connection, market, coin, network, deployer, folder, closing)
