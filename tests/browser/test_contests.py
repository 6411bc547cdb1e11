# SPDX-License-Identifier: Apache-2.0
"""Whole lives of verified contests, through real browsers with real wallets."""

from __future__ import annotations

import csv
import os
import re
import shlex
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect
from sklearn.ensemble import RandomForestClassifier

from modelmarket.audit import audit
from modelmarket.chain.networks import Networks
from modelmarket.market import Market
from modelmarket.market.verified.watching import Verdict
from modelmarket.protocol.money import ONE_MDC
from modelmarket.protocol.types import RequestId, checksummed
from support.browser import House, Visitor, at_work, choose, look_over
from support.contests import corrected, table, tree_of

if TYPE_CHECKING:
    from playwright.sync_api import Locator

V1 = RequestId.parse("v1")
PATIENCE = 600
"""Tenths of a second until an agent has done what it must."""


def create(visitor: Visitor, data: Path, name: str = "Near, left or right?") -> None:
    """Creates a verified contest from a table, through the forms."""
    tab = visitor.tab
    visitor.go("/requests/new")
    expect(tab.locator("input[name=kind]:checked")).to_have_value("verified")
    choose(tab, "data", data)
    look_over(tab, "verified")
    tab.fill("input[name=name]", name)
    tab.get_by_role("button", name="Split and seal").click()
    facts = tab.locator(".receipt")
    expect(facts).to_contain_text("100 MDC, the reward")
    expect(facts).to_contain_text("30 hidden rows of 3 columns")
    expect(facts).to_contain_text("Always answering")
    expect(tab.locator("#confirm")).to_contain_text("You pay about 0.000")
    tab.get_by_text("How the columns become whole numbers").click()
    expect(tab.locator("main")).to_contain_text("texts, 3 of them")
    visitor.confirm("/requests/v1")
    expect(tab.locator("h1")).to_contain_text(name)


def own_csv(house: House) -> Path:
    """A stranger's table: points in two dimensions, and which kind they are of."""
    path = table(house.place).data.path
    path.write_text(path.read_text().replace("x,y,", "across,up,", 1))
    return path


def move(visitor: Visitor) -> None:
    visitor.tab.get_by_role("button", name="Move to the next deadline").click()


def until_looked_at(market: Market) -> None:
    """Waits until somebody's agent has recomputed what the candidate showed."""
    candidate = market.request("v1").candidate()
    assert candidate is not None
    for _ in range(PATIENCE):
        if market.watched.of(candidate.record) is Verdict.TRUE:
            return
        time.sleep(0.1)
    raise AssertionError("her agent does not look at the candidate")


def points(path: Path) -> Path:
    """Rows that nobody has seen."""
    path.write_text("across,up,colour\n0.01,0.02,red\n-2.5,1.5,blue\n2.5,-1.5,green\n")
    return path


