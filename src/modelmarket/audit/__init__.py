# SPDX-License-Identifier: Apache-2.0
"""Rebuilds a request from chain and store alone, and holds it to its promises."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelmarket.audit import contests, predictions
from modelmarket.audit.shared import Verdict, verdict_on
from modelmarket.errors import UnreadableError
from modelmarket.market.evidence import Evidence, gather
from modelmarket.protocol.types import RequestId

if TYPE_CHECKING:
    from modelmarket.market.market import Market

__all__ = ["Verdict", "audit", "judge"]


def audit(market: Market, request_id: int) -> list[Verdict]:
    """Checks every promise about a request.

    Raises:
        NotFoundError: There is no such request.
        ChainError: The node does not answer.
    """
    try:
        evidence = gather(market, RequestId(request_id))
    except UnreadableError as error:
        return [Verdict("Its events can be read", passed=False, figures=str(error))]
    return judge(evidence)


def judge(evidence: Evidence) -> list[Verdict]:
    """Holds what a chain says about a request to each promise."""
    is_contest = evidence.request.id.is_verified
    promises = contests.PROMISES if is_contest else predictions.PROMISES
    return [verdict_on(promise, check, evidence) for promise, check in promises]
