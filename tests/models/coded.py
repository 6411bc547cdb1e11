# SPDX-License-Identifier: Apache-2.0
"""Random rows of codes that a library's trees are fitted on, and asked about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st

from modelmarket.models import ExactModel

ROUNDED = 1e-4
"""XGBoost adds up in 32 bits: what it says of two classes so close is chance."""

TRAINING = 160
"""So many rows are learnt from; the others are only predicted."""


@dataclass(frozen=True)
class Case:
    """Random rows of codes, many of them 0, and what is to be predicted."""

    width: int
    outputs: int
    seed: int
    parameters: dict[str, Any]

    @property
    def rows(self) -> Any:
        rng = np.random.default_rng(self.seed)
        rows = rng.integers(0, 2**self.width, (2 * TRAINING, 4))
        rows[rng.random(rows.shape) < 0.2] = 0
        return rows.astype(f"u{self.width // 8}")

    @property
    def targets(self) -> Any:
        """Of the rows to learn from: classes, or numbers below 1,000."""
        rng = np.random.default_rng(self.seed + 1)
        rows = self.rows[:TRAINING].astype(np.float64) / 2**self.width
        noise = rng.standard_normal(TRAINING)
        signal = rows[:, 0] - rows[:, 1] * rows[:, 2] + 0.2 * noise
        places = np.argsort(np.argsort(signal))
        if self.outputs == 1:
            return places * 6 + 20
        return places * self.outputs // TRAINING

    def fit(self, kind: Any) -> Any:
        """An estimator of a kind, with the case's parameters."""
        return kind(**self.parameters).fit(self.rows[:TRAINING], self.targets)


@st.composite
def cases(draw: Any, names: dict[str, st.SearchStrategy[Any]], least: int) -> Case:
    return Case(
        draw(st.sampled_from([8, 16])),
        draw(st.integers(least, 5)) if least > 1 else 1,
        draw(st.integers(0, 2**20)),
        draw(st.fixed_dictionaries(names)),
    )


def convert(estimator: Any, rows: Any, **options: Any) -> ExactModel:
    width, columns = 8 * rows.dtype.itemsize, rows.shape[1]
    return ExactModel.of_codes(estimator, width=width, columns=columns, **options)


def agree(
    model: ExactModel, rows: Any, theirs: Any, margins: Any, rounded: float = ROUNDED
) -> None:
    """The same class in every row that the library itself can tell apart."""
    if margins.ndim == 1:
        margins = np.stack([np.zeros_like(margins), margins], axis=1)
    best = np.sort(margins, axis=1)
    sure = best[:, -1] - best[:, -2] > rounded
    mine = model.predict(rows)
    assert sure.any() or len(np.unique(margins, axis=0)) < 3
    assert (mine == theirs)[sure].all()
