# SPDX-License-Identifier: Apache-2.0
"""Models of a few units, honest and hostile, for attacks that name one thing each."""

from __future__ import annotations

from verified.models import (
    DENSE,
    ENSEMBLE,
    Header,
    Inner,
    Layer,
    Leaf,
    Model,
    Neuron,
    Node,
    Unit,
    pack_base,
    prediction,
)
from verified.trees import levels

NONE = (0, 0, 0)


def lanes(*values: int, width: int = 16) -> Leaf:
    """A leaf with a lane for each output."""
    return Leaf(sum(one << (224 - width * (at + 1)) for at, one in enumerate(values)))


def scalar(value: int) -> Leaf:
    """A leaf with one signed value."""
    return Leaf(value % 2**64)


def ensemble(
    *trees: Unit,
    base: tuple[int, ...] = NONE,
    form: int = 0,
    rounds: int = 0,
    depth: int = 2,
    part: int = 0,
    columns: int = 3,
    width: int = 8,
) -> Model:
    """An ensemble with an output for each base value."""
    header = Header(
        *(ENSEMBLE, form, columns, len(base), len(trees)),
        *(rounds, depth, part, width),
    )
    return Model(header, pack_base(base), trees)


def stump(feature: int, threshold: int, left: Node, right: Node) -> Inner:
    """A tree of one question."""
    return Inner(feature, threshold, left, right)


def forest(part: int = 0, last: Unit | None = None) -> Model:
    """Four trees, of which each two rows of the small contest tell apart.

    Args:
        part: Logarithm of the trees of a part.
        last: In place of the last tree.
    """
    deep = stump(1, 100, lanes(0, 9, 0), lanes(0, 0, 9))
    trees: list[Unit] = [
        stump(0, 100, deep, lanes(30, 0, 0)),
        stump(2, 50, lanes(0, 0, 4), lanes(0, 12, 0)),
        lanes(1, 2, 3),
        stump(0, 10, lanes(0, 0, 1), lanes(0, 8, 0)),
    ]
    return ensemble(*trees[:3], trees[3] if last is None else last, part=part)


def scalars() -> Model:
    """Two trees for each of three outputs, in the order of the outputs."""
    return ensemble(
        stump(0, 100, scalar(-3), scalar(9)),
        scalar(1),
        stump(1, 50, scalar(4), scalar(-(2**40))),
        scalar(2),
        stump(2, 6, scalar(5), scalar(-1)),
        scalar(0),
        base=(-1, 2**33, 0),
        form=2,
        rounds=2,
    )


def neuron(bias: int, *weights: int, behind: int = 0) -> Neuron:
    """A neuron of up to 32 inputs.

    Args:
        bias: A signed number of 32 bits.
        weights: Of the inputs that there are.
        behind: The weight of the inputs that there are not.
    """
    data = bytearray([behind + 128] * 32)
    for at, one in enumerate(weights):
        data[4 * (7 - at // 4) + at % 4] = one + 128
    return Neuron(bias % 2**32, (int.from_bytes(data, "big"),))


def dense(*layers: tuple[Layer, tuple[Neuron, ...]], columns: int = 3) -> Model:
    """A dense model of layers and their neurons."""
    neurons = tuple(one for _, some in layers for one in some)
    outputs, units = len(layers[-1][1]), len(neurons)
    header = Header(DENSE, 0, columns, outputs, units, 0, 0, levels(units), 8)
    return Model(header, tuple(layer.word for layer, _ in layers), neurons)


def predicted(model: Model, codes: tuple[int, ...]) -> int:
    """The class that a model gives, which may read more columns than there are."""
    return prediction(model, codes, 8)


def network(behind: int = 0) -> Model:
    """Two neurons, then three outputs."""
    hidden = (
        neuron(5, 3, -1, 2, behind=behind),
        neuron(-100, -2, 1, 1, behind=behind),
    )
    outputs = (
        neuron(40, 1, -3, behind=behind),
        neuron(-7, -1, 5, behind=behind),
        neuron(3, 2, 2, behind=behind),
    )
    return dense((Layer(2, 300, 9), hidden), (Layer(3, 0, 0), outputs))


def regression(base: int = 20) -> Model:
    """Two scalar trees of one output."""
    return ensemble(
        stump(0, 100, scalar(40), scalar(-90)),
        stump(1, 50, scalar(400), scalar(7)),
        base=(base,),
        form=2,
        rounds=2,
    )
