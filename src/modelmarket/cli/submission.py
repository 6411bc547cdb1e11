# SPDX-License-Identifier: Apache-2.0
"""`modelmarket submission` and `modelmarket submit`: what a trainer does."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from modelmarket.cli import documents
from modelmarket.cli.asking import with_consent
from modelmarket.cli.context import Invocation
from modelmarket.cli.interruption import saying_what_was_sent
from modelmarket.cli.kinds import predictions_submission, verified_submission
from modelmarket.cli.options import (
    AcceptStake,
    AccountName,
    Again,
    RequestNumber,
    SubmissionNumber,
)
from modelmarket.system.files import existing_file, existing_path
from modelmarket.system.text import counted

if TYPE_CHECKING:
    from collections.abc import Callable

    from modelmarket.cli.output import Output
    from modelmarket.market import (
        Submission,
        VerifiedRequest,
        VerifiedSubmission,
    )
    from modelmarket.market.verified.prospects import Prospect
    from modelmarket.protocol.types import RequestId, SubmissionId

app = typer.Typer(help="Check, follow and end submissions.", no_args_is_help=True)

Files = Annotated[
    list[Path],
    typer.Argument(
        metavar="[PREDICTIONS] MODEL",
        help="A CSV or Parquet file with ids, or bare labels, and any file or folder;"
        " or an exported ONNX file alone, which predicts by itself. In a verified"
        " contest an exact model's file alone.",
    ),
]
ProbabilitiesFile = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Beside predictions: how sure you are of each class, for log loss; a CSV"
        " or Parquet file with row_id and a column for each class. An ONNX file says"
        " so itself.",
    ),
]


def submit(
    ctx: typer.Context,
    request: RequestNumber,
    files: Files,
    probabilities: ProbabilitiesFile = None,
    name: Annotated[str, typer.Option(help="At most 64 bytes.")] = "",
    validate: Annotated[
        bool,
        typer.Option(help="Say first how the model does on the training part."),
    ] = True,
    again: Again = False,
    accept_stake: AcceptStake = False,
    account: AccountName = None,
) -> None:
    """Seal predictions and a model, and stake on them.

    Nobody sees either before you are the candidate. The agent does the rest:
    keep `modelmarket agent run` running. From Python a fitted estimator will do:
    `request.submit(model)`; what it predicts then comes from the exported file. In a
    verified contest only the model is sealed. What a demand of it could cost, and a
    challenge, is said before anything is staked, and so is what would keep this
    computer from watching.

    Examples:

        modelmarket submit 7 predictions.csv model.zip --name "two forests"

        modelmarket submit 7 predictions.csv model.zip --probabilities sure.csv

        modelmarket submit 7 model.onnx

        modelmarket submit v7 model.exact --name "a forest"
    """
    from modelmarket.market import VerifiedRequest

    here = Invocation.of(ctx)
    _require_files(request, files)
    _require_room_for(probabilities, request)
    output = here.output
    told: dict[str, Any] = {}
    said: set[str] = set()
    with saying_what_was_sent(output, "modelmarket submission list") as sending:
        market = here.market(account, sign=True)
        sending.watch(market)

        foretold: list[Prospect] = []

        def tell(prospect: Prospect) -> None:
            output.tell(*prospect.lines())
            output.warn(*prospect.warnings)
            foretold.append(prospect)

        def tell_once(line: str) -> None:
            """Whatever a yes is wanted for: then all of it is done again."""
            if line not in said:
                said.add(line)
                output.tell(line)

        def act(*, again: bool, accept_stake: bool) -> Submission | VerifiedSubmission:
            found = market.any_request(request)
            told["model_licence"] = found.manifest().model_licence
            if agreed := found.agreement():
                tell_once(agreed)
            if isinstance(found, VerifiedRequest):
                if validate and "validation" not in told:
                    validation = found.validate(files[0])
                    output.tell(*validation.lines())
                    told["validation"] = validation.as_document()
                return found.submit(
                    files[0],
                    name=name,
                    show=None,
                    again=again,
                    accept_stake=accept_stake,
                    tell=tell,
                )
            *predictions, model = files
            return found.submit(
                model,
                predictions[0] if predictions else None,
                probabilities=probabilities,
                name=name,
                show=tell_once if validate else None,
                again=again,
                accept_stake=accept_stake,
            )

        done = with_consent(act, output, again=again, accept_stake=accept_stake)
    document = documents.of_submission(done)
    for prospect in foretold:
        document["prospect"] = prospect.as_document()
    was_told = done.told in said and not output.quiet
    output.result(document | told, *([] if was_told else [done.told]))
    output.tell("Keep the appointments with `modelmarket agent run`.")


def _require_files(request: RequestId, files: list[Path]) -> None:
    """Looks whether these are the files that a request takes.

    Raises:
        InputError: There are too many, or too few.
        NotFoundError: One is not there.
    """
    from modelmarket.errors import InputError
    from modelmarket.market.checking import is_exported

    if request.is_verified:
        wanted, hint = (
            1,
            "an exact model's file: `request.convert(estimator).save(path)`",
        )
    elif is_exported(files[0]) and len(files) == 1:
        wanted, hint = 1, ""
    else:
        wanted, hint = (
            2,
            "PREDICTIONS and MODEL, or a file that `request.export(model)` wrote",
        )
    if len(files) != wanted:
        raise InputError(
            f"Request {request} takes {counted(wanted, 'file')}, not {len(files)}.",
            hint=f"Name {hint}.",
        )
    for file in files[:-1]:
        existing_file(file)
    existing_path(files[-1])


def _require_room_for(probabilities: Path | None, request: RequestId) -> None:
    """Looks whether a request takes a file of probabilities, if there is one.

    Raises:
        InputError: It does not.
        NotFoundError: It is not there.
    """
    from modelmarket.errors import InputError

    if probabilities is None:
        return
    if request.is_verified:
        raise InputError(
            f"Request {request} is a verified contest, whose models say a class alone.",
            hint="Leave out --probabilities.",
        )
    existing_file(probabilities)


@app.command()
def check(
    ctx: typer.Context,
    request: RequestNumber,
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="Predictions: a CSV or Parquet file with ids, or bare labels; or an"
            " exported ONNX file. In a verified contest an exact model's file.",
        ),
    ],
    probabilities: ProbabilitiesFile = None,
) -> None:
    """Check predictions or a model against a request, and stake nothing.

    It says which classes they are, beside those of the training part; and once the
    truth or the key is open, how many are right, or points, which place that would have
    been, and the usual figures, as `request metrics` tells them of the winner. Of an
    exact model it says what a demand of it could cost, what a challenge of somebody
    else's, and what would keep this computer from watching.

    Examples:

        modelmarket submission check 7 predictions.csv

        modelmarket submission check 7 predictions.csv --probabilities sure.csv

        modelmarket submission check 7 model.onnx

        modelmarket submission check v7 model.exact
    """
    from modelmarket.market import VerifiedRequest

    here = Invocation.of(ctx)
    existing_file(file)
    _require_room_for(probabilities, request)
    found = here.market(sign=False).any_request(request)
    if isinstance(found, VerifiedRequest):
        _tell_checked(here.output, found, file)
        return
    checked = found.check(file, probabilities=probabilities)
    here.output.table(
        checked.as_document(),
        ("class", "predicted rows", "training rows"),
        [
            (name, f"{checked.counts.get(name, 0):,}", f"{count:,}")
            for name, count in checked.learnt.items()
        ],
        title=f"{file.name} fits request {request}: "
        f"{counted(int(checked.codes.size), 'row')}",
    )
    if not here.output.as_json:
        here.output.tell(*checked.lines())


def _tell_checked(output: Output, request: VerifiedRequest, file: Path) -> None:
    """Says what an exact model is, what it may come to, and what it would have won."""
    checked = request.check(file)
    prospect = request.prospect(checked.model)
    document = {**checked.as_document(), **prospect.as_document()}
    title = f"{file.name} fits request {request.id}: {checked.title}"
    if checked.learnt:
        output.table(document, checked.columns, checked.classes, title=title)
    else:
        output.result(document, title)
    if not output.as_json:
        output.tell(*checked.lines(), *prospect.lines())
        output.warn(*prospect.warnings)


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
    submissions = here.own_market(account).submissions()
    here.output.table(
        [documents.of_submission(one) for one in submissions],
        ("id", "request", "name", "state", "score", "status"),
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
    _tell(here.output, here.market(sign=False).any_submission(submission))


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

    def step(found: Submission | VerifiedSubmission) -> None:
        found.refuse_if_ended()
        found.cancel(accept_slash=accept_slash)

    _act(ctx, submission, account, step)


@app.command()
def claim(
    ctx: typer.Context,
    submission: SubmissionNumber,
    matches: Annotated[
        int | None,
        typer.Option(min=0, help="Claim so many, or points; counted if left out."),
    ] = None,
    account: AccountName = None,
) -> None:
    """Claim how many predictions were right. The agent does this by itself.

    Example:

        modelmarket submission claim 12
    """
    _act(ctx, submission, account, lambda one: one.claim(matches))


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
    _act(ctx, submission, account, lambda one: predictions_submission(one).validate())


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
    _act(ctx, submission, account, lambda one: one.withdraw())


@app.command("show-model")
def show_model(
    ctx: typer.Context,
    submission: SubmissionNumber,
    account: AccountName = None,
) -> None:
    """Show model and predictions as candidate. The agent does this by itself.

    Example:

        modelmarket submission show-model v12
    """
    _act(ctx, submission, account, lambda one: verified_submission(one).show())


@app.command()
def watch(
    ctx: typer.Context,
    submission: SubmissionNumber,
    account: AccountName = None,
) -> None:
    """Recompute what a candidate showed, to the last row. The agent does it too.

    What is false is refuted on the chain, and what nobody serves is demanded once a
    quarter of the challenge window is over.

    Example:

        modelmarket submission watch v12
    """
    here = Invocation.of(ctx)
    look = f"modelmarket submission show {submission}"
    with here.signing(account, look=look) as market:
        found = verified_submission(market.any_submission(submission))
        verdict = found.watch()
    now = found.refresh()
    here.output.result(
        {**documents.of_submission(now), "verdict": verdict.value},
        f"Submission {submission}: {verdict.value}.",
    )


@app.command()
def demand(
    ctx: typer.Context,
    submission: SubmissionNumber,
    account: AccountName = None,
) -> None:
    """Demand that a shown model be posted on the chain, for a bond.

    The bond is the trainer's if the model wins; else you have it back.

    Example:

        modelmarket submission demand v12
    """
    _act(ctx, submission, account, lambda one: verified_submission(one).demand())


@app.command()
def answer(
    ctx: typer.Context,
    submission: SubmissionNumber,
    account: AccountName = None,
) -> None:
    """Post the parts of your model that were demanded. The agent does it too.

    Example:

        modelmarket submission answer v12
    """
    _act(ctx, submission, account, lambda one: verified_submission(one).answer())


@app.command("withdraw-bond")
def withdraw_bond(
    ctx: typer.Context,
    submission: SubmissionNumber,
    account: AccountName = None,
) -> None:
    """Take the bond of your demand back, once the submission has failed.

    Example:

        modelmarket submission withdraw-bond v12
    """
    _act(
        ctx,
        submission,
        account,
        lambda one: verified_submission(one).withdraw_bond(),
    )


def _act(
    ctx: typer.Context,
    submission: SubmissionId,
    account: str | None,
    step: Callable[[Submission | VerifiedSubmission], object],
) -> None:
    """Takes a step, and says how the submission stands then."""
    here = Invocation.of(ctx)
    look = f"modelmarket submission show {submission}"
    with here.signing(account, look=look) as market:
        found = market.any_submission(submission)
        step(found)
    _tell(here.output, found.refresh())


def _tell(output: Output, submission: Submission | VerifiedSubmission) -> None:
    output.result(
        documents.of_submission(submission),
        f"Submission {submission.id}: {submission.status()}",
    )
