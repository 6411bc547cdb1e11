# SPDX-License-Identifier: Apache-2.0
"""Creating a request in a real browser: nothing that was typed is lost, and what takes
its time says so.
"""

from __future__ import annotations

import re
import time
from contextlib import ExitStack
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Dialog, Route, expect

from modelmarket.protocol.actions import CreateRequest
from modelmarket.web.uploads import IDLE_S
from support.browser import (
    AXE,
    House,
    Visitor,
    choose,
    held,
    is_still,
    look_over,
    stays,
    write_table,
    wrong_for_somebody,
)
from support.contests import contest, tree_of

WIDTHS = (1440, 1024, 390)
LIMIT_BYTES = 60_000
SHORT_MS = 100
LIMIT_SCRIPTS_BYTES = 25_000


def at_terms(visitor: Visitor, table: Path, kind: str = "predictions") -> None:
    """Goes as far as the terms of a new request."""
    visitor.go("/requests/new")
    choose(visitor.tab, "data", table)
    look_over(visitor.tab, kind)
    visitor.tab.get_by_role("button", name="Split and seal").wait_for()
    visitor.tab.wait_for_load_state()


# --- whose page it is ---


@pytest.mark.parametrize("wallet", [True, False], ids=["wallet", "key"])
def test_connecting_a_wallet_keeps_the_file_that_was_chosen(
    house: House, tmp_path: Path, wallet: bool
) -> None:
    visitor = house.visit("requester", wallet=wallet)
    tab = visitor.tab
    visitor.go("/requests/new")
    tab.check("input[name=kind][value=predictions]")
    choose(tab, "data", write_table(tmp_path / "n.csv"))
    stays(tab)
    visitor.connect()
    expect(tab.locator("#money")).to_contain_text("0" if wallet else "1,000")
    assert is_still(tab)
    expect(tab.get_by_text("n.csv is here")).to_be_visible()
    assert tab.evaluate("document.activeElement.textContent") == "Wallet"
    body = tab.locator("body")
    assert body.get_attribute("data-by-browser") == ("yes" if wallet else "")
    tab.get_by_role("button", name="Continue").click()
    tab.get_by_role("button", name="Split and seal").wait_for()


def test_the_terms_that_were_typed_stay_while_a_wallet_is_connected(
    house: House, tmp_path: Path
) -> None:
    visitor = house.visit("requester", wallet=False)
    tab = visitor.tab
    at_terms(visitor, write_table(tmp_path / "n.csv"))
    expect(tab.locator("#live-owner")).to_contain_text("Connect a wallet first")
    tab.fill("textarea[name=context]", "what it is about")
    tab.fill("input[name=minutes]", "3")
    tab.select_option("select[name=minutes_unit]", "days")
    stays(tab)
    visitor.connect()
    expect(tab.locator("#live-owner")).to_have_text("")
    expect(tab.locator("textarea[name=context]")).to_have_value("what it is about")
    assert is_still(tab)
    tab.get_by_role("button", name="Split and seal").click()
    tab.locator("#confirm").wait_for()
    action = visitor.workspace.actions.get(visitor.action).action
    assert isinstance(action, CreateRequest)
    assert action.terms.context == "what it is about"
    assert action.terms.submission_window_s == 3 * 86_400


def test_the_airdrop_on_the_way_leads_back_to_what_was_typed(
    house: House, tmp_path: Path
) -> None:
    """Whoever comes without MDC is sent there by the form itself."""
    visitor = house.visit("penniless")
    tab = visitor.tab
    at_terms(visitor, write_table(tmp_path / "n.csv"))
    tab.fill("input[name=name]", "my own name")
    tab.get_by_role("button", name="Split and seal").click()
    alert = tab.get_by_role("alert")
    expect(alert).to_contain_text("No wallet is connected")
    expect(alert).to_be_focused()
    visitor.connect()
    expect(alert).to_have_count(0)
    form = tab.url
    tab.locator(".menu summary").click()
    tab.get_by_role("button", name="Get 1,000 MDC (once)").click()
    tab.locator("#confirm button").click()
    expect(tab).to_have_url(form)
    expect(tab.locator("#money")).to_contain_text("1,000")
    expect(tab.locator("input[name=name]")).to_have_value("my own name")
    tab.get_by_role("button", name="Split and seal").click()
    tab.locator("#confirm").wait_for()


