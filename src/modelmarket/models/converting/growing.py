# SPDX-License-Identifier: Apache-2.0
"""Trees of an estimator, grown again as flat arrays in preorder."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from modelmarket.models.ensembles import LEAF, NODE_BYTES, Trees
from modelmarket.models.words import shape_of
from modelmarket.protocol.hidden import Words
from modelmarket.protocol.labels import WORD_BYTES

MOST_CODE = 2**16 - 1
FRACTION_BITS = 32
_NO_LEAF = -1
_START = WORD_BYTES - NODE_BYTES


@dataclass(frozen=True, eq=False)
class Fitted:
    """A fitted tree, node by node; the first is the root.

    Attributes:
        left: Shape (nodes,): -1 for a leaf.
        right: Shape (nodes,).
        feature: Shape (nodes,).
        threshold: Shape (nodes,): to the left if the code is at most that.
        values: Shape (nodes, outputs): what leaves say.
    """

    left: npt.NDArray[np.int64]
    right: npt.NDArray[np.int64]
    feature: npt.NDArray[np.int64]
    threshold: npt.NDArray[np.float64]
    values: npt.NDArray[np.float64]

    @classmethod
    def of(cls, tree: Any) -> Fitted:
        """The tree of a fitted decision tree (`tree_`)."""
        return cls(
            tree.children_left.astype(np.int64),
            tree.children_right.astype(np.int64),
            tree.feature.astype(np.int64),
            tree.threshold.astype(np.float64),
            tree.value[:, 0, :].astype(np.float64),
        )

    @classmethod
    def flat(cls, value: float = 0) -> Fitted:
        """A tree that says the same of every row."""
        none, zero = np.array([-1]), np.zeros(1)
        return cls(none, none, none, zero, np.array([[value]]))

    @property
    def leaf_values(self) -> npt.NDArray[np.float64]:
        """Shape (leaves, outputs)."""
        return self.values[self.left < 0]


def grown(fitted: Fitted, words: Words) -> Trees:
    """A tree as flat arrays.

    Codes are whole numbers from 0 on, so that `code ≤ threshold` asks the same as
    `code ≤ floor(threshold)`, and a negative threshold asks nothing. Where both sides
    say the same, one leaf says it.

    Args:
        fitted: As the estimator has it.
        words: Shape (nodes, 32): what each leaf becomes.
    """
    order = _preorder(fitted)
    kept = _without_twins(order, fitted.left, words)
    symbols = [0 if is_leaf else 1 for _, is_leaf in kept]
    nodes = np.array([node for node, _ in kept], dtype=np.int64)
    shape = shape_of(symbols, len(symbols))
    kinds = np.array(shape.kinds, dtype=np.uint8)
    asks = kinds != LEAF
    thresholds = np.floor(np.clip(fitted.threshold[nodes], 0, MOST_CODE))
    return Trees(
        starts=np.array([0, len(nodes)], dtype=np.int64),
        kinds=kinds,
        features=np.where(asks, fitted.feature[nodes], 0).astype(np.uint16),
        thresholds=np.where(asks, thresholds, 0).astype(np.uint16),
        rights=np.array(shape.rights, dtype=np.int32),
        words=words[nodes[~asks]],
    )


def _preorder(fitted: Fitted) -> list[int]:
    """The nodes that codes can reach, left sides before right ones."""
    left, right = fitted.left.tolist(), fitted.right.tolist()
    threshold = fitted.threshold.tolist()
    order, waiting = [], [0]
    while waiting:
        node = waiting.pop()
        while left[node] >= 0 and threshold[node] < 0:
            node = right[node]
        order.append(node)
        if left[node] >= 0:
            waiting += (right[node], left[node])
    return order


def _without_twins(
    order: list[int], left: npt.NDArray[np.int64], words: Words
) -> list[tuple[int, bool]]:
    """Nodes in preorder, and whether each is a leaf.

    An inner node whose sides say the same is not there, but a leaf that says it.
    """
    data, children = words.tobytes(), left.tolist()
    # For each word a leaf that holds it, which stands for all of them.
    known: dict[bytes, int] = {}
    ends, says = [0] * len(order), [_NO_LEAF] * len(order)
    for at in range(len(order) - 1, -1, -1):
        node = order[at]
        if children[node] < 0:
            word = data[node * WORD_BYTES : (node + 1) * WORD_BYTES]
            ends[at], says[at] = at + 1, known.setdefault(word, node)
            continue
        other = ends[at + 1]
        ends[at] = ends[other]
        if says[at + 1] == says[other]:
            says[at] = says[other]
    kept, at = [], 0
    while at < len(order):
        is_leaf = says[at] != _NO_LEAF
        kept.append((says[at] if is_leaf else order[at], is_leaf))
        at = ends[at] if is_leaf else at + 1
    return kept


def lane_words(values: npt.NDArray[np.int64], bits: int) -> Words:
    """Leaf words that hold a lane for each output.

    Args:
        values: Shape (leaves, outputs); each from 0 to below 2**bits.
        bits: Of a lane, 16 or 32.
    """
    lanes = np.ascontiguousarray(values.astype(f">u{bits // 8}")).view(np.uint8)
    return _placed(lanes, _START)


def scalar_words(values: npt.NDArray[np.int64]) -> Words:
    """Leaf words that hold one signed value of 64 bits.

    Args:
        values: Shape (leaves,).
    """
    numbers = np.ascontiguousarray(values.astype(">i8")).view(np.uint8)
    return _placed(numbers.reshape(len(values), 8), WORD_BYTES - 8)


def fraction_words(values: npt.NDArray[np.float64]) -> Words:
    """Leaf words whose first lane of 32 bits holds a whole number, the next a fraction.

    Words are added up carries and all, so that fractions of many trees become whole.
    Negative values wrap around, as the sum does.

    Args:
        values: Shape (leaves,): each between -2**32 and 2**32.
    """
    whole = np.floor(values)
    fraction = np.floor((values - whole) * 2.0**FRACTION_BITS)
    lanes = np.stack([whole.astype(np.int64) % 2**32, fraction.astype(np.int64)], 1)
    return lane_words(lanes, 32)


def _placed(data: npt.NDArray[np.uint8], at: int) -> Words:
    words = np.zeros((len(data), WORD_BYTES), dtype=np.uint8)
    words[:, at : at + data.shape[1]] = data
    return words
