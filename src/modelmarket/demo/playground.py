# SPDX-License-Identifier: Apache-2.0
"""A market of one's own: a chain in memory, people, and time that flies."""

from __future__ import annotations

import atexit
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from modelmarket import agent
from modelmarket.chain.devnode.server import running_node
from modelmarket.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelmarket.chain.wallets import Wallet
    from modelmarket.market import Market, Request, VerifiedRequest

MOST_ROUNDS = 100
"""A life has fewer steps, however many refute each other."""


class Playground(Sandbox):
    """A market on a chain in memory, and people with 1,000 MDC each."""

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

    def live(self, request_id: int | str) -> Request | VerifiedRequest:
        """Lets time pass, and everybody's agent work, until a request has ended.

        Args:
            request_id: 7 of predictions, "v7" a verified contest.

        Returns:
            The request as the first of all people sees it then.
        """
        markets = [person.market for person in self.people.values()]
        for _ in range(MOST_ROUNDS):
            # All of them look, before anybody waits.
            is_busy = [bool(agent.run_once(market)) for market in markets]
            request = markets[0].request(request_id)
            if request.record.stage.is_final and not any(is_busy):
                return request
            ends = request.position().step_ends
            if not any(is_busy) and ends > request.now:
                self.move_to(ends)
        raise AssertionError(f"request {request_id} did not end")


@contextmanager
def playing(folder: Path) -> Iterator[Playground]:
    """Starts a chain in memory and deploys a market on it.

    Args:
        folder: For everybody's homes.
    """
    with ExitStack() as closing:
        rpc = closing.enter_context(running_node(None, test_methods=True))
        yield Playground(rpc, folder, closing)


def playground() -> Playground:
    """The same for a notebook or a console; all of it is gone when the program ends."""
    closing = ExitStack()
    atexit.register(closing.close)
    folder = closing.enter_context(TemporaryDirectory(prefix="modelmarket-"))
    return closing.enter_context(playing(Path(folder)))
