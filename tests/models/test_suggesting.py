# SPDX-License-Identifier: Apache-2.0
"""Parameters that fit do fit, and what is asked for is kept where it can be."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from sklearn import datasets, ensemble, linear_model, neural_network, tree
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler
from threadpoolctl import threadpool_limits

from modelmarket.errors import InputError
from modelmarket.models import ExactModel, Limits, suggest
from modelmarket.protocol.classes import Classes
from modelmarket.protocol.schema import ClassTarget, Cuts, Schema

COLUMNS = tuple(Cuts(f"x{column}", ()) for column in range(64))
DIGITS = Schema(8, COLUMNS, ClassTarget(Classes(tuple("0123456789"))))

GREEDY = [
    tree.DecisionTreeClassifier(random_state=0),
    ensemble.RandomForestClassifier(400, n_jobs=1, random_state=0),
    ensemble.ExtraTreesClassifier(150, max_depth=30, random_state=0),
    ensemble.GradientBoostingClassifier(n_estimators=40, max_depth=4, random_state=0),
    ensemble.HistGradientBoostingClassifier(max_iter=60),
    make_pipeline(
        MinMaxScaler(),
        neural_network.MLPClassifier((900, 50), max_iter=2, random_state=0),
    ),
]
LIMITS = [
    Limits.of(DIGITS),
    Limits(64, 10, 8, most_units=70, most_words=300),
    Limits(64, 10, 8, most_parts=2, most_words=900),
    Limits(64, 10, 8, most_parts=1),
]


@pytest.mark.parametrize("limits", LIMITS, ids=str)
@pytest.mark.parametrize("estimator", GREEDY, ids=lambda one: type(one).__name__)
def test_what_is_suggested_fits(estimator: Any, limits: Limits) -> None:
    rows, targets = datasets.load_digits(return_X_y=True)
    rows = (rows[:600] * 15).astype(np.uint8)
    estimator.set_params(**suggest(estimator, limits))
    with warnings.catch_warnings(), threadpool_limits(1):
        warnings.simplefilter("ignore")
        estimator.fit(rows, targets[:600])
    model = ExactModel.of(estimator, DIGITS, sample=rows, limits=limits)
    assert model.header.units <= limits.most_units


def test_what_fits_is_kept() -> None:
    limits = Limits.of(DIGITS)
    forest = ensemble.RandomForestClassifier(80, max_depth=12, max_leaf_nodes=200)
    asked = {"n_estimators": 80, "max_depth": 12, "max_leaf_nodes": 200}
    assert suggest(forest, limits) == asked
    small = neural_network.MLPClassifier((32, 16))
    assert suggest(small, limits) == {"hidden_layer_sizes": (32, 16)}
    assert suggest(linear_model.LogisticRegression(), limits) == {}


def test_a_pipelines_parameters_are_named_by_its_steps() -> None:
    line = make_pipeline(MinMaxScaler(), neural_network.MLPClassifier(5_000))
    (name,) = suggest(line, Limits.of(DIGITS))
    assert name == "mlpclassifier__hidden_layer_sizes"
    search = GridSearchCV(line, {})
    assert [*suggest(search, Limits.of(DIGITS))] == [f"estimator__{name}"]


def test_what_cannot_be_converted_has_no_parameters() -> None:
    with pytest.raises(InputError, match="KNeighborsClassifier cannot"):
        suggest(KNeighborsClassifier(), Limits.of(DIGITS))


def test_where_nothing_fits_that_is_said() -> None:
    tight = Limits(64, 10, 8, most_units=1, most_words=2)
    for estimator in (
        tree.DecisionTreeClassifier(),
        ensemble.HistGradientBoostingClassifier(),
        neural_network.MLPClassifier((4,)),
    ):
        with pytest.raises(InputError, match="fits into this contest's limits"):
            suggest(estimator, tight)
