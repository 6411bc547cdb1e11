# SPDX-License-Identifier: Apache-2.0
"""Trees that CatBoost fitted, symmetric or grown in another way.

They ask whether a value, in 32 bits of floating point, is above a border.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import numpy.typing as npt

from modelmarket.errors import InputError
from modelmarket.models.converting.boosting import Rounds, classes_of_rounds
from modelmarket.models.converting.forests import summed
from modelmarket.models.converting.growing import Fitted
from modelmarket.models.converting.parts import Converted, only_number
from modelmarket.models.header import Advice
from modelmarket.models.shape import Shape

OF_CLASSES = (
    *("Logloss", "CrossEntropy", "Focal"),
    *("MultiClass", "MultiClassOneVsAll"),
)
"""Loss functions after which the largest sum of leaves says the class."""

OF_NUMBERS = (
    *("RMSE", "MAE", "Quantile", "MAPE", "Lq", "Huber", "Expectile", "LogCosh"),
)
"""Loss functions whose prediction is the sum of the leaves that were reached."""

ROUNDS = ("iterations", "n_estimators", "num_boost_round", "num_trees")
DEPTH = ("depth", "max_depth")
LEAVES = ("max_leaves", "num_leaves")
"""What parameters are called; the first name is the library's own."""
USUAL_ROUNDS, USUAL_DEPTH, USUAL_LEAVES = 1_000, 6, 31
"""And what they are if nothing is said."""
ADVICE = Advice(units=ROUNDS[0], depth=DEPTH[0])
"""Of their leaves a number can be said only where they grow leaf by leaf."""

NUMERIC = "FloatFeature"
"""A question about a number, as the library's own JSON calls it."""

Learnt = dict[str, Any]
"""What was learnt, as the library's own JSON tells it."""


def is_one(estimator: Any) -> bool:
    """Whether it is CatBoost's classifier or regressor; it need not be loaded."""
    catboost = sys.modules.get("catboost")
    return catboost is not None and isinstance(
        estimator, catboost.CatBoostClassifier | catboost.CatBoostRegressor
    )


def columns_of(estimator: Any) -> int | None:
    """How many columns it reads; None if it was neither fitted nor loaded."""
    # Of a loaded one `n_features_in_` is not there.
    return len(estimator.feature_names_) if estimator.is_fitted() else None


def names_of(estimator: Any) -> list[str] | None:
    """The names of the columns that it was fitted on; None if they had none."""
    names = list(map(str, estimator.feature_names_))
    return None if names == [str(at) for at in range(len(names))] else names


@dataclass(frozen=True, eq=False)
class Sums:
    """What is added up for a row.

    Attributes:
        rounds: The trees of each round: one for each output.
        start: Shape (outputs,): what is added to them.
        above: Whether a column's gaps are above every border, or below all; shape
            (columns,).
        has_gaps: Whether there were any in training.
        loss: The loss function, by its name.
    """

    rounds: Rounds
    start: npt.NDArray[np.float64]
    above: npt.NDArray[np.bool_]
    has_gaps: bool
    loss: str


def classes(estimator: Any, shape: Shape) -> Converted:
    """A `CatBoostClassifier`.

    Raises:
        InputError: Its trees ask for what no exact tree asks for, its loss function
            does more than add up, its classes are not codes, or a tree is too large.
    """
    sums = of_classes(estimator)
    _refuse_gaps(sums)
    # note: of two classes, a raw value of exactly 0 says the first.
    return classes_of_rounds(
        estimator, shape, sums.rounds, sums.start, ADVICE, tie=False
    )


def numbers(estimator: Any, shape: Shape) -> Converted:
    """A `CatBoostRegressor`.

    Raises:
        InputError: Its trees ask for what no exact tree asks for, its loss function
            does more than add up, or a tree is too large.
    """
    only_number(shape.outputs)
    sums = of_numbers(estimator)
    _refuse_gaps(sums)
    trees = [one for (one,) in sums.rounds]
    return summed(shape, trees, 1, float(sums.start[0]), ADVICE)


def of_numbers(estimator: Any) -> Sums:
    """What a `CatBoostRegressor` adds up: the number that it predicts.

    Raises:
        InputError: Its trees ask for what is no number, or its loss function does more
            than add up.
    """
    return _sums(_learnt(estimator, OF_NUMBERS))


def of_classes(estimator: Any) -> Sums:
    """What a `CatBoostClassifier` adds up: a raw value for each class, or for the
    second of two, which is above 0 then.

    Raises:
        InputError: Its trees ask for what is no number, or it says a class in another
            way.
    """
    sums, known = _sums(_learnt(estimator, OF_CLASSES)), len(estimator.classes_)
    outputs = len(sums.start)
    if outputs == 1:
        share = float(estimator.get_probability_threshold())
        with np.errstate(divide="ignore"):
            sums.start[:] -= np.log(share) - np.log1p(-share)
    if (
        outputs != (known if outputs > 1 else known - 1)
        or not np.isfinite(sums.start).all()
    ):
        raise InputError(
            f"It was told of {known:,} classes and learnt {outputs:,}, or always says "
            "the same.",
            hint="Fit it without classes_count, on rows of all its classes.",
        )
    return sums


