# SPDX-License-Identifier: Apache-2.0
"""What skl2onnx 1.20 does not do by itself, or does wrongly.

Its histogram boosting writes truths where onnx 1.23 wants numbers; its forests send
gaps to the right, wherever they were sent when they were fitted, and round thresholds
to 32 bits; its ordinal encoders number gaps, its imputers fill them in 32 bits; and of
XGBoost and LightGBM it knows once onnxmltools has told it, of CatBoost from here.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from modelmarket.models.onnx import of_catboost
from modelmarket.models.onnx.of_catboost import TREES_VERSION
from modelmarket.models.onnx.preparing import GAP

if TYPE_CHECKING:
    from skl2onnx.common._container import ModelComponentContainer
    from skl2onnx.common._topology import Operator, Scope

Converter = Callable[..., None]
"""Takes a scope, an operator and a container."""


def converters() -> dict[type[Any], Converter]:
    """What converts those of scikit-learn's estimators, by their types."""
    from skl2onnx.operator_converters.decision_tree import (
        convert_sklearn_decision_tree_classifier,
        convert_sklearn_decision_tree_regressor,
    )
    from skl2onnx.operator_converters.imputer_op import convert_sklearn_imputer
    from skl2onnx.operator_converters.ordinal_encoder import (
        convert_sklearn_ordinal_encoder,
    )
    from skl2onnx.operator_converters.random_forest import (
        convert_sklearn_random_forest_classifier,
        convert_sklearn_random_forest_regressor_converter,
    )
    from sklearn import ensemble, impute, preprocessing, tree

    version = {"op_version": TREES_VERSION}
    one = _mended(convert_sklearn_decision_tree_classifier, _Trees, **version)
    many = _mended(convert_sklearn_random_forest_classifier, _Trees, **version)
    number = _mended(convert_sklearn_decision_tree_regressor, _Trees, **version)
    numbers = _mended(
        convert_sklearn_random_forest_regressor_converter, _Trees, **version
    )
    return {
        impute.SimpleImputer: _mended(convert_sklearn_imputer, _Fillings),
        preprocessing.OrdinalEncoder: _mended(convert_sklearn_ordinal_encoder, _Places),
        tree.DecisionTreeClassifier: one,
        tree.ExtraTreeClassifier: one,
        ensemble.RandomForestClassifier: many,
        ensemble.ExtraTreesClassifier: many,
        ensemble.HistGradientBoostingClassifier: many,
        tree.DecisionTreeRegressor: number,
        tree.ExtraTreeRegressor: number,
        ensemble.RandomForestRegressor: numbers,
        ensemble.ExtraTreesRegressor: numbers,
        ensemble.HistGradientBoostingRegressor: numbers,
    }


def learn_others() -> None:
    """Tells skl2onnx of what other libraries fit, if they are loaded.

    Whoever has such an estimator has its library, and that is loaded.

    Raises:
        ImportError: onnxmltools is not installed.
    """
    from skl2onnx import update_registered_converter
    from skl2onnx.common.shape_calculator import (
        calculate_linear_classifier_output_shapes,
        calculate_linear_regressor_output_shapes,
    )

    options = {"nocl": [True, False], "zipmap": [True, False, "columns"]}
    if xgboost := sys.modules.get("xgboost"):
        from onnxmltools.convert.xgboost.operator_converters.XGBoost import (
            convert_xgboost,
        )

        update_registered_converter(
            xgboost.XGBClassifier,
            "XGBoostXGBClassifier",
            calculate_linear_classifier_output_shapes,
            _narrowed(convert_xgboost),
            options=options,
        )
        update_registered_converter(
            xgboost.XGBRegressor,
            "XGBoostXGBRegressor",
            calculate_linear_regressor_output_shapes,
            _narrowed(convert_xgboost),
        )
    if lightgbm := sys.modules.get("lightgbm"):
        from onnxmltools.convert.lightgbm.operator_converters.LightGbm import (
            convert_lightgbm,
        )

        update_registered_converter(
            lightgbm.LGBMClassifier,
            "LightGbmLGBMClassifier",
            calculate_linear_classifier_output_shapes,
            convert_lightgbm,
            options=options,
        )
        update_registered_converter(
            lightgbm.LGBMRegressor,
            "LightGbmLGBMRegressor",
            calculate_linear_regressor_output_shapes,
            convert_lightgbm,
            options={"split": None},
        )
    if catboost := sys.modules.get("catboost"):
        update_registered_converter(
            catboost.CatBoostClassifier,
            of_catboost.ALIAS,
            calculate_linear_classifier_output_shapes,
            of_catboost.convert,
            parser=of_catboost.parse,
            options=options,
        )
        update_registered_converter(
            catboost.CatBoostRegressor,
            of_catboost.NUMBERS,
            calculate_linear_regressor_output_shapes,
            of_catboost.convert_numbers,
            parser=of_catboost.parse_numbers,
        )


def _mended(convert: Converter, mending: type[_Mending], **options: int) -> Converter:
    """A converter whose nodes are put right before they are taken."""

    def mended(
        scope: Scope, operator: Operator, container: ModelComponentContainer
    ) -> None:
        convert(scope, operator, mending(scope, operator, container), **options)

    return mended


