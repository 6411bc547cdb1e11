# SPDX-License-Identifier: Apache-2.0
"""What an address has made of its requests and submissions, in both markets.

Each request and each submission has one outcome, by its record alone; a reputation
counts them. Whoever has two addresses has two reputations, and a requester's friend
wins as anybody does: what is counted is what the chain knows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Self

from modelmarket.protocol.phases import Failure, Phase, Status
from modelmarket.protocol.records import BaseRecord, SubmissionRecord
from modelmarket.protocol.sentences import FAILURES
from modelmarket.protocol.types import Address
from modelmarket.system.notebooks import facts_html
from modelmarket.system.text import counted

UNKNOWN = "new here"
"""Is said of an address that has done nothing yet."""


class RequestOutcome(IntEnum):
    """What has become of a request. The index keeps the numbers."""

    GOING_ON = 1
    OPENED = 2
    """It goes on, and its truth or key is open."""
    PAID = 3
    WON_ITSELF = 4
    """Paid, to its requester."""
    REFUNDED = 5
    REFUNDED_UNOPENED = 6
    """Nobody was in when the time to open it was over."""
    CANCELLED = 7
    """Nobody was in."""
    CANCELLED_WITH_ENTRIES = 8
    """Those who were in shared the reward."""
    FORFEITED = 9


class SubmissionOutcome(IntEnum):
    """What has become of a submission; failures are called as in `Failure`."""

    GOING_ON = 1
    WON = 2
    WON_OWN = 3
    """In a request of its trainer's."""
    RANKED = 4
    """Claimed, and did not win."""
    SILENT = 5
    """Claimed nothing until claims closed."""
    CANCELLED = 6
    """Before the deadline."""
    UNJUDGED = 7
    """Its requester cancelled or forfeited the request."""
    MISMATCH = 8
    TIMED_OUT = 9
    CANCELLED_LATE = 10
    REFUTED = 11
    WITHHELD = 12


def of_request(record: BaseRecord) -> RequestOutcome:
    """What has become of a request.

    One whose step is overdue goes on until somebody takes the step that is due.
    """
    match record.stage:
        case Phase.FULFILLED:
            winner = record.submissions[record.winner].trainer
            is_own = winner == record.requester
            return RequestOutcome.WON_ITSELF if is_own else RequestOutcome.PAID
        case Phase.REFUNDED if record.is_opened:
            return RequestOutcome.REFUNDED
        case Phase.REFUNDED:
            return RequestOutcome.REFUNDED_UNOPENED
        case Phase.CANCELLED if record.live:
            return RequestOutcome.CANCELLED_WITH_ENTRIES
        case Phase.CANCELLED:
            return RequestOutcome.CANCELLED
        case Phase.FORFEITED:
            return RequestOutcome.FORFEITED
        case _ if record.is_opened:
            return RequestOutcome.OPENED
        case _:
            return RequestOutcome.GOING_ON


def of_submission(
    request: BaseRecord, submission: SubmissionRecord
) -> SubmissionOutcome:
    """What has become of a submission.

    Args:
        request: What it was submitted to.
        submission: It, as the request has it.
    """
    match submission.status:
        case Status.CANCELLED:
            return SubmissionOutcome.CANCELLED
        case Status.FAILED:
            assert submission.failure is not None, "what failed says why"
            return SubmissionOutcome[submission.failure.name]
        case Status.WON:
            is_own = submission.trainer == request.requester
            return SubmissionOutcome.WON_OWN if is_own else SubmissionOutcome.WON
    if not request.stage.is_final:
        return SubmissionOutcome.GOING_ON
    if request.stage in (Phase.CANCELLED, Phase.FORFEITED):
        return SubmissionOutcome.UNJUDGED
    is_silent = submission.score is None
    return SubmissionOutcome.SILENT if is_silent else SubmissionOutcome.RANKED


