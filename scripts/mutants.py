# SPDX-License-Identifier: Apache-2.0
"""Mutation testing of the contracts: `python scripts/mutants.py`.

Lies are put into the Vyper sources, one at a time, and the tests of their market must
find each of them, without random stories. Each market has two families, those of
verified contests are called `verified-`. The syntactic one swaps operators, moves
numbers and drops statements; whoever of it survives must stand in `survivors.toml`
beside the tests with a reason, as equivalent or not. The semantic one is the patches
in `mutants/` beside the tests; nothing of it may survive.

The verdicts are kept in `benchmarks/mutants.json`, from which the docs take
their figures. With `--again` each is kept as long as the sources that its lie changes.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import tomllib
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from markets import PREDICTION, ROOT, VERIFIED, Market
from mutation import SOURCES, mutants
from patches import not_applying, patches
from trials import Lie, Verdict, changed_by, try_all

RESULT = ROOT / "benchmarks" / "mutants.json"
FAMILIES = {
    "semantic": PREDICTION,
    "syntactic": PREDICTION,
    "verified-semantic": VERIFIED,
    "verified-syntactic": VERIFIED,
}
"""The families by name, and the market that each lies about."""


@dataclass(frozen=True)
class Reason:
    """Why a survivor may live."""

    mutant: str
    equivalent: bool
    reason: str


@dataclass(frozen=True)
class Family:
    """Mutants of one kind, and what is asked of the tests for them."""

    name: str
    market: Market
    lies: Sequence[Lie]
    reasons: dict[str, Reason]
    """Why some may live, by their names."""
    least_percent: float
    may_be_idle: bool
    """Whether some may not compile, or compile to the same."""

    def accepts(self, fate: str) -> bool:
        """Whether that may become of one without a reason."""
        return fate == "killed" or (self.may_be_idle and fate != "survived")

    def settles(self, verdict: Verdict) -> bool:
        """Whether nothing more is to be found out about one."""
        return self.accepts(verdict.fate) or verdict.name in self.reasons


def family(name: str) -> Family:
    """One of `FAMILIES`, as the sources are."""
    market = FAMILIES[name]
    if name.endswith("semantic"):
        found = patches(market)
        return Family(name, market, found, {}, least_percent=100.0, may_be_idle=False)
    document = tomllib.loads(market.survivors.read_text())
    return Family(
        name,
        market,
        mutants(market),
        {one["mutant"]: Reason(**one) for one in document.get("survivor", [])},
        least_percent=95.0,
        may_be_idle=True,
    )


def summary(of: Family, verdicts: list[Verdict]) -> dict[str, Any]:
    """The figures, as they are kept."""
    fates = Counter(one.fate for one in verdicts)
    survived = [one for one in verdicts if one.fate == "survived"]
    equivalent = [
        one
        for one in survived
        if one.name in of.reasons and of.reasons[one.name].equivalent
    ]
    living = len(survived) - len(equivalent)
    killed = fates["killed"]
    return {
        "possible": len(of.lies),
        "sources_sha256": of.market.source_hash(),
        "date": datetime.now(UTC).date().isoformat(),
        "mutants": len(verdicts),
        "killed": killed,
        "equivalent": len(equivalent) + fates["the same bytecode"],
        "not_compiling": fates["does not compile"],
        "survived": living,
        "percent": round(100 * killed / max(1, killed + living), 1),
    }


def keep(of: Family, verdicts: dict[str, Verdict]) -> dict[str, Any]:
    """Writes the verdicts that there are; returns the figures."""
    found = [verdicts[one.name] for one in of.lies if one.name in verdicts]
    figures = summary(of, found)
    document = json.loads(RESULT.read_text()) if RESULT.exists() else {}
    document[of.name] = {**figures, "verdicts": [asdict(one) for one in found]}
    # At once or not at all: a run takes an hour, and may be cut.
    part = RESULT.with_suffix(".part")
    part.write_text(json.dumps(document, indent=1) + "\n")
    part.replace(RESULT)
    return figures


def kept(of: Family) -> dict[str, Verdict]:
    """The verdicts that still hold, by name.

    Whatever else has changed of the market: the lie has not, nor what it is told about.
    """
    document = json.loads(RESULT.read_text()) if RESULT.exists() else {}
    last = [Verdict(**one) for one in document.get(of.name, {}).get("verdicts", [])]
    sources = {one.name: changed_by(one) for one in of.lies}
    return {one.name: one for one in last if one.sources == sources.get(one.name)}


def choose(
    of: Family, last: dict[str, Verdict], *, again: bool, only: str
) -> list[Lie]:
    """Those that are to be tried."""
    return [
        one
        for one in of.lies
        if re.search(only, one.name)
        and not (again and one.name in last and of.settles(last[one.name]))
    ]


def run(of: Family, arguments: argparse.Namespace) -> bool:
    """Tries mutants, prints and keeps what became of them; whether all is well."""
    again, only = arguments.again, arguments.only
    last = kept(of)
    chosen = choose(of, last, again=again, only=only)
    verdicts = last if again or only else {}
    tried = Counter[str]()
    for verdict in try_all(of.market, chosen, arguments.processes, arguments.baseline):
        verdicts[verdict.name] = verdict
        tried[verdict.fate] += 1
        if not of.accepts(verdict.fate):
            print(f"{verdict.fate}: line {verdict.line}, {verdict.name}", flush=True)
        if tried.total() % 10 == 0:
            said = ", ".join(f"{count} {fate}" for fate, count in tried.items())
            print(f"{tried.total()} of {len(chosen)}: {said}", flush=True)
            keep(of, verdicts)
    figures = keep(of, verdicts)
    print(of.name, json.dumps(figures, indent=1))
    survived = {one.name for one in verdicts.values() if one.fate == "survived"}
    survived &= {one.name for one in of.lies}
    for name in sorted(survived - set(of.reasons)):
        print(f"without a reason: {name}")
    for name in sorted(set(of.reasons) - survived):
        print(f"stale reason: {name}")
    idle = figures["not_compiling"] + figures["equivalent"]
    return (
        survived == set(of.reasons)
        and figures["mutants"] == figures["possible"]
        and figures["percent"] >= of.least_percent
        and (of.may_be_idle or not idle)
    )


def main() -> None:
    """Tries the families that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--family", choices=FAMILIES, help="only this one; else all, one by one"
    )
    parser.add_argument(
        "--again",
        action="store_true",
        help="only those that were not reached the last time, or survived without a"
        " reason",
    )
    parser.add_argument(
        "--only",
        default="",
        metavar="PATTERN",
        help="only those in whose names this pattern is found",
    )
    parser.add_argument(
        "--processes", type=int, default=os.cpu_count() or 1, metavar="N"
    )
    parser.add_argument(
        "--baseline",
        type=Path,
        metavar="FOLDER",
        help="keeps what the tests do without mutants, for runs of one family on the"
        " same sources and tests",
    )
    arguments = parser.parse_args()
    if arguments.baseline:
        arguments.baseline.mkdir(parents=True, exist_ok=True)
    every = [*patches(PREDICTION), *patches(VERIFIED)]
    if wrong := not_applying(SOURCES, every):
        sys.exit("\n".join(wrong))
    names = [arguments.family] if arguments.family else list(FAMILIES)
    results = [run(family(name), arguments) for name in names]
    sys.exit(0 if all(results) else 1)


if __name__ == "__main__":
    main()
