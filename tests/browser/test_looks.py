# SPDX-License-Identifier: Apache-2.0
"""Every page in both themes, wide and narrow, for everybody; and strangers'
words, which stay words.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import expect

from browser.test_lives import create, submit
from modelmarket.agent import run_once
from modelmarket.datasets.sources import Source
from modelmarket.datasets.tables import open_table
from modelmarket.protocol.actions import Fund
from modelmarket.protocol.types import Wei
from modelmarket.web.routes.requests import TABS
from support.browser import (
    House,
    Visitor,
    choose,
    look_over,
    write_table,
    wrong_for_somebody,
)
from support.contests import contest, tree_of
from support.visits import new_contest

LIMIT_BYTES = 100_000
NOBODYS_CID = "bafybeibsaivomnwsukpw2c2yffokthy4kyvrkzh6hbb7mpcbyheiob3m4a"
Theme = Literal["light", "dark"]
WIDTHS = (1440, 1024, 390)
SCRIPT = "<script>document.title='taken'</script>"
IMAGE = '"><img src=x onerror="document.title=1">'
ESCAPE = "\x1b[31mred\x07"
OVERRIDE = "abc\N{RIGHT-TO-LEFT OVERRIDE}cba"
HOSTILE = (SCRIPT, IMAGE, ESCAPE, OVERRIDE)


def a_market_in_use(house: House, folder: Path) -> tuple[Visitor, list[str]]:
    """A market in which something of everything has happened."""
    visitor = house.visit("requester", wallet=False)
    visitor.connect()
    create(visitor, write_table(folder / "numbers.csv"))
    submit(visitor, folder, mistakes=1)
    visitor.tab.get_by_role("button", name="Move to the next deadline").click()
    expect(visitor.tab.locator(".standing")).to_contain_text("1 of 1 has")
    visitor.tab.get_by_role("button", name="Move to the next deadline").click()
    expect(visitor.tab.locator(".card.won")).to_be_visible()
    create_second(visitor, folder)
    upload = visitor.tab.evaluate("location.pathname")
    market = visitor.workspace.market
    found = contest(house.place, market)
    found.submit(tree_of(found, 3), name="a tree")
    open_one = house.place.create(house.place.join("another"))
    second = new_contest(house.place, visitor.workspace, market.wallet.address)
    key = visitor.workspace.market.wallet.address
    prepared = visitor.workspace.actions.prepare(key, Fund(key, Wei(1)), "/agent")
    record = visitor.workspace.market.index.logs(
        visitor.workspace.market.index.find()[-1].id
    )
    transaction = record[0].log.transaction.hex()
    return visitor, [
        "/",
        "/?q=nothing+like+it",
        "/requests/new",
        upload,
        upload.replace("requests", "contests"),
        *(f"/requests/v1{address}" for address, _ in TABS),
        "/requests/v1/submit",
        f"/actions/{second.id}",
        *(f"/requests/1{address}" for address, _ in TABS),
        f"/requests/{open_one.id}/submit",
        f"/actions/{prepared.id}",
        "/activity",
        "/agent",
        f"/transactions/0x{transaction}",
        f"/accounts/{visitor.workspace.market.wallet.address}",
        "/requests/99",
        # The pages of errors, with words that break nowhere.
        f"/transactions/0x{'ab' * 32}",
        f"/files/{NOBODYS_CID}/train.csv",
        f"/accounts/{'q' * 60}",
    ]


def create_second(visitor: Visitor, folder: Path) -> None:
    """As far as the terms of a second request."""
    visitor.go("/requests/new")
    choose(visitor.tab, "data", write_table(folder / "more.csv"))
    look_over(visitor.tab)
    visitor.tab.get_by_role("button", name="Split and seal").wait_for()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_page_is_for_everybody(
    house: House, tmp_path: Path, theme: Theme
) -> None:
    """axe-core finds nothing, on screens and on a phone of 390 px; nothing is wider than
    that, or too small to be pressed; the console stays empty.
    """
    visitor, paths = a_market_in_use(house, tmp_path)
    visitor.tab.emulate_media(color_scheme=theme)
    wrong = {}
    for path in paths:
        visitor.go(path)
        for width in WIDTHS:
            visitor.tab.set_viewport_size({"width": width, "height": 844})
            found = wrong_for_somebody(visitor.tab)
            if found:
                wrong[path, width] = found
    assert wrong == {}
    # The pages of errors say so to the console too; axe's own script is what the
    # policy is there to stop.
    refused = re.compile("status of 40[04]")
    rest = [one for one in visitor.complaints if not refused.search(one)]
    assert rest == []


RUNS_OUT = """(one) => {
  const range = document.createRange();
  range.selectNodeContents(one);
  return range.getBoundingClientRect().right > one.closest("tr").getBoundingClientRect().right;
}"""
NAMELESS = """(cells) => cells.filter((one) =>
  !one.matches(".place") && getComputedStyle(one, "::before").content === "none").length"""


def test_on_a_phone_tabs_are_whole_names_stay_in_and_numbers_are_named(
    house: House,
) -> None:
    rita, ann = house.place.join("rita"), house.place.join("ann")
    name = "W" * 64
    request = house.place.create(rita, name=name)
    house.place.submit(ann, request.id)
    house.place.move_to(request.record.deadline)
    run_once(rita)
    run_once(ann)
    visitor = house.visit(
        "reader", wallet=False, viewport={"width": 390, "height": 844}
    )
    tab = visitor.tab
    shown = tab.get_by_role("link", name=name)
    assert not shown.evaluate(RUNS_OUT)
    for path, called in TABS:
        visitor.go(f"/requests/{request.id}{path}")
        tabs = tab.locator(".tabs a")
        for one in tabs.all():
            expect(one).to_be_in_viewport(ratio=1)
        boxes = [box for one in tabs.all() if (box := one.bounding_box())]
        assert len({box["y"] for box in boxes}) == 1
        assert len(boxes) == len(TABS)
        expect(tab.locator(".tabs [aria-current]")).to_have_text(called)
    visitor.go(f"/requests/{request.id}/ranking")
    cells = tab.locator("table.ranking td")
    expect(cells).not_to_have_count(0)
    assert cells.evaluate_all(NAMELESS) == 0


def test_the_first_visit_is_small_and_stays_on_this_machine(house: House) -> None:
    visitor = house.visit("requester", wallet=False)
    tab = visitor.another_tab()
    sizes: list[int] = []
    hosts: set[str] = set()
    tab.on("request", lambda one: hosts.add(one.url.split("/")[2]))
    tab.on(
        "response",
        lambda one: sizes.append(len(one.body())),
    )
    tab.goto(visitor.page.address)
    tab.wait_for_timeout(500)
    assert sum(sizes) < LIMIT_BYTES
    assert hosts == {visitor.page.address.removeprefix("http://")}


def test_every_page_reads_without_javascript(house: House, tmp_path: Path) -> None:
    requester = house.place.join("somebody")
    request = house.place.create(requester)
    visitor = house.visit("reader", wallet=False, java_script_enabled=False)
    visitor.go(f"/requests/{request.id}")
    expect(visitor.tab.locator("h1")).to_contain_text("odd or even")
    expect(visitor.tab.locator(".numbers")).to_contain_text("100 MDC")
    visitor.tab.get_by_text("Connect a wallet", exact=True).click()
    visitor.tab.get_by_role("button", name="Use this computer's key").click()
    submit(visitor, tmp_path)
    expect(visitor.tab.locator("#live-mine")).to_contain_text("mine")


@pytest.mark.parametrize(
    "words", HOSTILE, ids=["script", "image", "escape", "override"]
)
def test_strangers_words_are_text_everywhere(
    house: House, tmp_path: Path, words: str
) -> None:
    stranger = house.place.join("stranger")
    cell = words.replace('"', '""')
    table = tmp_path / "hostile.csv"
    lines = [f'{n},"{cell}","{cell}{n % 2}"' for n in range(40)]
    table.write_text(f'n,"{cell}",kind\n' + "\n".join(lines) + "\n")
    request = stranger.create_request(
        Source(open_table(table, header=True, delimiter=","), label="kind"),
        reward=house.place.create(stranger).terms.reward,
        name=words,
        context=f"{words}\n\n[link](javascript:alert(1)) ![x](https://evil.example/x)",
    )
    model = tmp_path / words.replace("/", "_")
    model.write_text("model")
    labels = request.training_data()[1].to_list()
    request.submit(model, [labels[0]] * request.terms.labels, name=words[:60])

    visitor = house.visit("reader", wallet=False)
    for path in (
        "/",
        *(f"/requests/{request.id}{address}" for address, _ in TABS),
        f"/requests/{request.id}/submit",
        f"/accounts/{request.record.requester}",
    ):
        visitor.go(path)
        if visitor.tab.get_by_role("button", name="Fetch and check the data").count():
            visitor.tab.get_by_role("button", name="Fetch and check the data").click()
            visitor.go(path)
        assert visitor.tab.title().endswith("ModelMarket")
        body = visitor.tab.locator("body")
        assert body.locator("main script, main img, main [onerror]").count() == 0
        assert body.locator("main a[href*=javascript], main a[href*=evil]").count() == 0
        text = body.inner_text()
        assert "\x1b" not in text
        assert "\N{RIGHT-TO-LEFT OVERRIDE}" not in visitor.tab.content()
    assert visitor.complaints == []

    environment = {
        **os.environ,
        "MODELMARKET_HOME": str(stranger.home.path),
        "PYTHONWARNINGS": "ignore",
    }
    from modelmarket.chain.networks import Networks

    Networks(stranger.home.networks).put(house.place.network)
    command = (sys.executable, "-c", "from modelmarket.cli import main; main()")
    for extra in ((), ("--json",)):
        shown = subprocess.run(
            [*command, "request", "list", "--network", "test", *extra],
            env=environment,
            capture_output=True,
            check=True,
        ).stdout.decode()
        assert "\x1b" not in shown
        assert "\N{RIGHT-TO-LEFT OVERRIDE}" not in shown
        if extra:
            assert words in {one["name"] for one in json.loads(shown)}
