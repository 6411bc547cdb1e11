# SPDX-License-Identifier: Apache-2.0
"""Options that many commands have, and what they open."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from modelmarket.errors import ConfirmationError, InputError, ModelMarketError
from modelmarket.system.home import Home
from modelmarket.system.text import plain

if TYPE_CHECKING:
    from modelmarket.chain.networks import Network
    from modelmarket.cli.output import Output
    from modelmarket.market import Market
    from modelmarket.vault.journal import Entry

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
NetworkName = Annotated[
    str,
    typer.Option(
        "--network", envvar="MODELMARKET_NETWORK", help="A network of your file."
    ),
]
AccountName = Annotated[
    str | None,
    typer.Option(
        "--account",
        envvar="MODELMARKET_ACCOUNT",
        help="An account's address, or how it begins.",
    ),
]
RequestNumber = Annotated[int, typer.Argument(metavar="REQUEST", help="Its id.")]
SubmissionNumber = Annotated[int, typer.Argument(metavar="SUBMISSION", help="Its id.")]

Again = Annotated[
    bool, typer.Option("--again", help="Even if it was published or entered before.")
]
AcceptStake = Annotated[
    bool, typer.Option("--accept-stake", help="Even if the stake is above the reward.")
]

Notify = Annotated[bool, typer.Option("--notify", help="Show warnings on the desktop.")]
MetricsPort = Annotated[
    int, typer.Option(help="Serve Prometheus there, on loopback; 0 for not.")
]

DEFAULT_NETWORK = "local"
WEBHOOK_VARIABLE = "MODELMARKET_WEBHOOK"
MOST_SIGNED = 100
"""Transactions that one command may sign."""
VAULT_VARIABLE = "MODELMARKET_PASSPHRASE"
BUNDLE_VARIABLE = "MODELMARKET_BUNDLE_PASSPHRASE"


def ask_passphrase(*, confirm: bool = False, bundle: bool = False) -> str:
    """The passphrase: from the environment, or asked of whoever sits there.

    Args:
        confirm: Have it typed twice.
        bundle: Not the vault's, but a bundle's own.

    Raises:
        InputError: It is nowhere, and there is nobody to ask.
    """
    from modelmarket.system.environment import secret_from_environment

    variable = BUNDLE_VARIABLE if bundle else VAULT_VARIABLE
    known = secret_from_environment(variable)
    if known is not None:
        return known
    if not sys.stdin.isatty():
        raise InputError(
            "A passphrase is needed, and there is nobody to ask.",
            hint=f"Set {variable}, or name a file in {variable}_FILE.",
        )
    what = "The bundle's passphrase" if bundle else "Passphrase"
    return ask_secret(what, confirm=confirm)


def ask_secret(what: str, *, confirm: bool = False) -> str:
    """Asks whoever sits there; nothing of the answer is shown.

    Args:
        what: The question.
        confirm: Have it typed twice.
    """
    _hear_ctrl_c()
    try:
        answer: str = typer.prompt(
            what, hide_input=True, confirmation_prompt=confirm, err=True
        )
    except typer.Abort:
        # The library would end with 1, as if something had failed.
        raise KeyboardInterrupt from None
    return answer


def open_market(network: str, account: str | None = None, *, sign: bool) -> Market:
    """Connects to a market; to sign, the key and the vault are unlocked."""
    from modelmarket.market import Market

    if not sign:
        return Market(Home.default(), profile(network))
    return Market.connect(network, account=account, passphrase=ask_passphrase())


def profile(name: str) -> Network:
    """A network of the user's file."""
    from modelmarket.chain.networks import Networks

    return Networks(Home.default().networks).get(name)


_Done = TypeVar("_Done")


