# SPDX-License-Identifier: Apache-2.0
"""A request's tables as each library has them, and labels in the type that they had."""

from __future__ import annotations

import math
import sys
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelmarket.datasets.libraries import (
    LIBRARIES,
    Library,
    are_whole,
    codes_for,
    labels_for,
    table_for,
)
from modelmarket.errors import InputError, NotFoundError

FRAME = pl.DataFrame({"n": [1, 2, None], "x": [0.5, None, 2.5], "w": ["a", None, "b"]})
NUMBERS = FRAME.select("n", "x")


def test_a_table_is_the_same_in_each_library() -> None:
    assert table_for("polars", FRAME) is FRAME
    frame = table_for("pandas", FRAME)
    assert isinstance(frame, pd.DataFrame)
    assert list(frame.columns) == ["n", "x", "w"]
    assert frame["n"].tolist()[:2] == [1, 2]
    assert frame.isna().to_numpy().tolist() == [
        [False, False, False],
        [False, True, True],
        [True, False, False],
    ]
    matrix = table_for("numpy", NUMBERS)
    assert matrix.dtype == np.float64
    assert matrix[:2, 0].tolist() == [1, 2]
    assert math.isnan(matrix[2, 0])


def test_whole_numbers_stay_whole() -> None:
    whole = pl.DataFrame(
        {"a": [1, 2], "b": [3, 4]}, schema={"a": pl.UInt8, "b": pl.UInt8}
    )
    assert table_for("numpy", whole).dtype == np.uint8
    assert table_for("pandas", whole)["a"].dtype == np.uint8


@pytest.mark.parametrize(
    ("names", "is_whole"),
    [
        (("0", "1", "2"), True),
        (("-1", "1"), True),
        ((str(2**63 - 1), str(-(2**63))), True),
        ((str(2**63), "0"), False),
        (("0", "01"), False),
        (("0", "1.0"), False),
        (("0", "-0"), False),
        (("0", "+1"), False),
        (("0", "1_0"), False),
        (("0", " 1"), False),
        (("0", "١"), False),
        (("0", ""), False),
        (("0", "-"), False),
        (("a", "b"), False),
        (("0", "9" * 5_000), False),
    ],
)
def test_labels_are_whole_numbers_only_if_every_class_is_one(
    names: tuple[str, ...], is_whole: bool
) -> None:
    assert are_whole(names) is is_whole
    labels = pl.Series("label", [names[1], names[0], names[1]])
    for library in ("polars", "pandas", "numpy"):
        found = labels_for(library, labels, names)
        assert len(found) == 3
        assert (np.asarray(found).dtype == np.int64) is is_whole
        assert [str(one) for one in found] == labels.to_list()


@given(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=2, unique=True))
def test_whole_numbers_are_read_back_as_they_were_written(classes: list[int]) -> None:
    names = [str(one) for one in classes]
    found = labels_for("numpy", pl.Series(names), names)
    assert found.tolist() == classes


@pytest.mark.parametrize("names", [("cat", "dog"), ("7", "9")])
def test_classes_are_numbered_where_that_is_asked_for(names: tuple[str, str]) -> None:
    labels = pl.Series("label", [names[1], names[0], names[1]])
    for library in ("polars", "pandas", "numpy"):
        found = labels_for(library, labels, names, numbered=True)
        assert np.asarray(found).dtype == np.int64
        assert list(found) == [1, 0, 1]


def test_labels_of_a_regression_are_numbers() -> None:
    labels = pl.Series("label", ["1", "2.5", "-1e3"])
    for library in ("polars", "pandas", "numpy"):
        found = labels_for(library, labels, ())
        assert np.asarray(found).tolist() == [1.0, 2.5, -1000.0]


def test_codes_have_the_names_of_their_columns_where_a_library_has_names() -> None:
    codes = np.array([[1, 2], [3, 4], [5, 6]], dtype=np.uint8)
    targets = np.array([0, 1, 0], dtype=np.uint32)
    same, labels = codes_for("numpy", codes, ("a b", "*"), targets)
    assert same is codes
    assert labels is targets
    kinds: dict[Library, type[Any]] = {"polars": pl.DataFrame, "pandas": pd.DataFrame}
    for library, kind in kinds.items():
        frame, labels = codes_for(library, codes, ("a b", "*"), targets)
        assert isinstance(frame, kind)
        assert list(frame.columns) == ["a b", "*"]
        assert frame.to_numpy().tolist() == codes.tolist()
        assert list(labels) == [0, 1, 0]


class Torch(ModuleType):
    """What is asked of torch; the real one is tried by `make frameworks`."""

    def from_numpy(self, array: Any) -> Any:
        assert array.flags.writeable, "torch warns of others"
        return array


def test_torch_takes_numbers_and_the_classes_numbers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "torch", Torch("torch"))
    matrix = table_for("torch", NUMBERS)
    assert matrix.dtype == np.float32
    names = ("7", "cat", "dog")
    labels = labels_for("torch", pl.Series(["dog", "7", "cat"]), names)
    assert (labels.tolist(), labels.dtype) == ([2, 0, 1], np.int64)
    assert labels_for("torch", pl.Series(["1.5"]), ()).dtype == np.float32
    codes = np.array([[1]], dtype=np.uint16)
    codes.flags.writeable = False
    rows, targets = codes_for("torch", codes, ("a",), np.array([3], dtype=np.uint32))
    assert (rows.dtype, targets.dtype) == (np.float32, np.int64)
    with pytest.raises(InputError, match="'w' has text, and torch has numbers alone"):
        table_for("torch", FRAME)


def test_a_library_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    labels = pl.Series(["a"])
    codes, targets = np.zeros((1, 1), dtype=np.uint8), np.zeros(1, dtype=np.uint32)
    for ask in (
        lambda one: table_for(one, FRAME),
        lambda one: labels_for(one, labels, ("a", "b")),
        lambda one: codes_for(one, codes, ("a",), targets),
    ):
        with pytest.raises(InputError, match="no library 'jax' here") as told:
            ask("jax")
        assert told.value.hint == f"Say one of {', '.join(LIBRARIES)}."
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(NotFoundError, match="pandas is not installed") as missing:
        table_for("pandas", FRAME)
    assert missing.value.hint == "pip install pandas"
