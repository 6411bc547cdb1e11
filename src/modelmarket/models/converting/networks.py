# SPDX-License-Identifier: Apache-2.0
"""Linear models and networks: weights of a byte, activations of a byte.

What is lost is rounding. Where rows of training are at hand, activations are scaled to
what these rows reach, and each bias takes back what rounding the weights shifts the
mean of a neuron by.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from modelmarket.errors import InputError
from modelmarket.models.converting import rounding
from modelmarket.models.converting.parts import (
    Classes,
    Codes,
    Converted,
    dense,
    only_number,
)
from modelmarket.models.dense import (
    MOST_ACTIVATION,
    MOST_SHIFT,
    Layer,
    Network,
    Weights,
    activations,
    pack_neurons,
)
from modelmarket.models.header import Advice
from modelmarket.models.shape import Shape

Floats = npt.NDArray[np.float64]

NETWORK = Advice(units="hidden_layer_sizes")
LINEAR = Advice()

MOST_WEIGHT = 127
MOST_BIAS = 2**31 - 1
MOST_MUL = 2**16 - 1
MUL_BITS = 15
"""`mul` is made to have 16 bits: the more, the finer."""

MOST_RAMPS = 64
"""Neurons that a number is spread over; each tells 255 values apart."""

MARGIN = 1 / 8
"""How far beyond the rows of training numbers may go, as a share of their range."""

QUIET_SHARE = 0.999
"""Of these rows no activation is cut off; a few loud ones are, for finer steps."""


@dataclass(frozen=True, eq=False)
class Affine:
    """A layer as an estimator has it: `inputs @ weights + biases`.

    Attributes:
        weights: Shape (inputs, neurons).
        biases: Shape (neurons,).
    """

    weights: Floats
    biases: Floats


class _Builder:
    """Makes layers of whole numbers, one after the other.

    Args:
        columns: Codes of a row.
        sample: Codes of training rows, if there are any.
    """

    def __init__(self, columns: int, sample: Codes | None) -> None:
        self._inputs = columns
        self._step = 1.0  # what one unit of an activation stands for
        self._sample: npt.NDArray[np.int64] | None = None
        if sample is not None and len(sample):
            self._sample = sample.astype(np.int64)
        self._layers: list[Layer] = []
        self._words: list[npt.NDArray[np.uint8]] = []

    def rounded(self, affine: Affine, most: int) -> tuple[Weights, Floats, float]:
        """Weights and biases in steps of what one stands for.

        Args:
            affine: The layer.
            most: The largest weight there may be.

        Returns:
            Weights, biases (not yet rounded), and the value of one step.
        """
        # note: biases must fit, too, and a layer of zeros has no step of its own.
        least = float(np.abs(affine.biases).max()) / (MOST_BIAS / 2)
        exact = affine.weights * self._step
        if self._sample is None:
            unit = max(float(np.abs(exact).max()) / most, least) or 1.0
            return rounding.rounded(exact, most, unit), affine.biases / unit, unit
        weights, unit = rounding.fitted(exact, most, least or 1e-9, self._sample)
        lost = self._sample.mean(axis=0) @ (exact / unit - weights)
        return weights, affine.biases / unit + lost, unit

    def add(
        self, weights: Weights, biases: Weights, mul: int = 0, cut: int = 0
    ) -> None:
        """Adds a layer, and runs the sample through it."""
        layer = Layer(self._inputs, len(biases), mul, cut)
        self._layers.append(layer)
        self._words.append(pack_neurons(weights.T, biases))
        self._inputs = layer.neurons
        if self._sample is not None:
            values = self._sample @ weights + biases
            self._sample = activations(values, layer) if mul else values

    def hide(self, affine: Affine) -> None:
        """Adds a layer whose activations the next one reads."""
        weights, exact, unit = self.rounded(affine, MOST_WEIGHT)
        biases = np.rint(exact).astype(np.int64)
        values = np.maximum(self._known @ weights + biases, 0).max(axis=1)
        loudest = max(1.0, float(np.quantile(values, QUIET_SHARE)))
        mul, shift = _scaling(MOST_ACTIVATION / loudest)
        self.add(weights, biases, mul, shift)
        self._step = unit * 2**shift / mul

    def finish_classes(
        self, affine: Affine, codes: Sequence[int], outputs: int
    ) -> None:
        """Adds the last layer, with a neuron for each class."""
        if outputs == len(codes) == 2:  # noqa: PLR2004  # two share one difference
            weights, biases = self._pair(affine)
        else:
            middle = (affine.weights.max(axis=1) + affine.weights.min(axis=1)) / 2
            centred = Affine(affine.weights - middle[:, None], affine.biases)
            weights, exact, _ = self.rounded(centred, MOST_WEIGHT)
            biases = np.rint(exact).astype(np.int64)
        all_weights = np.zeros((len(weights), outputs), dtype=np.int64)
        all_biases = np.full(outputs, -MOST_BIAS, dtype=np.int64)
        all_weights[:, list(codes)] = weights
        all_biases[list(codes)] = biases
        self.add(all_weights, all_biases)

    def _pair(self, affine: Affine) -> tuple[Weights, Weights]:
        """Two neurons that share a difference, which has twice as fine steps so."""
        difference = Affine(
            affine.weights[:, 1:] - affine.weights[:, :1],
            affine.biases[1:] - affine.biases[:1],
        )
        steps, biases, _ = self.rounded(difference, 2 * MOST_WEIGHT)
        second = (steps + 1) // 2
        weights = np.concatenate([second - steps, second], axis=1)
        return weights, np.array([0, round(float(biases[0]))], dtype=np.int64)

    def finish_number(self, affine: Affine) -> None:
        """Adds two layers that end in a number.

        The last layer has no scale of its own. So its value is spread over neurons
        that begin where the one before ends, like marks on a ruler, and each
        activation counts for `each` in the target.

        Raises:
            InputError: The numbers go too far apart.
        """
        weights, biases, unit = self.rounded(affine, MOST_WEIGHT)
        values = (self._known @ weights + biases)[:, 0] * unit
        margin = (float(np.max(values)) - float(np.min(values))) * MARGIN
        least = round(max(0.0, float(np.min(values)) - margin))
        span = max(1.0, float(np.max(values)) + margin - least)
        ramps = min(MOST_RAMPS, int(np.ceil(span / MOST_ACTIVATION)))
        each = int(np.ceil(span / (MOST_ACTIVATION * ramps)))
        if each > MOST_WEIGHT:
            raise InputError(
                f"The predictions range over {round(span):,} values; a linear model "
                f"or network tells {MOST_WEIGHT * MOST_ACTIVATION * MOST_RAMPS:,} "
                "apart at most.",
                hint="Use targets of fewer bits, or trees.",
            )
        mul, shift = _scaling(unit / each)
        length = MOST_ACTIVATION * 2**shift / mul
        starts = biases - least / unit - np.arange(ramps) * length
        bounded = np.clip(np.rint(starts), -MOST_BIAS, MOST_BIAS).astype(np.int64)
        self.add(np.repeat(weights, ramps, axis=1), bounded, mul, shift)
        self.add(np.full((ramps, 1), each), np.array([least]))

    @property
    def _known(self) -> npt.NDArray[np.int64]:
        if self._sample is None:
            raise InputError(
                "The range of a network's or linear regression's values is found with "
                "rows of training.",
                hint="Give the codes of some as `sample`.",
            )
        return self._sample

    def network(self) -> Network:
        """All layers."""
        return Network(tuple(self._layers), np.concatenate(self._words))


def _scaling(factor: float) -> tuple[int, int]:
    """`mul` and `shift` such that `mul / 2**shift` is about a factor."""
    shift = int(np.clip(MUL_BITS - np.floor(np.log2(factor)), 1, MOST_SHIFT))
    return int(np.clip(np.rint(factor * 2.0**shift), 1, MOST_MUL)), shift


def linear_classes(
    estimator: Any, shape: Shape, sample: Codes | None, scaler: Affine
) -> Converted:
    """A linear classifier: one layer.

    Raises:
        InputError: Its classes are not codes, or it is too large.
    """
    layer = Affine(np.atleast_2d(estimator.coef_).T, np.ravel(estimator.intercept_))
    return classes_of_layers(estimator, [layer], shape, sample, scaler, LINEAR)


def linear_numbers(
    estimator: Any, shape: Shape, sample: Codes | None, scaler: Affine
) -> Converted:
    """A linear regression: a ruler and one neuron.

    Raises:
        InputError: There are no rows of training, or it has several targets.
    """
    only_number(shape.outputs)
    weights = np.ravel(estimator.coef_)[:, None]
    layer = Affine(weights, np.ravel(estimator.intercept_).astype(np.float64))
    if weights.shape[0] != estimator.n_features_in_ or len(layer.biases) != 1:
        raise InputError("An estimator with several targets cannot be converted.")
    return numbers_of_layers([layer], shape, sample, scaler, LINEAR)


def _network_layers(estimator: Any) -> list[Affine]:
    if estimator.activation != "relu" and len(estimator.coefs_) > 1:
        raise InputError(
            f"Neurons with activation={estimator.activation!r} cannot be converted.",
            hint="Fit it with activation='relu'.",
        )
    return [
        Affine(np.asarray(weights, np.float64), np.asarray(biases, np.float64))
        for weights, biases in zip(estimator.coefs_, estimator.intercepts_, strict=True)
    ]


def network_of_classes(
    estimator: Any, shape: Shape, sample: Codes | None, scaler: Affine
) -> Converted:
    """A network that predicts classes.

    Raises:
        InputError: There are no rows of training, its activation is another than
            relu, or a limit is passed.
    """
    layers = _network_layers(estimator)
    return classes_of_layers(estimator, layers, shape, sample, scaler, NETWORK)


def network_of_numbers(
    estimator: Any, shape: Shape, sample: Codes | None, scaler: Affine
) -> Converted:
    """A network that predicts a number.

    Raises:
        InputError: There are no rows of training, its activation is another than
            relu, it has several targets, or a limit is passed.
    """
    only_number(shape.outputs)
    layers = _network_layers(estimator)
    if len(layers[-1].biases) != 1:
        raise InputError("An estimator with several targets cannot be converted.")
    return numbers_of_layers(layers, shape, sample, scaler, NETWORK)


def _folded(layers: Sequence[Affine], scaler: Affine) -> list[Affine]:
    """Layers that read codes, where the estimator read scaled ones."""
    first = layers[0]
    weights = first.weights * scaler.weights[:, None]
    return [Affine(weights, first.biases + scaler.biases @ first.weights), *layers[1:]]


def classes_of_layers(
    estimator: Any,
    layers: Sequence[Affine],
    shape: Shape,
    sample: Codes | None,
    scaler: Affine,
    advice: Advice,
) -> Converted:
    """A network whose largest value says the class; or one value, if above 0.

    Args:
        estimator: Knows its classes.
        layers: Its layers, with relu between them.
        shape: Of the rows.
        sample: Codes of training rows, or None.
        scaler: What each column is multiplied with, and then gets added.
        advice: What its parameters are called.

    Raises:
        InputError: Hidden layers have no sample, its classes are not codes, or a limit
            is passed.
    """
    classes = Classes.of(estimator, shape)
    builder = _Builder(shape.columns, sample)
    *hidden, last = _folded(layers, scaler)
    for layer in hidden:
        builder.hide(layer)
    if len(last.biases) == 1:
        # One value decides between two classes: the first one's is 0.
        none = np.zeros_like(last.weights)
        weights = np.concatenate([none, last.weights], axis=1)
        last = Affine(weights, np.array([0.0, last.biases[0]]))
    builder.finish_classes(last, classes.codes, classes.outputs)
    return dense(shape, builder.network(), advice)


def numbers_of_layers(
    layers: Sequence[Affine],
    shape: Shape,
    sample: Codes | None,
    scaler: Affine,
    advice: Advice,
) -> Converted:
    """A network whose one value is the number; see `classes_of_layers`.

    Raises:
        InputError: There is no sample, or a limit is passed.
    """
    builder = _Builder(shape.columns, sample)
    *hidden, last = _folded(layers, scaler)
    for layer in hidden:
        builder.hide(layer)
    builder.finish_number(last)
    return dense(shape, builder.network(), advice)
