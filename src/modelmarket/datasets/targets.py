# SPDX-License-Identifier: Apache-2.0
"""What the numbers of a training part become: targets in fixed point."""

from __future__ import annotations

import math
from collections.abc import Iterable
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from modelmarket.errors import DataError
from modelmarket.protocol.hidden import Targets
from modelmarket.protocol.schema import NumberTarget, decimal, shown

MARGIN = Fraction(1, 8)
"""How far beyond the training rows' numbers others may go: a share of their range."""

MOST_PLACES = 40
"""Digits behind the point that a step may have."""


def number_target(labels: Iterable[str], bits: int) -> NumberTarget:
    """Fixed point for the numbers of a training part.

    Its range goes an eighth beyond theirs on either side, since hidden ones may, too.
    Its step is as fine as the labels are written if so many steps reach over that
    range, else the smallest of 1, 2 and 5 times a power of ten with which they do.

    Args:
        labels: Of the training rows alone.
        bits: Of a target: 8, 16 or 32.

    Raises:
        DataError: A label is no number, or all are the same.
    """
    values = {_number(label) for label in set(labels)}
    low, high = min(values), max(values)
    if low == high:
        raise DataError(
            "All training labels are the same number, so there is nothing to predict.",
            hint="Is this the label column?",
        )
    margin = (high - low) * MARGIN
    # One step is kept back, since the first target is rounded down to whole steps.
    step = _step(values, (high - low + 2 * margin) / (2**bits - 2))
    target = NumberTarget(math.floor((low - margin) / step) * step, step, bits)
    try:
        written = [decimal(shown(one)) for one in (target.offset, target.step)]
    except ValueError as error:
        raise DataError(
            "The labels have too many digits to be predicted.",
            hint="Round them: a target takes at most 32 bits.",
        ) from error
    assert written == [target.offset, target.step], "decimals are exact"
    return target


def _number(label: str) -> Fraction:
    try:
        return decimal(label)
    except ValueError as error:
        raise DataError(
            f"The label {label[:40]!r} is no number that can be predicted.",
            hint="Every row needs a decimal number, nearer to 0 than 1e30.",
        ) from error


def _step(values: Iterable[Fraction], least: Fraction) -> Fraction:
    """The step of a target: exact if it can be, else the smallest round one.

    Args:
        values: Of the training rows.
        least: With which they all fit.
    """
    # perf: few denominators are different.
    whole = math.lcm(*{value.denominator for value in values})
    places = next(at for at in range(2 * MOST_PLACES) if 10**at % whole == 0)
    exact = Fraction(1, 10**places)
    if exact >= least:
        return exact
    power = exact
    while power * 10 <= least:
        power *= 10
    return next(power * one for one in (1, 2, 5, 10) if power * one >= least)


def deviation(targets: Targets, counts: npt.NDArray[np.int64]) -> Fraction:
    """By how much the best constant prediction of training rows is off, on average.

    That constant is their median.

    Args:
        targets: Different ones or not; shape (targets,).
        counts: Training rows that have each; shape (targets,), some above 0.

    Returns:
        Steps of the target.
    """
    order = np.argsort(targets, kind="stable")
    values, rows = targets[order].astype(np.int64), counts[order]
    total = int(rows.sum())
    median = values[np.searchsorted(np.cumsum(rows), (total + 1) // 2)]
    return Fraction(int(np.abs(values - median) @ rows), total)


def variance(targets: Targets, counts: npt.NDArray[np.int64]) -> Fraction:
    """The mean square by which the best constant prediction of training rows is off.

    That constant is their mean.

    Args:
        targets: Different ones or not; shape (targets,).
        counts: Training rows that have each; shape (targets,), some above 0.

    Returns:
        Squares of the target's steps.
    """
    # Squares of 32 bits, added up, are beyond 64.
    pairs = list(zip(targets.tolist(), counts.tolist(), strict=True))
    total = sum(rows for _, rows in pairs)
    mean = Fraction(sum(value * rows for value, rows in pairs), total)
    return Fraction(sum(value**2 * rows for value, rows in pairs), total) - mean**2
