# SPDX-License-Identifier: Apache-2.0
"""Hidden rows lie on no disk in the clear, not even for a moment."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from modelmarket.datasets import drawing
from modelmarket.datasets.published import TRAIN
from modelmarket.datasets.sources import Source
from modelmarket.datasets.tables import open_table
from modelmarket.market.verified.trying import try_contest
from support.disk import Looking
from support.market import REWARD, place

ROWS = 200
MARK = rb"row-[0-9]{12}"
"""Stands in every row, in each another one."""


def marked(number: int) -> str:
    return f"row-{number * 7_919 % 10**6:012}"


def table(folder: Path, *, numbers: bool) -> Source:
    path = folder / "table.csv"
    lines = ["mark,x,label"]
    for number in range(ROWS):
        label = f"{number}.5" if numbers else "no yes".split()[number % 2]
        lines.append(f"{marked(number)},{number % 9},{label}")
    path.write_text("\n".join(lines) + "\n")
    return Source(open_table(path, header=True), label="label")


@pytest.fixture
def looking(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Looking:
    # What is waited with in memory would be written for a larger table.
    monkeypatch.setattr(drawing, "BUCKET_BUFFER_BYTES", 2)
    return Looking(tmp_path, MARK, tmp_path / "table.csv")


OPTIONS: list[dict[str, Any]] = [{}, {"error": "absolute"}]


@pytest.mark.parametrize("options", OPTIONS)
def test_at_no_write_is_a_hidden_row_on_any_disk(
    tmp_path: Path, looking: Looking, options: dict[str, Any]
) -> None:
    source = table(tmp_path, numbers=bool(options))
    with place("embedded", tmp_path / "people") as here:
        rita = here.join("rita")
        with looking.at_every_write():
            request = rita.create_contest(source, reward=REWARD, **options)
        learned = request.folder.path_of(TRAIN).read_bytes()
    assert looking.looks > ROWS
    public = {one for one in looking.found if one in learned}
    assert len(public) == ROWS - request.terms.rows == 160
    assert looking.found.keys() - public == set()
    assert not list((rita.home.path / "scratch").iterdir())


def test_a_trial_hides_them_as_well(tmp_path: Path, looking: Looking) -> None:
    source, folder = table(tmp_path, numbers=False), tmp_path / "trial"
    folder.mkdir()
    with looking.at_every_write():
        try_contest(source, folder)
    learned = (folder / TRAIN).read_bytes()
    assert {one for one in looking.found if one not in learned} == set()


def test_a_row_in_the_clear_would_be_seen_wherever_it_lies(
    tmp_path: Path, looking: Looking, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drawing, "_cipher", lambda: None)
    source, folder = table(tmp_path, numbers=False), tmp_path / "trial"
    folder.mkdir()
    with looking.at_every_write():
        try_contest(source, folder)
    assert looking.found.keys() == {marked(one).encode() for one in range(ROWS)}
