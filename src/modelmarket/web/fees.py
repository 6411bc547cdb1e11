# SPDX-License-Identifier: Apache-2.0
"""What the chain charges for an errand, so that it is known before it is confirmed.

An errand that takes MDC cannot be tried on the chain before its permit is
signed. So the gas is what the same calls took on a node.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelmarket.protocol.types import Wei
from modelmarket.web.activity import Kind

if TYPE_CHECKING:
    from modelmarket.chain.connection import Connection

GAS = {
    Kind.CREATE_REQUEST: 210_000,
    Kind.SUBMIT: 170_000,
    Kind.AIRDROP: 80_000,
    Kind.CANCEL_REQUEST: 55_000,
    Kind.CANCEL_SUBMISSION: 62_000,
    Kind.WITHDRAW: 70_000,
    Kind.ENFORCE: 70_000,
    Kind.APPOINT: 50_000,
    Kind.FUND: 21_000,
}
"""Gas at most, rounded up; a test holds it against `benchmarks/gas.json`."""


def fee(connection: Connection, kind: Kind) -> Wei:
    """Wei of the chain's coin that an errand costs at most, as fees are now.

    Raises:
        ChainError: The node does not answer.
    """
    base, tip = connection.fees()
    return Wei(GAS[kind] * (base + tip))
