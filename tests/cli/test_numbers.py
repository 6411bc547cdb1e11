# SPDX-License-Identifier: Apache-2.0
"""A contest of numbers on the command line, told in the label's own unit."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sklearn.tree import DecisionTreeRegressor

from support.market import Place

Give = Callable[..., tuple[object, str, str]]


@pytest.fixture
def table(tmp_path: Path) -> str:
    """A price that is ten times a size, and a little more."""
    path = tmp_path / "houses.csv"
    rows = [f"{size},{size % 3},{10 * size}.{size % 10}" for size in range(100)]
    path.write_text("size,floor,price\n" + "\n".join(rows) + "\n")
    return str(path)


NUMBERS = ("--label", "price", "--reward", "100", "--verified", "--error", "absolute")


def test_a_regression_is_told_in_its_own_unit(
    here: Place, table: str, give: Give, tmp_path: Path
) -> None:
    said = ("--most-error", "30", "--scale", "200", "--accept-findings")
    code, told, _ = give("rita", "request", "create", table, *NUMBERS, *said)
    assert code == 0
    assert "20 test rows are hidden" in told
    _, told, _ = give("rita", "request", "show", "v1")
    assert "mean error counts, at most 30; a row that is off by 200 scores" in told
    request = here.markets["ann"].request("v1")
    training = request.training()
    tree = DecisionTreeRegressor(max_depth=5).fit(training.codes, training.targets)
    model = tmp_path / "tree.exact"
    request.convert(tree).save(model)
    _, told, _ = give("ann", "submission", "check", "v1", str(model))
    assert "fits request v1: 1 tree, " in told
    assert "mean error" in told
    assert "in the label's own unit" in told
    give("ann", "submit", "v1", str(model))
    here.move_to(request.record.deadline)
    give("rita", "request", "open", "v1")
    give("ann", "submission", "claim", "v1")
    _, told, _ = give("rita", "request", "show", "v1")
    assert "mean error" in told
    assert "share" not in told
    _, told, _ = give("rita", "request", "show", "v1", "--json")
    document: dict[str, Any] = json.loads(told)
    assert (document["points"], document["cap"], document["step"]) == (
        "absolute", 200 * 10, 1
    )  # fmt: skip
    [ranked] = document["ranking"]
    assert 0 < ranked["mean_error"] < 30
    here.move_to(request.refresh().position().step_ends)
    give("ann", "submission", "show-model", "v1")
    here.move_to(request.refresh().position().step_ends)
    give("rita", "request", "settle", "v1")
    code, told, errors = give("rita", "model", "show", "v1")
    assert code == 0, errors
    assert "The model of request v1: 1 tree, " in told
    assert f", mean error {ranked['mean_error']:.6g}, on 20 hidden rows" in told
    card = tmp_path / "README.md"
    code, told, _ = give("rita", "model", "card", "v1", "--output", str(card))
    assert (code, told) == (0, f"{card} holds the card of the model that won.\n")
    _, told, _ = give("rita", "model", "card", "v1")
    assert told == card.read_text()
    assert f"Its mean error is {ranked['mean_error']:.6g}, in the label's own" in told
    assert "A small forest on the codes that trainers get is off by" in told
    assert "pipeline_tag: tabular-regression" in told
    assert "$ modelmarket model predict v1 new.csv" in told
    new = tmp_path / "new.csv"
    new.write_text("size,floor\n50,2\n")
    _, told, _ = give("rita", "model", "predict", "v1", str(new))
    assert 450 < float(told) < 550


def test_a_check_tells_what_can_be_predicted_and_what_counts(
    table: str, give: Give
) -> None:
    words = ("dataset", "check", table, *NUMBERS[:2], "--verified", "--error")
    code, told, _ = give("rita", *words, "absolute", "--bits", "8")
    # Sizes from 0 to 99 could be numbers of rows.
    assert code == 1
    assert "Column 'size' counts the rows, and tells the label" in told
    assert "80 training and 20 hidden rows, 2 features, numbers of 8 bits" in told
    assert "absolute errors count, in steps of 5" in told
    assert "their mean has an RMSE" not in told
    _, told, _ = give("rita", *words, "squared")
    # As its threshold is said.
    assert "always saying their mean has an RMSE of " in told
    assert "and a small forest on the codes that trainers get one of " in told
    code, told, _ = give("rita", *words, "squared", "--scale", "70", "--json")
    document = json.loads(told)
    assert (document["points"], document["scale"]) == ("squared", "70")
    assert (document["step"], document["bits"]) == ("0.1", 16)
    # The median of numbers that are spread evenly is off by a quarter of their range.
    assert 200 < document["median_error"] < 300
    code, told, _ = give(
        "rita", "dataset", "check", table, "--label", "floor", "--even"
    )
    assert code != 0
    words = ("dataset", "check", table, "--label", "floor", "--verified", "--json")
    document = json.loads(give("rita", *words)[1])
    assert sum(document["classes"].values()) == document["train_rows"] == 80


def test_a_check_tells_what_codes_lose(tmp_path: Path, give: Give) -> None:
    path = tmp_path / "long.csv"
    rows = [f"{at},{at % 3},{'yes' if at < 250 else 'no'}" for at in range(500)]
    path.write_text("x,y,which\n" + "\n".join(rows) + "\n")
    words = ("dataset", "check", str(path), "--label", "which", "--verified")
    _, told, _ = give("rita", *words)
    flat = " ".join(told.split())
    assert "As codes of 8 bits 1 of 2 columns tell fewer values apart" in flat
    assert "x\tnumbers\t400\t256\t400" in told
    assert "A small forest is right for" in flat
    _, told, _ = give("rita", *words, "--width", "16")
    assert "As codes of 16 bits all columns tell all values apart." in told
    _, told, _ = give("rita", *words, "--json")
    codes = json.loads(told)["codes"]
    assert codes["columns"][0] == {
        "name": "x",
        "is_text": False,
        "values": 400,
        "codes": {"8": 256, "16": 400},
    }
    assert codes["baseline"]["rows"] == codes["rows"] == 400
    assert codes["baseline"]["plain"] > 0.9


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--error", "absolute"), "--error is for verified contests"),
        (("--scale", "3"), "--scale is for verified contests"),
        (("--most-error", "3"), "--most-error is for verified contests"),
        (("--bits", "8"), "--bits is for verified contests"),
        (
            ("--verified", "--scale", "3"),
            "scale of errors is for labels that are numbers",
        ),
        (("--verified", "--error", "absolute", "--scale", "far"), "'far' is no number"),
        (("--verified", "--error", "absolute", "--stratified"), "class by class"),
        ((), "--verified --error absolute"),
    ],
)
def test_what_does_not_go_together_is_said_with_what_does(
    table: str, give: Give, words: tuple[str, ...], said: str
) -> None:
    options = ("--label", "price", "--reward", "100")
    code, _, told = give("rita", "request", "create", table, *options, *words)
    assert code != 0
    assert said in " ".join(told.split())


# --- in bins ---


def test_numbers_in_bins_are_told_as_what_they_are(
    here: Place, table: str, give: Give
) -> None:
    code, told, _ = give(
        "rita", "dataset", "check", table, "--label", "price", "--bins", "4"
    )
    assert "2 features, 4 bins (2 bits a label); always saying the fullest bin" in told
    assert "The labels are numbers in 4 bins. Who names the right bin" in told
    assert "bin  " in told or "bin\t" in told
    _, told, _ = give(
        "rita", "dataset", "check", table, "--label", "price", "--bins", "4", "--json"
    )
    document: dict[str, Any] = json.loads(told)
    assert len(document["edges"]) == 3
    assert sum(document["classes"].values()) == document["train_rows"] == 80
    lost = document["report"]["coarseness"]
    assert 0 < lost["mean_absolute"] < lost["median"]
    code, told, _ = give(
        *("rita", "request", "create", table, "--label", "price", "--reward", "10"),
        *("--bins", "4", "--even-bins", "--accept-findings"),
    )
    assert code == 0
    manifest = here.markets["ann"].request(1).manifest()
    assert manifest.bins is not None
    _, told, _ = give("ann", "dataset", "report", "1")
    assert "The labels are numbers in 4 bins." in told


@pytest.mark.parametrize(
    ("said", "wrong"),
    [
        (("--bins", "1"), "Numbers cannot be put into 1 bin"),
        (("--even-bins",), "Nobody has said into how many bins"),
        (("--bins", "4", "--stratified"), "Numbers cannot be drawn class by class"),
        (("--bins", "4", "--verified"), "Bins are for contests of predictions"),
        (("--even-bins", "--verified"), "Bins are for contests of predictions"),
    ],
)
@pytest.mark.parametrize("verb", ["check", "create"])
def test_what_makes_no_bins_is_refused(
    here: Place, table: str, give: Give, verb: str, said: tuple[str, ...], wrong: str
) -> None:
    noun = "dataset" if verb == "check" else "request"
    reward = () if verb == "check" else ("--reward", "10")
    code, _, told = give("rita", noun, verb, table, "--label", "price", *reward, *said)
    assert code == 2
    assert wrong in told
    assert not here.markets["rita"].requests()
