# SPDX-License-Identifier: Apache-2.0
"""What a verified contest has become, from its events alone.

The same clock in Vyper: `position` in `contracts/contests.vy`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

from modelmarket.protocol.conditions import Conditions, Texts
from modelmarket.protocol.events import (
    Answered,
    BondReturned,
    ContestCreated,
    Demanded,
    Event,
    KeyOpened,
    ModelShown,
    RequestFulfilled,
    SubmissionFailed,
)
from modelmarket.protocol.phases import Phase, Position
from modelmarket.protocol.points import Scoring
from modelmarket.protocol.records import (
    BaseRecord,
    DemandRecord,
    Showing,
    SubmissionRecord,
)
from modelmarket.protocol.types import Seal, Wei


@dataclass(frozen=True)
class Timetable:
    """The seconds of a challenge window, which nothing extends.

    Attributes:
        began: When the model was shown.
        window_s: Its length.
    """

    began: int
    window_s: int

    @property
    def demands_end(self) -> int:
        """The second from which nothing can be demanded any more."""
        return self.began + self.window_s // 2

    @property
    def answers_end(self) -> int:
        """The second at which all that was demanded must have been posted."""
        return self.began + self.window_s * 3 // 4

    @property
    def ends(self) -> int:
        """The second from which the candidate is paid."""
        return self.began + self.window_s


@dataclass(frozen=True)
class ContestClock:
    """What a contest's position follows from.

    Attributes:
        stage: The last phase that a transaction entered.
        started: When the present window began; the deadline until the key is open.
        response_window_s: Seconds that each party has for its next step.
        challenge_window_s: Seconds in which a shown model may be refuted.
        has_candidate: Whether the best claim reaches the threshold.
        is_shown: Whether the candidate has shown its model.
        is_owed: Whether a part that was demanded of it has not been posted.
    """

    stage: Phase
    started: int
    response_window_s: int
    challenge_window_s: int
    has_candidate: bool
    is_shown: bool
    is_owed: bool

    def at(self, now: int) -> Position:
        """The position at a second of chain time."""
        if self.stage.is_final:
            return Position(self.stage, 0, overdue=False)
        if self.is_shown:
            table = Timetable(self.started, self.challenge_window_s)
            late = self.is_owed and now >= table.answers_end
            return Position(Phase.VALIDATION, table.ends, overdue=late, shown=True)
        if self.stage is Phase.OPEN and now < self.started:
            return Position(Phase.OPEN, self.started, overdue=False)
        phase = max(self.stage, Phase.TRUTH)
        ends = self.started + self.response_window_s
        if phase is Phase.CLAIMS and now >= ends and self.has_candidate:
            phase = Phase.VALIDATION
            ends += self.response_window_s
        return Position(phase, ends, overdue=now >= ends)


@dataclass(frozen=True, kw_only=True)
class ContestRecord(BaseRecord):
    """A verified contest as its events tell it.

    Attributes:
        terms: What it promises, but for its texts.
        texts: What people read of it.
        weights: Points of each class, if they are weighted.
        key: Opens rows and targets; empty until it is open.
        is_shown: Whether the candidate has shown its model.
    """

    terms: Conditions
    texts: Texts
    weights: tuple[int, ...] = ()
    key: bytes = b""
    is_shown: bool = False

    @classmethod
    def created(cls, event: ContestCreated) -> Self:
        """A contest as it is created."""
        return cls(
            id=event.request_id,
            requester=event.requester,
            terms=event.terms,
            terms_hash=event.terms_hash,
            deadline=event.deadline,
            stage=Phase.OPEN,
            started=event.deadline,
            submissions={},
            texts=event.texts,
            weights=event.weights,
        )

    @property
    def name(self) -> str:
        return self.texts.name

    @property
    def context(self) -> str:
        return self.texts.context

    @property
    def dataset(self) -> str:
        return self.texts.dataset

    @property
    def rows(self) -> int:
        return self.terms.rows

    @property
    def minimum(self) -> int:
        return self.terms.minimum_score

    @property
    def secret(self) -> Seal:
        return Seal(self.terms.key_hash)

    @property
    def is_opened(self) -> bool:
        return bool(self.key)

    @property
    def scoring(self) -> Scoring:
        """How its rows score points."""
        return self.terms.scoring(self.weights)

    @property
    def number_bits(self) -> int | None:
        """Bits of a target that is a number; None if classes are predicted."""
        return self.terms.bits if self.terms.points.is_regression else None

    @property
    def candidate(self) -> SubmissionRecord | None:
        """Who has shown its model and is not refuted, while that is so."""
        return self.ranking[0] if self.is_shown and self.ranking else None

    @property
    def timetable(self) -> Timetable:
        """Of the challenge window that runs; without one it means nothing."""
        return Timetable(self.started, self.terms.challenge_window_s)

    @property
    def clock(self) -> ContestClock:
        """What the position follows from."""
        candidate = self.candidate
        demand = candidate.demand if candidate is not None else None
        return ContestClock(
            self.stage,
            self.started,
            self.terms.response_window_s,
            self.terms.challenge_window_s,
            has_candidate=self.has_candidate,
            is_shown=self.is_shown,
            is_owed=demand is not None and demand.is_open,
        )

    def at(self, now: int) -> Position:
        return self.clock.at(now)

    def after(self, event: Event) -> Self:
        match event:
            case KeyOpened():
                started = event.step_ends - self.terms.response_window_s
                return replace(self, stage=Phase.CLAIMS, started=started, key=event.key)
            case ModelShown():
                return self._model_shown(event)
            case Demanded():
                demand = DemandRecord(
                    event.demander,
                    event.bond,
                    event.due,
                    frozenset(range(event.parts)),
                    frozenset(range(event.listed)),
                )
                return self.with_submission(event.submission_id, demand=demand)
            case Answered():
                return self._answered(event)
            case BondReturned():
                return self._bond_returned(event)
            case SubmissionFailed():
                return self._failed(event)
            case RequestFulfilled():
                return self._fulfilled(event)
            case _:
                return super().after(event)

    def _model_shown(self, event: ModelShown) -> Self:
        began = event.step_ends - self.terms.challenge_window_s
        showing = Showing(event.shown, event.base, event.model, event.listing, began)
        record = replace(self, stage=Phase.VALIDATION, started=began, is_shown=True)
        return record.with_submission(event.submission_id, showing=showing)

    def _answered(self, event: Answered) -> Self:
        demand = self.submissions[event.submission_id].demand
        assert demand is not None, "only what was demanded is answered"
        part = {event.part}
        if event.of_listing:
            rest = replace(demand, owed_of_listing=demand.owed_of_listing - part)
        else:
            rest = replace(demand, owed=demand.owed - part)
        return self.with_submission(event.submission_id, demand=rest)

    def _bond_returned(self, event: BondReturned) -> Self:
        demand = self.submissions[event.submission_id].demand
        assert demand is not None, "only a bond that was locked comes back"
        back = replace(demand, returned=event.paid)
        return self.with_submission(event.submission_id, demand=back)

    def _failed(self, event: SubmissionFailed) -> Self:
        was_best = self.is_best(event.submission_id)
        record = super().after(event)
        # Claims stay open for their full window: what ends later is validation.
        closes = record.started + record.terms.response_window_s
        if record.stage is Phase.CLAIMS and event.step_ends > closes:
            record = replace(record, stage=Phase.VALIDATION)
        if record.stage is not Phase.VALIDATION:
            return record
        if was_best:
            record = replace(record, is_shown=False)
        if record.is_shown:
            return record
        return replace(record, started=event.step_ends - record.terms.response_window_s)

    def _fulfilled(self, event: RequestFulfilled) -> Self:
        showing = self.submissions[event.submission_id].showing
        assert showing is not None, "only what was shown wins"
        record = super().after(event)
        paid = Wei(event.paid + event.bond)
        record = record.with_submission(event.submission_id, paid=paid)
        return replace(record, model=showing.model, is_shown=False)
