# SPDX-License-Identifier: Apache-2.0
"""What has become of what somebody locked, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelmarket.protocol import actions
from modelmarket.protocol.payouts import Stake, bond_due, stake
from modelmarket.protocol.phases import Phase, Status
from modelmarket.web.happenings import UNCLAIMED, WHY_FAILED

if TYPE_CHECKING:
    from modelmarket.protocol.records import BaseRecord, SubmissionRecord

_BACK, _DUE = "and back since", "and due to be withdrawn now"


def since(
    action: actions.Action, record: BaseRecord, one: SubmissionRecord | None
) -> str:
    """What has become of what an action locked.

    Args:
        action: That may have locked something.
        record: The request that it made or is about.
        one: The submission that it made or is about; None for none.

    Returns:
        In words that follow "locked"; empty while it is, and where nothing was.
    """
    match action:
        case actions.CreateRequest() | actions.CreateContest():
            return _reward(record)
        case actions.Entering() if one is not None:
            return _stake(record, one)
        case actions.Demand() if one is not None:
            return _bond(one)
    return ""


def _reward(record: BaseRecord) -> str:
    match record.stage:
        case Phase.FULFILLED:
            return "and paid to the winner since"
        case Phase.REFUNDED:
            return _BACK
        case Phase.CANCELLED if record.live:
            return "and since shared among those who had submitted"
        case Phase.CANCELLED:
            return _BACK
        case Phase.FORFEITED:
            return "and lost since: it was not opened in time"
    return ""


def _stake(record: BaseRecord, one: SubmissionRecord) -> str:
    match stake(record, one):
        case Stake.LOCKED:
            return ""
        case Stake.DUE:
            return _DUE
        case Stake.RETURNED if one.status is Status.WON:
            return "and back since, with the reward"
        case Stake.RETURNED:
            return _BACK
        case Stake.LOST:
            why = UNCLAIMED if one.failure is None else WHY_FAILED[one.failure]
            return f"and lost since: {why}"


def _bond(one: SubmissionRecord) -> str:
    if one.demand is None:
        return ""
    if one.demand.returned:
        return _BACK
    if bond_due(one):
        return _DUE
    # What was posted costs whoever demanded it.
    return "and paid to the winner since" if one.status is Status.WON else ""
