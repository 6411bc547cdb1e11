# SPDX-License-Identifier: Apache-2.0
"""Looking and acting take few round trips, however much there is to see."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from modelmarket.market import Market
from modelmarket.protocol.money import ONE_MDC
from support.faults import Faults, faulty
from support.market import Place, place


@pytest.fixture
def embedded(tmp_path: Path) -> Iterator[Place]:
    with place("embedded", tmp_path) as here:
        yield here


@contextmanager
def counting(here: Place, name: str) -> Iterator[tuple[Market, Faults]]:
    """Somebody's market in a program that has just begun, and what it asks."""
    counter = Faults(here.network.rpc)
    with faulty(counter) as rpc:
        real, here.network = here.network, replace(here.network, rpc=rpc)
        market = here.again(name)
        here.network = real
        yield market, counter


def many(here: Place, requests: int) -> None:
    requester = here.markets["requester"]
    for _ in range(requests):
        here.create(requester, rows=10, reward=ONE_MDC)


@pytest.mark.parametrize("requests", [1, 50])
def test_requests_are_listed_in_four_round_trips(
    embedded: Place, requests: int
) -> None:
    embedded.join("requester")
    embedded.join("looking")
    many(embedded, requests)
    with counting(embedded, "looking") as (market, counter):
        found = market.requests()
        assert [one.position().phase.name for one in found] == ["OPEN"] * requests
        assert all(one.status() for one in found)
        assert counter.answered <= 4


def test_submissions_are_listed_in_four_round_trips(embedded: Place) -> None:
    embedded.join("requester")
    ann = embedded.join("ann")
    many(embedded, 3)
    for number in (1, 2, 3):
        embedded.submit(ann, number)
    with counting(embedded, "ann") as (market, counter):
        found = market.submissions()
        assert [one.request.id for one in found] == [3, 2, 1]
        assert all(one.status() for one in found)
        assert counter.answered <= 4


ACTS: dict[str, Callable[[Place, Market], object]] = {
    "create a request": lambda here, market: here.create(market),
    "submit": lambda here, market: here.submit(market, 1),
}


@pytest.mark.parametrize("news", [0, 1, 5])
@pytest.mark.parametrize("act", ACTS)
def test_what_is_sent_takes_ten_round_trips(
    embedded: Place, act: str, news: int
) -> None:
    """Whether or not something has happened since the index was read."""
    embedded.join("requester")
    ann = embedded.join("ann")
    many(embedded, 1)
    ann.look()
    many(embedded, news)
    with counting(embedded, "ann") as (market, counter):
        ACTS[act](embedded, market)
        assert counter.answered <= 10
