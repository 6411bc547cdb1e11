# SPDX-License-Identifier: Apache-2.0
"""The whole program: its own options, wherever they stand, and what it refuses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import typer
from typer.core import TyperGroup

from modelmarket.cli.context import Invocation
from modelmarket.cli.output import Output
from modelmarket.errors import InputError, ModelMarketError, in_words

EVERYWHERE = "Global options, before or behind the command"
IN_SHORT = (
    f"{EVERYWHERE}: --json, --quiet, --verbose, --network NAME, --home PATH;"
    " see modelmarket --help."
)


class Program(TyperGroup):
    """All commands, and the options of the whole program.

    Those may stand before a command, behind it, or among its own. They are told
    to the program before any command is looked for, so that a mistake anywhere
    is said in the form that was asked for.
    """

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Reads the program's options; the rest is the command's."""
        ours, rest = self.apart(args)
        invocation = ctx.ensure_object(Invocation)
        named = {option[0].partition("=")[0] for option in ours}
        as_json, quiet = "--json" in named, "--quiet" in named
        if as_json or quiet:
            invocation.output = Output(as_json=as_json, quiet=quiet)
        said = [word for option in ours for word in option]
        if ours and self._lacks_value(ours[-1]):
            rest = []  # else the next word would be taken for it
        return super().parse_args(ctx, [*said, *rest])

    def apart(self, arguments: Sequence[str]) -> tuple[list[list[str]], list[str]]:
        """The program's options, with their values, and all the other words.

        Nothing behind a bare `--` is the program's, and no value of a command's
        own option: `request create … --name --json` makes a request whose name is
        `--json`, as if the program had no such option. `--network --json` likewise
        names a network, however unlikely it is.
        """
        ours: list[list[str]] = []
        rest: list[str] = []
        here: Any = self
        words = iter(arguments)
        for word in words:
            if word == "--":
                rest += [word, *words]
                break
            name, is_whole, _ = word.partition("=")
            is_ours = any(name in one.opts for one in self.everywhere())
            taken = [word]
            if not is_whole and _takes_value(self if is_ours else here, name):
                taken += [one for one in [next(words, None)] if one is not None]
            if is_ours:
                ours.append(taken)
                continue
            rest += taken
            if not word.startswith("-"):
                here = getattr(here, "commands", {}).get(word, here)
        return ours, rest

    def everywhere(self) -> list[Any]:
        """The options that may stand anywhere."""
        return [one for one in self.params if not one.is_eager and one.expose_value]

    def _lacks_value(self, option: list[str]) -> bool:
        return len(option) == 1 and _takes_value(self, option[0])


def _takes_value(command: Any, name: str) -> bool:
    """Whether the word behind an option of a command is its value."""
    return any(
        name in one.opts and not getattr(one, "is_flag", True) for one in command.params
    )


def words_for(error: Exception) -> ModelMarketError | None:
    """Whatever ended a command, as an error of ours; None for a bug."""
    if isinstance(error, typer.Abort):
        return InputError("The input ended before everything was answered.")
    if isinstance(error, typer.TyperException):
        return _refusal(error)
    return in_words(error)


def help_of(error: Exception) -> str:
    """The help of a noun that stood alone, so that people see what there is."""
    context = getattr(error, "ctx", None)
    if isinstance(error, typer.TyperException) and context is not None:
        return error.message if error.message == context.get_help() else ""
    return ""


def _refusal(error: typer.TyperException) -> ModelMarketError:
    """What the parser of arguments does not take."""
    message = error.format_message() if not help_of(error) else "Missing command."
    # Choices come line by line, and what a value is not after a preamble.
    message = " ".join(message.split()).replace(": Value error, ", ": ")
    if not message.endswith((".", "?")):
        message += "."
    context = getattr(error, "ctx", None)
    if context is None:
        return InputError(message, hint="`modelmarket --help` says more.")
    usage = " ".join(context.get_usage().split())
    hint = f"{usage}; `{context.command_path} --help` says more."
    return InputError(message, hint=hint)
