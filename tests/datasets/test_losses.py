# SPDX-License-Identifier: Apache-2.0
"""What codes lose is counted as it is, and a baseline is tried on unseen rows."""

from __future__ import annotations

import csv
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from modelmarket.datasets import losses as module
from modelmarket.datasets.baselines import Tried
from modelmarket.datasets.codes import encode, make_columns
from modelmarket.datasets.lint import lint as linting
from modelmarket.datasets.lint.lint import Lint
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
    before: Tried | None = None,
) -> Losses:
    with (folder / "train.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["row_id", *names, "label"], *rows])
    train = folder / "train.csv"
    return losses(train, names, len(rows), target, even=even, before=before)


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


def looked_at(folder: Path, rows: list[list[str]], counts: dict[str, int]) -> Tried:
    """The small forest of the lint, on the table that was last tried in the folder."""
    found = Lint(folder / "train.csv", NAMES, len(rows), counts).tried
    assert found is not None
    return found


def repeating(count: int, labels: Sequence[str]) -> list[list[str]]:
    """Rows of which no column tells one from all others, and labels drawn for them."""
    rng = random.Random(3)
    return [
        [str(at), str(at % 50), f"t{at % 7}", "5", rng.choice(labels)]
        for at in range(count)
    ]


@pytest.mark.parametrize("count", [600, 3_000])
def test_a_forest_that_the_lint_tried_on_the_same_rows_is_not_tried_again(
    tmp_path: Path, count: int
) -> None:
    rows = repeating(count, ["no", "yes"])
    alone = lost(tmp_path, rows)
    tried = looked_at(tmp_path, rows, {"no": 1, "yes": count - 1})
    assert lost(tmp_path, rows, before=tried) == alone
    # A figure that no forest gives is taken over: none was fitted.
    found = lost(tmp_path, rows, before=replace(tried, score=0.125)).baseline
    assert found is not None
    assert alone.baseline is not None
    assert found.plain == 0.125
    assert found.coded == alone.baseline.coded


def test_a_forest_that_the_lint_tried_on_numbers_is_not_tried_again(
    tmp_path: Path,
) -> None:
    target = NumberTarget(Fraction(0), Fraction(1, 100), 16)
    rows = repeating(300, ["1.25", "3.5", "2", "7.75"])
    alone = lost(tmp_path, rows, target=target)
    tried = looked_at(tmp_path, rows, {})
    assert lost(tmp_path, rows, target=target, before=tried) == alone
    known = lost(tmp_path, rows, target=target, before=replace(tried, score=0.125))
    assert known.baseline is not None
    assert known.baseline.plain == 0.125


OTHERWISE: dict[str, tuple[list[list[str]], Target]] = {
    "a column that only tells rows apart": (numbered(600), CLASSES),
    "classes in another order": (
        repeating(600, ["2", "10"]),
        ClassTarget(Classes(("2", "10"))),
    ),
    "numbers of fewer digits": (
        repeating(600, ["1.25", "3.5"]),
        NumberTarget(Fraction(0), Fraction(1), 16),
    ),
}


@pytest.mark.parametrize("what", OTHERWISE)
def test_a_forest_that_the_lint_tried_otherwise_says_nothing_here(
    tmp_path: Path, what: str
) -> None:
    """With fewer columns, or other labels: what is told stays what it was."""
    rows, target = OTHERWISE[what]
    alone = lost(tmp_path, rows, target=target)
    labels = Counter(row[-1] for row in rows)
    counts = dict(labels) if isinstance(target, ClassTarget) else {}
    tried = replace(looked_at(tmp_path, rows, counts), score=0.125)
    assert lost(tmp_path, rows, target=target, before=tried) == alone


def test_a_forest_that_the_lint_tried_on_other_rows_says_nothing_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a large table both look at every so manyth row, and not at the same ones."""
    rows = repeating(3_000, ["no", "yes"])
    monkeypatch.setattr(linting, "MOST_ROWS", 700)
    alone = lost(tmp_path, rows)
    tried = looked_at(tmp_path, rows, {"no": 1, "yes": 2_999})
    assert lost(tmp_path, rows, before=replace(tried, score=0.125)) == alone


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
