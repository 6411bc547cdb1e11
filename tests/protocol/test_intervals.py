# SPDX-License-Identifier: Apache-2.0
"""What luck can do to a rate is told as the literature does."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelmarket.protocol.intervals import wilson


@pytest.mark.parametrize(
    ("matches", "rows", "low", "high"),
    [(0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0), (81, 263, 0.2553, 0.3662)],
)
def test_intervals_are_those_of_the_literature(
    matches: int, rows: int, low: float, high: float
) -> None:
    """The last one is R. G. Newcombe's example, Stat. Med. 17 (1998), table I."""
    assert wilson(matches, rows) == pytest.approx((low, high), abs=1e-4)


@given(st.integers(1, 10**6), st.data())
def test_an_interval_holds_its_rate(rows: int, data: st.DataObject) -> None:
    matches = data.draw(st.integers(0, rows))
    low, high = wilson(matches, rows)
    assert 0 <= low <= matches / rows + 1e-12
    assert matches / rows - 1e-12 <= high <= 1
