# SPDX-License-Identifier: Apache-2.0
"""Proofs about a model: the words of a rerun, and of a part that is posted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from modelmarket.errors import InputError
from modelmarket.models.dense import Network
from modelmarket.models.ensembles import (
    CUT,
    LEAF,
    NODE_BYTES,
    WORDS_OF_NODE,
    Run,
    Trees,
)
from modelmarket.models.exact import ExactModel
from modelmarket.models.header import ExactHeader, Kind
from modelmarket.protocol.hidden import RowCodes
from modelmarket.protocol.labels import WORD_BYTES
from modelmarket.protocol.merkle import Hash

ENDS_IN_CUT = 0x80
"""What a descriptor says of a path, beside its inner nodes."""

_HIGH = bytes(WORD_BYTES - NODE_BYTES)


@dataclass(frozen=True)
class Path:
    """The way of a row through a tree, bottom up.

    Attributes:
        words: The leaf's word, or the two of a cut; then one for each inner node.
        descriptor: How many inner nodes stand above the end, and whether it is a cut.
    """

    words: tuple[bytes, ...]
    descriptor: int


def path(trees: Trees, tree: int, codes: RowCodes) -> Path:
    """The way of a row through a tree.

    Args:
        trees: The model's.
        tree: Which of them.
        codes: Shape (1, columns).
    """
    end = int(Run(trees, codes).ends(tree)[0])
    way = _way(trees, int(trees.starts[tree]), end)
    at = trees.places[end]
    if trees.kinds[end] == CUT:
        left, right = (one.tobytes()[-NODE_BYTES:] for one in trees.words[at : at + 2])
        words = [_inner_word(trees, end, left), _HIGH + right]
    else:
        words = [trees.words[at].tobytes()]
    for node, below in reversed(list(pairwise([*way, end]))):
        other = trees.rights[node] if below == node + 1 else node + 1
        words.append(_inner_word(trees, node, trees.node_hashes[other].tobytes()))
    is_cut = trees.kinds[end] == CUT
    return Path(tuple(words), len(way) | (ENDS_IN_CUT if is_cut else 0))


def _way(trees: Trees, root: int, end: int) -> list[int]:
    """The inner nodes from a root down to where the way ends."""
    node, way = root, []
    while node != end:
        way.append(node)
        right = int(trees.rights[node])
        # In preorder all of the left side stands before the right one.
        node = right if end >= right else node + 1
    return way


def _inner_word(trees: Trees, node: int, other: bytes) -> bytes:
    feature, threshold = int(trees.features[node]), int(trees.thresholds[node])
    return (feature << 16 | threshold).to_bytes(4) + other


@dataclass(frozen=True)
class Rerun:
    """What lets the chain compute some outputs of a row.

    Attributes:
        units: The trees or neurons that are executed, in order.
        words: Of an ensemble, a byte for each path, packed into words, then the paths
            in the order of their units; of a dense model, the neurons' words.
        proof: One proof of all these units.
    """

    units: tuple[int, ...]
    words: bytes
    proof: tuple[Hash, ...]

    @property
    def joined(self) -> bytes:
        """All of its words."""
        return self.words + b"".join(self.proof)


def rerun(model: ExactModel, codes: RowCodes, outputs: Sequence[int]) -> Rerun:
    """Proves what a model says of a row.

    Args:
        model: The model.
        codes: Shape (1, columns).
        outputs: Which outputs: two for classes, the only one for a regression.

    Raises:
        InputError: No unit has to do with these outputs, or it is not one row.
    """
    if codes.shape != (1, model.header.columns):
        raise InputError(f"A rerun is of one row of {model.header.columns:,} codes.")
    units = model.units_needed(list(outputs))
    proof = tuple(model.units_tree.multiproof(units))
    if isinstance(model.units, Network):
        words = b"".join(model.units.neuron(unit) for unit in units)
        return Rerun(tuple(units), words, proof)
    paths = [path(model.units, unit, codes) for unit in units]
    described = bytes(one.descriptor for one in paths)
    described += bytes(-len(described) % WORD_BYTES)
    words = described + b"".join(b"".join(one.words) for one in paths)
    return Rerun(tuple(units), words, proof)


def rerun_model(header: bytes, base: bytes, words: bytes) -> ExactModel:
    """The model that a rerun of all outputs shows.

    It says of the row of the rerun what the whole model does: of an ensemble it has
    the leaves that the row reaches, and nothing else.

    Args:
        header: The model's.
        base: Its base words.
        words: Of a rerun that has convicted on the chain.
    """
    found = ExactHeader.from_word(header)
    if found.kind is Kind.DENSE:
        return assembled(header, base, [words])
    descriptors = np.frombuffer(words[: found.units], dtype=np.uint8)
    kinds = np.where(descriptors & ENDS_IN_CUT, CUT, LEAF).astype(np.uint8)
    ends = WORDS_OF_NODE[kinds]
    sizes = ends + (descriptors & ~np.uint8(ENDS_IN_CUT))
    first = -(-found.units // WORD_BYTES) + np.cumsum(sizes) - sizes
    all_words = np.frombuffer(words, dtype=np.uint8).reshape(-1, WORD_BYTES)
    places = [
        at
        for one, many in zip(first, ends, strict=True)
        for at in range(one, one + many)
    ]
    none = np.zeros(found.units, dtype=np.uint16)
    trees = Trees(
        starts=np.arange(found.units + 1, dtype=np.int64),
        kinds=kinds,
        features=none,
        thresholds=none.copy(),
        rights=np.arange(found.units, dtype=np.int32),
        words=all_words[places],
    )
    return ExactModel(found, base, trees)


@dataclass(frozen=True)
class Part:
    """A part of a model, as it is posted.

    Attributes:
        index: Which part.
        words: Of its units, in order.
        proof: The siblings from the part's node up to the units' root.
    """

    index: int
    words: bytes
    proof: tuple[Hash, ...]


def part(model: ExactModel, index: int) -> Part:
    """A part of a model with its proof.

    Raises:
        InputError: There is no such part.
    """
    header = model.header
    if not 0 <= index < header.parts:
        raise InputError(f"The model has no part {index:,}; it has {header.parts:,}.")
    first = index << header.part
    units = range(first, min(first + (1 << header.part), header.units))
    words = b"".join(model.unit_words(unit) for unit in units)
    return Part(index, words, tuple(model.units_tree.proof(index, header.part)))


def assembled(header: bytes, base: bytes, parts: Sequence[bytes]) -> ExactModel:
    """The model whose parts were posted, all of them in order.

    Args:
        header: Its header's word.
        base: Its base words.
        parts: The words of each part.

    Raises:
        InputError: They are no model.
    """
    return ExactModel.from_bytes(header + base + b"".join(parts))
