# SPDX-License-Identifier: Apache-2.0
"""A table whose rows name pictures goes through the page's forms, with the pictures."""

from __future__ import annotations

import shutil
from pathlib import Path

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from modelmarket.market import Request
from support.attachments import picture, write_table, zipped_folder
from support.browser import AXE, House, choose, look_over


def is_for_everybody(tab: Page) -> None:
    """That axe finds nothing, by day and by night, and nothing sticks out."""
    for theme in ("light", "dark"):
        tab.emulate_media(color_scheme=theme, reduced_motion="reduce")
        found = Axe().run(tab, "main", AXE)
        assert [one["id"] for one in found.response["violations"]] == []
    tab.set_viewport_size({"width": 360, "height": 800})
    assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth")
    tab.set_viewport_size({"width": 1200, "height": 900})


def test_pictures_go_with_their_table_from_the_form_to_the_request(
    house: House, tmp_path: Path
) -> None:
    table = write_table(tmp_path / "given", lambda n, _: picture(n), ".png")
    whole, lacking = tmp_path / "photos.zip", tmp_path / "lacking.zip"
    whole.write_bytes(zipped_folder(table.parent / "in", "photos/"))
    shutil.copytree(table.parent / "in", tmp_path / "some")
    (tmp_path / "some" / "space-1.png").unlink()
    lacking.write_bytes(zipped_folder(tmp_path / "some"))
    visitor = house.visit("rita", wallet=False)
    visitor.connect()
    tab, alert = visitor.tab, visitor.tab.get_by_role("alert")

    # The verified contest is offered first; with files it is not meant.
    visitor.go("/requests/new")
    tab.check("input[value=verified]")
    tab.get_by_text("The rows name pictures, texts or sounds").click()
    is_for_everybody(tab)
    choose(tab, "data", table)
    tab.get_by_label("Files that the rows name").set_input_files(table)
    expect(alert).to_contain_text("table.csv is no ZIP archive, or damaged.")
    is_for_everybody(tab)
    choose(tab, "files", lacking)
    look_over(tab, "verified")
    expect(alert).to_contain_text("A verified contest has tables alone")
    expect(tab.locator("form[data-upload]")).to_contain_text("table.csv is here")
    expect(tab.get_by_text("lacking.zip is here")).to_be_visible()
    is_for_everybody(tab)

    # What was sent is here; a picture is not.
    look_over(tab)
    column = tab.get_by_label("The files are named in column")
    expect(column).to_have_value("file")
    tab.get_by_role("button", name="Split and seal").click()
    expect(alert).to_contain_text(
        "table.csv, row 2 (line 3), column 'file': 'space-1.png' is not there, looked "
        "for in "
        "lacking.zip."
    )
    expect(column).to_have_accessible_description(
        "table.csv, row 2 (line 3), column 'file': 'space-1.png' is not there, looked "
        "for in "
        "lacking.zip. Take the column that names them; or choose the table again, with "
        "an archive that has all of them."
    )
    is_for_everybody(tab)
    column.select_option("n")
    expect(tab.get_by_text("no file yet: column n names none")).to_be_visible()
    tab.get_by_role("button", name="Choose another file").last.click()

    choose(tab, "data", table)
    tab.get_by_text("The rows name pictures, texts or sounds").click()
    choose(tab, "files", whole)
    look_over(tab)
    expect(column).to_have_value("file")
    expect(tab.locator("form.terms")).to_contain_text(
        "100 files of photos.zip/photos that the rows name"
    )
    is_for_everybody(tab)
    tab.get_by_role("button", name="Check the table first").click()
    expect(tab.get_by_role("heading", name="What was found")).to_be_visible()
    tab.get_by_role("button", name="Split and seal").click()
    told = "Column 'file' names 100 pictures of"
    expect(tab.locator(".receipt")).to_contain_text(told)
    is_for_everybody(tab)
    visitor.confirm("/requests/1")
    tab.get_by_role("link", name="Data").click()
    expect(tab.locator("main")).to_contain_text(told)
    [request] = visitor.workspace.market.requests(mine=True)
    assert isinstance(request, Request)
    features, labels = request.training_data()
    known = {
        (table.parent / "in" / f"{kind}-{n}.png").read_bytes(): kind
        for n in range(100)
        for kind in [("sport", "space")[n % 2]]
    }
    said = [known[Path(one).read_bytes()] for one in features["file"]]
    assert said == list(labels)
    assert not list((request.market.home.scratch() / "uploads").iterdir())
    refused = [one for one in visitor.complaints if "400" in one]
    assert visitor.complaints == refused
