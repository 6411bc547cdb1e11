# SPDX-License-Identifier: Apache-2.0
"""Fractions, accuracies and numbers as people write them, read exactly."""

from __future__ import annotations

import re
from fractions import Fraction

from modelmarket.errors import DataError
from modelmarket.protocol.schema import decimal

FINEST_FRACTION = 1_000
_SHARE = re.compile(r"\d{0,9}\.?\d{0,18}|\d{1,9}/\d{1,9}", re.ASCII)
"""Short, since a number of many digits, or with an exponent, takes for ever."""


def parse_fraction(text: str) -> Fraction:
    """Reads a fraction of the rows, such as `0.2`, `20%` or `1/5`.

    Raises:
        DataError: It is not above 0 and below 1.
    """
    exact = _parse_share(text)
    if not 0 < exact < 1:
        raise DataError(f"{text!r} is not a fraction between 0 and 1, such as 0.2.")
    fraction = exact.limit_denominator(FINEST_FRACTION)
    if not 0 < fraction < 1:
        raise DataError(f"{text!r} is not a fraction between 0.1% and 99.9%.")
    return fraction


def parse_accuracy(text: str) -> Fraction:
    """Reads a threshold of accuracy, such as `0.9`, `90%` or `9/10`, exactly.

    Raises:
        DataError: It is not from 0 to 1.
    """
    return _parse_share(text)


def parse_number(text: str) -> Fraction:
    """Reads a decimal number, such as `2.5`, exactly.

    Raises:
        DataError: It is none.
    """
    try:
        return decimal(text)
    except ValueError as error:
        raise DataError(
            f"{text[:40]!r} is no number.", hint="Write it as 2.5."
        ) from error


def _parse_share(text: str) -> Fraction:
    """Reads a number from 0 to 1; 90% is 0.9, and 90 is neither.

    Raises:
        DataError: It is none.
    """
    number = text.strip().removesuffix("%").rstrip()
    is_percent = text.strip().endswith("%")
    try:
        if not _SHARE.fullmatch(number):
            raise ValueError(number)
        share = Fraction(number) / (100 if is_percent else 1)
    except (ValueError, ZeroDivisionError):
        share = Fraction(-1)
    if 0 <= share <= 1:
        return share
    hint = "Write it as 0.9, 90% or 9/10."
    if not is_percent and 1 < share <= 100:  # noqa: PLR2004  # in percent
        hint = f"Did you mean {number}%?"
    raise DataError(f"{text[:40]!r} is not a fraction between 0 and 1.", hint=hint)
