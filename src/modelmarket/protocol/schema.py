# SPDX-License-Identifier: Apache-2.0
"""Schemas: how a table becomes codes, and a target a number.

A schema is made from the training rows alone. Codes are what models see, in training
too; so whoever has the schema gives the same table the same codes. Its JSON writes
doubles with as few digits as lead back to them (as ECMAScript does, and Python), so
that any program reads the very same.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
from eth_hash.auto import keccak

from modelmarket.errors import DataError
from modelmarket.protocol.classes import Classes
from modelmarket.protocol.hidden import (
    CODE_WIDTHS,
    MOST_COLUMNS,
    RowCodes,
    Targets,
    row_words,
)
from modelmarket.protocol.merkle import Hash
from modelmarket.protocol.points import MOST_DIGITS, MOST_OUTPUTS, NUMBER_BITS
from modelmarket.system.documents import parse_json

VERSION = 1
MOST_BYTES = 2**25
"""1,024 columns of 65,535 cuts would be more; tables are not."""
MOST_BRACKETS = 16 * MOST_COLUMNS
"""A column has an object and a list."""
_MOST_SAID = 100
_EXACT = 2**53
"""Doubles hold every whole number up to it."""

Numbers = npt.NDArray[np.float64]
"""Values of a column; NaN where there is none. Shape (rows,)."""


@dataclass(frozen=True)
class Cuts:
    """A numeric column: its code says how many cuts are below a value.

    Attributes:
        name: Of the column.
        cuts: Strictly increasing; finite.
        has_missing: Whether code 0 stands for a value that is missing, and the
            others are one higher. Without it a missing value has code 0 too.
    """

    name: str
    cuts: tuple[float, ...]
    has_missing: bool = False

    @cached_property
    def _cuts(self) -> Numbers:
        return np.array(self.cuts, dtype=np.float64)

    def codes(self, values: Numbers, width: int) -> RowCodes:
        """The codes of values; shape (rows,)."""
        found = np.searchsorted(self._cuts, values, side="left")
        return _shifted(found, values, width, has_missing=self.has_missing)

    def problems(self, width: int) -> Iterator[str]:
        """What is wrong with it, in words."""
        most = 2**width - 1 - self.has_missing
        if len(self.cuts) > most:
            yield f"it has {len(self.cuts):,} cuts; {most:,} are allowed"
        if not all(map(math.isfinite, self.cuts)):
            yield "a cut is no number"
        elif any(a >= b for a, b in zip(self.cuts, self.cuts[1:], strict=False)):
            yield "its cuts do not increase"

    def to_json(self) -> dict[str, Any]:
        """As the schema's JSON has it."""
        return {
            "name": self.name,
            "kind": "cuts",
            "missing": self.has_missing,
            "cuts": list(self.cuts),
        }


@dataclass(frozen=True)
class Affine:
    """A numeric column whose codes are evenly spaced.

    The code is `floor((value - offset) * scale + 0.5)`, in doubles, and the nearest
    one that there is.

    Attributes:
        name: Of the column.
        offset: The value of the first code; finite.
        scale: Codes for each unit of the value; finite, above 0.
        has_missing: Whether code 0 stands for a value that is missing, and the
            others are one higher.
    """

    name: str
    offset: float
    scale: float
    has_missing: bool = False

    def codes(self, values: Numbers, width: int) -> RowCodes:
        """The codes of values; shape (rows,)."""
        with np.errstate(over="ignore", invalid="ignore"):
            scaled = np.floor((values - self.offset) * self.scale + 0.5)
        top = 2**width - 1 - self.has_missing
        found = np.clip(np.nan_to_num(scaled, nan=0.0), 0, top).astype(np.int64)
        return _shifted(found, values, width, has_missing=self.has_missing)

    def problems(self, width: int) -> Iterator[str]:
        """What is wrong with it, in words."""
        del width
        if not math.isfinite(self.offset) or not math.isfinite(self.scale):
            yield "its scale is no number"
        elif self.scale <= 0:
            yield "its scale is not above 0"

    def to_json(self) -> dict[str, Any]:
        """As the schema's JSON has it."""
        return {
            "name": self.name,
            "kind": "affine",
            "missing": self.has_missing,
            "offset": self.offset,
            "scale": self.scale,
        }


@dataclass(frozen=True)
class Texts:
    """A column of texts: the code is the place of the text, from 1.

    Attributes:
        name: Of the column.
        values: Distinct; any other text, and none, have code 0.
    """

    name: str
    values: tuple[str, ...]

    def problems(self, width: int) -> Iterator[str]:
        """What is wrong with it, in words."""
        most = 2**width - 1
        if len(self.values) > most:
            yield f"it has {len(self.values):,} texts; {most:,} are allowed"
        if len(set(self.values)) != len(self.values):
            yield "it has a text twice"

    def to_json(self) -> dict[str, Any]:
        """As the schema's JSON has it."""
        return {"name": self.name, "kind": "texts", "values": list(self.values)}


