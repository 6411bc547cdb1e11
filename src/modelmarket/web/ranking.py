# SPDX-License-Identifier: Apache-2.0
"""Who claimed what: the lines of a request's ranking, and what is drawn of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from modelmarket.protocol.contests import ContestRecord
from modelmarket.protocol.intervals import wilson
from modelmarket.protocol.payouts import Stake, stake
from modelmarket.protocol.phases import Phase, Status
from modelmarket.web.charts import Dot
from modelmarket.web.happenings import WHY_FAILED

if TYPE_CHECKING:
    from modelmarket.protocol.records import BaseRecord, SubmissionRecord
    from modelmarket.protocol.replaying import Record
    from modelmarket.protocol.types import Address

STATES = {Status.WITHDRAWN: "did not win"}
"""Where the contract's word is not people's: what it calls the end of its stake."""
STAKES = {
    Stake.LOCKED: "locked",
    Stake.DUE: "to be withdrawn",
    Stake.RETURNED: "returned",
    Stake.LOST: "lost",
}


@dataclass(frozen=True)
class Place:
    """A line of the ranking.

    Attributes:
        place: From 1; None once the claim has fallen.
        record: The submission.
        share: Of the most that can be scored, from 0 to 1.
        bounds: What holds 95% of what luck can do, from 0 to 1; None where the score
            counts no rows.
        state: What has become of it.
        stake: What has become of its stake.
        is_own: Whether it is the user's.
    """

    place: int | None
    record: SubmissionRecord
    share: float
    bounds: tuple[float, float] | None
    state: str
    stake: str
    is_own: bool

    @property
    def dot(self) -> Dot:
        """As it is drawn."""
        name = self.record.name or f"#{self.record.id}"
        return Dot(name, self.share, self.bounds, self.is_own)

    @property
    def accuracy(self) -> str:
        """The share in percent, with one decimal."""
        return f"{self.share:.1%}"

    @property
    def interval(self) -> str:
        """The bounds in percent, with one decimal; empty without any."""
        return " – ".join(f"{one:.1%}" for one in self.bounds or ())


def most_of(record: BaseRecord) -> int:
    """The most that can be scored: matches, or points."""
    if isinstance(record, ContestRecord):
        return record.rows * record.scoring.most
    return record.rows


def counts_rows(record: Record) -> bool:
    """Whether a score is a number of rows that are right."""
    if isinstance(record, ContestRecord):
        return not (record.terms.points.is_regression or record.weights)
    return True


def ranking(record: Record, account: Address | None) -> list[Place]:
    """The claims that stand, best first; then those that have fallen."""
    standing = record.ranking
    fallen = [
        one
        for one in record.submissions.values()
        if one.score is not None and not one.is_live
    ]
    places = [
        _place(number, one, record, account) for number, one in enumerate(standing, 1)
    ]
    return places + [_place(None, one, record, account) for one in fallen]


def _state(one: SubmissionRecord, record: Record) -> str:
    """What has become of a claim, in words."""
    if one.failure is not None:
        return f"failed: {WHY_FAILED[one.failure]}"
    if record.stage is Phase.REFUNDED and (one.score or 0) < record.minimum:
        return "below the threshold"
    return STATES.get(one.status, one.status.name.lower())


def _place(
    number: int | None,
    one: SubmissionRecord,
    record: Record,
    account: Address | None,
) -> Place:
    most = most_of(record)
    # A claim may say more than can be scored; it falls when it is checked.
    score = min(one.score or 0, most)
    return Place(
        number,
        one,
        score / most,
        wilson(score, most) if counts_rows(record) else None,
        _state(one, record),
        STAKES[stake(record, one)],
        one.trainer == account,
    )
