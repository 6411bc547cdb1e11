# SPDX-License-Identifier: Apache-2.0
"""One verified market for a process; each test sees it new."""

from __future__ import annotations

from collections.abc import Iterator

import boa
import pytest

from support.measuring import unmeasured
from verified.world import World


@pytest.fixture(scope="module", autouse=True)
def _unmeasured() -> Iterator[None]:
    """An EVM in Python is not what is measured."""
    with unmeasured():
        yield


@pytest.fixture(scope="session")
def _verified_world() -> World:
    return World()


@pytest.fixture
def world(_verified_world: World) -> Iterator[World]:
    """A market, whose books must balance when the test is through with it."""
    with boa.env.anchor():
        _verified_world.contests.clear()
        _verified_world.entries.clear()
        yield _verified_world


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Looks at the market once the test is through with it."""
    yield
    world = getattr(item, "funcargs", {}).get("world")
    if isinstance(world, World):
        assert world.held() == world.owed() + world.market.slashed()
