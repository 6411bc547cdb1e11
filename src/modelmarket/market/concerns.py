# SPDX-License-Identifier: Apache-2.0
"""Which requests a user's vault has something to do with."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from modelmarket.protocol.types import RequestId
from modelmarket.vault.secrets import SealedKey, SealedTruth

if TYPE_CHECKING:
    from modelmarket.market.market import Market
    from modelmarket.protocol.types import Address, Seal


@dataclass
class Concern:
    """What a vault has to do with a request.

    Attributes:
        request_id: The request.
        requester: Who sealed the truth, or the key, that is in the vault; empty for
            none.
        submissions: Who sealed the predictions or models that are, by seal.
    """

    request_id: RequestId
    requester: str = ""
    submissions: dict[Seal, Address] = field(default_factory=dict)


def concerns(market: Market, trouble: Callable[[Exception], None]) -> list[Concern]:
    """Each request that a secret in the vault opens, or may open.

    Args:
        market: With the vault, and an index that has been read.
        trouble: Is told what is wrong with a secret; the others go on.
    """
    found: dict[RequestId, Concern] = {}
    for seal in market.vault.seals(*market.network.contracts.addresses):
        try:
            _note(market, seal, found)
        except Exception as error:  # noqa: BLE001  # one secret never stops the others
            trouble(error)
    return [found[one] for one in sorted(found)]


def _note(market: Market, seal: Seal, found: dict[RequestId, Concern]) -> None:
    """Notes what a secret has to do with which requests.

    A seal may be copied: only who sealed it can have entered it in earnest.
    """
    index, secret = market.index, market.vault.secret(seal)
    if secret is None:
        return
    if isinstance(secret, SealedTruth | SealedKey):
        where = [
            request_id
            for request_id, requester in index.requests_of_seal(seal)
            if requester == secret.requester
        ]
        for request_id in (*where, *_set_aside_with(market, secret.requester, seal)):
            concern = found.setdefault(request_id, Concern(request_id))
            concern.requester = secret.requester
        return
    trainers = [trainer for _, trainer in index.submissions_of_seal(seal)]
    if secret.trainer in trainers or secret.request_id in index.set_aside():
        concern = found.setdefault(secret.request_id, Concern(secret.request_id))
        concern.submissions[seal] = secret.trainer


def _set_aside_with(market: Market, owner: Address, seal: Seal) -> Iterator[RequestId]:
    """What is set aside is in no table but that of the events."""
    requester = bytes.fromhex(owner[2:]).rjust(32, b"\0")
    for request_id in market.index.set_aside():
        if any(
            requester in one.log.topics or one.log.data.find(seal) >= 0
            for one in market.index.logs(request_id)
        ):
            yield request_id
