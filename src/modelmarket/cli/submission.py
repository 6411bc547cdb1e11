# SPDX-License-Identifier: Apache-2.0
"""`modelmarket submission` and `modelmarket submit`: what a trainer does."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from modelmarket.cli.asking import with_consent
from modelmarket.cli.context import Invocation
from modelmarket.cli.interruption import saying_what_was_sent
from modelmarket.cli.options import (
    AcceptStake,
    AccountName,
    Again,
    RequestNumber,
    SubmissionNumber,
)
from modelmarket.system.files import existing_file, existing_path

if TYPE_CHECKING:
    from modelmarket.cli.output import Output
    from modelmarket.market import Submission

app = typer.Typer(help="Check, follow and end submissions.", no_args_is_help=True)

PredictionsPath = Annotated[
    Path, typer.Argument(metavar="PREDICTIONS", help="A CSV with ids, or bare labels.")
]


def as_document(submission: Submission) -> dict[str, Any]:
    """A submission as programs read it."""
    record = submission.record
    return {
        "id": record.id,
        "request": record.request_id,
        "trainer": record.trainer,
        "name": record.name,
        "state": record.status.name,
        "matches": record.score,
        "paid_wei": str(record.paid),
        "due_wei": str(submission.due()),
        "status": submission.status(),
    }


def submit(
    ctx: typer.Context,
    request: RequestNumber,
    predictions: PredictionsPath,
    model: Annotated[Path, typer.Argument(help="Any file or folder.")],
    name: Annotated[str, typer.Option(help="At most 64 bytes.")] = "",
    again: Again = False,
    accept_stake: AcceptStake = False,
    account: AccountName = None,
) -> None:
    """Seal predictions and a model, and stake on them.

    Nobody sees either before you are the candidate. The agent does the rest:
    keep `modelmarket agent run` running.

    Example:

        modelmarket submit 7 predictions.csv model.onnx --name "two forests"
    """
    from modelmarket.protocol.money import format_mdc

    here = Invocation.of(ctx)
    existing_file(predictions)
    existing_path(model)
    output = here.output
    with saying_what_was_sent(output, "modelmarket submission list") as sending:
        market = here.market(account, sign=True)
        sending.watch(market)

        def act(*, again: bool, accept_stake: bool) -> Submission:
            return market.request(request).submit(
                predictions,
                model,
                name=name,
                again=again,
                accept_stake=accept_stake,
            )

        done = with_consent(act, output, again=again, accept_stake=accept_stake)
    output.result(
        as_document(done),
        f"Submission {done.id} to request {request}: "
        f"{format_mdc(done.request.terms.stake)} MDC are at stake.",
    )
    output.tell("Keep the appointments with `modelmarket agent run`.")


@app.command()
def check(
    ctx: typer.Context,
    request: RequestNumber,
    predictions: PredictionsPath,
) -> None:
    """Check predictions against a request, and stake nothing.

    Example:

        modelmarket submission check 7 predictions.csv
    """
    here = Invocation.of(ctx)
    existing_file(predictions)
    found = here.market(sign=False).request(request)
    checked = found.check(predictions)
    here.output.table(
        {"rows": int(checked.codes.size), "counts": checked.counts},
        ("class", "predicted rows"),
        [(name, f"{count:,}") for name, count in sorted(checked.counts.items())],
        title=f"{predictions.name} fits request {request}: {checked.codes.size:,} rows",
    )


@app.command("list")
def list_(
    ctx: typer.Context,
    account: AccountName = None,
) -> None:
    """List your submissions.

    Example:

        modelmarket submission list
    """
    here = Invocation.of(ctx)
    submissions = here.market(account, sign=True).submissions()
    here.output.table(
        [as_document(one) for one in submissions],
        ("id", "request", "name", "state", "matches", "status"),
        [
            (
                one.id,
                one.record.request_id,
                one.record.name,
                one.record.status.name.lower(),
                "" if one.record.score is None else f"{one.record.score:,}",
                one.status(),
            )
            for one in submissions
        ],
        empty="No submission yet. Make one with: modelmarket submit",
    )


@app.command()
def show(
    ctx: typer.Context,
    submission: SubmissionNumber,
) -> None:
    """Show a submission and what comes next.

    Example:

        modelmarket submission show 12
    """
    here = Invocation.of(ctx)
    _tell(here.output, here.market(sign=False).submission(submission))


@app.command()
def cancel(
    ctx: typer.Context,
    submission: SubmissionNumber,
    accept_slash: Annotated[
        bool, typer.Option("--accept-slash", help="Even if the stake is lost.")
    ] = False,
    account: AccountName = None,
) -> None:
    """Take your submission out; before the deadline the stake comes back.

    Example:

        modelmarket submission cancel 12
    """
    here = Invocation.of(ctx)
    look = f"modelmarket submission show {submission}"
    with here.signing(account, look=look) as market:
        found = market.submission(submission)
        found.refuse_if_ended()
        found.cancel(accept_slash=accept_slash)
    _tell(here.output, found.refresh())


@app.command()
def claim(
    ctx: typer.Context,
    submission: SubmissionNumber,
    matches: Annotated[
        int | None, typer.Option(help="Claim this many; counted if left out.")
    ] = None,
    account: AccountName = None,
) -> None:
    """Claim how many predictions were right. The agent does this by itself.

    Example:

        modelmarket submission claim 12
    """
    here = Invocation.of(ctx)
    look = f"modelmarket submission show {submission}"
    with here.signing(account, look=look) as market:
        found = market.submission(submission)
        found.claim(matches)
    _tell(here.output, found.refresh())


@app.command()
def validate(
    ctx: typer.Context,
    submission: SubmissionNumber,
    account: AccountName = None,
) -> None:
    """Open predictions and model as candidate. The agent does this by itself.

    Example:

        modelmarket submission validate 12
    """
    here = Invocation.of(ctx)
    look = f"modelmarket submission show {submission}"
    with here.signing(account, look=look) as market:
        found = market.submission(submission)
        found.validate()
    _tell(here.output, found.refresh())


@app.command()
def withdraw(
    ctx: typer.Context,
    submission: SubmissionNumber,
    account: AccountName = None,
) -> None:
    """Have the trainer paid what is due. The agent does this by itself.

    Example:

        modelmarket submission withdraw 12
    """
    here = Invocation.of(ctx)
    look = f"modelmarket submission show {submission}"
    with here.signing(account, look=look) as market:
        found = market.submission(submission)
        found.withdraw()
    _tell(here.output, found.refresh())


def _tell(output: Output, submission: Submission) -> None:
    output.result(
        as_document(submission), f"Submission {submission.id}: {submission.status()}"
    )
