# SPDX-License-Identifier: Apache-2.0
"""Power cuts while a trainer enters a request: after a restart it has entered once."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from modelmarket.agent.trainer import Rules, Trainer, Verdict
from modelmarket.market import Market, VerifiedRequest
from support import contests, crashes
from support.contests import PEOPLE, tree_of
from support.crashes import Town


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    with crashes.town(tmp_path / "people", PEOPLE) as found:
        contests.table_at(found.place.folder / "points.csv")
        yield found


def create(market: Market) -> None:
    source = contests.source(market.home.path.parent / "points.csv")
    market.create_contest(source, reward=contests.REWARD, name="points")


def train(request: VerifiedRequest) -> object:
    return tree_of(request, 3)


def look(market: Market) -> None:
    """What a trainer does when it starts; whatever it is, it is decided."""
    [decision] = Trainer(market, Rules(seconds=3), train=train).look()
    assert decision.verdict in (Verdict.ENTERED, Verdict.ENTERED_BEFORE), decision


def test_a_power_cut_at_any_point_enters_no_request_twice(
    town: Town, capsys: pytest.CaptureFixture[str]
) -> None:
    town.play(("rita", create))
    cuts = town.cut("trainer: enter", "ann", look)
    with capsys.disabled():
        sys.stdout.write(f"\n{cuts}")
    done = town.state()
    # Once all is in the chain it looks again and again, and leaves it at that.
    assert crashes.run(town.users["ann"], look) is not None
    assert town.state() == done
    assert town.place.verified.submission_count() == 1
