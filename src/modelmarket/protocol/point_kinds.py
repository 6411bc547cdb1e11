# SPDX-License-Identifier: Apache-2.0
"""How rows can score points, by name; what is counted is in `points`.

note: a command's options name them, so that nothing heavy is imported here.
"""

from __future__ import annotations

from enum import IntEnum, StrEnum


class Kind(IntEnum):
    """How rows score points, as the terms number it."""

    ACCURACY = 0
    WEIGHTED = 1
    ABSOLUTE = 2
    SQUARED = 3

    @property
    def is_regression(self) -> bool:
        """Whether numbers are predicted rather than classes."""
        return self >= Kind.ABSOLUTE

    @property
    def error_name(self) -> str:
        """What the error of a regression is called."""
        return "mean error" if self is Kind.ABSOLUTE else "RMSE"


class Error(StrEnum):
    """How a wrong number counts, as people say it."""

    ABSOLUTE = "absolute"
    SQUARED = "squared"

    @property
    def kind(self) -> Kind:
        """The points that go with it."""
        return Kind.ABSOLUTE if self is Error.ABSOLUTE else Kind.SQUARED