def test_looking_on_without_a_wallet_changes_the_same_page(house: House) -> None:
    visitor = house.visit("requester", wallet=False)
    tab = visitor.tab
    visitor.connect()
    stays(tab)
    tab.locator(".menu summary").click()
    tab.get_by_role("button", name="Look on without a wallet").click()
    expect(tab.locator(".menu summary")).to_have_text("Connect a wallet")
    expect(tab.locator("#money")).to_have_count(0)
    assert is_still(tab)


# --- a refused form ---


def test_what_is_wrong_stands_beside_its_field_and_has_the_focus(
    house: House, tmp_path: Path
) -> None:
    visitor = house.visit("requester", wallet=False)
    visitor.connect()
    tab = visitor.tab
    at_terms(visitor, write_table(tmp_path / "n.csv"))
    tab.fill("input[name=response]", "soon")
    tab.fill("textarea[name=description]", "long text")
    tab.check("input[name=stratified]")
    tab.select_option("select[name=response_unit]", "hours")
    tab.get_by_role("button", name="Split and seal").click()
    field = tab.locator("input[name=response]")
    expect(field).to_be_focused()
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(field).to_have_attribute("aria-describedby", "response-help response-wrong")
    expect(field).to_have_accessible_description(re.compile("is no length of time"))
    expect(tab.locator("select[name=response_unit]")).to_have_value("hours")
    expect(tab.locator("textarea[name=description]")).to_have_value("long text")
    expect(tab.locator("input[name=stratified]")).to_be_checked()
    # A reload is one of a page that was looked at: nothing is sent, or asked, again.
    tab.reload()
    expect(tab.locator("input[name=response]")).to_have_value("soon")
    expect(tab.locator("textarea[name=description]")).to_have_value("long text")
    expect(tab.locator("input[name=stratified]")).to_be_checked()
    expect(tab.locator("select[name=response_unit]")).to_have_value("hours")


def test_files_of_a_refused_form_outlive_a_reload(house: House, tmp_path: Path) -> None:
    visitor = house.visit("requester", wallet=False)
    visitor.connect()
    tab = visitor.tab
    visitor.go("/requests/new")
    (tmp_path / "photos.zip").write_bytes(b"no archive at all")
    choose(tab, "data", write_table(tmp_path / "n.csv"))
    tab.get_by_text("The rows name pictures").click()
    tab.check("input[value=predictions]")
    choose(tab, "files", tmp_path / "photos.zip")
    expect(tab.locator("input[name=files]")).to_be_focused()
    expect(tab.get_by_role("alert")).to_contain_text("photos.zip is no ZIP archive")
    expect(tab.get_by_text("n.csv is here")).to_be_visible()
    tab.reload()
    expect(tab.get_by_text("n.csv is here")).to_be_visible()
    expect(tab.locator("input[value=predictions]")).to_be_checked()
    # What was refused is not left out before somebody says so.
    tab.get_by_role("button", name="Continue").click()
    expect(tab.get_by_role("alert")).to_contain_text("photos.zip is no ZIP archive")
    tab.get_by_label("Leave the files out").check()
    tab.get_by_role("button", name="Continue").click()
    tab.get_by_role("button", name="Split and seal").wait_for()


