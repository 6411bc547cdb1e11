# SPDX-License-Identifier: Apache-2.0
"""What earns a reward, as its requester said it."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from modelmarket.errors import ModelMarketError
from modelmarket.market import VerifiedRequest
from modelmarket.protocol.point_kinds import Kind
from modelmarket.protocol.schema import NumberTarget, shown
from modelmarket.system.text import counted
from modelmarket.web import stored

if TYPE_CHECKING:
    from collections.abc import Iterable

    from modelmarket.market import Market, Request, Summary
    from modelmarket.protocol.points import Scoring
    from modelmarket.protocol.schema import Target
    from modelmarket.protocol.types import RequestId

WORTH = {
    Kind.ACCURACY: "one for each row that is right",
    Kind.WEIGHTED: "every class counts alike",
    Kind.ABSOLUTE: "the less a row is off, the more",
    Kind.SQUARED: "the less a row is off, the more",
}
"""What points are, in the few words that go beside a number of them."""


@dataclass(frozen=True)
class Threshold:
    """What earns a reward.

    Attributes:
        told: In words; empty for whatever stands.
        brief: The figure alone: a share in percent, or an error in the label's own
            unit.
        error_name: What that error is called; empty for a share.
        value: The same as a number: a share from 0 to 1, which whoever lacks a row, or
            a point, is below; or that error.
    """

    told: str
    brief: str = ""
    error_name: str = ""
    value: float = 0.0

    @property
    def at_least(self) -> str:
        """The same after "and", as what a claim needs."""
        return self.told if self.error_name else f"at least {self.told}"

    @classmethod
    def of(cls, found: Request | VerifiedRequest) -> Threshold:
        """Of a request that there is."""
        record = found.record
        if not isinstance(found, VerifiedRequest):
            return cls.of_rows(record.minimum, record.rows)
        scoring = found.record.scoring
        # perf: a schema takes a while to be read.
        target = stored.target(found) if scoring.kind.is_regression else None
        return cls.of_points(record.minimum, record.rows, scoring, target)

    @classmethod
    def of_rows(cls, least: int, rows: int) -> Threshold:
        """Of a contest of predictions.

        Args:
            least: Rows that must be right; 0 for any number of them.
            rows: Those that are tested.
        """
        if not least:
            return cls("")
        typed = typed_share(least, rows)
        share = told_share(typed)
        told = f"{share} ({least:,} of {counted(rows, 'test row')})"
        return cls(told, share, value=float(typed))

    @classmethod
    def of_points(
        cls, least: int, rows: int, scoring: Scoring, target: Target | None
    ) -> Threshold:
        """Of a verified contest.

        Args:
            least: Points that earn the reward; 0 for any.
            rows: Hidden ones.
            scoring: Of points.
            target: What is predicted; None if that is not here.
        """
        if not least:
            return cls("")
        most = scoring.flawless(rows)
        about = "about " if scoring.weights else ""
        points = f"{least:,} of {about}{counted(most, 'point')}: {WORTH[scoring.kind]}"
        error = None
        if scoring.kind.is_regression and isinstance(target, NumberTarget):
            error = scoring.largest_error(least, rows, target.step)
        if error is None:
            typed = typed_share(least, most)
            share = told_share(typed)
            if scoring.kind.is_regression:
                # Alone it would be read as an accuracy.
                typed, share = (
                    Fraction(least, most),
                    f"{least / most:.1%} of the points",
                )
                points += "; once the data are here, it is told as an error"
            return cls(f"{share} ({points})", share, value=float(typed))
        name, largest = scoring.kind.error_name, shown(error, ",")
        told = f"{'an' if name.isupper() else 'a'} {name} of at most {largest}"
        return cls(f"{told} ({points})", largest, name, float(error))


def typed_share(least: int, most: int) -> Fraction:
    """The roundest share, in percent, with which whoever has it reaches a number.

    It is what was typed, if that was as round: thresholds become the next whole number
    of rows, or points.

    Args:
        least: That number, at least 1.
        most: Of what.

    Returns:
        From 0 to 1.
    """
    exact, before = Fraction(100 * least, most), Fraction(100 * (least - 1), most)
    if (10 * exact).denominator == 1:
        return exact / 100
    step = Fraction(10)
    while True:
        for part in (step, step / 2):
            share = exact // part * part
            if share > before:
                return share / 100
        step /= 10


def told_share(share: Fraction) -> str:
    """It in percent."""
    return f"{shown(100 * share)}%"


def thresholds(market: Market, listed: Iterable[Summary]) -> dict[RequestId, Threshold]:
    """What earns the rewards of a list, where there is something that does.

    Of numbers it is a share of points until the data are here.
    """
    return {one.id: _of_listed(market, one) for one in listed if one.least}


def _of_listed(market: Market, one: Summary) -> Threshold:
    if not one.id.is_verified:
        return Threshold.of_rows(max(round(one.least * one.rows), 1), one.rows)
    try:
        # perf: a request is replayed from where it was read last.
        return Threshold.of(market.seen(market.record(one.id), 0))
    except ModelMarketError:
        pass  # What cannot be read is told as far as the list knows it.
    told = f"{one.least:.1%} of the points"
    return Threshold(f"{told} that a model without a mistake scores", told)
