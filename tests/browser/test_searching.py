# SPDX-License-Identifier: Apache-2.0
"""The market is searched as one types."""

from __future__ import annotations

from playwright.sync_api import expect

from support.browser import (
    House,
    is_still,
    stays,
)


def test_the_market_is_searched_as_one_types(house: House) -> None:
    market = house.place.join("requester")
    for name in ("cats", "dogs", "cat or dog"):
        house.place.create(market, name=name)
    visitor = house.visit("reader", wallet=False)
    tab = visitor.tab
    visitor.workspace.market.look()
    visitor.go("/")
    rows = tab.locator("table.requests tbody tr")
    expect(rows).to_have_count(3)
    stays(tab)
    tab.get_by_role("searchbox").press_sequentially("cat")
    expect(rows).to_have_count(2)
    assert tab.url.endswith("/?q=cat&sort=newest&show=all")
    expect(tab.get_by_role("link", name="Open 2")).to_be_visible()
    expect(tab.get_by_role("searchbox")).to_be_focused()
    assert is_still(tab)
    tab.get_by_role("link", name="Ended 0").click()
    expect(tab.locator("main")).to_contain_text("No request matches")
    expect(tab.get_by_role("searchbox")).to_have_value("cat")
    tab.get_by_role("link", name="Show all 3 requests").click()
    expect(rows).to_have_count(3)


def test_the_market_is_searched_by_enter_without_javascript(house: House) -> None:
    market = house.place.join("requester")
    for name in ("cats", "dogs"):
        house.place.create(market, name=name)
    visitor = house.visit("reader", wallet=False, java_script_enabled=False)
    tab = visitor.tab
    visitor.workspace.market.look()
    visitor.go("/")
    tab.get_by_role("searchbox").fill("dog")
    tab.get_by_role("searchbox").press("Enter")
    expect(tab.locator("table.requests tbody tr")).to_have_count(1)
    expect(tab.get_by_role("button", name="Find")).to_be_visible()
