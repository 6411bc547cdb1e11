# SPDX-License-Identifier: Apache-2.0
"""How good predictions are, as it is told: by a person's figures or as a document."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from modelmarket.datasets.resampling import Interval
from modelmarket.system.notebooks import facts_html, table_html
from modelmarket.system.text import counted, measured

MOST_SHOWN = 20
"""Lines of a table for people."""
ALL_RIGHT = (
    "Every row is right, and so is every draw of them: how far off the figures without "
    "an interval may be, these rows cannot tell."
)
ALL_ALIKE = (
    "Every draw of these rows gives the same figure where no interval stands: how far "
    "off it may be, they cannot tell."
)

BINNED = (
    "Errors are those of the numbers that stand for bins: the chain knows no others."
)


@dataclass(frozen=True)
class Figure:
    """A figure, and what luck in the choice of the test rows can do to it.

    Attributes:
        value: As these rows give it.
        interval: Bounds that hold 95%; None where these rows tell nothing of them.
    """

    value: float
    interval: Interval | None = None

    def as_document(self) -> dict[str, float | None]:
        """As JSON has it; null for what is beyond doubles, as JSON has no infinity."""
        low, high = self.interval or (math.inf, math.inf)
        said = {"value": self.value, "low": low, "high": high}
        return {name: one if math.isfinite(one) else None for name, one in said.items()}

    def told(self, name: str, form: str) -> Told:
        """For people.

        Args:
            name: What it is.
            form: How a number is written, such as `.2%`.
        """
        interval = ""
        if self.interval is not None:
            low, high = self.interval
            interval = f"{measured(low, form)} to {measured(high, form)}"
        return Told(name, measured(self.value, form), interval)


@dataclass(frozen=True)
class Told:
    """A figure as people are shown it.

    Attributes:
        name: What it is.
        value: Of these rows.
        interval: What luck can do to it; empty where nothing is known of that.
    """

    name: str
    value: str
    interval: str


@dataclass(frozen=True)
class ClassScore:
    """How well one class is told from the others.

    Attributes:
        name: Of the class.
        precision: Of the rows that were said to be of it, the share that is; 0 if
            none was.
        recall: Of the rows that are of it, the share that was found; 0 if none is.
        f1: The harmonic mean of the two.
        support: Rows that are of it.
        predicted: Rows that were said to be of it.
    """

    name: str
    precision: float
    recall: float
    f1: float
    support: int
    predicted: int


@dataclass(frozen=True)
class Confusion:
    """Rows of one class that were taken for another.

    Attributes:
        truth: What they are.
        predicted: What was said.
        rows: How many.
    """

    truth: str
    predicted: str
    rows: int


@dataclass(frozen=True)
class ClassMetrics:
    """How good predicted classes are.

    Attributes:
        rows: That were predicted.
        right: How many of them are right.
        accuracy: The share of them; its interval is E. B. Wilson's.
        balanced_accuracy: The mean recall of the classes that there are.
        macro_f1: The mean F1 of the classes that there are or that were predicted.
        log_loss: The mean of -ln of the probability that each row's class was given;
            None where there are no probabilities.
        why_no_log_loss: In words, where there is none; else empty.
        classes: Of those that there are or that were predicted, in their order.
        confusions: The commonest mistakes, the commonest first.
        names: Of all classes, if they are few; else empty.
        matrix: Rows of each class that were said to be of each; a line for each class
            that they are, in the order of `names`; empty if the classes are many.
    """

    rows: int
    right: int
    accuracy: Figure
    balanced_accuracy: Figure
    macro_f1: Figure
    log_loss: Figure | None
    why_no_log_loss: str
    classes: tuple[ClassScore, ...]
    confusions: tuple[Confusion, ...]
    names: tuple[str, ...] = ()
    matrix: tuple[tuple[int, ...], ...] = ()

    def figures(self) -> list[Told]:
        """For people, one by one."""
        named = [
            ("accuracy", self.accuracy, ".2%"),
            ("balanced accuracy", self.balanced_accuracy, ".2%"),
            ("macro F1", self.macro_f1, ".4f"),
            ("log loss", self.log_loss, ".4f"),
        ]
        return [one.told(name, form) for name, one, form in named if one is not None]

    def notes(self) -> list[str]:
        """What is to be known beside the figures, in sentences."""
        said = []
        figures = (self.balanced_accuracy, self.macro_f1, self.log_loss)
        if any(one is not None and one.interval is None for one in figures):
            said.append(ALL_RIGHT if self.right == self.rows else ALL_ALIKE)
        if self.log_loss is None:
            said.append(f"No log loss: {self.why_no_log_loss}.")
        return said

    def lines(self) -> list[str]:
        """For people, without the classes."""
        right = f"{self.right:,} of {counted(self.rows, 'row')}"
        first, *rest = _lines(self.figures())
        return [f"{first}: {right} are right", *rest, *self.notes()]

    def table(self) -> tuple[str, tuple[str, ...], list[tuple[str, ...]]]:
        """Which classes are taken for which.

        Returns:
            What the table is, the names of its columns, and its cells line by line: of
            few classes each with each, of many the commonest mistakes.
        """
        if self.matrix:
            return (
                "Rows of each class, by what was predicted",
                ("truth", *self.names),
                [
                    (name, *(f"{one:,}" for one in line))
                    for name, line in zip(self.names, self.matrix, strict=True)
                ],
            )
        support = {one.name: one.support for one in self.classes}
        return (
            "The commonest mistakes",
            ("truth", "predicted", "rows", "of that class"),
            [
                (
                    one.truth,
                    one.predicted,
                    f"{one.rows:,}",
                    f"{one.rows / support[one.truth]:.2%}",
                )
                for one in self.confusions[:MOST_SHOWN]
            ],
        )

    def as_document(self) -> dict[str, Any]:
        """As JSON has it."""
        loss = self.log_loss
        return {
            "kind": "classes",
            "rows": self.rows,
            "right": self.right,
            "accuracy": self.accuracy.as_document(),
            "balanced_accuracy": self.balanced_accuracy.as_document(),
            "macro_f1": self.macro_f1.as_document(),
            "log_loss": None if loss is None else loss.as_document(),
            "why_no_log_loss": self.why_no_log_loss,
            "classes": [asdict(one) for one in self.classes],
            "confusions": [asdict(one) for one in self.confusions],
            "names": list(self.names),
            "matrix": [list(line) for line in self.matrix],
        }

    def __str__(self) -> str:
        return "\n".join(self.lines())

    def _repr_html_(self) -> str:
        """What Jupyter shows."""
        _, columns, cells = self.table()
        return facts_html("How good it is", self.lines(), table_html(columns, cells))


BIAS = "bias (mean of prediction − label)"
"""Not "mean error", which rankings and thresholds call the mean absolute one."""


@dataclass(frozen=True)
class NumberMetrics:
    """How good predicted numbers are, in the label's own unit.

    Attributes:
        rows: That were predicted.
        mae: The mean absolute error.
        rmse: The root of the mean squared error.
        r2: The share of the truth's variance that is explained; below 0 if always
            saying its mean would be better. None where the true numbers do not
            vary.
        bias: The mean of what was predicted minus what is.
        in_bin: The share of the rows that fell into the right bin, which is what was
            paid for where numbers are bought in bins; errors are those of the numbers
            that stand for the bins then. None where there are no bins.
    """

    rows: int
    mae: Figure
    rmse: Figure
    r2: Figure | None
    bias: Figure
    in_bin: Figure | None = None

    def figures(self) -> list[Told]:
        """For people, one by one."""
        share = self.in_bin
        first = [] if share is None else [share.told("in the right bin", ".2%")]
        named = [
            ("mean absolute error", self.mae, "g"),
            ("root mean squared error", self.rmse, "g"),
            ("R²", self.r2, ".4f"),
            (BIAS, self.bias, "+g"),
        ]
        rest = [one.told(name, form) for name, one, form in named if one is not None]
        return first + rest

    def notes(self) -> list[str]:
        """What is to be known beside the figures, in sentences."""
        said = []
        if self.in_bin is not None:
            said.append(BINNED)
        figures = (self.mae, self.rmse, self.r2, self.bias)
        if any(one is not None and one.interval is None for one in figures):
            said.append(ALL_ALIKE if self.mae.value else ALL_RIGHT)
        if self.r2 is None:
            said.append("No R²: the true numbers do not vary.")
        return said

    def lines(self) -> list[str]:
        """For people."""
        first, *rest = _lines(self.figures())
        return [f"{first}, of {counted(self.rows, 'row')}", *rest, *self.notes()]

    def as_document(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "kind": "numbers",
            "rows": self.rows,
            "mae": self.mae.as_document(),
            "rmse": self.rmse.as_document(),
            "r2": None if self.r2 is None else self.r2.as_document(),
            "bias": self.bias.as_document(),
            "in_bin": None if self.in_bin is None else self.in_bin.as_document(),
        }

    def __str__(self) -> str:
        return "\n".join(self.lines())

    def _repr_html_(self) -> str:
        """What Jupyter shows."""
        return facts_html("How good it is", self.lines())


Metrics = ClassMetrics | NumberMetrics


def _lines(figures: Sequence[Told]) -> list[str]:
    return [
        f"{one.name} {one.value}" + (f" (95%: {one.interval})" if one.interval else "")
        for one in figures
    ]
