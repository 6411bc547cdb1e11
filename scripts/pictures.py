# SPDX-License-Identifier: Apache-2.0
"""Takes a picture of every page and state of the page: `make pictures`.

People with agents of their own live through requests of real data: a contest of
handwritten digits in which somebody lists rows that he corrected by hand, one of
irises that is open, requests of predictions that are won, claimed and cancelled. Each
page is photographed at three widths in two themes, whole, and looked over by axe-core, into `.pictures/`; the
four that the docs show are kept in `docs/pictures/`.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import product
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from playwright.sync_api import expect
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, load_wine
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier

from modelmarket.market import Market, VerifiedRequest
from modelmarket.protocol.money import parse_mdc
from support.browser import (
    House,
    Visitor,
    at_work,
    choose,
    chromium,
    look_over,
    wrong_for_somebody,
)
from support.contests import corrected, source, tree_of
from support.market import place

Theme = Literal["light", "dark"]
ROOT = Path(__file__).parents[1]
PICTURES = ROOT / "docs" / "pictures"
ALBUM = ROOT / ".pictures"
WIDTHS = (1440, 1024, 390)
THEMES: tuple[Theme, ...] = ("light", "dark")
HEIGHT = 900
TABS = ("", "/data", "/ranking", "/rules", "/activity", "/audit")


class Album:
    """Photographs what a visitor sees.

    Args:
        visitor: With a page of their own.

    Attributes:
        wrong: What is not for everybody on what was photographed.
    """

    def __init__(self, visitor: Visitor) -> None:
        self.visitor, self.tab = visitor, visitor.tab
        self.wrong: list[str] = []

    def take(self, name: str, path: str | None = None) -> None:
        """A page at every width, in both themes.

        Args:
            name: What the pictures are called.
            path: The page; None for what is shown, as it is.
        """
        if path is not None:
            self.visitor.go(path)
        for theme, width in product(THEMES, WIDTHS):
            self.tab.emulate_media(color_scheme=theme, reduced_motion="reduce")
            self.tab.set_viewport_size({"width": width, "height": HEIGHT})
            target = ALBUM / f"{name}-{width}-{theme}.png"
            self.tab.screenshot(path=target, full_page=True)
            self.wrong += [
                f"{target.name}: {one}" for one in wrong_for_somebody(self.tab)
            ]
        print(name, flush=True)

    def keep(
        self,
        name: str,
        path: str | None = None,
        theme: Theme = "light",
        height: int = 760,
    ) -> None:
        """A picture for the docs: what one sees first of a page."""
        if path is not None:
            self.visitor.go(path)
        self.tab.emulate_media(color_scheme=theme)
        self.tab.set_viewport_size({"width": 1200, "height": height})
        self.tab.evaluate("document.activeElement.blur(); scrollTo(0, 0)")
        self.tab.screenshot(path=PICTURES / f"{name}.png")


def write_table(path: Path, data: Any, label: str) -> Path:
    """One of scikit-learn's tables as a CSV with its labels in words."""
    frame, names = data.data, data.target_names
    lines = [",".join([*data.feature_names, label])]
    for row, target in zip(frame, data.target, strict=True):
        lines.append(",".join([*map(str, row), str(names[target])]))
    path.write_text("\n".join(lines) + "\n")
    return path


def contest(market: Market, table: Path, label: str, name: str) -> VerifiedRequest:
    """A verified contest of one of the tables."""
    return market.create_contest(
        source(table, label),
        name=name,
        context="Rows of **one** table; what is asked for is the last column.",
        reward=parse_mdc("250"),
        threshold="60%",
        licence="CC-BY-4.0",
        model_licence="Apache-2.0",
        accept_findings=True,
    )


@contextmanager
def house() -> Iterator[House]:
    """A market of its own, and a browser."""
    with (
        tempfile.TemporaryDirectory() as folder,
        place("embedded", Path(folder)) as here,
        chromium() as browser,
        ExitStack() as closing,
    ):
        yield House(here, browser, closing)


