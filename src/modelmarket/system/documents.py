# SPDX-License-Identifier: Apache-2.0
"""JSON from strangers."""

from __future__ import annotations

import json
import math
import re
from typing import Any, NoReturn

MOST_DEPTH = 64
"""Python's parser goes down with the document. Where the recursion limit was
raised, as py-evm does, a deep one ends the whole program."""

MOST_ROWS = 2**53
"""What every reader of JSON can count to."""

_STRING = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*(?:"|\\?\Z)', re.DOTALL)
_BRACKET = re.compile(r"[\[\]{}]")


def parse_json(data: bytes, *, most_brackets: int | None = None) -> Any:
    """A JSON document: UTF-8, not deep, without numbers that JSON does not have.

    Args:
        data: The document.
        most_brackets: An empty list takes 56 bytes of memory for two of text, so
            whoever takes large documents says how many brackets they have at most.

    Raises:
        ValueError: It is none.
    """
    text = data.decode()
    depth = 0
    for count, bracket in enumerate(_BRACKET.finditer(_STRING.sub("", text)), 1):
        if most_brackets is not None and count > most_brackets:
            raise ValueError(f"more than {most_brackets:,} brackets")
        depth += 1 if bracket[0] in "[{" else -1
        if depth > MOST_DEPTH:
            raise ValueError(f"deeper than {MOST_DEPTH}")
    return json.loads(text, parse_constant=_refuse, parse_float=_finite)


def read_text(value: object) -> str:
    """A stranger's text, which can be written again as UTF-8.

    Raises:
        TypeError: It is none.
        UnicodeEncodeError: It cannot.
    """
    if not isinstance(value, str):
        raise TypeError(f"a text is a {type(value).__name__}")
    value.encode()
    return value


def read_rows(value: object) -> int:
    """A stranger's number of rows.

    Raises:
        ValueError: It is none.
    """
    if not isinstance(value, int) or not 0 <= value <= MOST_ROWS:
        raise ValueError("a number of rows is none")
    return value


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text} is no number")
    return value
