# SPDX-License-Identifier: Apache-2.0
"""A stranger's ONNX file is run, or refused in words; and it harms nobody."""

from __future__ import annotations

import json
import pickle
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from onnx import GraphProto, ModelProto, TensorProto, helper
from sklearn.compose import make_column_transformer
from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from modelmarket.errors import InputError, LimitError, ModelMarketError
from modelmarket.models.onnx import OnnxModel, export
from modelmarket.models.onnx.strangers import StrangersModel
from modelmarket.protocol.classes import Classes
from modelmarket.system.confinement import Limits

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="other systems have no seccomp, and run no models"
)

ROWS = 2_500
"""More than are run at once."""
SMALL = Limits(memory_bytes=512 * 2**20, processor_s=3, wall_s=120)
OPSETS = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
ABOUT = {"columns": json.dumps(["a", "b"]), "classes": json.dumps(["no", "yes"])}


def table() -> pl.DataFrame:
    rng = np.random.default_rng(7)
    return pl.DataFrame({"a": rng.normal(size=ROWS), "b": rng.normal(size=ROWS)})


@contextmanager
def run(data: bytes, folder: Path, limits: Limits = SMALL) -> Iterator[StrangersModel]:
    path = folder / "model.onnx"
    path.write_bytes(data)
    with path.open("rb") as file, StrangersModel(file, limits) as model:
        yield model


