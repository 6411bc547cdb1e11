# SPDX-License-Identifier: Apache-2.0
"""How the rows of a new contest score, by what its requester says."""

from __future__ import annotations

import math
from fractions import Fraction
from operator import mul
from typing import TYPE_CHECKING

from modelmarket.datasets.shares import parse_accuracy
from modelmarket.errors import InputError
from modelmarket.market.publishing import choice_of, number_of
from modelmarket.market.questions import (
    refuse_high_error,
    refuse_high_square,
    refuse_low_threshold,
)
from modelmarket.protocol.point_kinds import Error, Kind
from modelmarket.protocol.points import NUMBER_BITS, Scoring
from modelmarket.protocol.schema import NumberTarget
from modelmarket.system.text import measured

if TYPE_CHECKING:
    from modelmarket.datasets.coding import Coding
    from modelmarket.datasets.contest import ContestManifest, PublishedContest
    from modelmarket.market.verified.publishing import ContestOptions
    from modelmarket.protocol.schema import Schema

MOST_BALANCED = 100
"""The weight of the rarest class, where classes are weighted alike."""
SCALE = 5
"""Times what always predicting the median is off by: such an error scores nothing."""
DEFAULT_BITS = 16
"""Of a number that is predicted."""
NAMES = {
    "scale": "A scale of errors",
    "most_error": "A largest mean error",
    "bits": "A number's width in bits",
}
"""What is said of numbers alone."""


def coding_of(options: ContestOptions) -> Coding:
    """How a table is split and becomes codes, as the options of a contest say.

    Raises:
        InputError: Something was said that goes with the other kind of labels, or two
            ways of choosing test rows.
    """
    from modelmarket.datasets.coding import Coding

    return Coding(
        width=options.get("width", 8),
        even=options.get("even", False),
        number_bits=number_bits(options),
        choice=choice_of(options),
        seed=options.get("seed"),
    )


def number_bits(options: ContestOptions) -> int | None:
    """Bits of a number that is predicted; None for classes.

    Raises:
        InputError: Something was said that goes with the other kind of labels.
    """
    error = options.get("error")
    if error is None:
        for name, what in NAMES.items():
            if options.get(name) is not None:
                raise InputError(
                    f"{what} is for labels that are numbers.",
                    hint="Say which error counts: --error absolute or squared.",
                )
        return None
    if error not in tuple(Error):
        raise InputError(
            f"There is no error {str(error)[:40]!r}.",
            hint=f"Take one of: {', '.join(Error)}.",
        )
    if options.get("balanced", False):
        raise InputError(
            "Only classes can be counted alike.", hint="Leave out --balanced."
        )
    if options.get("threshold") is not None:
        raise InputError(
            "A threshold is a share of right rows, and numbers are never quite right.",
            hint="Say how far off they may be, on average, with --most-error.",
        )
    for name in ("scale", "most_error"):
        value = number_of(options, name)
        if value is not None and value <= 0:
            raise InputError(f"{NAMES[name]} must be above 0.")
    bits = options.get("bits")
    bits = DEFAULT_BITS if bits is None else bits
    if bits not in NUMBER_BITS:
        raise InputError(f"A number takes 8, 16 or 32 bits, not {bits}.")
    return bits


def scoring_of(published: PublishedContest, options: ContestOptions) -> Scoring:
    """How the rows score points.

    From the training rows alone: what is hidden is nobody's business.
    """
    target, rows = published.schema.target, published.manifest.hidden_rows
    error = options.get("error")
    if error is not None:
        assert isinstance(target, NumberTarget), "it was made for numbers"
        said = number_of(options, "scale")
        scale = SCALE * published.deviation if said is None else said / target.step
        # note: no error is larger than all targets there are.
        within = min(max(1, math.ceil(scale)), 2**target.bits - 1)
        return Scoring.of_errors(Error(error).kind, within, rows)
    if not options.get("balanced", False):
        return Scoring(Kind.ACCURACY, target.outputs)
    weights = _weights(published.manifest)
    return Scoring(Kind.WEIGHTED, target.outputs, max(weights), weights=weights)


def minimum_score(
    schema: Schema, scoring: Scoring, rows: int, options: ContestOptions
) -> int:
    """The least score that earns the reward.

    Raises:
        InputError: No model can be off by so little.
    """
    most_error = number_of(options, "most_error")
    if most_error is not None:
        assert isinstance(schema.target, NumberTarget), "it was made for numbers"
        found = scoring.least_score(most_error / schema.target.step, rows)
        if found == scoring.flawless(rows):
            least = scoring.least_error(rows) * float(schema.target.step)
            # Three digits, rounded up, so that it is enough if it is typed.
            digit = 10.0 ** (math.floor(math.log10(least)) - 2)
            least = math.ceil(least / digit) * digit
            raise InputError(
                f"{NAMES['most_error']} of {measured(float(most_error))} asks for a "
                "model that is off in no row at all.",
                hint=f"The least that makes a difference here is {measured(least)}.",
            )
        return found
    threshold = number_of(options, "threshold", parse_accuracy) or Fraction(0)
    return math.ceil(threshold * scoring.flawless(rows))


def refuse_easy(
    published: PublishedContest, scoring: Scoring, options: ContestOptions
) -> None:
    """Makes sure that the reward asks for a model.

    Raises:
        ConfirmationError: Always saying the same would earn it.
    """
    manifest, target = published.manifest, published.schema.target
    most_error = number_of(options, "most_error")
    threshold = number_of(options, "threshold", parse_accuracy)
    if isinstance(target, NumberTarget):
        if most_error is not None and scoring.kind is Kind.ABSOLUTE:
            refuse_high_error(most_error, published.deviation * target.step)
        elif most_error is not None:
            refuse_high_square(most_error, published.variance * target.step**2)
        return
    weights = scoring.weights or (1,) * target.outputs
    best = max(map(mul, weights, manifest.train_counts))
    constant = Fraction(best, scoring.flawless(manifest.train_rows))
    refuse_low_threshold(threshold or Fraction(0), constant)


def _weights(manifest: ContestManifest) -> tuple[int, ...]:
    """What a row of each class is worth, so that all classes count alike.

    From the training rows alone: the hidden ones' shares are nobody's business.
    """
    rarest = min(manifest.train_counts)
    return tuple(
        max(1, round(MOST_BALANCED * rarest / count)) for count in manifest.train_counts
    )
