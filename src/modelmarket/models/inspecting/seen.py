# SPDX-License-Identifier: Apache-2.0
"""What is told of a file that was looked into."""

from __future__ import annotations

from dataclasses import dataclass, field

MOST_TOLD = 20
"""Of each kind of thing."""


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


def some(names: list[str]) -> str:
    """The first of many names, and how many more there are."""
    told = ", ".join(names[:MOST_TOLD])
    more = len(names) - MOST_TOLD
    return f"{told} and {more:,} more" if more > 0 else told
