# SPDX-License-Identifier: Apache-2.0
"""Points: what a prediction of a row is worth; the score is their sum.

The same rules in Vyper: `contracts/points.vy`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Self

import numpy as np
import numpy.typing as npt
from eth_hash.auto import keccak

from modelmarket.errors import InputError, TermsError
from modelmarket.protocol.hidden import Targets, group_count, group_labels
from modelmarket.protocol.labels import WORD_BYTES, pack_bits, unpack_bits
from modelmarket.protocol.merkle import Hash
from modelmarket.protocol.point_kinds import Kind

MOST_CAP = 2**16
MOST_OUTPUTS = 256
MOST_SCORE = 2**32 - 1
MOST_WEIGHT = 2**32 - 1
MOST_DIGITS = 40
"""Decimals of a number in a schema."""
MOST_ERROR = 2**32
"""Above every difference of two targets."""

WEIGHT_BITS = 32
CLASS_BITS = (1, 2, 4, 8, 16)
NUMBER_BITS = (8, 16, 32)

Points = npt.NDArray[np.int64]
"""Points: shape (rows,) or (groups,)."""


@dataclass(frozen=True)
class Scoring:
    """How the rows of a contest score points.

    Attributes:
        kind: Which of the four ways.
        outputs: Classes; 1 for a regression.
        cap: The greatest weight; or the error, in steps, from which on a row of a
            regression scores nothing. It has no meaning for accuracy.
        step: For a regression, how much of the target one step is.
        weights: For weighted points, what a row of each class is worth.
    """

    kind: Kind
    outputs: int
    cap: int = 1
    step: int = 1
    weights: tuple[int, ...] = ()

    @classmethod
    def of_errors(cls, kind: Kind, scale: int, rows: int) -> Self:
        """The finest points of a regression.

        Args:
            kind: Absolute or squared.
            scale: The error from which on a row scores nothing, in steps of the
                target; at least 1.
            rows: How many there are.
        """
        most = MOST_SCORE // rows
        most = min(MOST_CAP, most if kind is Kind.ABSOLUTE else math.isqrt(most))
        step = -(-scale // most)
        return cls(kind, 1, -(-scale // step), step)

    def least_score(self, error: Fraction, rows: int) -> int:
        """The score of which whoever is off by no more, on average, is sure.

        Args:
            error: The mean, or of squared errors the root of the mean of squares, in
                steps of the target.
            rows: How many there are.
        """
        steps = error / self.step
        lost = steps if self.kind is Kind.ABSOLUTE else steps**2
        return max(0, math.ceil(rows * (self.most - lost)))

    def least_error(self, rows: int) -> float:
        """The least error that costs a point: the mean, or the root of the mean of
        squares, in steps of the target.

        Args:
            rows: How many there are.
        """
        power = 1 if self.kind is Kind.ABSOLUTE else 2
        return float(self.step * rows ** (-1 / power))

    def largest_error(
        self, score: int, rows: int, unit: Fraction = Fraction(1)
    ) -> Fraction | None:
        """The roundest error of which whoever is off by no more is sure of a score.

        It is what `least_score` was asked with, if that had the fewest decimals.

        Args:
            score: Of a regression.
            rows: How many there are.
            unit: What a step of the target is, in which the error is told.

        Returns:
            The mean, or of squared errors the root of the mean of squares; None if no
            error is so small, or none with as many decimals as numbers may have.
        """
        # Scores are whole: an error below that of a point less reaches this one, too.
        power = 1 if self.kind is Kind.ABSOLUTE else 2
        step = (self.step * unit) ** power
        most = self.most * step
        low, beyond = (most - step * Fraction(one, rows) for one in (score, score - 1))
        if beyond <= 0:
            return None
        for digits in range(-len(str(int(beyond))), MOST_DIGITS + 1):
            scale = Fraction(10) ** digits
            number = math.ceil(max(low, Fraction(0)) * scale**power)
            if power > 1:
                number = math.isqrt(max(number - 1, 0)) + (number > 0)
            if number**power < beyond * scale**power:
                return number / scale
        return None

    def error(self, score: int, rows: int) -> float:
        """By how much the predictions that score so much are off, on average.

        It counts errors as the points do: in whole steps, and none beyond the cap.

        Args:
            score: Of a regression.
            rows: How many there are.

        Returns:
            The mean, or of squared errors the root of the mean of squares, in steps
            of the target.
        """
        lost = self.most - score / rows
        return self.step * (lost if self.kind is Kind.ABSOLUTE else math.sqrt(lost))

    @property
    def most(self) -> int:
        """The most points that a row can score."""
        match self.kind:
            case Kind.ACCURACY:
                return 1
            case Kind.SQUARED:
                return self.cap**2
            case _:
                return self.cap

    def flawless(self, rows: int) -> int:
        """Points of rows that are all right.

        Of weighted rows, if there are as many of each class as its weight says: weights
        count classes alike, so a row is worth the harmonic mean of them. It is known
        before anybody has seen the rows, and differs a little from what they turn out
        to be worth.

        Args:
            rows: How many there are.
        """
        if not self.weights:
            return rows * self.most
        if not all(self.weights):
            # Strangers may say so: no contract takes it, and the mean is 0.
            return 1
        shares = sum(Fraction(1, one) for one in self.weights)
        return max(round(rows * len(self.weights) / shares), 1)

    def problems(self, rows: int, bits: int) -> Iterator[tuple[str, str]]:
        """What is wrong for so many rows: the contract's reason and a sentence.

        Args:
            rows: How many there are.
            bits: Of a target.
        """
        regression = self.kind.is_regression
        if bits not in (NUMBER_BITS if regression else CLASS_BITS):
            what = "number" if regression else "class"
            yield "BadBits", f"A {what} cannot be a target of {bits} bits."
        least, most = (1, 1) if regression else (2, min(MOST_OUTPUTS, 2**bits))
        if not least <= self.outputs <= most:
            yield (
                "BadOutputs",
                (
                    f"{self.outputs:,} outputs do not go with targets of {bits} bits: "
                    f"there may be {least} to {most}."
                ),
            )
        if not 1 <= self.cap <= MOST_CAP:
            yield "BadPoints", f"The cap is 1 to {MOST_CAP:,}, not {self.cap:,}."
        if self.step < 1:
            yield "BadPoints", f"A step is at least 1, not {self.step:,}."
        yield from self._weights()
        if rows * self.most > MOST_SCORE:
            yield (
                "BadPoints",
                (
                    f"{rows:,} rows of up to {self.most:,} points each would pass the "
                    f"most that a score can be, {MOST_SCORE:,}: lower the cap, or make "
                    "the step larger."
                ),
            )

    def check(self, rows: int, bits: int) -> None:
        """Whether the contract would take this for so many rows.

        Args:
            rows: How many there are.
            bits: Of a target.

        Raises:
            TermsError: A bound is passed; says which.
        """
        for _, problem in self.problems(rows, bits):
            raise TermsError(problem)

    def _weights(self) -> Iterator[tuple[str, str]]:
        wanted = self.outputs if self.kind is Kind.WEIGHTED else 0
        if len(self.weights) != wanted:
            yield (
                "BadWeights",
                (
                    f"{len(self.weights):,} weights do not go with {wanted:,} classes "
                    "that have one."
                ),
            )
        elif wanted and not 0 <= min(self.weights) <= max(self.weights) == self.cap:
            yield (
                "BadWeights",
                f"The cap of weighted points is the greatest weight, not {self.cap:,}.",
            )

    def points(self, targets: Targets, predictions: Targets) -> Points:
        """What each row scores.

        Args:
            targets: Shape (rows,).
            predictions: Shape (rows,).

        Raises:
            InputError: The lists differ in length.
        """
        if targets.shape != predictions.shape:
            raise InputError(
                f"{predictions.size:,} predictions cannot be compared with "
                f"{targets.size:,} targets."
            )
        if self.kind is Kind.ACCURACY:
            right: Points = (targets == predictions).astype(np.int64)
            return right
        if self.kind is Kind.WEIGHTED:
            return self._weighted(targets, predictions)
        error = np.abs(predictions.astype(np.int64) - targets.astype(np.int64))
        # note: a step above every error makes no other steps than the least of these.
        steps: Points = np.minimum(error // min(self.step, MOST_ERROR), self.cap)
        absolute = self.kind is Kind.ABSOLUTE
        points: Points = self.cap - steps if absolute else self.cap**2 - steps**2
        return points

    def _weighted(self, targets: Targets, predictions: Targets) -> Points:
        # A target beyond the outputs scores nothing, whatever is predicted.
        table = np.array([*self.weights[: self.outputs], 0], dtype=np.int64)
        worth = table[np.minimum(targets, len(table) - 1)]
        points: Points = np.where(targets == predictions, worth, 0)
        return points

    def score(self, targets: Targets, predictions: Targets) -> int:
        """The sum of all points."""
        return int(self.points(targets, predictions).sum())


def group_points(points: Points, bits: int) -> Points:
    """The points of each group of rows.

    Args:
        points: Shape (rows,).
        bits: Of a target.
    """
    padded = np.zeros((group_count(points.size, bits), group_labels(bits)), np.int64)
    padded.reshape(-1)[: points.size] = points
    sums: Points = padded.sum(axis=1)
    return sums


def weight_words(weights: Sequence[int]) -> bytes:
    """Weights as words, eight in each.

    Raises:
        InputError: A weight needs over 32 bits.
    """
    if any(not 0 <= one <= MOST_WEIGHT for one in weights):
        raise InputError(f"A weight is 0 to {MOST_WEIGHT:,}.")
    packed = pack_bits(np.array(weights, dtype=np.uint32), WEIGHT_BITS).tobytes()
    return packed + bytes(-len(packed) % WORD_BYTES)


def read_weights(words: bytes, outputs: int) -> tuple[int, ...]:
    """The weights of so many classes in words; none if there are no words.

    The contract reads no weight behind the last class, but hashes whatever stands
    there: one that is not 0 is read as well, or nobody could say the words again.
    """
    found = unpack_bits(np.frombuffer(words, dtype=np.uint8), WEIGHT_BITS).tolist()
    while len(found) > outputs and found[-1] == 0:
        found.pop()
    return tuple(found)


def weights_hash(weights: Sequence[int]) -> Hash:
    """What the terms say of the weights."""
    return keccak(weight_words(weights))
