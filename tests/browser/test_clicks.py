# SPDX-License-Identifier: Apache-2.0
"""Impatient people: however often they click, and whatever they close, they
pay once, and what they see is what they sign.
"""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
from playwright.sync_api import expect

from browser.test_troubles import connected, prepared
from modelmarket.market.confirming import Actions
from modelmarket.protocol.money import ONE_MDC
from modelmarket.protocol.types import RequestId, checksummed
from modelmarket.vault.journal import Entry
from support.browser import House, Visitor, choose, look_over, write_table

CLICKS = """
() => {
  for (const wait of [0, 0, 30, 60, 100, 400, 800, 1200]) {
    setTimeout(() => document.querySelector("#confirm button")?.click(), wait);
  }
}
"""

CLICKS_WHEN_RENEWED = """
() => {
  const click = () => document.querySelector("#confirm button")?.click();
  document.addEventListener("renewed", click);
  click();
}
"""

UNFOCUSED = """
() => document.addEventListener("mousedown", (event) => event.preventDefault())
"""
"""As browsers are that do not focus a button which is pressed."""

STALE = """
() => {
  const ask = window.fetch;
  window.answers = 0;
  window.fetch = async (...all) => {
    const answer = await ask(...all);
    if (all[0] !== "/version") window.answers += 1;
    return answer;
  };
  document.getElementById("live-now").append(" ");
  document.getElementById("live-coming").replaceChildren();
}
"""
"""Has the page differ from the server's: its renewal moves all that is below. What
the server answers is counted."""


def paid(visitor: Visitor, account: str) -> int:
    """Wei of its airdrop that an account has not any more."""
    return 1_000 * ONE_MDC - visitor.workspace.market.coin.balance(checksummed(account))


def at_the_terms(house: House, tmp_path: Path) -> Visitor:
    """Where a table has been looked over, and terms are to be chosen."""
    visitor = house.visit("requester", wallet=False)
    visitor.connect()
    visitor.go("/requests/new")
    table = write_table(tmp_path / "n.csv")
    choose(visitor.tab, "data", table)
    look_over(visitor.tab)
    return visitor


def test_quick_clicks_ask_a_slow_wallet_once(house: House, tmp_path: Path) -> None:
    visitor = connected(house)
    wallet = visitor.wallet
    assert wallet is not None
    prepared(visitor, write_table(tmp_path / "n.csv"))
    wallet.slow_s = 1.5
    wallet.asked.clear()
    visitor.tab.evaluate(CLICKS)
    expect(visitor.tab).to_have_url(re.compile(r"/requests/1$"))
    visitor.tab.wait_for_timeout(1_500)
    assert wallet.asked.count("eth_sendTransaction") == 1
    assert wallet.asked.count("eth_signTypedData_v4") == 1
    assert visitor.workspace.market.contract.request_count() == 1
    assert paid(visitor, wallet.account.address) == 100 * ONE_MDC


UNSIGNED = """() => {
  const ask = window.__wallet;
  window.__wallet = (text) => text.includes("eth_sendTransaction") ? new Promise(() => {}) : ask(text);
}"""


def test_while_the_wallet_is_open_the_page_waits_for_it_and_says_so(
    house: House, tmp_path: Path
) -> None:
    """A block comes meanwhile, and with it the page is renewed."""
    visitor = connected(house)
    tab = visitor.tab
    prepared(visitor, write_table(tmp_path / "n.csv"))
    tab.evaluate(UNSIGNED)
    tab.locator("#confirm button").click()
    button = tab.locator("#confirm button")
    expect(button).to_have_text("Waiting for the wallet…")
    with tab.expect_response(re.compile(r"/actions/\d+$")):
        house.place.connection.ask("evm_mine")
    tab.wait_for_timeout(500)
    expect(button).to_have_text("Waiting for the wallet…")
    expect(button).to_be_disabled()
    expect(tab.locator("#live-confirm")).not_to_contain_text("was asked for this")
    # Whoever comes back to it is told, and may ask once more.
    tab.reload()
    expect(tab.locator("#live-confirm")).to_contain_text("was asked for this")
    expect(tab.get_by_role("button", name="Ask once more")).to_be_visible()


