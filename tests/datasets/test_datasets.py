# SPDX-License-Identifier: Apache-2.0
"""Tables in, the split, the published folder, predictions back."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import os
import struct
import subprocess
import sys
import zipfile
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from modelmarket.datasets import lines
from modelmarket.datasets.about import About
from modelmarket.datasets.choosing import Choice
from modelmarket.datasets.frames import read_frame
from modelmarket.datasets.idx import find_mnist, read_idx, write_mnist
from modelmarket.datasets.lint.findings import Check
from modelmarket.datasets.predictions import encode_predictions, read_predictions
from modelmarket.datasets.published import (
    CARD,
    MANIFEST,
    REPORT,
    SAMPLE,
    TEST,
    TRAIN,
    Manifest,
    Published,
    publish,
)
from modelmarket.datasets.records import encode_row, read_records
from modelmarket.datasets.shares import parse_accuracy, parse_fraction
from modelmarket.datasets.sources import Source
from modelmarket.datasets.tables import Table, open_table
from modelmarket.errors import DataError, InputError, NotFoundError
from modelmarket.protocol.classes import Classes

CLASSES = Classes(("cat", "cow", "dog"))


def table(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.write_bytes(text.encode(encoding))
    return path


def rows(count: int = 20, label: bool = True) -> str:
    names = ["cat", "dog"]
    lines = [
        f"{n},{n * n},{names[n % 2]}" if label else f"{n},{n * n}" for n in range(count)
    ]
    return "\n".join(["a,b,animal" if label else "a,b", *lines]) + "\n"


def read(path: Path) -> list[list[str]]:
    with path.open(newline="") as file:
        return list(csv.reader(file))


# --- reading ---


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_any_usual_delimiter_and_encoding_is_found_out(
    tmp_path: Path, delimiter: str, encoding: str
) -> None:
    text = f"größe{delimiter}tier\n1{delimiter}Bär\n2{delimiter}Käfer\n"
    found = open_table(table(tmp_path / "t.csv", text, encoding))
    assert found.columns == ("größe", "tier")
    assert list(found.rows()) == [["1", "Bär"], ["2", "Käfer"]]


def test_a_header_tells_semicolons_from_decimal_commas(tmp_path: Path) -> None:
    lines = ["a;b;tier", *["1,5;2,5;Bär"] * 9]
    lines[3] += ";zu viel"
    found = open_table(table(tmp_path / "t.csv", "\n".join(lines)))
    assert found.columns == ("a", "b", "tier")
    with pytest.raises(DataError, match=r"row 3 \(line 4\): 4 cells where 3 columns"):
        list(found.rows())


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_quoted_newlines_delimiters_and_quotes_stay(
    tmp_path: Path, ending: str
) -> None:
    text = ending.join(["a,b", '"x\ny","p,q"', '"say ""hi""",z', ""])
    found = open_table(table(tmp_path / "t.csv", text), header=True)
    assert list(found.rows()) == [["x\ny", "p,q"], ['say "hi"', "z"]]


@pytest.mark.parametrize(
    ("text", "has_header"),
    [
        ("a,b\n1,2\n", True),
        ("1,2\n3,4\n", False),
        ("a,b\nc,d\n", True),
        ("cat,dog\ncat,dog\n", False),
        ("x,1\ny,2\n", False),
        ("only\n", False),
        ("a,b,c\n", True),
        ("a,b,a\n", False),
        ("a,,c\n", False),
        ("a,b,3\n", False),
        ("a,b,c\nd,e\n", False),
    ],
)
def test_headers_are_recognised(tmp_path: Path, text: str, has_header: bool) -> None:
    found = open_table(table(tmp_path / "t.csv", text))
    assert found.has_header == has_header
    if not has_header:
        assert found.columns[0] == "column_1"


def test_a_header_can_be_told(tmp_path: Path) -> None:
    path = table(tmp_path / "t.csv", "1,2\n3,4\n")
    assert open_table(path, header=True).columns == ("1", "2")
    assert len(list(open_table(path, header=False).rows())) == 2


def test_parquet_is_read_like_a_csv(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    pl.DataFrame({"a": [1, 2], "b": [0.5, None], "c": ["x", "ü"]}).write_parquet(path)
    found = open_table(path)
    assert found.columns == ("a", "b", "c")
    assert list(found.rows()) == [["1", "0.5", "x"], ["2", "", "ü"]]


def test_parquet_with_lists_names_the_column(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    pl.DataFrame({"pixels": [[1, 2]]}).write_parquet(path)
    with pytest.raises(DataError, match="column 'pixels' holds List"):
        open_table(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "t.csv is empty"),
        ("\n\n", "t.csv is empty"),
        (
            "a,b\n1,2\n1,2,3\n",
            r"t.csv, row 2 \(line 3\): 3 cells where 2 columns are expected",
        ),
        ("a,b\n1\n", r"t.csv, row 1 \(line 2\): 1 cell where 2 columns"),
        ('a,b\n1,"2\n', r"t.csv, row 1 \(line 2\): unexpected end of data"),
        ("a,a\n1,2\n", "several columns called 'a'"),
    ],
)
def test_a_table_that_cannot_be_used_says_where(
    tmp_path: Path, text: str, message: str
) -> None:
    path = table(tmp_path / "t.csv", text)
    with pytest.raises(DataError, match=message):
        list(open_table(path, header=True, delimiter=",").rows())


