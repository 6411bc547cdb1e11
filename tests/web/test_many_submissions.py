# SPDX-License-Identifier: Apache-2.0
"""A request with many submissions: no list hides what is one's own, none takes long."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import pytest

from modelmarket import agent
from modelmarket.protocol.money import ONE_MDC
from modelmarket.protocol.phases import Phase, Position
from modelmarket.protocol.requests import RequestRecord
from modelmarket.protocol.types import SubmissionId
from modelmarket.web.choices import choices
from modelmarket.web.routes import requests
from modelmarket.web.routes.requests import TABS
from modelmarket.web.views import PAGE_ROWS
from modelmarket.web.workspace import Workspace
from support.market import Place, place
from support.visits import Tab, visiting, words

MINE = PAGE_ROWS + 3
OF_ACTIONS = 'action="/actions"'


@dataclass(frozen=True)
class Crowd:
    """A request that somebody has entered often, and another one once.

    Attributes:
        here: The market.
        tab: Of the page of whoever has entered often.
    """

    here: Place
    tab: Tab


@contextmanager
def gathered(folder: Path) -> Iterator[Crowd]:
    with place("embedded", folder) as here:
        request = here.create(here.join("requester"))
        here.submit(here.join("best"), request.id)
        many = here.join("many")
        for _ in range(MINE):
            here.submit(many, request.id, mistakes=2)
        with visiting(Workspace(many)) as tab:
            tab.workspace.stop()
            many.look()
            yield Crowd(here, tab)


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crowd]:
    with gathered(tmp_path_factory.mktemp("people")) as found:
        yield found


def record_of(crowd: Crowd) -> RequestRecord:
    market = crowd.tab.workspace.market
    market.look()
    record = market.request(1).record
    assert isinstance(record, RequestRecord)
    return record


class Counting(RequestRecord):
    """A request that counts how often its claims are sorted to find its position."""

    found: ClassVar[int] = 0

    def at(self, now: int) -> Position:
        Counting.found += 1
        return super().at(now)


@pytest.mark.parametrize("phase", [Phase.OPEN, Phase.CLAIMS, Phase.FULFILLED])
def test_a_thousand_own_submissions_take_no_more_positions_than_one(
    crowd: Crowd, phase: Phase
) -> None:
    record, account = record_of(crowd), crowd.tab.workspace.market.wallet.address
    [one, *_] = [each for each in record.submissions.values() if each.id == 2]
    fields = {name: getattr(record, name) for name in record.__dataclass_fields__}
    found = []
    for count in (1, 1_000):
        many = {
            SubmissionId(n): replace(one, id=SubmissionId(n), trainer=account)
            for n in range(1, count + 1)
        }
        Counting.found = 0
        crowded = Counting(**fields | {"submissions": many, "stage": phase})
        possible = choices(crowded, record.deadline - 10, account)
        found.append((Counting.found, len(possible)))
    assert found[0][0] == found[1][0] <= 2
    assert found[1][1] == (0 if phase is Phase.FULFILLED else 1_000)


def test_a_page_of_ones_own_submissions_leads_to_all_of_them(crowd: Crowd) -> None:
    first = crowd.tab.get("/requests/1").text
    assert first.count(OF_ACTIONS) == PAGE_ROWS
    assert "Page 1 of 2" in words(first)
    [address] = re.findall(r'rel="next" href="([^"#]*)#live-mine"', first)
    second = crowd.tab.get(address).text
    assert second.count(OF_ACTIONS) == MINE - PAGE_ROWS
    numbers = re.findall(r"Cancel the submission #(\d+)", first + second)
    assert sorted(map(int, numbers)) == list(range(2, MINE + 2))
    # Of what is no page the nearest one is shown.
    for asked in ("0", "99", "x", "\N{SUPERSCRIPT TWO}"):
        answer = crowd.tab.client.get("/requests/1", params={"own": asked})
        assert answer.status_code == 200
        assert "of 2" in words(answer.text)


def test_no_other_tab_has_a_form_for_each_submission(crowd: Crowd) -> None:
    for tab, _ in TABS[1:]:
        page = crowd.tab.get(f"/requests/1{tab}").text
        assert page.count(OF_ACTIONS) <= 1, tab


def test_a_list_that_is_cut_says_so_and_shows_ones_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a ranking; and whoever has much to withdraw is told of all of it."""
    monkeypatch.setattr(requests, "MOST_PLACES", 2)
    monkeypatch.setattr(requests, "MOST_BARS", 1)
    with place("embedded", tmp_path) as here:
        request = here.create(here.join("requester"))
        for mistakes, name in enumerate(("ann", "ben", "eve", "zoe")):
            here.submit(here.join(name), request.id, mistakes)
        equal = here.create(here.markets["requester"], name="equal")
        for name in ("ann", "ben"):
            here.submit(here.markets[name], equal.id, 1)
        people = here.markets
        with visiting(Workspace(people["zoe"])) as tab:
            tab.workspace.stop()
            here.move_to(equal.record.deadline)
            for market in people.values():
                agent.run_once(market)
            people["zoe"].look()
            page = tab.get("/requests/1/ranking").text
            monkeypatch.undo()
            whole = tab.get("/requests/1/ranking").text
            alike = tab.get(f"/requests/{equal.id}/ranking").text
            rules = tab.get("/requests/1/rules").text
    ahead = "Of equal scores, the submission that entered first is ahead."
    assert ahead in words(alike)
    assert ahead not in words(whole)
    assert "the one that entered first is ahead" in words(rules)
    said = words(page)
    assert "The best 2 of 4 claims, and yours below." in said
    assert re.findall(r'<td class="number place">(\d+)', page) == ["1", "2", "4"]
    assert page.count('class="own"') == 2, "in the table, and drawn"
    assert "Of 4 claims the best are drawn, and yours." in said
    assert "The best" not in words(whole)
    assert "are drawn" not in words(whole)
    assert re.findall(r'<td class="number place">(\d+)', whole) == list("1234")


def test_whoever_has_much_to_do_is_told_how_much_more_there_is(tmp_path: Path) -> None:
    """Its requester never opened the truth, so each stake can be withdrawn."""
    with gathered(tmp_path) as crowd:
        request = crowd.here.markets["requester"].request(1)
        crowd.here.move_to(request.record.deadline + request.terms.opening_window_s)
        request.refresh().enforce()
        crowd.tab.workspace.market.look()
        said = words(crowd.tab.get("/requests/1").text)
    assert said.count("Your next step") == PAGE_ROWS
    more = MINE - PAGE_ROWS
    assert f"{more} more steps of yours are shown here once these are done" in said


def test_an_accounts_page_leads_to_all_of_its_requests(tmp_path: Path) -> None:
    with place("embedded", tmp_path) as here:
        rita, ann = here.join("rita"), here.join("ann")
        count = PAGE_ROWS + 1
        for number in range(1, count + 1):
            here.create(rita, rows=40, reward=ONE_MDC, name=f"request {number}")
        with visiting(Workspace(ann)) as tab:
            ann.look()
            path = f"/accounts/{rita.wallet.address}"
            first = tab.get(path).text
            [address] = re.findall(r'rel="next" href="([^"#]*)#created"', first)
            second = tab.get(address).text
    assert f"Requests {count}" in words(first)
    assert "Page 1 of 2" in words(first)
    shown = re.findall(r'href="/requests/(\d+)"', first + second)
    assert sorted(map(int, shown)) == list(range(1, count + 1))
