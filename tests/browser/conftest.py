# SPDX-License-Identifier: Apache-2.0
"""A market for each test in a browser."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from browsing import House
from trading import place

if TYPE_CHECKING:
    from playwright.sync_api import Browser


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