Column = Cuts | Affine | Texts


def _shifted(
    found: npt.NDArray[np.integer], values: Numbers, width: int, *, has_missing: bool
) -> RowCodes:
    """Codes of values, with 0 for those that are missing."""
    codes: RowCodes = (found + has_missing).astype(f"u{width // 8}")
    codes[np.isnan(values)] = 0
    return codes


@dataclass(frozen=True)
class ClassTarget:
    """Classes, numbered in the order of their names.

    Attributes:
        classes: At most 256.
    """

    classes: Classes

    @property
    def bits(self) -> int:
        """Of a target."""
        return self.classes.bits

    @property
    def outputs(self) -> int:
        """Of a model."""
        return len(self.classes)

    def encode(self, labels: Sequence[str]) -> Targets:
        """Labels as targets; shape (rows,).

        Raises:
            DataError: A label is no class; names row and value.
        """
        return self.classes.encode(labels).astype(np.uint32)

    def decode(self, targets: Targets) -> list[str]:
        """What targets, or predictions, are called."""
        return self.classes.decode(targets.astype(np.uint16))

    def problems(self) -> Iterator[str]:
        """What is wrong with it, in words."""
        if not 2 <= len(self.classes) <= MOST_OUTPUTS:  # noqa: PLR2004  # one tells nothing
            yield (
                f"it has {len(self.classes):,} classes; 2 to {MOST_OUTPUTS} are allowed"
            )

    def to_json(self) -> dict[str, Any]:
        """As the schema's JSON has it."""
        return {"kind": "classes", "classes": list(self.classes.names)}


@dataclass(frozen=True)
class NumberTarget:
    """A number in fixed point: `offset + step * target`.

    Attributes:
        offset: Of target 0.
        step: Between two targets; above 0.
        bits: Of a target: 8, 16 or 32.
    """

    offset: Fraction
    step: Fraction
    bits: int

    @property
    def outputs(self) -> int:
        """Of a model."""
        return 1

    @property
    def bounds(self) -> tuple[Fraction, Fraction]:
        """The lowest and the highest number that can be predicted."""
        return self.offset, self.offset + self.step * (2**self.bits - 1)

    def encode(self, labels: Sequence[str]) -> Targets:
        """Labels as the nearest targets that there are; shape (rows,).

        Raises:
            DataError: A label is no number; names row and value.
        """
        known: dict[str, int] = {}
        targets = np.empty(len(labels), dtype=np.uint32)
        for row, label in enumerate(labels):
            found = known.get(label)
            if found is None:
                try:
                    value = decimal(label)
                except ValueError as error:
                    raise DataError(
                        f"Row {row + 1}: {label[:40]!r} is no number."
                    ) from error
                found = known[label] = self.nearest(value)
            targets[row] = found
        return targets

    def nearest(self, value: Fraction) -> int:
        """The target whose number is nearest; of two, the higher one."""
        # note: halves go up, so that any program rounds alike.
        steps = math.floor((value - self.offset) / self.step + Fraction(1, 2))
        most: int = 2**self.bits - 1
        return min(max(steps, 0), most)

    def values(self, targets: npt.NDArray[np.integer]) -> Numbers:
        """The doubles nearest to what targets stand for; shape (rows,)."""
        unit = math.lcm(self.offset.denominator, self.step.denominator)
        first, step = int(self.offset * unit), int(self.step * unit)
        most = abs(first) + step * (2**self.bits - 1)
        if max(most, unit) < _EXACT:
            # perf: both are exact as doubles, so that a division rounds just once.
            exact: Numbers = (first + step * targets.astype(np.int64)) / unit
            return exact
        found = (float(self.offset + self.step * one) for one in targets.tolist())
        return np.fromiter(found, dtype=np.float64, count=len(targets))

    def decode(self, targets: Targets) -> list[str]:
        """The numbers that targets, or predictions, stand for, as decimals."""
        return [shown(self.offset + self.step * one) for one in targets.tolist()]

    def problems(self) -> Iterator[str]:
        """What is wrong with it, in words."""
        if self.bits not in NUMBER_BITS:
            yield f"a number cannot take {self.bits} bits"
        if self.step <= 0:
            yield "its step is not above 0"
        try:
            shown(self.offset), shown(self.step)
        except ValueError as error:
            yield str(error)

    def to_json(self) -> dict[str, Any]:
        """As the schema's JSON has it."""
        return {
            "kind": "number",
            "offset": shown(self.offset),
            "step": shown(self.step),
            "bits": self.bits,
        }


Target = ClassTarget | NumberTarget


def decimal(text: str) -> Fraction:
    """Reads a decimal number exactly, such as `-12.5` or `1e-3`.

    Raises:
        ValueError: It is none, or takes more digits than anybody needs.
    """
    number = text.strip()
    if len(number) > MOST_DIGITS or "_" in number or not number.isascii():
        raise ValueError(f"{text[:40]!r} is no decimal number")
    value = float(number)
    if not math.isfinite(value) or (value and not 1e-30 < abs(value) < 1e30):  # noqa: PLR2004  # bounds the exponent
        raise ValueError(f"{text[:40]!r} is no decimal number")
    return Fraction(number)


