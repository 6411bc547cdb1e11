# SPDX-License-Identifier: Apache-2.0
"""A chain that takes back its last blocks, and people whose agents live on."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from pathlib import Path

from modelmarket import agent
from support.market import Place

DEEPEST = 20
BURIED = DEEPEST + 5
MOST_ROUNDS = 60
EVERY = "MODELMARKET_REORGANISE_EVERY" in os.environ
"""All depths are tried in the long run, `make reorganisations`."""
RESULT = os.environ.get("MODELMARKET_REORGANISE_RESULT", "")
"""A file that what was tried is written to, a line each."""


def settle_down(
    here: Place, names: Sequence[str], unserved: Collection[str] = ()
) -> None:
    """People come with their money, and are buried for good with the market's block.

    Args:
        here: Where they come to.
        names: What they are called.
        unserved: Those of them from whom nobody can fetch anything.
    """
    here.network = replace(here.network, confirmations=BURIED)
    for name in names:
        here.join(name, is_served=name not in unserved)
    here.connection.ask("anvil_mine", hex(BURIED))
    for one in here.markets.values():
        one.resume()


def bury(here: Place) -> None:
    """Blocks come, a second apart."""
    here.connection.ask("anvil_mine", hex(BURIED), hex(1))


def take_back(here: Place, depth: int) -> None:
    """The last blocks are others now, and what was in them is gone."""
    here.connection.ask("anvil_reorg", depth, [])


def note(phase: str, depth: int) -> None:
    """Writes what ended well to the file of the figures, if there is one."""
    if RESULT:
        with Path(RESULT).open("a") as file:
            file.write(json.dumps({"phase": phase, "depth": depth}) + "\n")


def live_on(
    here: Place,
    agents: Sequence[str],
    others: Callable[[Place], None] = lambda _: None,
) -> None:
    """Blocks come and agents look, until nothing is left to do.

    Args:
        here: Where they are.
        agents: Whose agents look.
        others: What those do meanwhile who have none.
    """
    for _ in range(MOST_ROUNDS):
        for one in here.markets.values():
            one.resume()
        others(here)
        mine = [here.markets[name] for name in agents]
        if [report for one in mine for report in agent.run_once(one)]:
            # Now it may be others' turn; time does not pass before.
            continue
        steps = [step for one in mine for step in agent.plan(one)]
        if not steps and not any(
            one.vault.journal.unfinished(one.network.market) for one in mine
        ):
            return
        now = here.connection.now()
        begins = min((step.begins for step in steps), default=now)
        if begins > now:
            here.move_to(begins)
        else:
            bury(here)
    raise AssertionError(f"still to do: {steps}")