def test_a_wrong_encoding_says_so(tmp_path: Path) -> None:
    path = table(tmp_path / "t.csv", "größe,tier\n1,Bär\n", "cp1252")
    with pytest.raises(DataError, match="is not text in utf-?8.*byte 0x"):
        list(open_table(path, encoding="utf-8").rows())
    with pytest.raises(DataError, match="no encoding 'klingon'"):
        open_table(path, encoding="klingon")


@pytest.mark.parametrize("encoding", ["rot13", "base64", "idna"])
def test_an_encoding_of_no_table_is_refused(tmp_path: Path, encoding: str) -> None:
    long_label = "a" * 70
    path = table(tmp_path / "t.csv", f"name,tier\n{long_label}.xn--\xff,bear\n")
    with pytest.raises(DataError):
        list(open_table(path, encoding=encoding).rows())


@pytest.mark.parametrize("delimiter", ["", ";;", '"', "\n", "\0"])
def test_a_delimiter_that_cannot_be_one_is_refused(
    tmp_path: Path, delimiter: str
) -> None:
    path = table(tmp_path / "t.csv", "a,b\n1,2\n")
    with pytest.raises(DataError, match="cannot stand between cells"):
        open_table(path, delimiter=delimiter)


@pytest.mark.parametrize("named", ["\t", "\\t", "tab"])
def test_a_tab_can_be_named(tmp_path: Path, named: str) -> None:
    path = table(tmp_path / "t.csv", "a\tb\n1\t2\n")
    assert open_table(path, delimiter=named).columns == ("a", "b")


def test_a_missing_file_says_so(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match=r"There is no file .*none\.csv"):
        open_table(tmp_path / "none.csv")


def a_pipe(path: Path) -> Path:
    os.mkfifo(path)
    return path


def a_folder(path: Path) -> Path:
    path.mkdir()
    return path


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (a_folder, "t.csv is a folder, not a file"),
        (a_pipe, "t.csv is a pipe, not a file"),
        (lambda _: Path("/dev/null"), "/dev/null is a device, not a file"),
        (
            lambda path: path.with_name("x" * 300),
            "cannot be a path: File name too long",
        ),
        (lambda path: path.with_name("a\0b"), "cannot be a path: .*null"),
    ],
    ids=["folder", "pipe", "device", "too long", "null"],
)
def test_what_is_no_file_is_named(
    tmp_path: Path, make: Callable[[Path], Path], message: str
) -> None:
    path = make(tmp_path / "t.csv")
    with pytest.raises(InputError, match=message):
        open_table(path)
    with pytest.raises(InputError, match=message):
        read_predictions(path, CLASSES, 3)


@pytest.mark.parametrize("name", ["closed.csv", "closed/t.csv"])
def test_a_file_that_may_not_be_read_is_named(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("a,b\n1,2\n")
    # Root reads everything; so it becomes somebody else.
    program = (
        "import os, sys, pathlib\n"
        "from modelmarket.datasets.tables import open_table\n"
        "from modelmarket.errors import DiskError\n"
        "if os.geteuid() == 0: os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
        "try: open_table(pathlib.Path(sys.argv[1]))\n"
        "except DiskError as error: print(error)\n"
    )
    locked = path if "/" not in name else path.parent
    try:
        for way in (tmp_path, *list(tmp_path.parents)[:2]):
            way.chmod(0o755)
        locked.chmod(0)
        done = subprocess.run(
            [sys.executable, "-c", program, str(path)],
            capture_output=True,
            text=True,
            check=True,
        )
    finally:
        locked.chmod(0o700)
    assert f"{path} cannot be read: Permission denied." in done.stdout


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (gzip.compress(b"a,b\n1,2\n"), "is compressed with gzip.*gunzip t.csv"),
        (b"\x93NUMPY\x01\0", "is an array of numpy's"),
        (b"a,b\n\0\0\0", "is not a text file: byte 4 is 0"),
        (b"%PDF-1.7", "is a PDF"),
    ],
    ids=["gzip", "numpy", "binary", "pdf"],
)
def test_files_of_other_kinds_are_told_what_they_are(
    tmp_path: Path, data: bytes, message: str
) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(data)
    with pytest.raises(DataError, match=f"t.csv {message}"):
        open_table(path)
    with pytest.raises(DataError, match=f"t.csv {message}"):
        read_predictions(path, CLASSES, 3)


@pytest.mark.parametrize(
    ("inside", "what"), [("t.csv", "a zip archive"), ("xl/workbook.xml", "an Excel")]
)
def test_archives_and_workbooks_are_told_apart(
    tmp_path: Path, inside: str, what: str
) -> None:
    path = tmp_path / "t.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(inside, "a,b\n1,2\n")
    with pytest.raises(DataError, match=f"t.zip is {what}"):
        open_table(path)


