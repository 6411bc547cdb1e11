# SPDX-License-Identifier: Apache-2.0
"""What a request of the market of predictions has become, from its events alone."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

from modelmarket.protocol.events import (
    Event,
    PredictionsOpened,
    RequestCreated,
    RequestFulfilled,
    SubmissionFailed,
    TruthOpened,
)
from modelmarket.protocol.labels import Page
from modelmarket.protocol.phases import Clock, Phase, Position
from modelmarket.protocol.records import BaseRecord
from modelmarket.protocol.terms import Terms
from modelmarket.protocol.types import Seal


@dataclass(frozen=True, kw_only=True)
class RequestRecord(BaseRecord):
    """A request as its events tell it.

    Attributes:
        terms: What it promises.
        pages: Opened of the truth; of the candidate once that is whole.
        matched: On the candidate's pages.
        truth: Pages that were opened.
        sealed: What is left of the truth's seal.
    """

    terms: Terms
    pages: int
    matched: int
    truth: tuple[Page, ...]
    sealed: Seal

    @classmethod
    def created(cls, event: RequestCreated) -> Self:
        """A request as it is created."""
        return cls(
            id=event.request_id,
            requester=event.requester,
            terms=event.terms,
            terms_hash=event.terms_hash,
            deadline=event.deadline,
            stage=Phase.OPEN,
            started=event.deadline,
            pages=0,
            matched=0,
            truth=(),
            sealed=event.terms.truth_seal,
            submissions={},
        )

    @property
    def name(self) -> str:
        return self.terms.name

    @property
    def context(self) -> str:
        return self.terms.context

    @property
    def dataset(self) -> str:
        return self.terms.dataset

    @property
    def rows(self) -> int:
        return self.terms.labels

    @property
    def minimum(self) -> int:
        return self.terms.minimum_matches

    @property
    def secret(self) -> Seal:
        return self.terms.truth_seal

    @property
    def is_opened(self) -> bool:
        return len(self.truth) >= self.terms.pages

    @property
    def clock(self) -> Clock:
        """What the position follows from."""
        return Clock(
            self.stage,
            self.started,
            self.deadline,
            self.terms.response_window_s,
            self.terms.opening_window_s,
            has_candidate=self.has_candidate,
        )

    def at(self, now: int) -> Position:
        return self.clock.at(now)

    def after(self, event: Event) -> Self:
        match event:
            case TruthOpened():
                return self._truth_opened(event)
            case PredictionsOpened():
                record = replace(
                    self,
                    stage=Phase.VALIDATION,
                    started=event.step_ends - self.terms.opening_window_s,
                    pages=event.page + 1,
                    matched=event.matched,
                )
                return record.with_submission(event.submission_id, sealed=event.sealed)
            case SubmissionFailed():
                return self._failed(event)
            case RequestFulfilled():
                record = super().after(event)
                matched = record.submissions[event.submission_id].score or 0
                return replace(record, pages=self.terms.pages, matched=matched)
            case _:
                return super().after(event)

    def _truth_opened(self, event: TruthOpened) -> Self:
        record = replace(
            self,
            truth=(*self.truth, event.words),
            sealed=event.sealed,
            pages=event.page + 1,
        )
        if record.pages < record.terms.pages:
            return record
        started = event.step_ends - record.terms.response_window_s
        return replace(record, stage=Phase.CLAIMS, started=started, pages=0)

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
            seal = record.submissions[event.submission_id].seal
            record = record.with_submission(event.submission_id, sealed=seal)
            record = replace(record, pages=0, matched=0)
        return replace(record, started=event.step_ends - record.terms.opening_window_s)
