# SPDX-License-Identifier: Apache-2.0
"""MDC sent to another account, in a real browser."""

from __future__ import annotations

from playwright.sync_api import expect

from modelmarket.protocol.money import ONE_MDC
from modelmarket.protocol.types import checksummed
from support.browser import House

ANN = checksummed("0x" + "52" * 20)


def test_mdc_are_sent_from_the_page_of_ones_account(house: House) -> None:
    visitor = house.visit("somebody", wallet=False)
    visitor.connect()
    tab, market = visitor.tab, visitor.workspace.market
    page = f"/accounts/{market.wallet.address}"
    visitor.go(page)
    tab.get_by_text("Send MDC to another account").click()
    tab.get_by_label("To the address").fill(ANN[:-1])
    tab.get_by_label("How many MDC").fill("1.25")
    tab.get_by_role("button", name="Look at the receipt").click()
    # What was typed stays, and the field that is wrong has the focus and says why.
    field = tab.get_by_label("To the address")
    expect(field).to_be_focused()
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(field).to_have_value(ANN[:-1])
    expect(tab.locator("#receiver-wrong")).to_contain_text("not an account's address")
    expect(tab.get_by_label("How many MDC")).to_have_value("1.25")
    # Nor does a block that comes take it away.
    tab.locator("h1").click()
    with tab.expect_response(lambda one: one.url.endswith(page)):
        visitor.workspace.changed()
    expect(tab.locator("#receiver-wrong")).to_contain_text("not an account's address")
    expect(field).to_have_value(ANN[:-1])
    field.fill(ANN)
    tab.get_by_role("button", name="Look at the receipt").click()
    tab.wait_for_url("**/actions/*")
    expect(tab.locator("main")).to_contain_text("Leaves your wallet now")
    visitor.confirm(page)
    expect(tab.locator("#money")).to_contain_text("998.75")
    expect(tab.get_by_label("To the address")).to_have_value("")
    assert market.balance(ANN) == 5 * ONE_MDC // 4
