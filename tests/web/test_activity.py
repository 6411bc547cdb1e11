# SPDX-License-Identifier: Apache-2.0
"""The activity: what was done, about what, and what it moved; page by page."""

from __future__ import annotations

import re
import time
from datetime import datetime
from pathlib import Path

import pytest

from modelmarket import agent
from modelmarket.market import Market
from modelmarket.protocol.actions import (
    KINDS,
    Action,
    CancelRequest,
    EnforceTimeout,
    Fund,
    Other,
    Withdraw,
)
from modelmarket.protocol.money import ONE_MDC, parse_mdc
from modelmarket.protocol.types import Wei
from modelmarket.vault.journal import Entry, Part
from modelmarket.web.deeds import DONE, TO_DO
from modelmarket.web.views import PAGE_ROWS
from modelmarket.web.workspace import Workspace
from support.contests import contest, enter, finish
from support.market import place
from support.visits import Tab, visiting
from web.test_receipts import told


def declined(market: Market, number: int) -> Entry:
    """Something of the page that its user declined, which stays in the activity."""
    journal, me = market.vault.journal, market.wallet.address
    entry = journal.prepare(
        market.network.market, me, Fund(me, Wei(number + 1)), "/agent"
    )
    return journal.declined(journal.ask_wallet(entry, 1))


def rows(tab: Tab, path: str) -> list[int]:
    """The actions that a page of the activity lists, in order."""
    text = tab.get(path).text.partition('id="live-signed"')[0]
    return [int(one) for one in re.findall(r'<a href="/actions/(\d+)"', text)]


def test_amounts_are_signed_and_requests_and_entries_are_named(tmp_path: Path) -> None:
    with place("embedded", tmp_path) as here:
        requester = here.join("requester")
        request = here.create(requester)
        here.submit(requester, request.id, mistakes=4)
        with visiting(Workspace(requester)) as tab:
            tab.workspace.stop()
            here.move_to(request.record.deadline)
            agent.run_once(requester)
            requester.look()
            shown = told(tab.get("/activity").text)
    for said in (
        "Created a request odd or even #1 −100 MDC locked",
        "Submitted predictions odd or even #1, submission 1 “4 mistakes” −1 MDC locked",
        "Claimed the airdrop +1,000 MDC given",
        "Opened the truth odd or even #1 confirmed",
    ):
        assert said in shown, said
    # What is told of each stands apart by space alone, however it is broken.
    assert (
        "·" not in shown.partition("Signed on this computer")[2].partition("Network")[0]
    )
    assert shown.index("Signed on this computer") < shown.index("Opened the truth")


def test_what_was_done_has_the_chains_time_wherever_it_is_told(tmp_path: Path) -> None:
    """The demo's chain is hours ahead of the clock; the airdrop is of no market."""
    with place("embedded", tmp_path) as here:
        here.move_to(here.connection.now() + 100_000)
        requester = here.join("requester")
        request = here.create(requester)
        with visiting(Workspace(requester)) as tab:
            tab.workspace.stop()
            head = here.connection.block().timestamp
            listed = times(tab.get("/activity").text)
            shown = tab.get(f"/requests/{request.id}/activity").text
            created = times(shown.replace("live-events", "live-activity"))[0]
            assert len(listed) == 2
            assert listed[0] == created
            assert head - 100 <= listed[1] <= listed[0] <= head
            # Of what was begun while no node answered only this computer's time is known.
            entry = declined(requester, 7)
            assert times(tab.get("/activity").text)[0] == entry.began


def test_what_has_no_block_has_the_chains_time_too(tmp_path: Path) -> None:
    """Whether it is to be confirmed, was declined, or has failed."""
    with place("embedded", tmp_path) as here:
        here.move_to(here.connection.now() + 100_000)
        market = here.join("somebody")
        here.create(market)
        me, journal = market.wallet.address, market.vault.journal
        with visiting(Workspace(market)) as tab:
            tab.workspace.stop()
            begun = here.connection.now()
            # What a key signs without being asked about has it as well.
            signed = [
                one.second for one in journal.newest(market.network.market, limit=9)
            ]
            assert len(signed) == 2
            assert all(begun - 100 <= one <= begun for one in signed)
            entry = tab.workspace.actions.prepare(me, Fund(me, Wei(1)), "/agent")
            page = tab.get("/activity").text
            waiting = times(page.replace("live-begun", "live-activity", 1))
            assert [0 <= one - begun < 100 for one in waiting] == [True]
            journal.declined(entry)
            entry = tab.workspace.actions.prepare(me, Fund(me, Wei(2)), "/agent")
            journal.failed(entry, message="It was refused.")
            listed = times(tab.get("/activity").text)
            assert len(listed) == 2
            assert listed == sorted(listed, reverse=True)
            assert all(0 <= one - begun < 100 for one in listed)


