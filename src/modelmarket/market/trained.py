# SPDX-License-Identifier: Apache-2.0
"""What training may take, and what comes of it: for a trainer and whoever trains."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

from modelmarket.system.text import measured

BASELINE = "the quick baseline"

Show = Callable[[str], Any]
"""Is told a line for people, such as `print`."""


@dataclass(frozen=True)
class Budget:
    """What training may take.

    Attributes:
        seconds: Of time, about: the baseline is tried anyway.
        threads: At once; None for one for each processor.
        show: Is told, line by line, how far it is.
        clock: Tells the time, in seconds: a watch on the wall, or the processor's.
    """

    seconds: float = 60.0
    threads: int | None = None
    show: Show = field(default=lambda _: None)
    clock: Callable[[], float] = time.monotonic


@dataclass(frozen=True)
class Attempt:
    """Something that was tried.

    Attributes:
        name: What.
        value: Its mean on rows not seen; None if it was not tried.
        folds: That it was tried on.
        left_out: Why it was tried no further; empty if it was not left out.
    """

    name: str
    value: float | None
    folds: int
    left_out: str


@dataclass(frozen=True)
class Trained:
    """A model to be sealed, and what is known of it.

    Attributes:
        model: A fitted estimator, an exact model, or what else `submit` takes.
        name: What it is, for people; at most 64 bytes.
        measure: What the figures are, such as `accuracy`.
        is_error: Whether they are errors, so that less is better.
        value: On rows not seen: a share from 0 to 1, or an error in the label's own
            unit; None if that is not known.
        baseline: The quick baseline's on the same rows; None likewise.
        rows: That it learnt from; 0 if that is not known.
        tried: Everything that was compared, the best first.
    """

    model: Any
    name: str = ""
    measure: str = "accuracy"
    is_error: bool = False
    value: float | None = None
    baseline: float | None = None
    rows: int = 0
    tried: tuple[Attempt, ...] = ()

    @property
    def gap(self) -> float | None:
        """Points above the quick baseline: per cent of the rows; or of its error."""
        if self.value is None or self.baseline is None:
            return None
        if not self.is_error:
            return 100 * (self.value - self.baseline)
        if not self.baseline:
            return 0.0
        return 100 * (1 - self.value / self.baseline)

    def as_document(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "model": self.name,
            "measure": self.measure,
            "value": self.value,
            "baseline": self.baseline,
            "points_above": self.gap,
            "train_rows": self.rows,
            "tried": [asdict(one) for one in self.tried],
        }

    def __str__(self) -> str:
        """For people: what it is, how good, and beside what."""
        name, gap = self.name or type(self.model).__name__, self.gap
        if self.value is None:
            return f"{name}, of which nobody knows how it does on rows not seen"
        if not self.is_error:
            reached = f"{self.value:.1%} {self.measure}"
        else:
            reached = f"{self.measure} {measured(self.value)}"
        said = f"{name}, {reached} in cross-validation"
        if gap is None:
            return said
        if name == BASELINE:
            return f"{said}, since nothing else was better"
        if self.is_error:
            return f"{said}, {gap:.1f}% less than {BASELINE}"
        return f"{said}, {gap:.1f} points above {BASELINE}"
