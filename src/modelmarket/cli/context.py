# SPDX-License-Identifier: Apache-2.0
"""What every command is given: where to speak, the home, the network."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from modelmarket.cli.asking import ask_passphrase
from modelmarket.cli.interruption import saying_what_was_sent
from modelmarket.cli.output import Output
from modelmarket.errors import InputError
from modelmarket.system.home import Home

if TYPE_CHECKING:
    import typer

    from modelmarket.chain.networks import Network
    from modelmarket.market import Market

DEFAULT_NETWORK = "local"


@dataclass
class Invocation:
    """One call of the program, as its own options say.

    Attributes:
        output: The one sink.
        home: The user's folder; known once the program has read its options.
        network: The network's name.
        is_network_named: Whether it stands among the arguments.
    """

    output: Output = field(default_factory=Output)
    home: Home = Home(Path())
    network: str = DEFAULT_NETWORK
    is_network_named: bool = False

    @classmethod
    def of(cls, context: typer.Context) -> Invocation:
        """That which a command belongs to."""
        found = context.find_object(cls)
        assert found is not None, "the program makes it before any command"
        return found

    @classmethod
    def without_network(cls, context: typer.Context) -> Invocation:
        """The same for a command that is about no network.

        Raises:
            InputError: One was named, as if something else were done there.
        """
        found = cls.of(context)
        if found.is_network_named:
            raise InputError(
                "This command is about no network.", hint="Leave --network out."
            )
        return found

    def profile(self) -> Network:
        """The network, of the user's file."""
        from modelmarket.chain.networks import Networks

        return Networks(self.home.networks).get(self.network)

    def market(self, account: str | None = None, *, sign: bool) -> Market:
        """Connects to the market; to sign, the key and the vault are unlocked."""
        from modelmarket.market import Market

        if not sign:
            return Market(self.home, self.profile())
        return Market.connect(
            self.network,
            home=self.home.path,
            account=account,
            passphrase=ask_passphrase(),
        )

    def own_market(self, account: str | None) -> Market:
        """The market as an account sees it that signs nothing; the vault is unlocked.

        Args:
            account: Whose; None for the only one.
        """
        from modelmarket.market import Market

        return Market.connect(
            self.network,
            home=self.home.path,
            account=account,
            passphrase=ask_passphrase(),
            looks=True,
        )

    @contextmanager
    def signing(self, account: str | None, *, look: str) -> Iterator[Market]:
        """A market to send something to; Ctrl+C says what was sent.

        Args:
            account: Who signs; None for the only one.
            look: The command that shows what became of it.
        """
        with saying_what_was_sent(self.output, look) as sending:
            market = self.market(account, sign=True)
            sending.watch(market)
            yield market

    def refuse_network(self, instead: str) -> None:
        """Makes sure that no network was named to a command that makes one.

        Args:
            instead: What to say in its place.

        Raises:
            InputError: One was. To take no notice would make another than was
                meant.
        """
        if self.is_network_named:
            raise InputError(
                "--network names a network that is known; this command makes one.",
                hint=instead,
            )
