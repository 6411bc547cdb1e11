# SPDX-License-Identifier: Apache-2.0
"""`modelmarket request`: what a requester does, and what anybody can see."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from modelmarket.cli.asking import with_consent
from modelmarket.cli.context import Invocation
from modelmarket.cli.dataset import (
    DataPath,
    Delimiter,
    Encoding,
    FractionText,
    Header,
    LabelColumn,
    LabelsPath,
    Stratified,
    open_source,
)
from modelmarket.cli.interruption import saying_what_was_sent
from modelmarket.cli.options import AcceptStake, AccountName, Again, RequestNumber
from modelmarket.index.sorting import Sort
from modelmarket.system.files import free_path
from modelmarket.system.text import in_a_line, local_time, percent, utc_time

if TYPE_CHECKING:
    from modelmarket.market import Request

app = typer.Typer(help="Create, follow and end requests.", no_args_is_help=True)


def as_document(request: Request) -> dict[str, Any]:
    """A request as programs read it."""
    position, record = request.position(), request.record
    return {
        "id": request.id,
        "phase": position.phase.name,
        "overdue": position.overdue,
        "step_ends": utc_time(position.step_ends) if position.step_ends else None,
        "status": request.status(),
        "requester": record.requester,
        "name": record.terms.name,
        "context": record.terms.context,
        "dataset": record.terms.dataset,
        "reward_wei": str(record.terms.reward),
        "stake_wei": str(record.terms.stake),
        "price_of_delay": percent(record.terms.price_of_delay),
        "labels": record.terms.labels,
        "bits": record.terms.bits,
        "minimum_matches": record.terms.minimum_matches,
        "deadline": utc_time(record.deadline),
        "response_window_s": record.terms.response_window_s,
        "submissions": len(record.submissions),
        "live": record.live,
        "winner": record.winner or None,
        "model": record.model or None,
        "ranking": [
            {"submission": one.id, "trainer": one.trainer, "matches": one.score}
            for one in record.ranking
        ],
    }


@app.command()
def create(
    ctx: typer.Context,
    data: DataPath,
    reward: Annotated[str, typer.Option(help="MDC for the best model.")],
    label: LabelColumn = None,
    labels: LabelsPath = None,
    name: Annotated[str, typer.Option(help="At most 64 bytes.")] = "",
    context: Annotated[str, typer.Option(help="What the data are; 1,024 bytes.")] = "",
    minutes: Annotated[str, typer.Option(help="Until the deadline.")] = "60",
    response_minutes: Annotated[
        str, typer.Option(help="For each step after it.")
    ] = "15",
    stake: Annotated[
        str | None,
        typer.Option(
            help="MDC for each submission; if not given, what makes a false claim"
            " cost 4% of the reward for each hour by which it delays."
        ),
    ] = None,
    threshold: Annotated[
        str | None,
        typer.Option(help="Least accuracy that earns the reward: 0.9 or 90%."),
    ] = None,
    fraction: FractionText = "0.2",
    stratified: Stratified = False,
    again: Again = False,
    accept_stake: AcceptStake = False,
    header: Header = None,
    delimiter: Delimiter = None,
    encoding: Encoding = None,
    account: AccountName = None,
) -> None:
    """Publish data, seal the test labels and lock a reward.

    The test labels never leave this machine but sealed. The agent opens them
    when it is time: keep `modelmarket agent run` running.

    Examples:

        modelmarket request create data.csv --label digit --reward 100 --minutes 60

        modelmarket request create data.csv --labels labels.csv --reward 50
    """
    from modelmarket.datasets.split import parse_accuracy, parse_fraction
    from modelmarket.protocol.money import format_mdc, parse_mdc
    from modelmarket.protocol.terms import parse_minutes

    here = Invocation.of(ctx)
    amount = parse_mdc(reward)
    window, response = parse_minutes(minutes), parse_minutes(response_minutes)
    accuracy = None if threshold is None else parse_accuracy(threshold)
    share = parse_fraction(fraction)
    locked = None if stake is None else parse_mdc(stake)
    output = here.output
    with saying_what_was_sent(output, "modelmarket request list --mine") as sending:
        source = open_source(data, label, labels, header, delimiter, encoding)
        market = here.market(account, sign=True)
        sending.watch(market)

        def act(*, again: bool, accept_stake: bool) -> Request:
            with output.progress() as advance:
                return market.create_request(
                    source,
                    reward=amount,
                    stake=locked,
                    name=name,
                    context=context,
                    submission_window_s=window,
                    response_window_s=response,
                    threshold=accuracy,
                    fraction=share,
                    stratified=stratified,
                    progress=advance,
                    again=again,
                    accept_stake=accept_stake,
                )

        request = with_consent(act, output, again=again, accept_stake=accept_stake)
    terms = request.terms
    output.result(
        as_document(request),
        f"Request {request.id}: {format_mdc(terms.reward)} MDC are locked until "
        f"{local_time(request.record.deadline)}.",
        f"  dataset {terms.dataset}",
        f"  {terms.labels:,} test labels are sealed in your vault",
        f"  each submission stakes {format_mdc(terms.stake)} MDC: a false claim costs "
        f"{percent(terms.price_of_delay)} of the reward for each hour of delay",
    )
    output.tell(
        "Serve the data with `modelmarket store serve`, and keep the appointments "
        "with `modelmarket agent run`.",
    )


@app.command("list")
def list_(
    ctx: typer.Context,
    mine: Annotated[bool, typer.Option("--mine", help="Only yours.")] = False,
    live: Annotated[bool, typer.Option("--live", help="Only ones going on.")] = False,
    search: Annotated[str, typer.Option(help="Words in the name.")] = "",
    sort: Annotated[Sort, typer.Option(help="What comes first.")] = Sort.NEWEST,
    limit: Annotated[int, typer.Option(help="At most so many.")] = 50,
    account: AccountName = None,
) -> None:
    """List requests.

    Examples:

        modelmarket request list --live --sort reward

        modelmarket request list --search digits --json
    """
    from modelmarket.protocol.money import format_mdc

    here = Invocation.of(ctx)
    market = here.market(account, sign=mine)
    requests = market.requests(
        mine=mine,
        is_final=False if live else None,
        search=search,
        sort=sort,
        limit=limit,
    )
    here.output.table(
        [as_document(one) for one in requests],
        ("id", "phase", "name", "reward", "stake", "entries", "test rows", "deadline"),
        [
            (
                one.id,
                one.position().phase.name,
                one.terms.name,
                format_mdc(one.terms.reward),
                format_mdc(one.terms.stake),
                len(one.record.submissions),
                f"{one.terms.labels:,}",
                local_time(one.record.deadline),
            )
            for one in requests
        ],
        empty=(
            "No request is like that."
            if mine or live or search
            else "No request yet. Make one with: modelmarket request create"
        ),
    )
    here.output.advise(
        *(
            f"Request {number} is set aside; why: modelmarket request show {number}"
            for number in market.set_aside()
        )
    )


@app.command()
def show(
    ctx: typer.Context,
    request: RequestNumber,
) -> None:
    """Show a request: its phase, what comes next, and the ranking.

    Example:

        modelmarket request show 7
    """
    from modelmarket.protocol.money import format_mdc

    here = Invocation.of(ctx)
    found = here.market(sign=False).request(request)
    output, terms = here.output, found.terms
    if output.as_json:
        output.result(as_document(found))
        return
    output.result(
        None,
        f"Request {found.id}: {in_a_line(terms.name) or 'without a name'}",
        f"  {found.position().phase.name}: {found.status()}",
        f"  reward {format_mdc(terms.reward)} MDC, stake {format_mdc(terms.stake)} MDC "
        f"({percent(terms.price_of_delay)} of the reward for each hour of delay)",
        f"  {terms.labels:,} test rows, at least {terms.minimum_matches:,} matches",
        f"  deadline {local_time(found.record.deadline)}, "
        f"{terms.response_window_s:,} s for each step after it",
        f"  dataset {in_a_line(terms.dataset)}",
        *(f"  {line}" for line in terms.context.splitlines()),
        *([f"  model {in_a_line(found.record.model)}"] if found.record.model else []),
    )
    output.table(
        None,
        ("place", "submission", "name", "trainer", "matches", "accuracy", "state"),
        [
            (
                place,
                one.id,
                one.record.name,
                one.record.trainer,
                f"{one.record.score or 0:,}",
                f"{(one.record.score or 0) / terms.labels:.2%}",
                one.record.status.name.lower(),
            )
            for place, one in enumerate(found.ranking(), 1)
        ],
        empty="  nobody has claimed",
    )


@app.command()
def cancel(
    ctx: typer.Context,
    request: RequestNumber,
    max_live: Annotated[
        int, typer.Option(help="Most live submissions that may share the reward.")
    ] = 0,
    account: AccountName = None,
) -> None:
    """Cancel your request. Live submissions share the reward.

    Examples:

        modelmarket request cancel 7

        modelmarket request cancel 7 --max-live 3
    """
    here = Invocation.of(ctx)
    look = f"modelmarket request show {request}"
    with here.signing(account, look=look) as market:
        found = market.request(request)
        found.refuse_if_ended()
        found.cancel(max_live=max_live)
    done = found.refresh()
    here.output.result(as_document(done), done.status())


@app.command("open")
def open_(
    ctx: typer.Context,
    request: RequestNumber,
    account: AccountName = None,
) -> None:
    """Open the truth of your request. The agent does this by itself.

    Example:

        modelmarket request open 7
    """
    here = Invocation.of(ctx)
    look = f"modelmarket request show {request}"
    with here.signing(account, look=look) as market:
        found = market.request(request)
        found.open_truth()
    done = found.refresh()
    here.output.result(as_document(done), done.status())


@app.command()
def enforce(
    ctx: typer.Context,
    request: RequestNumber,
    account: AccountName = None,
) -> None:
    """Take the one step that is due because somebody missed it.

    Example:

        modelmarket request enforce 7
    """
    here = Invocation.of(ctx)
    look = f"modelmarket request show {request}"
    with here.signing(account, look=look) as market:
        found = market.request(request)
        found.enforce()
    done = found.refresh()
    here.output.result(as_document(done), done.status())


@app.command()
def model(
    ctx: typer.Context,
    request: RequestNumber,
    destination: Annotated[
        Path, typer.Argument(help="A folder that is not there yet.")
    ],
) -> None:
    """Fetch the winner's model, each block checked. It is not run.

    Example:

        modelmarket request model 7 model/
    """
    here = Invocation.of(ctx)
    free_path(destination)
    found = here.market(sign=False).request(request)
    path = found.fetch_model(destination)
    here.output.result(
        {"path": str(path), "cid": found.record.model},
        f"{path} holds {found.record.model}.",
    )
