# SPDX-License-Identifier: Apache-2.0
"""A transaction is seen through: it is handed over again, pays more while it
waits, and never happens twice.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from modelmarket.chain import sending
from modelmarket.chain.connection import Connection
from modelmarket.chain.contracts import ModelCoin
from modelmarket.chain.networks import GWEI
from modelmarket.chain.sending import Signed, can_be_sent, deliver, send, sign
from modelmarket.chain.wallets import Wallet
from modelmarket.errors import FundsError, TransactionError
from modelmarket.protocol.types import Wei
from support.faults import Fault, Faults, faulty
from support.market import Place, place

SOMEBODY = Wallet.new().address


@pytest.fixture
def anvil(tmp_path: Path) -> Iterator[Place]:
    with place("anvil", tmp_path) as here:
        yield here


@pytest.fixture(autouse=True)
def _quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "PUSH_S", 0.2)


def coin_of(here: Place) -> ModelCoin:
    market = here.join("ann")
    return market.coin


def mine(here: Place, after_s: float) -> threading.Timer:
    timer = threading.Timer(after_s, lambda: here.connection.ask("evm_mine"))
    timer.start()
    return timer


class Noted(list[Signed]):
    """A journal that is given each before it is handed over."""

    def intend(self, nonce: int, second: int) -> None:
        raise AssertionError(f"{nonce} is in the journal already")

    def note(self, signed: Signed) -> None:
        self.append(signed)

    def handed_over(self) -> None:
        """As often as it is."""


def test_one_that_waits_is_replaced_by_one_that_pays_more(anvil: Place) -> None:
    coin, wallet = coin_of(anvil), anvil.markets["ann"].wallet
    connection = anvil.connection
    connection.ask("evm_setAutomine", False)
    noted = Noted()
    first = sign(connection, coin.transfer(SOMEBODY, 5), wallet)
    timer = mine(anvil, 1.5)
    receipt = deliver(connection, [first], wallet=wallet, journal=noted, raise_s=0.5)
    timer.join()
    assert noted
    assert receipt.transaction in [one.hash for one in noted]
    for cheaper, dearer in zip([first, *noted], noted, strict=False):
        assert dearer.nonce == cheaper.nonce
        for fee in ("maxFeePerGas", "maxPriorityFeePerGas"):
            assert dearer.fields[fee] * 10 >= cheaper.fields[fee] * 11
    assert coin.balance(SOMEBODY) == 5


def test_fees_rise_no_higher_than_the_user_pays(anvil: Place) -> None:
    coin, wallet = coin_of(anvil), anvil.markets["ann"].wallet
    connection = anvil.connection
    first = sign(connection, coin.transfer(SOMEBODY, 5), wallet)
    limit = first.fields["maxFeePerGas"] * 13 // 10
    connection.most_fee = Wei(limit)
    connection.ask("evm_setAutomine", False)
    noted = Noted()
    timer = mine(anvil, 2.5)
    deliver(connection, [first], wallet=wallet, journal=noted, raise_s=0.2)
    timer.join()
    assert [one.fields["maxFeePerGas"] <= limit for one in noted] == [True] * len(noted)
    assert 1 <= len(noted) <= 3


def test_fees_above_the_limit_are_told_before_anything_is_signed(
    anvil: Place,
) -> None:
    coin, wallet = coin_of(anvil), anvil.markets["ann"].wallet
    anvil.connection.most_fee = Wei(3 * GWEI)
    anvil.connection.ask("anvil_setNextBlockBaseFeePerGas", hex(5 * GWEI))
    anvil.connection.ask("evm_mine")
    with pytest.raises(FundsError, match=r"costs \S+ gwei now; you pay at most 3\."):
        sign(anvil.connection, coin.transfer(SOMEBODY, 5), wallet)


def test_what_cannot_be_paid_is_told_in_words(anvil: Place) -> None:
    """And by no function's name."""
    coin, poor = coin_of(anvil), Wallet.new()
    with pytest.raises(FundsError) as refused:
        sign(anvil.connection, coin.claim_airdrop(), poor)
    told = refused.value.message
    assert told.startswith(f"{poor.address} has 0 of the chain's own coin, and this ")
    assert re.search(r"this transaction may take 0\.\d+ of it\.$", told)
    assert "_" not in told


