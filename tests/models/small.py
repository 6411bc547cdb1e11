# SPDX-License-Identifier: Apache-2.0
"""Exact models as the text describes them: recursive, in Python's integers, slow."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from eth_hash.auto import keccak
from hypothesis import strategies as st

from modelmarket.models.header import ExactHeader, Form, Kind

LOW = (1 << 224) - 1


def tag(name: str) -> bytes:
    return keccak(f"ModelMarket {name} 1".encode())


def word(value: int) -> bytes:
    return value.to_bytes(32)


@dataclass(frozen=True)
class Leaf:
    word: int


@dataclass(frozen=True)
class Inner:
    feature: int
    threshold: int
    left: Node
    right: Node


@dataclass(frozen=True)
class Cut:
    feature: int
    threshold: int
    left: int
    right: int


Node = Leaf | Inner | Cut


def hash_of(node: Node) -> int:
    if isinstance(node, Leaf):
        return int.from_bytes(keccak(word(node.word))) >> 32
    sides = (
        (node.left & LOW, node.right & LOW)
        if isinstance(node, Cut)
        else (hash_of(node.left), hash_of(node.right))
    )
    first = node.feature << 240 | node.threshold << 224 | sides[0]
    return int.from_bytes(keccak(word(first) + word(sides[1]))) >> 32


def reached(node: Node, row: list[int]) -> int | None:
    """The word of the leaf that a row comes to; None at a cut."""
    if isinstance(node, Leaf):
        return node.word
    if isinstance(node, Cut):
        return None
    code = row[node.feature] if node.feature < len(row) else 0
    return reached(node.left if code <= node.threshold else node.right, row)


def signed(value: int, bits: int) -> int:
    low = value & ((1 << bits) - 1)
    return int(low - (low >> (bits - 1) << bits))


def outputs_of(
    header: ExactHeader, base: bytes, trees: list[Node], row: list[int]
) -> list[int]:
    values = [
        signed(int.from_bytes(base[8 * i : 8 * i + 8]), 64)
        for i in range(header.outputs)
    ]
    words = [reached(tree, row) for tree in trees]
    if header.form is Form.SCALAR:
        for unit, found in enumerate(words):
            output = header.outputs - header.units // header.rounds
            output += unit // header.rounds
            values[output] += signed(found or 0, 64)
        return values
    total = sum((found or 0) & LOW for found in words) % 2**224
    bits = 16 if header.form is Form.LANES_16 else 32
    return [
        value + (total >> (224 - bits * (c + 1)) & (2**bits - 1))
        for c, value in enumerate(values)
    ]


def prediction_of(outputs: list[int], bits: int) -> int:
    if len(outputs) > 1:
        return outputs.index(max(outputs))
    return min(max(outputs[0], 0), (1 << bits) - 1)


def tree_in_words(tree: Node) -> bytes:
    symbols, inner, ends = [], [], []

    def walk(node: Node) -> None:
        symbols.append(not isinstance(node, Leaf))
        if isinstance(node, Leaf):
            ends.append(node.word)
            return
        inner.append(node.feature << 16 | node.threshold)
        if isinstance(node, Cut):
            ends.extend((node.left, node.right))
        else:
            walk(node.left)
            walk(node.right)

    walk(tree)
    return b"".join(
        [
            word(len(symbols) << 16 | len(inner)),
            packed([int(one) for one in symbols], 1),
            packed(inner, 32),
            *map(word, ends),
        ]
    )


def packed(values: list[int], bits: int) -> bytes:
    size = -(-len(values) * bits // 256) * 32
    number = 0
    for value in values:
        number = number << bits | value
    return (number << (8 * size - bits * len(values))).to_bytes(size)


def units_root(leaves: list[bytes]) -> bytes:
    while len(leaves) & (len(leaves) - 1):
        leaves = [*leaves, bytes(32)]
    while len(leaves) > 1:
        leaves = [
            keccak(tag("unit node") + left + right)
            for left, right in zip(leaves[::2], leaves[1::2], strict=True)
        ]
    return leaves[0]


def model_root(header: ExactHeader, base: bytes, leaves: list[bytes]) -> bytes:
    return keccak(tag("model") + header.word + keccak(base) + units_root(leaves))


def words_of_leaves(form: Form) -> st.SearchStrategy[int]:
    """Words of strangers: full of carries, and of what is masked away."""
    return st.one_of(
        st.integers(0, 2**256 - 1),
        st.just(2**256 - 1),
        st.just(2**63 if form is Form.SCALAR else LOW),
        st.integers(0, 3),
    )


def trees(form: Form, depth: int, columns: int) -> st.SearchStrategy[Node]:
    leaves = st.builds(Leaf, words_of_leaves(form))
    features = st.one_of(st.integers(0, columns), st.sampled_from([65_535, columns]))
    thresholds = st.one_of(st.integers(0, 255), st.sampled_from([0, 65_535]))
    wholes = st.integers(0, 2**256 - 1)
    found: st.SearchStrategy[Node] = st.one_of(
        leaves, st.builds(Cut, features, thresholds, wholes, wholes)
    )
    for _ in range(depth):
        found = st.one_of(leaves, st.builds(Inner, features, thresholds, found, found))
    return found


@dataclass(frozen=True)
class Small:
    header: ExactHeader
    base: bytes
    trees: list[Node]

    @property
    def file(self) -> bytes:
        units = b"".join(map(tree_in_words, self.trees))
        return self.header.word + self.base + units

    @property
    def leaves(self) -> list[bytes]:
        return [keccak(tag("tree") + word(hash_of(tree))) for tree in self.trees]


@st.composite
def ensembles(draw: Callable[..., int], form: Form | None = None) -> Small:
    chosen: Form = form if form is not None else draw(st.sampled_from(Form))  # type: ignore[assignment]  # what draw gives
    columns, depth = draw(st.integers(1, 4)), draw(st.integers(0, 4))
    outputs = draw(st.integers(1, 5))
    rounds = draw(st.integers(1, 3)) if chosen is Form.SCALAR else 0
    fewer = outputs > 1 and draw(st.integers(0, 1))
    units = rounds * (outputs - fewer) or draw(st.integers(1, 6))
    part = draw(st.integers(0, (units - 1).bit_length()))
    header = ExactHeader(
        Kind.ENSEMBLE, chosen, columns, outputs, units, rounds, depth, part, width=8
    )
    value = st.one_of(st.integers(0, 2**256 - 1), st.integers(0, 9))
    base = b"".join(word(draw(value)) for _ in range(-(-outputs // 4)))
    some: list[Node] = [draw(trees(chosen, depth, columns)) for _ in range(units)]  # type: ignore[misc]  # as above
    return Small(header, base, some)
