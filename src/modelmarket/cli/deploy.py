# SPDX-License-Identifier: Apache-2.0
"""`modelmarket deploy`: a market of one's own."""

from __future__ import annotations

from typing import Annotated

import typer

from modelmarket.cli.asking import ask_passphrase
from modelmarket.cli.context import Invocation
from modelmarket.cli.options import AccountName

EMBEDDED = "modelmarket/"


def deploy(
    ctx: typer.Context,
    name: Annotated[str, typer.Option(help="What to call the network.")] = "local",
    rpc: Annotated[
        str, typer.Option(help="The node's JSON-RPC address.")
    ] = "http://127.0.0.1:8545",
    account: AccountName = None,
    again: Annotated[
        bool, typer.Option("--again", help="Even if there is a network of that name.")
    ] = False,
) -> None:
    """Deploy ModelCoin and both markets, and keep them as a network.

    One market is of predictions; in the other the model itself is judged, by a
    referee and a clerk that are deployed with it.

    The account becomes the owner of the million MDC that airdrops are paid
    from; it should serve for nothing else.

    Examples:

        modelmarket deploy

        modelmarket deploy --name testnet --rpc https://node.example:8545
    """
    from modelmarket.chain.connection import Connection
    from modelmarket.chain.contracts import ModelCoin, ModelMarket
    from modelmarket.chain.networks import Network, Networks
    from modelmarket.chain.verified import VerifiedMarket
    from modelmarket.chain.wallets import Keystores, Wallet
    from modelmarket.errors import ConfirmationError

    here = Invocation.of(ctx)
    here.refuse_network("--name says what to call it.")
    home = here.home
    networks = Networks(home.networks)
    known = networks.all().get(name)
    if known is not None and not again:
        raise ConfirmationError(
            f"Network {name!r} is there already, with market {known.market}; its "
            "address would be forgotten.",
            option="again",
            hint="--name gives the new one another name; --again replaces it.",
        )
    connection = Connection(rpc)
    is_embedded = str(connection.ask("web3_clientVersion")).startswith(EMBEDDED)
    wallet = Wallet.from_environment() or Keystores(home.keystores).unlock(
        account, ask_passphrase()
    )
    if is_embedded and connection.fee_balance(wallet.address) == 0:
        connection.ask("modelmarket_fund", wallet.address)
    output = here.output
    coin, _ = ModelCoin.deploy(connection, wallet)
    output.note(f"ModelCoin is at {coin.address}.")
    market, receipt = ModelMarket.deploy(connection, wallet, coin.address)
    output.note(f"ModelMarket is at {market.address}.")
    verified, _ = VerifiedMarket.deploy(connection, wallet, coin.address)
    networks.put(
        Network(
            name=name,
            rpc=rpc,
            chain_id=connection.chain_id,
            market=market.address,
            verified=verified.address,
            first_block=receipt.block,
            confirmations=0 if is_embedded else 5,
        )
    )
    output.result(
        {
            "network": name,
            "chain_id": connection.chain_id,
            "market": market.address,
            "verified": verified.address,
            "coin": coin.address,
            "first_block": receipt.block,
        },
        f"Market {market.address} on chain {connection.chain_id} is network {name!r}.",
    )
    output.tell(
        "Others join it with:",
        f"  modelmarket node add {name} --rpc {rpc} --market {market.address} "
        f"--verified {verified.address} --first-block {receipt.block}",
    )
