# SPDX-License-Identifier: Apache-2.0
"""What is told of a file that was looked into."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

MOST_TOLD = 20
"""Of each kind of thing."""
MOST_LETTERS = 200
"""Of each name."""
NOBODY_CAN_TELL = "What it is nobody can tell: whatever opens it may run it."


@dataclass
class Seen:
    """What is found out about a file, bit by bit.

    Attributes:
        kind: What it is, as a noun.
        facts: What is so; sentences.
        dangers: What could harm whoever opens it; sentences.
    """

    kind: str
    facts: list[str] = field(default_factory=list)
    dangers: list[str] = field(default_factory=list)

    def take(self, inner: Seen, name: str) -> None:
        """Adds what was found out about a part.

        Args:
            inner: It.
            name: What the part is called.
        """
        self.dangers += [f"{short(name)}: {one}" for one in inner.dangers]


def short(name: str) -> str:
    """A name, cut where it is longer than any that is meant to be read."""
    return name if len(name) <= MOST_LETTERS else f"{name[:MOST_LETTERS]}…"


def some(names: Iterable[str]) -> str:
    """The first of many names, and how many more there are."""
    known = list(names)
    told = ", ".join(map(short, known[:MOST_TOLD]))
    more = len(known) - MOST_TOLD
    return f"{told} and {more:,} more" if more > 0 else told