def refuse_categories(estimator: Any) -> None:
    """Refuses what reads anything but numbers.

    Raises:
        InputError: It does.
    """
    if any(
        ask()
        for ask in (
            estimator.get_cat_feature_indices,
            estimator.get_text_feature_indices,
            estimator.get_embedding_feature_indices,
        )
    ):
        raise InputError(
            "Trees that ask for categories, texts or embeddings cannot be converted.",
            hint="Fit it without cat_features, text_features and embedding_features: "
            "codes are numbers, and an encoder in a pipeline makes others.",
        )


def _refuse_gaps(sums: Sums) -> None:
    if sums.has_gaps:
        raise InputError(
            "Trees that were fitted on missing values cannot be converted.",
            hint="Fit it on the codes: code 0 is a value like others, and stands for "
            "one that is missing.",
        )


def _learnt(estimator: Any, losses: tuple[str, ...]) -> Learnt:
    """What was learnt; after early stopping up to the best round, as in `predict`.

    Raises:
        InputError: The prediction is no sum of trees.
    """
    refuse_categories(estimator)
    # Only as a file it is promised to be JSON.
    with TemporaryDirectory() as folder:
        path = Path(folder) / "model.json"
        estimator.save_model(str(path), format="json")
        found: Learnt = json.loads(path.read_bytes())
    loss = _loss(found)
    if loss not in losses:
        raise InputError(
            f"With loss_function={loss!r} the prediction is no sum of trees.",
            hint=f"What can be converted: {', '.join(losses)}.",
        )
    return found


def _loss(learnt: Learnt) -> str:
    return str(learnt["model_info"]["params"]["loss_function"]["type"])


def _sums(learnt: Learnt) -> Sums:
    scale, start = learnt["scale_and_bias"]
    columns = learnt["features_info"]["float_features"]
    # Questions name columns by their place among those of numbers: all are.
    trees = [_symmetric(one) for one in learnt.get("oblivious_trees", ())]
    trees += [_nested(one) for one in learnt.get("trees", ())]
    return Sums(
        [_of_each_output(one, scale, len(start)) for one in trees],
        np.array(start, dtype=np.float64),
        np.array([one["nan_value_treatment"] == "AsTrue" for one in columns]),
        any(one["has_nans"] for one in columns),
        _loss(learnt),
    )


def _of_each_output(tree: Fitted, scale: float, outputs: int) -> list[Fitted]:
    values = tree.values.reshape(-1, outputs) * scale
    return [
        Fitted(tree.left, tree.right, tree.feature, tree.threshold, values[:, at, None])
        for at in range(outputs)
    ]


def _symmetric(tree: Learnt) -> Fitted:
    """A tree that asks the same of all nodes of a level, the last question first."""
    splits = (tree.get("splits") or [])[::-1]
    inner = 2 ** len(splits) - 1
    leaves = np.array(tree["leaf_values"], dtype=np.float64).reshape(inner + 1, -1)
    nodes = np.arange(2 * inner + 1)
    is_leaf = nodes >= inner
    level = np.floor(np.log2(nodes[:inner] + 1)).astype(np.int64)
    asked = [_question(one) for one in splits]
    features = np.array([one for one, _ in asked], dtype=np.int64)
    borders = np.array([one for _, one in asked], dtype=np.float64)
    none = np.zeros(inner + 1)
    return Fitted(
        np.where(is_leaf, -1, 2 * nodes + 1),
        np.where(is_leaf, -1, 2 * nodes + 2),
        np.concatenate([features[level], none.astype(np.int64)]),
        np.concatenate([borders[level], none]),
        np.concatenate([np.zeros((inner, leaves.shape[1])), leaves]),
    )


def _nested(root: Learnt) -> Fitted:
    """A tree whose nodes hold their sides."""
    nodes, left, right = [root], list[int](), list[int]()
    for node in nodes:  # which becomes longer meanwhile
        is_leaf = "split" not in node
        left.append(-1 if is_leaf else len(nodes))
        right.append(-1 if is_leaf else len(nodes) + 1)
        if not is_leaf:
            nodes += (node["left"], node["right"])
    asked = [_question(one["split"]) if "split" in one else (0, 0.0) for one in nodes]
    outputs = max(np.size(one["value"]) for one in nodes if "split" not in one)
    none = np.zeros(outputs)
    values = [none if "split" in one else np.ravel(one["value"]) for one in nodes]
    return Fitted(
        np.array(left, dtype=np.int64),
        np.array(right, dtype=np.int64),
        np.array([feature for feature, _ in asked], dtype=np.int64),
        np.array([border for _, border in asked], dtype=np.float64),
        np.array(values, dtype=np.float64),
    )


def _question(split: Learnt) -> tuple[int, float]:
    """The column of a question, and its border: to the right if above.

    Raises:
        InputError: It asks for no number.
    """
    if split["split_type"] != NUMERIC:
        raise InputError(
            "Trees that ask for one of several categories cannot be converted.",
            hint="Fit it without cat_features: codes are in order.",
        )
    return split["float_feature_index"], float(np.float32(split["border"]))
