# SPDX-License-Identifier: Apache-2.0
"""Requests as folders of a file system: `mdc://1/train.csv`."""

from __future__ import annotations

import io
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import pandas as pd
import polars as pl
import pytest

from support.contests import contest
from support.market import Place, addressed


@pytest.fixture
def options(here: Place) -> Iterator[dict[str, Any]]:
    """What names a trainer's home, which knows the network."""
    with addressed(here, "ann") as found:
        yield found


def test_pandas_reads_the_training_part_by_its_address(
    here: Place, options: dict[str, Any]
) -> None:
    here.create(here.markets["rita"])
    table = pd.read_csv("mdc://1/train.csv", storage_options=options)
    features, labels = here.markets["ann"].request(1).training_data("pandas")
    pd.testing.assert_frame_equal(table[list(features)], features, check_dtype=False)
    assert list(table["label"]) == list(labels)


def test_polars_reads_what_was_opened(here: Place, options: dict[str, Any]) -> None:
    here.create(here.markets["rita"])
    with fsspec.open("mdc://1/test.csv", **options) as file:
        table = pl.read_csv(file)
    assert table.drop("row_id").equals(here.markets["ann"].request(1).test_data())


def test_polars_reads_a_table_by_its_address_with_pyarrow_alone(
    here: Place, options: dict[str, Any]
) -> None:
    """As the guide says: when polars learns to ask fsspec, so must the guide."""
    here.create(here.markets["rita"])
    address = "mdc://1/test.csv"
    table = pl.read_csv(address, use_pyarrow=True, storage_options=options)
    test = here.markets["ann"].request(1).test_data()
    assert table.drop("row_id").cast(dict(test.schema)).equals(test)
    with pytest.raises(
        FileNotFoundError, match=f"No such file or directory.*{address}"
    ):
        pl.read_csv(address)


def test_the_home_and_the_network_come_from_the_environment(
    here: Place, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    here.create(here.markets["rita"])
    monkeypatch.setenv("MODELMARKET_HOME", options["home"])
    monkeypatch.setenv("MODELMARKET_NETWORK", options["network"])
    assert len(pd.read_csv("mdc://1/train.csv")) == 80


def test_the_files_of_a_verified_contest_are_listed_with_their_sizes(
    here: Place, options: dict[str, Any]
) -> None:
    made = contest(here, here.markets["rita"])
    files = fsspec.filesystem("mdc", **options)
    assert files.ls("", detail=False) == ["v1"]
    here.markets["ann"].request("v1").fetch()
    store = here.markets["ann"].store
    entries = store.entries(made.contents.dataset)
    found = files.find("mdc://v1", detail=True)
    told = {name: one["size"] for name, one in found.items()}
    assert told == {f"v1/{one.path}": one.size for one in entries}
    assert files.isdir("mdc://v1/hidden")
    for one in entries:
        assert files.cat_file(f"mdc://v1/{one.path}") == store.read_bytes(one.cid)


def test_whoever_walks_about_finds_files_and_folders(
    here: Place, options: dict[str, Any]
) -> None:
    here.create(here.markets["rita"])
    files = fsspec.filesystem("mdc", **options)
    assert files.isdir("mdc://")
    assert files.isdir("mdc://1")
    assert files.isfile("mdc://1/train.csv")
    assert files.exists("mdc://1/test.csv")
    assert not files.exists("mdc://1/labels.csv")
    assert files.glob("mdc://1/t*.csv") == ["1/test.csv", "1/train.csv"]
    assert files.info("1/train.csv")["ETag"].startswith("baf")
    assert files.ls("mdc://1/train.csv", detail=False) == ["1/train.csv"]


def test_a_whole_request_is_copied_into_a_folder(
    here: Place, options: dict[str, Any], tmp_path: Path
) -> None:
    made = here.create(here.markets["rita"])
    files = fsspec.filesystem("mdc", **options)
    files.get("mdc://1", str(tmp_path / "copy"), recursive=True)
    exported = made.contents.export(tmp_path / "exported")
    names = sorted(one.name for one in exported.iterdir())
    assert sorted(one.name for one in (tmp_path / "copy").iterdir()) == names
    for name in names:
        copied = (tmp_path / "copy" / name).read_bytes()
        assert copied == (exported / name).read_bytes()


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("mdc://2/train.csv", "There is no request 2"),
        ("mdc://x/train.csv", "'x' is no id"),
        ("mdc://1/labels.csv", "Request 1 has no file 'labels.csv'"),
        ("mdc://1/../1/train.csv", "Request 1 has no file"),
        ("mdc://1/train.csv/more", "Request 1 has no file 'train.csv/more'"),
    ],
)
def test_what_is_not_there_is_said_as_python_says_it(
    here: Place, options: dict[str, Any], address: str, said: str
) -> None:
    here.create(here.markets["rita"])
    with pytest.raises(FileNotFoundError, match=said):
        fsspec.open(address, **options).open()


def test_a_folder_is_not_opened_and_nothing_is_written(
    here: Place, options: dict[str, Any]
) -> None:
    here.create(here.markets["rita"])
    files = fsspec.filesystem("mdc", **options)
    with pytest.raises(IsADirectoryError, match="is a folder"):
        files.open("mdc://1")
    for mode in ("wb", "ab", "r+b"):
        with pytest.raises(io.UnsupportedOperation, match="read only"):
            files.open("mdc://1/train.csv", mode)


def test_a_worker_of_another_process_gets_the_same_file_system(
    here: Place, options: dict[str, Any]
) -> None:
    here.create(here.markets["rita"])
    files = pickle.loads(pickle.dumps(fsspec.filesystem("mdc", **options)))
    assert files.head("mdc://1/train.csv", 6) == b"row_id"


def test_a_request_that_comes_later_is_found_by_a_file_system_of_before(
    here: Place, options: dict[str, Any]
) -> None:
    files = fsspec.filesystem("mdc", **options)
    assert files.ls("", detail=False) == []
    here.create(here.markets["rita"])
    assert files.ls("", detail=False) == ["1"]
