# SPDX-License-Identifier: Apache-2.0
"""What has become of what somebody locked, in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from modelmarket.protocol import actions
from modelmarket.protocol.payouts import Stake, bond_due, stake
from modelmarket.protocol.phases import Phase, Status
from modelmarket.web.happenings import UNCLAIMED, WHY_FAILED

if TYPE_CHECKING:
    from modelmarket.protocol.records import BaseRecord, SubmissionRecord


@dataclass(frozen=True)
class Became:
    """What has become of an amount that was locked.

    Attributes:
        since: In words that follow "locked".
        told: In words that follow "the reward", or whatever else was locked.
    """

    since: str
    told: str


_BACK = Became("and back since", "came back")
_DUE = Became("and due to be withdrawn now", "is due to be withdrawn")
_TO_THE_WINNER = Became("and paid to the winner since", "was paid to the winner")


def since(
    action: actions.Action, record: BaseRecord, one: SubmissionRecord | None
) -> Became | None:
    """What has become of what an action locked.

    Args:
        action: That may have locked something.
        record: The request that it made or is about.
        one: The submission that it made or is about; None for none.

    Returns:
        None while it is locked, and where nothing was.
    """
    match action:
        case actions.CreateRequest() | actions.CreateContest():
            return _reward(record)
        case actions.Entering() if one is not None:
            return _stake(record, one)
        case actions.Demand() if one is not None:
            return _bond(one)
    return None


def _reward(record: BaseRecord) -> Became | None:
    match record.stage:
        case Phase.FULFILLED:
            return _TO_THE_WINNER
        case Phase.REFUNDED:
            return _BACK
        case Phase.CANCELLED if record.live:
            shared = "shared among those who had submitted"
            return Became(f"and since {shared}", f"was {shared}")
        case Phase.CANCELLED:
            return _BACK
        case Phase.FORFEITED:
            return _lost("it was not opened in time")
    return None


def _lost(why: str) -> Became:
    return Became(f"and lost since: {why}", f"was lost: {why}")


def _stake(record: BaseRecord, one: SubmissionRecord) -> Became | None:
    match stake(record, one):
        case Stake.LOCKED:
            return None
        case Stake.DUE:
            return _DUE
        case Stake.RETURNED if one.status is Status.WON:
            return Became(
                "and back since, with the reward", "came back, with the reward"
            )
        case Stake.RETURNED:
            return _BACK
        case Stake.LOST:
            return _lost(UNCLAIMED if one.failure is None else WHY_FAILED[one.failure])


def _bond(one: SubmissionRecord) -> Became | None:
    if one.demand is None:
        return None
    if one.demand.returned:
        return _BACK
    if bond_due(one):
        return _DUE
    # What was posted costs whoever demanded it.
    return _TO_THE_WINNER if one.status is Status.WON else None
