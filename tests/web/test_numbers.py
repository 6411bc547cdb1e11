# SPDX-License-Identifier: Apache-2.0
"""Every amount, id, nonce and deadline reaches the wallet as it was."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from eth_utils.crypto import keccak
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from modelmarket.chain.contracts import ModelCoin
from modelmarket.protocol.actions import CreateRequest
from modelmarket.protocol.money import format_mdc
from modelmarket.protocol.terms import least_stake
from modelmarket.protocol.types import Address, Wei, checksummed
from modelmarket.web.responses import in_decimals
from modelmarket.web.workspace import Workspace
from support.browser import BrowserWallet
from support.children import child
from support.market import place
from support.visits import Tab, new_request, visiting, wallet_of

MOST_WEI = 2**96 - 1
AMOUNTS = st.integers(1, MOST_WEI) | st.integers(0, 95).map(lambda bits: 2**bits + 1)
JAVASCRIPT = (
    "require('readline').createInterface({ input: process.stdin }).on('line',"
    " (line) => console.log(JSON.stringify(JSON.parse(line))));"
)
Script = Callable[[str], str]


@pytest.fixture(scope="module")
def script() -> Iterator[Script]:
    """What a page's script makes of JSON that it reads and passes on."""
    node = shutil.which("node")
    if node is None:
        if os.environ.get("CI"):
            pytest.fail("node must be installed in CI")
        pytest.skip("node is not installed: apt-get install nodejs")
    with child(
        [node, "-e", JAVASCRIPT],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as engine:
        sent, told = engine.stdin, engine.stdout
        assert sent is not None
        assert told is not None

        def passed_on(text: str) -> str:
            sent.write(text + "\n")
            sent.flush()
            return str(told.readline())

        yield passed_on
        sent.close()
        engine.wait(timeout=10)
        told.close()


def test_a_script_loses_numbers_but_no_decimals(script: Script) -> None:
    """Why they are strings: the page once showed …678 and the wallet signed …680."""
    amount = 123_456_789_012_345_678
    assert json.loads(script(json.dumps(amount))) != amount
    assert "e+21" in script(str(10**21))
    assert json.loads(script(json.dumps(in_decimals(amount)))) == str(amount)


def numbers(document: Any) -> list[int]:
    """All numbers in a document, however deep."""
    if isinstance(document, dict):
        return [one for value in document.values() for one in numbers(value)]
    if isinstance(document, list):
        return [one for value in document for one in numbers(value)]
    return [document] if type(document) in (int, float) else []


def give_all(ask: Callable[..., Any], coin: ModelCoin, account: str) -> None:
    """Writes a balance over, in whichever slot the coin keeps it."""
    owner = bytes.fromhex(account[2:]).rjust(32, b"\0")
    for slot in range(40):
        key = "0x" + keccak(slot.to_bytes(32) + owner).hex()
        old = ask("eth_getStorageAt", coin.address, key, "latest")
        most = "0x" + MOST_WEI.to_bytes(32).hex()
        ask("anvil_setStorageAt", coin.address, key, most)
        if coin.balance(checksummed(account)) == MOST_WEI:
            return
        ask("anvil_setStorageAt", coin.address, key, old)
    raise AssertionError("no slot holds the balance")


@pytest.fixture(scope="module")
def rich(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[Tab, BrowserWallet]]:
    """Somebody with a wallet that holds as many MDC as there could be."""
    with place("anvil", tmp_path_factory.mktemp("people")) as here:
        market = here.join("somebody")
        wallet = wallet_of(here, market)
        account = wallet.account.address
        give_all(here.connection.ask, market.coin, account)
        with visiting(Workspace(market)) as tab:
            tab.become(account)
            # What is looked up in each test is known before.
            new_request(here, tab.workspace, account)
            yield tab, wallet


@settings(
    max_examples=20,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(amount=AMOUNTS)
def test_the_wallet_signs_the_amount_that_the_page_shows(
    rich: tuple[Tab, BrowserWallet], script: Script, amount: int
) -> None:
    tab, wallet = rich
    sealed = tab.workspace.actions.come_of("an-upload")
    assert sealed is not None
    first = sealed.action
    assert isinstance(first, CreateRequest)
    account = Address(wallet.account.address)
    terms = replace(first.terms, reward=Wei(amount), stake=least_stake(Wei(amount)))
    entry = tab.workspace.actions.prepare(
        account, CreateRequest(terms), "another-upload"
    )
    shown = tab.get(f"/actions/{entry.id}").text
    button = re.search(r"Confirm and lock ([\d,.]+) MDC", shown)
    assert button is not None
    assert button[1] == format_mdc(amount)
    answer = tab.post(f"/actions/{entry.id}/permit", json={}).text
    assert numbers(json.loads(answer)) == []
    message = json.loads(script(answer))["message"]
    assert message["message"]["value"] == str(amount)
    signature = wallet._sign(message)
    # The page sends back what it was given, and the chain takes the permit.
    back = {"deadline": message["message"]["deadline"], "signature": signature}
    given = json.loads(script(json.dumps(back)))
    made = tab.post(f"/actions/{entry.id}/transaction", json=given)
    assert numbers(made.json()) == []
    assert made.status_code == 200, made.text


@given(
    document=st.recursive(
        st.integers() | st.text() | st.booleans() | st.none(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_no_number_in_a_document_stays_a_number(script: Script, document: Any) -> None:
    crossing = in_decimals(document)
    assert numbers(crossing) == []
    assert json.loads(script(json.dumps(crossing))) == crossing


@pytest.mark.parametrize(
    "deadline",
    [
        "",
        "-1",
        "1e21",
        "1.5",
        "x",
        "9" * 79,
        str(2**256),
        "\N{SUPERSCRIPT TWO}",
        None,
        [],
    ],
)
def test_a_deadline_that_is_no_decimal_is_refused(
    rich: tuple[Tab, BrowserWallet], deadline: object
) -> None:
    tab, _ = rich
    sealed = tab.workspace.actions.come_of("an-upload")
    assert sealed is not None
    body = {"deadline": deadline, "signature": "0x"}
    answer = tab.post(f"/actions/{sealed.id}/transaction", json=body)
    assert answer.status_code == 400
    assert "is no deadline" in answer.json()["message"]
