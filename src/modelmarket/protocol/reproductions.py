# SPDX-License-Identifier: Apache-2.0
"""What a model that won gives, beside what was opened and paid for."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any

from modelmarket.protocol.types import RequestId
from modelmarket.system.notebooks import facts_html, table_html
from modelmarket.system.text import counted, in_a_line

MOST_SHOWN = 20
"""Rows that are told of which differ."""
ANY_FILE = (
    "Any file can have won: predictions are bought here, and a model beside them."
)
NOBODY = (
    "Any file can have won: nobody has checked on this computer yet whether this model "
    "makes what was paid for."
)


class Outcome(Enum):
    """What came of it."""

    REPRODUCED = "reproduced"
    DIFFERENT = "different"
    NOT_REPRODUCIBLE = "not reproducible"
    STOPPED = "stopped"


@dataclass(frozen=True)
class Differing:
    """A row of which the model says something else than was opened.

    Attributes:
        row: From 1, as the test part has them.
        opened: The class, or number, that was paid for.
        computed: What the model says.
    """

    row: int
    opened: str
    computed: str


@dataclass(frozen=True)
class Reproduction:
    """What a model that won gives, beside what was opened.

    Attributes:
        request: Which.
        model: The CID of the winner's folder.
        outcome: What came of it.
        rows: How many were opened.
        alike: Of how many the model says the same; None if it was not run.
        differing: The first rows of which it says something else.
        why: What kept it from being run, or stopped it.
        at: When it was found out here; seconds, UTC.
    """

    request: RequestId
    model: str
    outcome: Outcome
    rows: int
    alike: int | None = None
    differing: tuple[Differing, ...] = ()
    why: str = ""
    at: int = 0

    @property
    def is_reproduced(self) -> bool:
        """Whether every row is alike."""
        return self.outcome is Outcome.REPRODUCED

    def as_document(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "request": self.request.shown,
            "model": self.model,
            "outcome": self.outcome.value,
            "rows": self.rows,
            "alike": self.alike,
            "differing": [vars(one) for one in self.differing],
            "why": self.why,
        }

    def lines(self) -> list[str]:
        """For people, without the rows that differ."""
        if self.alike is None:
            return [f"{self.outcome.value.capitalize()}: {self.why}", ANY_FILE]
        share = self.alike / self.rows
        told = f"the model says what was opened of {self.alike:,} of "
        told += f"{counted(self.rows, 'row')} ({share:.2%})"
        if self.is_reproduced:
            return [f"Reproduced: {told}."]
        return [f"Different: {told}. Something else made the others."]

    def __str__(self) -> str:
        rows = (
            f"row {one.row:,}: {in_a_line(one.opened)} was opened, the model says "
            f"{in_a_line(one.computed)}"
            for one in self.differing
        )
        return "\n".join([*self.lines(), *rows])

    def _repr_html_(self) -> str:
        """What Jupyter shows."""
        rows = [(f"{one.row:,}", one.opened, one.computed) for one in self.differing]
        table = table_html(("row", "opened", "the model says"), rows) if rows else ""
        return facts_html(f"Request {self.request}", self.lines(), table)
