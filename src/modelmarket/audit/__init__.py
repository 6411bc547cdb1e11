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


def audit(
    market: Market, request_id: int, *, runs_models: bool = True
) -> list[Verdict]:
    """Checks every promise about a request.

    Args:
        market: Where it is.
        request_id: Which.
        runs_models: Whether a stranger's model is run, in confinement, for minutes
            perhaps; else what was found out before is told.

    Raises:
        NotFoundError: There is no such request.
        ChainError: The node does not answer.
    """
    try:
        evidence = gather(market, RequestId(request_id))
    except UnreadableError as error:
        return [Verdict("Its events can be read", passed=False, figures=error.text)]
    return judge(evidence, runs_models=runs_models)


def judge(evidence: Evidence, *, runs_models: bool = True) -> list[Verdict]:
    """Holds what a chain says about a request to each promise; see `audit`."""
    of_predictions = predictions.PROMISES if runs_models else predictions.LOOKING
    is_contest = evidence.request.id.is_verified
    promises = contests.PROMISES if is_contest else of_predictions
    return [verdict_on(promise, check, evidence) for promise, check in promises]
