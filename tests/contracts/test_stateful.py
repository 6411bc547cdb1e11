# SPDX-License-Identifier: Apache-2.0
"""The short run of the state machine; `make fuzz` is the long one."""

from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from contracts.stateful import MarketMachine


def test_story__whatever_people_do__is_the_same_in_the_reference_model() -> None:
    run_state_machine_as_test(
        MarketMachine,
        settings=settings(max_examples=150, stateful_step_count=60, deadline=None),
    )
