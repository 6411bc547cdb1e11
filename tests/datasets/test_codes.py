# SPDX-License-Identifier: Apache-2.0
"""Tables become codes as the schema says, whatever stands in their cells."""

from __future__ import annotations

import csv
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from modelmarket.datasets.codes import (
    as_schema,
    codes_of,
    cuts,
    encode,
    make_columns,
    plain,
)
from modelmarket.datasets.tables import open_table
from modelmarket.errors import DataError, InputError
from modelmarket.protocol.classes import Classes
from modelmarket.protocol.schema import Affine, ClassTarget, Cuts, Texts

TARGET = ClassTarget(Classes(("no", "yes")))


def write(path: Path, columns: dict[str, list[str]]) -> Path:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["row_id", *columns])
        writer.writerows(
            [number, *cells]
            for number, cells in enumerate(zip(*columns.values(), strict=True), 1)
        )
    return path


def test_what_a_column_is_follows_from_its_cells(tmp_path: Path) -> None:
    table = {
        "whole": ["3", "1", "2", "2"],
        "lost": ["1.5", "", "NaN", "2.5"],
        "text": ["b", "a ", "", "b"],
        "mixed": ["1", "2", "x", "3"],
        "gone": ["", "n/a", "?", "None"],
        "same": ["7", "7", "7", "7"],
    }
    path = write(tmp_path / "train.csv", table)
    found = make_columns(path, list(table), 4, width=8)
    assert found == (
        Cuts("whole", (1.5, 2.5)),
        Cuts("lost", (2.0,), has_missing=True),
        Texts("text", ("a", "b")),
        Texts("mixed", ("1", "2", "3", "x")),
        Texts("gone", ("?", "None", "n/a")),
        Cuts("same", ()),
    )
    codes = encode(path, found, 4, 8)
    assert codes.tolist() == [
        [2, 1, 2, 1, 0, 0],
        [0, 0, 1, 2, 3, 0],
        [1, 0, 0, 4, 1, 0],
        [1, 2, 2, 3, 2, 0],
    ]


def test_a_table_as_it_is_has_its_numbers_and_what_is_missing_below_them(
    tmp_path: Path,
) -> None:
    table = {
        "lost": ["1.5", "", "256.5", "nan"],
        "text": ["b", "a", "", "b"],
        "gone": ["", "", "1e300", "-inf"],
    }
    path = write(tmp_path / "train.csv", table)
    columns = make_columns(path, list(table), 4, width=8)
    found = plain(path, columns, 4, 8)
    assert found[:, 0].tolist() == [1.5, 0.5, 256.5, 0.5]
    assert found[:, 1].tolist() == [2, 1, 0, 2]
    assert found[2:, 2].tolist() == [1e38, -1e38]
    assert (found[:2, 2] < -1e38).all()
    assert np.isfinite(found.astype(np.float32)).all()


def test_even_codes_span_the_values_that_there_are(tmp_path: Path) -> None:
    path = write(tmp_path / "train.csv", {"x": ["-1", "0", "1.5"], "y": ["1", "1", ""]})
    found = make_columns(path, ["x", "y"], 3, width=16, even=True)
    assert found == (Affine("x", -1.0, 65_535 / 2.5), Cuts("y", (), has_missing=True))
    assert encode(path, found, 3, 16)[:, 0].tolist() == [0, 26_214, 65_535]


def test_the_most_frequent_texts_are_kept(tmp_path: Path) -> None:
    cells = [f"t{n:03}" for n in range(300)] + [f"t{n:03}" for n in range(290, 300)]
    path = write(tmp_path / "train.csv", {"x": cells})
    [column] = make_columns(path, ["x"], len(cells), width=8)
    assert isinstance(column, Texts)
    assert len(column.values) == 255
    assert set(column.values) >= {f"t{n:03}" for n in range(290, 300)}
    assert list(column.values) == sorted(column.values)


@given(
    values=st.lists(st.floats(-1e300, 1e300), min_size=1, max_size=60),
    most=st.integers(1, 20),
)
def test_cuts_tell_all_values_apart_where_they_fit(
    values: list[float], most: int
) -> None:
    numbers = np.array(values)
    found = cuts(numbers, most)
    assert len(found) <= most
    assert list(found) == sorted(set(found))
    different = sorted({one + 0.0 for one in values})
    codes = np.searchsorted(np.array(found), np.array(different), side="left")
    if len(different) - 1 <= most:
        assert codes.tolist() == list(range(len(different)))
    assert (np.diff(codes) >= 0).all()


def test_quantiles_share_the_rows_evenly() -> None:
    numbers = np.arange(10_000, dtype=np.float64)
    found = cuts(numbers, 9)
    counts = np.bincount(np.searchsorted(np.array(found), numbers, side="left"))
    assert counts.tolist() == [1_000] * 10


