# SPDX-License-Identifier: Apache-2.0
"""Contests and models of a given size, for measurements of what they cost.

Models are as large as their name says and every path is as deep, without a byte that
is zero: the dearest that there are. They predict nothing that makes sense.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np
import numpy.typing as npt

from modelmarket.chain.verified import Listed
from modelmarket.models.dense import Layer, Network, pack_neurons
from modelmarket.models.ensembles import CUT, INNER, LEAF, Trees, base_words
from modelmarket.models.exact import ExactModel
from modelmarket.models.header import ExactHeader, Form, Kind
from modelmarket.models.words import largest_part, tree_sizes
from modelmarket.protocol.hidden import (
    Keystream,
    RowCodes,
    Targets,
    group_labels,
    pack_groups,
    pack_rows,
    row_words,
)
from modelmarket.protocol.labels import WORD_BYTES
from modelmarket.protocol.listings import SumTree
from modelmarket.protocol.merkle import (
    GROUP_BYTES,
    HashTree,
    levels,
    rows_tree,
    targets_tree,
    word,
)
from modelmarket.protocol.points import Points, Scoring, group_points

MILLION = 1_000_000
KEY, NONCE = bytes(range(3, 35)), bytes(range(5, 37))
ACCUSED = 783
"""The row that challenges are about."""

MOST_CODE = 200
"""Codes stay below it, thresholds do not: each way leads to the left."""

BYTE = 256


@cache
def digits() -> tuple[RowCodes, Targets]:
    """Handwritten digits: codes of shape (1797, 64), and classes."""
    from sklearn.datasets import load_digits

    images, classes = load_digits(return_X_y=True)
    return images.astype(np.uint8), classes.astype(np.uint32)


@dataclass(frozen=True)
class Setting:
    """What a contest is about.

    Attributes:
        scoring: How rows score.
        bits: Of a target.
        columns: Codes of a row, of eight bits.
        rows: Of the hidden part.
        has_rows: Whether rows are made, rather than a root of none.
        is_digits: Whether they are scikit-learn's handwritten digits, over and over.
    """

    scoring: Scoring
    bits: int
    columns: int = 64
    rows: int = MILLION
    has_rows: bool = False
    is_digits: bool = False

    @cached_property
    def codes(self) -> RowCodes:
        """Shape (rows, columns)."""
        if self.is_digits:
            images, _ = digits()
            return images[np.arange(self.rows) % len(images)]
        shape = (self.rows, self.columns)
        return np.random.default_rng(4).integers(0, MOST_CODE, shape, dtype=np.uint8)

    @cached_property
    def targets(self) -> Targets:
        """Shape (rows,): classes, or numbers in the lower half of the range."""
        is_number = self.scoring.kind.is_regression
        most = 2 ** (self.bits - 1) if is_number else self.scoring.outputs
        return np.random.default_rng(5).integers(0, most, self.rows, dtype=np.uint32)

    @cached_property
    def hidden_rows(self) -> npt.NDArray[np.uint8]:
        """Shape (rows, bytes of a row): encrypted."""
        return Keystream(KEY, NONCE).rows(pack_rows(self.codes, 8))

    @cached_property
    def rows_tree(self) -> HashTree:
        words = row_words(self.columns, 8)
        return rows_tree(self.hidden_rows.tobytes(), words)

    @cached_property
    def hidden_targets(self) -> npt.NDArray[np.uint8]:
        """Shape (groups, 256): encrypted."""
        return Keystream(KEY, NONCE).groups(pack_groups(self.targets, self.bits))

    @cached_property
    def targets_tree(self) -> HashTree:
        return targets_tree(self.hidden_targets.tobytes())

    @property
    def rows_root(self) -> bytes:
        """Commits to the rows."""
        return self.rows_tree.root if self.has_rows else word(1)

    @property
    def groups(self) -> int:
        """Of targets, and of a listing."""
        return len(self.hidden_targets)

    @property
    def accused_group(self) -> int:
        """Where the accused row stands."""
        return ACCUSED // group_labels(self.bits)

    def points(self, predictions: Targets) -> Points:
        """Shape (groups,)."""
        return group_points(self.scoring.points(self.targets, predictions), self.bits)


@dataclass(frozen=True)
class Listing:
    """Predictions of all rows, as they are listed.

    Attributes:
        groups: Packed, one after the other.
        tree: Of their sums.
    """

    groups: bytes
    tree: SumTree

    @classmethod
    def of(cls, setting: Setting, predictions: Targets, lie: int = 0) -> Listing:
        """The listing of predictions.

        Args:
            setting: Of the contest.
            predictions: Shape (rows,).
            lie: Points that the accused group is given besides.
        """
        groups = pack_groups(predictions, setting.bits).tobytes()
        points = [int(one) for one in setting.points(predictions)]
        points[setting.accused_group] += lie
        return cls(groups, SumTree.over(groups, points))

    def group(self, index: int) -> Listed:
        """A group with the sums above it."""
        at = index * GROUP_BYTES
        points = self.tree.node(0, index)[1]
        return Listed(
            self.groups[at : at + GROUP_BYTES], points, self.tree.proof(index)
        )


def spine(depth: int, columns: int, random: np.random.Generator) -> Trees:
    """A tree whose way to the left is as deep as it can be."""
    nodes = 2 * depth + 1
    kinds = np.array([INNER] * depth + [LEAF] * (depth + 1), dtype=np.uint8)
    asks = kinds == INNER
    features = random.integers(0, columns, nodes).astype(np.uint16)
    thresholds = random.integers(MOST_CODE, BYTE, nodes).astype(np.uint16)
    rights = np.arange(nodes, dtype=np.int32)
    rights[:depth] = 2 * depth - np.arange(depth)
    return Trees(
        np.array([0, nodes], dtype=np.int64),
        kinds,
        np.where(asks, features, 0).astype(np.uint16),
        np.where(asks, thresholds, 0).astype(np.uint16),
        rights,
        random.integers(1, BYTE, (depth + 1, WORD_BYTES), dtype=np.uint8),
    )


def bush(inner: int, random: np.random.Generator) -> Trees:
    """A tree of so many inner nodes, as low as it can be, with no byte zero."""
    return grown(inner, lambda inner: (inner - 1) // 2, random)


def wild(inner: int, random: np.random.Generator) -> Trees:
    """The same of any shape."""
    return grown(inner, lambda inner: int(random.integers(inner)), random)


def leaning(inner: int, random: np.random.Generator, tall: int = 24) -> Trees:
    """The same of ways to the left, where the clerk takes fewest symbols at a time.

    Args:
        inner: How many inner nodes.
        random: Where questions and leaves come from.
        tall: How many inner nodes such a way has at most.
    """
    return grown(
        inner,
        lambda inner: (inner - 1) // 2 if inner > tall else inner - 1,
        random,
    )


def grown(
    inner: int, to_the_left: Callable[[int], int], random: np.random.Generator
) -> Trees:
    """A tree of so many inner nodes, with no byte zero.

    Args:
        inner: How many.
        to_the_left: Of the nodes below one, how many stand on its left side.
        random: Where questions and leaves come from.
    """
    kinds: list[int] = []
    rights: list[int] = []

    def grow(inner: int) -> None:
        at = len(kinds)
        kinds.append(INNER if inner else LEAF)
        rights.append(at)
        if inner:
            left = to_the_left(inner)
            grow(left)
            rights[at] = len(kinds)
            grow(inner - 1 - left)

    grow(inner)
    nodes = len(kinds)
    asks = np.array(kinds, dtype=np.uint8) == INNER
    pairs = random.integers(1, BYTE, (2, nodes, 2), dtype=np.uint8)
    features, thresholds = pairs.view(np.uint16)[:, :, 0]
    return Trees(
        np.array([0, nodes], dtype=np.int64),
        np.array(kinds, dtype=np.uint8),
        np.where(asks, features, 0).astype(np.uint16),
        np.where(asks, thresholds, 0).astype(np.uint16),
        np.array(rights, dtype=np.int32),
        random.integers(1, BYTE, (inner + 1, WORD_BYTES), dtype=np.uint8),
    )


def with_cuts(
    tree: Trees, count: int, random: np.random.Generator, *, throughout: bool = False
) -> Trees:
    """The same, with questions in place of leaves of the lowest level: the first ones,
    or such as stand throughout the tree.
    """
    above = np.zeros(len(tree.kinds), dtype=np.int64)
    for node in np.flatnonzero(tree.kinds == INNER):
        above[[node + 1, tree.rights[node]]] = above[node] + 1
    lowest = np.flatnonzero((tree.kinds == LEAF) & (above == above.max()))
    chosen = lowest[:count]
    if throughout:
        chosen = lowest[np.linspace(0, len(lowest) - 1, count).astype(np.int64)]
    kinds, features = tree.kinds.copy(), tree.features.copy()
    thresholds = tree.thresholds.copy()
    kinds[chosen] = CUT
    pairs = random.integers(1, BYTE, (2, len(chosen), 2), dtype=np.uint8)
    features[chosen], thresholds[chosen] = pairs.view(np.uint16)[:, :, 0]
    # Of a cut there are two words, where a leaf has one.
    places = tree.places[chosen]
    words = np.insert(tree.words, places, tree.words[places], axis=0)
    return Trees(tree.starts, kinds, features, thresholds, tree.rights, words)


def sparse(depth: int) -> Trees:
    """The same with no byte that is not zero, where that can be."""
    tree = spine(depth, 1, np.random.default_rng(0))
    nothing = np.zeros_like(tree.features)
    words = np.zeros_like(tree.words)
    return Trees(tree.starts, tree.kinds, nothing, nothing, tree.rights, words)


def ensemble(
    trees: list[Trees], depth: int, columns: int, outputs: int, form: Form
) -> ExactModel:
    """An ensemble of trees."""
    units = Trees.joined(trees)
    header = ExactHeader(
        kind=Kind.ENSEMBLE,
        form=form,
        columns=columns,
        outputs=outputs,
        units=len(units),
        rounds=len(units) // outputs if form is Form.SCALAR else 0,
        depth=depth,
        part=largest_part(tree_sizes(units)),
        width=8,
    )
    return ExactModel(header, bytes(base_words(header) * WORD_BYTES), units)


def forest(
    count: int, depth: int, setting: Setting, form: Form = Form.LANES_16
) -> ExactModel:
    """So many trees, each as deep."""
    random = np.random.default_rng(1_000 * count + depth)
    trees = [spine(depth, setting.columns, random) for _ in range(count)]
    return ensemble(trees, depth, setting.columns, setting.scoring.outputs, form)


def fitted(count: int, depth: int) -> ExactModel:
    """A forest as people fit it, on handwritten digits."""
    from sklearn.ensemble import RandomForestClassifier

    forest = RandomForestClassifier(count, max_depth=depth, random_state=0)
    images, classes = digits()
    return ExactModel.of_codes(forest.fit(images, classes), width=8, columns=64)


def network(neurons: list[int], setting: Setting) -> ExactModel:
    """A dense model with so many neurons in each layer."""
    random = np.random.default_rng(sum(neurons))
    layers, words, inputs = [], [], setting.columns
    for count in neurons:
        layers.append(Layer(inputs, count, mul=257, shift=16))
        # note: a weight of -128 is a byte that is zero.
        weights = random.integers(-127, 128, (count, inputs))
        biases = random.integers(2**24, 2**31, count)
        words.append(pack_neurons(weights, biases))
        inputs = count
    units = sum(neurons)
    header = ExactHeader(
        kind=Kind.DENSE,
        form=Form.LANES_16,
        columns=setting.columns,
        outputs=setting.scoring.outputs,
        units=units,
        rounds=0,
        depth=0,
        part=levels(units),
        width=8,
    )
    base = b"".join(layer.base_word for layer in layers)
    return ExactModel(header, base, Network(tuple(layers), np.concatenate(words)))
