# SPDX-License-Identifier: Apache-2.0
"""A running page, and somebody's browser, shared by the tests of a file."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from modelmarket.web.server import Page, running_page
from modelmarket.web.workspace import Workspace
from support.market import Place, place
from support.visits import Tab, visiting


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with place("embedded", tmp_path_factory.mktemp("people")) as here:
        with running_page(Workspace(here.join("requester"))) as found:
            yield found


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """An embedded node."""
    with place("embedded", tmp_path_factory.mktemp("people")) as found:
        yield found


@pytest.fixture(scope="module")
def tab(here: Place) -> Iterator[Tab]:
    """Somebody's browser, and what her page does behind it."""
    with visiting(Workspace(here.join("somebody"))) as found:
        yield found
