# SPDX-License-Identifier: Apache-2.0
"""What codes lose is counted as it is, and a baseline is tried on unseen rows."""

from __future__ import annotations

import csv
import random
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from modelmarket.datasets import losses as module
from modelmarket.datasets.codes import encode, make_columns
from modelmarket.datasets.losses import Losses, losses
from modelmarket.protocol.classes import Classes
from modelmarket.protocol.schema import ClassTarget, NumberTarget, Target

CLASSES = ClassTarget(Classes(("no", "yes")))
NAMES = ("x", "t", "gaps")


def numbered(count: int) -> list[list[str]]:
    """The label is whether the first column is even, in a sorted table."""
    rows = [[str(at), f"t{at % 300}", "5" if at % 7 else ""] for at in range(count)]
    return [[str(at), *row, "yes" if at % 2 else "no"] for at, row in enumerate(rows)]


def lost(
    folder: Path,
    rows: list[list[str]],
    names: tuple[str, ...] = NAMES,
    target: Target = CLASSES,
    *,
    even: bool = False,
) -> Losses:
    with (folder / "train.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["row_id", *names, "label"], *rows])
    return losses(folder / "train.csv", names, len(rows), target, even=even)


def test_columns_that_merge_values_are_named_the_worst_first(tmp_path: Path) -> None:
    found = lost(tmp_path, numbered(1_000))
    assert [(one.name, one.is_text, one.values) for one in found.columns] == [
        ("x", False, 1_000),
        ("t", True, 300),
        ("gaps", False, 2),
    ]
    assert [(one.name, one.codes[8]) for one in found.narrowed(8)] == [
        ("x", 256),
        ("t", 256),
    ]
    assert found.narrowed(16) == []
    # With 1,000 values evenly spaced, 16 bits hold them too.
    assert lost(tmp_path, numbered(1_000), even=True).narrowed(16) == []


@pytest.mark.parametrize("values", [256, 257])
def test_codes_of_8_bits_lose_from_257_values_on(tmp_path: Path, values: int) -> None:
    found = lost(tmp_path, numbered(values))
    assert [one.name for one in found.narrowed(8)] == ["x", "t"] * (values > 256)


@settings(
    max_examples=15,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    deadline=None,
)
@given(st.integers(0, 2**32), st.integers(1, 29), st.sampled_from([3, 300, 10**6]))
def test_what_is_counted_is_what_codes_have(
    tmp_path: Path, seed: int, count: int, spread: int
) -> None:
    rng = random.Random(seed)
    rows = [
        [
            "0",
            rng.choice(["", str(rng.randrange(spread))]),
            f"t{rng.randrange(spread)}",
            "no",
        ]
        for _ in range(count)
    ]
    names = ("x", "t")
    found = lost(tmp_path, rows, names)
    train = tmp_path / "train.csv"
    for width in (8, 16):
        columns = make_columns(train, names, count, width=width)
        codes = encode(train, columns, count, width)
        for at, one in enumerate(found.columns):
            assert one.codes[width] == len(np.unique(codes[:, at]))
            assert one.values == len({row[at + 1] for row in rows})


def test_a_large_table_is_looked_at_evenly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_ROWS", 300)
    found = lost(tmp_path, numbered(1_000))
    assert found.rows == 250
    assert [one.values for one in found.columns] == [250, 75, 2]
    monkeypatch.setattr(module, "MOST_CELLS", 3 * 100)
    assert lost(tmp_path, numbered(1_000)).rows == 100


def test_a_baseline_is_tried_on_rows_that_it_has_not_seen(tmp_path: Path) -> None:
    rng = random.Random(1)
    noise = [[*row[:-1], rng.choice(["no", "yes"])] for row in numbered(600)]
    baseline = lost(tmp_path, noise).baseline
    assert baseline is not None
    assert baseline.rows == 600
    assert 0.4 < baseline.plain < 0.6
    clear = [[*row[:-1], "no" if at < 300 else "yes"] for at, row in enumerate(noise)]
    baseline = lost(tmp_path, clear).baseline
    assert baseline is not None
    for score in (baseline.plain, *baseline.coded.values()):
        assert score > 0.95


def test_of_numbers_a_baseline_tells_the_error_in_their_own_unit(
    tmp_path: Path,
) -> None:
    rows = [[str(at), str(at), f"{at}.5"] for at in range(2_000)]
    target = NumberTarget(Fraction(0), Fraction(1, 2), 16)
    baseline = lost(tmp_path, rows, ("x",), target).baseline
    assert baseline is not None
    # Codes of 8 bits put some eight numbers in a row into one.
    assert 0 < baseline.plain < 2
    assert baseline.coded[16] < 2 < baseline.coded[8] < 8


@pytest.mark.parametrize("count", [29, 30])
def test_less_than_30_rows_have_no_baseline(tmp_path: Path, count: int) -> None:
    assert (lost(tmp_path, numbered(count)).baseline is None) == (count < 30)