@pytest.mark.parametrize("quote", ["", '"'])
def test_a_novel_in_a_cell_is_read(tmp_path: Path, quote: str) -> None:
    """The csv module's own bound is 131,072 characters."""
    text = "word " * 200_000
    lines = [f"{quote}{text}{quote},{n},{'cat' if n % 2 else 'dog'}" for n in range(4)]
    path = table(tmp_path / "t.csv", "\n".join(["novel,n,animal", *lines]) + "\n")
    found = open_table(path)
    assert [row[0] for row in found.rows()] == [text] * 4
    done = published(
        tmp_path, Source(found, label="animal"), choice=Choice(Fraction(1, 2))
    )
    rows = [*read(done.folder / "train.csv")[1:], *read(done.folder / "test.csv")[1:]]
    assert [row[1] for row in rows] == [text] * 4


@pytest.mark.parametrize(
    "cell",
    ["x" * 17_000_000, '"' + "x" * 17_000_000 + '"', '"' + ("x" * 999 + "\n") * 40_000],
    ids=["bare", "quoted", "never closed"],
)
@pytest.mark.parametrize("header", [True, False])
def test_a_cell_beyond_all_bounds_is_named_by_row_and_column(
    tmp_path: Path, cell: str, header: bool
) -> None:
    head = '"n",text,animal\n' if header else ""
    path = table(tmp_path / "t.csv", f'{head}1,"a",cat\n2,{cell},dog\n')
    name = "text" if header else "column_2"
    found = open_table(path, header=header)
    message = (
        rf"t.csv, row 2 \(line {2 + header}\), column '{name}': the cell is longer than "
        "16,777,216 characters"
    )
    with pytest.raises(DataError, match=message):
        list(found.rows())
    with pytest.raises(DataError, match=message):
        list(read_records(found, 2))


CELLS = st.text(st.sampled_from('ab1.,;\n\r"\tü '), max_size=6)


@settings(
    max_examples=300,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    rows=st.integers(1, 4).flatmap(
        lambda width: st.lists(
            st.lists(CELLS, min_size=width, max_size=width), min_size=1, max_size=12
        )
    ),
    delimiter=st.sampled_from(",;\t|"),
    ending=st.sampled_from(["\n", "\r\n", "\n\n"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "cp1252"]),
    block_bytes=st.integers(1, 40),
    data=st.data(),
)
def test_whatever_the_blocks_rows_are_what_the_csv_module_reads(
    tmp_path_factory: pytest.TempPathFactory,
    rows: list[list[str]],
    delimiter: str,
    ending: str,
    encoding: str,
    block_bytes: int,
    data: st.DataObject,
) -> None:
    """Plain lines are cut by the places of their delimiters, others read cell
    by cell, and blocks end anywhere: nobody must be able to tell."""
    out = io.StringIO(newline="")
    # The csv module leaves a lone carriage return bare, which no reader would
    # give back; this line end makes it quote both.
    csv.writer(out, delimiter=delimiter, lineterminator="\r\n").writerows(rows)
    text = out.getvalue()
    if "\n" not in "".join(map("".join, rows)):
        text = text.replace("\r\n", ending)
    path = table(tmp_path_factory.mktemp("rows") / "t.csv", text, encoding)
    wanted = [
        row
        for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
        if row
    ]
    names = tuple(f"column_{n}" for n in range(len(rows[0])))
    found = Table(path, names, False, encoding, delimiter)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lines, "BLOCK_BYTES", block_bytes)
        assert list(found.rows()) == wanted
        column = data.draw(st.none() | st.integers(0, len(names) - 1))
        records = list(read_records(found, column))
    cut = [cell.decode() for one in records for cell in one.cut]
    assert cut == ([row[column] for row in wanted] if column is not None else [])
    rest = [line for one in records for line in one.rest]
    left = [[cell for at, cell in enumerate(row) if at != column] for row in wanted]
    assert rest == [encode_row(row) for row in left]
    with_ids = "".join(f"1,{line.decode()}\n" for line in rest)
    if len(names) > (column is not None):
        read_back = csv.reader(io.StringIO(with_ids, newline=""))
        assert list(read_back) == [["1", *row] for row in left]


def test_a_line_without_an_end_is_not_swallowed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lines, "MOST_LINE_BYTES", 1_000)
    monkeypatch.setattr(lines, "BLOCK_BYTES", 100)
    path = table(tmp_path / "t.csv", "a,b\n" + "x" * 2_000)
    with pytest.raises(DataError, match="t.csv has a line of more than 1,000 bytes"):
        open_table(path)


# --- splitting ---


def source(tmp_path: Path, text: str | None = None) -> Source:
    path = table(tmp_path / "t.csv", text or rows())
    return Source(open_table(path, header=True, delimiter=","), label="animal")


def published(
    tmp_path: Path, given_source: Source, name: str = "out", **options: Any
) -> Published:
    folder = tmp_path / name
    folder.mkdir()
    return publish(given_source, folder, **options)


@pytest.mark.parametrize("count", [10, 23, 100, 1_797])
@pytest.mark.parametrize("fraction", ["0.2", "1/3", "50%"])
def test_the_test_part_is_the_fraction_that_was_asked_for(
    tmp_path: Path, count: int, fraction: str
) -> None:
    part = parse_fraction(fraction)
    split = published(
        tmp_path, source(tmp_path, rows(count)), choice=Choice(part)
    ).split
    assert abs(split.test_rows - count * part) < part.denominator
    assert split.train_rows + split.test_rows == count