def test_a_folder_that_is_dropped_is_told_and_keeps_no_form_from_being_sent(
    house: House, tmp_path: Path
) -> None:
    visitor = house.visit("requester", wallet=False)
    tab = visitor.tab
    visitor.go("/requests/new")
    tab.check("input[value=predictions]")
    choose(tab, "data", write_table(tmp_path / "n.csv"))
    expect(tab.get_by_text("n.csv is here")).to_be_visible()
    field = tab.locator("input[name=data]")
    tab.locator(".drop").first.evaluate(
        """(place) => {
          const event = new Event("drop");
          const items = [{ webkitGetAsEntry: () => ({ isDirectory: true }) }];
          place.dispatchEvent(Object.assign(event, { dataTransfer: { items, files: [] } }));
        }"""
    )
    said = field.evaluate("one => one.validationMessage")
    assert said.startswith("That is a folder.")
    tab.get_by_role("button", name="Continue").click()
    tab.get_by_role("button", name="Split and seal").wait_for()


def test_the_way_back_from_another_label_shows_what_it_says(
    house: House, tmp_path: Path
) -> None:
    """A browser fills the fields of a page that it goes back to with what they had."""
    visitor = house.visit("requester", wallet=False)
    tab = visitor.tab
    at_terms(visitor, write_table(tmp_path / "n.csv"))
    # Its script is there once it has looked for what is odd.
    expect(tab.locator("#report")).to_contain_text("What a model should beat")
    label = tab.locator("select[name=label]")
    hidden = tab.locator("#terms input[name=predicted]")
    label.select_option("n")
    tab.wait_for_url("**label=n**")
    expect(hidden).to_have_value("numbers")
    label.select_option("kind")
    tab.wait_for_url("**label=kind**")
    expect(hidden).to_have_value("classes")
    agrees = """(name) => document.querySelector(`select[name=${name}]`)?.value
      === document.querySelector(`#terms [name=${name}]`)?.value"""
    tab.go_back()
    for name in ("label", "predicted"):
        tab.wait_for_function(agrees, arg=name)


def test_another_label_loses_nothing_of_what_was_typed(
    house: House, tmp_path: Path
) -> None:
    visitor = house.visit("requester", wallet=False)
    tab = visitor.tab
    at_terms(visitor, write_table(tmp_path / "n.csv"))
    tab.fill("input[name=name]", "my own name")
    tab.fill("input[name=reward]", "12.5")
    # What is chosen is taken at once.
    expect(tab.get_by_role("button", name="Take this one")).to_have_count(0)
    tab.select_option("select[name=label]", "n")
    tab.wait_for_url("**label=n**")
    tab.select_option("select[name=predicted]", "numbers")
    expect(tab.locator("input[name=bins]")).to_be_visible()
    expect(tab.locator("input[name=name]")).to_have_value("my own name")
    expect(tab.locator("input[name=reward]")).to_have_value("12.5")
    # The other kind of contest is another form of the same request.
    tab.get_by_role("link", name="Make it a verified contest").click()
    expect(tab.locator("input[name=reward]")).to_have_value("12.5")


def test_a_model_that_was_chosen_is_kept_while_its_stake_is_being_got(
    house: House, tmp_path: Path
) -> None:
    request = contest(house.place, house.place.join("requester"))
    visitor = house.visit("trainer")
    visitor.connect()
    tab, model = visitor.tab, tmp_path / "model.exact"
    request.convert(tree_of(request, 3)).save(model)
    visitor.go(f"/requests/{request.id}/submit")
    choose(tab, "model", model)
    tab.get_by_role("button", name="Check and seal").click()
    expect(tab.get_by_role("alert")).to_contain_text("has 0 MDC")
    chosen = tab.get_by_text("model.exact is here")
    expect(chosen).to_be_visible()
    tab.locator(".menu summary").click()
    tab.get_by_role("button", name="Get 1,000 MDC (once)").click()
    visitor.confirm("/submit?upload=*")
    expect(chosen).to_be_visible()
    tab.get_by_role("button", name="Check and seal").click()
    tab.locator("#confirm").wait_for()


