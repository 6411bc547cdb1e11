# SPDX-License-Identifier: Apache-2.0
"""Who is owed what: the table in `docs/protocol.md`.

The same rules in Vyper: `_due`, `_refund` and `_fulfil` in `ModelMarket.vy`,
`withdraw`, `_refund` and `settle` in `VerifiedMarket.vy`. Held beside the contracts, in
random stories, by `tests/protocol/test_rules.py`.
"""

from __future__ import annotations

from enum import Enum

from modelmarket.protocol.phases import Phase, Position, Status
from modelmarket.protocol.records import BaseRecord, SubmissionRecord
from modelmarket.protocol.types import Wei

_OWED = {
    Phase.CANCELLED: Status.SUBMITTED,
    Phase.FORFEITED: Status.SUBMITTED,
    Phase.REFUNDED: Status.RANKED,
    Phase.FULFILLED: Status.RANKED,
}
"""Which submissions an ended request owes something."""


def due(request: BaseRecord, submission: SubmissionRecord) -> Wei:
    """Wei that withdrawing pays for a submission now.

    Args:
        request: What it was submitted to.
        submission: It, as the request has it.
    """
    if not _is_owed(request, submission):
        return Wei(0)
    return Wei(request.terms.stake + request.share)


def _is_owed(request: BaseRecord, submission: SubmissionRecord) -> bool:
    return _OWED.get(request.stage) is submission.status


class Stake(Enum):
    """What has become of the stake of a submission."""

    LOCKED = "locked"
    DUE = "due"
    RETURNED = "returned"
    LOST = "lost"


def stake(request: BaseRecord, submission: SubmissionRecord) -> Stake:
    """What has become of a submission's stake.

    Args:
        request: What it was submitted to.
        submission: It, as the request has it.
    """
    if _is_owed(request, submission):
        return Stake.DUE
    match submission.status:
        case Status.FAILED:
            return Stake.LOST
        case Status.CANCELLED | Status.WON | Status.WITHDRAWN:
            return Stake.RETURNED
        case _:
            # Whoever was silent until the end has lost it.
            return Stake.LOST if request.stage.is_final else Stake.LOCKED


def missed_claim(submission: SubmissionRecord, position: Position) -> bool:
    """Whether a submission's stake is lost, since no score was claimed in time.

    Nothing tells of it on the chain: the end of the request takes such stakes together.

    Args:
        submission: It, as its request has it.
        position: Of the request's clock.
    """
    if submission.status is not Status.SUBMITTED:
        return False
    if position.phase is Phase.CLAIMS:
        return position.overdue
    return position.phase in (Phase.VALIDATION, Phase.FULFILLED, Phase.REFUNDED)


def returns_stake(request: BaseRecord, now: int) -> bool:
    """Whether a submission that is cancelled now gets its stake back.

    Args:
        request: What it was submitted to.
        now: Seconds of chain time.
    """
    return request.at(now).phase is Phase.OPEN


def entitled(request: BaseRecord, submission: SubmissionRecord) -> Wei:
    """Wei that a submission to an ended request gets, paid or still due."""
    stake, reward = request.terms.stake, request.terms.reward
    if submission.status is Status.CANCELLED:
        return stake
    if submission.status is Status.FAILED:
        return Wei(0)
    match request.stage:
        case Phase.CANCELLED:
            return Wei(stake + reward // request.live)
        case Phase.FORFEITED:
            return stake
        case Phase.FULFILLED if submission.id == request.winner:
            return Wei(stake + reward + _won_bond(submission))
        case _:
            return stake if submission.score is not None else Wei(0)


def _won_bond(submission: SubmissionRecord) -> Wei:
    """Wei of the bond that a winner of a verified contest gets."""
    return Wei(0) if submission.demand is None else submission.demand.locked


def returned(request: BaseRecord) -> Wei:
    """Wei of the reward that an ended request gives back to its requester."""
    reward, live = request.terms.reward, request.live
    match request.stage:
        case Phase.CANCELLED:
            return Wei(reward % live if live else reward)
        case Phase.REFUNDED:
            return reward
        case _:
            return Wei(0)


def taken(request: BaseRecord) -> Wei:
    """Wei that requester, trainers and demanders have locked, since its creation."""
    stakes = len(request.submissions) * request.terms.stake
    demands = [one.demand for one in request.submissions.values() if one.demand]
    return Wei(request.terms.reward + stakes + sum(one.locked for one in demands))


def paid(request: BaseRecord) -> Wei:
    """Wei that it has paid out: to its requester, to trainers, and for what was
    demanded and refuted.
    """
    submissions = request.submissions.values()
    trainers = sum(one.paid for one in submissions)
    challengers = sum(one.reward_of_challenger for one in submissions)
    bonds = sum(one.demand.returned for one in submissions if one.demand)
    return Wei(request.paid + trainers + challengers + bonds)


def slashed(request: BaseRecord) -> Wei:
    """Wei of it that the market has kept for good."""
    return Wei(
        request.slashed + sum(one.slashed for one in request.submissions.values())
    )


def bond_due(submission: SubmissionRecord) -> Wei:
    """Wei that whoever demanded a submission that failed can take back."""
    demand = submission.demand
    if demand is None or submission.status is not Status.FAILED:
        return Wei(0)
    return Wei(demand.locked - demand.returned)


def held(request: BaseRecord) -> Wei:
    """Wei of it that the market still holds for somebody."""
    return Wei(taken(request) - paid(request) - slashed(request))
