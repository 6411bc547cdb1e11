# SPDX-License-Identifier: Apache-2.0
"""Truths, predictions and models that were used before."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from modelmarket.errors import ConfirmationError, TermsError
from modelmarket.storage.store import Store
from modelmarket.vault.secrets import SealedPredictions

if TYPE_CHECKING:
    from modelmarket.market.market import Market
    from modelmarket.market.request import Request
    from modelmarket.protocol.records import SubmissionRecord
    from modelmarket.protocol.types import Address, Seal


def refuse_used_seal(market: Market, truth_seal: Seal) -> None:
    """Makes sure that no request that the index has read has a truth's seal.

    The seal is one of the terms, so the same terms are refused with it.

    Raises:
        TermsError: One has.
    """
    for number, _ in market.index.requests_of_seal(truth_seal):
        raise TermsError(
            f"Request {number} has this truth's seal already, so its labels are "
            "open, or will be.",
            hint="A request needs a truth of its own: create it from its table.",
        )


def refuse_second(request: Request, packed: bytes, model: Path, owner: Address) -> None:
    """Makes sure that nothing of one's own stands in a request already.

    Args:
        request: To be submitted to, as it is now.
        packed: The predictions' pages.
        model: The file or folder.
        owner: Who is going to submit.

    Raises:
        ConfirmationError: Something does; says what, and whether it is the same.
    """
    standing = list(_standing(request, owner))
    if not standing:
        return
    record = standing[-1][0]
    alike = "a submission of yours"
    for one, secret in standing:
        if secret is not None and secret.packed == packed:
            record, alike = one, "a submission of yours with the same predictions"
            break
    else:
        for one, secret in standing:
            if secret is not None and _is_of(request, secret, model):
                record, alike = one, "a submission of yours with the same model"
                break
    others = f", one of {len(standing)} of yours" if len(standing) > 1 else ""
    raise ConfirmationError(
        f"Request {request.id} has {alike} already: submission {record.id}{others}. "
        "Only one of them can win, and each has a stake of its own.",
        option="again",
    )


def _standing(
    request: Request, owner: Address
) -> Iterator[tuple[SubmissionRecord, SealedPredictions | None]]:
    """One's live submissions: by the account, or out of this vault."""
    for record in request.record.submissions.values():
        if record.is_live:
            secret = request.market.vault.predictions(record.seal)
            # A copied seal is not ours.
            if secret is not None and secret.trainer != record.trainer:
                secret = None
            if secret is not None or record.trainer == owner:
                yield record, secret


def _is_of(request: Request, secret: SealedPredictions, model: Path) -> bool:
    """Whether what was sealed is the same model."""
    from modelmarket.errors import ModelMarketError
    from modelmarket.storage.cid import Cid

    market = request.market
    with tempfile.TemporaryDirectory(dir=market.home.scratch()) as scratch:
        cid = Store(Path(scratch)).add(model).cid
    try:
        sealed = market.store.node(Cid.parse(secret.model))
    except ModelMarketError:
        return False
    return any(link.cid == cid for link in sealed.links)
