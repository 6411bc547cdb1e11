# SPDX-License-Identifier: Apache-2.0
"""Encryption under a passphrase: scrypt (RFC 7914), then AES-256-GCM."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from typing import Any

from modelmarket.errors import VaultError

SCRYPT_N = 2**15
"""Work factor: 32 MiB and about 0.1 s; OWASP's recommendation is 2**17 at a
lower parallelism or this one with p = 3. It is written beside what it encrypts,
so that it can be raised."""
SCRYPT_R = 8
SCRYPT_P = 3
SALT_BYTES = 16
NONCE_BYTES = 12


@dataclass(frozen=True, repr=False)
class Key:
    """A key for AES-256-GCM. It is never shown."""

    secret: bytes

    @classmethod
    def derive(cls, passphrase: str, salt: bytes, n: Any) -> Key:
        """The key that a passphrase and a salt give.

        Args:
            passphrase: The user's.
            salt: 16 bytes.
            n: Scrypt's work factor, as a file says.

        Raises:
            VaultError: `n` is no power of two, or would take over 256 MiB.
        """
        try:
            secret = hashlib.scrypt(
                passphrase.encode(),
                salt=salt,
                n=n,
                r=SCRYPT_R,
                p=SCRYPT_P,
                maxmem=2**28,
                dklen=32,
            )
        except (TypeError, ValueError, OverflowError) as error:
            raise VaultError("The work factor for scrypt is damaged.") from error
        return cls(secret)

    def encrypt(self, data: bytes, purpose: bytes) -> bytes:
        """Encrypts data for a purpose, which decrypting must name again."""
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        nonce = secrets.token_bytes(NONCE_BYTES)
        return nonce + AESGCM(self.secret).encrypt(nonce, data, purpose)

    def decrypt(self, encrypted: bytes, purpose: bytes) -> bytes:
        """Decrypts what was encrypted for a purpose.

        Raises:
            VaultError: The key is another one, or the data are damaged.
        """
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        nonce, body = encrypted[:NONCE_BYTES], encrypted[NONCE_BYTES:]
        try:
            return AESGCM(self.secret).decrypt(nonce, body, purpose)
        except (InvalidTag, ValueError):
            message = "The passphrase is wrong, or the vault is damaged."
        raise VaultError(
            message, hint="A backup is read by `modelmarket vault restore FILE`."
        )
