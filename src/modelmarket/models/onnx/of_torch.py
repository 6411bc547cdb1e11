# SPDX-License-Identifier: Apache-2.0
"""Networks of PyTorch's as ONNX: the few nodes that they are, written here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from modelmarket.models.onnx.columns import Reads

if TYPE_CHECKING:
    from collections.abc import Mapping

    from modelmarket.models.converting.of_torch import Sequential
    from modelmarket.models.onnx.columns import Input

IR_VERSION = 8
"""Of 2022, as the opsets are."""


def written(model: Sequential, read: Input, opsets: Mapping[str, int]) -> Any:
    """A file that says a label, the class's place, and scores; or a number.

    Args:
        model: The network.
        read: The matrix that it reads, 32 bits of which count, as in PyTorch.
        opsets: ONNX's versions.
    """
    from onnx import TensorProto, helper, numpy_helper

    nodes: list[Any] = []
    constants: list[Any] = []

    def constant(values: Any) -> str:
        name = f"weights {len(constants)}"
        narrow = np.asarray(values, dtype=np.float32)
        constants.append(numpy_helper.from_array(narrow, name))
        return name

    def add(kind: str, reads: list[str], **options: Any) -> str:
        name = f"{kind.lower()} {len(nodes)}"
        nodes.append(helper.make_node(kind, reads, [name], **options))
        return name

    here = add("Cast", [read.name], to=TensorProto.FLOAT)
    for at, layer in enumerate(model.layers):
        if at:
            here = add("Relu", [here])
        here = add("Gemm", [here, constant(layer.weights), constant(layer.biases)])
    if model.says_numbers:
        return _file(read, opsets, nodes, constants, {here: TensorProto.FLOAT})
    if model.outputs == 1:
        # Of two classes the first one's value is 0.
        here = add("Concat", [add("Sub", [here, here]), here], axis=1)
    label = add("ArgMax", [here], axis=1, keepdims=0)
    scores = add("Softmax", [here], axis=1)
    said: dict[str, int] = {label: TensorProto.INT64, scores: TensorProto.FLOAT}
    return _file(read, opsets, nodes, constants, said)


def _file(
    read: Input,
    opsets: Mapping[str, int],
    nodes: list[Any],
    constants: list[Any],
    said: dict[str, int],
) -> Any:
    """A file of some nodes.

    Args:
        read: The matrix that it reads.
        opsets: ONNX's versions.
        nodes: In the order in which they run.
        constants: That they read.
        said: The type of each output, as ONNX numbers them.
    """
    from onnx import TensorProto, helper

    kind = TensorProto.FLOAT if read.reads is Reads.FLOAT else TensorProto.DOUBLE
    width: list[str | int | None] = ["rows", len(read.columns)]
    graph = helper.make_graph(
        nodes,
        "network",
        [helper.make_tensor_value_info(read.name, kind, width)],
        [helper.make_tensor_value_info(name, one, None) for name, one in said.items()],
        constants,
    )
    versions = [helper.make_opsetid(domain, one) for domain, one in opsets.items()]
    return helper.make_model(
        graph,
        producer_name="ModelMarket",
        ir_version=IR_VERSION,
        opset_imports=versions,
    )
