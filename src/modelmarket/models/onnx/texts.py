# SPDX-License-Identifier: Apache-2.0
"""Texts are cut into words as scikit-learn cuts them, in whatever language they are.

skl2onnx 1.20 knows the letters of ASCII alone, and takes words of one letter, too. What
runs the file makes no others small than these either, for that takes the rules of a
language: so words are known with capitals as well.
"""

from __future__ import annotations

import string
from collections.abc import Iterator
from typing import Any

from modelmarket.models.onnx.preparing import parts

WORDS = {
    r"(?u)\b\w\w+\b": r"[\pL\pN_]{2,}",
    r"(?u)\b\w+\b": r"[\pL\pN_]+",
}
"""Patterns of words, and what they are to RE2, whose own `\\w` is ASCII's."""
_SMALL = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)


def cut_into_words(estimator: Any) -> dict[int, dict[str, str]]:
    """skl2onnx's options for what counts the words of texts.

    Args:
        estimator: As it is converted.
    """
    return {
        id(part): {"tokenexp": WORDS[part.token_pattern]}
        for part in parts(estimator)
        if getattr(part, "analyzer", None) == "word"
        and getattr(part, "token_pattern", None) in WORDS
        and hasattr(part, "vocabulary_")
    }


def know_capitals(graph: Any) -> None:
    """Has words beyond ASCII counted with capitals, too, where case says nothing.

    Args:
        graph: Of a converted model; is changed.
    """
    from onnx import helper

    made_by = {name: node for node in graph.node for name in node.output}

    def above(node: Any, kind: str) -> Any:
        found = made_by.get(node.input[0])
        return found if found is not None and found.op_type == kind else None

    for at, node in reversed(list(enumerate(graph.node))):
        if node.op_type != "TfIdfVectorizer":
            continue
        flat = above(node, "Flatten")
        cut = None if flat is None else above(flat, "Tokenizer")
        if cut is None or not _makes_small(made_by.get(cut.input[0])):
            continue
        words = {one.decode() for one in _said(node, "pool_strings")}
        small = dict(pair for word in sorted(words) for pair in _spelt(word))
        if len(small) == len(words):
            continue
        [read], known = node.input, f"{node.name} known"
        node.input[:] = [known]
        encoder = helper.make_node(
            "LabelEncoder",
            [read],
            [known],
            domain="ai.onnx.ml",
            keys_strings=list(small),
            values_strings=list(small.values()),
            # What fills rows up is no word of theirs either.
            default_string=_said(cut, "pad_value").decode(),
        )
        graph.node.insert(at, encoder)


def look_for_no_longer(graph: Any) -> None:
    """Has no words looked for that stand together more than any known ones do.

    Where no two stand together in any text, what runs the file refuses to.

    Args:
        graph: Of a converted model; is changed.
    """
    for node in graph.node:
        if node.op_type == "TfIdfVectorizer":
            known = len(_said(node, "ngram_counts"))
            [most] = [one for one in node.attribute if one.name == "max_gram_length"]
            most.i = min(most.i, known)


def _said(node: Any, what: str) -> Any:
    from onnx import helper

    [found] = [one for one in node.attribute if one.name == what]
    return helper.get_attribute_value(found)


def _makes_small(node: Any) -> bool:
    """Whether it makes the letters of ASCII small."""
    return node is not None and any(
        one.name == "case_change_action" and one.s == b"LOWER" for one in node.attribute
    )


def _spelt(word: str) -> Iterator[tuple[str, str]]:
    """A word as it may be met once ASCII is small, each time with itself: as it is,
    beginning with a capital, or in capitals.
    """
    yield word, word
    for one in (word[:1].upper() + word[1:], word.upper()):
        # Where a small letter has no capital of its own, it would be another word.
        if not word.isascii() and one.lower() == word and one != word:
            yield one.translate(_SMALL), word
