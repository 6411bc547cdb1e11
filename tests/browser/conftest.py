# SPDX-License-Identifier: Apache-2.0
"""A market for each test in a browser."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright import sync_api as playwright

from support.browser import House
from support.market import place

if TYPE_CHECKING:
    from playwright.sync_api import Browser

SHOWN_MS = 5_000


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """What each page showed when a test failed: a time-out tells nothing."""
    report = yield
    browser: Browser | None = getattr(item, "funcargs", {}).get("browser")
    if call.when == "call" and report.failed and browser is not None:
        for tab in (tab for context in browser.contexts for tab in context.pages):
            try:
                shown = tab.locator("body").inner_text(timeout=SHOWN_MS)
            except playwright.Error as error:
                shown = str(error)
            report.sections.append((f"what {tab.url} showed", shown))
    return report


@pytest.fixture(scope="module")
def shared_house(
    browser: Browser, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[House]:
    """For tests that leave the market as they found it."""
    folder = tmp_path_factory.mktemp("people")
    with place("embedded", folder) as here, ExitStack() as closing:
        yield House(here, browser, closing)


@pytest.fixture
def house(
    request: pytest.FixtureRequest, browser: Browser, tmp_path: Path
) -> Iterator[House]:
    kind = getattr(request, "param", "embedded")
    with place(kind, tmp_path / "people") as here, ExitStack() as closing:
        yield House(here, browser, closing)
