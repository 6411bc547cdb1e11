# SPDX-License-Identifier: Apache-2.0
"""What a library says of rows, beside what the model that was made of it says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

HALF, ROUNDED = 0.5, 0.01
"""A number is rounded once to the nearest whole one, and added up in other bits."""


@dataclass(frozen=True)
class Compared:
    """A model of a library's beside what became of it.

    Attributes:
        library: Which.
        model: What it was, and on which table.
        became: What was made of it: exact, or ONNX.
        rows: That both predicted, none of which was learnt from.
        same: Of these, how many both say the same of; of numbers, but for rounding.
        lost: The accuracy of the library's own, less that of what was made of it; of
            numbers the mean error of the latter, less that of the library's own.
    """

    library: str
    model: str
    became: str
    rows: int
    same: int
    lost: float

    @classmethod
    def of_classes(
        cls, library: str, model: str, became: str, theirs: Any, ours: Any, truth: Any
    ) -> Compared:
        """Shapes (rows,)."""
        theirs, ours = np.ravel(theirs), np.ravel(ours)
        lost = float((theirs == truth).mean() - (ours == truth).mean())
        same = int((theirs == ours).sum())
        return cls(library, model, became, len(truth), same, lost)

    @classmethod
    def of_numbers(
        cls, library: str, model: str, became: str, theirs: Any, ours: Any, truth: Any
    ) -> Compared:
        """Shapes (rows,)."""
        theirs, ours = np.ravel(theirs).astype(float), np.ravel(ours).astype(float)
        lost = float(np.abs(ours - truth).mean() - np.abs(theirs - truth).mean())
        same = int((np.abs(theirs - ours) <= HALF + ROUNDED).sum())
        return cls(library, model, became, len(truth), same, lost)

    @property
    def share(self) -> float:
        """Of the rows of which both say the same."""
        return self.same / self.rows

    def line(self) -> str:
        """For people."""
        return (
            f"{self.library:<9} {self.model:<52} {self.became:<6} "
            f"{self.same:>4} of {self.rows:>4} rows the same ({self.share:7.2%}), "
            f"lost {self.lost:+.4f}"
        )
