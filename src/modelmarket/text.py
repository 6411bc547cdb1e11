# SPDX-License-Identifier: Apache-2.0
"""Text for people: strangers' words made harmless, and times."""

import json
import re
import unicodedata
from datetime import UTC, datetime
from typing import Any

_HARMLESS = "\n"
MOST_JSON_DEPTH = 64
_JSON_STRING = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_JSON_BRACKET = re.compile(r"[\[\]{}]")


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


def read_json(data: bytes) -> Any:
    """A stranger's JSON, in UTF-8.

    Python's own reader calls itself for each bracket. A library that we build
    on raises the limit of such calls so far that some kilobytes of brackets end
    the whole program, so they are counted before.

    Raises:
        ValueError: It is no JSON, or brackets stand in brackets too often.
    """
    text = data.decode()
    depth = 0
    for bracket in _JSON_BRACKET.finditer(_JSON_STRING.sub("", text)):
        depth += 1 if bracket[0] in "[{" else -1
        if depth > MOST_JSON_DEPTH:
            raise ValueError(f"more than {MOST_JSON_DEPTH} brackets in one another")
    return json.loads(text)
