# SPDX-License-Identifier: Apache-2.0
"""The command line: one file for each noun."""

from __future__ import annotations

import gc
import io
import sys
from pathlib import Path
from types import ModuleType

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
    metrics,
    model,
    node,
    reproduce,
    request,
    store,
    submission,
    trainer,
    up,
    vault,
)
from modelmarket.cli.context import DEFAULT_NETWORK, Invocation
from modelmarket.cli.ending import hear_signals
from modelmarket.cli.program import IN_SHORT, Program, help_of, words_for
from modelmarket.errors import InputError
from modelmarket.system.home import VARIABLE, Home

GARBAGE = 20_000
"""Objects that are made before it is looked for what nobody needs any more; Python
says 700."""

app = typer.Typer(
    name="modelmarket",
    cls=Program,
    no_args_is_help=True,
    add_completion=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def _show_version(context: typer.Context, wanted: bool) -> None:
    if wanted:
        from modelmarket import __version__

        Invocation.of(context).output.result(
            {"version": __version__}, f"modelmarket {__version__}"
        )
        raise typer.Exit


@app.callback()
def options(
    context: typer.Context,
    as_json: bool = typer.Option(
        False, "--json", help="Print JSON documents, errors too."
    ),
    quiet: bool = typer.Option(
        False, "--quiet", help="Print results and errors, and nothing else."
    ),
    verbose: bool = typer.Option(
        False, "--verbose", help="Tell in the terminal what goes on, step by step."
    ),
    network: str = typer.Option(
        DEFAULT_NETWORK,
        "--network",
        metavar="NAME",
        envvar="MODELMARKET_NETWORK",
        help="A network of your file.",
    ),
    home: str | None = typer.Option(
        None,
        "--home",
        metavar="PATH",
        envvar=VARIABLE,
        help="Your folder: networks, keys, vault, store, index; ~/.modelmarket"
        " otherwise.",
    ),
    version: bool = typer.Option(  # it acts when it is read
        False, "--version", callback=_show_version, is_eager=True, help="Show it."
    ),
) -> None:
    """Buy a machine learning model from whoever can train the best one.

    All options below but the last four may stand before a command or anywhere
    behind it.

    Exit codes: 0 done, 1 failed, 2 wrong input, 3 not found, 4 storage,
    5 chain, 6 refused by the contract, 7 funds, 8 vault, 9 not the time for it,
    10 a stranger's model that cannot be confined.

    What happened is in log/modelmarket.jsonl of your folder, a JSON object a line.
    """
    from modelmarket.system import logs

    del as_json, version  # the program has read them already
    if quiet and verbose:
        raise InputError("It cannot be quiet and verbose.", hint="Leave one out.")
    invocation = Invocation.of(context)
    invocation.network = network
    source = context.get_parameter_source("network")
    invocation.is_network_named = source is not None and source.name == "COMMANDLINE"
    invocation.home = Home.default() if home is None else _home(home)
    logs.begin(invocation.home.log, verbose=verbose, quiet=quiet)


def _home(named: str) -> Home:
    path = Path(named)
    if not named or (path.exists() and not path.is_dir()):
        raise InputError(
            f"{named!r} is no folder.", hint=f"--home or {VARIABLE} names it."
        )
    return Home(path)


NOUNS = (
    *(account, agent, dataset, model, node, request, store),
    *(submission, trainer, vault),
)
for noun in NOUNS:
    name = noun.__name__.rpartition(".")[2]
    app.add_typer(noun.app, name=name, epilog=IN_SHORT)
request.app.command("metrics")(metrics.metrics)
app.command("airdrop")(airdrop.airdrop)
app.command("submit")(submission.submit)
app.command("deploy")(deploy.deploy)
app.command("demo")(demo.demo)
app.command("audit")(audit.audit)
app.command("reproduce")(reproduce.reproduce)
app.command("doctor")(doctor.doctor)
app.command("up")(up.up)
for group in (app, *(one.typer_instance for one in app.registered_groups)):
    for command in group.registered_commands if group else ():
        command.epilog = IN_SHORT


def _start_quickly() -> None:
    """Leaves out what no command needs, and what most end before it would help."""
    # perf: httpx draws in rich and pygments for a program of its own, if they are
    # there; without that module it does as if they were not. A tenth of a second.
    sys.modules.setdefault("httpx._main", ModuleType("httpx._main"))
    # perf: what modules are made of is never garbage, and is looked through again and
    # again while they are loaded. Another tenth.
    gc.set_threshold(GARBAGE)


def main() -> None:
    """Runs a command; errors are said in words and end with their own code."""
    _start_quickly()
    hear_signals()
    for stream in (sys.stdout, sys.stderr):
        # What a terminal has no sign for is spelled out, and never an error.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    invocation = Invocation()
    try:
        code = app(obj=invocation, prog_name="modelmarket", standalone_mode=False)
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:
        known = words_for(error)
        if known is None:
            raise
        shown = help_of(error)
        if shown and not invocation.output.as_json:
            invocation.output.warn(*shown.splitlines())
        else:
            invocation.output.error(known)
        sys.exit(known.exit_code)
    sys.exit(code or 0)
