# SPDX-License-Identifier: Apache-2.0
"""Beside each address stands what it has made of its requests and submissions."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from modelmarket import agent
from modelmarket.market import Market
from modelmarket.protocol.reputation import Reputation
from modelmarket.protocol.types import checksummed
from modelmarket.web.names import AGENT
from modelmarket.web.rendering import environment
from modelmarket.web.workspace import Workspace
from support.contests import contest, enter, finish, to_claims
from support.market import Place, place
from support.visits import visiting


def text_of(page: str) -> str:
    """What a page says, without its tags."""
    return " ".join(re.sub(r"<[^>]*>", "", page).split())


def paid(here: Place, requester: Market, *trainers: Market) -> None:
    """A request that the first of some trainers wins."""
    request = here.create(requester)
    for mistakes, one in enumerate(trainers):
        here.submit(one, request.id, mistakes)
    here.move_to(request.record.deadline)
    for _ in range(2):
        for one in (requester, *trainers):
            agent.run_once(one)
        here.move_to(requester.request(request.id).position().step_ends)
        agent.run_once(trainers[0])
        if requester.request(request.id).winner():
            return
    raise AssertionError("nobody won")


def test_pages_tell_of_requester_and_trainers_and_accounts_tell_all(
    tmp_path: Path,
) -> None:
    with place("embedded", tmp_path) as here:
        rita, ann, ben = map(here.join, ("rita", "ann", "ben"))
        paid(here, rita, ann, ben)
        here.create(rita)
        with visiting(Workspace(ben)) as tab:
            tab.workspace.market.look()
            request = tab.get("/requests/1").text
            ranked = tab.get("/requests/1/ranking").text
            accounts = {
                one: text_of(tab.get(f"/accounts/{one.wallet.address}").text)
                for one in (rita, ann, ben)
            }
            nobody = text_of(tab.get(f"/accounts/0x{'9' * 40}").text)
    # The requester's sentence is text; a trainer's stands behind the short form, and
    # as figures on the page that the address leads to.
    assert "2 requests: 1 paid, 1 going on" in text_of(request)
    said = '<span class="muted" title="1 submission: 1 won">(1 won of 1)</span>'
    address = f'<a href="/accounts/{ann.wallet.address}">'
    # In the winner's card and in the ranking.
    for page in (request, ranked):
        assert len(re.findall(f"{address}[^<]*</a> {re.escape(said)}", page)) == 1
    assert 'title="1 submission: 1 did not win">(0 won of 1)</span>' in ranked
    assert (
        "As requester2 requests1 paid a winner1 truth or key opened1 going on"
        in accounts[rita]
    )
    assert "As trainerNew here." in accounts[rita]
    assert "As trainer1 submission1 won" in accounts[ann]
    assert "truth or key opened" not in accounts[ann]
    assert "As trainer1 submission1 did not win" in accounts[ben]
    assert "As requesterNew here. As trainerNew here." in nobody


def test_a_contests_page_tells_them_too(tmp_path: Path) -> None:
    with place("embedded", tmp_path) as here:
        rita, ann = map(here.join, ("rita", "ann"))
        request = contest(here, rita)
        enter(ann, depth=3)
        enter(rita, depth=1)
        to_claims(here, request)
        assert finish(here, "rita", "ann").record.winner
        with visiting(Workspace(ann)) as tab:
            tab.workspace.market.look()
            page = tab.get("/requests/v1/ranking").text
            won = tab.get("/requests/v1").text
    for one in (page, won):
        assert one.count('title="1 submission: 1 won">(1 won of 1)</span>') == 1
    assert 'title="1 submission: 1 did not win">(0 won of 1)</span>' in page
    assert "1 request: 1 paid" in text_of(page)


@pytest.mark.parametrize("trainers", [1, 5])
def test_a_page_asks_once_about_all_the_people_on_it(
    tmp_path: Path, trainers: int
) -> None:
    with place("embedded", tmp_path) as here:
        rita = here.join("rita")
        others = [here.join(f"trainer {number}") for number in range(trainers)]
        request = here.create(rita)
        for one in others:
            here.submit(one, request.id)
        here.move_to(request.record.deadline)
        for one in (rita, *others):
            agent.run_once(one)
        workspace = Workspace(rita)
        with visiting(workspace) as tab:
            workspace.stop()
            rita.look()
            asked: list[str] = []
            sa.event.listen(
                rita.index._engine,
                "before_cursor_execute",
                lambda _a, _b, said, *_: asked.append(said),
            )
            page = tab.get("/requests/1/ranking").text
    assert page.count("(none judged yet)") == trainers
    assert len([one for one in asked if "outcome, count(" in one]) == 1


def test_ones_own_agent_is_called_by_its_name_and_is_not_said_to_be_new() -> None:
    macros: Any = environment().get_template("parts.html").module
    who = checksummed(b"\x05" * 20)
    said = macros.trainer(who, {who: Reputation.of(who, {}, {})}, {who: AGENT})
    assert said == f'<a href="/accounts/{who}">your agent&#39;s key</a>'


def test_an_address_nobody_asked_about_is_shown_alone() -> None:
    """A refuted one may stand below the places that a page shows."""
    macros: Any = environment().get_template("parts.html").module
    who = checksummed(b"\x05" * 20)
    assert macros.trainer(who, {}) == (
        f'<a href="/accounts/{who}">{who[:8]}…{who[-4:]}</a>'
    )