def creating(album: Album, table: Path) -> None:
    """From the front page to a contest, through the forms."""
    tab, visitor = album.tab, album.visitor
    album.take("market-empty", "/")
    tab.locator(".menu summary").click()
    album.take("wallet")
    tab.keyboard.press("Escape")
    visitor.connect()
    album.take("new", "/requests/new")
    for kind in ("predictions", "verified"):
        visitor.go("/requests/new")
        choose(tab, "data", table)
        look_over(tab, kind)
        # What is odd is looked for as soon as the table is shown.
        tab.locator("#report .columns").wait_for()
        album.take(f"terms-{kind}")
    tab.fill("input[name=name]", "Which iris is it?")
    album.keep("create")
    tab.fill("input[name=reward]", "many")
    tab.get_by_role("button", name="Split and seal").click()
    tab.locator(".wrong").first.wait_for()
    album.take("terms-refused")
    tab.fill("input[name=reward]", "100")
    tab.get_by_role("button", name="Check the table first").click()
    tab.locator("#report").wait_for()
    album.take("terms-looked")
    tab.get_by_role("button", name="Split and seal").click()
    tab.locator("#confirm, #confirmations input").first.wait_for()
    if tab.locator("#confirmations input").count():
        # Irises come twice: by chance once in either part.
        album.take("terms-asked")
        tab.locator("#confirmations input").check()
        tab.get_by_role("button", name="Split and seal").click()
        tab.locator("#confirm").wait_for()
    album.take("receipt-contest")
    given_up = urlsplit(tab.url).path
    tab.get_by_role("button", name="Change the terms").click()
    tab.fill("input[name=reward]", "120")
    tab.get_by_role("button", name="Split and seal").click()
    tab.locator("#confirm, #confirmations input").first.wait_for()
    if tab.locator("#confirmations input").count():
        tab.locator("#confirmations input").check()
        tab.get_by_role("button", name="Split and seal").click()
    tab.locator("#confirm").wait_for()
    changed = urlsplit(tab.url).path
    album.take("receipt-given-up", given_up)
    album.take("activity-to-be-confirmed", "/activity")
    visitor.go(changed)
    tab.locator("#confirm button").click()
    tab.locator(".numbers").wait_for()
    album.take("receipt-done", changed)


def refuted(album: Album, here: Any, table: Path, closing: ExitStack) -> None:
    """A contest that an honest forest wins, as the lie before it is refuted."""
    market, tab = album.visitor.workspace.market, album.tab
    found = contest(market, table, "digit", "Which digit is it?")
    path = f"/requests/{found.id}"
    honest, liar, late = here.join("honest"), here.join("liar"), here.join("late")
    request = honest.request(str(found.id))
    training = request.training()
    forest = RandomForestClassifier(40, max_leaf_nodes=100, random_state=0)
    request.submit(
        forest.fit(training.codes, training.targets), name="an honest forest"
    )
    theirs = liar.request(str(found.id))
    lie = theirs.submit(tree_of(theirs, 5), name="a tree, corrected by hand")
    third = late.request(str(found.id))
    third.submit(tree_of(third, 7), name="a deeper tree")
    for one in TABS:
        album.take(f"open{one.replace('/', '-')}", path + one)
    here.move_to(found.record.deadline)
    album.visitor.go(path)
    expect(tab.locator(".standing")).to_contain_text("Trainers claim")
    listing = corrected(lie.refresh(), wrong=0)
    lie.claim(listing.score)
    closing.enter_context(at_work(honest))
    closing.enter_context(at_work(late))
    expect(tab.locator(".standing")).to_contain_text("3 of 3 have")
    album.take("claims", path)
    album.take("claims-ranking", path + "/ranking")
    here.move_to(request.refresh().position().step_ends)
    lie.refresh().show(listing)
    album.visitor.go(path + "/ranking")
    expect(tab.locator("#refuted")).to_be_visible()
    album.take("refuted-ranking")
    album.keep("refuted", height=920)
    while not found.refresh().record.stage.is_final:
        album.visitor.go(path)
        move = tab.get_by_role("button", name="Move to the next deadline")
        if move.count():
            move.click()
        tab.wait_for_timeout(3_000)
    album.visitor.go(path)
    expect(tab.locator(".card.won .files")).to_be_visible()
    expect(tab.locator("#live-quality .figures")).to_be_visible()
    album.visitor.go(path + "/audit")
    tab.get_by_role("button", name="Audit it").click()
    tab.locator(".verdicts").wait_for()
    for one in TABS:
        album.take(f"won{one.replace('/', '-')}", path + one)
    album.keep("won", path)
    album.take("predict", path + "/predict")
    choose(tab, "rows", table)
    tab.get_by_role("button", name="Predict").click()
    tab.locator("#predicted").wait_for()
    album.take("predicted")


