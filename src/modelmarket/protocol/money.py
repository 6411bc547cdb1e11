# SPDX-License-Identifier: Apache-2.0
"""Amounts of MDC: integers of wei inside, decimals for people."""

import re
from decimal import Context, Decimal

from modelmarket.errors import InputError
from modelmarket.protocol.types import Wei

DECIMALS = 18
ONE_MDC = Wei(10**DECIMALS)

_DECIMAL = re.compile(r"(\d+)(?:\.(\d{1,18}))?")


def parse_mdc(text: str) -> Wei:
    """Reads a decimal amount of MDC, exactly.

    Args:
        text: Such as `100`, `0.5` or `1.25 MDC`; at most 18 decimals.

    Raises:
        InputError: The text is not such an amount.
    """
    match = _DECIMAL.fullmatch(text.strip().removesuffix("MDC").rstrip())
    if match is None:
        raise InputError(
            f"{text!r} is not an amount of MDC.",
            hint="Write a decimal such as 100 or 0.5, with at most 18 decimals.",
        )
    whole, fraction = match[1], match[2] or ""
    return Wei(int(whole) * ONE_MDC + int(fraction.ljust(DECIMALS, "0")))


def format_mdc(amount: int) -> str:
    """Writes wei as a decimal of MDC, exactly and without trailing zeros."""
    sign = "-" if amount < 0 else ""
    whole, fraction = divmod(abs(amount), ONE_MDC)
    decimals = f"{fraction:0{DECIMALS}d}".rstrip("0")
    return f"{sign}{whole:,}" + (f".{decimals}" if decimals else "")


def format_about(amount: int, digits: int = 2) -> str:
    """Writes wei as a decimal of so many significant digits.

    For what changes from block to block, such as fees.
    """
    coins = Decimal(amount).scaleb(-DECIMALS)
    return f"{Context(prec=digits).create_decimal(coins).normalize():,f}"
