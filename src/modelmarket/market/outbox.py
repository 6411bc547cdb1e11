# SPDX-License-Identifier: Apache-2.0
"""What a wallet sends: journalled first, and seen through whatever happens."""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from logging import INFO
from typing import TYPE_CHECKING

from modelmarket.chain import queries
from modelmarket.chain.queries import sequence, together
from modelmarket.chain.sending import (
    PATIENCE_S,
    SLOWEST_POLL_S,
    Signed,
    can_be_sent,
    deliver,
    send,
)
from modelmarket.errors import (
    ChainError,
    FundsError,
    ModelMarketError,
    StepError,
    TransactionError,
)
from modelmarket.protocol.events import Creation, SubmissionCreated
from modelmarket.system.logs import told
from modelmarket.vault.journal import State, Version

if TYPE_CHECKING:
    from modelmarket.chain.blocks import Call, Receipt
    from modelmarket.chain.connection import Connection
    from modelmarket.chain.markets import Markets
    from modelmarket.chain.networks import Network
    from modelmarket.chain.queries import Query
    from modelmarket.chain.wallets import Wallet
    from modelmarket.protocol.actions import Action
    from modelmarket.protocol.types import Address
    from modelmarket.vault.journal import Entry, Journal

_log = logging.getLogger(__name__)

MOST_RENEWALS = 3
"""Times that somebody may come between; each costs them a transaction."""
OTHER_TOOK_PLACE = "Another transaction of this account took its place."
FAILED_THERE = "It is in the chain and failed."

