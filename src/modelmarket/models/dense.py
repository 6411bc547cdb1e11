# SPDX-License-Identifier: Apache-2.0
"""Dense models: layers of neurons with weights of a byte, and what they say of rows.

The same rules in Vyper: `contracts/dense.vy`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from eth_hash.auto import keccak

from modelmarket.errors import InputError
from modelmarket.models.header import (
    MOST_LAYERS,
    MOST_NEURONS,
    MOST_WORDS,
    NO_ADVICE,
    Advice,
    ExactHeader,
)
from modelmarket.protocol.hidden import RowCodes, Words
from modelmarket.protocol.labels import WORD_BYTES
from modelmarket.protocol.merkle import Hash, tag, word

MOST_SHIFT = 31
MOST_ACTIVATION = 255
ZERO_WEIGHT = 128
"""A weight of 0 as a byte."""

Weights = npt.NDArray[np.int64]

_NEURON = tag("neuron")
_SWAP = (8, 4)
"""A word of weights: eight groups of four bytes, which stand in reverse order."""


@dataclass(frozen=True)
class Layer:
    """A layer of neurons.

    Attributes:
        inputs: Of each neuron.
        neurons: How many there are.
        mul: What a value is multiplied by to become an activation.
        shift: How many bits are then cut off.
    """

    inputs: int
    neurons: int
    mul: int = 0
    shift: int = 0

    @property
    def neuron_words(self) -> int:
        """Words of one neuron: its bias, then its weights."""
        return 1 + -(-self.inputs // WORD_BYTES)

    @property
    def words(self) -> int:
        """Words of all its neurons."""
        return self.neurons * self.neuron_words

    @property
    def base_word(self) -> bytes:
        """The layer among the base words."""
        return word(self.neurons << 24 | self.mul << 8 | self.shift)


def read_layers(columns: int, base: bytes) -> tuple[Layer, ...]:
    """The layers that base words describe; whether they may be is another question."""
    layers, inputs = [], columns
    for at in range(0, len(base), WORD_BYTES):
        number = int.from_bytes(base[at : at + WORD_BYTES])
        neurons, mul, shift = number >> 24 & 0xFFFF, number >> 8 & 0xFFFF, number & 0xFF
        layers.append(Layer(inputs, neurons, mul, shift))
        inputs = neurons
    return tuple(layers)


def check_layers(
    header: ExactHeader,
    layers: Sequence[Layer],
    advice: Advice = NO_ADVICE,
    most_words: int = MOST_WORDS,
) -> None:
    """Whether a model may have these layers.

    Args:
        header: The model's.
        layers: As its base words describe them.
        advice: What the estimator's parameters are called.
        most_words: Words that a row's execution may take, as the terms say.

    Raises:
        InputError: A limit is passed; names it, its value, and what to change.
    """
    hint = advice.units and f"Fit it again with a smaller {advice.units}."
    if not 1 <= len(layers) <= MOST_LAYERS:
        raise InputError(
            f"The model has {len(layers)} layers; 1 to {MOST_LAYERS} are allowed.",
            hint=hint,
        )
    for place, layer in enumerate(layers, 1):
        if not 1 <= layer.neurons <= MOST_NEURONS:
            raise InputError(
                f"Layer {place} has {layer.neurons:,} neurons; 1 to "
                f"{MOST_NEURONS:,} are allowed.",
                hint=hint,
            )
        last = place == len(layers)
        if not last and not (layer.mul and 1 <= layer.shift <= MOST_SHIFT):
            raise InputError(
                f"Layer {place} multiplies by {layer.mul} and shifts by {layer.shift}: "
                f"at least 1 and 1 to {MOST_SHIFT} are allowed."
            )
    if layers[-1].neurons != header.outputs:
        raise InputError(
            f"The last layer has {layers[-1].neurons:,} neurons, not a neuron for "
            f"each of {header.outputs} outputs."
        )
    neurons = sum(layer.neurons for layer in layers)
    if neurons != header.units:
        raise InputError(
            f"The layers have {neurons:,} neurons, the header {header.units:,}."
        )
    words = sum(layer.words for layer in layers)
    if words > min(most_words, MOST_WORDS):
        raise InputError(
            f"The weights take {words:,} words; at most {most_words:,} are allowed, "
            "so that a row's execution fits into one call.",
            hint=hint or "A word holds 32 weights: use fewer neurons or columns.",
        )


def pack_neurons(weights: Weights, biases: Weights) -> Words:
    """The words of a layer's neurons.

    Args:
        weights: Shape (neurons, inputs): -128 to 127.
        biases: Shape (neurons,): signed, 32 bits.

    Returns:
        Shape (words, 32).
    """
    neurons, inputs = weights.shape
    blocks = -(-inputs // WORD_BYTES)
    padded = np.full((neurons, blocks * WORD_BYTES), ZERO_WEIGHT, dtype=np.uint8)
    padded[:, :inputs] = weights + ZERO_WEIGHT
    packed = np.zeros((neurons, 1 + blocks, WORD_BYTES), dtype=np.uint8)
    packed[:, 0, -4:] = biases.astype(">i4").view(np.uint8).reshape(neurons, 4)
    swapped = padded.reshape(neurons, blocks, *_SWAP)[:, :, ::-1]
    packed[:, 1:] = swapped.reshape(neurons, blocks, WORD_BYTES)
    return packed.reshape(-1, WORD_BYTES)


@dataclass(frozen=True, eq=False)
class Network:
    """The neurons of a dense model, layer by layer.

    Attributes:
        layers: What the base words say.
        words: Shape (words, 32): each neuron's bias and weights.
    """

    layers: tuple[Layer, ...]
    words: Words

    def __post_init__(self) -> None:
        expected = sum(layer.words for layer in self.layers)
        if self.words.shape != (expected, WORD_BYTES):
            raise InputError(
                f"The neurons have {len(self.words):,} words, not {expected:,}."
            )
        self.words.setflags(write=False)

    def __len__(self) -> int:
        return sum(layer.neurons for layer in self.layers)

    @cached_property
    def starts(self) -> list[int]:
        """Where each neuron's words begin, and the end of all."""
        starts = [0]
        for layer in self.layers:
            for _ in range(layer.neurons):
                starts.append(starts[-1] + layer.neuron_words)
        return starts

    def neuron(self, unit: int) -> bytes:
        """The words of a neuron."""
        return self.words[self.starts[unit] : self.starts[unit + 1]].tobytes()

    def unit_hashes(self) -> list[Hash]:
        """Each neuron as a leaf among the units."""
        return [neuron_leaf(self.neuron(unit)) for unit in range(len(self))]

    @cached_property
    def matrices(self) -> list[tuple[Weights, Weights]]:
        """For each layer its weights, shape (inputs, neurons), and its biases."""
        found, at = [], 0
        for layer in self.layers:
            words = self.words[at : at + layer.words].reshape(
                layer.neurons, layer.neuron_words, WORD_BYTES
            )
            at += layer.words
            bias = np.ascontiguousarray(words[:, 0, -4:]).view(">i4")[:, 0]
            grouped = words[:, 1:].reshape(layer.neurons, -1, *_SWAP)[:, :, ::-1]
            flat = grouped.reshape(layer.neurons, -1)[:, : layer.inputs]
            weights = flat.astype(np.int64).T - ZERO_WEIGHT
            found.append((np.ascontiguousarray(weights), bias.astype(np.int64)))
        return found

    def run(self, codes: RowCodes) -> npt.NDArray[np.int64]:
        """The outputs of rows.

        Args:
            codes: Shape (rows, columns).

        Returns:
            Shape (rows, outputs).
        """
        inputs = codes.astype(np.float64)
        for layer, (weights, biases) in zip(self.layers, self.matrices, strict=True):
            # perf: NumPy multiplies only floating-point matrices fast. Nothing is
            # rounded: the sums are whole numbers of at most 1,024
            # products of 16 bits, far below 2**53, in whatever order they are added.
            values = (inputs @ weights.astype(np.float64)).astype(np.int64) + biases
            if layer is not self.layers[-1]:
                inputs = activations(values, layer).astype(np.float64)
        return values


def activations(values: Weights, layer: Layer) -> Weights:
    """What a layer hands on to the next: 0 to 255."""
    scaled = (
        np.maximum(values, 0) * layer.mul + (1 << layer.shift >> 1)
    ) >> layer.shift
    least: Weights = np.minimum(scaled, MOST_ACTIVATION)
    return least


def neuron_leaf(words: bytes) -> Hash:
    """A neuron as a leaf among the units, from its words."""
    count = len(words) // WORD_BYTES - 1
    found = keccak(_NEURON + words[:WORD_BYTES] + word(count))
    for at in range(WORD_BYTES, len(words), WORD_BYTES):
        found = keccak(found + words[at : at + WORD_BYTES])
    return found


def units_of(layers: Sequence[Layer], outputs: Iterable[int]) -> list[int]:
    """The neurons that some outputs need: all hidden ones, then those outputs'."""
    hidden = sum(layer.neurons for layer in layers[:-1])
    wanted = {one for one in outputs if 0 <= one < layers[-1].neurons}
    return [*range(hidden), *(hidden + output for output in sorted(wanted))]
