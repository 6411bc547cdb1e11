# SPDX-License-Identifier: Apache-2.0
"""Trees that XGBoost fitted."""

from __future__ import annotations

import json
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

ADVICE = Advice(units="n_estimators", depth="max_depth", size="max_leaves")

OF_CLASSES = ("binary:logistic", "multi:softprob", "multi:softmax")
OF_NUMBERS = (
    *("reg:squarederror", "reg:absoluteerror", "reg:pseudohubererror"),
    *("reg:quantileerror", "reg:squaredlogerror"),
)
"""Objectives whose prediction is the sum of the leaves that were reached."""


BOOSTERS = ("gbtree", "dart")
"""Those whose prediction is a sum of trees."""

Learner = dict[str, Any]
"""What was learnt, as the library's own JSON tells it."""


def classes(estimator: Any, shape: Shape) -> Converted:
    """An `XGBClassifier` or `XGBRFClassifier`.

    Raises:
        InputError: Its trees ask for what no exact tree asks for, its objective does
            more than add up, its classes are not codes, or a tree is too large.
    """
    learner = _learner(estimator, OF_CLASSES)
    start = _start(learner)
    if learner["objective"]["name"] == "binary:logistic":
        # note: of one class alone the share is 0 or 1, which is refused below.
        with np.errstate(divide="ignore"):
            start = np.log(start) - np.log1p(-start)
    rounds = _rounds(estimator, learner)
    start = np.broadcast_to(start, (len(rounds[0]),))
    # note: of two classes, a share of exactly one half says the first.
    return classes_of_rounds(estimator, shape, rounds, start, ADVICE, tie=False)


def numbers(estimator: Any, shape: Shape) -> Converted:
    """An `XGBRegressor` or `XGBRFRegressor`.

    Raises:
        InputError: Its trees ask for what no exact tree asks for, its objective does
            more than add up, or a tree is too large.
    """
    only_number(shape.outputs)
    learner = _learner(estimator, OF_NUMBERS)
    trees = [one for (one,) in _rounds(estimator, learner)]
    return summed(shape, trees, 1, float(_start(learner)[0]), ADVICE)


def _learner(estimator: Any, objectives: tuple[str, ...]) -> Learner:
    """What was learnt.

    Raises:
        InputError: It is no sum of trees that ask for codes.
    """
    if estimator.missing is not None and not np.isnan(estimator.missing):
        raise InputError(
            f"With missing={estimator.missing!r} a code would be no value.",
            hint="Leave `missing` out: code 0 is a value like others.",
        )
    booster = estimator.get_booster()
    found: Learner = json.loads(bytes(booster.save_raw("json")))["learner"]
    kind = found["gradient_booster"]["name"]
    if kind not in BOOSTERS:
        raise InputError(
            f"With booster={kind!r} the model is no sum of trees.",
            hint="Fit it with booster='gbtree'.",
        )
    objective = found["objective"]["name"]
    if objective not in objectives or found["learner_model_param"]["num_target"] != "1":
        raise InputError(
            f"With objective={objective!r} the prediction is no sum of trees.",
            hint=f"What can be converted: {', '.join(objectives)}; of one target.",
        )
    return found


def _start(learner: Learner) -> npt.NDArray[np.float64]:
    """What is added to the trees: one value, or one for each class."""
    said = learner["learner_model_param"]["base_score"]
    return np.atleast_1d(np.array(json.loads(said), dtype=np.float64))


def _rounds(estimator: Any, learner: Learner) -> Rounds:
    """Its trees; after early stopping those up to the best round, as in `predict`."""
    booster = learner["gradient_booster"]
    model = booster.get("gbtree", booster)["model"]
    # Dart's trees count by weights of their own, which stood outside before 3.3.
    weights = booster.get("weight_drop") or model.get("weight_drop")
    weights = weights or [1.0] * len(model["trees"])
    outputs = max(1, int(learner["learner_model_param"]["num_class"]))
    trees: list[list[Fitted]] = [[] for _ in range(outputs)]
    # A round may have several trees for each class, which stand together.
    for output, tree, weight in zip(
        model["tree_info"], model["trees"], weights, strict=True
    ):
        trees[output].append(_tree(tree, weight))
    rounds = list(zip(*trees, strict=True))
    best = getattr(estimator, "best_iteration", None)
    if best is None:
        return rounds
    return rounds[: (best + 1) * int(model["gbtree_model_param"]["num_parallel_tree"])]


def _tree(tree: dict[str, Any], weight: float) -> Fitted:
    if tree["tree_param"]["size_leaf_vector"] not in ("0", "1"):
        raise InputError(
            "Trees whose leaves speak of several classes cannot be converted.",
            hint="Fit it with multi_strategy='one_output_per_tree'.",
        )
    left = np.array(tree["left_children"], dtype=np.int64)
    inner = left >= 0
    if (np.array(tree["split_type"])[inner] != 0).any():
        raise InputError(
            "Trees that ask for one of several categories cannot be converted.",
            hint="Fit it on the codes as numbers: they are in order.",
        )
    # note: a leaf's value stands where an inner node has its threshold, and nodes
    # that were pruned still stand there as leaves.
    said = np.array(tree["split_conditions"], dtype=np.float32).astype(np.float64)
    return Fitted(
        left,
        np.array(tree["right_children"], dtype=np.int64),
        np.array(tree["split_indices"], dtype=np.int64),
        # To the left if the code is below, and codes are whole numbers.
        np.where(inner, np.ceil(said) - 1, 0),
        np.where(inner, 0, said * weight)[:, None],
    )
