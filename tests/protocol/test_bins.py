# SPDX-License-Identifier: Apache-2.0
"""Numbers fall into bins, the same ones wherever they are looked for."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelmarket.errors import DataError, InputError
from modelmarket.protocol.bins import (
    MOST_BINS,
    Binning,
    Bins,
    coarseness,
    parse_bins,
)
from modelmarket.system.text import counted, measured

NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
THREE = Bins(("1", "2.5", "4"), (2.0, 3.0))


def make(labels: list[str], bins: int, *, is_even: bool = False) -> Bins:
    return Binning(bins, is_even).of(labels, [1] * len(labels))


@pytest.mark.parametrize(
    ("number", "code"),
    [
        *(("-1e300", 0), ("2", 0), ("2.0000000000000001", 0), (" 2.5 ", 1)),
        *(("2.0000000000000005", 1), ("3", 1), ("3.0000000000000005", 2)),
        *(("1e300", 2), ("-0.0", 0)),
    ],
)
def test_a_bin_ends_with_its_edge(number: str, code: int) -> None:
    assert THREE.encode([number]).tolist() == [code]


@pytest.mark.parametrize(
    "text", ["", "nan", "inf", "-inf", "1e999", "two", "1_0", "٣", "0x1"]
)
def test_what_is_no_finite_number_is_refused_with_its_row(text: str) -> None:
    assert not THREE.knows(text)
    with pytest.raises(DataError, match="Row 8: .* is no finite number"):
        THREE.encode(["1", text], row=lambda place: f"Row {place + 6}")


@pytest.mark.parametrize(
    ("names", "edges"),
    [
        (("1",), ()),
        (("1", "2"), ()),
        (("1", "2"), (1.5, 1.7)),
        (("1", "2"), (2.0,)),
        (("1", "2"), (0.5,)),
        (("1", "2"), (math.nan,)),
        (("1", "2"), (math.inf,)),
        (("2", "1"), (1.5,)),
        (("1", "1.0"), (1.0,)),
        (("1", "two"), (1.5,)),
        (("1", "nan"), (1.5,)),
        (("1", "inf"), (1.5,)),
        (("-inf", "1"), (0.5,)),
        (("1", "1"), (1.0,)),
        (("1", "2", "3"), (2.0, 2.0)),
    ],
)
def test_bins_hold_the_numbers_that_they_are_called_by(
    names: tuple[str, ...], edges: tuple[float, ...]
) -> None:
    with pytest.raises(DataError):
        Bins(names, edges)


def test_a_number_may_stand_on_the_edge_that_ends_its_bin() -> None:
    assert Bins(("1", "2"), (1.0,)).encode(["1", "1.1"]).tolist() == [0, 1]


@given(
    st.lists(NUMBERS, min_size=2, max_size=40),
    st.integers(2, 50),
    st.booleans(),
    st.lists(NUMBERS, max_size=20),
)
def test_every_number_falls_into_the_bin_whose_edges_it_lies_between(
    learnt: list[float], bins: int, is_even: bool, others: list[float]
) -> None:
    """Held against fractions, which know no rounding."""
    labels = list(map(repr, learnt))
    if len(set(learnt)) == 1:
        with pytest.raises(DataError, match="are the same number"):
            make(labels, bins, is_even=is_even)
        return
    made = make(labels, bins, is_even=is_even)
    assert 2 <= len(made) <= bins
    assert made.encode(made.names).tolist() == list(range(len(made)))
    bounds = [Fraction(one) for one in made.edges]
    for number in [*learnt, *others]:
        [code] = made.encode([repr(number)]).tolist()
        assert code == sum(edge < Fraction(number) for edge in bounds)
    # No bin is without a training row, and its number is one of theirs.
    assert set(made.encode(labels).tolist()) == set(range(len(made)))
    assert {float(one) for one in made.names} <= set(learnt)


@given(
    st.lists(st.integers(-50, 50), min_size=2, max_size=60).filter(
        lambda numbers: len(set(numbers)) > 1
    ),
    st.integers(2, 12),
)
def test_filled_bins_are_as_even_as_equal_numbers_allow(
    learnt: list[int], bins: int
) -> None:
    """Each edge stands where the rows below it are nearest to what is wanted."""
    made = make(list(map(str, learnt)), bins)
    values = sorted(set(learnt))
    below = [sum(one <= value for one in learnt) for value in values[:-1]]
    ends = [sum(one <= edge for one in learnt) for edge in made.edges]
    assert set(ends) <= set(below)
    for at in range(1, bins):
        wanted = Fraction(at * len(learnt), bins)
        nearest = min(abs(one - wanted) for one in [*below, len(learnt)])
        reached = min(abs(one - wanted) for one in [*ends, len(learnt)])
        assert reached == nearest


def test_bins_of_one_width_end_where_the_range_is_parted() -> None:
    made = make([str(one) for one in range(101)], 4, is_even=True)
    assert made.edges == (25.0, 50.0, 75.0)
    assert made.names == ("12", "38", "63", "88")


def test_a_bin_without_rows_is_part_of_the_one_above_it() -> None:
    made = make(["0", "1", "99", "100"], 4, is_even=True)
    assert made.edges == (75.0,)
    made = make(["0", "30", "100"], 4, is_even=True)
    assert made.edges == (25.0, 75.0)


@pytest.mark.parametrize("bins", [2, 3, 20, 999])
def test_numbers_that_are_hardly_apart_are_parted(bins: int) -> None:
    first = 1e15
    second = math.nextafter(first, math.inf)
    made = make([repr(first), repr(second)], bins, is_even=True)
    assert made.edges == (first,)
    several = [1 + one * 2.0**-52 for one in range(6)]
    made = make(list(map(repr, several)), bins, is_even=True)
    assert sorted(made.edges) == list(made.edges)
    assert np.unique(made.codes_of(np.array(several))).size == len(made)


def test_as_many_training_rows_count_as_there_are() -> None:
    made = Binning(2).of(["1", "2", "3", "9"], [1, 1, 1, 90])
    assert made.edges == (6.0,)
    assert made.names == ("2", "9")
    # Such as stand in the test part alone tell nothing.
    assert Binning(2).of(["1", "2", "7"], [5, 5, 0]).names == ("1", "2")


@pytest.mark.parametrize("bins", [2, MOST_BINS])
def test_there_are_two_bins_at_least_and_as_many_as_classes_at_most(bins: int) -> None:
    assert Binning(bins).bins == parse_bins(str(bins)) == bins
    for wrong in (1, MOST_BINS + 1):
        with pytest.raises(InputError, match=f"into {counted(wrong, 'bin')}"):
            Binning(wrong)
        with pytest.raises(InputError, match="Numbers cannot be put|is no number of"):
            parse_bins(str(wrong))


@pytest.mark.parametrize("text", ["", "-2", "2.0", "٣", "9" * 5_000, "many"])
def test_a_number_of_bins_is_a_whole_one(text: str) -> None:
    with pytest.raises(InputError, match="is no number of bins"):
        parse_bins(text)


@given(
    st.lists(st.integers(-100, 100), min_size=2, max_size=30).filter(
        lambda numbers: len(set(numbers)) > 1
    ),
    st.integers(2, 9),
)
def test_what_bins_lose_is_what_their_numbers_are_off_by(
    learnt: list[int], bins: int
) -> None:
    labels = list(map(str, learnt))
    made = make(labels, bins)
    off = np.array(learnt) - made.numbers[made.encode(labels)]
    lost = coarseness(made, labels, [1] * len(labels))
    assert lost.mean_absolute == pytest.approx(np.abs(off).mean())
    assert lost.root_mean_square == pytest.approx(np.sqrt((off**2).mean()))
    best = min(np.abs(np.array(learnt) - one).mean() for one in learnt)
    assert lost.median == pytest.approx(best)
    assert f"off by {measured(lost.mean_absolute)} on average" in lost.line
