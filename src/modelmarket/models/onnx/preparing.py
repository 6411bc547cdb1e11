# SPDX-License-Identifier: Apache-2.0
"""Fitted estimators as skl2onnx understands them.

What it misreads is replaced, in a copy, by what means the same on the arrays that a
file is given: gaps in columns of text are empty texts there.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import numpy as np

from modelmarket.errors import InputError

GAP = ""
LARGEST = float(np.finfo(np.float32).max)
"""Trees read 32 bits of floating point: all numbers are at most this."""


def prepared(estimator: Any) -> Any:
    """The estimator, or a changed copy of it, if it has to be.

    Args:
        estimator: Fitted; stays as it is.

    Raises:
        InputError: It fills gaps with gaps.
    """
    # perf: a copy of a large forest costs as much memory again.
    if not any(map(_is_misread, parts(estimator))):
        return estimator
    found = copy.deepcopy(estimator)
    for part in parts(found):
        _mend(part)
    return found


def parts(value: Any) -> Iterator[Any]:
    """An estimator, and the fitted ones inside it, however deep."""
    from sklearn.base import BaseEstimator

    inner: Any
    if isinstance(value, BaseEstimator):
        yield value
        inner = vars(value).values()
    elif isinstance(value, dict):
        inner = value.values()
    elif isinstance(value, list | tuple):
        inner = value
    elif isinstance(value, np.ndarray) and value.dtype == object:
        inner = value.ravel()
    else:
        return
    for one in inner:
        yield from parts(one)


def _is_misread(part: Any) -> bool:
    return (
        _fills_text(part)
        or getattr(part, "flatten_transform", False)
        or any(_gaps(one).any() for one in getattr(part, "categories_", ()))
        or _odd_thresholds(part).any()
        or _names_columns(part)
        or _has_narrow_classes(part)
    )


def _mend(part: Any) -> None:
    if _fills_text(part):
        if any(one is None for one in part.statistics_):
            raise InputError(
                f"{type(part).__name__} fills gaps in a column of text with gaps: in a "
                "data frame of polars it does not know them.",
                hint='Fit it on `request.training_data("pandas")`.',
            )
        part.missing_values = GAP
    if hasattr(part, "flatten_transform"):
        part.flatten_transform = False  # what votes say to a next step; there is none
    for one in getattr(part, "categories_", ()):
        one[_gaps(one)] = GAP
    if _has_narrow_classes(part):
        part.classes_ = part.classes_.astype(np.int64)
    if _names_columns(part):
        part.get_booster().feature_names = None  # onnxmltools knows `f0` and so on
    if hasattr(part, "tree_"):
        # A split into gaps and the rest has a threshold without end, which
        # skl2onnx 1.20 looks for another of until the end of time.
        thresholds = part.tree_.threshold
        thresholds[thresholds == np.inf] = LARGEST


def _names_columns(part: Any) -> bool:
    """Whether it is XGBoost's, and calls columns by their names."""
    # Of one that was not fitted nothing can be asked.
    is_fitted = getattr(part, "__sklearn_is_fitted__", lambda: False)()
    if not type(part).__name__.startswith("XGB") or not is_fitted:
        return False
    return part.get_booster().feature_names is not None


def _has_narrow_classes(part: Any) -> bool:
    """Whether its classes are whole numbers of other than 64 bits.

    skl2onnx writes those of neighbours as they are, and onnxruntime takes no others.
    """
    classes = vars(part).get("classes_")
    is_whole = isinstance(classes, np.ndarray) and classes.dtype.kind in "iu"
    return is_whole and classes.dtype != np.int64


def _fills_text(part: Any) -> bool:
    """Whether it fills gaps in columns of text."""
    statistics = getattr(part, "statistics_", None)
    if statistics is None or not hasattr(part, "missing_values"):
        return False
    missing = part.missing_values
    is_gap = missing is None or (isinstance(missing, float) and np.isnan(missing))
    return is_gap and np.asarray(statistics).dtype == object


def _gaps(categories: Any) -> Any:
    """Which of an encoder's categories are gaps in a column of text; shape (n,)."""
    none = np.zeros(len(categories), dtype=bool)
    if categories.dtype != object or not any(isinstance(c, str) for c in categories):
        return none
    return np.array([not isinstance(one, str) for one in categories])


def _odd_thresholds(part: Any) -> Any:
    if not hasattr(part, "tree_"):
        return np.zeros(1, dtype=bool)
    return part.tree_.threshold == np.inf
