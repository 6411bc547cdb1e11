# SPDX-License-Identifier: Apache-2.0
"""Nothing on an open page is stale, and what does not change is not asked for again."""

from __future__ import annotations

import re
from pathlib import Path

from playwright.sync_api import expect

from support.browser import House, Visitor, choose, look_over, write_table
from support.visits import new_request

SOON_S = 4
FOCUSED = "document.activeElement.ariaLabel ?? document.activeElement.innerText"
SHORT_MS = 300
"""Until what was answered is shown."""


def block(house: House) -> None:
    """Another block, in which nothing happens."""
    house.place.connection.ask("evm_mine")


def asked(visitor: Visitor) -> list[str]:
    """The paths of ours that the tab asks for from now on."""
    paths: list[str] = []
    address = visitor.page.address
    visitor.tab.on("request", lambda one: paths.append(one.url.removeprefix(address)))
    return paths


def test_a_phase_that_ends_by_the_clock_alone_is_seen_to_end(house: House) -> None:
    """No block comes, and nobody does anything."""
    request = house.place.create(house.place.join("requester"))
    visitor = house.visit("ann", wallet=False)
    house.place.move_to(request.record.deadline - SOON_S)
    visitor.go(f"/requests/{request.id}")
    tab, before = visitor.tab, house.place.connection.block().number
    expect(tab.locator(".standing")).to_contain_text("until the deadline")
    expect(tab.get_by_role("link", name="Submit a model")).to_be_visible()
    # The tab lives through the second in which the phase ends.
    expect(tab.locator(".standing")).to_contain_text("opens the truth")
    expect(tab.locator("li.now")).to_contain_text("Opening the truth")
    expect(tab.get_by_role("link", name="Submit a model")).to_have_count(0)
    assert house.place.connection.block().number == before
    assert visitor.complaints == []


def test_what_is_opened_stays_open(house: House) -> None:
    request = house.place.create(house.place.join("requester"))
    visitor = house.visit("ann", wallet=False)
    tab = visitor.tab
    visitor.go(f"/requests/{request.id}/rules")
    tab.get_by_text("How a request goes on").click()
    expect(tab.locator("svg.states")).to_be_visible()
    tab.evaluate("document.activeElement.blur()")
    drawing = tab.locator("svg.states")
    tab.evaluate("document.querySelector('svg.states').isMine = true")
    with tab.expect_response("**/rules"):
        block(house)
    # What has not changed is not put in its place again.
    tab.wait_for_timeout(SHORT_MS)
    assert drawing.evaluate("one => one.isMine")
    expect(drawing).to_be_visible()
    house.place.move_to(request.record.deadline)
    # What has changed is, and what was opened stays open.
    while drawing.evaluate("one => one.isMine"):
        tab.wait_for_timeout(SHORT_MS)
    expect(drawing).to_be_visible()


def test_what_is_typed_stays(house: House) -> None:
    request = house.place.create(house.place.join("requester"))
    visitor = house.visit("ann", wallet=False)
    tab = visitor.tab
    visitor.go(f"/requests/{request.id}/submit")
    tab.fill("form.stack input[name=name]", "half of a na")
    tab.evaluate("document.activeElement.blur()")
    with tab.expect_response("**/submit"):
        block(house)
    expect(tab.locator("form.stack input[name=name]")).to_have_value("half of a na")


def test_a_table_is_not_read_again_with_every_block(
    house: House, tmp_path: Path
) -> None:
    visitor = house.visit("requester", wallet=False)
    tab = visitor.tab
    visitor.go("/requests/new")
    choose(tab, "data", write_table(tmp_path / "n.csv"))
    look_over(tab)
    # What is odd about it is looked for once, by itself.
    expect(tab.locator("#report")).to_contain_text("What a model should beat")
    paths = asked(visitor)
    for _ in range(2):
        with tab.expect_response("**/notes"):
            block(house)
    assert not [one for one in paths if re.match("/(requests|contests)/new/", one)]


