# SPDX-License-Identifier: Apache-2.0
"""The chain takes back its last blocks in a verified contest, with somebody who lies and
somebody who serves nothing: every lie is refuted again, what is missing is demanded
again, and the contest ends as it would have.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from modelmarket import agent
from modelmarket.market.verified.watching import PATIENCE
from modelmarket.protocol.phases import Failure, Phase, Status
from modelmarket.protocol.types import SubmissionId
from support import contests, reorganising
from support.contests import REWARD, cheat_with, enter
from support.market import Place, place
from support.reorganising import DEEPEST, EVERY, bury, live_on, note, take_back

HONEST = ("rita", "ann")
BEST, WORSE, LIE, GHOST = (SubmissionId.parse(f"v{n}") for n in range(1, 5))


def work(here: Place, name: str) -> None:
    assert agent.run_once(here.markets[name])


def cheat(here: Place) -> None:
    """What the liar and the ghost do whenever they can."""
    for name, number, short in (("ben", "v3", 0), ("eve", "v4", 1)):
        cheat_with(here.markets[name].submission(number), short)


def pass_by(here: Place, second: int) -> None:
    """Time passes as it does on a chain: with more blocks than are taken back."""
    bury(here)
    here.move_to(second)


def entered(here: Place) -> None:
    """A contest with four entries, of an honest one, a liar and a ghost."""
    reorganising.settle_down(here, (*HONEST, "ben", "eve"), unserved=("eve",))
    contests.contest(here, here.markets["rita"])
    for name, depth in (("ann", 4), ("ann", 1), ("ben", 1), ("eve", 1)):
        enter(here.markets[name], depth=depth)


def opened(here: Place) -> None:
    entered(here)
    here.move_to(here.markets["ann"].request("v1").record.deadline)
    bury(here)
    work(here, "rita")


def claimed(here: Place) -> None:
    opened(here)
    cheat(here)
    work(here, "ann")


def lied(here: Place) -> None:
    """The liar shows a model beside predictions that he mended by hand."""
    claimed(here)
    pass_by(here, here.markets["ann"].request("v1").position().step_ends)
    cheat(here)


def refuted(here: Place) -> None:
    lied(here)
    work(here, "ann")
    assert here.markets["ann"].submission("v3").record.failure is Failure.REFUTED


def demanded(here: Place) -> None:
    """What the ghost has shown, a quarter of its window later."""
    refuted(here)
    cheat(here)
    table = here.markets["ann"].request("v1").record.timetable
    pass_by(here, table.began + table.window_s // PATIENCE)
    work(here, "ann")
    assert here.markets["ann"].submission("v4").record.demand is not None


def withheld(here: Place) -> None:
    """So that the honest one has its bond back, and shows its own model."""
    demanded(here)
    pass_by(here, here.markets["ann"].request("v1").record.timetable.answers_end)
    work(here, "ann")
    assert here.markets["ann"].submission("v1").record.showing is not None


def settled(here: Place) -> None:
    withheld(here)
    pass_by(here, here.markets["ann"].request("v1").record.timetable.ends)
    work(here, "rita")


PHASES: dict[str, Callable[[Place], None]] = {
    one.__name__: one
    for one in (entered, opened, claimed, lied, refuted, demanded, withheld, settled)
}


def cases() -> list[tuple[str, int]]:
    """All depths in the long run; here each in turn."""
    if EVERY:
        return [(name, n) for name in PHASES for n in range(1, DEEPEST + 1)]
    return [("claimed", 6), ("refuted", DEEPEST), ("demanded", 10), ("settled", 2)]


@pytest.mark.parametrize(("until", "depth"), cases())
def test_whatever_is_taken_back_the_contest_ends_the_same_and_no_lie_is_missed(
    tmp_path: Path, until: str, depth: int
) -> None:
    with place("anvil", tmp_path / "people") as here:
        PHASES[until](here)
        take_back(here, depth)
        live_on(here, HONEST, cheat)
        rita = here.markets["rita"]
        contest = rita.request("v1")
        record, stake = contest.record, contest.terms.stake
        assert record.stage is Phase.FULFILLED
        best, worse, lie, ghost = (
            record.submissions[one] for one in (BEST, WORSE, LIE, GHOST)
        )
        assert (best.status, worse.status) == (Status.WON, Status.WITHDRAWN)
        assert (best.paid, worse.paid) == (REWARD + stake, stake)
        assert lie.failure is Failure.REFUTED
        assert ghost.failure is Failure.WITHHELD
        assert ghost.demand is not None
        assert ghost.demand.returned == contest.terms.demand_bond
        slashed = here.verified.slashed()
        assert slashed == 2 * stake - stake // 10
        assert here.coin.balance(here.verified.address) == slashed
        for one in here.markets.values():
            one.index.rebuild()
            assert one.request("v1").record == record
        assert contests.promises(rita) == []
    note(f"contest: {until}", depth)
