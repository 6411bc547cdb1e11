# SPDX-License-Identifier: Apache-2.0
"""`modelmarket airdrop`: the first 1,000 MDC."""

from modelmarket.cli.options import (
    DEFAULT_NETWORK,
    AccountName,
    AsJson,
    NetworkName,
    signing,
)
from modelmarket.cli.output import Output


def airdrop(
    account: AccountName = None,
    network: NetworkName = DEFAULT_NETWORK,
    as_json: AsJson = False,
) -> None:
    """Claim 1,000 MDC, once for each account.

    Example:

        modelmarket airdrop
    """
    from modelmarket.protocol.money import format_mdc

    look = "modelmarket account show"
    with signing(network, account, as_json=as_json, look=look) as market:
        receipt = market.claim_airdrop()
    balance = market.coin.balance(market.wallet.address)
    Output(as_json=as_json).result(
        {
            "address": market.wallet.address,
            "mdc_wei": str(balance),
            "transaction": "0x" + receipt.transaction.hex(),
        },
        f"{market.wallet.address} has {format_mdc(balance)} MDC now.",
    )
