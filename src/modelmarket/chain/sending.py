# SPDX-License-Identifier: Apache-2.0
"""Sending: checked, signed, noted, handed over, and seen through to a block."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

from modelmarket.chain import queries
from modelmarket.chain.blocks import Call
from modelmarket.chain.queries import sequence, together
from modelmarket.errors import (
    ChainError,
    FundsError,
    InputError,
    RevertError,
    StepError,
    TransactionError,
)
from modelmarket.protocol.money import format_about
from modelmarket.protocol.types import Address, Wei, checksummed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from modelmarket.chain.blocks import Receipt
    from modelmarket.chain.connection import Connection
    from modelmarket.chain.wallets import Wallet

TRANSACTION_GAS_LIMIT = 2**24
"""EIP-7825: the most gas of one transaction."""

TRANSACTION_BYTES_LIMIT = 128 * 1024
"""Public nodes refuse larger ones."""

REFUSALS = 3
RECEIPT_POLL_S = 0.05
SLOWEST_POLL_S = 1.0
PUSH_S = 5.0
"""Between two times that the same bytes are handed over: pools forget."""
RAISE_S = 30.0
"""After which a transaction that waits is replaced by one that pays more."""
PATIENCE_S = 300.0
GWEI_DIGITS = 4


def calldata_floor(data: bytes) -> int:
    """The least gas of a transaction with such data (EIP-7623)."""
    zeros = data.count(0)
    return 21_000 + 10 * zeros + 40 * (len(data) - zeros)


@dataclass(frozen=True, repr=False)
class Signed:
    """A signed transaction.

    Attributes:
        hash: 32 bytes.
        raw: What is handed over.
    """

    hash: bytes
    raw: bytes

    @cached_property
    def sender(self) -> Address:
        """Whose it is."""
        from eth_account import Account
        from hexbytes import HexBytes

        return checksummed(Account.recover_transaction(HexBytes(self.raw)))

    @property
    def nonce(self) -> int:
        """Its place among its sender's."""
        return int(self.fields["nonce"])

    @cached_property
    def fields(self) -> dict[str, Any]:
        """What was signed, without the signature."""
        from eth_account.typed_transactions.typed_transaction import TypedTransaction
        from hexbytes import HexBytes

        fields = TypedTransaction.from_bytes(HexBytes(self.raw)).as_dict()
        return {
            name: fields[name]
            for name in fields
            if name not in ("v", "r", "s", "accessList")
        }


class Journal(Protocol):
    """Where a transaction stands before it can do anything."""

    def intend(self, nonce: int, second: int) -> None:
        """Is told that it is about to be signed, at which second of chain time."""

    def note(self, signed: Signed) -> None:
        """Is given it before it is handed over."""

    def handed_over(self) -> None:
        """Is told that a node has taken it."""


def quote(connection: Connection, call: Call, sender: Address) -> dict[str, Any]:
    """Checks a call against the chain as it is now.

    Returns:
        The transaction that makes it, for whoever signs for the sender.

    Raises:
        RevertError: The contract would refuse, in words.
        FundsError: The account cannot pay the fees, or they are over its limit.
        InputError: The transaction needs more gas than the chain gives.
    """
    return _quoted(connection, call, sender)[0]


