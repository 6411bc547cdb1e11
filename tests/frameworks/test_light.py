# SPDX-License-Identifier: Apache-2.0
"""The libraries that `make test` has as well, beside the heavy ones: one table of all."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from lightgbm import LGBMClassifier, LGBMRegressor
from sklearn.base import clone
from sklearn.ensemble import (
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier
from xgboost import XGBClassifier, XGBRegressor

from frameworks.comparing import Compared
from frameworks.data import Known, Numbers, Table, diabetes, digits, tumours
from modelmarket.models import ExactModel

SEED: dict[str, Any] = {"random_state": 0}
FEW: dict[str, Any] = {"n_estimators": 60, "max_depth": 6, **SEED}
LIGHT = FEW | {"verbose": -1, "n_jobs": 1}

CLASSIFIERS: dict[str, tuple[str, Any]] = {
    "one tree": ("sklearn", DecisionTreeClassifier(max_depth=8, **SEED)),
    "60 trees, random": ("sklearn", RandomForestClassifier(**FEW)),
    "60 trees, extra random": ("sklearn", ExtraTreesClassifier(**FEW)),
    "60 rounds": ("sklearn", GradientBoostingClassifier(n_estimators=60, **SEED)),
    "60 rounds, histograms": (
        "sklearn",
        HistGradientBoostingClassifier(max_iter=60, max_depth=6, **SEED),
    ),
    "logistic": ("sklearn", LogisticRegression(max_iter=3_000)),
    "network of 48": ("sklearn", MLPClassifier((48,), max_iter=200, **SEED)),
    "60 rounds of XGBoost": ("xgboost", XGBClassifier(**FEW)),
    "60 rounds of LightGBM": ("lightgbm", LGBMClassifier(**LIGHT)),
}
REGRESSORS: dict[str, tuple[str, Any]] = {
    "60 trees, random": ("sklearn", RandomForestRegressor(**FEW)),
    "60 rounds, histograms": (
        "sklearn",
        HistGradientBoostingRegressor(max_iter=60, max_depth=6, **SEED),
    ),
    "ridge": ("sklearn", Ridge()),
    "60 rounds of XGBoost": ("xgboost", XGBRegressor(**FEW)),
    "60 rounds of LightGBM": ("lightgbm", LGBMRegressor(**LIGHT)),
}
LEAST = 0.98


def exact(estimator: Any, table: Table, outputs: int) -> ExactModel:
    return ExactModel.of_codes(
        estimator, width=8, columns=table.columns, outputs=outputs, sample=table.learnt
    )


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("model", CLASSIFIERS)
@pytest.mark.parametrize(("table", "outputs"), [(digits(), 10), (tumours(), 2)])
def test_an_exact_model_says_what_its_library_says(
    table: Table, outputs: int, model: str, compared: list[Compared]
) -> None:
    library, estimator = CLASSIFIERS[model]
    fitted = clone(estimator).fit(table.learnt, table.targets)
    ours = exact(fitted, table, outputs).predict(table.rows)
    one = Compared.of_classes(
        *(library, f"{model}, {table.name}", "exact"),
        *(fitted.predict(table.rows), ours, table.truth),
    )
    compared.append(one)
    assert one.share >= LEAST
    assert one.lost <= 0.01


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("model", REGRESSORS)
def test_an_exact_model_of_numbers_says_what_its_library_says(
    model: str, compared: list[Compared]
) -> None:
    table = diabetes()
    library, estimator = REGRESSORS[model]
    fitted = clone(estimator).fit(table.learnt, table.targets)
    ours = exact(fitted, table, 1).predict(table.rows, bits=16)
    one = Compared.of_numbers(
        *(library, f"{model}, {table.name}", "exact"),
        *(fitted.predict(table.rows), ours, table.truth),
    )
    compared.append(one)
    assert one.lost <= 1


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("model", CLASSIFIERS)
@pytest.mark.parametrize("name", ["digits", "breast_cancer"])
def test_an_onnx_file_says_what_its_library_says(
    name: str, model: str, compared: list[Compared]
) -> None:
    table = Known(name)
    library, estimator = CLASSIFIERS[model]
    learnt, rows, labels = table.frame.to_numpy(), table.rows.to_numpy(), table.labels
    if library == "sklearn":
        fitted = make_pipeline(StandardScaler(), clone(estimator)).fit(learnt, labels)
        theirs = fitted.predict(rows)
    else:
        names = np.array(table.classes)
        numbers = np.searchsorted(names, labels.to_numpy())
        table.classes = [str(one) for one in range(len(names))]
        table.truth = np.searchsorted(names, table.truth).astype(str)
        fitted = clone(estimator).fit(learnt, numbers)
        theirs = fitted.predict(rows).astype(str)
    found = table.exported(fitted)
    one = Compared.of_classes(
        *(library, f"{model}, {name}", "ONNX"),
        *(theirs, np.array(found.labels), table.truth),
    )
    compared.append(one)
    assert one.share >= LEAST


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("model", REGRESSORS)
def test_an_onnx_file_says_the_bin_of_the_number_that_its_library_says(
    model: str, compared: list[Compared]
) -> None:
    table = Numbers()
    library, estimator = REGRESSORS[model]
    fitted = clone(estimator).fit(table.frame.to_numpy(), table.labels)
    found = table.exported(fitted)
    theirs = table.bins.named(
        np.asarray(fitted.predict(table.rows.to_numpy()), dtype=np.float64)
    )
    one = Compared.of_classes(
        *(library, f"{model}, diabetes in 20 bins", "ONNX"),
        *(np.array(theirs), np.array(found.labels), table.truth),
    )
    compared.append(one)
    assert one.share >= LEAST
