# SPDX-License-Identifier: Apache-2.0
"""The header of an exact model: what it is, in one word, and the limits it must keep.

The same rules in Vyper: `contracts/exact.vy`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

from modelmarket.errors import InputError
from modelmarket.protocol.hidden import CODE_WIDTHS, MOST_COLUMNS
from modelmarket.protocol.labels import WORD_BYTES
from modelmarket.protocol.merkle import levels
from modelmarket.protocol.points import MOST_OUTPUTS

if TYPE_CHECKING:
    from modelmarket.protocol.conditions import Conditions
    from modelmarket.protocol.schema import Schema

MAGIC = 0x4D4D5831
"""The text MMX1."""

MOST_WORDS = 3_328
"""Words that a row's execution may take, and that a part may have."""

MOST_EXECUTED = 1_024
"""Trees that a row's execution may take."""

MOST_DEPTH = 32
MOST_PART = 10
MOST_PARTS = 256
MOST_LAYERS = 8
MOST_NEURONS = 1_024
DENSE_WIDTH = 8

_FIELDS = {
    "magic": (224, 32),
    "kind": (216, 8),
    "form": (208, 8),
    "columns": (192, 16),
    "outputs": (176, 16),
    "units": (144, 32),
    "rounds": (128, 16),
    "depth": (120, 8),
    "part": (112, 8),
    "width": (104, 8),
    "rest": (0, 104),
}
"""Where each field stands: its lowest bit, and how many it has."""


class Kind(IntEnum):
    """What the units of a model are: trees, or neurons."""

    ENSEMBLE = 0
    DENSE = 1


class Form(IntEnum):
    """What a leaf of a tree holds."""

    LANES_16 = 0
    """Fourteen numbers of 16 bits, one for each output."""

    LANES_32 = 1
    """Seven numbers of 32 bits, one for each output."""

    SCALAR = 2
    """One signed number of 64 bits, for the output that the tree belongs to."""

    @property
    def lane_bits(self) -> int:
        """Bits of a lane, or of the one number."""
        return (16, 32, 64)[self]

    @property
    def most_outputs(self) -> int:
        """How many outputs leaves of this form can have."""
        return (14, 7, MOST_OUTPUTS)[self]


@dataclass(frozen=True)
class Advice:
    """What an estimator calls the parameters that make its model smaller.

    Attributes:
        units: That of the number of trees or neurons.
        depth: That of the depth of trees.
        size: That of the size of a tree.
    """

    units: str = ""
    depth: str = ""
    size: str = ""

    def lower(self, *limits: tuple[str, int]) -> str:
        """A hint to set one of the parameters to at most so much, if it has a name."""
        known = [(name, most) for name, most in limits if name and most > 0]
        said = ", or ".join(f"{name}={most:,} or less" for name, most in known)
        return f"Fit it again with {said}." if known else ""


NO_ADVICE = Advice()


@dataclass(frozen=True)
class Limits:
    """What the terms of a contest say of a model.

    Attributes:
        columns: Codes of a row.
        outputs: Classes; 1 for a regression.
        width: Bits of a code, 8 or 16.
        most_units: Trees or neurons that a model may have.
        most_parts: Parts that it may be posted in.
        most_words: Words that a row's execution may take.
    """

    columns: int
    outputs: int
    width: int
    most_units: int = 2**32 - 1
    most_parts: int = MOST_PARTS
    most_words: int = MOST_WORDS

    @classmethod
    def of(cls, schema: Schema) -> Limits:
        """What any contest with a schema may take."""
        return cls(len(schema.columns), schema.target.outputs, schema.width)

    @classmethod
    def of_terms(cls, terms: Conditions) -> Limits:
        """What a contest takes."""
        return cls(
            terms.columns,
            terms.outputs,
            terms.width,
            terms.most_units,
            terms.most_parts,
            terms.most_words,
        )


