# SPDX-License-Identifier: Apache-2.0
"""What goes wrong from Python is told in Python's words, and from the command in its."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pytest
from sklearn.tree import DecisionTreeClassifier

from modelmarket.errors import ModelMarketError
from modelmarket.market import Market, Request
from support.market import Place

TABLE = {"x": [float(n) for n in range(100)], "kind": ["ab"[n % 2] for n in range(100)]}
FRAME = pd.DataFrame(TABLE)
EVEN = {"stratified": True}


def made_of(rita: Market, data: Any, **said: Any) -> object:
    return rita.create_request(data, reward="10", **said)


def contest_of(rita: Market, data: Any, **said: Any) -> object:
    return rita.create_contest(data, reward="10", **said)


Told = tuple[Callable[[Market, Path], object], str, str]
WRONG: dict[str, Told] = {
    "no label": (
        lambda rita, _: made_of(rita, FRAME),
        "The labels must be in a column or in a second file. Name the column with "
        "label=, or the file with labels=.",
        "Name the column with --label, or the file with --labels.",
    ),
    "another label": (
        lambda rita, _: made_of(rita, FRAME, label="digit"),
        "DataFrame has no column 'digit'; its last ones are 'x', 'kind'. Name a "
        "column with label=.",
        "Name a column with --label.",
    ),
    "too few labels": (
        lambda rita, _: made_of(rita, FRAME[["x"]], labels=["a", "b"]),
        "DataFrame has 100 rows, but labels= has 2 labels. Each row needs its label, "
        "in the same order.",
        "Each row needs its label, in the same order.",
    ),
    "a label too few": (
        lambda rita, _: made_of(rita, FRAME[["x"]], labels=["a"] * 99),
        "DataFrame has 100 rows, but labels= has 99 labels. Does one of them have a "
        "header that the other lacks? Say so with header=True.",
        "Does one of them have a header that the other lacks? Say so with --header.",
    ),
    "a group that is not there": (
        lambda rita, _: made_of(rita, FRAME, label="kind", group="who"),
        "DataFrame has no column 'who'; its last ones are 'x', 'kind'. Name a column "
        "with group=.",
        "Name a column with --group.",
    ),
    "files without a column": (
        lambda rita, here: made_of(rita, FRAME, label="kind", files_in=here),
        "Nobody has said which column names files. Say it with files=.",
        "Say it with --files.",
    ),
    "a column twice": (
        lambda rita, here: made_of(
            rita, written(here, "1,1\n" + "2,3\n" * 9), labels=["a"] * 9, header=True
        ),
        "t.csv has several columns called '1'. If its first row is data, say "
        "header=False.",
        "If its first row is data, say --no-header.",
    ),
    "a frame with a header": (
        lambda rita, _: made_of(rita, FRAME, label="kind", header=True),
        "Only a file has a way in which it is written: a data frame has none. Leave "
        "out header=.",
        "Leave out header=.",
    ),
    "another encoding": (
        lambda rita, here: made_of(
            rita,
            written(here, "x,kind\n" + "ä,a\n" * 9, "latin-1"),
            label="kind",
            encoding="utf-8",
        ),
        "t.csv is not text in utf-8: in line 2 there is the byte 0xe4. Name its "
        "encoding with encoding=.",
        "Name its encoding with --encoding.",
    ),
    "numbers as classes": (
        lambda rita, _: contest_of(rita, FRAME, label="kind", scale=2.0),
        "A scale of errors is for labels that are numbers. Say which error counts: "
        'error="absolute" or squared.',
        "Say which error counts: --error absolute or squared.",
    ),
    "balanced numbers": (
        lambda rita, _: contest_of(
            rita, FRAME, label="x", error="absolute", balanced=True
        ),
        "Only classes can be counted alike. Leave out balanced=True.",
        "Leave out --balanced.",
    ),
    "a low threshold": (
        lambda rita, _: made_of(rita, FRAME, label="kind", threshold="10%", **EVEN),
        "The threshold of 10.0% is reached by whoever always says the same class: "
        "that scores 50.0% of the training rows. Say accept_threshold=True to do it "
        "all the same.",
        "Say --accept-threshold to do it all the same.",
    ),
    "another request": (
        lambda rita, _: rita.request(99),
        "There is no request 99 on this market. `market.requests()` shows all.",
        "`modelmarket request list` shows all.",
    ),
}


def written(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    path = folder / "t.csv"
    path.write_text(text, encoding=encoding)
    return path


@pytest.mark.parametrize("what", WRONG)
def test_python_is_told_of_arguments_and_the_command_of_options(
    here: Place, tmp_path: Path, what: str
) -> None:
    do, python, hint = WRONG[what]
    with pytest.raises(ModelMarketError) as raised:
        do(here.markets["rita"], tmp_path)
    assert str(raised.value) == python
    assert raised.value.hint == hint


def test_a_model_in_the_place_of_predictions_is_told_of_by_its_face(
    here: Place,
) -> None:
    rita = here.markets["rita"]
    made = rita.create_request(pl.DataFrame(TABLE), label="kind", reward="10")
    assert isinstance(made, Request)
    request = here.markets["ann"].request(int(made.id))
    tree = DecisionTreeClassifier().fit(*request.training_data())
    with pytest.raises(ModelMarketError) as raised:
        request.submit("model.zip", tree)
    assert str(raised.value) == (
        "The predictions are a model. A model predicts by itself: "
        "`request.submit(model)`. Any other file or folder has its predictions beside "
        "it: `request.submit(model, predictions)`."
    )
    assert raised.value.hint == (
        "A model predicts by itself: `modelmarket submit ID MODEL`. Any other file or "
        "folder has its predictions beside it: "
        "`modelmarket submit ID PREDICTIONS MODEL`."
    )
