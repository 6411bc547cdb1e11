# SPDX-License-Identifier: Apache-2.0
"""The list of what somebody did tells how each lock ended: nothing stays "locked"."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from modelmarket import agent
from modelmarket.protocol import actions
from modelmarket.protocol.phases import Failure, Phase, Status
from modelmarket.protocol.records import DemandRecord, SubmissionRecord
from modelmarket.protocol.types import Seal, Superhash, TermsHash, Wei
from modelmarket.web import locks
from modelmarket.web.locks import Became
from modelmarket.web.workspace import Workspace
from protocol.test_steps import (
    BEST,
    NOTHING,
    RITA,
    SILENT,
    TERMS,
    request,
    submission,
)
from support.market import place
from support.visits import visiting, words

CREATE = actions.CreateRequest(terms=TERMS)
SUBMIT = actions.Submit(
    request=SILENT.request_id,
    terms_hash=TermsHash(NOTHING),
    stake=TERMS.stake,
    sealed_as=Seal(NOTHING),
    superhash=Superhash(NOTHING),
    name="",
    again=False,
)
DEMAND = actions.Demand(SILENT.request_id, SILENT.id, Wei(7))


BACK = Became("and back since", "came back")
DUE = Became("and due to be withdrawn now", "is due to be withdrawn")
TO_THE_WINNER = Became("and paid to the winner since", "was paid to the winner")


@pytest.mark.parametrize(
    ("stage", "entered", "became"),
    [
        (Phase.OPEN, [SILENT], None),
        (Phase.FULFILLED, [BEST], TO_THE_WINNER),
        (Phase.REFUNDED, [SILENT], BACK),
        (Phase.CANCELLED, [], BACK),
        (
            Phase.CANCELLED,
            [SILENT],
            Became(
                "and since shared among those who had submitted",
                "was shared among those who had submitted",
            ),
        ),
        (
            Phase.FORFEITED,
            [SILENT],
            Became(
                "and lost since: it was not opened in time",
                "was lost: it was not opened in time",
            ),
        ),
    ],
)
def test_a_reward_is_locked_until_its_request_has_ended(
    stage: Phase, entered: list[SubmissionRecord], became: Became | None
) -> None:
    assert locks.since(CREATE, request(*entered, stage=stage), None) == became


@pytest.mark.parametrize(
    ("stage", "one", "became"),
    [
        (Phase.OPEN, SILENT, None),
        (Phase.CANCELLED, SILENT, DUE),
        (Phase.FULFILLED, BEST, DUE),
        (Phase.FULFILLED, submission(1, Status.WITHDRAWN, 8), BACK),
        (Phase.OPEN, submission(1, Status.CANCELLED), BACK),
        (
            Phase.FULFILLED,
            submission(1, Status.WON, 9),
            Became("and back since, with the reward", "came back, with the reward"),
        ),
        (
            Phase.FULFILLED,
            SILENT,
            Became(
                "and lost since: no score was claimed in time",
                "was lost: no score was claimed in time",
            ),
        ),
        (
            Phase.VALIDATION,
            replace(submission(1, Status.FAILED, 9), failure=Failure.TIMED_OUT),
            Became(
                "and lost since: it did not prove its claim in time",
                "was lost: it did not prove its claim in time",
            ),
        ),
    ],
)
def test_a_stake_is_locked_until_it_is_back_or_lost(
    stage: Phase, one: SubmissionRecord, became: Became | None
) -> None:
    assert locks.since(SUBMIT, request(one, stage=stage), one) == became


@pytest.mark.parametrize(
    ("status", "returned", "became"),
    [
        (Status.RANKED, 0, None),
        (Status.FAILED, 0, DUE),
        (Status.FAILED, 7, BACK),
        (Status.WON, 0, TO_THE_WINNER),
    ],
)
def test_a_bond_is_locked_until_it_is_somebodys(
    status: Status, returned: int, became: Became | None
) -> None:
    demand = DemandRecord(RITA, Wei(7), 0, frozenset(), frozenset(), Wei(returned))
    one = replace(submission(1, status, 9), demand=demand)
    assert locks.since(DEMAND, request(one), one) == became


def test_what_locks_nothing_has_nothing_that_became_of_it() -> None:
    enforce = actions.EnforceTimeout(SILENT.request_id)
    assert locks.since(enforce, request(SILENT), SILENT) is None
    assert locks.since(DEMAND, request(SILENT), SILENT) is None
    assert locks.since(SUBMIT, request(), None) is None


def test_the_page_tells_of_each_lock_how_it_ended(tmp_path: Path) -> None:
    with place("embedded", tmp_path) as here:
        rita, ann = here.join("rita"), here.join("ann")
        made = here.create(rita)
        here.submit(ann, made.id)
        with visiting(Workspace(rita)) as hers, visiting(Workspace(ann)) as theirs:
            for tab in (hers, theirs):
                tab.workspace.stop()
                tab.workspace.market.look()
            for tab, much in ((hers, "−100"), (theirs, "−1")):
                page = words(tab.get("/activity").text)
                assert f"{much} MDC locked" in page
                assert "since" not in page
            here.live(made.id)
            for tab in (hers, theirs):
                tab.workspace.market.look()
            bought, sold = (words(one.get("/activity").text) for one in (hers, theirs))
            # What it came to leads its receipt, and what could have been is folded.
            for tab, told in (
                (hers, "The reward was paid to the winner."),
                (theirs, "The stake came back, with the reward."),
            ):
                [entry] = [
                    one for one in tab.workspace.actions.newest(20) if one.action.locks
                ]
                page = tab.get(f"/actions/{entry.id}").text
                shown, folded = page.split("What was told before it was confirmed")
                assert told in words(shown)
                assert "What it can cost" in folded
                assert "What it can cost" not in shown
        assert "−100 MDC locked, and paid to the winner since" in bought
        assert "−1 MDC locked, and back since, with the reward" in sold
        assert agent.plan(rita) == []