def test_stratified_parts_have_their_share_of_every_class(tmp_path: Path) -> None:
    text = "a,b,animal\n" + "".join(
        f"{n},{n},{'rare' if n % 20 == 0 else 'common'}\n" for n in range(1_000)
    )
    split = published(
        tmp_path, source(tmp_path, text), choice=Choice(stratified=True)
    ).split
    assert split.train_counts == (760, 40)


def test_every_row_is_in_exactly_one_part(tmp_path: Path) -> None:
    done = published(tmp_path, source(tmp_path, rows(200)))
    train, test = read(done.folder / "train.csv"), read(done.folder / "test.csv")
    assert train[0] == ["row_id", "a", "b", "label"]
    assert test[0] == ["row_id", "a", "b"]
    assert sorted(int(row[1]) for row in train[1:] + test[1:]) == list(range(200))
    assert [row[0] for row in train[1:]] == [str(n) for n in range(1, len(train))]
    assert [row[0] for row in test[1:]] == [str(n) for n in range(1, len(test))]


def test_the_truth_stands_in_test_row_order(tmp_path: Path) -> None:
    done = published(tmp_path, source(tmp_path, rows(200)))
    test = read(done.folder / "test.csv")[1:]
    names = done.split.classes.decode(done.split.truth)
    assert names == [["cat", "dog"][int(row[1]) % 2] for row in test]


def test_the_order_of_the_test_rows_gives_nothing_away(tmp_path: Path) -> None:
    """A table sorted by class would tell the labels by the rows' places."""
    text = "a,b,animal\n" + "".join(
        f"{n},{n},{'cat' if n < 500 else 'dog'}\n" for n in range(1_000)
    )
    done = published(tmp_path, source(tmp_path, text))
    places = [int(row[1]) for row in read(done.folder / "test.csv")[1:]]
    assert places != sorted(places)
    half = len(places) // 2
    assert 60 < sum(place < 500 for place in places[:half]) * 200 // half < 140


def test_no_test_label_can_leave(tmp_path: Path) -> None:
    """Whatever the labels of the test rows are, what is published is the same
    to the byte: so it cannot depend on them."""
    names = ["cat", "dog", "cow"]
    # Enough of each class in the training part, whatever happens to the others.
    labels = [names[n % 3] for n in range(300)]
    seed = b"the same split every time"

    def publish_with(labels: list[str], name: str) -> Published:
        text = "a,b,animal\n" + "".join(
            f"{n},{n * 7},{label}\n" for n, label in enumerate(labels)
        )
        folder = tmp_path / name
        folder.mkdir()
        path = table(folder / "t.csv", text)
        given_source = Source(open_table(path, header=True), label="animal")
        return published(folder, given_source, seed=seed)

    first = publish_with(labels, "first")
    tested = {int(row[1]) for row in read(first.folder / "test.csv")[1:]}
    other = [
        names[(names.index(label) + 1) % 3] if n in tested else label
        for n, label in enumerate(labels)
    ]
    second = publish_with(other, "second")
    assert (first.split.truth != second.split.truth).all()
    # All of one class, so that others are in no test row: that is private, too.
    alike = [names[0] if n in tested else label for n, label in enumerate(labels)]
    third = publish_with(alike, "third")
    assert Check.ABSENT in {one.check for one in third.report.findings}
    files = {path.name for path in first.folder.iterdir()} - {"t.csv"}
    assert files == {TRAIN, TEST, SAMPLE, MANIFEST, REPORT, CARD}
    for file in files:
        written = [(one.folder / file).read_bytes() for one in (first, second, third)]
        assert len(set(written)) == 1


def test_the_secret_is_not_shown(tmp_path: Path) -> None:
    split = published(tmp_path, source(tmp_path)).split
    assert repr(split) == "Split(16 train, 4 test)"


def test_splits_differ_unless_the_seed_is_the_same(tmp_path: Path) -> None:
    given_source = source(tmp_path, rows(500))
    tests = [
        (
            published(tmp_path, given_source, f"o{n}", seed=seed).folder / "test.csv"
        ).read_bytes()
        for n, seed in enumerate([None, None, b"x", b"x"])
    ]
    assert tests[0] != tests[1]
    assert tests[2] == tests[3]


@settings(
    max_examples=30,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    cells=st.lists(
        st.tuples(
            st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
            st.sampled_from(["yes", "no", "may,be", 'q"t', "new\nline", " "][:5]),
        ),
        min_size=8,
        max_size=30,
    )
)
def test_cells_come_out_as_they_went_in(
    tmp_path_factory: pytest.TempPathFactory, cells: list[tuple[str, str]]
) -> None:
    cells = [(text.replace("\0", "").replace("\r", ""), label) for text, label in cells]
    classes = {one for _, one in cells} | {"yes", "no"}
    cells += [(str(n), label) for n in range(5) for label in classes]
    folder = tmp_path_factory.mktemp("cells")
    out = io.StringIO(newline="")
    csv.writer(out).writerows(
        [["k", "text", "animal"], *[(n, *c) for n, c in enumerate(cells)]]
    )
    path = table(folder / "t.csv", out.getvalue())
    given_source = Source(open_table(path, header=True, delimiter=","), label="animal")
    done = published(folder, given_source)
    for row in read(done.folder / "train.csv")[1:]:
        assert (row[2], row[3]) == cells[int(row[1])]
    truth = done.split.classes.decode(done.split.truth)
    for row, label in zip(read(done.folder / "test.csv")[1:], truth, strict=True):
        assert (row[2], label) == cells[int(row[1])]


