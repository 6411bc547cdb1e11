# SPDX-License-Identifier: Apache-2.0
"""Listings: predictions in groups below a tree of sums, whose root's sum is the claim.

A node is a pair of a hash and a sum. Its hash commits to both sides, sums and all; its
sum is stated one level further up. The same rules in Vyper: `contracts/listing.vy`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from eth_hash.auto import keccak

from modelmarket.errors import InputError
from modelmarket.protocol.merkle import (
    GROUP_BYTES,
    NOTHING,
    Hash,
    levels,
    tag,
    word,
)

Pair = tuple[Hash, int]
"""A node: its hash, and the points below it."""

NO_PAIR: Pair = (NOTHING, 0)
"""What stands beyond the last group."""

WORDS = 2**256
"""How many words there are."""

_LISTED = tag("listed")
_SUM_NODE = tag("sum node")


@dataclass(frozen=True)
class SumStep:
    """A step of a proof, from a node to the one above it.

    Attributes:
        sibling: The hash of the other side.
        sibling_sum: Its points.
        parent_sum: The points that the node above states.
    """

    sibling: Hash
    sibling_sum: int
    parent_sum: int

    @property
    def words(self) -> bytes:
        """The step's three words."""
        return self.sibling + word(self.sibling_sum) + word(self.parent_sum)


def group_leaf(index: int, words: bytes) -> Hash:
    """The hash of a group of predictions, from its eight words.

    Raises:
        InputError: It has not eight words.
    """
    if len(words) != GROUP_BYTES:
        raise InputError(f"{len(words):,} bytes are no group of predictions.")
    return keccak(_LISTED + word(index) + words)


def sum_node(left: Pair, right: Pair) -> Hash:
    """The hash of the node above two."""
    return keccak(_SUM_NODE + left[0] + word(left[1]) + right[0] + word(right[1]))


@dataclass(frozen=True)
class SumTree:
    """A listing's tree.

    Attributes:
        count: Groups.
        layers: For each level, the nodes that have a group below them; the groups
            first, the root last.
        fills: For each level, the node that has none.
    """

    count: int
    layers: tuple[tuple[Pair, ...], ...]
    fills: tuple[Pair, ...]

    @classmethod
    def over(cls, groups: bytes, points: Sequence[int]) -> SumTree:
        """The tree above groups of predictions.

        Args:
            groups: The groups, one after the other.
            points: What each of them scores, below 2**256.

        Raises:
            InputError: There are none, or not as many of one as of the other.
        """
        if len(groups) != len(points) * GROUP_BYTES:
            raise InputError(
                f"{len(groups):,} bytes are not {len(points):,} groups of predictions."
            )
        leaves = [
            (group_leaf(index, groups[at : at + GROUP_BYTES]), int(points[index]))
            for index, at in enumerate(range(0, len(groups), GROUP_BYTES))
        ]
        return cls.of_pairs(leaves)

    @classmethod
    def of_pairs(cls, leaves: Sequence[Pair]) -> SumTree:
        """The tree above groups whose hashes are known.

        Raises:
            InputError: There are none.
        """
        layer, fill = list(leaves), NO_PAIR
        layers, fills = [tuple(layer)], [fill]
        for _ in range(levels(len(leaves))):
            if len(layer) % 2:
                layer.append(fill)
            layer = [
                (sum_node(left, right), (left[1] + right[1]) % WORDS)
                for left, right in zip(layer[::2], layer[1::2], strict=True)
            ]
            fill = (sum_node(fill, fill), 0)
            layers.append(tuple(layer))
            fills.append(fill)
        return cls(len(leaves), tuple(layers), tuple(fills))

    @property
    def root(self) -> Hash:
        """What commits to the listing; the claim stands beside it."""
        return self.layers[-1][0][0]

    @property
    def score(self) -> int:
        """The sum of all points, which wraps around as those of the contract do."""
        return self.layers[-1][0][1]

    def node(self, level: int, index: int) -> Pair:
        """A node; level 0 is that of the groups."""
        layer = self.layers[level]
        return layer[index] if index < len(layer) else self.fills[level]

    def proof(self, index: int, level: int = 0) -> list[SumStep]:
        """The steps from a node to the root, the lowest first.

        Args:
            index: Of the node, among those of its level.
            level: 0 for a group; `n` for 2**n groups.

        Raises:
            InputError: There is no such node.
        """
        if not 0 <= index < len(self.layers[level]):
            raise InputError(f"There is no group {index:,} in this listing.")
        steps = []
        for at in range(level, len(self.layers) - 1):
            sibling, points = self.node(at, index ^ 1)
            index >>= 1
            steps.append(SumStep(sibling, points, self.node(at + 1, index)[1]))
        return steps


def root_of_sums(
    leaf: Pair, index: int, count: int, proof: Sequence[SumStep]
) -> tuple[Pair, bool]:
    """The root that a proof leads to, and whether the sums on the way add up.

    What lies beyond the last group is padding without points, or nothing adds up.

    Raises:
        InputError: The index is beyond the list, or the proof has another length.
    """
    if not 0 <= index < count or len(proof) != levels(count):
        raise InputError(
            f"{len(proof)} steps prove no group {index:,} of {count:,} in all."
        )
    node, adds_up, fill = leaf, True, NO_PAIR
    for level, step in enumerate(proof):
        other = (step.sibling, step.sibling_sum)
        if ((index >> level) ^ 1) << level >= count:
            adds_up &= other == fill
        fill = (sum_node(fill, fill), 0)
        # note: sums are words, and wrap around as those of the contract do. Where all
        # of them add up so, and each group's points are right, the score is.
        adds_up &= (node[1] + other[1]) % WORDS == step.parent_sum
        sides = (other, node) if index >> level & 1 else (node, other)
        node = (sum_node(*sides), step.parent_sum)
    return node, adds_up
