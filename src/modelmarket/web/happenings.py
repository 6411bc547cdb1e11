# SPDX-License-Identifier: Apache-2.0
"""What happened, as people say it: a sentence for each event of the market."""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import Markup

from modelmarket.protocol import events
from modelmarket.protocol.money import format_mdc
from modelmarket.protocol.phases import Failure
from modelmarket.system.text import counted
from modelmarket.web.rendering import moment, strangers

if TYPE_CHECKING:
    from modelmarket.protocol.events import Event
    from modelmarket.protocol.records import BaseRecord
    from modelmarket.protocol.types import RequestId, SubmissionId, Wei
    from modelmarket.web.names import Names

    _OfSubmission = (
        events.Claimed
        | events.SubmissionFailed
        | events.Withdrawn
        | events.PredictionsOpened
        | events.ModelShown
        | events.Demanded
        | events.Answered
        | events.BondReturned
    )

WHY_FAILED = {
    Failure.MISMATCH: "it did not score what it claimed",
    Failure.TIMED_OUT: "it did not prove its claim in time",
    Failure.CANCELLED_LATE: "it was cancelled after the deadline",
    Failure.REFUTED: "what it showed was refuted",
    Failure.WITHHELD: "it did not post what was demanded of it",
}

UNCLAIMED = "no score was claimed in time"
"""Why a stake is lost of which no event tells."""


def sentence(
    event: Event,
    names: Names,
    record: BaseRecord | None = None,
    *,
    on_its_page: bool = False,
) -> Markup:
    """What an event says.

    Args:
        event: As the market logged it.
        names: What addresses are called.
        record: The request that it is about, which has the names of submissions; None
            where that is not known.
        on_its_page: Whether it is told on the page of its request, where which
            request a submission entered is no news.
    """
    about = _Told(names, record, on_its_page)
    return (
        about.of_request(event) or about.of_submission(event) or about.of_checks(event)
    )


