# SPDX-License-Identifier: Apache-2.0
"""The short run of the state machine; `make fuzz` is the long one."""

from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from contracts.stateful import MarketMachine


def test_contract_and_reference_model_agree_whatever_people_do() -> None:
    run_state_machine_as_test(
        MarketMachine,
        settings=settings(max_examples=150, stateful_step_count=60, deadline=None),
    )
