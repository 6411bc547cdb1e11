# SPDX-License-Identifier: Apache-2.0
"""Predictions are those of the rows that they are for, whatever order they come in."""

from __future__ import annotations

from array import array
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

from modelmarket.datasets.predictions import encode_predictions
from modelmarket.errors import DataError
from modelmarket.protocol.classes import Classes

CLASSES = Classes(("0", "1", "2"))
RIGHT = [2, 0, 1, 1]
FRAMES = {"polars": pl.DataFrame, "pandas": pd.DataFrame}


def codes(predictions: Any) -> list[int]:
    rows = len(RIGHT)
    found = encode_predictions(predictions, CLASSES, rows, where="predictions")
    return list(map(int, found))


@pytest.mark.parametrize(
    "predictions",
    [
        RIGHT,
        tuple(RIGHT),
        array("i", RIGHT),
        np.array(RIGHT),
        pl.Series(RIGHT),
        pd.Series(RIGHT),
        pd.Index(RIGHT),
        pd.Series(RIGHT, name="label"),
        pl.DataFrame({"anything": RIGHT}),
        pd.DataFrame({"anything": RIGHT}),
        (one for one in RIGHT),
    ],
    ids=lambda one: f"{type(one).__module__}.{type(one).__name__}",
)
def test_one_column_is_in_the_order_of_the_test_rows(predictions: Any) -> None:
    assert codes(predictions) == RIGHT


@pytest.mark.parametrize("library", FRAMES)
def test_a_frame_with_ids_is_put_in_order(library: str) -> None:
    columns = {"label": [1, 2, 1, 0], "row_id": [4, 1, 3, 2], "other": [0] * 4}
    assert codes(FRAMES[library](columns)) == RIGHT


def test_an_index_of_pandas_is_put_in_order_and_never_ignored() -> None:
    shuffled = pd.Series(RIGHT).sample(frac=1, random_state=1)
    assert list(shuffled.index) != [0, 1, 2, 3]
    assert codes(shuffled) == RIGHT
    assert codes(shuffled.to_frame("label")) == RIGHT
    by_id = pd.Series([1, 2, 1, 0], index=pd.Index([4, 1, 3, 2], name="row_id"))
    assert codes(by_id) == RIGHT


@pytest.mark.parametrize(
    "index", [[7, 8, 9, 10], [1, 2, 3, 4], [0, 0, 1, 2], list("abcd"), [0, 1, 2, 4]]
)
def test_an_index_of_other_rows_is_refused(index: list[Any]) -> None:
    """As of a part that was split off for validation."""
    with pytest.raises(DataError, match="that is not that of the test rows") as told:
        codes(pd.Series(RIGHT, index=index))
    assert "reset_index(drop=True)" in told.value.hint


@pytest.mark.parametrize("library", FRAMES)
@pytest.mark.parametrize(
    ("ids", "said"),
    [
        ([1, 2, 3, 3], "id '3' comes twice"),
        ([0, 1, 2, 3], "there is no test row '0'; ids go from 1 to 4"),
        ([1, 2, 3, 5], "there is no test row '5'; ids go from 1 to 4"),
        (["a", "b", "c", "d"], "there is no test row 'a'"),
    ],
)
def test_ids_that_are_none_are_named(library: str, ids: list[Any], said: str) -> None:
    with pytest.raises(DataError, match=said):
        codes(FRAMES[library]({"row_id": ids, "label": RIGHT}))


@pytest.mark.parametrize("library", FRAMES)
def test_a_row_without_a_prediction_is_named(library: str) -> None:
    frame = FRAMES[library]({"row_id": [1, 2, 4], "label": [0, 1, 2]})
    with pytest.raises(DataError, match="id '3' is missing; 3 of 4 test rows are"):
        codes(frame)


@pytest.mark.parametrize("library", FRAMES)
def test_several_columns_without_ids_are_refused(library: str) -> None:
    frame = FRAMES[library]({"a": [0.5] * 4, "b": [0.5] * 4})
    with pytest.raises(DataError, match="predictions have the columns a, b") as told:
        codes(frame)
    assert "not its probability" in told.value.hint
