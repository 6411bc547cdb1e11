# SPDX-License-Identifier: Apache-2.0
"""What `dataset check` finds in data that everybody knows.

    python benchmarks/lints.py [--mnist FOLDER] [--write]

A fifth of the rows is tested, by a seed, and the tables are as scikit-learn has them:
sorted by class, some of them, and without an index.
"""

from __future__ import annotations

import argparse
import json
import secrets
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl

from modelmarket.datasets.coding import Coding
from modelmarket.datasets.contest import publish_contest
from modelmarket.datasets.idx import write_mnist
from modelmarket.datasets.lint.findings import Report
from modelmarket.datasets.published import publish
from modelmarket.datasets.sources import Source
from modelmarket.datasets.tables import open_table
from modelmarket.protocol.hidden import Keystream

RESULT = Path(__file__).with_name("lints.json")
SEED = b"lints"
NUMBERS = {"diabetes"}
"""Whose labels are numbers to be predicted."""
KEY_BYTES = 32


def usual() -> dict[str, Callable[[], Any]]:
    """The data that come with scikit-learn, by what people call them."""
    from sklearn import datasets

    return {
        "iris": datasets.load_iris,
        "wine": datasets.load_wine,
        "digits": datasets.load_digits,
        "breast cancer": datasets.load_breast_cancer,
        "diabetes": datasets.load_diabetes,
    }


def found_in(name: str) -> dict[str, Any]:
    """What is found in one of them, as it is kept."""
    bunch = usual()[name]()
    columns = dict(zip(map(str, bunch.feature_names), bunch.data.T, strict=True))
    target = bunch.target
    labels = target if name in NUMBERS else bunch.target_names[target]
    frame = pl.DataFrame(columns).with_columns(label=pl.Series(list(map(str, labels))))
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "table.csv"
        frame.write_csv(path)
        return _kept(name, Source(open_table(path, header=True), label="label"))


def found_in_mnist(folder: Path) -> dict[str, Any]:
    """The same of all of MNIST."""
    with tempfile.TemporaryDirectory() as scratch:
        data, labels = Path(scratch) / "mnist.csv", Path(scratch) / "labels.csv"
        write_mnist(folder, data, labels)
        source = Source(open_table(data, header=True), labels=open_table(labels))
        return _kept("MNIST", source)


def _kept(name: str, source: Source) -> dict[str, Any]:
    """The figures and findings of a table."""
    with tempfile.TemporaryDirectory() as out:
        report = _looked(source, Path(out), is_number=name in NUMBERS)
    return {
        "name": name,
        "rows": report.train_rows + report.test_rows,
        "features": report.features,
        "majority": report.majority,
        "baseline": report.baseline,
        "resolution": report.resolution,
        "findings": [
            {"check": one.check, "severity": one.severity, "text": one.text}
            for one in report.findings
        ],
    }


def _looked(source: Source, folder: Path, *, is_number: bool) -> Report:
    if not is_number:
        return publish(source, folder, seed=SEED).report
    stream = Keystream(secrets.token_bytes(KEY_BYTES), secrets.token_bytes(KEY_BYTES))
    coding = Coding(number_bits=16, seed=SEED)
    return publish_contest(source, folder, lambda _: stream, coding).report


def main() -> None:
    """Looks at all of them, and prints what is found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mnist", type=Path, help="The folder with MNIST's files.")
    parser.add_argument("--write", action="store_true", help=f"Into {RESULT.name}.")
    arguments = parser.parse_args()
    found = [found_in(name) for name in usual()]
    if arguments.mnist is not None:
        found.append(found_in_mnist(arguments.mnist))
    json.dump(found, sys.stdout, indent=1)
    print()
    if arguments.write:
        RESULT.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
