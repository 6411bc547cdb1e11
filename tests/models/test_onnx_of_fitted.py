# SPDX-License-Identifier: Apache-2.0
"""What a library fitted, as an ONNX file: it says the same, with its preprocessing."""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import lightgbm
import numpy as np
import onnx
import onnxruntime
import pandas as pd
import polars as pl
import pytest
import xgboost
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import ensemble, linear_model, naive_bayes, neighbors, svm, tree
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.feature_selection import SelectKBest
from sklearn.impute import SimpleImputer
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    OneHotEncoder,
    OrdinalEncoder,
    PolynomialFeatures,
    StandardScaler,
)

from modelmarket.errors import DataError, InputError, NotFoundError
from modelmarket.models.converting.networks import Affine
from modelmarket.models.folds import cross_validated
from modelmarket.models.onnx import Exported, OnnxModel, export, running
from modelmarket.models.onnx.of_fitted import BY_HAND, SPARSE, is_numbered
from modelmarket.protocol.classes import Classes
from models.networks import Network

onnxruntime.set_default_logger_severity(4)

ROWS = 300
NAMES = ("ja, ü", 'no "x"', "perhaps")
"""Of classes, and more than one thinks of."""


def table(seed: int = 0, rows: int = ROWS, gaps: float = 0.15) -> pl.DataFrame:
    """Numbers, whole numbers, words, with gaps in most of them, and names that few have."""
    rng = np.random.default_rng(seed)

    def holed(values: Any) -> list[Any]:
        return [None if rng.random() < gaps else one for one in values.tolist()]

    return pl.DataFrame(
        {
            "a b": rng.integers(0, 99, rows).astype(float) / 4,
            "a_b": holed(rng.integers(0, 99, rows).astype(float)),
            "größe*": holed(rng.choice(["S", "M", "L"], rows)),
            '"q"': rng.integers(0, 6, rows),
            "label": holed(rng.integers(-9, 9, rows)),
            "word": rng.choice(["x", "y"], rows),
        },
        strict=False,
    )


def classes_of(frame: pl.DataFrame) -> Any:
    """Classes that have to do with all columns and their gaps; shape (rows,)."""
    score = (
        frame["a b"].to_numpy() / 8
        + frame["a_b"].is_null().to_numpy() * 2
        + frame["größe*"].is_null().to_numpy()
        + (frame["größe*"] == "M").fill_null(value=False).to_numpy()
        + frame['"q"'].to_numpy() / 3
        + (frame["word"] == "x").to_numpy()
    )
    return np.digitize(score, np.quantile(score, [1 / 3, 2 / 3]))


def pandas_of(frame: pl.DataFrame) -> pd.DataFrame:
    return pd.DataFrame({one.name: one.to_numpy() for one in frame})


def numbers_of(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.select("a b", "a_b", '"q"', "label")


NUMBERS, WORDS = ["a b", "a_b", '"q"', "label"], ["größe*", "word"]
FRAMES: dict[str, Callable[[pl.DataFrame], Any]] = {
    "polars": lambda frame: frame,
    "pandas": pandas_of,
}


def one_hot(*, sparse: bool = False) -> ColumnTransformer:
    filled = make_pipeline(SimpleImputer(), StandardScaler())
    words = OneHotEncoder(handle_unknown="ignore", sparse_output=sparse)
    return ColumnTransformer(
        [("n", filled, NUMBERS), ("w", words, WORDS)], sparse_threshold=float(sparse)
    )


def places(**options: Any) -> ColumnTransformer:
    words = OrdinalEncoder(
        handle_unknown="use_encoded_value", unknown_value=-1, **options
    )
    return ColumnTransformer([("w", words, WORDS), ("n", "passthrough", NUMBERS)])


def filled_words() -> ColumnTransformer:
    words = make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder())
    return ColumnTransformer(
        [("n", SimpleImputer(), NUMBERS), ("w", words, WORDS)], sparse_threshold=0
    )


def selected() -> ColumnTransformer:
    numbers = make_column_selector(dtype_include="number")
    words = make_column_selector(dtype_exclude="number")
    encoded = OneHotEncoder(handle_unknown="ignore")
    return ColumnTransformer([("n", SimpleImputer(), numbers), ("w", encoded, words)])


