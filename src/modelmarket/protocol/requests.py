# SPDX-License-Identifier: Apache-2.0
"""What a request has become, from its events alone.

Pure: the same events always give the same request, whatever was there before.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from modelmarket.protocol.events import (
    Claimed,
    Event,
    PredictionsOpened,
    RequestCancelled,
    RequestCreated,
    RequestForfeited,
    RequestFulfilled,
    RequestRefunded,
    SubmissionCancelled,
    SubmissionCreated,
    SubmissionFailed,
    TruthOpened,
    Withdrawn,
)
from modelmarket.protocol.labels import Page
from modelmarket.protocol.phases import Clock, Failure, Phase, Position, Status
from modelmarket.protocol.terms import Terms
from modelmarket.protocol.types import (
    Address,
    RequestId,
    Seal,
    SubmissionId,
    Superhash,
    TermsHash,
    Wei,
)


@dataclass(frozen=True)
class SubmissionRecord:
    """A submission as its events tell it.

    Attributes:
        id: Its id.
        request_id: What it was submitted to.
        trainer: Who staked and is paid.
        seal: Of predictions and model.
        superhash: Of the model's CID.
        name: The trainer's choice.
        status: What has become of it.
        matches: As claimed; None for the silent.
        failure: Why it failed, if it did.
        paid: Wei that it was paid.
        sealed: What is left of its seal.
    """

    id: SubmissionId
    request_id: RequestId
    trainer: Address
    seal: Seal
    superhash: Superhash
    name: str
    status: Status = Status.SUBMITTED
    matches: int | None = None
    failure: Failure | None = None
    paid: Wei = Wei(0)
    sealed: Seal = Seal(b"")

    @property
    def is_live(self) -> bool:
        """Whether it has neither failed nor been cancelled."""
        return self.status not in (Status.CANCELLED, Status.FAILED)


@dataclass(frozen=True)
class RequestRecord:
    """A request as its events tell it.

    Attributes:
        id: Its id.
        requester: Who locked the reward.
        terms: What it promises.
        terms_hash: Which every submission names.
        deadline: End of `OPEN`, in seconds.
        stage: The last phase that a transaction entered.
        started: When the present window began.
        pages: Opened of the truth; of the candidate once that is whole.
        matched: On the candidate's pages.
        truth: Pages that were opened.
        sealed: What is left of the truth's seal.
        submissions: By id.
        winner: 0 = none.
        model: CID of the winner's model; empty without one.
        share: Wei of a cancelled reward for each live submission.
        paid: Wei that the requester got back.
        slashed: Wei that the end of the request slashed.
    """

    id: RequestId
    requester: Address
    terms: Terms
    terms_hash: TermsHash
    deadline: int
    stage: Phase
    started: int
    pages: int
    matched: int
    truth: tuple[Page, ...]
    sealed: Seal
    submissions: dict[SubmissionId, SubmissionRecord]
    winner: SubmissionId = SubmissionId(0)
    model: str = ""
    share: Wei = Wei(0)
    paid: Wei = Wei(0)
    slashed: Wei = Wei(0)

    @property
    def live(self) -> int:
        """Submissions that have neither failed nor been cancelled."""
        return sum(one.is_live for one in self.submissions.values())

    @property
    def ranking(self) -> list[SubmissionRecord]:
        """Live submissions that have claimed, best first."""
        claimed = [
            one
            for one in self.submissions.values()
            if one.matches is not None and one.is_live
        ]
        return sorted(claimed, key=lambda one: (-(one.matches or 0), one.id))

    @property
    def clock(self) -> Clock:
        """What the position follows from."""
        best = self.ranking[0].matches if self.ranking else None
        return Clock(
            self.stage,
            self.started,
            self.deadline,
            self.terms.response_window_s,
            self.terms.opening_window_s,
            has_candidate=best is not None and best >= self.terms.minimum_matches,
        )

    def at(self, now: int) -> Position:
        """Phase and window at a second of chain time."""
        return self.clock.at(now)


def replay(
    events: Iterable[Event], start: RequestRecord | None = None
) -> RequestRecord:
    """Rebuilds one request from its events, in order.

    Args:
        events: All of them, or those since `start`.
        start: What the earlier ones came to; it stays as it is.

    Raises:
        ValueError: The first event of all is not its creation.
    """
    record = None
    if start is not None:
        record = replace(start, submissions=dict(start.submissions))
    for event in events:
        if isinstance(event, RequestCreated):
            if record is not None:
                raise ValueError(f"request {event.request_id} is created once more")
            record = _created(event)
        elif record is None:
            raise ValueError(f"{event} comes before the request's creation")
        elif isinstance(
            event,
            RequestCancelled | RequestFulfilled | RequestRefunded | RequestForfeited,
        ):
            record = _end(record, event)
        elif isinstance(event, TruthOpened):
            record = _truth_opened(record, event)
        else:
            record = _submission(record, event)
    if record is None:
        raise ValueError("there is no event")
    return record


def _created(event: RequestCreated) -> RequestRecord:
    return RequestRecord(
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


def _truth_opened(record: RequestRecord, event: TruthOpened) -> RequestRecord:
    record = replace(
        record,
        truth=(*record.truth, event.words),
        sealed=event.sealed,
        pages=event.page + 1,
    )
    if record.pages < record.terms.pages:
        return record
    started = event.step_ends - record.terms.response_window_s
    return replace(record, stage=Phase.CLAIMS, started=started, pages=0)


def _end(
    record: RequestRecord,
    event: RequestCancelled | RequestFulfilled | RequestRefunded | RequestForfeited,
) -> RequestRecord:
    match event:
        case RequestCancelled():
            return replace(
                record, stage=Phase.CANCELLED, share=event.share, paid=event.paid
            )
        case RequestFulfilled():
            record = replace(
                record,
                stage=Phase.FULFILLED,
                winner=event.submission_id,
                model=event.model,
                slashed=event.slashed,
                pages=record.terms.pages,
                matched=record.submissions[event.submission_id].matches or 0,
            )
            return _change(
                record, event.submission_id, status=Status.WON, paid=event.paid
            )
        case RequestRefunded():
            return replace(
                record, stage=Phase.REFUNDED, paid=event.paid, slashed=event.slashed
            )
        case RequestForfeited():
            return replace(record, stage=Phase.FORFEITED, slashed=event.slashed)


def _submission(record: RequestRecord, event: Event) -> RequestRecord:
    match event:
        case SubmissionCreated():
            new = SubmissionRecord(
                event.submission_id,
                event.request_id,
                event.trainer,
                event.seal,
                event.superhash,
                event.name,
                sealed=event.seal,
            )
            # perf: the dict is this replay's own, so it is filled in place.
            record.submissions[new.id] = new
            return record
        case SubmissionCancelled():
            return _change(
                record, event.submission_id, status=Status.CANCELLED, paid=event.paid
            )
        case Claimed():
            return _change(
                record, event.submission_id, status=Status.RANKED, matches=event.matches
            )
        case PredictionsOpened():
            record = replace(
                record,
                stage=Phase.VALIDATION,
                started=event.step_ends - record.terms.opening_window_s,
                pages=event.page + 1,
                matched=event.matched,
            )
            return _change(record, event.submission_id, sealed=event.sealed)
        case SubmissionFailed():
            return _failed(record, event)
        case Withdrawn():
            return _change(
                record, event.submission_id, status=Status.WITHDRAWN, paid=event.paid
            )
        case _:
            return record


def _failed(record: RequestRecord, event: SubmissionFailed) -> RequestRecord:
    ranking = record.ranking
    was_best = bool(ranking) and ranking[0].id == event.submission_id
    record = _change(
        record, event.submission_id, status=Status.FAILED, failure=event.reason
    )
    # Claims stay open for their full window: what ends later is validation.
    closes = record.started + record.terms.response_window_s
    if record.stage is Phase.CLAIMS and event.step_ends > closes:
        record = replace(record, stage=Phase.VALIDATION)
    if record.stage is not Phase.VALIDATION:
        return record
    if was_best:
        seal = record.submissions[event.submission_id].seal
        record = _change(record, event.submission_id, sealed=seal)
        record = replace(record, pages=0, matched=0)
    return replace(record, started=event.step_ends - record.terms.opening_window_s)


def _change(
    record: RequestRecord, submission_id: SubmissionId, **changes: object
) -> RequestRecord:
    record.submissions[submission_id] = replace(
        record.submissions[submission_id],
        **changes,  # type: ignore[arg-type]  # names of its fields
    )
    return record
