# SPDX-License-Identifier: Apache-2.0
"""Estimators of scikit-learn as exact models, on real rows."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from functools import cache
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from sklearn import datasets, ensemble, linear_model, neural_network, svm, tree
from sklearn.decomposition import PCA
from sklearn.dummy import DummyClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, StandardScaler
from threadpoolctl import threadpool_limits

from modelmarket.errors import InputError
from modelmarket.models import ExactModel, Limits
from modelmarket.models.converting import of_torch
from modelmarket.models.converting.networks import Affine
from modelmarket.models.header import Form, Kind


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    # Histogram boosting on few rows is slower with many threads than with one.
    with threadpool_limits(1):
        yield


def coded(values: Any, width: int = 8) -> Any:
    """Columns as codes: their ranks, evenly cut."""
    codes = np.empty(values.shape, dtype=f"u{width // 8}")
    for column in range(values.shape[1]):
        shares = np.linspace(0, 1, 2**width + 1)[1:-1]
        cuts = np.unique(np.quantile(values[:, column], shares))
        codes[:, column] = np.searchsorted(cuts, values[:, column])
    return codes


def scaled(values: Any) -> Any:
    low, high = values.min(axis=0), values.max(axis=0)
    return np.rint((values - low) / np.where(high > low, high - low, 1) * 255).astype(
        np.uint8
    )


@cache
def classes(name: str) -> tuple[Any, Any]:
    if name == "digits":
        found = datasets.load_digits()
        return (found.data * 15).astype(np.uint8), found.target
    found = datasets.load_breast_cancer()
    if name == "cancer, 16 bits":
        return coded(found.data, 16), found.target
    return coded(found.data), found.target


@cache
def numbers(bits: int) -> tuple[Any, Any]:
    rows, target = datasets.make_regression(
        2_000, 12, n_informative=8, noise=15, random_state=1
    )
    share = (target - target.min()) / (target.max() - target.min())
    return scaled(rows), np.rint(share * (2**bits - 1)).astype(np.int64)


def fitted(estimator: Any, rows: Any, targets: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return estimator.fit(rows[::2], targets[::2])


def convert(estimator: Any, rows: Any, **options: Any) -> ExactModel:
    width, columns = 8 * rows.dtype.itemsize, rows.shape[1]
    outputs = options.pop("outputs", None)
    limits = Limits(columns, 10, width, **options) if options else None
    return ExactModel.of_codes(
        estimator,
        width=width,
        columns=columns,
        outputs=outputs,
        sample=rows[::2],
        limits=limits,
    )


def read_again(model: ExactModel, rows: Any) -> None:
    """What was made is a model: it is read from its file, and says the same."""
    limits = Limits(rows.shape[1], model.header.outputs, model.header.width)
    again = ExactModel.from_bytes(model.to_bytes(), limits)
    assert again.root == model.root
    assert (again.outputs(rows[:50]) == model.outputs(rows[:50])).all()


TREES = [
    tree.DecisionTreeClassifier(random_state=0),
    ensemble.RandomForestClassifier(60, max_depth=10, random_state=0),
    ensemble.RandomForestClassifier(30, max_leaf_nodes=40, random_state=0),
    ensemble.ExtraTreesClassifier(30, max_depth=12, random_state=0),
    ensemble.GradientBoostingClassifier(n_estimators=20, random_state=0),
    ensemble.HistGradientBoostingClassifier(max_iter=30, max_depth=6),
]


@pytest.mark.parametrize("name", ["digits", "cancer", "cancer, 16 bits"])
@pytest.mark.parametrize("estimator", TREES, ids=lambda one: type(one).__name__)
def test_trees_that_predict_classes_convert_without_loss(
    estimator: Any, name: str
) -> None:
    rows, targets = classes(name)
    model = convert(fitted(estimator, rows, targets), rows)
    differing = int((model.predict(rows) != estimator.predict(rows)).sum())
    # Averages of doubles may tie, or not, where whole numbers do.
    assert differing <= 2
    read_again(model, rows)


TREES_OF_NUMBERS = [
    tree.DecisionTreeRegressor(max_leaf_nodes=300, random_state=0),
    ensemble.RandomForestRegressor(40, max_depth=9, random_state=0),
    ensemble.ExtraTreesRegressor(40, max_depth=9, random_state=0),
    ensemble.GradientBoostingRegressor(n_estimators=60, random_state=0),
    ensemble.GradientBoostingRegressor(n_estimators=20, init="zero", random_state=0),
    ensemble.HistGradientBoostingRegressor(max_iter=40, max_depth=6),
]


@pytest.mark.parametrize("bits", [8, 16, 32])
@pytest.mark.parametrize(
    "estimator", TREES_OF_NUMBERS, ids=lambda one: type(one).__name__
)
def test_trees_that_predict_numbers_round_them_once(estimator: Any, bits: int) -> None:
    rows, targets = numbers(bits)
    model = convert(fitted(estimator, rows, targets), rows)
    exactly = np.clip(estimator.predict(rows), 0, 2**bits - 1)
    predicted = model.predict(rows, bits=bits)
    # Boosting on 32 bits ranges too wide for fractions: each tree is rounded.
    most = 0.501 if model.header.form is Form.LANES_32 else model.header.units / 2
    assert np.abs(predicted - exactly).max() <= most
    read_again(model, rows)


def test_leaves_hold_what_outputs_need() -> None:
    rows, targets = classes("digits")
    forest = ensemble.RandomForestClassifier(10, max_depth=5, random_state=0)
    for most, outputs, form, units in (
        (2, 2, Form.LANES_32, 10),
        (7, 7, Form.LANES_32, 10),
        (8, 8, Form.LANES_16, 10),
        (10, 10, Form.LANES_16, 10),
        (10, 14, Form.LANES_16, 10),
        (10, 15, Form.SCALAR, 150),
    ):
        some = targets < most
        found = fitted(forest, rows[some], targets[some])
        model = convert(found, rows, outputs=outputs)
        assert (model.header.form, model.header.units) == (form, units)
        assert (model.predict(rows) == found.predict(rows)).mean() > 0.999
        read_again(model, rows)


def test_no_forest_can_carry_from_lane_to_lane() -> None:
    rows, targets = classes("digits")
    found = fitted(ensemble.RandomForestClassifier(7, random_state=0), rows, targets)
    model = convert(found, rows)
    # All of a fully grown tree's leaves say one class alone, as loudly as can be.
    votes = model.outputs(rows)
    assert (votes.sum(axis=1) == 7 * (65_535 // 7)).all()


UNSEEN = [
    ensemble.RandomForestClassifier(9, max_depth=4, random_state=0),
    ensemble.GradientBoostingClassifier(n_estimators=5, random_state=0),
    ensemble.HistGradientBoostingClassifier(max_iter=5),
    linear_model.LogisticRegression(max_iter=200),
    make_pipeline(MinMaxScaler(), neural_network.MLPClassifier((8,), random_state=0)),
]


@pytest.mark.parametrize("seen", [(1, 3, 5), (0, 4), (2, 5)])
@pytest.mark.parametrize("outputs", [6, 20])
@pytest.mark.parametrize("estimator", UNSEEN, ids=lambda one: type(one).__name__)
def test_classes_that_were_not_in_training_are_never_predicted(
    estimator: Any, outputs: int, seen: tuple[int, ...]
) -> None:
    rows, targets = classes("digits")
    some = np.isin(targets, seen)
    found = fitted(estimator, rows[some], targets[some])
    model = convert(found, rows, outputs=outputs)
    assert model.header.outputs == outputs
    predicted = model.predict(rows)
    assert set(predicted.tolist()) == set(seen)
    # Most of these rows are of classes that it never saw.
    assert (predicted == found.predict(rows)).mean() > 0.95
    read_again(model, rows)


LINEAR = [
    (linear_model.LogisticRegression(max_iter=500), 0.01),
    (linear_model.RidgeClassifier(), 0.02),
    (linear_model.SGDClassifier(random_state=0), 0.01),
    (svm.LinearSVC(random_state=0), 0.01),
    (make_pipeline(StandardScaler(), linear_model.LogisticRegression()), 0.01),
    (make_pipeline(MaxAbsScaler(), linear_model.LogisticRegression()), 0.01),
    (make_pipeline(MinMaxScaler(), neural_network.MLPClassifier((32,), random_state=0)), 0.01),
    (
        make_pipeline(
            StandardScaler(), neural_network.MLPClassifier((32, 16), random_state=0)
        ),
        0.03,
    ),
]  # fmt: skip


@pytest.mark.parametrize("name", ["digits", "cancer"])
@pytest.mark.parametrize(("estimator", "most"), LINEAR)
def test_linear_models_and_networks_lose_little(
    estimator: Any, most: float, name: str
) -> None:
    rows, targets = classes(name)
    model = convert(fitted(estimator, rows, targets), rows)
    assert model.header.kind is Kind.DENSE
    differing = float((model.predict(rows) != estimator.predict(rows)).mean())
    assert differing <= most
    exact = (model.predict(rows) == targets)[1::2].mean()
    assert exact >= (estimator.predict(rows) == targets)[1::2].mean() - 0.01
    read_again(model, rows)


def test_linear_classifiers_need_no_rows_of_training() -> None:
    rows, targets = classes("cancer")
    found = fitted(linear_model.LogisticRegression(max_iter=500), rows, targets)
    model = ExactModel.of_codes(found, width=8, columns=rows.shape[1])
    assert (model.predict(rows) == found.predict(rows)).mean() > 0.98


NUMBERS = [
    linear_model.LinearRegression(),
    linear_model.Ridge(),
    make_pipeline(StandardScaler(), linear_model.Lasso()),
    make_pipeline(
        StandardScaler(),
        neural_network.MLPRegressor(
            hidden_layer_sizes=(24,), learning_rate_init=0.02, random_state=0
        ),
    ),
]


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("estimator", NUMBERS, ids=lambda one: type(one).__name__)
def test_linear_models_and_networks_that_predict_numbers_lose_little(
    estimator: Any, bits: int
) -> None:
    rows, targets = numbers(bits)
    model = convert(fitted(estimator, rows, targets), rows)
    exactly = np.clip(estimator.predict(rows), 0, 2**bits - 1)
    predicted = model.predict(rows, bits=bits)
    # Of what the targets vary by, a hundredth in the mean, and rounding.
    assert np.abs(predicted - exactly).mean() <= 0.01 * targets.std() + 0.5
    read_again(model, rows)


def test_a_regression_that_says_one_number_says_it() -> None:
    rows, targets = numbers(16)
    found = fitted(linear_model.LinearRegression(), rows, targets * 0 + 4_321)
    assert set(convert(found, rows).predict(rows, bits=16).tolist()) == {4_321}
    found = fitted(tree.DecisionTreeRegressor(), rows, targets * 0 + 4_321)
    model = convert(found, rows)
    assert set(model.predict(rows, bits=16).tolist()) == {4_321}
    assert (model.header.depth, model.header.units) == (0, 1)


def test_a_search_is_converted_as_what_it_found() -> None:
    rows, targets = classes("cancer")
    search = GridSearchCV(
        tree.DecisionTreeClassifier(random_state=0), {"max_depth": [2]}
    )
    model = convert(fitted(search, rows, targets), rows)
    assert model.header.depth == 2
    assert (model.predict(rows) == search.predict(rows)).all()


def test_thresholds_below_all_codes_ask_nothing() -> None:
    rows, targets = classes("cancer")
    # Fitted on something else than codes: its thresholds lie on both sides of 0.
    moved = rows.astype(np.float64) * 3 - 300
    found = tree.DecisionTreeClassifier(random_state=0).fit(moved, targets)
    model = convert(found, rows)
    assert (model.predict(rows) == found.predict(rows)).all()


def test_a_tie_of_two_classes_ends_as_in_the_estimator() -> None:
    rows = np.zeros((4, 1), np.uint8)
    targets = np.array([0, 1, 0, 1])
    for estimator in (
        ensemble.GradientBoostingClassifier(n_estimators=2),
        ensemble.HistGradientBoostingClassifier(max_iter=2),
        ensemble.RandomForestClassifier(2, bootstrap=False),
        tree.DecisionTreeClassifier(),
    ):
        estimator.fit(rows, targets)
        model = ExactModel.of_codes(estimator, width=8, columns=1)
        assert model.predict(rows).tolist() == estimator.predict(rows).tolist()


def digits_forest(**options: Any) -> Any:
    rows, targets = classes("digits")
    return fitted(
        ensemble.ExtraTreesClassifier(random_state=0, **options), rows, targets
    )


@pytest.mark.parametrize(
    ("make", "options", "said"),
    [
        (
            lambda: digits_forest(n_estimators=240),
            {},
            r"240 trees of depth \d\d.*n_estimators=\d+ or less, or max_depth=11",
        ),
        (lambda: digits_forest(n_estimators=60), {"most_units": 50}, "n_estimators=50"),
        (lambda: digits_forest(n_estimators=9), {"most_words": 99}, "max_depth=9"),
        (
            lambda: digits_forest(n_estimators=60),
            {"most_parts": 4},
            r"4 are allowed.*n_estimators=\d",
        ),
        (lambda: digits_forest(n_estimators=5), {"outputs": 9}, "knows a class 9"),
        (lambda: digits_forest(n_estimators=5), {"outputs": 1}, "knows a class 9"),
        (lambda: digits_forest(n_estimators=5), {"outputs": 257}, "at most 256"),
    ],
)
def test_what_is_beyond_a_limit_says_what_to_set(
    make: Any, options: dict[str, Any], said: str
) -> None:
    with pytest.raises(InputError, match=said):
        convert(make(), classes("digits")[0], **options)


def test_a_tree_that_is_too_large_says_how_many_leaves_fit() -> None:
    rng = np.random.default_rng(0)
    rows = rng.integers(0, 65_536, (12_000, 3), np.uint16)
    noise = rng.integers(0, 2, 12_000)
    grown = tree.DecisionTreeClassifier(random_state=0).fit(rows, noise)
    with pytest.raises(InputError, match="A tree takes .*max_leaf_nodes=2,900 or less"):
        convert(grown, rows)
    fits = tree.DecisionTreeClassifier(
        max_leaf_nodes=2_900, max_depth=32, random_state=0
    )
    fits = fits.fit(rows, noise)
    assert convert(fits, rows).header.parts == 1


def test_boosting_names_its_own_parameters() -> None:
    rows, targets = classes("cancer")
    found = fitted(ensemble.HistGradientBoostingClassifier(max_iter=600), rows, targets)
    with pytest.raises(
        InputError, match=r"max_iter=\d+ or less, or max_depth=3 or less"
    ):
        convert(found, rows)


def test_networks_name_their_layers() -> None:
    rows, targets = classes("digits")
    large = neural_network.MLPClassifier((1_020,), max_iter=1, random_state=0)
    with pytest.raises(InputError, match="words; at most 3,328.*hidden_layer_sizes"):
        convert(fitted(large, rows, targets), rows)
    deep = neural_network.MLPClassifier((2,) * 8, max_iter=1, random_state=0)
    with pytest.raises(InputError, match="9 layers; 1 to 8.*hidden_layer_sizes"):
        convert(fitted(deep, rows, targets), rows)


REFUSED = [
    (
        tree.DecisionTreeClassifier(),
        np.array(["no", "yes"]),
        "not numbers from 0.*codes of the classes",
    ),
    (tree.DecisionTreeClassifier(), np.array([-1, 1]), "not numbers from 0"),
    (KNeighborsClassifier(), np.array([0, 1]), "KNeighborsClassifier cannot.*forests"),
    (
        make_pipeline(PCA(2), linear_model.LogisticRegression()),
        np.array([0, 1]),
        "pipeline with PCA",
    ),
    (
        make_pipeline(MinMaxScaler(clip=True), linear_model.LogisticRegression()),
        np.array([0, 1]),
        "pipeline with MinMaxScaler",
    ),
    (
        make_pipeline(StandardScaler(), tree.DecisionTreeClassifier()),
        np.array([0, 1]),
        "trees need no scaling",
    ),
    (
        ensemble.GradientBoostingClassifier(n_estimators=1, init=tree.DecisionTreeClassifier()),
        np.array([0, 1]),
        "starts from another model.*`init`",
    ),
    (
        ensemble.HistGradientBoostingClassifier(max_iter=1, categorical_features=[0]),
        np.array([0, 1]),
        "categorical_features=None",
    ),
    (
        neural_network.MLPClassifier((3,), activation="tanh", max_iter=1),
        np.array([0, 1]),
        "activation='tanh'.*activation='relu'",
    ),
    (
        ensemble.HistGradientBoostingRegressor(max_iter=1, loss="poisson"),
        np.array([0, 1]),
        "loss='poisson'.*squared_error",
    ),
    (linear_model.LinearRegression(), np.array([0, 2**33]), "apart at most"),
]  # fmt: skip


@pytest.mark.parametrize(("estimator", "names", "said"), REFUSED)
def test_what_cannot_be_converted_says_why(
    estimator: Any, names: Any, said: str
) -> None:
    rng = np.random.default_rng(0)
    rows = rng.integers(0, 6, (200, 3)).astype(np.uint8)
    found = fitted(estimator, rows, names[(rows[:, 0] % 2).astype(int)])
    with pytest.raises(InputError, match=said):
        convert(found, rows)


def test_what_does_not_fit_the_contest_says_so() -> None:
    rows, targets = classes("cancer")
    found = fitted(tree.DecisionTreeClassifier(), rows, targets)
    with pytest.raises(InputError, match="fitted on 30 columns; rows have 31"):
        ExactModel.of_codes(found, width=8, columns=31)
    with pytest.raises(InputError, match="sample's rows have 30 codes"):
        ExactModel.of_codes(found, width=8, columns=30, sample=rows[:, :3])
    with pytest.raises(InputError, match="is not fitted.*Call its fit"):
        ExactModel.of_codes(tree.DecisionTreeClassifier(), width=8, columns=30)
    with pytest.raises(InputError, match="DummyClassifier cannot be converted"):
        convert(fitted(DummyClassifier(), rows, targets), rows)
    with pytest.raises(InputError, match="has 2 classes.*Fit a classifier"):
        convert(fitted(tree.DecisionTreeRegressor(), rows, targets), rows, outputs=2)
    wide = classes("cancer, 16 bits")[0]
    with pytest.raises(InputError, match="codes of 8 bits, not 16.*Trees, forests"):
        convert(fitted(linear_model.RidgeClassifier(), wide, targets), wide)


@pytest.mark.parametrize(
    "estimator",
    [
        tree.DecisionTreeClassifier(),
        tree.DecisionTreeRegressor(),
        linear_model.LinearRegression(),
        neural_network.MLPRegressor(max_iter=1),
    ],
)
def test_several_targets_are_refused(estimator: Any) -> None:
    rows, targets = classes("cancer")
    found = fitted(estimator, rows, np.stack([targets, targets], axis=1))
    with pytest.raises(InputError, match="several targets"):
        convert(found, rows)


def test_networks_and_linear_regressions_need_rows_of_training() -> None:
    rows, targets = classes("cancer")
    for estimator in (
        linear_model.LinearRegression(),
        neural_network.MLPClassifier((2,), max_iter=1),
    ):
        found = fitted(estimator, rows, targets)
        for sample in (None, rows[:0]):
            with pytest.raises(InputError, match="Give the codes of some as `sample`"):
                ExactModel.of_codes(found, width=8, columns=30, sample=sample)


def library(name: str, **members: Any) -> ModuleType:
    """Stands in for one that is not here: the real ones are tried by `make frameworks`."""
    found = ModuleType(name)
    vars(found).update(members)
    return found


class Module:
    """What is asked of any of PyTorch's."""

    def __init__(self, *inside: Any) -> None:
        self.inside = inside

    def __iter__(self) -> Iterator[Any]:
        return iter(self.inside)

    def forward(self) -> None: ...


