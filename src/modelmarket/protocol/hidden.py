# SPDX-License-Identifier: Apache-2.0
"""Hidden rows: how codes and targets become words, and words become ciphertext.

A ciphertext is the words XOR a keystream of SHA-256, so that no ciphertext is
malformed: a plaintext is what the key makes of it. Padding is masked away after
decryption. The same rules in Vyper: `contracts/hidden.vy`.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from eth_hash.auto import keccak

from modelmarket.errors import InputError
from modelmarket.protocol.labels import WORD_BITS, WORD_BYTES, pack_bits, unpack_bits
from modelmarket.protocol.merkle import GROUP_BYTES, Hash, tag, word
from modelmarket.protocol.types import Address

CODE_WIDTHS = (8, 16)
"""Bits that a code may take."""

MOST_COLUMNS = 1_024
TARGET_BITS = (1, 2, 4, 8, 16, 32)
"""Bits that a target may take: to 16 for classes, from 8 for numbers."""

Words = npt.NDArray[np.uint8]
"""Words of rows or groups: shape (rows, bytes of a row)."""

RowCodes = npt.NDArray[np.uint8] | npt.NDArray[np.uint16]
"""Codes: shape (rows, columns); bytes when a code has 8 bits."""

Targets = npt.NDArray[np.uint32]
"""Targets or predictions: shape (rows,)."""

# perf: so many rows are encrypted at a time that their keystream stays small.
ROWS_AT_ONCE = 2**14


def row_words(columns: int, width: int) -> int:
    """How many words a row takes.

    Args:
        columns: 1 to 1,024.
        width: Bits of a code, 8 or 16.

    Raises:
        InputError: There are no such rows.
    """
    if width not in CODE_WIDTHS:
        raise InputError(f"A code has 8 or 16 bits, not {width}.")
    if not 1 <= columns <= MOST_COLUMNS:
        raise InputError(f"A row has 1 to {MOST_COLUMNS:,} columns, not {columns:,}.")
    return -(-columns * width // WORD_BITS)


def pack_rows(codes: RowCodes, width: int) -> Words:
    """Packs rows of codes into words.

    Args:
        codes: Shape (rows, columns); each below 2**width.
        width: 8 or 16 bits.

    Raises:
        InputError: There are no such rows, or a code does not fit; names row and
            column.
    """
    rows, columns = codes.shape
    size = row_words(columns, width) * WORD_BYTES
    if codes.size and (int(np.max(codes)) >> width or int(np.min(codes)) < 0):
        row, column = np.argwhere((codes < 0) | (codes >= 1 << width))[0]
        raise InputError(
            f"Row {row + 1}, column {column + 1}: code {codes[row, column]} "
            f"needs over {width} bits."
        )
    packed = np.zeros((rows, size), dtype=np.uint8)
    lanes = packed if width == CODE_WIDTHS[0] else packed.view(">u2")
    lanes[:, :columns] = codes
    return packed


def unpack_rows(words: Words, columns: int, width: int) -> RowCodes:
    """Unpacks the codes of rows; what stands behind the last column is ignored.

    Raises:
        InputError: The words are not as long as such rows are.
    """
    size = row_words(columns, width) * WORD_BYTES
    if words.ndim != 2 or words.shape[1] != size:  # noqa: PLR2004  # rows and bytes
        raise InputError(
            f"Rows of {columns:,} codes of {width} bits have {size:,} bytes each."
        )
    if width == CODE_WIDTHS[0]:
        return words[:, :columns].copy()
    return np.ascontiguousarray(words).view(">u2")[:, :columns].astype(np.uint16)


def group_labels(bits: int) -> int:
    """How many targets a group holds.

    Raises:
        InputError: A target cannot have so many bits.
    """
    if bits not in TARGET_BITS:
        raise InputError(f"A target has 1, 2, 4, 8, 16 or 32 bits, not {bits}.")
    return GROUP_BYTES * 8 // bits


def group_count(rows: int, bits: int) -> int:
    """How many groups hold so many targets."""
    return -(-rows // group_labels(bits))


def pack_groups(targets: npt.NDArray[np.integer], bits: int) -> Words:
    """Packs targets or predictions into groups; the last is filled up with zeros.

    Args:
        targets: Shape (rows,); each below 2**bits.
        bits: 1, 2, 4, 8, 16 or 32.

    Returns:
        Shape (groups, 256).

    Raises:
        InputError: A value does not fit; names row and value.
    """
    groups = group_count(targets.size, bits)
    if targets.size and (int(np.max(targets)) >> bits or int(np.min(targets)) < 0):
        row = int(np.argmax((targets < 0) | (targets >= 1 << bits)))
        raise InputError(f"Row {row + 1}: {targets[row]} needs over {bits} bits.")
    packed = np.zeros(groups * GROUP_BYTES, dtype=np.uint8)
    used = pack_bits(targets, bits)
    packed[: used.size] = used
    return packed.reshape(groups, GROUP_BYTES)


def unpack_groups(words: Words, rows: int, bits: int) -> Targets:
    """Unpacks the targets of so many rows; padding is not looked at.

    Raises:
        InputError: That is not the number of groups that such a list has.
    """
    groups = group_count(rows, bits)
    if words.size != groups * GROUP_BYTES:
        raise InputError(
            f"{words.size:,} bytes cannot be {rows:,} targets of {bits} bits."
        )
    unpacked = unpack_bits(np.ascontiguousarray(words).reshape(-1), bits)
    return unpacked[:rows].astype(np.uint32)


def key_hash(
    chain_id: int, market: Address, requester: Address, nonce: bytes, key: bytes
) -> Hash:
    """What the terms say of a key, before it is opened."""
    return keccak(
        tag("key")
        + word(chain_id)
        + word(int(market, 16))
        + word(int(requester, 16))
        + nonce
        + key
    )


@dataclass(frozen=True)
class Keystream:
    """What hides the rows and targets of one contest, and opens them again.

    Attributes:
        key: 32 random bytes, never used for two contests.
        nonce: 32 bytes of the terms, never used twice.
    """

    key: bytes = field(repr=False)
    nonce: bytes

    def __post_init__(self) -> None:
        if len(self.key) != WORD_BYTES or len(self.nonce) != WORD_BYTES:
            raise InputError("A key and its nonce have 32 bytes each.")

    def rows(self, words: Words, first: int = 0) -> Words:
        """Encrypts rows, or decrypts them: both are the same.

        Args:
            words: Shape (rows, bytes of a row).
            first: The index of the first row.
        """
        return self._crypt("row", words, first)

    def groups(self, words: Words, first: int = 0) -> Words:
        """Encrypts groups of targets, or decrypts them.

        Args:
            words: Shape (groups, 256).
            first: The index of the first group.
        """
        return self._crypt("targets", words, first)

    def _crypt(self, name: str, words: Words, first: int) -> Words:
        count, size = words.shape
        crypted = np.empty((count, size), dtype=np.uint8)
        places = [j.to_bytes(4) for j in range(size // WORD_BYTES)]
        start = self.key + self.nonce + tag(name)
        sha256 = hashlib.sha256
        for at in range(0, count, ROWS_AT_ONCE):
            some = words[at : at + ROWS_AT_ONCE]
            stream: list[bytes] = []
            for index in range(first + at, first + at + len(some)):
                row_key = sha256(start + index.to_bytes(4)).digest()
                stream += [sha256(row_key + place).digest() for place in places]
            keystream = np.frombuffer(b"".join(stream), dtype=np.uint8)
            crypted[at : at + len(some)] = some ^ keystream.reshape(some.shape)
        return crypted