def with_consent(act: Callable[..., _Done], *, as_json: bool, **given: bool) -> _Done:
    """Does what may want a yes, and asks whoever sits there for it.

    Args:
        act: Is called with what was said yes to, again after each yes.
        as_json: Whether a program reads; nobody is asked then.
        given: What was said yes to on the command line.

    Raises:
        ConfirmationError: There is nobody to ask, or the answer is no.
    """
    while True:
        try:
            return act(**given)
        except ConfirmationError as error:
            is_watched = sys.stdin.isatty() and sys.stdout.isatty() and not as_json
            if not is_watched or given.get(error.option, True):
                raise
            if not _agrees(error.message):
                raise ConfirmationError(
                    "Nothing was done.", option=error.option, hint=error.hint
                ) from None
            given[error.option] = True


def _agrees(message: str) -> bool:
    _hear_ctrl_c()
    try:
        answer: bool = typer.confirm(f"{plain(message)}\nGo on?", err=True)
    except typer.Abort:
        raise KeyboardInterrupt from None
    return answer


def _hear_ctrl_c() -> None:
    """Lets Ctrl+C end the wait for an answer.

    polars puts a handler of its own before Python's, after which the system goes
    on reading as if nothing had been.
    """
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.getsignal(signal.SIGINT))


class Interruption:
    """Knows what a command has signed, should it be interrupted."""

    def __init__(self) -> None:
        self._market: Market | None = None
        self._before: set[int] = set()

    def watch(self, market: Market) -> None:
        """From here on something may be signed."""
        self._before = {one.id for one in _signed(market)}
        self._market = market

    def lines(self, look: str) -> Iterator[str]:
        """What was sent until now, and what to do about it.

        Args:
            look: The command that shows what became of it.
        """
        from modelmarket.vault.journal import State

        market = self._market
        new = (
            [one for one in _signed(market) if one.id not in self._before]
            if market is not None
            else []
        )
        if not new or market is None:
            yield "Interrupted. Nothing was sent."
            return
        for one in reversed(new):
            assert one.hash is not None, "what was signed has a hash"
            transaction = f"{one.action.what} as 0x{one.hash.hex()}"
            if one.state in (State.SIGNED, State.SENT):
                yield f"Interrupted. {_whereabouts(market, one.hash, transaction)}"
            elif one.state.is_done:
                yield f"Interrupted. {transaction} was sent: block {one.block:,}."
            else:
                yield f"Interrupted. {transaction} was sent: {one.told}."
        yield f"See `{look}` before you do it again."


def _signed(market: Market) -> list[Entry]:
    newest = market.vault.journal.newest(market.network.market, limit=MOST_SIGNED)
    return [one for one in newest if one.hash is not None]


def _whereabouts(market: Market, transaction: bytes, what: str) -> str:
    """What the node knows of a transaction that was signed."""
    try:
        receipt = market.connection.receipt(transaction)
        if receipt is not None:
            return f"{what} is in block {receipt.block:,}."
        if market.connection.nonce(transaction) is not None:
            return f"{what} was sent, and waits for its block."
    except ModelMarketError as error:
        return f"{what} was signed, and may have been sent: {error.message}"
    return f"{what} was signed, and has not reached the node."


@contextmanager
def saying_what_was_sent(output: Output, look: str) -> Iterator[Interruption]:
    """Lets Ctrl+C end a command with a word on what was sent.

    Args:
        output: Where it is said.
        look: The command that shows what became of it.
    """
    interruption = Interruption()
    try:
        yield interruption
    except KeyboardInterrupt:
        output.warn(*interruption.lines(look))
        raise


@contextmanager
def signing(
    network: str, account: str | None, *, as_json: bool, look: str
) -> Iterator[Market]:
    """A market to send something to; Ctrl+C says what was sent.

    Args:
        network: Its name.
        account: Who signs; None for the only one.
        as_json: Whether a program reads.
        look: The command that shows what became of it.
    """
    from modelmarket.cli.output import Output

    with saying_what_was_sent(Output(as_json=as_json), look) as sending:
        market = open_market(network, account, sign=True)
        sending.watch(market)
        yield market
