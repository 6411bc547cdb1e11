# SPDX-License-Identifier: Apache-2.0
"""The reference's trees in words, a model's parts, and its file."""

from __future__ import annotations

from collections.abc import Sequence

from verified.models import (
    DENSE,
    LOW_224,
    ConcealedError,
    Header,
    Hidden,
    Inner,
    Leaf,
    Model,
    Neuron,
    Node,
    Unit,
    read_header,
    read_layer,
    unit_hash,
    weight_words,
)
from verified.openings import Words
from verified.trees import MalformedError, UnprovenError, levels, root, tree, unit_node

# A tree in words


def preorder(node: Unit, depth: int) -> tuple[list[int], list[int], list[int]]:
    """Symbols, inner words and leaf words of a tree, in preorder."""
    if isinstance(node, Leaf):
        return [0], [], [node.word]
    if not isinstance(node, Inner):
        raise ConcealedError("what is not known cannot be posted")
    inner = [(node.feature & 0xFFFF) << 16 | (node.threshold & 0xFFFF)]
    if depth == 0:
        return [1], inner, [node.left.h, node.right.h]
    symbols, leaves = [1], []
    for side in (node.left, node.right):
        below = preorder(side, depth - 1)
        symbols += below[0]
        inner += below[1]
        leaves += below[2]
    return symbols, inner, leaves


