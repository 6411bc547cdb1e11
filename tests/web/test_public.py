# SPDX-License-Identifier: Apache-2.0
"""Pages that only read say to everybody the same, whoever's computer shows them."""

from __future__ import annotations

import re
from pathlib import Path

from modelmarket import agent
from modelmarket.chain.wallets import Keystores, Wallet
from modelmarket.market import Market
from modelmarket.web.routes.requests import TABS
from modelmarket.web.workspace import Workspace
from support.contests import contest, enter
from support.market import PASSPHRASE, place
from support.visits import visiting


def shown(market: Market, paths: list[str]) -> dict[str, str]:
    """What stands on pages of somebody who has chosen no account, but for the time.

    The wallet's menu is left out: it offers this computer's keys by their addresses,
    to whoever its terminal has let in.
    """
    found = {}
    with visiting(Workspace(market)) as tab:
        tab.become("")
        # The agent has made its plan by now.
        tab.workspace.coming = agent.plan(market)
        for path in paths:
            answer = tab.get(path)
            assert answer.status_code == 200, path
            body = answer.text.partition("<body")[2]
            body = re.sub(
                r'<details class="menu">.*?</details>', "", body, flags=re.DOTALL
            )
            body = re.sub(r' data-(now|version)="\d+"', "", body)
            assert market.network.rpc not in body
            found[path] = re.sub(r"(data-until=\"\d+\">)[^<]*", r"\1", body)
    return found


def test_pages_that_only_read_tell_nothing_of_whose_computer_it_is(
    tmp_path: Path,
) -> None:
    with place("embedded", tmp_path) as here:
        rita, ann, eve = map(here.join, ("rita", "ann", "eve"))
        request, found = here.create(rita), contest(here, rita)
        here.submit(ann, request.id)
        enter(ann)
        for market in (ann, eve):
            for number in (request.id, found.id):
                market.request(str(number)).fetch()
        log = rita.history(request.id)[0].log
        paths = [
            *("/", "/?show=open", f"/accounts/{rita.wallet.address}"),
            f"/transactions/0x{log.transaction.hex()}",
            *(f"/requests/{one}{tab}" for one in (1, "v1") for tab, _ in TABS),
            *("/requests/1/submit", "/requests/v1/submit"),
            *("/requests/new", "/activity", "/notes"),
        ]
        for key in ("0x" + "01" * 32, "0x" + "02" * 32):
            Keystores(rita.home.keystores).add(Wallet.from_key(key), PASSPHRASE)
        # Rita has keys, secrets and steps to come, Ann has stakes, and Eve has nothing.
        told = [shown(market, paths) for market in (rita, ann, eve)]
    for path in paths:
        assert told[0][path] == told[1][path] == told[2][path], path
