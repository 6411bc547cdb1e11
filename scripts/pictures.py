# SPDX-License-Identifier: Apache-2.0
"""Takes the pictures of the page in the docs: `make pictures`.

It runs `modelmarket up --demo`, lets the trainers play one contest of real data
and look at two others, and photographs what a newcomer sees; then it plays a contest of
handwritten digits in which somebody lists rows that he corrected by hand.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from playwright.sync_api import FloatRect, Page, ViewportSize, expect, sync_playwright
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, load_wine
from sklearn.ensemble import RandomForestClassifier

from support.browser import House, at_work, chromium
from support.contests import contest, corrected, source, tree_of
from support.market import place

PICTURES = Path(__file__).parents[1] / "docs" / "pictures"
SIZE: ViewportSize = {"width": 1200, "height": 800}
PATIENCE_MS = 60_000


def write_table(path: Path, data: Any, label: str) -> Path:
    """One of scikit-learn's tables as a CSV with its labels in words."""
    frame, names = data.data, data.target_names
    lines = [",".join([*data.feature_names, label])]
    for row, target in zip(frame, data.target, strict=True):
        lines.append(",".join([*map(str, row), str(names[target])]))
    path.write_text("\n".join(lines) + "\n")
    return path


def create(tab: Page, table: Path, name: str, context: str, reward: str) -> None:
    """Creates a request through the forms."""
    tab.get_by_role("link", name="New request").first.click()
    tab.set_input_files("input[name=data]", table)
    tab.get_by_role("button", name="Look it over").click()
    tab.fill("input[name=name]", name)
    tab.fill("textarea[name=context]", context)
    tab.fill("input[name=reward]", reward)
    if name.startswith("Which"):
        tab.evaluate("document.activeElement.blur(); scrollTo(0, 0)")
        tab.screenshot(path=PICTURES / "create.png")
    tab.get_by_role("button", name="Split and seal").click()
    tab.locator("#confirm button").click()
    entries = tab.locator(".numbers div").nth(2)
    expect(entries).to_contain_text("2", timeout=PATIENCE_MS)


def solve(tab: Page) -> None:
    """Moves the clock until somebody has won, and fetches the model."""
    move = tab.get_by_role("button", name="Move to the next deadline")
    move.click()
    expect(tab.locator("#live-ranking tbody tr")).to_have_count(2, timeout=PATIENCE_MS)
    move.click()
    shown = tab.get_by_text("anybody can refute it")
    expect(shown).to_be_visible(timeout=PATIENCE_MS)
    move.click()
    # The requester's agent has fetched the model to look for lies in it.
    won = tab.locator(".card.won .files")
    expect(won).to_be_visible(timeout=PATIENCE_MS)


def refute() -> None:
    """Photographs a lie that a trainer's agent refuted on the chain."""
    with (
        tempfile.TemporaryDirectory() as folder,
        place("embedded", Path(folder)) as here,
        chromium() as browser,
        ExitStack() as closing,
    ):
        buyer = House(here, browser, closing).visit("buyer", wallet=False)
        buyer.connect()
        digits = write_table(here.folder / "digits.csv", load_digits(), "digit")
        data, name = source(digits, "digit"), "Which digit is it?"
        contest(here, buyer.workspace.market, source=data, name=name)
        honest, liar = here.join("honest"), here.join("liar")
        request = honest.request("v1")
        training = request.training()
        forest = RandomForestClassifier(40, max_leaf_nodes=100, random_state=0)
        forest.fit(training.codes, training.targets)
        request.submit(forest, name="an honest forest")
        theirs = liar.request("v1")
        lie = theirs.submit(tree_of(theirs, 5), name="a tree, corrected by hand")
        here.move_to(request.record.deadline)
        events = buyer.tab.locator("#live-events")
        buyer.go("/requests/v1")
        expect(events).to_contain_text("KeyOpened", timeout=PATIENCE_MS)
        listing = corrected(lie.refresh(), wrong=0)
        lie.claim(listing.score)
        closing.enter_context(at_work(honest))
        expect(buyer.tab.locator("#live-ranking")).to_contain_text("an honest forest")
        here.move_to(request.refresh().position().step_ends)
        lie.refresh().show(listing)
        card = buyer.tab.locator(".card", has_text="said what was not so")
        expect(card).to_be_visible(timeout=PATIENCE_MS)
        # From the ranking on, below the header that stays where it is.
        above = 'document.querySelector("#live-ranking").offsetTop - 72'
        buyer.tab.evaluate(f"scrollTo(0, {above})")
        clip: FloatRect = {"x": 0, "y": 56, "width": 1200, "height": 384}
        buyer.tab.screenshot(path=PICTURES / "refuted.png", clip=clip)


def main() -> None:
    """Takes all pictures."""
    PICTURES.mkdir(exist_ok=True)
    refute()
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    command = [shutil.which("modelmarket") or "modelmarket", "up", "--demo"]
    options = ["--no-browser", "--port", "0", "--json"]
    with (
        subprocess.Popen(  # noqa: S603  # our own command
            [*command, *options], stdout=subprocess.PIPE
        ) as server,
        tempfile.TemporaryDirectory() as folder,
        sync_playwright() as playwright,
    ):
        assert server.stdout is not None
        text = ""
        while not text.endswith("}\n"):
            text += server.stdout.readline().decode()
        browser = playwright.chromium.launch(
            executable_path=program, args=["--no-sandbox"]
        )
        tab = browser.new_context(viewport=SIZE).new_page()
        tab.goto(json.loads(text)["link"])
        tab.get_by_text("Connect a wallet", exact=True).click()
        tab.get_by_role("button", name="Use this computer's key").click()
        iris = write_table(Path(folder, "iris.csv"), load_iris(), "species")
        wine = write_table(Path(folder, "wine.csv"), load_wine(), "grower")
        cells = write_table(Path(folder, "cells.csv"), load_breast_cancer(), "finding")
        context = "Three **species**, four measures in cm."
        create(tab, iris, "Which iris is it?", context, "100")
        solve(tab)
        tab.screenshot(path=PICTURES / "won.png")
        context = "Thirteen chemical measures; three growers of one region."
        create(tab, wine, "Whose wine is it?", context, "250")
        context = "Measures of cell nuclei; a miss is worse than a false alarm."
        create(tab, cells, "Benign or malignant?", context, "400")
        tab.get_by_role("link", name="Market", exact=True).first.click()
        tab.emulate_media(color_scheme="dark")
        tab.screenshot(path=PICTURES / "market.png")
        browser.close()
        server.terminate()


if __name__ == "__main__":
    main()
