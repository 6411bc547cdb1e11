# SPDX-License-Identifier: Apache-2.0
"""`modelmarket up`: the page, the agent and the gateway, in one program."""

from __future__ import annotations

import tempfile
import webbrowser
from contextlib import ExitStack, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from modelmarket.cli.options import (
    DEFAULT_NETWORK,
    AccountName,
    AsJson,
    NetworkName,
    ask_passphrase,
    open_market,
)
from modelmarket.cli.output import Output

if TYPE_CHECKING:
    from modelmarket.web.desk import Desk

DEFAULT_PORT = 8500


def up(
    port: Annotated[int, typer.Option(help="On loopback.")] = DEFAULT_PORT,
    gateway_port: Annotated[
        int, typer.Option(help="Of your store's gateway; 0 for any.")
    ] = 0,
    no_browser: Annotated[
        bool, typer.Option("--no-browser", help="Print the address, open nothing.")
    ] = False,
    demo: Annotated[
        bool, typer.Option("--demo", help="A market to play with, and two robots.")
    ] = False,
    account: AccountName = None,
    network: NetworkName = DEFAULT_NETWORK,
    as_json: AsJson = False,
) -> None:
    """Open the market in your browser; the agent works as long as it runs.

    With --demo everything is on this computer and gone afterwards: a chain, a
    store, an account with MDC, and two robots that train models for you.

    Examples:

        modelmarket up

        modelmarket up --demo

        modelmarket up --network club --no-browser --port 8600
    """
    from modelmarket.serving import serving
    from modelmarket.storage.gateway import application
    from modelmarket.web.server import running_page

    output = Output(as_json=as_json)
    with ExitStack() as closing:
        folder = tempfile.TemporaryDirectory(prefix="modelmarket-up-") if demo else None
        scratch = closing.enter_context(folder or nullcontext(""))
        desk = (
            _demo_desk(Path(scratch), closing)
            if demo
            else _desk(network, account, closing)
        )
        gateway = closing.enter_context(
            serving(application(desk.market.store), port=gateway_port)
        )
        page = closing.enter_context(running_page(desk, port=port))
        output.result(
            {"address": page.address, "link": page.link, "gateway": gateway},
            f"The market is open at {page.link}",
            f"Your store's gateway answers at {gateway}; Ctrl+C ends both.",
        )
        if not no_browser:
            webbrowser.open(page.link)
        while True:
            _unlock_next(desk, output)


def _unlock_next(desk: Desk, output: Output) -> None:
    """Waits until the page asks for a key, and asks for its passphrase here."""
    from modelmarket.errors import InputError

    address = desk.keyring.next_asked()
    output.note(f"The page asks to sign with {address}.")
    try:
        with desk.keyring.answering(address):
            desk.keyring.unlock(address, ask_passphrase())
    except InputError as error:
        output.error(error)
        output.note("Choose it in the page once more to try again.")
    else:
        output.note(f"{address} is unlocked.")
    desk.changed()


def _desk(network: str, account: str | None, closing: ExitStack) -> Desk:
    from modelmarket.web.desk import Desk

    market = open_market(network, account, sign=True)
    closing.callback(market.index.close)
    return Desk(market)


def _demo_desk(folder: Path, closing: ExitStack) -> Desk:
    from modelmarket.demo.people import stage
    from modelmarket.demo.robots import ROBOTS, robot
    from modelmarket.web.desk import Desk

    here = closing.enter_context(stage(folder))
    you = here.invite("you")
    for recipe in ROBOTS:
        closing.enter_context(robot(here.invite(recipe.name), recipe))
    you.market.claim_airdrop()
    return Desk(you.market, move_clock=here.move_to)
