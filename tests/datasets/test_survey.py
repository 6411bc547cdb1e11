# SPDX-License-Identifier: Apache-2.0
"""What is said of a table before anything is done with it."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from modelmarket.datasets.cells import Values
from modelmarket.datasets.codes import encode_cells, make_column
from modelmarket.datasets.sources import Source
from modelmarket.datasets.survey import FIRST_ROWS, TYPED_ROWS, Survey, Type, survey
from modelmarket.datasets.tables import open_table
from modelmarket.protocol.schema import Texts
from modelmarket.web.stored import Coded


def looked_over(path: Path, text: str) -> Survey:
    path.write_text(text)
    return survey(Source(open_table(path, header=True), label="y"))


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        (["1", "-2", "+3", " 4 "], Type.WHOLE),
        (["1", ""], Type.WHOLE),
        (["1", "2.5"], Type.NUMBERS),
        (["1", "NA", " ? "], Type.WHOLE),
        (["1.5", "N/A"], Type.NUMBERS),
        (["none", "null"], Type.TEXT),
        (["none", "some"], Type.TEXT),
        ([".5", "1.", "-1e-7", "2E+10"], Type.NUMBERS),
        (["1", "nan", "-inf"], Type.NUMBERS),
        (["1", "1_000"], Type.TEXT),
        (["1", "1,5"], Type.TEXT),
        (["1", "0x10"], Type.TEXT),
        (["1", "."], Type.TEXT),
        (["1", "1e"], Type.TEXT),
        (["1", "\u0663"], Type.TEXT),
        (["cat"], Type.TEXT),
        (["", "  "], Type.EMPTY),
        ([], Type.EMPTY),
    ],
)
def test_a_type_is_the_narrowest_that_holds_every_cell(
    cells: list[str], kind: Type
) -> None:
    assert Type.of(cells) is kind


def test_columns_are_told_by_name_type_and_gaps(tmp_path: Path) -> None:
    found = looked_over(
        tmp_path / "t.csv", "n,size,y,colour,rest\n1,.5,a,red,\n2,,b,blue,\n3,2,a,,\n"
    )
    assert [(one.name, one.type, one.has_gaps) for one in found.columns] == [
        ("n", Type.WHOLE, False),
        ("size", Type.NUMBERS, True),
        ("colour", Type.TEXT, True),
        ("rest", Type.EMPTY, True),
    ]
    assert found.types == dict.fromkeys(Type, 1)
    assert found.typed_rows == found.rows == 3
    assert found.counts == {"a": 2, "b": 1}
    assert found.first_labels == ["a", "b", "a"]
    assert found.problem is not None
    assert "class 'b' is seen only once" in found.problem.message


@pytest.mark.parametrize(
    ("at", "kind"), [(TYPED_ROWS, Type.TEXT), (TYPED_ROWS + 1, Type.WHOLE)]
)
def test_types_are_told_by_the_first_rows(tmp_path: Path, at: int, kind: Type) -> None:
    cells = ("cat" if row == at else "7" for row in range(1, TYPED_ROWS + 3))
    lines = "\n".join(f"{cell},{row % 2}" for row, cell in enumerate(cells))
    found = looked_over(tmp_path / "t.csv", f"n,y\n{lines}\n")
    assert found.columns[0].type is kind
    assert found.typed_rows == TYPED_ROWS
    assert len(found.first) == len(found.first_labels) == FIRST_ROWS


def test_a_table_without_rows_has_columns_all_the_same(tmp_path: Path) -> None:
    found = looked_over(tmp_path / "t.csv", "n,y\n")
    assert [one.type for one in found.columns] == [Type.EMPTY]
    assert found.problem is not None
    assert "has no rows below its header" in found.problem.message


@pytest.mark.parametrize("as_numbers", [False, True])
def test_of_a_line_that_may_be_a_header_is_said_what_it_was_taken_for(
    tmp_path: Path, as_numbers: bool
) -> None:
    path = tmp_path / "t.csv"
    path.write_text("1,2,3\n")
    found = survey(Source(open_table(path), label="column_3"), as_numbers=as_numbers)
    assert found.problem is not None
    assert "has one line, which was taken for a row" in found.problem.message
    assert "there are none below it" in found.problem.hint


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        (["3"], "t.csv has one row, which cannot be both learned and tested."),
        (["3", "3"], "t.csv: all 2 rows are 3, so there is nothing to predict."),
        (["3", "4"], ""),
    ],
)
def test_numbers_that_cannot_be_learned_and_tested_are_told_before_the_terms(
    tmp_path: Path, labels: list[str], said: str
) -> None:
    path = tmp_path / "t.csv"
    path.write_text("n,y\n" + "".join(f"1,{one}\n" for one in labels))
    found = survey(Source(open_table(path), label="y"), as_numbers=True)
    assert ("" if found.problem is None else found.problem.message) == said


def test_what_is_a_number_and_a_gap_is_what_a_contests_schema_takes_for_such(
    tmp_path: Path,
) -> None:
    """The form and the receipt of one table say the same of it."""
    columns = {
        "whole": ["1", "2", "3"],
        "some": ["1", "NA", "3.5"],
        "text": ["a", "none", "b"],
        "gaps": ["a", "", "b"],
        "words": ["none", "null", "n/a"],
        "mixed": ["1", "two", ""],
    }
    rows = zip(*columns.values(), "aab", strict=True)
    lines = [",".join([*columns, "y"]), *map(",".join, rows)]
    found = looked_over(tmp_path / "t.csv", "\n".join(lines) + "\n")
    for told, (name, cells) in zip(found.columns, columns.items(), strict=True):
        made = make_column(name, Values.of(pl.Series(cells)), 8)
        assert isinstance(made, Texts) == (told.type is Type.TEXT), name
        codes = encode_cells(made, pl.Series(cells), 8)
        coded = Coded.of(made, 8)
        assert told.has_gaps == bool((codes == 0).any() and coded.gaps != "none"), name
