# SPDX-License-Identifier: Apache-2.0
"""Boosting: trees add up to a raw value for each class, or to a number."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from modelmarket.errors import InputError
from modelmarket.models.converting.forests import summed
from modelmarket.models.converting.growing import Fitted, grown, scalar_words
from modelmarket.models.converting.parts import (
    NEVER,
    Classes,
    Converted,
    ensemble,
    only_number,
)
from modelmarket.models.ensembles import Trees
from modelmarket.models.header import Advice, Form
from modelmarket.models.shape import Shape

GRADIENT = Advice(units="n_estimators", depth="max_depth", size="max_leaf_nodes")
HISTOGRAM = Advice(units="max_iter", depth="max_depth", size="max_leaf_nodes")

MOST_BITS = 60
"""Sums of leaves stay below 2**60, so that they never come near 64 bits."""

FINEST_BITS = 52
"""A value of 1 is at most 2**52: more a double does not hold."""

Rounds = Sequence[Sequence[Fitted]]
"""The trees of each round: one for each class, or one alone for two classes."""


def gradient_of_classes(estimator: Any, shape: Shape) -> Converted:
    """Gradient boosting that predicts classes.

    Raises:
        InputError: It starts from another model, its classes are not codes, or a tree
            is too large.
    """
    rounds = _gradient_rounds(estimator)
    raw = np.atleast_1d(estimator.decision_function(_zeros(estimator))[0])
    # note: of two classes, a raw value of exactly 0 says the second.
    return classes_of_rounds(
        estimator, shape, rounds, raw - _at_zero(rounds), GRADIENT, tie=len(raw) == 1
    )


def gradient_of_numbers(estimator: Any, shape: Shape) -> Converted:
    """Gradient boosting that predicts numbers.

    Raises:
        InputError: It starts from another model, or a tree is too large.
    """
    only_number(shape.outputs)
    rounds = _gradient_rounds(estimator)
    start = float(estimator.predict(_zeros(estimator))[0] - _at_zero(rounds)[0])
    return summed(shape, [one for (one,) in rounds], 1, start, GRADIENT)


def histogram_of_classes(estimator: Any, shape: Shape) -> Converted:
    """Histogram boosting that predicts classes.

    Raises:
        InputError: It has columns of categories, its classes are not codes, or a tree
            is too large.
    """
    rounds = _histogram_rounds(estimator)
    start = np.ravel(estimator._baseline_prediction)  # noqa: SLF001  # has no public name
    return classes_of_rounds(estimator, shape, rounds, start, HISTOGRAM, tie=False)


def histogram_of_numbers(estimator: Any, shape: Shape) -> Converted:
    """Histogram boosting that predicts numbers.

    Raises:
        InputError: It predicts a logarithm, has columns of categories, or a tree is too
            large.
    """
    only_number(shape.outputs)
    if estimator.loss in ("poisson", "gamma"):
        raise InputError(
            f"With loss={estimator.loss!r} the trees add up to a logarithm, which is "
            "no sum of whole numbers.",
            hint="Fit it with loss='squared_error' or 'absolute_error'.",
        )
    rounds = _histogram_rounds(estimator)
    start = float(np.ravel(estimator._baseline_prediction)[0])  # noqa: SLF001  # as above
    return summed(shape, [one for (one,) in rounds], 1, start, HISTOGRAM)


def _zeros(estimator: Any) -> npt.NDArray[np.float64]:
    return np.zeros((1, estimator.n_features_in_))


def _gradient_rounds(estimator: Any) -> Rounds:
    from sklearn.dummy import DummyClassifier, DummyRegressor

    start = estimator.init_
    if not isinstance(start, DummyClassifier | DummyRegressor) and start != "zero":
        raise InputError(
            "Boosting that starts from another model cannot be converted.",
            hint="Leave out `init`.",
        )
    rate = estimator.learning_rate
    return [[_scaled(one.tree_, rate) for one in row] for row in estimator.estimators_]


def _scaled(tree: Any, rate: float) -> Fitted:
    fitted = Fitted.of(tree)
    return Fitted(
        fitted.left,
        fitted.right,
        fitted.feature,
        fitted.threshold,
        fitted.values * rate,
    )


def _at_zero(rounds: Rounds) -> npt.NDArray[np.float64]:
    """What the trees add up to for a row of zeros, for each class."""
    sums = np.zeros(len(rounds[0]))
    for row in rounds:
        for place, one in enumerate(row):
            node = 0
            while one.left[node] >= 0:
                node = int((one.left if one.threshold[node] >= 0 else one.right)[node])
            sums[place] += one.values[node, 0]
    return sums


def _histogram_rounds(estimator: Any) -> Rounds:
    predictors = estimator._predictors  # noqa: SLF001  # they have no public name
    return [[_histogram_tree(one.nodes) for one in row] for row in predictors]


def _histogram_tree(nodes: Any) -> Fitted:
    leaf = nodes["is_leaf"].astype(bool)
    if (nodes["is_categorical"].astype(bool) & ~leaf).any():
        raise InputError(
            "Trees that ask for one of several categories cannot be converted.",
            hint="Fit it with categorical_features=None: codes are in order.",
        )
    return Fitted(
        np.where(leaf, -1, nodes["left"].astype(np.int64)),
        np.where(leaf, -1, nodes["right"].astype(np.int64)),
        nodes["feature_idx"].astype(np.int64),
        nodes["num_threshold"].astype(np.float64),
        nodes["value"].astype(np.float64)[:, None],
    )


def classes_of_rounds(
    estimator: Any,
    shape: Shape,
    rounds: Rounds,
    start: npt.NDArray[np.float64],
    advice: Advice,
    *,
    tie: bool,
) -> Converted:
    """Trees output by output.

    Args:
        estimator: The classifier.
        shape: Of the rows.
        rounds: Its trees.
        start: Shape (1,) for two classes, else (classes,): what is added to the trees.
        advice: What its parameters are called.
        tie: Of two classes, whether the second wins when they are equal.

    Raises:
        InputError: It knows one class alone, its classes are not codes, or a tree is
            too large.
    """
    classes = Classes.of(estimator, shape)
    if len(classes.codes) == 1:
        raise InputError(
            "The estimator was fitted on rows of one class alone.",
            hint="Fit it on rows of two classes or more.",
        )
    codes = classes.codes if len(start) > 1 else classes.codes[1:]
    scale = _scale(rounds, start)
    base = np.zeros(classes.outputs, dtype=np.int64)
    base[classes.unseen] = NEVER
    base[list(codes)] = np.rint(start * scale).astype(np.int64)
    if len(start) == 1:
        first, second = classes.codes
        # note: of equal outputs the first wins, whichever class of the two that is.
        base[second] += int(tie) - int(second < first)
    flat = grown(Fitted.flat(), scalar_words(np.zeros(1, dtype=np.int64)))
    trees = []
    for output in range(0 if 0 in codes else 1, classes.outputs):
        if output not in codes:
            trees += [flat] * len(rounds)
            continue
        for row in rounds:
            one = row[codes.index(output)]
            values = np.rint(one.values[:, 0] * scale).astype(np.int64)
            trees.append(grown(one, scalar_words(values)))
    joined = Trees.joined(trees)
    return ensemble(shape, Form.SCALAR, base, joined, advice, rounds=len(rounds))


def _scale(rounds: Rounds, start: npt.NDArray[np.float64]) -> float:
    """What values are multiplied with: a power of two, as large as sums allow."""
    most = max(float(np.abs(one.leaf_values).max()) for row in rounds for one in row)
    bound = len(rounds) * most + float(np.abs(start).max())
    bits = MOST_BITS - int(np.ceil(np.log2(bound))) if bound else 0
    return 2.0 ** min(bits, FINEST_BITS)