FOREST, HISTOGRAM = (
    ensemble.RandomForestClassifier(20, random_state=1),
    ensemble.HistGradientBoostingClassifier(max_iter=10, random_state=1),
)
LINEAR = linear_model.LogisticRegression(max_iter=1_000)


def exported(estimator: Any, frame: pl.DataFrame, names: Any = NAMES) -> Exported:
    """The file of what was fitted, for rows that were not learnt from."""
    gaps = 0.15 if any(frame.null_count().row(0)) else 0
    return export(
        estimator,
        frame,
        table(1, ROWS, gaps).select(frame.columns),
        Classes(tuple(names)),
    )


def agrees(found: Exported, least: float = 0.99) -> None:
    """A few rows of forests are ties, whose shares of 32 bits are rounded otherwise."""
    assert found.agreement is not None
    assert found.agreement >= least
    assert set(found.labels) <= set(NAMES)
    assert len(set(found.labels)) == 3


@pytest.mark.parametrize("library", FRAMES)
@pytest.mark.parametrize("columns", [one_hot, places])
@pytest.mark.parametrize(
    "last",
    [
        FOREST,
        HISTOGRAM,
        xgboost.XGBClassifier(n_estimators=10),
        lightgbm.LGBMClassifier(n_estimators=10, verbose=-1),
    ],
    ids=lambda one: type(one).__name__,
)
def test_a_pipeline_with_column_transformers_is_exported_whole(
    last: Any, columns: Callable[[], Any], library: str
) -> None:
    frame = table()
    labels = classes_of(frame)
    if not isinstance(last, xgboost.XGBClassifier):
        labels = np.array(NAMES)[labels]
    names = NAMES if labels.dtype.kind == "U" else ("0", "1", "2")
    fitted = make_pipeline(columns(), last).fit(FRAMES[library](frame), labels)
    found = exported(fitted, frame, names)
    assert found.agreement is not None
    assert found.agreement >= 0.99
    assert set(found.labels) == set(names)


@pytest.mark.parametrize(
    "columns",
    [filled_words, selected, lambda: places(encoded_missing_value=-7)],
    ids=["filled", "selected", "gaps as -7"],
)
@pytest.mark.parametrize("last", [FOREST, HISTOGRAM], ids=["forest", "histogram"])
def test_gaps_in_words_are_what_they_were_when_it_was_fitted(
    last: Any, columns: Callable[[], Any]
) -> None:
    frame = table(gaps=0.4)
    labels = np.array(NAMES)[classes_of(frame)]
    fitted = make_pipeline(columns(), last).fit(pandas_of(frame), labels)
    agrees(exported(fitted, frame))


def test_gaps_that_are_filled_with_gaps_are_told_with_what_to_do() -> None:
    frame = table(gaps=0.4)
    fitted = make_pipeline(filled_words(), FOREST).fit(frame, classes_of(frame))
    with pytest.raises(InputError, match="fills gaps in a column of text") as told:
        exported(fitted, frame, ("0", "1", "2"))
    assert told.value.hint == 'Fit it on `request.training_data("pandas")`.'


def test_columns_that_a_filler_drops_are_told_with_what_to_do() -> None:
    frame = numbers_of(table()).with_columns(
        pl.Series("label", [None] * ROWS, dtype=pl.Float64)
    )
    filler = SimpleImputer()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fitted = make_pipeline(filler, LINEAR).fit(frame, classes_of(table()))
    with pytest.raises(InputError, match="drops a column that has nothing but") as told:
        exported(fitted, frame, ("0", "1", "2"))
    assert "keep_empty_features=True" in told.value.hint
    filler.set_params(keep_empty_features=True)
    fitted = make_pipeline(filler, LINEAR).fit(frame, classes_of(table()))
    rows = table(1, gaps=0.15).select("a b", "a_b", '"q"', "label")
    rows = rows.with_columns(pl.lit(None, dtype=pl.Float64).alias("label"))
    found = export(fitted, frame, rows, Classes(("0", "1", "2")))
    assert found.agreement == 1


