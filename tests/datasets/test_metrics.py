# SPDX-License-Identifier: Apache-2.0
"""The usual figures are scikit-learn's, and their intervals hold what they say."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn import metrics as theirs

from modelmarket.datasets import resampling
from modelmarket.datasets.figures import (
    ALL_ALIKE,
    ALL_RIGHT,
    ClassMetrics,
    Confusion,
    Figure,
)
from modelmarket.datasets.metrics import (
    MOST_CONFUSIONS,
    MOST_WHOLE,
    log_loss,
    of_classes,
    of_numbers,
)
from modelmarket.errors import DataError
from modelmarket.protocol.intervals import wilson

Floats = npt.NDArray[np.float64]
FINITE = st.floats(-1e30, 1e30).map(lambda one: one if abs(one) > 1e-100 else 0.0)
"""scikit-learn takes squares as they are, and those of smaller ones are 0."""


def names(classes: int) -> list[str]:
    return [f"class {one}" for one in range(classes)]


@st.composite
def classified(draw: st.DrawFn) -> tuple[Any, Any, int]:
    rows, classes = draw(st.integers(1, 40)), draw(st.integers(2, 20))
    codes = arrays(np.uint16, rows, elements=st.integers(0, classes - 1))
    return draw(codes), draw(codes), classes


@given(classified())
@settings(deadline=None)
def test_classes_are_judged_as_scikit_learn_judges_them(
    given_: tuple[Any, Any, int],
) -> None:
    truth, predicted, classes = given_
    found = of_classes(truth, predicted, names(classes))
    assert found.right == theirs.accuracy_score(truth, predicted, normalize=False)
    assert found.accuracy.value == pytest.approx(
        theirs.accuracy_score(truth, predicted)
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of classes that were predicted alone
        balanced = theirs.balanced_accuracy_score(truth, predicted)
    assert found.balanced_accuracy.value == pytest.approx(balanced)
    macro = theirs.f1_score(truth, predicted, average="macro", zero_division=0)
    assert found.macro_f1.value == pytest.approx(macro)
    labels = sorted({*truth.tolist(), *predicted.tolist()})
    each = theirs.precision_recall_fscore_support(
        truth, predicted, labels=labels, zero_division=0
    )
    assert [one.name for one in found.classes] == [f"class {one}" for one in labels]
    for name, column in zip(
        ("precision", "recall", "f1", "support"), each, strict=True
    ):
        ours = [getattr(one, name) for one in found.classes]
        assert ours == pytest.approx(list(column)), name
    matrix = theirs.confusion_matrix(truth, predicted, labels=range(classes))
    if classes <= MOST_WHOLE:
        assert np.array(found.matrix).tolist() == matrix.tolist()
    else:
        assert (found.names, found.matrix) == ((), ())
    wrong = [
        Confusion(f"class {one}", f"class {other}", int(matrix[one, other]))
        for one in range(classes)
        for other in range(classes)
        if one != other and matrix[one, other]
    ]
    assert list(found.confusions) == sorted(wrong, key=lambda one: -one.rows)
    for figure in (found.accuracy, found.balanced_accuracy, found.macro_f1):
        holds(figure, 0, 1)


def holds(figure: Figure, least: float = -np.inf, most: float = np.inf) -> None:
    """But for what doubles round."""
    if figure.interval is not None:
        low, high = figure.interval
        near = 1e-9 * abs(figure.value) + 1e-12
        assert least <= low <= figure.value + near
        assert figure.value - near <= high <= most


@given(classified(), st.data())
@settings(deadline=None, max_examples=50)
def test_log_loss_is_scikit_learns(
    given_: tuple[Any, Any, int], data: st.DataObject
) -> None:
    truth, predicted, classes = given_
    weights = data.draw(
        arrays(
            np.float64,
            (truth.size, classes),
            elements=st.sampled_from([0.0, 1e-300, 1e-9, 0.25, 1.0]),
        )
    )
    weights[:, 0] += weights.sum(axis=1) == 0
    shares = weights / weights.sum(axis=1, keepdims=True)
    found = of_classes(truth, predicted, names(classes), shares)
    expected = theirs.log_loss(truth, y_proba=shares, labels=range(classes))
    assert found.log_loss is not None
    assert found.log_loss.value == pytest.approx(expected)
    holds(found.log_loss)


@given(st.integers(1, 40), st.data())
@settings(deadline=None)
def test_numbers_are_judged_as_scikit_learn_judges_them(
    rows: int, data: st.DataObject
) -> None:
    column = arrays(np.float64, rows, elements=FINITE)
    truth, predicted = data.draw(column), data.draw(column)
    found = of_numbers(truth, predicted)
    assert found.mae.value == pytest.approx(
        theirs.mean_absolute_error(truth, predicted)
    )
    assert found.rmse.value == pytest.approx(
        theirs.root_mean_squared_error(truth, predicted)
    )
    scale = float(np.abs(predicted - truth).max())
    bias = float((predicted - truth).mean())
    assert found.bias.value == pytest.approx(bias, abs=1e-9 * scale)
    if (truth == truth[0]).all():
        assert found.r2 is None
    elif np.ptp(truth) > 1e-6 * max(np.abs(truth).max(), np.abs(predicted).max()):
        assert found.r2 is not None
        expected = theirs.r2_score(truth, predicted)
        assert found.r2.value == pytest.approx(expected, rel=1e-6, abs=1e-6)
    for figure in (found.mae, found.rmse, found.bias):
        holds(figure)


def test_numbers_as_large_as_doubles_go_are_no_trouble() -> None:
    truth = np.array([1e308, -1e308, 5e307, 0.0])
    found = of_numbers(truth, truth / 2)
    assert found.mae.value == pytest.approx(3.125e307)
    assert found.r2 is not None
    assert found.r2.value == pytest.approx(1 - 0.140625 / 0.546875)
    assert np.isfinite(found.rmse.value)


def test_numbers_as_small_as_doubles_go_are_no_trouble() -> None:
    found = of_numbers(np.array([3e-200, 0.0]), np.zeros(2))
    assert found.rmse.value == pytest.approx(3e-200 / 2**0.5)
    assert found.r2 is not None
    assert found.r2.value == pytest.approx(-1)


# --- what luck can do ---


def test_the_interval_of_accuracy_is_wilsons() -> None:
    truth = np.zeros(10, dtype=np.uint16)
    predicted = np.array([0] * 8 + [1] * 2, dtype=np.uint16)
    found = of_classes(truth, predicted, names(2))
    assert found.accuracy == Figure(0.8, wilson(8, 10))


def test_where_every_row_is_right_no_interval_is_made_up() -> None:
    truth = np.array([0, 1, 1, 0, 2], dtype=np.uint16)
    found = of_classes(truth, truth, names(3))
    assert found.accuracy.interval == wilson(5, 5)
    assert found.balanced_accuracy == found.macro_f1 == Figure(1.0, None)
    assert ALL_RIGHT in found.lines()
    assert found.as_document()["macro_f1"] == {"value": 1.0, "low": None, "high": None}
    numbers = of_numbers(truth.astype(float), truth.astype(float))
    assert (numbers.mae, numbers.rmse) == (Figure(0.0), Figure(0.0))
    assert numbers.r2 == Figure(1.0)
    assert ALL_RIGHT in numbers.lines()


def test_what_is_the_same_in_every_draw_is_told_without_an_interval() -> None:
    truth = np.array([0, 1] * 20, dtype=np.uint16)
    always = np.zeros(40, dtype=np.uint16)
    found = of_classes(truth, always, names(2))
    assert found.balanced_accuracy == Figure(0.5, None)
    assert found.macro_f1.interval is not None
    assert ALL_ALIKE in found.lines()
    off = of_numbers(np.arange(9.0), np.arange(9.0) + 2)
    assert (off.mae, off.bias) == (Figure(2.0), Figure(2.0))
    assert ALL_ALIKE in off.lines()


def test_one_row_tells_nothing_of_others() -> None:
    one = np.zeros(1, dtype=np.uint16)
    found = of_classes(one, one + 1, names(2), np.array([[0.5, 0.5]]))
    assert found.balanced_accuracy == Figure(0.0, None)
    assert found.log_loss == Figure(float(-np.log(0.5)), None)
    numbers = of_numbers(np.ones(1), np.zeros(1))
    assert (numbers.mae, numbers.r2) == (Figure(1.0), None)
    assert "No R²: the true numbers do not vary." in numbers.lines()


def test_the_same_rows_give_the_same_intervals() -> None:
    truth, predicted = guesses(np.random.default_rng(1), 500, CASES["three"])
    first = of_classes(truth, predicted, names(3))
    assert first == of_classes(truth, predicted, names(3))
    numbers = np.random.default_rng(1).normal(size=(2, 500))
    assert of_numbers(*numbers) == of_numbers(*numbers)


CASES = {
    "two": ([1, 1], [0.8, 0.7]),
    "three": ([1, 2, 3], [0.7, 0.8, 0.9]),
    "rare": ([1, 9], [0.5, 0.9]),
    "thirty": ([1] * 30, [0.7] * 30),
}
"""How common classes are, and how often rows of each are known."""


def guesses(
    chance: np.random.Generator, rows: int, case: tuple[list[int], list[float]]
) -> tuple[npt.NDArray[np.uint16], npt.NDArray[np.uint16]]:
    """Rows that are known, and others of which anything is said."""
    common, known = np.array(case[0]), np.array(case[1])
    truth = chance.choice(common.size, rows, p=common / common.sum())
    guessed = chance.integers(0, common.size, rows)
    predicted = np.where(chance.random(rows) < known[truth], truth, guessed)
    return truth.astype(np.uint16), predicted.astype(np.uint16)


TRIALS, LEAST_HELD = 200, 0.9


def held(figures: Callable[[int], list[Figure]], truly: list[float]) -> list[float]:
    """How often intervals hold what they are about."""
    count = np.zeros(len(truly))
    for trial in range(TRIALS):
        for at, (one, value) in enumerate(zip(figures(trial), truly, strict=True)):
            low, high = one.interval or (np.nan, np.nan)
            count[at] += low <= value <= high
    return list(count / TRIALS)


def chosen(found: ClassMetrics) -> list[Figure]:
    return [found.accuracy, found.balanced_accuracy, found.macro_f1]


@pytest.mark.parametrize("most_drawn", [resampling.MOST_DRAWN, 0])
@pytest.mark.parametrize("case", CASES)
def test_intervals_of_classes_hold_what_they_say(
    case: str, most_drawn: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Drawn, and worked out in one pass: nominal 95%, with a margin for 200 trials."""
    monkeypatch.setattr(resampling, "MOST_DRAWN", most_drawn)
    size = len(CASES[case][0])
    rows = max(200, 10 * size)
    many = guesses(np.random.default_rng(0), 2_000_000, CASES[case])
    truly = [one.value for one in chosen(of_classes(*many, names(size)))]
    shares = held(
        lambda trial: chosen(
            of_classes(
                *guesses(np.random.default_rng(100 + trial), rows, CASES[case]),
                names(size),
            )
        ),
        truly,
    )
    # What is worked out is for many kinds of rows, and is held to less for few.
    assert min(shares) >= (LEAST_HELD if most_drawn else LEAST_HELD - 0.05)


