# SPDX-License-Identifier: Apache-2.0
"""How sure a model is of each class goes with predictions, through the page's form."""

from __future__ import annotations

from pathlib import Path

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from support.browser import AXE, House, choose

ROWS = 20


def test_probabilities_are_asked_for_beside_predictions_and_tell_the_log_loss(
    house: House, tmp_path: Path
) -> None:
    house.place.create(house.place.join("rita"))
    visitor = house.visit("ann", wallet=False)
    visitor.connect()
    files = {name: tmp_path / name for name in ("p.csv", "m.txt", "sure.csv")}
    files["p.csv"].write_text("label\n" + "odd\n" * ROWS)
    files["m.txt"].write_text("always odd")
    rows = [f"{row},0.75,0.25\n" for row in range(1, ROWS + 1)]
    files["sure.csv"].write_text("row_id,odd,even\n" + "".join(rows[:-1]))
    visitor.go("/requests/1/submit")
    tab = visitor.tab
    tab.get_by_role("button", name="Fetch and check the data").click()
    tab.locator("ul.files").wait_for()
    field = tab.locator("input[name=probabilities]")
    # A model alone says by itself how sure it is.
    expect(field).to_be_hidden()
    choose(tab, "model", files["m.txt"])
    expect(field).to_be_hidden()
    choose(tab, "predictions", files["p.csv"])
    expect(field).to_be_visible()
    for theme in ("light", "dark"):
        tab.emulate_media(color_scheme=theme, reduced_motion="reduce")
        found = Axe().run(tab, "form[data-upload]", AXE)
        assert [one["id"] for one in found.response["violations"]] == []

    field.set_input_files(files["sure.csv"])
    alert = tab.get_by_role("alert")
    expect(alert).to_contain_text("sure.csv: id '20' is missing; 19 of 20 test rows")
    # All else is here; only that file is given anew, or left out.
    tab.get_by_role("button", name="Check and seal").click()
    expect(alert).to_contain_text("Choose a corrected file, or leave it out.")
    files["sure.csv"].write_text("row_id,odd,even\n" + "".join(reversed(rows)))
    field.set_input_files(files["sure.csv"])
    expect(alert).to_have_count(0)
    tab.get_by_role("button", name="Check and seal").click()
    expect(tab.locator(".receipt")).to_contain_text("1 MDC, the stake")
    visitor.confirm("/requests/1")
    house.place.live(1)
    section = tab.locator("#live-quality")
    expect(section).to_contain_text("log loss")
    expect(section).not_to_contain_text("No log loss")
    refused = [one for one in visitor.complaints if "400" in one]
    assert visitor.complaints == refused


def test_leaving_a_file_out_is_said_once(house: House, tmp_path: Path) -> None:
    """Of the file that was refused, and not of one that is chosen after it."""
    house.place.create(house.place.join("rita"))
    visitor = house.visit("ann", wallet=False)
    visitor.connect()
    tab = visitor.tab
    for name, text in (("p.csv", "label\nodd\n"), ("sure.csv", "row_id,odd,even\n")):
        (tmp_path / name).write_text(text)
    visitor.go("/requests/1/submit")
    # While the test rows are not here they are kept unread: what is sealed is refused.
    choose(tab, "predictions", tmp_path / "p.csv")
    expect(tab.locator(".drop.kept")).to_have_count(1)
    tab.get_by_role("button", name="Fetch and check the data").click()
    tab.locator("ul.files").wait_for()
    choose(tab, "model", tmp_path / "p.csv")
    choose(tab, "probabilities", tmp_path / "sure.csv")
    send, tick = (
        tab.get_by_role("button", name="Check and seal"),
        "Submit without probabilities",
    )
    tab.get_by_label(tick).check()
    send.click()
    expect(tab.get_by_label(tick)).to_have_count(0)
    choose(tab, "probabilities", tmp_path / "sure.csv")
    expect(tab.get_by_label(tick)).not_to_be_checked()
    tab.get_by_label(tick).check()
    tab.reload()
    expect(tab.get_by_label(tick)).not_to_be_checked()
