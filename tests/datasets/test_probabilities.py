# SPDX-License-Identifier: Apache-2.0
"""Probabilities are read with the same care as predictions, whoever wrote them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelmarket.datasets import probabilities
from modelmarket.datasets.probabilities import (
    encode_probabilities,
    of_scores,
    read_probabilities,
    unlikely,
    written,
)
from modelmarket.errors import DataError, ModelMarketError, NotFoundError
from modelmarket.protocol.classes import Classes

CLASSES = Classes(("no", "yes"))
GIVEN = np.array([[0.25, 0.75], [1.0, 0.0], [0.5, 0.5]])
IN_ORDER = "row_id,no,yes\n1,0.25,0.75\n2,1.0,0.0\n3,0.5,0.5\n"


def read(tmp_path: Path, text: str | bytes, *, is_strangers: bool = False) -> Any:
    path = tmp_path / "p.csv"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return read_probabilities(path, CLASSES, 3, is_strangers=is_strangers)


READABLE = {
    "as-it-is-written": IN_ORDER,
    "in-any-order": "yes,row_id,no\n0.5,3,0.5\n0.75,1,0.25\n0,2,1\n",
    "without-ids": "yes,no\n0.75,0.25\n0,1\n.5,5e-1\n",
    "semicolons": IN_ORDER.replace(",", ";"),
}


@pytest.mark.parametrize("how", READABLE)
def test_rows_and_columns_come_in_any_order(tmp_path: Path, how: str) -> None:
    assert read(tmp_path, READABLE[how]).tolist() == GIVEN.tolist()


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    assert written(GIVEN, CLASSES).decode() == IN_ORDER
    assert read(tmp_path, IN_ORDER, is_strangers=True).tolist() == GIVEN.tolist()


@given(st.lists(st.floats(0, 1, width=32), min_size=1, max_size=9), st.data())
@settings(deadline=None)
def test_every_number_and_every_name_survives_its_file(
    tmp_path_factory: pytest.TempPathFactory, shares: list[float], data: st.DataObject
) -> None:
    # Line ends are no part of a class: a table's cells have none.
    printable = st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"])
    name = st.text(printable, min_size=1, max_size=9)
    names = data.draw(st.lists(name, min_size=2, max_size=2, unique=True))
    if "row_id" in names:
        return
    table = np.array([[one, 1 - one] for one in shares])
    path = tmp_path_factory.mktemp("p") / "p.csv"
    classes = Classes(tuple(names))
    path.write_bytes(written(table, classes))
    found = read_probabilities(path, classes, len(shares), is_strangers=True)
    assert found.tolist() == table.tolist()


WRONG = {
    "a-row-missing": (IN_ORDER.replace("2,1.0,0.0\n", ""), "id '2' is missing; 2 of 3"),
    "a-row-twice": (IN_ORDER + "2,1,0\n", "row 4 (line 5): id '2' comes twice"),
    "a-row-too-many": (IN_ORDER + "4,1,0\n", "there is no test row '4'"),
    "more-than-there-are": ("no,yes\n" + "1,0\n" * 4, "has more than 3 rows"),
    "a-class-missing": ("row_id,no\n1,1\n", "has no column for the class 'yes'"),
    "no-class": (IN_ORDER.replace("yes", "maybe"), "no column for the class 'yes'"),
    "one-too-many": ("row_id,no,yes,x\n1,1,0,0\n", "a column 'x', which is no class"),
    "no-number": (IN_ORDER.replace("0.75", "x"), "row 1 (line 2): 'x' is no number"),
    "missing": (IN_ORDER.replace("0.75", ""), "row 1 (line 2): '' is no number"),
    "nan": (IN_ORDER.replace("0.75", "nan"), "id '1': nan for the class 'yes'"),
    "infinite": (IN_ORDER.replace("0.75", "inf"), "id '1': inf for the class 'yes'"),
    "negative": (IN_ORDER.replace("0.75", "-0.1"), "-0.1 for the class 'yes'"),
    "above-one": (IN_ORDER.replace("0.75", "1.01"), "1.01 for the class 'yes'"),
    "percent": (IN_ORDER.replace("0.75", "75"), "75 for the class 'yes'"),
    "another-sum": (IN_ORDER.replace("0.75", "0.74"), "id '1': the probabilities add"),
    "its-line": (
        "yes,row_id,no\n\n0.5,3,0.5\n0.75,1,0.26\n0,2,1\n",
        "p.csv, row 2 (line 4), id '1': the probabilities add up to 1.01.",
    ),
    "the-line-of-what-is-none": (
        "yes,no\n\n0.5,0.5\n2,-1\n0,1\n",
        "p.csv, row 2 (line 4), id '2': -1 for the class 'no' is no probability.",
    ),
}


@pytest.mark.parametrize("what", WRONG)
@pytest.mark.parametrize("is_strangers", [False, True])
def test_what_is_wrong_is_told_with_its_row(
    tmp_path: Path, what: str, is_strangers: bool
) -> None:
    text, said = WRONG[what]
    with pytest.raises(DataError) as told:
        read(tmp_path, text, is_strangers=is_strangers)
    assert said in told.value.message
    assert told.value.hint


def test_three_decimals_are_enough(tmp_path: Path) -> None:
    three = Classes(("a", "b", "c"))
    path = tmp_path / "p.csv"
    path.write_text("a,b,c\n0.333,0.333,0.333\n")
    assert read_probabilities(path, three, 1).sum() == pytest.approx(0.999)


HOSTILE = {
    "empty": b"",
    "zeros": bytes(100),
    "pickle": b"\x80\x04K\x01.",
    "not-utf-8": IN_ORDER.encode() + b"\xff\xfe",
    "parquet": b"PAR1" + bytes(20) + b"PAR1",
    "zip": b"PK\x03\x04" + bytes(30),
    "gzip": b"\x1f\x8b" + bytes(30),
    "quotes": b'row_id,no,yes\n"1,0.5,0.5\n' * 5,
    "long-id": b"row_id,no,yes\n" + b"9" * 10_000 + b",1,0\n",
    "long-number": b"row_id,no,yes\n1," + b"9" * 10_000 + b",0\n",
    "twice": b"row_id,no,no,yes\n1,1,0,0\n",
    "ragged": b"row_id,no,yes\n1\n",
    "other-digits": "row_id,no,yes\n١,1,0\n".encode(),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_whatever_a_stranger_wrote_is_an_error_in_words(
    tmp_path: Path, what: str
) -> None:
    with pytest.raises(ModelMarketError) as told:
        read(tmp_path, HOSTILE[what], is_strangers=True)
    assert len(told.value.message) < 500


@given(st.binary(max_size=200) | st.text(alphabet='row_idnoyes,10.5"\n', max_size=80))
@settings(deadline=None)
def test_any_bytes_are_probabilities_or_an_error_in_words(
    tmp_path_factory: pytest.TempPathFactory, data: bytes | str
) -> None:
    path = tmp_path_factory.mktemp("any")
    try:
        found = read(path, data, is_strangers=True)
    except ModelMarketError:
        return
    assert np.allclose(found.sum(axis=1), 1, atol=1e-3)


def test_a_table_that_nobody_could_hold_is_refused_before_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probabilities, "MOST_CELLS", 5)
    with pytest.raises(DataError, match="3 rows of 2 classes have 6 probabilities"):
        read_probabilities(tmp_path / "nowhere.csv", CLASSES, 3)
    with pytest.raises(DataError, match="5 can be kept"):
        encode_probabilities(GIVEN, CLASSES, 3, where="they")


def test_a_file_that_is_not_there_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError):
        read_probabilities(tmp_path / "nowhere.csv", CLASSES, 3)


# --- as people have them at hand ---

FRAMES: dict[str, Any] = {
    "array": GIVEN,
    "list": GIVEN.tolist(),
    "polars": pl.DataFrame({"yes": GIVEN[:, 1], "no": GIVEN[:, 0]}),
    "with-ids": pl.DataFrame(
        {"row_id": [3, 2, 1], "no": GIVEN[::-1, 0], "yes": GIVEN[::-1, 1]}
    ),
    "pandas": pd.DataFrame(GIVEN, columns=["no", "yes"]),
    "pandas-by-ids": pd.DataFrame(
        GIVEN[::-1], columns=["no", "yes"], index=pd.Index([3, 2, 1], name="row_id")
    ),
}


@pytest.mark.parametrize("how", FRAMES)
def test_arrays_and_frames_are_taken(how: str) -> None:
    found = encode_probabilities(FRAMES[how], CLASSES, 3, where="they")
    assert found.tolist() == GIVEN.tolist()


def test_columns_are_classes_that_are_numbers() -> None:
    frame = pd.DataFrame(GIVEN, columns=[0, 1])
    found = encode_probabilities(frame, Classes(("0", "1")), 3, where="they")
    assert found.tolist() == GIVEN.tolist()


BAD_FRAMES: dict[str, tuple[Any, str]] = {
    "one-column": (GIVEN[:, 1], "have the shape (3,); (3, 2) is expected"),
    "too-few": (GIVEN[:2], "have the shape (2, 2)"),
    "words": ([["a", "b"]] * 3, "are no numbers"),
    "nothing": (object(), "are no numbers"),
    "a-column-too-few": (pl.DataFrame({"no": [1.0] * 3}), "the class 'yes'"),
    "another-index": (
        pd.DataFrame(GIVEN, columns=["no", "yes"], index=[7, 8, 9]),
        "an index that is not that of the test rows",
    ),
    "short-frame": (pl.DataFrame({"no": [1.0], "yes": [0.0]}), "have the shape (1,)"),
    "no-probability": (GIVEN * 2, "is no probability"),
}


@pytest.mark.parametrize("what", BAD_FRAMES)
def test_what_fits_no_rows_is_refused(what: str) -> None:
    given_, said = BAD_FRAMES[what]
    with pytest.raises(DataError) as told:
        encode_probabilities(given_, CLASSES, 3, where="they")
    assert said in told.value.message


def test_a_class_called_as_the_ids_has_no_file() -> None:
    classes = Classes(("row_id", "x"))
    with pytest.raises(DataError, match="A class is called 'row_id'"):
        encode_probabilities(pl.DataFrame({"x": [1.0]}), classes, 1, where="they")
    assert of_scores(np.array([[1.0, 0.0]]), ("row_id", "x"), classes) is None


# --- what models say ---


def test_a_class_that_a_model_does_not_know_has_no_chance() -> None:
    classes = Classes(("a", "b", "c"))
    found = of_scores(np.array([[0.25, 0.75]]), ("c", "a"), classes)
    assert found is not None
    assert found.tolist() == [[0.75, 0.0, 0.25]]
    assert of_scores(np.array([[0.5, 0.5]]), ("a", "other"), classes) is None


@pytest.mark.parametrize("row", [[1.5, -0.5], [0.2, 0.3], [np.nan, 1.0]])
def test_distances_are_no_probabilities(row: list[float]) -> None:
    assert of_scores(np.array([row]), CLASSES.names, CLASSES) is None


def test_what_32_bits_round_is_no_matter() -> None:
    found = of_scores(np.array([[1.0000001, 0.0]]), CLASSES.names, CLASSES)
    assert found is not None
    assert found.tolist() == [[1.0, 0.0]]


def test_rows_are_counted_whose_likeliest_class_was_not_predicted() -> None:
    assert unlikely(GIVEN, np.array([1, 0, 0], dtype=np.uint16)) == 0
    assert unlikely(GIVEN, np.array([0, 1, 1], dtype=np.uint16)) == 2
