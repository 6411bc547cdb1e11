# SPDX-License-Identifier: Apache-2.0
"""CatBoost's trees, as exact models and as ONNX files: the same answers as its own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from catboost import CatBoostClassifier, CatBoostRanker, CatBoostRegressor
from hypothesis import given, settings
from hypothesis import strategies as st

from frameworks.comparing import Compared
from frameworks.data import Table, diabetes, digits, tumours
from modelmarket.errors import InputError
from modelmarket.models import ExactModel, Limits, suggest
from modelmarket.protocol.classes import Classes
from modelmarket.protocol.schema import ClassTarget, Cuts, Schema
from models.coded import TRAINING, Case, agree, cases, convert

ROUNDED = 1e-9
"""Sums of 64 bits, in another order."""

QUIET = {
    "verbose": False,
    "allow_writing_files": False,
    "thread_count": 1,
    "random_seed": 0,
}

GROWN: dict[str, st.SearchStrategy[Any]] = {
    "iterations": st.integers(1, 12),
    "depth": st.integers(1, 6),
    "learning_rate": st.floats(0.05, 1),
    "grow_policy": st.sampled_from(["SymmetricTree", "Depthwise", "Lossguide"]),
    "border_count": st.sampled_from([3, 64, 254]),
    "model_size_reg": st.just(0),
    **{name: st.just(value) for name, value in QUIET.items()},
}
OF_CLASSES = GROWN | {
    "loss_function": st.sampled_from(["MultiClass", "MultiClassOneVsAll"])
}
OF_NUMBERS = GROWN | {
    "loss_function": st.sampled_from(
        ["RMSE", "MAE", "Quantile:alpha=0.3", "MAPE", "Huber:delta=9", "LogCosh"]
    ),
    "leaf_estimation_iterations": st.just(1),
}


def margins(fitted: Any, rows: Any) -> Any:
    return fitted.predict(rows, prediction_type="RawFormulaVal")


def beside(fitted: Any, rows: Any, **options: Any) -> None:
    """The exact model says the same of rows as what was fitted."""
    theirs = fitted.predict(rows).ravel()
    agree(
        convert(fitted, rows, **options), rows, theirs, margins(fitted, rows), ROUNDED
    )


@given(cases(OF_CLASSES, least=3))
@settings(max_examples=40, deadline=None)
def test_classifiers_convert_without_loss(case: Case) -> None:
    beside(case.fit(CatBoostClassifier), case.rows)


@given(
    cases(GROWN | {"loss_function": st.sampled_from(["Logloss", "CrossEntropy"])}, 2),
    st.floats(0.05, 0.95),
)
@settings(max_examples=40, deadline=None)
def test_of_two_classes_the_second_is_one_above_the_threshold(
    case: Case, threshold: float
) -> None:
    rows = case.rows
    targets = (case.targets > 0).astype(int)
    fitted = CatBoostClassifier(**case.parameters).fit(rows[:TRAINING], targets)
    beside(fitted, rows)
    fitted.set_probability_threshold(threshold)
    theirs = fitted.predict(rows)
    sure = np.abs(margins(fitted, rows) - np.log(threshold / (1 - threshold))) > ROUNDED
    assert (convert(fitted, rows).predict(rows) == theirs)[sure].all()


@given(cases(OF_NUMBERS, least=1))
@settings(max_examples=40, deadline=None)
def test_regressors_are_rounded_once(case: Case) -> None:
    rows, fitted = case.rows, case.fit(CatBoostRegressor)
    exactly = np.clip(fitted.predict(rows), 0, 2**16 - 1)
    apart = np.abs(convert(fitted, rows).predict(rows, bits=16) - exactly)
    assert apart.max() <= 0.501


CASE = Case(8, 3, 7, {})
ROWS, TARGETS = CASE.rows[:TRAINING], CASE.targets
NAMES = np.array(["ant", "bee", "cow"])


def with_border(fitted: Any, border: float, folder: Path) -> Any:
    """A tree with one question, and another border, as its own file has it."""
    path = folder / "model.json"
    fitted.save_model(str(path), format="json")
    found = json.loads(path.read_text())
    found["oblivious_trees"][0]["splits"][0]["border"] = border
    found["features_info"]["float_features"][0]["borders"] = [border]
    path.write_text(json.dumps(found))
    return CatBoostClassifier().load_model(str(path), format="json")


@pytest.mark.parametrize(
    ("border", "above"),
    [(2, [3]), (1.5, [2, 3]), (0, [1, 2, 3]), (-0.5, [0, 1, 2, 3]), (3e38, [])],
)
def test_a_code_that_is_the_border_is_not_above_it(
    border: float, above: list[int], tmp_path: Path
) -> None:
    codes = np.array([[0], [1], [2], [3]], dtype=np.uint8)
    rows = np.repeat(codes, 9, axis=0)
    fitted = CatBoostClassifier(iterations=1, depth=1, **QUIET)
    fitted.fit(rows, (rows[:, 0] > 2).astype(int))
    moved = with_border(fitted, border, tmp_path)
    theirs = moved.predict(codes)
    assert np.flatnonzero(theirs).tolist() == above
    assert (convert(moved, codes).predict(codes) == theirs).all()


def test_rounds_after_the_best_one_do_not_count() -> None:
    noise = np.random.default_rng(0).permutation(TARGETS)
    fitted = CatBoostClassifier(iterations=60, early_stopping_rounds=5, **QUIET)
    fitted.fit(ROWS, TARGETS, eval_set=(ROWS, noise))
    assert fitted.tree_count_ < 60
    assert convert(fitted, ROWS).header.rounds == fitted.tree_count_
    beside(fitted, CASE.rows)


def test_it_may_be_fitted_on_the_classes_names_and_on_frames() -> None:
    frame = pd.DataFrame(ROWS, columns=["a b", "ü", "x", "y"])
    fitted = CatBoostClassifier(iterations=5, **QUIET).fit(frame, NAMES[TARGETS])
    model = convert(fitted, ROWS, outputs=3, names=tuple(NAMES))
    theirs = fitted.predict(CASE.rows).ravel()
    assert (NAMES[model.predict(CASE.rows)] == theirs).all()


def test_a_class_that_was_not_in_training_is_never_said() -> None:
    targets = np.array([1, 3, 4])[TARGETS]
    fitted = CatBoostClassifier(iterations=5, **QUIET).fit(ROWS, targets)
    model = convert(fitted, ROWS, outputs=6)
    assert (model.predict(ROWS) == fitted.predict(ROWS).ravel()).all()
    assert set(model.predict(CASE.rows)) == {1, 3, 4}


def test_columns_that_say_nothing_keep_their_places() -> None:
    rows = np.insert(CASE.rows, 1, 7, axis=1)
    fitted = CatBoostClassifier(iterations=5, ignored_features=[0], **QUIET)
    fitted.fit(rows[:TRAINING], TARGETS)
    beside(fitted, rows)


def frame(**columns: Any) -> pd.DataFrame:
    return pd.DataFrame(ROWS, columns=list("abcd")).assign(**columns)


WORDS = np.array(["x", "y", "z"])[ROWS[:, 0] % 3]
TEXTS = np.array(["a word", "another word", "no word"])[ROWS[:, 0] % 3]
HOLED = np.where(ROWS[:, 0] > 200, np.nan, ROWS[:, 0].astype(float))
FEW = {"iterations": 3, **QUIET}
REFUSED: dict[str, tuple[Any, Any, Any]] = {
    "categories, texts or embeddings.*cat_features": (
        CatBoostClassifier(cat_features=["a"], **FEW),
        frame(a=WORDS),
        TARGETS,
    ),
    "categories, texts.*text_features": (
        CatBoostClassifier(text_features=["a"], **FEW),
        frame(a=TEXTS),
        TARGETS,
    ),
    "fitted on missing values.*code 0": (
        CatBoostClassifier(**FEW),
        frame(a=HOLED),
        TARGETS,
    ),
    "'Poisson'.*RMSE": (
        CatBoostRegressor(loss_function="Poisson", **FEW),
        ROWS,
        TARGETS,
    ),
    "'RMSEWithUncertainty'.*RMSE": (
        CatBoostRegressor(loss_function="RMSEWithUncertainty", **FEW),
        ROWS,
        TARGETS,
    ),
    "'MultiLogloss'.*MultiClass": (
        CatBoostClassifier(loss_function="MultiLogloss", **FEW),
        ROWS,
        np.stack([TARGETS > 0, TARGETS > 1], axis=1).astype(int),
    ),
    "CatBoostRanker cannot be converted.*CatBoost learn from numbers": (
        CatBoostRanker(loss_function="QueryRMSE", **FEW),
        ROWS,
        TARGETS,
    ),
}


@pytest.mark.parametrize("said", REFUSED)
def test_what_is_no_sum_of_trees_of_codes_is_refused(said: str) -> None:
    estimator, rows, targets = REFUSED[said]
    more = {"group_id": np.zeros(TRAINING, dtype=int)} if "Ranker" in said else {}
    fitted = estimator.fit(rows, targets, **more)
    with pytest.raises(InputError, match=said):
        convert(fitted, ROWS)


def test_what_knows_more_classes_than_it_learnt_is_refused() -> None:
    fitted = CatBoostClassifier(classes_count=5, loss_function="MultiClass", **FEW)
    fitted.fit(ROWS, TARGETS)
    with pytest.raises(
        InputError, match="told of 5 classes and learnt 3.*classes_count"
    ):
        convert(fitted, ROWS)


def test_what_is_not_fitted_says_so() -> None:
    for estimator in (CatBoostClassifier(), CatBoostRegressor()):
        with pytest.raises(InputError, match="is not fitted"):
            convert(estimator, ROWS)


SCHEMA = Schema(
    8, tuple(Cuts(f"x{one}", ()) for one in range(4)), ClassTarget(Classes(("a", "b", "c")))
)  # fmt: skip
GREEDY = [
    CatBoostClassifier(**QUIET),
    CatBoostClassifier(n_estimators=90, max_depth=12, **QUIET),
    CatBoostClassifier(grow_policy="Lossguide", num_leaves=60, num_trees=300, **QUIET),
    CatBoostClassifier(grow_policy="Depthwise", iterations=100, depth=9, **QUIET),
]


@pytest.mark.parametrize(
    "estimator", GREEDY, ids=lambda one: str(one.get_params())[:50]
)
@pytest.mark.parametrize(
    "limits", [Limits.of(SCHEMA), Limits(4, 3, 8, most_units=60, most_words=200)]
)
def test_what_is_suggested_fits(estimator: Any, limits: Limits) -> None:
    fitting = suggest(estimator, limits)
    mine = type(estimator)(**estimator.get_params()).set_params(**fitting)
    model = ExactModel.of(mine.fit(ROWS, TARGETS), SCHEMA, limits=limits)
    assert model.header.units <= limits.most_units
    assert len(fitting) == (3 if "Lossguide" in estimator.get_params().values() else 2)


def test_what_is_beyond_a_limit_names_the_librarys_own_parameters() -> None:
    limits = Limits(4, 3, 8, most_units=30)
    fitted = CatBoostClassifier(iterations=40, **QUIET).fit(ROWS, TARGETS)
    with pytest.raises(InputError, match="Fit it again with iterations=30"):
        ExactModel.of(fitted, SCHEMA, limits=limits)


def test_a_tree_that_is_too_large_names_its_depth() -> None:
    rng = np.random.default_rng(0)
    rows = rng.integers(0, 2, (30_000, 12)).astype(np.uint8)
    noise = rng.integers(0, 60_000, len(rows))
    fitted = CatBoostRegressor(iterations=1, depth=12, **QUIET).fit(rows, noise)
    with pytest.raises(InputError, match="Fit it again with depth=11 or less"):
        convert(fitted, rows)


@pytest.mark.parametrize("policy", ["SymmetricTree", "Depthwise", "Lossguide"])
@pytest.mark.parametrize("table", [digits(), tumours()], ids=lambda one: str(one.name))
def test_tables_of_classes(policy: str, table: Table, compared: list[Compared]) -> None:
    fitted = CatBoostClassifier(iterations=60, depth=5, grow_policy=policy, **QUIET)
    fitted.fit(table.learnt, table.targets)
    ours = convert(fitted, table.rows).predict(table.rows)
    name = f"60 trees, {policy}, {table.name}"
    one = Compared.of_classes(
        "catboost", name, "exact", fitted.predict(table.rows), ours, table.truth
    )
    compared.append(one)
    assert one.same == one.rows


def test_a_table_of_numbers(compared: list[Compared]) -> None:
    table = diabetes()
    fitted = CatBoostRegressor(iterations=60, depth=5, **QUIET)
    fitted.fit(table.learnt, table.targets)
    ours = convert(fitted, table.rows).predict(table.rows, bits=16)
    theirs = fitted.predict(table.rows)
    name = f"60 trees, regressor, {table.name}"
    one = Compared.of_numbers("catboost", name, "exact", theirs, ours, table.truth)
    compared.append(one)
    assert one.same == one.rows
