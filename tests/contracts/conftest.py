# SPDX-License-Identifier: Apache-2.0
"""One market for a process; each test sees it new."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any

import boa
import pytest

from contracts.books import check_books
from contracts.world import World
from support.measuring import unmeasured


def pytest_report_header() -> str | None:
    """Says what is left out where there is no revm."""
    if find_spec("pyrevm"):
        return None
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    return f"pyrevm is not made for Python {version}: what needs it is left out"


@pytest.fixture(scope="module", autouse=True)
def _unmeasured() -> Iterator[None]:
    """An EVM in Python is not what is measured."""
    with unmeasured():
        yield


@pytest.fixture(scope="session")
def _world() -> World:
    return World()


@pytest.fixture
def world(_world: World) -> Iterator[World]:
    """A market, whose books must balance when the test is through with it."""
    with boa.env.anchor():
        _world.given = 0
        yield _world


@pytest.fixture
def both() -> Iterator[Any]:
    """Contracts and reference model side by side; in the end all money drains."""
    from contracts.comparing import Comparison

    comparison = Comparison()
    yield comparison
    comparison.drain()


# Innermost, since titanoboa takes back what a test did before fixtures end.
@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Looks at the market once the test is through with it."""
    yield
    world = getattr(item, "funcargs", {}).get("world")
    if world is not None:
        check_books(world.market, world.held() - world.given)
