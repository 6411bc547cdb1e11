# SPDX-License-Identifier: Apache-2.0
"""The column that names files is found by the files that are there."""

from __future__ import annotations

from pathlib import Path

import pytest

from modelmarket.datasets.naming import look_for_files
from modelmarket.datasets.tables import Table, open_table


def table(folder: Path, text: str) -> Table:
    path = folder / "t.csv"
    path.write_text(text)
    return open_table(path, header=True)


def folder_of(tmp_path: Path, *names: str) -> Path:
    folder = tmp_path / "p.zip"
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"four")
    return folder


def test_the_column_is_the_one_that_names_most_files(tmp_path: Path) -> None:
    rows = "n,file,photo,kind\n1,a,x.png,u\n2,x.png,y.png,v\n3,,x.png,u\n"
    folder = folder_of(tmp_path, "x.png", "y.png", "z.png", "u")
    found = look_for_files(table(tmp_path, rows), folder, label="kind")
    assert (found.attached.column, found.attached.folder) == ("photo", folder)
    assert (found.attached.called, found.files, found.bytes) == ("p.zip", 2, 8)
    # Without a column of labels, any may be it; with one that was said, no other.
    said = look_for_files(table(tmp_path, rows), folder, label="kind", column="file")
    assert (said.attached.column, said.files) == ("file", 1)
    for other in ("kind", "none"):
        one = look_for_files(table(tmp_path, rows), folder, label="kind", column=other)
        assert one.attached.column == "photo"


@pytest.mark.parametrize(
    ("cell", "base"),
    [
        ("x.png", "top/in"),
        ("./x.png", "top/in"),
        ("in/x.png", "top"),
        ("top/in/x.png", ""),
        ("d/../x.png", "top/in"),
    ],
)
def test_names_may_begin_at_any_folder_that_all_files_lie_in(
    tmp_path: Path, cell: str, base: str
) -> None:
    folder = folder_of(tmp_path, "top/in/x.png", "top/in/d/y.png")
    found = look_for_files(table(tmp_path, f"n,f\n1,{cell}\n2,7\n"), folder)
    assert found.attached.folder == folder / base
    assert found.attached.called == f"p.zip/{base}".rstrip("/")
    assert found.files == 1


@pytest.mark.parametrize("cell", ["/x.png", "../x.png", "y.png", ".", "d", ""])
def test_a_cell_that_names_no_file_there_is_none(tmp_path: Path, cell: str) -> None:
    folder = folder_of(tmp_path, "x.png", "d/y.png")
    rows = table(tmp_path, f"n,f,Photo\n1,{cell},7\n2,{cell},8\n")
    found = look_for_files(rows, folder)
    # What the column is called is all that there is to go by.
    assert (found.attached.column, found.files, found.bytes) == ("Photo", 0, 0)


def test_where_nothing_tells_the_first_column_is_taken(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, "x.png")
    found = look_for_files(table(tmp_path, "k,a,b\n1,2,3\n"), folder, label="k")
    assert found.attached.column == "a"
