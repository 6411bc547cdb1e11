# SPDX-License-Identifier: Apache-2.0
"""Hash trees, ciphertexts and listings once more, in plain Python.

Written from `docs/exact.md` alone: it shares no code with client or contracts.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from eth_hash.auto import keccak

Hash = bytes
Proof = list[Hash]
WORD = 2**256
GROUP_WORDS = 8
PART_GROUPS = 64


def tag(text: str) -> bytes:
    """What a hash of a kind begins with."""
    return keccak(f"ModelMarket {text} 1".encode())


def word(number: int) -> bytes:
    """A number as a word."""
    return number.to_bytes(32, "big")


def joined(*words: int | bytes) -> bytes:
    """Words, one behind the other."""
    return b"".join(word(one) if isinstance(one, int) else one for one in words)


# --- trees ---


def levels(count: int) -> int:
    """How many levels the tree of so many things has."""
    return (count - 1).bit_length()


def data_node(left: Hash, right: Hash) -> Hash:
    return hashlib.sha256(tag("data node") + left + right).digest()


def unit_node(left: Hash, right: Hash) -> Hash:
    return keccak(tag("unit node") + left + right)


Above = Callable[[Hash, Hash], Hash]


def layers(leaves: Sequence[Hash], above: Above) -> list[list[Hash]]:
    """All nodes of a tree, level by level, with the padding."""
    here = [*leaves, *[bytes(32)] * (2 ** levels(len(leaves)) - len(leaves))]
    found = [here]
    while len(here) > 1:
        here = [above(here[at], here[at + 1]) for at in range(0, len(here), 2)]
        found.append(here)
    return found


def proof(tree: list[list[Hash]], index: int, level: int = 0) -> Proof:
    """The siblings of a node, from its level upward."""
    found = []
    for nodes in tree[level:-1]:
        found.append(nodes[index ^ 1])
        index >>= 1
    return found


def multiproof(tree: list[list[Hash]], indices: Sequence[int]) -> Proof:
    """The siblings that several leaves lack, level by level."""
    known, found = sorted(set(indices)), []
    for nodes in tree[:-1]:
        found += [nodes[one ^ 1] for one in known if one ^ 1 not in known]
        known = sorted({one >> 1 for one in known})
    return found


# --- rows and targets ---


def pack(values: Sequence[int], bits: int) -> list[int]:
    """Values side by side, most significant first, in whole words."""
    text = "".join(format(one, f"0{bits}b") for one in values)
    text += "0" * (-len(text) % 256)
    return [int(text[at : at + 256], 2) for at in range(0, len(text), 256)]


def lane(words: Sequence[int], at: int, bits: int) -> int:
    """One of the values that were packed."""
    text = "".join(format(one, "0256b") for one in words)
    return int(text[at * bits : (at + 1) * bits], 2)


def encrypted(
    words: Sequence[int], key: bytes, nonce: bytes, kind: str, index: int
) -> list[int]:
    """What a key makes of words; the same the other way."""
    stream_key = hashlib.sha256(
        key + nonce + tag(kind) + index.to_bytes(4, "big")
    ).digest()
    return [
        one
        ^ int.from_bytes(
            hashlib.sha256(stream_key + at.to_bytes(4, "big")).digest(), "big"
        )
        for at, one in enumerate(words)
    ]


def row_leaf(index: int, words: Sequence[int]) -> Hash:
    return hashlib.sha256(joined(tag("row"), index, 96, len(words), *words)).digest()


def targets_leaf(index: int, words: Sequence[int]) -> Hash:
    return hashlib.sha256(joined(tag("targets"), index, 96, 8, *words)).digest()


def codes_of(words: Sequence[int], columns: int, width: int) -> list[int]:
    """The codes of a row, whatever its padding holds."""
    return [lane(words, at, width) for at in range(columns)]


# --- groups and points ---


@dataclass(frozen=True)
class Rule:
    """How rows are scored."""

    kind: int
    bits: int
    outputs: int
    cap: int = 1
    step: int = 1
    weights: tuple[int, ...] = ()


def points_of(rule: Rule, target: int, predicted: int) -> int:
    """What a row scores."""
    if rule.kind == 0:
        return int(target == predicted)
    if rule.kind == 1:
        right = target == predicted and target < rule.outputs
        return rule.weights[target] if right else 0
    lost = min(rule.cap, abs(target - predicted) // rule.step)
    return rule.cap - lost if rule.kind == 2 else rule.cap**2 - lost**2


def group_points(
    rule: Rule, rows: int, targets: Sequence[int], listed: Sequence[int]
) -> int:
    """What the first rows of a group score."""
    return sum(
        points_of(rule, lane(targets, at, rule.bits), lane(listed, at, rule.bits))
        for at in range(rows)
    )


def groups(values: Sequence[int], bits: int) -> list[list[int]]:
    """Values in groups of eight words."""
    each = GROUP_WORDS * 256 // bits
    return [
        [*words, *[0] * (GROUP_WORDS - len(words))]
        for words in (
            pack(values[at : at + each], bits) for at in range(0, len(values), each)
        )
    ]


# --- the listing ---


@dataclass(frozen=True)
class Node:
    """A node of a listing: a hash, and a sum of points."""

    digest: Hash
    sum: int


def listed_leaf(index: int, words: Sequence[int], points: int) -> Node:
    return Node(keccak(joined(tag("listed"), index, *words)), points)


def sum_digest(left: Node, right: Node) -> Hash:
    return keccak(
        joined(tag("sum node"), left.digest, left.sum, right.digest, right.sum)
    )


class Listing:
    """A tree of sums, honest unless it is told to lie.

    Args:
        words: Of each group.
        points: Of each group, as they are stated.
        lies: What is added to the sum of a node that is not a leaf, by level and
            index.
        padding: Sums of leaves beyond the last group.
    """

    def __init__(
        self,
        words: Sequence[Sequence[int]],
        points: Sequence[int],
        *,
        lies: dict[tuple[int, int], int] | None = None,
        padding: Sequence[int] = (),
    ) -> None:
        self.words, self.points = words, list(points)
        here = [listed_leaf(at, group, points[at]) for at, group in enumerate(words)]
        wide = 2 ** levels(len(words))
        beyond = [*padding, *[0] * (wide - len(words) - len(padding))]
        here += [Node(bytes(32), one) for one in beyond[: wide - len(words)]]
        self.levels = [here]
        while len(here) > 1:
            level = len(self.levels)
            here = [
                Node(
                    sum_digest(here[at], here[at + 1]),
                    (
                        here[at].sum
                        + here[at + 1].sum
                        + (lies or {}).get((level, at // 2), 0)
                    )
                    % WORD,
                )
                for at in range(0, len(here), 2)
            ]
            self.levels.append(here)

    @property
    def root(self) -> Node:
        return self.levels[-1][0]

    def path(self, index: int, level: int = 0) -> list[tuple[Hash, int, int]]:
        """Sibling's hash and sum, and the parent's sum, from a level upward."""
        found = []
        for at in range(level, len(self.levels) - 1):
            beside = self.levels[at][index ^ 1]
            index >>= 1
            found.append((beside.digest, beside.sum, self.levels[at + 1][index].sum))
        return found

    def adds_up(self, index: int) -> bool:
        """Whether each sum above a group is that of what is below it."""
        count = len(self.words)
        for level in range(len(self.levels) - 1):
            here, beside = self.levels[level][index], self.levels[level][index ^ 1]
            if (index ^ 1) << level >= count and beside.sum:
                return False
            index >>= 1
            if (here.sum + beside.sum) % WORD != self.levels[level + 1][index].sum:
                return False
        return True