def test_one_that_a_pool_forgot_is_handed_over_again(anvil: Place) -> None:
    coin, wallet = coin_of(anvil), anvil.markets["ann"].wallet
    faults = Faults(anvil.network.rpc, rate=1.0, kinds=(Fault.FORGET,), most=2)
    with faulty(faults) as rpc:
        send(Connection(rpc), coin.transfer(SOMEBODY, 5), wallet)
    assert faults.injected[Fault.FORGET] == 2
    assert coin.balance(SOMEBODY) == 5


def test_one_whose_nonce_another_wallet_has_used_is_given_up(anvil: Place) -> None:
    coin, wallet = coin_of(anvil), anvil.markets["ann"].wallet
    first = sign(anvil.connection, coin.transfer(SOMEBODY, 5), wallet)
    send(anvil.connection, coin.transfer(SOMEBODY, 7), wallet)
    with pytest.raises(TransactionError, match="took the place"):
        deliver(anvil.connection, [first], wallet=wallet)
    assert coin.balance(SOMEBODY) == 7


def test_of_all_versions_one_happens(anvil: Place) -> None:
    """Also when it is a cheaper one that a miner took."""
    coin, wallet = coin_of(anvil), anvil.markets["ann"].wallet
    connection = anvil.connection
    first = sign(connection, coin.transfer(SOMEBODY, 5), wallet)
    dearer = {**first.fields, "maxFeePerGas": first.fields["maxFeePerGas"] * 2}
    second = Signed(*wallet.sign_transaction(dearer))
    connection.push(first.raw)
    receipt = deliver(connection, [first, second], wallet=wallet)
    assert receipt.transaction == first.hash
    assert coin.balance(SOMEBODY) == 5


def test_many_at_once_get_a_nonce_each(anvil: Place) -> None:
    coin, wallet = coin_of(anvil), anvil.markets["ann"].wallet
    anvil.connection.ask("evm_setAutomine", False)
    anvil.connection.ask("evm_setIntervalMining", 1)
    done = [
        threading.Thread(
            target=send, args=(anvil.connection, coin.transfer(SOMEBODY, 1), wallet)
        )
        for _ in range(12)
    ]
    for one in done:
        one.start()
    for one in done:
        one.join(timeout=60)
    assert coin.balance(SOMEBODY) == 12


def test_one_whose_gas_does_not_suffice_any_more_is_not_sent(anvil: Place) -> None:
    coin, wallet = coin_of(anvil), anvil.markets["ann"].wallet
    connection = anvil.connection
    enough = sign(connection, coin.transfer(SOMEBODY, 5), wallet)
    used = send(connection, coin.transfer(SOMEBODY, 5), wallet).gas
    again = sign(connection, coin.transfer(SOMEBODY, 5), wallet)
    short = {**again.fields, "gas": used // 2}
    assert can_be_sent(connection, [again])
    assert not can_be_sent(connection, [Signed(*wallet.sign_transaction(short))])
    # Its nonce is used: it is over.
    assert can_be_sent(connection, [enough])


def test_one_that_stands_behind_what_is_not_there_is_not_waited_for(
    anvil: Place,
) -> None:
    coin, wallet = coin_of(anvil), anvil.markets["ann"].wallet
    connection = anvil.connection
    first = sign(connection, coin.transfer(SOMEBODY, 5), wallet)
    second = {**first.fields, "nonce": first.nonce + 1}
    behind = Signed(*wallet.sign_transaction(second))
    assert not can_be_sent(connection, [behind])
    connection.push(behind.raw)  # a node may keep it, and it waits there
    assert not can_be_sent(connection, [behind])
    deliver(connection, [first])
    assert can_be_sent(connection, [behind])


def test_what_is_signed_is_not_shown() -> None:
    assert "6d79" not in repr(Signed(b"\1" * 32, b"my raw bytes"))
