# SPDX-License-Identifier: Apache-2.0
"""The reference's models: what they are, what commits to them, what they say of a row."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from verified.data import code
from verified.trees import keccak, root, signed, tag, unit_node

MAGIC = 0x4D4D5831
ENSEMBLE, DENSE = 0, 1
LOW_224 = (1 << 224) - 1
FIELDS = {
    "magic": (224, 32),
    "kind": (216, 8),
    "form": (208, 8),
    "columns": (192, 16),
    "outputs": (176, 16),
    "units": (144, 32),
    "rounds": (128, 16),
    "depth": (120, 8),
    "part": (112, 8),
    "width": (104, 8),
    "rest": (0, 104),
}
"""Of the header: the lowest bit, and the width."""


class ConcealedError(Exception):
    """What would have to be run is not known, or is nothing that can be run."""


@dataclass(frozen=True)
class Header:
    """The fields of a model's first word."""

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

    @cached_property
    def word(self) -> int:
        """The fields as a word, each masked to its width."""
        found = 0
        for name, (low, width) in FIELDS.items():
            found |= (getattr(self, name) & ((1 << width) - 1)) << low
        return found


def read_header(word: int) -> Header:
    """The fields of a header word."""
    return Header(
        **{
            name: word >> low & ((1 << width) - 1)
            for name, (low, width) in FIELDS.items()
        }
    )


# What a model is made of


@dataclass(frozen=True)
class Leaf:
    """The end of a way through a tree; any word will do."""

    word: int

    @cached_property
    def h(self) -> int:
        """Its hash, of 224 bits."""
        return keccak(self.word) >> 32


@dataclass(frozen=True)
class Hidden:
    """A side of which nothing but the hash is known."""

    h: int


@dataclass(frozen=True)
class Inner:
    """A question about one column of the row."""

    feature: int
    threshold: int
    left: Node
    right: Node

    @property
    def question(self) -> int:
        """Feature and threshold where they stand in a word."""
        return (self.feature & 0xFFFF) << 240 | (self.threshold & 0xFFFF) << 224

    @cached_property
    def h(self) -> int:
        """Its hash, of 224 bits."""
        return keccak(self.question | self.left.h, self.right.h) >> 32


Node = Leaf | Inner | Hidden


