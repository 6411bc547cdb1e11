# SPDX-License-Identifier: Apache-2.0
"""What a trainer seals of a model before the deadline, and shows of it afterwards.

The same rules in Vyper: `contracts/VerifiedMarket.vy` and `contracts/conditions.vy`.
"""

from __future__ import annotations

from dataclasses import dataclass

from eth_hash.auto import keccak

from modelmarket.protocol.merkle import Hash, tag, word
from modelmarket.protocol.types import NOBODY, Address, Salt, Seal, Superhash, TermsHash

_SEALED_MODEL = tag("sealed model")
_KIND_AT = 4
"""Where a header says what the units are; see `models.header`."""


def _address(account: Address) -> bytes:
    return word(int(account, 16))


@dataclass(frozen=True)
class ModelSeal:
    """What the seal of a model binds.

    Attributes:
        chain_id: As fixed when the market was deployed.
        market: The contract.
        owner: The trainer.
        terms_hash: Of the contest.
        model_root: Commits to the model.
        superhash: Of the model's CID.
        salt: Keeps a small model from being guessed.
    """

    chain_id: int
    market: Address
    owner: Address
    terms_hash: TermsHash
    model_root: Hash
    superhash: Superhash
    salt: Salt

    @property
    def seal(self) -> Seal:
        """What is published when submitting."""
        return Seal(
            keccak(
                _SEALED_MODEL
                + word(self.chain_id)
                + _address(self.market)
                + _address(self.owner)
                + self.terms_hash
                + self.model_root
                + self.superhash
                + self.salt
            )
        )


@dataclass(frozen=True)
class Shown:
    """What a candidate showed; the market keeps its hash.

    Attributes:
        trainer: Whose it is.
        header: The model's header, a word.
        base_hash: Commits to its base words.
        units_root: Commits to its units.
        listing_root: Commits to all of its predictions and their points.
        score: That was claimed.
    """

    trainer: Address
    header: bytes
    base_hash: Hash
    units_root: Hash
    listing_root: Hash
    score: int

    @property
    def is_dense(self) -> bool:
        """Whether the model's units are neurons rather than trees."""
        return self.header[_KIND_AT] != 0

    def as_struct(self) -> tuple[str | int | bytes, ...]:
        """The contract's struct."""
        return (
            self.trainer,
            int.from_bytes(self.header),
            self.base_hash,
            self.units_root,
            self.listing_root,
            self.score,
        )

    def hash(self) -> Hash:
        """keccak256 of all of it, which everything that names it must match."""
        return keccak(
            _address(self.trainer)
            + self.header
            + self.base_hash
            + self.units_root
            + self.listing_root
            + word(self.score)
        )


def sealed_hash(contest: Hash, trainer: Address, seal: Seal) -> Hash:
    """keccak256 of what the market keeps until a model is shown.

    Args:
        contest: Hash of requester and terms.
        trainer: Who entered it.
        seal: Of the model.
    """
    return keccak(contest + _address(trainer) + seal)


NOTHING_SHOWN = Shown(NOBODY, bytes(32), bytes(32), bytes(32), bytes(32), 0)
"""What calls are handed before a model was shown."""
