# SPDX-License-Identifier: Apache-2.0
"""The long run of the state machine: `python scripts/fuzz.py [MINUTES]`.

Contract and reference model are driven side by side in several processes
until the time is over. The tally is printed and kept in
`benchmarks/fuzz.json`, from which the docs take their figures. The stories that
came furthest, and those that failed, are kept in `.corpus/`, where the next run
begins.
"""

from __future__ import annotations

import importlib
import json
import multiprocessing
import os
import sys
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).parents[1]
RESULT = ROOT / "benchmarks" / "fuzz.json"
CORPUS = ROOT / ".corpus" / "market"
MINUTES = 30.0
STORIES_AT_ONCE = 200
STEPS = 100


def run(minutes: float) -> Counter[str]:
    """Plays stories until the time is over; raises at the first difference."""
    sys.path.insert(0, str(ROOT / "tests"))
    from hypothesis import HealthCheck, settings
    from hypothesis.database import DirectoryBasedExampleDatabase
    from hypothesis.stateful import run_state_machine_as_test

    stateful = importlib.import_module("contracts.stateful")

    stateful.MarketMachine.aims = True
    ends = time.monotonic() + 60 * minutes
    while time.monotonic() < ends:
        run_state_machine_as_test(
            stateful.MarketMachine,
            settings=settings(
                max_examples=STORIES_AT_ONCE,
                stateful_step_count=STEPS,
                deadline=None,
                database=DirectoryBasedExampleDatabase(CORPUS),
                suppress_health_check=list(HealthCheck),
            ),
        )
    return Counter(stateful.MarketMachine.tally)


def main() -> None:
    """Runs one process for each core and adds up what they did."""
    minutes = float(sys.argv[1]) if len(sys.argv) > 1 else MINUTES
    processes = int(os.environ.get("FUZZ_PROCESSES", os.cpu_count() or 1))
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        tallies = pool.map(run, [minutes] * processes)
    total = sum(tallies, Counter[str]())
    document = {
        "date": datetime.now(UTC).date().isoformat(),
        "minutes": minutes,
        "processes": processes,
        **dict(sorted(total.items())),
    }
    RESULT.write_text(json.dumps(document, indent=1) + "\n")
    print(json.dumps(document, indent=1))


if __name__ == "__main__":
    main()