@pytest.mark.parametrize("kind", [TfidfVectorizer, CountVectorizer])
def test_words_of_texts_are_made_small_without_any_language(kind: type[Any]) -> None:
    """A machine may have none installed, and a confined program could not read it."""
    rng = np.random.default_rng(2)
    words = ["A cat", "DOG runs", "fish-swim", "Nothing of it"]
    texts = [" ".join(rng.choice(words, 3)) for _ in range(ROWS)]
    frame = pl.DataFrame({"text": texts, "x": rng.random(ROWS)})
    says = np.array(["dog" in one.lower() for one in texts]).astype(int)
    columns = ColumnTransformer([("t", kind(), "text")])
    fitted = make_pipeline(columns, LINEAR).fit(frame, says)
    found = export(fitted, frame, frame, Classes(("0", "1")))
    assert found.agreement == 1
    [node] = [
        one
        for one in onnx.load_from_string(found.model.data).graph.node
        if one.op_type == "StringNormalizer" and len(one.attribute) > 1
    ][:1]
    assert [one.s for one in node.attribute if one.name == "locale"] == [b"C"]


@pytest.mark.parametrize("kind", [TfidfVectorizer, CountVectorizer])
@pytest.mark.parametrize("pattern", [r"(?u)\b\w\w+\b", r"(?u)\b\w+\b"])
@pytest.mark.parametrize("grams", [(1, 1), (1, 2)])
@pytest.mark.parametrize(
    "words",
    [
        ["счёт", "Гол", "МАТЧ", "игрок-лига", "я"],
        ["足球", "比赛", "火箭!", "轨道"],
        ["Équipe", "ÉTÉ", "été", "naïve", "à", "Straße", "STRASSE"],
        ["क्रिकेट", "मदद", "कमल", "नगर"],
        ["Λόγος", "ΛΌΓΟΣ", "σοφία", "η"],
        ["don't", "a", "b_c", "x²", "3.5", "e\u0301t\u00e9", "one\u00a0two"],
    ],
    ids=["cyrillic", "chinese", "latin", "hindi", "greek", "signs"],
)
def test_texts_of_any_language_are_cut_into_the_same_words(
    kind: type[Any], pattern: str, grams: tuple[int, int], words: list[str]
) -> None:
    rng = np.random.default_rng(4)
    texts = [" ".join(rng.choice(words, 6)) for _ in range(ROWS)]
    frame = pl.DataFrame({"text": texts, "x": rng.random(ROWS)})
    says = np.array([one.count(words[0]) > 1 for one in texts]).astype(int)
    counting = kind(token_pattern=pattern, ngram_range=grams)
    columns = ColumnTransformer([("t", counting, "text")])
    fitted = make_pipeline(columns, LINEAR).fit(frame, says)
    found = export(fitted, frame, frame, Classes(("0", "1")), with_scores=True)
    assert found.agreement == 1
    assert found.scores is not None
    assert np.allclose(found.scores, fitted.predict_proba(frame), atol=1e-5)


def test_pairs_of_words_may_be_looked_for_where_there_are_none() -> None:
    frame = pl.DataFrame({"text": ["cat", "dog", ""] * 40})
    says = np.array([0, 1, 1] * 40)
    columns = ColumnTransformer([("t", TfidfVectorizer(ngram_range=(1, 3)), "text")])
    fitted = make_pipeline(columns, LINEAR).fit(frame, says)
    rows = pl.DataFrame({"text": ["dog", "cat", "cat cat", "bird"]})
    found = export(fitted, frame, rows, Classes(("0", "1")))
    assert found.agreement == 1


