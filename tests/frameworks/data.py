# SPDX-License-Identifier: Apache-2.0
"""Real tables of scikit-learn's, a third of whose rows nobody learns from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from sklearn import datasets
from sklearn.model_selection import train_test_split

from modelmarket.models.onnx import Exported, export
from modelmarket.protocol.bins import Binning
from modelmarket.protocol.classes import Classes

LEVELS = 2**8


@dataclass(frozen=True)
class Table:
    """A table in codes of 8 bits.

    Attributes:
        name: Which.
        learnt: Codes; shape (rows, columns).
        targets: Of these rows: classes, or numbers below 2**16.
        rows: Codes of others.
        truth: Their targets.
    """

    name: str
    learnt: Any
    targets: Any
    rows: Any
    truth: Any

    @property
    def columns(self) -> int:
        return int(self.learnt.shape[1])


def _parted(name: str, values: Any, targets: Any) -> Table:
    known, rows, learnt, truth = train_test_split(
        values, targets, test_size=1 / 3, random_state=0
    )
    shares = np.arange(1, LEVELS) / LEVELS
    cuts = [np.unique(np.quantile(column, shares)) for column in known.T]

    def codes(table: Any) -> Any:
        pairs = zip(cuts, table.T, strict=True)
        found = [np.searchsorted(one, column) for one, column in pairs]
        return np.stack(found, axis=1).astype(np.uint8)

    return Table(name, codes(known), learnt, codes(rows), truth)


def digits() -> Table:
    """Ten classes, 64 columns."""
    return _parted("digits", *datasets.load_digits(return_X_y=True))


def tumours() -> Table:
    """Two classes, 30 columns."""
    return _parted("breast_cancer", *datasets.load_breast_cancer(return_X_y=True))


def diabetes() -> Table:
    """A number between 25 and 346, 10 columns."""
    values, numbers = datasets.load_diabetes(return_X_y=True)
    return _parted("diabetes", values, numbers.astype(np.int64))


class Numbers:
    """The number of diabetes as a request has it: columns of numbers, and bins."""

    def __init__(self) -> None:
        values, numbers = datasets.load_diabetes(return_X_y=True)
        known, rows, learnt, truth = train_test_split(
            values, numbers, test_size=1 / 3, random_state=0
        )
        columns = [f"column {at}" for at in range(values.shape[1])]
        self.bins = Binning(20).of(list(map(repr, learnt.tolist())), [1] * len(learnt))
        self.frame = pl.DataFrame(known, schema=columns)
        self.rows = pl.DataFrame(rows, schema=columns)
        self.labels, self.truth = learnt, np.array(self.bins.named(truth))

    def exported(self, estimator: Any) -> Exported:
        return export(estimator, self.frame, self.rows, self.bins)


class Known:
    """A table of scikit-learn's as a request has it: columns of numbers, and names."""

    def __init__(self, name: str, *, gaps: float = 0) -> None:
        loaded = getattr(datasets, f"load_{name}")()
        rng = np.random.default_rng(0)
        values = loaded.data.astype(np.float64)
        values[rng.random(values.shape) < gaps] = np.nan
        names = [f"no. {one}" for one in loaded.target_names]
        known, rows, learnt, truth = train_test_split(
            values, np.array(names)[loaded.target], test_size=1 / 3, random_state=0
        )
        columns = [f"column {at}" for at in range(values.shape[1])]
        self.name, self.classes = name, sorted(names)
        self.frame = pl.DataFrame(known, schema=columns).fill_nan(None)
        self.rows = pl.DataFrame(rows, schema=columns).fill_nan(None)
        self.labels, self.truth = pl.Series(learnt), truth

    def exported(self, estimator: Any) -> Exported:
        return export(estimator, self.frame, self.rows, Classes(tuple(self.classes)))
