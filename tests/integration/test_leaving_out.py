# SPDX-License-Identifier: Apache-2.0
"""Rows that stand in requests of before are left out of a table, and no others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from modelmarket.datasets.sources import Source
from modelmarket.datasets.tables import open_table
from modelmarket.errors import DataError, KnownRowsError
from modelmarket.market import Market
from modelmarket.market.leaving_out import known_rows, leave_out
from modelmarket.market.recognising import Before, earlier_tables
from support.market import Place

KNOWN = pl.DataFrame(
    {
        "size": [n + 0.25 for n in range(60)],
        "said": [f'a "{n}", b' for n in range(60)],
        "kind": ["ab"[n % 2] for n in range(60)],
    }
)
FRESH = KNOWN.with_columns(pl.col("size") + 100)
REWARD = "10"


def before(market: Market) -> Before:
    return Before(tuple(earlier_tables(market, market.look().now)))


def written(path: Path, frame: pl.DataFrame, **options: Any) -> Source:
    if path.suffix == ".parquet":
        frame.write_parquet(path)
    else:
        frame.write_csv(path, **options)
    header = options.get("include_header", True)
    label = "kind" if header else "column_3"
    return Source(open_table(path, header=header), label=label)


def read(file: Path, columns: list[str]) -> pl.DataFrame:
    if file.suffix == ".parquet":
        return pl.read_parquet(file)
    table = open_table(file, header=None, knows="kind")
    assert list(table.columns) in (columns, ["column_1", "column_2", "column_3"])
    return pl.DataFrame(list(table.rows()), schema=columns, orient="row").with_columns(
        pl.col("size").cast(pl.Float64)
    )


@pytest.fixture
def market(here: Place, tmp_path: Path) -> Market:
    """Of somebody who has asked for a model of `KNOWN`."""
    rita = here.markets["rita"]
    source = written(tmp_path / "known.csv", KNOWN)
    rita.create_request(source, reward=REWARD, accept_findings=True)
    return rita


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("new.csv", {}),
        ("new.csv", {"separator": ";"}),
        ("new.csv", {"include_header": False}),
        ("new.csv", {"include_bom": True, "quote_style": "always"}),
        ("new.parquet", {}),
    ],
)
def test_what_is_left_is_the_rest_in_its_order(
    market: Market, tmp_path: Path, name: str, options: dict[str, Any]
) -> None:
    mixed = pl.concat([FRESH[:20], KNOWN[10:40], FRESH[20:], KNOWN[:5]])
    if not options.get("include_header", True):
        # What its columns are called is nowhere to be read, so no row is known.
        source = written(tmp_path / name, mixed, **options)
        assert not known_rows(source, before(market)).any()
        return
    source = written(tmp_path / name, mixed, **options)
    made = tmp_path / "left"
    made.mkdir()
    rest = leave_out(source, before(market), made)
    assert (rest.left_out, rest.rows) == (35, 60)
    [file] = rest.files
    assert file.name == name
    assert read(file, mixed.columns).equals(FRESH)
    # And nothing stands in the way of what is left.
    left = Source(open_table(file, header=True), label="kind")
    assert not known_rows(left, before(market)).any()
    found = market.create_contest(left, reward=REWARD, accept_findings=True)
    assert found.terms.rows > 0


def test_labels_in_a_file_of_their_own_are_left_out_with_their_rows(
    market: Market, tmp_path: Path
) -> None:
    mixed = pl.concat([KNOWN[:30], FRESH])
    data, labels = tmp_path / "data.csv", tmp_path / "labels.csv"
    mixed.drop("kind").write_csv(data)
    mixed.select("kind").write_csv(labels)
    source = Source(open_table(data, header=True), labels=open_table(labels))
    made = tmp_path / "left"
    made.mkdir()
    rest = leave_out(source, before(market), made)
    left, said = (pl.read_csv(one) for one in rest.files)
    assert pl.concat([left, said], how="horizontal").equals(FRESH)


@pytest.mark.parametrize(
    ("frame", "says"), [(KNOWN[:50], "Every row of t.csv"), (FRESH, "No row of t.csv")]
)
def test_nothing_is_written_where_all_rows_are_known_or_none_is(
    market: Market, tmp_path: Path, frame: pl.DataFrame, says: str
) -> None:
    made = tmp_path / "left"
    made.mkdir()
    with pytest.raises(DataError, match=says):
        leave_out(written(tmp_path / "t.csv", frame), before(market), made)
    assert list(made.iterdir()) == []


@settings(
    max_examples=10,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(chosen=st.sets(st.integers(0, 59), min_size=20, max_size=59))
def test_those_that_are_left_out_are_those_that_are_refused(
    market: Market, tmp_path: Path, chosen: set[int]
) -> None:
    """However the table is split: the refusal counts them by the parts of a split."""
    mixed = pl.concat([KNOWN[sorted(chosen)], FRESH])
    source = written(tmp_path / "mixed.csv", mixed)
    known = known_rows(source, before(market))
    assert known.tolist() == [True] * len(chosen) + [False] * 60
    with pytest.raises(KnownRowsError, match=f"all {len(chosen)} rows that stand"):
        market.create_contest(source, reward=REWARD, accept_findings=True)
