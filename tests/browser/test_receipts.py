# SPDX-License-Identifier: Apache-2.0
"""What a wallet is asked is what the page showed, number by number."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, expect

from modelmarket.market import Request
from modelmarket.protocol.actions import (
    Action,
    CancelRequest,
    CancelSubmission,
    ClaimAirdrop,
    Fund,
    SetOperator,
)
from modelmarket.protocol.types import Address, SubmissionId, Wei
from modelmarket.vault.journal import Entry
from support.browser import BrowserWallet, House, Visitor
from support.contests import contest, tree_of
from support.market import place
from support.visits import new_contest, new_request, new_submission

WIDTHS = (1440, 1024, 390)


@dataclass(frozen=True)
class Ann:
    """Somebody with a wallet, and what she has begun.

    Attributes:
        visitor: Her page and browser.
        house: Where she came from.
        wallet: Hers.
    """

    visitor: Visitor
    house: House
    wallet: BrowserWallet

    @property
    def account(self) -> Address:
        return Address(self.wallet.account.address)

    def begun(self, action: Action) -> Entry:
        return self.visitor.workspace.actions.prepare(self.account, action, "/agent")

    def request(self) -> Request:
        """A request of hers that is in the chain, and what it stakes is hers."""
        workspace = self.visitor.workspace
        entry = new_request(self.house.place, workspace, self.account)
        self.confirmed(entry)
        made = workspace.actions.get(entry.id).made
        return workspace.market.request(made)

    def entered(self, request: Request) -> int:
        """Her submission to a request."""
        model = self.visitor.workspace.market.home.path / "model.txt"
        model.write_text("n % 2")
        right = ["odd" if n % 2 else "even" for n in request.test_data()["n"]]
        action = request.prepare_submission(
            model, right, name="mine", owner=self.account, again=True
        )
        entry = new_submission(self.visitor.workspace, self.account, action)
        self.confirmed(entry)
        return self.visitor.workspace.actions.get(entry.id).made

    def shown(self, name: str) -> str:
        """What her wallet will show, as the page says it."""
        place = self.visitor.tab.locator(f"[data-asked={name}]")
        code = place.locator("code")
        return (code if code.count() else place).inner_text().strip()

    def confirmed(self, entry: Entry) -> None:
        """Opens an action, reads what is shown, confirms it, and compares.

        The wallet signs nothing else than what the page showed before.
        """
        tab = self.visitor.tab
        self.visitor.go(f"/actions/{entry.id}")
        tab.locator(".asks summary").click()
        names = ["from", "to", "amount", "gas"]
        if entry.action.locks:
            names += ["owner", "spender", "value", "nonce", "deadline"]
            names += ["contract", "chain"]
        shown = {name: self.shown(name) for name in names}
        typed, sent = len(self.wallet.typed), len(self.wallet.transactions)
        tab.locator("#confirm button").click()
        tab.wait_for_url(lambda url: f"/actions/{entry.id}" not in url)
        [asked] = self.wallet.transactions[sent:]
        assert asked["from"] == shown["from"] == self.account
        assert asked["to"] == shown["to"]
        assert int(asked["value"], 16) == int(shown["amount"])
        assert int(asked["gas"], 16) == int(shown["gas"])
        if not entry.action.locks:
            assert self.wallet.typed[typed:] == []
            return
        [signed] = self.wallet.typed[typed:]
        message, domain = signed["message"], signed["domain"]
        for name in ("owner", "spender", "value", "nonce", "deadline"):
            assert message[name] == shown[name], name
        assert domain["verifyingContract"] == shown["contract"]
        assert domain["chainId"] == shown["chain"]
        assert int(message["value"]) == entry.action.locks


@pytest.fixture(scope="module", params=["embedded", "anvil"])
def ann(
    request: pytest.FixtureRequest,
    browser: Browser,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Ann]:
    with (
        place(request.param, tmp_path_factory.mktemp("people")) as here,
        ExitStack() as closing,
    ):
        house = House(here, browser, closing)
        visitor = house.visit("ann")
        visitor.connect()
        assert visitor.wallet is not None
        found = Ann(visitor, house, visitor.wallet)
        found.confirmed(found.begun(ClaimAirdrop()))
        yield found


def test_creating_entering_and_cancelling_ask_for_what_was_shown(ann: Ann) -> None:
    request = ann.request()
    first = ann.entered(request)
    market = ann.visitor.workspace.market
    market.look()
    record = market.record(request.id)
    mine = record.submissions[SubmissionId(first)]
    ann.confirmed(
        ann.begun(CancelSubmission(request.id, mine.id, mine.seal, accept_slash=False))
    )
    market.look()
    record = market.record(request.id)
    ann.confirmed(ann.begun(CancelRequest(record.id, record.terms_hash, record.live)))
    assert market.balance(ann.account) % 10**18 == 0


def test_a_contest_and_a_model_ask_for_what_was_shown(ann: Ann) -> None:
    workspace = ann.visitor.workspace
    ann.confirmed(new_contest(ann.house.place, workspace, ann.account))
    found = contest(ann.house.place, ann.house.place.join("requester"))
    workspace.market.look()
    mine = workspace.market.any_request(found.id)
    action = mine.prepare_submission(
        tree_of(found, 3), name="a tree", owner=ann.account
    )
    ann.confirmed(new_submission(workspace, ann.account, action))


def test_appointing_and_funding_ask_for_what_was_shown(ann: Ann) -> None:
    key = ann.visitor.workspace.market.wallet.address
    ann.confirmed(ann.begun(SetOperator(key, approved=True)))
    ann.confirmed(ann.begun(SetOperator(key, approved=True, verified=True)))
    ann.confirmed(ann.begun(Fund(key, Wei(5 * 10**16))))


def test_the_receipt_says_afterwards_what_the_wallet_really_paid(ann: Ann) -> None:
    key = ann.visitor.workspace.market.wallet.address
    entry = ann.begun(Fund(key, Wei(10**16)))
    connection = ann.house.place.connection
    before = connection.fee_balance(ann.account)
    ann.confirmed(entry)
    paid = before - connection.fee_balance(ann.account) - 10**16
    done = ann.visitor.workspace.actions.get(entry.id)
    assert done.hash is not None
    outcome = ann.visitor.workspace.market.transaction(done.hash)
    assert outcome is not None
    assert outcome.fee == paid
    ann.visitor.go(f"/actions/{entry.id}")
    tab = ann.visitor.tab
    expect(tab.locator("h1")).to_have_text("Funded the agent")
    expect(tab.locator(".sums")).to_contain_text("Network fee paid")
    expect(tab.locator(".asks")).to_have_count(0)
    tab.locator(".stands a").click()
    expect(tab.locator("h1")).to_have_text("Transaction")
    expect(tab.locator(".told")).to_contain_text("You sent 0.01 of the chain's coin")


def test_what_the_wallet_will_show_stays_open_while_the_page_is_renewed(
    ann: Ann,
) -> None:
    entry = new_request(ann.house.place, ann.visitor.workspace, ann.account)
    tab = ann.visitor.tab
    ann.visitor.go(f"/actions/{entry.id}")
    tab.locator(".asks summary").click()
    with tab.expect_response(lambda one: one.url.endswith(f"/actions/{entry.id}")):
        ann.visitor.workspace.changed()
    tab.wait_for_timeout(300)
    expect(tab.locator("[data-asked=deadline]")).to_be_visible()


def test_receipts_and_lists_are_for_everybody(ann: Ann) -> None:
    """axe finds nothing in either theme at three widths, and nothing is too wide."""
    entry = new_request(ann.house.place, ann.visitor.workspace, ann.account)
    tab, found = ann.visitor.tab, []
    done = ann.visitor.workspace.actions.newest(1)[0]
    assert done.hash is not None
    paths = (
        f"/actions/{entry.id}",
        f"/actions/{done.id}",
        "/activity",
        f"/transactions/0x{done.hash.hex()}",
        f"/accounts/{ann.account}",
        f"/accounts/{ann.visitor.workspace.market.network.market}",
    )
    for theme in ("light", "dark"):
        tab.emulate_media(color_scheme=theme)
        for path in paths:
            ann.visitor.go(path)
            for one in tab.locator(".asks").all():
                one.evaluate("details => { details.open = true; }")
            for wide in WIDTHS:
                tab.set_viewport_size({"width": wide, "height": 844})
                results = Axe().run(tab)
                found += [
                    (theme, path, wide, one["id"])
                    for one in results.response["violations"]
                ]
                width = tab.locator("body").evaluate("body => body.scrollWidth")
                if width > wide:
                    found.append((theme, path, wide, width))
    assert found == []
