# SPDX-License-Identifier: Apache-2.0
"""What a table would be as a verified contest, for people and programs."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from modelmarket.protocol.hidden import CODE_WIDTHS
from modelmarket.protocol.point_kinds import Kind
from modelmarket.protocol.schema import NumberTarget, shown
from modelmarket.system.text import counted, measured

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelmarket.cli.output import Output
    from modelmarket.datasets.lint.findings import Report
    from modelmarket.datasets.losses import Baseline
    from modelmarket.datasets.tables import Table
    from modelmarket.market.verified.trying import Trial


MOST_LISTED = 20
"""Columns that people are told of; programs are told of all."""


def tell(output: Output, table: Table, trial: Trial) -> None:
    """Says what a table would be as a verified contest.

    Args:
        output: Where.
        table: What it was split from.
        trial: What came of it.
    """
    report = trial.published.report.of_table(trial.published.learned, table)
    _tell_parts(output, table.path.name, trial, report)
    if not output.as_json:
        _tell_losses(output, trial)
        knows = trial.losses.baseline is not None
        tell_report(output, report, noun="hidden row", knows_baseline=knows)


def tell_report(
    output: Output,
    report: Report,
    *,
    noun: str = "test row",
    knows_baseline: bool = False,
) -> None:
    """Says to people what is odd about a table, the gravest first.

    Args:
        output: Where.
        report: What was found.
        noun: What a test row is called.
        knows_baseline: Whether it was told what a small forest reaches.
    """
    if report.baseline is not None and not knows_baseline:
        output.result(None, report.told_baseline)
    if report.resolution is not None:
        output.result(None, report.told_resolution(noun))
    for one in report.findings:
        said = f"{one.mark}: {one.sentences} {one.told_rows}"
        output.result(None, said.rstrip())
    if not report.findings:
        output.result(None, "Nothing odd was found.")


def _tell_parts(output: Output, name: str, trial: Trial, report: Report) -> None:
    manifest, target = trial.published.manifest, trial.published.schema.target
    parts = (
        f"{name}: {manifest.train_rows:,} training and {manifest.hidden_rows:,} hidden "
        f"rows, {counted(len(manifest.features), 'feature')}"
    )
    document: dict[str, Any] = {
        "kind": "verified",
        "train_rows": manifest.train_rows,
        "test_rows": manifest.hidden_rows,
        "features": list(manifest.features),
        "bits": target.bits,
        "codes": asdict(trial.losses),
        "report": asdict(report),
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
        title=f"{parts}, {len(counts)} classes "
        f"({counted(target.bits, 'bit')} a label); always saying "
        f"the commonest class would score {majority:.1%}",
    )


def _tell_numbers(
    output: Output,
    document: dict[str, Any],
    parts: str,
    trial: Trial,
    target: NumberTarget,
) -> None:
    scoring = trial.scoring
    first, last = target.bounds
    points = scoring.kind.name.lower()
    scale = shown(scoring.cap * scoring.step * target.step)
    counted = shown(scoring.step * target.step)
    off = float(trial.published.deviation * target.step)
    output.result(
        document
        | {
            "first": shown(first),
            "last": shown(last),
            "step": shown(target.step),
            "points": points,
            "scale": scale,
            "counted_in": counted,
            "median_error": off,
        },
        f"{parts}, numbers of {target.bits} bits",
        f"  what can be predicted: {shown(first, ',')} to {shown(last, ',')}, in steps "
        f"of {shown(target.step)}; what lies beyond counts as the nearest",
        f"  {points} errors count, in steps of {counted}; a row that is off by {scale} "
        "scores nothing",
        "  always saying the median of the training rows is off by "
        f"{measured(off)}, on average",
        *_of_squares(trial),
    )


def _of_squares(trial: Trial) -> list[str]:
    """The same in the measure of a threshold, where squares of errors count."""
    report = trial.published.report
    if trial.scoring.kind is not Kind.SQUARED or report.constant_root is None:
        return []
    said = f"  always saying their mean has an RMSE of {measured(report.constant_root)}"
    if report.baseline_root is not None:
        root = measured(report.baseline_root)
        said += f", and {report.baseline_name} one of {root}"
    return [said]


def _tell_losses(output: Output, trial: Trial) -> None:
    """Says which columns tell fewer values apart as codes, and what that costs."""
    lost, width = trial.losses, trial.published.schema.width
    narrowed = lost.narrowed(width)
    output.table(
        None,
        ("column", "holds", "values", *(f"codes of {one} bits" for one in CODE_WIDTHS)),
        [
            (
                one.name,
                "texts" if one.is_text else "numbers",
                f"{one.values:,}",
                *(f"{one.codes[each]:,}" for each in CODE_WIDTHS),
            )
            for one in narrowed[:MOST_LISTED]
        ],
        title=f"As codes of {width} bits {len(narrowed):,} of {len(lost.columns):,} "
        f"columns tell fewer values apart, in {lost.rows:,} training rows",
        empty=f"As codes of {width} bits all columns tell all values apart.",
    )
    if lost.baseline is not None:
        is_number = isinstance(trial.published.schema.target, NumberTarget)
        output.result(None, *_told_baseline(lost.baseline, is_number=is_number))


def _told_baseline(baseline: Baseline, *, is_number: bool) -> Iterator[str]:
    def told(score: float) -> str:
        return measured(score) if is_number else f"{score:.1%}"

    coded = " and ".join(
        f"{told(score)} on codes of {width} bits"
        for width, score in baseline.coded.items()
    )
    yield (
        f"A small forest {'is off by' if is_number else 'is right for'} "
        f"{told(baseline.plain)} on the table as it is, {coded} (cross-validation on "
        f"{baseline.rows:,} training rows)."
    )
