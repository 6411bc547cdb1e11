# SPDX-License-Identifier: Apache-2.0
"""Somebody without a mouse: every step of a life by keys alone."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from playwright.sync_api import Locator, Page, expect
from playwright.sync_api import TimeoutError as OutOfTime

from support.browser import House, write_table

MOST_TABS = 80


@dataclass(frozen=True)
class Keys:
    """A keyboard, and a page that it walks through."""

    tab: Page

    def reach(self, wanted: Locator) -> None:
        """Walks on until something has the focus, and sees that it does."""
        wanted.wait_for()
        for _ in range(MOST_TABS):
            if wanted.evaluate("one => one === document.activeElement"):
                assert self._has_a_ring()
                return
            self.tab.keyboard.press("Tab")
        raise AssertionError(f"{wanted} cannot be reached by keys")

    def _has_a_ring(self) -> bool:
        """Whether it can be seen where the focus is."""
        return bool(
            self.tab.evaluate(
                "() => { const style = getComputedStyle(document.activeElement);"
                " return style.outlineStyle !== 'none'"
                " && parseFloat(style.outlineWidth) >= 2; }"
            )
        )

    def press(self, name: str, role: Literal["button", "link"] = "button") -> None:
        """Walks to a button or link, and presses it."""
        self.reach(self.tab.get_by_role(role, name=name, exact=True).first)
        self.tab.keyboard.press("Enter")

    def write(self, field: str, text: str) -> None:
        """Walks to a field and writes over what is in it."""
        self.reach(self.tab.locator(field))
        self.tab.keyboard.press("ControlOrMeta+A")
        self.tab.keyboard.type(text)

    def choose(self, field: str, path: Path) -> None:
        """Walks to a file's field and opens the system's dialogue.

        A busy Chromium without a screen opens none now and then.
        """
        for _ in range(3):
            self.reach(self.tab.locator(field))
            try:
                with self.tab.expect_file_chooser(timeout=5_000) as dialogue:
                    self.tab.keyboard.press("Enter")
            except OutOfTime:
                continue
            dialogue.value.set_files(path)
            return
        raise AssertionError(f"no dialogue for {field}")


def test_a_whole_life_by_keys_alone(house: House, tmp_path: Path) -> None:
    requester = house.visit("requester", wallet=False)
    trainer = house.visit("trainer")
    hers, his = Keys(requester.tab), Keys(trainer.tab)
    hers.reach(requester.tab.locator(".menu summary"))
    requester.tab.keyboard.press("Enter")
    hers.press("Use this computer's key")
    his.reach(trainer.tab.locator(".menu summary"))
    trainer.tab.keyboard.press("Enter")
    his.press("Connect Test Wallet")
    trainer.tab.locator("#money").wait_for()
    his.reach(trainer.tab.locator(".menu summary"))
    trainer.tab.keyboard.press("Enter")
    his.press("Get 1,000 MDC (once)")
    his.press("Confirm")
    expect(trainer.tab.locator("#money")).to_contain_text("1,000")

    hers.press("New request", "link")
    hers.reach(requester.tab.locator("input[name=kind]:checked"))
    requester.tab.keyboard.press("ArrowDown")
    hers.choose("input[name=data]", write_table(tmp_path / "numbers.csv"))
    hers.press("Continue")
    hers.write("input[name=name]", "By keys alone")
    hers.write("input[name=minutes]", "30")
    hers.press("Split and seal")
    hers.press("Confirm and lock 100 MDC")
    requester.tab.wait_for_url("**/requests/1")

    trainer.go("/")
    his.press("By keys alone", "link")
    his.press("Submit a model", "link")
    his.press("Fetch and check the data")
    his.reach(trainer.tab.get_by_role("link", name="test.csv"))
    with trainer.tab.expect_download() as download:
        trainer.tab.keyboard.press("Enter")
    rows = Path(download.value.path()).read_text().splitlines()[1:]
    labels = ["odd" if int(row.split(",")[1]) % 2 else "even" for row in rows]
    (tmp_path / "labels.csv").write_text("\n".join(["label", *labels]) + "\n")
    (tmp_path / "model.txt").write_text("n % 2")
    his.choose("input[name=predictions]", tmp_path / "labels.csv")
    his.choose("input[name=model]", tmp_path / "model.txt")
    his.write("form.stack input[name=name]", "typed")
    his.press("Check and seal")
    his.press("Confirm and lock 1 MDC")
    trainer.tab.wait_for_url("**/requests/1")
    his.press("Appoint the agent")
    his.press("Confirm")
    trainer.tab.wait_for_url("**/requests/1")

    hers.press("Move to the next deadline")
    expect(requester.tab.locator(".standing")).to_contain_text("1 of 1 has")
    hers.press("Move to the next deadline")
    expect(requester.tab.locator(".card.won")).to_contain_text("was paid 101 MDC")
    # Her agent fetches what she has bought.
    expect(requester.tab.get_by_role("link", name="model.txt")).to_be_visible()
    hers.reach(requester.tab.get_by_role("link", name="model.txt"))
    with requester.tab.expect_download() as model:
        requester.tab.keyboard.press("Enter")
    assert Path(model.value.path()).read_text() == "n % 2"
