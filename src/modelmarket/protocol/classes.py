# SPDX-License-Identifier: Apache-2.0
"""Class names and their codes.

Classes are numbered 0 … k - 1 in the order of the manifest; a label takes the
smallest of 1, 2, 4, 8 and 16 bits that holds k classes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from modelmarket.errors import DataError

WIDTHS = (1, 2, 4, 8, 16)
"""Bits that a label may take."""

MOST_CLASSES = 2 ** WIDTHS[-1]
NUMBERS = (
    "Is this the label column? Numbers are predicted in a verified contest: "
    "`modelmarket request create DATA --verified --error absolute`; or in bins: "
    "`modelmarket request create DATA --bins 20`."
)
"""What to do where there are too many classes."""

Codes = npt.NDArray[np.uint16]
"""Labels as class codes, one per row: shape (rows,)."""

RowName = Callable[[int], str]
"""Says what a row is called in an error, by its place from 1."""


def row_name(place: int) -> str:
    """What a row is called that stands in no file."""
    return f"Row {place}"


def bits_for(classes: int) -> int:
    """The fewest bits a label may take when there are so many classes.

    Raises:
        DataError: There are more than 65,536 classes.
    """
    for bits in WIDTHS:
        if classes <= 2**bits:
            return bits
    raise DataError(
        f"The labels have {classes:,} classes; at most {MOST_CLASSES:,} are allowed.",
        hint=NUMBERS,
    )


@dataclass(frozen=True)
class Classes:
    """The classes of a request, in the order of their codes.

    Attributes:
        names: Distinct names; the code of a class is its place here.
    """

    names: tuple[str, ...]

    def __post_init__(self) -> None:
        if len(set(self.names)) != len(self.names):
            raise DataError("Two classes have the same name.")
        bits_for(len(self.names))

    def __len__(self) -> int:
        return len(self.names)

    @property
    def bits(self) -> int:
        """Bits per label."""
        return bits_for(len(self.names))

    @cached_property
    def _codes(self) -> dict[str, int]:
        return {name: code for code, name in enumerate(self.names)}

    def knows(self, label: str) -> bool:
        """Whether a text is a label."""
        return label in self._codes

    def encode(self, labels: Sequence[str], *, row: RowName = row_name) -> Codes:
        """Turns class names into codes.

        Args:
            labels: One class name per row.
            row: What each is called in an error.

        Raises:
            DataError: A name is not one of the classes; names row and value.
        """
        codes = self._codes
        try:
            return np.fromiter(
                map(codes.__getitem__, labels), dtype=np.uint16, count=len(labels)
            )
        except KeyError:
            at = next(i for i, label in enumerate(labels) if label not in codes)
        raise DataError(
            f"{row(at + 1)}: {labels[at]!r} is not one of the "
            f"{len(self)} classes ({self._sample()}).",
            hint="Labels are compared as text, exactly as in the training data.",
        )

    def decode(self, codes: Codes) -> list[str]:
        """Turns codes into class names.

        Raises:
            DataError: A code has no class; names row and value.
        """
        if codes.size and int(np.max(codes)) >= len(self):
            row = int(np.argmax(codes >= len(self)))
            raise DataError(
                f"Row {row + 1}: code {codes[row]} has no class; there are "
                f"{len(self)}, numbered from 0."
            )
        return [self.names[code] for code in codes.tolist()]

    def _sample(self) -> str:
        shown = ", ".join(repr(name) for name in self.names[:10])
        return shown + (", …" if len(self) > 10 else "")  # noqa: PLR2004  # as many as fit in a line
