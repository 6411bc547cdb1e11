# SPDX-License-Identifier: Apache-2.0
"""Who claimed what: the lines of a request's ranking, and what is drawn of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from modelmarket.protocol.contests import ContestRecord
from modelmarket.protocol.intervals import wilson
from modelmarket.protocol.money import format_mdc
from modelmarket.protocol.payouts import Stake, missed_claim, stake
from modelmarket.protocol.phases import Failure, Phase, Status
from modelmarket.protocol.types import Wei
from modelmarket.system.text import measured
from modelmarket.web.charts import Dot
from modelmarket.web.happenings import UNCLAIMED, WHY_FAILED

if TYPE_CHECKING:
    from modelmarket.protocol.phases import Position
    from modelmarket.protocol.records import BaseRecord, SubmissionRecord
    from modelmarket.protocol.replaying import Record
    from modelmarket.protocol.types import Address

ErrorOf = Callable[[int], float]
"""By how much the numbers that score so much are off, on average."""
ENDINGS = {
    Phase.FULFILLED: "did not win",
    Phase.REFUNDED: "did not earn the reward",
    Phase.CANCELLED: "its request was cancelled",
    Phase.FORFEITED: "its request was forfeited",
}
"""What became of a submission whose stake was withdrawn, which is all that the contract
says of it."""
LATE = "cancelled after the deadline"
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
        error: By how much its numbers are off, in the label's own unit; None for
            classes, and where that cannot be told.
        bounds: What holds 95% of what luck can do, from 0 to 1; None where the score
            counts no rows.
        state: What has become of it.
        stake: What has become of its stake.
        is_own: Whether it is the user's.
    """

    place: int | None
    record: SubmissionRecord
    share: float
    error: float | None
    bounds: tuple[float, float] | None
    state: str
    stake: str
    is_own: bool

    @property
    def dot(self) -> Dot:
        """As it is drawn."""
        name = self.record.name or f"#{self.record.id}"
        value = self.share if self.error is None else self.error
        return Dot(name, value, self.bounds, self.is_own)

    @property
    def figure(self) -> str:
        """The error; or else the share in percent, with two decimals."""
        return f"{self.share:.2%}" if self.error is None else measured(self.error)

    @property
    def interval(self) -> str:
        """The bounds in percent, with two decimals; empty without any."""
        return " – ".join(f"{one:.2%}" for one in self.bounds or ())


@dataclass(frozen=True)
class Own:
    """A submission, to whoever made it.

    Attributes:
        record: It.
        state: What has become of it, in words.
        loss: What of its stake is lost and why, as a sentence; empty for nothing.
        got: What was paid for it; empty for nothing.
    """

    record: SubmissionRecord
    state: str
    loss: str
    got: str = ""

    @classmethod
    def of(cls, one: SubmissionRecord, record: Record, position: Position) -> Own:
        """As it stands.

        Args:
            one: The submission.
            record: The request.
            position: Of the request's clock.
        """
        lost = f"Its stake of {format_mdc(record.terms.stake)} MDC is lost"
        if missed_claim(one, position):
            return cls(one, UNCLAIMED, f"{lost}.")
        if one.failure is Failure.CANCELLED_LATE:
            return cls(one, LATE, f"{lost}.")
        if one.failure is not None:
            return cls(one, "failed", f"{lost}: {WHY_FAILED[one.failure]}.")
        return cls(one, _status(one, record), "", _got(one, record))


def _got(one: SubmissionRecord, record: Record) -> str:
    if not one.paid:
        return ""
    if one.status is Status.WON:
        return f"paid {format_mdc(one.paid)} MDC"
    stake_back = f"its stake of {format_mdc(record.terms.stake)} MDC is back"
    more = Wei(one.paid - record.terms.stake)
    return stake_back + (f", with {format_mdc(more)} MDC of the reward" if more else "")


def _status(one: SubmissionRecord, record: Record) -> str:
    if one.status is Status.WITHDRAWN:
        return ENDINGS.get(record.stage, "withdrawn")
    return one.status.name.lower()


def unclaimed(record: Record, position: Position) -> list[SubmissionRecord]:
    """The submissions that lost their stakes because no score was claimed in time."""
    entries = record.submissions.values()
    return [one for one in entries if missed_claim(one, position)]


def most_of(record: BaseRecord) -> int:
    """The most that can be scored: matches, or points."""
    if isinstance(record, ContestRecord):
        return record.rows * record.scoring.most
    return record.rows


def flawless_of(record: BaseRecord) -> int:
    """What a submission without a mistake scores: matches, or points."""
    if isinstance(record, ContestRecord):
        return record.scoring.flawless(record.rows)
    return record.rows


def _is_off(record: Record) -> bool:
    """Whether a score says by how much numbers are off."""
    return isinstance(record, ContestRecord) and record.terms.points.is_regression


def counts_rows(record: Record) -> bool:
    """Whether a score is a number of rows that are right."""
    if isinstance(record, ContestRecord):
        return not (record.terms.points.is_regression or record.weights)
    return True


def ranking(
    record: Record, account: Address | None, error_of: ErrorOf | None = None
) -> list[Place]:
    """The claims that stand, best first; then those that have fallen.

    Args:
        record: The request.
        account: Whose claims stand out.
        error_of: By how much the numbers that score so much are off; None for classes.
    """
    standing = record.ranking
    fallen = [
        one
        for one in record.submissions.values()
        if one.score is not None and not one.is_live
    ]
    places = [
        _place(number, one, record, account, error_of)
        for number, one in enumerate(standing, 1)
    ]
    return places + [_place(None, one, record, account, error_of) for one in fallen]


def _state(one: SubmissionRecord, record: Record) -> str:
    """What has become of a claim, in words."""
    if one.failure is Failure.CANCELLED_LATE:
        return LATE
    if one.failure is not None:
        return f"failed: {WHY_FAILED[one.failure]}"
    if record.stage is Phase.REFUNDED and (one.score or 0) < record.minimum:
        # Of an error "below" would be praise.
        return "error above the largest" if _is_off(record) else "below the threshold"
    return _status(one, record)


def _place(
    number: int | None,
    one: SubmissionRecord,
    record: Record,
    account: Address | None,
    error_of: ErrorOf | None,
) -> Place:
    most = most_of(record)
    # A claim may say more than can be scored; it falls when it is checked.
    score = min(one.score or 0, most)
    return Place(
        number,
        one,
        # note: hidden rows may be worth a little more than their weights say.
        min(score / flawless_of(record), 1.0),
        None if error_of is None else error_of(score),
        wilson(score, most) if counts_rows(record) else None,
        _state(one, record),
        STAKES[stake(record, one)],
        one.trainer == account,
    )
