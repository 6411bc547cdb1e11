# SPDX-License-Identifier: Apache-2.0
"""Models and rows that were used before in verified contests."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelmarket.errors import ConfirmationError

if TYPE_CHECKING:
    from modelmarket.market.verified.request import VerifiedRequest
    from modelmarket.models import ExactModel
    from modelmarket.protocol.types import Address


def refuse_second(request: VerifiedRequest, model: ExactModel, owner: Address) -> None:
    """Makes sure that nothing of one's own stands in a contest already.

    Args:
        request: To be submitted to, as it is now.
        model: To be sealed.
        owner: Who is going to submit.

    Raises:
        ConfirmationError: Something does; says what, and whether it is the same.
    """
    vault = request.market.vault
    standing, same = [], False
    for record in request.record.submissions.values():
        secret = vault.model(record.seal)
        is_ours = secret is not None and secret.trainer == record.trainer
        if record.is_live and (is_ours or record.trainer == owner):
            standing.append(record)
            if is_ours and secret is not None and secret.model_root == model.root:
                standing[0], same = record, True
                break
    if not standing:
        return
    alike = " with the same model" if same else ""
    others = f", one of {len(standing)} of yours" if len(standing) > 1 else ""
    raise ConfirmationError(
        f"Request {request.id} has a submission of yours{alike} already: submission "
        f"{standing[0].id}{others}. Only one of them can win, and each has a stake of "
        "its own.",
        option="again",
    )
