# SPDX-License-Identifier: Apache-2.0
"""Exact models once more, in plain Python: what they predict, and their hashes.

Written from `docs/exact.md` alone: it shares no code with client or contracts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from eth_hash.auto import keccak

from verified.hashing import (
    Hash,
    joined,
    lane,
    layers,
    levels,
    multiproof,
    proof,
    tag,
    unit_node,
    word,
)

MASK224 = 2**224 - 1
MAGIC = 0x4D4D5831
ENSEMBLE, DENSE = 0, 1
LANES_OF_16, LANES_OF_32, SCALAR = 0, 1, 2


def signed(number: int, bits: int) -> int:
    """The low bits of a number, as a signed one."""
    low: int = number & ((1 << bits) - 1)
    return low - (1 << bits) if low >> (bits - 1) else low


@dataclass(frozen=True)
class Header:
    """A model's header; fields as wide as they are."""

    kind: int
    form: int
    columns: int
    outputs: int
    units: int
    rounds: int
    depth: int
    part: int
    width: int
    magic: int = MAGIC
    rest: int = 0

    @property
    def word(self) -> int:
        fields = (
            (self.magic, 32),
            (self.kind, 8),
            (self.form, 8),
            (self.columns, 16),
            (self.outputs, 16),
            (self.units, 32),
            (self.rounds, 16),
            (self.depth, 8),
            (self.part, 8),
            (self.width, 8),
            (self.rest, 104),
        )
        found = 0
        for value, bits in fields:
            found = found << bits | value % 2**bits
        return found


# --- trees ---


@dataclass(frozen=True)
class Leaf:
    """Any word."""

    word: int

    @property
    def digest(self) -> int:
        return int.from_bytes(keccak(word(self.word)), "big") >> 32


@dataclass(frozen=True)
class Hidden:
    """A side of which nobody knows more than its hash."""

    digest: int


@dataclass(frozen=True)
class Inner:
    """A question, and where its answers lead."""

    feature: int
    threshold: int
    left: Tree
    right: Tree

    @property
    def ask(self) -> int:
        return self.feature << 16 | self.threshold

    @property
    def digest(self) -> int:
        data = joined(self.ask << 224 | self.left.digest, self.right.digest)
        return int.from_bytes(keccak(data), "big") >> 32


Tree = Leaf | Hidden | Inner


def code_at(row: Sequence[int], feature: int) -> int:
    """A code of a row; 0 behind its last."""
    return row[feature] if feature < len(row) else 0


def walk(tree: Tree, row: Sequence[int], depth: int) -> tuple[list[Inner], Tree]:
    """The inner nodes that a row passes, and where it ends.

    Raises:
        LookupError: Nobody knows what is there.
    """
    passed: list[Inner] = []
    here = tree
    while isinstance(here, Inner) and len(passed) < depth:
        passed.append(here)
        goes_left = code_at(row, here.feature) <= here.threshold
        here = here.left if goes_left else here.right
    if isinstance(here, Hidden):
        raise LookupError("a side that nobody knows")
    return passed, here


def path(tree: Tree, row: Sequence[int], depth: int) -> tuple[int, list[int]]:
    """The descriptor and the words of a row's way, from its end to the root."""
    passed, end = walk(tree, row, depth)
    if isinstance(end, Inner):
        words = [end.ask << 224 | end.left.digest, end.right.digest]
        descriptor = 128 | len(passed)
    else:
        assert isinstance(end, Leaf)
        words, descriptor = [end.word], len(passed)
    for one in reversed(passed):
        goes_left = code_at(row, one.feature) <= one.threshold
        other = one.right if goes_left else one.left
        words.append(one.ask << 224 | other.digest)
    return descriptor, words


def posted(tree: Tree, depth: int) -> list[int]:
    """A tree in words, as it is posted and kept.

    Raises:
        LookupError: Nobody knows a side of it.
    """
    symbols: list[int] = []
    asks: list[int] = []
    words: list[int] = []

    def visit(here: Tree, above: int) -> None:
        if isinstance(here, Hidden):
            raise LookupError("a side that nobody knows")
        symbols.append(int(isinstance(here, Inner)))
        if isinstance(here, Leaf):
            words.append(here.word)
            return
        asks.append(here.ask)
        if above == depth:
            words.extend((here.left.digest, here.right.digest))
            return
        visit(here.left, above + 1)
        visit(here.right, above + 1)

    visit(tree, 0)
    text = "".join(map(str, symbols))
    text += "0" * (-len(text) % 256)
    packed = [int(text[at : at + 256], 2) for at in range(0, len(text), 256)]
    text = "".join(format(one, "032b") for one in asks)
    text += "0" * (-len(text) % 256)
    packed += [int(text[at : at + 256], 2) for at in range(0, len(text), 256)]
    return [len(symbols) << 16 | len(asks), *packed, *words]


