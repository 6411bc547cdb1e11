# SPDX-License-Identifier: Apache-2.0
"""Ours beside the rival in one run: `python benchmarks/speed.py [--write]`."""

from __future__ import annotations

import hashlib
import itertools
import json
import multiprocessing
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from modelmarket.datasets.lint.lint import lint
from modelmarket.datasets.published import TEST, TRAIN, write_parts
from modelmarket.datasets.sources import Source
from modelmarket.datasets.tables import open_table
from modelmarket.storage.store import Store

RESULT = Path(__file__).with_name("speed.json")
MEGABYTES = 300
RUNS = 3


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


def hash_it(path: Path) -> None:
    """One pass of SHA-256 over a file."""
    with path.open("rb") as file:
        hashlib.file_digest(file, "sha256")


def adding(folder: Path, path: Path) -> dict[str, str]:
    """Adding a file to the store beside one pass of SHA-256 over it."""
    numbers = itertools.count()
    ours = seconds(lambda: Store(folder / f"store-{next(numbers)}").add(path), RUNS)

    rival = seconds(lambda: hash_it(path), RUNS)
    return {
        "what": f"adding {MEGABYTES} MB to the store",
        "ours": f"{ours:.2f} s",
        "rival": f"{rival:.2f} s",
        "note": f"one pass of SHA-256: {ours / rival:.1f} times",
    }


def in_a_process(work: Callable[..., None], *arguments: Any) -> tuple[float, int]:
    """Seconds and megabytes that some work takes in a process of its own.

    Of the fastest of so many runs.
    """
    context = multiprocessing.get_context("spawn")
    answers = context.SimpleQueue()
    found: list[tuple[float, int]] = []
    for _ in range(RUNS):
        process = context.Process(target=_measured, args=(answers, work, arguments))
        process.start()
        found.append(answers.get())
        process.join()
    return min(found)


def _measured(answers: Any, work: Callable[..., None], arguments: Any) -> None:
    took = seconds(lambda: work(*arguments))
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    answers.put((took, kilobytes // 1_000))


def split_and_add(path: Path, folder: Path) -> None:
    """What `request create` does with a table that it has looked at."""
    with tempfile.TemporaryDirectory(dir=folder) as out:
        write_parts(_source(path), Path(out))
        Store(folder / "store2").add(Path(out))


def split_with_polars(path: Path, folder: Path) -> None:
    """The same by the usual means, all in memory, without adding."""
    import polars as pl
    from sklearn.model_selection import train_test_split

    frame = pl.read_csv(path)
    train, test = train_test_split(frame, test_size=0.2)
    train.write_csv(folder / "rival-train.csv")
    test.drop("label_column").write_csv(folder / "rival-test.csv")


def _source(path: Path) -> Source:
    return Source(open_table(path, header=True), label="label_column")


def look(path: Path, folder: Path) -> None:
    """What `dataset check` does, and `request create` before it publishes."""
    with tempfile.TemporaryDirectory(dir=folder) as name:
        parts = Path(name)
        done, _ = write_parts(_source(path), parts)
        lint(parts / TRAIN, parts / TEST, done)


def look_with_polars(path: Path, folder: Path) -> None:
    """The least that one looks for by hand: rows that come again."""
    import polars as pl

    del folder
    pl.read_csv(path).is_duplicated().sum()


def looking(folder: Path, path: Path) -> list[dict[str, str]]:
    """Splitting and looking at a table, beside polars finding equal rows alone."""
    ours, our_memory = in_a_process(look, path, folder)
    rival, their_memory = in_a_process(look_with_polars, path, folder)
    what = f"splitting and looking at a CSV of {MEGABYTES} MB"
    return [
        {
            "what": what,
            "ours": f"{ours:.1f} s",
            "rival": f"{rival:.1f} s",
            "note": "polars, equal rows alone",
        },
        {
            "what": "its memory",
            "ours": f"{our_memory} MB",
            "rival": f"{their_memory:,} MB",
            "note": "the same",
        },
    ]


def splitting(folder: Path, path: Path) -> list[dict[str, str]]:
    """Splitting and adding beside one pass of SHA-256, and beside polars."""
    ours, our_memory = in_a_process(split_and_add, path, folder)
    rival, their_memory = in_a_process(split_with_polars, path, folder)
    one_pass = seconds(lambda: hash_it(path), RUNS)
    what = f"splitting, sealing and adding a CSV of {MEGABYTES} MB"
    return [
        {
            "what": what,
            "ours": f"{ours:.1f} s",
            "rival": f"{one_pass:.2f} s",
            "note": f"one pass of SHA-256: {ours / one_pass:.1f} times",
        },
        {
            "what": what,
            "ours": f"{ours:.1f} s",
            "rival": f"{rival:.1f} s",
            "note": "polars and scikit-learn, splitting alone",
        },
        {
            "what": "its memory",
            "ours": f"{our_memory} MB",
            "rival": f"{their_memory:,} MB",
            "note": "the same",
        },
    ]


def write_csv(path: Path) -> None:
    """A table of 100 columns of numbers and a label; no two rows are equal."""
    chance = np.random.default_rng(1)
    names = ",".join(f"c{n}" for n in range(100))
    with path.open("w") as file:
        file.write(f"{names},label_column\n")
        while file.tell() < MEGABYTES * 1_000_000:
            numbers = chance.integers(0, 100_000, (10_000, 100))
            labels = numbers[:, :3].sum(axis=1) % 10
            np.savetxt(file, np.column_stack([numbers, labels]), "%d", ",")
    # The disk must not still be busy with it while others are measured.
    os.sync()


def main() -> None:
    """Prints the table, and writes it with `--write`."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = folder / "table.csv"
        write_csv(path)
        rows = [
            start_up(),
            adding(folder, path),
            *splitting(folder, path),
            *looking(folder, path),
        ]
    for row in rows:
        print(f"{row['what']:40} {row['ours']:>8} {row['rival']:>8}  {row['note']}")
    if "--write" in sys.argv:
        RESULT.write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
