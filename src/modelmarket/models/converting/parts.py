# SPDX-License-Identifier: Apache-2.0
"""What every conversion needs: the classes, and the header of what was made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from modelmarket.errors import InputError
from modelmarket.models.dense import Network, check_layers
from modelmarket.models.ensembles import Trees
from modelmarket.models.header import (
    DENSE_WIDTH,
    Advice,
    ExactHeader,
    Form,
    Kind,
)
from modelmarket.models.shape import Shape
from modelmarket.models.words import largest_part, tree_sizes
from modelmarket.protocol.labels import WORD_BYTES
from modelmarket.protocol.merkle import levels
from modelmarket.protocol.points import MOST_OUTPUTS

Codes = npt.NDArray[np.integer]
"""Codes of rows: shape (rows, columns)."""

NEVER = -(2**62)
"""The base of an output that must not win: of a class that was not in training."""


@dataclass(frozen=True)
class Converted:
    """A model, and how to make it smaller.

    Attributes:
        header: Its header.
        base: Its base words.
        units: Its trees or neurons.
        advice: What its estimator's parameters are called.
    """

    header: ExactHeader
    base: bytes
    units: Trees | Network
    advice: Advice


@dataclass(frozen=True)
class Classes:
    """Which output each class of an estimator is.

    Attributes:
        codes: The output of each of its classes.
        outputs: How many outputs there are; some may never have been seen.
    """

    codes: tuple[int, ...]
    outputs: int

    @classmethod
    def of(cls, estimator: Any, shape: Shape) -> Classes:
        """The classes of a fitted classifier.

        Raises:
            InputError: They are neither targets nor names of the contest's classes.
        """
        found, outputs = estimator.classes_, shape.outputs
        if isinstance(found, list):
            raise InputError("An estimator with several targets cannot be converted.")
        if shape.names and found.dtype.kind in "UOS":
            found = _by_name([str(one) for one in found.tolist()], shape.names)
        if found.dtype.kind not in "iub" or int(found.min()) < 0:
            raise InputError(
                f"The estimator's classes are {found[:5].tolist()}, not numbers from 0 "
                "on.",
                hint="Fit it on the codes of the classes.",
            )
        most = int(found.max()) + 1
        count = max(2, most) if outputs is None else outputs
        if not most <= count <= MOST_OUTPUTS:
            raise InputError(
                f"The estimator knows a class {most - 1:,}; the contest has "
                f"{count:,} classes, and a model at most {MOST_OUTPUTS}."
            )
        return cls(tuple(int(one) for one in found), count)

    @property
    def unseen(self) -> list[int]:
        """The outputs that no class of the estimator is."""
        return sorted(set(range(self.outputs)) - set(self.codes))


def _by_name(found: list[str], names: tuple[str, ...]) -> npt.NDArray[np.int64]:
    """The targets of classes that are called by their names."""
    places = {name: at for at, name in enumerate(names)}
    unknown = [one for one in found if one not in places]
    if unknown:
        raise InputError(
            f"The estimator knows a class {unknown[0][:40]!r}; the contest has none.",
            hint=f"Its classes: {', '.join(map(repr, names[:10]))}.",
        )
    return np.array([places[one] for one in found], dtype=np.int64)


def only_number(outputs: int | None) -> int:
    """The outputs of a regression.

    Raises:
        InputError: The contest is one of classes.
    """
    if outputs not in (None, 1):
        raise InputError(
            f"The contest has {outputs} classes, but the estimator predicts numbers.",
            hint="Fit a classifier.",
        )
    return 1


def ensemble(
    shape: Shape,
    form: Form,
    base: npt.NDArray[np.int64],
    trees: Trees,
    advice: Advice,
    *,
    rounds: int = 0,
) -> Converted:
    """Puts an ensemble together.

    Args:
        shape: Of the rows.
        form: Of the leaves.
        base: Shape (outputs,): what is added to each output.
        trees: In the order of the units.
        advice: What the estimator's parameters are called.
        rounds: Trees of one output, if leaves are scalar.

    Raises:
        InputError: A tree is too large to be posted.
    """
    try:
        part = largest_part(tree_sizes(trees))
    except InputError as error:
        error.hint = advice.lower((advice.size, MOST_LEAVES)) or advice.lower(
            (advice.depth, MOST_LEAVES.bit_length() - 1)
        )
        raise
    header = ExactHeader(
        kind=Kind.ENSEMBLE,
        form=form,
        columns=shape.columns,
        outputs=len(base),
        units=len(trees),
        rounds=rounds,
        depth=int(np.max(trees.levels)),
        part=part,
        width=shape.width,
    )
    packed = base.astype(">i8").tobytes()
    words = packed + bytes(-len(packed) % WORD_BYTES)
    return Converted(header, words, trees, advice)


MOST_LEAVES = 2_900
"""A tree with so many leaves can be posted: a leaf and an inner node take together
a word, an eighth of one, and two bits."""


def dense(shape: Shape, network: Network, advice: Advice) -> Converted:
    """Puts a dense model together.

    Raises:
        InputError: Codes have 16 bits, or a limit is passed.
    """
    if shape.width != DENSE_WIDTH:
        raise InputError(
            f"Linear models and networks read codes of {DENSE_WIDTH} bits, not "
            f"{shape.width}.",
            hint="Trees, forests and boosting read both.",
        )
    units = len(network)
    header = ExactHeader(
        kind=Kind.DENSE,
        form=Form.LANES_16,
        columns=shape.columns,
        outputs=network.layers[-1].neurons,
        units=units,
        rounds=0,
        depth=0,
        part=levels(units),
        width=shape.width,
    )
    check_layers(header, network.layers, advice)
    base = b"".join(layer.base_word for layer in network.layers)
    return Converted(header, base, network, advice)
