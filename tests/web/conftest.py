# SPDX-License-Identifier: Apache-2.0
"""A running page, shared by the tests of a file: none of them changes it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from modelmarket.web.server import Page, running_page
from modelmarket.web.workspace import Workspace
from support.market import place


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with place("embedded", tmp_path_factory.mktemp("people")) as here:
        with running_page(Workspace(here.join("requester"))) as found:
            yield found
