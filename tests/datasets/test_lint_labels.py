# SPDX-License-Identifier: Apache-2.0
"""What is odd about classes, and how much a score will say."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelmarket.datasets.lint.findings import (
    Check,
    Finding,
    Report,
    Severity,
)
from modelmarket.datasets.lint.labels import (
    check_absent,
    check_classes,
    check_size,
    guess_bits,
    resolution,
)
from support.lint import some

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
        "There are 99 test rows; differences below 10.0 percentage points cannot be "
        "seen: who wins is partly chance."
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
