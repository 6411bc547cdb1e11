# SPDX-License-Identifier: Apache-2.0
"""The Vyper sources, compiled for the tests of both markets."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import boa
import snekmate

SOURCES = Path(__file__).parents[2] / "contracts"


def search() -> None:
    """Has whatever is compiled from here on find its imports among the sources."""
    libraries = Path(next(iter(snekmate.__path__))).parent
    boa.interpret.set_search_paths([str(libraries), str(SOURCES)])


@cache
def compiled(name: str) -> Any:
    """A deployer of a contract, compiled once in a process."""
    search()
    return boa.load_partial(str(SOURCES / f"{name}.vy"))
