# SPDX-License-Identifier: Apache-2.0
"""How good a winner is comes onto an open page by itself, and can be read by everybody."""

from __future__ import annotations

import numpy as np
import polars as pl
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect
from sklearn.tree import DecisionTreeClassifier

from support.browser import AXE, House

CLASSES, ROWS = 10, 400
PHONE = 390
"""Pixels."""


def test_the_figures_come_by_themselves_and_fit_on_a_phone(house: House) -> None:
    """Ten classes make a table that is wider than a phone: it alone can be moved."""
    visitor = house.visit("requester", wallet=False)
    chance = np.random.default_rng(1)
    x = chance.integers(0, 100, ROWS)
    kinds = [f"the number {(one + chance.integers(0, 3)) // 3 % 10}" for one in x]
    frame = pl.DataFrame({"x": x, "y": chance.random(ROWS), "kind": kinds})
    request = visitor.workspace.market.create_request(
        frame, label="kind", reward="10", accept_findings=True
    )
    trainer = house.place.join("trainer").request(request.id)
    tree = DecisionTreeClassifier(max_depth=5, random_state=0)
    trainer.submit(tree.fit(*trainer.training_data()), show=None)
    visitor.go(f"/requests/{request.id}")
    section = visitor.tab.locator("#live-quality")
    expect(section).to_be_empty()
    house.place.live(request.id)
    # Nobody loads the page again.
    expect(section).to_contain_text("macro F1")
    expect(section).to_contain_text("log loss")
    matrix = section.get_by_role("region", name="Rows of each class")
    expect(matrix.locator("td.right")).to_have_count(CLASSES)

    visitor.tab.set_viewport_size({"width": PHONE, "height": 844})
    for theme in ("light", "dark"):
        visitor.tab.emulate_media(color_scheme=theme)
        found = Axe().run(visitor.tab, "#live-quality", AXE)
        assert [one["id"] for one in found.response["violations"]] == []
    body = visitor.tab.locator("body")
    assert body.evaluate("body => body.scrollWidth") <= PHONE
    width = "one => [one.scrollWidth, one.clientWidth]"
    figures = section.locator(".scroll").first
    assert len(set(figures.evaluate(width))) == 1, "the figures are all in sight"
    all_of_it, in_sight = matrix.evaluate(width)
    assert all_of_it > in_sight
    # By the keyboard, too.
    matrix.focus()
    visitor.tab.keyboard.press("ArrowRight")
    visitor.tab.wait_for_function("""() =>
        document.querySelector("#live-quality [role=region]").scrollLeft > 0""")
    assert visitor.complaints == []
