# SPDX-License-Identifier: Apache-2.0
"""Both interpreters side by side: `python scripts/fuzz_referee.py [MINUTES]`.

Random models, honest and hostile, are run on random rows by the referee, by the
client and by a reference that shares no code with either; the clerk is handed their
parts, whole and tampered with, and random listings are recounted. The first difference
ends it. The tally is kept in
`benchmarks/fuzz-referee.json`, from which the docs take their figures: every run adds to
what earlier ones found of the same contracts.
"""

from __future__ import annotations

import hashlib
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
from typing import Any

ROOT = Path(__file__).parents[1]
RESULT = ROOT / "benchmarks" / "fuzz-referee.json"
ARTIFACTS = ROOT / "src" / "modelmarket" / "chain" / "artifacts"
JUDGES = ("Referee", "Clerk")
MINUTES = 60.0
KEPT_EVERY = 5.0
"""Minutes after which what was found is kept, whatever comes then."""
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


def judges() -> str:
    """SHA-256 of the code of the contracts that judge; comments do not matter."""
    found = hashlib.sha256()
    for name in JUDGES:
        artifact = json.loads((ARTIFACTS / f"{name}.json").read_text())
        code = bytes.fromhex(artifact["bytecode"].removeprefix("0x"))
        # What the compiler says of the sources stands last, and how long it is.
        found.update(code[: -int.from_bytes(code[-2:])])
    return found.hexdigest()


def known() -> dict[str, Any]:
    """What earlier runs found of these contracts."""
    try:
        document: dict[str, Any] = json.loads(RESULT.read_text())
    except FileNotFoundError:
        document = {}
    if document.get("contracts") == judges():
        return document
    return {
        "contracts": judges(),
        "minutes of a core": 0.0,
        "cases": 0,
        "near a limit": 0,
        "by kind": {},
    }


def add(minutes: float, found: list[tuple[Counter[str], int]]) -> None:
    """Adds what some processes found in so many minutes, and tells how it stands."""
    document = known()
    cases = sum((one for one, _ in found), Counter(document["by kind"]))
    document |= {
        "date": datetime.now(UTC).date().isoformat(),
        "minutes of a core": document["minutes of a core"] + minutes * len(found),
        "cases": cases.total(),
        "near a limit": document["near a limit"] + sum(near for _, near in found),
        "by kind": dict(sorted(cases.items())),
    }
    whole = RESULT.with_suffix(".part")
    whole.write_text(json.dumps(document, indent=1) + "\n")
    whole.replace(RESULT)
    print(f"{document['cases']:,} cases, {document['near a limit']:,} near a limit")


def main() -> None:
    """Runs one process for each core and adds up what they did."""
    left = float(sys.argv[1]) if len(sys.argv) > 1 else MINUTES
    processes = int(os.environ.get("FUZZ_PROCESSES", os.cpu_count() or 1))
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        while left > 0:
            minutes, first = min(left, KEPT_EVERY), int(time.time())
            tasks = [(minutes, (first + at) << 32) for at in range(processes)]
            add(minutes, pool.starmap(run, tasks))
            left -= minutes


if __name__ == "__main__":
    main()
