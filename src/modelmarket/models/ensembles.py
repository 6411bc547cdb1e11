# SPDX-License-Identifier: Apache-2.0
"""Ensembles: trees as flat arrays, their hashes, and what they say of rows.

The same rules in Vyper: `contracts/ensembles.vy`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
from eth_hash.auto import keccak

from modelmarket.errors import InputError
from modelmarket.models.header import ExactHeader, Form
from modelmarket.protocol.hidden import RowCodes, Words
from modelmarket.protocol.labels import WORD_BYTES
from modelmarket.protocol.merkle import Hash, tag

LEAF, INNER, CUT = 0, 1, 2
"""What a node is. A cut is an inner node where the depth ends the way."""

WORDS_OF_NODE = np.array([1, 0, 2], dtype=np.int64)
"""A leaf has its word, a cut the hashes of its sides."""

NODE_BYTES = 28
"""A node's hash is the high 224 bits of a hash."""

LIMBS = 7
LIMB_BITS = 32
_LIMB = (1 << LIMB_BITS) - 1

Outputs = npt.NDArray[Any]
"""Outputs: shape (rows, outputs); int64, or Python's integers where those could
overflow, which no honest model's do."""

_TREE = tag("tree")
_HIGH = bytes(WORD_BYTES - NODE_BYTES)


def tree_leaf(root: bytes) -> Hash:
    """A tree as a leaf among the units, from the 28 bytes of its root."""
    return keccak(_TREE + _HIGH + root)


@dataclass(frozen=True, eq=False)
class Trees:
    """The trees of an ensemble, one after the other, each in preorder.

    An inner node's left side is the next node.

    Attributes:
        starts: Shape (trees + 1,): where each tree's nodes begin, and the end.
        kinds: Shape (nodes,): `LEAF`, `INNER` or `CUT`.
        features: Shape (nodes,): the column that an inner node asks for; else 0.
        thresholds: Shape (nodes,): to the left if the code is at most that; else 0.
        rights: Shape (nodes,): an inner node's right side; else the node itself.
        words: Shape (words, 32): of leaves and cuts, in the order of the nodes.
    """

    starts: npt.NDArray[np.int64]
    kinds: npt.NDArray[np.uint8]
    features: npt.NDArray[np.uint16]
    thresholds: npt.NDArray[np.uint16]
    rights: npt.NDArray[np.int32]
    words: Words

    def __post_init__(self) -> None:
        for name in ("starts", "kinds", "features", "thresholds", "rights", "words"):
            getattr(self, name).setflags(write=False)

    def __len__(self) -> int:
        return len(self.starts) - 1

    @classmethod
    def joined(cls, trees: Sequence[Trees]) -> Trees:
        """All trees of several, in order."""
        sizes = [len(one.kinds) for one in trees]
        before = np.cumsum([0, *sizes])
        starts = [one.starts[:-1] + at for one, at in zip(trees, before, strict=False)]
        rights = [one.rights + at for one, at in zip(trees, before, strict=False)]
        return cls(
            np.concatenate([*starts, before[-1:]]).astype(np.int64),
            np.concatenate([one.kinds for one in trees]),
            np.concatenate([one.features for one in trees]),
            np.concatenate([one.thresholds for one in trees]),
            np.concatenate(rights).astype(np.int32),
            np.concatenate([one.words for one in trees]),
        )

    @cached_property
    def places(self) -> npt.NDArray[np.int64]:
        """Shape (nodes + 1,): how many words stand before those of each node."""
        counts = WORDS_OF_NODE[self.kinds]
        return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)

    @cached_property
    def levels(self) -> npt.NDArray[np.int64]:
        """Shape (trees,): the most inner nodes from each root to an end."""
        deepest = np.zeros(len(self.kinds), dtype=np.int64)
        inner = np.flatnonzero(self.kinds == INNER)[::-1]
        below, rights = deepest.tolist(), self.rights.tolist()
        for node in inner.tolist():
            below[node] = 1 + max(below[node + 1], below[rights[node]])
        return np.array(below, dtype=np.int64)[self.starts[:-1]]

    @cached_property
    def node_hashes(self) -> Words:
        """Shape (nodes, 28): each node's hash."""
        hashes: list[bytes] = [b""] * len(self.kinds)
        data, known = self.words.tobytes(), dict[bytes, bytes]()
        kinds, places = self.kinds.tolist(), self.places.tolist()
        heads = _heads(self.features, self.thresholds)
        rights = self.rights.tolist()
        for node in range(len(kinds) - 1, -1, -1):
            if kinds[node] == INNER:
                left, right = hashes[node + 1], hashes[rights[node]]
            else:
                at = places[node] * WORD_BYTES
                word = data[at : at + WORD_BYTES]
                if kinds[node] == LEAF:
                    # perf: many leaves of a forest hold the same word.
                    if word not in known:
                        known[word] = keccak(word)[:NODE_BYTES]
                    hashes[node] = known[word]
                    continue
                left = word[-NODE_BYTES:]
                right = data[at + WORD_BYTES + len(_HIGH) : at + 2 * WORD_BYTES]
            head = heads[4 * node : 4 * node + 4]
            hashes[node] = keccak(head + left + _HIGH + right)[:NODE_BYTES]
        joined = np.frombuffer(b"".join(hashes), dtype=np.uint8)
        return joined.reshape(-1, NODE_BYTES)

    def unit_hashes(self) -> list[Hash]:
        """Each tree as a leaf among the units."""
        return [tree_leaf(one.tobytes()) for one in self.node_hashes[self.starts[:-1]]]

    @cached_property
    def tables(self) -> Tables:
        """What execution looks up."""
        return Tables.of(self)


