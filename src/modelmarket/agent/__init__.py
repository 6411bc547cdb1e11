# SPDX-License-Identifier: Apache-2.0
"""The agent: does what is due, in time, for everything in the vault.

It keeps no state of its own. What is due follows from the chain and the vault
at any moment, so it may be killed and started again, or run twice: a step
that is done is not due any more, and the contract refuses to do it again.
"""

from modelmarket.agent.planning import (
    Kind,
    Outlook,
    Step,
    acts_for,
    barred,
    is_due,
    look_ahead,
    plan,
)
from modelmarket.agent.running import Report, perform, run, run_once

__all__ = [
    "Kind",
    "Outlook",
    "Report",
    "Step",
    "acts_for",
    "barred",
    "is_due",
    "look_ahead",
    "perform",
    "plan",
    "run",
    "run_once",
]
