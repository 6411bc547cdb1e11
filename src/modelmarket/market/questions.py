# SPDX-License-Identifier: Apache-2.0
"""What is allowed, but hardly meant, and so wants a yes before money is put on it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from modelmarket.errors import ConfirmationError
from modelmarket.protocol.money import format_mdc
from modelmarket.system.text import counted, duration, measured

if TYPE_CHECKING:
    from fractions import Fraction

    from modelmarket.datasets.lint.findings import Report
    from modelmarket.protocol.types import Wei

MOST_FINDINGS = 3


def refuse_high_stake(stake: Wei, reward: Wei) -> None:
    """Makes sure that nobody stakes more than there is to win.

    Raises:
        ConfirmationError: The stake is above the reward.
    """
    if stake > reward:
        raise ConfirmationError(
            f"The stake of {format_mdc(stake)} MDC is above the reward of "
            f"{format_mdc(reward)} MDC: whoever submits can lose more than there is "
            "to win.",
            option="accept_stake",
        )


def refuse_findings(report: Report) -> None:
    """Makes sure that a table is meant as it is.

    Args:
        report: What was found.

    Raises:
        ConfirmationError: Something is hardly meant; the first of it is named.
    """
    first, others = report.questions[:MOST_FINDINGS], report.questions[MOST_FINDINGS:]
    if not first:
        return
    said = [one.sentences for one in first]
    if others:
        said.append(f"And {counted(len(others), 'more thing')}.")
    raise ConfirmationError(" ".join(said), option="accept_findings")


def refuse_low_threshold(threshold: Fraction, constant: Fraction) -> None:
    """Makes sure that a threshold asks for more than no model at all.

    Args:
        threshold: The least share of the points that earns the reward; 0 for none.
        constant: The share that always saying the best class for it would score, by
            the training rows.

    Raises:
        ConfirmationError: It asks for less.
    """
    if 0 < threshold <= constant:
        raise ConfirmationError(
            f"The threshold of {float(threshold):.1%} is reached by whoever always "
            f"says the same class: that scores {float(constant):.1%} of the training "
            "rows.",
            option="accept_threshold",
        )


def refuse_high_error(most: Fraction, constant: Fraction) -> None:
    """The same of a mean error.

    Args:
        most: The largest that earns the reward.
        constant: That of always saying the median, by the training rows; in the same
            unit.

    Raises:
        ConfirmationError: It asks for less than no model at all.
    """
    if most >= constant:
        raise ConfirmationError(
            f"Whoever always says the median of the training rows is off by "
            f"{measured(float(constant))}, on average, which the largest mean error of "
            f"{measured(float(most))} lets pass.",
            option="accept_threshold",
        )


def refuse_high_square(most: Fraction, constant: Fraction) -> None:
    """The same of the root of mean squares.

    Args:
        most: The largest root that earns the reward.
        constant: The mean square, not its root, of always saying the mean, by the
            training rows; in the same unit, squared.

    Raises:
        ConfirmationError: It asks for less than no model at all.
    """
    if most**2 >= constant:
        raise ConfirmationError(
            f"Whoever always says the mean of the training rows is off by "
            f"{measured(math.sqrt(constant))}, by the root of the mean square, which "
            f"the largest of {measured(float(most))} lets pass.",
            option="accept_threshold",
        )


def refuse_short_windows(windows: dict[str, int], finality_s: int) -> None:
    """Makes sure that what is done in a window is final before the window is over.

    Args:
        windows: Seconds of each, by what it is for.
        finality_s: Seconds after which the chain takes nothing back.

    Raises:
        ConfirmationError: One of them is shorter.
    """
    for name, window in windows.items():
        if window < finality_s:
            raise ConfirmationError(
                f"The window for {name} is {duration(window)} long, and this chain "
                f"needs about {duration(finality_s)} until nothing can be undone: a "
                "step that is done in time might be lost.",
                option="accept_window",
            )
