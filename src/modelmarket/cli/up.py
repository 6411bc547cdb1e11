# SPDX-License-Identifier: Apache-2.0
"""`modelmarket up`: the page, the agent and the gateway, in one program."""

from __future__ import annotations

import os
import select
import sys
import tempfile
import time
from contextlib import ExitStack, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from modelmarket.cli.asking import ask_passphrase, ask_secret
from modelmarket.cli.context import Invocation
from modelmarket.cli.options import (
    MOST_PORT,
    WEBHOOK_VARIABLE,
    AccountName,
    MetricsPort,
    Notify,
)
from modelmarket.cli.output import Output

if TYPE_CHECKING:
    from collections.abc import Callable

    from modelmarket.market import Market
    from modelmarket.protocol.types import Address
    from modelmarket.web.server import Page
    from modelmarket.web.terminal import Wish
    from modelmarket.web.workspace import Workspace

DEFAULT_PORT = 8500
LOOK_S = 0.2
MOST_TYPED_BYTES = 4_096
DEMO_TRAINERS = {"forest": ("forest", "boosting"), "linear": ("linear", "network")}
"""Who trains in the demo, and which families of models beside the quick baseline."""
DEMO_SECONDS = 4.0
"""Somebody is watching, and wants to see them enter."""


def up(
    ctx: typer.Context,
    port: Annotated[
        int, typer.Option(min=0, max=MOST_PORT, help="On loopback.")
    ] = DEFAULT_PORT,
    gateway_port: Annotated[
        int,
        typer.Option(min=0, max=MOST_PORT, help="Of your store's gateway; 0 for any."),
    ] = 0,
    no_browser: Annotated[
        bool, typer.Option("--no-browser", help="Print the address, open nothing.")
    ] = False,
    demo: Annotated[
        bool, typer.Option("--demo", help="A market to play with, and two trainers.")
    ] = False,
    notify: Notify = False,
    metrics_port: MetricsPort = 0,
    account: AccountName = None,
) -> None:
    """Open the market in your browser; the agent works as long as it runs.

    The link that it prints lets one browser in, once; Enter prints a new one.
    What the agent does and what it warns of is printed, too, and posted to the
    address in MODELMARKET_WEBHOOK; see `modelmarket agent run`.

    With --demo everything is on this computer and gone afterwards: a chain, a
    store, an account with MDC, and two trainers that enter what you create.

    Examples:

        modelmarket up

        modelmarket up --demo

        modelmarket up --network club --no-browser --port 8600
    """
    from modelmarket.agent.service import service
    from modelmarket.storage.gateway import application
    from modelmarket.storage.store import Store
    from modelmarket.system.environment import secret_from_environment
    from modelmarket.system.serving import serving
    from modelmarket.web.link_file import LinkFile
    from modelmarket.web.server import running_page
    from modelmarket.web.workspace import POLL_S, Workspace

    here = Invocation.of(ctx)
    output = here.output
    with ExitStack() as closing:
        folder = tempfile.TemporaryDirectory(prefix="modelmarket-up-") if demo else None
        scratch = closing.enter_context(folder or nullcontext(""))
        market, move_clock = (
            _demo_market(Path(scratch), closing)
            if demo
            else (closing.enter_context(here.market(account, sign=True)), None)
        )
        agent = closing.enter_context(
            service(
                market,
                output.notice,
                webhook_address=secret_from_environment(WEBHOOK_VARIABLE),
                on_desktop=notify,
                metrics_port=metrics_port,
                poll_s=POLL_S,
            )
        )
        workspace = Workspace(
            market, service=agent, move_clock=move_clock, is_demo=demo
        )
        gateway = closing.enter_context(
            serving(application(Store(market.home.store)), port=gateway_port)
        )
        file = closing.enter_context(LinkFile(workspace.market.home.scratch()))
        page = closing.enter_context(
            running_page(workspace, port=port, let_in=file.remove)
        )
        output.result(
            {"address": page.address, "link": page.link, "gateway": gateway},
            f"The market is open at {page.link}",
            f"Your store's gateway answers at {gateway}; Ctrl+C ends both.",
        )
        output.tell(*_about_the_link(page))
        if agent.address:
            output.note(f"Figures for Prometheus are at {agent.address}.")
        if not no_browser and not file.open(page.link):
            output.warn("No browser could be opened: open the link yourself.")
        while True:
            # Short sleeps: a wait without an end would not hear Ctrl+C, for
            # polars, once it has run, has system calls restarted after a signal.
            time.sleep(LOOK_S)
            if _is_enter_pressed():
                link = page.new_link()
                output.result({"link": link}, f"For one browser, once: {link}")
            _answer_page(workspace, output)


def _about_the_link(page: Page) -> list[str]:
    name = page.host.partition(":")[0]
    more = "press Enter" if sys.stdin.isatty() else "start this again"
    known = (
        f"A browser that does not find {name} needs '127.0.0.1 {name}' in /etc/hosts; "
        "Chromium and Firefox find it by themselves."
    )
    return [f"The link lets one browser in, once; {more} for a new one.", known]


def _is_enter_pressed() -> bool:
    """Whether somebody typed a line in this terminal, which is taken."""
    if not sys.stdin.isatty():
        return False
    terminal = sys.stdin.fileno()
    try:
        if not _is_foreground(terminal) or not select.select([terminal], [], [], 0)[0]:
            return False
        return bool(os.read(terminal, MOST_TYPED_BYTES))
    except OSError:
        return False


