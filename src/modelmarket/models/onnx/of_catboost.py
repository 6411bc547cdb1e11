# SPDX-License-Identifier: Apache-2.0
"""CatBoost's classifiers and regressors for skl2onnx, which does not know them.

CatBoost writes ONNX itself, but only what stands alone, in 32 bits, and with labels as
it likes. Here its trees are those that exact models are made of: borders in 32 bits,
leaves added up in 64.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from modelmarket.models.converting import of_catboost

if TYPE_CHECKING:
    from modelmarket.models.converting.of_catboost import Sums

TREES_VERSION = 3
"""Of ONNX's trees: the first with 64 bits of floating point."""
ALIAS, NUMBERS = "CatBoostClassifier", "CatBoostRegressor"


def parse(scope: Any, model: Any, inputs: Any, custom_parsers: Any = None) -> Any:
    """Tells skl2onnx that it says a label and scores."""
    del custom_parsers
    from skl2onnx.common.data_types import FloatTensorType, Int64TensorType

    said = {"label": Int64TensorType(), "scores": FloatTensorType()}
    return _declared(scope, model, inputs, ALIAS, said)


def parse_numbers(
    scope: Any, model: Any, inputs: Any, custom_parsers: Any = None
) -> Any:
    """Tells skl2onnx that it says a number."""
    del custom_parsers
    from skl2onnx.common.data_types import DoubleTensorType

    return _declared(scope, model, inputs, NUMBERS, {"number": DoubleTensorType()})


def _declared(
    scope: Any, model: Any, inputs: Any, alias: str, said: dict[str, Any]
) -> Any:
    operator = scope.declare_local_operator(alias, model)
    operator.inputs += inputs
    for name, kind in said.items():
        operator.outputs.append(scope.declare_local_variable(name, kind))
    return operator.outputs


def convert(scope: Any, operator: Any, container: Any) -> None:
    """Writes its nodes.

    Raises:
        InputError: It asks for what is no number, or says a class in another way.
    """
    estimator = operator.raw_operator
    sums = of_catboost.of_classes(estimator)
    label, scores = [one.full_name for one in operator.outputs]
    names = list(estimator.classes_)

    def add(kind: str, read: list[str], said: str = "", **options: Any) -> str:
        name = said or scope.get_unique_variable_name(kind.lower())
        container.add_node(kind, read, [name], **options)
        return name

    raw = _added_up(scope, operator, container, sums)
    if len(sums.start) == 1:
        # Of two classes the first one's value is 0.
        raw = add("Concat", [add("Sub", [raw, raw]), raw], axis=1)
    if sums.loss == "MultiClassOneVsAll":
        add("Sigmoid", [raw], scores)
    else:
        add("Softmax", [raw], scores, axis=1)
    place = add("ArgMax", [raw], axis=1, keepdims=0)
    values: dict[str, Any] = {
        "values_int64s": [int(one) for one in names if not _is_text(one)]
    }
    if any(map(_is_text, names)):
        values = {"values_strings": [str(one) for one in names]}
    add(
        "LabelEncoder",
        [place],
        label,
        op_domain="ai.onnx.ml",
        op_version=2,
        keys_int64s=list(range(len(names))),
        **values,
    )


def convert_numbers(scope: Any, operator: Any, container: Any) -> None:
    """Writes its nodes.

    Raises:
        InputError: It asks for what is no number, or does more than add up.
    """
    sums = of_catboost.of_numbers(operator.raw_operator)
    raw = _added_up(scope, operator, container, sums)
    container.add_node("Identity", [raw], [operator.outputs[0].full_name])


def _added_up(scope: Any, operator: Any, container: Any, sums: Sums) -> str:
    """What trees add up to, in 64 bits; the name of the matrix of all sums."""
    from onnx import TensorProto

    narrow, wide, raw = (
        str(scope.get_unique_variable_name(name)) for name in ("narrow", "wide", "raw")
    )
    read = operator.inputs[0].full_name
    container.add_node("Cast", [read], [narrow], to=TensorProto.FLOAT)
    container.add_node("Cast", [narrow], [wide], to=TensorProto.DOUBLE)
    container.add_node(
        "TreeEnsembleRegressor",
        [wide],
        [raw],
        op_domain="ai.onnx.ml",
        op_version=TREES_VERSION,
        **_trees(sums),
    )
    return raw


def _is_text(name: Any) -> bool:
    return isinstance(name, str)


def _trees(sums: Sums) -> dict[str, Any]:
    """The attributes of ONNX's trees: one for each round, whose leaves say something
    to each output.
    """
    from onnx import numpy_helper

    trees = [one[0] for one in sums.rounds]
    sizes = [len(one.left) for one in trees]
    outputs = len(sums.start)

    def joined(parts: list[Any]) -> Any:
        return np.concatenate([np.zeros(0, dtype=np.int64), *parts])

    left = joined([one.left for one in trees])
    right = joined([one.right for one in trees])
    asks = left >= 0
    features = joined([one.feature for one in trees])
    tree_of = np.repeat(np.arange(len(trees)), sizes)
    node_of = joined([np.arange(size) for size in sizes])
    leaves = np.flatnonzero(~asks)
    says = [
        joined([one[at].values[:, 0] for one in sums.rounds])[leaves]
        for at in range(outputs)
    ]

    def tensor(values: Any, name: str) -> Any:
        return numpy_helper.from_array(np.asarray(values, dtype=np.float64), name)

    return {
        "n_targets": outputs,
        "aggregate_function": "SUM",
        "post_transform": "NONE",
        "base_values_as_tensor": tensor(sums.start, "start"),
        "nodes_treeids": tree_of.tolist(),
        "nodes_nodeids": node_of.tolist(),
        "nodes_featureids": np.where(asks, features, 0).tolist(),
        "nodes_modes": ["BRANCH_LEQ" if one else "LEAF" for one in asks],
        "nodes_values_as_tensor": tensor(
            joined([one.threshold for one in trees]), "borders"
        ),
        "nodes_truenodeids": np.where(asks, left, 0).tolist(),
        "nodes_falsenodeids": np.where(asks, right, 0).tolist(),
        "nodes_missing_value_tracks_true": np.where(
            asks & ~sums.above[features], 1, 0
        ).tolist(),
        "target_treeids": np.tile(tree_of[leaves], outputs).tolist(),
        "target_nodeids": np.tile(node_of[leaves], outputs).tolist(),
        "target_ids": np.repeat(np.arange(outputs), len(leaves)).tolist(),
        "target_weights_as_tensor": tensor(joined(says), "leaves"),
    }
