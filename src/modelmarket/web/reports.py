# SPDX-License-Identifier: Apache-2.0
"""What was found about a table, as pages draw it."""

from __future__ import annotations

from dataclasses import dataclass

from modelmarket.datasets.lint.findings import Report

Bars = list[tuple[str, float]]
"""Names and shares, from the top."""


@dataclass(frozen=True)
class Drawn:
    """A report, and what of it is drawn.

    Attributes:
        report: All of it.
        right: Rows that whoever needs no model, or a small one, gets right; empty for
            numbers.
        off: By how much they are off of numbers, on average, in the label's own unit;
            empty for classes and bins, and where only one of them is known.
        telling: Columns, by how much each tells of the label.
    """

    report: Report
    right: Bars
    off: Bars
    telling: Bars

    @classmethod
    def of(cls, report: Report) -> Drawn:
        """What a page shows of a report, whoever wrote it."""
        forest = "a small forest" if report.code_bits is None else "a forest on codes"
        reached = {"the commonest class": report.majority}
        off = []
        if report.majority is not None:
            reached[forest] = report.baseline
        elif report.constant is not None and report.baseline is not None:
            off = [("always the median", report.constant), (forest, report.baseline)]
        return cls(
            report,
            [(name, _share(one)) for name, one in reached.items() if one is not None],
            off,
            [(one.column, _share(one.share)) for one in report.telling],
        )


def _share(share: float) -> float:
    """A share, which may be a stranger's, within its bounds."""
    return min(max(share, 0.0), 1.0)
