# SPDX-License-Identifier: Apache-2.0
"""The trainer: enters every request that fits its rules, with a model that it trains.

`rules` says what fits, and `decisions` what came of it, in words: both without a chain.
`installed` finds whoever trains, `trainer` looks at the market and enters, and
`running` goes on doing so. It keeps no list of its own of what it entered: that follows
from the chain and the journal, so it may be killed and started again at any time.
"""

from modelmarket.agent.trainer.decisions import Decision, Verdict
from modelmarket.agent.trainer.installed import Train, plugin, plugins
from modelmarket.agent.trainer.rules import RequestKind, Rule, Rules
from modelmarket.agent.trainer.running import beside, run
from modelmarket.agent.trainer.trainer import Trainer
from modelmarket.market.trained import Budget, Trained

__all__ = [
    "Budget",
    "Decision",
    "RequestKind",
    "Rule",
    "Rules",
    "Train",
    "Trained",
    "Trainer",
    "Verdict",
    "beside",
    "plugin",
    "plugins",
    "run",
]