def test_data_and_labels_in_two_files(tmp_path: Path) -> None:
    data = table(tmp_path / "d.csv", rows(20, label=False))
    labels = table(tmp_path / "l.csv", "animal\n" + "cat\ndog\n" * 10)
    both = Source(
        open_table(data), labels=open_table(labels, header=True, delimiter=",")
    )
    manifest = published(tmp_path, both).manifest
    assert manifest.classes.names == ("cat", "dog")
    assert manifest.told_predicts == "'animal', one of 2 classes"
    labels.write_text("cat\ndog\n" * 10)
    bare = Source(open_table(data), labels=open_table(labels, header=False))
    assert bare.predicts == ""


@pytest.mark.parametrize(("extra", "more"), [(1, "labels"), (-1, "rows")])
def test_lengths_that_differ_are_named(tmp_path: Path, extra: int, more: str) -> None:
    data = table(tmp_path / "d.csv", rows(20, label=False))
    labels = table(tmp_path / "l.csv", "animal\n" + "cat\n" * (20 + extra))
    both = Source(
        open_table(data), labels=open_table(labels, header=True, delimiter=",")
    )
    message = f"d.csv has 20 rows, but l.csv has {20 + extra} labels"
    with pytest.raises(DataError, match=message):
        published(tmp_path, both)
    assert more


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b,animal\n1,2,cat\n1,2,\n", r"row 2 \(line 3\): the label is missing"),
        ("a,b,animal\n1,2,cat\n1,2,  \n", r"row 2 \(line 3\): the label is missing"),
        (rows() + "1,2,emu\n", r"row 21 \(line 22\): class 'emu' is seen only once"),
        *(
            (
                f"a,b,animal\n1,2,cat\n1,2,{said}\n",
                r"row 2 \(line 3\): the label is missing \('",
            )
            for said in ("NaN", "NA", "null", "None", "n/a", " nan ", "?")
        ),
        ("a,b,animal\n" + "1,2,cat\n" * 5, "all 5 rows are of class 'cat'"),
        ("a,b,animal\n" + "1,2,cat\n1,2,dog\n" * 2, "the test part would be empty"),
        ("a,b,animal\n", "has no rows below its header"),
        (rows() + "1,2\n", r"row 21 \(line 22\): 2 cells where 3"),
    ],
)
def test_tables_that_cannot_be_split_say_why(
    tmp_path: Path, text: str, message: str
) -> None:
    with pytest.raises(DataError, match=message):
        for n in range(20):  # where the test row falls is chance
            published(
                tmp_path,
                source(tmp_path, text),
                f"o{n}",
                choice=Choice(Fraction(1, 1000)),
            )


def test_more_than_65_536_classes_name_the_row(tmp_path: Path) -> None:
    text = "a,b,animal\n" + "".join(f"1,2,{n}\n" for n in range(65_537))
    with pytest.raises(
        DataError, match=r"row 65537 \(line 65538\): '65536' would be class 65,537"
    ):
        published(tmp_path, source(tmp_path, text))


def test_a_label_column_that_is_not_there_is_named(tmp_path: Path) -> None:
    path = table(tmp_path / "t.csv", rows())
    with pytest.raises(
        DataError, match="no column 'label'; its last ones are 'a', 'b'"
    ):
        Source(open_table(path, knows="label"), label="label")


@pytest.mark.parametrize("name", ["row_id", "label"])
def test_a_column_with_a_published_name_is_refused(tmp_path: Path, name: str) -> None:
    path = table(tmp_path / "t.csv", f"{name},animal\n1,cat\n2,dog\n")
    with pytest.raises(DataError, match=f"has a column '{name}'"):
        Source(open_table(path), label="animal")


@pytest.mark.parametrize("text", ["0", "1", "1.5", "-0.2", "x", "", "0.0001"])
def test_what_is_no_fraction_is_refused(text: str) -> None:
    with pytest.raises(DataError, match="is not a fraction"):
        parse_fraction(text)


@pytest.mark.parametrize("text", ["0.9999", "0.0001", "0.0004"])
def test_the_finest_fraction_is_a_thousandth(text: str) -> None:
    with pytest.raises(DataError, match=r"between 0\.1% and 99\.9%"):
        parse_fraction(text)
    assert parse_fraction("0.999") == Fraction(999, 1_000)
    assert parse_fraction("0.001") == Fraction(1, 1_000)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0.9", Fraction(9, 10)),
        ("90%", Fraction(9, 10)),
        (" 90 % ", Fraction(9, 10)),
        ("9/10", Fraction(9, 10)),
        ("100%", Fraction(1)),
        ("0", Fraction(0)),
        ("99.995%", Fraction(19_999, 20_000)),
    ],
)
def test_a_threshold_is_what_it_says(text: str, value: Fraction) -> None:
    assert parse_accuracy(text) == value


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("120%", "'120%' is not a fraction between 0 and 1. Write it as 0.9, 90%"),
        ("90", "'90' is not a fraction between 0 and 1. Did you mean 90%?"),
        ("101", "'101' is not a fraction between 0 and 1. Write it"),
        ("-1%", "'-1%' is not"),
        ("90%%", "'90%%' is not"),
        ("1/0", "'1/0' is not"),
        ("1e9999999999", "'1e9999999999' is not"),
        ("9" * 10_000, "is not a fraction"),
        ("nan", "'nan' is not"),
    ],
)
@pytest.mark.parametrize("parse", [parse_accuracy, parse_fraction])
def test_what_is_no_share_is_refused_with_what_was_meant(
    parse: Callable[[str], Fraction], text: str, message: str
) -> None:
    with pytest.raises(DataError) as told:
        parse(text)
    assert message in str(told.value)