def test_an_audit_is_shown_and_not_run_again_with_every_block(house: House) -> None:
    request = house.place.create(house.place.join("requester"))
    visitor = house.visit("ann", wallet=False)
    tab = visitor.tab
    visitor.go(f"/requests/{request.id}/audit")
    tab.get_by_role("button", name="Audit it").click()
    expect(tab.locator("#live-audit")).to_contain_text("were kept.")
    kept = visitor.workspace.audits.of(request.id)
    assert kept is not None
    with tab.expect_response("**/audit"):
        block(house)
    expect(tab.locator("#live-audit")).not_to_contain_text("has happened since")
    house.place.submit(house.place.join("ben"), request.id)
    # But that there is something new is said.
    expect(tab.locator("#live-audit")).to_contain_text("Something has happened since")
    assert visitor.workspace.audits.of(request.id) is kept


def test_what_somebody_was_follows_what_is_done(house: House) -> None:
    """The requester's record, beside the name."""
    requester = house.place.join("requester")
    request = house.place.create(requester)
    visitor = house.visit("ann", wallet=False)
    visitor.go(f"/requests/{request.id}/data")
    expect(visitor.tab.locator(".by")).to_contain_text("1 request: 1 going on")
    request.cancel()
    expect(visitor.tab.locator(".by")).to_contain_text("1 request: 1 cancelled")


def test_ten_open_tabs_leave_room_for_another_page(house: House) -> None:
    """A browser has six connections to a server, for all of its tabs."""
    visitor = house.visit("ann", wallet=False)
    tabs = [visitor.tab, *(visitor.another_tab() for _ in range(9))]
    for tab in tabs:
        tab.goto(visitor.page.address + "/")
    other = visitor.another_tab()
    other.goto(visitor.page.address + "/activity")
    expect(other.locator("h1")).to_have_text("Activity")
    house.place.create(house.place.join("requester"), name="for all of them")
    for tab in tabs:
        expect(tab.locator("#live-market")).to_contain_text("for all of them")
    assert visitor.complaints == []


def test_a_click_into_a_table_does_not_stop_it_from_being_renewed(
    house: House,
) -> None:
    rita = house.place.join("requester")
    house.place.create(rita, name="the first")
    visitor = house.visit("ann", wallet=False)
    tab = visitor.tab
    visitor.go("/")
    tab.locator("#live-market td.number").first.click()
    assert tab.evaluate(FOCUSED) == "Requests"
    house.place.create(rita, name="the second")
    expect(tab.locator("#live-market")).to_contain_text("the second")
    assert tab.evaluate(FOCUSED) == "Requests"
    # A link, too; it has another place by now.
    tab.get_by_role("link", name="the second").focus()
    house.place.create(rita, name="the third")
    expect(tab.locator("#live-market")).to_contain_text("the third")
    assert tab.evaluate(FOCUSED) == "the second"


def test_a_table_that_is_renewed_stays_where_it_was_scrolled_to(house: House) -> None:
    rita = house.place.join("requester")
    house.place.create(rita, name="the first")
    visitor = house.visit("ann", wallet=False)
    tab = visitor.tab
    visitor.go("/")
    tab.evaluate("document.styleSheets[0].insertRule('.scroll { width: 200px; }')")
    table = tab.locator("#live-market .scroll")
    table.evaluate("one => { one.scrollLeft = 60; }")
    house.place.create(rita, name="the second")
    expect(table).to_contain_text("the second")
    assert table.evaluate("one => one.scrollLeft") == 60


def test_what_a_focused_button_held_back_is_shown_when_it_is_left(
    house: House,
) -> None:
    request = house.place.create(house.place.join("requester"))
    visitor = house.visit("ann", wallet=False)
    tab = visitor.tab
    visitor.go(f"/requests/{request.id}")
    left = tab.locator("#live-now .numbers strong").last
    tab.get_by_role("button", name="Move to the next deadline").focus()
    house.place.move_to(request.record.deadline)
    expect(tab.locator("#live-act a")).to_have_count(0)
    # The button is about to be pressed, so it stays.
    expect(left).to_have_text("now")
    tab.evaluate("document.activeElement.blur()")
    expect(left).to_contain_text("min")
    expect(tab.locator("#live-now [aria-current]")).to_contain_text("Opening the truth")


