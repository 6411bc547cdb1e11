# SPDX-License-Identifier: Apache-2.0
"""`modelmarket agent`: keeping appointments, and keeping secrets safe."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

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
from modelmarket.home import Home
from modelmarket.text import local_time, utc_time

if TYPE_CHECKING:
    from modelmarket.agent import Report, Step
    from modelmarket.vault.vault import Vault

app = typer.Typer(help="Do what is due, in time.", no_args_is_help=True)


def _step(step: Step) -> dict[str, Any]:
    return {
        "step": step.kind.value,
        "request": step.request_id,
        "submission": step.submission_id or None,
        "begins": utc_time(step.begins),
        "ends": utc_time(step.ends) if step.ends else None,
    }


def _report(report: Report) -> dict[str, Any]:
    return _step(report.step) | {"done": report.done, "message": report.message}


@app.command()
def run(
    account: AccountName = None,
    network: NetworkName = DEFAULT_NETWORK,
    poll: Annotated[float, typer.Option(help="Seconds between two looks.")] = 2.0,
    as_json: AsJson = False,
) -> None:
    """Do what is due for your requests and submissions, until interrupted.

    It may be killed and started again at any time, or run twice.

    Example:

        modelmarket agent run
    """
    from modelmarket.agent import run as keep

    market = open_market(network, account, sign=True)
    output = Output(as_json=as_json)

    def tell(report: Report) -> None:
        if as_json:
            print(json.dumps(_report(report)), flush=True)  # noqa: T201  # a line for each
        else:
            output.result(None, f"{report.step}: {report.message}")

    output.note(f"Keeping the appointments of {market.wallet.address}; Ctrl+C ends it.")
    keep(market, tell=tell, poll_s=poll)


@app.command()
def once(
    account: AccountName = None,
    network: NetworkName = DEFAULT_NETWORK,
    as_json: AsJson = False,
) -> None:
    """Do what is due now, and end.

    Exits with 1 if a step could not be done.

    Example:

        modelmarket agent once
    """
    from modelmarket.agent import run_once

    market = open_market(network, account, sign=True)
    market.resume()
    reports = run_once(market)
    Output(as_json=as_json).result(
        [_report(one) for one in reports],
        *(f"{one.step}: {one.message}" for one in reports),
        *([] if reports else ["Nothing is due."]),
    )
    if not all(one.done for one in reports):
        raise typer.Exit(1)


@app.command()
def plan(
    account: AccountName = None,
    network: NetworkName = DEFAULT_NETWORK,
    as_json: AsJson = False,
) -> None:
    """Show what is due, and what will be.

    Example:

        modelmarket agent plan
    """
    from modelmarket.agent import plan as look_ahead

    steps = look_ahead(open_market(network, account, sign=True))
    Output(as_json=as_json).table(
        [_step(one) for one in steps],
        ("step", "from", "until"),
        [
            (
                one,
                local_time(one.begins) if one.begins else "now",
                local_time(one.ends) if one.ends else "whenever",
            )
            for one in steps
        ],
        empty="Nothing is due, and nothing will be.",
    )


def _vault() -> Vault:
    from modelmarket.vault.vault import Vault

    home = Home.default()
    home.prepare()
    return Vault(home.vault, ask_passphrase())


@app.command()
def backup(
    path: Annotated[Path, typer.Argument(help="A file that is not there yet.")],
    as_json: AsJson = False,
) -> None:
    """Write a backup of the vault's secrets, encrypted under its passphrase.

    Example:

        modelmarket agent backup vault-backup.json
    """
    count = _vault().export(path, ask_passphrase())
    Output(as_json=as_json).result(
        {"path": str(path), "secrets": count}, f"{path} holds {count} secrets."
    )


@app.command()
def restore(
    path: Annotated[Path, typer.Argument(help="A backup's file.")],
    as_json: AsJson = False,
) -> None:
    """Take a backup's secrets into the vault; what is there stays.

    Example:

        modelmarket agent restore vault-backup.json
    """
    count = _vault().restore(path, ask_passphrase())
    Output(as_json=as_json).result(
        {"secrets": count}, f"{count} secrets are in the vault."
    )
