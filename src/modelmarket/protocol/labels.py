# SPDX-License-Identifier: Apache-2.0
"""Packed labels: how the chain sees a list of codes.

Labels are packed most significant first into words of 32 bytes, the last
padded with zero bits. A page is 768 words; every page but the last is full.
The same rules in Vyper: `contracts/labels.vy`.
"""

import numpy as np
import numpy.typing as npt

from modelmarket.errors import InputError
from modelmarket.protocol.classes import Codes

WORD_BYTES = 32
WORD_BITS = 8 * WORD_BYTES
PAGE_WORDS = 768
PAGE_BYTES = PAGE_WORDS * WORD_BYTES

Page = bytes
"""A page's words, one after the other: 32 to 24,576 bytes."""


def word_count(labels: int, bits: int) -> int:
    """How many words hold so many labels."""
    return -(-labels * bits // WORD_BITS)


def page_count(labels: int, bits: int) -> int:
    """How many pages hold so many labels."""
    return -(-word_count(labels, bits) // PAGE_WORDS)


def pack_bits(values: npt.NDArray[np.integer], bits: int) -> npt.NDArray[np.uint8]:
    """Packs numbers, the first into the highest bits.

    Args:
        values: Shape (values,); each below 2**bits.
        bits: 1, 2, 4, 8, 16 or 32.

    Returns:
        As many bytes as that takes; the last is filled up with zero bits.
    """
    if bits >= 8:  # noqa: PLR2004  # whole bytes
        return values.astype(f">u{bits // 8}").view(np.uint8)
    per_byte = 8 // bits
    lanes = np.zeros(-(-values.size // per_byte) * per_byte, dtype=np.uint8)
    lanes[: values.size] = values
    packed = np.zeros(lanes.size // per_byte, dtype=np.uint8)
    for lane in range(per_byte):
        packed |= lanes[lane::per_byte] << (8 - bits * (lane + 1))
    return packed


def unpack_bits(packed: npt.NDArray[np.uint8], bits: int) -> npt.NDArray[np.integer]:
    """Unpacks all the numbers that bytes hold, padding and all.

    Args:
        packed: A whole number of words.
        bits: 1, 2, 4, 8, 16 or 32.
    """
    if bits >= 8:  # noqa: PLR2004  # whole bytes
        return packed.view(f">u{bits // 8}")
    per_byte = 8 // bits
    values = np.empty(packed.size * per_byte, dtype=np.uint8)
    for lane in range(per_byte):
        values[lane::per_byte] = (packed >> (8 - bits * (lane + 1))) & (2**bits - 1)
    return values


def pack(codes: Codes, bits: int) -> list[Page]:
    """Packs codes into pages.

    Args:
        codes: Shape (rows,); each below 2**bits.
        bits: 1, 2, 4, 8 or 16.

    Raises:
        InputError: A code does not fit; names row and value.
    """
    if codes.size and int(np.max(codes)) >> bits:
        row = int(np.argmax(codes >= 1 << bits))
        raise InputError(f"Row {row + 1}: code {codes[row]} needs over {bits} bits.")
    packed = np.zeros(word_count(codes.size, bits) * WORD_BYTES, dtype=np.uint8)
    used = pack_bits(codes, bits)
    packed[: used.size] = used
    data = packed.tobytes()
    return [data[at : at + PAGE_BYTES] for at in range(0, len(data), PAGE_BYTES)]


def unpack(pages: list[Page], labels: int, bits: int) -> Codes:
    """Unpacks the codes of so many labels from their pages.

    Returns:
        Codes of shape (labels,). Padding is not looked at.

    Raises:
        InputError: The pages do not have the length of such a list.
    """
    data = b"".join(pages)
    if len(data) != word_count(labels, bits) * WORD_BYTES:
        raise InputError(
            f"{len(data):,} bytes cannot be {labels:,} labels of {bits} bits."
        )
    unpacked = unpack_bits(np.frombuffer(data, dtype=np.uint8), bits)
    return unpacked[:labels].astype(np.uint16)


def words(page: Page) -> list[int]:
    """A page's words as the integers that a contract call takes."""
    return [
        int.from_bytes(page[at : at + WORD_BYTES])
        for at in range(0, len(page), WORD_BYTES)
    ]


def from_words(values: list[int]) -> Page:
    """The page whose words are these integers."""
    return b"".join(value.to_bytes(WORD_BYTES) for value in values)


def difference(truth: Page, predictions: Page) -> Page:
    """The XOR of two pages of the same length, as predictions travel."""
    size = len(truth)
    return (int.from_bytes(truth) ^ int.from_bytes(predictions)).to_bytes(size)


def count_matches(truth: Codes, predictions: Codes) -> int:
    """How many predictions equal the truth, row by row.

    Raises:
        InputError: The lists differ in length.
    """
    if truth.size != predictions.size:
        raise InputError(
            f"{predictions.size:,} predictions cannot be compared with "
            f"{truth.size:,} labels."
        )
    return int(np.count_nonzero(truth == predictions))