def test_one_long_text_takes_no_memory_for_each_of_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """All rows that are run together have as many places for words as the longest."""
    texts = ["cat", "dog dog"] * 50
    frame = pl.DataFrame({"text": texts})
    says = np.array([0, 1] * 50)
    columns = ColumnTransformer([("t", CountVectorizer(), "text")])
    fitted = make_pipeline(columns, LINEAR).fit(frame, says)
    model = export(fitted, frame, frame, Classes(("0", "1"))).model
    sizes = list[int]()
    run = type(model.session).run

    def counted(session: Any, given: Any, what: str = "label") -> list[str]:
        [array] = given.values()
        sizes.append(len(array) * max(len(one.encode()) for one in array.ravel()))
        return run(session, given, what)

    monkeypatch.setattr(type(model.session), "run", counted)
    # Also where a book stands at either end, or alone is more than all should be.
    long = "dog " * (running.TEXT_AT_ONCE // 8)
    for place in (0, 41, 99):
        given = [long if at == place else one for at, one in enumerate(texts)]
        sizes.clear()
        said = model.predict(pl.DataFrame({"text": given}))
        assert said == [str(int("dog" in one)) for one in given]
        assert max(sizes) <= running.TEXT_AT_ONCE
    assert model.predict(pl.DataFrame({"text": [3 * long]})) == ["1"]
    sizes.clear()
    model.predict(frame)
    assert len(sizes) == 1


# --- the numbers of classes ---


@pytest.mark.parametrize(
    "last",
    [
        xgboost.XGBClassifier(n_estimators=10),
        FOREST,
        lightgbm.LGBMClassifier(n_estimators=10, verbose=-1),
    ],
    ids=lambda one: type(one).__name__,
)
def test_what_was_fitted_on_the_numbers_of_classes_says_their_names(last: Any) -> None:
    frame = numbers_of(table(gaps=0))
    fitted = last.fit(frame.to_numpy(), classes_of(table(gaps=0)))
    found = exported(fitted, frame)
    agrees(found)
    rows = table(1, gaps=0).select(frame.columns).to_numpy()
    said = np.array(NAMES)[fitted.predict(rows)]
    assert np.mean(said == np.array(found.labels)) >= 0.99


@pytest.mark.parametrize(
    ("known", "classes", "numbered"),
    [
        ([0, 1], ("a", "b"), True),
        ([1, 2], ("a", "b", "c"), True),
        ([0, 2], ("a", "b"), False),
        ([-1, 1], ("a", "b"), False),
        ([0, 1], ("1", "b"), False),
        ([0, 1], ("0", "1"), False),
        ([0, 1], ("01", "7"), True),
        (["0", "1"], ("a", "b"), False),
        ([0.0, 1.0], ("a", "b"), False),
    ],
)
def test_numbers_are_those_of_classes_only_where_no_class_is_called_so(
    known: list[Any], classes: tuple[str, ...], numbered: bool
) -> None:
    frame = np.arange(8.0).reshape(-1, 1)
    fitted = tree.DecisionTreeClassifier().fit(frame, np.array(known * 4))
    assert is_numbered(fitted, classes) is numbered
    assert not is_numbered(linear_model.LinearRegression(), classes)


def test_gaps_that_were_not_filled_are_not_filled_by_the_file_unnoticed() -> None:
    """Where it is known whose tables it was fitted on, no other library's are asked."""
    frame, rows = table(gaps=0.2), table(1, gaps=0.2)
    labels = frame["größe*"].is_null().to_numpy().astype(int)
    words = make_pipeline(
        SimpleImputer(strategy="most_frequent"), OneHotEncoder(handle_unknown="ignore")
    )
    columns = ColumnTransformer([("w", words, ["größe*"])], sparse_threshold=0)
    fitted = make_pipeline(columns, LINEAR).fit(frame, labels)
    with pytest.raises(InputError, match="something else than the LogisticReg") as told:
        export(fitted, frame, rows, Classes(("0", "1")), {"polars"})
    assert '`request.training_data("pandas")`' in told.value.hint


@pytest.mark.parametrize(
    "estimator",
    [
        svm.SVC(),
        svm.LinearSVC(),
        naive_bayes.GaussianNB(),
        naive_bayes.BernoulliNB(),
        neighbors.KNeighborsClassifier(),
        LinearDiscriminantAnalysis(),
        ensemble.AdaBoostClassifier(n_estimators=5),
        ensemble.BaggingClassifier(n_estimators=5),
        ensemble.GradientBoostingClassifier(n_estimators=5),
        CalibratedClassifierCV(svm.LinearSVC()),
        ensemble.VotingClassifier(
            [("a", naive_bayes.GaussianNB()), ("b", LINEAR)], voting="soft"
        ),
        ensemble.StackingClassifier(
            [("a", naive_bayes.GaussianNB()), ("b", tree.DecisionTreeClassifier())]
        ),
        linear_model.RidgeClassifier(),
        linear_model.SGDClassifier(),
        linear_model.Perceptron(),
        GridSearchCV(LINEAR, {"C": [0.1, 1.0]}),
        make_pipeline(StandardScaler(), MLPClassifier((9,), max_iter=2_000, tol=1e-3)),
        make_pipeline(PCA(2), neighbors.KNeighborsClassifier()),
        make_pipeline(SelectKBest(k=2), FOREST),
        make_pipeline(PolynomialFeatures(), StandardScaler(), LINEAR),
    ],
    ids=lambda one: type(getattr(one, "steps", [[one]])[-1][-1]).__name__,
)
def test_classifiers_of_all_kinds_are_exported(estimator: Any) -> None:
    frame = numbers_of(table(gaps=0)).fill_null(0)
    labels = np.array(NAMES)[classes_of(table(gaps=0))]
    # What is drawn, whoever draws it, is the same every time.
    drawn = [one for one in estimator.get_params() if one.endswith("random_state")]
    estimator.set_params(**dict.fromkeys(drawn, 1))
    fitted = estimator.fit(frame.to_numpy(), labels)
    found = exported(fitted, frame)
    assert found.agreement is not None
    assert found.agreement >= 0.99


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    gaps=st.sampled_from([0.0, 0.05, 0.5]),
    kind=st.sampled_from(
        [
            lambda seed: tree.DecisionTreeClassifier(random_state=seed),
            lambda seed: tree.ExtraTreeClassifier(max_depth=4, random_state=seed),
            lambda seed: ensemble.RandomForestClassifier(1, random_state=seed),
            lambda seed: ensemble.HistGradientBoostingClassifier(
                max_iter=3, random_state=seed
            ),
        ]
    ),
)
def test_trees_take_every_row_and_every_gap_where_they_took_it(
    seed: int, gaps: float, kind: Callable[[int], Any]
) -> None:
    """Whole numbers leave nothing to rounding: every single row must agree."""
    frame, rows = (numbers_of(table(one, 120, gaps)) for one in (seed, seed + 1))
    fitted = kind(seed).fit(frame.to_numpy(), classes_of(table(seed, 120, gaps)))
    found = export(fitted, frame, rows, Classes(("0", "1", "2")))
    assert found.labels == [str(one) for one in fitted.predict(rows.to_numpy())]
    assert found.agreement == 1.0


