# SPDX-License-Identifier: Apache-2.0
"""A newcomer who types one command and reads nothing but the page."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from modelmarket.models import ExactModel
from support.browser import choose, write_table
from support.children import child

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator
    from playwright.sync_api import Page as Tab


PROGRAM = "from modelmarket.cli import main; main()"
TYPING = """
import getpass
getpass.getpass = lambda: {!r}
"""
"""Types a passphrase, which a terminal would be asked for."""


def entries_of(tab: Tab) -> Locator:
    """How many have entered, on a request's own page."""
    return tab.locator(".numbers div", has_text="Entries")


@pytest.fixture
def link() -> Iterator[str]:
    """What `modelmarket up --demo` prints once it answers."""
    command = [sys.executable, "-c", PROGRAM, "up", "--demo", "--no-browser"]
    with child(
        [*command, "--port", "0", "--json"],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONWARNINGS": "ignore"},
    ) as server:
        assert server.stdout is not None
        text = ""
        while not text.endswith("}\n"):
            line = server.stdout.readline().decode()
            assert line, f"it ended with {server.wait()}"
            text += line
        yield json.loads(text)["link"]
        server.terminate()
        assert server.wait(timeout=60) == 128 + signal.SIGTERM


def test_from_a_csv_to_the_model_by_the_page_alone(
    browser: Browser, link: str, tmp_path: Path
) -> None:
    tab = browser.new_context().new_page()
    tab.goto(link)
    expect(tab.locator("main")).to_contain_text("Nobody wants a model yet")
    expect(tab.locator("#money")).to_contain_text("1,000")
    tab.locator("main").get_by_role("link", name="Create a request").click()
    table = write_table(tmp_path / "numbers.csv", rows=100)
    choose(tab, "data", table)
    tab.get_by_role("button", name="Continue").click()
    expect(tab.locator("main")).to_contain_text("2 of whole numbers")
    expect(tab.locator("main")).to_contain_text("20 rows with their labels")
    tab.get_by_role("button", name="Split and seal").click()
    expect(tab.locator("#confirm")).to_contain_text("You pay about 0.000")
    tab.locator("#confirm button").click()
    expect(entries_of(tab)).to_contain_text("2")
    tab.get_by_role("link", name="Submit a model").click()
    shown = tab.locator("main")
    # The lines are run as they stand; somebody types what they ask for.
    [passphrase] = re.findall(r"passphrase, ([\w-]+)", shown.inner_text())
    lines = tab.locator("pre.code").inner_text()
    ran = subprocess.run(
        [sys.executable, "-c", TYPING.format(passphrase) + lines],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    tab.get_by_role("link", name="Overview").click()
    expect(entries_of(tab)).to_contain_text("3")
    move = tab.get_by_role("button", name="Move to the next deadline")
    move.click()
    expect(tab.locator(".standing")).to_contain_text("3 of 3 have")
    move.click()
    expect(tab.locator(".standing")).to_contain_text("proves it on the chain")
    move.click()
    won = tab.locator(".card.won")
    expect(won).to_contain_text("was paid 105 MDC")
    model = won.get_by_role("link", name="model.exact")
    with tab.expect_download() as download:
        model.click()
    assert ExactModel.load(Path(download.value.path())).header.columns == 2
    tab.get_by_role("link", name="Predict new rows").click()
    choose(tab, "rows", table)
    tab.get_by_role("button", name="Predict").click()
    expect(tab.locator("#predicted")).to_contain_text("100 rows of numbers.csv")
    command = shlex.split(shown.locator("code", has_text="model predict").inner_text())
    assert command[0] == "modelmarket"
    command[command.index("new.csv")] = str(table)
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM, *command[1:], "--json"],
        env={**os.environ, "MODELMARKET_PASSPHRASE": passphrase},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    tab.get_by_role("link", name="Ranking").click()
    expect(tab.locator("#live-ranking tbody tr")).to_have_count(3)
    tab.get_by_role("link", name="Audit").click()
    tab.get_by_role("button", name="Audit it").click()
    expect(tab.locator("main")).to_contain_text("promises were kept.")