LAYERS = ("Sequential", "Linear", "ReLU", "Dropout", "Identity", "Flatten")
KINDS = {name: type(name, (Module,), {"forward": lambda self: None}) for name in LAYERS}
TORCH = library("torch", nn=library("torch.nn", Module=Module, **KINDS))


def test_networks_of_pytorch_are_refused_with_the_list_of_layers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Sigmoid(Module): ...

    own = type("Own", (KINDS["Sequential"],), {"forward": lambda self: None})
    kinds = KINDS
    inside = kinds["Sequential"](kinds["Identity"](), Sigmoid())
    refused = {
        "Sequential with Sigmoid": kinds["Sequential"](kinds["Linear"](), inside),
        "begin and end with a Linear": kinds["Sequential"](kinds["ReLU"]()),
        "Own": own(kinds["Linear"]()),
        "Sigmoid": Sigmoid(),
    }
    monkeypatch.setitem(sys.modules, "torch", TORCH)
    for said, module in refused.items():
        with pytest.raises(InputError, match=f"{said}.*cannot be converted") as told:
            ExactModel.of_codes(module, width=8, columns=2)
        assert of_torch.LAYERS in told.value.hint


def test_a_networks_outputs_are_the_contests() -> None:
    rng = np.random.default_rng(1)
    rows = rng.integers(0, 256, (50, 2)).astype(np.uint8)

    def model(outputs: int, asked: int | None) -> ExactModel:
        layers = Affine(rng.standard_normal((2, outputs)), np.zeros(outputs))
        network = of_torch.Sequential(None, (layers,), np.arange(max(outputs, 2)))
        shape: dict[str, Any] = {"width": 8, "columns": 2, "outputs": asked}
        return ExactModel.of_codes(network, sample=rows, **shape)

    for outputs, asked, made in (
        (1, None, 1),
        (1, 1, 1),
        (1, 2, 2),
        (3, None, 3),
        (3, 5, 5),
    ):
        found = model(outputs, asked)
        assert found.header.outputs == made
        assert int(found.predict(rows, bits=8).max()) < max(outputs, 2) or made == 1
    for outputs, asked, said in (
        (3, 1, "a number is one.*out_features=1"),
        (1, 3, "1 values of a row; there are 3 classes.*out_features=3"),
        (4, 3, "4 values of a row; there are 3 classes.*out_features=3"),
    ):
        with pytest.raises(InputError, match=said):
            model(outputs, asked)


def test_catboosts_rankers_are_refused_with_the_list_of_what_can_be_converted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    names = ("CatBoostClassifier", "CatBoostRegressor")
    kinds: dict[str, Any] = {name: type(name, (), {}) for name in names}
    ranker = type("CatBoostRanker", (), {})()
    monkeypatch.setitem(sys.modules, "catboost", library("catboost", **kinds))
    with pytest.raises(InputError, match="CatBoostRanker cannot be converted") as told:
        ExactModel.of_codes(ranker, width=8, columns=2)
    assert "XGBoost, LightGBM and CatBoost" in told.value.hint