def test_a_number_that_is_everywhere_costs_the_others_no_cuts() -> None:
    numbers = np.concatenate([np.zeros(100_000), np.arange(1, 50_001, dtype=float)])
    assert len(cuts(numbers, 255)) >= 250


def test_names_that_look_like_patterns_are_names(tmp_path: Path) -> None:
    table = {"*": ["1", "2"], "^.*$": ["3", "3"], "x": ["a", "b"]}
    path = write(tmp_path / "train.csv", table)
    found = make_columns(path, list(table), 2, width=8)
    assert [one.name for one in found] == list(table)
    assert encode(path, found, 2, 8).tolist() == [[0, 0, 1], [1, 0, 2]]


def test_neighbouring_doubles_are_told_apart() -> None:
    low = 1.0
    high = math.nextafter(low, 2)
    assert cuts(np.array([low, high]), 5) == (low,)
    huge = 1.7e308
    assert cuts(np.array([-huge, huge]), 5) == (0.0,)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(
    rows=st.lists(
        st.tuples(
            st.one_of(st.integers(-5, 5).map(str), st.sampled_from(["", "nan", "2.5"])),
            st.text(alphabet=st.characters(exclude_categories=["C"]), max_size=4),
        ),
        min_size=1,
        max_size=12,
    )
)
def test_any_cells_are_encoded_as_a_slow_telling_does(
    rows: list[tuple[str, str]], tmp_path: Path
) -> None:
    table = {"x": [one for one, _ in rows], "y": [one for _, one in rows]}
    path = write(tmp_path / "train.csv", table)
    found = make_columns(path, ["x", "y"], len(rows), width=8)
    codes = encode(path, found, len(rows), 8)
    for at, column in enumerate(found):
        for row, cells in enumerate(rows):
            cell = cells[at].strip()
            is_lost = cell.lower() in ("", "?", "n/a", "na", "nan", "none", "null")
            if isinstance(column, Texts):
                expected = 1 + column.values.index(cell) if cell else 0
            else:
                assert isinstance(column, Cuts)
                number = 0.0 if is_lost else float(cell)
                below = sum(cut < number for cut in column.cuts)
                expected = 0 if is_lost else below + column.has_missing
            assert codes[row, at] == expected, (cell, column)


def test_another_table_is_found_by_the_names_of_its_columns(tmp_path: Path) -> None:
    path = write(tmp_path / "train.csv", {"x": ["1", "2"], "y": ["a", "b"]})
    schema = as_schema(make_columns(path, ["x", "y"], 2, width=8), TARGET, 8)
    new = tmp_path / "new.tsv"
    new.write_text("y\tmore\tx\nb\t1\t9\nc\t2\t1\n")
    assert codes_of(open_table(new, header=True), schema, tmp_path).tolist() == [
        [1, 2],
        [0, 0],
    ]
    new.write_text("y\tz\nb\t1\n")
    with pytest.raises(DataError, match="has no column 'x'") as one:
        codes_of(open_table(new, header=True), schema, tmp_path)
    assert one.value.hint.startswith("It needs that column")
    new.write_text("z\n1\n")
    with pytest.raises(DataError, match="has no columns 'x', 'y'") as more:
        codes_of(open_table(new, header=True), schema, tmp_path)
    assert more.value.hint.startswith("It needs these columns")
    new.write_text("y\tx\nb\t1\nb\tone\n")
    where = r"new\.tsv, row 2 \(line 3\), column 'x'"
    with pytest.raises(DataError, match=f"{where}: 'one' is no number"):
        codes_of(open_table(new, header=True), schema, tmp_path)


def test_a_cell_that_is_no_number_counts_as_lost_among_hidden_rows(
    tmp_path: Path,
) -> None:
    train = write(tmp_path / "train.csv", {"x": ["1", "", "2"]})
    found = make_columns(train, ["x"], 3, width=8)
    hidden = write(tmp_path / "test.csv", {"x": ["what", "2"]})
    assert encode(hidden, found, 2, 8).tolist() == [[0], [2]]
    with pytest.raises(DataError, match="has 2 rows, not 3"):
        encode(hidden, found, 3, 8)


def test_wide_tables_and_damaged_ones_are_refused(tmp_path: Path) -> None:
    names = [f"c{n}" for n in range(1_025)]
    with pytest.raises(DataError, match="at most 1,024 columns"):
        make_columns(tmp_path / "none.csv", names, 1, width=8)
    with pytest.raises(DataError, match="cannot be read as a table"):
        make_columns(write(tmp_path / "a.csv", {"x": ["1"]}), ["y"], 1, width=8)
    wide = tuple(Texts(one, ()) for one in names[:1_024])
    assert as_schema(wide, TARGET, 16).row_words == 64
    with pytest.raises((DataError, InputError)):
        as_schema((), TARGET, 8)
