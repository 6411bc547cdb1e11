# SPDX-License-Identifier: Apache-2.0
"""What a table would be as a verified contest, for people and programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from modelmarket.protocol.schema import NumberTarget, shown

if TYPE_CHECKING:
    from modelmarket.cli.output import Output
    from modelmarket.market.verified.trying import Trial


def tell(output: Output, name: str, trial: Trial) -> None:
    """Says what a table would be as a verified contest.

    Args:
        output: Where.
        name: Of the table.
        trial: What came of it.
    """
    manifest, target = trial.published.manifest, trial.published.schema.target
    parts = (
        f"{name}: {manifest.train_rows:,} training and {manifest.hidden_rows:,} hidden "
        f"rows, {len(manifest.features)} features"
    )
    document: dict[str, Any] = {
        "kind": "verified",
        "train_rows": manifest.train_rows,
        "test_rows": manifest.hidden_rows,
        "features": list(manifest.features),
        "bits": target.bits,
    }
    if isinstance(target, NumberTarget):
        _tell_numbers(output, document, parts, trial, target)
        return
    counts = dict(zip(target.classes.names, manifest.train_counts, strict=True))
    majority = max(counts.values()) / manifest.train_rows
    output.table(
        document | {"classes": counts, "majority_accuracy": round(majority, 4)},
        ("class", "training rows"),
        [(name, f"{count:,}") for name, count in counts.items()],
        title=f"{parts}, {len(counts)} classes ({target.bits} bits a label); always "
        f"saying the commonest class would score {majority:.1%}",
    )


def _tell_numbers(
    output: Output,
    document: dict[str, Any],
    parts: str,
    trial: Trial,
    target: NumberTarget,
) -> None:
    scoring = trial.scoring
    first = shown(target.offset)
    last = shown(target.offset + target.step * (2**target.bits - 1))
    points = scoring.kind.name.lower()
    scale = shown(scoring.cap * scoring.step * target.step)
    counted = shown(scoring.step * target.step)
    off = float(trial.published.deviation * target.step)
    output.result(
        document
        | {
            "first": first,
            "last": last,
            "step": shown(target.step),
            "points": points,
            "scale": scale,
            "counted_in": counted,
            "median_error": off,
        },
        f"{parts}, numbers of {target.bits} bits",
        f"  what can be predicted: {first} to {last}, in steps of "
        f"{shown(target.step)}; what lies beyond counts as the nearest",
        f"  {points} errors count, in steps of {counted}; a row that is off by {scale} "
        "scores nothing",
        f"  always saying the median of the training rows is off by {off:.6g}, on "
        "average",
    )