def test_quick_clicks_sign_once_with_this_computers_key(
    house: House, tmp_path: Path
) -> None:
    visitor = house.visit("requester", wallet=False)
    visitor.connect()
    prepared(visitor, write_table(tmp_path / "n.csv"))
    visitor.tab.evaluate(CLICKS)
    expect(visitor.tab).to_have_url(re.compile(r"/requests/1$"))
    visitor.tab.wait_for_timeout(1_500)
    assert visitor.workspace.market.contract.request_count() == 1
    assert paid(visitor, visitor.workspace.market.wallet.address) == 100 * ONE_MDC


def test_a_page_of_what_is_under_way_goes_on_to_what_came_of_it(
    house: House, tmp_path: Path
) -> None:
    visitor = house.visit("requester", wallet=False)
    visitor.connect()
    workspace = visitor.workspace
    prepared(visitor, write_table(tmp_path / "n.csv"))
    journal = workspace.market.vault.journal
    signing = journal.ask_key(workspace.actions.get(visitor.action), 0)
    visitor.tab.reload()
    expect(visitor.tab.locator("#live-action")).to_contain_text("being signed")
    journal.failed(signing, message="The power went.")
    expect(visitor.tab.locator("#live-said")).to_contain_text("The power went.")
    visitor.tab.locator("#confirm button").click()
    expect(visitor.tab).to_have_url(re.compile(r"/requests/1$"))