def test_what_the_agent_did_has_the_time_of_what_it_is_going_to_do(
    tmp_path: Path,
) -> None:
    with place("embedded", tmp_path) as here:
        here.move_to(here.connection.now() + 100_000)
        market = here.join("requester")
        request = here.create(market)
        here.submit(here.join("trainer"), request.id)
        with visiting(Workspace(market)) as tab:
            here.move_to(request.record.deadline)
            while "What was done" not in (page := tab.get("/agent").text):
                time.sleep(0.1)
            now = here.connection.now()
        done = page.partition("What was done")[2].partition("</ul>")[0]
        [second] = re.findall(r'<time datetime="([^"]*)"', done)
        at = datetime.fromisoformat(second).timestamp()
        assert request.record.deadline <= at <= now


def test_what_the_agent_brings_home_and_what_is_lost_is_in_the_amounts(
    tmp_path: Path,
) -> None:
    """So that whoever adds them up comes to what the wallet has."""
    with place("embedded", tmp_path) as here:
        market, hers = here.join("somebody"), here.join("her wallet")
        request = here.create(market)
        mine = here.submit(hers, request.id)
        record = request.refresh().record
        with visiting(Workspace(market)) as tab:
            tab.workspace.stop()
            for action in (
                CancelRequest(record.id, record.terms_hash, record.live),
                Withdraw(record.id, mine.id),
            ):
                confirm(tab, action)
            shown = told(tab.get("/activity").text)
            assert (
                "Cancelled the request odd or even #1 100 MDC, locked before, were lost"
            ) in shown
            assert (
                "Withdrew odd or even #1, submission 1 “0 mistakes” confirmed" in shown
            )
            tab.become(hers.wallet.address)
            shown = told(tab.get("/activity").text)
            assert "submission 1 “0 mistakes” +101 MDC paid to you" in shown
            assert hers.balance(hers.wallet.address) == 1_100 * ONE_MDC


def test_what_others_paid_is_listed_once_and_the_amounts_add_up(
    tmp_path: Path,
) -> None:
    """A winner is paid by whoever settles, which may be anybody's agent."""
    with place("embedded", tmp_path) as here:
        rita, ann, ben = (here.join(name) for name in ("rita", "ann", "ben"))
        contest(here, rita)
        enter(ann)
        enter(ben, depth=1)
        found = finish(here)
        assert str(found.record.winner) == "v1"
        # Nobody enters another one, and a stranger moves it on.
        second = here.create(rita)
        here.move_to(second.record.deadline)
        agent.run_once(rita)
        here.move_to(second.refresh().position().step_ends or here.connection.now())
        if not second.refresh().record.stage.is_final:
            ben.do(EnforceTimeout(second.id))
        for market in (rita, ann, ben):
            market.look()
            with visiting(Workspace(market)) as tab:
                page = tab.get("/activity").text
            text = told(page)
            listed = re.findall(r"([+−])([\d,.]+) MDC", text.partition("Activity ")[2])
            moved = sum(
                (1 if sign == "+" else -1) * parse_mdc(amount.replace(",", ""))
                for sign, amount in listed
            )
            assert moved == market.balance(market.wallet.address), text
            won = "You won points #v1 +105 MDC received" in text
            assert won == (market is ann)


def confirm(tab: Tab, action: Action) -> None:
    actions, me = tab.workspace.actions, tab.workspace.market.wallet.address
    actions.confirm(actions.prepare(me, action, "/"))


def times(page: str) -> list[int]:
    """The seconds of the moments that a list of a page tells."""
    shown = page.partition('id="live-activity"')[2].partition("</ol>")[0]
    found = re.findall(r'<time datetime="([^"]*)"', shown)
    return [int(datetime.fromisoformat(one).timestamp()) for one in found]