def test_a_split_between_gaps_and_the_rest_ends() -> None:
    """Its threshold has no end, and skl2onnx looks for the next number."""
    gaps = pl.DataFrame({"a": [None, 1.0, 2.0, None] * 10, "b": [0.0] * 40})
    fitted = tree.DecisionTreeClassifier().fit(gaps.to_numpy(), [1, 0, 0, 1] * 10)
    assert np.isinf(fitted.tree_.threshold).any()
    found = export(fitted, gaps, gaps.head(4), Classes(("0", "1")))
    assert found.labels == ["1", "0", "0", "1"]
    assert np.isinf(fitted.tree_.threshold).any(), "what was fitted stays as it was"


def test_the_file_says_by_itself_what_it_reads_and_predicts() -> None:
    frame = table()
    labels = np.array(NAMES)[classes_of(frame)]
    fitted = make_pipeline(one_hot(), FOREST).fit(frame, labels)
    model = exported(fitted, frame).model
    onnx.checker.check_model(onnx.load_from_string(model.data), full_check=True)
    assert (model.columns, model.classes) == (tuple(frame.columns), NAMES)
    # Any program can run it, by the order of the columns.
    session = onnxruntime.InferenceSession(model.data)
    said = session.get_modelmeta().custom_metadata_map
    assert json.loads(said["columns"]) == frame.columns
    names = [one.name for one in session.get_inputs()]
    assert names == [f"column {n}" for n in range(1, 7)]
    assert [one.name for one in session.get_outputs()] == ["label", "scores"]
    kinds: dict[str, Any] = {
        "tensor(string)": object,
        "tensor(double)": "f8",
        "tensor(int64)": "i8",
    }
    given = {
        one.name: frame[said]
        .fill_null("" if frame[said].dtype == pl.String else 0)
        .to_numpy()
        .astype(kinds[one.type])
        .reshape(-1, 1)
        for one, said in zip(session.get_inputs(), frame.columns, strict=True)
    }
    label, scores = session.run(None, given)
    assert scores.shape == (ROWS, 3)
    # By the names of the columns, in any order, with others between them.
    shuffled = frame.select(reversed(frame.columns)).with_columns(more=1)
    assert model.predict(shuffled) == model.predict(frame)
    full = frame.drop_nulls()
    assert model.predict(full) == [
        one for one, row in zip(label, frame.rows(), strict=True) if None not in row
    ]


