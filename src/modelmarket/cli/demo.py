# SPDX-License-Identifier: Apache-2.0
"""`modelmarket demo`: the whole of it, on real data, in seconds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from modelmarket.cli.context import Invocation
from modelmarket.cli.output import Output

if TYPE_CHECKING:
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
    """Play the lives of three requests on a chain and stores of their own.

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


def _request(request: Request) -> dict[str, Any]:
    won, labels = request.winner(), request.terms.labels
    matches = won.record.score if won is not None else None
    return {
        "id": request.id,
        "phase": request.record.stage.name,  # the chain is gone by now
        "winner": won.record.trainer if won is not None else None,
        "matches": matches,
        "labels": labels,
        "accuracy": None if matches is None else round(matches / labels, 6),
    }


def _document(outcome: Outcome) -> dict[str, Any]:
    verdicts = [one for several in outcome.audits.values() for one in several]
    return {
        "requests": [_request(one) for one in outcome.requests],
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
            "passed": sum(one.passed for one in verdicts),
            "failed": sum(not one.passed for one in verdicts),
        },
        "gas": {
            name: {"calls": calls, "total": total}
            for name, (calls, total) in outcome.gas.items()
        },
        "model_cid": outcome.model_cid,
        "seconds": round(outcome.seconds, 3),
    }


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
        failed = [one for one in verdicts if not one.passed]
        output.result(
            None,
            f"Audit of request {request}: {len(verdicts) - len(failed)} of "
            f"{len(verdicts)} promises kept.",
            *(f"  FAIL {one.promise}: {one.figures}" for one in failed),
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
