# SPDX-License-Identifier: Apache-2.0
"""Rows are recognised whatever became of the table that they stand in."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from modelmarket.datasets.fingerprints import Fingerprints, fingerprints
from modelmarket.datasets.published import TEST, TRAIN, publish
from modelmarket.datasets.sources import Source
from modelmarket.datasets.tables import open_table
from modelmarket.errors import DataError

ROWS = 200


def frame(first: int = 0, rows: int = ROWS) -> pl.DataFrame:
    number = np.arange(first, first + rows)
    return pl.DataFrame(
        {
            "width": number * 0.25,
            "count": number % 17,
            "word": [f"Word {n % 23}" if n % 5 else "" for n in number],
            "sure": [bool(n % 2) for n in number],
            "kind": ["odd" if n % 2 else "even" for n in number],
        }
    )


class Tables:
    """Publishes frames, and reads what their rows are known by."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._count = 0

    def read(self, path: Path, earlier: Fingerprints | None = None) -> Fingerprints:
        self._count += 1
        out = self._folder / f"published-{self._count}"
        out.mkdir()
        source = Source(open_table(path, knows="kind"), label="kind")
        publish(source, out)
        return fingerprints(out / TRAIN, out / TEST, earlier.columns if earlier else ())

    def write(
        self, table: pl.DataFrame, earlier: Fingerprints | None = None
    ) -> Fingerprints:
        path = self._folder / f"table-{self._count}.csv"
        table.write_csv(path)
        return self.read(path, earlier)


@pytest.fixture
def tables(tmp_path: Path) -> Tables:
    return Tables(tmp_path)


def shared(one: Fingerprints, other: Fingerprints) -> int:
    """How many rows of the one, of both parts, come again in the other."""
    parts = ("train", "test")
    return sum(one.shared(mine, other, its) for mine in parts for its in parts)


CHANGES: dict[str, Callable[[pl.DataFrame], pl.DataFrame]] = {
    "nothing": lambda table: table,
    "order of rows": lambda table: table.sample(fraction=1, shuffle=True, seed=1),
    "order of columns": lambda table: table.select(*reversed(table.columns)),
    "an index in front": lambda table: table.with_row_index("Unnamed: 0"),
    "an old index": lambda table: table.with_row_index("id", 700).sample(
        fraction=1, shuffle=True, seed=1
    ),
    "one more column": lambda table: table.with_columns(area=pl.col("width") ** 2),
    "more rows": lambda table: pl.concat([frame(10_000), table]),
    "whole numbers as decimals": lambda table: table.with_columns(
        pl.col("count").cast(pl.Float64)
    ),
    "numbers as text": lambda table: table.with_columns(
        pl.col("width").cast(pl.String)
    ),
    "a word among the numbers": lambda table: pl.concat(
        [
            table.with_columns(pl.col("count").cast(pl.String)),
            frame(9_000).with_columns(count=pl.lit("many")),
        ]
    ),
    "spaces and capitals": lambda table: table.with_columns(
        " " + pl.col("word").str.to_uppercase()
    ),
    "other labels": lambda table: table.with_columns(
        kind=pl.when(pl.col("count") > 5).then(pl.lit("a")).otherwise(pl.lit("b"))
    ),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_every_row_is_known_again_whatever_was_done_to_the_table(
    tables: Tables, change: Callable[[pl.DataFrame], pl.DataFrame]
) -> None:
    first = Fingerprints.from_bytes(tables.write(frame()).to_bytes())
    again = tables.write(change(frame()), first)
    assert shared(first, again) == ROWS
    assert shared(again, first) == ROWS


def test_every_row_is_known_again_out_of_parquet(
    tables: Tables, tmp_path: Path
) -> None:
    first = tables.write(frame())
    frame().with_columns(pl.col("word").replace("", None)).write_parquet(
        tmp_path / "t.parquet"
    )
    again = tables.read(tmp_path / "t.parquet", first)
    assert shared(first, again) == ROWS


def test_an_index_that_is_gone_is_not_missed(tables: Tables) -> None:
    first = tables.write(frame().with_row_index("id"))
    again = tables.write(frame()[50:150], first)
    assert shared(first, again) == 100


def test_numbered_rows_are_known_by_their_numbers_where_nothing_else_tells_them_apart(
    tables: Tables,
) -> None:
    few = pl.DataFrame(
        {
            "id": range(ROWS),
            "sex": [n % 2 for n in range(ROWS)],
            "kind": ["a" if n % 3 else "b" for n in range(ROWS)],
        }
    )
    first = tables.write(few)
    assert len(first.columns) == 1
    strangers = tables.write(few.with_columns(pl.col("id") + 5_000), first)
    assert shared(first, strangers) == 0
    overlapping = tables.write(few.with_columns(pl.col("id") + 150), first)
    assert shared(first, overlapping) == 50


def test_long_whole_numbers_are_the_same_however_they_are_written(
    tables: Tables,
) -> None:
    """As floats, as pandas makes them where one is missing."""
    number = 10**18 + 4096 * np.arange(ROWS)
    table = frame().select("kind", "width", key=number)
    first = tables.write(table)
    for cast in (pl.Float64, pl.String, pl.Int64):
        again = tables.write(table.with_columns(pl.col("key").cast(cast)), first)
        assert shared(first, again) == ROWS


def test_other_rows_are_strangers(tables: Tables) -> None:
    first = tables.write(frame())
    assert shared(first, tables.write(frame(5_000), first)) == 0
    # The same cells under other names are another table.
    turned = frame().rename({"width": "height"})
    assert shared(first, tables.write(turned, first)) == 0


def test_rows_are_counted_part_by_part(tables: Tables) -> None:
    first, second = tables.write(frame()), tables.write(frame())
    of_tests = [first.shared("test", second, part) for part in ("train", "test")]
    assert sum(of_tests) == ROWS // 5
    assert of_tests[0] == second.shared("train", first, "test")


def test_eight_bytes_a_row_are_kept(tables: Tables) -> None:
    kept = tables.write(frame()).to_bytes()
    assert len(kept) < 8 * ROWS + 200
    read = Fingerprints.from_bytes(kept)
    assert read.to_bytes() == kept


@pytest.mark.parametrize(
    "data", [b"", b"[]", b"[]\n12345678", b'[[["a"], 2, 1]]\n', b"{}\n"]
)
def test_rubbish_is_no_fingerprint(data: bytes) -> None:
    with pytest.raises(DataError, match="no fingerprints"):
        Fingerprints.from_bytes(data)
