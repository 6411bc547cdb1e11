# SPDX-License-Identifier: Apache-2.0
"""What is odd about a column is named before money is put on it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from modelmarket.datasets.choosing import Choice
from modelmarket.datasets.lint import lint as linting
from modelmarket.datasets.lint.columns import (
    Labels,
    Looked,
    look,
    together,
)
from modelmarket.datasets.lint.findings import (
    Check,
    Severity,
)
from modelmarket.datasets.published import publish
from modelmarket.datasets.sources import Source
from modelmarket.datasets.tables import open_table
from support.lint import Rows, between, frame, report

ROWS = 100
CLASSES = np.repeat([0.0, 1.0], ROWS // 2)
"""Sorted by class, as many tables are."""


def at(cells: Iterable[object], labels: Labels = CLASSES, **said: bool) -> Looked:
    column = pl.Series("x", [str(one) for one in cells], dtype=pl.String)
    return look("x", column, labels, is_number=said.get("is_number", False))


def the(looked: Looked) -> tuple[Check, Severity]:
    assert looked.finding is not None
    assert looked.finding.columns == ("x",)
    return looked.finding.check, looked.finding.severity


def noise(seed: int = 0) -> list[float]:
    found: list[float] = np.random.default_rng(seed).normal(size=ROWS).round(6).tolist()
    return found


# --- columns that number the rows ---


def test_an_index_over_rows_that_are_sorted_by_class_gives_the_label_away() -> None:
    found = at(range(ROWS))
    assert the(found) == (Check.INDEX, Severity.CONFIRM)
    assert str(found.finding) == (
        "Column 'x' counts the rows, and tells the label: the rows are in an order "
        "that goes with it. It gets right 100% of what always saying the same gets "
        "wrong. Leave it out: it says nothing about new rows."
    )


def test_an_index_over_shuffled_rows_is_warned_of() -> None:
    order = np.random.default_rng(3).permutation(ROWS)
    found = at(order)
    assert the(found) == (Check.INDEX, Severity.WARNING)
    assert found.is_identity


def test_an_index_is_one_though_rows_are_missing_from_it() -> None:
    every = np.arange(ROWS * 5 // 4)
    kept = np.random.default_rng(0).permutation(every)[:ROWS]
    assert the(at(kept))[0] is Check.INDEX


@pytest.mark.parametrize("first", [2**53 - ROWS // 2, -(2**60), 10**30])
def test_whole_numbers_that_floats_do_not_tell_apart_are_told_by_their_digits(
    first: int,
) -> None:
    order = np.random.default_rng(3).permutation(ROWS).tolist()
    assert the(at([first + n for n in order])) == (Check.INDEX, Severity.WARNING)
    assert at([first + n % 2 for n in order]).trait is None
    assert at([first] * ROWS).trait is Check.CONSTANT
    # What is written in two ways is one number all the same.
    assert at(["1e300", "1.0e300"] * (ROWS // 2)).trait is Check.CONSTANT


def test_whole_numbers_that_all_differ_are_no_index_if_they_lie_far_apart() -> None:
    prices = np.random.default_rng(1).permutation(900_000)[:ROWS]
    assert at(prices).finding is None


@pytest.mark.parametrize("name", ["id", "user_id", "UUID", "key", "Unnamed: 0", ""])
def test_a_name_that_says_so_makes_numbers_identifiers(name: str) -> None:
    numbers = np.random.default_rng(1).permutation(10**6)[:ROWS]
    cells = pl.Series(name, [str(one) for one in numbers])
    found = look(name, cells, CLASSES, is_number=False)
    assert found.finding is not None
    assert found.finding.check is Check.IDENTIFIER


@pytest.mark.parametrize("name", ["width", "humid", "lid", "ideal", "keyboard"])
def test_a_name_that_only_sounds_like_one_makes_no_identifier(name: str) -> None:
    numbers = np.random.default_rng(1).permutation(10**6)[:ROWS]
    cells = pl.Series(name, [str(one) for one in numbers])
    assert look(name, cells, CLASSES, is_number=False).finding is None


def test_words_that_all_differ_are_identifiers_and_sentences_are_none() -> None:
    assert the(at(f"u{n * 7919 % 1000:04}" for n in range(ROWS)))[0] is Check.IDENTIFIER
    sentences = at(f"it was {n} long ago" for n in range(ROWS))
    assert (sentences.finding, sentences.trait) == (None, Check.FREE_TEXT)
    long = at(f"{n:065}x" for n in range(ROWS))
    assert (long.finding, long.trait) == (None, Check.FREE_TEXT)


@pytest.mark.parametrize(
    ("first", "second"),
    [("3,5", "12"), ("1.234,5", "-0,25"), ("1,000", "2,345.5"), ("+1,000,000", "7")],
)
def test_numbers_with_commas_are_told_as_such(first: str, second: str) -> None:
    """And not as texts, or as what tells rows apart, whether or not they come twice."""
    for cells in ((first, second) * (ROWS // 2), ("", f" {first} ") * (ROWS // 2)):
        found = at(cells)
        assert the(found) == (Check.COMMAS, Severity.WARNING)
        assert found.finding is not None
        assert found.finding.text == (
            "Column 'x' holds numbers with commas, which are read as text."
        )
    many = at(f"{n * 7919 % 1000},{n:04}" for n in range(ROWS))
    assert the(many)[0] is Check.COMMAS


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("3.5", "12"),
        ("3,5", "red"),
        ("1,00,000", "1,00"),
        ("a,b", "b,c"),
        ("1,2,3", "4"),
        (",5", "5,"),
    ],
)
def test_what_is_no_number_with_commas_is_not_told_as_one(
    first: str, second: str
) -> None:
    finding = at((first, second) * (ROWS // 2)).finding
    assert finding is None or finding.check is not Check.COMMAS


def test_numbers_with_decimals_may_all_differ() -> None:
    assert at(noise()) == Looked(at(noise()).told)


def test_one_of_a_hundred_may_come_twice_in_an_identifier_and_no_more() -> None:
    order = np.random.default_rng(3).permutation(ROWS)
    once = [*order[:-1], order[0]]
    assert the(at(once))[0] is Check.INDEX
    twice = [*order[:-2], order[0], order[1]]
    assert not at(twice).is_identity


# --- columns that tell the label ---


def test_a_column_that_says_what_the_label_says_is_found_whatever_its_words() -> None:
    for words in (("no", "yes"), ("1", "2"), ("", "x"), ("-1.5", "1e3")):
        found = at(words[int(one)] for one in CLASSES)
        assert the(found) == (Check.LABEL_COPY, Severity.CONFIRM)
        assert str(found.finding) == (
            "Column 'x' says what the label says, in all rows that were looked at. "
            "Leave it out: whoever has it needs no model."
        )


def test_a_column_that_is_finer_than_the_label_predicts_it() -> None:
    found = at(f"{'ab'[int(one)]}{n % 5}" for n, one in enumerate(CLASSES))
    assert the(found) == (Check.PREDICTS, Severity.CONFIRM)
    assert str(found.finding) == (
        "Column 'x' alone gets right 100.0% of what always saying the same gets wrong. "
        "Is it known before the label is? Leave it out if it is not."
    )


@pytest.mark.parametrize(
    ("wrong", "finding", "trait"),
    [
        (0, Check.LABEL_COPY, None),
        (2, Check.PREDICTS, None),
        (3, None, Check.PREDICTS),
        (10, None, Check.PREDICTS),
        (11, None, None),
    ],
)
def test_how_much_a_column_may_tell_by_itself(
    wrong: int, finding: Check | None, trait: Check | None
) -> None:
    labels = np.tile([0.0, 0.0, 1.0, 1.0], 100)
    cells = ["ab"[int(one)] for one in labels]
    for row in range(wrong):
        # Two of the 200 rows that the commonest class gets wrong.
        cells[row * 36 + 2 : row * 36 + 4] = ["a", "a"]
    found = at(cells, labels)
    assert (found.finding.check if found.finding else None) == finding
    assert found.trait == trait


def test_what_tells_nothing_has_no_share() -> None:
    assert at(noise()).told.share < 0.1
    assert at(["a", "b"] * 50, np.repeat([0.0, 1.0], 50)).told.share == 0


def test_numbers_tell_by_ranges_and_missing_ones_by_being_missing() -> None:
    cells = [n / 10 + (1000 if one else 0) for n, one in enumerate(CLASSES)]
    assert at(cells).told.share > 0.9
    gone = ["" if one else cell for cell, one in zip(cells, CLASSES, strict=True)]
    assert at(gone).told.share > 0.9


def test_of_numbers_a_column_is_found_that_is_the_label_or_a_line_of_it() -> None:
    labels = np.array(noise())
    others = np.array(noise(7))
    for cells in (labels, labels * 2.5 + 3, -labels):
        assert the(at(cells.tolist(), labels, is_number=True)) == (
            Check.LABEL_COPY,
            Severity.CONFIRM,
        )
    rough = (labels + others / 100).tolist()
    assert at(rough, labels, is_number=True).finding is None
    assert at(rough, labels, is_number=True).told.share > 0.5
    assert at(others.tolist(), labels, is_number=True).told.share < 0.2


@pytest.mark.parametrize("cells", [range(ROWS), [f"{n:04}x" for n in range(ROWS)]])
def test_of_numbers_nothing_is_said_to_be_right_or_wrong(cells: Any) -> None:
    """A column explains their spread: no number that is predicted is quite right."""
    labels = np.arange(ROWS, dtype=np.float64) // 7
    said = [str(at(cells, labels, is_number=True).finding)]
    rows: Rows = [[f"w{n % 4}", "x"] for n in range(80)]
    numbers = [float(n % 3) for n in range(80)]
    said += map(str, between(rows, rows[:20], numbers, is_number=True))
    assert not [one for one in said if "gets right" in one]


def test_an_index_over_rows_that_are_sorted_by_number_explains_them() -> None:
    found = at(range(ROWS), np.arange(ROWS, dtype=np.float64), is_number=True)
    assert the(found) == (Check.INDEX, Severity.CONFIRM)
    assert "It explains 99% of the spread of the labels (R²)." in str(found.finding)


# --- dates, constants, texts ---


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("classes", "rows"), [(3, 142), (10, 600), (4, 60)])
def test_numbers_that_lie_apart_for_each_class_give_it_away_however_few_rows(
    seed: int, classes: int, rows: int
) -> None:
    chance = np.random.default_rng(seed)
    labels = chance.integers(0, classes, rows).astype(np.float64)
    apart = 1.7 * labels[::1] % (1.7 * classes) + chance.uniform(0, 0.5, rows)
    cells = pl.Series("x", [repr(float(one)) for one in apart])
    found = look("x", cells, labels, is_number=False)
    assert the(found) == (Check.PREDICTS, Severity.CONFIRM)
    # Nor does chance tell anything.
    cells = pl.Series("x", [repr(float(one)) for one in chance.normal(size=rows)])
    assert look("x", cells, labels, is_number=False).finding is None


@pytest.mark.parametrize("step", [-10, 1_000_003])
def test_whole_numbers_in_the_order_of_the_classes_are_asked_about(step: int) -> None:
    labels = np.repeat(np.arange(3.0), 50)
    order = np.random.default_rng(0).permutation(150)
    numbers = 10**7 + step * np.arange(150)
    cells = pl.Series("rec", [str(one) for one in numbers[order]])
    found = look("rec", cells, labels[order], is_number=False)
    assert found.finding is not None
    assert found.finding.severity is Severity.CONFIRM


def test_dates_of_their_own_in_each_row_tell_the_label_if_rows_are_sorted() -> None:
    labels = np.repeat(np.arange(3.0), 50)
    order = np.random.default_rng(0).permutation(150)
    dates = [f"2024-{1 + n // 28:02d}-{1 + n % 28:02d}" for n in order]
    dates[7] = "none"
    found = look("x", pl.Series("x", dates), labels[order], is_number=False)
    assert the(found) == (Check.DATE, Severity.CONFIRM)
    mixed = np.random.default_rng(1).permutation(labels)
    found = look("x", pl.Series("x", dates), mixed, is_number=False)
    assert the(found) == (Check.DATE, Severity.WARNING)


def test_whoever_tests_the_latest_rows_is_not_told_to(tmp_path: Path) -> None:
    chance = np.random.default_rng(0)
    lines = ["when,x,kind"]
    for n in range(100):
        kind = "rare" if n in (1, 2) else "ab"[chance.integers(2)]
        lines.append(
            f"2024-{1 + n // 28:02d}-{1 + n % 28:02d},{chance.random()},{kind}"
        )
    path = tmp_path / "t.csv"
    path.write_text("\n".join(lines) + "\n")
    source = Source(open_table(path, header=True), label="kind")
    for choice, is_told in ((Choice(), True), (Choice(time="when"), False)):
        folder = tmp_path / str(is_told)
        folder.mkdir()
        found = publish(source, folder, choice=choice, seed=bytes(32)).report.findings
        assert (Check.DATE in {one.check for one in found}) == is_told
    [absent] = [one for one in found if one.check is Check.ABSENT]
    assert absent.hint == "Test more rows."


@pytest.mark.parametrize(
    "write",
    [
        lambda n: f"2024-01-{n % 28 + 1:02}",
        lambda n: f"{n % 28 + 1:02}.01.2024",
        lambda n: f"2024-01-{n % 28 + 1:02}T10:00:{n % 60:02}Z",
        lambda n: f"2024-01-{n % 28 + 1:02} 10:{n % 60:02}:00",
    ],
)
def test_dates_are_seen_and_how_to_split_by_them(write: Callable[[int], str]) -> None:
    order = np.random.default_rng(5).permutation(ROWS)
    found = at(write(int(n)) for n in order)
    assert the(found) == (Check.DATE, Severity.WARNING)
    assert not found.is_identity
    assert 'time="x"' in str(found.finding)


def test_dates_that_tell_the_label_are_asked_about() -> None:
    found = at(f"20{n:02}-01-01" for n in range(ROWS))
    assert the(found)[0] is Check.DATE
    labels = np.tile([0.0, 0.0, 1.0, 1.0], 25)
    found = at((f"2024-0{int(one) + 1}-01" for one in labels), labels)
    assert the(found) == (Check.DATE, Severity.CONFIRM)


def test_what_is_alike_in_many_columns_is_one_note() -> None:
    cells = pl.Series("x", ["1"] * ROWS)
    looked = [look(f"c{n}", cells, CLASSES, is_number=False) for n in range(5)]
    [one] = together(looked[:1])
    assert (one.severity, str(one)) == (
        Severity.NOTE,
        "Column 'c0' has the same value in all training rows. No model gains from it.",
    )
    [many] = together(looked)
    assert str(many) == (
        "5 columns have the same value in all training rows: 'c0', 'c1', 'c2' and 2 "
        "more. No model gains from it."
    )
    assert many.columns == ("c0", "c1", "c2", "c3", "c4")


def test_of_a_column_it_is_said_which_rows_were_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(linting, "MOST_ROWS", 100)
    found = report(tmp_path, frame().with_columns(note=pl.lit("x")))
    [one] = [one for one in found.findings if one.check is Check.CONSTANT]
    assert (
        one.text
        == "Column 'note' has the same value in all 100 training rows looked at."
    )


def test_of_many_grave_columns_three_are_told_and_the_others_named() -> None:
    looked = [
        look(
            f"c{n}",
            pl.Series(["ab"[int(one)] for one in CLASSES]),
            CLASSES,
            is_number=False,
        )
        for n in range(5)
    ]
    found = list(together(looked))
    assert [one.columns for one in found] == [("c0",), ("c1",), ("c2",), ("c3", "c4")]
    assert found[3].text == "The same is true of 2 more columns: 'c3' and 'c4'."
    assert {one.severity for one in found} == {Severity.CONFIRM}


def test_of_few_rows_nothing_is_said_about_columns() -> None:
    assert at(range(19), CLASSES[40:59]).finding is None
    assert at(range(20), CLASSES[40:60]).finding is not None
