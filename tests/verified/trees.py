# SPDX-License-Identifier: Apache-2.0
"""The reference's words and trees of hashes, as plainly as the text has them.

A word is an int below 2^256. A proof is a list of words, a tree a list of levels, each
a list of words from the left, the leaves first; it is filled up to a power of two.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from eth_hash.auto import keccak as keccak256

MODULUS = 1 << 256
Joiner = Callable[[int, int], int]
"""Makes an inner node of its left and its right side."""
Pair = tuple[int, int]
"""A hash and a sum."""


class UnprovenError(Exception):
    """What was handed in is not what was committed to."""


class MalformedError(Exception):
    """What was handed in has not the form it must have."""


def joined(words: Iterable[int]) -> bytes:
    """The bytes of words, one behind the other."""
    return b"".join([word.to_bytes(32, "big") for word in words])


def keccak(*words: int) -> int:
    """keccak256 of words, joined."""
    return int.from_bytes(keccak256(joined(words)), "big")


def sha256(*words: int) -> int:
    """SHA-256 of words, joined."""
    return int.from_bytes(hashlib.sha256(joined(words)).digest(), "big")


@cache
def tag(name: str) -> int:
    """What sets one use of a hash function apart from the others."""
    return int.from_bytes(keccak256(f"ModelMarket {name} 1".encode()), "big")


def signed(value: int, bits: int) -> int:
    """The low bits of a number, as a signed number."""
    value %= 1 << bits
    return value - (1 << bits) if value >> (bits - 1) else value


# Leaves and inner nodes


def row_leaf(index: int, words: Sequence[int]) -> int:
    """The leaf of a row; the words are ciphertext."""
    return sha256(tag("row"), index, 96, len(words), *words)


def targets_leaf(group: int, words: Sequence[int]) -> int:
    """The leaf of a group of targets; the words are ciphertext."""
    if len(words) != 8:
        raise MalformedError("a group is 8 words")
    return sha256(tag("targets"), group, 96, 8, *words)


def listed_leaf(group: int, words: Sequence[int]) -> int:
    """The hash of a group of a listing."""
    if len(words) != 8:
        raise MalformedError("a group is 8 words")
    return keccak(tag("listed"), group, *words)


def data_node(left: int, right: int) -> int:
    """An inner node above rows, or above targets."""
    return sha256(tag("data node"), left, right)


def unit_node(left: int, right: int) -> int:
    """An inner node above the units of a model."""
    return keccak(tag("unit node"), left, right)


def sum_node(left: Pair, right: Pair) -> int:
    """An inner node above a listing: it commits to what both sides say of themselves."""
    return keccak(tag("sum node"), *left, *right)


# Trees without sums


def levels(count: int) -> int:
    """How many levels are above `count` things."""
    if count < 1:
        raise ValueError("a tree has at least one leaf")
    found = 0
    while 1 << found < count:
        found += 1
    return found


def tree(leaves: Sequence[int], node: Joiner) -> list[list[int]]:
    """All levels of a tree, the leaves first, the root alone in the last."""
    depth = levels(len(leaves))
    found = [[*leaves, *[0] * ((1 << depth) - len(leaves))]]
    for _ in range(depth):
        below = found[-1]
        found.append([node(below[at], below[at + 1]) for at in range(0, len(below), 2)])
    return found


def root(leaves: Sequence[int], node: Joiner) -> int:
    """The root of a tree."""
    return tree(leaves, node)[-1][0]


def proof(leaves: Sequence[int], index: int, node: Joiner) -> list[int]:
    """The siblings on the way from a leaf to the root."""
    if not 0 <= index < len(leaves):
        raise ValueError("there is no such leaf")
    return [
        level[(index >> at) ^ 1] for at, level in enumerate(tree(leaves, node)[:-1])
    ]


def proven_root(
    leaf: int, index: int, count: int, siblings: Sequence[int], node: Joiner
) -> int:
    """The root that a proof leads to.

    Raises:
        UnprovenError: The index is none of the count, or the proof has another length.
    """
    if not 0 <= index < count or len(siblings) != levels(count):
        raise UnprovenError("no proof of this tree")
    found = leaf
    for level, sibling in enumerate(siblings):
        is_right = index >> level & 1
        found = node(sibling, found) if is_right else node(found, sibling)
    return found


def is_proven(
    expected: int,
    leaf: int,
    index: int,
    count: int,
    siblings: Sequence[int],
    node: Joiner,
) -> bool:
    """Whether a proof shows that the leaf is the one at the index."""
    try:
        return proven_root(leaf, index, count, siblings, node) == expected
    except UnprovenError:
        return False


# Many units at once


def multiproof(units: Sequence[int], wanted: Iterable[int]) -> list[int]:
    """The words that prove all wanted units of a model at once."""
    known = sorted(set(wanted))
    if not known or known[0] < 0 or known[-1] >= len(units):
        raise ValueError("there are no such units")
    found: list[int] = []
    for level in tree(units, unit_node)[:-1]:
        beside = set(known)
        found += [level[at ^ 1] for at in known if at ^ 1 not in beside]
        known = sorted({at // 2 for at in known})
    return found


def multiproven_root(known: Mapping[int, int], count: int, words: Sequence[int]) -> int:
    """The root that a proof of many units leads to, by index.

    Raises:
        UnprovenError: A unit is none of the count, or the proof has another length.
    """
    if not known or min(known) < 0 or max(known) >= count:
        raise UnprovenError("no such units")
    rest = list(reversed(words))
    nodes = dict(known)
    for _ in range(levels(count)):
        above: dict[int, int] = {}
        for at in sorted(nodes):
            if at % 2 == 1 and at - 1 in nodes:
                continue  # its left sibling has taken it
            if at % 2 == 0 and at + 1 in nodes:
                above[at // 2] = unit_node(nodes[at], nodes[at + 1])
                continue
            if not rest:
                raise UnprovenError("the proof is too short")
            pair = (nodes[at], rest.pop())
            above[at // 2] = unit_node(*(pair if at % 2 == 0 else pair[::-1]))
        nodes = above
    if rest:
        raise UnprovenError("the proof is too long")
    return nodes[0]


# The tree of sums


@dataclass(frozen=True)
class SumPath:
    """The way from a group of a listing up to the claim.

    `sums` has what is stated of the group and of each node above it, the root last;
    `siblings` the pair beside each but the root.
    """

    sums: tuple[int, ...]
    siblings: tuple[Pair, ...]


def sum_tree(
    groups: Sequence[Pair], lies: Mapping[tuple[int, int], int] | None = None
) -> list[list[Pair]]:
    """All levels of a listing's tree; the last is its root and the score claimed.

    Args:
        groups: Hash and points of each group.
        lies: What is stated in place of a sum, by level and index. What is above
            follows the lie, if it is no lie itself.
    """
    lies = lies or {}
    depth = levels(len(groups))
    nodes: list[Pair] = [*groups, *[(0, 0)] * ((1 << depth) - len(groups))]
    found: list[list[Pair]] = []
    for level in range(depth + 1):
        if level:
            nodes = [
                (
                    sum_node(nodes[at], nodes[at + 1]),
                    (nodes[at][1] + nodes[at + 1][1]) % MODULUS,
                )
                for at in range(0, len(nodes), 2)
            ]
        nodes = [
            (mine, lies.get((level, at), total))
            for at, (mine, total) in enumerate(nodes)
        ]
        found.append(nodes)
    return found


def sum_path(nodes: Sequence[Sequence[Pair]], group: int) -> SumPath:
    """The way of a group through the levels of a tree of sums."""
    return SumPath(
        tuple(level[group >> at][1] for at, level in enumerate(nodes)),
        tuple(level[(group >> at) ^ 1] for at, level in enumerate(nodes[:-1])),
    )


def sum_path_root(leaf: int, group: int, count: int, path: SumPath) -> int:
    """The root hash that a way of sums leads to, whether or not the sums are right.

    Raises:
        UnprovenError: The group is none of the count, or the way has another length.
    """
    depth = levels(count)
    if not 0 <= group < count or len(path.siblings) != depth:
        raise UnprovenError("no way of this tree")
    if len(path.sums) != depth + 1:
        raise UnprovenError("a sum for the group and each node above")
    found = leaf
    for level, sibling in enumerate(path.siblings):
        mine = (found, path.sums[level])
        is_right = group >> level & 1
        found = sum_node(sibling, mine) if is_right else sum_node(mine, sibling)
    return found
