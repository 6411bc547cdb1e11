# SPDX-License-Identifier: Apache-2.0
"""What a whole life costs on the page, as requester and as trainer: clicks and seconds.

`PYTHONPATH=tests python benchmarks/page.py [--write NAME]`.

Everybody begins at the link that their terminal printed, with a wallet in the browser
that has yet to be connected, and goes by what the page offers, without typing any
address. What people read and think takes longer than what is measured here; but what
they must click, fill in and wait for is what the page decides.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

from playwright.sync_api import Locator, expect

from support.browser import House, Visitor, chromium, write_table
from support.market import place

RESULT = Path(__file__).parent / "page.json"


@dataclass
class Life:
    """What somebody has done until now.

    Attributes:
        who: Requester or trainer.
        clicks: On links, buttons and choices.
        fields: Filled in.
        files: Chosen.
        pages: Loaded, the first among them.
        kilobytes: Of the first visit.
        seconds: That the page took, all in all.
    """

    who: str
    clicks: int = 0
    fields: int = 0
    files: int = 0
    pages: int = 1
    kilobytes: float = 0.0
    seconds: float = 0.0


class Hands:
    """Clicks and fills in for somebody, and counts.

    Args:
        visitor: With the page open.
        who: What they are called in the result.
    """

    def __init__(self, visitor: Visitor, who: str) -> None:
        self.visitor, self.tab, self.life = visitor, visitor.tab, Life(who)
        # note: a frame of the page is itself; it has no others.
        self.tab.on("framenavigated", lambda _: self._loaded())

    def _loaded(self) -> None:
        self.life.pages += 1

    def does(self, what: Callable[[], object]) -> None:
        """Does something that takes its time."""
        begun = time.monotonic()
        what()
        self.life.seconds += time.monotonic() - begun

    def click(self, target: Locator) -> None:
        """Clicks something as soon as it is there."""
        self.life.clicks += 1
        self.does(target.click)

    def button(self, name: str) -> None:
        """Clicks a button by its words."""
        self.click(self.tab.get_by_role("button", name=name).first)

    def link(self, name: str) -> None:
        """Clicks a link by its words."""
        self.click(self.tab.get_by_role("link", name=name).first)

    def fill(self, name: str, text: str) -> None:
        """Fills in a field."""
        self.life.fields += 1
        self.does(lambda: self.tab.fill(f"main [name={name}]", text))

    def choose(self, name: str, path: Path) -> None:
        """Chooses a file."""
        self.life.files += 1
        self.does(lambda: self.tab.set_input_files(f"input[name={name}]", path))

    def download(self, name: str) -> Path:
        """Saves a file that the page links to."""
        with self.tab.expect_download() as download:
            self.link(name)
        return Path(download.value.path())

    def sees(self, where: str, what: str) -> None:
        """Waits until something is said."""
        self.does(lambda: expect(self.tab.locator(where).first).to_contain_text(what))

    def connect(self) -> None:
        """Connects the wallet, and takes the airdrop."""
        self.click(self.tab.locator(".menu summary"))
        self.button("Connect Test Wallet")
        self.does(self.tab.locator("#money").wait_for)
        self.click(self.tab.locator(".menu summary"))
        self.button("Get 1,000 MDC (once)")
        self.click(self.tab.locator("#confirm button"))
        self.sees("#money", "1,000")


def first_visit_kb(house: House) -> float:
    """Kilobytes that a browser is sent which was never here."""
    visitor = house.visit("newcomer", wallet=False)
    sizes: list[int] = []
    tab = visitor.another_tab()
    tab.on(
        "response",
        lambda one: sizes.append(0 if "/events" in one.url else len(one.body())),
    )
    tab.goto(visitor.page.address)
    tab.wait_for_timeout(500)
    return round(sum(sizes) / 1_000, 1)


def create(rita: Hands, table: Path) -> None:
    """From the front page to a request that is open."""
    rita.connect()
    rita.link("New request")
    rita.click(rita.tab.locator("input[name=kind][value=predictions]"))
    rita.choose("data", table)
    rita.button("Continue")
    rita.fill("name", "Odd or even?")
    rita.button("Split and seal")
    rita.click(rita.tab.locator("#confirm button"))
    rita.sees("h1", "Odd or even?")


def enter(ann: Hands, folder: Path) -> None:
    """From the front page to a submission whose claim the agent will make."""
    ann.connect()
    ann.link("Odd or even?")
    ann.link("Submit a model")
    ann.button("Fetch and check the data")
    rows = ann.download("test.csv").read_text().splitlines()[1:]
    labels = ["odd" if int(row.split(",")[1]) % 2 else "even" for row in rows]
    predictions, model = folder / "predictions.csv", folder / "model.txt"
    predictions.write_text("\n".join(["label", *labels]) + "\n")
    model.write_text("n % 2")
    ann.choose("model", model)
    ann.choose("predictions", predictions)
    ann.fill("name", "ann")
    ann.button("Check and seal")
    ann.click(ann.tab.locator("#confirm button"))
    ann.sees("h1", "Odd or even?")
    ann.click(ann.tab.locator("#live-act button"))
    ann.click(ann.tab.locator("#confirm button"))
    ann.sees("h1", "Odd or even?")


def measure() -> list[Life]:
    """One request, from the airdrop to the model and the reward."""
    with tempfile.TemporaryDirectory() as name, ExitStack() as closing:
        folder = Path(name)
        here = closing.enter_context(place("embedded", folder / "people"))
        house = House(here, closing.enter_context(chromium()), closing)
        rita = Hands(house.visit("rita"), "requester")
        ann = Hands(house.visit("ann"), "trainer")
        create(rita, write_table(folder / "numbers.csv"))
        enter(ann, folder)
        # The clock is the embedded chain's: nobody waits an hour here.
        for _ in range(2):
            rita.tab.get_by_role("button", name="Move to the next deadline").click()
            rita.tab.wait_for_timeout(2_000)
        rita.sees(".card.won", "was paid 101 MDC")
        rita.download("model.txt")
        ann.sees("#money", "1,100")
        lives = [rita.life, ann.life]
        size = first_visit_kb(house)
    for life in lives:
        life.kilobytes, life.seconds = size, round(life.seconds, 1)
    return lives


def main() -> None:
    """Measures, prints, and writes what was found under a name if it is told to."""
    lives = list(map(asdict, measure()))
    print(json.dumps(lives, indent=1))
    if "--write" in sys.argv:
        name = sys.argv[sys.argv.index("--write") + 1]
        known = json.loads(RESULT.read_text()) if RESULT.exists() else {}
        RESULT.write_text(json.dumps(known | {name: lives}, indent=1) + "\n")


if __name__ == "__main__":
    main()