@pytest.mark.parametrize("most_drawn", [resampling.MOST_DRAWN, 0])
def test_intervals_of_numbers_hold_what_they_say(
    most_drawn: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resampling, "MOST_DRAWN", most_drawn)

    def figures(trial: int) -> list[Figure]:
        chance = np.random.default_rng(trial)
        truth = chance.normal(10, 2, 200)
        found = of_numbers(truth, truth + chance.normal(0.5, 1, 200))
        assert found.r2 is not None
        return [found.mae, found.rmse, found.bias, found.r2]

    # E|X| of a normal with mean 1/2 and deviation 1; and 1 - E[e²] / var.
    mean_absolute = 0.8955
    truly = [mean_absolute, 1.25**0.5, 0.5, 1 - 1.25 / 4]
    assert min(held(figures, truly)) >= LEAST_HELD


def test_the_interval_of_log_loss_holds_what_it_says() -> None:
    def figures(trial: int) -> list[Figure]:
        chance = np.random.default_rng(trial)
        share = chance.random(200)
        truth = (chance.random(200) < share).astype(np.uint16)
        return [log_loss(truth, np.stack([1 - share, share], axis=1))]

    # The mean of -p ln p - (1 - p) ln(1 - p) over p is a half.
    [share] = held(figures, [0.5])
    assert share >= LEAST_HELD


