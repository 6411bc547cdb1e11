# SPDX-License-Identifier: Apache-2.0
"""Points of the four kinds, held against the table of the text."""

from __future__ import annotations

import math
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from eth_hash.auto import keccak
from hypothesis import assume, given
from hypothesis import strategies as st

from modelmarket.errors import InputError, TermsError
from modelmarket.protocol.point_kinds import Error, Kind
from modelmarket.protocol.points import (
    MOST_CAP,
    MOST_SCORE,
    Scoring,
    group_points,
    weight_words,
    weights_hash,
)
from modelmarket.protocol.schema import shown

NUMBER = st.one_of(st.integers(0, 40), st.integers(0, 2**32 - 1))
ROWS = st.lists(st.tuples(NUMBER, NUMBER), min_size=1, max_size=20)


def one_row(scoring: Scoring, target: int, prediction: int) -> int:
    steps = abs(prediction - target) // scoring.step
    match scoring.kind:
        case Kind.ACCURACY:
            return int(target == prediction)
        case Kind.WEIGHTED:
            right = target == prediction and target < scoring.outputs
            return scoring.weights[target] if right else 0
        case Kind.ABSOLUTE:
            return max(0, scoring.cap - steps)
        case Kind.SQUARED:
            return scoring.cap**2 - min(scoring.cap, steps) ** 2


@pytest.mark.parametrize("kind", Kind)
@given(rows=ROWS, cap=st.integers(1, 2**16), step=st.integers(1, 2**70))
def test_points_are_those_of_the_table(
    kind: Kind, rows: list[tuple[int, int]], cap: int, step: int
) -> None:
    scoring = Scoring(kind, 3, cap, step, weights=(0, 7, cap))
    targets, predictions = np.array(rows, dtype=np.uint32).T
    points = scoring.points(targets, predictions)
    assert points.tolist() == [one_row(scoring, *row) for row in rows]
    assert scoring.score(targets, predictions) == sum(points.tolist())
    assert 0 <= np.min(points) <= np.max(points) <= max(scoring.most, 7)


def test_a_target_beyond_the_outputs_scores_nothing() -> None:
    scoring = Scoring(Kind.WEIGHTED, 2, cap=5, weights=(5, 5))
    rows = np.array([1, 2, 3], dtype=np.uint32)
    assert scoring.points(rows, rows).tolist() == [5, 0, 0]


def test_lists_of_different_lengths_are_not_compared() -> None:
    with pytest.raises(InputError, match="2 predictions cannot be compared with 3"):
        Scoring(Kind.ACCURACY, 2).points(np.zeros(3, np.uint32), np.zeros(2, np.uint32))


@given(
    counts=st.lists(st.integers(1, 1_000), min_size=2, max_size=9),
    factor=st.integers(1, 50),
)
def test_rows_without_a_mistake_are_worth_what_their_weights_say(
    counts: list[int], factor: int
) -> None:
    """Weights come of rows of each class, and there are as many of each again."""
    rarest = min(counts)
    weights = tuple(max(1, round(100 * rarest / one)) for one in counts)
    scoring = Scoring(Kind.WEIGHTED, len(counts), max(weights), weights=weights)
    there = [factor * one for one in counts]
    truth = np.repeat(np.arange(len(counts), dtype=np.uint32), there)
    exact = scoring.score(truth, truth)
    told = scoring.flawless(len(truth))
    # Weights are whole numbers: of the commonest classes off by half of one at most.
    off = max(
        abs(w * n / (100 * rarest) - 1) for w, n in zip(weights, counts, strict=True)
    )
    assume(off < 1)
    assert exact / (1 + off) ** 2 - 1 <= told <= exact / (1 - off) ** 2 + 1


@pytest.mark.parametrize("kind", set(Kind) - {Kind.WEIGHTED})
def test_rows_without_a_mistake_have_the_most_points_where_all_count_alike(
    kind: Kind,
) -> None:
    scoring = Scoring(kind, 1 if kind.is_regression else 3, 40)
    assert scoring.flawless(7) == 7 * scoring.most


