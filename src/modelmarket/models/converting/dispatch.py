# SPDX-License-Identifier: Apache-2.0
"""Which conversion an estimator takes."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from modelmarket.errors import InputError
from modelmarket.models.converting import (
    boosting,
    forests,
    networks,
    of_catboost,
    of_lightgbm,
    of_torch,
    of_xgboost,
)
from modelmarket.models.converting.networks import Affine
from modelmarket.models.converting.parts import Codes, Converted
from modelmarket.models.shape import Shape

KNOWN = (
    "decision trees, random and extra forests, gradient and histogram boosting, "
    "linear models and multi-layer perceptrons of scikit-learn, what the classifiers "
    "and regressors of XGBoost, LightGBM and CatBoost learn from numbers, and "
    f"of PyTorch {of_torch.LAYERS}"
)


def converted(estimator: Any, shape: Shape, sample: Codes | None) -> Converted:
    """Converts a fitted estimator.

    Args:
        estimator: Of scikit-learn, XGBoost, LightGBM, CatBoost or PyTorch, fitted on
            codes; alone, behind scalers in a pipeline, or found by a search.
        shape: Of the contest's rows.
        sample: Codes of training rows, shape (rows, columns), or None.

    Raises:
        InputError: It cannot be converted; says why, and what to do.
    """
    columns = shape.columns
    last, scaler = _unwrapped(of_torch.understood(estimator), columns)
    trees, dense = _conversions()
    of_trees, of_dense = _of_type(last, trees), _of_type(last, dense)
    if of_trees is None and of_dense is None:
        raise InputError(
            f"{type(last).__name__} cannot be converted.", hint=f"What can: {KNOWN}."
        )
    _check_fitted(last, columns)
    if sample is not None and sample.shape[1:] != (columns,):
        raise InputError(f"A sample's rows have {columns:,} codes.")
    if of_dense is not None:
        scales = scaler or Affine(np.ones(columns), np.zeros(columns))
        return of_dense(last, shape, sample, scales)
    assert of_trees is not None, "it is one of both"
    if scaler is not None:
        raise InputError(
            "Trees behind a scaler cannot be converted.",
            hint="Fit them on the codes: trees need no scaling.",
        )
    _one_target(last)
    return of_trees(last, shape)


Conversions = list[tuple[Any, Callable[..., Converted]]]
"""Types of estimators, and how these are converted."""


def _of_type(estimator: Any, known: Conversions) -> Callable[..., Converted] | None:
    return next((how for kinds, how in known if isinstance(estimator, kinds)), None)


def _conversions() -> tuple[Conversions, Conversions]:
    """The conversions to trees, and to dense models."""
    from sklearn import ensemble, linear_model, neural_network, svm, tree
    from sklearn.linear_model._base import LinearClassifierMixin

    trees: Conversions = [
        (
            (
                tree.DecisionTreeClassifier,
                ensemble.RandomForestClassifier,
                ensemble.ExtraTreesClassifier,
            ),
            forests.forest_of_classes,
        ),
        (
            (
                tree.DecisionTreeRegressor,
                ensemble.RandomForestRegressor,
                ensemble.ExtraTreesRegressor,
            ),
            forests.forest_of_numbers,
        ),
        (ensemble.GradientBoostingClassifier, boosting.gradient_of_classes),
        (ensemble.GradientBoostingRegressor, boosting.gradient_of_numbers),
        (ensemble.HistGradientBoostingClassifier, boosting.histogram_of_classes),
        (ensemble.HistGradientBoostingRegressor, boosting.histogram_of_numbers),
        *_conversions_of_others(),
    ]
    numbers = (
        *(linear_model.LinearRegression, linear_model.Ridge, linear_model.RidgeCV),
        *(linear_model.ElasticNet, linear_model.ElasticNetCV, linear_model.LassoCV),
        *(linear_model.SGDRegressor, linear_model.HuberRegressor, svm.LinearSVR),
    )
    dense: Conversions = [
        (LinearClassifierMixin, networks.linear_classes),
        (numbers, networks.linear_numbers),
        (neural_network.MLPClassifier, networks.network_of_classes),
        (neural_network.MLPRegressor, networks.network_of_numbers),
        (of_torch.Sequential, of_torch.network),
    ]
    return trees, dense


def _conversions_of_others() -> Conversions:
    """The conversions of what other libraries fitted.

    Whoever has such an estimator has its library, and that is loaded.
    """
    found: Conversions = []
    if xgboost := sys.modules.get("xgboost"):
        found += [
            (xgboost.XGBClassifier, of_xgboost.classes),
            (xgboost.XGBRegressor, of_xgboost.numbers),
        ]
    if lightgbm := sys.modules.get("lightgbm"):
        found += [
            (lightgbm.LGBMClassifier, of_lightgbm.classes),
            (lightgbm.LGBMRegressor, of_lightgbm.numbers),
        ]
    if catboost := sys.modules.get("catboost"):
        found += [
            (catboost.CatBoostClassifier, of_catboost.classes),
            (catboost.CatBoostRegressor, of_catboost.numbers),
        ]
    return found


def _unwrapped(estimator: Any, columns: int) -> tuple[Any, Affine | None]:
    """The estimator inside searches and pipelines, and the scaling before it."""
    from sklearn.pipeline import Pipeline

    inner = getattr(estimator, "best_estimator_", estimator)
    if not isinstance(inner, Pipeline):
        return inner, None
    factors, offsets = np.ones(columns), np.zeros(columns)
    steps = [step for _, step in inner.steps if step not in (None, "passthrough")]
    for step in steps[:-1]:
        scale, shift = _scaling(step)
        factors, offsets = factors * scale, offsets * scale + shift
    scaled = len(steps) > 1
    return steps[-1], Affine(factors, offsets) if scaled else None


def _scaling(step: Any) -> tuple[Any, Any]:
    """What a fitted scaler multiplies each column with, and then adds."""
    from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, StandardScaler

    if isinstance(step, StandardScaler):
        scale = 1.0 if step.scale_ is None else step.scale_
        mean = 0.0 if step.mean_ is None else step.mean_
        return 1 / scale, -mean / scale
    if isinstance(step, MinMaxScaler) and not step.clip:
        return step.scale_, step.min_
    if isinstance(step, MaxAbsScaler):
        return 1 / step.scale_, 0.0
    raise InputError(
        f"A pipeline with {type(step).__name__} cannot be converted.",
        hint="StandardScaler, MinMaxScaler and MaxAbsScaler can.",
    )


def _check_fitted(estimator: Any, columns: int) -> None:
    if of_catboost.is_one(estimator):
        found = of_catboost.columns_of(estimator)
    else:
        found = getattr(estimator, "n_features_in_", None)
    if found is None:
        raise InputError(
            f"{type(estimator).__name__} is not fitted.",
            hint="Call its fit() with the codes of the training rows.",
        )
    if found != columns:
        raise InputError(
            f"The estimator was fitted on {found:,} columns; rows have {columns:,}."
        )


def _one_target(estimator: Any) -> None:
    if getattr(estimator, "n_outputs_", 1) != 1:
        raise InputError("An estimator with several targets cannot be converted.")