def test_what_it_predicts_is_what_it_predicts_at_its_trainers(tmp_path: Path) -> None:
    rows = table()
    words = pl.Series("c", ["no", "yes", "naïve", '"', ""] * (ROWS // 5))
    rows = rows.with_columns(words)
    labels = ["yes" if a > 0 else "no" for a in rows["a"]]
    encoder = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    columns = make_column_transformer((encoder, ["c"]), remainder="passthrough")
    forest = RandomForestClassifier(8, random_state=0)
    fitted = make_pipeline(columns, forest).fit(rows, labels)
    data = export(fitted, rows, rows, Classes(("no", "yes"))).model.data
    with run(data, tmp_path) as model:
        assert model.columns == ("a", "b", "c")
        assert model.classes == ("no", "yes")
        assert model.predict(rows) == OnnxModel(data).predict(rows)


def test_a_session_has_one_thread_wherever_it_runs(tmp_path: Path) -> None:
    """Several add up trees in another order, and near ties fall elsewhere."""
    rows = table()
    labels = ["yes" if a + b > 0 else "no" for a, b in rows.iter_rows()]
    trees = ExtraTreesClassifier(200, random_state=0).fit(rows, labels)
    data = export(trees, rows, rows, Classes(("no", "yes"))).model.data
    session: Any = OnnxModel(data).session
    options = session._runtime.get_session_options()
    assert options.intra_op_num_threads == options.inter_op_num_threads == 1
    with run(data, tmp_path) as model:
        assert model.predict(rows) == OnnxModel(data).predict(rows)


# --- what strangers make ---


def made(
    *nodes: Any,
    initializers: tuple[Any, ...] = (),
    about: dict[str, str] = ABOUT,
    inputs: tuple[Any, ...] | None = None,
    opsets: list[Any] = OPSETS,
) -> ModelProto:
    """A model of two columns that says a label, after whatever nodes there are."""
    given = helper.make_tensor_value_info("features", TensorProto.FLOAT, [None, 2])
    said = helper.make_tensor_value_info("label", TensorProto.STRING, [None])
    graph = helper.make_graph(
        nodes, "graph", list(inputs or (given,)), [said], list(initializers)
    )
    model = helper.make_model(graph, opset_imports=opsets, ir_version=8)
    helper.set_model_props(model, about)
    return model


def labels() -> tuple[Any, ...]:
    """Nodes that say `yes` of a row whose first feature is above 0."""
    return (
        helper.make_node("Slice", ["features", "zero", "one", "axis"], ["first"]),
        helper.make_node("Greater", ["first", "nought"], ["is above"]),
        helper.make_node("Cast", ["is above"], ["number"], to=TensorProto.INT64),
        helper.make_node("Reshape", ["number", "flat"], ["numbers"]),
        helper.make_node(
            "LabelEncoder",
            ["numbers"],
            ["label"],
            domain="ai.onnx.ml",
            keys_int64s=[0, 1],
            values_strings=["no", "yes"],
        ),
    )


def constants() -> tuple[Any, ...]:
    return (
        helper.make_tensor("zero", TensorProto.INT64, [1], [0]),
        helper.make_tensor("one", TensorProto.INT64, [1], [1]),
        helper.make_tensor("axis", TensorProto.INT64, [1], [1]),
        helper.make_tensor("flat", TensorProto.INT64, [1], [-1]),
        helper.make_tensor("nought", TensorProto.FLOAT, [], [0.0]),
    )


def honest() -> ModelProto:
    return made(*labels(), initializers=constants())


def bomb() -> ModelProto:
    """A hundred bytes that become 64 GiB."""
    shape = helper.make_tensor("shape", TensorProto.INT64, [1], [2**33])
    return made(
        helper.make_node("ConstantOfShape", ["shape"], ["many"]),
        helper.make_node("ReduceSum", ["many"], ["sum"], keepdims=0),
        helper.make_node("Add", ["nought", "sum"], ["more"]),
        *labels(),
        initializers=(*constants(), shape),
    )


def bomb_of_labels() -> ModelProto:
    """Each of a row's labels takes a MiB."""
    model = honest()
    texts = model.graph.node[-1].attribute
    for one in texts:
        if one.name == "values_strings":
            one.strings[:] = [b"n" * 2**20, b"y" * 2**20]
    return model


def endless() -> ModelProto:
    """A loop that never ends."""
    body: GraphProto = helper.make_graph(
        [
            helper.make_node("Identity", ["go on"], ["and on"]),
            helper.make_node("Add", ["value", "step"], ["next"]),
        ],
        "body",
        [
            helper.make_tensor_value_info("turn", TensorProto.INT64, []),
            helper.make_tensor_value_info("go on", TensorProto.BOOL, []),
            helper.make_tensor_value_info("value", TensorProto.FLOAT, []),
        ],
        [
            helper.make_tensor_value_info("and on", TensorProto.BOOL, []),
            helper.make_tensor_value_info("next", TensorProto.FLOAT, []),
        ],
        [helper.make_tensor("step", TensorProto.FLOAT, [], [1.0])],
    )
    turns = helper.make_tensor("turns", TensorProto.INT64, [], [2**62])
    yes = helper.make_tensor("so", TensorProto.BOOL, [], [True])
    others = labels()[1:]
    return made(
        helper.make_node("ReduceSum", ["features"], ["start"], keepdims=0),
        helper.make_node("Loop", ["turns", "so", "start"], ["looped"], body=body),
        helper.make_node("Add", ["features", "looped"], ["after"]),
        helper.make_node("Slice", ["after", "zero", "one", "axis"], ["first"]),
        *others,
        initializers=(*constants(), turns, yes),
    )


def of_outside(path: str) -> ModelProto:
    """Its numbers are in a file of whoever runs it."""
    model = honest()
    [nought] = [one for one in model.graph.initializer if one.name == "nought"]
    nought.ClearField("float_data")
    nought.data_location = TensorProto.EXTERNAL
    entry = nought.external_data.add()
    entry.key, entry.value = "location", path
    return model


def of_a_domain() -> ModelProto:
    opsets = [*OPSETS, helper.make_opsetid("com.evil", 1)]
    node = helper.make_node("RunThis", ["nought"], ["done"], domain="com.evil")
    return made(node, *labels(), initializers=constants(), opsets=opsets)


def reading_a_sequence() -> ModelProto:
    model = honest()
    kind = helper.make_tensor_sequence_value_info("more", TensorProto.FLOAT, None)
    model.graph.input.append(kind)
    return model


def of_too_few_rows() -> ModelProto:
    return made(
        helper.make_node("Slice", ["features", "zero", "one", "zero"], ["one row"]),
        *[
            helper.make_node(
                one.op_type,
                ["one row", *one.input[1:]] if one.op_type == "Slice" else one.input,
                one.output,
                domain=one.domain,
                **{a.name: helper.get_attribute_value(a) for a in one.attribute},
            )
            for one in labels()
        ],
        initializers=constants(),
    )


def of_many_inputs() -> ModelProto:
    return made(
        *labels(),
        initializers=constants(),
        inputs=tuple(
            helper.make_tensor_value_info(name, TensorProto.FLOAT, [None, columns])
            for name, columns in [
                ("features", 2),
                *[(f"column {n}", 1) for n in range(40_000)],
            ]
        ),
    )


class Evil:
    def __reduce__(self) -> tuple[Callable[[str], Any], tuple[str]]:
        return Path.touch, (Path("touched"),)  # type: ignore[return-value]  # as strangers


def said(**about: str) -> ModelProto:
    return made(*labels(), initializers=constants(), about=ABOUT | about)


NASTY: dict[str, tuple[Callable[[], bytes], type[ModelMarketError], str]] = {
    "a-bomb": (lambda: of(bomb()), LimitError, "512 MiB of memory"),
    "a-bomb-of-labels": (
        lambda: of(bomb_of_labels()),
        LimitError,
        "512 MiB of memory",
    ),
    "an-endless-loop": (lambda: of(endless()), LimitError, "3 seconds of a processor"),
    "numbers-outside": (lambda: of(of_outside("../../etc/passwd")), InputError, "run"),
    "numbers-at-the-root": (lambda: of(of_outside("/etc/passwd")), InputError, "run"),
    "another-domain": (lambda: of(of_a_domain()), InputError, "com.evil"),
    "a-sequence": (lambda: of(reading_a_sequence()), InputError, "no table has"),
    "too-few-rows": (lambda: of(of_too_few_rows()), InputError, "1 labels of 1,000"),
    "a-pickle": (lambda: pickle.dumps(Evil()), InputError, "cannot be run"),
    "nothing": (lambda: b"", InputError, "cannot be run"),
    "noise": (lambda: bytes(range(256)) * 99, InputError, "cannot be run"),
    "a-part": (lambda: of(honest())[:-40], InputError, "cannot be run"),
    "no-columns": (
        lambda: of(made(*labels(), initializers=constants(), about={})),
        InputError,
        "This file does not say its columns",
    ),
    "columns-that-are-none": (lambda: of(said(columns="{}")), InputError, "no list"),
    "columns-too-deep": (
        lambda: of(said(columns="[" * 100_000)),
        InputError,
        "no list of names",
    ),
    "other-columns": (
        lambda: of(said(columns='["a", "c"]')),
        InputError,
        "reads a column 'c'",
    ),
    "many-columns": (
        lambda: of(said(columns=json.dumps([f"c{n}" for n in range(20_000)]))),
        InputError,
        "reads a column 'c0', which this table has not",
    ),
    "a-column-twice": (lambda: of(said(columns='["a", "a"]')), InputError, "twice"),
    "many-inputs": (lambda: of(of_many_inputs()), InputError, "too much to tell"),
    "much-said": (lambda: of(said(other="x" * 2**21)), InputError, "too much to tell"),
}


def of(model: ModelProto) -> bytes:
    data: bytes = model.SerializeToString()
    return data


def test_an_honest_one_of_the_same_making_runs(tmp_path: Path) -> None:
    rows = table()
    with run(of(honest()), tmp_path) as model:
        assert model.predict(rows) == ["yes" if a > 0 else "no" for a in rows["a"]]


@pytest.mark.parametrize("name", NASTY)
def test_a_nasty_one__is_ended_or_refused_in_words(name: str, tmp_path: Path) -> None:
    make, kind, words = NASTY[name]
    with pytest.raises(kind) as told, run(make(), tmp_path) as model:
        model.predict(table())
    assert words in told.value.message
    assert "\n" not in told.value.message
    assert not list(Path.cwd().glob("touched"))
