# SPDX-License-Identifier: Apache-2.0
"""How an estimator does on rows that it has not seen, whatever library fitted it."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Collection
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from modelmarket.models.onnx.of_fitted import tables
from modelmarket.system.text import counted

if TYPE_CHECKING:
    import polars as pl

    from modelmarket.protocol.bins import Bins

FOLDS, SEED = 5, 0
MOST_ROWS = 20_000
"""So many are tried at most: the figure is as good as five times as many test rows."""

Show = Callable[[str], Any]
"""Is told a line for people, such as `print`."""


@dataclass(frozen=True)
class Folds:
    """How an estimator did when it was fitted again, each time without some rows.

    Attributes:
        accuracy: The share of these rows that were right, or fell into the right bin;
            from 0 to 1.
        rows: That were predicted.
        folds: In which the others were learnt.
    """

    accuracy: float
    rows: int
    folds: int

    def as_document(self) -> dict[str, Any]:
        """As JSON has it."""
        return asdict(self)

    def line(self) -> str:
        """For people."""
        where = f"{counted(self.folds, 'fold')}, {counted(self.rows, 'row')}"
        return f"accuracy on rows not seen ({where}): {self.accuracy:.2%}"


def cross_validated(
    estimator: Any,
    features: pl.DataFrame,
    labels: pl.Series,
    limit_s: float,
    show: Show,
    libraries: Collection[str] = (),
    bins: Bins | None = None,
) -> Folds | None:
    """Fits an estimator again for rows that it is not to see.

    Args:
        estimator: Fitted; stays as it is.
        features: Of the training part.
        labels: Of the same rows.
        limit_s: So many seconds it may take, about: one fold is tried anyway.
        show: Is told how far it is.
        libraries: Whose tables it may have been fitted on; empty if nobody knows.
        bins: That numbers fall into; None for classes.

    Returns:
        None if it cannot be fitted again, on no library's tables.
    """
    from sklearn.model_selection import KFold, StratifiedKFold

    kind = StratifiedKFold if bins is None else KFold
    rng = np.random.default_rng(SEED)
    rows = rng.permutation(len(labels))[:MOST_ROWS]
    with warnings.catch_warnings():
        # Whoever fitted it has seen what it warns of.
        warnings.simplefilter("ignore")
        ends = time.monotonic() + limit_s
        for _, table in tables(estimator, features, libraries):
            folds = kind(FOLDS, shuffle=True, random_state=SEED)
            try:
                return _tried(
                    estimator, table, labels.to_numpy(), rows, folds, ends, show, bins
                )
            except Exception:  # noqa: BLE001, S112  # it was fitted on another kind
                continue
    show("It cannot be fitted again, so nobody knows how it does on rows not seen.")
    return None


def _tried(
    estimator: Any,
    table: Any,
    labels: Any,
    rows: Any,
    folds: Any,
    ends: float,
    show: Show,
    bins: Bins | None,
) -> Folds:
    """See `cross_validated`.

    Raises:
        Exception: Whatever an estimator says of a table that is not of its kind.
    """
    from sklearn.base import clone
    from sklearn.utils import _safe_indexing as some

    began, right, seen, number = time.monotonic(), 0, 0, 0
    # What a search has found is not searched for again.
    original = getattr(estimator, "best_estimator_", estimator)
    for known, new in folds.split(rows, labels[rows]):
        fitted = clone(original).fit(some(table, rows[known]), labels[rows[known]])
        said = np.asarray(fitted.predict(some(table, rows[new]))).reshape(-1)
        truth = labels[rows[new]]
        if bins is not None:
            said, truth = (
                bins.codes_of(one.astype(np.float64)) for one in (said, truth)
            )
        right += int((said == truth).sum())
        seen, number = seen + len(new), number + 1
        took = time.monotonic() - began
        show(f"fold {number} of {FOLDS}: {took:.0f} s so far")
        if began + took * (number + 1) / number > ends:
            break
    return Folds(right / seen, seen, number)
