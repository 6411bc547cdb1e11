# SPDX-License-Identifier: Apache-2.0
"""`modelmarket demo`: the whole of it, on real data, in seconds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from modelmarket.cli.context import Invocation
from modelmarket.cli.output import Output

if TYPE_CHECKING:
    from modelmarket.demo.contest import Contested
    from modelmarket.demo.play import Outcome
    from modelmarket.market import Request


def demo(
    ctx: typer.Context,
    data: Annotated[
        Path | None, typer.Option(help="A folder with MNIST's IDX files.")
    ] = None,
    keep: Annotated[
        Path | None, typer.Option(help="Where to leave the winner's model.")
    ] = None,
) -> None:
    """Play the lives of four requests on a chain and stores of their own.

    Three are of predictions; in the fourth the model itself is bought, one who
    corrects rows by hand is refuted on the chain, and one whose model nobody can
    fetch loses its stake.

    Exits with 0 only if every balance is what the rules say.

    Examples:

        modelmarket demo

        modelmarket demo --data mnist/ --json
    """
    from modelmarket.demo.play import play

    here = Invocation.without_network(ctx)
    output = here.output

    outcome = play(lambda line: output.tell(f"· {line}"), data=data, keep=keep)
    if output.as_json:
        output.result(_document(outcome))
    else:
        _show(output, outcome)
    if not outcome.passed:
        raise typer.Exit(1)


def _contest(contested: Contested) -> dict[str, Any]:
    request = contested.request
    won, rows = request.winner(), request.terms.rows
    score = won.record.score if won is not None else None
    return {
        "id": request.id,
        "kind": "verified",
        "phase": request.record.stage.name,
        "winner": won.record.trainer if won is not None else None,
        "score": score,
        "rows": rows,
        "accuracy": None if score is None else round(score / rows, 6),
        "majority": round(contested.majority, 6),
        "models": [
            {
                "kind": one.kind,
                "parameters": one.parameters,
                "accuracy": round(one.accuracy, 6),
            }
            for one in contested.models
        ],
        "refuted": [one.as_document() for one in contested.refuted],
        "withheld": [one.id for one in contested.withheld],
        "predicted": contested.predicted,
    }


def _request(request: Request) -> dict[str, Any]:
    won, labels = request.winner(), request.terms.labels
    matches = won.record.score if won is not None else None
    return {
        "id": request.id,
        "kind": "prediction",
        "phase": request.record.stage.name,  # the chain is gone by now
        "winner": won.record.trainer if won is not None else None,
        "matches": matches,
        "labels": labels,
        "accuracy": None if matches is None else round(matches / labels, 6),
    }


def _document(outcome: Outcome) -> dict[str, Any]:
    verdicts = [one for several in outcome.audits.values() for one in several]
    contest = _contest(outcome.contested)
    return {
        "requests": [
            *(_request(one) for one in outcome.requests),
            contest,
        ],
        "refuted": contest["refuted"],
        "withheld": contest["withheld"],
        "accounts": [
            {
                "address": one.address,
                "role": one.role,
                "before": str(one.before),
                "after": str(one.after),
            }
            for one in outcome.accounts
        ],
        "audit": {
            "passed": sum(one.passed is True for one in verdicts),
            "failed": sum(one.is_broken for one in verdicts),
            "untold": sum(one.passed is None for one in verdicts),
        },
        "gas": {
            name: {"calls": calls, "total": total}
            for name, (calls, total) in outcome.gas.items()
        },
        "model_cid": outcome.model_cid,
        "seconds": round(outcome.seconds, 3),
    }


def _show_contest(output: Output, contested: Contested) -> None:
    request = contested.request
    output.table(
        None,
        ("model", "parameters", "accuracy"),
        [(one.kind, one.parameters, f"{one.accuracy:.2%}") for one in contested.models],
        title=f"Request {request.id}: {request.terms.rows:,} hidden rows, of which the "
        f"most frequent class has {contested.majority:.2%}",
    )
    output.result(
        None,
        *(
            f"Submission {one.submission.id} was refuted on the chain: {one.sentence}."
            for one in contested.refuted
        ),
        *(
            f"Submission {one.id} did not post the model that nobody could fetch."
            for one in contested.withheld
        ),
    )


def _show(output: Output, outcome: Outcome) -> None:
    from modelmarket.protocol.money import format_mdc

    labels = outcome.requests[0].terms.labels
    output.table(
        None,
        ("trainer", "submission", "claimed", "score", "outcome", "paid (MDC)", "gas"),
        [
            (
                one.trainer,
                one.submission_id,
                "–" if one.claimed is None else f"{one.claimed:,}",
                "–" if one.claimed is None else f"{one.claimed / labels:.2%}",
                one.outcome,
                format_mdc(one.paid),
                f"{one.gas:,}",
            )
            for one in outcome.entries
        ],
        title=f"Request {outcome.requests[0].id}: {labels:,} test labels",
    )
    _show_contest(output, outcome.contested)
    output.table(
        None,
        ("account", "role", "before (MDC)", "after (MDC)", "as the rules say"),
        [
            (
                one.address,
                one.role,
                format_mdc(one.before),
                format_mdc(one.after),
                "yes" if one.after == one.expected else format_mdc(one.expected),
            )
            for one in outcome.accounts
        ],
        title="Everybody who holds MDC",
    )
    for request, verdicts in outcome.audits.items():
        kept = sum(one.passed is True for one in verdicts)
        others = [one for one in verdicts if one.passed is not True]
        output.result(
            None,
            f"Audit of request {request}: {kept} of {len(verdicts)} promises kept.",
            *(
                f"  {'FAIL' if one.is_broken else 'Nobody can tell'}, {one.promise}: "
                f"{one.figures}"
                for one in others
            ),
        )
    output.result(
        None,
        f"The winner's model is {outcome.model_cid}.",
        f"  It lies in {outcome.model_path}.",
    )
    output.tell(
        "  Open it with:",
        '  python -c "import onnxruntime as ort; '
        f"print(ort.InferenceSession('{outcome.model_path}/model.onnx')"
        '.get_inputs()[0])"',
        f"{outcome.seconds:.1f} s.",
    )
