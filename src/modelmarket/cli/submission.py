# SPDX-License-Identifier: Apache-2.0
"""`modelmarket submission` and `modelmarket submit`: what a trainer does."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from modelmarket.cli.options import (
    DEFAULT_NETWORK,
    AcceptStake,
    AccountName,
    Again,
    AsJson,
    NetworkName,
    RequestNumber,
    SubmissionNumber,
    open_market,
    saying_what_was_sent,
    signing,
    with_consent,
)
from modelmarket.cli.output import Output
from modelmarket.system.files import existing_file, existing_path

if TYPE_CHECKING:
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
        "matches": record.matches,
        "paid_wei": str(record.paid),
        "due_wei": str(submission.due()),
        "status": submission.status(),
    }


def submit(
    request: RequestNumber,
    predictions: PredictionsPath,
    model: Annotated[Path, typer.Argument(help="Any file or folder.")],
    name: Annotated[str, typer.Option(help="At most 64 bytes.")] = "",
    again: Again = False,
    accept_stake: AcceptStake = False,
    account: AccountName = None,
    network: NetworkName = DEFAULT_NETWORK,
    as_json: AsJson = False,
) -> None:
    """Seal predictions and a model, and stake on them.

    Nobody sees either before you are the candidate. The agent does the rest:
    keep `modelmarket agent run` running.

    Example:

        modelmarket submit 7 predictions.csv model.onnx --name "two forests"
    """
    from modelmarket.protocol.money import format_mdc

    existing_file(predictions)
    existing_path(model)
    output = Output(as_json=as_json)
    with saying_what_was_sent(output, "modelmarket submission list") as sending:
        market = open_market(network, account, sign=True)
        sending.watch(market)

        def act(*, again: bool, accept_stake: bool) -> Submission:
            return market.request(request).submit(
                predictions,
                model,
                name=name,
                again=again,
                accept_stake=accept_stake,
            )

        done = with_consent(
            act, as_json=as_json, again=again, accept_stake=accept_stake
        )
    output.result(
        as_document(done),
        f"Submission {done.id} to request {request}: "
        f"{format_mdc(done.request.terms.stake)} MDC are at stake.",
        "Keep the appointments with `modelmarket agent run`.",
    )


@app.command()
def check(
    request: RequestNumber,
    predictions: PredictionsPath,
    network: NetworkName = DEFAULT_NETWORK,
    as_json: AsJson = False,
) -> None:
    """Check predictions against a request, and stake nothing.

    Example:

        modelmarket submission check 7 predictions.csv
    """
    existing_file(predictions)
    found = open_market(network, sign=False).request(request)
    checked = found.check(predictions)
    Output(as_json=as_json).table(
        {"rows": int(checked.codes.size), "counts": checked.counts},
        ("class", "predicted rows"),
        [(name, f"{count:,}") for name, count in sorted(checked.counts.items())],
        title=f"{predictions.name} fits request {request}: {checked.codes.size:,} rows",
    )


@app.command("list")
def list_(
    account: AccountName = None,
    network: NetworkName = DEFAULT_NETWORK,
    as_json: AsJson = False,
) -> None:
    """List your submissions.

    Example:

        modelmarket submission list
    """
    submissions = open_market(network, account, sign=True).submissions()
    Output(as_json=as_json).table(
        [as_document(one) for one in submissions],
        ("id", "request", "name", "state", "matches", "status"),
        [
            (
                one.id,
                one.record.request_id,
                one.record.name,
                one.record.status.name.lower(),
                "" if one.record.matches is None else f"{one.record.matches:,}",
                one.status(),
            )
            for one in submissions
        ],
        empty="No submission yet. Make one with: modelmarket submit",
    )


@app.command()
def show(
    submission: SubmissionNumber,
    network: NetworkName = DEFAULT_NETWORK,
    as_json: AsJson = False,
) -> None:
    """Show a submission and what comes next.

    Example:

        modelmarket submission show 12
    """
    _tell(open_market(network, sign=False).submission(submission), as_json=as_json)


@app.command()
def cancel(
    submission: SubmissionNumber,
    accept_slash: Annotated[
        bool, typer.Option("--accept-slash", help="Even if the stake is lost.")
    ] = False,
    account: AccountName = None,
    network: NetworkName = DEFAULT_NETWORK,
    as_json: AsJson = False,
) -> None:
    """Take your submission out; before the deadline the stake comes back.

    Example:

        modelmarket submission cancel 12
    """
    look = f"modelmarket submission show {submission}"
    with signing(network, account, as_json=as_json, look=look) as market:
        found = market.submission(submission)
        found.refuse_if_ended()
        found.cancel(accept_slash=accept_slash)
    _tell(found.refresh(), as_json=as_json)


@app.command()
def claim(
    submission: SubmissionNumber,
    matches: Annotated[
        int | None, typer.Option(help="Claim this many; counted if left out.")
    ] = None,
    account: AccountName = None,
    network: NetworkName = DEFAULT_NETWORK,
    as_json: AsJson = False,
) -> None:
    """Claim how many predictions were right. The agent does this by itself.

    Example:

        modelmarket submission claim 12
    """
    look = f"modelmarket submission show {submission}"
    with signing(network, account, as_json=as_json, look=look) as market:
        found = market.submission(submission)
        found.claim(matches)
    _tell(found.refresh(), as_json=as_json)


@app.command()
def validate(
    submission: SubmissionNumber,
    account: AccountName = None,
    network: NetworkName = DEFAULT_NETWORK,
    as_json: AsJson = False,
) -> None:
    """Open predictions and model as candidate. The agent does this by itself.

    Example:

        modelmarket submission validate 12
    """
    look = f"modelmarket submission show {submission}"
    with signing(network, account, as_json=as_json, look=look) as market:
        found = market.submission(submission)
        found.validate()
    _tell(found.refresh(), as_json=as_json)


@app.command()
def withdraw(
    submission: SubmissionNumber,
    account: AccountName = None,
    network: NetworkName = DEFAULT_NETWORK,
    as_json: AsJson = False,
) -> None:
    """Have the trainer paid what is due. The agent does this by itself.

    Example:

        modelmarket submission withdraw 12
    """
    look = f"modelmarket submission show {submission}"
    with signing(network, account, as_json=as_json, look=look) as market:
        found = market.submission(submission)
        found.withdraw()
    _tell(found.refresh(), as_json=as_json)


def _tell(submission: Submission, *, as_json: bool) -> None:
    Output(as_json=as_json).result(
        as_document(submission), f"Submission {submission.id}: {submission.status()}"
    )
