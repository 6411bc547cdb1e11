# SPDX-License-Identifier: Apache-2.0
"""Options that many commands have, and what they open."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from modelmarket.errors import InputError
from modelmarket.home import Home

if TYPE_CHECKING:
    from modelmarket.chain.networks import Network
    from modelmarket.market import Market

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

DEFAULT_NETWORK = "local"
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
    from modelmarket.market.market import secret_from_environment

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