def _quoted(
    connection: Connection, call: Call, sender: Address
) -> tuple[dict[str, Any], int]:
    """The transaction that makes a call, and the second of chain time."""
    estimate, base, suggested, balance, (count, moment) = connection.query(
        together(
            queries.estimate(call, sender),
            queries.base_fee(),
            queries.tip(),
            queries.fee_balance(sender),
            together(queries.transaction_count(sender, "pending"), queries.moment()),
        )
    )
    tip = connection.tip_above(base) if suggested is None else suggested
    floor = calldata_floor(call.data)
    if max(estimate, floor) > TRANSACTION_GAS_LIMIT:
        raise InputError(
            f"This transaction would need {estimate:,} gas; "
            f"one transaction may use {TRANSACTION_GAS_LIMIT:,}."
        )
    gas = min(max(estimate + estimate // 10, floor), TRANSACTION_GAS_LIMIT)
    limit = connection.most_fee
    if limit is not None and base + tip > limit:
        raise FundsError(
            f"A unit of gas costs {_gwei(base + tip)} gwei now; you pay at most "
            f"{_gwei(limit)}.",
            hint="Wait, or raise `most_fee_gwei` of the network.",
        )
    # The base fee rises by an eighth a block at most: this lasts six full ones.
    fee = 2 * base + tip if limit is None else min(2 * base + tip, limit)
    most = gas * fee + call.value
    if balance < most:
        raise FundsError(
            f"{sender} has {format_about(balance, 4)} of the chain's own coin, and "
            f"this transaction may take {format_about(most, 4)} of it.",
            hint="Send it some of that coin.",
        )
    fields = {
        "type": 2,
        "chainId": connection.chain_id,
        "nonce": count,
        "gas": gas,
        "maxFeePerGas": fee,
        "maxPriorityFeePerGas": tip,
        "to": call.to or "",
        "value": call.value,
        "data": call.data,
    }
    return fields, moment.now


def sign(
    connection: Connection, call: Call, wallet: Wallet, journal: Journal | None = None
) -> Signed:
    """Checks a call against the chain as it is now and signs it.

    Args:
        connection: The chain.
        call: What to do.
        wallet: Who does it.
        journal: Is told before.

    Raises:
        RevertError: The contract would refuse, in words.
        FundsError: The account cannot pay the fees.
        InputError: The transaction is larger than the chain takes.
    """
    fields, second = _quoted(connection, call, wallet.address)
    if journal is not None:
        journal.intend(fields["nonce"], second)
    signed = Signed(*wallet.sign_transaction(fields))
    if len(signed.raw) > TRANSACTION_BYTES_LIMIT:
        raise InputError(
            f"This transaction takes {len(signed.raw):,} bytes; nodes take "
            f"{TRANSACTION_BYTES_LIMIT:,} in one transaction."
        )
    return signed


def send(
    connection: Connection,
    call: Call,
    wallet: Wallet,
    *,
    journal: Journal | None = None,
) -> Receipt:
    """Checks, signs and sends a call, and waits until it is in the chain.

    Args:
        connection: The chain.
        call: What to do.
        wallet: Who does it.
        journal: Is told of each transaction before it is signed, and given it
            before it is handed over.
    """
    with wallet.turn:
        signed = sign(connection, call, wallet, journal)
        if journal is not None:
            journal.note(signed)
        try:
            connection.push(signed.raw)
            was_taken = True
            if journal is not None:
                journal.handed_over()
        except ChainError:
            # Why is found out, and mended where it can be, while it is delivered.
            was_taken = False
    return deliver(
        connection, [signed], wallet=wallet, journal=journal, was_taken=was_taken
    )


def deliver(
    connection: Connection,
    attempts: Sequence[Signed],
    *,
    wallet: Wallet | None = None,
    journal: Journal | None = None,
    was_taken: bool = False,
    raise_s: float = RAISE_S,
) -> Receipt:
    """Hands a transaction over until it is in the chain.

    While it waits it is handed over again and again, and replaced by one that
    pays more, up to the connection's limit. All have the same nonce: whichever
    is mined, the others never will be.

    Args:
        connection: The chain.
        attempts: The transaction as it was signed so far, the newest last.
        wallet: Whose it is; None to raise no fees.
        journal: Is given a replacement before it is handed over.
        was_taken: Whether a node has the newest already.
        raise_s: Seconds after which it is replaced.

    Raises:
        TransactionError: It failed, or another one has taken its place.
        ChainError: It is still not there when the wait ends, or is refused.
    """
    tries = list(attempts)
    began = pushed = raised = time.monotonic()
    refusals, pause = 0, RECEIPT_POLL_S
    while True:
        receipt = _mined(connection, tries)
        if receipt is not None:
            return receipt
        now = time.monotonic()
        if not was_taken or now - pushed > PUSH_S:
            if wallet is not None and now - raised > raise_s:
                raised = now
                dearer = _dearer(connection, tries[-1], wallet)
                if dearer is not None and _is_noted(dearer, journal):
                    tries.append(dearer)
            pushed = now
            try:
                connection.push(tries[-1].raw)
                was_taken = True
                if journal is not None:
                    journal.handed_over()
            except ChainError:
                # A node that has it already says so by an error; a line that
                # was cut may have carried it, or not.
                _look_if_lost(connection, tries)
                was_taken = was_taken or connection.nonce(tries[-1].hash) is not None
                refusals += 1
                if refusals >= REFUSALS and not was_taken:
                    raise
        elif now - began > 1:
            _look_if_lost(connection, tries)
        if now - began > PATIENCE_S:
            raise ChainError(
                f"Transaction 0x{tries[-1].hash.hex()} is not in the chain after "
                f"{PATIENCE_S:.0f} s.",
                hint="It may still get there; running the command again is safe.",
            )
        time.sleep(pause)
        pause = min(pause * 1.5, SLOWEST_POLL_S)


def can_be_sent(connection: Connection, tries: Sequence[Signed]) -> bool:
    """Whether a transaction is under way, over, or would do what it should.

    A contract's refusal on the chain would cost the fees and the nonce, and so would
    gas that was enough before others came first.
    """
    newest = tries[-1]
    if connection.transaction_count(newest.sender, "pending") < newest.nonce:
        # What stands before it is not there: no node would mine it, and whoever
        # waited for it would be kept from sending what fills the gap.
        return False
    if _is_under_way(connection, tries):
        return True
    fields = newest.fields
    to = checksummed("0x" + bytes(fields["to"]).hex()) if fields["to"] else None
    call = Call("", to, bytes(fields["data"]), Wei(fields["value"]))
    try:
        connection.read(call, sender=newest.sender)
        needed = connection.estimate(call, newest.sender)
    except (RevertError, FundsError):
        # It is refused, too, if another program has seen it through meanwhile.
        return _is_under_way(connection, tries)
    return needed <= int(fields["gas"]) or _is_under_way(connection, tries)


def _is_under_way(connection: Connection, tries: Sequence[Signed]) -> bool:
    """Whether a node knows a transaction of this nonce, or the nonce is used."""
    newest = tries[-1]
    if connection.transaction_count(newest.sender) > newest.nonce:
        return True
    return any(connection.nonce(one.hash) is not None for one in tries)


def _mined(connection: Connection, tries: Sequence[Signed]) -> Receipt | None:
    newest_first = [queries.receipt(one.hash) for one in reversed(tries)]
    receipts = connection.query(sequence(newest_first))
    return next((one for one in receipts if one is not None), None)


def _is_noted(signed: Signed, journal: Journal | None) -> bool:
    """Whether a replacement may leave: not if somebody has seen it through."""
    if journal is not None:
        try:
            journal.note(signed)
        except StepError:
            return False
    return True


def _look_if_lost(connection: Connection, tries: Sequence[Signed]) -> None:
    """Ends the wait for what can never be mined, because its nonce is used up."""
    one = tries[-1]
    # In this order: what is mined between the two is found by the second.
    if (
        connection.transaction_count(one.sender) > one.nonce
        and _mined(connection, tries) is None
    ):
        raise TransactionError(
            f"Another transaction of {one.sender} took the place of "
            f"0x{one.hash.hex()}.",
            hint="Was it sent from another wallet? What is still due is done again.",
        )


def _dearer(connection: Connection, old: Signed, wallet: Wallet) -> Signed | None:
    """The same transaction with higher fees; None if that is over the limit.

    Nodes take a replacement whose fees are both a tenth higher.
    """
    base, tip = connection.fees()
    fields = old.fields
    paid, paid_tip = fields["maxFeePerGas"], fields["maxPriorityFeePerGas"]
    fee = max(paid + paid // 8 + 1, 2 * base + tip)
    new_tip = max(paid_tip + paid_tip // 8 + 1, tip)
    limit = connection.most_fee
    if limit is not None and fee > limit:
        if limit < paid + paid // 8 + 1:
            return None
        fee = limit
    dearer = {**fields, "maxFeePerGas": fee, "maxPriorityFeePerGas": min(new_tip, fee)}
    return Signed(*wallet.sign_transaction(dearer))


def _gwei(wei: Wei | int) -> str:
    return format_about(wei * 10**9, GWEI_DIGITS)
