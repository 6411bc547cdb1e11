# SPDX-License-Identifier: Apache-2.0
"""What a call would cost by Amsterdam's prices: computed, since no node charges them.

EIP-7976: no transaction is cheaper than 64 gas for every byte of its data, zero or
not, and 21,000. EIP-8037: new state costs 1,530 gas a byte, which is 97,920 for a slot.
EIP-8038: the first touch of an account or a slot costs 3,000, writing to a slot 10,000.

Assumed: a call touches and writes what it did under Osaka; a slot that comes to be is
written, too; all other prices stay, and so do refunds for slots that are cleared.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from modelmarket.chain.connection import Connection
from modelmarket.protocol.types import Address

TRANSACTION = 21_000
DATA_BYTE = 64

# Under Osaka, and under Amsterdam.
COLD_SLOT, COLD_SLOT_THEN = 2_100, 3_000
COLD_ACCOUNT, COLD_ACCOUNT_THEN = 2_600, 3_000
WRITE, WRITE_THEN = 2_900, 10_000
NEW_SLOT, NEW_SLOT_THEN = 20_000, 97_920 + WRITE_THEN

PRECOMPILES = 0x100
"""Accounts below it are warm in every transaction."""


@dataclass(frozen=True)
class Touched:
    """What a transaction touched of the chain's state.

    Attributes:
        accounts: Called for the first time: neither sender nor receiver.
        slots: Of any account, read or written.
        written: Of these slots, that were not empty and have changed.
        created: Of these slots, that were empty and are not now.
    """

    accounts: int
    slots: int
    written: int
    created: int


def touched(connection: Connection, transaction: bytes) -> Touched:
    """What a mined transaction touched, as the node's tracer tells it."""
    name = "0x" + transaction.hex()
    sent = connection.ask("eth_getTransactionByHash", name)
    ends = {sent["from"].lower(), sent["to"].lower()}
    before = _trace(connection, name, is_change=False)
    changed = _trace(connection, name, is_change=True)
    was, now = _filled(changed["pre"]), _filled(changed["post"])
    cold = {
        account
        for account in before
        if account.lower() not in ends and int(account, 16) >= PRECOMPILES
    }
    return Touched(
        accounts=len(cold),
        slots=sum(len(state.get("storage", {})) for state in before.values()),
        written=len(was),
        created=len(now - was),
    )


def _trace(connection: Connection, transaction: str, *, is_change: bool) -> Any:
    options = {"tracer": "prestateTracer", "tracerConfig": {"diffMode": is_change}}
    return connection.ask("debug_traceTransaction", transaction, options)


def _filled(states: dict[Address, Any]) -> set[tuple[str, str]]:
    """Account and slot of everything that is not zero."""
    return {
        (account, slot)
        for account, state in states.items()
        for slot, value in state.get("storage", {}).items()
        if int(value, 16)
    }


def floor(data_bytes: int) -> int:
    """The least gas of a transaction with so much data."""
    return TRANSACTION + DATA_BYTE * data_bytes


def price(gas: int, *, is_at_floor: bool, data_bytes: int, state: Touched) -> int:
    """The gas of a call by Amsterdam's prices.

    Args:
        gas: That it was charged under Osaka.
        is_at_floor: Whether that was the price of its data alone, so that what it
            executed is not known but to be less.
        data_bytes: Of its data.
        state: What it touched.

    Raises:
        ValueError: What it executed would count, and is not known.
    """
    executed = (
        gas
        + state.slots * (COLD_SLOT_THEN - COLD_SLOT)
        + state.accounts * (COLD_ACCOUNT_THEN - COLD_ACCOUNT)
        + state.written * (WRITE_THEN - WRITE)
        + state.created * (NEW_SLOT_THEN - NEW_SLOT)
    )
    least = floor(data_bytes)
    if is_at_floor and executed > least:
        raise ValueError("what was executed under the floor is not known")
    return max(executed, least)