def test_memory_stays_flat_whatever_the_size(tmp_path: Path) -> None:
    """Python's own allocations while splitting 4 and 40 MB are about the same."""
    import tracemalloc

    def peak(megabytes: int) -> int:
        path = tmp_path / f"{megabytes}.csv"
        cell = "x" * 990
        with path.open("w") as file:
            file.write("a,animal\n")
            for n in range(megabytes * 1_000):
                file.write(f"{cell},{n % 2}\n")
        given_source = Source(open_table(path, header=True), label="animal")
        tracemalloc.start()
        published(tmp_path, given_source, f"out{megabytes}")
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    assert peak(40) < peak(4) * 2 + 4_000_000


# --- the manifest ---


def test_the_manifest_says_everything_and_reads_back(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    about = About("animals", "which?", "Of a zoo.", "cc-by-4.0", "apache-2.0 or mit")
    done = publish(source(tmp_path, rows(50)), folder, about=about)
    manifest = Manifest.from_json((folder / "manifest.json").read_bytes())
    assert manifest == done.manifest
    assert (manifest.name, manifest.context) == ("animals", "which?")
    assert manifest.licence == "CC-BY-4.0"
    assert manifest.model_licence == "Apache-2.0 OR MIT"
    assert (manifest.train_rows, manifest.test_rows) == (40, 10)
    assert manifest.choice == Choice(Fraction(1, 5))
    for name, digest in manifest.sha256.items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest


@pytest.mark.parametrize(
    ("licence", "said"),
    [
        ("", None),
        ("mit", ["https://spdx.org/licenses/MIT"]),
        ("MIT or CC0-1.0", ["MIT OR CC0-1.0"]),
        ("LicenseRef-ours", ["LicenseRef-ours"]),
    ],
)
def test_the_manifest_is_valid_croissant(
    tmp_path: Path, licence: str, said: list[str] | None
) -> None:
    import warnings

    folder = tmp_path / "out"
    folder.mkdir()
    about = About("animals", "which?", licence=licence)
    publish(source(tmp_path, rows(50)), folder, about=about)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import mlcroissant

        dataset = mlcroissant.Dataset(jsonld=folder / "manifest.json")
        assert not dataset.metadata.ctx.issues.errors
        assert "http://mlcommons.org/croissant/1.1" in dataset.metadata.conforms_to
        assert dataset.metadata.license == said
        records = list(dataset.records("train"))
    assert len(records) == 40


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"[]",
        b"{}",
        b'{"modelmarket": {}}',
        b'{"modelmarket": {"schema_version": 3}}',
        b"\xff",
    ],
)
def test_a_strangers_rubbish_is_no_manifest(document: bytes) -> None:
    with pytest.raises(DataError):
        Manifest.from_json(document)


def test_frames_have_the_smallest_numbers_and_labels_as_text(tmp_path: Path) -> None:
    path = table(
        tmp_path / "train.csv", "row_id,p,q,r,label\n1,0,-5,0.5,007\n2,255,300,x,8\n"
    )
    frame = read_frame(path)
    assert frame.schema["p"] == pl.UInt8
    assert frame.schema["q"] == pl.Int16
    assert frame.schema["r"] == pl.String
    assert frame["label"].to_list() == ["007", "8"]


# --- predictions ---


def test_predictions_with_ids_come_in_any_order(tmp_path: Path) -> None:
    path = table(tmp_path / "p.csv", "label,row_id\ndog,3\ncat,1\ncow,2\n")
    assert read_predictions(path, CLASSES, 3).tolist() == [0, 1, 2]


