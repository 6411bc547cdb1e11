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

import numpy as np
import polars as pl
import pytest

from frameworks.comparing import Compared
from modelmarket.market import Request
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


def table(rows: int = 120) -> pl.DataFrame:
    rng = np.random.default_rng(4)
    x, y = rng.random(rows), rng.random(rows)
    kinds = np.array(["high", "low", "middle"])[np.digitize(x + y / 3, [0.4, 0.8])]
    return pl.DataFrame({"x": x.round(3), "y": y.round(3), "kind": kinds})


@pytest.fixture
def request_1(here: Place) -> Request:
    here.markets["rita"].create_request(
        table(), label="kind", reward="10", accept_findings=True
    )
    return here.markets["ann"].request(1)


@pytest.fixture
def options(here: Place) -> Iterator[dict[str, Any]]:
    """What names a trainer's home, which knows the network."""
    with addressed(here, "ann") as found:
        yield found


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, exitstatus: int, config: pytest.Config
) -> None:
    found = config.stash[KEPT]
    rows = sorted(found, key=lambda one: (one.library, one.became, one.model))
    if not rows:
        return
    terminalreporter.section("beside the library's own predictions")
    for one in rows:
        terminalreporter.write_line(one.line())
    if RESULT is None or exitstatus != pytest.ExitCode.OK:
        return
    kept = {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "versions": {one: version(one) for one in LIBRARIES},
        "compared": [asdict(one) for one in rows],
    }
    Path(RESULT).write_text(json.dumps(kept, indent=1) + "\n")
