# SPDX-License-Identifier: Apache-2.0
"""Numbers that are written with commas: 3,5 for 3.5, and 1,000 for 1000.

Which of the two a comma means nothing in a table says, so they are read as text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl

_SIGN = "[+-]?"
_NUMBER = rf"{_SIGN}(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_DECIMAL = rf"{_SIGN}(?:\d+|\d{{1,3}}(?:\.\d{{3}})+),\d+"
_THOUSANDS = rf"{_SIGN}\d{{1,3}}(?:,\d{{3}})+(?:\.\d+)?"
_ANY = rf"^(?:{_NUMBER}|{_DECIMAL}|{_THOUSANDS})$"


def are_numbers_with_commas(texts: pl.Series) -> bool:
    """Whether all are numbers and some of them have commas.

    Args:
        texts: Without blanks around them, and without what is missing; shape (rows,).
    """
    # The first tells of most columns that they are none.
    return (
        bool(texts.head(1).str.contains(_ANY).all())
        and bool(texts.str.contains(",", literal=True).any())
        and bool(texts.str.contains(_ANY).all())
    )
