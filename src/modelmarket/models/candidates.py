# SPDX-License-Identifier: Apache-2.0
"""Estimators that are worth a try on a table, by what kind of table it is.

All of them can be sealed: as exact models in a verified contest, as ONNX files in one
of predictions. Each has its seed fixed. The cheap come first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from importlib.util import find_spec
from typing import Any

SEED = 0
MANY_COLUMNS = 32
"""From so many columns on a table is taken for something like images, where small
networks do well."""
MOST_BOOSTED = 1_000
"""Boosting grows a tree for each class and looks at each column for each split: where
columns times classes are more than this, forests are as good, and much quicker."""
MANY_CELLS = 500_000
"""Of a table: from so many on several threads are worth it."""


class Family(StrEnum):
    """What kind of model a candidate is."""

    BASELINE = "baseline"
    LINEAR = "linear"
    FOREST = "forest"
    BOOSTING = "boosting"
    NETWORK = "network"
    NEIGHBOURS = "neighbours"


@dataclass(frozen=True)
class Kind:
    """What kind of table is to be learnt.

    Attributes:
        rows: Training rows.
        columns: Features.
        classes: That can be predicted; 1 for numbers.
        is_exact: Whether models become exact ones, and not ONNX files.
        is_balanced: Whether classes count alike, however rare they are.
        threads: That an estimator may use at most.
    """

    rows: int
    columns: int
    classes: int
    is_exact: bool
    is_balanced: bool = False
    threads: int = 1

    @property
    def is_number(self) -> bool:
        """Whether numbers are to be predicted."""
        return self.classes == 1

    @property
    def workers(self) -> int:
        """Threads that are worth it: on few cells, beginning them takes longer."""
        return self.threads if self.rows * self.columns > MANY_CELLS else 1

    @property
    def weights(self) -> str | None:
        """How an estimator of scikit-learn is told what classes count."""
        return "balanced" if self.is_balanced else None


@dataclass(frozen=True)
class Candidate:
    """An estimator that is worth a try.

    Attributes:
        name: For people.
        family: What kind of model it becomes.
        make: A new one, not fitted.
        most_rows: It learns from no more than so many; more would take too long for
            what they teach it.
    """

    name: str
    family: Family
    make: Callable[[], Any]
    most_rows: int = 10**9

    def changed(self, change: Callable[[Any], Any]) -> Candidate:
        """The same, changed before it is fitted.

        Args:
            change: Gives what is fitted instead of an estimator.
        """
        make = self.make
        return replace(self, make=lambda: change(make()))


def candidates(kind: Kind) -> list[Candidate]:
    """What is worth a try on a table, the cheap first.

    Those of XGBoost and LightGBM are among them if they are installed.
    """
    found = _of_numbers(kind) if kind.is_number else _of_classes(kind)
    return [*found, *_of_others(kind)]


def _scaled(estimator: Any) -> Any:
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(StandardScaler(), estimator)


def _of_classes(kind: Kind) -> Iterator[Candidate]:
    from sklearn import ensemble, neural_network

    same: dict[str, Any] = {"random_state": SEED, "class_weight": kind.weights}
    yield from _linear(kind, same)
    yield Candidate(
        "extra trees",
        Family.FOREST,
        lambda: ensemble.ExtraTreesClassifier(100, n_jobs=kind.workers, **same),
    )
    yield Candidate(
        "random forest",
        Family.FOREST,
        lambda: ensemble.RandomForestClassifier(100, n_jobs=kind.workers, **same),
    )
    if not kind.is_exact:
        yield from _by_distance(kind)
    if kind.columns >= MANY_COLUMNS and not kind.is_balanced:
        yield Candidate(
            "small network",
            Family.NETWORK,
            lambda: _scaled(
                neural_network.MLPClassifier(
                    (100,), alpha=0.01, max_iter=40, random_state=SEED
                )
            ),
        )
    if kind.columns * kind.classes <= MOST_BOOSTED:
        yield Candidate(
            "gradient boosting",
            Family.BOOSTING,
            lambda: ensemble.HistGradientBoostingClassifier(
                max_iter=60, learning_rate=0.15, early_stopping=False, **same
            ),
        )


def _linear(kind: Kind, same: dict[str, Any]) -> Iterator[Candidate]:
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
    from sklearn.linear_model import LogisticRegression

    if not kind.is_balanced:
        yield Candidate(
            "linear discriminants",
            Family.LINEAR,
            lambda: LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto"),
            most_rows=50_000,
        )
    yield Candidate(
        "logistic regression",
        Family.LINEAR,
        lambda: _scaled(LogisticRegression(max_iter=200, **same)),
        most_rows=10_000,
    )
    yield Candidate(
        "logistic regression held back",
        Family.LINEAR,
        lambda: _scaled(LogisticRegression(C=0.1, max_iter=200, **same)),
        most_rows=10_000,
    )


def _by_distance(kind: Kind) -> Iterator[Candidate]:
    """Classifiers that keep rows and compare new ones with them: no exact models."""
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.svm import SVC

    if not kind.is_balanced:
        yield Candidate(
            "nearest neighbours",
            Family.NEIGHBOURS,
            lambda: _scaled(KNeighborsClassifier(5)),
            most_rows=10_000,
        )
    yield Candidate(
        "support vectors",
        Family.NEIGHBOURS,
        lambda: _scaled(SVC(C=3.0, class_weight=kind.weights, random_state=SEED)),
        most_rows=5_000,
    )


def _of_numbers(kind: Kind) -> Iterator[Candidate]:
    import numpy as np
    from sklearn import ensemble, linear_model

    more: dict[str, Any] = {"random_state": SEED, "n_jobs": kind.workers}
    yield Candidate(
        "ridge regression",
        Family.LINEAR,
        lambda: _scaled(linear_model.RidgeCV(np.logspace(-1, 4, 11))),
        most_rows=20_000,
    )
    yield Candidate(
        "robust regression",
        Family.LINEAR,
        lambda: _scaled(linear_model.HuberRegressor(alpha=1.0, max_iter=300)),
        most_rows=20_000,
    )
    yield Candidate(
        "extra trees",
        Family.FOREST,
        lambda: ensemble.ExtraTreesRegressor(100, min_samples_leaf=3, **more),
    )
    yield Candidate(
        "random forest",
        Family.FOREST,
        lambda: ensemble.RandomForestRegressor(
            100, min_samples_leaf=3, max_features=0.5, **more
        ),
    )
    yield Candidate(
        "gradient boosting",
        Family.BOOSTING,
        lambda: ensemble.HistGradientBoostingRegressor(
            max_iter=100, learning_rate=0.08, early_stopping=False, random_state=SEED
        ),
    )


def _of_others(kind: Kind) -> Iterator[Candidate]:
    """Boosting by other libraries, where they are installed."""
    if kind.columns * kind.classes > MOST_BOOSTED:
        return
    common: dict[str, Any] = {
        "n_estimators": 60,
        "learning_rate": 0.15,
        "random_state": SEED,
        "n_jobs": kind.workers,
    }

    def lightgbm() -> Any:
        import lightgbm

        if kind.is_number:
            return lightgbm.LGBMRegressor(verbose=-1, **common)
        return lightgbm.LGBMClassifier(verbose=-1, class_weight=kind.weights, **common)

    def xgboost() -> Any:
        import xgboost

        one = xgboost.XGBRegressor if kind.is_number else xgboost.XGBClassifier
        return one(max_depth=4, **common)

    if find_spec("lightgbm"):
        yield Candidate("LightGBM", Family.BOOSTING, lightgbm)
    # note: XGBoost takes the classes' numbers alone, as exact models have them.
    if find_spec("xgboost") and kind.is_exact and not kind.is_balanced:
        yield Candidate("XGBoost", Family.BOOSTING, xgboost)
