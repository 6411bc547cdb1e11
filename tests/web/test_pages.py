# SPDX-License-Identifier: Apache-2.0
"""What the pages show of a market that moves."""

from __future__ import annotations

from pathlib import Path

import httpx

from modelmarket.web.desk import Desk
from modelmarket.web.server import running_page
from trading import place


def test_a_request_is_shown_to_whoever_has_its_link_at_once(tmp_path: Path) -> None:
    with place("embedded", tmp_path / "people") as here:
        requester, desk = here.join("requester"), Desk(here.join("ann"))
        with running_page(desk) as page, httpx.Client(base_url=page.address) as tab:
            tab.get(page.link)
            assert tab.get("/requests/1").status_code == 404
            # From here on nothing but a page looks at the chain.
            desk.stop()
            request = here.create(requester)
            answer = tab.get(f"/requests/{request.id}")
    assert answer.status_code == 200
    assert "odd or even" in answer.text