@dataclass(frozen=True)
class Neuron:
    """A bias word, and the words of the weights."""

    bias: int
    weights: tuple[int, ...]

    def weight(self, at: int) -> int:
        """The weight of input `at`."""
        group = 7 - at % 32 // 4
        place = 4 * group + at % 4
        return (self.weights[at // 32] >> (248 - 8 * place) & 0xFF) - 128


Unit = Node | Neuron


@dataclass(frozen=True)
class Model:
    """A model, honest or not."""

    header: Header
    base: tuple[int, ...]
    units: tuple[Unit, ...]

    @cached_property
    def unit_hashes(self) -> list[int]:
        """The leaves of the tree above the units."""
        return [unit_hash(unit) for unit in self.units]

    @cached_property
    def units_root(self) -> int:
        """What commits to the units."""
        return root(self.unit_hashes, unit_node)

    @cached_property
    def root(self) -> int:
        """What commits to the model."""
        return model_root(self.header.word, self.base, self.units_root)


def neuron_hash(neuron: Neuron) -> int:
    """The unit of a neuron: a chain through its words."""
    found = keccak(tag("neuron"), neuron.bias, len(neuron.weights))
    for word in neuron.weights:
        found = keccak(found, word)
    return found


def unit_hash(unit: Unit) -> int:
    """The leaf of a unit in the tree above the units."""
    if isinstance(unit, Neuron):
        return neuron_hash(unit)
    return keccak(tag("tree"), unit.h)


def model_root(header: int, base: Sequence[int], units_root: int) -> int:
    """What commits to a model."""
    return keccak(tag("model"), header, keccak(*base), units_root)


# Base words


def pack_base(values: Sequence[int]) -> tuple[int, ...]:
    """The base words of an ensemble: four signed 64-bit values to a word."""
    found = [0] * -(-len(values) // 4)
    for at, value in enumerate(values):
        found[at // 4] |= value % (1 << 64) << (192 - 64 * (at % 4))
    return tuple(found)


def base_value(base: Sequence[int], output: int) -> int:
    """The base of one output of an ensemble."""
    return signed(base[output // 4] >> (192 - 64 * (output % 4)), 64)


@dataclass(frozen=True)
class Layer:
    """One base word of a dense model."""

    neurons: int
    mul: int
    shift: int

    @property
    def word(self) -> int:
        """The fields as a word."""
        return self.neurons << 24 | self.mul << 8 | self.shift


def read_layer(word: int) -> Layer:
    """The fields of a base word of a dense model; what is above them is ignored."""
    return Layer(word >> 24 & 0xFFFF, word >> 8 & 0xFFFF, word & 0xFF)


# Execution


def output_of_unit(header: Header, unit: int) -> int:
    """The output that a tree of form 2 adds to."""
    return header.outputs - header.units // header.rounds + unit // header.rounds


def executed(header: Header, base: Sequence[int], wanted: Iterable[int]) -> list[int]:
    """The units that must be run to know the wanted outputs, in order."""
    chosen = sorted(set(wanted))
    if header.kind == DENSE:
        last = header.units - read_layer(base[-1]).neurons
        return [*range(last), *[last + output for output in chosen]]
    if header.form == 2:
        units = range(header.units)
        return [unit for unit in units if output_of_unit(header, unit) in chosen]
    return list(range(header.units))


def way(
    tree: Unit, codes: Sequence[int], depth: int
) -> tuple[list[Inner], Leaf | Inner]:
    """The way of a row through a tree: the inner nodes, root first, and its end.

    An inner node at the end is a cut.

    Raises:
        ConcealedError: The way leads to a side that is not known.
    """
    passed: list[Inner] = []
    node = tree
    while True:
        if isinstance(node, Hidden):
            raise ConcealedError("nothing but its hash is known")
        if isinstance(node, Neuron):
            raise ConcealedError("a neuron is no tree")
        if isinstance(node, Leaf) or len(passed) == depth:
            return passed, node
        passed.append(node)
        is_left = code(codes, node.feature) <= node.threshold
        node = node.left if is_left else node.right


def ensemble_outputs(
    header: Header,
    base: Sequence[int],
    leaves: Iterable[tuple[int, int]],
    wanted: Iterable[int],
) -> dict[int, int]:
    """Outputs of an ensemble from the leaf words that were reached.

    Args:
        header: The model's.
        base: Its base words.
        leaves: Index of the tree and leaf word; a tree that was cut has none.
        wanted: The outputs to tell.
    """
    found = {output: base_value(base, output) for output in wanted}
    if header.form == 2:
        for unit, word in leaves:
            output = output_of_unit(header, unit)
            if output in found:
                found[output] += signed(word, 64)
        return found
    total = 0
    for _, word in leaves:
        total = (total + (word & LOW_224)) & LOW_224
    width = {0: 16, 1: 32}[header.form]
    for output in found:
        lane = total >> (224 - width * (output + 1)) & ((1 << width) - 1)
        found[output] += lane
    return found


def neuron_value(neuron: Neuron, inputs: Sequence[int]) -> int:
    """What a neuron makes of its inputs."""
    return signed(neuron.bias, 32) + sum(
        neuron.weight(at) * value for at, value in enumerate(inputs) if value
    )


def activation(layer: Layer, value: int) -> int:
    """What a layer hands on to the next."""
    rounded = max(value, 0) * layer.mul + (1 << (layer.shift - 1))
    return min(255, rounded >> layer.shift)


def dense_outputs(
    model: Model, codes: Sequence[int], wanted: Iterable[int]
) -> dict[int, int]:
    """Outputs of a dense model."""
    inputs, start = list(codes), 0
    layers = [read_layer(word) for word in model.base]
    for layer in layers[:-1]:
        neurons = model.units[start : start + layer.neurons]
        start += layer.neurons
        inputs = [
            activation(layer, neuron_value(as_neuron(one, len(inputs)), inputs))
            for one in neurons
        ]
    return {
        output: neuron_value(
            as_neuron(model.units[start + output], len(inputs)), inputs
        )
        for output in wanted
    }


def weight_words(inputs: int) -> int:
    """How many words the weights of so many inputs take."""
    return -(-inputs // 32)


def as_neuron(unit: Unit, inputs: int) -> Neuron:
    """A unit of a dense model, which must have the words that its inputs need."""
    if not isinstance(unit, Neuron):
        raise ConcealedError("a tree is no neuron")
    if len(unit.weights) != weight_words(inputs):
        raise ConcealedError("it has another number of weights")
    return unit


def some_outputs(
    model: Model, codes: Sequence[int], wanted: Iterable[int]
) -> dict[int, int]:
    """The wanted outputs of a model on a row; only the units they need are run."""
    header, chosen = model.header, sorted(set(wanted))
    if header.kind == DENSE:
        return dense_outputs(model, codes, chosen)
    leaves = []
    for unit in executed(header, model.base, chosen):
        _, end = way(model.units[unit], codes, header.depth)
        if isinstance(end, Leaf):
            leaves.append((unit, end.word))
    return ensemble_outputs(header, model.base, leaves, chosen)


def all_outputs(model: Model, codes: Sequence[int]) -> list[int]:
    """All outputs of a model on a row."""
    found = some_outputs(model, codes, range(model.header.outputs))
    return [found[output] for output in range(model.header.outputs)]


def clamped(output: int, bits: int) -> int:
    """The prediction of a regression."""
    return max(0, min(output, (1 << bits) - 1))


def prediction(model: Model, codes: Sequence[int], bits: int) -> int:
    """What a model predicts of a row."""
    found = all_outputs(model, codes)
    if len(found) == 1:
        return clamped(found[0], bits)
    return found.index(max(found))
