# SPDX-License-Identifier: Apache-2.0
"""JSON from strangers is read, or said to be none; it never ends the program."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelmarket.datasets.published import Manifest
from modelmarket.errors import DataError
from modelmarket.system.documents import MOST_DEPTH, parse_json

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text()
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda one: st.lists(one) | st.dictionaries(st.text(), one),
)
DEEP = (
    b"[" * 200_000,
    b'{"a":' * 200_000,
    b'"\\"' + b"[" * 200_000,
    b'["]", ' * 200_000,
)


@given(VALUES, st.booleans())
def test_a_document_comes_back_as_it_was(value: object, ascii_only: bool) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only)
    assert parse_json(text.encode(errors="replace")) == value


@pytest.mark.parametrize(
    "data",
    [*DEEP[:2], DEEP[3], b"NaN", b"-Infinity", b"1e999", b"\xff", b"", b'"' * 99_999],
    ids=range(9),
)
def test_what_is_none_is_said_to_be_none(data: bytes) -> None:
    with pytest.raises(ValueError):
        parse_json(data)


def test_brackets_in_strings_are_not_depth() -> None:
    for text in ("[" * 1_000, '"[' * 1_000, "\\[" * 1_000, "]" * 1_000):
        assert parse_json(json.dumps([text]).encode()) == [text]
    assert parse_json(b"[" * MOST_DEPTH + b"]" * MOST_DEPTH)


@pytest.mark.parametrize("data", DEEP, ids=range(4))
def test_a_deep_one_is_no_end_where_the_recursion_limit_was_raised(
    data: bytes,
) -> None:
    """As it is once py-evm was loaded; Python's own parser is killed by it."""
    program = (
        "import sys; sys.setrecursionlimit(10**6)\n"
        "from modelmarket.system.documents import parse_json\n"
        "try: parse_json(sys.stdin.buffer.read())\n"
        "except ValueError: print('no document')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], input=data, capture_output=True, check=True
    )
    assert done.stdout == b"no document\n"


def test_a_manifest_that_is_deep_is_a_bad_one() -> None:
    with pytest.raises(DataError):
        Manifest.from_json(b"[" * 200_000)
