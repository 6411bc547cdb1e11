# SPDX-License-Identifier: Apache-2.0
"""What is odd about a table is named before money is put on it."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelmarket.datasets.choosing import Choice
from modelmarket.datasets.lint import lint as linting
from modelmarket.datasets.lint.columns import (
    Labels,
    Looked,
    check_names,
    look,
    together,
)
from modelmarket.datasets.lint.equals import Equals
from modelmarket.datasets.lint.findings import (
    MOST_ROWS_NAMED,
    WHAT,
    Check,
    Finding,
    Report,
    Severity,
    tells,
)
from modelmarket.datasets.lint.labels import (
    check_absent,
    check_classes,
    check_size,
    guess_bits,
    resolution,
)
from modelmarket.datasets.lint.rows import Seen, Words, compare, named_groups
from modelmarket.datasets.published import publish
from modelmarket.datasets.sources import Source
from modelmarket.datasets.tables import open_table
from modelmarket.errors import DataError

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


# --- rows that come again ---


Rows = Sequence[Sequence[object]]


def seen(rows: Rows, groups: tuple[str, ...] = ()) -> Words:
    width = len(rows[0]) if rows else 2
    names = [*(f"c{n}" for n in range(width - len(groups))), *groups]
    found = Seen(names, groups)
    for part in (rows[: len(rows) // 2], rows[len(rows) // 2 :]):
        frame = pl.DataFrame(
            {name: [str(row[n]) for row in part] for n, name in enumerate(names)},
            schema=dict.fromkeys(names, pl.String),
        )
        found.add(frame)
    return found.words


def between(
    train: Rows,
    test: Rows,
    labels: list[float] | None = None,
    groups: tuple[str, ...] = (),
    *,
    is_hidden: bool = False,
    is_number: bool = False,
) -> list[Finding]:
    said = np.array(labels or [float(n % 2) for n in range(len(train))])
    parts = seen(train, groups), seen(test, groups)
    found = compare(*parts, said, is_number=is_number, is_hidden=is_hidden)
    return list(found)


def plain(count: int, start: int = 0) -> list[list[object]]:
    return [[n * 1.37 + 100, f"w{n}"] for n in range(start, start + count)]


def test_rows_that_differ_are_nothing_to_tell_of() -> None:
    assert between(plain(50), plain(20, 50)) == []


def test_test_rows_that_stand_in_the_training_part_are_counted_and_named() -> None:
    [one] = between(plain(300), [*plain(100, 300)[:98], *plain(2, 7)])
    assert one == Finding(
        Check.DUPLICATES_ACROSS,
        Severity.CONFIRM,
        "2 of 100 test rows stand in the training part, too, where the label can be "
        "looked up.",
        "Leave out rows that come more than once, before the split.",
        rows=(8, 9),
        count=2,
    )


@pytest.mark.parametrize(
    ("tests", "severity"), [(100, Severity.CONFIRM), (101, Severity.WARNING)]
)
def test_one_in_a_hundred_is_asked_about_and_less_is_warned_of(
    tests: int, severity: Severity
) -> None:
    [one] = between(plain(300), [*plain(tests - 1, 300), *plain(1)])
    assert (one.check, one.severity) == (Check.DUPLICATES_ACROSS, severity)
    assert one.text.startswith(f"1 of {tests} test rows stands in")


def test_where_most_rows_are_equal_it_is_said_what_looking_them_up_is_worth() -> None:
    """Four different rows, each with both labels, as tables of few columns have."""
    labels = [float(n % 3 == 0) for n in range(80)]
    rows: Rows = [[f"w{n % 4}", "x"] for n in range(80)]
    found = {one.check: one for one in between(rows, rows[:20], labels)}
    one = found[Check.DUPLICATES_ACROSS]
    assert (one.severity, one.count) == (Severity.WARNING, 20)
    assert str(one) == (
        "20 of 20 test rows stand in the training part, too, and that is how these "
        "columns are: 80 of 80 training rows are equal to others, and looking the label "
        "up there gets right 0% of what always saying the same gets wrong. Add columns "
        "that tell rows apart, if there are any."
    )


@pytest.mark.parametrize("is_number", [False, True])
@pytest.mark.parametrize("differs", [False, True], ids=["copies", "measured twice"])
def test_where_few_rows_are_equal_their_labels_say_whether_they_are_copies(
    is_number: bool, differs: bool
) -> None:
    """What was measured twice comes out otherwise, and can be looked up nowhere."""
    rows, labels = plain(98), [float(n % 7) for n in range(98)]
    rows, labels = rows + plain(2), labels + ([5.0, 6.0] if differs else labels[:2])
    tests = [*plain(19, 200), *plain(1)]
    one = next(
        one
        for one in between(rows, tests, labels, is_number=is_number)
        if one.check is Check.DUPLICATES_ACROSS
    )
    assert one.severity is (Severity.WARNING if differs else Severity.CONFIRM)
    stands = "1 of 20 test rows stands in the training part, too, where "
    told = tells(0.0, 0, is_number=is_number)
    assert str(one) == stands + (
        "equal rows have labels of their own: among 4 of 100 training rows that are "
        f"equal to others, looking the label up {told}. Add columns that tell rows "
        "apart, if there are any."
        if differs
        else "the label can be looked up. Leave out rows that come more than once, "
        "before the split."
    )


@pytest.mark.parametrize(
    ("distinct", "alike", "is_odd"),
    [
        (50, 0.5, True),
        (50, 0.49, False),
        (49, 0.9, True),
        (49, 0.89, False),
        (100, 0.0, True),
    ],
)
def test_how_much_of_the_label_equal_rows_must_tell_depends_on_how_many_they_are(
    distinct: int, alike: float, is_odd: bool
) -> None:
    """Where none are equal nobody knows, and copies are likelier than anything else."""
    rows = 0 if distinct == 100 else 60
    found = Equals(rows, 100, distinct, 0.0, alike, is_number=False)
    assert found.are_odd == is_odd


@pytest.mark.parametrize("pairs", [6, 40])
def test_measurements_that_come_near_each_other_are_no_copies(pairs: int) -> None:
    """However well the features explain the label, few rows are equal or all."""
    rows = [*plain(80), *plain(pairs)]
    labels = [float(row[0]) * 1_000 for row in rows]  # type: ignore[arg-type]  # a number
    labels = [label + at for at, label in enumerate(labels)]
    tests = [*plain(18, 200), *plain(2)]
    one = next(
        one
        for one in between(rows, tests, labels, is_number=True)
        if one.check is Check.DUPLICATES_ACROSS
    )
    assert one.severity is Severity.WARNING
    assert "explains 100% of the spread of the labels" in one.text
    assert "the label can be looked up" not in one.text


@pytest.mark.parametrize("is_number", [False, True])
def test_where_most_rows_are_equal_and_so_are_their_labels_they_are_copies(
    is_number: bool,
) -> None:
    """As of a rare class whose rows were copied before the split."""
    rare = plain(4, 500)
    rows, labels = [*plain(40), *rare * 15], [0.0] * 40 + [1.0, 2.0, 3.0, 4.0] * 15
    tests = [*plain(18, 100), *rare[:2]]
    [one] = [
        one
        for one in between(rows, tests, labels, is_number=is_number)
        if one.check is Check.DUPLICATES_ACROSS
    ]
    assert (one.severity, one.count) == (Severity.CONFIRM, 2)
    assert str(one) == (
        "2 of 20 test rows stand in the training part, too, where the label can be "
        "looked up: 60 of 100 training rows are equal to others, and nearly always of "
        "the same label. Leave out rows that come more than once, before the split."
    )


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2)), max_size=30))
def test_looking_up_is_counted_as_by_hand(rows: list[tuple[int, int]]) -> None:
    found = Equals.of(
        np.array([word for word, _ in rows], dtype=np.uint64),
        np.array([label for _, label in rows], dtype=np.float64),
        is_number=False,
    )
    again = [
        (word, label)
        for word, label in rows
        if sum(other == word for other, _ in rows) > 1
    ]
    assert found.rows == len(again)
    if not again:
        assert found.told == 0
        return
    counts = np.bincount([label for _, label in rows])
    left = without = 0
    for word, label in again:
        others = [two for one, two in rows if one == word]
        others.remove(label)
        most = max(others.count(kind) for kind in range(3) if kind != label)
        left += others.count(label) <= most
        without += label != int(np.argmax(counts))
    assert found.told == (max(0.0, 1 - left / without) if without else 0.0)


def test_a_cell_is_the_same_however_it_is_written() -> None:
    train: list[list[object]] = [["1.50", " Cat "], ["2", ""]]
    test: list[list[object]] = [["1.5", "cat"], ["2.0", "NaN"]]
    [one] = between(train, test)
    assert (one.check, one.count) == (Check.DUPLICATES_ACROSS, 2)


def test_nearly_the_same_numbers_are_warned_of_and_not_asked_about() -> None:
    row: list[object] = [1.2345, 7.7711, 9.8765]
    [one] = between([row, [9, 9, 9]], [[1.2349, 7.7711, 9.8764], [7, 7, 7]])
    assert (one.check, one.severity, one.count) == (
        Check.NEAR_DUPLICATES_ACROSS,
        Severity.WARNING,
        1,
    )
    assert one.text == (
        "1 of 2 test rows nearly stands in the training part, too: to 3 digits the "
        "numbers are the same."
    )
    assert between([row], [[1.2345, 7.7711, 9.8665]]) == []


def test_two_columns_that_are_nearly_the_same_may_be_so_by_chance() -> None:
    row: list[object] = [1.2345, 7.7711, 9.87]
    assert between([row], [[1.2349, 7.7711, 9.87]]) == []


def test_in_wide_tables_three_of_four_columns_are_enough() -> None:
    row = [float(n * n + 1) for n in range(32)]
    quarter = [one + (n % 4 == 2) for n, one in enumerate(row)]
    [one] = between([row], [quarter])
    assert one.check is Check.NEAR_DUPLICATES_ACROSS
    assert one.text.endswith(
        "the numbers are the same, in three of four columns at least."
    )
    half = [one + (n % 4 >= 2) for n, one in enumerate(row)]
    assert between([row], [half]) == []
    narrow = [one + (n % 4 == 2) for n, one in enumerate(row[:31])]
    assert between([row[:31]], [narrow]) == []


def test_rows_that_come_again_with_another_label_are_told_apart() -> None:
    rows = [*plain(3), *plain(1), *plain(1, 1), *plain(1, 1)]
    found = between(rows, plain(2, 50), [0, 0, 0, 1, 0, 0])
    assert [(one.check, one.severity, one.rows, one.count) for one in found] == [
        (Check.DUPLICATES, Severity.NOTE, (1, 2, 4, 5, 6), 5),
        (Check.CONFLICTS, Severity.WARNING, (1, 4), 2),
    ]
    # Each counts the rows that it names, so that the two agree about the same rows.
    assert (
        found[0].text
        == "5 of 6 training rows are equal to others; there are 3 different ones."
    )
    assert (
        found[1].text
        == "2 of 6 training rows are equal to others in all but the label."
    )
    one, other = between([*plain(1), *plain(1)], plain(1, 50), [0, 1])
    assert (
        one.text
        == "2 of 2 training rows are equal to others; there is 1 different one."
    )
    assert one.rows == other.rows == (1, 2)
    assert one.count == other.count == 2


def test_no_more_than_ten_rows_are_named() -> None:
    for rows in (MOST_ROWS_NAMED // 2, 30):
        again = [*plain(rows), *plain(rows)]
        [one] = between(again, plain(2, 99), [0.0] * 2 * rows)
        assert one.rows == tuple(range(1, MOST_ROWS_NAMED + 1))
        assert one.has_more_rows == (2 * rows > MOST_ROWS_NAMED)
    assert one.count == 60


def test_what_tells_of_hidden_rows_is_for_their_owner_alone() -> None:
    train, test = [*plain(40), *plain(1)], [*plain(1), *plain(20, 60)]
    found = between(train, test, is_hidden=True)
    assert {one.check: one.is_private for one in found} == {
        Check.DUPLICATES_ACROSS: True,
        Check.DUPLICATES: False,
    }
    assert not any(one.is_private for one in between(train, test))


# --- groups ---


@pytest.mark.parametrize(
    "name", ["patient", "Patient_ID", "subject no", "user.id", "site"]
)
def test_columns_that_name_groups_are_known_by_their_names(name: str) -> None:
    assert named_groups(["a", name]) == (name,)


@pytest.mark.parametrize("name", ["patience", "users", "background", "id", "website"])
def test_other_columns_name_no_groups(name: str) -> None:
    assert named_groups([name]) == ()


def test_groups_with_rows_in_both_parts_are_counted() -> None:
    train = [[n, "p1" if n % 2 else "p2"] for n in range(10)]
    test = [[n, "p2" if n % 2 else "p3"] for n in range(20, 24)]
    [one] = between(train, test, groups=("patient",))
    assert (one.check, one.severity, one.count) == (
        Check.GROUPS_ACROSS,
        Severity.WARNING,
        1,
    )
    assert str(one) == (
        "Of 2 groups that column 'patient' names, 1 has rows in both parts: models are "
        "tried on what they have seen others of. To try them on groups that they do "
        'not know, say group="patient".'
    )
    apart = [[n, "p3"] for n in range(20, 24)]
    assert between(train, apart, groups=("patient",)) == []


def test_a_row_of_its_own_is_no_group_and_neither_is_none() -> None:
    train = [[n, f"p{n}"] for n in range(10)]
    assert between(train, [[77, "p3"]], groups=("patient",)) == []
    empty = [[n, ""] for n in range(10)]
    assert between(empty, [[77, ""]], groups=("patient",)) == []


# --- classes ---


def of(counts: dict[str, int], tests: int = 1_000) -> dict[Check, Finding]:
    return {one.check: one for one in check_classes(counts, tests)}


@pytest.mark.parametrize(
    "names",
    [
        ("1", "1.0"),
        ("Cat", "cat"),
        (" dog ", "dog"),
        ("caf\u00e9", "cafe\u0301"),
        ("a  b", "a b"),
        ("Stra\u00dfe", "STRASSE"),
        ("0", "-0"),
        ("1e1", "10"),
    ],
)
def test_classes_that_differ_by_spelling_alone_are_asked_about(
    names: tuple[str, str],
) -> None:
    one = of({names[0]: 50, "other": 50, names[1]: 50})[Check.TWINS]
    assert one.severity is Severity.CONFIRM
    shown = [
        f"{name!r} ({name!a})" if name.startswith("caf") else repr(name)
        for name in names
    ]
    assert str(one) == (
        f"These classes differ by spelling alone: {shown[0]} and {shown[1]}. "
        "Write them alike, if they mean the same."
    )
    assert one.classes == (names,)


def test_names_that_look_the_same_are_told_apart_in_text_and_json() -> None:
    names = ("caf\u00e9", "cafe\u0301", "Caf\u00e9", "\ufb01n", "fin")
    one = of(dict.fromkeys(names, 50))[Check.TWINS]
    assert one.text == (
        "These classes differ by spelling alone: 'caf\u00e9' ('caf\\xe9'), "
        "'cafe\u0301' ('cafe\\u0301') and 'Caf\u00e9'; '\ufb01n' ('\\ufb01n') and 'fin'."
    )
    assert one.classes == (names[:3], names[3:])
    said = json.loads(some((one,)).to_json())["findings"][0]
    assert said["classes"] == [list(names[:3]), list(names[3:])]
    assert Report.from_json(some((one,)).to_json()).findings == (one,)


def test_of_many_twins_ten_pairs_are_told_and_all_are_in_the_json() -> None:
    names = [name for n in range(11) for name in (f"a{n}", f"A{n}")]
    one = of(dict.fromkeys(names, 50))[Check.TWINS]
    assert one.text.endswith("'a8' and 'A8'; 'a9' and 'A9'; and 1 more.")
    assert len(one.classes) == one.count == 11


@pytest.mark.parametrize(
    "names", [("1", "2"), ("cat", "cats"), ("1", "one"), ("a", "ä")]
)
def test_classes_that_differ_are_no_twins(names: tuple[str, str]) -> None:
    assert Check.TWINS not in of({names[0]: 50, names[1]: 50})


@pytest.mark.parametrize(
    ("names", "is_asked"),
    [
        ([str(n) for n in range(19)], False),
        ([str(n) for n in range(20)], True),
        ([*(str(n) for n in range(20)), "many"], False),
        (["0.5", "1", "1.5", "2"], False),
        (["0.5", "1", "1.5", "2", "2.5"], True),
    ],
)
def test_numbers_as_classes_are_asked_about_with_the_command_for_them(
    names: list[str], *, is_asked: bool
) -> None:
    found = of(dict.fromkeys(names, 50))
    assert (Check.REGRESSION in found) == is_asked
    if is_asked:
        assert found[Check.REGRESSION].severity is Severity.CONFIRM
        assert "--verified --error absolute" in found[Check.REGRESSION].hint


@pytest.mark.parametrize(
    ("names", "is_asked"),
    [
        (["0,5", "1", "1,5", "2"], False),
        (["0,5", "1", "1,5", "2", "2,5"], True),
        (["0,5", "1", "1,5", "2", "2,5", "many"], False),
    ],
)
def test_labels_with_decimal_commas_are_asked_about(
    names: list[str], *, is_asked: bool
) -> None:
    found = of(dict.fromkeys(names, 50))
    assert (Check.REGRESSION in found) == is_asked
    if is_asked:
        one = found[Check.REGRESSION]
        assert one.severity is Severity.CONFIRM
        assert one.text == (
            "There are 5 different labels, all of them numbers with commas, which are "
            "read as names of classes."
        )
        assert one.hint.startswith("Write 3.5 for 3,5 and 1000 for 1,000; then say")


@pytest.mark.parametrize(("most", "is_told"), [(899, False), (900, True)])
def test_a_class_that_most_rows_are_of_is_warned_of(
    most: int, *, is_told: bool
) -> None:
    found = of({"a": most, "b": 1_000 - most})
    assert (Check.IMBALANCE in found) == is_told
    if is_told:
        assert found[Check.IMBALANCE].text == (
            "90.0% of the training rows are of class 'a': always saying so would score "
            "as much."
        )


def test_classes_with_fewer_than_ten_rows_are_named() -> None:
    assert Check.RARE not in of({"a": 10, "b": 10})
    assert str(of({"a": 9, "b": 10})[Check.RARE]) == (
        "1 class has fewer than 10 training rows: 'a'. Add rows of it, or leave it out."
    )
    many = of(dict.fromkeys("abcde", 9))[Check.RARE]
    assert many.text == (
        "5 classes have fewer than 10 training rows: 'a', 'b', 'c' and 2 more."
    )
    assert many.hint == "Add rows of them, or leave them out."
    assert many.count == 5


def test_a_class_that_no_training_row_is_of_is_said_to_be() -> None:
    assert of({"a": 9, "b": 0, "c": 20})[Check.RARE].text == (
        "2 classes have fewer than 10 training rows: 'a' and 'b'. No training row is of "
        "class 'b': no model can learn it."
    )
    assert of({"a": 0, "b": 0, "c": 20})[Check.RARE].text == (
        "2 classes have fewer than 10 training rows: 'a' and 'b'. No training row is of "
        "classes 'a' and 'b': no model can learn them."
    )


def test_a_class_that_is_not_tested_is_told_to_nobody_else() -> None:
    assert list(check_absent(["a", "b"], [1, 1])) == []
    [one] = check_absent(["a", "b", "c"], [1, 0, 0])
    assert one.is_private
    assert str(one) == (
        "No test row is of classes 'b' and 'c'. Draw class by class with "
        "stratified=True, or test more rows."
    )


# --- how much a score says ---


def test_a_hundred_test_rows_are_enough_not_to_be_warned_of() -> None:
    assert list(check_size(100, 0.1)) == []
    [one] = check_size(99, 0.1)
    assert one.text == (
        "There are 99 test rows; differences below 10.0% cannot be seen: who wins is "
        "partly chance."
    )
    [alone] = check_size(1, None)
    assert alone.text == "There is 1 test row: who wins is partly chance."


@given(st.floats(0, 1), st.integers(1, 10**6))
def test_more_rows_tell_smaller_differences_apart(accuracy: float, tests: int) -> None:
    least = resolution(accuracy, tests)
    assert 0 < least <= 1
    assert resolution(accuracy, tests + 1) <= least


def test_the_resolution_is_that_of_two_independent_binomials() -> None:
    assert resolution(0.9, 10_000) == pytest.approx(
        1.96 * math.sqrt(2 * 0.9 * 0.1 / 10_000)
    )


def test_to_guess_a_truth_is_to_say_the_commonest_class_in_every_row() -> None:
    assert guess_bits([50, 50], 64) == 64
    assert guess_bits([75, 25], 100) == pytest.approx(-100 * math.log2(0.75))
    assert Check.GUESSABLE not in of({"a": 50, "b": 50}, tests=64)
    one = of({"a": 50, "b": 50}, tests=63)[Check.GUESSABLE]
    assert one.text == (
        "By guessing alone, about one entry in 9 million million million has all 63 "
        "test labels right; each entry locks a stake."
    )


@pytest.mark.parametrize(
    ("tests", "severity", "odds"),
    [
        (48, Severity.NOTE, "280 million million has all 48 test labels right"),
        (32, Severity.NOTE, "4,300 million has all 32 test labels right"),
        (31, Severity.WARNING, "2,100 million has all 31 test labels right"),
        (10, Severity.WARNING, "1,000 has all 10 test labels right"),
        (1, Severity.WARNING, "2 has the 1 test label right"),
    ],
)
def test_what_takes_more_entries_than_anybody_makes_is_a_note(
    tests: int, severity: Severity, odds: str
) -> None:
    one = of({"a": 50, "b": 50}, tests=tests)[Check.GUESSABLE]
    assert one.severity is severity
    assert one.text == (
        f"By guessing alone, about one entry in {odds}; each entry locks a stake."
    )
    assert ("nothing has to be done" in one.hint) == (severity is Severity.NOTE)


# --- a whole table ---


def report(folder: Path, frame: pl.DataFrame, **choice: Any) -> Report:
    path = folder / "table.csv"
    frame.write_csv(path)
    (folder / "out").mkdir()
    source = Source(open_table(path, header=True, delimiter=","), label="label")
    chosen = Choice(Fraction(1, 4), **choice)
    made = publish(source, folder / "out", choice=chosen, seed=b"\x05")
    return made.report.of_table(made.split.learned, source.data)


def frame(rows: int = 400) -> pl.DataFrame:
    chance = np.random.default_rng(0)
    labels = chance.integers(0, 2, rows)
    return pl.DataFrame(
        {
            "a": (labels + chance.normal(size=rows)).round(5),
            "b": chance.normal(size=rows).round(5),
            "label": [("no", "yes")[one] for one in labels],
        }
    )


def test_an_honest_table_has_nothing_odd_and_is_told_what_to_beat(
    tmp_path: Path,
) -> None:
    found = report(tmp_path, frame())
    assert found.findings == ()
    assert (found.train_rows, found.test_rows, found.features) == (300, 100, 2)
    # No number that people read is rounded twice.
    assert found.majority == round(max(found.train_counts.values()) / 300, 6)
    assert found.baseline is not None
    assert 0.55 < found.baseline < 0.85
    assert found.telling[0].column == "a"
    reached = max(found.baseline, found.majority)
    assert found.resolution == round(resolution(reached, 100), 6)


def test_the_gravest_comes_first_and_rows_are_those_of_the_table(
    tmp_path: Path,
) -> None:
    table = frame()
    # The last rows are the first one again, spelt in another way.
    again = table[:1].with_columns(label=pl.lit("NO"))
    found = report(tmp_path, pl.concat([table, *[again] * 8]))
    order = [one.severity for one in found.findings]
    assert order == sorted(order, key=list(Severity).index)
    assert Check.TWINS in {one.check for one in found.questions}
    named = {row for one in found.findings for row in one.rows}
    assert named
    assert named <= {1, *range(401, 409)}


def test_rows_that_an_identifier_tells_apart_are_duplicates_all_the_same(
    tmp_path: Path,
) -> None:
    table = pl.concat([frame(200), frame(200)]).with_row_index("id")
    found = report(tmp_path, table)
    told = {one.check: one.text for one in found.findings}
    assert Check.INDEX in told
    for check in (Check.DUPLICATES_ACROSS, Check.DUPLICATES):
        assert told[check].startswith("Apart from column 'id', ")


@pytest.mark.parametrize("is_sorted", [False, True])
def test_nothing_is_asked_about_an_index_that_tells_something_by_chance(
    is_sorted: bool,
) -> None:
    """Of 40 rows a tenth of the label is told by chance now and then."""
    chance, asked = np.random.default_rng(1), 0
    for _ in range(200):
        labels = chance.permutation([0.0] * 20 + [1.0] * 20)
        labels = np.sort(labels) if is_sorted else labels
        cells = pl.Series("n", [str(n) for n in range(40)])
        for is_number in (False, True):
            found = look("n", cells, labels, is_number=is_number).finding
            assert found is not None
            assert found.check is Check.INDEX
            asked += found.severity is Severity.CONFIRM
    assert asked >= 400 if is_sorted else asked <= 8


def test_a_split_by_groups_leaves_none_in_both_parts(tmp_path: Path) -> None:
    table = frame().with_columns(patient=pl.int_range(400) // 8)
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    checks = {one.check for one in report(tmp_path / "a", table).findings}
    assert Check.GROUPS_ACROSS in checks
    kept = {
        one.check for one in report(tmp_path / "b", table, group="patient").findings
    }
    assert Check.GROUPS_ACROSS not in kept


def test_the_column_of_groups_is_no_identifier_and_tells_nothing(
    tmp_path: Path,
) -> None:
    """Of two rows a patient each, sorted by label, the number would tell it all."""
    table = frame().sort("label").with_columns(patient=pl.int_range(400) // 2)
    found = report(tmp_path, table, group="patient")
    of_group = [one for one in found.findings if "patient" in one.columns]
    assert [(one.check, one.severity) for one in of_group] == [
        (Check.GROUP, Severity.NOTE)
    ]
    assert str(of_group[0]) == (
        "Column 'patient' says which rows stay together, and is published with the "
        "others. Test rows are of other groups than it names in the training part. No "
        "model learns from it what holds for them."
    )
    assert "patient" not in {one.column for one in found.telling}
    assert found.features == 3
    assert found.baseline is not None
    assert found.baseline < 0.85


def test_a_column_of_files_that_lie_beside_the_table_is_asked_to_be_published(
    tmp_path: Path,
) -> None:
    table = frame().with_columns(
        photo=pl.concat_str(pl.lit("in/"), pl.int_range(400) % 150, pl.lit(".png"))
    )
    (tmp_path / "in").mkdir()
    for n in range(150):
        (tmp_path / "in" / f"{n}.png").write_bytes(b"x")
    found = report(tmp_path, table)
    [one] = [one for one in found.findings if "photo" in one.columns]
    assert (one.check, one.severity) == (Check.NAMES_FILES, Severity.WARNING)
    assert one.is_private
    assert str(one) == (
        "Column 'photo' names files that lie beside the table, and they are not "
        "published: others have their names alone. To publish them too, say "
        'files="photo"; or leave the column out.'
    )


@pytest.mark.parametrize(
    "names",
    [
        ["a.png", "gone.png"],
        ["a.png"],
        ["in", "in/b"],
        ["../a.png", "b.png"],
        ["a.png", "x" * 5_000],
        ["a.png", "b\0.png"],
    ],
)
def test_other_words_are_no_names_of_files(tmp_path: Path, names: list[str]) -> None:
    here = tmp_path / "here"
    here.mkdir()
    for folder in (tmp_path, here):
        (folder / "a.png").write_bytes(b"x")
        (folder / "b.png").write_bytes(b"x")
    (here / "in").mkdir()
    assert check_names("x", pl.Series(["", *names]), here) is None


# --- as it is published ---

FINDINGS = st.builds(
    Finding,
    st.sampled_from(Check),
    st.sampled_from(Severity),
    st.text(st.characters(exclude_categories=["Cs"])),
    columns=st.lists(st.text(st.characters(exclude_categories=["Cs"])), max_size=2).map(
        tuple
    ),
    classes=st.lists(
        st.lists(st.text(st.characters(exclude_categories=["Cs"]))).map(tuple),
        max_size=2,
    ).map(tuple),
    rows=st.lists(st.integers(0, 2**53), max_size=2).map(tuple),
    count=st.integers(0, 2**53),
    has_more_rows=st.booleans(),
    is_private=st.booleans(),
)


def some(findings: tuple[Finding, ...] = ()) -> Report:
    return Report(8, 2, 3, {"a": 4, "b": 4}, 0.5, None, 0.25, 2.0, (), findings)


@given(st.lists(FINDINGS, max_size=4).map(tuple))
def test_a_report_reads_back_as_it_was_written(findings: tuple[Finding, ...]) -> None:
    assert Report.from_json(some(findings).to_json()) == some(findings)


@given(st.lists(FINDINGS, max_size=4).map(tuple))
def test_what_is_private_is_in_nothing_that_is_published(
    findings: tuple[Finding, ...],
) -> None:
    public = some(findings).public()
    assert not any(one.is_private for one in public.findings)
    assert public.public() == public
    assert not any(one.hint for one in public.findings)
    assert [one.mark for one in public.findings if one.severity == "confirm"] == [
        "Beware" for one in findings if one.severity == "confirm" and not one.is_private
    ]


def test_lines_are_told_to_whoever_has_the_table_and_published_to_nobody(
    tmp_path: Path,
) -> None:
    table = frame(40).with_columns(note=pl.lit("one\nmore"))
    found = report(tmp_path, pl.concat([table, table[:1]]), stratified=True)
    named = [one for one in found.findings if one.rows]
    assert named
    for one in named:
        assert one.lines == tuple(2 * row for row in one.rows)
        assert one.told_rows.endswith(f"{one.lines[-1]}).")
        assert " (line" in one.told_rows
    assert b'"lines"' not in found.to_json()


def test_a_report_reads_well_in_a_terminal_and_speaks_python() -> None:
    [few] = check_size(2, 0.25)
    assert str(some((few,))) == (
        "8 training rows\n2 test rows\n3 columns\n"
        "Always saying the commonest class is right for 50.0% of the training rows.\n"
        "2 test rows tell accuracies apart that differ by 25.0%.\n"
        "Look at this: There are 2 test rows; differences below 25.0% cannot be seen: "
        "who wins is partly chance. Test more rows: raise fraction=, or add some."
    )


def test_a_report_of_before_there_were_lists_of_classes_is_read() -> None:
    one = Finding(Check.TWINS, Severity.CONFIRM, "x")
    document = json.loads(some((one,)).to_json())
    del document["findings"][0]["classes"]
    assert Report.from_json(json.dumps(document).encode()) == some((one,))


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.text(), inner, max_size=2)
    ),
    max_leaves=4,
)


@given(st.data())
def test_any_value_in_any_place_of_a_report_is_read_or_refused(
    data: st.DataObject,
) -> None:
    finding = Finding(Check.INDEX, Severity.NOTE, "x")
    document = json.loads(some((finding,)).to_json())
    place = data.draw(st.sampled_from([document, document["findings"][0]]))
    key = data.draw(st.sampled_from([*place]))
    place[key] = data.draw(VALUES)
    try:
        Report.from_json(json.dumps(document).encode())
    except DataError as error:
        assert "report" in error.message  # either is right


@pytest.mark.parametrize("data", [b"", b"[]", b"null", b"\xff", b'{"version": 2}'])
def test_what_is_no_report_is_refused(data: bytes) -> None:
    with pytest.raises(DataError, match="report"):
        Report.from_json(data)


def test_every_check_is_told_in_words_by_the_program_and_in_the_guide() -> None:
    assert list(WHAT) == list(Check)
    guide = (Path(__file__).parents[2] / "docs" / "requesters.md").read_text()
    for check, what in WHAT.items():
        assert f"| `{check}` | {what} |" in guide
