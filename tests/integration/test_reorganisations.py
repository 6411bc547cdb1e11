# SPDX-License-Identifier: Apache-2.0
"""The chain takes back its last blocks, in every phase and to every depth:
what fell out happens again, and the request ends as it would have.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from modelmarket.market import Market
from modelmarket.protocol.phases import Phase, Status
from support import reorganising
from support.market import REWARD, STAKE, Place, place
from support.reorganising import DEEPEST, EVERY, bury, live_on, note, take_back

WHO = ("requester", "ann", "bob")


def people(here: Place) -> list[Market]:
    return [here.markets[name] for name in WHO]


def begun(here: Place) -> None:
    """A request that two have entered, far above the market's own block."""
    reorganising.settle_down(here, WHO)
    request = here.create(here.markets["requester"])
    here.submit(here.markets["ann"], request.id, 1)
    here.submit(here.markets["bob"], request.id, 2)


def opened(here: Place) -> None:
    begun(here)
    here.move_to(here.markets["ann"].request(1).record.deadline)
    bury(here)
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
        take_back(here, depth)
        live_on(here, WHO)
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
    note(until.__name__, depth)