@pytest.mark.parametrize("bits", ["int8", "uint8", "int32", "int64"])
@pytest.mark.parametrize(
    "estimator",
    [neighbors.KNeighborsClassifier(1), FOREST, LINEAR],
    ids=lambda one: type(one).__name__,
)
def test_labels_may_be_whole_numbers_of_any_width(estimator: Any, bits: str) -> None:
    frame = numbers_of(table(gaps=0)).fill_null(0)
    labels = classes_of(table(gaps=0)).astype(bits)
    fitted = estimator.fit(frame.to_numpy(), labels)
    found = exported(fitted, frame, ("0", "1", "2"))
    assert found.agreement is not None
    assert found.agreement >= 0.99
    assert fitted.classes_.dtype == bits, "what was fitted stays as it was"


def test_flags_as_labels_are_called_as_the_training_part_calls_them() -> None:
    frame = numbers_of(table(gaps=0)).fill_null(0)
    fitted = LINEAR.fit(frame.to_numpy(), classes_of(table(gaps=0)) > 0)
    assert set(exported(fitted, frame, ("False", "True")).labels) == {"False", "True"}


def test_whole_numbers_without_gaps_are_read_as_such_when_they_are_categories() -> None:
    frame = table()
    encoded = OneHotEncoder(handle_unknown="ignore")
    columns = ColumnTransformer([("c", encoded, ['"q"', "word"])])
    labels = classes_of(frame)
    fitted = make_pipeline(columns, LINEAR).fit(frame, labels)
    assert exported(fitted, frame, ("0", "1", "2")).agreement == 1.0


def test_a_table_that_does_not_fit_is_told_with_the_column() -> None:
    frame = table()
    fitted = make_pipeline(one_hot(), FOREST).fit(frame, classes_of(frame))
    model = exported(fitted, frame, ("0", "1", "2")).model
    with pytest.raises(DataError, match="reads a column 'word', which this table"):
        model.predict(frame.drop("word"))
    words = frame.with_columns(pl.lit("x").alias("a b"))
    with pytest.raises(DataError, match="reads numbers in 'a b', where this table"):
        model.predict(words)
    holed = frame.with_columns(pl.lit(None, pl.Int64).alias('"q"'))
    with pytest.raises(DataError, match="whole numbers in '\"q\"', where this table"):
        model.predict(holed)


def test_what_is_no_fitted_classifier_of_this_request_is_refused_in_words() -> None:
    frame = numbers_of(table(gaps=0)).fill_null(0)
    labels = classes_of(table(gaps=0))
    for unfitted in (linear_model.LogisticRegression(), xgboost.XGBClassifier()):
        with pytest.raises(
            InputError, match="Classifier|Regression is no fitt"
        ) as told:
            exported(unfitted, frame)
        assert told.value.hint == "Fit it first."
    with pytest.raises(InputError, match="DecisionTreeClassifier is no fitted") as told:
        exported(tree.DecisionTreeClassifier, frame)
    assert BY_HAND in told.value.hint
    several = tree.DecisionTreeClassifier().fit(
        frame.to_numpy(), np.stack([labels, labels], axis=1)
    )
    with pytest.raises(InputError, match="predicts several labels for a row"):
        exported(several, frame)
    own = ensemble.HistGradientBoostingClassifier(categorical_features=[2])
    with pytest.raises(
        InputError, match="with categories of its own cannot be"
    ) as told:
        exported(own.fit(frame.to_numpy(), labels), frame, ("0", "1", "2"))
    assert "OrdinalEncoder" in told.value.hint
    forest = xgboost.XGBClassifier(n_estimators=2, num_parallel_tree=4)
    with pytest.raises(InputError, match="num_parallel_tree"):
        exported(forest.fit(frame.to_numpy(), labels), frame, ("0", "1", "2"))
    regression = linear_model.LinearRegression().fit(frame.to_numpy(), labels)
    with pytest.raises(InputError, match="LinearRegression is no fitted classifier"):
        exported(regression, frame)
    numbered = tree.DecisionTreeClassifier().fit(frame.to_numpy(), labels + 7)
    with pytest.raises(InputError, match="knows a class '7', which this re") as told:
        exported(numbered, frame)
    assert "Fit it on the labels of `request.training_data()`" in told.value.hint


