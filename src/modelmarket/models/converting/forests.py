# SPDX-License-Identifier: Apache-2.0
"""Decision trees and forests: every tree says what it thinks, and the mean counts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from modelmarket.models.converting.growing import (
    Fitted,
    fraction_words,
    grown,
    lane_words,
    scalar_words,
)
from modelmarket.models.converting.parts import (
    Classes,
    Converted,
    ensemble,
    only_number,
)
from modelmarket.models.ensembles import Trees
from modelmarket.models.header import Advice, Form
from modelmarket.models.shape import Shape

ADVICE = Advice(units="n_estimators", depth="max_depth", size="max_leaf_nodes")

SCALE = 2**40
"""What a probability of 1 is as a scalar."""

MOST_RANGE = 2**32 - 2


def _members(estimator: Any) -> list[Fitted]:
    """The trees of a forest, or the one of a decision tree."""
    members = getattr(estimator, "estimators_", [estimator])
    return [Fitted.of(one.tree_) for one in members]


def forest_of_classes(estimator: Any, shape: Shape) -> Converted:
    """A decision tree or forest that predicts classes.

    Probabilities become whole numbers, such that no sum over all trees can carry into
    the lane beside it.

    Raises:
        InputError: Its classes are not codes, or a tree is too large.
    """
    classes = Classes.of(estimator, shape)
    members = _members(estimator)
    base = np.zeros(classes.outputs, dtype=np.int64)
    for form in (Form.LANES_32, Form.LANES_16):
        if classes.outputs <= form.most_outputs:
            scale = (2**form.lane_bits - 1) // len(members)
            trees = []
            for one in members:
                shares = np.zeros((len(one.left), classes.outputs), dtype=np.int64)
                shares[:, list(classes.codes)] = np.rint(_shares(one) * scale)
                trees.append(grown(one, lane_words(shares, form.lane_bits)))
            return ensemble(shape, form, base, Trees.joined(trees), ADVICE)
    return _one_output_each(members, classes, shape)


def _one_output_each(
    members: Sequence[Fitted], classes: Classes, shape: Shape
) -> Converted:
    """Too many classes for lanes: each tree once for each output."""
    trees = []
    for output in range(classes.outputs):
        if output not in classes.codes:
            flat = grown(Fitted.flat(), scalar_words(np.zeros(1, dtype=np.int64)))
            trees += [flat] * len(members)
            continue
        place = classes.codes.index(output)
        for one in members:
            shares = np.rint(_shares(one)[:, place] * SCALE).astype(np.int64)
            trees.append(grown(one, scalar_words(shares)))
    base, joined = np.zeros(classes.outputs, dtype=np.int64), Trees.joined(trees)
    rounds = len(members)
    return ensemble(shape, Form.SCALAR, base, joined, ADVICE, rounds=rounds)


def _shares(fitted: Fitted) -> Any:
    """Shape (nodes, classes): the share of each class."""
    return fitted.values / fitted.values.sum(axis=1, keepdims=True)


def forest_of_numbers(estimator: Any, shape: Shape) -> Converted:
    """A decision tree or forest that predicts numbers.

    Raises:
        InputError: The contest is one of classes, or a tree is too large.
    """
    only_number(shape.outputs)
    members = _members(estimator)
    return summed(shape, members, 1 / len(members), 0, ADVICE)


def summed(
    shape: Shape, members: Sequence[Fitted], factor: float, start: float, advice: Advice
) -> Converted:
    """An ensemble whose prediction is a sum, rounded to the nearest whole number.

    Args:
        shape: Of the rows.
        members: The trees.
        factor: What each is multiplied with.
        start: What is added to their sum.
        advice: What the estimator's parameters are called.

    Raises:
        InputError: A tree is too large.
    """
    least = start + factor * sum(float(np.min(one.leaf_values)) for one in members)
    most = start + factor * sum(float(np.max(one.leaf_values)) for one in members)
    if most - least < MOST_RANGE:
        floor = int(np.floor(least))
        rest = start + 0.5 - floor
        trees = []
        for one in members:
            # What is not a tree's own rides on the first: the start, and the half
            # that makes cutting off rounding.
            trees.append(grown(one, fraction_words(one.values[:, 0] * factor + rest)))
            rest = 0
        base = np.array([floor], dtype=np.int64)
        return ensemble(shape, Form.LANES_32, base, Trees.joined(trees), advice)
    # Such wide values lose nothing that counts when each is rounded.
    trees = [
        grown(one, scalar_words(np.rint(one.values[:, 0] * factor).astype(np.int64)))
        for one in members
    ]
    base, joined = np.array([round(start)], dtype=np.int64), Trees.joined(trees)
    rounds = len(members)
    return ensemble(shape, Form.SCALAR, base, joined, advice, rounds=rounds)
