# SPDX-License-Identifier: Apache-2.0
"""A model's file: its header, its base words, then the words of its units in order.

A stranger's file is read within bounds: its size is looked at first, nothing is
allocated that it merely claims, and whatever is wrong with it is an `InputError`.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from modelmarket.errors import DiskError, InputError
from modelmarket.models.dense import (
    Network,
    check_layers,
    read_layers,
)
from modelmarket.models.ensembles import Trees, base_words
from modelmarket.models.header import (
    MOST_LAYERS,
    MOST_PARTS,
    MOST_WORDS,
    ExactHeader,
    Kind,
    Limits,
)
from modelmarket.models.words import part_sizes, read_trees, tree_sizes, tree_words
from modelmarket.protocol.hidden import Words
from modelmarket.protocol.labels import WORD_BYTES
from modelmarket.protocol.points import MOST_OUTPUTS
from modelmarket.system.files import existing_file

MOST_BYTES = WORD_BYTES * (1 + MOST_OUTPUTS // 4 + MOST_PARTS * MOST_WORDS)
"""No model that can be posted has a larger file: 27 MB."""


def read_file(path: Path) -> bytes:
    """A file's bytes, if it may be a model's.

    Raises:
        NotFoundError: Nothing is there.
        InputError: It is no file, or too large.
        DiskError: It cannot be read.
    """
    try:
        with existing_file(path).open("rb") as file:
            data = file.read(MOST_BYTES + 1)
            size = os.fstat(file.fileno()).st_size
    except OSError as error:
        raise DiskError(f"{path} cannot be read: {error.strerror}.") from error
    if len(data) > MOST_BYTES:
        raise InputError(
            f"{path} has {size:,} bytes; an exact model has at most {MOST_BYTES:,}."
        )
    return data


def decoded(
    data: bytes, limits: Limits | None = None
) -> tuple[ExactHeader, bytes, Trees | Network]:
    """Header, base words and units of a model's file.

    Args:
        data: The file's bytes.
        limits: What a contest's terms say; without them, only what all must keep.

    Raises:
        InputError: It is no model, or beyond a limit; says why.
    """
    if len(data) > MOST_BYTES:
        raise InputError(f"An exact model has at most {MOST_BYTES:,} bytes.")
    header = ExactHeader.from_word(data[:WORD_BYTES])
    if len(data) % WORD_BYTES:
        raise InputError(
            f"It is cut off, or no exact model: {len(data):,} bytes are no whole "
            "number of words."
        )
    limits = limits or Limits(header.columns, header.outputs, header.width)
    header.check(limits)
    words = np.frombuffer(data, dtype=np.uint8).reshape(-1, WORD_BYTES)[1:]
    if header.kind is Kind.ENSEMBLE:
        count = base_words(header)
        if len(words) < count:
            raise InputError("The model ends before its base values do.")
        trees = read_trees(words[count:], header.units, header.depth)
        _check_sizes(header, trees)
        return header, words[:count].tobytes(), trees
    count = _layer_count(header, words)
    base = words[:count].tobytes()
    layers = read_layers(header.columns, base)
    check_layers(header, layers, most_words=limits.most_words)
    return header, base, Network(layers, words[count:].copy())


def _layer_count(header: ExactHeader, words: Words) -> int:
    """How many of the words describe layers: as many as it takes to have all units."""
    layers = read_layers(header.columns, words[:MOST_LAYERS].tobytes())
    neurons = 0
    for count, layer in enumerate(layers, 1):
        neurons += layer.neurons
        if neurons >= header.units:
            return count
    return len(layers)


def _check_sizes(header: ExactHeader, trees: Trees) -> None:
    most = int(np.max(part_sizes(tree_sizes(trees), header.part)))
    if most > MOST_WORDS:
        raise InputError(
            f"A part of the model has {most:,} words; at most {MOST_WORDS:,} can be "
            "posted at once."
        )


def encoded(header: ExactHeader, base: bytes, units: Trees | Network) -> bytes:
    """A model's file."""
    if isinstance(units, Network):
        return header.word + base + units.words.tobytes()
    trees = [tree_words(units, tree) for tree in range(len(units))]
    return header.word + base + b"".join(trees)