def packed(values: Sequence[int], bits: int) -> list[int]:
    """Values in words, most significant first."""
    per_word = 256 // bits
    found = [0] * -(-len(values) // per_word)
    for at, value in enumerate(values):
        found[at // per_word] |= value << (256 - bits * (at % per_word + 1))
    return found


def tree_words(tree: Unit, depth: int) -> list[int]:
    """A tree as it is posted; `depth` is the model's.

    Raises:
        ConcealedError: A side above the cuts is not known.
        MalformedError: It has more inner nodes than can be counted.
    """
    symbols, inner, leaves = preorder(tree, depth)
    if len(symbols) > 0xFFFF:
        raise MalformedError("16 bits count the symbols")
    first = len(symbols) << 16 | len(inner)
    return [first, *packed(symbols, 1), *packed(inner, 32), *leaves]


class Posting:
    """One tree that is read from words."""

    def __init__(self, words: Words) -> None:
        (first,) = words.take(1)
        self.symbols_left, self.inner_left = first >> 16 & 0xFFFF, first & 0xFFFF
        self._symbols = words.take(-(-self.symbols_left // 256))
        self._inner = words.take(-(-self.inner_left // 8))
        self._words = words
        self._symbol = self._node = 0

    def node(self, depth: int) -> Node:
        """The next node, with all that is below it."""
        if not self._next_symbol():
            return Leaf(self._words.take(1)[0])
        feature, threshold = self._next_question()
        if depth == 0:
            left, right = self._words.take(2)
            sides: tuple[Node, Node] = Hidden(left & LOW_224), Hidden(right & LOW_224)
        else:
            sides = self.node(depth - 1), self.node(depth - 1)
        return Inner(feature, threshold, *sides)

    def _next_symbol(self) -> int:
        if not self.symbols_left:
            raise MalformedError("there are too few symbols")
        at, self._symbol = self._symbol, self._symbol + 1
        self.symbols_left -= 1
        return self._symbols[at // 256] >> (255 - at % 256) & 1

    def _next_question(self) -> tuple[int, int]:
        if not self.inner_left:
            raise MalformedError("there are too few inner nodes")
        at, self._node = self._node, self._node + 1
        self.inner_left -= 1
        both = self._inner[at // 8] >> (224 - 32 * (at % 8)) & 0xFFFF_FFFF
        return both >> 16, both & 0xFFFF


def read_tree(words: Words, depth: int) -> Node:
    """The next tree of posted words; sides of a cut are hidden.

    Raises:
        MalformedError: The words are not those of a tree.
    """
    posting = Posting(words)
    found = posting.node(depth)
    if posting.symbols_left or posting.inner_left:
        raise MalformedError("something is left")
    return found


def pruned(node: Node, depth: int) -> Node:
    """A tree without what is below its cuts: what a posting tells of it."""
    if not isinstance(node, Inner):
        return node
    if depth == 0:
        left, right = Hidden(node.left.h), Hidden(node.right.h)
        return Inner(node.feature, node.threshold, left, right)
    left_side, right_side = pruned(node.left, depth - 1), pruned(node.right, depth - 1)
    return Inner(node.feature, node.threshold, left_side, right_side)


# Units, parts, files


def unit_words(header: Header, unit: Unit) -> list[int]:
    """A unit as it is posted."""
    if isinstance(unit, Neuron):
        return [unit.bias, *unit.weights]
    return tree_words(unit, header.depth)


def inputs_of(header: Header, base: Sequence[int]) -> list[int]:
    """The number of inputs of each unit of a dense model."""
    found: list[int] = []
    inputs = header.columns
    for word in base:
        neurons = read_layer(word).neurons
        found += [inputs] * neurons
        inputs = neurons
    return found


def read_units(
    header: Header, base: Sequence[int], units: range, words: Words
) -> list[Unit]:
    """Units of a model, read from words."""
    if header.kind != DENSE:
        return [read_tree(words, header.depth) for _ in units]
    inputs = inputs_of(header, base)
    found: list[Unit] = []
    for at in units:
        bias, *weights = words.take(1 + weight_words(inputs[at]))
        found.append(Neuron(bias, tuple(weights)))
    return found


def parts(header: Header) -> int:
    """How many parts a model has."""
    return -(-header.units // (1 << header.part))


def units_of_part(header: Header, part: int) -> range:
    """The units of a part."""
    size = 1 << header.part
    if not 0 <= part < parts(header):
        raise UnprovenError("there is no such part")
    return range(part * size, min((part + 1) * size, header.units))


def part_words(model: Model, part: int) -> list[int]:
    """The words of a part's units, in order."""
    chosen = units_of_part(model.header, part)
    return [word for at in chosen for word in unit_words(model.header, model.units[at])]


def part_proof(model: Model, part: int) -> list[int]:
    """The siblings from a part's tree up to the root of the units."""
    log = model.header.part
    above = tree(model.unit_hashes, unit_node)[log:-1]
    return [level[(part >> at) ^ 1] for at, level in enumerate(above)]


def part_root(
    header: Header,
    base: Sequence[int],
    part: int,
    words: Sequence[int],
    proof: Sequence[int],
) -> int:
    """The root of the units that a posted part leads to.

    Raises:
        MalformedError: The words are not those of so many units.
        UnprovenError: There is no such part, or the proof has another length.
    """
    chosen, taken = units_of_part(header, part), Words(words)
    units = read_units(header, base, chosen, taken)
    if taken.rest():
        raise MalformedError("there are too many words")
    if len(proof) != levels(header.units) - header.part:
        raise UnprovenError("the proof has another length")
    size = 1 << header.part
    hashes = [unit_hash(unit) for unit in units]
    found = root([*hashes, *[0] * (size - len(hashes))], unit_node)
    nothing = root([0] * size, unit_node)
    for level, sibling in enumerate(proof):
        is_right = part >> level & 1
        if ((part >> level) + 1) * (size << level) >= header.units and not is_right:
            if sibling != nothing:
                raise UnprovenError("what is beyond the last unit is nothing")
        nothing = unit_node(nothing, nothing)
        found = unit_node(sibling, found) if is_right else unit_node(found, sibling)
    return found


def model_words(model: Model) -> list[int]:
    """A model's file."""
    units = [word for one in model.units for word in unit_words(model.header, one)]
    return [model.header.word, *model.base, *units]


def read_model(words: Sequence[int]) -> Model:
    """The model of a file.

    Raises:
        MalformedError: The words are not those of a model.
    """
    taken = Words(words)
    header = read_header(taken.take(1)[0])
    if header.kind == DENSE:
        base: list[int] = []
        # The header does not say how many layers there are; the neurons do.
        while sum(read_layer(word).neurons for word in base) < header.units:
            base += taken.take(1)
        if len(inputs_of(header, base)) != header.units:
            raise MalformedError("the layers are not the units")
    else:
        base = taken.take(-(-header.outputs // 4))
    units = read_units(header, base, range(header.units), taken)
    if taken.rest():
        raise MalformedError("there are too many words")
    return Model(header, tuple(base), tuple(units))