# --- models ---


@dataclass(frozen=True)
class Neuron:
    """A bias and weights, as words."""

    bias: int
    weights: tuple[int, ...]

    @property
    def words(self) -> list[int]:
        return [self.bias, *self.weights]

    def weight(self, at: int) -> int:
        """A weight, from -128 to 127."""
        group = 7 - at % 32 // 4
        return lane([self.weights[at // 32]], 4 * group + at % 4, 8) - 128

    @property
    def digest(self) -> Hash:
        found = keccak(joined(tag("neuron"), self.bias, len(self.weights)))
        for one in self.weights:
            found = keccak(found + word(one))
        return found


@dataclass(frozen=True)
class Layer:
    """Neurons, and how their sums become bytes again."""

    neurons: tuple[Neuron, ...]
    mul: int
    shift: int
    high: int = 0
    """What stands above the fields."""

    @property
    def word(self) -> int:
        return self.high << 40 | len(self.neurons) << 24 | self.mul << 8 | self.shift


@dataclass(frozen=True)
class Model:
    """An exact model: trees or layers."""

    header: Header
    base: tuple[int, ...]
    trees: tuple[Tree, ...] = ()
    layers: tuple[Layer, ...] = ()

    @property
    def units(self) -> list[Hash]:
        if self.header.kind == ENSEMBLE:
            return [keccak(joined(tag("tree"), one.digest)) for one in self.trees]
        return [one.digest for layer in self.layers for one in layer.neurons]

    @property
    def tree(self) -> list[list[Hash]]:
        return layers(self.units, unit_node)

    @property
    def units_root(self) -> Hash:
        return self.tree[-1][0]

    @property
    def base_hash(self) -> Hash:
        return keccak(joined(*self.base))

    def outputs(self, row: Sequence[int]) -> list[int]:
        """What the model gives for each class, or for a regression."""
        if self.header.kind == DENSE:
            return self._dense(row)
        header = self.header
        ends = [walk(one, row, header.depth)[1] for one in self.trees]
        values = [one.word if isinstance(one, Leaf) else None for one in ends]
        base = [signed(lane(self.base, at, 64), 64) for at in range(header.outputs)]
        if header.form == SCALAR:
            first = header.outputs - header.units // header.rounds
            for unit, value in enumerate(values):
                if value is not None:
                    base[first + unit // header.rounds] += signed(value, 64)
            return base
        total = sum(one & MASK224 for one in values if one is not None) & MASK224
        bits = 16 if header.form == LANES_OF_16 else 32
        return [
            one + (total >> (224 - bits * (at + 1))) % 2**bits
            for at, one in enumerate(base)
        ]

    def _dense(self, row: Sequence[int]) -> list[int]:
        here = list(row)
        for layer in self.layers:
            sums = [
                signed(one.bias, 32)
                + sum(one.weight(at) * value for at, value in enumerate(here))
                for one in layer.neurons
            ]
            if layer is self.layers[-1]:
                return sums
            here = [
                min(
                    255,
                    (max(one, 0) * layer.mul + 2 ** (layer.shift - 1)) >> layer.shift,
                )
                for one in sums
            ]
        raise AssertionError("a model without layers")

    def predict(self, row: Sequence[int], bits: int) -> int:
        """The class, or the value."""
        found = self.outputs(row)
        if len(found) == 1:
            return max(0, min(found[0], (1 << bits) - 1))
        return found.index(max(found))

    # --- what a challenge needs ---

    def executed(self, *outputs: int) -> list[int]:
        """The units that these outputs follow from."""
        header = self.header
        if header.kind == DENSE:
            hidden = header.units - header.outputs
            return [*range(hidden), *(hidden + one for one in sorted(set(outputs)))]
        if header.form != SCALAR or header.outputs == 1:
            return list(range(header.units))
        first = header.outputs - header.units // header.rounds
        return [
            unit
            for unit in range(header.units)
            if first + unit // header.rounds in outputs
        ]

    def call(self, row: Sequence[int], *outputs: int) -> tuple[list[int], list[Hash]]:
        """The words of a rerun, and the siblings of what it executes."""
        units = self.executed(*outputs)
        siblings = multiproof(self.tree, units)
        if self.header.kind == DENSE:
            every = [one for layer in self.layers for one in layer.neurons]
            return [one for unit in units for one in every[unit].words], siblings
        paths = [path(self.trees[unit], row, self.header.depth) for unit in units]
        text = bytes(descriptor for descriptor, _ in paths)
        text += bytes(-len(text) % 32)
        words = [
            int.from_bytes(text[at : at + 32], "big") for at in range(0, len(text), 32)
        ]
        return words + [one for _, way in paths for one in way], siblings

    # --- what a demand needs ---

    @property
    def parts(self) -> int:
        return -(-self.header.units // (1 << self.header.part))

    def part(self, index: int) -> tuple[list[int], list[Hash]]:
        """The words of a part, and its siblings."""
        size = 2**self.header.part
        siblings = proof(self.tree, index, self.header.part)
        if self.header.kind == DENSE:
            every = [one for layer in self.layers for one in layer.neurons]
            return [one for neuron in every for one in neuron.words], siblings
        trees = self.trees[index * size : (index + 1) * size]
        words = [one for tree in trees for one in posted(tree, self.header.depth)]
        return words, siblings


def is_refuted(
    model: Model, row: Sequence[int], listed: int, better: int, bits: int
) -> bool:
    """Whether the chain must convict who listed this for a row."""
    found = model.outputs(row)
    if len(found) == 1:
        return max(0, min(found[0], (1 << bits) - 1)) != listed
    if listed >= len(found):
        return True
    if better >= len(found):
        return False
    return (-found[better], better) < (-found[listed], listed)


def header_fault(
    header: Header,
    base: Sequence[int],
    *,
    columns: int,
    outputs: int,
    width: int,
    units: int,
    words: int,
    parts: int,
) -> str:
    """Why a header is refused; empty if it is not."""
    tall = levels(header.units) if header.units else 0
    checks = (
        (header.magic != MAGIC or header.rest != 0, "BadHeader"),
        (header.columns != columns, "BadColumns"),
        (header.outputs != outputs, "BadOutputs"),
        (header.width != width, "BadWidth"),
        (not 0 < header.units <= units or tall > 18, "BadUnits"),
        (header.part > min(10, tall), "BadPart"),
        (-(-header.units // 2 ** min(header.part, 255)) > parts, "BadPart"),
    )
    for fails, reason in checks:
        if fails:
            return reason
    if header.kind == ENSEMBLE:
        return _ensemble_fault(header, base, words)
    if header.kind != DENSE:
        return "BadKind"
    return "BadPart" if header.part != tall else _dense_fault(header, base, words)


def _ensemble_fault(header: Header, base: Sequence[int], words: int) -> str:
    if header.form > SCALAR:
        return "BadForm"
    if header.depth > 32:
        return "BadDepth"
    if len(base) != -(-header.outputs // 4):
        return "BadBase"
    executed = header.units
    if header.form == SCALAR:
        if header.rounds == 0 or header.units % header.rounds:
            return "BadRounds"
        grown = header.units // header.rounds
        if grown not in (header.outputs, header.outputs - 1):
            return "BadRounds"
        if header.outputs != 1:
            executed = header.rounds * min(2, grown)
    else:
        if header.rounds:
            return "BadRounds"
        if header.outputs > (14 if header.form == LANES_OF_16 else 7):
            return "BadForm"
    if executed > 1_024:
        return "TooManyUnits"
    return "TooManyWords" if executed * (header.depth + 2) > words else ""


def _dense_fault(header: Header, base: Sequence[int], words: int) -> str:
    if header.form or header.rounds or header.depth:
        return "BadForm"
    if header.width != 8:
        return "BadWidth"
    if not 1 <= len(base) <= 8:
        return "BadLayers"
    inputs, units, needed = header.columns, 0, 0
    for at, one in enumerate(base):
        neurons, mul, shift = one >> 24 & 0xFFFF, one >> 8 & 0xFFFF, one & 0xFF
        if not 1 <= neurons <= 1_024:
            return "BadLayers"
        if at + 1 < len(base) and (not mul or not 1 <= shift <= 31):
            return "BadLayers"
        units += neurons
        needed += neurons * (1 + -(-inputs // 32))
        inputs = neurons
    if inputs != header.outputs or units != header.units:
        return "BadLayers"
    return "TooManyWords" if needed > words else ""