@pytest.mark.parametrize("house", ["embedded", "anvil"], indirect=True)
def test_a_stranger_buys_the_model_that_scored_and_a_cheat_is_refuted(
    house: House, tmp_path: Path
) -> None:
    """Nobody but the browser's wallet, once for the reward, is asked for a key."""
    rita = house.visit("rita")
    ann, ben = house.place.join("ann"), house.place.join("ben")
    rita.connect()
    rita.airdrop()
    create(rita, own_csv(house))
    expect(rita.tab.locator("#money")).to_contain_text("900")

    request = ann.request("v1")
    training = request.training()
    request.submit(
        RandomForestClassifier(20, max_depth=6, random_state=0).fit(
            training.codes, training.targets
        ),
        name="ann",
    )
    file = tmp_path / "model.exact"
    ben.request("v1").convert(tree_of(ben.request("v1"), 1)).save(file)
    cheat = ben.request("v1").submit(file, name="ben")
    expect(rita.tab.locator(".numbers")).to_contain_text(re.compile(r"Entries\s*2"))

    with at_work(ann):
        move(rita)
        rita.go("/requests/v1/activity")
        expect(rita.tab.locator("#live-events")).to_contain_text("The key of")
        rita.go("/requests/v1/ranking")
        expect(rita.tab.locator("#live-ranking")).to_contain_text("ann")
        listing = corrected(cheat.refresh(), wrong=0)
        cheat.claim(listing.score)
        first = rita.tab.locator("#live-ranking tbody tr").first
        expect(first).to_contain_text("ben")
        rita.go("/requests/v1")
        move(rita)
        expect(rita.tab.locator(".standing")).to_contain_text("has yet to be shown")
        cheat.show(listing)
        rita.go("/requests/v1/ranking")
        fallen = rita.tab.locator("#live-ranking tbody tr", has_text="ben")
        expect(fallen).to_contain_text("refuted by")
        lie = rita.tab.locator(".card", has_text="said what was not so")
        expect(lie).to_contain_text(re.compile(r"Row \d+ was listed as \w+"))
        rita.go("/requests/v1")
        expect(rita.tab.locator(".standing")).to_contain_text("proves it on the chain")
        until_looked_at(rita.workspace.market)
        move(rita)
        won = rita.tab.locator(".card.won")
        expect(won).to_contain_text("ann by")
    assert cheat.refresh().record.challenger in {
        ann.wallet.address,
        rita.workspace.market.wallet.address,
    }
    # Her agent has fetched it to look for lies in it.
    with rita.tab.expect_download() as download:
        won.get_by_role("link", name="model.exact").click()
    assert Path(download.value.path()).stat().st_size > 1_000
    assert saved(rita, tmp_path) == ["near", "left", "right"]
    said = rita.tab.locator("main code", has_text="predict")
    assert predicted(rita, said, tmp_path) == ["near", "left", "right"]
    assert not any(one.is_broken for one in audit(rita.workspace.market, V1))
    assert rita.wallet is not None
    assert rita.wallet.asked.count("eth_signTypedData_v4") == 1
    assert rita.wallet.asked.count("eth_sendTransaction") == 2
    assert rita.complaints == []


def saved(visitor: Visitor, folder: Path) -> list[str]:
    """What the page says of new rows, in the file that it gives."""
    tab = visitor.tab
    tab.get_by_role("link", name="Predict new rows").click()
    points(folder / "rows.csv")
    choose(tab, "rows", folder / "rows.csv")
    tab.get_by_role("button", name="Predict").click()
    expect(tab.locator("#predicted tbody tr")).to_have_count(3)
    with tab.expect_download() as download:
        tab.get_by_role("link", name="Save predictions.csv").click()
    rows = list(csv.reader(Path(download.value.path()).read_text().splitlines()))
    return [label for _, label in rows[1:]]


