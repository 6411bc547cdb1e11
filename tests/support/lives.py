# SPDX-License-Identifier: Apache-2.0
"""Requests of both markets, told log by log as their contracts would log them."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from typing import Any

from modelmarket.protocol import payouts
from modelmarket.protocol.contests import ContestRecord
from modelmarket.protocol.events import Event, Unreadable
from modelmarket.protocol.phases import Failure, Phase, Status
from modelmarket.protocol.replaying import Record, replay
from modelmarket.protocol.reputation import AsRequester, AsTrainer, Reputation
from modelmarket.protocol.types import NOBODY, Address, RequestId, checksummed
from support.strangers import (
    CONTRACTS,
    EVENTS,
    MARKET,
    VERIFIED,
    VERIFIED_EVENTS,
    encoded,
    log,
)

PEOPLE = [checksummed(bytes([n]) * 20) for n in range(1, 5)]
DEADLINE, WINDOW = 1_000, 900
LABELS, BITS, PAGES = 12_300, 16, 2
FAILURES = {
    False: (Failure.MISMATCH, Failure.TIMED_OUT, Failure.CANCELLED_LATE),
    True: (
        *(Failure.TIMED_OUT, Failure.CANCELLED_LATE),
        *(Failure.REFUTED, Failure.WITHHELD),
    ),
}
"""What a submission can fail of in a contest that is verified, or is not."""
_ZEROS: dict[str, Any] = {
    "uint256": 0,
    "uint256[]": [],
    "address": NOBODY,
    "string": b"",
    "bytes32": bytes(32),
    "bool": False,
}

RawLog = tuple[tuple[bytes, ...], bytes]


class Life:
    """A request of one market, from its creation on.

    Args:
        number: As its market counts it.
        requester: Who creates it.
        is_verified: Whether it is a verified contest.
    """

    def __init__(
        self, number: int, requester: Address, *, is_verified: bool = False
    ) -> None:
        self.number, self.is_verified = number, is_verified
        self.requester = requester
        self.logs: list[RawLog] = []
        self._entries = 0
        terms: tuple[Any, ...] = (b"d", b"", b"", 100, 1, 60, WINDOW, LABELS, BITS)
        terms += (0, bytes(32))
        known: dict[str, Any] = {"requester": requester, "deadline": DEADLINE}
        if is_verified:
            terms = (100, 10, 1, 60, WINDOW, 3_600, 0, 8, 2, 8, 2, 1, 0, 1, 1, 9, 9, 1)
            terms += (bytes(32),) * 7
            known["texts"] = (b"d", b"", b"")
        self._log("RequestCreated", terms=terms, **known)

    @property
    def id(self) -> RequestId:
        """As the index calls it."""
        return RequestId.of(self.number, is_verified=self.is_verified)

    def _log(self, name: str, **known: Any) -> None:
        kinds = VERIFIED_EVENTS if self.is_verified else EVENTS
        [kind] = [one for one in kinds if one.name == name]
        known["request_id"] = self.number
        found = (
            known[one] if one in known else _ZEROS[what]
            for one, what in (*kind.indexed, *kind.plain)
        )
        self.logs.append(encoded(kind, *found))

    def enter(self, trainer: Address) -> int:
        """Somebody submits; returns how the market counts it."""
        self._entries += 1
        one = self.number * 100 + self._entries
        self._log("SubmissionCreated", submission_id=one, trainer=trainer)
        return one

    def leave(self, one: int) -> None:
        """Its trainer cancels it before the deadline."""
        self._log("SubmissionCancelled", submission_id=one, paid=1)

    def open(self, pages: int = PAGES) -> None:
        """The requester opens so many pages of the truth, or the key."""
        ends = DEADLINE + 2 * WINDOW
        if self.is_verified:
            self._log("KeyOpened", step_ends=ends, key=bytes(32))
            return
        for page in range(pages):
            self._log("TruthOpened", page=page, step_ends=ends, words=[1])

    def claim(self, one: int, score: int = 1) -> None:
        self._log("Claimed", submission_id=one, matches=score, score=score)

    def fail(self, one: int, reason: Failure) -> None:
        ends = DEADLINE + 9 * WINDOW
        self._log("SubmissionFailed", submission_id=one, reason=reason, step_ends=ends)

    def fulfil(self, one: int) -> None:
        """It is paid."""
        if self.is_verified:
            shown = (NOBODY, 0, *[bytes(32)] * 3, 1)
            ends = DEADLINE + 9 * WINDOW
            self._log("ModelShown", submission_id=one, shown=shown, step_ends=ends)
        self._log("RequestFulfilled", submission_id=one, paid=101)

    def refund(self) -> None:
        self._log("RequestRefunded", paid=100)

    def cancel(self, live: int = 0) -> None:
        self._log("RequestCancelled", live=live)

    def forfeit(self) -> None:
        self._log("RequestForfeited", slashed=100)

    def withdraw(self, one: int) -> None:
        self._log("Withdrawn", submission_id=one, paid=1)

    def record(self) -> Record:
        """What its logs come to."""
        where = VERIFIED if self.is_verified else MARKET
        events: list[Event] = []
        for topics, data in self.logs:
            event = CONTRACTS.decode(log(topics, data, where))
            assert event is not None
            assert not isinstance(event, Unreadable), event
            events.append(event)
        return replay(events)


def any_life(chance: random.Random, number: int, *, is_verified: bool) -> Life:
    """A request that goes as requests can go, as far as it goes."""
    life = Life(number, chance.choice(PEOPLE), is_verified=is_verified)
    live = [life.enter(chance.choice(PEOPLE)) for _ in range(chance.randrange(5))]
    for one in [one for one in live if chance.random() < 0.2]:
        life.leave(one)
        live.remove(one)
    for one in [one for one in live if chance.random() < 0.1]:
        life.fail(one, Failure.CANCELLED_LATE)
        live.remove(one)
    match chance.choice(("open",) * 5 + ("cancel", "miss", "wait")):
        case "wait":
            if not is_verified:
                life.open(PAGES - 1)
            return life
        case "cancel":
            life.cancel(len(live))
        case "miss" if live:
            life.forfeit()
        case "miss":
            life.refund()
        case _:
            life.open()
            live = _to_the_end(chance, life, live)
    for one in live:
        if chance.random() < 0.5:
            life.withdraw(one)
    return life


def _to_the_end(chance: random.Random, life: Life, live: Sequence[int]) -> list[int]:
    """Claims, and what comes of them; returns who is owed the stake."""
    ranked = [one for one in live if chance.random() < 0.8]
    for score, one in enumerate(reversed(ranked)):
        life.claim(one, score)
    if chance.random() < 0.15:
        return []
    while ranked:
        best, *ranked = ranked
        if chance.random() < 0.5:
            life.fulfil(best)
            return ranked
        life.fail(best, chance.choice(FAILURES[life.is_verified]))
    life.refund()
    return []


def counted_again(records: Iterable[Record], who: Address) -> Reputation:
    """A reputation, counted from replayed requests by other means than the index's."""
    known = list(records)
    mine = [one for one in known if one.requester == who]
    own_wins = [
        one for one in mine if one.winner and one.submissions[one.winner].trainer == who
    ]
    stages = [one.stage for one in mine]
    as_requester = AsRequester(
        going_on=sum(not stage.is_final for stage in stages),
        paid=stages.count(Phase.FULFILLED),
        won_itself=len(own_wins),
        refunded=stages.count(Phase.REFUNDED),
        cancelled=stages.count(Phase.CANCELLED),
        cancelled_with_entries=sum(
            one.stage is Phase.CANCELLED and one.live > 0 for one in mine
        ),
        forfeited=stages.count(Phase.FORFEITED),
        opened=sum(_is_opened(one) for one in mine),
    )
    entries = [
        (request, one)
        for request in known
        for one in request.submissions.values()
        if one.trainer == who
    ]
    failed = [one.failure for _, one in entries if one.status is Status.FAILED]
    kept = (Status.SUBMITTED, Status.RANKED, Status.WITHDRAWN)
    ended = [
        (request, one)
        for request, one in entries
        if request.stage.is_final and one.status in kept
    ]
    unjudged = [
        one
        for request, one in ended
        if request.stage in (Phase.CANCELLED, Phase.FORFEITED)
    ]
    lost = [one for request, one in ended if not payouts.entitled(request, one)]
    statuses = [one.status for _, one in entries]
    as_trainer = AsTrainer(
        going_on=sum(
            not request.stage.is_final and one.is_live for request, one in entries
        ),
        won=statuses.count(Status.WON),
        won_own=len(own_wins),
        run=0,
        reproduced=0,
        ranked=len(ended) - len(unjudged) - len(lost),
        silent=len(lost),
        cancelled=statuses.count(Status.CANCELLED),
        unjudged=len(unjudged),
        failures={one: failed.count(one) for one in Failure if one in failed},
    )
    return Reputation(who, as_requester, as_trainer)


def _is_opened(record: Record) -> bool:
    if isinstance(record, ContestRecord):
        return record.key != b""
    return len(record.truth) == record.terms.pages
