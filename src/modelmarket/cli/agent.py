# SPDX-License-Identifier: Apache-2.0
"""`modelmarket agent`: keeping appointments, and keeping secrets safe."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from modelmarket.cli.context import Invocation
from modelmarket.cli.options import WEBHOOK_VARIABLE, AccountName, MetricsPort, Notify
from modelmarket.system.text import local_time, utc_time

if TYPE_CHECKING:
    from modelmarket.agent import Report, Step

LEAST_POLL_S, MOST_POLL_S = 0.1, 3_600.0

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
    return _step(report.step) | {"done": report.done, "message": str(report)}


@app.command()
def run(
    ctx: typer.Context,
    account: AccountName = None,
    poll: Annotated[
        float,
        typer.Option(
            min=LEAST_POLL_S, max=MOST_POLL_S, help="Seconds between two looks."
        ),
    ] = 2.0,
    notify: Notify = False,
    metrics_port: MetricsPort = 0,
) -> None:
    """Do what is due for your requests and submissions, until interrupted.

    It may be killed and started again at any time, or run twice. What it does
    and what it warns of is printed, with --json as a line each, and posted as
    JSON to the address in MODELMARKET_WEBHOOK (or in the file that
    MODELMARKET_WEBHOOK_FILE names) if there is one.

    Examples:

        modelmarket agent run

        modelmarket agent run --json --metrics-port 9464
    """
    from modelmarket.agent.service import service
    from modelmarket.system.environment import secret_from_environment

    here = Invocation.of(ctx)
    market = here.market(account, sign=True)
    output = here.output
    with service(
        market,
        output.notice,
        webhook_address=secret_from_environment(WEBHOOK_VARIABLE),
        on_desktop=notify,
        metrics_port=metrics_port,
        poll_s=poll,
    ) as running:
        if running.address:
            output.note(f"Figures for Prometheus are at {running.address}.")
        output.note(
            f"Keeping the appointments of {market.wallet.address}; Ctrl+C ends it."
        )
        running.run()


@app.command()
def once(
    ctx: typer.Context,
    account: AccountName = None,
) -> None:
    """Do what is due now, and end.

    Exits with 1 if a step could not be done.

    Example:

        modelmarket agent once
    """
    from modelmarket.agent import run_once

    here = Invocation.of(ctx)
    market = here.market(account, sign=True)
    market.resume()
    reports = run_once(market)
    here.output.result(
        [_report(one) for one in reports],
        *map(str, reports),
    )
    if not reports:
        here.output.none("Nothing is due.")
    if not all(one.done for one in reports):
        raise typer.Exit(1)


def _until(step: Step) -> str:
    """Until when a step can be done, for people."""
    from modelmarket.agent import Kind

    if step.ends:
        return local_time(step.ends)
    # Nobody knows when they close before the truth, or the key, is open.
    return "the claims close" if step.kind is Kind.CLAIM else "whenever"


@app.command()
def plan(
    ctx: typer.Context,
    account: AccountName = None,
) -> None:
    """Show what is due, and what will be.

    Example:

        modelmarket agent plan
    """
    from modelmarket.agent import plan as look_ahead

    here = Invocation.of(ctx)
    steps = look_ahead(here.own_market(account))
    here.output.table(
        [_step(one) for one in steps],
        ("step", "from", "until"),
        [
            (
                one,
                local_time(one.begins) if one.begins else "now",
                _until(one),
            )
            for one in steps
        ],
        empty="Nothing is due, and nothing will be.",
    )
