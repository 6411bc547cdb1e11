# SPDX-License-Identifier: Apache-2.0
"""Parameters with which an estimator's model fits into a contest's limits.

What is asked for is kept where it can be. Else trees become less deep before they
become fewer, down to a depth that is still worth a tree; then they become fewer; and
last of all each has fewer leaves, so that all can be posted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from modelmarket.errors import InputError
from modelmarket.models.converting import of_catboost, of_torch
from modelmarket.models.converting.dispatch import KNOWN
from modelmarket.models.converting.parts import MOST_LEAVES
from modelmarket.models.header import (
    MOST_DEPTH,
    MOST_EXECUTED,
    MOST_NEURONS,
    MOST_PART,
    MOST_PARTS,
    MOST_WORDS,
    Form,
    Limits,
)
from modelmarket.protocol.labels import WORD_BYTES

Parameters = dict[str, Any]
"""By name, as `set_params` takes them."""

DEPTH_WORTH_A_TREE = 6
LEAVES_WORTH_A_TREE = 8

SIZES = ("max_leaf_nodes", "max_leaves", "num_leaves")
"""What the number of a tree's leaves is called: by scikit-learn, XGBoost, LightGBM."""

ROUNDS = 100
"""Of XGBoost, if nothing is said."""

XGBOOSTS_DEPTH = 6
"""How deep its trees become if nothing is said; 0 is as deep as they like."""

WORDS_A_LEAF = 1.15
"""A leaf, an inner node and their bits take that many words of a tree as posted."""

WORDS_A_TREE = 4
"""And so many more, whatever its size."""


@dataclass(frozen=True)
class _Trees:
    """How an estimator of trees is counted.

    Attributes:
        count: Its parameter for the number of rounds or trees; empty for one tree.
        size: Its parameter for the number of a tree's leaves.
        executed: Trees that a row's challenge runs, for each round.
        units: Trees that a model has, for each round.
        by_depth: Whether it heeds no number of leaves, only the depth.
    """

    count: str
    size: str
    executed: int
    units: int
    by_depth: bool = False


def suggest(estimator: Any, limits: Limits) -> Parameters:
    """Parameters with which an estimator's model is sure to fit, fitted or not.

    Args:
        estimator: Of scikit-learn, XGBoost, LightGBM or CatBoost; alone, last in a
            pipeline, or in a search. A network of PyTorch's has no parameters: it fits,
            or is told what would.
        limits: Of the contest.

    Returns:
        For `estimator.set_params`; empty where nothing is in the way.

    Raises:
        InputError: It could not be converted anyway, or nothing fits.
    """
    if steps := getattr(estimator, "steps", None):
        name, last = steps[-1]
        return _prefixed(name, suggest(last, limits))
    model = of_torch.understood(estimator)
    if isinstance(model, of_torch.Sequential):
        return _layers(model, limits)
    if not hasattr(model, "get_params"):
        raise _not_converted(model)
    parameters = estimator.get_params(deep=False)
    if of_catboost.is_one(estimator):
        return _catboosts(parameters, limits)
    if {"estimator", "scoring"} <= parameters.keys():
        # A search, whose own grid must keep below these.
        return _prefixed("estimator", suggest(parameters["estimator"], limits))
    if "hidden_layer_sizes" in parameters:
        return _network(parameters["hidden_layer_sizes"], limits)
    if size := next((name for name in SIZES if name in parameters), ""):
        return _trees(parameters, _counted(parameters, size, limits), limits)
    if "fit_intercept" in parameters:
        return {}
    raise _not_converted(estimator)


def _not_converted(estimator: Any) -> InputError:
    return InputError(
        f"{type(estimator).__name__} cannot be converted.", hint=f"What can: {KNOWN}."
    )


def _prefixed(step: str, parameters: Parameters) -> Parameters:
    return {f"{step}__{name}": value for name, value in parameters.items()}


def _counted(parameters: Parameters, size: str, limits: Limits) -> _Trees:
    outputs = limits.outputs
    # Boosting of two classes has trees for the second alone.
    boosted = 1 if outputs <= 2 else outputs  # noqa: PLR2004  # as said
    # XGBoost's rounds may have several trees for each class.
    each = parameters.get("num_parallel_tree") or 1
    if "max_iter" in parameters:
        return _Trees("max_iter", size, min(2, boosted), boosted)
    count = "n_estimators" if "n_estimators" in parameters else ""
    if "learning_rate" in parameters:
        # note: XGBoost heeds no number of leaves so.
        full = parameters.get("tree_method") == "exact"
        return _Trees(count, size, each * min(2, boosted), each * boosted, full)
    if outputs > Form.LANES_16.most_outputs:
        return _Trees(count, size, 2, outputs)
    return _Trees(count, size, 1, 1)


def _depth(parameters: Parameters) -> int:
    """How deep trees may become, as far as the estimator says."""
    said = parameters["max_depth"]
    if said is None and "max_leaves" in parameters:
        said = XGBOOSTS_DEPTH
    return said if said and said > 0 else MOST_DEPTH


