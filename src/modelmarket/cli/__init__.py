# SPDX-License-Identifier: Apache-2.0
"""The command line: one file for each noun."""

from __future__ import annotations

import io
import sys

import typer

from modelmarket.cli import (
    account,
    agent,
    airdrop,
    audit,
    dataset,
    demo,
    deploy,
    doctor,
    node,
    request,
    store,
    submission,
    up,
    vault,
)
from modelmarket.cli.ending import hear_signals
from modelmarket.cli.output import Output
from modelmarket.errors import in_words

EVERYWHERE = ("--verbose",)
"""Options of the whole program, which may stand behind a command too."""

app = typer.Typer(
    name="modelmarket",
    help="Buy a machine learning model from whoever can train the best one.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def _show_version(wanted: bool) -> None:
    if wanted:
        from modelmarket import __version__

        Output(as_json=False).result(None, f"modelmarket {__version__}")
        raise typer.Exit


@app.callback()
def options(
    verbose: bool = typer.Option(  # before the command, or behind it
        False, "--verbose", help="Tell in the terminal what goes on, step by step."
    ),
    version: bool = typer.Option(  # it acts when it is read
        False, "--version", callback=_show_version, is_eager=True, help="Show it."
    ),
) -> None:
    """Buy a machine learning model from whoever can train the best one.

    Exit codes: 0 done, 1 failed, 2 wrong input, 3 not found, 4 storage,
    5 chain, 6 refused by the contract, 7 funds, 8 vault, 9 not the time for it.

    What happened is in log/modelmarket.jsonl of your folder, a JSON object a line.
    """
    from modelmarket.system import logs
    from modelmarket.system.home import Home

    del version
    logs.begin(Home.default().log, verbose=verbose)


for noun in (account, agent, dataset, node, request, store, submission, vault):
    app.add_typer(noun.app, name=noun.__name__.rpartition(".")[2])
app.command("airdrop")(airdrop.airdrop)
app.command("submit")(submission.submit)
app.command("deploy")(deploy.deploy)
app.command("demo")(demo.demo)
app.command("audit")(audit.audit)
app.command("doctor")(doctor.doctor)
app.command("up")(up.up)


def hoisted(arguments: list[str]) -> list[str]:
    """The same arguments, with those first that are said to the whole program.

    They may stand anywhere before a bare `--`.
    """
    end = arguments.index("--") if "--" in arguments else len(arguments)
    ours = [one for one in arguments[:end] if one in EVERYWHERE]
    return ours + [one for one in arguments[:end] if one not in ours] + arguments[end:]


def main() -> None:
    """Runs a command; errors are said in words and end with their own code."""
    hear_signals()
    for stream in (sys.stdout, sys.stderr):
        # What a terminal has no sign for is spelled out, and never an error.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        app(hoisted(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:
        known = in_words(error)
        if known is None:
            raise
        Output(as_json="--json" in sys.argv).error(known)
        sys.exit(known.exit_code)
