# SPDX-License-Identifier: Apache-2.0
"""Somebody's page without a browser: what a browser sends, over real HTTP."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from html import unescape
from typing import Any

import httpx

from modelmarket.market import Market
from modelmarket.protocol.actions import CreateRequest, Entering
from modelmarket.protocol.types import Wei, checksummed
from modelmarket.vault.journal import Entry
from modelmarket.web.server import Page, running_page
from modelmarket.web.visits import ACCOUNT_COOKIE, HERE
from modelmarket.web.workspace import Workspace
from support.browser import BrowserWallet
from support.contests import table
from support.loopback import browser
from support.market import REWARD, Place


def words(page: str) -> str:
    """What a page says, without its markup, in one line."""
    return " ".join(unescape(re.sub(r"<[^>]*>", "", page)).split())


@dataclass(frozen=True)
class Tab:
    """A tab of the one browser that was let in.

    Attributes:
        client: With the browser's cookies.
        page: The server.
        workspace: Behind it.
    """

    client: httpx.Client
    page: Page
    workspace: Workspace

    @property
    def own(self) -> dict[str, str]:
        """The headers of what our own page sends."""
        return {"Origin": self.page.address, "Sec-Fetch-Site": "same-origin"}

    def get(self, path: str) -> httpx.Response:
        return self.client.get(path)

    def post(self, path: str, **form: Any) -> httpx.Response:
        """Sends a form, or with `json` what the page's script sends."""
        options = form if {"json", "files", "content"} & form.keys() else {"data": form}
        headers = self.own | options.pop("headers", {})
        return self.client.post(path, headers=headers, **options)

    def become(self, account: str) -> None:
        """Looks at the market as an account."""
        self.client.cookies.set(ACCOUNT_COOKIE, account)


@contextmanager
def visiting(workspace: Workspace) -> Iterator[Tab]:
    """Opens the link that somebody's terminal printed."""
    with (
        running_page(workspace) as page,
        browser(base_url=page.address, timeout=60) as client,
    ):
        client.get(page.link)
        tab = Tab(client, page, workspace)
        tab.become(HERE + workspace.market.wallet.address)
        yield tab


def at_once(*acts: Callable[[], Any]) -> list[Any]:
    """Does several things at the same moment, each in a thread."""
    start = threading.Barrier(len(acts))

    def act(one: Callable[[], Any]) -> Any:
        start.wait()
        return one()

    with ThreadPoolExecutor(len(acts)) as threads:
        return list(threads.map(act, acts))


def wallet_of(place: Place, market: Market) -> BrowserWallet:
    """A browser's wallet with 1,000 MDC."""
    wallet = BrowserWallet(
        place.connection,
        market.network.chain_id,
        spenders=market.network.contracts.addresses,
        coin=market.coin.address,
    )
    how = "anvil_setBalance" if place.is_anvil else "modelmarket_fund"
    amount = (hex(10**20),) if place.is_anvil else ()
    place.connection.ask(how, wallet.account.address, *amount)
    call = market.coin.claim_airdrop()
    assert call.to is not None
    wallet._send(
        {
            "from": wallet.account.address,
            "to": call.to,
            "data": "0x" + call.data.hex(),
            "value": "0x0",
            "gas": hex(200_000),
        }
    )
    return wallet


def new_request(
    place: Place,
    workspace: Workspace,
    owner: str,
    reward: Wei = REWARD,
    rows: int = 100,
    **said: Any,
) -> Entry:
    """A request that is sealed and waits to be confirmed."""
    terms = workspace.market.prepare_request(
        place.data(rows),
        owner=checksummed(owner),
        reward=reward,
        name="odd or even",
        again=True,
        **said,
    )
    return workspace.actions.prepare(
        checksummed(owner), CreateRequest(terms), "an-upload"
    )


def new_contest(place: Place, workspace: Workspace, owner: str) -> Entry:
    """A verified contest that is sealed and waits to be confirmed."""
    action = workspace.market.prepare_contest(
        table(place, seed=2), owner=checksummed(owner), reward=REWARD, name="points"
    )
    return workspace.actions.prepare(checksummed(owner), action, "an-upload")


def new_submission(workspace: Workspace, owner: str, action: Entering) -> Entry:
    """A submission that is sealed and waits to be confirmed."""
    return workspace.actions.prepare(
        checksummed(owner), action, f"/requests/{action.request}"
    )


def statuses(answers: Sequence[httpx.Response]) -> list[int]:
    return sorted(one.status_code for one in answers)
