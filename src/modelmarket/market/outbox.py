# SPDX-License-Identifier: Apache-2.0
"""What a wallet sends: journalled first, and seen through whatever happens."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from modelmarket.chain.sending import (
    PATIENCE_S,
    SLOWEST_POLL_S,
    Signed,
    can_be_sent,
    deliver,
    send,
)
from modelmarket.errors import ChainError, FundsError, StepError, TransactionError

if TYPE_CHECKING:
    from modelmarket.chain.blocks import Call, Receipt
    from modelmarket.chain.connection import Connection
    from modelmarket.chain.networks import Network
    from modelmarket.chain.wallets import Wallet
    from modelmarket.protocol.types import Address
    from modelmarket.vault.vault import Vault

MOST_RENEWALS = 3
"""Times that somebody may come between; each costs them a transaction."""

Renew = Callable[[], "Call | None"]
"""Gives what to send instead; None if nothing has changed."""
Before = Callable[[Signed], object]
"""Is given what was signed before anybody else has it."""


@dataclass(frozen=True)
class Resumed:
    """A transaction that an interrupted run had signed.

    Attributes:
        step: The call.
        block: Where it is now; None if it can never be mined.
    """

    step: str
    block: int | None


class Outbox:
    """One wallet's transactions on one market.

    Args:
        connection: The nodes.
        network: With the market, and how many blocks bury one.
        vault: Keeps the journal.
        wallet: Raises the fees of what waits; None to send the same again only.
    """

    def __init__(
        self,
        connection: Connection,
        network: Network,
        vault: Vault,
        wallet: Wallet | None,
    ) -> None:
        self._connection = connection
        self._network = network
        self._vault = vault
        self._wallet = wallet

    @contextmanager
    def sending(
        self,
        call: Call,
        wallet: Wallet,
        *,
        renew: Renew | None = None,
        before: Before | None = None,
    ) -> Iterator[Receipt]:
        """Sends a call, and keeps it in the journal until the body is done.

        Args:
            call: What to do.
            wallet: Who does it.
            renew: Is asked for another call where this one cannot be paid, or
                has failed; nothing happens twice.
            before: Is given each transaction before the journal is; if it
                raises, the transaction never leaves.

        Raises:
            RevertError: The contract refuses, in words.
            FundsError: MDC or fees do not suffice.
        """
        for _ in range(MOST_RENEWALS):
            try:
                receipt, signed = self._send(call, wallet, before)
                break
            except (FundsError, TransactionError):
                renewed = renew() if renew is not None else None
                if renewed is None:
                    raise
                call = renewed
        else:
            receipt, signed = self._send(call, wallet, before)
        yield receipt
        self._mined(receipt, signed)

    def _send(
        self, call: Call, wallet: Wallet, before: Before | None
    ) -> tuple[Receipt, list[Signed]]:
        """Sends a call once.

        Raises:
            FundsError: It cannot be paid, and nothing was signed.
            TransactionError: It failed for good, or another transaction took
                its place.
        """
        journal = _Journal(self._vault, self._network.market, call.what, before)
        try:
            receipt = send(self._connection, call, wallet, journal=journal)
        except TransactionError as error:
            if not any(map(self._has_failed, journal.signed)):
                raise ChainError(error.message, hint=error.hint) from error
            self._wait_until_buried(error)
            if not any(map(self._has_failed, journal.signed)):
                raise ChainError(
                    f"The chain was reorganised while {call.what} was sent.",
                    hint="See what became of it before you do it again.",
                ) from error
            for signed in journal.signed:
                self._vault.end(signed.hash, "failed")
            raise
        return receipt, journal.signed

    def _has_failed(self, signed: Signed) -> bool:
        """Whether a transaction is in the chain and did nothing."""
        try:
            self._connection.receipt(signed.hash)
        except TransactionError:
            return True
        return False

    def _wait_until_buried(self, error: TransactionError) -> None:
        """Waits until no reorganisation can make good what has failed.

        Raises:
            TransactionError: The one given, if it takes too long.
        """
        ends = time.monotonic() + PATIENCE_S
        buried = self._connection.block().number + self._network.confirmations
        while self._connection.block().number < buried:
            if time.monotonic() > ends:
                raise error
            time.sleep(SLOWEST_POLL_S)

    def _mined(self, receipt: Receipt, tries: Sequence[Signed]) -> None:
        """Notes which of a transaction's versions is in the chain.

        Until its block is buried its bytes are kept: a reorganisation may
        take it back.
        """
        for signed in tries:
            if signed.hash != receipt.transaction:
                self._vault.end(signed.hash, "replaced")
            elif self._network.confirmations == 0:
                self._vault.end(signed.hash, f"block {receipt.block}")
            else:
                self._vault.mined(signed.hash, receipt.block)

    def resume(self) -> list[Resumed]:
        """Sends again what was signed and may not have left, and what a
        reorganisation took back.

        The bytes are the same, or the nonce is, so nothing can happen twice.

        Raises:
            ChainError: The node does not answer; nothing is given up.
        """
        self._vault.forget_intentions(self._network.market)
        self._take_back()
        waiting: dict[tuple[str, int], list[tuple[str, Signed]]] = {}
        for sent in self._vault.unfinished(self._network.market):
            signed = Signed(sent.hash, sent.raw)
            place = (signed.sender, signed.nonce)
            waiting.setdefault(place, []).append((sent.step, signed))
        return [
            resumed
            for versions in waiting.values()
            for resumed in self._see_through(versions)
        ]

    def _see_through(self, versions: Sequence[tuple[str, Signed]]) -> Iterator[Resumed]:
        """Waits for whichever transaction of one nonce gets into the chain."""
        newest = versions[-1][0]
        tries = [signed for _, signed in versions]
        steps = {signed.hash: step for step, signed in versions}
        journal = _Journal(self._vault, self._network.market, newest)
        wallet = self._wallet
        if wallet is not None and wallet.address != tries[0].sender:
            wallet = None
        if not can_be_sent(self._connection, tries):
            # What it stands on may have been taken back too; it has its turn
            # when that is there again, or when its nonce is used otherwise.
            return
        try:
            receipt = deliver(self._connection, tries, wallet=wallet, journal=journal)
        except TransactionError:
            for signed in (*tries, *journal.signed):
                self._vault.end(signed.hash, "dropped")
            yield from (Resumed(step, None) for step in dict.fromkeys(steps.values()))
            return
        self._mined(receipt, (*tries, *journal.signed))
        done = steps.get(receipt.transaction, newest)
        yield Resumed(done, receipt.block)
        for step in dict.fromkeys(steps.values()):
            if step != done:
                yield Resumed(step, None)

    def _take_back(self) -> None:
        """Looks whether what was mined is still in the chain."""
        unburied = self._vault.unburied(self._network.market)
        if not unburied:
            return
        head = self._connection.block().number
        for transaction in unburied:
            try:
                receipt = self._connection.receipt(transaction)
            except TransactionError:
                self._vault.end(transaction, "failed")
                continue
            if receipt is None:
                self._vault.reopen(transaction)
            elif head - receipt.block >= self._network.confirmations:
                self._vault.end(transaction, f"block {receipt.block}")

    def finish_interrupted(self, step: str, look: str) -> None:
        """Stops a step that an interrupted run has done already."""
        for one in self.resume():
            if one.step == step and one.block is not None:
                raise StepError(
                    f"An earlier {step} was interrupted; "
                    f"it is in block {one.block} now.",
                    hint=f"See `{look}`, and do it again only if you want another.",
                )


class _Journal:
    """The vault's, for one step."""

    def __init__(
        self, vault: Vault, market: Address, step: str, before: Before | None = None
    ) -> None:
        self._vault = vault
        self._market = market
        self._step = step
        self._before = before
        self._intention = b""
        self.signed: list[Signed] = []

    def intend(self, sender: Address, nonce: int) -> None:
        self._intention = self._vault.intend(self._market, self._step, sender, nonce)

    def note(self, signed: Signed) -> None:
        if self._before is not None:
            self._before(signed)
        self._vault.begin(
            self._market,
            self._step,
            signed.hash,
            signed.raw,
            intention=self._intention,
        )
        self.signed.append(signed)
