# SPDX-License-Identifier: Apache-2.0
"""ONNX files: what they would compute, with what, and what they want from outside."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from typing import Any

from modelmarket.models.inspecting.seen import Seen, some
from modelmarket.system.text import counted

KNOWN_DOMAINS = {"", "ai.onnx", "ai.onnx.ml", "ai.onnx.training"}
"""Of operators that every runtime may have."""
MOST_NUMBERS = 10**15
"""Told no further: whoever writes a file may say that there are any."""
_REPEATING = {"Loop", "Scan"}


def read_onnx(data: bytes) -> Any | None:
    """A model; None if these bytes are none.

    Raises:
        ImportError: The package onnx is not installed.
    """
    import onnx
    from google.protobuf.message import DecodeError

    model = onnx.ModelProto()
    try:
        model.ParseFromString(data)
    except DecodeError:
        return None
    return model if model.ir_version and model.graph.ByteSize() else None


def look_at_onnx(model: Any, seen: Seen) -> None:
    """Lists what is in a model."""
    operators, graphs = Counter[str](), list(_graphs(model))
    for graph in graphs:
        for node in graph.node:
            domain = "" if node.domain in ("", "ai.onnx") else f"{node.domain}."
            operators[f"{domain}{node.op_type}"] += 1
    tensors = [one for graph in graphs for one in _tensors(graph)]
    _tell_dangers(model, graphs, tensors, seen)
    listed = [f"{name} {count:,}" for name, count in operators.most_common()]
    seen.facts.append(f"{counted(operators.total(), 'operator')}: {some(listed)}.")
    inputs, outputs = (
        [one.name for one in some_of]
        for some_of in (model.graph.input, model.graph.output)
    )
    seen.facts.append(f"It reads {some(inputs)} and says {some(outputs)}.")
    numbers = min(sum(math.prod(one.dims) for one in tensors), MOST_NUMBERS)
    told = f"{counted(numbers, 'number')} in {counted(len(tensors), 'tensor')}."
    seen.facts.append(told)
    versions = list(
        dict.fromkeys(
            f"{one.domain or 'ai.onnx'} {one.version}" for one in model.opset_import
        )
    )
    maker = f" Made by {model.producer_name}." if model.producer_name else ""
    seen.facts.append(f"Operators of {some(versions)}.{maker}")
    said = [one.key for one in model.metadata_props]
    if said:
        seen.facts.append(f"It says its {some(said)}.")
    if any(operators[one] for one in _REPEATING):
        seen.facts.append("It has loops: it may never end.")


def _tell_dangers(
    model: Any, graphs: list[Any], tensors: list[Any], seen: Seen
) -> None:
    """What it wants from outside."""
    from onnx import TensorProto

    outside = [
        entry.value
        for one in tensors
        if one.data_location == TensorProto.EXTERNAL
        for entry in one.external_data
        if entry.key == "location"
    ]
    if outside:
        seen.dangers.append(f"It reads other files: {some(dict.fromkeys(outside))}.")
    domains = {node.domain for one in graphs for node in one.node} - KNOWN_DOMAINS
    domains -= {one.domain for one in model.functions}
    if domains:
        seen.dangers.append(
            f"It wants operators that are no part of ONNX: {some(sorted(domains))}."
        )


def _tensors(graph: Any) -> Iterator[Any]:
    """The numbers in a graph or function itself."""
    yield from getattr(graph, "initializer", ())
    for one in getattr(graph, "sparse_initializer", ()):
        yield from (one.values, one.indices)
    for node in graph.node:
        for attribute in node.attribute:
            yield from attribute.tensors
            if attribute.HasField("t"):
                yield attribute.t
            sparse = [*attribute.sparse_tensors]
            if attribute.HasField("sparse_tensor"):
                sparse.append(attribute.sparse_tensor)
            for one in sparse:
                yield from (one.values, one.indices)


def _graphs(model: Any) -> Iterator[Any]:
    """The graph, functions, what trains it, and all graphs in them."""
    waiting: list[Any] = [model.graph, *model.functions]
    for one in model.training_info:
        waiting += [one.initialization, one.algorithm]
    while waiting:
        one = waiting.pop()
        yield one
        for node in one.node:
            for attribute in node.attribute:
                waiting += [*attribute.graphs]
                if attribute.HasField("g"):
                    waiting.append(attribute.g)
