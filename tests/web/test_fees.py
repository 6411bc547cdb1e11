# SPDX-License-Identifier: Apache-2.0
"""What an errand costs is said before it is confirmed, and is true."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from modelmarket.web.activity import Kind
from modelmarket.web.fees import GAS

MEASURED = Path(__file__).parents[2] / "benchmarks" / "gas.json"
CALLS = {
    Kind.CREATE_REQUEST: "create_request",
    Kind.SUBMIT: "submit",
    Kind.AIRDROP: "claim_airdrop",
    Kind.CANCEL_REQUEST: "cancel_request",
    Kind.CANCEL_SUBMISSION: "cancel_submission",
    Kind.WITHDRAW: "withdraw",
    Kind.ENFORCE: "enforce_timeout",
    Kind.APPOINT: "set_operator",
}


@pytest.mark.parametrize("kind", CALLS)
def test_the_gas_that_is_told_is_what_the_call_takes_at_most(kind: Kind) -> None:
    cases = json.loads(MEASURED.read_text())
    most = max(one["gas"] for one in cases if one["function"] == CALLS[kind])
    assert most <= GAS[kind] <= most * 1.1


def test_every_errand_has_its_gas() -> None:
    assert set(GAS) == set(Kind)
    assert (
        GAS[Kind.FUND] == 21_000
    )  # a plain transfer: the Yellow Paper's G_transaction