def test_what_leads_back_to_a_search_leads_to_what_was_searched_for(
    house: House,
) -> None:
    house.place.create(house.place.join("requester"), name="odd or even")
    visitor = house.visit("trainer")
    visitor.connect()
    tab = visitor.tab
    tab.fill("input[name=q]", "odd")
    tab.wait_for_url("**q=odd**")
    tab.locator(".menu summary").click()
    tab.get_by_role("button", name="Get 1,000 MDC (once)").click()
    visitor.confirm("q=odd*")
    expect(tab.locator("input[name=q]")).to_have_value("odd")


def test_a_draft_is_gone_once_it_was_sent_and_never_leaves_the_tab(
    house: House, tmp_path: Path
) -> None:
    visitor = house.visit("requester", wallet=False)
    visitor.connect()
    tab = visitor.tab
    at_terms(visitor, write_table(tmp_path / "n.csv"))
    tab.fill("textarea[name=context]", "typed")
    drafts = (
        "Object.entries(sessionStorage).filter(([name]) => name.startsWith('draft:'))"
    )
    # The script may come after what was typed, and keeps it all the same.
    while not (found := tab.evaluate(drafts)):
        tab.wait_for_timeout(SHORT_MS)
    [[_, kept]] = found
    assert kept == '{"context":"typed"}'
    assert tab.evaluate("Object.keys(localStorage).length") == 0
    tab.get_by_role("button", name="Split and seal").click()
    tab.locator("#confirm").wait_for()
    assert tab.evaluate(drafts) == []


def test_the_way_back_from_a_receipt_leads_to_its_terms(
    house: House, tmp_path: Path
) -> None:
    visitor = house.visit("requester", wallet=False)
    visitor.connect()
    tab = visitor.tab
    at_terms(visitor, write_table(tmp_path / "n.csv"))
    tab.fill("input[name=name]", "my own name")
    tab.get_by_role("button", name="Split and seal").click()
    tab.locator("#confirm").wait_for()
    receipt = tab.url
    tab.go_back()
    note = tab.locator(".note", has_text="These terms are sealed")
    expect(note).to_be_visible()
    expect(tab.locator("input[name=name]")).to_have_value("my own name")
    assert wrong_for_somebody(tab) == []
    tab.go_forward()
    tab.locator("#confirm").wait_for()
    assert tab.url == receipt
    tab.go_back()
    note.get_by_role("button", name="Change the terms").click()
    expect(note).to_be_hidden()
    tab.fill("input[name=name]", "another name")
    tab.get_by_role("button", name="Split and seal").click()
    expect(tab.locator(".receipt")).to_contain_text("another name")
    assert tab.url != receipt


