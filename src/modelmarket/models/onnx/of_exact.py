# SPDX-License-Identifier: Apache-2.0
"""An exact model as ONNX, for programs that know nothing of the market.

ONNX adds up trees in floating point, which would round. So its trees only say which
leaf a row reaches; what leaves hold is looked up and added up in whole numbers of 64
bits. Labels are the exact model's own, row by row.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from modelmarket.errors import InputError, NotFoundError, how_to_install
from modelmarket.models.dense import MOST_ACTIVATION, Layer, Network
from modelmarket.models.ensembles import (
    INNER,
    LIMB_BITS,
    LIMBS,
    NODE_BYTES,
    Trees,
    base_values,
    most_output,
    scalar_values,
)
from modelmarket.models.header import Form
from modelmarket.protocol.hidden import CODE_WIDTHS

if TYPE_CHECKING:
    from modelmarket.models.exact import ExactModel

IR_VERSION, OPSET, TREES_OPSET = 8, 17, 3
"""Of 2022: what is older than most that is installed."""

CODES, TARGET, LABEL = "codes", "target", "label"
ALWAYS = 2.0**20
"""No code is above: a column that there is not reads 0, which is always left."""


def to_onnx(model: ExactModel, bits: int, names: Sequence[str] = ()) -> bytes:
    """A model's ONNX file.

    It reads `codes`, shape (rows, columns), and says each row's `target`, and its
    `label` if classes have names; shape (rows,).

    Args:
        model: To be exported.
        bits: Of a target; a regression is clamped to what fits into them.
        names: Of the classes; empty for numbers.

    Raises:
        InputError: Its outputs pass 64 bits, or the names are not as many.
        NotFoundError: onnx is not installed.
    """
    try:
        from onnx import TensorProto, helper
    except ImportError as error:
        raise NotFoundError(
            "Models are exported with onnx, which is not installed.",
            hint=how_to_install("onnx"),
        ) from error
    header = model.header
    if names and len(names) != header.outputs:
        raise InputError(
            f"The model has {header.outputs} outputs, but {len(names)} classes have "
            "names."
        )
    graph = _Graph()
    if isinstance(model.units, Network):
        outputs = _network(graph, model.units)
    else:
        outputs = _ensemble(graph, model, model.units)
    if header.is_classification:
        # The first of the largest.
        graph.add("ArgMax", outputs, TARGET, axis=1, keepdims=0)
    else:
        low, high = graph.constant(0), graph.constant(2**bits - 1)
        clamped = graph.add("Clip", [*outputs, low, high])
        graph.add("Reshape", [*clamped, graph.constant([-1])], TARGET)
    said = [helper.make_tensor_value_info(TARGET, TensorProto.INT64, ["rows"])]
    if names:
        graph.add(
            "LabelEncoder",
            [TARGET],
            LABEL,
            domain="ai.onnx.ml",
            keys_int64s=list(range(len(names))),
            values_strings=list(names),
        )
        said.append(helper.make_tensor_value_info(LABEL, TensorProto.STRING, ["rows"]))
    narrow = header.width == CODE_WIDTHS[0]
    kind = TensorProto.UINT8 if narrow else TensorProto.UINT16
    read = helper.make_tensor_value_info(CODES, kind, ["rows", header.columns])
    found = helper.make_model(
        helper.make_graph(graph.nodes, "exact", [read], said, graph.constants),
        producer_name="ModelMarket",
        ir_version=IR_VERSION,
        opset_imports=[
            helper.make_opsetid("", OPSET),
            helper.make_opsetid("ai.onnx.ml", TREES_OPSET),
        ],
    )
    about = {"model_root": model.root.hex(), "classes": json.dumps(list(names))}
    helper.set_model_props(found, about)
    data: bytes = found.SerializeToString()
    return data


@dataclass
class _Graph:
    """Nodes and constants as they are put together."""

    nodes: list[Any] = field(default_factory=list)
    constants: list[Any] = field(default_factory=list)

    def add(
        self, kind: str, inputs: list[str], name: str = "", **options: Any
    ) -> list[str]:
        """Adds a node, and says what its output is called."""
        from onnx import helper

        output = name or f"{kind.lower()}-{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [output], **options))
        return [output]

    def constant(self, value: Any) -> str:
        """Adds whole numbers of 64 bits."""
        from onnx import numpy_helper

        name = f"constant-{len(self.constants)}"
        whole = np.array(value, dtype=np.int64)
        self.constants.append(numpy_helper.from_array(whole, name))
        return name

    def cast(self, inputs: list[str], kind: str) -> list[str]:
        """Adds a change of type: to `INT64` or `FLOAT`."""
        from onnx import TensorProto

        return self.add("Cast", inputs, to=getattr(TensorProto, kind))


def _network(graph: _Graph, network: Network) -> list[str]:
    """The outputs of a dense model; shape (rows, outputs)."""
    values = graph.cast([CODES], "INT64")
    for layer, (weights, biases) in zip(network.layers, network.matrices, strict=True):
        products = graph.add("MatMul", [*values, graph.constant(weights)])
        values = graph.add("Add", [*products, graph.constant(biases)])
        if layer is not network.layers[-1]:
            values = _activations(graph, values, layer)
    return values


def _activations(graph: _Graph, values: list[str], layer: Layer) -> list[str]:
    """See `modelmarket.models.dense.activations`."""
    positive = graph.add("Max", [*values, graph.constant(0)])
    scaled = graph.add("Mul", [*positive, graph.constant(layer.mul)])
    half = graph.constant(1 << layer.shift >> 1)
    rounded = graph.add("Add", [*scaled, half])
    # What is not negative is cut off by a division as by a shift.
    cut = graph.add("Div", [*rounded, graph.constant(1 << layer.shift)])
    return graph.add("Min", [*cut, graph.constant(MOST_ACTIVATION)])


def _ensemble(graph: _Graph, model: ExactModel, trees: Trees) -> list[str]:
    """The outputs of an ensemble; shape (rows, outputs).

    Raises:
        InputError: They pass 64 bits.
    """
    header = model.header
    base = base_values(header, model.base)
    if most_output(header, base, trees) >= 1 << 63:
        raise InputError(
            "An output of this model may pass 64 bits, and ONNX has no larger whole "
            "numbers.",
            hint="No fitted estimator's does; `predict` of the exact model counts on.",
        )
    places = _places(graph, trees, header.columns)
    if header.form is Form.SCALAR:
        values = graph.constant(np.append(scalar_values(trees), 0))
        reached = graph.add("Gather", [values, *places])
        shape = graph.constant([-1, header.outputs_with_units, header.rounds])
        by_output = graph.add("Reshape", [*reached, shape])
        sums = graph.add("ReduceSum", [*by_output, graph.constant([2])], keepdims=0)
        lacking = header.outputs - header.outputs_with_units
        sums = graph.add("Pad", [*sums, graph.constant([0, lacking, 0, 0])])
    else:
        sums = _lanes(graph, trees, places, header.form)
    ends = [graph.constant([one]) for one in (0, header.outputs, 1)]
    wanted = graph.add("Slice", [*sums, *ends])
    return graph.add("Add", [*wanted, graph.constant(base)])


def _places(graph: _Graph, trees: Trees, columns: int) -> list[str]:
    """The words that a row reaches, one of each tree; shape (rows, trees).

    There are far fewer than 2**24, which is what 32 bits of floating point can count.
    """
    nodes = np.arange(len(trees.kinds))
    sizes = np.diff(trees.starts)
    tree = np.repeat(np.arange(len(trees)), sizes)
    number = nodes - np.repeat(trees.starts[:-1], sizes)
    asks = trees.kinds == INNER
    ends = ~asks
    beyond = trees.features >= columns
    features = np.where(beyond, 0, trees.features)
    thresholds = np.where(beyond, ALWAYS, trees.thresholds)
    left = np.where(asks, number + 1, 0)
    right = np.where(asks, trees.rights - (nodes - number), 0)
    floats = graph.cast([CODES], "FLOAT")
    reached = graph.add(
        "TreeEnsembleRegressor",
        floats,
        domain="ai.onnx.ml",
        n_targets=len(trees),
        nodes_treeids=tree.tolist(),
        nodes_nodeids=number.tolist(),
        nodes_featureids=features.tolist(),
        nodes_values=thresholds.tolist(),
        nodes_modes=np.where(asks, "BRANCH_LEQ", "LEAF").tolist(),
        nodes_truenodeids=left.tolist(),
        nodes_falsenodeids=right.tolist(),
        target_treeids=tree[ends].tolist(),
        target_nodeids=number[ends].tolist(),
        target_ids=tree[ends].tolist(),
        target_weights=trees.tables.places[ends].astype(np.float64).tolist(),
    )
    return graph.cast(reached, "INT64")


def _lanes(graph: _Graph, trees: Trees, places: list[str], form: Form) -> list[str]:
    """The lanes of the sums of words modulo 2**224, carries and all."""
    words = np.zeros((len(trees.words) + 1, LIMBS), dtype=np.int64)
    words[:-1] = trees.words[:, -NODE_BYTES:].copy().view(">u4")
    reached = graph.add("Gather", [graph.constant(words), *places], axis=0)
    sums = graph.add("ReduceSum", [*reached, graph.constant([1])], keepdims=0)
    whole = graph.constant(1 << LIMB_BITS)
    limbs: list[str] = []
    carry: list[str] = []
    for limb in range(LIMBS - 1, -1, -1):
        one = graph.add("Gather", [*sums, graph.constant([limb])], axis=1)
        if carry:
            one = graph.add("Add", [*one, *carry])
        carry = graph.add("Div", [*one, whole])
        limbs = [*graph.add("Mod", [*one, whole]), *limbs]
    if form is Form.LANES_32:
        return graph.add("Concat", limbs, axis=1)
    half = graph.constant(1 << form.lane_bits)
    lanes: list[str] = []
    for name in limbs:
        lanes += graph.add("Div", [name, half])
        lanes += graph.add("Mod", [name, half])
    return graph.add("Concat", lanes, axis=1)