class _Mending:
    """A container that puts nodes right before it takes them.

    Args:
        scope: Gives names.
        operator: What is converted.
        container: skl2onnx's own.
    """

    def __init__(
        self, scope: Scope, operator: Operator, container: ModelComponentContainer
    ) -> None:
        self._scope = scope
        self._operator = operator
        self._container = container
        self._estimator = operator.raw_operator

    def __getattr__(self, name: str) -> Any:
        return getattr(self._container, name)

    def add_node(self, kind: str, *where: Any, **attributes: Any) -> Any:
        """Adds a node."""
        return self._container.add_node(kind, *where, **self._right(kind, attributes))

    def _right(self, kind: str, attributes: dict[str, Any]) -> dict[str, Any]:
        """The attributes as they should be."""
        del kind
        return attributes


class _Trees(_Mending):
    """Gaps go where they went when the trees were fitted; 64 bits stay 64."""

    def _right(self, kind: str, attributes: dict[str, Any]) -> dict[str, Any]:
        if not kind.startswith("TreeEnsemble"):
            return attributes
        if lefts := list(self._gaps_go_left()):
            attributes |= {"nodes_missing_value_tracks_true": lefts}
        return dict(self._plain(name, one) for name, one in attributes.items())

    def _gaps_go_left(self) -> Iterator[int]:
        """Whether they do in each node of its trees, in their order.

        Nothing for what says so itself.
        """
        for one in getattr(self._estimator, "estimators_", [self._estimator]):
            if hasattr(one, "tree_"):
                yield from map(int, one.tree_.missing_go_to_left)

    @staticmethod
    def _plain(name: str, value: Any) -> tuple[str, Any]:
        """An attribute as onnx takes it."""
        from onnx import numpy_helper

        whole = (np.integer, np.bool_, bool)
        if isinstance(value, list):
            return name, [int(one) if isinstance(one, whole) else one for one in value]
        if isinstance(value, np.ndarray) and value.dtype == np.float64:
            return f"{name}_as_tensor", numpy_helper.from_array(value)
        return name, value


class _Places(_Mending):
    """Gaps are encoded as the encoder says, which may be as gaps."""

    def __init__(
        self, scope: Scope, operator: Operator, container: ModelComponentContainer
    ) -> None:
        super().__init__(scope, operator, container)
        known = enumerate(self._estimator.categories_)
        self._columns = iter([at for at, one in known if len(one)])

    def _right(self, kind: str, attributes: dict[str, Any]) -> dict[str, Any]:
        if kind != "LabelEncoder":
            return attributes
        column, found = next(self._columns), dict(attributes)
        whole = found.pop("values_int64s", None)
        values = np.array(found.get("values_floats", whole), dtype=np.float32)
        # None, as polars has it, is a category like others.
        if column in self._estimator._missing_indices and "keys_strings" in found:  # noqa: SLF001  # nothing else tells
            is_gap = found["keys_strings"] == GAP.encode()
            values[is_gap] = self._estimator.encoded_missing_value
        found["values_floats"] = values
        if "default_int64" in found:
            found["default_float"] = float(found.pop("default_int64"))
        return found


class _Fillings(_Mending):
    """Gaps are filled in 64 bits, too, which onnxruntime's own filling cannot."""

    def add_node(self, kind: str, *where: Any, **attributes: Any) -> Any:
        from onnx import TensorProto
        from skl2onnx.common.data_types import DoubleTensorType

        is_wide = isinstance(self._operator.inputs[0].type, DoubleTensorType)
        if kind != "Imputer" or not is_wide:
            return super().add_node(kind, *where, **attributes)
        read, said = where
        filling, gaps = map(self._scope.get_unique_variable_name, ("filling", "gaps"))
        statistics = self._estimator.statistics_
        shape = [1, len(statistics)]
        self._container.add_initializer(filling, TensorProto.DOUBLE, shape, statistics)
        self._container.add_node("IsNaN", [read], [gaps])
        return self._container.add_node("Where", [gaps, filling, read], [said])


class _Narrowed:
    """An operator that reads 32 bits of floating point, as XGBoost does.

    Args:
        scope: Gives names.
        operator: skl2onnx's own.
        container: Takes the rounding.
    """

    def __init__(
        self, scope: Scope, operator: Operator, container: ModelComponentContainer
    ) -> None:
        from onnx import TensorProto
        from skl2onnx.common.data_types import FloatTensorType

        self._operator = operator
        [wide] = operator.inputs
        name = "narrowed"
        narrow = scope.declare_local_variable(name, FloatTensorType(wide.type.shape))
        container.add_node(
            "Cast", [wide.full_name], [narrow.full_name], to=TensorProto.FLOAT
        )
        self.inputs = [narrow]
        self.input_full_names = [narrow.full_name]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._operator, name)


def _narrowed(convert: Converter) -> Converter:
    """A converter whose rows are rounded first."""

    def narrowed(
        scope: Scope, operator: Operator, container: ModelComponentContainer
    ) -> None:
        convert(scope, _Narrowed(scope, operator, container), container)

    return narrowed
