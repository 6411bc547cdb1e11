# SPDX-License-Identifier: Apache-2.0
"""What regressors say falls into the same bins in the file that they become."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import lightgbm
import numpy as np
import onnx
import onnxruntime
import polars as pl
import pytest
import xgboost
from hypothesis import assume, given
from hypothesis import strategies as st
from sklearn import (
    ensemble,
    linear_model,
    neighbors,
    neural_network,
    svm,
    tree,
)
from sklearn.compose import TransformedTargetRegressor, make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from modelmarket.errors import InputError
from modelmarket.models.converting.networks import Affine
from modelmarket.models.converting.of_torch import one_number
from modelmarket.models.folds import cross_validated
from modelmarket.models.onnx import Exported, export
from modelmarket.models.onnx.answers import BinAnswers
from modelmarket.protocol.bins import Binning, Bins
from modelmarket.protocol.classes import Classes
from models.networks import Network

ROWS = 240


def table(seed: int = 0, rows: int = ROWS, gaps: float = 0.0) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    whole = rng.integers(0, 40, rows).astype(float)
    return pl.DataFrame(
        {
            "a b": [None if rng.random() < gaps else one for one in whole.tolist()],
            "größe": rng.standard_normal(rows),
            "word": rng.choice(["x", "y", "z"], rows),
        }
    )


def numbers_of(frame: pl.DataFrame) -> Any:
    """What has to do with all columns; shape (rows,)."""
    words = (frame["word"] == "x").to_numpy() * 7.5
    return frame["a b"].fill_null(50).to_numpy() + 3 * frame["größe"].to_numpy() + words


def bins_of(numbers: Any, bins: int = 12) -> Bins:
    return Binning(bins).of(list(map(repr, numbers.tolist())), [1] * len(numbers))


def exported(estimator: Any, frame: pl.DataFrame) -> Exported:
    rows = table(1, gaps=0.2 if frame["a b"].null_count() else 0)
    rows = rows.select(frame.columns)
    return export(estimator, frame, rows, bins_of(numbers_of(table())))


REGRESSORS = [
    linear_model.LinearRegression(),
    linear_model.Ridge(),
    linear_model.HuberRegressor(max_iter=500),
    tree.DecisionTreeRegressor(random_state=0),
    tree.ExtraTreeRegressor(random_state=0),
    ensemble.RandomForestRegressor(20, random_state=0),
    ensemble.ExtraTreesRegressor(20, random_state=0),
    ensemble.GradientBoostingRegressor(n_estimators=20, random_state=0),
    ensemble.HistGradientBoostingRegressor(max_iter=20, random_state=0),
    ensemble.BaggingRegressor(random_state=0),
    ensemble.VotingRegressor(
        [("a", linear_model.Ridge()), ("b", tree.DecisionTreeRegressor(max_depth=4))]
    ),
    svm.SVR(C=100),
    neighbors.KNeighborsRegressor(3),
    neural_network.MLPRegressor(
        hidden_layer_sizes=(8,), solver="lbfgs", tol=0.01, max_iter=5_000
    ),
    xgboost.XGBRegressor(n_estimators=20),
    lightgbm.LGBMRegressor(n_estimators=20, verbose=-1),
]


@pytest.mark.parametrize("last", REGRESSORS, ids=lambda one: type(one).__name__)
@pytest.mark.parametrize("gaps", [0.0, 0.2], ids=["full", "gaps"])
def test_a_regressor_behind_a_column_transformer_is_exported_whole(
    last: Any, gaps: float
) -> None:
    frame = table(gaps=gaps)
    filled = make_pipeline(SimpleImputer(), StandardScaler())
    columns = make_column_transformer(
        (OneHotEncoder(sparse_output=False), ["word"]),
        (filled, ["a b", "größe"]),
        sparse_threshold=0,
    )
    fitted = make_pipeline(columns, last).fit(frame, numbers_of(frame))
    found = exported(fitted, frame)
    assert found.agreement is not None
    assert found.agreement >= 0.99
    assert len(set(found.labels)) > 6
    onnx.checker.check_model(onnx.load_from_string(found.model.data))


@pytest.mark.parametrize("last", REGRESSORS, ids=lambda one: type(one).__name__)
def test_a_regressor_alone_says_the_very_number(last: Any) -> None:
    frame = table().drop("word")
    given = frame.to_numpy() if isinstance(last, xgboost.XGBRegressor) else frame
    fitted = last.fit(given, numbers_of(table()))
    found = exported(fitted, frame)
    assert found.agreement is not None
    assert found.agreement >= 0.99
    runtime = onnxruntime.InferenceSession(found.model.data)
    unseen = table(1).drop("word")
    rows = unseen.to_numpy()
    [read] = runtime.get_inputs()
    wide = "double" in read.type
    [numbers] = runtime.run(
        ["number"], {read.name: rows if wide else rows.astype(np.float32)}
    )
    assert numbers.dtype == np.float64
    assert numbers.reshape(-1) == pytest.approx(
        np.asarray(fitted.predict(rows if given is not frame else unseen)).reshape(-1),
        rel=1e-4,
        abs=1e-4,
    )


def test_histogram_boosting_reads_gaps_by_itself() -> None:
    frame = table(gaps=0.2).drop("word")
    fitted = ensemble.HistGradientBoostingRegressor(max_iter=20, random_state=0)
    found = exported(fitted.fit(frame, numbers_of(table(gaps=0.2))), frame)
    assert found.agreement == 1


def network(*sizes: int) -> Network:
    rng = np.random.default_rng(3)
    layers = tuple(
        Affine(rng.standard_normal((before, after)), rng.standard_normal(after))
        for before, after in pairwise(sizes)
    )
    return Network(None, layers, np.arange(2))


def test_a_network_of_one_value_says_a_number() -> None:
    frame = table().drop("word")
    one = one_number(network(2, 5, 1))
    bins = bins_of(one.predict(frame.to_numpy()))
    found = export(network(2, 5, 1), frame, frame, bins)
    assert found.agreement == 1
    assert len(set(found.labels)) == 12
    with pytest.raises(InputError, match="says 2 values of a row; a number is one"):
        export(network(2, 5, 2), frame, frame, bins)


def says_what_it_reads(bins: Bins) -> onnxruntime.InferenceSession:
    """A file that reads numbers, and says nothing else of them than their bins."""
    wide, versions = onnx.TensorProto.DOUBLE, [onnx.helper.make_opsetid("", 17)]
    versions.append(onnx.helper.make_opsetid("ai.onnx.ml", 3))
    end = BinAnswers(bins).said([("read", wide)])
    given = onnx.helper.make_tensor_value_info("read", wide, ["rows"])
    graph = onnx.helper.make_graph(
        end.nodes, "bins", [given], end.outputs, end.constants
    )
    model = onnx.helper.make_model(graph, ir_version=8, opset_imports=versions)
    return onnxruntime.InferenceSession(model.SerializeToString())


@given(
    st.lists(
        st.floats(allow_nan=False, allow_infinity=False),
        min_size=2,
        max_size=20,
        unique=True,
    ),
    st.integers(2, 9),
)
def test_a_file_finds_the_bin_that_every_program_finds(
    numbers: list[float], bins: int
) -> None:
    """On the edges themselves, too, and right beside them."""
    assume(len(set(map(abs, numbers))) > 1)  # 0 and -0 are one number
    made = bins_of(np.array(numbers), bins)
    edges = np.array(made.edges)
    with np.errstate(over="ignore"):  # beside the largest number is none
        beside = [np.nextafter(edges, side) for side in (-np.inf, np.inf)]
    said = np.concatenate([numbers, edges, *beside])
    said = said[np.isfinite(said)]
    labels, same = says_what_it_reads(made).run(["label", "number"], {"read": said})
    assert labels.tolist() == made.named(said)
    assert (same.reshape(-1) == said).all()


# --- what is refused ---


@pytest.mark.parametrize("bins", [10, 49, 50, 51])
def test_edges_do_not_lie_on_labels_that_32_bits_round(bins: int) -> None:
    tenths = np.random.default_rng(0).integers(0, 51, 1_000)
    numbers, frame = tenths / 10, pl.DataFrame({"a": tenths, "b": np.ones(1_000)})
    even = Binning(bins, is_even=True).of(
        list(map(repr, numbers.tolist())), [1] * 1_000
    )
    said = even.codes_of(numbers.astype(np.float32).astype(np.float64))
    assert (said == even.codes_of(numbers)).all()
    model = tree.DecisionTreeRegressor().fit(frame, numbers)
    assert export(model, frame, frame, even).agreement == 1


def test_of_many_bins_fewer_rows_are_run_at_a_time() -> None:
    bins = Bins(tuple(map(str, range(2**15))), tuple(np.arange(0.5, 2**15 - 1)))
    frame = pl.DataFrame({"a": np.linspace(-9, 2**15, 600), "b": np.ones(600)})
    model = linear_model.LinearRegression().fit(frame, frame["a"].to_numpy())
    found = export(model, frame, frame, bins)
    assert found.labels == bins.named(model.predict(frame))
    assert [rows for rows, _ in found.model._fed(frame)] == [256, 256, 88]


def test_what_is_not_fitted_yet_is_to_be_fitted() -> None:
    with pytest.raises(InputError, match="not fitted yet") as told:
        exported(linear_model.LinearRegression(), table().drop("word"))
    assert told.value.hint == "Fit it first."


def test_a_classifier_is_told_that_labels_are_numbers() -> None:
    frame = table().drop("word")
    some = (numbers_of(table()) > 20).astype(int)
    fitted = linear_model.LogisticRegression().fit(frame, some)
    with pytest.raises(InputError, match="no fitted regressor, and the labels") as told:
        exported(fitted, frame)
    assert "What is taken: regressors of scikit-learn" in told.value.hint


def test_a_regressor_is_told_that_labels_are_classes() -> None:
    frame = table().drop("word")
    fitted = linear_model.Ridge().fit(frame, numbers_of(table()))
    with pytest.raises(InputError, match="Ridge is no fitted classifier") as told:
        export(fitted, frame, frame, Classes(("0", "1")))
    assert "What is taken: classifiers of scikit-learn" in told.value.hint


@pytest.mark.parametrize(
    ("estimator", "said"),
    [
        (linear_model.Ridge(), "does not predict the test rows: This Ridge instance"),
        (linear_model.Ridge, "Ridge is no fitted regressor"),
        (xgboost.XGBRegressor(), "does not predict the test rows: need to call fit"),
    ],
)
def test_what_was_not_fitted_is_told(estimator: Any, said: str) -> None:
    with pytest.raises(InputError, match=said):
        exported(estimator, table().drop("word"))


def test_what_cannot_be_written_is_told_with_what_can() -> None:
    frame = table().drop("word")
    logs = TransformedTargetRegressor(
        linear_model.Ridge(), func=np.cbrt, inverse_func=np.exp
    )
    logs.set_params(check_inverse=False)
    with pytest.raises(InputError, match="cannot be exported to ONNX") as told:
        exported(logs.fit(frame, numbers_of(table())), frame)
    assert told.value.hint.startswith("What can: regressors of scikit-learn")


def test_what_says_no_finite_number_is_told() -> None:
    frame = table().drop("word")
    fitted = linear_model.Ridge().fit(frame, numbers_of(table()))
    fitted.intercept_ = np.nan
    with pytest.raises(InputError, match="Of row 1 it says no finite number"):
        exported(fitted, frame)


# --- cross-validation ---


def test_folds_count_the_rows_that_fall_into_the_right_bin() -> None:
    frame, told = table().drop("word"), list[str]()
    numbers = frame["a b"].to_numpy()
    labels, bins = pl.Series("label", numbers), bins_of(numbers, 8)
    fitted = tree.DecisionTreeRegressor(random_state=0).fit(frame, numbers)
    found = cross_validated(fitted, frame, labels, 60, told.append, (), bins)
    assert found is not None
    assert found.accuracy > 0.95
    odd = linear_model.LinearRegression(fit_intercept=False)
    odd.fit(frame.select("größe"), numbers)
    found = cross_validated(
        odd, frame.select("größe"), labels, 60, told.append, (), bins
    )
    assert found is not None
    assert found.accuracy < 0.3
