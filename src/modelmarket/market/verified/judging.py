# SPDX-License-Identifier: Apache-2.0
"""Whether what a candidate showed is true, to the last row, and what proves that it
is not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from modelmarket.market.verified.listing import Listing, differing
from modelmarket.protocol.hidden import group_labels

if TYPE_CHECKING:
    from modelmarket.market.verified.opened import Opened
    from modelmarket.models import ExactModel
    from modelmarket.models.proofs import Rerun

_COMPARED = 64
"""False rows whose proofs are compared; all of them convict."""


@dataclass(frozen=True)
class FalseRow:
    """A prediction that the model does not give.

    Attributes:
        row: Which, from 0.
        listed: What was listed.
        computed: What the model says; the class or number.
        rerun: What proves it.
    """

    row: int
    listed: int
    computed: int
    rerun: Rerun

    @property
    def size(self) -> int:
        """Words that the proof takes."""
        return len(self.rerun.joined) // 32


@dataclass(frozen=True)
class FalseGroup:
    """A group of predictions that does not score what was listed, or sums above it that
    do not lead to the claim.

    Attributes:
        group: Which, from 0.
        listed: Points that were listed.
        computed: Points that it scores.
    """

    group: int
    listed: int
    computed: int


Lie = FalseRow | FalseGroup


def find_lie(opened: Opened, model: ExactModel, listing: Listing) -> Lie | None:
    """Something false in a listing, by its cheapest proof; None if all is true.

    A recount is cheaper than any rerun but that of a linear model.

    Args:
        opened: The contest's rows and targets.
        model: That was shown.
        listing: That was shown.
    """
    if lie := find_false_sum(opened, listing):
        return lie
    computed = opened.predictions(model)
    rows = np.flatnonzero(computed != listing.predictions)[:_COMPARED].tolist()
    if not rows:
        return None
    lies = [false_row(opened, model, listing, row, int(computed[row])) for row in rows]
    return min(lies, key=lambda one: one.size)


def find_false_sum(opened: Opened, listing: Listing) -> FalseGroup | None:
    """A sum in a listing that is none; the model is not needed for it.

    Args:
        opened: The contest's rows and targets.
        listing: That was shown.
    """
    if listing.claim is not None:
        # On the way up from any group the sums end in another one than the claim.
        return FalseGroup(0, listing.claim, listing.score)
    truly = opened.group_points(listing.predictions)
    for group in differing(truly, listing.points)[:1].tolist():
        return FalseGroup(group, int(listing.points[group]), int(truly[group]))
    return None


def false_row(
    opened: Opened, model: ExactModel, listing: Listing, row: int, computed: int
) -> FalseRow:
    """What proves that a row was not listed as the model says."""
    from modelmarket.models.proofs import rerun

    terms = opened.record.terms
    listed = int(listing.predictions[row])
    if terms.outputs == 1:
        wanted = [0]
    else:
        # A listed class beyond the outputs loses at once; one output shows it.
        wanted = sorted({one for one in (listed, computed) if one < terms.outputs})
    codes = opened.codes[row : row + 1]
    return FalseRow(row, listed, computed, rerun(model, codes, wanted))


def group_of(opened: Opened, row: int) -> int:
    """The group that a row's prediction is listed in."""
    return row // group_labels(opened.record.terms.bits)
