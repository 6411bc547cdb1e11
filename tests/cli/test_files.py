# SPDX-License-Identifier: Apache-2.0
"""Rows that name pictures or texts, on the command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from modelmarket.errors import InputError, NotFoundError
from support.attachments import article, picture, write_table
from support.market import Place

Give = Callable[..., tuple[object, str, str]]


@pytest.fixture
def table(tmp_path: Path) -> Path:
    return write_table(tmp_path / "texts", article, ".txt")


def files(path: Path) -> tuple[str, ...]:
    return ("--files", "file", "--files-in", str(path.parent / "in"))


def test_a_check_tells_what_the_files_are(give: Give, table: Path) -> None:
    words = ("dataset", "check", str(table), "--label", "kind", *files(table))
    code, told, _ = give("rita", *words)
    assert code == 0
    size = sum(one.stat().st_size for one in (table.parent / "in").iterdir())
    assert f"Column 'file' names 100 texts of {size:,} bytes in all." in told
    assert "holds texts that hardly ever come twice" not in told
    document = json.loads(give("rita", *words, "--json")[1])
    assert document["files"] == {
        "column": "file",
        "kind": "text",
        "suffixes": ["txt"],
        "files": 100,
        "bytes": size,
        "annotated": 0,
    }
    plain = json.loads(give("rita", *words[:5], "--json")[1])
    assert plain["files"] is None


def test_a_request_is_made_fetched_and_recovered_with_its_files(
    here: Place, give: Give, table: Path, tmp_path: Path
) -> None:
    said = ("--label", "kind", *files(table))
    code, _, errors = give(
        "rita", "request", "create", str(table), "--reward", "10", *said
    )
    assert code == 0, errors
    out = tmp_path / "out"
    code, _, errors = give("ann", "dataset", "fetch", "1", str(out))
    assert code == 0, errors
    for name in pl.read_csv(out / "train.csv")["file"]:
        assert (out / name).is_file()
    again = ("vault", "recover", "--request", "1", "--data", str(table))
    code, told, _ = give("rita", *again, *said, "--json")
    assert (code, json.loads(told)["is_published"]) == (0, True)
    _, told, _ = give("rita", *again, *said[:2], "--json")
    assert json.loads(told)["is_published"] is False


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (
            ("--files-in", "."),
            InputError.exit_code,
            "Nobody has said which column names files",
        ),
        (("--files", "photo"), InputError.exit_code, "has no column 'photo'"),
        (
            ("--files", "file"),
            InputError.exit_code,
            "row 1 (line 2), column 'file': 'sport-0.txt'",
        ),
        (("--files", "file", "--files-in", "none"), NotFoundError.exit_code, "none"),
        (
            ("--files", "file", "--files-in", "in", "--verified"),
            InputError.exit_code,
            "A verified contest has tables alone",
        ),
    ],
)
def test_what_is_wrong_with_files_is_told_with_what_to_do(
    give: Give,
    table: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: tuple[str, ...],
    code: int,
    says: str,
) -> None:
    monkeypatch.chdir(table.parent)
    found, told, errors = give(
        "rita", "dataset", "check", "table.csv", "--label", "kind", *words
    )
    assert (found, told) == (code, "")
    assert says in " ".join(errors.split())


def test_notes_in_pictures_are_told_by_name(give: Give, tmp_path: Path) -> None:
    def noted(n: int, kind: str) -> bytes:
        return picture(n) + b"behind the end" if n == 7 else picture(n)

    path = write_table(tmp_path / "pictures", noted, ".png")
    words = ("dataset", "check", str(path), "--label", "kind", *files(path))
    _, told, _ = give("rita", *words)
    assert "1 of 100 files of column 'file' says something beside" in " ".join(
        told.split()
    )
