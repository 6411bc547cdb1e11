# SPDX-License-Identifier: Apache-2.0
"""What a trainer is told of a model before he stakes on it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import xgboost
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.model_selection import GridSearchCV
from sklearn.tree import DecisionTreeClassifier

from modelmarket.errors import InputError
from modelmarket.models import ExactModel, Limits, validating
from modelmarket.models.validating import (
    FOLDS,
    CrossValidation,
    Measure,
    Table,
    as_hidden,
    on_training,
)
from modelmarket.protocol.point_kinds import Kind
from modelmarket.protocol.points import Scoring

ACCURACY = Measure(Scoring(Kind.ACCURACY, 3), bits=2)


def table(rows: int = 300, names: tuple[str, ...] = ("a", "b", "c")) -> Table:
    """Three classes by the first column, of which codes keep only sixteen values."""
    rng = np.random.default_rng(5)
    plain = rng.random((rows, 3))
    codes = np.floor(plain * 16).astype(np.uint8)
    targets = np.searchsorted([0.3, 0.72], plain[:, 0]).astype(np.uint32)
    return Table(plain, codes, targets, names)


def trial(
    estimator: Any, measure: Measure = ACCURACY, **options: Any
) -> CrossValidation:
    def convert(fitted: Any, sample: Any) -> ExactModel:
        names = ("a", "b", "c") if measure is ACCURACY else ()
        return ExactModel.of_codes(
            fitted,
            width=8,
            columns=3,
            outputs=len(names) or 1,
            names=names,
            sample=sample,
        )

    asked: dict[str, Any] = {"limit_s": 60.0, "show": lambda _: None}
    return CrossValidation(estimator, convert, measure, **(asked | options))


def tree() -> DecisionTreeClassifier:
    return DecisionTreeClassifier(random_state=0)


def of_texts(rows: int = 240) -> Table:
    """Texts that no two rows share, in the order of their letters: those that stand
    beside each other are of one class. A contest's hidden rows have others, whose code
    is 0.
    """
    rng = np.random.default_rng(3)
    codes = np.zeros((rows, 3), dtype=np.uint8)
    codes[:, 0] = rng.permutation(rows) + 1
    codes[:, 1] = rng.integers(0, 16, rows)
    targets = ((codes[:, 0] - 1) // (rows // 3)).astype(np.uint32)
    plain = codes.astype(np.float64)
    return Table(plain, codes, targets, ("a", "b", "c"), texts=(0,))


def test_texts_that_no_row_of_the_others_has_are_told_to_nobody() -> None:
    """Or else what is said before the stake cannot be reached on hidden rows."""
    found = trial(tree()).run(of_texts())
    assert found.codes is not None
    assert found.plain is not None
    assert found.plain > 0.9
    assert found.codes < 0.5
    assert found.exact < 0.5
    # A number that is between two others is told as ever.
    assert trial(tree()).run(replace(of_texts(), texts=())).exact > 0.9


def test_only_codes_of_texts_that_are_not_known_become_none() -> None:
    known = np.array([[1, 1], [2, 2], [0, 3]], dtype=np.uint8)
    new = np.array([[1, 9], [3, 1], [0, 0], [2, 3]], dtype=np.uint8)
    hidden = as_hidden(known, new, (0,))
    assert hidden.tolist() == [[1, 9], [0, 1], [0, 0], [2, 3]]
    assert new[1, 0] == 3
    assert as_hidden(known, new, ()) is new
    both = as_hidden(known, new, (0, 1))
    assert both.tolist() == [[1, 0], [0, 1], [0, 0], [2, 3]]


def test_every_row_is_predicted_by_a_model_that_has_not_seen_it() -> None:
    here = table()
    memory = replace(
        here, targets=np.random.default_rng(1).integers(0, 3, 300).astype("u4")
    )
    found = trial(tree()).run(memory)
    # A tree knows all rows that it was fitted on; of others it can only guess.
    assert found.exact < 0.5
    assert found.rows == 300
    assert found.folds == FOLDS


def test_what_codes_lose_is_told_from_what_whole_numbers_lose() -> None:
    found = trial(tree()).run(table())
    assert found.plain is not None
    assert found.codes is not None
    assert found.plain > found.codes > 0.8
    assert found.exact == found.codes
    assert found.differ == 0
    first, second = found.lines()
    assert first.startswith("accuracy on rows not seen (5 folds, 300 rows): ")
    assert f"{found.codes:.2%} on codes, {found.exact:.2%} exact" in first
    assert second == "  0 rows differ between the last two"


def test_rows_that_the_exact_model_says_otherwise_are_counted() -> None:
    def other(fitted: Any, sample: Any) -> ExactModel:
        turned = DecisionTreeClassifier(max_depth=1).fit(sample, sample[:, 2] // 6)
        return ExactModel.of_codes(turned, width=8, columns=3, outputs=3)

    asked = replace(trial(tree()), convert=other)
    found = asked.run(table())
    assert found.codes is not None
    assert found.differ is not None
    assert found.differ > 0
    assert found.exact < found.codes


def test_the_estimator_stays_as_it_is_and_a_search_is_not_repeated() -> None:
    here = table()
    search = GridSearchCV(tree(), {"max_depth": [1, 4]}, cv=2).fit(
        here.codes, here.targets
    )
    before = search.best_estimator_.tree_
    assert trial(search).run(here).folds == FOLDS
    assert search.best_estimator_.tree_ is before


def test_an_estimator_that_was_fitted_on_names_is_fitted_on_names_again() -> None:
    here = table()
    fitted = tree().fit(here.codes, np.array(here.names)[here.targets])
    assert trial(fitted).run(here).exact == trial(tree()).run(here).exact


def test_each_fold_has_rows_of_the_rarest_class() -> None:
    here = table()
    targets = here.targets.copy()
    targets[targets == 2] = 0
    targets[:FOLDS] = 2
    codes = here.codes.copy()
    codes[:, 2] = np.where(targets == 2, 255, 0)
    plain = codes.astype(np.float64)
    found = trial(tree()).run(replace(here, plain=plain, codes=codes, targets=targets))
    # All that were left out are known by the others.
    assert found.exact > 0.9


def test_time_that_is_over_ends_it_after_the_first_fold() -> None:
    said: list[str] = []
    found = trial(tree(), limit_s=0.0, show=said.append).run(table())
    assert found.folds == 1
    assert found.rows == 60
    assert len(said) == 1
    assert said[0].startswith("fold 1 of 5: ")


def test_a_large_table_is_tried_in_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(validating, "PILOT_ROWS", 50)
    assert trial(tree(), limit_s=0.0).run(table()).rows == 50 // FOLDS
    assert trial(tree(), limit_s=1e6).run(table()).rows == 300


def test_what_cannot_be_fitted_again_says_why() -> None:
    # It wants other rows to know when to stop.
    stubborn = xgboost.XGBClassifier(early_stopping_rounds=3, n_jobs=1)
    with pytest.raises(InputError, match="XGBClassifier could not be.*validation"):
        trial(stubborn).run(table())
    with pytest.raises(InputError, match=r"Network has no fit\(\): how it was trained"):
        trial(type("Network", (), {})()).run(table())
    with pytest.raises(InputError, match="4 rows are too few"):
        trial(tree()).run(table(4))


def test_an_exact_model_is_measured_on_the_training_part_and_that_is_said() -> None:
    here = table()
    model = trial(tree()).convert(tree().fit(here.codes, here.targets), here.codes)
    found = on_training(model, here, ACCURACY, "it cannot be fitted again.")
    assert (found.folds, found.plain, found.codes, found.differ) == (
        0,
        None,
        None,
        None,
    )
    assert found.exact == float(np.mean(model.predict(here.codes) == here.targets))
    first, second = found.lines()
    assert first.startswith("accuracy of the exact model on the training part: ")
    assert second.endswith("does worse on others: it cannot be fitted again.")


def test_rare_classes_count_as_the_points_say() -> None:
    measure = Measure(Scoring(Kind.WEIGHTED, 2, cap=9, weights=(1, 9)), bits=2)
    assert measure.name == "weighted accuracy"
    targets, said = np.array([0, 0, 1, 3]), np.array([0, 1, 1, 3])
    # Whatever is beyond the outputs is worth nothing.
    assert measure.value(targets, said) == pytest.approx(10 / 11)
    assert not measure.is_error


@pytest.mark.parametrize(
    ("kind", "name", "error"),
    [
        (Kind.ABSOLUTE, "mean error", 1.0),
        (Kind.SQUARED, "RMSE", 2**0.5),
    ],
)
def test_numbers_have_an_error_in_the_labels_own_unit(
    kind: Kind, name: str, error: float
) -> None:
    measure = Measure(Scoring(kind, 1, cap=9), bits=8, unit=0.5)
    assert measure.name == name
    found = measure.value(np.array([5, 7], dtype=np.uint32), np.array([1.0, 7.0]))
    assert found == pytest.approx(error)


def test_a_regression_is_cross_validated_too() -> None:
    here = replace(table(names=()), targets=table().codes[:, 0] * np.uint32(10))
    measure = Measure(Scoring(Kind.ABSOLUTE, 1, cap=50), bits=8, unit=0.1)
    forest = RandomForestRegressor(5, random_state=0, n_jobs=1)
    found = trial(forest, measure).run(here)
    assert found.is_error
    assert found.plain is not None
    assert 0 <= found.exact < 0.5
    assert found.differ == 0
    assert "exact" in found.lines()[0]
    assert "%" not in found.lines()[0]


def test_a_model_beyond_a_limit_in_a_fold_says_so() -> None:
    def convert(fitted: Any, sample: Any) -> ExactModel:
        limits = Limits(3, 3, 8, most_units=1)
        return ExactModel.of_codes(
            fitted, width=8, columns=3, outputs=3, sample=sample, limits=limits
        )

    asked = replace(trial(RandomForestClassifier(3, n_jobs=1)), convert=convert)
    with pytest.raises(InputError, match="n_estimators=1"):
        asked.run(table())
