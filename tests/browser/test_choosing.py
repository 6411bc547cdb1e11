# SPDX-License-Identifier: Apache-2.0
"""A file is kept from the moment that it is chosen, whatever becomes of the page."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import expect

from support.browser import (
    House,
    at_submit,
    choose,
    held,
    write_table,
    wrong_for_somebody,
)


@pytest.mark.parametrize("kind", ["verified", "predictions"])
def test_a_table_that_was_chosen_outlives_a_reload(
    house: House, tmp_path: Path, kind: str
) -> None:
    """Before anything was pressed, and as often as one likes."""
    visitor = house.visit("requester", wallet=False)
    tab = visitor.tab
    visitor.go("/requests/new")
    tab.check(f"input[name=kind][value={kind}]")
    choose(tab, "data", write_table(tmp_path / "n.csv"))
    for _ in range(2):
        expect(tab.get_by_text("n.csv is here")).to_be_visible()
        tab.reload()
    expect(tab.locator(f"input[value={kind}]")).to_be_checked()
    tab.get_by_role("button", name="Continue").click()
    tab.get_by_role("button", name="Split and seal").wait_for()


def test_a_model_that_was_chosen_outlives_all_that_leads_away_from_the_form(
    house: House, tmp_path: Path
) -> None:
    house.place.create(house.place.join("requester"))
    visitor = house.visit("trainer")
    visitor.connect()
    tab = visitor.tab
    visitor.go("/requests/1/submit")
    tab.fill("input[name=name]", "by hand")
    for name, text in (("p.csv", "label\n" + "odd\n" * 20), ("m.txt", "odd")):
        (tmp_path / name).write_text(text)
    choose(tab, "model", tmp_path / "m.txt")
    choose(tab, "predictions", tmp_path / "p.csv")
    form = tab.locator("form[data-upload]")

    def is_all_there() -> None:
        expect(form).to_contain_text("m.txt is here")
        expect(form).to_contain_text("p.csv is here")
        expect(tab.locator("input[name=name]")).to_have_value("by hand")

    is_all_there()
    tab.get_by_role("button", name="Fetch and check the data").click()
    tab.locator("ul.files").wait_for()
    is_all_there()
    tab.locator(".menu summary").click()
    tab.get_by_role("button", name="Get 1,000 MDC (once)").click()
    visitor.confirm("/submit?upload=*")
    is_all_there()
    tab.get_by_role("button", name="Check and seal").click()
    tab.locator("#confirm").wait_for()


def test_a_file_that_is_no_table_is_refused_when_it_is_chosen(
    house: House, tmp_path: Path
) -> None:
    visitor = house.visit("requester", wallet=False)
    tab = visitor.tab
    visitor.go("/requests/new")
    (tmp_path / "n.csv").write_bytes(b"\x80\x04\x95\0\0")
    field = tab.locator("input[name=data]")
    field.set_input_files(tmp_path / "n.csv")
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(field).to_be_focused()
    field.set_input_files(write_table(tmp_path / "n.csv"))
    expect(tab.get_by_text("n.csv is here")).to_be_visible()
    expect(tab.get_by_role("alert")).to_have_count(0)
    # Whoever uses the keyboard goes on from where the file was chosen.
    expect(field).to_be_focused()


def test_what_goes_on_while_a_file_is_sent_is_not_undone_by_its_arrival(
    house: House, tmp_path: Path
) -> None:
    visitor = at_submit(house)
    tab = visitor.tab
    (tmp_path / "m.txt").write_text("odd")
    sent = held(tab, "**/requests/1/submit")
    choose(tab, "model", tmp_path / "m.txt")
    expect(tab.locator("#doing")).to_have_text("Checking the file…")
    expect(tab.get_by_role("button", name="Check and seal")).to_be_disabled()
    name = tab.locator("input[name=name]")
    name.press_sequentially("mine")
    sent.pop().continue_()
    expect(tab.get_by_text("m.txt is here")).to_be_visible()
    expect(name).to_have_value("mine")
    expect(name).to_be_focused()
    name.press_sequentially(" own")
    expect(name).to_have_value("mine own")
    expect(tab.get_by_role("button", name="Check and seal")).to_be_enabled()
    expect(tab.locator("#doing")).to_be_hidden()


def test_a_file_that_is_chosen_before_the_script_has_come_is_kept(
    house: House, tmp_path: Path
) -> None:
    visitor = house.visit("requester", wallet=False)
    visitor.connect()
    tab = visitor.tab
    script = held(tab, "**/page.js*")
    tab.goto(visitor.page.address + "/requests/new", wait_until="commit")
    tab.locator("input[name=data]").set_input_files(write_table(tmp_path / "n.csv"))
    expect(tab.locator(".drop.kept")).to_have_count(0)
    script.pop().continue_()
    expect(tab.get_by_text("n.csv is here")).to_be_visible()


def test_a_file_that_is_looked_for_while_another_arrives_is_taken(
    house: House, tmp_path: Path
) -> None:
    """The form is shown anew meanwhile, and with it the field."""
    visitor = at_submit(house)
    tab = visitor.tab
    for name in ("m.txt", "p.csv", "q.csv", "n.txt"):
        (tmp_path / name).write_text("odd")
    sent = held(tab, "**/requests/1/submit")
    choose(tab, "model", tmp_path / "m.txt")
    with tab.expect_file_chooser() as chooser:
        tab.locator("input[name=predictions]").click()
    sent.pop().continue_()
    expect(tab.get_by_text("m.txt is here")).to_be_visible()
    chooser.value.set_files(tmp_path / "p.csv")
    expect(tab.get_by_text("p.csv is here")).to_be_visible()
    expect(tab.get_by_text("m.txt is here")).to_be_visible()
    # One that is chosen before the form is shown anew goes after what is on its way.
    sent = held(tab, "**/requests/1/submit?upload=*")
    choose(tab, "predictions", tmp_path / "q.csv")
    expect(tab.locator("#doing")).to_have_text("Checking the file…")
    choose(tab, "model", tmp_path / "n.txt")
    sent.pop().continue_()
    form = tab.locator("form[data-upload]")
    for name in ("n.txt", "q.csv"):
        expect(form).to_contain_text(f"{name} is here")
    uploads = visitor.workspace.uploads
    assert len(list(uploads._folder.iterdir())) == 1


def test_what_was_there_before_a_refused_file_is_sealed_only_if_somebody_says_so(
    house: House, tmp_path: Path
) -> None:
    visitor = at_submit(house)
    tab = visitor.tab
    tab.get_by_role("button", name="Fetch and check the data").click()
    tab.locator("ul.files").wait_for()
    for name, rows in (("m.txt", 1), ("p.csv", 20), ("q.csv", 3)):
        (tmp_path / name).write_text("label\n" + "odd\n" * rows)
    kept, send = tab.locator(".drop.kept"), tab.locator("form[data-upload] button.main")
    choose(tab, "model", tmp_path / "m.txt")
    expect(kept).to_have_count(1)
    choose(tab, "predictions", tmp_path / "p.csv")
    expect(kept).to_have_count(2)
    choose(tab, "predictions", tmp_path / "q.csv")
    go_on, alert = tab.get_by_label("Go on with p.csv"), tab.get_by_role("alert")
    go_on.wait_for()
    send.click()
    expect(alert).to_contain_text("Choose a corrected file, or go on with p.csv.")
    expect(alert).to_contain_text("q.csv")
    assert wrong_for_somebody(tab) == []
    go_on.check()
    send.click()
    expect(tab.locator(".receipt")).to_contain_text("predictions p.csv")


def test_a_large_file_shows_how_much_of_it_was_sent(
    house: House, tmp_path: Path
) -> None:
    visitor = at_submit(house)
    tab = visitor.tab
    # A page that changes on its own cannot be looked at: it notes what it said.
    tab.locator("#doing").evaluate(
        "(one) => new MutationObserver(() => { window.said = one.innerHTML + window.said; })"
        ".observe(one, { childList: true })"
    )
    network = tab.context.new_cdp_session(tab)
    network.send("Network.enable")
    network.send(
        "Network.emulateNetworkConditions",
        {
            "offline": False,
            "latency": 0,
            "downloadThroughput": -1,
            "uploadThroughput": 2**20,
        },
    )
    (tmp_path / "m.txt").write_bytes(bytes(2**21))
    choose(tab, "model", tmp_path / "m.txt")
    expect(tab.get_by_text("m.txt is here")).to_be_visible()
    assert 'Sending… <progress max="' in tab.evaluate("window.said")