def test_groups_sum_up_their_rows() -> None:
    points = np.arange(200, dtype=np.int64)
    assert group_points(points, 32).tolist() == [
        sum(range(64)),
        sum(range(64, 128)),
        sum(range(128, 192)),
        sum(range(192, 200)),
    ]


def test_weights_stand_eight_to_a_word() -> None:
    words = weight_words(range(1, 10))
    assert len(words) == 64
    assert words[:8] == bytes([0, 0, 0, 1, 0, 0, 0, 2])
    assert words[32:] == bytes([0, 0, 0, 9]) + bytes(28)
    assert weights_hash(range(1, 10)) == keccak(words)
    for wrong in (-1, 2**32):
        with pytest.raises(InputError, match="A weight is 0 to"):
            weight_words([wrong])


CLASSES = Scoring(Kind.ACCURACY, 4)
WEIGHTED = Scoring(Kind.WEIGHTED, 2, cap=9, weights=(0, 9))
ABSOLUTE = Scoring(Kind.ABSOLUTE, 1, cap=2**16)
SQUARED = Scoring(Kind.SQUARED, 1, cap=2**10)


@pytest.mark.parametrize(
    ("scoring", "rows", "bits"),
    [
        (CLASSES, 2**32 - 1, 2),
        (replace(CLASSES, outputs=2), 1, 1),
        (replace(CLASSES, outputs=256), 1, 8),
        (replace(CLASSES, outputs=256), 1, 16),
        (WEIGHTED, (2**32 - 1) // 9, 1),
        (ABSOLUTE, 2**16 - 1, 32),
        (SQUARED, 2**12 - 1, 8),
        (replace(SQUARED, cap=2**16 - 1), 1, 8),
    ],
)
def test_what_is_within_the_bounds_is_taken(
    scoring: Scoring, rows: int, bits: int
) -> None:
    scoring.check(rows, bits)


@pytest.mark.parametrize(
    ("scoring", "rows", "bits", "said"),
    [
        (CLASSES, 2**32, 2, "would pass"),
        (CLASSES, 1, 1, "there may be 2 to 2"),
        (replace(CLASSES, outputs=1), 1, 1, "there may be 2 to 2"),
        (replace(CLASSES, outputs=257), 1, 16, "there may be 2 to 256"),
        (CLASSES, 1, 32, "A class cannot"),
        (CLASSES, 1, 3, "A class cannot"),
        (WEIGHTED, (2**32 - 1) // 9 + 1, 1, "would pass"),
        (replace(WEIGHTED, cap=8), 1, 1, "greatest weight"),
        (replace(WEIGHTED, cap=10), 1, 1, "greatest weight"),
        (replace(WEIGHTED, weights=(9,)), 1, 1, "1 weights do not go"),
        (replace(WEIGHTED, weights=(0, 0)), 1, 1, "greatest weight"),
        (replace(WEIGHTED, weights=(0, 0), cap=0), 1, 1, "The cap is"),
        (ABSOLUTE, 2**16, 32, "would pass"),
        (replace(ABSOLUTE, cap=2**16 + 1), 1, 32, "The cap is"),
        (replace(ABSOLUTE, cap=0), 1, 32, "The cap is"),
        (replace(ABSOLUTE, step=0), 1, 32, "A step is"),
        (replace(ABSOLUTE, outputs=2), 1, 32, "there may be 1 to 1"),
        (ABSOLUTE, 1, 4, "A number cannot"),
        (SQUARED, 2**12, 8, "would pass"),
        (replace(SQUARED, cap=2**16), 1, 8, "would pass"),
    ],
)
def test_what_is_beyond_a_bound_is_refused_in_words(
    scoring: Scoring, rows: int, bits: int, said: str
) -> None:
    with pytest.raises(TermsError, match=said):
        scoring.check(rows, bits)


@pytest.mark.parametrize("error", Error)
@given(scale=st.integers(1, 2**32 - 1), rows=st.integers(1, 2**26))
def test_points_of_errors_are_as_fine_as_the_contract_allows(
    error: Error, scale: int, rows: int
) -> None:
    scoring = Scoring.of_errors(error.kind, scale, rows)
    scoring.check(rows, 32)
    assert scoring.kind is error.kind
    # They reach the scale, and no further than its last step.
    assert (scoring.cap - 1) * scoring.step < scale <= scoring.cap * scoring.step
    if scoring.step > 1:
        finer = -(-scale // (scoring.step - 1))
        most = rows * (finer if error is Error.ABSOLUTE else finer**2)
        assert finer > MOST_CAP or most > MOST_SCORE


def test_errors_of_up_to_65_536_steps_are_exact_on_65_535_rows() -> None:
    assert Scoring.of_errors(Kind.ABSOLUTE, 2**16, 2**16 - 1).step == 1
    assert Scoring.of_errors(Kind.ABSOLUTE, 2**16, 2**16).step == 2
    assert Scoring.of_errors(Kind.ABSOLUTE, 2**16 + 1, 1).step == 2


@pytest.mark.parametrize("error", Error)
@given(
    st.lists(st.tuples(*[st.integers(0, 255)] * 2), min_size=1, max_size=9),
    st.integers(1, 300),
)
def test_whoever_is_off_by_no_more_reaches_the_least_score(
    error: Error, rows: list[tuple[int, int]], scale: int
) -> None:
    scoring = Scoring.of_errors(error.kind, scale, len(rows))
    targets, predictions = np.array(rows, dtype=np.uint32).T
    score = scoring.score(targets, predictions)
    off = [min(abs(one - other), scoring.cap) for one, other in rows]
    assert scoring.step == 1
    if error is Error.ABSOLUTE:
        mean = Fraction(sum(off), len(off))
        # Steps of 1 lose nothing: the least score is the very score.
        assert scoring.least_score(mean, len(rows)) == score
    else:
        mean = Fraction(math.sqrt(sum(one**2 for one in off) / len(off)))
        assert abs(scoring.least_score(mean, len(rows)) - score) <= 1
    assert scoring.error(score, len(rows)) == pytest.approx(float(mean))
    assert scoring.least_score(Fraction(10**9), len(rows)) == 0


@pytest.mark.parametrize("error", Error)
@given(
    st.decimals("0.0001", 500, allow_nan=False, places=4),
    st.integers(1, 3_000),
    st.sampled_from([Fraction(1), Fraction(1, 100), Fraction(7, 2)]),
    st.integers(1, 10**6),
)
def test_the_largest_error_is_told_as_it_was_typed_or_rounder(
    error: Error, typed: Decimal, rows: int, unit: Fraction, scale: int
) -> None:
    """And whoever is off by just that, on average, is sure of the score."""
    scoring = Scoring.of_errors(error.kind, scale, rows)
    score = scoring.least_score(Fraction(typed) / unit, rows)
    assume(score)
    told = scoring.largest_error(score, rows, unit)
    assert told is not None
    assert scoring.least_score(told / unit, rows) == score
    assert len(shown(told)) <= len(shown(Fraction(typed)))


@pytest.mark.parametrize("error", Error)
@given(st.integers(1, 60_000), st.integers(1, 10**6))
def test_the_least_error_is_the_first_that_costs_a_point(
    error: Error, rows: int, scale: int
) -> None:
    scoring = Scoring.of_errors(error.kind, scale, rows)
    least = Fraction(scoring.least_error(rows))
    for factor, is_less in ((Fraction(1001, 1000), True), (Fraction(999, 1000), False)):
        score = scoring.least_score(least * factor, rows)
        assert (score < scoring.flawless(rows)) is is_less


def test_a_class_that_is_worth_nothing_stops_nobody() -> None:
    """As a stranger's event may say."""
    assert Scoring(Kind.WEIGHTED, 2, 5, weights=(0, 5)).flawless(100) == 1
    assert Scoring(Kind.WEIGHTED, 2, 5, weights=(5, 5)).flawless(100) == 500


def test_an_error_below_all_others_is_told_too() -> None:
    scoring = Scoring.of_errors(Kind.ABSOLUTE, 100, 10)
    assert scoring.largest_error(1_000, 10) == 0
    assert scoring.largest_error(1_001, 10) is None
    # What takes more decimals than a number may have is not told.
    assert scoring.largest_error(999, 10, Fraction(1, 10**40)) is None
