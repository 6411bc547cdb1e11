# SPDX-License-Identifier: Apache-2.0
"""Random models and rows, honest and hostile, with a liking for limits."""

from __future__ import annotations

from random import Random

from verified.hashing import Rule, levels, pack
from verified.interpreter import (
    DENSE,
    ENSEMBLE,
    LANES_OF_16,
    LANES_OF_32,
    SCALAR,
    Header,
    Inner,
    Layer,
    Leaf,
    Model,
    Neuron,
    Tree,
)

WORD = 2**256
EDGES_64 = (0, 1, 2**63 - 1, 2**63, 2**64 - 1)
EDGES_32 = (0, 1, 2**31 - 1, 2**31, 2**32 - 1)


def code(random: Random, width: int) -> int:
    """A code, often one at the end of what there is."""
    return random.choice((0, 1, 2**width - 1, random.randrange(2**width)))


def rows(
    random: Random, count: int, columns: int, width: int
) -> tuple[tuple[int, ...], ...]:
    """Rows of codes."""
    return tuple(
        tuple(code(random, width) for _ in range(columns)) for _ in range(count)
    )


def leaf(random: Random, form: int) -> Leaf:
    """A leaf: small lanes, ones that carry, and any word."""
    if random.random() < 0.2:
        return Leaf(random.randrange(WORD))
    if form == SCALAR:
        return Leaf(random.choice((*EDGES_64, random.randrange(2**64))))
    bits = 16 if form == LANES_OF_16 else 32
    most = random.choice((4, 200, 2**bits))
    lanes = [random.randrange(most) for _ in range(224 // bits)]
    return Leaf(pack([0, *[0] * (32 // bits - 1), *lanes], bits)[0])


def question(random: Random, columns: int, width: int) -> tuple[int, int]:
    """A feature and a threshold, some beyond what there is."""
    feature = random.choice(
        (random.randrange(columns), random.randrange(columns), columns, 65_535)
    )
    edge = 2**width - 1
    threshold = random.choice((0, edge, 65_535, random.randrange(edge + 1)))
    return feature, threshold


def tree(
    random: Random,
    header: Header,
    most_nodes: int,
    above: int = 0,
    *,
    deep: float = 0.1,
) -> Tree:
    """A tree, sometimes deeper than its header says."""
    reach = header.depth + (2 if random.random() < deep else 0)
    if above >= reach or most_nodes < 1 or random.random() < 0.15:
        return leaf(random, header.form)
    feature, threshold = question(random, header.columns, header.width)
    share = random.choice((0, most_nodes // 2, most_nodes - 1))
    return Inner(
        feature,
        threshold,
        tree(random, header, share, above + 1, deep=deep),
        tree(random, header, most_nodes - 1 - share, above + 1, deep=deep),
    )


def chain(random: Random, header: Header) -> Tree:
    """As deep as it may be, and one node deeper now and then."""
    here: Tree = leaf(random, header.form)
    for _ in range(header.depth + random.choice((0, 0, 1))):
        feature, threshold = question(random, header.columns, header.width)
        other = leaf(random, header.form)
        sides = (here, other) if random.random() < 0.5 else (other, here)
        here = Inner(feature, threshold, *sides)
    return here


def ensemble(random: Random, *, outputs: int, near: bool = False) -> Model:
    """An ensemble, at a limit if it is to be near one."""
    form = random.choice((LANES_OF_16, LANES_OF_32, SCALAR))
    if outputs > 14 or (outputs > 7 and form == LANES_OF_32):
        form = SCALAR
    width = random.choice((8, 16))
    columns = random.choice((1, 3, 17, 32, 33))
    depth = random.choice((0, 1, 3, 6, 32)) if not near else random.choice((31, 32))
    units = random.choice((1, 2, 3, 4, 5, 8, 9))
    if near:
        units = 3_328 // (depth + 2) - random.choice((0, 0, 1))
    rounds = 0
    if form == SCALAR:
        skipped = outputs > 1 and random.random() < 0.3
        grown = outputs - skipped
        rounds = 1 if outputs > 14 else max(1, units // min(2, grown))
        units = rounds * grown
    tall = levels(units)
    part = random.randint(max(0, tall - 8), min(10, tall))
    header = Header(ENSEMBLE, form, columns, outputs, units, rounds, depth, part, width)
    trees = tuple(
        chain(random, header)
        if near or random.random() < 0.2
        else tree(random, header, random.choice((0, 1, 7, 40)))
        for _ in range(units)
    )
    values = [
        random.choice((0, 0, 1, 5, *EDGES_64, random.randrange(2**64)))
        for _ in range(outputs)
    ]
    return Model(header, tuple(pack(values, 64)), trees)


def neuron(random: Random, inputs: int) -> Neuron:
    """Weights and a bias, sometimes as great as they get."""
    kind = random.random()
    words = []
    for _ in range(-(-inputs // 32)):
        if kind < 0.2:
            words.append(random.choice((0, WORD - 1)))
        else:
            words.append(random.randrange(WORD))
    bias = random.choice(
        (0, *EDGES_32, random.randrange(2**32), random.randrange(WORD))
    )
    return Neuron(bias, tuple(words))


def dense(random: Random, *, outputs: int, near: bool = False) -> Model:
    """A linear model or a network."""
    columns = random.choice((1, 4, 31, 32, 33, 100))
    hidden = [
        random.choice((1, 3, 31, 32, 33)) for _ in range(random.choice((0, 0, 1, 2)))
    ]
    if near:
        # As many words as there may be, or as many layers.
        columns = random.choice((1_024, 32))
        hidden = [99] if columns == 1_024 else [1] * 7
        if columns == 1_024:
            hidden = [(3_328 - outputs * 5) // 33]
    sizes = [*hidden, outputs]
    layers_, inputs = [], columns
    for at, size in enumerate(sizes):
        is_last = at + 1 == len(sizes)
        mul = random.choice((1, 65_535, random.randrange(1, 65_536)))
        shift = random.choice((1, 31, random.randrange(8, 24)))
        if is_last and random.random() < 0.5:
            mul, shift = 0, 0
        layers_.append(
            Layer(
                tuple(neuron(random, inputs) for _ in range(size)),
                mul,
                shift,
                random.choice((0, 0, 2**200)),
            )
        )
        inputs = size
    units = sum(sizes)
    header = Header(DENSE, 0, columns, outputs, units, 0, 0, levels(units), 8)
    return Model(header, tuple(one.word for one in layers_), layers=tuple(layers_))


def rule(random: Random, outputs: int) -> Rule:
    """How rows are scored, of any kind that fits."""
    if outputs == 1:
        bits = random.choice((8, 16, 32))
        step = random.choice((1, 3, 2**bits))
        return Rule(random.choice((2, 3)), bits, 1, random.choice((1, 9, 65_535)), step)
    fitting = [one for one in (1, 2, 4, 8, 16) if outputs <= 2**one]
    bits = random.choice(fitting)
    if random.random() < 0.5:
        return Rule(0, bits, outputs)
    weights = tuple(random.choice((0, 1, 7, 65_536)) for _ in range(outputs))
    return Rule(1, bits, outputs, max(*weights, 1), 1, weights)


def value(random: Random, bits: int, outputs: int) -> int:
    """A target, sometimes of a class that there is not."""
    if outputs == 1 or random.random() < 0.1:
        return random.choice((0, 2**bits - 1, random.randrange(2**bits)))
    return random.randrange(outputs)