def test_a_form_that_has_gone_stays_locked_when_the_page_is_renewed(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A block comes between the click and the server's answer."""
    visitor = house.visit("requester", wallet=False)
    visitor.connect()
    tab = visitor.tab
    prepared(visitor, write_table(tmp_path / "n.csv"))
    tab.wait_for_load_state("load")
    posts: list[Entry] = []
    confirm = Actions.confirm

    def renew_first(actions: Actions, entry: Entry, *, again: bool = False) -> None:
        posts.append(entry)
        visitor.workspace.changed()
        time.sleep(2)
        confirm(actions, entry, again=again)

    monkeypatch.setattr(Actions, "confirm", renew_first)
    tab.evaluate(CLICKS_WHEN_RENEWED)
    expect(tab).to_have_url(re.compile(r"/requests/1$"))
    assert len(posts) == 1


def test_nothing_on_the_page_moves_between_pressing_and_letting_go(
    house: House, tmp_path: Path
) -> None:
    """Else it would be let go of on something else: there would be no click."""
    visitor = house.visit("requester", wallet=False)
    visitor.connect()
    tab = visitor.tab
    prepared(visitor, write_table(tmp_path / "n.csv"))
    visitor.confirm("/requests/1")
    tab.wait_for_load_state("load")
    phase = tab.locator("#live-now [aria-current]")
    expect(phase).to_contain_text("Taking submissions")
    expect(tab.locator("#live-coming")).to_contain_text("1 step")
    tab.evaluate(UNFOCUSED)
    button = tab.get_by_role("button", name="Move to the next deadline")
    button.hover()
    tab.mouse.down()
    tab.evaluate(STALE)
    there = button.bounding_box()
    visitor.workspace.changed()
    # Unless one that was asked for before waits already.
    for _ in range(30):
        if tab.evaluate("() => window.answers"):
            break
        tab.wait_for_timeout(100)
    tab.wait_for_timeout(500)
    assert button.bounding_box() == there
    tab.mouse.move(5, 5)
    tab.mouse.up()
    expect(tab.locator("#live-coming")).to_contain_text("1 step")
    assert button.bounding_box() != there
    button.click()
    expect(phase).to_contain_text("Opening the truth")


def test_two_tabs_that_are_clicked_at_once_pay_once(
    house: House, tmp_path: Path
) -> None:
    visitor = connected(house)
    wallet = visitor.wallet
    assert wallet is not None
    prepared(visitor, write_table(tmp_path / "n.csv"))
    other = visitor.another_tab()
    other.goto(visitor.tab.url)
    other.locator("#confirm button:enabled").wait_for()
    wallet.asked.clear()
    visitor.tab.evaluate(CLICKS)
    other.evaluate(CLICKS)
    visitor.tab.wait_for_timeout(3_000)
    assert wallet.asked.count("eth_sendTransaction") == 1
    assert visitor.workspace.market.contract.request_count() == 1
    assert paid(visitor, wallet.account.address) == 100 * ONE_MDC


def test_quick_clicks_on_split_and_seal_seal_once(house: House, tmp_path: Path) -> None:
    visitor = at_the_terms(house, tmp_path)
    tab = visitor.tab
    tab.get_by_role("button", name="Split and seal").wait_for()
    tab.evaluate(CLICKS.replace("#confirm button", "form.terms button.main"))
    tab.locator("#confirm").wait_for()
    market = visitor.workspace.market
    assert len(market.vault.seals(market.network.market)) == 1


@pytest.mark.parametrize(
    "reward", ["0.123456789012345678", "1000", "100.000000000000000001"]
)
def test_the_wallet_is_asked_for_what_the_page_shows(
    house: House, tmp_path: Path, reward: str
) -> None:
    visitor = connected(house)
    wallet, tab = visitor.wallet, visitor.tab
    assert wallet is not None
    visitor.go("/requests/new")
    choose(tab, "data", write_table(tmp_path / "n.csv"))
    look_over(tab)
    tab.fill("input[name=reward]", reward)
    tab.get_by_role("button", name="Split and seal").click()
    button = tab.locator("#confirm button")
    shown = (button.text_content() or "").removeprefix("Confirm and lock ")
    assert shown.replace(",", "") == f"{reward} MDC"
    visitor.confirm("/requests/1")
    whole, _, decimals = reward.partition(".")
    wei = int(whole + decimals.ljust(18, "0"))
    assert [one["message"]["value"] for one in wallet.typed] == [str(wei)]
    assert visitor.workspace.market.contract.request(RequestId(1)).reward == wei
    assert visitor.complaints == []


def test_a_page_that_is_closed_before_the_wallet_answers_finds_what_was_sent(
    house: House, tmp_path: Path
) -> None:
    visitor = connected(house)
    tab = visitor.tab
    prepared(visitor, write_table(tmp_path / "n.csv"))
    tab.route("**/sent", lambda route: route.abort())
    tab.locator("#confirm button").click()
    tab.locator("#live-action .state.buried").wait_for()
    tab.reload()
    expect(tab.locator("#confirm")).to_have_count(0)
    tab.get_by_role("link", name="Go on").click()
    expect(tab).to_have_url(re.compile(r"/requests/1$"))
    assert visitor.workspace.market.contract.request_count() == 1


def test_a_page_that_was_closed_asks_again_only_with_a_tick(
    house: House, tmp_path: Path
) -> None:
    """Its wallet was asked, and nobody has answered it."""
    visitor = connected(house)
    wallet, tab = visitor.wallet, visitor.tab
    assert wallet is not None
    prepared(visitor, write_table(tmp_path / "n.csv"))
    workspace = visitor.workspace
    entry = workspace.actions.get(visitor.action)
    workspace.market.vault.journal.ask_wallet(entry, 10**9)
    tab.reload()
    expect(tab.locator("#live-confirm")).to_contain_text("Your wallet was asked")
    wallet.asked.clear()
    tab.get_by_role("button", name="Ask once more").click()
    tab.wait_for_timeout(500)
    assert "eth_sendTransaction" not in wallet.asked
    tab.get_by_label("I have looked into the wallet").check()
    tab.get_by_role("button", name="Ask once more").click()
    expect(tab).to_have_url(re.compile(r"/requests/1$"))
    assert visitor.workspace.market.contract.request_count() == 1


def test_a_stake_above_the_reward_is_ticked_on_the_page(
    house: House, tmp_path: Path
) -> None:
    tab = at_the_terms(house, tmp_path).tab
    tab.locator("summary", has_text="Stake").click()
    tab.fill("input[name=stake]", "200")
    tab.get_by_role("button", name="Split and seal").click()
    expect(tab.get_by_role("alert")).to_contain_text("above the reward")
    expect(tab.locator("input[name=stake]")).to_have_value("200")
    tab.get_by_label("Yes, with a stake above the reward").check()
    tab.get_by_role("button", name="Split and seal").click()
    expect(tab.locator(".receipt")).to_contain_text("200 MDC")


def test_a_threshold_above_all_is_refused_beside_its_field(
    house: House, tmp_path: Path
) -> None:
    tab = at_the_terms(house, tmp_path).tab
    tab.fill("input[name=threshold]", "120%")
    tab.get_by_role("button", name="Split and seal").click()
    expect(tab.locator("#threshold-wrong")).to_contain_text(
        "is not a fraction between 0 and 1"
    )
    expect(tab.locator("input[name=threshold]")).to_have_value("120%")