def test_what_does_not_predict_the_test_rows_is_told_before_anything_is_sealed() -> (
    None
):
    """ONNX would go on: what has no number compares with nothing."""
    learnt = numbers_of(table(gaps=0))
    fitted = LINEAR.fit(learnt.to_numpy(), classes_of(table(gaps=0)))
    with pytest.raises(InputError, match="does not predict the test rows: Inp") as told:
        export(fitted, learnt, numbers_of(table()), Classes(("0", "1", "2")))
    assert "gaps as well: see `request.test_data()`" in told.value.hint


def test_numbers_are_as_fine_in_the_file_as_they_were_when_it_was_fitted() -> None:
    """In 32 bits a second of this year is one of 128, and all would be the same."""
    seconds = np.arange(1_790_000_000, 1_790_000_200).astype(float)
    frame = pl.DataFrame({"time": seconds, "same": np.zeros(200)})
    odd = (np.arange(200) % 4 > 1).astype(int)
    for one in (
        ensemble.HistGradientBoostingClassifier(min_samples_leaf=1, max_bins=255),
        make_pipeline(StandardScaler(), neighbors.KNeighborsClassifier(1)),
        make_pipeline(SimpleImputer(), StandardScaler(), tree.DecisionTreeClassifier()),
    ):
        found = export(one.fit(frame, odd), frame, frame, Classes(("0", "1")))
        assert found.labels == [str(one) for one in odd]


def test_what_skl2onnx_cannot_write_is_refused_with_a_way_out() -> None:
    frame = numbers_of(table(gaps=0)).fill_null(0)
    labels = np.array(NAMES)[classes_of(table(gaps=0))]
    fitted = neighbors.NearestCentroid().fit(frame.to_numpy(), labels)
    with pytest.raises(InputError, match="NearestCentroid cannot be exported") as told:
        exported(fitted, frame)
    assert "XGBoost, LightGBM and CatBoost, and of PyTorch" in told.value.hint
    assert BY_HAND in told.value.hint


def test_a_file_that_says_something_else_is_refused_with_the_reason() -> None:
    """XGBoost takes the zeros of a sparse matrix for gaps; ONNX has no sparse ones."""
    frame = table()
    boosted = xgboost.XGBClassifier(n_estimators=10)
    fitted = make_pipeline(one_hot(sparse=True), boosted).fit(frame, classes_of(frame))
    with pytest.raises(InputError, match=r"of \d+\.\d% of the test rows") as told:
        exported(fitted, frame, ("0", "1", "2"))
    assert told.value.hint == SPARSE
    drifting = tree.DecisionTreeClassifier().fit(
        numbers_of(frame).to_numpy(), classes_of(frame)
    )
    honest = drifting.predict
    drifting.predict = lambda rows: (honest(rows) + 1) % 3
    with pytest.raises(InputError, match="something else than the Decision") as told:
        exported(drifting, numbers_of(frame), ("0", "1", "2"))
    assert told.value.hint == BY_HAND


