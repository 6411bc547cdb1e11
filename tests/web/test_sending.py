# SPDX-License-Identifier: Apache-2.0
"""MDC that are sent from one account to another, on the pages."""

from __future__ import annotations

import time
from pathlib import Path

import httpx
import pytest

from modelmarket.protocol.actions import Transfer
from modelmarket.protocol.money import ONE_MDC
from modelmarket.protocol.types import NOBODY, Wei, checksummed
from modelmarket.web.deeds import Deed
from modelmarket.web.views import short
from modelmarket.web.workspace import Workspace
from support.market import Place, place
from support.visits import Tab, visiting, wallet_of
from web.test_receipts import told

ANN = checksummed("0x" + "52" * 20)
OK = 200


def ask(tab: Tab, receipt: str, *, again: bool = False) -> httpx.Response:
    """What the page does until a wallet is asked to send, which locks nothing."""
    permit = tab.post(f"{receipt}/permit", json={"again": again})
    if permit.status_code != OK:
        return permit
    asked = {"deadline": "0", "signature": "", "again": again}
    return tab.post(f"{receipt}/transaction", json=asked)


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
        # Of EIP-55, but for the case of its last letter.
        (
            "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAeD",
            "1",
            "receiver",
            "its capitals do not fit its digits. Something in it is mistyped",
        ),
        ("the market", "1", "receiver", "is the contract of the market."),
        ("the market of verified contests", "1", "receiver", "is the contract of"),
        ("the coin, MDC", "1", "receiver", "What is sent there is lost"),
        (NOBODY, "1", "receiver", "is nobody's"),
        ("myself", "1", "receiver", "is the account that sends them"),
        ("ann", "9" * 5_000, "amount", "is not an amount of MDC"),
        ("ann", "1,5", "amount", "is not an amount of MDC"),
        ("ann", "-1", "amount", "is not an amount of MDC"),
        ("ann", "0", "amount", "0 MDC are nothing that can be sent"),
        ("ann", "1000.000000000000000001", "amount", "has 1,000 MDC"),
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
    assert f'id="{field}-wrong"' in answer.text
    # What was typed is still there.
    assert f'value="{to}"' in answer.text
    assert f'value="{amount}"' in answer.text
    assert tab.workspace.actions.prepared(owner, since=0) == begun


def test_both_fields_say_what_is_wrong_with_them(tab: Tab) -> None:
    page = f"/accounts/{tab.workspace.market.wallet.address}"
    answer = tab.post(f"{page}/send", receiver="0x12", amount="lots")
    assert answer.status_code == 400
    for field in ("receiver", "amount"):
        assert f'id="{field}-wrong"' in answer.text
    assert "1 more field below needs another look" in told(answer.text)


def test_however_little_can_be_sent(tab: Tab) -> None:
    page = f"/accounts/{tab.workspace.market.wallet.address}"
    sent = tab.post(f"{page}/send", receiver=ANN, amount="0.000000000000000001")
    shown = told(tab.get(sent.headers["location"]).text)
    assert "Leaves your wallet now 0.000000000000000001 MDC" in shown


def test_what_is_not_there_any_more_is_not_offered_to_be_sent(here: Place) -> None:
    market = here.join("spender")
    with visiting(Workspace(market)) as tab:
        page = f"/accounts/{market.wallet.address}/send"
        first, second = (
            tab.post(page, receiver=ANN, amount="900").headers["location"]
            for _ in range(2)
        )
        tab.post(f"{first}/confirm")
        shown = told(tab.get(second).text)
        assert "has 100 MDC and needs 900" in shown
        tab.post(f"{second}/confirm")
    assert market.balance(market.wallet.address) == 100 * ONE_MDC


def test_what_a_wallet_sent_unheard_is_found_and_not_sent_again(here: Place) -> None:
    """The page was closed between the wallet's signature and its word."""
    market = here.join("hasty")
    wallet = wallet_of(here, market)
    mine = checksummed(wallet.account.address)
    to = checksummed("0x" + "53" * 20)
    with visiting(Workspace(market)) as tab:
        tab.workspace.stop()
        tab.become(mine)
        sent = tab.post(f"/accounts/{mine}/send", receiver=to, amount="100")
        receipt = sent.headers["location"]
        wallet._send(ask(tab, receipt).json()["transaction"])
        assert market.balance(to) == 100 * ONE_MDC
        # Another that moves as much to somebody else is none of it.
        market.transfer(ANN, "100")
        for again in (False, True):
            answer = ask(tab, receipt, again=again)
            assert answer.status_code == 400
            assert "already" in answer.json()["message"]
        assert "Left your wallet 100 MDC" in told(tab.get(receipt).text)


def test_what_moved_before_the_wallet_was_asked_is_not_taken_for_it(
    here: Place,
) -> None:
    market = here.join("twice")
    wallet = wallet_of(here, market)
    mine = checksummed(wallet.account.address)
    to = checksummed("0x" + "54" * 20)
    with visiting(Workspace(market)) as tab:
        tab.workspace.stop()
        tab.become(mine)
        receipts = [
            tab.post(f"/accounts/{mine}/send", receiver=to, amount="7").headers[
                "location"
            ]
            for _ in range(2)
        ]
        for number, receipt in enumerate(receipts):
            assert market.balance(to) == 7 * number * ONE_MDC
            wallet._send(ask(tab, receipt).json()["transaction"])
            tab.workspace.market.look()
            tab.workspace.actions.look_for_what_wallets_sent()
            assert "Left your wallet 7 MDC" in told(tab.get(receipt).text)
    assert market.balance(to) == 14 * ONE_MDC


def test_a_key_of_nobodys_is_not_taken_for_the_agents(here: Place) -> None:
    market = here.join("several keys")
    other = here.join("another key")
    entry = market.vault.journal.begin(
        market.network.market, other.wallet.address, Transfer(ANN, Wei(ONE_MDC)), 0
    )
    shown = Deed.of(market, entry, {}, market.wallet.address).moved
    assert shown == f"sent by {short(other.wallet.address)}"
    mine = market.vault.journal.begin(
        market.network.market, market.wallet.address, entry.action, 0
    )
    assert Deed.of(market, mine, {}, ANN).moved == "paid to you"
    assert Deed.of(market, mine, {}, other.wallet.address).moved == (
        "sent by your agent's key"
    )


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
