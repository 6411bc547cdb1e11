# SPDX-License-Identifier: Apache-2.0
"""How good predictions are, by the usual figures, each with what luck can do to it.

All are defined as scikit-learn defines them: `accuracy_score`,
`balanced_accuracy_score`, `f1_score(average="macro", zero_division=0)`, `log_loss`,
`mean_absolute_error`, `root_mean_squared_error` and `r2_score`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from modelmarket.datasets.figures import (
    ClassMetrics,
    ClassScore,
    Confusion,
    Figure,
    NumberMetrics,
)
from modelmarket.datasets.resampling import (
    Confused,
    Floats,
    Interval,
    balanced_accuracy,
    intervals_of_classes,
    macro_f1,
    of_means,
)
from modelmarket.errors import DataError
from modelmarket.protocol.bins import Bins
from modelmarket.protocol.intervals import wilson
from modelmarket.system.text import counted

MOST_WHOLE = 16
"""Of so many classes each one's confusion with each other is told."""
MOST_CONFUSIONS = 100
"""Of more, the commonest ones alone."""
MOST_DENSE = 2**22
"""perf: so many pairs of classes are counted in a table, more by sorting the rows."""
ROWS_AT_ONCE = 2**18
"""perf: of 33 million rows no second copy is made."""
LEAST_EXPONENT = -1_000
ABOVE_0, ANY, AT_MOST_1 = (0.0, math.inf), (-math.inf, math.inf), (-math.inf, 1.0)
BOUNDS = (ABOVE_0, ABOVE_0, ANY, AT_MOST_1)
"""Of mean absolute error, root mean squared error, bias and R²."""
NO_PROBABILITIES = "no probabilities are there"


def of_classes(
    truth: npt.NDArray[np.integer],
    predicted: npt.NDArray[np.integer],
    names: Sequence[str],
    probabilities: Floats | None = None,
    *,
    why_no_log_loss: str = NO_PROBABILITIES,
) -> ClassMetrics:
    """How good predicted classes are.

    perf: memory and time do not grow with the square of the classes' number, nor
    those of the intervals with the rows: 33 million rows take seconds.

    Args:
        truth: Each row's class, as its code, from 0 to 65,535; shape (rows,).
        predicted: What was said of it; shape (rows,).
        names: Of the classes, in the order of their codes. A code beyond them, which
            strangers can open, is called by its number.
        probabilities: Of each class for each row, in the order of `names`; shape
            (rows, classes). None if there are none.
        why_no_log_loss: In words, if there are none.

    Raises:
        DataError: The arrays do not fit together, or have no rows.
    """
    _check(truth, predicted)
    classes = max(len(names), int(truth.max()) + 1, int(predicted.max()) + 1)
    confused = _confused(truth, predicted, classes)
    right, there, said = confused.margins()
    rows, matches = confused.rows, int(right.sum())
    balanced, f1 = intervals_of_classes(confused)
    loss = None
    if probabilities is not None and int(truth.max()) >= len(names):
        why_no_log_loss = "the truth has a code that is no class"
    elif probabilities is not None:
        loss, why_no_log_loss = log_loss(truth, probabilities), ""
    called = [*names, *(f"code {one}" for one in range(len(names), classes))]
    known = np.flatnonzero(there + said)
    is_small = classes <= MOST_WHOLE
    return ClassMetrics(
        rows,
        matches,
        Figure(matches / rows, wilson(matches, rows)),
        Figure(float(balanced_accuracy(right, there)), balanced),
        Figure(float(macro_f1(right, there, said)), f1),
        loss,
        why_no_log_loss,
        tuple(
            _score(called[one], right[one], there[one], said[one])
            for one in known.tolist()
        ),
        tuple(_confusions(confused, called)),
        tuple(called) if is_small else (),
        _matrix(confused) if is_small else (),
    )


def log_loss(truth: npt.NDArray[np.integer], probabilities: Floats) -> Figure:
    """The mean of -ln of the probability that each row's class was given.

    As scikit-learn does, a probability is taken to be `eps` from 0 and 1 at least,
    the precision of doubles; nothing is scaled so that rows add up to 1.

    Args:
        truth: Each row's class, as its code; shape (rows,).
        probabilities: Shape (rows, classes); from 0 to 1.

    Raises:
        DataError: The arrays do not fit together.
    """
    if probabilities.ndim != 2 or len(probabilities) != truth.size:  # noqa: PLR2004  # rows and classes
        raise DataError(
            f"Probabilities of the shape {probabilities.shape} are none of "
            f"{counted(truth.size, 'row')}.",
            hint="Give a line for each row, and in it a number for each class.",
        )
    eps = np.finfo(np.float64).eps
    given = probabilities[np.arange(truth.size), truth].astype(np.float64)
    losses = -np.log(np.clip(given, eps, 1 - eps))[:, None]
    [found] = of_means(
        lambda: [losses], lambda means: means, lambda _: np.ones((1, 1)), [ABOVE_0]
    )
    return Figure(*found)


def of_bins(
    truth: npt.NDArray[np.integer], predicted: npt.NDArray[np.integer], bins: Bins
) -> NumberMetrics:
    """How good numbers are of which only the bins are known.

    Args:
        truth: The bin of each row's number, as its code; shape (rows,).
        predicted: That of what was said of it; shape (rows,). A code beyond the bins,
            which strangers can open, counts as the highest.
        bins: Whose codes they are.

    Raises:
        DataError: The arrays do not fit together, or have no rows.
    """
    _check(truth, predicted)
    top = len(bins) - 1
    found = of_numbers(
        *(bins.numbers[np.minimum(codes, top)] for codes in (truth, predicted))
    )
    right = int(np.count_nonzero(truth == predicted))
    share = Figure(right / truth.size, wilson(right, truth.size))
    return replace(found, in_bin=share)


