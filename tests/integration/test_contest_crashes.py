# SPDX-License-Identifier: Apache-2.0
"""Power cuts in the life of a verified contest, with somebody who lies and somebody
who serves nothing: after a restart nothing is lost, nothing is done twice, every step
is taken, and every lie is refuted.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from modelmarket.market import Market, VerifiedRequest
from modelmarket.market.verified.watching import PATIENCE
from modelmarket.protocol.phases import Failure, Phase, Status
from modelmarket.protocol.records import SubmissionRecord
from modelmarket.protocol.types import SubmissionId
from support import contests, crashes
from support.contests import PEOPLE, corrected
from support.crashes import EVERY, Town, work

FEW = 4 * EVERY if EVERY > 1 else 1
"""Most steps have fewer points: one cut each is made in the short run."""

BEST, WORSE, LIE, GHOST = (SubmissionId.parse(f"v{n}") for n in range(1, 5))


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    people = (*PEOPLE, "eve")
    with crashes.town(tmp_path / "people", people, unserved=("eve",)) as found:
        contests.table_at(found.place.folder / "points.csv")
        yield found


@pytest.fixture
def closing() -> Iterator[ExitStack]:
    with ExitStack() as found:
        yield found


def create(market: Market) -> None:
    source = contests.source(market.home.path.parent / "points.csv")
    market.create_contest(source, reward=contests.REWARD, name="points")


def enter(market: Market) -> None:
    contests.enter(market, depth=4)


def enter_worse(market: Market) -> None:
    contests.enter(market, depth=1)


@dataclass(frozen=True)
class Claim:
    """Claims so many rows less than there are.

    Attributes:
        number: Of the submission.
        short: Rows.
    """

    number: str
    short: int

    def __call__(self, market: Market) -> None:
        rows = market.request("v1").terms.rows
        market.submission(self.number).claim(rows - self.short)


@dataclass(frozen=True)
class ShowCorrected:
    """Shows a model beside predictions that were mended by hand.

    Attributes:
        number: Of the submission.
        wrong: Rows that are left as the model has them.
    """

    number: str
    wrong: int

    def __call__(self, market: Market) -> None:
        one = market.submission(self.number)
        one.show(corrected(one, self.wrong))


def demand(market: Market) -> None:
    """Out of spite: the model is served."""
    market.submission("v1").demand()


def test_a_power_cut_at_any_point_of_a_contest_loses_nothing_and_misses_no_lie(
    town: Town,
    closing: ExitStack,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def cut(step: str, name: str, act: crashes.Act = work) -> None:
        cuts = town.cut(f"contest: {step}", name, act, every=FEW)
        with capsys.disabled():
            sys.stdout.write(f"\n{cuts}")

    def look() -> VerifiedRequest:
        """As rita sees it, after whatever happened to her home."""
        return closing.enter_context(town.users["rita"].start()).request("v1")

    def record(number: SubmissionId) -> SubmissionRecord:
        return look().submission(number).record

    cut("create", "rita", create)
    cut("enter", "ann", enter)
    town.play(("ann", enter_worse), ("ben", enter_worse), ("eve", enter_worse))
    town.place.move_to(look().record.deadline)
    cut("open the key", "rita")
    town.play(("ben", Claim("v3", short=0)), ("eve", Claim("v4", short=1)))
    cut("claim", "ann")
    town.place.move_to(look().position().step_ends)

    town.play(("ben", ShowCorrected("v3", wrong=0)))
    cut("refute", "ann")
    assert record(LIE).failure is Failure.REFUTED

    town.play(("eve", ShowCorrected("v4", wrong=1)))
    table = look().record.timetable
    town.place.move_to(table.began + table.window_s // PATIENCE)
    cut("demand", "ann")
    town.place.move_to(table.answers_end)
    cut("enforce, take the bond back, show", "ann")
    assert record(GHOST).failure is Failure.WITHHELD

    town.play(("rita", demand))
    cut("answer", "ann")
    town.place.move_to(look().record.timetable.ends)
    cut("settle", "rita")
    cut("withdraw", "ann")

    done = look()
    assert done.record.stage is Phase.FULFILLED
    assert done.record.winner == BEST
    assert record(WORSE).status is Status.WITHDRAWN
    place = town.place
    assert place.coin.balance(place.verified.address) == place.verified.slashed()
    assert contests.promises(done.market) == []