def test_many_classes_are_judged_by_their_kinds_of_rows_alone() -> None:
    """65,536 classes: a table of each with each would take 34 gigabytes."""
    chance = np.random.default_rng(3)
    rows, classes = 200_000, 2**16
    truth = chance.integers(0, classes, rows).astype(np.uint16)
    predicted = np.where(chance.random(rows) < 0.5, truth, truth ^ 1).astype(np.uint16)
    found = of_classes(truth, predicted, names(classes))
    macro = theirs.f1_score(truth, predicted, average="macro", zero_division=0)
    assert found.macro_f1.value == pytest.approx(macro)
    assert found.macro_f1.interval is not None
    low, high = found.macro_f1.interval
    assert 0 < high - low < 0.01
    assert len(found.confusions) == MOST_CONFUSIONS
    title, columns, cells = found.table()
    assert (title, columns[0], len(cells)) == ("The commonest mistakes", "truth", 20)


@pytest.mark.parametrize("rows", [resampling.MOST_DRAWN, resampling.MOST_DRAWN + 1])
def test_where_nothing_is_drawn_any_more_the_interval_is_much_the_same(
    rows: int,
) -> None:
    chance = np.random.default_rng(3)
    truth = chance.normal(10, 2, rows)
    found = of_numbers(truth, truth + chance.normal(0, 1, rows))
    assert found.r2 is not None
    expected = {"mae": 0.0185, "rmse": 0.0217, "bias": 0.0306, "r2": 0.0153}
    for name, width in expected.items():
        low, high = getattr(found, name).interval
        assert high - low == pytest.approx(width, rel=0.2), name


