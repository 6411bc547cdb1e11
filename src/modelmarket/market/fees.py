# SPDX-License-Identifier: Apache-2.0
"""What the chain charges for an action, so that it is known before it is confirmed.

An action that takes MDC cannot be tried on the chain before its permit is
signed. So the gas is what the same calls took on a node.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelmarket.protocol.actions import CreateContest, CreateRequest, Entering
from modelmarket.protocol.types import Wei
from modelmarket.system.text import bytes_of

if TYPE_CHECKING:
    from modelmarket.chain.connection import Connection
    from modelmarket.protocol.actions import Action

GAS = {
    "create_request": 210_000,
    "submit": 170_000,
    "claim_airdrop": 80_000,
    "cancel_request": 55_000,
    "cancel_submission": 62_000,
    "withdraw": 70_000,
    "enforce_timeout": 70_000,
    "set_operator": 50_000,
    "fund": 21_000,
    "transfer": 52_000,
}
"""Gas at most, rounded up; a test holds it against `benchmarks/gas.json`."""

CONTEST_GAS = {
    "create_contest": 160_000,
    "submit_model": 150_000,
    "cancel_request": 58_000,
    "cancel_submission": 68_000,
    "withdraw": 63_000,
    "withdraw_bond": 44_000,
    "settle": 76_000,
    "enforce_timeout": 78_000,
    "set_operator": 48_000,
}
"""The same of verified contests, held against `benchmarks/verified-gas.json`."""


ROOM = 2
"""A wallet is given half as much again as a call takes at most: the first call on a
market takes 17,000 to 35,000 more, nodes estimate with care, and a tenth is added to
what they say. What is not used is not paid."""
TEXT_GAS = 26
"""For each byte of a text: what the bytes of a call cost, and those of a log."""


def gas_limit(action: Action) -> int:
    """The gas that a wallet is given for an action; the same at any time."""
    gas = (CONTEST_GAS if action.is_verified else GAS)[action.kind]
    return gas + gas // ROOM + TEXT_GAS * _text_bytes(action)


def _text_bytes(action: Action) -> int:
    """Bytes of what people wrote, which no measurement could foresee."""
    match action:
        case CreateRequest(terms=terms):
            return len(bytes_of(terms.name)) + len(bytes_of(terms.context))
        case CreateContest(texts=texts, weights=weights):
            written = len(bytes_of(texts.name)) + len(bytes_of(texts.context))
            return written + 4 * len(weights)
        case Entering(name=name):
            return len(bytes_of(name))
        case _:
            return 0


def fee(connection: Connection, action: Action) -> Wei:
    """Wei of the chain's coin that an action costs at most, as fees are now.

    Raises:
        ChainError: The node does not answer.
    """
    gas = CONTEST_GAS if action.is_verified else GAS
    return price(connection, gas[action.kind])


def price(connection: Connection, gas: int) -> Wei:
    """Wei of the chain's coin that so much gas costs at most, as fees are now.

    Raises:
        ChainError: The node does not answer.
    """
    base, tip = connection.fees()
    return Wei(gas * (base + tip))
