# SPDX-License-Identifier: Apache-2.0
"""The reference's reruns: the words that open a model on one row, and their judge."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from verified.data import code
from verified.models import (
    DENSE,
    LOW_224,
    ConcealedError,
    Header,
    Inner,
    Leaf,
    Model,
    Neuron,
    activation,
    as_neuron,
    ensemble_outputs,
    executed,
    neuron_hash,
    neuron_value,
    read_layer,
    way,
    weight_words,
)
from verified.trees import (
    MalformedError,
    UnprovenError,
    keccak,
    multiproof,
    multiproven_root,
    tag,
)

CUT = 0x80
MOST_DEPTH = 32


class Words:
    """Words that are taken one after the other."""

    def __init__(self, words: Sequence[int]) -> None:
        self._words = list(words)
        self._at = 0

    def take(self, count: int) -> list[int]:
        """The next words.

        Raises:
            MalformedError: There are not so many.
        """
        found = self._words[self._at : self._at + count]
        if len(found) != count:
            raise MalformedError("there are too few words")
        self._at += count
        return found

    def rest(self) -> list[int]:
        """All words that are left."""
        return self.take(len(self._words) - self._at)


# Putting together


def path_words(
    tree: Leaf | Inner, codes: Sequence[int], depth: int
) -> tuple[int, list[int]]:
    """The descriptor of a row's way through a tree, and its words, bottom up."""
    passed, end = way(tree, codes, depth)
    if isinstance(end, Leaf):
        descriptor, words = len(passed), [end.word]
    else:
        descriptor = len(passed) | CUT
        words = [end.question | end.left.h, end.right.h]
    for node in reversed(passed):
        is_left = code(codes, node.feature) <= node.threshold
        other = node.right if is_left else node.left
        words.append(node.question | other.h)
    return descriptor, words


def pack_descriptors(descriptors: Sequence[int]) -> list[int]:
    """Descriptors, 32 to a word, the first one most significant."""
    found = [0] * -(-len(descriptors) // 32)
    for at, descriptor in enumerate(descriptors):
        found[at // 32] |= descriptor << (248 - 8 * (at % 32))
    return found


def rerun_words(model: Model, codes: Sequence[int], wanted: Iterable[int]) -> list[int]:
    """The words that show what a model says of a row.

    Args:
        model: The model.
        codes: The row.
        wanted: The outputs to show: the two compared, or the one of a regression.
    """
    units = executed(model.header, model.base, wanted)
    descriptors: list[int] = []
    opened: list[int] = []
    for at in units:
        unit = model.units[at]
        if model.header.kind == DENSE:
            if not isinstance(unit, Neuron):
                raise ConcealedError("a tree is no neuron")
            opened += [unit.bias, *unit.weights]
            continue
        if isinstance(unit, Leaf | Inner):
            descriptor, words = path_words(unit, codes, model.header.depth)
            descriptors.append(descriptor)
            opened += words
        else:
            raise ConcealedError("it is not known, or no tree")
    proof = multiproof(model.unit_hashes, units)
    return [*pack_descriptors(descriptors), *opened, *proof]


# Judging


def read_path(
    words: Words, descriptor: int, codes: Sequence[int], depth: int
) -> tuple[int, int | None]:
    """The unit that a path leads up to, and the leaf word; a cut has none.

    Raises:
        MalformedError: The descriptor cannot be one, or words are missing.
    """
    above = descriptor & ~CUT
    is_cut = bool(descriptor & CUT)
    if above > min(depth, MOST_DEPTH) or (is_cut and above != depth):
        raise MalformedError("no such way")
    leaf: int | None = None
    if is_cut:
        question, right = words.take(2)
        found = keccak(question, right & LOW_224) >> 32
    else:
        (leaf,) = words.take(1)
        found = keccak(leaf) >> 32
    for word in words.take(above):
        feature, threshold = word >> 240, word >> 224 & 0xFFFF
        question, other = word >> 224 << 224, word & LOW_224
        if code(codes, feature) <= threshold:
            found = keccak(question | found, other) >> 32
        else:
            found = keccak(question | other, found) >> 32
    return keccak(tag("tree"), found), leaf


def judged_ensemble(
    header: Header,
    base: Sequence[int],
    codes: Sequence[int],
    wanted: Sequence[int],
    words: Words,
) -> tuple[dict[int, int], dict[int, int]]:
    """The outputs that paths show, and the hashes of the units they belong to."""
    units = executed(header, base, wanted)
    packed = words.take(-(-len(units) // 32))
    hashes: dict[int, int] = {}
    leaves: list[tuple[int, int]] = []
    for at, unit in enumerate(units):
        descriptor = packed[at // 32] >> (248 - 8 * (at % 32)) & 0xFF
        hashes[unit], leaf = read_path(words, descriptor, codes, header.depth)
        if leaf is not None:
            leaves.append((unit, leaf))
    return ensemble_outputs(header, base, leaves, wanted), hashes


def judged_dense(
    base: Sequence[int],
    codes: Sequence[int],
    wanted: Sequence[int],
    words: Words,
) -> tuple[dict[int, int], dict[int, int]]:
    """The outputs that neurons show, and the hashes of the units they are."""
    hashes: dict[int, int] = {}
    inputs, start = list(codes), 0
    layers = [read_layer(word) for word in base]
    for number, layer in enumerate(layers):
        is_last = number == len(layers) - 1
        values = {}
        for at in wanted if is_last else range(layer.neurons):
            bias, *weights = words.take(1 + weight_words(len(inputs)))
            neuron = as_neuron(Neuron(bias, tuple(weights)), len(inputs))
            hashes[start + at] = neuron_hash(neuron)
            values[at] = neuron_value(neuron, inputs)
        if is_last:
            return values, hashes
        start += layer.neurons
        inputs = [activation(layer, value) for value in values.values()]
    raise MalformedError("a dense model has at least one layer")


def judged_outputs(
    header: Header,
    base: Sequence[int],
    units_root: int,
    codes: Sequence[int],
    wanted: Iterable[int],
    words: Sequence[int],
) -> dict[int, int]:
    """The outputs that the words of a rerun show, from nothing but what is committed.

    Raises:
        MalformedError: The words have not the form of a rerun.
        UnprovenError: They are words of another model.
    """
    chosen, taken = sorted(set(wanted)), Words(words)
    if header.kind == DENSE:
        found, hashes = judged_dense(base, codes, chosen, taken)
    else:
        found, hashes = judged_ensemble(header, base, codes, chosen, taken)
    if not hashes:
        raise MalformedError("nothing is opened")
    if multiproven_root(hashes, header.units, taken.rest()) != units_root:
        raise UnprovenError("these are words of another model")
    return found
