# SPDX-License-Identifier: Apache-2.0
"""Tables with words and gaps, as classifiers take them that become ONNX files."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from modelmarket.models.candidates import Family

if TYPE_CHECKING:
    import polars as pl

MOST_WORDS = 30
"""A column of more different texts says nothing to linear models and networks: each
text would be a column of its own."""


def without_gaps(table: pl.DataFrame) -> pl.DataFrame:
    """A table in whose columns of text gaps are empty, as ONNX files read them."""
    import polars as pl

    return table.with_columns(pl.col(pl.String).fill_null(""))


def is_plain(table: pl.DataFrame) -> bool:
    """Whether a table has finite numbers alone, and no gaps."""
    import polars as pl
    from polars.selectors import float as floats

    if pl.String in table.dtypes or any(one.null_count() for one in table):
        return False
    return all(one.is_finite().all() for one in table.select(floats()))


def behind_columns(table: pl.DataFrame, family: Family) -> Callable[[Any], Any]:
    """What puts an estimator behind words made numbers, and gaps filled.

    Args:
        table: The training part's features, see `without_gaps`.
        family: Trees are given the places of words; others a column for each word.
    """
    import polars as pl

    words = [name for name, kind in table.schema.items() if kind == pl.String]
    numbers = [name for name in table.columns if name not in words]
    if family in (Family.BASELINE, Family.FOREST, Family.BOOSTING):
        return lambda estimator: _by_places(words, numbers, estimator)
    few = [name for name in words if table[name].n_unique() <= MOST_WORDS]
    return lambda estimator: _by_themselves(few, numbers, estimator)


def _by_places(words: list[str], numbers: list[str], estimator: Any) -> Any:
    from sklearn.preprocessing import OrdinalEncoder

    places = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    return _behind([("words", places, words)], numbers, estimator)


def _by_themselves(words: list[str], numbers: list[str], estimator: Any) -> Any:
    from sklearn.preprocessing import OneHotEncoder

    each = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    return _behind([("words", each, words)], numbers, estimator)


def _behind(
    encoded: list[tuple[str, Any, list[str]]], numbers: list[str], estimator: Any
) -> Any:
    """A pipeline of columns and an estimator.

    Raises:
        InputError: There is no column to learn from.
    """
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline

    from modelmarket.errors import InputError

    filled = SimpleImputer(strategy="median", keep_empty_features=True)
    steps = [one for one in (*encoded, ("numbers", filled, numbers)) if one[2]]
    if not steps:
        raise InputError("There is no column that it could learn from.")
    # note: XGBoost and ONNX's trees take the zeros of sparse matrices for gaps.
    return make_pipeline(ColumnTransformer(steps, sparse_threshold=0), estimator)
