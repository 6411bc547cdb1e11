# SPDX-License-Identifier: Apache-2.0
"""An exported model is taken by the page alone; any other file beside its predictions."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

from modelmarket.market import Market, Request
from modelmarket.models.onnx import OnnxModel
from modelmarket.protocol.actions import Submit
from modelmarket.web.workspace import Workspace
from support.market import Place, place
from support.visits import visiting

ROWS = 60
FRAME = pl.DataFrame(
    {
        "x": [n % 30 for n in range(ROWS)],
        "kind": ["ab"[n % 30 > 14] for n in range(ROWS)],
    }
)
PRICES = FRAME.select("x", price=pl.col("x") * 1.5)


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Place]:
    """A node of its own, with rita and ann."""
    with place("embedded", tmp_path) as found:
        for name in ("rita", "ann"):
            found.join(name)
        yield found


def request_for(here: Place, **bins: int) -> Request:
    frame = PRICES if bins else FRAME
    here.markets["rita"].create_request(
        frame,
        label=frame.columns[-1],
        reward="10",
        accept_findings=True,
        **bins,  # type: ignore[arg-type]  # one of them
    )
    return here.markets["ann"].request(1)


def exported(request: Request) -> OnnxModel:
    kind = RandomForestRegressor if request.manifest().bins else RandomForestClassifier
    return request.export(kind(5, random_state=0).fit(*request.training_data()))


@pytest.mark.parametrize("bins", [{}, {"bins": 4}], ids=["classes", "bins"])
def test_an_exported_model_comes_alone(here: Place, bins: dict[str, int]) -> None:
    request = request_for(here, **bins)
    model = exported(request)
    with visiting(Workspace(here.markets["ann"])) as tab:
        page = tab.get("/requests/1/submit").text
        kind = "Regressor" if bins else "Classifier"
        assert f"HistGradientBoosting{kind}().fit(*request.training_data())" in page
        about = tab.get("/requests/1/data").text
        assert ("4 bins of numbers" in about) == bool(bins)
        answer = tab.post(
            "/requests/1/submit", files={"model": ("Mine.ONNX", model.data)}
        )
        assert answer.status_code == 303, answer.text
        number = int(answer.headers["location"].rsplit("/", 1)[1])
        action = tab.workspace.actions.get(number).action
    assert isinstance(action, Submit)
    predicted = model.predict(request.test_data())
    counts = {name: predicted.count(name) for name in set(predicted)}
    assert action.counts == counts


def ask(market: Market, **files: tuple[str, bytes]) -> str:
    with visiting(Workspace(market)) as tab:
        answer = tab.post("/requests/1/submit", files=files)
    assert answer.status_code == 400
    return answer.text


def test_what_is_missing_is_named(here: Place) -> None:
    request_for(here)
    ann = here.markets["ann"]
    told = ask(ann, model=("weights.zip", b"zip"))
    assert "No file was chosen as predictions." in told
    assert "Only an exported model, such as model.onnx, predicts by itself" in told
    told = ask(ann, predictions=("p.csv", b"a\n"))
    assert "No file was chosen as model." in told
    told = ask(ann, model=("model.onnx", b"no such thing"))
    assert "This model cannot be run" in told
