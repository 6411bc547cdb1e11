# SPDX-License-Identifier: Apache-2.0
"""Rows of few different values tell nothing by coming again; others do."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import product
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from modelmarket.datasets import coincidences
from modelmarket.datasets.coincidences import (
    _least_of,
    _pairs,
    _pairs_with_strangers,
    alike,
    is_chance,
    together,
)
from modelmarket.datasets.fingerprints import Fingerprints, fingerprints
from modelmarket.datasets.published import TEST, TRAIN, publish
from modelmarket.datasets.sources import Source
from modelmarket.datasets.tables import open_table

PARTS = ("train", "test")


def coarse(seed: int, rows: int, kinds: int = 8, columns: int = 4) -> pl.DataFrame:
    """A table of small whole numbers."""
    numbers = np.random.default_rng(seed).integers(0, kinds, (rows, columns))
    table = pl.DataFrame(numbers, schema=[f"c{n}" for n in range(columns)])
    return table.with_columns(
        y=(pl.sum_horizontal(pl.all()) % 2).replace_strict({0: "even", 1: "odd"})
    )


def known(table: pl.DataFrame, folder: Path, *before: Fingerprints) -> Fingerprints:
    folder.mkdir()
    table.write_csv(folder / "table.csv")
    source = Source(open_table(folder / "table.csv", knows="y"), label="y")
    publish(source, folder)
    wanted = [names for one in before for names in one.columns]
    made = fingerprints(folder / TRAIN, folder / TEST, wanted, label="y")
    # As the vault keeps it.
    return made if before else Fingerprints.from_bytes(made.to_bytes())


def shared(one: Fingerprints, other: Fingerprints) -> int:
    found = sum(one.shared(part, other, *PARTS) for part in PARTS)
    back = sum(other.shared(part, one, *PARTS) for part in PARTS)
    assert bool(found) == bool(back)
    return found


@pytest.mark.parametrize(
    ("rows", "kinds", "columns"), [(60, 10, 4), (300, 8, 4), (300, 5, 3), (1_000, 3, 2)]
)
@pytest.mark.parametrize("seed", range(3))
def test_tables_of_one_kind_are_strangers(
    tmp_path: Path, seed: int, rows: int, kinds: int, columns: int
) -> None:
    first = known(coarse(seed, rows, kinds, columns), tmp_path / "first")
    other = known(coarse(seed + 100, rows // 2, kinds, columns), tmp_path / "b", first)
    assert not shared(first, other)


@pytest.mark.parametrize(("rows", "kinds", "columns"), [(60, 10, 4), (1_000, 3, 2)])
def test_a_whole_table_is_known_however_few_values_it_has(
    tmp_path: Path, rows: int, kinds: int, columns: int
) -> None:
    table = coarse(1, rows, kinds, columns)
    first = known(table, tmp_path / "first")
    again = table.sample(fraction=1, shuffle=True, seed=2)
    assert shared(first, known(again, tmp_path / "again", first)) == rows


def test_more_rows_than_chance_makes_are_known(tmp_path: Path) -> None:
    table = coarse(1, 300, kinds=8)
    first = known(table, tmp_path / "first")
    some = pl.concat([table[:100], coarse(7, 200, kinds=8)])
    assert shared(first, known(some, tmp_path / "some", first)) >= 100


def test_a_single_row_is_known_where_rows_tell_each_other_apart(tmp_path: Path) -> None:
    table = coarse(1, 200, kinds=1_000)
    first = known(table, tmp_path / "first")
    some = pl.concat([table[:1], coarse(7, 200, kinds=1_000)])
    assert shared(first, known(some, tmp_path / "some", first)) == 1


def test_rows_that_all_come_twice_are_no_chance(tmp_path: Path) -> None:
    table = coarse(1, 200, kinds=1_000)
    first = known(pl.concat([table, table]), tmp_path / "first")
    some = pl.concat([table[:20], coarse(7, 200, kinds=1_000)])
    assert shared(first, known(some, tmp_path / "some", first)) == 2 * 20


def test_columns_that_hang_together_are_judged_by_the_rows(tmp_path: Path) -> None:
    """As independent ones they would tell more rows apart than they do."""

    def bound(seed: int) -> pl.DataFrame:
        table = coarse(seed, 300, kinds=12, columns=2)
        return table.with_columns(d0=pl.col("c0") // 2, d1=pl.col("c1") // 3)

    first = known(bound(1), tmp_path / "first")
    assert not shared(first, known(bound(2), tmp_path / "other", first))


GRID = pl.DataFrame(
    [(*cells, "ab"[sum(cells) % 2]) for cells in product(range(6), repeat=4)],
    schema=["c0", "c1", "c2", "c3", "y"],
    orient="row",
)


@pytest.mark.parametrize("rows", [1_296, 1_295, 648, 64])
def test_rows_of_a_table_of_all_that_there_can_be_are_known(
    tmp_path: Path, rows: int
) -> None:
    """It has few values, and no row twice: none is there by chance."""
    first = known(GRID, tmp_path / "first")
    some = GRID.sample(rows, seed=1, shuffle=True)
    assert shared(first, known(some, tmp_path / "some", first)) == rows


@pytest.mark.parametrize("share", [0.5, 0.8, 1.0])
def test_a_large_part_of_a_table_with_many_equal_rows_is_known(
    tmp_path: Path, share: float
) -> None:
    """The larger the surer."""
    table = coarse(3, 600, kinds=5)
    first = known(table, tmp_path / "first")
    some = table.sample(fraction=share, seed=1, shuffle=True)[1:]
    assert shared(first, known(some, tmp_path / "some", first)) >= len(some)


def test_sorted_rows_are_judged_as_any_others(tmp_path: Path) -> None:
    """The first of them look coarser than the table is."""
    table = pl.DataFrame(
        [(n // 2_000, n % 2_000 // 2, n % 2, "ab"[n % 7 % 2]) for n in range(8_000)],
        schema=["place", "day", "half", "y"],
        orient="row",
    )
    first = known(table, tmp_path / "first")
    some = known(table[1::2], tmp_path / "some", first)
    assert shared(first, some) == 4_000


def test_a_column_that_counts_tells_rows_apart(tmp_path: Path) -> None:
    table = coarse(1, 120, kinds=2).with_row_index("id")
    first = known(table[:60], tmp_path / "first")
    assert shared(first, known(table[57:117], tmp_path / "some", first)) == 3


def words(*numbers: int) -> np.ndarray[tuple[int], np.dtype[np.uint64]]:
    return np.array(numbers, dtype=np.uint64)


@pytest.mark.parametrize(
    ("column", "share"),
    [((), 0), ((5,), 0), ((5, 6), 0), ((5, 5), 1), ((5, 5, 6), 1 / 3), ((1, 1, 1), 1)],
)
def test_how_often_a_column_says_the_same(
    column: tuple[int, ...], share: float
) -> None:
    assert alike(words(*column)) == pytest.approx(share)


def test_columns_are_taken_as_independent() -> None:
    columns = {"a": 0.5, "b": 0.25}
    assert together(columns, ["a", "b"]) == 0.125
    assert together(columns, ["b"]) == 0.25
    assert together(columns, []) == 1
    # Of what nobody saw nothing comes again.
    assert together(columns, ["a", "c"]) == 0


def test_a_row_that_comes_again_in_a_table_without_equals_is_no_chance() -> None:
    some, others = words(*range(100)), words(*range(99, 200))
    assert not is_chance(some, others, 0.0)
    # One of 10,100 pairs of rows at a rate of 4e-6 is beyond chance, and at 6e-6 not.
    assert not is_chance(some, others, 4e-6**2)
    assert is_chance(some, others, 6e-6**2)


def test_no_more_than_one_more_pair_of_equals_is_believed_to_be_unseen() -> None:
    """Whatever the columns say: two rows, and what scatters about them."""
    some, likely = words(*range(100)), 1.0
    assert is_chance(some, words(*range(93, 193)), likely)
    assert not is_chance(some, words(*range(91, 191)), likely)


def test_rows_are_paired_off() -> None:
    assert _pairs(words(1, 1, 1, 2), words(1, 1, 3)) == 2
    assert _pairs(words(1, 2), words(3)) == 0
    assert _pairs(words(), words(3)) == 0


@pytest.mark.parametrize(
    ("rows", "others", "expected"),
    [
        # 1 - exp(-0.2) for each of ten, of which two are thought to be seen again.
        (range(10), 10, 10 * 0.18127),
        (range(10), 20, 10 * 0.32968),
        # All are: 1 - exp(-1) for two, and for the pair 2 - 4 exp(-2).
        ((1, 1, 2, 3), 4, 2 * 0.63212 + 1.45866),
    ],
)
def test_what_a_stranger_has_of_a_tables_rows(
    rows: Iterable[int], others: int, expected: float
) -> None:
    found = _pairs_with_strangers(words(*rows), others)
    assert found == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize(
    ("most", "mean", "expected"),
    [(1, 0.0, 0.0), (1, 1.0, 0.6321), (2, 1.0, 0.8964), (3, 50.0, 3.0)],
)
def test_what_is_expected_of_the_lesser(
    most: int, mean: float, expected: float
) -> None:
    assert _least_of(most, mean) == pytest.approx(expected, abs=1e-4)


def test_many_are_as_if_they_were_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Poisson's distribution is summed up for few, and nearly normal for many."""
    for most, mean in ((80, 60.0), (80, 80.0), (100, 140.0)):
        nearly = _least_of(most, mean)
        with monkeypatch.context() as patch:
            patch.setattr(coincidences, "MOST_COUNTED", most)
            assert _least_of(most, mean) == pytest.approx(nearly, rel=0.002)