def predictions(album: Album, here: Any, tables: dict[str, Path]) -> None:
    """Requests of predictions: one open, one cancelled; and a form that is refused."""
    tab = album.tab
    stranger = here.join("stranger")
    for name, (table, label) in {
        "Whose wine is it?": (tables["wine"], "grower"),
        "Benign or malignant?": (tables["cells"], "finding"),
    }.items():
        stranger.create_request(
            source(table, label),
            name=name,
            reward=parse_mdc("400"),
            threshold="90%",
            accept_findings=True,
        )
    request = here.join("trainer").request(1)
    model = HistGradientBoostingClassifier(random_state=0)
    request.submit(model.fit(*request.training_data()), name="boosted", show=None)
    album.take("predictions-submit", "/requests/1/submit")
    (here.folder / "m.txt").write_text("m")
    (here.folder / "p.csv").write_text("row_id,label\n1,odd\n")
    choose(tab, "model", here.folder / "m.txt")
    choose(tab, "predictions", here.folder / "p.csv")
    tab.get_by_role("button", name="Check and seal").click()
    tab.get_by_role("alert").wait_for()
    album.take("submit-refused")
    labels = request.training_data()[1].to_list()
    rows = request.terms.labels
    (here.folder / "p.csv").write_text("label\n" + f"{labels[0]}\n" * rows)
    choose(tab, "predictions", here.folder / "p.csv")
    tab.fill("form.stack input[name=name]", "always the same")
    tab.get_by_role("button", name="Check and seal").click()
    tab.locator("#confirm").wait_for()
    album.take("receipt-submission")
    tab.locator("#confirm button").click()
    tab.wait_for_url("**/requests/1")
    for one in TABS:
        album.take(f"predictions{one.replace('/', '-')}", f"/requests/1{one}")
    stranger.request(2).cancel()
    album.visitor.go("/requests/2")
    expect(tab.locator(".standing")).to_contain_text("cancelled it")
    album.take("cancelled")


def around(album: Album) -> None:
    """What is not about one request."""
    market = album.visitor.workspace.market
    album.take("market", "/")
    album.keep("market", theme="dark")
    album.take("nothing-fits", "/?q=nothing+like+it")
    album.take("activity", "/activity")
    album.take("agent", "/agent")
    album.take("account", f"/accounts/{market.wallet.address}")
    last = market.index.logs(market.index.find()[-1].id)[0].log.transaction.hex()
    album.take("transaction", f"/transactions/0x{last}")
    album.take("not-found", "/requests/99")


def main() -> None:
    """Takes all pictures."""
    shutil.rmtree(ALBUM, ignore_errors=True)
    ALBUM.mkdir()
    PICTURES.mkdir(exist_ok=True)
    with house() as here:
        folder = here.place.folder
        album = Album(here.visit("buyer", wallet=False))
        tables = {
            "iris": write_table(folder / "iris.csv", load_iris(), "species"),
            "wine": write_table(folder / "wine.csv", load_wine(), "grower"),
            "cells": write_table(folder / "cells.csv", load_breast_cancer(), "finding"),
            "digits": write_table(folder / "digits.csv", load_digits(), "digit"),
        }
        creating(album, tables["iris"])
        predictions(album, here.place, tables)
        refuted(album, here.place, tables["digits"], here.closing)
        around(album)
    if album.wrong:
        raise SystemExit("\n".join(album.wrong))


if __name__ == "__main__":
    main()
