# SPDX-License-Identifier: Apache-2.0
"""What CatBoost and PyTorch trained as ONNX files, which say the same."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pandas as pd
import polars as pl
import pytest
import torch
from catboost import CatBoostClassifier, CatBoostRegressor
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OrdinalEncoder, StandardScaler
from torch import nn

from frameworks.comparing import Compared
from frameworks.data import Known, Numbers
from modelmarket.datasets.libraries import labels_for, table_for
from modelmarket.errors import InputError
from modelmarket.models.converting.of_torch import LAYERS
from modelmarket.models.onnx import OnnxModel, export
from modelmarket.models.onnx.of_fitted import BY_HAND
from modelmarket.protocol.classes import Classes

QUIET = {
    "verbose": False,
    "allow_writing_files": False,
    "thread_count": 1,
    "random_seed": 0,
}
NAMES = ("ja, ü", 'no "x"', "perhaps")


def scores(model: OnnxModel, frame: pl.DataFrame) -> Any:
    session = onnxruntime.InferenceSession(
        model.data, providers=["CPUExecutionProvider"]
    )
    fed = {one.name: one.of(frame) for one in model.inputs}
    return session.run(["scores"], fed)[0]


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)
    torch.set_num_threads(1)


@pytest.mark.parametrize("policy", ["SymmetricTree", "Depthwise", "Lossguide"])
@pytest.mark.parametrize(
    ("name", "gaps", "nan_mode"),
    [
        ("digits", 0, "Min"),
        ("breast_cancer", 0.1, "Min"),
        ("breast_cancer", 0.1, "Max"),
        ("wine", 0.1, "Max"),
    ],
)
def test_catboosts_file_says_the_same_of_gaps_as_well(
    name: str, gaps: float, nan_mode: str, policy: str, compared: list[Compared]
) -> None:
    table = Known(name, gaps=gaps)
    fitted = CatBoostClassifier(
        iterations=60, depth=5, grow_policy=policy, nan_mode=nan_mode, **QUIET
    )
    frame = table.frame.to_numpy()
    found = table.exported(fitted.fit(frame, table.labels.to_numpy()))
    theirs = fitted.predict(table.rows.to_numpy()).ravel()
    holes = f", gaps {nan_mode}" if gaps else ""
    one = Compared.of_classes(
        *("catboost", f"60 trees, {policy}, {name}{holes}", "ONNX"),
        *(theirs, np.array(found.labels), table.truth),
    )
    compared.append(one)
    assert found.agreement == 1
    assert one.same == one.rows
    sure = fitted.predict_proba(table.rows.to_numpy())
    assert np.allclose(scores(found.model, table.rows), sure, atol=1e-6)
    assert list(found.model.classes) == list(fitted.classes_)
    onnx.checker.check_model(onnx.load_from_string(found.model.data))


def test_a_gap_where_none_was_learnt_goes_where_catboost_sends_it() -> None:
    table = Known("wine")
    fitted = CatBoostClassifier(iterations=20, **QUIET)
    fitted.fit(table.frame.to_numpy(), table.labels.to_numpy())
    holed = Known("wine", gaps=0.3).rows
    found = export(fitted, table.frame, holed, Classes(tuple(table.classes)))
    assert found.labels == list(fitted.predict(holed.to_numpy()).ravel())


@pytest.mark.parametrize("loss", ["MultiClassOneVsAll", "MultiClass"])
def test_catboosts_scores_are_its_own(loss: str) -> None:
    table = Known("wine")
    fitted = CatBoostClassifier(iterations=9, loss_function=loss, **QUIET)
    fitted.fit(table.frame.to_numpy(), table.labels.to_numpy())
    found = table.exported(fitted)
    sure = fitted.predict_proba(table.rows.to_numpy())
    assert np.allclose(scores(found.model, table.rows), sure, atol=1e-6)


def test_labels_that_are_numbers_and_another_threshold_are_kept() -> None:
    table = Known("breast_cancer")
    fitted = CatBoostClassifier(iterations=9, **QUIET)
    numbers = (table.labels == table.classes[0]).to_numpy() * 3 + 4
    fitted.fit(table.frame.to_numpy(), numbers)
    fitted.set_probability_threshold(0.9)
    found = export(fitted, table.frame, table.rows, Classes(("4", "7")))
    assert found.agreement == 1
    sure = fitted.predict_proba(table.rows.to_numpy())[:, 1]
    assert found.labels == ["7" if one > 0.9 else "4" for one in sure]


@pytest.mark.parametrize("kind", ["pandas", "polars"])
def test_catboost_may_have_been_fitted_on_frames_in_another_order(kind: str) -> None:
    table = Known("wine", gaps=0.1)
    other: Any = table.frame.select(table.frame.columns[::-1])
    if kind == "pandas":
        other = pd.DataFrame({one.name: one.to_numpy() for one in other})
    fitted = CatBoostClassifier(iterations=20, **QUIET).fit(
        other, table.labels.to_numpy()
    )
    found = table.exported(fitted)
    assert found.agreement == 1
    assert list(found.model.columns) == table.frame.columns[::-1]


def words(rows: int, seed: int) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    return pl.DataFrame(
        {
            "a b": rng.random(rows),
            "größe*": rng.choice(["S", "M", "L"], rows),
            "n": rng.integers(0, 9, rows),
        }
    )


def names_of(frame: pl.DataFrame) -> Any:
    score = frame["a b"].to_numpy() + (frame["größe*"] == "M").to_numpy()
    score += frame["n"].to_numpy() / 5
    return np.array(NAMES)[np.digitize(score, [0.9, 1.6])]


def test_a_pipeline_that_ends_in_catboost_is_exported_whole(
    compared: list[Compared],
) -> None:
    frame, rows = words(400, 0), words(200, 1)
    columns = ColumnTransformer(
        [("w", OrdinalEncoder(), ["größe*"]), ("n", StandardScaler(), ["n", "a b"])]
    )
    last = CatBoostClassifier(iterations=40, **QUIET)
    fitted = make_pipeline(columns, last).fit(frame, names_of(frame))
    found = export(fitted, frame, rows, Classes(NAMES))
    one = Compared.of_classes(
        *("catboost", "40 trees behind a column transformer, words", "ONNX"),
        *(np.ravel(fitted.predict(rows)), np.array(found.labels), names_of(rows)),
    )
    compared.append(one)
    assert found.agreement is not None
    assert found.agreement >= 0.99


def test_catboosts_own_categories_are_refused_with_a_way_out() -> None:
    frame = words(200, 0)
    table = pd.DataFrame({one.name: one.to_numpy() for one in frame})
    fitted = CatBoostClassifier(iterations=9, cat_features=["größe*"], **QUIET)
    fitted.fit(table, names_of(frame))
    with pytest.raises(InputError, match="categories, texts.*an encoder in a pipeline"):
        export(fitted, frame, words(50, 1), Classes(NAMES))


def test_regressors_are_no_classifiers() -> None:
    table = Known("wine")
    fitted = CatBoostRegressor(iterations=3, **QUIET)
    fitted.fit(table.frame.to_numpy(), np.arange(table.frame.height))
    for one in (fitted, CatBoostClassifier()):
        with pytest.raises(InputError, match="is no fitted classifier"):
            table.exported(one)


def trained(table: Known, sizes: tuple[int, ...]) -> Any:
    """A network that reads columns as they are, as its owner has trained it."""
    rows = table_for("torch", table.frame)
    targets = labels_for("torch", table.labels, table.classes)
    layers: list[Any] = []
    before = rows.shape[1]
    for size in sizes:
        layers += [nn.Linear(before, size), nn.ReLU(), nn.Dropout(0.1)]
        before = size
    module = nn.Sequential(nn.Flatten(), *layers[:-2])
    with torch.no_grad():
        module[1].weight /= rows.std(dim=0) + 1
    steps = torch.optim.Adam(module.parameters(), lr=0.003)
    for _ in range(40):
        for some in torch.randperm(len(rows)).split(32):
            steps.zero_grad()
            values = module(rows[some])
            loss = (
                nn.functional.cross_entropy(values, targets[some])
                if sizes[-1] > 1
                else nn.functional.binary_cross_entropy_with_logits(
                    values[:, 0], targets[some].float()
                )
            )
            loss.backward()
            steps.step()
    return module


@pytest.mark.parametrize(
    ("name", "sizes"),
    [
        ("digits", (32, 10)),
        ("digits", (10,)),
        ("breast_cancer", (16, 8, 2)),
        ("breast_cancer", (16, 1)),
    ],
)
def test_a_networks_file_says_the_same(
    name: str, sizes: tuple[int, ...], compared: list[Compared]
) -> None:
    table = Known(name)
    module = trained(table, sizes)
    found = table.exported(module)
    with torch.inference_mode():
        values = module.eval()(table_for("torch", table.rows)).numpy()
    if sizes[-1] == 1:
        values = np.concatenate([np.zeros_like(values), values], axis=1)
    theirs = np.array(table.classes)[values.argmax(axis=1)]
    width = table.frame.width
    one = Compared.of_classes(
        *("torch", f"{'-'.join(map(str, (width, *sizes)))}, {name}", "ONNX"),
        *(theirs, np.array(found.labels), table.truth),
    )
    compared.append(one)
    assert (theirs == table.truth).mean() > 0.85
    assert found.agreement == one.share == 1
    assert json.loads(json.dumps(found.model.classes)) == table.classes
    sure = torch.softmax(torch.from_numpy(values), dim=1).numpy()
    assert np.allclose(scores(found.model, table.rows), sure, atol=1e-5)
    onnx.checker.check_model(onnx.load_from_string(found.model.data))


@pytest.mark.parametrize("policy", ["SymmetricTree", "Depthwise", "Lossguide"])
@pytest.mark.parametrize("loss", ["RMSE", "MAE"])
def test_catboosts_numbers_fall_into_the_same_bins(
    policy: str, loss: str, compared: list[Compared]
) -> None:
    table = Numbers()
    fitted = CatBoostRegressor(
        iterations=60, depth=5, grow_policy=policy, loss_function=loss, **QUIET
    )
    found = table.exported(fitted.fit(table.frame.to_numpy(), table.labels))
    theirs = table.bins.named(fitted.predict(table.rows.to_numpy()))
    one = Compared.of_classes(
        *("catboost", f"60 trees, {policy}, {loss}, diabetes in 20 bins", "ONNX"),
        *(np.array(theirs), np.array(found.labels), table.truth),
    )
    compared.append(one)
    assert found.agreement == one.share == 1


@pytest.mark.parametrize("sizes", [(1,), (16, 1)])
def test_a_networks_number_falls_into_the_same_bin(
    sizes: tuple[int, ...], compared: list[Compared]
) -> None:
    table = Numbers()
    layers: list[nn.Module] = []
    width = table.frame.width
    for size in sizes:
        layers += [nn.ReLU()] if layers else []
        layers.append(nn.Linear(width, size))
        width = size
    module = nn.Sequential(*layers)
    rows = table_for("torch", table.frame)
    targets = torch.from_numpy(table.labels.astype(np.float32))[:, None]
    steps = torch.optim.Adam(module.parameters(), lr=0.5)
    for _ in range(200):
        steps.zero_grad()
        nn.functional.mse_loss(module(rows), targets).backward()
        steps.step()
    found = table.exported(module)
    with torch.inference_mode():
        values = module.eval()(table_for("torch", table.rows)).numpy()[:, 0]
    theirs = np.array(table.bins.named(values.astype(np.float64)))
    shape = "-".join(map(str, (table.frame.width, *sizes)))
    one = Compared.of_classes(
        *("torch", f"{shape}, diabetes in 20 bins", "ONNX"),
        *(theirs, np.array(found.labels), table.truth),
    )
    compared.append(one)
    assert len(set(found.labels)) > 5
    assert found.agreement == one.share == 1
    with pytest.raises(InputError, match="says 2 values of a row; a number is one"):
        table.exported(nn.Sequential(nn.Linear(table.frame.width, 2)))


def test_networks_that_cannot_be_written_are_refused_with_the_list() -> None:
    table = Known("wine")
    linear = nn.Linear(13, 3)
    for module, said in (
        (nn.Sequential(linear, nn.Tanh(), nn.Linear(3, 3)), "Sequential with Tanh"),
        (nn.LSTM(13, 3), "LSTM is no fitted classifier"),
        (linear, "Linear is no fitted classifier"),
    ):
        with pytest.raises(InputError, match=said) as told:
            table.exported(module)
        assert LAYERS in told.value.hint
        assert BY_HAND in told.value.hint or "Tanh" in said
    with pytest.raises(InputError, match="says 4 values of a row; there are 3 classes"):
        table.exported(nn.Sequential(nn.Linear(13, 4)))
    with pytest.raises(InputError, match="does not predict.*cannot be multiplied"):
        table.exported(nn.Sequential(nn.Linear(12, 3)))
    holed = Known("wine", gaps=0.1)
    with pytest.raises(InputError, match="Of a row with gaps it says no number"):
        holed.exported(nn.Sequential(linear))
    frame = words(40, 0)
    with pytest.raises(InputError, match="does not predict the test rows"):
        export(nn.Sequential(nn.Linear(3, 3)), frame, frame, Classes(NAMES))
