# SPDX-License-Identifier: Apache-2.0
"""What XGBoost and LightGBM fitted, as exact models: the same answers as their own."""

from __future__ import annotations

import warnings
from typing import Any

import lightgbm
import numpy as np
import pytest
import xgboost
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.model_selection import GridSearchCV

from modelmarket.errors import InputError
from modelmarket.models import ExactModel, Limits, suggest
from modelmarket.protocol.classes import Classes
from modelmarket.protocol.schema import ClassTarget, Cuts, Schema
from models.coded import TRAINING, Case, agree, cases, convert

XGBOOST: dict[str, st.SearchStrategy[Any]] = {
    "n_estimators": st.integers(1, 12),
    "max_depth": st.integers(1, 6),
    "learning_rate": st.floats(0.05, 1),
    "num_parallel_tree": st.sampled_from([1, 1, 3]),
    "subsample": st.sampled_from([0.5, 1]),
    "tree_method": st.sampled_from(["hist", "exact", "approx"]),
    "base_score": st.sampled_from([None, 0.25]),
    "booster": st.sampled_from(["gbtree", "gbtree", "dart"]),
    "rate_drop": st.just(0.5),
    "gamma": st.sampled_from([0, 0, 1, 1e5]),
    "n_jobs": st.just(1),
    "verbosity": st.just(0),
}
XGBOOSTS_NUMBERS = XGBOOST | {
    "objective": st.sampled_from(
        ["reg:squarederror", "reg:absoluteerror", "reg:pseudohubererror"]
    )
}
LIGHTGBM: dict[str, st.SearchStrategy[Any]] = {
    "n_estimators": st.integers(1, 12),
    "num_leaves": st.integers(2, 20),
    "learning_rate": st.floats(0.05, 1),
    "boosting_type": st.sampled_from(["gbdt", "dart", "rf"]),
    "min_child_samples": st.sampled_from([1, 30]),
    "subsample": st.just(0.6),
    "subsample_freq": st.just(1),
    "verbosity": st.just(-1),
    "n_jobs": st.just(1),
}
LIGHTGBMS_NUMBERS = LIGHTGBM | {
    "objective": st.sampled_from(
        ["regression", "regression_l1", "huber", "fair", "quantile", "mape"]
    )
}


