# SPDX-License-Identifier: Apache-2.0
"""Trees of hashes: how a list of rows, targets or units is committed to by 32 bytes.

A tree over `count` leaves has `levels(count)` levels. What stands beyond `count` is the
word 0, hashed upward like all else; a leaf alone is its own root. Data hash with
SHA-256, models with keccak256. The same rules in Vyper: `contracts/merkle.vy`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache

from eth_hash.auto import keccak

from modelmarket.errors import InputError
from modelmarket.protocol.labels import WORD_BYTES

Hash = bytes
"""32 bytes."""

Join = Callable[[bytes], Hash]
"""Makes the hash of an inner node from its two sides, 64 bytes."""

NOTHING = bytes(WORD_BYTES)
"""What stands beyond the last leaf."""

GROUP_WORDS = 8
GROUP_BYTES = GROUP_WORDS * WORD_BYTES
"""Targets and predictions are committed to in groups of so many bytes."""


@cache
def tag(name: str) -> Hash:
    """The domain of a kind of hash: nothing of one kind passes for another."""
    return keccak(f"ModelMarket {name} 1".encode())


def word(value: int) -> bytes:
    """A number as a word."""
    return value.to_bytes(WORD_BYTES)


def levels(count: int) -> int:
    """How many levels of inner nodes stand above so many leaves.

    Raises:
        InputError: There are none.
    """
    if count < 1:
        raise InputError("A list without entries has no root.")
    return (count - 1).bit_length()


_DATA_NODE = tag("data node")
_UNIT_NODE = tag("unit node")


def data_node(sides: bytes) -> Hash:
    """An inner node above rows or groups of targets, from 64 bytes."""
    return hashlib.sha256(_DATA_NODE + sides).digest()


def unit_node(sides: bytes) -> Hash:
    """An inner node above a model's units, from 64 bytes."""
    return keccak(_UNIT_NODE + sides)


