# SPDX-License-Identifier: Apache-2.0
"""The orders that requests can be listed in, by name: nothing heavy is imported."""

from enum import StrEnum


class Sort(StrEnum):
    """Orders that requests can be listed in."""

    NEWEST = "newest"
    DEADLINE = "deadline"
    REWARD = "reward"
