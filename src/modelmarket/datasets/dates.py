# SPDX-License-Identifier: Apache-2.0
"""Dates and times as people write them."""

from __future__ import annotations

import polars as pl

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
