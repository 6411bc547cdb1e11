# SPDX-License-Identifier: Apache-2.0
"""What the built-in trainer reaches beside the quick baseline.

    python benchmarks/trainer.py [--mnist FOLDER] [--only NAME] [--write]

Each table is split as a request splits it, a fifth of the rows for testing, once for
each seed. The trainer sees the training part alone, with so many seconds of one
processor, and with scikit-learn alone, as it is installed; the baseline is the forest
that `dataset check` tries: 30 trees, learnt from 2,000 rows at most. Both predict the
test part, which neither has seen. In a verified contest the exact model predicts, on
codes; of numbers the mean error is told, as the contest's points count it. In one of
predictions the ONNX file predicts.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

import lints  # beside this file
from modelmarket.datasets.baselines import MOST_FITTED_ROWS, every, quick_forest
from modelmarket.datasets.choosing import Choice
from modelmarket.datasets.coding import Coding, code
from modelmarket.datasets.contest import ContestFolder
from modelmarket.datasets.frames import read_frame
from modelmarket.datasets.idx import write_mnist
from modelmarket.datasets.published import TEST, TRAIN, write_parts
from modelmarket.datasets.sources import LABEL, ROW_ID, Source
from modelmarket.datasets.tables import open_table
from modelmarket.market.trained import Budget
from modelmarket.market.training import train_exact, train_file
from modelmarket.market.verified.publishing import most_words
from modelmarket.market.verified.scoring import SCALE
from modelmarket.models import Limits
from modelmarket.models.validating import Measure
from modelmarket.protocol.conditions import MOST_UNITS
from modelmarket.protocol.hidden import unpack_groups, unpack_rows
from modelmarket.protocol.point_kinds import Kind
from modelmarket.protocol.points import Scoring
from modelmarket.protocol.schema import NumberTarget

RESULT = Path(__file__).with_name("trainer.json")
SPLITS, FEW_SPLITS = 20, 3
SECONDS, MANY_SECONDS = 15.0, 40.0
"""Of one processor, that the trainer has for a table, and for all of MNIST."""
NUMBER_BITS = 16
CHALLENGE_S = 3_600
"""The window of a contest as it is made if nothing is said."""
VERIFIED, PREDICTION = "verified", "prediction"


@dataclass(frozen=True)
class Outcome:
    """What came of one split.

    Attributes:
        trainer: What the trainer's model reaches on the test part: a share of right
            rows, or a mean error.
        baseline: The same of the quick baseline.
        model: What was chosen.
        seconds: Of the processor, that it took.
        rows: That were tested.
    """

    trainer: float
    baseline: float
    model: str
    seconds: float
    rows: int


def verified(
    source: Source, folder: Path, seed: bytes, budget: Budget, *, is_number: bool
) -> Outcome:
    """One split as a verified contest."""
    choice = Choice(stratified=not is_number)
    bits = NUMBER_BITS if is_number else None
    coded = code(
        source, folder / TRAIN, Coding(number_bits=bits, choice=choice, seed=seed)
    )
    schema, target, rows = coded.schema, coded.schema.target, len(coded.rows)
    codes, targets = ContestFolder(lambda name: folder / name).training(schema)
    new = unpack_rows(coded.rows, len(schema.columns), schema.width)
    wanted = unpack_groups(coded.groups, rows, target.bits)
    scoring, unit = Scoring(Kind.ACCURACY, target.outputs), 1.0
    if isinstance(target, NumberTarget):
        within = math.ceil(SCALE * coded.deviation)
        scoring = Scoring.of_errors(Kind.ABSOLUTE, within, rows)
        unit = float(target.step)
    measure = Measure(scoring, target.bits, unit)
    limits = Limits(
        len(schema.columns),
        target.outputs,
        schema.width,
        most_units=MOST_UNITS,
        most_words=most_words(rows, schema, CHALLENGE_S),
    )
    began = time.process_time()
    found = train_exact(codes, targets, schema, measure, limits, budget)
    took = time.process_time() - began
    forest = quick_forest(codes.shape[1], is_number=is_number)
    step = every(len(codes), MOST_FITTED_ROWS)
    forest.fit(codes[::step], targets[::step].astype(np.int64))
    return Outcome(
        measure.value(wanted, found.model.predict(new, bits=target.bits)),
        measure.value(wanted, forest.predict(new)),
        found.name,
        took,
        rows,
    )


def predictions(source: Source, folder: Path, seed: bytes, budget: Budget) -> Outcome:
    """One split as a contest of predictions."""
    done, _ = write_parts(source, folder, choice=Choice(stratified=True), seed=seed)
    train = read_frame(folder / TRAIN).drop(ROW_ID)
    test = read_frame(folder / TEST).drop(ROW_ID)
    features, labels = train.drop(LABEL), train[LABEL]
    wanted = done.classes.decode(done.truth)
    began = time.process_time()
    found = train_file(features, labels, test, done.classes, budget)
    took = time.process_time() - began
    step = every(len(labels), MOST_FITTED_ROWS)
    forest = quick_forest(features.width, is_number=False)
    forest.fit(features.to_numpy()[::step], labels.to_numpy()[::step])

    def right(said: Any) -> float:
        return sum(map(str.__eq__, map(str, said), wanted)) / len(wanted)

    mine, theirs = found.model.predict(test), forest.predict(test.to_numpy())
    return Outcome(right(mine), right(theirs), found.name, took, len(wanted))


def interval(values: list[float]) -> tuple[float, float]:
    """Bounds that hold the mean of such values in 19 of 20 cases, by Student's t."""
    from scipy import stats

    count, mean = len(values), float(np.mean(values))
    error = float(np.std(values, ddof=1)) / math.sqrt(count)
    spread = float(stats.t.ppf(0.975, count - 1)) * error
    return mean - spread, mean + spread