def test_what_the_agent_may_do_for_a_wallet_is_offered_once_it_is_connected(
    house: House,
) -> None:
    visitor = house.visit("eve")
    tab = visitor.tab
    visitor.go("/agent")
    fund = tab.get_by_role("button", name="Fund the agent")
    expect(fund).to_have_count(0)
    visitor.connect()
    expect(fund).to_be_visible()
    tab.locator(".menu summary").click()
    tab.get_by_role("button", name="Use this computer's").click()
    expect(fund).to_have_count(0)


def test_with_the_account_its_money_is_shown_at_once(house: House) -> None:
    """Nothing else need happen on the chain before."""
    visitor = house.visit("eve")
    visitor.connect()
    tab, money = visitor.tab, visitor.tab.locator("#money")
    expect(money).to_have_text("0 MDC")
    version = tab.locator("body").get_attribute("data-version") or ""
    tab.route("**/version", lambda route: route.fulfill(body=version))
    tab.reload()
    for button, much in (("Use this computer's", 1_000), ("Connect Test Wallet", 0)):
        tab.locator(".menu summary").click()
        tab.get_by_role("button", name=button).click()
        expect(money).to_have_text(f"{much:,} MDC")


def test_a_form_goes_when_its_request_takes_no_more_submissions(house: House) -> None:
    request = house.place.create(house.place.join("requester"))
    visitor = house.visit("ann", wallet=False)
    tab = visitor.tab
    visitor.go(f"/requests/{request.id}/submit")
    tab.fill("form.stack input[name=name]", "half of a na")
    button = tab.get_by_role("button", name="Check and seal")
    with tab.expect_response("**/submit"):
        block(house)
    expect(button).to_be_visible()
    request.cancel()
    expect(tab.locator("main")).to_contain_text(
        "This request takes no more submissions."
    )
    expect(button).to_be_hidden()
    expect(tab.locator("form.stack input[name=name]")).to_have_value("half of a na")


def test_an_action_that_another_tab_confirms_is_shown_as_done(house: House) -> None:
    visitor = house.visit("requester", wallet=False)
    visitor.connect()
    workspace = visitor.workspace
    entry = new_request(house.place, workspace, workspace.market.wallet.address)
    other = visitor.another_tab()
    for tab in (visitor.tab, other):
        tab.goto(f"{visitor.page.address}/actions/{entry.id}")
    expect(other.locator("ol.steps")).to_be_visible()
    other.locator(".asks summary").click()
    expect(other.locator(".asks")).to_contain_text("First, a permit")
    with other.expect_response(f"**/actions/{entry.id}"):
        block(house)
    other.wait_for_timeout(SHORT_MS)
    # What was opened stays so.
    expect(other.get_by_text("First, a permit")).to_be_visible()
    visitor.confirm("/requests/1")
    expect(other.locator("h1")).to_contain_text("Created a request")
    expect(other.locator(".asks")).to_have_count(0)
    expect(other.locator("ol.steps")).to_have_count(0)
    assert other.url.endswith(f"/actions/{entry.id}")


def test_an_action_that_is_done_elsewhere_is_not_asked_for_though_its_button_is_in_use(
    house: House,
) -> None:
    visitor = house.visit("requester", wallet=False)
    visitor.connect()
    workspace = visitor.workspace
    entry = new_request(house.place, workspace, workspace.market.wallet.address)
    other = visitor.another_tab()
    for tab in (visitor.tab, other):
        tab.goto(f"{visitor.page.address}/actions/{entry.id}")
    other.locator("#confirm button").focus()
    visitor.confirm("/requests/1")
    expect(other.locator("#live-confirm button")).to_have_count(0)
    expect(other.get_by_role("link", name="Go on")).to_be_focused()


def test_which_network_a_wallet_is_on_is_said_only_while_it_is_used(
    house: House,
) -> None:
    visitor = house.visit("eve")
    tab, wallet = visitor.tab, visitor.wallet
    assert wallet is not None
    wallet.chain = 1
    visitor.connect()
    banner = tab.locator("#wrong-network")
    expect(banner).to_be_visible()
    tab.locator(".menu summary").click()
    tab.get_by_role("button", name="Use this computer's").click()
    expect(banner).to_be_hidden()
    tab.locator(".menu summary").click()
    tab.get_by_role("button", name="Connect Test Wallet").click()
    expect(banner).to_be_visible()
