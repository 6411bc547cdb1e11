# SPDX-License-Identifier: Apache-2.0
"""Lengths of time as people write them, read exactly or refused in words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelmarket.errors import InputError
from modelmarket.protocol.terms import A_YEAR_S, parse_duration

UNITS = {"s": 1, "min": 60, "minutes": 60, "h": 3_600, "hours": 3_600, "days": 86_400}


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("60", 3_600),
        (" 0.5 ", 30),
        ("90 min", 5_400),
        ("90min", 5_400),
        ("1 h 30 min", 5_400),
        ("1h30m", 5_400),
        ("36 hours", 129_600),
        ("1.5 Days", 129_600),
        ("1 day, 12 hours", 129_600),
        ("2 weeks", 1_209_600),
        ("525600", A_YEAR_S),
        ("365 days", A_YEAR_S),
    ],
)
def test_a_length_of_time_is_read_as_it_is_written(text: str, seconds: int) -> None:
    assert parse_duration(text) == seconds


@given(st.integers(1, 365), st.sampled_from(sorted(UNITS)))
def test_a_number_counts_in_its_unit(number: int, unit: str) -> None:
    assert parse_duration(f"{number} {unit}") == number * UNITS[unit]


@pytest.mark.parametrize(
    "text",
    [
        *("", "soon", "h", "1/0", "1e400", "1e999999999", "-1", "0", "3 months", "1 1"),
        *("\N{ARABIC-INDIC DIGIT THREE} days", "1 h 30", "day 1", "9" * 5_000),
    ],
)
def test_what_is_no_length_of_time_is_refused_with_examples(text: str) -> None:
    with pytest.raises(InputError, match="is no length of time") as caught:
        parse_duration(text)
    assert caught.value.hint == "Write it as 90 min, 36 hours or 3 days."


@pytest.mark.parametrize("text", ["525601", "366 days", "53 weeks"])
def test_more_than_a_year_is_said_to_be_that(text: str) -> None:
    with pytest.raises(InputError, match="is more than a year"):
        parse_duration(text)
