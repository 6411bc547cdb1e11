# SPDX-License-Identifier: Apache-2.0
"""Tables with words and gaps, as classifiers take them that become ONNX files."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from modelmarket.models.candidates import Family

if TYPE_CHECKING:
    import polars as pl

FIRST_TEXTS = 1_000
LEAST_TERMS = 3
"""Words of a text, on average, from which on its words are looked at one by one."""
TERMS_OF_TREES = 300
MOST_TERMS = 2_000
MOST_TERM_CELLS = 20_000_000
"""Of a matrix of words, all of whose cells are in memory."""
MOST_WORDS = 30
"""A column of more different texts says nothing to linear models and networks: each
text would be a column of its own."""


_Encoded = tuple[str, Any, list[str] | str]
"""A step of a `ColumnTransformer`; a text encoder takes one column by its bare name."""


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
        family: Trees are given the places of words; others a column for each word. Of
            texts of several words all but the baseline are given those words.
    """
    import polars as pl

    words = [name for name, kind in table.schema.items() if kind == pl.String]
    numbers = [name for name in table.columns if name not in words]
    if family is Family.BASELINE:
        return lambda estimator: _behind(_by_places(words), numbers, estimator)
    prose = [name for name in words if is_prose(table[name])]
    others = [name for name in words if name not in prose]
    if family in (Family.FOREST, Family.BOOSTING):
        terms = min(TERMS_OF_TREES, _most_terms(table))
        encode = _by_places
    else:
        terms = _most_terms(table)
        encode = _by_themselves
        others = [name for name in others if table[name].n_unique() <= MOST_WORDS]
    return lambda estimator: _behind(
        [*encode(others), *_by_terms(prose, terms)], numbers, estimator
    )


def is_prose(cells: pl.Series) -> bool:
    """Whether a column has texts of several words that hardly ever come twice."""
    if cells.n_unique() <= max(MOST_WORDS, len(cells) // 2):
        return False
    words = cells.head(FIRST_TEXTS).str.count_matches(r"\S+").mean()
    return isinstance(words, float) and words >= LEAST_TERMS


def _most_terms(table: pl.DataFrame) -> int:
    return max(LEAST_TERMS, min(MOST_TERMS, MOST_TERM_CELLS // max(1, table.height)))


def _by_places(words: list[str]) -> list[_Encoded]:
    from sklearn.preprocessing import OrdinalEncoder

    places = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    return [("words", places, words)]


def _by_themselves(words: list[str]) -> list[_Encoded]:
    from sklearn.preprocessing import OneHotEncoder

    each = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    return [("words", each, words)]


def _by_terms(prose: list[str], most: int) -> list[_Encoded]:
    """The words of texts, by how often they are there and how rarely elsewhere."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    return [
        (f"terms{place}", TfidfVectorizer(max_features=most, sublinear_tf=True), name)
        for place, name in enumerate(prose)
    ]


def _behind(encoded: list[_Encoded], numbers: list[str], estimator: Any) -> Any:
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