@pytest.mark.parametrize("header", ["", "label\n", "prediction\n"])
def test_a_bare_column_is_in_test_row_order(tmp_path: Path, header: str) -> None:
    path = table(tmp_path / "p.csv", header + "dog\ncat\ncow\n")
    assert read_predictions(path, CLASSES, 3).tolist() == [2, 0, 1]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("row_id,label\n1,cat\n2,cow\n", r"id '3' is missing; 2 of 3"),
        (
            "row_id,label\n1,cat\n1,cow\n3,dog\n",
            r"row 2 \(line 3\): id '1' comes twice",
        ),
        (
            "row_id,label\n1,cat\n2,cow\nx7,dog\n",
            r"row 3 \(line 4\): there is no test row 'x7'",
        ),
        ("row_id,label\n0,cat\n", r"row 1 \(line 2\): there is no test row '0'"),
        (
            "row_id,label\n1,cat\n2,emu\n",
            r"p.csv, row 2 \(line 3\): 'emu' is not one of the 3 classes",
        ),
        ("row_id,guess\n1,cat\n", "has no column 'label'"),
        ("dog\ncat\n", "2 predictions for 3 test rows"),
        ("dog\ncat\ncow\ncat\n", "4 predictions for 3 test rows"),
        ("dog\n", "p.csv: 1 prediction for 3 test rows"),
        ("label\ndog\ncat\n", "2 predictions for 3 test rows"),
        ("label\ndog\ncat\ncow\ncat\n", "4 predictions for 3 test rows"),
        (",label\n0,cat\n", "has the columns '', 'label'.*Leave an index out"),
        ("dog\nemu\ncow\n", r"p.csv, row 2 \(line 2\): 'emu' is not one of"),
        ("a,b\n1,2\n", "Predictions have 'row_id' and 'label'"),
        ("", "is empty"),
    ],
)
def test_predictions_that_do_not_fit_say_where(
    tmp_path: Path, text: str, message: str
) -> None:
    with pytest.raises(DataError, match=message):
        read_predictions(table(tmp_path / "p.csv", text), CLASSES, 3)


DATASET = {"n": list(range(9)), "kind": ["cat", "cow", "dog"] * 3}


def test_the_datasets_own_files_are_told_from_predictions(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    pl.DataFrame({**DATASET, "x": [0.5] * 9}).write_csv(path)
    found = Source(open_table(path), label="kind")
    done = published(tmp_path, found, choice=Choice(Fraction(1, 3)))

    def tried(name: str) -> None:
        read_predictions(done.folder / name, CLASSES, 3, manifest=done.manifest)

    with pytest.raises(DataError, match="test.csv is test.csv itself.* no 'label'"):
        tried("test.csv")
    with pytest.raises(DataError, match="train.csv is train.csv itself"):
        tried("train.csv")
    tried("sample_submission.csv")
    # Predictions beside the features are as good as without them.
    (pl.read_csv(done.folder / "test.csv").with_columns(label=pl.lit("cat"))).write_csv(
        done.folder / "mine.csv"
    )
    tried("mine.csv")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "row_id,cat,cow,dog\n1,0.2,0.3,0.5\n2,1,0,0\n3,0,0,1\n",
            r"p.csv has 3 columns of numbers between 0 and 1 \(cat, cow, dog\)",
        ),
        ("0.2,0.3,0.5\n1,0,0\n0,0,1\n", "p.csv has 3 columns of numbers between"),
        (
            "row_id,label\n1,0.97\n2,cat\n3,dog\n",
            r"p.csv, row 1 \(line 2\): '0.97'.*a probability",
        ),
        (
            "prob\n0.2\n0.97\n0.5\n",
            r"p.csv, row 1 \(line 2\): '0.2'.*Is it a probability",
        ),
        (
            "0\n2\n1\n",
            r"p.csv, row 1 \(line 1\): '0'.*Is it a class's number.*by its name",
        ),
        ("row_id,label\n0,cat\n1,cow\n2,dog\n", "ids begin with 1 and go to 3.*add 1"),
        ("row_id,label\n1.0,cat\n2.0,cow\n3.0,dog\n", "'1.0'; ids are whole numbers"),
        (
            "row_id,label\n" + "9" * 5_000 + ",cat\n",
            "no test row '99999999999999999999'",
        ),
    ],
)
def test_predictions_in_another_form_are_told_what_they_look_like(
    tmp_path: Path, text: str, message: str
) -> None:
    with pytest.raises(DataError, match=message):
        read_predictions(table(tmp_path / "p.csv", text), CLASSES, 3)


@pytest.mark.parametrize(
    ("names", "said", "meant"),
    [
        (("true", "false"), [True, False, True], "write 'true', not 'True'."),
        (("True", "False"), ["true", "false", "true"], "write 'True', not 'true'."),
        (("1.0", "2.0"), [1, 2, 1], "write '1.0', not '1'."),
        (("1", "2"), ["1.0", "2.0", "1.0"], "write '1', not '1.0'."),
        (("cat", "dog"), ["cat", " Dog", "cat"], "write 'dog', not ' Dog'."),
    ],
)
def test_a_label_that_is_spelled_otherwise_is_told_how(
    names: tuple[str, str], said: list[object], meant: str
) -> None:
    with pytest.raises(DataError) as told:
        encode_predictions(said, Classes(names), 3, where="predictions")
    hint = "Labels are compared as text, as the training part has them: "
    assert told.value.hint == hint + meant


def test_a_file_of_labels_with_an_index_is_told_what_to_do(tmp_path: Path) -> None:
    data = open_table(table(tmp_path / "d.csv", "x\n1\n2\n"))
    labels = open_table(table(tmp_path / "l.csv", ",kind\n0,a\n1,b\n"), header=True)
    with pytest.raises(DataError) as told:
        Source(data, labels=labels)
    assert str(told.value) == (
        "l.csv has 2 columns; a file of labels has one. Leave an index out, as pandas "
        "does with `index=False`; or put the labels into the table, and name their "
        "column with label=."
    )


