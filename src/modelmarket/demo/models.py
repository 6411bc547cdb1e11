# SPDX-License-Identifier: Apache-2.0
"""The demo's five honest models, trained with scikit-learn, kept as ONNX."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from modelmarket.errors import NotFoundError

if TYPE_CHECKING:
    import numpy as np
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
        subsample=0.08 if many else 0.8,
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


# All of MNIST at once would take some of them more than a GB.
RECIPES = (
    Recipe("linear", _linear, most_rows=30_000),
    Recipe("forest", _forest, most_rows=40_000),
    Recipe("boosting", _boosting),
    Recipe("network", _network, most_rows=40_000),
    Recipe("neighbours", _neighbours, most_rows=10_000),
)


def require_libraries() -> None:
    """Raises a `NotFoundError` unless what the demo needs is installed."""
    for name in ("onnxruntime", "skl2onnx", "sklearn"):
        if find_spec(name) is None:
            raise NotFoundError(
                f"The demo trains real models and needs {name}.",
                hint="pip install 'modelmarket[demo]'",
            )


def train(
    recipe: Recipe, features: npt.NDArray[np.float32], labels: npt.NDArray[np.str_]
) -> bytes:
    """Trains a model.

    Args:
        recipe: How.
        features: Shape (rows, columns).
        labels: Shape (rows,).

    Returns:
        The model as ONNX.
    """
    import warnings

    from skl2onnx import to_onnx
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = recipe.make(len(features)).fit(features, labels)
    # A matrix of class probabilities rather than a dictionary for each row.
    exported = to_onnx(model, features[:1], options={"zipmap": False})
    data: bytes = exported.SerializeToString()
    return data


def predict(model: bytes, features: npt.NDArray[np.float32]) -> list[str]:
    """Predicts with an exported model, as whoever buys it would.

    Args:
        model: As ONNX.
        features: Shape (rows, columns).

    Returns:
        A class name for each row.
    """
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = 2
    session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    batch = 200
    labels: list[str] = []
    for at in range(0, len(features), batch):
        (predicted,) = session.run(
            ["label"], {session.get_inputs()[0].name: features[at : at + batch]}
        )
        labels += [str(one) for one in predicted]
    return labels