Renew = Callable[[], "Call | None"]
"""Gives what to send instead; None if nothing has changed."""


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
        markets: Whose events tell what was made, with the nodes.
        network: Says how many blocks bury one.
        journal: Where each transaction stands first.
        wallet: Signs, and raises the fees of what waits; None to send the same
            again only.
    """

    def __init__(
        self,
        markets: Markets,
        network: Network,
        journal: Journal,
        wallet: Wallet | None,
    ) -> None:
        self._markets = markets
        self._connection: Connection = markets.connection
        self._network = network
        self._journal = journal
        self._wallet = wallet

    @contextmanager
    def sending(
        self,
        call: Call,
        wallet: Wallet,
        action: Action,
        *,
        entry: Entry | None = None,
        renew: Renew | None = None,
    ) -> Iterator[Receipt]:
        """Sends a call; it is under way in the journal until the body is done.

        Args:
            call: What to do.
            wallet: Who does it.
            action: The same for the journal.
            entry: Where it stands there already, to be confirmed; None where
                nobody was asked.
            renew: Is asked for another call where this one cannot be paid, or
                has failed; nothing happens twice.

        Raises:
            RevertError: The contract refuses, in words.
            FundsError: MDC or fees do not suffice.
            StepError: The entry went on meanwhile; nothing leaves.
        """
        life = _Life(self._journal, self._network.market, wallet, action, entry)
        for _ in range(MOST_RENEWALS):
            try:
                receipt = self._send(call, life)
                break
            except (FundsError, TransactionError):
                renewed = renew() if renew is not None else None
                if renewed is None:
                    raise
                call = renewed
                if entry is None:
                    # What has failed has its place in the journal.
                    life = _Life(
                        self._journal, self._network.market, wallet, action, None
                    )
        else:
            receipt = self._send(call, life)
        yield receipt
        self.settle(life.noted, receipt)

    def _send(self, call: Call, life: _Life) -> Receipt:
        """Sends a call once.

        Raises:
            FundsError: It cannot be paid, and nothing was signed.
            TransactionError: It failed for good, or another transaction took
                its place.
        """
        try:
            return send(self._connection, call, life.wallet, journal=life)
        except TransactionError as error:
            if not any(map(self._has_failed, life.signed)):
                raise ChainError(error.message, hint=error.hint) from error
            self._wait_until_buried(error)
            if not any(map(self._has_failed, life.signed)):
                raise ChainError(
                    f"The chain was reorganised while {call.what} was sent.",
                    hint="See what became of it before you do it again.",
                ) from error
            life.failed(error.text)
            raise
        except BaseException as error:
            life.give_up(error)
            raise

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

    def settle(self, entry: Entry, receipt: Receipt) -> Entry:
        """Notes that an entry is in the chain.

        Until its block is buried what was signed is kept: a reorganisation may
        take it back.

        Returns:
            The entry as it is now; whoever looked at the same time may have noted
            it already.
        """
        made = 0
        for event in self._markets.events(receipt):
            if isinstance(event, Creation):
                made = event.request_id
            elif isinstance(event, SubmissionCreated):
                made = event.submission_id
        return self.mined(entry, receipt.transaction, receipt.block, made)

    def mined(self, entry: Entry, transaction: bytes, block: int, made: int) -> Entry:
        """Notes in which block an entry is, and which number it got there; else like
        `settle`.
        """
        with suppress(StepError):
            noted = self._journal.mined(
                entry, transaction=transaction, block=block, made=made
            )
            if self._network.confirmations == 0:
                # It is done, and whoever heard that it failed would do it again: what
                # the disk has no room for now is noted when it is looked up next.
                with suppress(sqlite3.OperationalError):
                    self._journal.buried(noted)
            told(
                _log,
                INFO,
                "mined",
                action=entry.action.what,
                id=entry.id,
                hash="0x" + transaction.hex(),
                block=block,
            )
        return self._journal.entry(entry.id)

    def resume(self) -> list[Resumed]:
        """Sends again what was signed and may not have left, and what a
        reorganisation took back.

        The bytes are the same, or the nonce is, so nothing can happen twice.

        Raises:
            ChainError: The node does not answer; nothing is given up.
        """
        market = self._network.market
        self._journal.abandon(market)
        self._take_back()
        waiting: dict[tuple[Address, int | None], list[Entry]] = {}
        for entry in self._journal.unfinished(market):
            waiting.setdefault((entry.account, entry.nonce), []).append(entry)
        return [
            resumed
            for entries in waiting.values()
            for resumed in self._see_through(entries)
        ]

    def _see_through(self, entries: Sequence[Entry]) -> Iterator[Resumed]:
        """Waits for whichever transaction of one nonce gets into the chain."""
        whose = {
            version.hash: (entry, Signed(version.hash, version.raw))
            for entry in entries
            for version in self._journal.versions(entry)
        }
        if not whose:
            return  # another process of this home has seen it through meanwhile
        newest, tries = entries[-1], [signed for _, signed in whose.values()]
        wallet = self._wallet
        if wallet is not None and wallet.address != newest.account:
            wallet = None
        if not can_be_sent(self._connection, tries):
            # What it stands on may have been taken back too; it has its turn
            # when that is there again, or when its nonce is used otherwise.
            return
        life = _Life(self._journal, newest.market, wallet, newest.action, newest)
        try:
            receipt = deliver(self._connection, tries, wallet=wallet, journal=life)
        except TransactionError:
            for entry in entries:
                self._gone(entry)
                yield Resumed(entry.action.what, None)
            return
        done = whose[receipt.transaction][0] if receipt.transaction in whose else newest
        for entry in entries:
            if entry.id == done.id:
                self.settle(self._journal.entry(entry.id), receipt)
                yield Resumed(entry.action.what, receipt.block)
            else:
                self._gone(entry)
                yield Resumed(entry.action.what, None)

    def _gone(self, entry: Entry) -> None:
        """Notes that what was signed for an entry can never be mined any more."""
        with suppress(StepError):
            self._journal.replaced(
                self._journal.entry(entry.id), message=OTHER_TOOK_PLACE
            )

    def _take_back(self) -> None:
        """Looks whether what was mined is still in the chain."""
        unburied = self._journal.all_in(self._network.market, State.MINED)
        if not unburied:
            return

        def found(entry: Entry) -> Query[tuple[Receipt | None, bool]]:
            """Its receipt, and whether it is there and has failed."""
            assert entry.hash is not None, "what was mined has a hash"
            seen: Query[tuple[Receipt | None, bool]] = queries.receipt(entry.hash).map(
                lambda receipt: (receipt, False)
            )
            return seen.rescue(TransactionError, lambda _: (None, True))

        head, states = self._connection.query(
            together(queries.block(), sequence([found(one) for one in unburied]))
        )
        for entry, (receipt, has_failed) in zip(unburied, states, strict=True):
            with suppress(StepError):
                if has_failed:
                    self._journal.failed(entry, message=FAILED_THERE)
                elif receipt is None:
                    self._journal.taken_back(entry)
                elif head.number - receipt.block >= self._network.confirmations:
                    self._journal.buried(entry)

    def finish_interrupted(self, step: str, look: str) -> None:
        """Stops a step that an interrupted run has done already."""
        for one in self.resume():
            if one.step == step and one.block is not None:
                raise StepError(
                    f"An earlier {step} was interrupted; "
                    f"it is in block {one.block} now.",
                    hint=f"See `{look}`, and do it again only if you want another.",
                )


class _Life:
    """One transaction's life in the journal, as whoever sends it tells it.

    Args:
        journal: The vault's.
        market: The contract.
        wallet: Who signs; None for nobody.
        action: What it does.
        entry: Where it stands already; None for nowhere.
    """

    def __init__(
        self,
        journal: Journal,
        market: Address,
        wallet: Wallet | None,
        action: Action,
        entry: Entry | None,
    ) -> None:
        self._journal = journal
        self._market = market
        self._signer = wallet
        self._action = action
        self._entry = entry
        self.signed: list[Signed] = []

    @property
    def wallet(self) -> Wallet:
        """Who signs."""
        assert self._signer is not None, "whoever sends something signs it"
        return self._signer

    @property
    def noted(self) -> Entry:
        """Where it stands, as it is now."""
        assert self._entry is not None, "what was sent is in the journal"
        return self._journal.entry(self._entry.id)

    def intend(self, nonce: int, second: int) -> None:
        if self._entry is None:
            account = self.wallet.address
            self._entry = self._journal.begin(
                self._market, account, self._action, nonce, second
            )
        else:
            self._entry = self._journal.ask_key(self._entry, nonce)

    def note(self, signed: Signed) -> None:
        assert self._entry is not None, "what is signed was intended"
        version = Version(signed.hash, signed.raw)
        self._entry = self._journal.signed(self._entry, version)
        self.signed.append(signed)
        self._tell("signed")

    def handed_over(self) -> None:
        assert self._entry is not None, "what is handed over was signed"
        if self._entry.state is State.SIGNED:
            # Somebody else may have seen it through already.
            with suppress(StepError):
                self._entry = self._journal.handed_over(self._entry)
                self._tell("sent")

    def _tell(self, what: str) -> None:
        """Tells the log how far it is."""
        assert self._entry is not None, "what is told of is in the journal"
        entry = self._entry
        name = "" if entry.hash is None else "0x" + entry.hash.hex()
        told(_log, INFO, what, action=entry.action.what, id=entry.id, hash=name)

    def failed(self, message: str) -> None:
        """Notes that it is in the chain and did nothing."""
        with suppress(StepError):
            self._entry = self._journal.failed(self.noted, message=message)

    def give_up(self, error: BaseException) -> None:
        """Notes that nothing was signed, although it was about to be."""
        if self._entry is not None and self._entry.state is State.AWAITING:
            said = error.text if isinstance(error, ModelMarketError) else str(error)
            message = said or type(error).__name__
            with suppress(StepError):
                self._entry = self._journal.failed(self._entry, message=message)
