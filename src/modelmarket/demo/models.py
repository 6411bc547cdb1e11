# SPDX-License-Identifier: Apache-2.0
"""The demo's five honest models, trained with scikit-learn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from modelmarket.errors import NotFoundError, how_to_install

if TYPE_CHECKING:
    import numpy.typing as npt

MANY_ROWS = 10_000
COMPONENTS = 40
SEED = 7


@dataclass(frozen=True)
class Recipe:
    """How a trainer makes a model.

    Attributes:
        name: What it is called in the market.
        make: The estimator, for a number of training rows.
        most_rows: It learns from no more than so many.
    """

    name: str
    make: Callable[[int], Any]
    most_rows: int = 10**9


def _scaler() -> Any:
    from sklearn.preprocessing import MinMaxScaler

    # perf: in place; the trainer's matrix is needed no more.
    return MinMaxScaler(copy=False)


def _linear(rows: int) -> Any:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    steps = 25 if rows > MANY_ROWS else 300
    return make_pipeline(_scaler(), LogisticRegression(max_iter=steps, tol=1e-2))


def _forest(rows: int) -> Any:
    from sklearn.ensemble import RandomForestClassifier

    return RandomForestClassifier(
        n_estimators=30 if rows > MANY_ROWS else 100,
        max_leaf_nodes=1_000,
        n_jobs=2,
        random_state=SEED,
    )


def _boosting(rows: int) -> Any:
    from sklearn.decomposition import PCA
    from sklearn.ensemble import GradientBoostingClassifier
    from sklearn.pipeline import make_pipeline

    # note: the histogram variant cannot be exported by skl2onnx 1.20.
    many = rows > MANY_ROWS
    boosting = GradientBoostingClassifier(
        n_estimators=15 if many else 30,
        learning_rate=0.3,
        max_depth=4 if many else 3,
        subsample=0.25 if many else 0.8,
        random_state=SEED,
    )
    return make_pipeline(PCA(COMPONENTS, random_state=SEED), boosting)


def _network(rows: int) -> Any:
    from sklearn.neural_network import MLPClassifier
    from sklearn.pipeline import make_pipeline

    steps = 8 if rows > MANY_ROWS else 60
    network = MLPClassifier((64,), max_iter=steps, tol=0, random_state=SEED)
    return make_pipeline(_scaler(), network)


def _neighbours(rows: int) -> Any:  # noqa: ARG001  # as the others
    from sklearn.decomposition import PCA
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.pipeline import make_pipeline

    return make_pipeline(
        PCA(COMPONENTS, random_state=SEED), KNeighborsClassifier(n_neighbors=3)
    )


# Five people learn in turn, on one machine: all of MNIST would take them minutes.
RECIPES = (
    Recipe("linear", _linear, most_rows=12_000),
    Recipe("forest", _forest, most_rows=12_000),
    Recipe("boosting", _boosting, most_rows=12_000),
    Recipe("network", _network, most_rows=12_000),
    Recipe("neighbours", _neighbours, most_rows=3_000),
)


def require_libraries() -> None:
    """Raises a `NotFoundError` unless what the demo needs is installed."""
    for name in ("onnxmltools", "onnxruntime", "skl2onnx"):
        if find_spec(name) is None:
            raise NotFoundError(
                f"The demo trains real models and needs {name}.",
                hint=how_to_install("onnx"),
            )


def fitted(recipe: Recipe, features: npt.NDArray[Any], labels: npt.NDArray[Any]) -> Any:
    """Trains a model.

    Args:
        recipe: How.
        features: Shape (rows, columns).
        labels: Shape (rows,).

    Returns:
        A fitted classifier.
    """
    import warnings

    import numpy as np
    from sklearn.exceptions import ConvergenceWarning

    learnt = features[: recipe.most_rows].astype(np.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return recipe.make(len(learnt)).fit(learnt, labels[: len(learnt)])
