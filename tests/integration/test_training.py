# SPDX-License-Identifier: Apache-2.0
"""The built-in trainer: everything that it tries can be sealed, and it is never worse
than the quick baseline.
"""

from __future__ import annotations

import warnings
from dataclasses import replace
from fractions import Fraction
from random import Random
from typing import Any

import numpy as np
import polars as pl
import pytest
from sklearn.dummy import DummyClassifier, DummyRegressor
from threadpoolctl import threadpool_limits

from modelmarket.errors import InputError
from modelmarket.market import training
from modelmarket.market.trained import BASELINE, Budget, Trained
from modelmarket.market.training import train_exact, train_file
from modelmarket.models import ExactModel, Limits, racing
from modelmarket.models.candidates import Candidate, Family, Kind, candidates
from modelmarket.models.validating import Measure
from modelmarket.protocol.bins import Binning, Bins
from modelmarket.protocol.classes import Classes
from modelmarket.protocol.point_kinds import Kind as Points
from modelmarket.protocol.points import Scoring
from modelmarket.protocol.schema import (
    ClassTarget,
    Cuts,
    NumberTarget,
    Schema,
    Texts,
)

QUICK = Budget(seconds=60, threads=1)
ROWS, COLUMNS = 150, 33
"""So many columns that small networks are tried, too."""
RNG = np.random.default_rng(5)
CODES = RNG.integers(0, 256, (ROWS, COLUMNS)).astype(np.uint8)
CODES[:, 4:] //= 8  # what says nothing is not all there is
SUM = CODES[:, :4].astype(np.int64).sum(axis=1)


def schema(classes: int) -> Schema:
    columns = tuple(Cuts(f"x{number}", ()) for number in range(COLUMNS))
    if classes == 1:
        return Schema(8, columns, NumberTarget(Fraction(0), Fraction(1), 16))
    names = tuple(f"class {number}" for number in range(classes))
    return Schema(8, columns, ClassTarget(Classes(names)))


