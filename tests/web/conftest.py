# SPDX-License-Identifier: Apache-2.0
"""A running page for each test that asks for one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from modelmarket.web.desk import Desk
from modelmarket.web.server import Page, running_page
from trading import Place, place


@pytest.fixture
def embedded(tmp_path: Path) -> Iterator[Place]:
    with place("embedded", tmp_path / "people") as found:
        yield found


@pytest.fixture
def desk(embedded: Place) -> Desk:
    return Desk(embedded.join("requester"))


@pytest.fixture
def page(desk: Desk) -> Iterator[Page]:
    with running_page(desk) as found:
        yield found
