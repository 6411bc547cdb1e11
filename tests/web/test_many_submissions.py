# SPDX-License-Identifier: Apache-2.0
"""A request with many submissions: no list hides what is one's own, none takes long."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import ClassVar

import pytest

from modelmarket.protocol.phases import Phase, Position
from modelmarket.protocol.requests import RequestRecord
from modelmarket.protocol.types import SubmissionId
from modelmarket.web.choices import choices
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


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crowd]:
    with place("embedded", tmp_path_factory.mktemp("people")) as here:
        request = here.create(here.join("requester"))
        here.submit(here.join("best"), request.id)
        many = here.join("many")
        for _ in range(MINE):
            here.submit(many, request.id, mistakes=2)
        with visiting(Workspace(many)) as tab:
            tab.workspace.stop()
            many.look()
            yield Crowd(here, tab)


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
