# SPDX-License-Identifier: Apache-2.0
"""A table may be a file or a data frame, its labels a column or something beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelmarket.datasets.given import opened
from modelmarket.datasets.sources import Source
from modelmarket.datasets.tables import open_table
from modelmarket.errors import InputError, NotFoundError

CELLS = {"x": [1.5, 2.25, None], "word": ['a "b"', "c,d", "e\nf"]}
KINDS = ["cat", "dog", "cat"]
FRAMES = {"polars": pl.DataFrame, "pandas": pd.DataFrame}


def rows(data: Any, folder: Path, **said: Any) -> tuple[list[list[str]], list[str]]:
    """What a table comes to: its features' cells, and its labels."""
    with opened(data, folder, **said) as source:
        assert source.features == ("x", "word")
        cells = list(source.data.rows())
        if source.label is None:
            assert source.labels is not None
            return cells, [row[0] for row in source.labels.rows()]
        at = source.data.column(source.label)
        return [row[:at] + row[at + 1 :] for row in cells], [row[at] for row in cells]


WRITTEN = [["1.5", 'a "b"'], ["2.25", "c,d"], ["", "e\nf"]]


@pytest.mark.parametrize("library", FRAMES)
def test_a_data_frame_is_read_cell_by_cell(tmp_path: Path, library: str) -> None:
    frame = FRAMES[library](CELLS | {"kind": KINDS})
    assert rows(frame, tmp_path, label="kind") == (WRITTEN, KINDS)
    assert list(tmp_path.iterdir()) == [], "what was written is gone"


LABELS = {
    "list": KINDS,
    "tuple": tuple(KINDS),
    "array": np.array(KINDS),
    "polars": pl.Series(KINDS),
    "pandas": pd.Series(KINDS),
}


@pytest.mark.parametrize("library", FRAMES)
@pytest.mark.parametrize("kind", LABELS)
def test_labels_may_stand_beside_a_frame(
    tmp_path: Path, library: str, kind: str
) -> None:
    found = rows(FRAMES[library](CELLS), tmp_path, labels=LABELS[kind])
    assert found == (WRITTEN, KINDS)


@pytest.mark.parametrize("kind", [Path, str])
def test_a_path_is_opened_as_it_is(tmp_path: Path, kind: Any) -> None:
    path, labels = tmp_path / "t.csv", tmp_path / "l.csv"
    pl.DataFrame(CELLS | {"kind": KINDS}).write_csv(path)
    assert rows(kind(path), tmp_path, label="kind") == (WRITTEN, KINDS)
    pl.DataFrame(CELLS).write_csv(path)
    labels.write_text("label\ncat\ndog\ncat\n")
    assert rows(kind(path), tmp_path, labels=kind(labels)) == (WRITTEN, KINDS)
    with pytest.raises(NotFoundError), opened(kind(tmp_path / "no"), tmp_path):
        pass


def test_an_index_of_pandas_is_no_column(tmp_path: Path) -> None:
    frame = pd.DataFrame(CELLS | {"kind": KINDS}, index=[7, 3, 5])
    assert rows(frame, tmp_path, label="kind") == (WRITTEN, KINDS)


def test_labels_of_another_index_are_refused(tmp_path: Path) -> None:
    """They would be taken for those of other rows."""
    frame = pd.DataFrame(CELLS, index=[7, 3, 5])
    same = pd.Series(KINDS, index=[7, 3, 5])
    assert rows(frame, tmp_path, labels=same) == (WRITTEN, KINDS)
    for other in (pd.Series(KINDS), same.sort_index(), same.iloc[:2]):
        with pytest.raises(InputError, match="have another index than the rows"):
            rows(frame, tmp_path, labels=other)


def test_missing_labels_are_empty(tmp_path: Path) -> None:
    _, labels = rows(pl.DataFrame(CELLS), tmp_path, labels=["cat", None, "dog"])
    assert labels == ["cat", "", "dog"]


@pytest.mark.parametrize("data", [3, None, object(), np.zeros((2, 2)), [[1, 2]]])
def test_what_is_no_table_is_told_what_one_is(tmp_path: Path, data: Any) -> None:
    with (
        pytest.raises(InputError, match="is no table") as told,
        opened(data, tmp_path, label="x"),
    ):
        pass
    assert "a data frame of polars or pandas" in told.value.hint


@pytest.mark.parametrize("labels", [3, np.zeros((2, 2)), object()])
def test_what_is_no_column_of_labels_is_told_so(tmp_path: Path, labels: Any) -> None:
    with pytest.raises(InputError, match="is no column of labels"):
        rows(pl.DataFrame(CELLS), tmp_path, labels=labels)


def test_a_source_knows_its_labels(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    pl.DataFrame(CELLS | {"kind": KINDS}).write_csv(path)
    source = Source(open_table(path, header=True), label="kind")
    with opened(source, tmp_path) as same:
        assert same is source
    with (
        pytest.raises(InputError, match="knows its labels already"),
        opened(source, tmp_path, label="kind"),
    ):
        pass


@settings(max_examples=50)
@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1))
def test_numbers_come_out_as_they_went_in(
    tmp_path_factory: pytest.TempPathFactory, numbers: list[float]
) -> None:
    folder = tmp_path_factory.mktemp("numbers")
    labels = ["a"] * len(numbers)
    for library in FRAMES.values():
        frame = library({"x": numbers, "word": labels})
        cells, _ = rows(frame, folder, labels=labels)
        assert [float(row[0]) for row in cells] == numbers
