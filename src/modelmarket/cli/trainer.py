# SPDX-License-Identifier: Apache-2.0
"""`modelmarket trainer`: entering requests by oneself."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from modelmarket.cli.context import Invocation
from modelmarket.cli.options import WEBHOOK_VARIABLE, AccountName, read, read_any
from modelmarket.system.text import utc_time

if TYPE_CHECKING:
    from modelmarket.agent.trainer import Decision, Rules, Trainer
    from modelmarket.cli.output import Output
    from modelmarket.market import Market
    from modelmarket.protocol.types import Wei

LEAST_POLL_S, MOST_POLL_S = 0.1, 3_600.0
END_S = 20.0
"""The agent is waited for so long in the end."""

app = typer.Typer(help="Enter requests with models trained here.", no_args_is_help=True)


@app.command()
def run(
    ctx: typer.Context,
    least_reward: Annotated[
        str, typer.Option(help="MDC that a request must promise.")
    ] = "0",
    most_stake: Annotated[
        str, typer.Option(help="MDC that are staked on one request.")
    ] = "20",
    most_locked: Annotated[
        str, typer.Option(help="MDC that are at stake at once.")
    ] = "100",
    most_fees: Annotated[
        str | None,
        typer.Option(
            help="Of the chain's own coin, for all entries of this run; as many as it"
            " takes if not given."
        ),
    ] = None,
    most_rows: Annotated[
        int, typer.Option(min=1, help="Training rows, and test rows.")
    ] = 1_000_000,
    most_classes: Annotated[
        int, typer.Option(min=2, help="Of a request for classes.")
    ] = 1_000,
    most_megabytes: Annotated[
        int, typer.Option(min=1, help="Of a request's files.")
    ] = 1_000,
    least_gap: Annotated[
        float,
        typer.Option(
            help="Points above the quick baseline: per cent of the rows, or of numbers"
            " per cent of its error."
        ),
    ] = 0.0,
    seconds: Annotated[
        float, typer.Option(min=1, help="Of training for one request.")
    ] = 60.0,
    kind: Annotated[
        str, typer.Option(help="`verified` or `prediction`; both if not given.")
    ] = "",
    plugin: Annotated[
        str, typer.Option(metavar="NAME", help="Who trains: an installed plug-in.")
    ] = "portfolio",
    threads: Annotated[
        int, typer.Option(min=0, help="At once; 0 for one for each processor.")
    ] = 0,
    once: Annotated[bool, typer.Option("--once", help="Look once, and end.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Decide and train, and stake nothing.")
    ] = False,
    poll: Annotated[
        float,
        typer.Option(
            min=LEAST_POLL_S, max=MOST_POLL_S, help="Seconds between two looks."
        ),
    ] = 5.0,
    account: AccountName = None,
) -> None:
    """Enter every request that fits, with the best of several models.

    Each request is entered once at most, whatever happens: it may be killed and
    started again at any time. It keeps the appointments as well, as `modelmarket
    agent run` does, unless it looks only --once. Every decision is a line, with
    --json an object a line; with --once --json they are one list.

    Models are compared on rows that they have not seen, beside the quick baseline
    of `dataset check`, which is entered where nothing is better. A package with an
    entry point in the group modelmarket.trainers trains in their place.

    With --once it exits with 1 if something failed.

    Examples:

        modelmarket trainer run

        modelmarket trainer run --once --dry-run

        modelmarket trainer run --least-reward 50 --most-stake 5 --kind verified

        modelmarket trainer run --plugin mine --json
    """
    from modelmarket.agent.trainer import Trainer, Verdict
    from modelmarket.agent.trainer import plugin as found
    from modelmarket.agent.trainer import run as go_on

    here = Invocation.of(ctx)
    rules = _rules(
        amounts=(least_reward, most_stake, most_locked),
        most_fees=most_fees,
        most_rows=most_rows,
        most_classes=most_classes,
        megabytes=most_megabytes,
        least_gap=least_gap,
        seconds=seconds,
        kind=kind,
    )
    train = found(plugin)
    output = here.output
    only_looks = once and dry_run
    market = here.own_market(account) if only_looks else here.market(account, sign=True)
    trains = Trainer(
        market,
        rules,
        train=train,
        threads=threads or None,
        is_dry=dry_run,
        show=output.note,
    )
    if once:
        decisions = _looked_once(trains, output)
        if any(one.verdict is Verdict.FAILED for one in decisions):
            raise typer.Exit(1)
        return

    def tell(decision: Decision) -> None:
        now = utc_time(int(time.time()))
        output.event({"time": now, **decision.document()}, f"{now} {decision.message}")

    with _appointments(market, output):
        output.note(f"Training for {market.wallet.address}; Ctrl+C ends it.")
        go_on(trains, tell, poll_s=poll)


def _rules(
    *,
    amounts: tuple[str, str, str],
    most_fees: str | None,
    megabytes: int,
    kind: str,
    **others: Any,
) -> Rules:
    """The rules, of what was said.

    Raises:
        InputError: An amount is none, or there is no such kind.
    """
    from modelmarket.agent.trainer import RequestKind, Rules
    from modelmarket.agent.trainer.rules import MEGABYTE
    from modelmarket.errors import InputError
    from modelmarket.protocol.money import parse_mdc

    names = ("--least-reward", "--most-stake", "--most-locked")
    least_reward, most_stake, most_locked = (
        read(name, parse_mdc, text) for name, text in zip(names, amounts, strict=True)
    )
    kinds = frozenset(RequestKind)
    if kind:
        if kind not in kinds:
            raise InputError(
                f"There is no kind {kind[:40]!r} of request.",
                hint=f"--kind is one of: {', '.join(sorted(kinds))}.",
            )
        kinds = frozenset({RequestKind(kind)})
    fees: Wei | None = read_any("--most-fees", parse_mdc, most_fees)
    return Rules(
        least_reward=least_reward,
        most_stake=most_stake,
        most_locked=most_locked,
        most_fees=fees,
        most_bytes=megabytes * MEGABYTE,
        kinds=kinds,
        **others,
    )


def _looked_once(trains: Trainer, output: Output) -> list[Decision]:
    """Looks once; people read each decision as soon as it is there."""
    decisions = []
    for one in trains.decide():
        decisions.append(one)
        if not output.as_json:
            output.result(None, one.message)
    if output.as_json:
        output.result([one.document() for one in decisions])
    elif not decisions:
        output.none("No request takes submissions.")
    if decisions:
        output.tell("The appointments are kept by `modelmarket agent run`.")
    return decisions


@contextmanager
def _appointments(market: Market, output: Output) -> Iterator[None]:
    """Has the agent keep them beside."""
    from modelmarket.agent.service import service
    from modelmarket.system.environment import secret_from_environment

    stop = threading.Event()
    webhook = secret_from_environment(WEBHOOK_VARIABLE)
    with service(market, output.notice, webhook_address=webhook) as agent:
        thread = threading.Thread(
            target=agent.run, args=(stop,), name="agent", daemon=True
        )
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join(END_S)
