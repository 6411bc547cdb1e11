# SPDX-License-Identifier: Apache-2.0
"""Secrets that a key gives again: from its signature over a fixed message.

ECDSA signatures are deterministic (RFC 6979), so the same key gives the same
secrets on any machine; whoever sees the signature has them too.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from typing import Any

from modelmarket.protocol.hidden import Keystream
from modelmarket.protocol.types import Salt
from modelmarket.vault.encryption import Key

MESSAGE: dict[str, Any] = {
    "types": {
        "EIP712Domain": [
            {"name": "name", "type": "string"},
            {"name": "version", "type": "string"},
        ],
        "Vault": [{"name": "purpose", "type": "string"}],
    },
    "primaryType": "Vault",
    "domain": {"name": "ModelMarket", "version": "1"},
    "message": {
        "purpose": "This signature is the key to the secrets of my requests and "
        "submissions. I give it to nobody.",
    },
}
"""EIP-712; the same for every chain, market and version."""


@dataclass(frozen=True, repr=False)
class Root:
    """What all derived secrets come from. It is never shown."""

    secret: bytes

    @classmethod
    def of_signature(cls, r: bytes, s: bytes) -> Root:
        """The root that a signature over `MESSAGE` gives (HKDF-Extract, RFC 5869)."""
        return cls(hmac.digest(b"ModelMarket vault", r + s, "sha256"))

    def split_seed(self, source: bytes, turn: int) -> bytes:
        """What is random in the split of a table.

        Args:
            source: What stands for the file or files; 32 bytes.
            turn: How often a request was made before, so that none repeats.
        """
        return self._derive(b"split", source, turn.to_bytes(8))

    def salt(self, *parts: bytes) -> Salt:
        """The salt of a seal, from everything else that is sealed."""
        return Salt(self._derive(b"salt", *parts))

    def keystream(self, *parts: bytes) -> Keystream:
        """What hides the rows of a verified contest: its key and nonce.

        Args:
            parts: What tells the contest and all of its hidden values from every
                other, so that no keystream comes twice.
        """
        key, nonce = self._derive(b"key", *parts), self._derive(b"nonce", *parts)
        return Keystream(key, nonce)

    def key_of_copies(self) -> Key:
        """What encrypted copies are encrypted with."""
        return Key(self._derive(b"copies"))

    def _derive(self, *parts: bytes) -> bytes:
        # Each part with its length, so that no two lists of parts are alike.
        said = b"".join(len(part).to_bytes(8) + part for part in parts)
        return hmac.digest(self.secret, said, "sha256")
