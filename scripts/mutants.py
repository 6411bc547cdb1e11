# SPDX-License-Identifier: Apache-2.0
"""Mutation testing of the contracts: `python scripts/mutants.py [--again]`.

Small lies are put into the Vyper sources, one at a time, and the contract
tests must find each of them. Whoever survives must stand in
`tests/contracts/survivors.toml` with a reason, as equivalent or not.

The verdicts are kept in `benchmarks/mutants.json`, from which the docs take
their figures. `--again` tries only those that survived the last time, or were not reached.
"""

from __future__ import annotations

import argparse
import json
import sys
import tomllib
from collections import Counter
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from mutation import Mutant, mutants
from trials import ROOT, Verdict, try_all

RESULT = ROOT / "benchmarks" / "mutants.json"
SURVIVORS = ROOT / "tests" / "contracts" / "survivors.toml"
LEAST_PERCENT = 95.0


@dataclass(frozen=True)
class Reason:
    """Why a survivor may live."""

    mutant: str
    equivalent: bool
    reason: str


def reasons() -> dict[str, Reason]:
    """By the names of the mutants."""
    document = tomllib.loads(SURVIVORS.read_text()) if SURVIVORS.exists() else {}
    return {one["mutant"]: Reason(**one) for one in document.get("survivor", [])}


def summary(verdicts: list[Verdict], known: dict[str, Reason]) -> dict[str, Any]:
    """The figures, as they are kept."""
    fates = Counter(one.fate for one in verdicts)
    survived = [one for one in verdicts if one.fate == "survived"]
    equivalent = [
        one for one in survived if one.name in known and known[one.name].equivalent
    ]
    living = len(survived) - len(equivalent)
    killed = fates["killed"]
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "mutants": len(verdicts),
        "killed": killed,
        "equivalent": len(equivalent) + fates["the same bytecode"],
        "not_compiling": fates["does not compile"],
        "survived": living,
        "percent": round(100 * killed / max(1, killed + living), 1),
    }


def keep(every: list[Mutant], verdicts: dict[str, Verdict]) -> dict[str, Any]:
    """Writes the verdicts that there are; returns the figures."""
    found = [verdicts[one.name] for one in every if one.name in verdicts]
    figures = {"possible": len(every), **summary(found, reasons())}
    document = {**figures, "verdicts": [asdict(one) for one in found]}
    RESULT.write_text(json.dumps(document, indent=1) + "\n")
    return figures


def main() -> None:
    """Tries mutants, prints and keeps what became of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--again",
        action="store_true",
        help="only those that survived the last time, or were not reached",
    )
    arguments = parser.parse_args()
    every = mutants()
    verdicts: dict[str, Verdict] = {}
    chosen = every
    if arguments.again:
        document = json.loads(RESULT.read_text())
        verdicts = {one["name"]: Verdict(**one) for one in document["verdicts"]}
        chosen = [
            one
            for one in every
            if one.name not in verdicts or verdicts[one.name].fate == "survived"
        ]
    tried = Counter[str]()
    for verdict in try_all(chosen):
        verdicts[verdict.name] = verdict
        tried[verdict.fate] += 1
        if verdict.fate == "survived":
            print(f"survived: line {verdict.line}, {verdict.name}")
        if tried.total() % 25 == 0 or tried.total() == len(chosen):
            said = ", ".join(f"{count} {fate}" for fate, count in tried.items())
            print(f"{tried.total()} of {len(chosen)}: {said}", flush=True)
            keep(every, verdicts)
    figures = keep(every, verdicts)
    found = [verdicts[one.name] for one in every]
    known = reasons()
    print(json.dumps(figures, indent=1))
    survived = {one.name for one in found if one.fate == "survived"}
    for name in sorted(survived - set(known)):
        print(f"without a reason: {name}")
    for name in sorted(set(known) - survived):
        print(f"stale reason: {name}")
    is_good = survived == set(known) and figures["percent"] >= LEAST_PERCENT
    sys.exit(0 if is_good else 1)


if __name__ == "__main__":
    main()
