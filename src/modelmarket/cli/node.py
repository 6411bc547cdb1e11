# SPDX-License-Identifier: Apache-2.0
"""`modelmarket node`: the embedded chain, and the networks that are known."""

from __future__ import annotations

import time
from dataclasses import asdict, replace
from typing import Annotated, Any

import typer

from modelmarket.cli.context import Invocation
from modelmarket.cli.options import MOST_PORT
from modelmarket.system.text import local_time, utc_time

app = typer.Typer(help="Run a local chain; join networks.", no_args_is_help=True)

DEFAULT_PORT = 8545


@app.command()
def start(
    ctx: typer.Context,
    port: Annotated[
        int, typer.Option(min=0, max=MOST_PORT, help="On loopback.")
    ] = DEFAULT_PORT,
    test_methods: Annotated[
        bool,
        typer.Option(
            "--test-methods",
            help="Let any program here move the clock and mine blocks"
            " (`node move-clock`).",
        ),
    ] = False,
    origin: Annotated[
        list[str] | None,
        typer.Option(
            help="A website whose scripts may ask the node, such as"
            " http://localhost:3000; may be repeated."
        ),
    ] = None,
) -> None:
    """Run the embedded chain until it is interrupted.

    The chain is kept in your home folder and goes on where it stopped. It
    answers programs of this computer and wallets in its browsers; websites only
    if you name them. Its faucet (`node fund`) answers programs alone, and what
    moves its clock is off without --test-methods.

    Examples:

        modelmarket node start

        modelmarket node start --test-methods
    """
    from modelmarket.chain.devnode.ledger import CHAIN_ID
    from modelmarket.chain.devnode.server import running_node

    here = Invocation.without_network(ctx)
    home = here.home
    home.prepare()
    for one in origin or ():
        _check_origin(one)
    with running_node(
        home.chain, port=port, test_methods=test_methods, origins=origin or ()
    ) as rpc:
        here.output.result(
            {"rpc": rpc, "chain_id": CHAIN_ID, "file": str(home.chain)},
            f"The chain answers at {rpc} (chain id {CHAIN_ID}); Ctrl+C ends it.",
        )
        here.output.tell(
            "A new one has no market yet: `modelmarket deploy` puts one on it."
        )
        while True:
            time.sleep(3_600)


def _check_origin(origin: str) -> None:
    from urllib.parse import urlsplit

    from modelmarket.errors import InputError

    parts = urlsplit(origin)
    is_site = parts.scheme in ("http", "https") and parts.netloc
    if not is_site or origin != f"{parts.scheme}://{parts.netloc}".lower():
        raise InputError(
            f"{origin!r} is not what a browser calls a website.",
            hint="Write it as http://localhost:3000, without a path.",
        )


@app.command()
def status(ctx: typer.Context) -> None:
    """Show what a network's node says of itself.

    Example:

        modelmarket node status --network local
    """
    here = Invocation.of(ctx)
    where = here.profile()
    connection = where.connect()
    block = connection.block()
    now = connection.moment().now
    version = str(connection.ask("web3_clientVersion"))
    drift = now - int(time.time())
    here.output.result(
        {
            "network": where.name,
            "rpc": where.rpc,
            "client": version,
            "chain_id": connection.chain_id,
            "block": block.number,
            "time": utc_time(now),
            "ahead_s": drift,
            "market": where.market,
            "verified": where.verified,
        },
        f"{connection.name} runs {version} on chain {connection.chain_id}.",
        f"  block {block.number:,}, chain time {local_time(now)} ({drift:+,} s)",
        f"  market {where.market}",
        f"  verified contests {where.verified or 'none'}",
    )