def predicted(visitor: Visitor, shown: Locator, folder: Path) -> list[str]:
    """What the command says that the page shows, in her terminal."""
    market = visitor.workspace.market
    Networks(market.home.networks).put(market.network)
    said = shlex.split(shown.inner_text())
    assert said[0] == "modelmarket"
    points(folder / said[said.index("new.csv")])
    assert said[-2:] == ["--network", "test"]
    program = (sys.executable, "-c", "from modelmarket.cli import main; main()")
    done = subprocess.run(
        [*program, *said[1:]],
        env={
            **os.environ,
            "MODELMARKET_HOME": str(market.home.path),
            "PYTHONWARNINGS": "ignore",
        },
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    rows = list(csv.reader(done.stdout.splitlines()))
    return [row[-1] for row in rows if row and row[-1] in ("near", "left", "right")]


def test_a_trainer_enters_by_the_form_and_his_agent_does_the_rest(
    house: House, tmp_path: Path
) -> None:
    """With a wallet of his browser: the agent claims and shows as his operator."""
    rita, ann = house.visit("rita", wallet=False), house.visit("ann")
    rita.connect()
    ann.connect()
    ann.airdrop()
    create(rita, own_csv(house))
    file = tmp_path / "tree.exact"
    found = ann.workspace.market.request("v1")
    found.convert(tree_of(found, 4)).save(file)
    submit(ann, file)
    card = ann.tab.locator(".card", has_text="Let the agent claim for you")
    card.get_by_role("button", name="Appoint the agent").click()
    expect(ann.tab.locator("main")).to_contain_text("show your model")
    ann.confirm("/requests/v1")
    expect(ann.tab.get_by_text("Let the agent claim for you")).to_have_count(0)
    move(rita)
    expect(ann.tab.locator(".standing")).to_contain_text("1 of 1 has")
    expect(ann.tab.locator("#live-mine")).to_contain_text("mine")
    move(rita)
    expect(rita.tab.locator(".standing")).to_contain_text("proves it on the chain")
    move(rita)
    expect(ann.tab.locator(".card.won")).to_contain_text("was paid 105 MDC")
    expect(ann.tab.locator("#money")).to_contain_text("1,100")
    assert rita.complaints == ann.complaints == []


def submit(visitor: Visitor, file: Path, name: str = "mine") -> None:
    """Submits a model's file through the form."""
    tab = visitor.tab
    visitor.go("/requests/v1/submit")
    choose(tab, "model", file)
    tab.fill("form.stack input[name=name]", name)
    tab.get_by_role("button", name="Check and seal").click()
    facts = tab.locator(".receipt")
    expect(facts).to_contain_text("5 MDC, the stake")
    expect(facts).to_contain_text("match what the contest promised")
    expect(facts).to_contain_text("of the points on the training part")
    visitor.confirm("/requests/v1")


def test_a_model_is_taken_out_and_the_contest_cancelled(
    house: House, tmp_path: Path
) -> None:
    rita, ann = house.visit("rita"), house.visit("ann")
    for visitor in (rita, ann):
        visitor.connect()
        visitor.airdrop()
    create(rita, own_csv(house))
    file = tmp_path / "tree.exact"
    found = ann.workspace.market.request("v1")
    found.convert(tree_of(found, 2)).save(file)
    submit(ann, file)
    expect(ann.tab.locator("#money")).to_contain_text("995")
    ann.tab.get_by_role("button", name="Cancel the submission #v1").click()
    expect(ann.tab.locator("main")).to_contain_text("comes back to you at once, whole")
    ann.confirm("/requests/v1")
    expect(ann.tab.locator("#money")).to_contain_text("1,000")
    submit(ann, file, "again")
    rita.tab.get_by_role("button", name="Cancel the request").click()
    expect(rita.tab.locator("main")).to_contain_text("the one live submission gets it")
    rita.confirm("/requests/v1")
    expect(rita.tab.locator(".numbers")).to_contain_text("Cancelled")
    expect(ann.tab.locator("#money")).to_contain_text("1,100")
    assert ann.wallet is not None
    account = checksummed(ann.wallet.account.address)
    assert ann.workspace.market.coin.balance(account) == 1_100 * ONE_MDC
    assert rita.complaints == ann.complaints == []


CLICKS = """
() => {
  for (const wait of [0, 0, 30, 60, 100, 400, 800]) {
    setTimeout(() => document.querySelector("BUTTON")?.click(), wait);
  }
}
"""


def test_quick_clicks_hide_one_contest_and_lock_one_reward(house: House) -> None:
    visitor = house.visit("rita")
    visitor.connect()
    visitor.airdrop()
    tab, wallet = visitor.tab, visitor.wallet
    assert wallet is not None
    wallet.slow_s = 1.0
    visitor.go("/requests/new")
    choose(tab, "data", own_csv(house))
    look_over(tab, "verified")
    tab.get_by_role("button", name="Split and seal").wait_for()
    tab.evaluate(CLICKS.replace("BUTTON", "form.terms button.main"))
    tab.locator("#confirm").wait_for()
    market = visitor.workspace.market
    assert len(market.vault.seals(*market.network.contracts.addresses)) == 1
    wallet.asked.clear()
    tab.evaluate(CLICKS.replace("BUTTON", "#confirm button"))
    expect(tab).to_have_url(re.compile(r"/requests/v1$"))
    assert wallet.asked.count("eth_sendTransaction") == 1
    expect(tab.locator("#money")).to_contain_text("900")
    assert market.count() == 1