@dataclass(frozen=True)
class AsRequester:
    """What an address has made of its requests.

    All of them either go on or have ended in one of four ways; some of these are
    counted once more.

    Attributes:
        going_on: Have not ended, though a step may be overdue.
        paid: Fulfilled: a winner was paid.
        won_itself: Of those, won by the requester's own address.
        refunded: Nobody earned the reward.
        cancelled: By the requester.
        cancelled_with_entries: Of those, with submissions in, which shared the reward.
        forfeited: Truth or key was not opened in time, with submissions in: the reward
            is lost.
        opened: Of all, those whose truth or key is open, to its last page.
    """

    going_on: int = 0
    paid: int = 0
    won_itself: int = 0
    refunded: int = 0
    cancelled: int = 0
    cancelled_with_entries: int = 0
    forfeited: int = 0
    opened: int = 0

    @classmethod
    def of(cls, counts: Mapping[RequestOutcome, int]) -> Self:
        """How often each outcome was, in these words."""

        def number(*outcomes: RequestOutcome) -> int:
            return sum(counts.get(one, 0) for one in outcomes)

        kind = RequestOutcome
        return cls(
            going_on=number(kind.GOING_ON, kind.OPENED),
            paid=number(kind.PAID, kind.WON_ITSELF),
            won_itself=number(kind.WON_ITSELF),
            refunded=number(kind.REFUNDED, kind.REFUNDED_UNOPENED),
            cancelled=number(kind.CANCELLED, kind.CANCELLED_WITH_ENTRIES),
            cancelled_with_entries=number(kind.CANCELLED_WITH_ENTRIES),
            forfeited=number(kind.FORFEITED),
            opened=number(kind.OPENED, kind.PAID, kind.WON_ITSELF, kind.REFUNDED),
        )

    @property
    def created(self) -> int:
        """All requests of the address."""
        ended = self.paid + self.refunded + self.cancelled + self.forfeited
        return self.going_on + ended

    @property
    def short(self) -> str:
        """What trainers should know, for where there is little room."""
        if not self.created:
            return UNKNOWN
        own = f"{self.won_itself:,} of them to itself" if self.won_itself else ""
        ended = self.created - self.going_on
        # Without the others it would be read as all that there were.
        some = f"of {ended:,} paid" if self.paid < ended else "paid"
        found = _listed(
            (self.paid, some),
            own,
            (self.forfeited, "forfeited"),
            (self.cancelled_with_entries, "cancelled with entries"),
        )
        none = "none paid" if self.created > self.going_on else "none ended yet"
        return found or f"{counted(self.created, 'request')}, {none}"

    @property
    def sentence(self) -> str:
        """All that is counted of how they ended, in a line."""
        if not self.created:
            return UNKNOWN
        found = _listed(
            (self.paid, "paid"),
            (self.refunded, "refunded"),
            (self.forfeited, "forfeited"),
            (self.cancelled - self.cancelled_with_entries, "cancelled"),
            (self.cancelled_with_entries, "cancelled with entries"),
            (self.going_on, "going on"),
        )
        own = ""
        if self.won_itself:
            which = "it" if self.created == 1 else f"{self.won_itself:,} of them"
            own = f"; won {which} itself"
        return f"{counted(self.created, 'request')}: {found}{own}"

    def as_document(self) -> dict[str, Any]:
        """The same for programs."""
        return {
            "requests": self.created,
            "going_on": self.going_on,
            "opened": self.opened,
            "paid": self.paid,
            "won_itself": self.won_itself,
            "refunded": self.refunded,
            "cancelled": self.cancelled,
            "cancelled_with_entries": self.cancelled_with_entries,
            "forfeited": self.forfeited,
            "summary": self.sentence,
        }


