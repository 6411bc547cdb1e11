# SPDX-License-Identifier: Apache-2.0
"""Trees that LightGBM fitted.

Their leaves hold what counts: learning rates, the weights of dart and what the sum
begins with are in them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from modelmarket.errors import InputError
from modelmarket.models.converting.boosting import Rounds, classes_of_rounds
from modelmarket.models.converting.forests import summed
from modelmarket.models.converting.growing import Fitted
from modelmarket.models.converting.parts import Converted, only_number
from modelmarket.models.header import Advice
from modelmarket.models.shape import Shape

ADVICE = Advice(units="n_estimators", depth="max_depth", size="num_leaves")

OF_CLASSES = ("binary", "multiclass", "multiclassova")
"""Objectives that say the class with the largest sum of leaves."""

OF_NUMBERS = ("regression", "regression_l1", "huber", "fair", "quantile", "mape")
"""Objectives whose prediction is the sum, or the mean, of the leaves reached."""

Learnt = dict[str, Any]
"""What was learnt, as the library's own JSON tells it."""


def classes(estimator: Any, shape: Shape) -> Converted:
    """An `LGBMClassifier`.

    Raises:
        InputError: Its trees ask for what no exact tree asks for, its objective does
            more than add up, its classes are not codes, or a tree is too large.
    """
    rounds = _rounds(_learnt(estimator, OF_CLASSES))
    # What the sum begins with is in the first round's leaves. Where the mean counts,
    # the sum says the same class.
    start = np.zeros(len(rounds[0]))
    return classes_of_rounds(estimator, shape, rounds, start, ADVICE, tie=False)


def numbers(estimator: Any, shape: Shape) -> Converted:
    """An `LGBMRegressor`.

    Raises:
        InputError: Its trees ask for what no exact tree asks for, its objective does
            more than add up, or a tree is too large.
    """
    only_number(shape.outputs)
    learnt = _learnt(estimator, OF_NUMBERS)
    trees = [one for (one,) in _rounds(learnt)]
    factor = 1 / len(trees) if learnt["average_output"] else 1
    return summed(shape, trees, factor, 0, ADVICE)


def _learnt(estimator: Any, objectives: tuple[str, ...]) -> Learnt:
    """What was learnt; after early stopping up to the best round, as in `predict`.

    Raises:
        InputError: The prediction is no sum of trees.
    """
    found: Learnt = estimator.booster_.dump_model()
    said = str(found.get("objective", "another"))
    name, _, options = said.partition(" ")
    if name not in objectives or "sqrt" in options:
        raise InputError(
            f"With objective {said!r} the prediction is no sum of trees.",
            hint=f"What can be converted: {', '.join(objectives)}; without reg_sqrt.",
        )
    return found


def _rounds(learnt: Learnt) -> Rounds:
    trees = [_tree(one["tree_structure"]) for one in learnt["tree_info"]]
    each = int(learnt["num_tree_per_iteration"])
    return [trees[at : at + each] for at in range(0, len(trees), each)]


@dataclass
class _Nodes:
    """A tree's nodes, one after the other."""

    left: list[int] = field(default_factory=list)
    right: list[int] = field(default_factory=list)
    feature: list[int] = field(default_factory=list)
    threshold: list[float] = field(default_factory=list)
    values: list[float] = field(default_factory=list)

    def add(self, node: dict[str, Any]) -> int:
        """Takes a node in without its sides, and says where it stands."""
        is_leaf = "split_feature" not in node
        if is_leaf and node.get("leaf_features"):
            raise InputError(
                "Trees whose leaves are linear models cannot be converted.",
                hint="Fit it with linear_tree=False.",
            )
        if not is_leaf:
            _check_question(node)
        self.left.append(-1)
        self.right.append(-1)
        self.feature.append(0 if is_leaf else node["split_feature"])
        self.threshold.append(0 if is_leaf else node["threshold"])
        self.values.append(node["leaf_value"] if is_leaf else 0)
        return len(self.left) - 1


def _check_question(node: dict[str, Any]) -> None:
    if node["decision_type"] != "<=":
        raise InputError(
            "Trees that ask for one of several categories cannot be converted.",
            hint="Fit it without categorical_feature: codes are in order.",
        )
    if node["missing_type"] != "None":
        raise InputError(
            "Trees that were fitted on missing values cannot be converted.",
            hint="Fit it on the codes, without zero_as_missing: code 0 is a value like "
            "others, and stands for one that is missing.",
        )


def _tree(root: dict[str, Any]) -> Fitted:
    nodes = _Nodes()
    waiting = [(root, nodes.add(root))]
    while waiting:
        node, at = waiting.pop()
        if "split_feature" not in node:
            continue
        for side, places in (
            ("left_child", nodes.left),
            ("right_child", nodes.right),
        ):
            places[at] = nodes.add(node[side])
            waiting.append((node[side], places[at]))
    return Fitted(
        np.array(nodes.left, dtype=np.int64),
        np.array(nodes.right, dtype=np.int64),
        np.array(nodes.feature, dtype=np.int64),
        np.array(nodes.threshold, dtype=np.float64),
        np.array(nodes.values, dtype=np.float64)[:, None],
    )
