# SPDX-License-Identifier: Apache-2.0
"""One market for a process; each test sees it new."""

from __future__ import annotations

from collections.abc import Iterator

import boa
import pytest

from contracts.world import World


@pytest.fixture(scope="session")
def _world() -> World:
    return World()


@pytest.fixture
def world(_world: World) -> Iterator[World]:
    with boa.env.anchor():
        yield _world