def _is_foreground(terminal: int) -> bool:
    """Whether this program may read here: the system stops one in the background."""
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:
        return True  # a terminal that is not the one which controls this program


def _answer_page(workspace: Workspace, output: Output) -> None:
    """Asks here what the page wants to know, if it wants anything."""
    address = workspace.keyring.asked()
    if address is not None:
        _unlock(workspace, address, output)
    wish = workspace.terminal.asked()
    if wish is not None:
        _fulfil(workspace, wish, output)


def _unlock(workspace: Workspace, address: Address, output: Output) -> None:
    """Asks for a key's passphrase."""
    from modelmarket.errors import InputError

    output.ask(f"The page asks to sign with {address}.")
    try:
        with workspace.keyring.answering(address):
            workspace.keyring.unlock(address, ask_passphrase())
    except InputError as error:
        output.error(error)
        output.note("Choose it in the page once more to try again.")
    else:
        output.note(f"{address} is unlocked.")
    workspace.changed()


def _fulfil(workspace: Workspace, wish: Wish, output: Output) -> None:
    """Asks whether the vault may be written out, or be added to, and does it."""
    from modelmarket.errors import in_words
    from modelmarket.web.terminal import Wish

    said, failure = "It was not done.", None
    output.ask(f"The page asks for {wish.value}.")
    try:
        if not sys.stdin.isatty():
            # Nobody can say yes; a passphrase in the environment is no yes.
            said = (
                "There is nobody to ask: `modelmarket vault backup FILE` and `vault "
                "restore FILE` do it where the vault is."
            )
        elif wish is Wish.BACKUP:
            said = _back_up(workspace) or said
        else:
            said = _restore(workspace) or said
    except Exception as error:
        failure = in_words(error)
        if failure is None:
            raise
        said = str(failure)
    finally:
        workspace.terminal.answered(wish, said)
        workspace.changed()
    if failure is not None:
        output.error(failure)
    else:
        output.result({"message": said}, said)


def _back_up(workspace: Workspace) -> str:
    from modelmarket.errors import InputError
    from modelmarket.vault import backups

    if not _ask_yes("Write all its secrets into an encrypted file?"):
        return ""
    path = Path(_ask_line("A new file", str(_new_backup()))).expanduser()
    if path.exists():
        raise InputError(
            f"{path} exists already.", hint="Ask for it in the page again."
        )
    passphrase = ask_secret("The backup's own passphrase", confirm=True)
    vault = workspace.market.vault
    count = backups.write(path, vault.all(), passphrase, published=vault.published())
    return f"{path} holds {count} secrets."


def _restore(workspace: Workspace) -> str:
    from modelmarket.vault import backups

    if not _ask_yes("Take the secrets of a backup into the vault?"):
        return ""
    path = Path(_ask_line("Its file")).expanduser()
    passphrase = ask_secret("The backup's passphrase")
    count = backups.read(path, passphrase).restore(workspace.market.vault)
    return f"{count} secrets of {path} are in the vault."


def _new_backup() -> Path:
    """A path that is not there yet, for a backup of today."""
    stem = f"modelmarket-backup-{time.strftime('%Y-%m-%d')}"
    names = (f"{stem}{f'-{n}' if n > 1 else ''}.json" for n in range(1, 10_000))
    return next(path for name in names if not (path := Path.cwd() / name).exists())


def _ask_yes(question: str) -> bool:
    try:
        return typer.confirm(question, default=False, err=True)
    except typer.Abort:
        raise KeyboardInterrupt from None


def _ask_line(question: str, default: str | None = None) -> str:
    try:
        answer: str = typer.prompt(question, default=default, err=True)
    except typer.Abort:
        raise KeyboardInterrupt from None
    return answer.strip()


def _demo_market(
    folder: Path, closing: ExitStack
) -> tuple[Market, Callable[[int], None]]:
    """A market of one's own with trainers on it, and what moves its clock."""
    from functools import partial

    from modelmarket.agent.trainer import Rules, Trainer, beside
    from modelmarket.chain.networks import Networks
    from modelmarket.chain.wallets import Keystores
    from modelmarket.demo.models import require_libraries
    from modelmarket.market.training import train
    from modelmarket.protocol.money import ONE_MDC
    from modelmarket.protocol.types import Wei
    from modelmarket.sandbox import Sandbox, sandbox
    from modelmarket.web.workspace import OF_PLAY

    require_libraries()
    # All that is wanted is entered: what is staked here is worth nothing.
    airdrop = Wei(1_000 * ONE_MDC)
    rules = Rules(most_stake=airdrop, most_locked=airdrop, seconds=DEMO_SECONDS)
    here = closing.enter_context(sandbox(folder, Sandbox))
    you = here.invite("you", passphrase=OF_PLAY)
    # What the page says in Python and in commands is run in another program.
    home = you.market.home
    Keystores(home.keystores).add(you.market.wallet, OF_PLAY)
    for name, families in DEMO_TRAINERS.items():
        market = here.invite(name).market
        market.claim_airdrop()
        trainer = Trainer(market, rules, train=partial(train, only=families))
        closing.enter_context(beside(trainer))
    you.market.claim_airdrop()
    Networks(home.networks).put(here.network)
    return you.market, here.move_to
