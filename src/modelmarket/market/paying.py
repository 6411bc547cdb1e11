# SPDX-License-Identifier: Apache-2.0
"""Whether an account has what a call takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelmarket.errors import FundsError
from modelmarket.protocol.money import format_mdc

if TYPE_CHECKING:
    from modelmarket.chain.contracts import Purse


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
        f"{purse.owner} has {format_mdc(purse.balance)} MDC; {format_mdc(amount)} are "
        "needed.",
        hint=hint,
    )
