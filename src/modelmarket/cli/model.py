# SPDX-License-Identifier: Apache-2.0
"""`modelmarket model`: the model that a verified contest bought."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from modelmarket.cli.asking import with_consent
from modelmarket.cli.context import Invocation
from modelmarket.cli.kinds import verified_only
from modelmarket.cli.options import AcceptRisk, RequestNumber, Unconfined
from modelmarket.system.files import existing_file, free_path, write_atomically
from modelmarket.system.text import counted, in_a_line, measured

MOST_UNLIKE = 8
"""Columns that people are told of; programs are told of all."""

app = typer.Typer(
    help="Use the model that you bought, or look into any.", no_args_is_help=True
)


@app.command()
def predict(
    ctx: typer.Context,
    request: RequestNumber,
    table: Annotated[
        Path,
        typer.Argument(help="A table with the columns of the training part."),
    ],
    output: Annotated[
        Path | None,
        typer.Option(help="A CSV that is not there yet; printed, if not given."),
    ] = None,
    unconfined: Unconfined = False,
    accept_risk: AcceptRisk = False,
) -> None:
    """Predict new rows with the model that won.

    That of a verified contest says exactly what the chain would. Any other one is a
    stranger's ONNX file, and runs in confinement, as `modelmarket reproduce` runs it.
    Columns in which rows are unlike all training rows are named: in other units, say.

    Examples:

        modelmarket model predict v7 new.csv

        modelmarket model predict 7 new.csv

        modelmarket model predict v7 new.csv --output predictions.csv
    """
    from modelmarket.datasets.predictions import as_csv

    here = Invocation.of(ctx)
    existing_file(table)
    if output is not None:
        free_path(output)
    found = here.market(sign=False).any_request(request)
    predicted = with_consent(
        lambda *, accept_risk: found.predict(
            table, unconfined=unconfined, accept_risk=accept_risk
        ),
        here.output,
        accept_risk=accept_risk,
    )
    unlike = found.unusual(table)
    if unlike:
        here.output.advise(
            "No training row is like these; the model guesses:",
            *(
                f"  {in_a_line(one.told(len(predicted)))}"
                for one in unlike[:MOST_UNLIKE]
            ),
        )
    told = [asdict(one) for one in unlike]
    document = {"rows": len(predicted), "predictions": predicted, "unusual": told}
    if output is None:
        here.output.result(document, *map(in_a_line, predicted))
        return
    write_atomically(output, as_csv(predicted))
    here.output.result(
        {"rows": len(predicted), "path": str(output), "unusual": told},
        f"{output} holds the predictions of {counted(len(predicted), 'row')}.",
    )


@app.command()
def export(
    ctx: typer.Context,
    request: RequestNumber,
    output: Annotated[
        Path,
        typer.Argument(help="An ONNX file that is not there yet."),
    ],
) -> None:
    """Write the model that won as ONNX, for programs that know nothing of the market.

    It reads codes, as `request.codes(table)` gives them in Python, and says of every
    row exactly what `model predict` does.

    Example:

        modelmarket model export v7 model.onnx
    """
    here = Invocation.of(ctx)
    free_path(output)
    found = verified_only(here.market(sign=False).any_request(request))
    found.export(output)
    here.output.result(
        {"path": str(output), "bytes": output.stat().st_size},
        f"{output} holds the model of request {request}.",
    )


@app.command()
def show(
    ctx: typer.Context,
    request: RequestNumber,
) -> None:
    """Show what the model that won is made of, and what it scored.

    Example:

        modelmarket model show v7
    """
    here = Invocation.of(ctx)
    found = verified_only(here.market(sign=False).any_request(request))
    fit = found.fit_of(found.model())
    winner = found.winner()
    score = (winner.record.score if winner is not None else None) or 0
    error = found.error_of(score)
    off = "" if error is None else f", {found.mean_error} {measured(error)},"
    here.output.result(
        {
            **fit.as_document(),
            "hidden": {
                "rows": found.terms.rows,
                "score": score,
                **({} if error is None else {"mean_error": error}),
            },
            "cid": found.record.model,
        },
        f"The model of request {request}: {fit.size}, {fit.bytes:,} bytes",
        f"  it scored {counted(score, 'point')}{off} on "
        f"{counted(found.terms.rows, 'hidden row')}",
        f"  {found.record.model}",
    )


@app.command()
def inspect(
    ctx: typer.Context,
    what: Annotated[
        str,
        typer.Argument(metavar="CID", help="Of a model; or a file or folder of yours."),
    ],
) -> None:
    """Say what is in a model's files, whatever they are called, and execute nothing.

    Of ONNX models it lists operators, sizes, and what they want from outside; of
    pickles what they would run; archives are measured, and not unpacked. Exits with 1
    if something could harm whoever opens it.

    Examples:

        modelmarket model inspect bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf…

        modelmarket model inspect my-model/
    """
    from modelmarket.market.inspecting import cid_of, inspect_here, is_here

    here = Invocation.of(ctx)
    output = here.output
    if is_here(what):
        found = inspect_here(Path(what))
    else:
        cid_of(what)  # before anything is said of networks
        with output.progress() as advance:
            found = here.market(sign=False).inspect(
                what, progress=lambda count: advance("bytes fetched", count)
            )
    lines = [] if found else ["There is no file in it."]
    for one in found:
        lines.append(f"{one.path}: {one.kind}, {counted(one.size, 'byte')}")
        lines += [f"  {fact}" for fact in one.facts]
        lines += [f"  DANGER: {danger}" for danger in one.dangers]
    output.result([one.as_document() for one in found], *map(in_a_line, lines))
    if any(one.dangers for one in found):
        raise typer.Exit(1)


@app.command()
def card(
    ctx: typer.Context,
    request: RequestNumber,
    output: Annotated[
        Path | None,
        typer.Option(help="A file that is not there yet; printed, if not given."),
    ] = None,
) -> None:
    """Write the card of the model that won, as Markdown: what it scored, on which data,
    under which licence, and how that is known.

    With the figures of `request metrics`, or why they cannot be worked out here.

    Examples:

        modelmarket model card v7

        modelmarket model card 7 --output README.md
    """
    here = Invocation.of(ctx)
    if output is not None:
        free_path(output)
    text = here.market(sign=False).any_request(request).model_card()
    if output is None:
        here.output.result({"card": text}, *text.rstrip("\n").split("\n"))
        return
    write_atomically(output, text.encode())
    here.output.result(
        {"path": str(output)}, f"{output} holds the card of the model that won."
    )
