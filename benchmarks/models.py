# SPDX-License-Identifier: Apache-2.0
"""Exact models beside scikit-learn: `python benchmarks/models.py [--write]`.

An exact model is read from its file and predicts in a process that knows nothing else;
scikit-learn predicts in another. Each has one thread, and what counts is the
processor's time, the least of several runs.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import pickle
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from modelmarket.models import ExactModel
from modelmarket.protocol.merkle import rows_tree, targets_tree

RESULT = Path(__file__).with_name("models.json")
ROWS, COLUMNS, CLASSES = 1_000_000, 64, 10
TRAINING = 20_000
RUNS = 2
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@dataclass(frozen=True)
class Figure:
    """Something measured.

    Attributes:
        what: In words.
        ours_s: Seconds of the processor.
        rival_s: The same of scikit-learn; None where there is no rival.
        limit: What was asked for, in words.
    """

    what: str
    ours_s: float
    rival_s: float | None
    limit: str

    def __str__(self) -> str:
        rival = "" if self.rival_s is None else f"{self.rival_s:8.2f} s"
        return f"{self.what:60} {self.ours_s:8.2f} s {rival:10}  {self.limit}"


def seconds(work: Callable[[], Any]) -> float:
    """The least time of the processor that some work takes."""
    best = float("inf")
    for _ in range(RUNS):
        began = time.process_time()
        work()
        best = min(best, time.process_time() - began)
    return best


def table() -> Any:
    """Codes of all rows: eight bits, 64 columns."""
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (ROWS, COLUMNS), dtype=np.uint8)


def ours(path: Path) -> float:
    """Seconds for reading a model's file and predicting all rows."""
    codes = table()
    return seconds(lambda: ExactModel.load(path).predict(codes))


def theirs(path: Path) -> float:
    """Seconds for predicting all rows with the fitted estimator."""
    codes = table()
    # Of this program's own making, in a folder of its own.
    estimator = pickle.loads(path.read_bytes())
    return seconds(lambda: estimator.predict(codes))


def alone(work: Callable[[Path], float], path: Path) -> float:
    """What some work says in a process of its own."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(work, (path,))


def estimators() -> dict[str, Any]:
    """What is fitted, with what it is called."""
    from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier

    return {
        "a forest of 100 trees of depth 12": RandomForestClassifier(
            100, max_depth=12, random_state=0
        ),
        "boosting of 500 trees of depth 6 (10 classes, 50 rounds)": (
            GradientBoostingClassifier(
                n_estimators=50, max_depth=6, subsample=0.25, random_state=0
            )
        ),
    }


def predicting(folder: Path) -> list[Figure]:
    """`predict` of exact models beside that of their estimators."""
    codes = table()[:TRAINING]
    noise = np.random.default_rng(1).normal(0, 60, (TRAINING, CLASSES))
    classes = np.argmax(codes[:, :CLASSES] + noise, axis=1)
    found = []
    for what, estimator in estimators().items():
        estimator.fit(codes, classes)
        exact = ExactModel.of_codes(estimator, width=8, columns=COLUMNS)
        exact.save(folder / "model.exact")
        (folder / "estimator").write_bytes(pickle.dumps(estimator))
        mine = alone(ours, folder / "model.exact")
        rival = alone(theirs, folder / "estimator")
        found.append(
            Figure(
                f"`predict` of {ROWS:,} rows by {what}",
                mine,
                rival,
                f"{mine / rival:.1f} times; at most 3 times are wanted",
            )
        )
        print(found[-1], flush=True)
    return found


def rooting() -> Figure:
    """The roots of rows of 64 bytes and of their targets."""
    rng = np.random.default_rng(2)
    rows, targets = rng.bytes(ROWS * 64), rng.bytes(ROWS // 512 * 256)
    took = seconds(lambda: (rows_tree(rows, 2), targets_tree(targets)))
    found = Figure(
        f"the roots of {ROWS:,} rows of 64 bytes, and of their targets of 4 bits",
        took,
        None,
        "at most 10 s are wanted",
    )
    print(found)
    return found


def main() -> None:
    """Prints the figures, and writes them with `--write`."""
    os.environ |= dict.fromkeys(THREADS, "1")
    with tempfile.TemporaryDirectory() as name:
        figures = [*predicting(Path(name)), rooting()]
    if "--write" in sys.argv:
        written = [
            asdict(one)
            | {
                "ours_s": round(one.ours_s, 2),
                "rival_s": one.rival_s and round(one.rival_s, 2),
            }
            for one in figures
        ]
        RESULT.write_text(json.dumps(written, indent=1) + "\n")


if __name__ == "__main__":
    main()
