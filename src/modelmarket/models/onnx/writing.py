# SPDX-License-Identifier: Apache-2.0
"""Writing ONNX files of what was fitted; what they predict are names."""

from __future__ import annotations

import json
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from modelmarket.errors import NotFoundError, how_to_install
from modelmarket.models.converting.of_torch import Sequential
from modelmarket.models.onnx import of_torch
from modelmarket.models.onnx.columns import FEATURES, Input, Reads
from modelmarket.models.onnx.converters import converters, learn_others
from modelmarket.models.onnx.preparing import prepared
from modelmarket.models.onnx.running import (
    CLASSES,
    COLUMNS,
    LABEL,
    NUMBER,
    SCORES,
)
from modelmarket.models.onnx.texts import (
    cut_into_words,
    know_capitals,
    look_for_no_longer,
)

if TYPE_CHECKING:
    from modelmarket.models.onnx.answers import Answers

OPSETS = {"": 17, "ai.onnx.ml": 3}
"""Of 2022: what is older than most that is installed."""


def written(
    estimator: Any, inputs: Sequence[Input], columns: Sequence[str], answers: Answers
) -> bytes:
    """An ONNX file of a fitted estimator.

    Args:
        estimator: A fitted one of a library's, or a `Sequential` of PyTorch's.
        inputs: What the file is to read.
        columns: Of the table.
        answers: What it says.

    Raises:
        NotFoundError: What writes it is not installed.
        Exception: Whatever skl2onnx says of what it cannot convert.
    """
    try:
        import skl2onnx  # noqa: F401  # asked for below

        learn_others()
    except ImportError as error:
        raise NotFoundError(
            f"Models are exported with {error.name}, which is not installed.",
            hint=how_to_install("onnx"),
        ) from error
    if isinstance(estimator, Sequential):
        [matrix] = inputs
        found = of_torch.written(estimator, matrix, OPSETS)
    else:
        found = _converted(estimator, inputs)
    return _said_of_itself(found, inputs, columns, answers)


def _converted(estimator: Any, inputs: Sequence[Input]) -> Any:
    from skl2onnx import convert_sklearn
    from skl2onnx.common import data_types as types

    kinds = {
        Reads.FLOAT: types.FloatTensorType,
        Reads.DOUBLE: types.DoubleTensorType,
        Reads.WHOLE: types.Int64TensorType,
        Reads.TEXT: types.StringTensorType,
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        understood = prepared(estimator)
        # Of one column, its own: column transformers look for it.
        types_of = [
            (
                one.columns[0] if one.name != FEATURES else FEATURES,
                kinds[one.reads]([None, len(one.columns)]),
            )
            for one in inputs
        ]
        # A matrix of class probabilities rather than a dictionary for each row.
        words = cut_into_words(understood)
        for options in ({id(understood): {"zipmap": False}}, {}):
            try:
                return convert_sklearn(
                    understood,
                    initial_types=types_of,
                    options=options | words or None,
                    target_opset=OPSETS,
                    custom_conversion_functions=converters(),
                )
            except NameError as error:
                # What has no probabilities has not that option.
                if not options or "zipmap" not in str(error):
                    raise
    raise AssertionError("one of the two returns or raises")


def _said_of_itself(
    found: Any, inputs: Sequence[Input], columns: Sequence[str], answers: Answers
) -> bytes:
    """A converted model that predicts names, and says what it reads.

    Args:
        found: What was converted.
        inputs: What it reads.
        columns: Of the table.
        answers: What it says.
    """
    from onnx import helper

    graph = found.graph
    know_capitals(graph)
    look_for_no_longer(graph)
    _speak_no_language(graph)
    taken = {name: f"{name} of the model" for name in (LABEL, SCORES, NUMBER)}
    for given, one in zip(graph.input, inputs, strict=True):
        taken[given.name] = given.name = one.name
    _rename(graph, taken)
    end = answers.said(
        [
            (taken.get(one.name, one.name), one.type.tensor_type.elem_type)
            for one in graph.output
        ]
    )
    graph.node.extend(end.nodes)
    graph.initializer.extend(end.constants)
    del graph.output[:]
    graph.output.extend(end.outputs)
    for one in found.opset_import:
        one.version = max(one.version, OPSETS.get(one.domain, 1))
    known = {one.domain for one in found.opset_import}
    for domain, version in OPSETS.items():
        if domain not in known:
            found.opset_import.append(helper.make_opsetid(domain, version))
    names = json.dumps(list(answers.names))
    helper.set_model_props(found, {COLUMNS: json.dumps(list(columns)), CLASSES: names})
    data: bytes = found.SerializeToString()
    return data


def _speak_no_language(graph: Any) -> None:
    """Has words made small by rules that every machine has.

    Those of a language may not be installed, and no confined program could read them.
    Letters beyond ASCII stay as they are: see `know_capitals`.
    """
    from onnx import helper

    for node in graph.node:
        if node.op_type == "StringNormalizer":
            kept = [one for one in node.attribute if one.name != "locale"]
            del node.attribute[:]
            node.attribute.extend([*kept, helper.make_attribute("locale", "C")])


def _rename(graph: Any, names: dict[str, str]) -> None:
    """Calls what nodes read and say otherwise."""
    for node in graph.node:
        for list_ in (node.input, node.output):
            list_[:] = [names.get(one, one) for one in list_]
