# SPDX-License-Identifier: Apache-2.0
"""What a cell of a published table says, whichever way it is read."""

from __future__ import annotations

import csv
import tempfile
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelmarket.datasets import cells as reading
from modelmarket.datasets import frames
from modelmarket.datasets.cells import Values, columns_of, values_of
from modelmarket.datasets.codes import encode_values, make_column
from modelmarket.protocol.schema import Texts

cells = st.one_of(
    st.integers(-300, 300).map(str),
    st.floats(allow_nan=False).map(repr),
    st.sampled_from(["", " 7", "7 ", "\t8", "?", " NaN", "nan", "-nan", "none", "x"]),
    st.sampled_from(["inf", " -Infinity", "1e400", "1_0", "0x1", ".5", "+5", "\u0663"]),
)


@given(column=st.lists(st.one_of(cells, st.none()), min_size=1, max_size=6))
def test_what_a_cell_says_does_not_depend_on_its_neighbours(
    column: list[str | None],
) -> None:
    together = Values.of(pl.Series(column, dtype=pl.String))
    for at, cell in enumerate(column):
        # A word beside it, so that no column is of numbers alone.
        alone = Values.of(pl.Series([cell, "word"], dtype=pl.String))
        assert together.texts[at] == alone.texts[0]
        assert together.is_missing[at] == alone.is_missing[0]
        np.testing.assert_array_equal(together.numbers[at], alone.numbers[0])


whole = st.one_of(
    st.integers(0, 300).map(str),
    st.integers(-(2**33), 2**33).map(str),
    st.sampled_from(["007", "+5", "-0", " 7", "255", "256", "-1"]),
)
columns = st.lists(
    st.one_of(
        st.lists(st.integers(0, 255).map(str), min_size=5, max_size=5),
        st.lists(whole, min_size=5, max_size=5),
        st.lists(st.one_of(whole, cells), min_size=5, max_size=5),
    ),
    min_size=1,
    max_size=4,
)


@settings(deadline=None)
@given(table=columns, head=st.integers(1, 5), at_once=st.integers(1, 20))
def test_whole_numbers_say_the_same_as_their_texts(
    table: list[list[str]], head: int, at_once: int
) -> None:
    names = [f"column {number}" for number in range(len(table))]
    with (
        tempfile.TemporaryDirectory() as folder,
        pytest.MonkeyPatch.context() as patch,
    ):
        path = Path(folder) / "train.csv"
        with path.open("w", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(["row_id", *names])
            writer.writerows(zip(range(5), *table, strict=True))
        patch.setattr(frames, "HEAD_ROWS", head)
        patch.setattr(reading, "NUMBERS_AT_ONCE", at_once)
        found = list(values_of(path, names, 5, names[:1]))
        texts = [Values.of(one) for one in columns_of(path, names, 5)]
    assert found[0].texts.to_list() == texts[0].texts.to_list(), "as it was asked for"
    assert len(found) == len(texts)
    for one, text in zip(found, texts, strict=True):
        np.testing.assert_array_equal(one.numbers, text.numbers)
        np.testing.assert_array_equal(one.is_missing, text.is_missing)
        assert one.is_numeric == text.is_numeric
        if one.bytes is not None:
            assert one.bytes.tolist() == text.numbers.tolist()
        if not one.is_numeric:
            assert one.texts.to_list() == text.texts.to_list()
        for width, even in ((8, False), (16, False), (8, True)):
            column = make_column("any", text, width, even=even)
            if not isinstance(column, Texts):
                assert column == make_column("any", one, width, even=even)
                np.testing.assert_array_equal(
                    encode_values(column, one, width),
                    encode_values(column, text, width),
                )
        assert one.every(2).numbers.tolist() == pytest.approx(
            one.numbers.tolist()[::2], nan_ok=True
        )


def test_whole_numbers_are_read_without_their_texts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where all are; a gap, a word or a fraction far down makes texts of them."""
    monkeypatch.setattr(frames, "HEAD_ROWS", 2)
    path = tmp_path / "train.csv"
    path.write_text("a,b,c\n1,300,1\n2,2,x\n3,3,3\n")
    kinds = [one.cells.dtype for one in values_of(path, ["a", "b", "c"], 3)]
    assert kinds == [pl.UInt8, pl.UInt16, pl.String]
    for last in ("256,2,3", "4,,3", "4,x,3", "4,2.5,3"):
        path.write_text(f"a,b,c\n1,300,1\n2,2,x\n3,3,3\n{last}\n")
        wanted = [text and float(text) for text in ("1", "2", "3", last.split(",")[0])]
        found = list(values_of(path, ["a", "b", "c"], 4))
        assert found[0].numbers.tolist() == wanted
        assert found[1].cells.dtype == pl.String
