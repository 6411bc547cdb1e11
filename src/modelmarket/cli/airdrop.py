# SPDX-License-Identifier: Apache-2.0
"""`modelmarket airdrop`: the first 1,000 MDC."""

import typer

from modelmarket.cli.context import Invocation
from modelmarket.cli.options import AccountName


def airdrop(
    ctx: typer.Context,
    account: AccountName = None,
) -> None:
    """Claim 1,000 MDC, once for each account.

    Example:

        modelmarket airdrop
    """
    from modelmarket.protocol.money import format_mdc

    here = Invocation.of(ctx)
    look = "modelmarket account show"
    with here.signing(account, look=look) as market:
        receipt = market.claim_airdrop()
    balance = market.balance(market.wallet.address)
    here.output.result(
        {
            "address": market.wallet.address,
            "mdc_wei": str(balance),
            "transaction": "0x" + receipt.transaction.hex(),
        },
        f"{market.wallet.address} has {format_mdc(balance)} MDC now.",
    )