def test_what_is_beyond_doubles_is_json_all_the_same() -> None:
    truth = np.array([-1.7e308, 1.7e308, 1.7e308])
    document = of_numbers(truth, -truth).as_document()
    assert document["mae"] == {"value": None, "low": None, "high": None}
    assert json.loads(json.dumps(document, allow_nan=False)) == document


def test_of_many_rows_no_interval_goes_beyond_what_a_figure_can_be() -> None:
    rows = resampling.MOST_DRAWN + 1
    truth = np.random.default_rng(1).normal(size=rows)
    predicted = truth.copy()
    predicted[5] += 200
    found = of_numbers(truth, predicted)
    assert found.r2 is not None
    for figure in (found.mae, found.rmse, found.r2, found.bias):
        assert figure.interval is not None
    assert found.mae.interval[0] == 0  # type: ignore[index]  # it is there
    assert found.rmse.interval[0] >= 0  # type: ignore[index]  # it is there
    assert found.r2.interval[1] == 1  # type: ignore[index]  # it is there
    assert found.bias.interval[0] < 0  # type: ignore[index]  # it is there
    classes = np.zeros(rows, dtype=np.uint16)
    probabilities = np.tile([1.0, 0.0], (rows, 1))
    probabilities[5] = 0, 1
    loss = log_loss(classes, probabilities)
    assert loss.interval is not None
    assert loss.interval[0] == 0