def quietly(act: Any, *given: Any, **options: Any) -> Any:
    """LightGBM names columns that have no name, and warns that they have none."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return act(*given, **options)


@given(cases(XGBOOST, least=2))
@settings(max_examples=40, deadline=None)
def test_xgboosts_classifiers_convert_without_loss(case: Case) -> None:
    rows, fitted = case.rows, case.fit(xgboost.XGBClassifier)
    margins = fitted.predict(rows, output_margin=True)
    agree(convert(fitted, rows), rows, fitted.predict(rows), margins)


@given(cases(XGBOOSTS_NUMBERS, least=1))
@settings(max_examples=30, deadline=None)
def test_xgboosts_regressors_are_rounded_once(case: Case) -> None:
    rows, fitted = case.rows, case.fit(xgboost.XGBRegressor)
    exactly = np.clip(fitted.predict(rows), 0, 2**16 - 1)
    # Half a step, and what is lost in 32 bits.
    apart = np.abs(convert(fitted, rows).predict(rows, bits=16) - exactly)
    assert apart.max() <= 0.51


@given(cases(LIGHTGBM, least=2))
@settings(max_examples=40, deadline=None)
def test_lightgbms_classifiers_convert_without_loss(case: Case) -> None:
    rows, fitted = case.rows, case.fit(lightgbm.LGBMClassifier)
    margins = quietly(fitted.predict, rows, raw_score=True)
    agree(convert(fitted, rows), rows, quietly(fitted.predict, rows), margins)


@given(cases(LIGHTGBMS_NUMBERS, least=1))
@settings(max_examples=30, deadline=None)
def test_lightgbms_regressors_are_rounded_once(case: Case) -> None:
    rows, fitted = case.rows, case.fit(lightgbm.LGBMRegressor)
    exactly = np.clip(quietly(fitted.predict, rows), 0, 2**16 - 1)
    apart = np.abs(convert(fitted, rows).predict(rows, bits=16) - exactly)
    assert apart.max() <= 0.501


CASE = Case(8, 3, 7, {})
ROWS, TARGETS = CASE.rows[:TRAINING], CASE.targets


@pytest.mark.filterwarnings("ignore:`XGBRFClassifier` is deprecated:FutureWarning")
def test_forests_of_xgboost_convert_too() -> None:
    rows = ROWS
    fitted = xgboost.XGBRFClassifier(n_estimators=9, n_jobs=1).fit(rows, TARGETS)
    model = convert(fitted, rows)
    assert model.header.rounds == 9
    margins = fitted.predict(rows, output_margin=True)
    agree(model, rows, fitted.predict(rows), margins)


def test_one_against_all_the_others_converts_too() -> None:
    rows = CASE.rows
    fitted = lightgbm.LGBMClassifier(
        n_estimators=5, objective="multiclassova", verbosity=-1, n_jobs=1
    ).fit(ROWS, TARGETS)
    margins = quietly(fitted.predict, rows, raw_score=True)
    agree(convert(fitted, rows), rows, quietly(fitted.predict, rows), margins)


def test_a_class_that_was_not_in_training_is_never_said() -> None:
    rows, targets = ROWS, np.array([1, 3, 4])[TARGETS]
    fitted = lightgbm.LGBMClassifier(n_estimators=4, verbosity=-1, n_jobs=1)
    model = convert(fitted.fit(rows, targets), rows, outputs=6)
    assert (model.predict(rows) == quietly(fitted.predict, rows)).all()
    assert set(model.predict(CASE.rows)) == {1, 3, 4}


@pytest.mark.parametrize("booster", ["gbtree", "dart"])
def test_rounds_after_the_best_one_do_not_count(booster: str) -> None:
    rows, targets = ROWS, TARGETS
    rng = np.random.default_rng(0)
    noise = rng.permutation(targets)
    early = xgboost.XGBClassifier(
        n_estimators=40, early_stopping_rounds=5, num_parallel_tree=2, booster=booster
    )
    early.fit(rows, targets, eval_set=[(rows, noise)], verbose=False)
    assert early.best_iteration + 1 < early.get_booster().num_boosted_rounds()
    model = convert(early, rows)
    assert model.header.rounds == 2 * (early.best_iteration + 1)
    agree(model, rows, early.predict(rows), early.predict(rows, output_margin=True))
    other = lightgbm.LGBMClassifier(n_estimators=40, verbosity=-1, n_jobs=1)
    stop = lightgbm.early_stopping(5, verbose=False)
    quietly(other.fit, rows, targets, eval_set=[(rows, noise)], callbacks=[stop])
    assert 0 < other.best_iteration_ < 40
    model = convert(other, rows)
    assert model.header.rounds == other.best_iteration_
    margins = quietly(other.predict, rows, raw_score=True)
    agree(model, rows, quietly(other.predict, rows), margins)


def test_lightgbm_may_be_fitted_on_the_classes_names() -> None:
    rows, names = ROWS, np.array(["ant", "bee", "cow"])
    fitted = lightgbm.LGBMClassifier(n_estimators=4, verbosity=-1, n_jobs=1)
    fitted.fit(rows, names[TARGETS])
    model = convert(fitted, rows, outputs=3, names=("ant", "bee", "cow"))
    assert (names[model.predict(rows)] == quietly(fitted.predict, rows)).all()


def test_a_search_over_them_is_converted_as_what_it_found() -> None:
    search = GridSearchCV(xgboost.XGBClassifier(n_jobs=1), {"n_estimators": [3]}, cv=2)
    search.fit(ROWS, TARGETS)
    assert convert(search, ROWS).header.rounds == 3


REFUSED = [
    (xgboost.XGBClassifier(missing=0), "missing=0.*code 0 is a value like others"),
    (
        xgboost.XGBClassifier(booster="gblinear"),
        "booster='gblinear'.*'gbtree'",
    ),
    (xgboost.XGBRegressor(objective="count:poisson"), "'count:poisson'.*squarederror"),
    (
        xgboost.XGBClassifier(multi_strategy="multi_output_tree", tree_method="hist"),
        "one_output_per_tree",
    ),
    (
        xgboost.XGBClassifier(
            feature_types=["c", "q", "q", "q"],
            enable_categorical=True,
            tree_method="hist",
        ),
        "one of several categories.*codes as numbers",
    ),
    (lightgbm.LGBMRegressor(objective="poisson"), "'poisson'.*regression_l1"),
    (lightgbm.LGBMRegressor(reg_sqrt=True), "'regression sqrt'.*without reg_sqrt"),
    (lightgbm.LGBMClassifier(zero_as_missing=True), "fitted on missing values"),
    (lightgbm.LGBMRegressor(linear_tree=True), "linear_tree=False"),
    (
        lightgbm.LGBMClassifier(categorical_feature=[0], min_data_per_group=1),
        "one of several categories.*in order",
    ),
]


@pytest.mark.parametrize(("estimator", "said"), REFUSED, ids=lambda one: str(one)[:40])
def test_what_is_no_sum_of_trees_of_codes_is_refused(estimator: Any, said: str) -> None:
    rows, targets = ROWS % 8, TARGETS
    options: dict[str, Any] = {"n_estimators": 3, "n_jobs": 1}
    if isinstance(estimator, lightgbm.LGBMModel):
        options |= {"verbosity": -1, "min_child_samples": 1}
    # Whether a row is of a category says much of it.
    signal = (targets + rows[:, 0] * 5) % 3 if "categor" in said else targets
    # Later versions of XGBoost warn that one of these boosters will be gone one day.
    with xgboost.config_context(verbosity=0):
        fit = estimator.set_params(**options).fit
        fitted = quietly(fit, rows.astype(float), signal)
        with pytest.raises(InputError, match=said):
            convert(fitted, rows)


def test_what_is_not_fitted_or_no_estimator_says_so() -> None:
    rows, targets = ROWS, TARGETS
    for estimator in (xgboost.XGBClassifier(), lightgbm.LGBMRegressor()):
        with pytest.raises(InputError, match="is not fitted"):
            convert(estimator, rows)
    booster = xgboost.XGBClassifier(n_estimators=1).fit(rows, targets).get_booster()
    with pytest.raises(InputError, match="Booster cannot be converted.*classifiers"):
        convert(booster, rows)
    for kind in (xgboost.XGBClassifier, lightgbm.LGBMClassifier):
        fitted = kind(n_estimators=2, n_jobs=1).fit(rows, 0 * targets)
        with pytest.raises(InputError, match="one class alone"):
            convert(fitted, rows)
    missing = rows.astype(np.float64)
    missing[missing == 0] = np.nan
    fitted = lightgbm.LGBMClassifier(verbosity=-1, n_jobs=1).fit(missing, targets)
    with pytest.raises(InputError, match="fitted on missing values.*code 0"):
        convert(fitted, rows)


SCHEMA = Schema(
    8, tuple(Cuts(f"x{one}", ()) for one in range(4)), ClassTarget(Classes(("a", "b", "c")))
)  # fmt: skip
GREEDY = [
    xgboost.XGBClassifier(n_jobs=1),
    xgboost.XGBClassifier(num_parallel_tree=4, max_depth=0, n_jobs=1),
    xgboost.XGBClassifier(tree_method="exact", max_depth=12, gamma=0, n_jobs=1),
    lightgbm.LGBMClassifier(n_estimators=300, verbosity=-1, n_jobs=1),
]


@pytest.mark.parametrize("estimator", GREEDY, ids=lambda one: type(one).__name__)
@pytest.mark.parametrize(
    "limits", [Limits.of(SCHEMA), Limits(4, 3, 8, most_units=60, most_words=200)]
)
def test_what_is_suggested_fits(estimator: Any, limits: Limits) -> None:
    estimator.set_params(**suggest(estimator, limits))
    fitted = estimator.fit(ROWS, TARGETS)
    model = ExactModel.of(fitted, SCHEMA, limits=limits)
    assert model.header.units <= limits.most_units


def test_what_is_beyond_a_limit_names_the_librarys_own_parameters() -> None:
    limits = Limits(4, 3, 8, most_units=30)
    for estimator in (xgboost.XGBClassifier(), lightgbm.LGBMClassifier(verbosity=-1)):
        fitted = estimator.set_params(n_jobs=1).fit(ROWS, TARGETS)
        with pytest.raises(InputError, match="Fit it again with n_estimators=30"):
            ExactModel.of(fitted, SCHEMA, limits=limits)
