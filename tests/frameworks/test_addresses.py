# SPDX-License-Identifier: Apache-2.0
"""Requests by their addresses, `mdc://1/train.csv`: dask and Hugging Face's datasets."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import pandas as pd

from modelmarket.market import Request
from support.contests import contest
from support.market import Place

# Beside the tests there is a folder of that name.
load_dataset = importlib.import_module("datasets").load_dataset


def test_dask_reads_a_request_by_its_address(
    request_1: Request, options: dict[str, Any]
) -> None:
    import dask
    import dask.dataframe as dd

    with dask.config.set(scheduler="threads"):
        # Several workers, each of which opens the file somewhere else.
        found = dd.read_csv("mdc://1/train.csv", storage_options=options, blocksize=500)
        assert found.npartitions == 3
        read = found.compute()
        several = dd.read_csv("mdc://1/t*.csv", storage_options=options).compute()
    features, labels = request_1.training_data("pandas")
    pd.testing.assert_frame_equal(
        read[list(features)].reset_index(drop=True), features, check_dtype=False
    )
    assert list(read["label"]) == list(labels)
    assert len(several) == 120


def test_dasks_other_processes_read_it_as_well(
    request_1: Request, options: dict[str, Any]
) -> None:
    import dask.dataframe as dd

    found = dd.read_csv("mdc://1/train.csv", storage_options=options, blocksize=700)
    counted = found.map_partitions(len).compute(scheduler="processes", num_workers=2)
    assert counted.sum() == len(request_1.training)


def test_hugging_faces_datasets_read_a_request_by_its_address(
    request_1: Request, options: dict[str, Any], tmp_path: Path
) -> None:
    found = load_dataset(
        "csv",
        data_files={"train": "mdc://1/train.csv", "test": "mdc://1/test.csv"},
        storage_options=options,
        cache_dir=str(tmp_path / "cache"),
    )
    features, labels = request_1.training_data("polars")
    assert found["train"].num_rows == len(labels)
    assert found["train"]["label"][:] == labels.to_list()
    assert found["train"]["x"][:] == features["x"].to_list()
    assert found["test"].num_rows == 24
    streamed = load_dataset(
        "csv",
        data_files="mdc://1/train.csv",
        storage_options=options,
        streaming=True,
        cache_dir=str(tmp_path / "cache"),
    )
    assert [one["label"] for one in streamed["train"]] == labels.to_list()


def test_a_table_in_a_contest_is_read_by_both(
    here: Place, options: dict[str, Any], tmp_path: Path
) -> None:
    import dask.dataframe as dd

    made = contest(here, here.markets["rita"])
    known = dd.read_csv("mdc://v1/train.csv", storage_options=options).compute()
    found = load_dataset(
        "csv",
        data_files="mdc://v1/train.csv",
        storage_options=options,
        cache_dir=str(tmp_path / "cache"),
        split="train",
    )
    assert len(known) == found.num_rows == len(made.training().targets)
