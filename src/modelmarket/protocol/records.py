# SPDX-License-Identifier: Apache-2.0
"""What requests and submissions of both markets have become, from their events.

Pure: the same events always give the same request, whatever was there before.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, replace
from typing import Self

from modelmarket.protocol.conditions import Conditions
from modelmarket.protocol.events import (
    Claimed,
    Event,
    RequestCancelled,
    RequestForfeited,
    RequestFulfilled,
    RequestRefunded,
    SubmissionCancelled,
    SubmissionCreated,
    SubmissionFailed,
    Withdrawn,
)
from modelmarket.protocol.phases import Failure, Phase, Position, Status
from modelmarket.protocol.shown import Shown
from modelmarket.protocol.terms import Terms
from modelmarket.protocol.types import (
    NOBODY,
    Address,
    RequestId,
    Seal,
    SubmissionId,
    Superhash,
    TermsHash,
    Wei,
)


@dataclass(frozen=True)
class Showing:
    """A model as its trainer showed it.

    Attributes:
        shown: What the market keeps the hash of.
        base: The model's base words, joined.
        model: Its CID.
        listing: CID of the predictions, as its trainer says.
        began: When the challenge window did, in seconds.
    """

    shown: Shown
    base: bytes
    model: str
    listing: str
    began: int


@dataclass(frozen=True)
class DemandRecord:
    """What was demanded of a shown submission.

    Attributes:
        demander: Who did.
        locked: Wei of the bond.
        due: When all parts must have been posted, in seconds.
        owed: The parts of the model that have not been.
        owed_of_listing: The same, of the listing.
        returned: Wei of the bond that the demander has back.
    """

    demander: Address
    locked: Wei
    due: int
    owed: frozenset[int]
    owed_of_listing: frozenset[int]
    returned: Wei = Wei(0)

    @property
    def is_open(self) -> bool:
        """Whether a part is still owed."""
        return bool(self.owed or self.owed_of_listing)


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
        score: As claimed: matches, or points in a verified contest; None for the
            silent.
        failure: Why it failed, if it did.
        slashed: Wei of its stake that the market kept when it failed.
        paid: Wei that it was paid.
        sealed: What is left of its seal.
        showing: Its model, once shown in a verified contest.
        demand: What was demanded of it there.
        challenger: Who refuted it there, and was paid for it.
        reward_of_challenger: Wei that the challenger was paid.
    """

    id: SubmissionId
    request_id: RequestId
    trainer: Address
    seal: Seal
    superhash: Superhash
    name: str
    status: Status = Status.SUBMITTED
    score: int | None = None
    failure: Failure | None = None
    slashed: Wei = Wei(0)
    paid: Wei = Wei(0)
    sealed: Seal = Seal(b"")
    showing: Showing | None = None
    demand: DemandRecord | None = None
    challenger: Address = NOBODY
    reward_of_challenger: Wei = Wei(0)

    @property
    def is_live(self) -> bool:
        """Whether it has neither failed nor been cancelled."""
        return self.status not in (Status.CANCELLED, Status.FAILED)


@dataclass(frozen=True, kw_only=True)
class BaseRecord:
    """A request of either market as its events tell it.

    Attributes:
        id: Its id.
        requester: Who locked the reward.
        terms: What it promises.
        terms_hash: Which every submission names.
        deadline: End of `OPEN`, in seconds.
        stage: The last phase that a transaction entered.
        started: When the present window began.
        submissions: By id.
        winner: 0 = none.
        model: CID of the winner's model; empty without one.
        share: Wei of a cancelled reward for each live submission.
        paid: Wei that the requester got back.
        slashed: Wei that the end of the request slashed.
    """

    id: RequestId
    requester: Address
    terms: Terms | Conditions
    terms_hash: TermsHash
    deadline: int
    stage: Phase
    started: int
    submissions: dict[SubmissionId, SubmissionRecord]
    winner: SubmissionId = SubmissionId(0)
    model: str = ""
    share: Wei = Wei(0)
    paid: Wei = Wei(0)
    slashed: Wei = Wei(0)

    @property
    @abstractmethod
    def name(self) -> str:
        """The requester's choice."""

    @property
    @abstractmethod
    def context(self) -> str:
        """What she says of the data."""

    @property
    @abstractmethod
    def dataset(self) -> str:
        """CID of the published folder."""

    @property
    @abstractmethod
    def rows(self) -> int:
        """Test rows."""

    @property
    @abstractmethod
    def minimum(self) -> int:
        """The least score that earns the reward."""

    @property
    @abstractmethod
    def secret(self) -> Seal:
        """What its requester must open: the truth's seal, or the key's hash."""

    @property
    @abstractmethod
    def is_opened(self) -> bool:
        """Whether the truth, to its last page, or the key is open."""

    @abstractmethod
    def at(self, now: int) -> Position:
        """Phase and window at a second of chain time."""

    @property
    def entries(self) -> int:
        """Submissions, but for those that were taken out again in time."""
        taken_out = Status.CANCELLED
        return sum(one.status is not taken_out for one in self.submissions.values())

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
            if one.score is not None and one.is_live
        ]
        return sorted(claimed, key=lambda one: (-(one.score or 0), one.id))

    @property
    def has_candidate(self) -> bool:
        """Whether the best claim reaches the threshold."""
        best = self.ranking[0].score if self.ranking else None
        return best is not None and best >= self.minimum

    def after(self, event: Event) -> Self:
        """The request after one more event."""
        match event:
            case RequestCancelled():
                return replace(
                    self, stage=Phase.CANCELLED, share=event.share, paid=event.paid
                )
            case RequestFulfilled():
                record = replace(
                    self,
                    stage=Phase.FULFILLED,
                    winner=event.submission_id,
                    model=event.model,
                    slashed=event.slashed,
                )
                return record.with_submission(
                    event.submission_id, status=Status.WON, paid=event.paid
                )
            case RequestRefunded():
                return replace(
                    self, stage=Phase.REFUNDED, paid=event.paid, slashed=event.slashed
                )
            case RequestForfeited():
                return replace(self, stage=Phase.FORFEITED, slashed=event.slashed)
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
                self.submissions[new.id] = new
                return self
            case SubmissionCancelled():
                return self.with_submission(
                    event.submission_id, status=Status.CANCELLED, paid=event.paid
                )
            case Claimed():
                return self.with_submission(
                    event.submission_id, status=Status.RANKED, score=event.score
                )
            case SubmissionFailed():
                return self.with_submission(
                    event.submission_id,
                    status=Status.FAILED,
                    failure=event.reason,
                    slashed=event.slashed,
                    challenger=event.challenger,
                    reward_of_challenger=event.paid,
                )
            case Withdrawn():
                return self.with_submission(
                    event.submission_id, status=Status.WITHDRAWN, paid=event.paid
                )
            case _:
                return self

    def with_submission(self, submission_id: SubmissionId, **changes: object) -> Self:
        """The request with one submission changed, in place."""
        self.submissions[submission_id] = replace(
            self.submissions[submission_id],
            **changes,  # type: ignore[arg-type]  # names of its fields
        )
        return self

    def is_best(self, submission_id: SubmissionId) -> bool:
        """Whether a submission leads the ranking."""
        ranking = self.ranking
        return bool(ranking) and ranking[0].id == submission_id
