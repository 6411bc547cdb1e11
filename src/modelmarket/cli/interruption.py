# SPDX-License-Identifier: Apache-2.0
"""A command that is interrupted says what it has sent."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from modelmarket.errors import ModelMarketError

if TYPE_CHECKING:
    from modelmarket.cli.output import Output
    from modelmarket.market import Market
    from modelmarket.vault.journal import Entry

MOST_SIGNED = 100
"""Transactions that one command may sign."""


class Interruption:
    """Knows what a command has signed, should it be interrupted."""

    def __init__(self) -> None:
        self._market: Market | None = None
        self._before: set[int] = set()

    def watch(self, market: Market) -> None:
        """From here on something may be signed."""
        self._before = {one.id for one in _signed(market)}
        self._market = market

    def lines(self, look: str) -> Iterator[str]:
        """What was sent until now, and what to do about it.

        Args:
            look: The command that shows what became of it.
        """
        from modelmarket.vault.journal import State

        market = self._market
        new = (
            [one for one in _signed(market) if one.id not in self._before]
            if market is not None
            else []
        )
        if not new or market is None:
            yield "Interrupted. Nothing was sent."
            return
        for one in reversed(new):
            assert one.hash is not None, "what was signed has a hash"
            transaction = f"{one.action.what} as 0x{one.hash.hex()}"
            if one.state in (State.SIGNED, State.SENT):
                yield f"Interrupted. {_whereabouts(market, one.hash, transaction)}"
            elif one.state.is_done:
                yield f"Interrupted. {transaction} was sent: block {one.block:,}."
            else:
                yield f"Interrupted. {transaction} was sent: {one.told}."
        yield f"See `{look}` before you do it again."


def _signed(market: Market) -> list[Entry]:
    newest = market.vault.journal.newest(market.network.market, limit=MOST_SIGNED)
    return [one for one in newest if one.hash is not None]


def _whereabouts(market: Market, transaction: bytes, what: str) -> str:
    """What the node knows of a transaction that was signed."""
    try:
        block = market.block_of(transaction)
        if block is not None:
            return f"{what} is in block {block:,}."
        if market.is_waiting(transaction):
            return f"{what} was sent, and waits for its block."
    except ModelMarketError as error:
        return f"{what} was signed, and may have been sent: {error.message}"
    return f"{what} was signed, and has not reached the node."


@contextmanager
def saying_what_was_sent(output: Output, look: str) -> Iterator[Interruption]:
    """Lets Ctrl+C end a command with a word on what was sent.

    Args:
        output: Where it is said.
        look: The command that shows what became of it.
    """
    interruption = Interruption()
    try:
        yield interruption
    except KeyboardInterrupt:
        output.warn(*interruption.lines(look))
        raise
