# SPDX-License-Identifier: Apache-2.0
"""Content identifiers (https://github.com/multiformats/cid).

Only SHA-256 is spoken here. A CID is compared as bytes, never as text.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass

from modelmarket.errors import InputError, StorageError

RAW = 0x55
DAG_PB = 0x70
_SHA2_256 = bytes((0x12, 0x20))
_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_V0_LENGTH = 46


@dataclass(frozen=True, order=True)
class Cid:
    """The identifier of a block.

    Attributes:
        codec: `RAW` or `DAG_PB`.
        digest: SHA-256 of the block.
        version: 1; 0 for the older form of a dag-pb block.
    """

    codec: int
    digest: bytes
    version: int = 1

    @classmethod
    def of(cls, block: bytes, codec: int) -> Cid:
        """The identifier of a block."""
        return cls(codec, hashlib.sha256(block).digest())

    @classmethod
    def parse(cls, text: str) -> Cid:
        """Reads a CIDv1 in base32, or a CIDv0.

        Raises:
            InputError: The text is neither.
        """
        try:
            if text.startswith("b"):
                padded = text[1:].upper() + "=" * (-len(text[1:]) % 8)
                cid = cls.from_bytes(base64.b32decode(padded))
                if str(cid) != text:
                    raise ValueError(text)
                return cid
            if text.startswith("Qm") and len(text) == _V0_LENGTH:
                number = 0
                for character in text:
                    number = number * 58 + _BASE58.index(character)
                return cls.from_bytes(number.to_bytes(34))
        except (ValueError, OverflowError, StorageError):
            pass
        raise InputError(
            f"{text[:80]!r} is not a CID that can be read here.",
            hint="A CIDv1 in base32 begins with 'bafy' or 'bafk'.",
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> Cid:
        """Reads the binary form.

        Raises:
            StorageError: The bytes are no CID with SHA-256.
        """
        if data[:2] == _SHA2_256 and len(data) == 34:  # noqa: PLR2004  # a CIDv0
            return cls(DAG_PB, data[2:], version=0)
        is_known = data[:1] == b"\x01" and data[1:2] in (b"\x55", b"\x70")
        if not is_known or data[2:4] != _SHA2_256 or len(data) != 36:  # noqa: PLR2004  # 4 bytes of head, 32 of digest
            raise StorageError(f"0x{data[:40].hex()} is not a CID that is read here.")
        return cls(data[1], data[4:])

    def __bytes__(self) -> bytes:
        if self.version == 0:
            return _SHA2_256 + self.digest
        return bytes((1, self.codec)) + _SHA2_256 + self.digest

    def __str__(self) -> str:
        if self.version == 0:
            number, text = int.from_bytes(bytes(self)), ""
            while number:
                number, digit = divmod(number, 58)
                text = _BASE58[digit] + text
            return text
        return "b" + base64.b32encode(bytes(self)).decode().lower().rstrip("=")

    def check(self, block: bytes) -> bytes:
        """Returns the block if it is the one with this identifier.

        Raises:
            StorageError: It is another one.
        """
        if hashlib.sha256(block).digest() != self.digest:
            raise StorageError(
                f"A block that was to be {self} is not: its hash differs."
            )
        return block
