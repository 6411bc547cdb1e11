# SPDX-License-Identifier: Apache-2.0
"""The reference's rows, targets and listings: packed, hidden, and counted."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from verified.trees import keccak, tag

GROUP_WORDS = 8


@dataclass(frozen=True)
class Terms:
    """What a contest has agreed on, as far as exactness needs it."""

    kind: int
    columns: int
    width: int
    outputs: int
    bits: int
    rows: int
    cap: int = 0
    step: int = 1
    weights: tuple[int, ...] = ()
    most_units: int = 1 << 18
    most_parts: int = 256

    @property
    def is_of_classes(self) -> bool:
        """Whether a class is predicted, not a number."""
        return self.outputs >= 2

    @property
    def groups(self) -> int:
        """How many groups the targets and a listing have."""
        return -(-self.rows // in_a_group(self.bits))


# Packing


def pack(values: Sequence[int], bits: int) -> list[int]:
    """Values packed into words, most significant first, the last filled with zeros."""
    per_word = 256 // bits
    found = []
    for start in range(0, len(values), per_word):
        word = 0
        for place, value in enumerate(values[start : start + per_word]):
            if not 0 <= value < 1 << bits:
                raise ValueError(f"{value} has not {bits} bits")
            word |= value << (256 - bits * (place + 1))
        found.append(word)
    return found


def unpack(words: Sequence[int], bits: int, count: int) -> list[int]:
    """The first `count` values that are packed in words."""
    per_word = 256 // bits
    return [
        words[at // per_word] >> (256 - bits * (at % per_word + 1)) & ((1 << bits) - 1)
        for at in range(count)
    ]


def row_words(columns: int, width: int) -> int:
    """How many words a row has."""
    return -(-columns * width // 256)


def code(codes: Sequence[int], feature: int) -> int:
    """Column `feature` of a row, which is 0 behind the last."""
    return codes[feature] if feature < len(codes) else 0


def in_a_group(bits: int) -> int:
    """How many targets or predictions a group has."""
    return GROUP_WORDS * 256 // bits


def pack_groups(values: Sequence[int], bits: int) -> list[list[int]]:
    """Targets or predictions as groups of 8 words, the last filled up with zeros."""
    words = pack(values, bits)
    words += [0] * (-len(words) % GROUP_WORDS)
    return [words[at : at + GROUP_WORDS] for at in range(0, len(words), GROUP_WORDS)]


def unpack_groups(groups: Sequence[Sequence[int]], bits: int, count: int) -> list[int]:
    """The first `count` targets or predictions of groups."""
    return unpack([word for group in groups for word in group], bits, count)


# Encryption


def crypted(
    words: Sequence[int], key: int, nonce: int, name: str, index: int
) -> list[int]:
    """Words encrypted, or decrypted: it is the same.

    Args:
        words: A row, or a group of targets.
        key: The requester's.
        nonce: The request's.
        name: "row" or "targets".
        index: Of the row or the group.
    """
    start = b"".join(word.to_bytes(32, "big") for word in (key, nonce, tag(name)))
    row_key = hashlib.sha256(start + index.to_bytes(4, "big")).digest()
    found = []
    for at, word in enumerate(words):
        stream = hashlib.sha256(row_key + at.to_bytes(4, "big")).digest()
        found.append(word ^ int.from_bytes(stream, "big"))
    return found


def key_hash(chain_id: int, market: int, requester: int, nonce: int, key: int) -> int:
    """What binds a requester to a key."""
    return keccak(tag("key"), chain_id, market, requester, nonce, key)


# Points


def weights_hash(weights: Sequence[int]) -> int:
    """What commits to the weights of the classes."""
    return keccak(*pack(weights, 32))


def row_points(terms: Terms, target: int, prediction: int) -> int:
    """The points of one row."""
    cap = terms.cap
    if terms.kind == 0:
        return 1 if target == prediction else 0
    if terms.kind == 1:
        if target == prediction and target < terms.outputs:
            return terms.weights[target]
        return 0
    steps = abs(prediction - target) // terms.step
    if terms.kind == 2:
        return max(0, cap - steps)
    if terms.kind == 3:
        return cap**2 - min(cap, steps) ** 2
    raise ValueError("there is no such kind")


def rows_in_group(terms: Terms, group: int) -> int:
    """How many rows a group has; what stands behind them is padding."""
    full = in_a_group(terms.bits)
    return max(0, min(full, terms.rows - group * full))


def group_points(
    terms: Terms, group: int, targets: Sequence[int], listed: Sequence[int]
) -> int:
    """The points of a group: 8 words of targets in the clear, and 8 of a listing."""
    count = rows_in_group(terms, group)
    pairs = zip(
        unpack(targets, terms.bits, count),
        unpack(listed, terms.bits, count),
        strict=True,
    )
    return sum(row_points(terms, target, value) for target, value in pairs)


def score(
    terms: Terms, targets: Sequence[Sequence[int]], listing: Sequence[Sequence[int]]
) -> int:
    """The points of a whole listing."""
    if not len(targets) == len(listing) == terms.groups:
        raise ValueError("another number of groups")
    return sum(
        group_points(terms, at, targets[at], listing[at]) for at in range(terms.groups)
    )
