# SPDX-License-Identifier: Apache-2.0
"""An error about a row names its line, whatever a file has between its rows."""

from __future__ import annotations

import csv
import io
import tempfile
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelmarket.datasets import lines
from modelmarket.datasets.choosing import Choice
from modelmarket.datasets.given import opened
from modelmarket.datasets.lines import lines_of
from modelmarket.datasets.predictions import read_predictions
from modelmarket.datasets.sources import Source
from modelmarket.datasets.split import only_split
from modelmarket.datasets.survey import survey
from modelmarket.datasets.tables import Table, open_table
from modelmarket.errors import DataError
from modelmarket.protocol.classes import Classes

NOVEL = 'text,kind\n"one\nand a half",a\n\n\n"two",b\n"three\n\n",\n'
"""Its third row begins in line 7: a cell and two blank lines are before it."""


def written(folder: Path, text: str, name: str = "t.csv", code: str = "utf-8") -> Path:
    path = folder / name
    path.write_bytes(text.encode(code))
    return path


def told(path: Path, **options: object) -> str:
    """What is said of a table's labels."""
    table = open_table(path, header=True, **options)  # type: ignore[arg-type]  # each is one of its options
    with pytest.raises(DataError) as error:
        survey(Source(table, label="kind"))
    return error.value.message


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("code", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
def test_lines_are_counted_as_an_editor_counts_them(
    tmp_path: Path, end: str, code: str
) -> None:
    path = written(tmp_path, NOVEL.replace("\n", end), code=code)
    assert told(path, encoding=code) == "t.csv, row 3 (line 7): the label is missing."


def test_the_line_is_named_where_nothing_is_quoted(tmp_path: Path) -> None:
    path = written(tmp_path, "text,kind\none,a\n\ntwo,b\nthree,\n")
    assert told(path) == "t.csv, row 3 (line 5): the label is missing."


def test_tabs_and_semicolons_make_no_difference(tmp_path: Path) -> None:
    for delimiter in "\t;":
        path = written(tmp_path, NOVEL.replace(",", delimiter), "t.tsv")
        assert told(path) == "t.tsv, row 3 (line 7): the label is missing."


def test_without_a_header_the_first_row_is_the_first_line(tmp_path: Path) -> None:
    table = open_table(written(tmp_path, "1,2\n3\n"), header=False)
    with pytest.raises(DataError) as error:
        list(table.rows())
    assert error.value.message == (
        "t.csv, row 2 (line 2): 1 cell where 2 columns are expected; it begins with "
        "'3'."
    )


def test_parquet_has_rows_alone(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    pl.DataFrame({"text": ["one", "two"], "kind": ["a", None]}).write_parquet(path)
    assert told(path) == "t.parquet, row 2: the label is missing."


def test_a_data_frame_has_rows_alone(tmp_path: Path) -> None:
    frame = pl.DataFrame({"text": ["on\ne", "two"], "kind": ["a", None]})
    with (
        opened(frame, tmp_path, label="kind") as source,
        pytest.raises(DataError) as error,
    ):
        survey(source)
    assert error.value.message == "DataFrame, row 2: the label is missing."


def test_a_file_of_labels_has_lines_of_its_own(tmp_path: Path) -> None:
    data = open_table(written(tmp_path, 'n,m\n"1\n",1\n2,2\n'), header=True)
    labels = open_table(written(tmp_path, "kind\na\n \n", "l.csv"), header=True)
    with pytest.raises(DataError) as error:
        survey(Source(data, labels=labels))
    assert error.value.message == "l.csv, row 2 (line 3): the label is missing."


def test_a_time_that_is_none_is_found_in_its_line(tmp_path: Path) -> None:
    text = 'day,kind\n2024-01-01,"a\n"\n2024-01-02,b\nsoon,b\n'
    table = open_table(written(tmp_path, text), header=True)
    with pytest.raises(DataError) as error:
        only_split(Source(table, label="kind"), choice=Choice(time="day"))
    assert error.value.message == (
        "t.csv, row 3 (line 5): 'soon' in column 'day' is no time as the rows before "
        "have it."
    )


def test_a_prediction_that_is_no_class_is_found_in_its_line(tmp_path: Path) -> None:
    classes = Classes(("a", "b"))
    with_ids = written(tmp_path, "row_id,label\n\n2,a\n1,c\n", "p.csv")
    bare = written(tmp_path, "kind\na\n\nc\n", "bare.csv")
    for path, where in ((with_ids, "row 2 (line 4)"), (bare, "row 2 (line 4)")):
        with pytest.raises(DataError) as error:
            read_predictions(path, classes, 2)
        assert error.value.message == (
            f"{path.name}, {where}: 'c' is not one of the 2 classes ('a', 'b')."
        )


def test_a_quotation_mark_that_is_missing_is_looked_for_where_its_row_begins(
    tmp_path: Path,
) -> None:
    text = 'text,kind\none,a\n\n"two,b\n' + "three,c\n" * 9
    with pytest.raises(DataError) as error:
        list(open_table(written(tmp_path, text), header=True, delimiter=",").rows())
    assert str(error.value) == (
        "t.csv, row 2 (line 4): unexpected end of data. Is a quotation mark missing?"
    )


def test_a_byte_of_another_encoding_is_found_in_its_line(tmp_path: Path) -> None:
    path = written(tmp_path, '"a\n",b\n1,2\n\n3,ü\n', code="cp1252")
    with pytest.raises(DataError) as error:
        list(open_table(path, encoding="utf-8").rows())
    assert error.value.message == (
        "t.csv is not text in utf-8: in line 5 there is the byte 0xfc."
    )


@settings(max_examples=200, deadline=None)
@given(
    text=st.text(st.sampled_from('a,"\n\r'), max_size=30),
    block_bytes=st.integers(1, 12),
)
def test_each_row_is_found_in_its_line_wherever_the_file_is_cut(
    text: str, block_bytes: int
) -> None:
    wanted: dict[int, int] = {}
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    begin = 1
    try:
        for row in reader:
            if row:
                wanted[len(wanted) + 1] = begin
            begin = reader.line_num + 1
    except csv.Error:
        wanted[len(wanted) + 1] = begin
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(lines, "BLOCK_BYTES", block_bytes)
        path = written(Path(folder), text)
        assert lines_of(path, "utf-8", ",", wanted) == wanted
        for number, line in wanted.items():
            found = Table(path, (), has_header=False, encoding="utf-8", delimiter=",")
            assert found.told(number) == f"t.csv, row {number} (line {line})"


def test_a_file_that_is_gone_leaves_the_row(tmp_path: Path) -> None:
    table = Table(tmp_path / "t.csv", (), True, "utf-8", ",")
    assert table.told(3) == "t.csv, row 3"
