# SPDX-License-Identifier: Apache-2.0
"""What the chain charges for an action, so that it is known before it is confirmed.

An action that takes MDC cannot be tried on the chain before its permit is
signed. So the gas is what the same calls took on a node.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelmarket.protocol.types import Wei

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
