# SPDX-License-Identifier: Apache-2.0
"""Where most lives are played; a module with another place has its own `here`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.contests import PEOPLE
from support.market import Place, place


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Place]:
    """An embedded node, and rita, ann and ben, who have their airdrop."""
    with place("embedded", tmp_path) as found:
        for name in PEOPLE:
            found.join(name)
        yield found