def _heads(
    features: npt.NDArray[np.uint16], thresholds: npt.NDArray[np.uint16]
) -> bytes:
    """Four bytes for each node: what begins an inner node's words."""
    return np.stack([features, thresholds], axis=1).astype(">u2").tobytes()


@dataclass(frozen=True, eq=False)
class Tables:
    """A node's fields as execution wants them, one gather each.

    Attributes:
        features: Shape (nodes,).
        thresholds: Shape (nodes,).
        sides: Shape (2 nodes,): left and right; where the way ends, twice itself.
        places: Shape (nodes,): of a leaf its word, of any other the place of none.
    """

    features: npt.NDArray[np.intp]
    thresholds: npt.NDArray[np.int32]
    sides: npt.NDArray[np.intp]
    places: npt.NDArray[np.intp]

    @classmethod
    def of(cls, trees: Trees) -> Tables:
        """The tables of trees."""
        nodes = np.arange(len(trees.kinds))
        left = np.where(trees.kinds == INNER, nodes + 1, nodes)
        # A cut adds nothing: its place is behind the last word, where zeros stand.
        places = np.where(trees.kinds == LEAF, trees.places[:-1], len(trees.words))
        return cls(
            trees.features.astype(np.intp),
            trees.thresholds.astype(np.int32),
            np.stack([left, trees.rights], axis=1).reshape(-1).astype(np.intp),
            places.astype(np.intp),
        )


class Run:
    """An execution of some rows, tree by tree.

    Args:
        trees: To be executed.
        codes: Shape (rows, columns).
    """

    def __init__(self, trees: Trees, codes: RowCodes) -> None:
        rows, columns = codes.shape
        self._trees, self._tables = trees, trees.tables
        # A column beyond the last reads 0.
        padded = np.zeros((rows, columns + 1), dtype=codes.dtype)
        padded[:, :columns] = codes
        self._codes = padded.reshape(-1)
        self._columns = columns
        self._rows = np.arange(rows, dtype=np.intp) * (columns + 1)

    def ends(self, tree: int) -> npt.NDArray[np.intp]:
        """Shape (rows,): the node where each row's way through a tree ends."""
        tables, rows = self._tables, self._rows
        node = np.full(len(rows), self._trees.starts[tree], dtype=np.intp)
        for _ in range(int(self._trees.levels[tree])):
            column = np.minimum(tables.features.take(node), self._columns)
            code = self._codes.take(rows + column)
            node = tables.sides.take(2 * node + (code > tables.thresholds.take(node)))
        return node

    def places(self, tree: int) -> npt.NDArray[np.intp]:
        """Shape (rows,): the words of the leaves where the ways end."""
        return self._tables.places.take(self.ends(tree))


def base_values(header: ExactHeader, base: bytes) -> npt.NDArray[np.int64]:
    """The value that is added to each output.

    Raises:
        InputError: The base words are not as many as the outputs need.
    """
    if len(base) != base_words(header) * WORD_BYTES:
        raise InputError(f"{len(base):,} bytes are no base of {header.outputs} values.")
    return np.frombuffer(base, dtype=">i8")[: header.outputs].astype(np.int64)