def shown(value: Fraction, between: str = "") -> str:
    """A decimal fraction in decimals.

    Args:
        value: The fraction.
        between: What stands between its thousands.

    Raises:
        ValueError: It has too many.
    """
    number, digits = value, 0
    while number.denominator != 1:
        number, digits = number * 10, digits + 1
        if digits > MOST_DIGITS:
            raise ValueError(f"{value} has more than {MOST_DIGITS} decimals")
    whole, rest = divmod(abs(number.numerator), 10**digits)
    text = f"{whole:,}".replace(",", between)
    sign = "-" if number < 0 else ""
    return f"{sign}{text}.{rest:0{digits}}" if digits else f"{sign}{text}"


@dataclass(frozen=True)
class Schema:
    """How the rows of a contest become codes.

    Attributes:
        width: Bits of a code, 8 or 16.
        columns: In order.
        target: What is predicted.
    """

    width: int
    columns: tuple[Column, ...]
    target: Target

    def __post_init__(self) -> None:
        for problem in self._problems():
            raise DataError(f"The schema cannot be: {problem}.")

    def _problems(self) -> Iterator[str]:
        if self.width not in CODE_WIDTHS:
            yield f"a code has 8 or 16 bits, not {self.width}"
        if not 1 <= len(self.columns) <= MOST_COLUMNS:
            yield f"a row has 1 to {MOST_COLUMNS:,} columns, not {len(self.columns):,}"
        names = {one.name for one in self.columns}
        if len(names) != len(self.columns):
            yield "two columns have the same name"
        for column in self.columns:
            for problem in column.problems(self.width):
                yield f"column {column.name[:_MOST_SAID]!r}: {problem}"
        for problem in self.target.problems():
            yield f"the target: {problem}"

    @property
    def row_words(self) -> int:
        """Words that a row takes."""
        return row_words(len(self.columns), self.width)

    @property
    def texts(self) -> tuple[int, ...]:
        """The places of columns whose codes are of texts, from 0."""
        return tuple(
            at for at, one in enumerate(self.columns) if isinstance(one, Texts)
        )

    @property
    def names(self) -> tuple[str, ...]:
        """Of the columns, in order."""
        return tuple(one.name for one in self.columns)

    @cached_property
    def hash(self) -> Hash:
        """keccak256 of its JSON: what the terms say of it."""
        return keccak(self.to_json())

    def to_json(self) -> bytes:
        """The schema as it is published."""
        document = {
            "schema_version": VERSION,
            "width": self.width,
            "target": self.target.to_json(),
            "columns": [one.to_json() for one in self.columns],
        }
        return (
            json.dumps(document, ensure_ascii=False, separators=(",", ":")) + "\n"
        ).encode()

    @classmethod
    def from_json(cls, data: bytes) -> Schema:
        """Reads a schema that a stranger wrote.

        Raises:
            DataError: It is none.
        """
        try:
            document = parse_json(data, most_brackets=MOST_BRACKETS)
            if document["schema_version"] != VERSION:
                raise DataError(f"This program reads schemas of version {VERSION}.")
            return cls(
                _whole(document["width"]),
                tuple(map(_column, document["columns"])),
                _target(document["target"]),
            )
        except (
            ArithmeticError,
            KeyError,
            RecursionError,
            TypeError,
            ValueError,
        ) as error:
            said = repr(error)[:_MOST_SAID]
            raise DataError(f"That is no schema: {said}.") from error


def _column(document: Any) -> Column:
    name, kind = _text(document["name"]), document["kind"]
    match kind:
        case "cuts":
            cuts = tuple(_double(one) for one in document["cuts"])
            return Cuts(name, cuts, _flag(document["missing"]))
        case "affine":
            scale = (_double(document["offset"]), _double(document["scale"]))
            return Affine(name, *scale, _flag(document["missing"]))
        case "texts":
            return Texts(name, tuple(map(_text, document["values"])))
    raise ValueError(f"a column of kind {str(kind)[:40]!r}")


def _target(document: Any) -> Target:
    if document["kind"] == "classes":
        return ClassTarget(Classes(tuple(map(_text, document["classes"]))))
    if document["kind"] == "number":
        offset, step = _text(document["offset"]), _text(document["step"])
        return NumberTarget(decimal(offset), decimal(step), _whole(document["bits"]))
    raise ValueError("a target of another kind")


def _text(value: object) -> str:
    """A stranger's text, which can be written again as UTF-8."""
    if not isinstance(value, str):
        raise TypeError(f"a text is a {type(value).__name__}")
    value.encode()
    return value


def _whole(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"a number is a {type(value).__name__}")
    return value


def _double(value: object) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise TypeError(f"a number is a {type(value).__name__}")
    return float(value)


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise TypeError(f"yes or no is a {type(value).__name__}")
    return value