def targets(classes: int) -> Any:
    if classes == 1:
        return SUM.astype(np.uint32)
    return (np.argsort(np.argsort(SUM)) * classes // ROWS).astype(np.uint32)


def scoring(classes: int, *, is_weighted: bool = False) -> Scoring:
    if classes == 1:
        return Scoring.of_errors(Points.ABSOLUTE, 500, ROWS)
    if is_weighted:
        weights = tuple(range(1, classes + 1))
        return Scoring(Points.WEIGHTED, classes, classes, weights=weights)
    return Scoring(Points.ACCURACY, classes)


def exact(classes: int, *, is_weighted: bool = False, **more: Any) -> Trained:
    found = schema(classes)
    measure = Measure(scoring(classes, is_weighted=is_weighted), found.target.bits)
    limits = more.pop("limits", Limits.of(found))
    return train_exact(CODES, targets(classes), found, measure, limits, QUICK, **more)


def test_what_a_model_reaches_on_texts_that_nobody_else_has_is_not_promised() -> None:
    """In the order of their letters texts tell the class, but those of hidden rows have
    no code.
    """
    rows = 240
    codes = np.zeros((rows, 2), dtype=np.uint8)
    codes[:, 0] = np.random.default_rng(3).permutation(rows) + 1
    found = Schema(
        8,
        (Texts("said", tuple(f"{n:03}" for n in range(rows))), Cuts("x", ())),
        ClassTarget(Classes(("a", "b", "c"))),
    )
    measure = Measure(Scoring(Points.ACCURACY, 3), found.target.bits)
    wanted = ((codes[:, 0] - 1) // (rows // 3)).astype(np.uint32)
    numbers = replace(found, columns=(Cuts("said", ()), Cuts("x", ())))
    for one, least, most in ((found, 0.0, 0.5), (numbers, 0.9, 1.0)):
        made = train_exact(
            codes,
            wanted,
            one,
            measure,
            Limits.of(one),
            QUICK,
            only=(Family.FOREST,),
        )
        assert made.value is not None
        assert least <= made.value <= most


def kind(classes: int, *, is_exact: bool, is_balanced: bool = False) -> Kind:
    return Kind(ROWS, COLUMNS, classes, is_exact, is_balanced)


@pytest.mark.parametrize(
    ("classes", "is_balanced"),
    [(1, False), (2, False), (2, True), (3, False), (3, True)],
)
def test_all_that_is_tried_in_a_verified_contest_can_be_sealed(
    classes: int, is_balanced: bool
) -> None:
    tried = candidates(kind(classes, is_exact=True, is_balanced=is_balanced))
    assert {one.family for one in tried} >= {Family.LINEAR, Family.FOREST}
    for one in tried:
        fitted = learnt(one, CODES, targets(classes).astype(np.int64))
        model = ExactModel.of(fitted, schema(classes), sample=CODES)
        assert len(model.predict(CODES)) == ROWS, one.name


def learnt(one: Candidate, features: Any, labels: Any) -> Any:
    """Fitted on one thread, without a word about what was cut short."""
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return one.make().fit(features, labels)


def words() -> tuple[pl.DataFrame, pl.Series]:
    chance = Random(7)
    rows = []
    for _ in range(150):
        x, word = chance.gauss(0, 1), chance.choice(["ab", "cd", None])
        gap = None if chance.random() < 0.1 else round(x, 3)
        text = f"free text {chance.random()}"
        label = "up" if x + (word == "ab") > 0.3 else "down"
        rows.append(
            {"x": gap, "n": chance.randrange(9), "w": word, "t": text, "l": label}
        )
    table = pl.DataFrame(rows)
    return table.drop("l"), table["l"]


def numbers(classes: tuple[str, ...]) -> tuple[pl.DataFrame, pl.Series]:
    table = pl.DataFrame({f"x{number}": CODES[:, number] for number in range(COLUMNS)})
    return table, pl.Series([classes[one] for one in targets(len(classes))])


def binned() -> tuple[tuple[pl.DataFrame, pl.Series], Bins]:
    table, _ = numbers(("0", "1", "2"))
    labels = [f"{one}.5" for one in SUM.tolist()]
    return (table, pl.Series(labels)), Binning(8).of(labels, [1] * ROWS)


TABLES: dict[str, tuple[tuple[pl.DataFrame, pl.Series], Classes]] = {
    "words and gaps": (words(), Classes(("down", "up"))),
    "numbers": (numbers(("0", "1", "2")), Classes(("0", "1", "2"))),
    "bins": binned(),
}


@pytest.mark.parametrize("name", TABLES)
def test_all_that_is_tried_in_a_contest_of_predictions_can_be_sealed(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (features, labels), classes = TABLES[name]
    monkeypatch.setattr(racing, "REPEATS", 1)
    is_number = isinstance(classes, Bins)
    known = 1 if is_number else len(classes)
    nothing = DummyRegressor if is_number else DummyClassifier
    every = candidates(Kind(ROWS, features.width, known, is_exact=False))
    for one in every:
        # Alone with a baseline that is nothing, so that it is what is sealed.
        monkeypatch.setattr(training, "candidates", lambda _, one=one: [one])
        monkeypatch.setattr(training, "quick_forest", lambda *_, **__: nothing())
        found = train_file(features, labels, features.head(40), classes, QUICK)
        assert found.name == one.name, found.tried
        said = found.model.predict(features)
        assert len(said) == len(labels)
        assert found.value is not None
        if is_number:
            assert "% in the right bin in cross-validation" in str(found)
            truth = classes.encode(labels.to_list())
            assert np.mean(classes.encode(said) == truth) > found.value - 0.1


class Odd(DummyClassifier):  # type: ignore[misc]  # scikit-learn has no types
    max_leaf_nodes = 3

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        return {"fit_intercept": True}


@pytest.mark.parametrize("classes", [1, 2, 3])
def test_an_exact_model_is_found_that_beats_the_baseline(classes: int) -> None:
    found = exact(classes, only=("linear",))
    assert found.gap is not None
    assert found.gap > 0
    assert isinstance(found.model, ExactModel)
    assert found.rows == ROWS
    assert found.measure == ("mean error" if classes == 1 else "accuracy")
    assert found.is_error == (classes == 1)
    assert found.tried[0].name == found.name
    assert BASELINE in {one.name for one in found.tried}


def test_weighted_classes_are_compared_by_their_weights() -> None:
    found = exact(3, is_weighted=True, only=("linear",))
    assert found.measure == "weighted accuracy"
    assert found.gap is not None
    assert found.gap >= 0


def test_only_the_families_that_are_wanted_are_tried() -> None:
    found = exact(2, only=("linear",))
    assert {one.name for one in found.tried} == {
        BASELINE,
        "linear discriminants",
        "logistic regression",
        "logistic regression held back",
    }


def test_models_keep_the_limits_of_a_contest() -> None:
    limits = Limits(COLUMNS, 3, 8, most_units=12, most_words=200)
    found = exact(3, limits=limits, only=("forest",))
    found.model.check(limits)
    assert found.model.header.units <= 12


def test_where_nothing_is_better_the_baseline_itself_is_sealed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    worse = Candidate("worse", Family.FOREST, DummyClassifier)
    monkeypatch.setattr(training, "candidates", lambda _: [worse])
    found = exact(2)
    assert (found.name, found.gap) == (BASELINE, 0)
    assert str(found).endswith("since nothing else was better")
    assert found.model.header.units == 30


def test_what_says_something_else_in_its_file_is_not_sealed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (features, labels), classes = TABLES["numbers"]
    monkeypatch.setattr(training, "ALIKE", 1.01)
    with pytest.raises(InputError, match="No model of this table can be sealed"):
        train_file(features, labels, features, classes, QUICK, only=("linear",))


def test_what_training_does_is_shown() -> None:
    said: list[str] = []
    budget = Budget(seconds=20, threads=1, show=said.append)
    found = schema(2)
    measure = Measure(scoring(2), found.target.bits)
    limits, only = Limits.of(found), ("linear",)
    train_exact(CODES, targets(2), found, measure, limits, budget, only=only)
    assert said[0] == "2 folds of 15, 4 candidates left"
    assert said[-1].startswith(("5 folds", "10 folds", "15 folds"))


def test_what_cannot_be_sealed_leaves_its_place_to_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Another library's model, which nothing is known of here."""
    odd = Candidate("odd", Family.FOREST, Odd)
    linear = candidates(kind(2, is_exact=True))[0]
    monkeypatch.setattr(training, "candidates", lambda _: [odd, linear])
    found = exact(2)
    assert found.name == linear.name
    told = {one.name: one.left_out for one in found.tried}
    assert told["odd"] == "it cannot be used: Odd cannot be converted."
