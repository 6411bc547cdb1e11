# SPDX-License-Identifier: Apache-2.0
"""Amounts of MDC: integers of wei inside, decimals for people."""

import re
from decimal import Context, Decimal

from modelmarket.errors import InputError
from modelmarket.protocol.types import Wei
from modelmarket.system.text import agreeing

DECIMALS = 18
ONE_MDC = Wei(10**DECIMALS)

Amount = Wei | str | Decimal
"""Wei, or MDC as decimal text or `Decimal`; never a float."""
LEAST_WEI = 10**9
"""Fewer were hardly meant: who writes 100 means MDC."""

DIGITS = 3
"""Of an amount that is proposed to people."""
_DECIMAL = re.compile(r"(\d{1,60})(?:\.(\d{1,18}))?")
"""The chain counts no further: 2**256 wei are an amount of 60 digits."""


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
            f"{text[:80]!r} is not an amount of MDC.",
            hint="Write a decimal such as 1000 or 0.5: no separators of thousands, and "
            "at most 18 decimals.",
        )
    whole, fraction = match[1], match[2] or ""
    return Wei(int(whole) * ONE_MDC + int(fraction.ljust(DECIMALS, "0")))


def rounded_up(amount: int) -> Wei:
    """An amount in three digits, at most a hundredth more: 6.67 MDC for 20/3 MDC.

    Args:
        amount: Wei.
    """
    unit = 10 ** max(0, len(str(amount)) - DIGITS)
    return Wei(-(-amount // unit) * unit)


def read_amount(given: Amount) -> Wei:
    """Wei of an amount that a program was given.

    Args:
        given: Wei, as a whole number; or MDC, as decimal text or `Decimal`.

    Raises:
        InputError: It is none.
    """
    if isinstance(given, str):
        return parse_mdc(given)
    if isinstance(given, Decimal):
        return parse_mdc(f"{given:f}")
    whole: object = given
    if not isinstance(whole, int) or isinstance(whole, bool):
        raise InputError(
            f"{given!r} is no amount.",
            hint='Write MDC as text, such as "100" or "0.5"; a float is not exact.',
        )
    if given < 0:
        raise InputError(f"{given:,} wei {agreeing(-given, 'is', 'are')} no amount.")
    return Wei(given)


def read_sum(given: Amount) -> Wei:
    """Wei of a reward, or of what is sent, that a program was given; see `read_amount`.

    Raises:
        InputError: It is no amount, or so few wei that MDC were meant.
    """
    if isinstance(given, int) and 0 < given < LEAST_WEI:
        raise InputError(
            f"{given:,} wei {agreeing(given, 'is', 'are')} {format_mdc(given)} MDC.",
            hint=f'For MDC, write it as text: "{given}".',
        )
    return read_amount(given)


def format_mdc(amount: int) -> str:
    """Writes wei as a decimal of MDC, exactly and without trailing zeros."""
    sign = "-" if amount < 0 else ""
    whole, fraction = divmod(abs(amount), ONE_MDC)
    decimals = f"{fraction:0{DECIMALS}d}".rstrip("0")
    return f"{sign}{whole:,}" + (f".{decimals}" if decimals else "")


def format_cents(amount: int) -> str:
    """Writes wei as a decimal of MDC with two places, for columns of amounts.

    It is rounded down; what is above nothing and below a hundredth is said to be that.
    """
    if 0 < amount < ONE_MDC // 100:
        return "<0.01"
    whole, fraction = divmod(amount, ONE_MDC)
    return f"{whole:,}.{fraction * 100 // ONE_MDC:02d}"


def format_about(amount: int, digits: int = 2) -> str:
    """Writes wei as a decimal of so many significant digits.

    For what changes from block to block, such as fees.
    """
    coins = Decimal(amount).scaleb(-DECIMALS)
    return f"{Context(prec=digits).create_decimal(coins).normalize():,f}"
