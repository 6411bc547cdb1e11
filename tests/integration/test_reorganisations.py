# SPDX-License-Identifier: Apache-2.0
"""The chain takes back its last blocks, in every phase and to every depth:
what fell out happens again, and the request ends as it would have.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from modelmarket import agent
from modelmarket.market import Market
from modelmarket.protocol.phases import Phase, Status
from support.market import REWARD, STAKE, Place, place

DEEPEST = 20
BURIED = DEEPEST + 5
MOST_ROUNDS = 60
EVERY = "MODELMARKET_REORGANISE_EVERY" in os.environ
RESULT = os.environ.get("MODELMARKET_REORGANISE_RESULT", "")
"""A file that what was tried is written to, a line each."""
WHO = ("requester", "ann", "bob")


def people(here: Place) -> list[Market]:
    return [here.markets[name] for name in WHO]


def look(here: Place) -> None:
    """Everybody's agent looks once."""
    for one in people(here):
        one.resume()
        agent.run_once(one)


def live_on(here: Place) -> None:
    """Blocks come and agents look, until nothing is left to do."""
    for _ in range(MOST_ROUNDS):
        look(here)
        steps = [step for one in people(here) for step in agent.plan(one)]
        if not steps and all(
            not one.vault.journal.unfinished(one.network.market) for one in people(here)
        ):
            return
        now = here.connection.now()
        begins = min((step.begins for step in steps), default=now)
        if begins > now:
            here.move_to(begins)
        else:
            here.connection.ask("anvil_mine", hex(BURIED), hex(1))
    raise AssertionError(f"still to do: {steps}")


def begun(here: Place) -> None:
    """A request that two have entered, far above the market's own block."""
    here.network = replace(here.network, confirmations=BURIED)
    for name in WHO:
        here.join(name)
    here.connection.ask("anvil_mine", hex(BURIED))
    for one in people(here):
        one.resume()
    request = here.create(here.markets["requester"])
    here.submit(here.markets["ann"], request.id, 1)
    here.submit(here.markets["bob"], request.id, 2)


def opened(here: Place) -> None:
    begun(here)
    here.move_to(here.markets["ann"].request(1).record.deadline)
    here.connection.ask("anvil_mine", hex(BURIED), hex(1))
    here.markets["requester"].request(1).open_truth()


def claimed(here: Place) -> None:
    opened(here)
    for name, number in (("bob", 2), ("ann", 1)):
        here.markets[name].submission(number).claim()


def validated(here: Place) -> None:
    claimed(here)
    here.move_to(here.markets["ann"].request(1).position().step_ends)
    here.markets["ann"].submission(1).validate()


def withdrawn(here: Place) -> None:
    validated(here)
    here.markets["bob"].submission(2).withdraw()


PHASES = [begun, opened, claimed, validated, withdrawn]


def depths() -> list[int]:
    """All of them in the long run, `make reorganisations`; here some."""
    return list(range(1, DEEPEST + 1)) if EVERY else [1, 6, DEEPEST]


@pytest.mark.parametrize("depth", depths())
@pytest.mark.parametrize("until", PHASES, ids=lambda one: one.__name__)
def test_whatever_is_taken_back_the_request_ends_the_same(
    tmp_path: Path, until: Callable[[Place], None], depth: int
) -> None:
    with place("anvil", tmp_path / "people") as here:
        until(here)
        here.connection.ask("anvil_reorg", depth, [])
        live_on(here)
        market = here.markets["requester"]
        record = market.request(1).record
        assert record.stage is Phase.FULFILLED
        first, second = record.submissions.values()
        assert (first.status, second.status) == (Status.WON, Status.WITHDRAWN)
        assert (first.paid, second.paid) == (REWARD + STAKE, STAKE)
        assert market.coin.balance(here.network.market) == 0
        for one in people(here):
            one.index.rebuild()
            assert one.request(1).record == record
    if RESULT:
        with Path(RESULT).open("a") as file:
            file.write(json.dumps({"phase": until.__name__, "depth": depth}) + "\n")