def test_probabilities_from_a_notebook_are_told_what_they_are() -> None:
    with pytest.raises(DataError, match=r"the shape \(3, 3\)") as told:
        encode_predictions(np.eye(3), CLASSES, 3, where="predictions")
    assert told.value.hint == (
        "Write the class of each row, not its probability: take argmax, as "
        "`model.classes_[probabilities.argmax(axis=1)]` does; with scikit-learn "
        "`predict` says it, not `predict_proba`."
    )
    with pytest.raises(DataError, match=r"the shape \(3, 1\)") as told:
        encode_predictions(np.ones((3, 1)), CLASSES, 3, where="predictions")
    assert told.value.hint == "It has a single column: give `predictions.ravel()`."
    with pytest.raises(DataError, match="Is it a probability"):
        encode_predictions([0.25, 0.5, 0.75], CLASSES, 3, where="predictions")


@pytest.mark.parametrize(
    "data",
    [
        b"row_id,guess\n1,cat\n",
        b"row_id,row_id\n1,1\n",
        b'row_id,label\n1,"c\n',
        b"row_id,label\n1,cat,3\n",
        b"row_id,label\n1,\xff\xfe\x81\n",
    ],
)
def test_hints_about_predictions_name_no_option(tmp_path: Path, data: bytes) -> None:
    """How predictions are written is found out; there is nothing to be set."""
    path = tmp_path / "p.csv"
    path.write_bytes(data)
    with pytest.raises(DataError) as told:
        read_predictions(path, CLASSES, 1)
    assert "--" not in told.value.hint


def test_numbers_mean_classes_of_the_same_value() -> None:
    digits = Classes(("0", "3"))
    for labels in ([3, 0], [3.0, 0.0], ["3", "0"], np.array([3, 0]), pl.Series([3, 0])):
        assert encode_predictions(labels, digits, 2, where="x").tolist() == [1, 0]
    with pytest.raises(DataError, match=r"Row 1: '2.5'"):
        encode_predictions([2.5, 0], digits, 2, where="x")


# --- MNIST's format ---


def idx(values: np.ndarray) -> bytes:
    head = struct.pack(">HBB", 0, 8, values.ndim)
    return head + struct.pack(f">{values.ndim}I", *values.shape) + values.tobytes()


def test_idx_files_become_a_csv(tmp_path: Path) -> None:
    images = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    for name, values in {
        "train-images-idx3-ubyte.gz": images,
        "t10k-images-idx3-ubyte": images,
        "train-labels-idx1-ubyte": np.array([1, 2], np.uint8),
        "t10k-labels-idx1-ubyte.gz": np.array([3, 4], np.uint8),
    }.items():
        content = idx(values)
        (tmp_path / name).write_bytes(
            gzip.compress(content) if name.endswith("gz") else content
        )
    data, labels = tmp_path / "d.csv", tmp_path / "l.csv"
    assert write_mnist(tmp_path, data, labels) == 4
    assert read(data)[1] == [str(n) for n in range(12)]
    assert [row[0] for row in read(labels)] == ["digit", "1", "2", "3", "4"]


def test_a_folder_that_lacks_files_names_them(tmp_path: Path) -> None:
    (tmp_path / "train-images-idx3-ubyte").touch()
    with pytest.raises(
        NotFoundError, match="lacks t10k-images-idx3-ubyte, train-labels"
    ):
        find_mnist(tmp_path)


@pytest.mark.parametrize(
    "data", [b"", b"\0\0\x08\x01\0\0\0\x05ab", b"\x1f\x8bno", b"GIF8"]
)
def test_damaged_idx_files_say_so(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "x"
    path.write_bytes(data)
    with pytest.raises(DataError, match="x is"):
        read_idx(path)


@pytest.mark.parametrize(
    ("first", "has_header"),
    [
        (",a,b,label", True),
        (",a,,label", False),
        (",1,2,3", False),
        ("0,a,b,label", False),
    ],
)
def test_an_index_of_a_data_frame_has_no_name_and_the_others_have(
    tmp_path: Path, first: str, has_header: bool
) -> None:
    lines = [first, *(f"{n},{n % 3},{n % 5},{'xy'[n % 2]}" for n in range(20))]
    found = open_table(table(tmp_path / "index.csv", "\n".join(lines) + "\n"))
    assert found.has_header == has_header
    if has_header:
        assert found.columns == ("", "a", "b", "label")


def test_a_word_above_words_without_numbers_is_no_index(tmp_path: Path) -> None:
    path = table(tmp_path / "words.csv", ",a\nx,y\nz,w\n")
    assert not open_table(path).has_header


@pytest.mark.parametrize("said", ["<NA>", "#N/A", "#NA", "NaT", "NaN", "n/a", "Null"])
def test_a_label_that_pandas_takes_for_missing_is_missing(
    tmp_path: Path, said: str
) -> None:
    lines = ["n,kind", *(f"{n},{'ab'[n % 2]}" for n in range(20)), f"20,{said}"]
    path = table(tmp_path / "t.csv", "\n".join(lines) + "\n")
    with pytest.raises(DataError, match=r"row 21 \(line 22\): the label is missing"):
        publish(Source(open_table(path, header=True), label="kind"), tmp_path)
