# SPDX-License-Identifier: Apache-2.0
"""What came of what somebody did is told on the page that it led to, once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from markupsafe import Markup

from modelmarket.protocol.actions import Action, CancelRequest, ClaimAirdrop, Fund
from modelmarket.protocol.types import Wei
from modelmarket.vault.journal import Entry
from modelmarket.web import news as news_module
from modelmarket.web.news import MOST_NEWS, News, Told
from modelmarket.web.visits import HERE
from modelmarket.web.workspace import Workspace
from support.market import Place, place
from support.visits import Tab, new_request, visiting, words
from web.test_receipts import Scene, told

RENEWS = {"Sec-Fetch-Dest": "empty", "Sec-Fetch-Mode": "cors"}
"""What a browser says when a script asks, rather than somebody who opens a page."""


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with place("embedded", tmp_path) as here:
        market = here.join("somebody")
        with visiting(Workspace(market)) as tab:
            tab.workspace.stop()
            yield Scene(here, tab)


def begun(scene: Scene, action: Action) -> Entry:
    """What was begun on the agent's page."""
    me = scene.tab.workspace.market.wallet.address
    return scene.tab.workspace.actions.prepare(me, action, "/agent")


def said(tab: Tab, path: str) -> str:
    """What a page tells of what led to it; empty for nothing."""
    page = tab.get(path).text
    assert ('<p class="note done" id="news">' in page) is ('id="news"' in page)
    return words(page.partition('id="news">')[2].partition("</p>")[0])


def test_what_was_discarded_is_told_where_one_lands_and_not_again(
    scene: Scene,
) -> None:
    entry = begun(scene, ClaimAirdrop())
    where = scene.tab.post(f"/actions/{entry.id}/discard").headers["location"]
    assert "?" not in where
    # A script of another tab that renews the same page takes nothing away.
    scene.tab.client.get(where, headers=RENEWS)
    assert said(scene.tab, where) == (
        "Discarded: claim the airdrop. Nothing of it has happened."
    )
    assert said(scene.tab, where) == ""


def test_what_the_agent_was_given_and_may_do_is_told_on_its_page(scene: Scene) -> None:
    tab = scene.tab
    for form, telling in (
        ({"kind": "fund"}, "Funded the agent: 0.05 of the chain's coin sent."),
        ({"kind": "set_operator"}, "Appointed the agent for contests of predictions."),
        (
            {"kind": "set_operator", "approved": "no", "verified": "yes"},
            "Dismissed the agent for verified contests.",
        ),
    ):
        action = tab.post("/actions", **form, back="/agent").headers["location"]
        where = tab.post(f"{action}/confirm").headers["location"]
        assert where == "/agent"
        assert said(tab, where) == f"{telling} See the receipt."
        assert said(tab, where) == ""


def test_what_is_discarded_leads_back_to_where_it_was_begun(scene: Scene) -> None:
    action = scene.tab.post("/actions", kind="fund", back="/agent").headers["location"]
    assert scene.tab.post(f"{action}/discard").headers["location"] == "/agent"
    assert said(scene.tab, "/agent").startswith("Discarded: fund the agent.")


def test_what_came_of_a_request_is_told_with_its_amount(scene: Scene) -> None:
    tab = scene.tab
    entry = new_request(scene.here, tab.workspace, scene.me)
    where = tab.post(f"/actions/{entry.id}/confirm").headers["location"]
    telling = "Created a request: 100 MDC locked. See the receipt."
    assert said(tab, where) == telling
    record = tab.workspace.market.request(int(where.rpartition("/")[2])).record
    cancel = begun(scene, CancelRequest(record.id, record.terms_hash, record.live))
    where = tab.post(f"/actions/{cancel.id}/confirm").headers["location"]
    telling = "Cancelled the request: 100 MDC paid back. See the receipt."
    assert said(tab, where) == telling


def test_each_of_two_tabs_that_wait_for_one_action_tells_what_came_of_it(
    scene: Scene,
) -> None:
    entry = begun(scene, Fund(scene.tab.workspace.market.wallet.address, Wei(10**16)))
    scene.tab.workspace.actions.confirm(entry)
    for _ in range(2):
        state = scene.tab.get(f"/actions/{entry.id}/state").json()
    shown = [said(scene.tab, state["result"]) for _ in range(3)]
    assert [bool(one) for one in shown] == [True, True, False]


def test_what_came_of_it_is_told_to_its_own_account_alone(scene: Scene) -> None:
    tab = scene.tab
    entry = begun(scene, ClaimAirdrop())
    other = scene.here.join("other").wallet.address
    where = tab.post(f"/actions/{entry.id}/discard").headers["location"]
    tab.become(other)
    assert said(tab, where) == ""
    # Nor does another one's looking leave anything.
    done = begun(scene, ClaimAirdrop())
    tab.get(f"/actions/{done.id}/state")
    assert said(tab, "/agent") == ""
    tab.become(HERE + scene.me)
    assert said(tab, where).startswith("Discarded")


def test_a_page_that_is_refused_leaves_what_is_to_be_told_for_the_next(
    scene: Scene,
) -> None:
    news = scene.tab.workspace.news
    news.leave(
        scene.tab.workspace.market.wallet.address, "/requests/77", Told(Markup("!"))
    )
    assert said(scene.tab, "/requests/77") == ""
    assert len(news._left) == 1


def test_what_nobody_comes_for_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    news = News()
    for number in range(MOST_NEWS + 1):
        news.leave(None, "/", Told(Markup("{}").format(number)))
    assert news.take(None, "/elsewhere") is None
    assert news.take(None, "/") == Told(Markup("1"))
    monkeypatch.setattr(news_module, "FRESH_S", -1.0)
    assert news.take(None, "/") is None


def test_whoever_asks_often_is_told_no_more_often() -> None:
    news = News()
    for _ in range(5):
        news.leave(None, "/", Told(Markup("Done.")))
    news.leave(None, "/", Told(Markup("Done otherwise.")))
    taken = [news.take(None, "/") for _ in range(4)]
    # Two tabs may wait for the same.
    said = ["" if one is None else one.said for one in taken]
    assert said == ["Done.", "Done.", "Done otherwise.", ""]


def test_the_clock_that_was_moved_is_told(tmp_path: Path) -> None:
    with place("embedded", tmp_path) as here:
        market = here.join("somebody")
        request = here.create(market)
        workspace = Workspace(market, move_clock=lambda second: here.move_to(second))
        with visiting(workspace) as tab:
            form = {"request": str(request.id), "until": str(request.record.deadline)}
            where = tab.post("/clock", **form).headers["location"]
            assert "The clock was moved to" in told(tab.get(where).text)
            assert "The clock was moved to" not in told(tab.get(where).text)


def test_the_way_back_to_a_form_says_that_nothing_was_sent(
    here: Place, tab: Tab
) -> None:
    request = here.create(tab.workspace.market)
    rows = request.test_data()["n"]
    right = "\n".join("odd" if n % 2 else "even" for n in rows)
    files = {"model": ("m.txt", b"x"), "predictions": ("p.csv", right.encode())}
    where = f"/requests/{request.id}/submit"
    action = tab.post(where, files=files, data={"name": "one"}).headers["location"]
    back = tab.post(f"{action}/change").headers["location"]
    assert said(tab, back) == "Nothing was sent. Change it, and seal it once more."
    assert said(tab, back) == ""
