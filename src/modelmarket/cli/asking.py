# SPDX-License-Identifier: Apache-2.0
"""What whoever sits there is asked: for a passphrase, or for a yes."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

import typer

from modelmarket.errors import ConfirmationError, InputError
from modelmarket.system.text import plain

if TYPE_CHECKING:
    from modelmarket.cli.output import Output

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


_Done = TypeVar("_Done")


def with_consent(act: Callable[..., _Done], output: Output, **given: bool) -> _Done:
    """Does what may want a yes, and asks whoever sits there for it.

    Args:
        act: Is called with what was said yes to, again after each yes.
        output: Where a program may read; nobody is asked then.
        given: What was said yes to on the command line.

    Raises:
        ConfirmationError: There is nobody to ask, or the answer is no.
    """
    while True:
        try:
            return act(**given)
        except ConfirmationError as error:
            is_watched = sys.stdin.isatty() and sys.stdout.isatty()
            if output.as_json or not is_watched or given.get(error.option, True):
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
