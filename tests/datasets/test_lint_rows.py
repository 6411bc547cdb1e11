# SPDX-License-Identifier: Apache-2.0
"""Rows that come again are counted, named, and told for what they are worth."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelmarket.datasets.lint.equals import Equals
from modelmarket.datasets.lint.findings import (
    MOST_ROWS_NAMED,
    Check,
    Finding,
    Severity,
    tells,
)
from modelmarket.datasets.lint.rows import named_groups
from support.lint import Rows, between

# --- rows that come again ---


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
        "looked up if it is the same.",
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


def test_whole_numbers_that_differ_in_their_last_digits_are_no_equals() -> None:
    rows = [[10**18 + n, "x"] for n in range(60)]
    assert not between(rows[:40], rows[40:])
    checks = {one.check for one in between(rows[:40], rows[30:])}
    assert Check.DUPLICATES_ACROSS in checks


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
