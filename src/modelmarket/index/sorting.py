# SPDX-License-Identifier: Apache-2.0
"""The orders that requests can be listed in, and the parts of their lives, by name:
nothing heavy is imported.
"""

from enum import StrEnum


class Sort(StrEnum):
    """Orders that requests can be listed in."""

    NEWEST = "newest"
    DEADLINE = "deadline"
    REWARD = "reward"


class Part(StrEnum):
    """Parts of the life of a request."""

    OPEN = "open"
    """Takes submissions."""
    DECIDING = "deciding"
    """Its deadline has passed, and it has not ended."""
    ENDED = "ended"
