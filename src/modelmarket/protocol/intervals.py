# SPDX-License-Identifier: Apache-2.0
"""What luck can do to a rate that was counted on some rows."""

from __future__ import annotations

import math

CONFIDENT = 1.96
"""Standard deviations to either side that hold 95%."""


def wilson(matches: int, rows: int) -> tuple[float, float]:
    """Bounds of a rate that hold 95% (E. B. Wilson, JASA 22, 1927).

    Args:
        matches: Rows that were right.
        rows: All of them.

    Returns:
        The lower and the upper bound, from 0 to 1.
    """
    rate, square = matches / rows, CONFIDENT**2
    middle = rate + square / (2 * rows)
    spread = CONFIDENT * math.sqrt(
        rate * (1 - rate) / rows + square / (4 * rows * rows)
    )
    scale = 1 + square / rows
    return max(0.0, (middle - spread) / scale), min(1.0, (middle + spread) / scale)