def _trees(parameters: Parameters, kind: _Trees, limits: Limits) -> Parameters:
    """Number, depth and size of trees that fit."""
    words = min(limits.most_words, MOST_WORDS)
    depth = _depth(parameters)
    leaves = parameters[kind.size] or MOST_LEAVES
    # A tree with so many leaves cannot be deeper.
    depth = min(depth, MOST_DEPTH, leaves - 1)
    count = (parameters[kind.count] or ROUNDS) if kind.count else 1
    least = min(depth, DEPTH_WORTH_A_TREE)
    count = min(
        count,
        limits.most_units // kind.units,
        MOST_EXECUTED // kind.executed,
        max(words // (least + 2) // kind.executed, 1),
    )
    while count > 1 and _leaves(count * kind.units, limits) < LEAVES_WORTH_A_TREE:
        count = count * 7 // 8
    depth = min(depth, words // max(count * kind.executed, 1) - 2)
    leaves = min(leaves, _leaves(count * kind.units, limits), 2 ** max(depth, 0))
    if kind.by_depth:
        depth = min(depth, max(leaves, 1).bit_length() - 1)
    if count < 1 or depth < 1 or leaves < 2:  # noqa: PLR2004  # one is no tree
        raise InputError(
            "No such model fits into this contest's limits.",
            hint="Take another kind of estimator: a single tree, or a linear model.",
        )
    found = {"max_depth": depth, kind.size: min(leaves, MOST_LEAVES)}
    return {kind.count: count, **found} if kind.count else found


def _catboosts(parameters: Parameters, limits: Limits) -> Parameters:
    """CatBoost's parameters, which have several names, and are there only if said."""
    count = _said(parameters, *of_catboost.ROUNDS)
    depth = _said(parameters, *of_catboost.DEPTH)
    size = _said(parameters, *of_catboost.LEAVES)
    by_depth = parameters.get("grow_policy") != "Lossguide"
    each = 1 if limits.outputs <= 2 else limits.outputs  # noqa: PLR2004  # as boosting
    kind = _Trees(count, size, min(2, each), each, by_depth)
    asked = {
        count: parameters.get(count, of_catboost.USUAL_ROUNDS),
        "max_depth": parameters.get(depth, of_catboost.USUAL_DEPTH),
        size: None if by_depth else parameters.get(size, of_catboost.USUAL_LEAVES),
    }
    found = _trees(asked, kind, limits)
    fitting = {count: found[count], depth: found["max_depth"]}
    return fitting if by_depth else {**fitting, size: found[size]}


def _said(parameters: Parameters, *names: str) -> str:
    """The name that a parameter was given by; else the first."""
    return next((one for one in names if one in parameters), names[0])


def _leaves(units: int, limits: Limits) -> int:
    """How many leaves each of so many trees may have, so that all can be posted."""
    parts = min(limits.most_parts, MOST_PARTS)
    # A part is a run of trees, a power of two of them.
    together = 1
    while units > parts * together:
        together *= 2
    if together > 1 << MOST_PART:
        return 0
    return min(MOST_LEAVES, int((MOST_WORDS / together - WORDS_A_TREE) / WORDS_A_LEAF))


def _layers(model: of_torch.Sequential, limits: Limits) -> Parameters:
    """Nothing, if a network of PyTorch's fits as it is."""
    hidden = tuple(len(one.biases) for one in model.layers[:-1])
    fitting = _network(hidden, limits)["hidden_layer_sizes"] if hidden else ()
    if fitting == hidden:
        return {}
    told = [", ".join(f"{size:,}" for size in sizes) for sizes in (hidden, fitting)]
    raise InputError(
        f"A network with hidden layers of {told[0]} values does not fit into this "
        "contest's limits.",
        hint=f"Train one whose layers have out_features of {told[1]}.",
    )


def _network(sizes: Any, limits: Limits) -> Parameters:
    """Hidden layers that fit: all become smaller in the same measure."""
    hidden = list(sizes) if hasattr(sizes, "__iter__") else [int(sizes)]
    share = 1.0
    while True:
        tried = tuple(max(1, int(size * share)) for size in hidden)
        if _fits(tried, limits):
            return {"hidden_layer_sizes": tried}
        if set(tried) <= {1}:
            raise InputError(
                "No network fits into this contest's limits.",
                hint="Take fewer layers, or a linear model.",
            )
        share *= 0.95


def _fits(hidden: tuple[int, ...], limits: Limits) -> bool:
    # note: a regression ends in layers of its own, see `Builder.finish_number`.
    last = (limits.outputs,) if limits.outputs > 1 else (64, 1)
    inputs, words, neurons = limits.columns, 0, 0
    for size in (*hidden, *last):
        words += size * (1 + -(-inputs // WORD_BYTES))
        neurons += size
        inputs = size
    most = min(MOST_NEURONS, limits.most_units)
    return words <= min(limits.most_words, MOST_WORDS) and neurons <= most