def _data_leaves(domain: Hash, data: bytes, size: int, first: int) -> list[Hash]:
    """SHA-256 of `abi.encode(domain, index, words)` for each run of `size` bytes."""
    # perf: the only loop that every row of a contest goes through.
    middle = word(3 * WORD_BYTES) + word(size // WORD_BYTES)
    sha256 = hashlib.sha256
    return [
        sha256(
            domain + index.to_bytes(WORD_BYTES) + middle + data[at : at + size]
        ).digest()
        for index, at in enumerate(range(0, len(data), size), first)
    ]


def _whole(data: bytes, size: int, what: str) -> None:
    if size % WORD_BYTES or size < WORD_BYTES or len(data) % size:
        raise InputError(f"{len(data):,} bytes cannot be {what} of {size:,} bytes.")


def row_leaf(index: int, words: bytes) -> Hash:
    """The leaf of a row, from its encrypted words."""
    _whole(words, len(words), "a row")
    return _data_leaves(tag("row"), words, len(words), index)[0]


def targets_leaf(index: int, words: bytes) -> Hash:
    """The leaf of a group of targets, from its eight encrypted words."""
    _whole(words, GROUP_BYTES, "a group")
    return _data_leaves(tag("targets"), words, GROUP_BYTES, index)[0]


def rows_tree(data: bytes, row_words: int) -> HashTree:
    """The tree over rows.

    Args:
        data: Encrypted rows, one after the other.
        row_words: Words of a row.

    Raises:
        InputError: That is no whole number of rows, or none.
    """
    size = row_words * WORD_BYTES
    _whole(data, size, "rows")
    return HashTree.over(_data_leaves(tag("row"), data, size, 0), data_node)


def targets_tree(data: bytes) -> HashTree:
    """The tree over groups of targets, from the encrypted groups.

    Raises:
        InputError: That is no whole number of groups, or none.
    """
    _whole(data, GROUP_BYTES, "groups")
    return HashTree.over(_data_leaves(tag("targets"), data, GROUP_BYTES, 0), data_node)


@dataclass(frozen=True)
class HashTree:
    """A list's tree of hashes.

    Attributes:
        count: Leaves.
        layers: For each level, the hashes of the nodes that have a leaf below them,
            joined; the leaves first, the root last.
        fills: For each level, the hash of a node that has none.
    """

    count: int
    layers: tuple[bytes, ...]
    fills: tuple[Hash, ...]

    @classmethod
    def over(cls, leaves: Sequence[Hash], join: Join) -> HashTree:
        """The tree above leaves.

        Raises:
            InputError: There are none.
        """
        layer, fill = b"".join(leaves), NOTHING
        layers, fills = [layer], [fill]
        for _ in range(levels(len(leaves))):
            if len(layer) % (2 * WORD_BYTES):
                layer += fill
            layer = b"".join(
                [
                    join(layer[at : at + 2 * WORD_BYTES])
                    for at in range(0, len(layer), 2 * WORD_BYTES)
                ]
            )
            fill = join(fill + fill)
            layers.append(layer)
            fills.append(fill)
        return cls(len(leaves), tuple(layers), tuple(fills))

    @property
    def root(self) -> Hash:
        """What commits to the list."""
        return self.layers[-1]

    def node(self, level: int, index: int) -> Hash:
        """The hash of a node; level 0 is that of the leaves."""
        at = index * WORD_BYTES
        return self.layers[level][at : at + WORD_BYTES] or self.fills[level]

    def proof(self, index: int, level: int = 0) -> list[Hash]:
        """The siblings on the way from a node to the root, the lowest first.

        Args:
            index: Of the node, among those of its level.
            level: 0 for a leaf; `n` for a part of 2**n leaves.

        Raises:
            InputError: There is no such node.
        """
        if not 0 <= index < len(self.layers[level]) // WORD_BYTES:
            raise InputError(f"There is no entry {index:,} in this list.")
        return [
            self.node(level + up, (index >> up) ^ 1)
            for up in range(len(self.layers) - 1 - level)
        ]

    def multiproof(self, indexes: Iterable[int]) -> list[Hash]:
        """One proof for several leaves: what `root_of_several` needs besides them.

        Raises:
            InputError: There is no such leaf, or none is asked for.
        """
        known = sorted(set(indexes))
        if not known or known[0] < 0 or known[-1] >= self.count:
            raise InputError("A proof needs entries of its list.")
        proof: list[Hash] = []
        for level in range(len(self.layers) - 1):
            have = set(known)
            proof += [self.node(level, i ^ 1) for i in known if i ^ 1 not in have]
            known = sorted({i >> 1 for i in known})
        return proof


def root_of(
    leaf: Hash, index: int, count: int, proof: Sequence[Hash], join: Join
) -> Hash:
    """The root that a proof of one leaf leads to.

    Raises:
        InputError: The index is beyond the list, or the proof has another length.
    """
    if not 0 <= index < count or len(proof) != levels(count):
        raise InputError(
            f"{len(proof)} hashes prove no entry {index:,} of {count:,} in all."
        )
    node = leaf
    for level, other in enumerate(proof):
        node = join(other + node if index >> level & 1 else node + other)
    return node


def root_of_several(
    leaves: dict[int, Hash], count: int, proof: Sequence[Hash], join: Join
) -> Hash:
    """The root that one proof of several leaves leads to.

    Level by level, the known nodes are walked from left to right; a sibling that is
    not known is the proof's next hash.

    Raises:
        InputError: An index is beyond the list, or the proof is too short or long.
    """
    if not leaves or min(leaves) < 0 or max(leaves) >= count:
        raise InputError("A proof needs entries of its list.")
    known, left = dict(leaves), list(reversed(proof))
    for _ in range(levels(count)):
        above: dict[int, Hash] = {}
        for index in sorted(known):
            if index >> 1 in above:
                continue
            if index ^ 1 not in known and not left:
                raise InputError("The proof has too few hashes.")
            other = known[index ^ 1] if index ^ 1 in known else left.pop()
            mine = known[index]
            above[index >> 1] = join(other + mine if index & 1 else mine + other)
        known = above
    if left:
        raise InputError("The proof has too many hashes.")
    return known[0]
