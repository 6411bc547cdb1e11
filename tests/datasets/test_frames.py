# SPDX-License-Identifier: Apache-2.0
"""Published tables are read as what they are, whatever stands where in them."""

from __future__ import annotations

import tempfile
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelmarket.datasets import frames
from modelmarket.datasets.frames import frame_of, read_frame, text_columns
from modelmarket.datasets.tables import open_table
from modelmarket.errors import DataError

SMALLEST = {
    pl.UInt8: (0, 255),
    pl.Int8: (-128, 127),
    pl.UInt16: (0, 65_535),
    pl.Int16: (-32_768, 32_767),
    pl.UInt32: (0, 2**32 - 1),
    pl.Int32: (-(2**31), 2**31 - 1),
    pl.Int64: (-(2**63), 2**63 - 1),
}


def at(path: Path, *rows: str) -> Path:
    path.write_text("row_id,a,b,label\n" + "\n".join(rows) + "\n")
    return path


@pytest.mark.parametrize("before", [0, 1])
def test_a_word_far_below_a_columns_numbers_makes_it_text(
    tmp_path: Path, before: int
) -> None:
    numbers = frames.SCHEMA_ROWS - 1 + before
    rows = [f"{n},{n % 7:02},1,x" for n in range(numbers)]
    path = at(tmp_path / "train.csv", *rows, f"{numbers},none,1,x")
    found = read_frame(path)
    assert found.schema["a"] == pl.String
    assert found["a"].to_list()[:9] == [f"{n % 7:02}" for n in range(9)]
    assert found["a"][-1] == "none"
    assert text_columns(found) == ["a", "label"]


def test_a_column_of_digits_is_text_where_another_part_has_words(
    tmp_path: Path,
) -> None:
    path = at(tmp_path / "test.csv", "1,007,007,x", "2,08,08,y")
    found = read_frame(path, ["a", "no such column"])
    assert found["a"].to_list() == ["007", "08"]
    assert found["b"].to_list() == [7, 8]
    assert read_frame(path)["a"].to_list() == [7, 8]


@pytest.mark.parametrize("row", [0, frames.SCHEMA_ROWS])
@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (2**63 - 1, pl.Int64),
        (-(2**63), pl.Int64),
        (2**63, pl.Float64),
        (-(2**63) - 1, pl.Float64),
        (2**127, pl.Float64),
        (10**60, pl.Float64),
    ],
    ids=["most", "least", "above", "below", "above 128 bits", "far above"],
)
def test_whole_numbers_above_64_bits_are_floats_that_models_take(
    tmp_path: Path, row: int, number: int, kind: type[pl.DataType]
) -> None:
    """Wherever the first of them stands."""
    rows = [f"{n},{number if n == row else n},1,x" for n in range(row + 2)]
    found = read_frame(at(tmp_path / "train.csv", *rows))
    assert found.schema["a"] == kind
    assert found["a"][row] == (number if kind == pl.Int64 else float(number))
    assert found["a"][row + 1] == row + 1


WHOLE = st.one_of(
    st.none(),
    st.integers(-3, 3),
    st.integers(0, 62).flatmap(
        lambda bits: st.sampled_from(
            [s * 2**bits + d for s in (-1, 1) for d in (-1, 0)]
        )
    ),
)


@settings(deadline=None)
@given(
    st.lists(WHOLE, min_size=1, max_size=6),
    st.lists(WHOLE, max_size=6),
    st.sampled_from(["{}", '"{}"', " {}", "0{}", "+{}"]),
)
def test_whole_numbers_get_the_smallest_type_wherever_the_largest_stands(
    first: list[int | None], rest: list[int | None], form: str
) -> None:
    """What the head of a column tells is no more than a guess."""
    numbers = [*first, *rest]
    cells = ["" if n is None else str(n) for n in numbers]
    for n in range(len(first), len(numbers)):
        if (numbers[n] or 0) > 0:
            cells[n] = form.format(cells[n])
    with (
        tempfile.TemporaryDirectory() as folder,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setattr(frames, "SCHEMA_ROWS", len(first))
        path = Path(folder) / "train.csv"
        found = read_frame(at(path, *(f"{n},{c},1,x" for n, c in enumerate(cells))))
    known = [n for n in numbers if n is not None]
    if any(n is not None for n in first):
        assert found["a"].to_list() == numbers
        assert found.schema["a"] == next(
            kind
            for kind, (low, high) in SMALLEST.items()
            if low <= min(known) and max(known) <= high
        )
    else:
        # Nothing told that it has numbers.
        assert found.schema["a"] == pl.String
        assert found["a"].to_list() == [c.strip('"') or None for c in cells]


@pytest.mark.parametrize("rows", [1, frames.SCHEMA_ROWS])
def test_a_column_may_have_its_first_number_far_down(tmp_path: Path, rows: int) -> None:
    """Which is found out where another has its first word there, too."""
    path = at(
        tmp_path / "train.csv", *(f"{n},,1,x" for n in range(rows)), f"{rows},7,no,x"
    )
    found = read_frame(path)
    assert found["b"][-1] == "no"
    assert found["a"].to_list() == [*[None] * rows, 7]
    assert found.schema["a"] == pl.UInt8


def test_what_is_no_table_is_refused_however_far_one_looks(tmp_path: Path) -> None:
    path = at(tmp_path / "train.csv", "1,2,3,x", "1,2,3,4,5,6")
    with pytest.raises(DataError, match=r"train\.csv cannot be read as a table"):
        read_frame(path)


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_any_table_is_read_as_it_would_be_once_it_is_published(
    tmp_path: Path, delimiter: str
) -> None:
    path = tmp_path / "new.csv"
    rows = [["a", "b,b"], ["007", "1"], ["8", '"2"']]
    path.write_text(
        "\n".join(
            delimiter.join(f'"{c}"' if "," in c else c for c in row) for row in rows
        )
    )
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    found = frame_of(open_table(path, header=True), scratch, ["a"])
    assert found.columns == ["a", "b,b"]
    assert found["a"].to_list() == ["007", "8"]
    assert found["b,b"].to_list() == [1, 2]
    assert list(scratch.iterdir()) == []


def test_a_parquet_table_is_read_likewise(tmp_path: Path) -> None:
    path = tmp_path / "new.parquet"
    pl.DataFrame({"a": ["007", None], "n": [1.5, None]}).write_parquet(path)
    found = frame_of(open_table(path, header=True), tmp_path, ["a"])
    assert found["a"].to_list() == ["007", None]
    assert found["n"].to_list() == [1.5, None]