def base_words(header: ExactHeader) -> int:
    """How many words the base values of an ensemble take."""
    return -(-header.outputs // 4)


def units_of(header: ExactHeader, outputs: Iterable[int]) -> list[int]:
    """The trees that some outputs need, in order.

    Args:
        header: The model's.
        outputs: Which outputs.
    """
    if header.form is not Form.SCALAR:
        return list(range(header.units))
    first = header.outputs - header.outputs_with_units
    rounds = header.rounds
    return [
        unit
        for output in sorted(set(outputs))
        if first <= output < header.outputs
        for unit in range((output - first) * rounds, (output - first + 1) * rounds)
    ]


def run(header: ExactHeader, base: bytes, trees: Trees, codes: RowCodes) -> Outputs:
    """The outputs of rows.

    Args:
        header: The model's.
        base: Its base words.
        trees: Its units.
        codes: Shape (rows, columns).

    Returns:
        Shape (rows, outputs).
    """
    values = base_values(header, base)
    execution = Run(trees, codes)
    if header.form is Form.SCALAR:
        sums = _scalars(header, trees, execution, len(codes))
    else:
        sums = _lanes(header, trees, execution, len(codes))
    wide = most_output(header, values, trees) >= 1 << 63
    kind = object if wide else np.int64
    outputs: Outputs = sums.astype(kind) + values.astype(kind)
    return outputs


def most_output(header: ExactHeader, base: npt.NDArray[np.int64], trees: Trees) -> int:
    """What no output of a model passes, whatever the row.

    Args:
        header: The model's.
        base: Its base values.
        trees: Its units.
    """
    return int(np.abs(base.astype(object)).max()) + _bound(header, trees)


def _bound(header: ExactHeader, trees: Trees) -> int:
    """What no sum of leaves passes."""
    if header.form is not Form.SCALAR:
        return 1 << header.form.lane_bits
    values = scalar_values(trees)
    if not len(values):
        return 0
    return header.rounds * max(abs(int(np.min(values))), abs(int(np.max(values))))


def scalar_values(trees: Trees) -> npt.NDArray[np.int64]:
    """Shape (words,): what leaves hold, if it is one signed value of 64 bits."""
    low = np.ascontiguousarray(trees.words[:, -8:])
    return low.view(">i8").reshape(-1).astype(np.int64)


def _scalars(header: ExactHeader, trees: Trees, execution: Run, rows: int) -> Outputs:
    """The sums of signed values, for each output that has trees."""
    values = np.append(scalar_values(trees), 0)
    wide = _bound(header, trees) >= 1 << 63
    kind = object if wide else np.int64
    sums = np.zeros((rows, header.outputs), dtype=kind)
    first = header.outputs - header.outputs_with_units
    for unit in range(header.units):
        reached = values.take(execution.places(unit))
        sums[:, first + unit // header.rounds] += reached.astype(kind)
    return sums


def _lanes(header: ExactHeader, trees: Trees, execution: Run, rows: int) -> Outputs:
    """The lanes of the sums of words modulo 2**224, carries and all."""
    words = np.zeros((len(trees.words) + 1, LIMBS), dtype=np.uint64)
    words[:-1] = trees.words[:, -NODE_BYTES:].copy().view(">u4")
    # perf: limbs that are zero everywhere need no sums.
    used = [limb for limb in range(LIMBS) if words[:, limb].any()]
    sums = np.zeros((LIMBS, rows), dtype=np.uint64)
    tables = {limb: np.ascontiguousarray(words[:, limb]) for limb in used}
    for unit in range(header.units):
        places = execution.places(unit)
        for limb in used:
            sums[limb] += tables[limb].take(places)
    # note: at most 1,024 numbers of 32 bits are far from 2**64.
    carry = np.zeros(rows, dtype=np.uint64)
    for limb in range(LIMBS - 1, -1, -1):
        sums[limb] += carry
        carry = sums[limb] >> np.uint64(LIMB_BITS)
        sums[limb] &= np.uint64(_LIMB)
    if header.form is Form.LANES_32:
        limbs: Outputs = sums[: header.outputs].T.astype(np.int64)
        return limbs
    halves = np.stack([sums >> np.uint64(16), sums & np.uint64(0xFFFF)], axis=1)
    lanes: Outputs = halves.reshape(2 * LIMBS, rows).T.astype(np.int64)
    return lanes[:, : header.outputs]