@app.command()
def add(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="What to call the network.")],
    rpc: Annotated[
        list[str] | None,
        typer.Option(
            help="A node's JSON-RPC address; repeat it for those to ask when the"
            " first is not well."
        ),
    ] = None,
    market: Annotated[
        str | None, typer.Option(help="The ModelMarket contract.")
    ] = None,
    verified: Annotated[
        str | None, typer.Option(help="The VerifiedMarket contract, if there is one.")
    ] = None,
    first_block: Annotated[
        int | None, typer.Option(min=0, help="Where the market begins.")
    ] = None,
    gateway: Annotated[
        list[str] | None, typer.Option(help="A trustless gateway; may be repeated.")
    ] = None,
    confirmations: Annotated[
        int | None,
        typer.Option(
            min=0,
            help="Blocks after which one counts as buried: 5, or 0 for the embedded"
            " chain.",
        ),
    ] = None,
    most_fee_gwei: Annotated[
        int | None,
        typer.Option(
            min=1, help="The most that a unit of gas may ever cost: 500, or less."
        ),
    ] = None,
    index: Annotated[
        str | None,
        typer.Option(
            help="Where the index lies: postgresql+psycopg://USER@HOST/DATABASE; a"
            " file in your folder, if not given."
        ),
    ] = None,
) -> None:
    """Join a market on a network, or change how it is reached.

    Of a network that is known already, what is not said stays as it is.

    Example:

        modelmarket node add club --rpc http://10.0.0.5:8545 --market 0xAb…12 --gateway http://10.0.0.5:8080

        modelmarket node add club --rpc http://10.0.0.5:8545 --rpc http://10.0.0.6:8545
    """
    from modelmarket.chain.connection import Connection
    from modelmarket.chain.markets import check_contracts
    from modelmarket.chain.networks import Network, Networks
    from modelmarket.chain.nodes import named
    from modelmarket.errors import InputError
    from modelmarket.index.schema import open_engine
    from modelmarket.protocol.types import checksummed, read_address

    here = Invocation.of(ctx)
    here.refuse_network("NAME, the first argument, is what to call it.")
    home = here.home
    networks = Networks(home.networks)
    known = networks.all().get(name)
    if known is None and not (rpc and market):
        raise InputError(
            f"No network is called {name!r} yet, so its node and market must be said.",
            hint=f"Say: modelmarket node add {name} --rpc ADDRESS --market CONTRACT",
        )
    for contract in filter(None, (market, verified)):
        read_address(contract, "a contract")
    if index:
        open_engine(index).dispose()
    said: dict[str, Any] = {
        "rpc": rpc and rpc[0],
        "other_rpcs": rpc and tuple(rpc[1:]),
        "market": market and checksummed(market),
        "verified": verified and checksummed(verified),
        "first_block": first_block,
        "gateways": gateway and tuple(gateway),
        "confirmations": confirmations,
        "most_fee_gwei": most_fee_gwei,
        "index": index,
    }
    changes = {key: value for key, value in said.items() if value is not None}
    if known is not None and changes.get("market", known.market) != known.market:
        raise InputError(
            f"The network {name!r} is that of the market {known.market}.",
            hint="Give the other market's network another name, or take this one's "
            f"lines out of {home.networks}.",
        )
    network = (
        replace(known, **changes)
        if known is not None
        else Network(name=name, chain_id=0, **changes)
    )
    connection = Connection(*network.rpcs)
    check_contracts(connection, network.contracts)
    if known is not None and connection.chain_id != known.chain_id:
        raise InputError(
            f"{connection.name} is a node of chain {connection.chain_id}; the network "
            f"{name!r} is on chain {known.chain_id}.",
            hint="Give the other chain's network another name.",
        )
    is_embedded = str(connection.ask("web3_clientVersion")).startswith("modelmarket/")
    network = replace(network, chain_id=connection.chain_id)
    if known is None and confirmations is None and is_embedded:
        network = replace(network, confirmations=0)
    home.prepare()
    networks.put(network)
    contests = f", verified contests {network.verified}" if network.verified else ""
    here.output.result(
        asdict(network),
        f"Network {name!r}: market {network.market}{contests} on {connection.name}"
        + "".join(f", else {named(one)}" for one in network.other_rpcs)
        + ".",
    )


@app.command("list")
def list_(ctx: typer.Context) -> None:
    """List the networks of your file.

    Example:

        modelmarket node list
    """
    from modelmarket.chain.networks import Networks
    from modelmarket.chain.nodes import named

    here = Invocation.without_network(ctx)
    networks = Networks(here.home.networks).all().values()
    here.output.table(
        [asdict(one) for one in networks],
        ("network", "node", "chain", "market", "verified contests", "gateways"),
        [
            (
                one.name,
                " ".join(named(rpc) for rpc in one.rpcs),
                one.chain_id,
                one.market,
                one.verified,
                " ".join(one.gateways),
            )
            for one in networks
        ],
        empty="No network yet. Run: modelmarket node start",
    )


@app.command()
def fund(
    ctx: typer.Context,
    address: Annotated[str, typer.Argument(help="Whom to give coin for fees.")],
    rpc: Annotated[
        str, typer.Option(help="The node, where no network is known yet.")
    ] = "",
) -> None:
    """Give an account coin for fees, on the embedded chain.

    Example:

        modelmarket node fund 0x52908400098527886E0F7030069857D2E4169EE7
    """
    from modelmarket.chain.connection import Connection

    here = Invocation.of(ctx)
    connection = Connection(rpc) if rpc else here.profile().connect()
    connection.ask("modelmarket_fund", address)
    here.output.result({"address": address}, f"{address} can pay fees now.")


@app.command("move-clock")
def move_clock(
    ctx: typer.Context,
    seconds: Annotated[int, typer.Argument(help="How far, in seconds.")],
) -> None:
    """Move the clock of a development chain forward.

    The embedded one must have been started with --test-methods.

    Example:

        modelmarket node move-clock 3600
    """
    here = Invocation.of(ctx)
    where = here.profile()
    connection = where.connect()
    connection.ask("evm_increaseTime", seconds)
    connection.ask("evm_mine")
    now = connection.now()
    here.output.result({"time": utc_time(now)}, f"Chain time is {local_time(now)} now.")