@pytest.mark.parametrize("missing", ["skl2onnx", "onnxmltools", "onnxruntime"])
def test_without_its_libraries_the_extra_is_named(
    monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    frame = numbers_of(table(gaps=0)).fill_null(0)
    fitted = tree.DecisionTreeClassifier().fit(
        frame.to_numpy(), classes_of(table(gaps=0))
    )
    for name in [one for one in sys.modules if one.partition(".")[0] == missing]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(NotFoundError, match="not installed") as told:
        exported(fitted, frame, ("0", "1", "2"))
    assert told.value.hint == "pip install 'modelmarket[onnx]'"


def test_a_file_of_somebody_else_says_what_is_missing() -> None:
    from skl2onnx import to_onnx

    rows = np.zeros((4, 2), dtype=np.float32)
    fitted = tree.DecisionTreeClassifier().fit(rows, [0, 1, 0, 1])
    plain = OnnxModel(to_onnx(fitted, rows).SerializeToString())
    with pytest.raises(InputError, match="does not say its columns") as told:
        plain.predict(pl.DataFrame(rows))
    assert "`request.export(model)`" in told.value.hint
    for said in ("5", '"a"', "[1]", "["):
        from onnx import helper, load_from_string

        lying = load_from_string(plain.data)
        helper.set_model_props(lying, {"columns": said, "classes": "[]"})
        with pytest.raises(InputError, match="its columns is no list of names"):
            OnnxModel(lying.SerializeToString()).predict(pl.DataFrame(rows))
    with pytest.raises(InputError, match="cannot be run"):
        OnnxModel(b"no model").predict(pl.DataFrame(rows))


# --- rows that were not seen ---


@pytest.mark.parametrize("library", FRAMES)
def test_cross_validation_fits_it_again_on_the_tables_of_its_kind(library: str) -> None:
    frame, told = table(), list[str]()
    labels = pl.Series(np.array(NAMES)[classes_of(frame)])
    fitted = make_pipeline(one_hot(), FOREST).fit(FRAMES[library](frame), labels)
    found = cross_validated(fitted, frame, labels, 60, told.append)
    assert found is not None
    assert (found.rows, found.folds, len(told)) == (ROWS, 5, 5)
    assert 0.6 < found.accuracy < 0.95, "right for most, and not for rows it knows"
    assert fitted.score(FRAMES[library](frame), labels.to_numpy()) > found.accuracy
    assert "accuracy on rows not seen (5 folds, 300 rows): " in found.line()


def test_cross_validation_ends_when_its_time_is_over() -> None:
    frame, told = numbers_of(table(gaps=0)).fill_null(0), list[str]()
    labels = pl.Series(classes_of(table(gaps=0)))
    fitted = tree.DecisionTreeClassifier().fit(frame, labels)
    found = cross_validated(fitted, frame, labels, 0, told.append)
    assert found is not None
    assert (found.folds, found.rows) == (1, 60)


def test_what_cannot_be_fitted_again_has_no_folds() -> None:
    frame = numbers_of(table(gaps=0)).fill_null(0)
    labels = pl.Series(classes_of(table(gaps=0)))

    class Given:
        def predict(self, rows: Any) -> Any:
            return [0] * len(rows)

    told: list[str] = []
    assert cross_validated(Given(), frame, labels, 60, told.append) is None
    assert told == [
        "It cannot be fitted again, so nobody knows how it does on rows not seen."
    ]


@pytest.mark.parametrize("outputs", [1, 3])
def test_a_networks_layers_become_the_nodes_of_a_file(outputs: int) -> None:
    rng = np.random.default_rng(outputs)
    frame = numbers_of(table(gaps=0)).fill_null(0)
    sizes = (4, 5, outputs)
    layers = tuple(
        Affine(rng.standard_normal((before, after)), rng.standard_normal(after))
        for before, after in pairwise(sizes)
    )
    names = NAMES[: max(outputs, 2)]
    network = Network(None, layers, np.array(names))
    found = export(network, frame, frame, Classes(names))
    assert found.agreement == 1
    assert len(set(found.labels)) > 1
    assert found.model.classes == names
    onnx.checker.check_model(onnx.load_from_string(found.model.data))
    with pytest.raises(InputError, match="Of a row with gaps it says no number"):
        export(
            network,
            frame,
            frame.with_columns(pl.lit(None).alias("a b")),
            Classes(names),
        )
