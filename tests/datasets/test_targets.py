# SPDX-License-Identifier: Apache-2.0
"""The numbers of a training part as targets: as exact as their bits allow."""

from __future__ import annotations

from fractions import Fraction
from statistics import median

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelmarket.datasets.targets import MARGIN, deviation, number_target, variance
from modelmarket.errors import DataError
from modelmarket.protocol.schema import NumberTarget


def test_numbers_keep_the_digits_that_they_are_written_with() -> None:
    target = number_target(["1", "2.5", "100"], 16)
    assert target.step == Fraction(1, 10)
    assert target.decode(target.encode(["1", "2.5", "100"])) == ["1", "2.5", "100"]


def test_numbers_of_too_many_digits_get_a_round_step() -> None:
    assert number_target(["0", "0.123456", "1e6"], 8).step == 5_000
    assert number_target(["0", "1e6"], 32).step == 1


@pytest.mark.parametrize("bits", [8, 16, 32])
def test_the_step_is_exact_up_to_the_last_range_that_it_can_span(bits: int) -> None:
    # A range and an eighth of it on either side, in all but one of the steps there are.
    most = (2**bits - 2) * 4 // 5
    assert number_target(["0", "1", str(most)], bits).step == 1
    assert number_target(["0", "1", str(most + 1)], bits).step > 1


labels = st.lists(
    st.decimals(-(10**9), 10**9, places=3).map(str), min_size=2, max_size=30
).filter(lambda found: len({float(one) for one in found}) > 1)


@given(labels, st.sampled_from([8, 16, 32]))
def test_any_training_number_comes_back_within_half_a_step(
    found: list[str], bits: int
) -> None:
    target = number_target(found, bits)
    targets = target.encode(found)
    top = 2**bits - 1
    values = [Fraction(one) for one in found]
    margin = (max(values) - min(values)) * MARGIN
    for value, code, text in zip(
        values, targets.tolist(), target.decode(targets), strict=True
    ):
        assert abs(Fraction(text) - value) <= target.step / 2
        assert 0 < code < top
    # What lies beyond by less than the margin has a target, too.
    assert target.offset <= min(values) - margin
    assert target.offset + target.step * top >= max(values) + margin


@given(labels, st.sampled_from([8, 16, 32]))
def test_values_are_the_doubles_nearest_to_the_decimals(
    found: list[str], bits: int
) -> None:
    target = number_target(found, bits)
    targets = target.encode(found)
    assert target.values(targets).tolist() == list(map(float, target.decode(targets)))


def test_values_beyond_what_doubles_hold_exactly_are_the_nearest() -> None:
    target = NumberTarget(Fraction(1, 10**25), Fraction(3, 10**25), 32)
    targets = np.array([0, 1, 2**32 - 1], dtype=np.uint32)
    assert target.values(targets).tolist() == list(map(float, target.decode(targets)))


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (["1", "x"], "'x' is no number"),
        (["1", ""], "'' is no number"),
        (["3", "3.0"], "the same number"),
        (["1e-29", "1e-30"], "no number"),
    ],
)
def test_what_cannot_be_predicted_is_named(found: list[str], said: str) -> None:
    with pytest.raises(DataError, match=said):
        number_target(found, 16)


@given(st.lists(st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 5)), min_size=1))
def test_deviation_and_variance_are_what_median_and_mean_are_off_by(
    rows: list[tuple[int, int]],
) -> None:
    targets = [one for one, count in rows for _ in range(count)]
    values, counts = zip(*rows, strict=True)
    if targets:
        middle = median(sorted(targets))
        found = deviation(np.array(values, np.uint32), np.array(counts, np.int64))
        off = sum(abs(Fraction(one) - Fraction(middle)) for one in targets)
        assert found == off / len(targets)
        mean = Fraction(sum(targets), len(targets))
        squares = sum((one - mean) ** 2 for one in targets)
        arrays = np.array(values, np.uint32), np.array(counts, np.int64)
        assert variance(*arrays) == squares / len(targets)
