# SPDX-License-Identifier: Apache-2.0
"""Labels, pages and seals from the text of the protocol, for the reference model.

Nothing here is the client's: bits are spread out one by one and put together
again, and hashes are written down as the protocol writes them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from hashlib import sha256

import numpy as np
import numpy.typing as npt
from eth_hash.auto import keccak
from eth_keys.datatypes import PublicKey, Signature
from eth_keys.exceptions import BadSignature, ValidationError

from contracts.encoding import Page, encode

Labels = npt.NDArray[np.uint16]

PAGE_WORDS = 768
WORD_BITS = 256
TRUTH = keccak(b"ModelMarket truth 1")
PREDICTIONS = keccak(b"ModelMarket predictions 1")
NOTHING = bytes(32)
HALF_ORDER = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0


def word_count(labels: int, bits: int) -> int:
    return -(-labels * bits // WORD_BITS)


def page_count(labels: int, bits: int) -> int:
    return -(-word_count(labels, bits) // PAGE_WORDS)


def pack(labels: Labels, bits: int) -> tuple[Page, ...]:
    """Pages of labels: each bit of each label, the highest first."""
    spread = labels[:, None] >> np.arange(bits - 1, -1, -1) & 1
    data = np.packbits(spread.reshape(-1).astype(np.uint8)).tobytes()
    data += bytes(-len(data) % 32)
    size = 32 * PAGE_WORDS
    return tuple(Page(data[at : at + size]) for at in range(0, len(data), size))


def unpack(data: bytes, bits: int) -> npt.NDArray[np.uint32]:
    """All labels of some words, the padding's too."""
    spread = np.unpackbits(np.frombuffer(data, dtype=np.uint8)).reshape(-1, bits)
    placed = spread.astype(np.uint32) << np.arange(bits - 1, -1, -1)
    found: npt.NDArray[np.uint32] = placed.sum(axis=1, dtype=np.uint32)
    return found


def xor(one: bytes, other: bytes) -> Page:
    number = int.from_bytes(one) ^ int.from_bytes(other)
    return Page(number.to_bytes(len(one)))


@lru_cache(256)
def page_hash(page: bytes) -> bytes:
    return keccak(encode(Page(page)))


def layer(page: bytes, inner: bytes) -> bytes:
    return keccak(encode(page_hash(page), inner))


def bound(outer: bytes, superhash: bytes) -> bytes:
    """A layer of predictions with the superhash that was logged."""
    return keccak(encode(outer, superhash))


def superhash(model: bytes) -> bytes:
    return sha256(model).digest()


def terms_hash(requester: str, terms: tuple[object, ...]) -> bytes:
    return keccak(encode(requester, terms))


@dataclass(frozen=True)
class Core:
    """What is innermost in a seal."""

    domain: bytes
    chain_id: int
    market: str
    owner: str
    terms_hash: bytes
    superhash: bytes
    salt: bytes

    def hash(self) -> bytes:
        return keccak(
            encode(
                self.domain,
                self.chain_id,
                self.market,
                self.owner,
                self.terms_hash,
                self.superhash,
                self.salt,
            )
        )


@dataclass(frozen=True)
class Onion:
    """A sealed list, as its owner knows it."""

    core: Core
    pages: tuple[Page, ...]

    @cached_property
    def layers(self) -> tuple[bytes, ...]:
        """From the outermost to the last."""
        inner = self.core.hash()
        found = []
        for page in reversed(self.pages):
            inner = layer(page, inner)
            found.append(inner)
        return tuple(reversed(found))

    def inner(self, page: int) -> bytes:
        """What is sent with a page: the next layer, or the salt."""
        last = page + 1 == len(self.pages)
        return self.core.salt if last else self.layers[page + 1]

    @property
    def seal(self) -> bytes:
        """A submission's; the truth's is its outermost layer alone."""
        return bound(self.layers[0], self.core.superhash)


_DOMAIN_TYPE = keccak(
    b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
)
_PERMIT_TYPE = keccak(
    b"Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)"
)


def permit_digest(
    coin: str,
    chain_id: int,
    owner: str,
    spender: str,
    amount: int,
    nonce: int,
    deadline: int,
) -> bytes:
    """What the owner of coins signs (EIP-712, EIP-2612)."""
    domain = keccak(
        encode(_DOMAIN_TYPE, keccak(b"ModelCoin"), keccak(b"1"), chain_id, coin)
    )
    what = keccak(encode(_PERMIT_TYPE, owner, spender, amount, nonce, deadline))
    return keccak(b"\x19\x01" + domain + what)


@lru_cache(4_096)
def signer(digest: bytes, v: int, r: bytes, s: bytes) -> str:
    """Who signed; nobody if that is no signature."""
    if v not in (27, 28) or int.from_bytes(s) > HALF_ORDER:
        return ""
    try:
        vrs = (v - 27, int.from_bytes(r), int.from_bytes(s))
        key: PublicKey = Signature(vrs=vrs).recover_public_key_from_msg_hash(digest)
    except (BadSignature, ValidationError):
        return ""
    return key.to_address()