@dataclass(frozen=True)
class ExactHeader:
    """A model's header.

    Attributes:
        kind: Ensemble or dense.
        form: Of the leaves; `LANES_16`, which is 0, for a dense model.
        columns: Codes of a row.
        outputs: Classes; 1 for a regression.
        units: Trees or neurons.
        rounds: Trees of one output, if the form is `SCALAR`; else 0.
        depth: Most inner nodes from a root to a leaf; 0 for a dense model.
        part: The logarithm of the units of a part.
        width: Bits of a code.
    """

    kind: Kind
    form: Form
    columns: int
    outputs: int
    units: int
    rounds: int
    depth: int
    part: int
    width: int

    @classmethod
    def from_word(cls, data: bytes) -> ExactHeader:
        """Reads a header; whether it keeps the limits is `check`'s to say.

        Args:
            data: 32 bytes.

        Raises:
            InputError: This is no header.
        """
        number = int.from_bytes(data)
        found = {
            name: number >> at & ((1 << bits) - 1)
            for name, (at, bits) in _FIELDS.items()
        }
        if len(data) != WORD_BYTES or found.pop("magic") != MAGIC:
            raise InputError(
                "This is no exact model: it does not begin with MMX1.",
                hint="Its file is made by `request.convert(estimator).save(path)`; "
                "pickles and tables are not read.",
            )
        if found.pop("rest"):
            raise InputError("The model's header has bits set that have no meaning.")
        kind, form = found.pop("kind"), found.pop("form")
        if kind > Kind.DENSE or form > Form.SCALAR:
            raise InputError(f"There is no model of kind {kind} with leaves {form}.")
        return cls(Kind(kind), Form(form), **found)

    @property
    def word(self) -> bytes:
        """The header's 32 bytes.

        Raises:
            InputError: A field is too large for its place.
        """
        number = MAGIC << _FIELDS["magic"][0]
        for name, (at, bits) in _FIELDS.items():
            value = int(getattr(self, name, 0))
            if value >> bits:
                raise InputError(f"A model cannot have {value:,} {name}.")
            number |= value << at
        return number.to_bytes(WORD_BYTES)

    @property
    def is_classification(self) -> bool:
        """Whether classes are predicted rather than numbers."""
        return self.outputs > 1

    @property
    def parts(self) -> int:
        """In how many parts the model is posted."""
        return -(-self.units >> self.part)

    @property
    def outputs_with_units(self) -> int:
        """How many outputs have trees: all, or with scalar leaves all but the first."""
        return self.units // self.rounds if self.rounds else self.outputs

    @property
    def executed(self) -> int:
        """How many units one row's challenge executes at most."""
        if self.kind is Kind.ENSEMBLE and self.form is Form.SCALAR:
            return self.rounds * min(2, self.outputs_with_units)
        return self.units

    def check(self, limits: Limits, advice: Advice = NO_ADVICE) -> None:
        """Whether a contest takes a model with this header.

        Args:
            limits: What the terms say.
            advice: What the estimator's parameters are called.

        Raises:
            InputError: A limit is passed; names it, its value, and what to change.
        """
        self._check_shape(limits)
        if not 1 <= self.units <= limits.most_units:
            raise InputError(
                f"The model has {self.units:,} {self._units_are}; "
                f"1 to {limits.most_units:,} are allowed.",
                hint=advice.lower((advice.units, limits.most_units)),
            )
        if self.kind is Kind.ENSEMBLE:
            self._check_ensemble(limits, advice)
        elif self.form or self.rounds or self.depth or self.width != DENSE_WIDTH:
            raise InputError(
                "A dense model reads codes of 8 bits, and has no leaves, rounds or "
                "depth."
            )
        self._check_parts(limits, advice)

    @property
    def _units_are(self) -> str:
        return "trees" if self.kind is Kind.ENSEMBLE else "neurons"

    def _check_shape(self, limits: Limits) -> None:
        for name in ("columns", "outputs", "width"):
            mine, theirs = getattr(self, name), getattr(limits, name)
            if mine != theirs:
                raise InputError(
                    f"The model's {name} are {mine:,}, the contest's {theirs:,}.",
                    hint="It was made for another table. Fit one on this contest's "
                    "training data.",
                )
        if self.width not in CODE_WIDTHS or not 1 <= self.columns <= MOST_COLUMNS:
            raise InputError(
                f"No row has {self.columns:,} codes of {self.width} bits: 1 to "
                f"{MOST_COLUMNS:,} are allowed, of 8 or 16."
            )
        if not 1 <= self.outputs <= MOST_OUTPUTS:
            raise InputError(
                f"A model has 1 to {MOST_OUTPUTS} outputs, not {self.outputs:,}."
            )

    def _check_ensemble(self, limits: Limits, advice: Advice) -> None:
        if self.outputs > self.form.most_outputs:
            raise InputError(
                f"Leaves of {self.form.most_outputs} lanes cannot hold "
                f"{self.outputs} outputs."
            )
        self._check_rounds()
        if self.depth > MOST_DEPTH:
            raise InputError(
                f"A tree is {self.depth} nodes deep; at most {MOST_DEPTH} are allowed.",
                hint=advice.lower((advice.depth, MOST_DEPTH)),
            )
        steps, executed = self.depth + 2, self.executed
        most_words = min(limits.most_words, MOST_WORDS)
        if executed > MOST_EXECUTED or executed * steps > most_words:
            trees = min(MOST_EXECUTED, most_words // steps)
            # A round of boosting has a tree for each output; a forest has one for all.
            each = min(2, self.outputs_with_units) if self.rounds else 1
            most = trees // each
            raise InputError(
                f"A row would run through {executed:,} trees of depth {self.depth}: "
                f"{executed * steps:,} words. At most {MOST_EXECUTED:,} trees and "
                f"{most_words:,} words are allowed.",
                hint=advice.lower(
                    (advice.units, most),
                    (advice.depth, min(MOST_DEPTH, most_words // executed - 2)),
                ),
            )

    def _check_rounds(self) -> None:
        if self.form is Form.SCALAR:
            allowed = {self.rounds * self.outputs, self.rounds * (self.outputs - 1)}
        else:
            allowed = {self.units} if self.rounds == 0 else set()
        if self.units not in allowed:
            raise InputError(
                f"{self.units:,} trees are not {self.rounds:,} rounds of trees for "
                f"{self.outputs} outputs."
            )

    def _check_parts(self, limits: Limits, advice: Advice) -> None:
        if self.kind is Kind.DENSE and self.units > 1 << MOST_PART:
            raise InputError(
                f"A dense model has {self.units:,} neurons; at most "
                f"{1 << MOST_PART:,} make one part.",
                hint=advice.units and f"Fit it again with a smaller {advice.units}.",
            )
        if self.part > min(MOST_PART, levels(self.units)):
            raise InputError(
                f"Parts of 2**{self.part} units are too large for {self.units:,} "
                f"units; at most 2**{MOST_PART} are allowed."
            )
        if self.kind is Kind.DENSE and self.part != levels(self.units):
            raise InputError("A dense model is one part.")
        most = min(limits.most_parts, MOST_PARTS)
        if self.parts > most:
            raise InputError(
                f"The model would be posted in {self.parts:,} parts; {most:,} are "
                "allowed.",
                hint=advice.lower((advice.units, self.units * most // self.parts))
                or "Make its trees smaller, or fewer.",
            )
