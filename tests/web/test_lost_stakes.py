# SPDX-License-Identifier: Apache-2.0
"""What became of a stake is said to its owner, wherever she looks, and why."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from modelmarket import agent
from modelmarket.protocol.actions import CancelSubmission
from modelmarket.protocol.phases import Phase, Status
from modelmarket.protocol.types import Wei
from modelmarket.web.ranking import Own
from modelmarket.web.workspace import Workspace
from protocol.test_steps import request, submission
from support.contests import contest, enter
from support.market import Place, place
from support.visits import Tab, visiting, words

SHARE, STAKE = Wei(3 * 10**18), Wei(4 * 10**18)
BACK = "its stake of 4 MDC is back"


def shown(tab: Tab, *pages: str) -> list[str]:
    """What pages say, once what there is has been looked at."""
    tab.workspace.market.look()
    return [words(tab.get(page).text) for page in pages]


@contextmanager
def entered(folder: Path, *, is_verified: bool) -> Iterator[tuple[Place, Tab, str]]:
    """A request that ann has entered once, at its deadline, with its number; and her
    page, whose agent does nothing.
    """
    with place("embedded", folder) as here:
        rita, ann = here.join("rita"), here.join("ann")
        if is_verified:
            number = str(contest(here, rita).id)
            enter(ann, number)
        else:
            request = here.create(rita)
            here.submit(ann, request.id)
            number = str(request.id)
        with visiting(Workspace(ann)) as tab:
            tab.workspace.stop()
            here.move_to(rita.request(number).record.deadline)
            agent.run_once(rita)
            yield here, tab, number


@pytest.mark.parametrize("is_verified", [False, True], ids=["predictions", "verified"])
def test_a_stake_whose_score_was_never_claimed_is_told_to_be_lost(
    tmp_path: Path, is_verified: bool
) -> None:
    with entered(tmp_path, is_verified=is_verified) as (here, tab, number):
        rita = here.markets["rita"]
        staked = "5" if is_verified else "1"
        lost = f"Its stake of {staked} MDC is lost"
        [claiming] = shown(tab, f"/requests/{number}")
        assert lost not in claiming
        ends = rita.request(number).position().step_ends
        # While nobody has ended the wait it is as lost as afterwards.
        here.move_to(ends)
        [waiting] = shown(tab, f"/requests/{number}")
        agent.run_once(rita)
        tabs = [f"/requests/{number}{one}" for one in ("", "/ranking", "/activity")]
        overview, ranking, told, account = shown(tab, *tabs, "/activity")
        tab.become(rita.wallet.address)
        [others] = shown(tab, tabs[1])
    for said in (waiting, overview):
        assert f"#{number}: no score was claimed in time" in (said)
        assert f"{lost}." in said
    everybodys = (
        f"1 submission lost its stake of {staked} MDC: no score was claimed in time."
    )
    assert everybodys in ranking
    assert "Yours: " in ranking
    assert everybodys in others
    assert "Yours: " not in others
    unclaimed = "of submissions whose score was not claimed in time"
    assert f"{staked} MDC of stakes are lost: {unclaimed}." in told
    assert f"−{staked} MDC locked, and lost since: no score was claimed in time" in (
        account
    )


def test_an_entry_that_was_cancelled_late_is_not_said_to_have_failed(
    tmp_path: Path,
) -> None:
    with entered(tmp_path, is_verified=False) as (here, tab, _):
        ann = here.markets["ann"]
        agent.run_once(ann)
        [mine] = ann.request(1).submissions()
        ann.do(
            CancelSubmission(
                mine.request.id, mine.id, mine.record.seal, accept_slash=True
            )
        )
        pages = shown(tab, "/requests/1", "/requests/1/ranking", "/activity")
        overview, ranking, account = pages
    assert "#1: cancelled after the deadline, 20 matches claimed." in overview
    assert "Its stake of 1 MDC is lost." in overview
    assert "failed" not in overview + ranking
    assert "cancelled after the deadline" in ranking
    assert "locked, and lost since: it was cancelled after the deadline" in account


def test_a_claim_that_fell_is_told_why_its_stake_is_lost(tmp_path: Path) -> None:
    with entered(tmp_path, is_verified=False) as (here, tab, _):
        rita = here.markets["rita"]
        agent.run_once(here.markets["ann"])
        ends = rita.request(1).position().step_ends
        here.move_to(ends + rita.request(1).terms.opening_window_s)
        agent.run_once(rita)
        [overview] = shown(tab, "/requests/1")
    said = "Its stake of 1 MDC is lost: it did not prove its claim in time."
    assert said in overview


@pytest.mark.parametrize("is_verified", [False, True], ids=["predictions", "verified"])
def test_the_rules_say_what_a_stake_is_and_what_a_false_claim_costs(
    tmp_path: Path, is_verified: bool
) -> None:
    with entered(tmp_path, is_verified=is_verified) as (_, tab, number):
        [rules] = shown(tab, f"/requests/{number}/rules")
    staked = "5" if is_verified else "1"
    assert f"Stake{staked} MDC of each submission: they come back at once if" in rules
    wrong = "a row of it is refuted" if is_verified else "its claim is wrong"
    assert f"they are lost if its score is not claimed in time, {wrong}, its " in rules
    assert f"costs its author the stake of {staked} MDC" in rules
    if is_verified:
        assert "of which a tenth is paid to whoever refutes it" in rules
        assert "delays the end by at most 1 h 15 min" in rules


@pytest.mark.parametrize(
    ("stage", "status", "paid", "state", "got"),
    [
        (Phase.OPEN, Status.SUBMITTED, 0, "submitted", ""),
        (Phase.OPEN, Status.CANCELLED, STAKE, "cancelled", BACK),
        (Phase.FULFILLED, Status.WITHDRAWN, STAKE, "did not win", BACK),
        (Phase.REFUNDED, Status.WITHDRAWN, STAKE, "did not earn the reward", BACK),
        (Phase.FORFEITED, Status.WITHDRAWN, STAKE, "its request was forfeited", BACK),
        (
            Phase.CANCELLED,
            Status.WITHDRAWN,
            STAKE + SHARE,
            "its request was cancelled",
            f"{BACK}, with 3 MDC of the reward",
        ),
        (Phase.FULFILLED, Status.WON, 104 * 10**18, "won", "paid 104 MDC"),
    ],
)
def test_a_stake_that_came_back_is_not_called_a_payment(
    stage: Phase, status: Status, paid: int, state: str, got: str
) -> None:
    one = replace(submission(1, status), paid=Wei(paid))
    made = request(one, stage=stage)
    made = replace(made, terms=replace(made.terms, stake=STAKE))
    own = Own.of(one, made, made.at(0))
    assert (own.state, own.got, own.loss) == (state, got, "")
