# SPDX-License-Identifier: Apache-2.0
"""The market's page: what it is, which requests it shows, and what it says of each."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from modelmarket.protocol.money import ONE_MDC, format_cents
from modelmarket.web.visits import ACCOUNT_COOKIE, HERE
from modelmarket.web.workspace import Workspace
from support.contests import contest
from support.market import Place, place
from support.visits import Tab, visiting, words


@pytest.fixture(scope="module")
def tab(here: Place) -> Iterator[Tab]:
    """Rita's page: one request of hers is open, one has ended, a contest of Ann's is
    being decided, and Rita has entered another request of Ann's.
    """
    rita, ann = here.join("rita"), here.join("ann")
    workspace = Workspace(rita)
    late = contest(here, ann, name="left or right", submission_window_s=60)
    here.create(ann, name="entered", reward=2 * ONE_MDC, threshold="62.5%")
    here.submit(rita, 1)
    here.move_to(late.record.deadline)
    ended = here.create(rita, name="odd and gone")
    ended.cancel()
    here.create(rita, name="odd or even", reward=ONE_MDC * 5 // 4)
    with visiting(workspace) as found:
        workspace.stop()
        rita.look()
        yield found


def filters(page: str) -> dict[str, int]:
    nav = re.search(r'<nav class="choose".*?</nav>', page, re.DOTALL)
    assert nav is not None
    found = re.findall(r"<a [^>]*>(.*?) <span>(\d+)</span></a>", nav[0])
    return {name: int(count) for name, count in found}


def names(page: str) -> list[str]:
    return [
        words(one) for one in re.findall(r'<a href="/requests/v?\d+">.*?</a>', page)
    ]


def test_the_page_says_in_one_sentence_what_it_is(tab: Tab) -> None:
    said = words(tab.get("/").text)
    assert (
        "Whoever has data offers a reward here, and the chain itself pays it to the "
        "best model that anybody trains on them: there is no host to trust."
    ) in said
    assert "This is a demo" not in said


def test_each_filter_shows_as_many_as_it_says(tab: Tab) -> None:
    page = tab.get("/").text
    counts = filters(page)
    assert counts == {
        "All": 4,
        "Open": 2,
        "Being decided": 1,
        "Ended": 1,
        "Mine": 2,
        "Entered by me": 1,
    }
    links = re.findall(r'<a href="(/[^"]*)"[^>]*>([^<]*) <span>', page)
    for address, name in links:
        shown = tab.get(address.replace("&amp;", "&")).text
        assert len(names(shown)) == counts[name], name
        assert re.search(rf'aria-current="page">{name} <span>', shown)
    assert names(tab.get("/?show=deciding").text) == ["left or right"]
    assert names(tab.get("/?show=ended").text) == ["odd and gone"]
    assert names(tab.get("/?show=entered").text) == ["entered"]


def test_a_search_counts_what_it_finds_and_keeps_the_filter(tab: Tab) -> None:
    page = tab.get("/?q=odd&show=mine").text
    assert filters(page)["All"] == filters(page)["Mine"] == 2
    assert filters(page)["Being decided"] == 0
    assert sorted(names(page)) == ["odd and gone", "odd or even"]
    assert 'href="/?q=odd&amp;show=open"' in page
    nothing = words(tab.get("/?q=nothing+like+it").text)
    assert "No request matches" in nothing
    assert "Show all 4 requests" in nothing


@pytest.mark.parametrize(
    "number",
    ["\N{SUPERSCRIPT TWO}", "\N{ARABIC-INDIC DIGIT THREE}", "-1", "x", "9" * 99],
)
def test_a_page_that_is_no_number_is_the_first_one(tab: Tab, number: str) -> None:
    for path, status in (("/", 200), ("/activity", 404)):
        answer = tab.client.get(path, params={"page": number})
        assert answer.status_code == status, words(answer.text)
    assert tab.client.get("/", params={"page": number}).text.count("<tr") == tab.get(
        "/"
    ).text.count("<tr")


def test_whoever_has_no_account_has_no_filters_of_their_own(tab: Tab) -> None:
    tab.client.cookies.delete(ACCOUNT_COOKIE)
    page = tab.get("/?show=mine").text
    tab.become(HERE + tab.workspace.market.wallet.address)
    assert list(filters(page)) == ["All", "Open", "Being decided", "Ended"]
    assert re.search('aria-current="page">All <span>', page)
    assert len(names(page)) == 4


def test_a_line_tells_threshold_entries_record_and_kind(tab: Tab) -> None:
    page = tab.get("/").text
    rows = re.findall(r"<tr>\s*<th scope=.row.*?</tr>", page, re.DOTALL)
    lines = {names(one)[0]: words(re.sub("</", " </", one)) for one in rows}
    entered = lines["entered"]
    for said in (
        "predictions",
        "Open",
        "2.00",
        "stake 0.02",
        " 65% ",
        " 1 ",
        "2 requests, none ended yet",
    ):
        assert said in entered, entered
    verified = lines["left or right"]
    for said in ("verified", "Being opened", "100.00", "none"):
        assert said in verified, verified
    assert "1.25" in lines["odd or even"]
    assert "you" in lines["odd or even"].split()
    assert "the model that is paid is the one that scored" in page
    assert "that the model made it is its author’s word" in page


@pytest.mark.parametrize(
    ("wei", "text"),
    [
        (0, "0.00"),
        (1, "<0.01"),
        (ONE_MDC // 100, "0.01"),
        (ONE_MDC * 5 // 4, "1.25"),
        (1_234 * ONE_MDC + ONE_MDC - 1, "1,234.99"),
    ],
)
def test_amounts_of_a_column_have_one_precision(wei: int, text: str) -> None:
    assert format_cents(wei) == text


def test_an_empty_demo_says_that_it_is_one_and_has_one_large_action(
    tmp_path: Path,
) -> None:
    with place("embedded", tmp_path) as here:
        workspace = Workspace(here.join("reader"), move_clock=here.move_to)
        with visiting(workspace) as tab:
            page = tab.get("/").text
    said = words(page)
    assert "Nobody wants a model yet" in said
    assert page.count('class="button main" href="/requests/new"') == 1
    assert 'name="q"' not in page
    [demo] = re.findall(r'<p class="note demo">(.*?)</p>', page)
    assert words(demo) == (
        "This is a demo: its chain, its coins and its trainers are on this computer "
        "alone, and end with it. Create a request from a table of your own, watch the "
        "trainers enter it, and move the clock to each next deadline until you have "
        "the model."
    )
