# SPDX-License-Identifier: Apache-2.0
"""The card of a model that was bought, as Markdown that hubs of models read too
(https://huggingface.co/docs/hub/model-cards).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from modelmarket.datasets.about import hub_licence
from modelmarket.errors import ModelMarketError, StepError
from modelmarket.market.folder_facts import BY_THE_REQUESTER
from modelmarket.market.verified.request import VerifiedRequest
from modelmarket.protocol.intervals import wilson
from modelmarket.protocol.money import format_mdc
from modelmarket.protocol.point_kinds import Kind
from modelmarket.system.text import counted, in_a_line, measured

if TYPE_CHECKING:
    from modelmarket.datasets.contest import ContestManifest
    from modelmarket.datasets.published import Manifest
    from modelmarket.market.any_request import AnyRequest

TIED = (
    "The chain ties this model to its score: it was shown in full, and whoever had "
    "found a row of which it says something else than was counted could have refuted "
    "it, and been paid."
)
LOOSE = "The contract compared sealed predictions with the sealed truth."
NOBODY = (
    "That this model makes those predictions nobody has checked: any file can have won."
)


def model_card(request: AnyRequest[Any]) -> str:
    """The card of the model that won.

    Args:
        request: That has ended.

    Raises:
        StepError: Nobody has won.
        ModelMarketError: The dataset contradicts the terms, or no gateway has it.
    """
    if not request.record.winner:
        raise StepError(f"Request {request.id} has no winner: {request.status()}")
    manifest = request.manifest()
    lines = [*_front(manifest), *_what(request), *_scored(request), *_to_beat(request)]
    lines += [*_figures(request), *_used(request), *_origin(request, manifest)]
    return "\n".join(lines)


def _front(manifest: Manifest | ContestManifest) -> Iterator[str]:
    """What programs read: YAML, of which JSON's texts are a part."""
    licence = in_a_line(manifest.model_licence)
    yield "---"
    if licence:
        yield f"license: {json.dumps(hub_licence(licence))}"
    # A manifest of predictions says what the bins of numbers are.
    is_number = not manifest.train_counts or getattr(manifest, "bins", None)
    yield f"pipeline_tag: tabular-{'regression' if is_number else 'classification'}"
    yield "tags:"
    yield "- modelmarket"
    yield "---"
    yield ""


def _what(request: AnyRequest[Any]) -> Iterator[str]:
    record, chain = request.record, request.market.network.chain_id
    name = in_a_line(record.submissions[record.winner].name)
    about = in_a_line(record.name) or "without a name"
    yield f"# {name or f'The model of request {request.id}'}"
    yield ""
    yield f"Bought with request {request.id} on chain {chain}: {about}."
    yield ""
    if record.context.strip():
        yield record.context.strip()
        yield ""


def _scored(request: AnyRequest[Any]) -> Iterator[str]:
    record = request.record
    score = record.submissions[record.winner].score or 0
    yield "## What it scored"
    yield ""
    if isinstance(request, VerifiedRequest) and request.terms.points != Kind.ACCURACY:
        most = request.record.scoring.flawless(record.rows)
        rows = counted(record.rows, "hidden row")
        yield f"{score:,} of {most:,} points on {rows}."
        error = request.error_of(score)
        if error is not None:
            said = f"{request.mean_error} is {measured(error)}"
            yield f"Its {said}, in the label's own unit."
    else:
        noun = "hidden row" if request.id.is_verified else "test row"
        low, high = wilson(min(score, record.rows), record.rows)
        yield (
            f"Right for {score:,} of {counted(record.rows, noun)}: "
            f"{score / record.rows:.2%} (95% interval {low:.2%} to {high:.2%})."
        )
    yield ""
    if request.id.is_verified:
        yield TIED
    else:
        found = request.reproduced()
        yield f"{LOOSE} {NOBODY if found is None else ' '.join(found.lines())}"
    yield ""


def _to_beat(request: AnyRequest[Any]) -> Iterator[str]:
    """What a small forest reached, if the requester's program has said so."""
    try:
        report = request.report()
    except ModelMarketError:
        return
    told = [
        report.told_bins,
        report.told_majority,
        report.told_constant,
        report.told_baseline,
    ]
    if any(told):
        yield f"{' '.join(filter(None, told))} {BY_THE_REQUESTER}"
        yield ""


def _figures(request: AnyRequest[Any]) -> Iterator[str]:
    """The usual figures, as `request metrics` tells them; or why they are not told."""
    yield "## How good it is"
    yield ""
    try:
        found = request.metrics()
    except ModelMarketError as error:
        why = in_a_line(error.message)
        yield f"The usual figures could not be worked out for this card. {why}"
    else:
        yield "| figure | value | 95% interval |"
        yield "|---|---|---|"
        for one in found.figures():
            yield f"| {one.name} | {one.value} | {one.interval or 'none'} |"
        if notes := found.notes():
            yield ""
            yield in_a_line(" ".join(notes))
    yield ""


def _used(request: AnyRequest[Any]) -> Iterator[str]:
    yield "## How it is used"
    yield ""
    yield "```console"
    if request.id.is_verified:
        yield f"$ modelmarket model predict {request.id} new.csv"
        yield f"$ modelmarket model export {request.id} model.onnx"
    else:
        yield f"$ modelmarket model predict {request.id} new.csv"
        yield f"$ modelmarket request model {request.id} model/"
        yield f"$ modelmarket audit {request.id}"
    yield "```"
    yield ""


def _origin(
    request: AnyRequest[Any], manifest: Manifest | ContestManifest
) -> Iterator[str]:
    record = request.record
    winner = record.submissions[record.winner]
    rows = counted(manifest.train_rows, "training row")
    features = counted(len(manifest.features), "feature")
    yield "## Where it comes from"
    yield ""
    yield f"- model: `{in_a_line(record.model)}`"
    yield f"- dataset: `{in_a_line(record.dataset)}`, {rows}, {features}"
    yield f"- predicts: {manifest.told_predicts}"
    yield f"- trainer: `{winner.trainer}`, who was paid {format_mdc(winner.paid)} MDC"
    yield f"- requester: `{record.requester}`"
    yield ""
    yield "## Licence"
    yield ""
    model = in_a_line(manifest.model_licence) or "none stated"
    data = in_a_line(manifest.licence) or "none stated"
    yield f"Handed over under: {model}. The data: {data}."
    yield ""
