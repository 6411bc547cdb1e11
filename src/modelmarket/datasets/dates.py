# SPDX-License-Identifier: Apache-2.0
"""Dates and times as people write them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import polars as pl

from modelmarket.datasets.tables import MISSING

DATES = ("%Y-%m-%d", "%Y/%m/%d", "%d.%m.%Y", "%m/%d/%Y", "%d/%m/%Y")
TIMES = (
    "%Y-%m-%dT%H:%M:%S",
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%dT%H:%M:%S%.f",
    "%Y-%m-%d %H:%M:%S%.f",
    "%Y-%m-%dT%H:%M",
    "%Y-%m-%d %H:%M",
    "%d.%m.%Y %H:%M:%S",
    "%d.%m.%Y %H:%M",
)
FIRST_TEXTS = 100
"""That tell of most columns that they hold no dates."""
ZONED = ("%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%d %H:%M:%S%z", "%Y-%m-%dT%H:%M:%S%.f%z")


def readings(texts: pl.Series) -> list[pl.Series]:
    """What texts may mean as times, if all of them are written in one way.

    Args:
        texts: Without blanks around them, and none of them empty.

    Returns:
        Microseconds since 1970, for each way in which all of them can be read: two if
        nobody can tell days from months.
    """
    # 2024-01-31Z is how some programs write that they mean UTC.
    zoned = texts.str.replace(r"Z$", "+0000")
    found = [texts.str.to_date(one, strict=False) for one in DATES]
    found += [texts.str.to_datetime(one, strict=False) for one in TIMES]
    found += [zoned.str.to_datetime(one, strict=False) for one in ZONED]
    read: list[pl.Series] = []
    for one in found:
        if not one.null_count():
            times = one.cast(pl.Datetime("us")).cast(pl.Int64)
            if not any(times.equals(other) for other in read):
                read.append(times)
    return read


def is_dated(texts: pl.Series) -> bool:
    """Whether all texts are dates or times, but for those that are missing."""
    filled = texts.filter(~texts.str.to_lowercase().is_in(MISSING))
    # perf: most columns of texts are none, as the first few tell.
    return bool(len(filled) and readings(filled[:FIRST_TEXTS]) and readings(filled))


def times(texts: pl.Series) -> npt.NDArray[np.float64] | None:
    """Dates and times as microseconds, NaN where one is missing; None for others.

    Shape (rows,).
    """
    if not is_dated(texts):
        return None
    filled = ~texts.str.to_lowercase().is_in(MISSING).to_numpy()
    found = np.full(len(texts), np.nan)
    found[filled] = readings(texts.filter(pl.Series(filled)))[0].to_numpy()
    return found
