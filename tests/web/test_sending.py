# SPDX-License-Identifier: Apache-2.0
"""MDC that are sent from one account to another, on the pages."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from modelmarket.protocol.actions import Transfer
from modelmarket.protocol.money import ONE_MDC
from modelmarket.protocol.types import NOBODY, Wei, checksummed
from modelmarket.web.workspace import Workspace
from support.market import Place, place
from support.visits import Tab, visiting, wallet_of
from web.test_receipts import told

ANN = checksummed("0x" + "52" * 20)


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with place("embedded", tmp_path_factory.mktemp("people")) as found:
        yield found


@pytest.fixture(scope="module")
def tab(here: Place) -> Iterator[Tab]:
    """Somebody's, as the agent's key."""
    with visiting(Workspace(here.join("somebody"))) as found:
        yield found


def test_what_the_agents_key_has_is_sent_to_ones_wallet(tmp_path: Path) -> None:
    with place("embedded", tmp_path) as here:
        market = here.join("somebody")
        key, mine = (
            market.wallet.address,
            checksummed(wallet_of(here, market).account.address),
        )
        before = market.balance(mine)
        with visiting(Workspace(market)) as tab:
            page = f"/accounts/{key}"
            assert "Send MDC to another account" in tab.get(page).text
            sent = tab.post(f"{page}/send", receiver=mine, amount="1.25")
            receipt = sent.headers["location"]
            shown = told(tab.get(receipt).text)
            assert "Leaves your wallet now 1.25 MDC sent to another account" in shown
            assert mine in shown
            assert market.balance(mine) == before
            tab.post(f"{receipt}/confirm")
            while "Left your wallet" not in (shown := told(tab.get(receipt).text)):
                time.sleep(0.1)
            assert "Sent MDC" in shown
            assert market.balance(mine) == before + 5 * ONE_MDC // 4
            assert "Sent MDC −1.25 MDC sent" in told(tab.get("/activity").text)
            entry = tab.workspace.actions.newest(1)[0]
            assert entry.hash is not None
            of_chain = told(tab.get(f"/transactions/0x{entry.hash.hex()}").text)
            assert "You sent 1.25 MDC to" in of_chain
            # Whoever it came to reads it the other way round.
            tab.become(mine)
            assert "+1.25 MDC paid to you" in told(tab.get("/activity").text)


@pytest.mark.parametrize(
    ("receiver", "amount", "field", "said"),
    [
        ("0x12", "1", "receiver", "is not an account's address"),
        ("the market", "1", "receiver", "is the contract of the market."),
        ("the market of verified contests", "1", "receiver", "is the contract of"),
        ("the coin, MDC", "1", "receiver", "What is sent there is lost"),
        (NOBODY, "1", "receiver", "is nobody's"),
        ("myself", "1", "receiver", "is the account that sends them"),
        ("ann", "1,5", "amount", "is not an amount of MDC"),
        ("ann", "-1", "amount", "is not an amount of MDC"),
        ("ann", "0", "amount", "0 MDC are nothing that can be sent"),
        ("ann", "1000.000000000000000001", "", "has 1,000 MDC"),
    ],
)
def test_what_cannot_be_sent_is_told_beside_its_field(
    tab: Tab, receiver: str, amount: str, field: str, said: str
) -> None:
    market = tab.workspace.market
    called = {name: address for address, name in market.contracts().items()}
    called |= {"myself": market.wallet.address, "ann": ANN}
    owner = market.wallet.address
    begun = tab.workspace.actions.prepared(owner, since=0)
    page = f"/accounts/{owner}"
    to = called.get(receiver, receiver)
    answer = tab.post(f"{page}/send", receiver=to, amount=amount)
    assert answer.status_code == 400
    assert said in told(answer.text)
    assert (f'id="{field}-wrong"' in answer.text) == bool(field)
    # What was typed is still there.
    assert f'value="{to}"' in answer.text
    assert f'value="{amount}"' in answer.text
    assert tab.workspace.actions.prepared(owner, since=0) == begun


def test_all_that_an_account_has_can_be_sent(here: Place) -> None:
    with visiting(Workspace(here.join("all of it"))) as tab:
        page = f"/accounts/{tab.workspace.market.wallet.address}"
        sent = tab.post(f"{page}/send", receiver=ANN, amount="1000")
        action = int(sent.headers["location"].rpartition("/")[2])
        entry = tab.workspace.actions.get(action)
    assert entry.action == Transfer(ANN, Wei(1000 * ONE_MDC))


def test_only_ones_own_account_offers_to_send(tab: Tab) -> None:
    assert "Send MDC" not in tab.get(f"/accounts/{ANN}").text
    answer = tab.post(f"/accounts/{ANN}/send", receiver=NOBODY, amount="1")
    assert answer.status_code == 400
    assert "These MDC are another account" in told(answer.text)
