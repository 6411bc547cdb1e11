# SPDX-License-Identifier: Apache-2.0
"""What must be opened later, as it lies in a vault, a backup or a copy."""

from __future__ import annotations

import base64
import json
from dataclasses import asdict, dataclass, fields
from typing import Any

from modelmarket.errors import VaultError
from modelmarket.protocol.hidden import key_hash
from modelmarket.protocol.labels import PAGE_BYTES, Page
from modelmarket.protocol.seals import Core, Opening, seal
from modelmarket.protocol.shown import ModelSeal
from modelmarket.protocol.types import (
    Address,
    RequestId,
    Salt,
    Seal,
    Superhash,
    TermsHash,
)


@dataclass(frozen=True, repr=False)
class SealedTruth:
    """The truth of a request of ours.

    Attributes:
        chain_id: In its seal.
        market: The contract.
        requester: Its owner.
        salt: In its seal.
        labels: Number of test rows.
        bits: Per label.
        packed: Its pages, one after the other.
    """

    chain_id: int
    market: Address
    requester: Address
    salt: Salt
    labels: int
    bits: int
    packed: bytes

    @property
    def owner(self) -> Address:
        """Whom its seal names."""
        return self.requester

    @property
    def seal(self) -> Seal:
        """What it is known by."""
        return self.opening().seal

    def opening(self) -> Opening:
        """What opens it."""
        core = Core.of_truth(self.chain_id, self.market, self.requester, self.salt)
        return seal(_pages(self.packed), core)


@dataclass(frozen=True, repr=False)
class SealedPredictions:
    """The predictions and the model of a submission of ours.

    Attributes:
        chain_id: In its seal.
        market: The contract.
        trainer: Its owner.
        request_id: What it was submitted to.
        terms_hash: In its seal.
        superhash: In its seal.
        salt: In its seal.
        model: The model's CID.
        packed: The predictions' pages, one after the other.
    """

    chain_id: int
    market: Address
    trainer: Address
    request_id: RequestId
    terms_hash: TermsHash
    superhash: Superhash
    salt: Salt
    model: str
    packed: bytes

    @property
    def owner(self) -> Address:
        """Whom its seal names."""
        return self.trainer

    @property
    def seal(self) -> Seal:
        """What it is known by."""
        return self.opening().seal

    def opening(self) -> Opening:
        """What opens it."""
        core = Core.of_predictions(
            self.chain_id,
            self.market,
            self.trainer,
            self.terms_hash,
            self.superhash,
            self.salt,
        )
        return seal(_pages(self.packed), core)


@dataclass(frozen=True, repr=False)
class SealedKey:
    """The key of a verified contest of ours.

    Attributes:
        chain_id: In its hash.
        market: The contract.
        requester: Its owner.
        nonce: In its hash, and in the terms.
        key: Opens rows and targets.
    """

    chain_id: int
    market: Address
    requester: Address
    nonce: bytes
    key: bytes

    @property
    def owner(self) -> Address:
        """Whom its hash names."""
        return self.requester

    @property
    def seal(self) -> Seal:
        """What it is known by: the hash in the terms."""
        place = (self.chain_id, self.market, self.requester)
        return Seal(key_hash(*place, self.nonce, self.key))


@dataclass(frozen=True, repr=False)
class SealedModel:
    """The exact model of a submission of ours to a verified contest.

    Attributes:
        chain_id: In its seal.
        market: The contract.
        trainer: Its owner.
        request_id: What it was submitted to.
        terms_hash: In its seal.
        model_root: In its seal; commits to the model.
        superhash: In its seal.
        salt: In its seal.
        model: CID of the folder that the model's file is in.
    """

    chain_id: int
    market: Address
    trainer: Address
    request_id: RequestId
    terms_hash: TermsHash
    model_root: bytes
    superhash: Superhash
    salt: Salt
    model: str

    @property
    def owner(self) -> Address:
        """Whom its seal names."""
        return self.trainer

    @property
    def seal(self) -> Seal:
        """What it is known by."""
        return ModelSeal(
            self.chain_id,
            self.market,
            self.trainer,
            self.terms_hash,
            self.model_root,
            self.superhash,
            self.salt,
        ).seal


Secret = SealedTruth | SealedPredictions | SealedKey | SealedModel
KINDS: dict[str, type[Secret]] = {
    "truth": SealedTruth,
    "predictions": SealedPredictions,
    "key": SealedKey,
    "model": SealedModel,
}
_NAMES = {kind: name for name, kind in KINDS.items()}
_BINARY = {"salt", "packed", "terms_hash", "superhash", "nonce", "key", "model_root"}


def kind_of(secret: Secret) -> str:
    """Its name among `KINDS`."""
    return _NAMES[type(secret)]


def to_json(secret: Secret) -> bytes:
    """A secret in the clear, to be encrypted."""
    values = {
        name: base64.b64encode(value).decode() if isinstance(value, bytes) else value
        for name, value in asdict(secret).items()
    }
    return json.dumps({"kind": kind_of(secret), **values}).encode()


def from_json(data: bytes) -> Secret:
    """Reads a secret.

    Raises:
        VaultError: It is none.
    """
    try:
        stored: dict[str, Any] = json.loads(data)
        kind = KINDS[stored["kind"]]
        values: dict[str, Any] = {
            field.name: base64.b64decode(stored[field.name], validate=True)
            if field.name in _BINARY
            else stored[field.name]
            for field in fields(kind)
        }
        if "request_id" in values:
            values["request_id"] = RequestId(values["request_id"])
        return kind(**values)
    except (ValueError, KeyError, TypeError) as error:
        raise VaultError("What was decrypted is no secret of a vault.") from error


def _pages(packed: bytes) -> list[Page]:
    return [packed[at : at + PAGE_BYTES] for at in range(0, len(packed), PAGE_BYTES)]