def test_what_cannot_be_done_any_more_is_not_said_to_be_confirmed(
    tmp_path: Path,
) -> None:
    with place("embedded", tmp_path) as here:
        market = here.join("somebody")
        record = here.create(market).record
        action = CancelRequest(record.id, record.terms_hash, record.live)
        with visiting(Workspace(market)) as tab:
            tab.workspace.stop()
            actions, me = tab.workspace.actions, market.wallet.address
            begun = [actions.prepare(me, action, "/") for _ in range(2)]

            def states() -> list[str]:
                page = tab.get("/activity").text.partition('id="live-activity"')[0]
                return re.findall(r'<span class="state \w+">([^<]*)<', page)

            assert states() == ["to be confirmed"] * 2
            actions.confirm(begun[0])
            assert states() == ["cannot be done now"]


def test_what_is_to_be_confirmed_can_be_found_again(tmp_path: Path) -> None:
    """Its own account's alone, and not for ever."""
    with place("embedded", tmp_path) as here:
        market, other = here.join("somebody"), here.join("other")
        me = market.wallet.address
        with visiting(Workspace(market)) as tab:
            actions = tab.workspace.actions
            mine = [actions.prepare(me, Fund(me, Wei(n)), "/agent").id for n in (1, 2)]
            hers = actions.prepare(other.wallet.address, Fund(me, Wei(3)), "/").id
            begun = tab.get("/activity").text.partition('id="live-activity"')[0]
            found = [int(one) for one in re.findall(r'href="/actions/(\d+)"', begun)]
            assert found == mine[::-1]
            assert "<h2>To be confirmed" in begun
            entry = actions.get(mine[0])
            assert actions.prepared(me, entry.began) != []
            assert actions.prepared(me, actions.get(mine[1]).began + 1) == []
            tab.become("")
            assert "<h2>To be confirmed" not in tab.get("/activity").text
    assert hers not in found


def test_the_activity_goes_on_from_page_to_page(tmp_path: Path) -> None:
    with place("embedded", tmp_path) as here:
        market = here.join("somebody")
        made = [declined(market, one).id for one in range(2 * PAGE_ROWS + 1)][::-1]
        with visiting(Workspace(market)) as tab:
            assert rows(tab, "/activity") == made[:PAGE_ROWS]
            assert rows(tab, "/activity?page=2") == made[PAGE_ROWS : 2 * PAGE_ROWS]
            assert rows(tab, "/activity?page=3") == made[2 * PAGE_ROWS :]
            first, last = tab.get("/activity").text, tab.get("/activity?page=3").text
            assert 'href="/activity?page=2">Older' in first
            assert ">Newer" not in first
            assert 'href="/activity?page=2">Newer' in last
            assert ">Older" not in last
            assert "Page 3 of 3" in last
            for other in ("0", "4", "-1", "x", "1" * 30, "%C2%B2"):
                assert tab.get(f"/activity?page={other}").status_code == 404, other


def test_what_the_agent_signed_has_pages_of_its_own(tmp_path: Path) -> None:
    with place("embedded", tmp_path) as here:
        market = here.join("somebody")
        journal, me = market.vault.journal, market.wallet.address
        for number in range(PAGE_ROWS):
            entry = journal.begin(market.network.market, me, Other("x"), number)
            journal.failed(entry, message="It was not done.")
        declined(market, 1)
        name = market.network.market
        # The airdrop with which everybody here begins is one of them.
        assert journal.count(name, Part(me, confirmed=False)) == PAGE_ROWS + 1
        assert journal.count(name, Part(me, confirmed=True)) == 1
        assert journal.count(name, Part(None, confirmed=True)) == 0
        assert journal.count(name) == PAGE_ROWS + 2
        with visiting(Workspace(market)) as tab:
            assert "Page 1 of 2" in tab.get("/activity").text
            older = told(tab.get("/activity?signed=2").text)
    assert "Claimed the airdrop" in older
    assert "Another call" not in older


@pytest.mark.parametrize("words", [DONE, TO_DO], ids=["done", "to do"])
def test_every_kind_of_action_has_words_that_are_no_functions(
    words: dict[str, str],
) -> None:
    assert set(words) == set(KINDS)
    assert not any("_" in one for one in words.values())