def told(
    name: str, kind: str, outcomes: list[Outcome], seconds: float
) -> dict[str, Any]:
    """A row of the table."""
    is_error = name in lints.NUMBERS
    sign = -1 if is_error else 1
    mine, theirs = [one.trainer for one in outcomes], [one.baseline for one in outcomes]
    ahead = [sign * (a - b) for a, b in zip(mine, theirs, strict=True)]
    return {
        "name": name,
        "kind": kind,
        "measure": "mean error" if is_error else "accuracy",
        "splits": len(outcomes),
        "test_rows": outcomes[0].rows,
        "seconds": seconds,
        "took_s": _short(float(np.mean([one.seconds for one in outcomes]))),
        "trainer": _short(float(np.mean(mine))),
        "trainer_interval": list(map(_short, interval(mine))),
        "baseline": _short(float(np.mean(theirs))),
        "baseline_interval": list(map(_short, interval(theirs))),
        "ahead": _short(float(np.mean(ahead))),
        "ahead_interval": list(map(_short, interval(ahead))),
        "better": sum(one > 0 for one in ahead),
        "same": sum(one == 0 for one in ahead),
        "worse": sum(one < 0 for one in ahead),
        "models": dict(Counter(one.model for one in outcomes).most_common()),
    }


def _short(value: float) -> float:
    return float(f"{value:.4g}") if abs(value) > 1 else round(value, 4)


def usual(scratch: Path, name: str) -> Source:
    """One of scikit-learn's tables."""
    bunch = lints.usual()[name]()
    columns = dict(zip(map(str, bunch.feature_names), bunch.data.T, strict=True))
    target = bunch.target
    labels = target if name in lints.NUMBERS else bunch.target_names[target]
    frame = pl.DataFrame(columns).with_columns(label=pl.Series(list(map(str, labels))))
    frame.write_csv(scratch / "table.csv")
    return Source(open_table(scratch / "table.csv", header=True), label="label")


def mnist(scratch: Path, folder: Path) -> Source:
    """All of MNIST."""
    data, labels = scratch / "mnist.csv", scratch / "labels.csv"
    write_mnist(folder, data, labels)
    return Source(open_table(data, header=True), labels=open_table(labels))


def rows_of(
    name: str, source: Source, splits: int, seconds: float
) -> Iterator[dict[str, Any]]:
    """The rows of a table: as a verified contest, and as one of predictions."""
    is_number = name in lints.NUMBERS
    for kind in (VERIFIED,) if is_number else (VERIFIED, PREDICTION):
        outcomes = []
        for number in range(splits):
            seed = f"{name} {number}".encode()
            budget = Budget(seconds, threads=1, clock=time.process_time)
            with tempfile.TemporaryDirectory() as scratch:
                folder = Path(scratch)
                if kind == VERIFIED:
                    one = verified(source, folder, seed, budget, is_number=is_number)
                else:
                    one = predictions(source, folder, seed, budget)
            print(name, kind, number, one, flush=True)
            outcomes.append(one)
        yield told(name, kind, outcomes, seconds)


def main() -> None:
    """Plays all tables, and prints what came of each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mnist", type=Path, help="The folder with MNIST's files.")
    parser.add_argument("--only", action="append", help="A table; all if none is said.")
    parser.add_argument("--splits", type=int, default=SPLITS, help="Of each table.")
    parser.add_argument("--write", action="store_true", help=f"Into {RESULT.name}.")
    arguments = parser.parse_args()
    # As it is installed: with scikit-learn alone.
    for name in ("lightgbm", "xgboost"):
        sys.modules[name] = None  # type: ignore[assignment]  # as if it was not there
    plan = [*lints.usual(), "MNIST"]
    for name in arguments.only or plan:
        with tempfile.TemporaryDirectory() as scratch:
            if name != "MNIST":
                source = usual(Path(scratch), name)
                found = rows_of(name, source, arguments.splits, SECONDS)
            elif arguments.mnist is not None:
                source = mnist(Path(scratch), arguments.mnist)
                found = rows_of(name, source, FEW_SPLITS, MANY_SECONDS)
            else:
                print("MNIST is left as it was: name its folder with --mnist.")
                continue
            rows = list(found)
        print(json.dumps(rows, indent=1), flush=True)
        if arguments.write:
            # What is not played this time stays as it was.
            known = json.loads(RESULT.read_text()) if RESULT.exists() else []
            kept = rows + [one for one in known if one["name"] != name]
            kept.sort(key=lambda one: plan.index(one["name"]))
            RESULT.write_text(json.dumps(kept, indent=1) + "\n")


if __name__ == "__main__":
    main()