def test_whoever_leaves_while_a_file_is_on_its_way_is_asked(
    house: House, tmp_path: Path
) -> None:
    visitor = house.visit("requester", wallet=False)
    tab = visitor.tab
    asked: list[str] = []

    def stay(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.dismiss()

    tab.on("dialog", stay)
    visitor.go("/requests/new")
    sent = held(tab, "**/requests/new")
    choose(tab, "data", write_table(tmp_path / "n.csv"))
    tab.get_by_role("link", name="Activity").click(no_wait_after=True)
    while not asked:
        tab.wait_for_timeout(SHORT_MS)
    assert asked == ["beforeunload"]
    assert tab.url.endswith("/requests/new")
    sent.pop().continue_()
    expect(tab.get_by_text("n.csv is here")).to_be_visible()
    # Once it has arrived nobody is asked.
    tab.get_by_role("link", name="Activity").click()
    tab.wait_for_url("**/activity")
    assert asked == ["beforeunload"]


def test_nothing_is_sealed_of_a_label_that_was_just_changed(
    house: House, tmp_path: Path
) -> None:
    """The click may come in the very moment in which the choice is sent."""
    visitor = house.visit("requester", wallet=False)
    visitor.connect()
    tab = visitor.tab
    path = tmp_path / "wide.csv"
    names = [f"c{n}" for n in range(70)]
    rows = [
        ",".join([*(str(n * one % 7) for one in range(70)), "ab"[n % 2]])
        for n in range(60)
    ]
    path.write_text("\n".join([",".join([*names, "y"]), *rows, ""]))
    at_terms(visitor, path)
    tab.fill("input[name=reward]", "12.5")
    tab.fill(".filters input[name=label]", "c3")
    tab.get_by_role("button", name="Split and seal").click()
    expect(tab.locator("#terms input[name=label]")).to_have_value("c3")
    expect(tab.locator("input[name=reward]")).to_have_value("12.5")
    expect(tab.get_by_role("button", name="Split and seal")).to_be_visible()
    assert not visitor.workspace.actions.prepared(
        visitor.workspace.market.wallet.address, 0
    )


def test_a_choice_while_the_server_is_away_leaves_the_page_as_it_is(
    house: House, tmp_path: Path
) -> None:
    server = ExitStack()
    visitor = house.visit("requester", wallet=False, closing=server)
    tab = visitor.tab
    at_terms(visitor, write_table(tmp_path / "n.csv"))
    tab.fill("input[name=name]", "my own name")
    stays(tab)
    server.close()
    tab.select_option("select[name=label]", "n")
    expect(tab.locator("#lost")).to_be_visible()
    tab.wait_for_timeout(SHORT_MS)
    assert is_still(tab)
    expect(tab.locator("input[name=name]")).to_have_value("my own name")


def test_terms_are_changed_from_their_receipt_after_the_wallet_was_declined(
    house: House, tmp_path: Path
) -> None:
    visitor = house.visit("requester")
    visitor.connect()
    visitor.airdrop()
    wallet, tab = visitor.wallet, visitor.tab
    assert wallet is not None
    wallet.rejects = {"eth_sendTransaction"}
    at_terms(visitor, write_table(tmp_path / "words.csv"))
    tab.fill("input[name=name]", "my own name")
    tab.fill("input[name=reward]", "12.5")
    tab.fill("textarea[name=context]", "what the rows are")
    tab.get_by_role("button", name="Split and seal").click()
    tab.click("#confirm button")
    tab.get_by_text("You declined in the wallet").first.wait_for()
    receipt = tab.url
    tab.get_by_role("button", name="Change the terms").click()
    expect(tab.locator("input[name=reward]")).to_have_value("12.5")
    expect(tab.locator("input[name=name]")).to_have_value("my own name")
    expect(tab.locator("textarea[name=context]")).to_have_value("what the rows are")
    tab.fill("input[name=reward]", "25")
    tab.get_by_role("button", name="Split and seal").click()
    expect(tab.locator(".sum").first).to_contain_text("25 MDC")
    assert tab.url != receipt
    # The browser's way back ends at what is to be confirmed, and not at what was.
    changed = tab.url
    tab.goto(receipt)
    tab.get_by_role("link", name="See what it was changed to").click()
    expect(tab).to_have_url(changed)
    wallet.rejects = set()
    visitor.confirm("/requests/1")
    [made] = visitor.workspace.market.requests()
    assert made.terms.reward == 25 * 10**18


def test_a_server_that_is_away_leaves_the_form_with_all_that_is_in_it(
    house: House, tmp_path: Path
) -> None:
    server = ExitStack()
    visitor = house.visit("requester", wallet=False, closing=server)
    tab = visitor.tab
    visitor.go("/requests/new")
    stays(tab)
    server.close()
    choose(tab, "data", write_table(tmp_path / "n.csv"))
    problem = tab.locator("#problem")
    expect(problem).to_contain_text("What you typed and chose is still here")
    expect(problem).to_be_focused()
    assert is_still(tab)
    assert tab.evaluate("document.querySelector('input[name=data]').files.length") == 1
    expect(tab.get_by_role("button", name="Continue")).to_be_enabled()


def test_a_form_without_javascript_keeps_what_was_typed_and_sent(
    house: House, tmp_path: Path
) -> None:
    visitor = house.visit("requester", wallet=False, java_script_enabled=False)
    tab = visitor.tab
    visitor.connect()
    at_terms(visitor, write_table(tmp_path / "n.csv", rows=61))
    expect(tab.locator("[data-split-told]")).to_contain_text("to be tested = 61 rows")
    tab.select_option("select[name=label]", "n")
    tab.select_option("select[name=predicted]", "numbers")
    tab.get_by_role("button", name="Take this one").click()
    expect(tab.locator("input[name=bins]")).to_be_visible()
    tab.select_option("select[name=label]", "kind")
    tab.select_option("select[name=predicted]", "classes")
    tab.get_by_role("button", name="Take this one").click()
    expect(tab.locator("input[name=bins]")).to_have_count(0)
    tab.fill("input[name=fraction]", "50%")
    tab.fill("input[name=minutes]", "never")
    tab.get_by_role("button", name="Split and seal").click()
    expect(tab.locator("input[name=minutes]")).to_have_value("never")
    expect(tab.locator("[data-split-told]")).to_contain_text(
        re.compile("(30|31) rows to learn from \\+ (30|31) rows to be tested = 61 rows")
    )


# --- what takes its time ---


def test_what_takes_longer_than_half_a_second_says_what_it_is(
    house: House, tmp_path: Path
) -> None:
    visitor = house.visit("requester", wallet=False)
    visitor.connect()
    tab, doing = visitor.tab, visitor.tab.locator("#doing")
    assert doing.get_attribute("role") == "status"
    visitor.go("/requests/new")
    choose(tab, "data", write_table(tmp_path / "n.csv"))
    sent = held(tab, "**/requests/new")
    look_over(tab)
    expect(doing).to_have_text("Reading the table…")
    expect(tab.get_by_role("button", name="Continue")).to_be_disabled()
    sent.pop().continue_()
    tab.get_by_role("button", name="Split and seal").wait_for()
    expect(tab.locator("#report")).to_contain_text("What a model should beat")
    expect(doing).to_be_hidden()
    for button, words in (
        ("Check the table first", "Looking for what is odd…"),
        ("Split and seal", "Splitting and sealing…"),
    ):
        sent = held(tab, "**/requests/new/*")
        tab.get_by_role("button", name=button).click()
        expect(doing).to_have_text(words)
        sent.pop().continue_()
        expect(doing).to_be_hidden()
    # A page that is about to be left cannot be looked at: it notes what it said.
    doing.evaluate(
        "(one) => new MutationObserver(() => { sessionStorage.said = one.textContent; })"
        ".observe(one, { childList: true })"
    )

    def slowly(route: Route) -> None:
        time.sleep(1)
        route.continue_()

    tab.route("**/confirm", slowly)
    tab.locator("#confirm button").click()
    tab.wait_for_url("**/requests/1")
    assert tab.evaluate("sessionStorage.said") == "Confirm and lock 100 MDC…"


# --- the table ---


def test_what_was_found_is_shown_without_being_asked_for(
    house: House, tmp_path: Path
) -> None:
    visitor = house.visit("requester", wallet=False)
    tab = visitor.tab
    at_terms(visitor, write_table(tmp_path / "n.csv"), "verified")
    report = tab.locator("#report")
    expect(report).to_contain_text("What a model should beat")
    expect(report).to_contain_text("Column 'n' counts the rows")
    assert visitor.complaints == []


def test_the_parts_follow_what_is_typed_and_add_up(
    house: House, tmp_path: Path
) -> None:
    visitor = house.visit("requester", wallet=False)
    visitor.connect()
    tab = visitor.tab
    at_terms(visitor, write_table(tmp_path / "n.csv", rows=60))
    told, wrong = tab.locator("[data-split-told]"), tab.locator("[data-split-wrong]")
    expect(told).to_have_text("48 rows to learn from + 12 rows to be tested = 60 rows")
    tab.fill("input[name=fraction]", "30%")
    expect(told).to_have_text("42 rows to learn from + 18 rows to be tested = 60 rows")
    expect(tab.locator("dl.facts").last).to_contain_text("the labels of those 18 rows")
    tab.fill("input[name=fraction]", "300%")
    expect(wrong).to_contain_text("is not a fraction between 0 and 1")
    expect(told).to_be_hidden()
    tab.fill("input[name=fraction]", "50%")
    expect(told).to_contain_text("30 rows to be tested")
    expect(wrong).to_be_hidden()
    tab.get_by_role("button", name="Split and seal").click()
    expect(tab.locator("#live-receipt")).to_contain_text("30 test rows")


def test_what_was_typed_before_the_scripts_came_counts_too(
    house: House, tmp_path: Path
) -> None:
    visitor = house.visit("requester", wallet=False)
    tab = visitor.tab
    at_terms(visitor, write_table(tmp_path / "n.csv", rows=60))
    scripts = held(tab, "**/forms.js")
    tab.reload(wait_until="commit")
    expect(tab.locator("[data-split-told]")).to_contain_text("12 rows to be tested")
    tab.fill("input[name=fraction]", "30%")
    tab.fill("input[name=name]", "early")
    scripts.pop().continue_()
    expect(tab.locator("[data-split-told]")).to_contain_text("18 rows to be tested")
    tab.reload()
    expect(tab.locator("input[name=name]")).to_have_value("early")


def test_any_of_785_columns_is_found_by_its_name_and_is_what_is_shown(
    house: House, tmp_path: Path
) -> None:
    visitor = house.visit("requester", wallet=False)
    visitor.connect()
    tab = visitor.tab
    table = tmp_path / "pixels.csv"
    names = [f"pixel{n}" for n in range(784)]
    rows = (
        ",".join([*(str((row * (at + 3)) % 5) for at in range(784)), "ab"[row % 2]])
        for row in range(40)
    )
    table.write_text("\n".join([",".join([*names, "digit"]), *rows]))
    at_terms(visitor, table)
    field = tab.get_by_role("combobox", name="The labels are in column")
    expect(field).to_have_value("digit")
    expect(tab.locator("#label-columns option")).to_have_count(785)
    expect(tab.locator("main")).to_contain_text("One of 785 columns")
    for name in ("pixel418", "pixel3"):
        field.fill(name)
        field.press("Enter")
        shown = tab.locator("table.small").first.locator("th").first
        expect(shown).to_have_text(name)
        expect(field).to_have_value(name)
        expect(tab.locator("#terms input[name=label]")).to_have_value(name)
    field.fill("pixel")
    field.press("Enter")
    expect(tab.get_by_role("alert")).to_contain_text("has no column 'pixel'")
    expect(field).to_be_focused()


# --- for everybody ---


def test_a_button_that_copies_says_so_and_is_itself_again(house: House) -> None:
    """However often it is pressed meanwhile."""
    house.place.create(house.place.join("requester"))
    visitor = house.visit("trainer", wallet=False)
    tab = visitor.tab
    visitor.context.grant_permissions(["clipboard-read", "clipboard-write"])
    visitor.go("/requests/1/submit")
    button = tab.locator("[data-copy]").first
    button.click()
    expect(button).to_have_text("copied")
    button.click()
    expect(button).to_have_text("copy")
    copied = tab.evaluate("navigator.clipboard.readText()")
    assert copied == button.get_attribute("data-copy")


def test_creating_and_the_market_are_for_everybody(
    house: House, tmp_path: Path
) -> None:
    """axe finds nothing in either theme at any width, also where a form is refused;
    nothing is wider than the screen, and no target is smaller than 24 px.
    """
    visitor = house.visit("requester", wallet=False)
    tab = visitor.tab
    found: list[tuple[object, ...]] = []

    def look(what: str) -> None:
        for theme in ("light", "dark"):
            tab.emulate_media(color_scheme=theme, reduced_motion="reduce")
            for wide in WIDTHS:
                tab.set_viewport_size({"width": wide, "height": 844})
                results = Axe().run(tab, options=AXE)
                found.extend(
                    (what, theme, wide, one["id"], one["nodes"][0]["target"])
                    for one in results.response["violations"]
                )
                assert tab.evaluate("document.body.scrollWidth") <= wide, (what, wide)
        small = tab.evaluate(
            """[...document.querySelectorAll("main :is(button, select, nav a, .button)")]
            .filter((one) => one.offsetHeight && one.offsetHeight < 24)
            .map((one) => one.outerHTML)"""
        )
        assert small == [], what

    look("nobody")
    visitor.connect()
    visitor.go("/requests/new")
    tab.evaluate("document.querySelector('form[data-upload]').noValidate = true")
    look_over(tab)
    expect(tab.locator("input[name=data]")).to_be_focused()
    look("no file")
    at_terms(visitor, write_table(tmp_path / "n.csv"), "verified")
    expect(tab.locator("#report")).to_contain_text("What a model should beat")
    look("terms")
    tab.fill("input[name=minutes]", "soon")
    tab.get_by_role("button", name="Split and seal").click()
    expect(tab.locator("input[name=minutes]")).to_be_focused()
    look("refused")
    market = visitor.workspace.market
    house.place.create(
        market, name="A name that is as long as names can be, " + "n" * 24
    )
    visitor.go("/")
    expect(tab.locator("table.requests tbody tr")).to_have_count(1)
    look("market")
    assert found == []


def test_scripts_and_the_first_visit_stay_small(house: House) -> None:
    visitor = house.visit("requester", wallet=False)
    tab = visitor.another_tab()
    sizes: dict[str, int] = {}
    tab.on(
        "response",
        lambda one: sizes.update({one.url: len(one.body())}),
    )
    tab.goto(visitor.page.address)
    tab.wait_for_timeout(500)
    scripts = [size for url, size in sizes.items() if url.endswith(".js")]
    assert len(scripts) == 5
    assert sum(scripts) < LIMIT_SCRIPTS_BYTES
    assert sum(sizes.values()) < LIMIT_BYTES


@pytest.mark.parametrize("is_reloaded", [False, True], ids=["sent", "reloaded"])
def test_terms_whose_file_has_gone_are_filled_in_once_it_is_chosen_again(
    house: House, tmp_path: Path, is_reloaded: bool
) -> None:
    """Whether they were sent, or were only typed when the page was opened anew."""
    visitor = house.visit("requester", wallet=False)
    visitor.connect()
    table = write_table(tmp_path / "words.csv")
    at_terms(visitor, table)
    tab = visitor.tab
    tab.fill("input[name=name]", "my own name")
    tab.fill("input[name=reward]", "12.5")
    tab.fill("textarea[name=context]", "what the rows are")
    # As soon as nobody looks at it any more.
    uploads, name = visitor.workspace.uploads, tab.url.partition("/new/")[2][:32]
    while uploads.has(name):
        uploads.forget_idle(time.monotonic() + IDLE_S + 1)
        tab.wait_for_timeout(SHORT_MS)
    if is_reloaded:
        tab.reload()
    else:
        tab.get_by_role("button", name="Split and seal").click()
    expect(tab.locator("#problem")).to_contain_text("what you typed is filled in then")
    expect(tab.locator("h1")).to_have_text("Choose a table")
    visitor.complaints.clear()
    choose(tab, "data", table)
    tab.get_by_role("button", name="Continue").click()
    tab.get_by_role("button", name="Split and seal").wait_for()
    expect(tab.locator("input[name=name]")).to_have_value("my own name")
    expect(tab.locator("input[name=reward]")).to_have_value("12.5")
    expect(tab.locator("textarea[name=context]")).to_have_value("what the rows are")
    tab.get_by_role("button", name="Split and seal").click()
    expect(tab.locator(".sum").first).to_contain_text("12.5 MDC")
