# SPDX-License-Identifier: Apache-2.0
"""Whether what a candidate showed is true, to the last row, and what proves that it
is not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from modelmarket.protocol.hidden import group_labels

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelmarket.market.verified.listing import Listing
    from modelmarket.market.verified.opened import Opened
    from modelmarket.models import ExactModel
    from modelmarket.models.proofs import Rerun

_COMPARED = 64
"""False rows whose proofs are compared; all of them convict."""

_TOLD = 4
"""Of these, so many are told."""


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


def find_lies(
    opened: Opened, model: ExactModel | None, listing: Listing
) -> Iterator[Lie]:
    """What is false in a listing, each kind by its cheapest proof; none if all is true.

    A recount is cheaper than any rerun but that of a linear model, so it comes first.
    Each of them convicts alone: whoever is told that one does not has the next.

    Args:
        opened: The contest's rows and targets.
        model: That was shown; None finds no more than what needs none.
        listing: That was shown.
    """
    yield from _false_sums(opened, listing)
    if model is None:
        return
    computed = opened.predictions(model)
    rows = np.flatnonzero(computed != listing.predictions)[:_COMPARED].tolist()
    lies = [false_row(opened, model, listing, row, int(computed[row])) for row in rows]
    yield from sorted(lies, key=lambda one: one.size)[:_TOLD]


def _false_sums(opened: Opened, listing: Listing) -> Iterator[FalseGroup]:
    """A group that does not score what was stated, and a claim beside all of them."""
    truly = opened.group_points(listing.predictions).tolist()
    for group, (stated, scored) in enumerate(zip(listing.points, truly, strict=True)):
        if stated != scored:
            yield FalseGroup(group, stated, scored)
            break
    if listing.claim is not None:
        # On the way up from any group the sums end in another one than the claim.
        yield FalseGroup(0, listing.claim, listing.score)


def false_row(
    opened: Opened, model: ExactModel, listing: Listing, row: int, computed: int
) -> FalseRow:
    """What proves that a row was not listed as the model says."""
    from modelmarket.models.proofs import Rerun, rerun

    outputs = opened.record.terms.outputs
    listed = int(listing.predictions[row])
    if outputs > 1 and listed >= outputs:
        # A class that there is not convicts at once: no word of the model is read.
        return FalseRow(row, listed, computed, Rerun((), b"", ()))
    wanted = [0] if outputs == 1 else sorted((listed, computed))
    codes = opened.codes[row : row + 1]
    return FalseRow(row, listed, computed, rerun(model, codes, wanted))


def group_of(opened: Opened, row: int) -> int:
    """The group that a row's prediction is listed in."""
    return row // group_labels(opened.record.terms.bits)
