# SPDX-License-Identifier: Apache-2.0
"""Random models, honest and hostile, often at a limit, and headers to be refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from random import Random

from verified.data import Terms, code
from verified.models import (
    DENSE,
    ENSEMBLE,
    FIELDS,
    LOW_224,
    Header,
    Hidden,
    Inner,
    Layer,
    Leaf,
    Model,
    Neuron,
    Node,
    pack_base,
    weight_words,
)
from verified.specimens import any_word, count, edge
from verified.trees import levels
from verified.verdicts import MOST_WORDS, most_executed, words_of_neurons

DEPTHS = (0, 1, 2, 3, 4, 6, 8, 31, 32)
INT64 = 1 << 63


def int64(rng: Random) -> int:
    """A signed 64-bit value, often a small one, so that outputs are equal at times."""
    if rng.random() < 0.5:
        return rng.randint(-2, 2)
    return edge(rng, -INT64, INT64 - 1)


def model(
    rng: Random,
    of: Terms,
    codes: Sequence[int] | None = None,
    *,
    hostile: bool = True,
) -> Model:
    """A model that the terms allow.

    Args:
        rng: Where it comes from.
        of: The terms.
        codes: A row whose way is always known, while others may lead to hidden sides;
            without one nothing is hidden but the sides of cuts.
        hostile: Whether it may have what no honest trainer's has.
    """
    if of.width == 8 and dense_fits(of) and rng.random() < 0.4:
        return dense(rng, of, hostile=hostile)
    return ensemble(rng, of, codes, hostile=hostile)


# Ensembles


def ensemble_header(rng: Random, of: Terms) -> Header:
    """The header of an ensemble, within the limits."""
    outputs = of.outputs
    forms = [2, *[0] * (outputs <= 14), *[1] * (outputs <= 7)]
    form, depth = rng.choice(forms), rng.choice(DEPTHS)
    most = min(1_024, MOST_WORDS // (depth + 2))
    most = most if rng.random() < 0.03 else min(most, 40)
    rounds, units = 0, count(rng, most)
    if form == 2:
        share = rng.choice([outputs, max(1, outputs - 1)])
        rounds = count(rng, max(1, most // share))
        units = rounds * share
    fewest = 0
    while -(-units // (1 << fewest)) > 256:
        fewest += 1
    part = rng.randint(fewest, min(10, levels(units)))
    return Header(
        ENSEMBLE, form, of.columns, outputs, units, rounds, depth, part, of.width
    )


@dataclass(frozen=True)
class Look:
    """What the trees of an ensemble are made with."""

    header: Header
    codes: Sequence[int] | None
    hostile: bool

    def question(self, rng: Random) -> tuple[int, int]:
        """A feature and a threshold, often just at the row's code."""
        columns, top = self.header.columns, (1 << self.header.width) - 1
        feature = rng.randrange(columns)
        if self.hostile:
            feature = rng.choice((feature, feature, columns - 1, columns, 0xFFFF))
            top = 0xFFFF
        threshold = edge(rng, 0, top, 0, 127, 128, 254, 255, 256)
        if self.codes is not None and rng.random() < 0.6:
            threshold = code(self.codes, feature) + rng.choice((-1, 0, 0, 1))
        return feature, max(0, min(top, threshold))

    def is_left(self, feature: int, threshold: int) -> bool:
        """Where the row goes."""
        return self.codes is None or code(self.codes, feature) <= threshold

    def leaf(self, rng: Random) -> Leaf:
        """A leaf, at times with all its lanes full, or bits where none count."""
        form, pick = self.header.form, rng.randrange(4)
        if form == 2:
            word = int64(rng) % (1 << 64)
            used = 64
        else:
            width, used = {0: 16, 1: 32}[form], 224
            tops = (3, (1 << width) - 1) if pick else (1,)
            word = 0
            for _ in range(224 // width):
                word = word << width | edge(rng, 0, rng.choice(tops))
        if self.hostile and pick == 1:
            word = rng.choice((LOW_224, any_word(rng)))
        if self.hostile and rng.random() < 0.3:
            word |= any_word(rng) >> used << used
        return Leaf(word)

    def hidden(self, rng: Random) -> Hidden:
        """A side of which nothing is known, at times of the hash 0."""
        return Hidden(rng.choice((0, LOW_224, rng.getrandbits(224))))


def ensemble(
    rng: Random,
    of: Terms,
    codes: Sequence[int] | None = None,
    *,
    hostile: bool = True,
) -> Model:
    """An ensemble within the limits."""
    header = ensemble_header(rng, of)
    look = Look(header, codes, hostile)
    few = 12 if header.units < 100 else 3
    if header.units < 5 and rng.random() < 0.4:
        few = 300  # symbols and questions in more than one word
    trees = tuple(
        chain(rng, look)
        if rng.random() < 0.25
        else bush(rng, look, rng.randint(0, few), 0, rng.random() < 0.5)
        for _ in range(header.units)
    )
    base = pack_base([int64(rng) for _ in range(of.outputs)])
    if hostile and of.outputs % 4:
        base = (*base[:-1], base[-1] | rng.getrandbits(64 * (4 - of.outputs % 4)))
    return Model(header, base, trees)


def bush(rng: Random, look: Look, inner: int, above: int, hides: bool) -> Node:
    """A tree of about so many inner nodes; hostile ones may be too deep."""
    depth = look.header.depth
    is_cut = above == depth
    may = look.hostile and above < depth + 3 if above >= depth else True
    if inner == 0 or not may:
        return look.leaf(rng)
    feature, threshold = look.question(rng)
    share = rng.randint(0, inner - 1)
    sides: list[Node] = [
        bush(rng, look, share, above + 1, hides),
        bush(rng, look, inner - 1 - share, above + 1, hides),
    ]
    for side in (0, 1):
        is_away = look.codes is not None and side == look.is_left(feature, threshold)
        if look.hostile and hides and (is_away or is_cut) and rng.random() < 0.3:
            sides[side] = look.hidden(rng)
    return Inner(feature, threshold, *sides)


def chain(rng: Random, look: Look) -> Node:
    """A tree that is one long way, as long as the depth, or longer if hostile."""
    longer = rng.choice((-1, 0, 0, 1, 1, 2)) if look.hostile else rng.choice((-1, 0))
    node: Node = look.leaf(rng)
    for _ in range(max(0, look.header.depth + longer)):
        feature, threshold = look.question(rng)
        other: Node = look.leaf(rng)
        if look.hostile and look.codes is not None and rng.random() < 0.2:
            other = look.hidden(rng)
        is_left = look.is_left(feature, threshold)
        sides = (node, other) if is_left else (other, node)
        node = Inner(feature, threshold, *sides)
    return node


# Dense models


def dense_fits(of: Terms) -> bool:
    """Whether some dense model fits these outputs and columns for sure."""
    return of.outputs <= 1_000 and 1 + weight_words(of.columns) <= MOST_WORDS


def layers(rng: Random, of: Terms) -> list[Layer]:
    """Layers within the limits."""
    sizes = (1, 2, 3, 5, 8, 31, 32, 33, 64)
    while True:
        hidden = rng.choice((0, 1, 1, 2, 3, 7))
        chosen = [rng.choice(sizes) for _ in range(hidden)]
        if rng.random() < 0.03:
            chosen = [min(1_024 - of.outputs, 1_500 // (1 + weight_words(of.columns)))]
        found = [Layer(size, *scale(rng)) for size in chosen]
        mul, shift = rng.choice(((0, 0), (0xFFFF, 255), (1, 1)))
        found.append(Layer(of.outputs, mul, shift))
        header = dense_header(of, found)
        if header.units <= 1_024 and words_of_neurons(header, found) <= MOST_WORDS:
            return found


def scale(rng: Random) -> tuple[int, int]:
    """A mul and a shift, often such that activations are neither 0 nor 255."""
    if rng.random() < 0.4:
        return edge(rng, 1, 0xFFFF), edge(rng, 1, 31)
    shift = rng.randint(8, 22)
    return max(1, min(0xFFFF, (1 << shift) // rng.randint(2, 400))), shift


def dense_header(of: Terms, chosen: Sequence[Layer]) -> Header:
    """The header of a dense model of these layers."""
    units = sum(layer.neurons for layer in chosen)
    part = levels(units)
    return Header(DENSE, 0, of.columns, of.outputs, units, 0, 0, part, 8)


def neuron(rng: Random, inputs: int, hostile: bool) -> Neuron:
    """A neuron, at times with extreme weights or bias, or bits where none count."""
    pick = rng.randrange(6)
    bias = edge(rng, -(1 << 31), (1 << 31) - 1) if pick < 2 else rng.randint(-999, 999)
    bias %= 1 << 32
    words = []
    for _ in range(weight_words(inputs)):
        one = bytes([rng.choice((0, 0xFF, 0x80, rng.randrange(256)))]) * 32
        words.append(int.from_bytes(rng.choice((one, rng.randbytes(32))), "big"))
    if hostile and rng.random() < 0.3:
        bias |= rng.getrandbits(224) << 32
    if not hostile and inputs % 32:
        words[-1] = without_padding(words[-1], inputs % 32)
    return Neuron(bias, tuple(words))


def without_padding(word: int, used: int) -> int:
    """A word of weights in which those behind the last input are 0."""
    found = bytearray(word.to_bytes(32, "big"))
    for at in range(used, 32):
        found[4 * (7 - at // 4) + at % 4] = 128
    return int.from_bytes(found, "big")


def dense(rng: Random, of: Terms, *, hostile: bool = True) -> Model:
    """A dense model within the limits."""
    chosen = layers(rng, of)
    base, units, inputs = [], [], of.columns
    for layer in chosen:
        units += [neuron(rng, inputs, hostile) for _ in range(layer.neurons)]
        inputs = layer.neurons
        above = rng.getrandbits(216) << 40 if hostile and rng.random() < 0.2 else 0
        base.append(layer.word | above)
    return Model(dense_header(of, chosen), tuple(base), tuple(units))


# Headers to be refused


def doubtful_header(rng: Random, of: Terms) -> tuple[int, tuple[int, ...]]:
    """A header word and base words, of which some are just within the limits."""
    if of.width == 8 and dense_fits(of) and rng.random() < 0.5:
        chosen = layers(rng, of)
        header = dense_header(of, chosen)
        base = tuple(layer.word for layer in chosen)
        if rng.random() < 0.4:
            return header.word, doubtful_layers(rng, chosen)
    else:
        header = limit_header(rng, ensemble_header(rng, of))
        base = pack_base([int64(rng) for _ in range(of.outputs)])
    if rng.random() < 0.7:
        name = rng.choice(list(FIELDS))
        width = FIELDS[name][1]
        now = getattr(header, name)
        value = rng.choice((now + 1, now - 1, 0, 1, edge(rng, 0, (1 << width) - 1)))
        header = replace(header, **{name: value % (1 << width)})
    if rng.random() < 0.2:
        base = base[:-1] if rng.random() < 0.5 else (*base, any_word(rng))
    return header.word, base


def limit_header(rng: Random, header: Header) -> Header:
    """An ensemble's header with about as many trees as can be run."""
    depth = rng.choice((*DEPTHS, 33))
    most = min(1_024, MOST_WORDS // (depth + 2)) + rng.choice((-1, 0, 0, 1))
    units, rounds = most, 0
    if header.form == 2:
        share = header.units // header.rounds
        at_once = min(2, share) if header.outputs >= 2 else share
        rounds = most // at_once + rng.choice((0, 0, 1))
        units = rounds * share + rng.choice((0, 0, 0, 1))
    units = max(1, units)
    part = min(10, levels(units)) + rng.choice((0, 0, 0, 1, -1))
    found = replace(header, units=units, rounds=rounds, depth=depth, part=max(0, part))
    assert rounds == 0 or most_executed(found) > 0
    return found


def doubtful_layers(rng: Random, chosen: Sequence[Layer]) -> tuple[int, ...]:
    """Base words of a dense model of which one may be refused."""
    found = list(chosen)
    at = rng.randrange(len(found))
    pick = rng.randrange(4)
    if pick == 0:
        found[at] = replace(found[at], neurons=edge(rng, 0, 0xFFFF, 1_024, 1_025))
    elif pick == 1:
        found[at] = replace(found[at], mul=edge(rng, 0, 0xFFFF))
    elif pick == 2:
        found[at] = replace(found[at], shift=edge(rng, 0, 255, 31, 32))
    else:
        found = [found[at]] * rng.randint(0, 9)
    return tuple(layer.word for layer in found)