# --- what does not fit ---


def test_a_code_that_is_no_class_is_called_by_its_number() -> None:
    truth = np.array([0, 1, 3], dtype=np.uint16)
    shares = np.full((3, 2), 0.5)
    found = of_classes(truth, truth, ["a", "b"], shares)
    assert [one.name for one in found.classes] == ["a", "b", "code 3"]
    assert (found.log_loss, found.why_no_log_loss) == (
        None,
        "the truth has a code that is no class",
    )
    assert "No log loss: the truth has a code that is no class." in found.lines()


@pytest.mark.parametrize(
    ("truth", "predicted"), [((0,), (0,)), ((2,), (3,)), ((2, 1), (2, 1))]
)
def test_predictions_of_other_rows_are_refused(
    truth: tuple[int, ...], predicted: tuple[int, ...]
) -> None:
    codes = np.zeros(truth, np.uint16), np.zeros(predicted, np.uint16)
    with pytest.raises(DataError, match="none of rows of the shape"):
        of_classes(*codes, ["a", "b"])
    with pytest.raises(DataError, match="none of rows of the shape"):
        of_numbers(np.zeros(truth), np.zeros(predicted))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_number_that_is_none_is_refused(bad: float) -> None:
    with pytest.raises(DataError, match="infinite, or missing"):
        of_numbers(np.array([1.0, 2.0]), np.array([1.0, bad]))


@pytest.mark.parametrize("shape", [(2, 2), (6,)])
def test_probabilities_of_other_rows_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(DataError, match="are none of 3 rows"):
        log_loss(np.zeros(3, np.uint16), np.full(shape, 0.5))


# --- how it is told ---


def test_figures_are_told_with_their_intervals() -> None:
    truth = np.array([0] * 10 + [1] * 10, dtype=np.uint16)
    predicted = np.array([0] * 9 + [1] * 11, dtype=np.uint16)
    found = of_classes(truth, predicted, ["<no>", "yes"])
    lines = found.lines()
    assert lines[0] == (
        "accuracy 95.00% (95%: 76.39% to 99.11%): 19 of 20 rows are right"
    )
    assert lines[1].startswith("balanced accuracy 95.00% (95%: ")
    assert lines[-1] == "No log loss: no probabilities are there."
    assert found.table() == (
        "Rows of each class, by what was predicted",
        ("truth", "<no>", "yes"),
        [("<no>", "9", "1"), ("yes", "0", "10")],
    )
    shown = found._repr_html_()
    assert "<td>&lt;no&gt;</td><td>9</td><td>1</td>" in shown
    assert "<no>" not in shown
    document = found.as_document()
    assert document["matrix"] == [[9, 1], [0, 10]]
    assert document["confusions"] == [{"truth": "<no>", "predicted": "yes", "rows": 1}]


def test_numbers_are_told_in_the_labels_own_unit() -> None:
    truth = np.array([1.0, 2.0, 3.0, 4.0])
    found = of_numbers(truth, truth + np.array([1.0, 0.0, 0.0, -1.0]))
    lines = found.lines()
    assert lines[0].startswith("mean absolute error 0.5 (95%: ")
    assert lines[0].endswith("), of 4 rows")
    assert lines[2].startswith("R² 0.6000 (95%: ")
    assert lines[3].startswith("bias (mean of prediction − label) +0 (95%: ")
    assert "<li>R² 0.6000" in found._repr_html_()
    assert str(found).splitlines() == lines
    without = replace(found, r2=None)
    assert without.as_document()["r2"] is None
    assert found.as_document()["kind"] == "numbers"
