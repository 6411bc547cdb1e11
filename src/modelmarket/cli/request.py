# SPDX-License-Identifier: Apache-2.0
"""`modelmarket request`: what a requester does, and what anybody can see."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from modelmarket.cli import documents
from modelmarket.cli.asking import with_consent
from modelmarket.cli.context import Invocation
from modelmarket.cli.dataset import (
    DEFAULT_WIDTH,
    BinCount,
    DataPath,
    Delimiter,
    Description,
    Encoding,
    ErrorKind,
    Even,
    EvenBins,
    FileColumn,
    FilesIn,
    FractionText,
    Group,
    Header,
    LabelColumn,
    LabelsPath,
    Licence,
    ModelLicence,
    NumberBits,
    Scale,
    Stratified,
    Time,
    Width,
    open_source,
    read_about,
    refuse_bins,
    refuse_without_verified,
)
from modelmarket.cli.interruption import saying_what_was_sent
from modelmarket.cli.kinds import verified_only
from modelmarket.cli.options import (
    AcceptStake,
    AccountName,
    Again,
    RequestNumber,
    read,
    read_any,
)
from modelmarket.index.sorting import Sort
from modelmarket.system.files import free_path
from modelmarket.system.text import duration, in_a_line, local_time, percent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from modelmarket.market import Request, VerifiedRequest
    from modelmarket.protocol.types import RequestId

app = typer.Typer(help="Create, follow and end requests.", no_args_is_help=True)


@app.command()
def create(
    ctx: typer.Context,
    data: DataPath,
    reward: Annotated[str, typer.Option(help="MDC for the best model.")],
    label: LabelColumn = None,
    labels: LabelsPath = None,
    name: Annotated[str, typer.Option(help="At most 64 bytes.")] = "",
    context: Annotated[str, typer.Option(help="What the data are; 1,024 bytes.")] = "",
    description: Description = None,
    licence: Licence = "",
    model_licence: ModelLicence = "",
    minutes: Annotated[
        str, typer.Option(help="Until the deadline; or such as 36h or `3 days`.")
    ] = "60",
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
    group: Group = None,
    time: Time = None,
    again: Again = False,
    verified: Annotated[
        bool,
        typer.Option(
            "--verified",
            help="Hide the test rows too, and buy the model itself: the chain ties it"
            " to its score.",
        ),
    ] = False,
    challenge_minutes: Annotated[
        str | None,
        typer.Option(
            help="With --verified: in which a shown model can be refuted; four times"
            " the response, if not given."
        ),
    ] = None,
    width: Width = DEFAULT_WIDTH,
    even: Even = False,
    balanced: Annotated[
        bool,
        typer.Option(
            "--balanced",
            help="With --verified: count every class alike, however rare.",
        ),
    ] = False,
    error: ErrorKind = None,
    scale: Scale = None,
    most_error: Annotated[
        str | None,
        typer.Option(
            help="With --error: the largest mean error that earns the reward, or root"
            " of mean squares."
        ),
    ] = None,
    bits: NumberBits = None,
    bins: BinCount = None,
    even_bins: EvenBins = False,
    files: FileColumn = None,
    files_in: FilesIn = None,
    accept_stake: AcceptStake = False,
    accept_findings: Annotated[
        bool,
        typer.Option(
            "--accept-findings",
            help="Even if something about the table is hardly meant; see `dataset"
            " check`.",
        ),
    ] = False,
    accept_threshold: Annotated[
        bool,
        typer.Option(
            "--accept-threshold", help="Even if no model is needed to reach it."
        ),
    ] = False,
    accept_window: Annotated[
        bool,
        typer.Option(
            "--accept-window",
            help="Even if a window is shorter than the chain takes to be final.",
        ),
    ] = False,
    header: Header = None,
    delimiter: Delimiter = None,
    encoding: Encoding = None,
    account: AccountName = None,
) -> None:
    """Publish data, seal the test labels and lock a reward.

    The test labels never leave this machine but sealed. The agent opens them
    when it is time: keep `modelmarket agent run` running.

    With --verified the test rows are hidden as well, and trainers seal exact models:
    what you get is what scored. Labels may be numbers then: say with --error how
    wrong ones count. Without, numbers are put into bins: say with --bins into how many.

    Examples:

        modelmarket request create data.csv --label digit --reward 100 --verified

        modelmarket request create houses.csv --label price --reward 100 --verified
            --error absolute

        modelmarket request create data.csv --label digit --reward 100 --minutes 60

        modelmarket request create houses.csv --label price --reward 100 --bins 20

        modelmarket request create data.csv --labels labels.csv --reward 50

        modelmarket request create dogs.csv --label breed --reward 100
            --files photo --files-in photos

        modelmarket request create data.csv --label digit --reward 100
            --description about.md --licence CC-BY-4.0 --model-licence Apache-2.0
    """
    from modelmarket.datasets.shares import (
        parse_accuracy,
        parse_fraction,
        parse_number,
    )
    from modelmarket.protocol.money import format_mdc, parse_mdc
    from modelmarket.protocol.terms import parse_duration

    here = Invocation.of(ctx)
    # Before anything is read or unlocked.
    read("--reward", parse_mdc, reward)
    read_any("--stake", parse_mdc, stake)
    window = read("--minutes", parse_duration, minutes)
    response = read("--response-minutes", parse_duration, response_minutes)
    accuracy = read_any("--threshold", parse_accuracy, threshold)
    share = read("--fraction", parse_fraction, fraction)
    challenge = read_any("--challenge-minutes", parse_duration, challenge_minutes)
    numbers: dict[str, Any] = {
        "error": error,
        "scale": read_any("--scale", parse_number, scale),
        "most_error": read_any("--most-error", parse_number, most_error),
        "bits": bits,
    }
    if verified:
        refuse_bins(bins, even_bins=even_bins)
    else:
        refuse_without_verified(
            challenge_minutes=challenge,
            width=None if width == DEFAULT_WIDTH else width,
            even=even or None,
            balanced=balanced or None,
            **numbers,
        )
    about = read_about(description, licence, model_licence)
    output = here.output
    with saying_what_was_sent(output, "modelmarket request list --mine") as sending:
        source = open_source(
            data, label, labels, header, delimiter, encoding, files, files_in
        )
        market = here.market(account, sign=True)
        sending.watch(market)

        def act(**yes: bool) -> Request | VerifiedRequest:
            with output.progress() as advance:
                said: dict[str, Any] = {
                    "reward": reward,
                    "stake": stake,
                    "name": name,
                    "context": context,
                    "description": about.description,
                    "licence": about.licence,
                    "model_licence": about.model_licence,
                    "submission_window_s": window,
                    "response_window_s": response,
                    "threshold": accuracy,
                    "fraction": share,
                    "stratified": stratified,
                    "group": group,
                    "time": time,
                    "progress": advance,
                    **yes,
                }
                if not verified:
                    return market.create_request(
                        source, bins=bins, even_bins=even_bins, **said
                    )
                return market.create_contest(
                    source,
                    challenge_window_s=challenge,
                    width=width,
                    even=even,
                    balanced=balanced,
                    warn=output.warn,
                    **numbers,
                    **said,
                )

        request = with_consent(
            act,
            output,
            again=again,
            accept_stake=accept_stake,
            accept_findings=accept_findings,
            accept_threshold=accept_threshold,
            accept_window=accept_window,
        )
    output.result(
        documents.of_request(request),
        f"Request {request.id}: {format_mdc(request.record.terms.reward)} MDC are "
        f"locked until {local_time(request.record.deadline)}.",
        f"  dataset {request.record.dataset}",
        *_promised(request),
    )
    output.tell(
        "Serve the data with `modelmarket store serve`, and keep the appointments "
        "with `modelmarket agent run`.",
    )


def _promised(request: Request | VerifiedRequest) -> Iterator[str]:
    """What a request promises, in lines."""
    from modelmarket.market import VerifiedRequest
    from modelmarket.protocol.money import format_mdc

    terms = request.record.terms
    stake = f"  each submission stakes {format_mdc(terms.stake)} MDC"
    if isinstance(request, VerifiedRequest):
        yield f"  {request.terms.rows:,} test rows are hidden; the key is in your vault"
        yield stake
        return
    yield f"  {request.terms.labels:,} test labels are sealed in your vault"
    yield (
        f"{stake}: a false claim costs {percent(request.terms.price_of_delay)} of the "
        "reward for each hour of delay"
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
    market = here.own_market(account) if mine else here.market(sign=False)
    requests = market.requests(
        mine=mine,
        is_final=False if live else None,
        search=search,
        sort=sort,
        limit=limit,
    )
    here.output.table(
        [documents.of_request(one) for one in requests],
        ("id", "phase", "name", "reward", "stake", "entries", "test rows", "deadline"),
        [
            (
                one.id,
                one.position().phase.name,
                one.record.name,
                format_mdc(one.record.terms.reward),
                format_mdc(one.record.terms.stake),
                one.record.entries,
                f"{one.record.rows:,}",
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

    Beside requester and trainers stands what they have made of their requests and
    submissions so far; `account reputation` tells all of it. Licences, and what always
    saying the commonest class and a small forest reach, are told as far as they are on
    this computer: nothing is fetched.

    Examples:

        modelmarket request show 7

        modelmarket request show v7 --json
    """
    from modelmarket.market.describing import (
        model_of,
        ranking_of,
        refuted_of,
        requester_of,
        terms_of,
    )
    from modelmarket.market.folder_facts import folder_facts

    here = Invocation.of(ctx)
    found = here.market(sign=False).any_request(request)
    output, record, facts = here.output, found.record, folder_facts(found)
    if output.as_json:
        document = documents.of_request(found)
        run = found.reproduced()
        document["reproduction"] = None if run is None else run.as_document()
        document["refuted"] = [one.as_document() for one in found.refutations()]
        document |= facts.as_document()
        document["reputations"] = documents.of_reputations(found)
        output.result(document)
        return
    output.result(
        None,
        f"Request {found.id}: {in_a_line(record.name) or 'without a name'}",
        f"  {found.position().phase.name}: {found.status()}",
        f"  {requester_of(found)}",
        *(f"  {line}" for line in terms_of(found)),
        f"  deadline {local_time(record.deadline)}, "
        f"{duration(record.terms.response_window_s)} for each step after it",
        f"  dataset {in_a_line(record.dataset)}",
        *(f"  {in_a_line(line)}" for line in facts.lines),
        *(f"  {line}" for line in record.context.splitlines()),
        *(f"  {in_a_line(line)}" for line in model_of(found)),
    )
    output.table(None, *ranking_of(found), empty="  nobody has claimed")
    output.result(
        None,
        *(f"  {line}" for line in refuted_of(found)),
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

    def step(found: Request | VerifiedRequest) -> None:
        found.refuse_if_ended()
        found.cancel(max_live=max_live)

    _act(ctx, request, account, step)


@app.command("open")
def open_(
    ctx: typer.Context,
    request: RequestNumber,
    account: AccountName = None,
) -> None:
    """Open the truth or the key of your request. The agent does this by itself.

    Examples:

        modelmarket request open 7

        modelmarket request open v7
    """
    from modelmarket.market import VerifiedRequest

    def step(found: Request | VerifiedRequest) -> None:
        if isinstance(found, VerifiedRequest):
            found.open_key()
        else:
            found.open_truth()

    _act(ctx, request, account, step)


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
    _act(ctx, request, account, lambda one: one.enforce())


@app.command()
def settle(
    ctx: typer.Context,
    request: RequestNumber,
    account: AccountName = None,
) -> None:
    """Pay the candidate of a verified contest that stood unrefuted.

    The agents of everybody who gains by it do this by themselves.

    Example:

        modelmarket request settle v7
    """
    _act(ctx, request, account, lambda one: verified_only(one).settle())


def _act(
    ctx: typer.Context,
    request: RequestId,
    account: str | None,
    step: Callable[[Request | VerifiedRequest], object],
) -> None:
    """Takes a step, and says how the request stands then."""
    here = Invocation.of(ctx)
    look = f"modelmarket request show {request}"
    with here.signing(account, look=look) as market:
        found = market.any_request(request)
        step(found)
    done = found.refresh()
    here.output.result(documents.of_request(done), done.status())


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
    found = here.market(sign=False).any_request(request)
    kept = found.keep_model()
    path = found.fetch_model(destination)
    here.output.result(
        {"path": str(path), "cid": str(kept.folder)}, f"{path} holds {kept.folder}."
    )
