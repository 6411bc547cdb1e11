# SPDX-License-Identifier: Apache-2.0
"""Ours beside the rival in one run: `python benchmarks/speed.py [--write]`."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from modelmarket.datasets.published import publish
from modelmarket.datasets.split import Source
from modelmarket.datasets.tables import open_table
from modelmarket.storage.store import Store

RESULT = Path(__file__).with_name("speed.json")
MEGABYTES = 300
RUNS = 5


def seconds(work: Callable[[], Any], runs: int = 1) -> float:
    """The fastest of so many runs, in seconds."""
    best = float("inf")
    for _ in range(runs):
        began = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - began)
    return best


def start_up() -> dict[str, str]:
    """`modelmarket --help` beside a bare Python."""
    environment = {**os.environ, "PYTHONWARNINGS": "ignore"}

    def run(*command: str) -> Callable[[], Any]:
        return lambda: subprocess.run(
            command, capture_output=True, check=True, env=environment
        )

    program = "import sys; sys.argv = ['modelmarket', '--help']; "
    program += "from modelmarket.cli import main; main()"
    ours = seconds(run(sys.executable, "-c", program), RUNS)
    rival = seconds(run(sys.executable, "-c", "pass"), RUNS)
    return {
        "what": "`modelmarket --help`",
        "ours": f"{ours:.2f} s",
        "rival": f"{rival:.2f} s",
        "note": "a bare Python start-up",
    }


def adding(folder: Path, path: Path) -> dict[str, str]:
    """Adding a file to the store beside one pass of SHA-256 over it."""
    store = Store(folder / "store")
    ours = seconds(lambda: store.add(path))

    def hash_it() -> None:
        with path.open("rb") as file:
            hashlib.file_digest(file, "sha256")

    rival = seconds(hash_it, RUNS)
    return {
        "what": f"adding {MEGABYTES} MB to the store",
        "ours": f"{ours:.2f} s",
        "rival": f"{rival:.2f} s",
        "note": f"one pass of SHA-256: {ours / rival:.1f} times",
    }


def splitting(folder: Path, path: Path) -> dict[str, str]:
    """Splitting and adding beside one pass of SHA-256."""
    store = Store(folder / "store2")
    source = Source(open_table(path, header=True), label="label_column")

    def ours_work() -> None:
        with tempfile.TemporaryDirectory(dir=folder) as out:
            publish(source, Path(out))
            store.add(Path(out))

    ours = seconds(ours_work)
    rival = seconds(lambda: hashlib.sha256(path.read_bytes()), RUNS)
    return {
        "what": f"splitting and adding a CSV of {MEGABYTES} MB",
        "ours": f"{ours:.1f} s",
        "rival": f"{rival:.2f} s",
        "note": f"one pass of SHA-256: {ours / rival:.0f} times",
    }


def splitting_rival(folder: Path, path: Path) -> dict[str, str]:
    """Splitting beside polars and scikit-learn, who hold it all in memory."""
    source = Source(open_table(path, header=True), label="label_column")

    def ours_work() -> None:
        with tempfile.TemporaryDirectory(dir=folder) as out:
            publish(source, Path(out))

    def rival_work() -> None:
        import polars as pl
        from sklearn.model_selection import train_test_split

        frame = pl.read_csv(path)
        train, test = train_test_split(frame, test_size=0.2)
        train.write_csv(folder / "rival-train.csv")
        test.drop("label_column").write_csv(folder / "rival-test.csv")

    ours, rival = seconds(ours_work), seconds(rival_work)
    return {
        "what": f"splitting a CSV of {MEGABYTES} MB",
        "ours": f"{ours:.1f} s",
        "rival": f"{rival:.1f} s",
        "note": "polars and scikit-learn, all in memory, cells not kept as written",
    }


def write_csv(path: Path) -> None:
    """A table of 100 columns of numbers and a label."""
    row = ",".join(str(n * 7919 % 100_000) for n in range(100))
    size = 0
    with path.open("w") as file:
        file.write(",".join(f"c{n}" for n in range(100)) + ",label_column\n")
        for number in range(10**9):
            line = f"{row},{number % 10}\n"
            file.write(line)
            size += len(line)
            if size >= MEGABYTES * 1_000_000:
                return


def main() -> None:
    """Prints the table, and writes it with `--write`."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = folder / "table.csv"
        write_csv(path)
        rows = [
            start_up(),
            adding(folder, path),
            splitting(folder, path),
            splitting_rival(folder, path),
        ]
    for row in rows:
        print(f"{row['what']:40} {row['ours']:>8} {row['rival']:>8}  {row['note']}")
    if "--write" in sys.argv:
        RESULT.write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
