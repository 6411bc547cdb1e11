# SPDX-License-Identifier: Apache-2.0
"""Seals: binding, hiding, owner-bound commitments to lists of labels.

A seal is an onion of hashes around a core, opened page by page from the
outside. The same rules in Vyper: `contracts/seals.vy`.
"""

import hashlib
from dataclasses import dataclass

from eth_hash.auto import keccak

from modelmarket.errors import InputError
from modelmarket.protocol.labels import WORD_BYTES, Page
from modelmarket.protocol.types import Address, Salt, Seal, Superhash, TermsHash
from modelmarket.system.text import bytes_of

TRUTH = keccak(b"ModelMarket truth 1")
"""Domain of the seals of truths."""

PREDICTIONS = keccak(b"ModelMarket predictions 1")
"""Domain of the seals of predictions."""

NO_HASH = bytes(32)


def superhash(cid: str) -> Superhash:
    """SHA-256 of a CID's canonical text: locks a file in without naming it."""
    return Superhash(hashlib.sha256(bytes_of(cid)).digest())


def page_hash(page: Page) -> bytes:
    """keccak256 of the page as `abi.encode(uint256[])` gives it."""
    head = WORD_BYTES.to_bytes(32) + (len(page) // WORD_BYTES).to_bytes(32)
    return keccak(head + page)


def bound(outermost: bytes, superhash: bytes) -> Seal:
    """A layer of predictions together with the model's superhash.

    Around the outermost layer it is the seal: what is logged of the model when
    submitting is what the last page must open to.
    """
    return Seal(keccak(outermost + superhash))


def layer(page: Page, inner: bytes) -> bytes:
    """The layer around `inner` that holds a page."""
    return keccak(page_hash(page) + inner)


@dataclass(frozen=True)
class Core:
    """What the innermost hash of a seal binds.

    Attributes:
        domain: `TRUTH` or `PREDICTIONS`.
        chain_id: As fixed when the market was deployed.
        market: The contract.
        owner: The requester of a truth, the trainer of predictions.
        terms_hash: The request's; 32 zero bytes for a truth.
        superhash: The model's; 32 zero bytes for a truth.
        salt: Keeps short lists from being guessed.
    """

    domain: bytes
    chain_id: int
    market: Address
    owner: Address
    terms_hash: bytes
    superhash: bytes
    salt: Salt

    @classmethod
    def of_truth(
        cls, chain_id: int, market: Address, requester: Address, salt: Salt
    ) -> "Core":
        """The core of a request's truth."""
        return cls(TRUTH, chain_id, market, requester, NO_HASH, NO_HASH, salt)

    @classmethod
    def of_predictions(
        cls,
        chain_id: int,
        market: Address,
        trainer: Address,
        terms_hash: TermsHash,
        superhash: Superhash,
        salt: Salt,
    ) -> "Core":
        """The core of a submission's predictions and model."""
        return cls(PREDICTIONS, chain_id, market, trainer, terms_hash, superhash, salt)

    def hash(self) -> bytes:
        """keccak256 of the core as `abi.encode` gives it."""
        return keccak(
            self.domain
            + self.chain_id.to_bytes(32)
            + bytes.fromhex(self.market[2:]).rjust(32, b"\0")
            + bytes.fromhex(self.owner[2:]).rjust(32, b"\0")
            + self.terms_hash
            + self.superhash
            + self.salt
        )


@dataclass(frozen=True)
class Opening:
    """A sealed list and all that is needed to open it, page by page.

    Attributes:
        pages: The list, packed.
        core: What the seal binds besides.
        layers: `layers[i]` is the layer around page i; the first is outermost.
    """

    pages: tuple[Page, ...]
    core: Core
    layers: tuple[bytes, ...]

    @property
    def seal(self) -> Seal:
        """What is published; predictions' binds the superhash once more."""
        if self.core.domain == PREDICTIONS:
            return bound(self.layers[0], self.core.superhash)
        return Seal(self.layers[0])

    def inner(self, page: int) -> bytes:
        """What is sent with a page: the layer below it, or last the salt."""
        if page + 1 == len(self.pages):
            return self.core.salt
        return self.layers[page + 1]


def seal(pages: list[Page], core: Core) -> Opening:
    """Seals a packed list.

    Raises:
        InputError: The list is empty.
    """
    if not pages:
        raise InputError("A list without labels cannot be sealed.")
    layers: list[bytes] = []
    inner = core.hash()
    for page in reversed(pages):
        inner = layer(page, inner)
        layers.append(inner)
    return Opening(tuple(pages), core, tuple(reversed(layers)))