@dataclass(frozen=True)
class AsTrainer:
    """What an address has made of its submissions.

    Each is counted once, and those that won in requests of its own once more. How many
    of the models that won give what was paid for is in no log: it is counted of those
    that were run with this index.

    Attributes:
        going_on: To requests that have not ended.
        won: Were paid the reward.
        won_own: Of those, in requests of the trainer's own address.
        run: Of those that won, models that were run here.
        reproduced: Of these, models that gave every row that was paid for.
        ranked: Claimed, and did not win.
        silent: Claimed nothing until claims closed, and lost the stake.
        cancelled: By the trainer, before the deadline.
        unjudged: Were in when the request was cancelled or forfeited by its requester.
        failures: How many failed for which reason; reasons that there were none of are
            left out.
    """

    going_on: int
    won: int
    won_own: int
    run: int
    reproduced: int
    ranked: int
    silent: int
    cancelled: int
    unjudged: int
    failures: Mapping[Failure, int]

    @classmethod
    def of(
        cls,
        counts: Mapping[SubmissionOutcome, int],
        run: Mapping[bool, int] | None = None,
    ) -> Self:
        """How often each outcome was, in these words.

        Args:
            counts: How often each was.
            run: How many models were run here, by whether they were reproduced; None if
                none was.
        """
        models = run or {}

        def number(*outcomes: SubmissionOutcome) -> int:
            return sum(counts.get(one, 0) for one in outcomes)

        kind = SubmissionOutcome
        failed = {one: number(kind[one.name]) for one in Failure}
        return cls(
            going_on=number(kind.GOING_ON),
            won=number(kind.WON, kind.WON_OWN),
            won_own=number(kind.WON_OWN),
            run=sum(models.values()),
            reproduced=models.get(True, 0),
            ranked=number(kind.RANKED),
            silent=number(kind.SILENT),
            cancelled=number(kind.CANCELLED),
            unjudged=number(kind.UNJUDGED),
            failures={one: count for one, count in failed.items() if count},
        )

    @property
    def failed(self) -> int:
        """Those that failed, for whatever reason."""
        return sum(self.failures.values())

    @property
    def judged(self) -> int:
        """Those of which it is known whether they were as good as they had to be."""
        return self.won + self.ranked + self.silent + self.failed

    @property
    def submitted(self) -> int:
        """All submissions of the address."""
        return self.judged + self.going_on + self.cancelled + self.unjudged

    @property
    def short(self) -> str:
        """How often it won, for where there is little room."""
        if not self.submitted:
            return UNKNOWN
        if not self.judged:
            return "none judged yet"
        own = f", {self.won_own:,} its own" if self.won_own else ""
        run = f", {self.reproduced:,} of {self.run:,} reproduced" if self.run else ""
        return f"{self.won:,} won of {self.judged:,}{own}{run}"

    @property
    def sentence(self) -> str:
        """All that is counted of them, in a line."""
        if not self.submitted:
            return UNKNOWN
        reasons = _listed(
            *((self.failures.get(one, 0), FAILURES[one]) for one in Failure)
        )
        found = _listed(
            (self.won, "won"),
            (self.ranked, "did not win"),
            (self.silent, "never claimed"),
            (self.failed, f"failed ({reasons})"),
            (self.cancelled, "cancelled in time"),
            (self.unjudged, "never judged"),
            (self.going_on, "going on"),
        )
        own = ""
        if self.won_own:
            where = "a request" if self.won_own == 1 else "requests"
            own = f"; {counted(self.won_own, 'win')} in {where} of its own"
        run = ""
        if self.run:
            models = counted(self.run, "model that was", "models that were")
            run = f"; of {models} run here {self.reproduced:,} reproduced"
        return f"{counted(self.submitted, 'submission')}: {found}{own}{run}"

    def as_document(self) -> dict[str, Any]:
        """The same for programs."""
        return {
            "submissions": self.submitted,
            "going_on": self.going_on,
            "judged": self.judged,
            "won": self.won,
            "won_own": self.won_own,
            "run": self.run,
            "reproduced": self.reproduced,
            "ranked": self.ranked,
            "silent": self.silent,
            "failed": {one.name.lower(): self.failures.get(one, 0) for one in Failure},
            "cancelled": self.cancelled,
            "unjudged": self.unjudged,
            "summary": self.sentence,
        }


@dataclass(frozen=True)
class Reputation:
    """What an address has made of its requests and submissions.

    Attributes:
        address: Whose.
        as_requester: Of its requests.
        as_trainer: Of its submissions.
    """

    address: Address
    as_requester: AsRequester
    as_trainer: AsTrainer

    @classmethod
    def of(
        cls,
        address: Address,
        requests: Mapping[RequestOutcome, int],
        submissions: Mapping[SubmissionOutcome, int],
        run: Mapping[bool, int] | None = None,
    ) -> Self:
        """How often each outcome was, and how many models were run, in these words."""
        trainer = AsTrainer.of(submissions, run)
        return cls(address, AsRequester.of(requests), trainer)

    def lines(self) -> Iterator[str]:
        """The same in lines."""
        yield f"as requester: {self.as_requester.sentence}"
        if self.as_requester.created:
            opened = self.as_requester.opened
            yield f"{counted(opened, 'truth or key', 'truths or keys')} opened"
        yield f"as trainer: {self.as_trainer.sentence}"

    def __str__(self) -> str:
        return "\n".join([f"account {self.address}", *self.lines()])

    def _repr_html_(self) -> str:
        """What Jupyter shows."""
        return facts_html(f"Account {self.address}", self.lines())

    def as_document(self) -> dict[str, Any]:
        """The same for programs."""
        return {
            "address": self.address,
            "as_requester": self.as_requester.as_document(),
            "as_trainer": self.as_trainer.as_document(),
        }


def _listed(*parts: tuple[int, str] | str) -> str:
    """What there is some of, with its number, and words that are not empty."""
    said: Iterable[str] = (
        one if isinstance(one, str) else f"{one[0]:,} {one[1]}" if one[0] else ""
        for one in parts
    )
    return ", ".join(filter(None, said))
