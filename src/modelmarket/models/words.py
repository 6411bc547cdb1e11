# SPDX-License-Identifier: Apache-2.0
"""Units in words: how trees and neurons are posted, and kept in a file.

Everything read here may come from a stranger. Fields are masked to their widths and
padding is ignored, as the contract does; what has no one meaning is refused in words.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from modelmarket.errors import InputError
from modelmarket.models.ensembles import CUT, LEAF, WORDS_OF_NODE, Trees
from modelmarket.models.header import MOST_PART, MOST_WORDS
from modelmarket.protocol.hidden import Words
from modelmarket.protocol.labels import WORD_BITS, WORD_BYTES
from modelmarket.protocol.merkle import levels, word
from modelmarket.system.text import counted

INNER_IN_WORD = 8
"""A word describes so many inner nodes, each in 32 bits."""

_FIELD = 0xFFFF


def _up(count: int, each: int) -> int:
    return -(-count // each)


def tree_sizes(trees: Trees) -> npt.NDArray[np.int64]:
    """Shape (trees,): how many words each tree takes."""
    nodes = np.diff(trees.starts)
    asked = np.concatenate([[0], np.cumsum(trees.kinds != LEAF)])
    inner = np.diff(asked[trees.starts])
    ends = np.diff(trees.places[trees.starts])
    sizes: npt.NDArray[np.int64] = (
        1 + -(-nodes // WORD_BITS) + -(-inner // INNER_IN_WORD) + ends
    )
    return sizes


def tree_words(trees: Trees, tree: int) -> bytes:
    """A tree in words."""
    nodes = slice(*trees.starts[tree : tree + 2])
    kinds = trees.kinds[nodes]
    asks = kinds != LEAF
    symbols = np.packbits(asks).tobytes()
    pairs = np.stack([trees.features[nodes], trees.thresholds[nodes]], axis=1)
    inner = pairs[asks].astype(">u2").tobytes()
    ends = trees.words[slice(*trees.places[trees.starts[tree : tree + 2]])]
    head = word(len(kinds) << 16 | int(asks.sum()))
    return head + _filled(symbols) + _filled(inner) + ends.tobytes()


def _filled(data: bytes) -> bytes:
    return data + bytes(-len(data) % WORD_BYTES)


@dataclass(frozen=True)
class Shape:
    """What the symbols of a tree say.

    Attributes:
        kinds: Of each node.
        rights: The right side of each inner node; else the node itself.
    """

    kinds: list[int]
    rights: list[int]


def shape_of(symbols: list[int], depth: int) -> Shape:
    """Follows symbols in preorder."""
    kinds, rights = list(symbols), list(range(len(symbols)))
    # Inner nodes whose right side is still to come, with the number of those above.
    waiting: list[tuple[int, int]] = []
    above, last = 0, len(symbols) - 1
    for node, asks in enumerate(symbols):
        if asks and above < depth:
            waiting.append((node, above))
            above += 1
            continue
        if asks:
            kinds[node] = CUT
        if not waiting:
            if node != last:
                raise InputError("A tree ends before its last symbol.")
            return Shape(kinds, rights)
        parent, above = waiting.pop()
        rights[parent] = node + 1
        above += 1
    raise InputError("A tree has too few symbols.")


class _Reader:
    """Takes words one after the other."""

    def __init__(self, words: Words) -> None:
        self._words = words
        self._at = 0

    def take(self, count: int) -> Words:
        """The next words.

        Raises:
            InputError: So many are not left.
        """
        if count > self.left:
            raise InputError("The model ends in the middle of a tree.")
        self._at += count
        return self._words[self._at - count : self._at]

    @property
    def left(self) -> int:
        """How many words are left."""
        return len(self._words) - self._at


def _read_tree(reader: _Reader, depth: int) -> Trees:
    head = int.from_bytes(reader.take(1).tobytes())
    count, inner = head >> 16 & _FIELD, head & _FIELD
    packed = np.unpackbits(reader.take(_up(count, WORD_BITS)).reshape(-1))[:count]
    shape = shape_of(packed.tolist(), depth)
    kinds = np.array(shape.kinds, dtype=np.uint8)
    asks = kinds != LEAF
    if int(asks.sum()) != inner:
        raise InputError(f"A tree says it has {inner:,} inner nodes, and has others.")
    pairs = np.ascontiguousarray(reader.take(_up(inner, INNER_IN_WORD)))
    features, thresholds = np.zeros((2, count), dtype=np.uint16)
    features[asks], thresholds[asks] = pairs.view(">u2").reshape(-1, 2)[:inner].T
    ends = reader.take(int(WORDS_OF_NODE[kinds].sum()))
    rights = np.array(shape.rights, dtype=np.int32)
    starts = np.array([0, count], dtype=np.int64)
    return Trees(starts, kinds, features, thresholds, rights, ends.copy())


def read_trees(words: Words, count: int, depth: int) -> Trees:
    """Reads trees that stand one after the other.

    Args:
        words: Shape (words, 32).
        count: How many trees there must be.
        depth: Where the way through a tree ends.

    Raises:
        InputError: They are not so many trees and nothing else.
    """
    # A tree takes two words at the least: no more are tried than there could be.
    if not 1 <= count <= len(words) // 2:
        raise InputError(f"{len(words):,} words cannot be {counted(count, 'tree')}.")
    reader = _Reader(words)
    trees = [_read_tree(reader, depth) for _ in range(count)]
    if reader.left:
        raise InputError(f"{reader.left:,} words stand behind the last tree.")
    return Trees.joined(trees)


def part_sizes(sizes: npt.NDArray[np.int64], part: int) -> npt.NDArray[np.int64]:
    """Shape (parts,): the words of each part of 2**part units.

    Args:
        sizes: Shape (units,): the words of each unit.
        part: The logarithm.
    """
    starts = np.arange(0, len(sizes), 1 << part)
    found: npt.NDArray[np.int64] = np.add.reduceat(sizes, starts)
    return found


def largest_part(sizes: npt.NDArray[np.int64]) -> int:
    """The logarithm of the most units that a part may have.

    Args:
        sizes: Shape (units,): the words of each unit.

    Raises:
        InputError: A unit alone is more than a part; says its words.
    """
    if int(np.max(sizes)) > MOST_WORDS:
        raise InputError(
            f"A tree takes {int(np.max(sizes)):,} words; at most {MOST_WORDS:,} can be "
            "posted at once."
        )
    part = 0
    while part < min(MOST_PART, levels(len(sizes))):
        if int(np.max(part_sizes(sizes, part + 1))) > MOST_WORDS:
            break
        part += 1
    return part
