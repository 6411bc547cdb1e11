# SPDX-License-Identifier: Apache-2.0
"""Rounding the weights of a layer so that what it says of known rows changes least.

Weight after weight is rounded, and what that changes is made up for by those still
to come, as far as their inputs go together (Frantar and others, GPTQ, 2022). A weight
beyond the bounds is cut off: a few large ones would cost all others their steps.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Weights = npt.NDArray[np.int64]

STEPS_TRIED = 2.0 ** (-np.arange(13) / 3)
"""Sizes of a step that are tried, as shares of what the largest weight asks for."""

DAMPING = 0.01
"""A share of the inputs' mean variance: what is not seen in them is not bet on."""


def rounded(weights: Floats, most: int, step: float) -> Weights:
    """Weights in steps, each rounded for itself.

    Args:
        weights: Shape (inputs, neurons).
        most: The largest there may be.
        step: What a weight of 1 stands for.
    """
    found: Weights = np.clip(np.rint(weights / step), -most, most).astype(np.int64)
    return found


def fitted(
    weights: Floats, most: int, least: float, inputs: Any
) -> tuple[Weights, float]:
    """Weights in steps, rounded together, and the size of a step.

    Args:
        weights: Shape (inputs, neurons).
        most: The largest there may be.
        least: No step is smaller.
        inputs: What the layer reads of known rows, shape (rows, inputs).
    """
    centred = inputs - inputs.mean(axis=0)
    spread = centred.T @ centred / len(inputs)
    largest = float(np.abs(weights).max()) / most
    best: tuple[float, Weights, float] | None = None
    order, factors = _elimination(spread)
    for step in np.maximum(largest * STEPS_TRIED, least).tolist():
        tried = _together(weights / step, most, order, factors)
        wrong = weights - tried * step
        error = float(np.einsum("in,ij,jn->", wrong, spread, wrong, optimize=True))
        if best is None or error < best[0]:
            best = error, tried, step
    assert best is not None
    return best[1], best[2]


def _elimination(spread: Floats) -> tuple[npt.NDArray[np.intp], Floats]:
    """The order of the inputs, loudest first, and how an error is handed on."""
    order = np.argsort(-np.diag(spread), kind="stable")
    damped = spread[np.ix_(order, order)]
    damped = damped + np.eye(len(order)) * (
        DAMPING * np.trace(spread) / len(order) + 1e-9
    )
    return order, np.linalg.cholesky(np.linalg.inv(damped)).T


def _together(
    exact: Floats, most: int, order: npt.NDArray[np.intp], factors: Floats
) -> Weights:
    left = exact[order]
    found = np.zeros_like(left)
    for place in range(len(left)):
        found[place] = np.clip(np.rint(left[place]), -most, most)
        error = (left[place] - found[place]) / factors[place, place]
        left[place + 1 :] -= np.outer(factors[place, place + 1 :], error)
    weights: Weights = np.zeros(exact.shape, dtype=np.int64)
    weights[order] = found.astype(np.int64)
    return weights
