# SPDX-License-Identifier: Apache-2.0
"""Whole lives of requests, through real browsers with real wallets."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from modelmarket.audit import audit
from modelmarket.protocol.money import ONE_MDC
from support.browser import House, Visitor, choose, look_over, write_table


def create(visitor: Visitor, table: Path, name: str = "Odd or even?") -> None:
    """Creates a request from a table, through the forms."""
    tab = visitor.tab
    visitor.go("/requests/new")
    choose(tab, "data", table)
    look_over(tab)
    tab.fill("input[name=name]", name)
    tab.get_by_role("button", name="Split and seal").click()
    expect(tab.locator(".receipt")).to_contain_text("100 MDC, the reward")
    visitor.confirm("/requests/1")


def submit(
    visitor: Visitor, folder: Path, mistakes: int = 0, name: str = "mine"
) -> None:
    """Predicts from the downloaded test part, and submits through the form."""
    tab = visitor.tab
    visitor.go("/requests/1")
    tab.get_by_role("link", name="Submit a model").click()
    if tab.get_by_role("button", name="Fetch and check the data").count():
        tab.get_by_role("button", name="Fetch and check the data").click()
    with tab.expect_download() as download:
        tab.get_by_role("link", name="test.csv").click()
    rows = Path(download.value.path()).read_text().splitlines()[1:]
    labels = ["odd" if int(row.split(",")[1]) % 2 else "even" for row in rows]
    for place in range(mistakes):
        labels[place] = "odd" if labels[place] == "even" else "even"
    lines = [f"{number},{label}" for number, label in enumerate(labels, 1)]
    predictions = folder / f"{name}.csv"
    predictions.write_text("row_id,label\n" + "\n".join(lines) + "\n")
    model = folder / f"{name}.txt"
    model.write_text(f"n % 2, says {name}")
    choose(tab, "predictions", predictions)
    choose(tab, "model", model)
    tab.fill("form.stack input[name=name]", name)
    tab.get_by_role("button", name="Check and seal").click()
    expect(tab.locator(".receipt")).to_contain_text("1 MDC, the stake")
    visitor.confirm("/requests/1")


def appoint(visitor: Visitor) -> None:
    """Lets the agent claim for the browser's wallet."""
    offered = visitor.tab.locator("#live-act")
    offered.get_by_role("button", name="Appoint the agent").click()
    visitor.confirm("/requests/1")
    expect(visitor.tab.get_by_text("Let the agent claim for you")).to_have_count(0)


@pytest.mark.parametrize("house", ["embedded", "anvil"], indirect=True)
def test_a_requester_and_two_trainers_from_airdrop_to_the_model(
    house: House, tmp_path: Path
) -> None:
    requester = house.visit("requester")
    ann, ben = house.visit("ann"), house.visit("ben")
    for visitor in (requester, ann, ben):
        visitor.connect()
        visitor.airdrop()
    create(requester, write_table(tmp_path / "numbers.csv"))
    expect(requester.tab.locator("#money")).to_contain_text("900")
    submit(ann, tmp_path, mistakes=0, name="ann")
    appoint(ann)
    submit(ben, tmp_path, mistakes=2, name="ben")
    appoint(ben)
    expect(requester.tab.locator(".numbers")).to_contain_text(
        re.compile(r"Entries\s*2")
    )

    requester.tab.get_by_role("button", name="Move to the next deadline").click()
    for visitor in (requester, ann, ben):
        visitor.go("/requests/1")
        visitor.tab.get_by_role("link", name="Ranking").click()
        table = visitor.tab.locator("#live-ranking table").first
        expect(table).to_contain_text("ann")
        expect(table).to_contain_text("ben")
    expect(ann.tab.locator("tr.own")).to_contain_text("ann")
    requester.tab.get_by_role("link", name="Overview").click()
    requester.tab.get_by_role("button", name="Move to the next deadline").click()

    won = requester.tab.locator(".card.won")
    expect(won).to_contain_text("was paid 101 MDC")
    with requester.tab.expect_download() as download:
        requester.tab.get_by_role("link", name="ann.txt").click()
    assert Path(download.value.path()).read_text() == "n % 2, says ann"
    expect(ann.tab.locator("#money")).to_contain_text("1,100")
    expect(ben.tab.locator("#money")).to_contain_text("1,000")
    assert not any(one.is_broken for one in audit(requester.workspace.market, 1))
    for visitor in (requester, ann, ben):
        assert visitor.complaints == []


def test_with_this_computers_key_alone(house: House, tmp_path: Path) -> None:
    requester = house.visit("requester", wallet=False)
    ann = house.visit("ann", wallet=False)
    for visitor in (requester, ann):
        visitor.connect()
    create(requester, write_table(tmp_path / "numbers.csv"))
    submit(ann, tmp_path)
    requester.tab.get_by_role("button", name="Move to the next deadline").click()
    ann.go("/requests/1/ranking")
    expect(ann.tab.locator("tr.own")).to_have_count(1)
    ann.tab.get_by_role("link", name="Overview").click()
    ann.tab.get_by_role("button", name="Move to the next deadline").click()
    expect(ann.tab.locator(".card.won")).to_contain_text("101 MDC")
    assert requester.complaints == ann.complaints == []


def test_a_request_is_cancelled_with_submissions_in_it(
    house: House, tmp_path: Path
) -> None:
    requester, ann = house.visit("requester"), house.visit("ann")
    for visitor in (requester, ann):
        visitor.connect()
        visitor.airdrop()
    create(requester, write_table(tmp_path / "numbers.csv"))
    submit(ann, tmp_path)
    requester.go("/requests/1")
    requester.tab.get_by_role("button", name="Cancel the request").click()
    expect(requester.tab.locator("main")).to_contain_text(
        "the one live submission gets it"
    )
    requester.confirm("/requests/1")
    expect(requester.tab.locator(".numbers")).to_contain_text("Cancelled")
    # The trainer's agent takes what is due without being asked.
    expect(ann.tab.locator("#money")).to_contain_text("1,100")
    wallet = ann.wallet
    assert wallet is not None
    balance = ann.workspace.market.coin.balance(wallet.account.address)
    assert balance == 1_100 * ONE_MDC


def test_a_submission_is_cancelled_in_time(house: House, tmp_path: Path) -> None:
    requester, ann = house.visit("requester"), house.visit("ann")
    for visitor in (requester, ann):
        visitor.connect()
        visitor.airdrop()
    create(requester, write_table(tmp_path / "numbers.csv"))
    submit(ann, tmp_path)
    expect(ann.tab.locator("#money")).to_contain_text("999")
    ann.tab.get_by_role("button", name="Cancel the submission").click()
    expect(ann.tab.locator("main")).to_contain_text("comes back to you at once, whole")
    ann.confirm("/requests/1")
    expect(ann.tab.locator("#money")).to_contain_text("1,000")
