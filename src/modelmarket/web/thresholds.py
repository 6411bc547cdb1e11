# SPDX-License-Identifier: Apache-2.0
"""What earns a reward, as its requester said it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from modelmarket.market import VerifiedRequest
from modelmarket.protocol.schema import NumberTarget, shown
from modelmarket.system.text import counted

if TYPE_CHECKING:
    from modelmarket.market import Request
    from modelmarket.protocol.points import Scoring
    from modelmarket.protocol.schema import Target


@dataclass(frozen=True)
class Threshold:
    """What earns a reward.

    Attributes:
        told: In words; empty for whatever stands.
        error: The error that does at most, in the label's own unit; empty for classes,
            and where that cannot be told.
        error_name: What it is called.
    """

    told: str
    error: str = ""
    error_name: str = ""

    @property
    def at_least(self) -> str:
        """The same after "and", as what a claim needs."""
        return self.told if self.error else f"at least {self.told}"

    @classmethod
    def of(cls, found: Request | VerifiedRequest) -> Threshold:
        """Of a request that there is."""
        record = found.record
        if not isinstance(found, VerifiedRequest):
            told = f"{record.minimum:,} of {counted(record.rows, 'test row')}"
            return cls(told if record.minimum else "")
        scoring = found.record.scoring
        # perf: a schema takes a while to be read.
        target = found.known_target if scoring.kind.is_regression else None
        return cls.of_points(record.minimum, record.rows, scoring, target)

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
        points = f"{least:,} of {counted(rows * scoring.most, 'point')}"
        if not (scoring.kind.is_regression and isinstance(target, NumberTarget)):
            return cls(points)
        error = scoring.largest_error(least, rows, target.step)
        if error is None:
            return cls(points)
        name, largest = scoring.kind.error_name, shown(error, ",")
        told = f"{'an' if name.isupper() else 'a'} {name} of at most {largest}"
        return cls(f"{told} ({points})", largest, name)
