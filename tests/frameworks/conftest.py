# SPDX-License-Identifier: Apache-2.0
"""Libraries that are too heavy for `make test`: `make frameworks` has them.

What was compared with a library's own predictions is told in a table at the end, and
kept where the docs take it from.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import pytest

from frameworks.comparing import Compared
from support.contests import PEOPLE
from support.market import Place, addressed, place

LIBRARIES = ("catboost", "dask", "datasets", "torch")
RESULT = os.environ.get("MODELMARKET_FRAMEWORKS_RESULT")
KEPT: pytest.StashKey[list[Compared]] = pytest.StashKey()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[KEPT] = []
    for one in LIBRARIES:
        try:
            version(one)
        except PackageNotFoundError:
            raise pytest.UsageError(f"{one} is not here: make frameworks") from None


@pytest.fixture
def compared(request: pytest.FixtureRequest) -> Iterator[list[Compared]]:
    """Where a test writes what it compared."""
    found: list[Compared] = []
    yield found
    request.config.stash[KEPT] += found


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Place]:
    """An embedded node, and rita, ann and ben, who have their airdrop."""
    with place("embedded", tmp_path) as found:
        for name in PEOPLE:
            found.join(name)
        yield found


@pytest.fixture
def options(here: Place) -> Iterator[dict[str, Any]]:
    """What names a trainer's home, which knows the network."""
    with addressed(here, "ann") as found:
        yield found


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    found = config.stash[KEPT]
    rows = sorted(found, key=lambda one: (one.library, one.became, one.model))
    if not rows:
        return
    terminalreporter.section("beside the library's own predictions")
    for one in rows:
        terminalreporter.write_line(one.line())
    # What failed, or was asked for alone, is no result.
    is_whole = not config.option.keyword and not terminalreporter.stats.get("failed")
    if RESULT is None or not is_whole:
        return
    kept = {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "versions": {one: version(one) for one in LIBRARIES},
        "compared": [asdict(one) for one in rows],
    }
    Path(RESULT).write_text(json.dumps(kept, indent=1) + "\n")
