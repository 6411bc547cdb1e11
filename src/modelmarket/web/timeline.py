# SPDX-License-Identifier: Apache-2.0
"""A request's phases: those that were, the one that is, and those to come."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from modelmarket.protocol.contests import ContestRecord
from modelmarket.protocol.phases import Failure, Phase, Position, Status
from modelmarket.protocol.replaying import Record
from modelmarket.system.text import agreeing, plain
from modelmarket.web.views import phases_of

STEPS = (Phase.OPEN, Phase.TRUTH, Phase.CLAIMS, Phase.VALIDATION)
OF_CANDIDATES = {
    Failure.MISMATCH,
    Failure.TIMED_OUT,
    Failure.REFUTED,
    Failure.WITHHELD,
}
"""Why the best claim falls while it is being checked."""


class When(StrEnum):
    """Where a stop lies; also its class on the page."""

    DONE = "done"
    CUT = "cut"
    NOW = "now"
    LATER = "later"


@dataclass(frozen=True)
class Stop:
    """A stop on a request's time line.

    Attributes:
        name: The phase.
        when: `CUT` is the one in which the request was ended before its time.
        ends: The second at which it ends, or ended; 0 where nobody knows yet.
    """

    name: str
    when: When
    ends: int = 0


def time_line(record: Record, position: Position, ended: int | None) -> list[Stop]:
    """The stops of a request; of one that has ended, only those that it came to.

    Args:
        record: The request.
        position: Of its clock.
        ended: The second in which it ended; None while it goes on, or where that is
            not known.
    """
    names = phases_of(record.id)
    if not position.phase.is_final:
        stops = [_stop(names[one], one, record, position) for one in STEPS]
        return [*stops, Stop("Paid out", When.LATER)]
    last = last_phase(record, ended)
    cuts = position.phase in (Phase.CANCELLED, Phase.FORFEITED)
    stops = [
        Stop(
            names[one],
            When.CUT if cuts and one is last else When.DONE,
            record.deadline if one is Phase.OPEN and one is not last else 0,
        )
        for one in STEPS
        if one <= last
    ]
    return [*stops, Stop(names[position.phase], When.NOW, ended or 0)]


def _stop(name: str, phase: Phase, record: Record, position: Position) -> Stop:
    if phase is position.phase:
        return Stop(name, When.NOW, position.step_ends)
    when = When.DONE if phase < position.phase else When.LATER
    return Stop(name, when, record.deadline if phase is Phase.OPEN else 0)


def last_phase(record: Record, ended: int | None) -> Phase:
    """The phase in which a request ended.

    Args:
        record: One that has ended.
        ended: When, in seconds; None where that is not known.
    """
    match record.stage:
        case Phase.CANCELLED:
            is_open = ended is None or ended < record.deadline
            return Phase.OPEN if is_open else Phase.TRUTH
        case Phase.REFUNDED if record.is_opened:
            entries = record.submissions.values()
            was_checked = any(one.failure in OF_CANDIDATES for one in entries)
            return Phase.VALIDATION if was_checked else Phase.CLAIMS
        case Phase.REFUNDED | Phase.FORFEITED:
            return Phase.TRUTH
    return Phase.VALIDATION


def standing(record: Record, position: Position) -> str:
    """What is going on now, and who acts; the page counts the time beside it.

    Args:
        record: The request.
        position: Of its clock.
    """
    is_verified = record.id.is_verified
    secret = "key" if is_verified else "truth"
    if position.overdue:
        return (
            f"{_MISSED[position.phase].format(secret=secret)}. Anybody may end the "
            "wait, and the contract does what the rules say."
        )
    match position.phase:
        case Phase.OPEN:
            return "Anybody may submit a model until the deadline."
        case Phase.TRUTH:
            return f"The requester’s agent opens the {secret}: then all can be scored."
        case Phase.CLAIMS:
            claimed, live = len(record.ranking), record.live
            if not live:
                entered = "is left" if record.submissions else "has entered"
                return f"Nobody {entered}, so there is nothing to be claimed."
            have = agreeing(claimed, "has", "have")
            return f"Trainers claim what they scored: {claimed:,} of {live:,} {have}."
        case Phase.VALIDATION:
            return _checking(record, position)
        case Phase.FULFILLED:
            return "The best model won, and its trainer was paid."
        case Phase.REFUNDED:
            return f"{_unearned(record)}; the requester has the reward back."
        case Phase.CANCELLED if record.share:
            return (
                "The requester cancelled it: those who had entered share the reward, "
                "and can take it with their stakes."
            )
        case Phase.CANCELLED:
            return (
                "The requester cancelled it before anybody had entered, and has the "
                "reward back."
            )
        case Phase.FORFEITED:
            return (
                f"The requester did not open the {secret} in time: the reward is lost, "
                "and everybody can take their stake back."
            )


_MISSED = {
    Phase.TRUTH: "The {secret} was not opened in time",
    Phase.CLAIMS: "Nobody’s claim reaches the threshold",
    Phase.VALIDATION: "The best claim was not proven in time",
}


def _unearned(record: Record) -> str:
    """Why nobody earned the reward."""
    entries = record.submissions.values()
    if all(one.status is Status.CANCELLED for one in entries):
        return "Nobody had entered" if entries else "Nobody entered"
    claimed = [one for one in entries if one.score is not None]
    if not claimed:
        return "Nobody claimed a score"
    if record.ranking:
        return "No claim reached the threshold"
    return "No claim stood"


def _checking(record: Record, position: Position) -> str:
    best = record.ranking[0]
    called = f"“{plain(best.name)}”, " if best.name else ""
    who = f"{called}submission {best.id}"
    model = f"The model of {who}{',' if called else ''}"
    if not isinstance(record, ContestRecord):
        return f"The best claim, of {who}, is being checked row by row."
    if not position.shown:
        return f"The best claim is of {who}; its model has yet to be shown."
    if best.demand is not None and best.demand.is_open:
        return f"{model} was demanded, and has yet to be posted whole."
    return (
        f"{model} is shown. The agents of all who are concerned recompute "
        "it: whichever finds a false row proves it on the chain, and is paid for it."
    )