def of_numbers(truth: Floats, predicted: Floats) -> NumberMetrics:
    """How good predicted numbers are.

    perf: of 33 million rows it takes seconds, and no second copy is made.

    Args:
        truth: Each row's number; finite, shape (rows,).
        predicted: What was said of it; finite, shape (rows,).

    Raises:
        DataError: The arrays do not fit together, have no rows, or a number is none.
    """
    _check(truth, predicted)
    bounds = [float(f()) for one in (truth, predicted) for f in (one.min, one.max)]
    if not np.isfinite(bounds).all():
        raise DataError(
            "A number is none: it is infinite, or missing.",
            hint="Predict a finite number for every row.",
        )
    # In units of about the largest number no square is lost: a power of two,
    # by which a division is exact.
    exponent = int(np.frexp(max(map(abs, bounds)))[1])
    unit = 2.0 ** max(LEAST_EXPONENT, exponent - 1)
    lowest, highest, *_ = bounds
    pieces = [slice(at, at + ROWS_AT_ONCE) for at in range(0, truth.size, ROWS_AT_ONCE)]
    middle = sum(float((truth[some] / unit).sum()) for some in pieces) / truth.size
    if lowest == highest:
        middle = lowest / unit

    def tables() -> Iterator[Floats]:
        for some in pieces:
            errors = predicted[some] / unit - truth[some] / unit
            away = truth[some] / unit - middle
            columns = (np.abs(errors), errors, np.square(errors), away, np.square(away))
            yield np.stack(columns, axis=1)

    mae, rmse, bias, r2 = of_means(tables, _figures_of_means, _slopes, BOUNDS)
    varies = lowest < highest and math.isfinite(r2[0])
    return NumberMetrics(
        int(truth.size),
        mae=_in_units(unit, *mae),
        rmse=_in_units(unit, *rmse),
        r2=Figure(*r2) if varies else None,
        bias=_in_units(unit, *bias),
    )


def _figures_of_means(means: Floats) -> Floats:
    """Mean absolute error, root of the mean squared one, bias and R²."""
    absolute, error, square, away, far = np.moveaxis(means, -1, 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        explained = 1 - square / (far - np.square(away))
    return np.stack([absolute, np.sqrt(square), error, explained], axis=-1)


def _slopes(means: Floats) -> Floats:
    """How fast these four grow with each of the means; shape (4, 5)."""
    _, _, square, away, far = means
    variance = far - away**2
    found = np.zeros((4, 5))
    found[0, 0] = found[2, 1] = 1
    if square > 0:
        found[1, 2] = 1 / (2 * np.sqrt(square))
    if variance > 0:
        found[3, 2] = -1 / variance
        found[3, 3:] = square / variance**2 * np.array([-2 * away, 1])
    return found


def _in_units(unit: float, value: float, interval: Interval | None) -> Figure:
    if interval is None:
        return Figure(unit * value)
    return Figure(unit * value, (unit * interval[0], unit * interval[1]))


def _check(
    truth: npt.NDArray[np.number[Any]], predicted: npt.NDArray[np.number[Any]]
) -> None:
    """Makes sure that there is a prediction for each row.

    Raises:
        DataError: There is not.
    """
    if truth.ndim != 1 or truth.shape != predicted.shape or not truth.size:
        raise DataError(
            f"Predictions of the shape {predicted.shape} are none of rows of the shape "
            f"{truth.shape}.",
            hint="Predict each row once, in the order of the test rows.",
        )


def _confused(
    truth: npt.NDArray[np.integer], predicted: npt.NDArray[np.integer], classes: int
) -> Confused:
    """How many rows there are of each kind, in the order of the classes."""
    if classes**2 <= MOST_DENSE:
        table = np.zeros(classes**2, dtype=np.int64)
        for at in range(0, truth.size, ROWS_AT_ONCE):
            some = slice(at, at + ROWS_AT_ONCE)
            pairs = truth[some].astype(np.int64) * classes + predicted[some]
            table += np.bincount(pairs, minlength=table.size)
        places = np.flatnonzero(table)
        return Confused(places // classes, places % classes, table[places], classes)
    pairs = np.left_shift(truth.astype(np.uint32), 16) | predicted.astype(np.uint32)
    kinds, counts = np.unique(pairs, return_counts=True)
    return Confused(
        (kinds >> 16).astype(np.int64),
        (kinds & 0xFFFF).astype(np.int64),
        counts.astype(np.int64),
        classes,
    )


def _score(name: str, right: float, there: float, said: float) -> ClassScore:
    return ClassScore(
        name,
        precision=float(right / said) if said else 0.0,
        recall=float(right / there) if there else 0.0,
        f1=float(2 * right / (there + said)),
        support=int(there),
        predicted=int(said),
    )


def _confusions(confused: Confused, names: Sequence[str]) -> list[Confusion]:
    """The commonest mistakes; of equally common ones the first classes' first."""
    wrong = np.flatnonzero(confused.truth != confused.said)
    order = np.argsort(-confused.counts[wrong], kind="stable")[:MOST_CONFUSIONS]
    return [
        Confusion(
            names[int(confused.truth[one])],
            names[int(confused.said[one])],
            int(confused.counts[one]),
        )
        for one in wrong[order]
    ]


def _matrix(confused: Confused) -> tuple[tuple[int, ...], ...]:
    table = np.zeros((confused.classes, confused.classes), dtype=np.int64)
    table[confused.truth, confused.said] = confused.counts
    return tuple(tuple(line) for line in table.tolist())
