# SPDX-License-Identifier: Apache-2.0
"""Strangers' JSON ends no program."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelmarket.text import read_json

DOCUMENTS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(DOCUMENTS, st.booleans())
def test_what_is_json_is_read_as_it_is(document: object, ascii_: bool) -> None:
    text = json.dumps(document, ensure_ascii=ascii_)
    assert read_json(text.encode()) == document


@pytest.mark.parametrize("brackets", ["[", '{"a":', '["]",', '[{"\\"]":', "[\n"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-32-le"])
def test_brackets_in_brackets_end_no_program(brackets: str, encoding: str) -> None:
    with pytest.raises(ValueError):
        read_json((brackets * 100_000).encode(encoding))


def test_brackets_in_words_are_words() -> None:
    words = "[" * 1_000 + '"' + "{" * 1_000 + "\\"
    assert read_json(json.dumps([words, {"[": words}]).encode()) == [
        words,
        {"[": words},
    ]
