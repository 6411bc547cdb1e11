# SPDX-License-Identifier: Apache-2.0
"""Both interpreters side by side: `python scripts/fuzz_referee.py [MINUTES]`.

Random models, honest and hostile, are run on random rows by the referee, by the
client and by a reference that shares no code with either; the clerk is handed their
parts, whole and tampered with, and random listings are recounted. The first difference
ends it. The tally is printed and kept in
`benchmarks/fuzz-referee.json`, from which the docs take their figures.
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
from random import Random

ROOT = Path(__file__).parents[1]
RESULT = ROOT / "benchmarks" / "fuzz-referee.json"
MINUTES = 60.0
MOST_ROWS = 6
MOST_LISTED = 600


def run(minutes: float, seed: int) -> tuple[Counter[str], int]:
    """Judges until the time is over; raises at the first difference.

    Args:
        minutes: How long.
        seed: Of what is made; said when there is a difference.
    """
    sys.path.insert(0, str(ROOT / "tests"))
    judging = importlib.import_module("verified.judging")
    scenes = importlib.import_module("verified.scenes")
    court = importlib.import_module("verified.court").Court()

    tally, ends = judging.Tally(), time.monotonic() + 60 * minutes
    while time.monotonic() < ends:
        seed += 1
        rng = Random(seed)  # noqa: S311  # no secret
        try:
            scene = scenes.random_scene(rng, most_rows=MOST_ROWS)
            judging.judge_rows(court, rng, scene, tally)
            judging.judge_parts(court, rng, scene, tally)
            listed = scenes.random_scene(rng, most_rows=MOST_LISTED)
            judging.judge_listing(court, rng, listed, tally)
        except AssertionError as error:
            raise AssertionError(f"a difference with the seed {seed}") from error
    return tally.cases, tally.near


def main() -> None:
    """Runs one process for each core and adds up what they did."""
    minutes = float(sys.argv[1]) if len(sys.argv) > 1 else MINUTES
    processes = int(os.environ.get("FUZZ_PROCESSES", os.cpu_count() or 1))
    first = int(time.time())
    tasks = [(minutes, (first + at) << 32) for at in range(processes)]
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        found = pool.starmap(run, tasks)
    cases = sum((one for one, _ in found), Counter[str]())
    document = {
        "date": datetime.now(UTC).date().isoformat(),
        "minutes": minutes,
        "processes": processes,
        "cases": cases.total(),
        "near a limit": sum(near for _, near in found),
        "by kind": dict(sorted(cases.items())),
    }
    RESULT.write_text(json.dumps(document, indent=1) + "\n")
    print(json.dumps(document, indent=1))


if __name__ == "__main__":
    main()
