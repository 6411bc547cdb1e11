# SPDX-License-Identifier: Apache-2.0
"""Whether an account has what a call takes, and may send it where it goes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelmarket.errors import FieldError, FundsError, InputError
from modelmarket.protocol.actions import Transfer
from modelmarket.protocol.money import format_mdc
from modelmarket.protocol.types import NOBODY, read_address

if TYPE_CHECKING:
    from modelmarket.chain.contracts import Purse
    from modelmarket.market.market import Market
    from modelmarket.protocol.types import Address, Wei


def refuse_unaffordable(purse: Purse, amount: int) -> None:
    """Makes sure that an account has an amount.

    Raises:
        FundsError: It has less.
    """
    if purse.balance >= amount:
        return
    hint = "`modelmarket airdrop` gives 1,000 MDC, once."
    if purse.had_airdrop:
        hint = "It has had its airdrop: somebody must send it MDC."
    raise FundsError(
        f"{purse.owner} has {format_mdc(purse.balance)} MDC and needs "
        f"{format_mdc(amount)}.",
        hint=hint,
    )


def receiver_of(market: Market, sender: Address, receiver: str) -> Address:
    """Whom an account sends MDC to, once that could not be meant otherwise.

    Args:
        market: With the contracts.
        sender: Whose MDC they are.
        receiver: The other's address.

    Raises:
        FieldError: It is none, or there is nobody who could use them there.
    """
    try:
        found = read_address(receiver)
        _refuse_useless(market, sender, found)
    except InputError as error:
        raise FieldError(error.message, field="receiver", hint=error.hint) from error
    return found


def transfer_to(
    market: Market, sender: Address, receiver: str, amount: Wei
) -> Transfer:
    """MDC that an account sends to another, once that could not be meant otherwise.

    Args:
        market: With the contracts.
        sender: Whose MDC they are.
        receiver: The other's address.
        amount: Wei.

    Raises:
        FieldError: One of them is none, or there is nobody who could use them there.
        FundsError: The sender has less.
    """
    found = receiver_of(market, sender, receiver)
    if not amount:
        raise FieldError("0 MDC are nothing that can be sent.", field="amount")
    _, purse = market.look_into(sender)
    refuse_unaffordable(purse, amount)
    return Transfer(found, amount)


def _refuse_useless(market: Market, sender: Address, receiver: Address) -> None:
    """Makes sure that somebody else can use what is sent.

    Raises:
        InputError: Nobody can, or it is the sender.
    """
    called = market.contracts().get(receiver, "")
    if called:
        raise InputError(
            f"{receiver} is the contract of {called}.",
            hint="What is sent there is lost: rewards and stakes are locked by "
            "creating and submitting.",
        )
    if receiver == NOBODY:
        raise InputError(f"{receiver} is nobody's: what is sent there is lost.")
    if receiver == sender:
        raise InputError(f"{receiver} is the account that sends them.")