class _Told:
    """Tells events to somebody.

    Args:
        names: What addresses are called.
        record: As `sentence` takes it.
        on_its_page: Likewise.
    """

    def __init__(
        self, names: Names, record: BaseRecord | None, on_its_page: bool
    ) -> None:
        self._names = names
        self._record = record
        self._on_its_page = on_its_page

    def _entry(
        self, event: _OfSubmission, *, first: bool = False, last: bool = False
    ) -> Markup:
        """A submission by name, and to what.

        Args:
            event: About it.
            first: Whether the sentence begins with it.
            last: Whether it ends with it.
        """
        to = Markup()
        if not self._on_its_page:
            to = _say(" to {}", request(event.request_id))
        return self._called(event.submission_id, to, first=first, last=last)

    def _called(
        self,
        number: SubmissionId,
        to: Markup | str = "",
        *,
        first: bool = False,
        last: bool = False,
    ) -> Markup:
        """A submission as `_entry` says it."""
        one = None if self._record is None else self._record.submissions.get(number)
        is_named = one is not None and bool(one.name)
        word = "Submission" if first and not is_named else "submission"
        whose = "" if one is None else self._names.whose(one.trainer)
        told = _say("{} {}{}", word, number, f" ({whose})" if whose else "") + to
        if one is None or not is_named:
            return told
        named = _say("“{}”, {}", strangers(one.name), told)
        return named if last else named + ","

    def of_request(self, event: Event) -> Markup:
        """What happened to a request; empty for other events."""
        said = self._names.said
        match event:
            case events.RequestCreated() | events.ContestCreated():
                is_contest = isinstance(event, events.ContestCreated)
                name = event.texts.name if is_contest else event.terms.name  # type: ignore[union-attr]  # `is_contest` says which
                return _say(
                    "{} created {}, “{}”, and locked its reward of {} MDC. It takes "
                    "submissions until {}.",
                    said(event.requester, first=True),
                    request(event.request_id),
                    strangers(name),
                    format_mdc(event.terms.reward),
                    moment(event.deadline),
                )
            case events.RequestCancelled() if event.live:
                whose = (
                    "The one submission"
                    if event.live == 1
                    else f"Each of the {event.live:,} submissions"
                )
                return _say(
                    "{} was cancelled. {} in it gets {} MDC of its reward; {} MDC went "
                    "back to its requester.",
                    request(event.request_id, first=True),
                    whose,
                    format_mdc(event.share),
                    format_mdc(event.paid),
                )
            case events.RequestCancelled():
                return _say(
                    "{} was cancelled. Its reward, {} MDC, went back to its requester.",
                    request(event.request_id, first=True),
                    format_mdc(event.paid),
                )
            case events.TruthOpened():
                return _say(
                    "The truth of {} was opened, page {}: its test labels are public.",
                    request(event.request_id),
                    f"{event.page + 1:,}",
                )
            case events.KeyOpened():
                return _say(
                    "The key of {} was opened: its hidden rows can be read. Trainers "
                    "claim until {}.",
                    request(event.request_id),
                    moment(event.step_ends),
                )
            case events.RequestFulfilled():
                return _say(
                    "{} is fulfilled: {} won, and its trainer was paid {} MDC.{}",
                    request(event.request_id, first=True),
                    self._called(event.submission_id),
                    format_mdc(event.paid),
                    _unclaimed(event.slashed),
                )
            case events.RequestRefunded():
                return _say(
                    "Nobody earned the reward of {}: its {} MDC went back to its "
                    "requester.{}",
                    request(event.request_id),
                    format_mdc(event.paid),
                    _unclaimed(event.slashed),
                )
            case events.RequestForfeited():
                return _say(
                    "{} was forfeited, since its requester did not open it in time: {} "
                    "MDC are lost, and the stakes go back to their trainers.",
                    request(event.request_id, first=True),
                    format_mdc(event.slashed),
                )
        return Markup()

    def of_submission(self, event: Event) -> Markup:
        """What happened to a submission; empty for other events."""
        said = self._names.said
        match event:
            case events.SubmissionCreated():
                return _say(
                    "{} entered {} with {}, submission {}, and locked its stake{}.",
                    said(event.trainer, first=True),
                    request(event.request_id),
                    _say("“{}”", strangers(event.name))
                    if event.name
                    else "a model without a name",
                    event.submission_id,
                    ""
                    if self._record is None
                    else f" of {format_mdc(self._record.terms.stake)} MDC",
                )
            case events.SubmissionCancelled():
                return _say(
                    "{} was taken out of {}, and its stake of {} MDC paid back.",
                    self._called(event.submission_id, first=True),
                    request(event.request_id),
                    format_mdc(event.paid),
                )
            case events.Claimed():
                measured = (
                    counted(event.score, "point")
                    if event.request_id.is_verified
                    else counted(event.score, "match", "matches")
                )
                return _say("{} claimed {}.", self._entry(event, first=True), measured)
            case events.SubmissionFailed(reason=Failure.CANCELLED_LATE):
                return _say(
                    "{} was cancelled after the deadline, and its stake of {} MDC is "
                    "lost.",
                    self._entry(event, first=True),
                    format_mdc(event.slashed),
                )
            case events.SubmissionFailed():
                told = _say(
                    "{} failed: {}. Of its stake, {} MDC are lost",
                    self._entry(event, first=True),
                    WHY_FAILED[event.reason],
                    format_mdc(event.slashed),
                )
                if event.paid:
                    told += _say(
                        ", and {} MDC were paid to {}, {} refuted it",
                        format_mdc(event.paid),
                        said(event.challenger),
                        self._names.who(event.challenger),
                    )
                return told + Markup(".")
            case events.Withdrawn():
                return _say(
                    "The trainer of {} withdrew the {} MDC that it was owed.",
                    self._entry(event),
                    format_mdc(event.paid),
                )
        return Markup()

    def of_checks(self, event: Event) -> Markup:
        """What happened while a claim was checked, and who may act for whom."""
        said = self._names.said
        match event:
            case events.PredictionsOpened():
                return _say(
                    "The predictions of {} were opened, page {}: {} so far.",
                    self._entry(event),
                    f"{event.page + 1:,}",
                    counted(event.matched, "match", "matches"),
                )
            case events.ModelShown():
                return _say(
                    "{} showed its model. It can be refuted until {}.",
                    self._entry(event, first=True),
                    moment(event.step_ends),
                )
            case events.Demanded():
                return _say(
                    "{} demanded that the model of {} be posted, and locked a bond of "
                    "{} MDC. It is due by {}.",
                    said(event.demander, first=True),
                    self._entry(event),
                    format_mdc(event.bond),
                    moment(event.due),
                )
            case events.Answered():
                return _say(
                    "Part {} of the {} of {} was posted.",
                    f"{event.part + 1:,}",
                    "predictions" if event.of_listing else "model",
                    self._entry(event),
                )
            case events.BondReturned():
                return _say(
                    "The bond of {} MDC went back to whoever had demanded {}.",
                    format_mdc(event.paid),
                    self._entry(event, last=True),
                )
            case events.OperatorSet():
                return _say(
                    "{} {} claim for {}.",
                    said(event.operator, first=True),
                    "may" if event.approved else "may no longer",
                    said(event.trainer),
                )
        return Markup()


def _unclaimed(slashed: Wei) -> str:
    """What the end of a request took of stakes, besides those of claims that fell."""
    if not slashed:
        return ""
    lost = f"{format_mdc(slashed)} MDC of stakes are lost"
    return f" {lost}: of submissions whose score was not claimed in time."


def request(request_id: RequestId, *, first: bool = False) -> Markup:
    """A request by its number, with the way to it."""
    named = request_id.named
    link = '<a href="/requests/{}">{}</a>'
    return _say(link, request_id, named.capitalize() if first else named)


def _say(text: str, *values: object) -> Markup:
    """A sentence of ours, in which whatever is no markup is escaped."""
    return Markup(text).format(*values)  # noqa: S704  # sentences of this file
