# SPDX-License-Identifier: Apache-2.0
"""`modelmarket account send`: MDC from one account to another."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from modelmarket.protocol.money import ONE_MDC
from modelmarket.protocol.types import NOBODY
from support.market import Place

Command = Callable[..., tuple[object, str, str]]


def test_mdc_are_sent_and_both_balances_are_told(here: Place, give: Command) -> None:
    rita, ann = here.markets["rita"], here.markets["ann"]
    to = ann.wallet.address
    code, said, _ = give("rita", "account", "send", to, "1.25")
    assert (code, said) == (
        0,
        f"1.25 MDC were sent to {to}.\n{rita.wallet.address} has 998.75 MDC now.\n",
    )
    assert ann.balance(to) == 1000 * ONE_MDC + 5 * ONE_MDC // 4
    code, said, _ = give("ann", "account", "send", rita.wallet.address, "1", "--json")
    told = json.loads(said)
    assert told == {
        "address": to,
        "receiver": rita.wallet.address,
        "sent_wei": str(ONE_MDC),
        "mdc_wei": str(1000 * ONE_MDC + ONE_MDC // 4),
        "transaction": told["transaction"],
    }
    assert ann.transaction(bytes.fromhex(told["transaction"][2:])) is not None


@pytest.mark.parametrize(
    ("to", "amount", "code", "said"),
    [
        ("0x12", "1", 2, "'0x12' is not an account's address."),
        (
            "0x52908400098527886E0F7030069857D2E4169Ee7",
            "1",
            2,
            "its capitals do not fit its digits.",
        ),
        ("ann", "9" * 5_000, 2, "is not an amount of MDC."),
        ("ann", "1,5", 2, "'1,5' is not an amount of MDC."),
        ("ann", "0", 2, "0 MDC are nothing that can be sent."),
        ("ann", "1000.5", 7, "has 1,000 MDC and needs 1,000.5."),
        ("rita", "1", 2, "is the account that sends them."),
        ("the market", "1", 2, "is the contract of the market."),
        (NOBODY, "1", 2, "is nobody's: what is sent there is lost."),
    ],
)
def test_what_cannot_be_meant_is_not_sent(
    here: Place, give: Command, to: str, amount: str, code: int, said: str
) -> None:
    rita = here.markets["rita"]
    called = {name: address for address, name in rita.contracts().items()}
    called |= {name: one.wallet.address for name, one in here.markets.items()}
    ended, out, errors = give("rita", "account", "send", called.get(to, to), amount)
    assert (ended, out) == (code, "")
    assert said in errors
    assert rita.balance(rita.wallet.address) == 1000 * ONE_MDC
