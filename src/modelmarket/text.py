# SPDX-License-Identifier: Apache-2.0
"""Text for people: strangers' words made harmless, and times."""

import unicodedata
from datetime import UTC, datetime

_HARMLESS = "\n"


def plain(text: object) -> str:
    """Text from strangers, fit for a terminal.

    Control characters (escape codes) and characters that turn the direction
    of writing are shown as U+FFFD.
    """
    return "".join(
        one
        if one in _HARMLESS or unicodedata.category(one) not in ("Cc", "Cf", "Co", "Cs")
        else "\N{REPLACEMENT CHARACTER}"
        for one in str(text)
    )


def local_time(second: int) -> str:
    """A second of chain time in local time, for people."""
    return (
        datetime.fromtimestamp(second, UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S")
    )


def utc_time(second: int) -> str:
    """A second of chain time in UTC, for programs."""
    return datetime.fromtimestamp(second, UTC).isoformat()
