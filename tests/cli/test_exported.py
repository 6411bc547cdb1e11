# SPDX-License-Identifier: Apache-2.0
"""An exported model on the command line: checked and submitted alone."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from sklearn.tree import DecisionTreeClassifier

from support.market import Place

Give = Callable[..., tuple[object, str, str]]


@pytest.fixture
def model(here: Place, tmp_path: Path) -> str:
    """A tree's file, for request 1 of 20 test rows."""
    here.create(here.markets["rita"])
    request = here.markets["ann"].request(1)
    tree = DecisionTreeClassifier(max_depth=3).fit(*request.training_data())
    path = tmp_path / "tree.onnx"
    path.write_bytes(request.export(tree).data)
    return str(path)


def test_an_exported_file_is_checked_and_submitted_alone(
    give: Give, model: str
) -> None:
    code, told, _ = give("ann", "submission", "check", "1", model)
    assert code == 0
    assert "tree.onnx fits request 1: 20 rows" in told
    assert "training rows" in told
    assert "Predicted by the ONNX file that would be sealed." in told
    code, told, _ = give("ann", "submission", "check", "1", model, "--json")
    document = json.loads(told)
    assert (document["reproducible"], document["rows"]) == (True, 20)
    assert sum(document["train_counts"].values()) == 80
    code, told, _ = give("ann", "submit", "1", model)
    assert code == 0
    assert "Submission 1 to request 1" in told


def test_a_model_in_the_place_of_predictions_stakes_nothing(
    here: Place, give: Give, model: str, tmp_path: Path
) -> None:
    predictions, folder = tmp_path / "predictions.csv", tmp_path / "folder.onnx"
    predictions.write_text("label\n" + "odd\n" * 20)
    folder.mkdir()
    for files, said in (
        ((model, str(predictions)), "The predictions are a model."),
        ((str(predictions),), "Request 1 takes 2 files, not 1."),
        ((str(folder),), "folder.onnx is a folder"),
        ((str(tmp_path / "nowhere.onnx"),), "There is no file"),
    ):
        code, _, error = give("ann", "submit", "1", *files)
        assert code not in (0, None)
        assert said in error
    assert here.markets["ann"].request(1).submissions() == []
