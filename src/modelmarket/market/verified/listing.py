# SPDX-License-Identifier: Apache-2.0
"""A listing: the predictions of all rows, in groups below a tree of sums.

Its file: the groups, 256 bytes each, then the points of each as eight bytes. Only a
listing whose sums add up can be written so, and only such a one can be posted on the
chain.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from modelmarket.chain.verified import Listed
from modelmarket.errors import DataError
from modelmarket.protocol.conditions import PART_GROUPS, Conditions
from modelmarket.protocol.hidden import Targets, pack_groups, unpack_groups
from modelmarket.protocol.listings import SumStep, SumTree
from modelmarket.protocol.merkle import GROUP_BYTES, Hash, levels
from modelmarket.protocol.points import Points, group_points
from modelmarket.protocol.shown import Shown

POINT_BYTES = 8
PART_LEVELS = 6
"""2**6 groups are posted in one call."""


@dataclass(frozen=True)
class ListingPart:
    """A part of a listing, as it is posted.

    Attributes:
        index: Which.
        words: Of its groups, joined.
        points: Of each group.
        steps: From the part's node up to the root.
    """

    index: int
    words: bytes
    points: tuple[int, ...]
    steps: tuple[SumStep, ...]


@dataclass(frozen=True, eq=False)
class Listing:
    """The predictions of all rows, and what each group of them is said to score.

    Attributes:
        terms: Of the contest.
        groups: The groups' words, joined.
        points: Of each group, as it is stated: whoever states it may choose any word.
        claim: The sum that was stated beside its root, if it is another one: a root
            commits to the sums below it, and not to its own.
    """

    terms: Conditions
    groups: bytes
    points: tuple[int, ...]
    claim: int | None = None

    @classmethod
    def of(cls, terms: Conditions, predictions: Targets, points: Points) -> Listing:
        """The listing of predictions.

        Args:
            terms: Of the contest.
            predictions: Shape (rows,).
            points: That each row scores; shape (rows,).
        """
        groups = pack_groups(predictions, terms.bits).tobytes()
        sums = group_points(points, terms.bits)
        return cls(terms, groups, tuple(sums.tolist()))

    @classmethod
    def from_bytes(cls, terms: Conditions, data: bytes) -> Listing:
        """Reads a listing's file.

        Raises:
            DataError: It has another length.
        """
        size = terms.groups * GROUP_BYTES
        if len(data) != cls.size(terms):
            raise DataError(
                f"{len(data):,} bytes are no listing of {terms.rows:,} rows, which "
                f"has {cls.size(terms):,}."
            )
        points = np.frombuffer(data[size:], dtype=">u8")
        return cls(terms, data[:size], tuple(points.tolist()))

    @classmethod
    def of_parts(
        cls, terms: Conditions, parts: Sequence[tuple[bytes, Sequence[int]]]
    ) -> Listing:
        """The listing whose parts were posted: words and points of each, in order."""
        words = b"".join(found for found, _ in parts)
        return cls(terms, words, tuple(one for _, found in parts for one in found))

    @staticmethod
    def size(terms: Conditions) -> int:
        """Bytes of a listing's file."""
        return terms.groups * (GROUP_BYTES + POINT_BYTES)

    def to_bytes(self) -> bytes:
        """The listing's file.

        Raises:
            OverflowError: Points have no room in eight bytes; a true listing's have.
        """
        points = (one.to_bytes(POINT_BYTES) for one in self.points)
        return self.groups + b"".join(points)

    @cached_property
    def predictions(self) -> Targets:
        """Shape (rows,)."""
        words = np.frombuffer(self.groups, dtype=np.uint8).reshape(-1, GROUP_BYTES)
        return unpack_groups(words, self.terms.rows, self.terms.bits)

    @cached_property
    def tree(self) -> SumTree:
        """What commits to it."""
        return SumTree.over(self.groups, self.points)

    @property
    def root(self) -> Hash:
        """Of the tree."""
        return self.tree.root

    @property
    def score(self) -> int:
        """The sum of all points."""
        return self.tree.score

    def as_claimed(self, shown: Shown) -> Listing | None:
        """It, if it is what was shown, with the claim that stands beside it."""
        if self.root != shown.listing_root:
            return None
        if self.terms.groups == 1:
            # A root that is a leaf commits to no points: what its file says of them
            # is nothing that the chain knows of.
            return replace(self, points=(shown.score,))
        return self if self.score == shown.score else replace(self, claim=shown.score)

    def is_of(self, shown: Shown) -> bool:
        """Whether it is the listing that was shown."""
        return (self.root, self.score) == (shown.listing_root, shown.score)

    def group_words(self, group: int) -> bytes:
        """A group's eight words, joined."""
        return self.groups[group * GROUP_BYTES : (group + 1) * GROUP_BYTES]

    def group(self, group: int) -> Listed:
        """A group with its place in the listing."""
        steps = self.tree.proof(group)
        if self.claim is not None:
            steps[-1] = replace(steps[-1], parent_sum=self.claim)
        return Listed(self.group_words(group), self.points[group], steps)

    def part(self, index: int) -> ListingPart:
        """A part with its proof."""
        first = index * PART_GROUPS
        last = min(first + PART_GROUPS, self.terms.groups)
        level = min(PART_LEVELS, levels(self.terms.groups))
        return ListingPart(
            index,
            self.groups[first * GROUP_BYTES : last * GROUP_BYTES],
            self.points[first:last],
            tuple(self.tree.proof(index, level)),
        )
