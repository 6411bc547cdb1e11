# SPDX-License-Identifier: Apache-2.0
"""Which of several estimators is sealed: never one that is worse than the baseline."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from sklearn.base import BaseEstimator

from modelmarket.errors import InputError
from modelmarket.models import racing
from modelmarket.models.candidates import Candidate, Family
from modelmarket.models.racing import LEAST_FOLDS, Race, Task, race

ROWS = 200
RNG = np.random.default_rng(3)
TRUTH = RNG.integers(0, 2, ROWS)
LUCK = RNG.random(ROWS)


class Right(BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Is right in a share of the rows, always the same ones; may take its time."""

    def __init__(self, share: float, seconds: float = 0.0) -> None:
        self.share, self.seconds = share, seconds

    def fit(self, features: Any, labels: Any) -> Right:
        time.sleep(self.seconds)
        self.learnt_ = len(labels)
        return self

    def predict(self, features: Any) -> Any:
        places = features[:, 0].astype(int)
        is_right = LUCK[places] < self.share
        return np.where(is_right, TRUTH[places], 1 - TRUTH[places])


class Broken(BaseEstimator):  # type: ignore[misc]  # likewise
    def fit(self, features: Any, labels: Any) -> Broken:
        raise ValueError("it is broken")


def accuracy(estimator: Any, learnt: Any, new: Any, wanted: Any) -> float:
    return float((estimator.predict(new) == wanted).mean())


def task(*, is_error: bool = False) -> Task:
    places = np.arange(ROWS, dtype=np.float64).reshape(-1, 1)

    def error(estimator: Any, learnt: Any, new: Any, wanted: Any) -> float:
        return 1 - accuracy(estimator, learnt, new, wanted)

    value = error if is_error else accuracy
    return Task(places, TRUTH, is_number=False, is_error=is_error, value=value)


def one(name: str, make: Any, most_rows: int = 10**9) -> Candidate:
    return Candidate(name, Family.FOREST, make, most_rows)


BASELINE = one("baseline", lambda: Right(0.8))


def tried(*others: Candidate, seconds: float = 20, is_error: bool = False) -> Race:
    return race(task(is_error=is_error), BASELINE, others, seconds, lambda _: None)


def names(found: Race) -> list[str]:
    return [one.candidate.name for one in found.order]


@pytest.mark.parametrize("is_error", [False, True])
def test_the_best_comes_first_and_the_baseline_last(is_error: bool) -> None:
    better = one("better", lambda: Right(0.88))
    best = one("best", lambda: Right(0.97))
    found = tried(better, best, is_error=is_error)
    assert names(found)[0] == "best"
    assert names(found)[-1] == "baseline"
    assert found.order[0].gain == pytest.approx(0.17, abs=0.05)


@pytest.mark.parametrize("is_error", [False, True])
def test_what_is_not_better_than_the_baseline_is_never_taken(is_error: bool) -> None:
    same = one("same", lambda: Right(0.8))
    worse = one("worse", lambda: Right(0.75))
    found = tried(same, worse, is_error=is_error)
    assert names(found) == ["baseline"]
    assert {one.candidate.name for one in found.others} == {"same", "worse"}
    assert all(one.gain <= 0 for one in found.others)


def test_what_is_clearly_behind_is_tried_no_further() -> None:
    found = tried(one("bad", lambda: Right(0.3)), one("good", lambda: Right(0.95)))
    [bad] = found.others
    assert bad.left_out == "behind good"
    assert bad.folds < found.order[0].folds


def test_of_two_that_are_as_good_the_simple_one_is_taken() -> None:
    simple = one("simple", lambda: Right(0.9))
    found = tried(simple, one("as good", lambda: Right(0.9)))
    assert names(found) == ["simple", "as good", "baseline"]


def test_what_cannot_be_fitted_is_left_out_with_its_reason() -> None:
    found = tried(one("broken", Broken), one("good", lambda: Right(0.95)))
    assert names(found) == ["good", "baseline"]
    assert found.others[0].left_out == "it cannot be used: it is broken"
    assert found.others[0].folds == 0


def test_a_baseline_that_cannot_be_fitted_is_an_error() -> None:
    with pytest.raises(ValueError, match="it is broken"):
        race(task(), one("baseline", Broken), [], 5, lambda _: None)


def test_what_would_take_too_long_leaves_the_rest_their_time() -> None:
    slow = one("slow", lambda: Right(1.0, seconds=0.4))
    quick = one("quick", lambda: Right(0.9))
    began = time.monotonic()
    found = tried(quick, slow, seconds=1.5)
    assert time.monotonic() - began < 5
    told = {one.candidate.name: one for one in (*found.order, *found.others)}
    assert told["slow"].left_out == "it would take too long"
    assert "quick" in names(found)


def test_on_too_few_folds_nobody_is_better() -> None:
    found = tried(one("slow", lambda: Right(1.0, seconds=0.2)), seconds=0.3)
    assert names(found) == ["baseline"]
    assert found.others[0].folds < LEAST_FOLDS


def test_of_too_few_rows_none_are_left_out() -> None:
    few = replace(task(), features=np.zeros((4, 1)), labels=TRUTH[:4])
    with pytest.raises(InputError, match="4 training rows are too few"):
        race(few, BASELINE, [], 5, lambda _: None)


def test_no_more_rows_are_learnt_than_a_candidate_takes() -> None:
    found = tried(one("few", lambda: Right(0.95), most_rows=50))
    assert found.order[0].learns == 50
    rows = found.rows[: found.order[0].learns]
    assert task().fitted(found.order[0].candidate, rows).learnt_ == 50


def test_a_large_table_is_learnt_as_far_as_the_time_allows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("PILOT_ROWS", "LEAST_PILOT_ROWS"):
        monkeypatch.setattr(racing, name, 50)
    slow = one("slow", lambda: Right(0.97, seconds=0.3))
    [first, *_] = tried(slow, seconds=2).order
    assert 40 <= first.learns < ROWS
    [first, *_] = tried(one("quick", lambda: Right(0.97))).order
    assert first.learns == ROWS


def test_the_same_table_is_dealt_the_same_way() -> None:
    good = one("good", lambda: Right(0.9))
    first, second = tried(good), tried(good)
    assert first.order[0].value == second.order[0].value
    assert (first.rows == second.rows).all()
