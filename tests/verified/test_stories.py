# SPDX-License-Identifier: Apache-2.0
"""Random stories in the verified market, and in the ledger that judges it.

Every call is made on both: both allow it and log the same, or both refuse it for the
same reason. Then everything that can be asked is asked of both, and what the client
tells of the logs is held against the contract: states, money, who may do what.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import Any

import boa
import pytest

from verified.ledger import PHASES, STATUSES, Ledger, Refused, Submission, Terms
from verified.telling import Telling
from verified.world import BOND, KEY, MDC, REWARD, STAKE, Contest, Entry, World

NOBODY = "0x" + "00" * 20
STEPS = 60
TRIES = 3
"""Calls after each step that are taken back."""
TRAINERS = ("ann", "bob", "cid", "dot")
SHOWN = {
    "RequestCreated": ("request_id", "deadline"),
    "RequestCancelled": ("request_id", "live", "share", "paid"),
    "KeyOpened": ("request_id", "step_ends"),
    "SubmissionCreated": ("submission_id", "request_id", "trainer"),
    "SubmissionCancelled": ("submission_id", "request_id", "paid"),
    "OperatorSet": ("trainer", "operator", "approved"),
    "Claimed": ("submission_id", "request_id", "score"),
    "ModelShown": ("submission_id", "request_id", "step_ends"),
    "Demanded": (
        *("submission_id", "request_id", "demander", "bond"),
        *("due", "parts", "listed"),
    ),
    "Answered": ("submission_id", "request_id", "part", "of_listing"),
    "BondReturned": ("submission_id", "request_id", "paid"),
    "SubmissionFailed": (
        *("submission_id", "request_id", "reason", "slashed"),
        *("challenger", "paid", "step_ends"),
    ),
    "RequestFulfilled": ("request_id", "submission_id", "paid", "bond", "slashed"),
    "RequestRefunded": ("request_id", "paid", "slashed"),
    "RequestForfeited": ("request_id", "slashed"),
    "Withdrawn": ("submission_id", "request_id", "paid"),
}
"""What the ledger knows of an event; the rest is bytes that it does not hash."""


class Story:
    """Both sides, and what has happened."""

    def __init__(self, world: World, seed: int) -> None:
        self.world, self.random = world, Random(seed)
        self.ledger = Ledger({name: 10_000 * MDC for name in world.people})
        self.names = {address: name for name, address in world.people.items()}
        self.names[NOBODY] = ""
        self.contests: list[Contest] = []
        self.entries: list[tuple[Entry, Submission]] = []
        self.made: dict[str, int] = {}
        self.telling = Telling(world)

    def both(
        self, contract: Callable[[], Any], ledger: Callable[[], Any]
    ) -> tuple[Any, Any] | None:
        """Makes a call on both sides; None if it is refused."""
        self.ledger.now, self.ledger.events = self.world.now, []
        try:
            expected = ledger()
        except Refused as refusal:
            with boa.reverts(str(refusal)):
                contract()
            return None
        found = contract()
        assert self.logged() == self.ledger.events
        self.telling.hear()
        return found, expected

    def logged(self) -> list[tuple[Any, ...]]:
        """What the last call has logged, as the ledger tells it."""
        found = []
        for event in self.world.market.get_logs():
            name = type(event).__name__
            if name in SHOWN:
                values = (getattr(event, one) for one in SHOWN[name])
                found.append((name, *(self.names.get(str(one), one) for one in values)))
        return found

    # --- the calls ---

    def create(self) -> None:
        random = self.random
        changes: dict[str, Any] = {
            "reward": random.choice((REWARD, REWARD + 1)),
            "minimum_score": random.choice((0, 0, 8)),
            "challenge_window": random.choice((3_600, 3_601, 7_203)),
        }
        terms = Terms(
            changes["reward"],
            STAKE,
            BOND,
            3_600,
            900,
            changes["challenge_window"],
            changes["minimum_score"],
            20,
            1,
        )
        done = self.both(
            lambda: self.world.create(**changes),
            lambda: self.ledger.create("requester", terms),
        )
        assert done is not None
        self.contests.append(done[0])

    def submit(self) -> None:
        contest, who = self.random.choice(self.contests), self.random.choice(TRAINERS)
        done = self.both(
            lambda: self.world.submit(contest, who),
            lambda: self.ledger.submit(who, self.ledger.contests[contest.id - 1], 0),
        )
        if done is not None:
            self.entries.append(done)

    def entry(self) -> tuple[Contest, Entry, Submission]:
        entry, one = self.random.choice(self.entries)
        return self.contests[one.contest.id - 1], entry, one

    def somebody(self, one: Submission) -> str:
        """The trainer, more often than not."""
        return self.random.choice((one.trainer, one.trainer, *TRAINERS))

    def cancel(self) -> None:
        contest, entry, one = self.entry()
        who, accept = self.somebody(one), self.random.random() < 0.5
        self.both(
            lambda: self.world.cancel(
                contest, replace(entry, trainer=who), accept_slash=accept
            ),
            lambda: self.ledger.cancel(who, one, accept=accept),
        )

    def cancel_request(self) -> None:
        contest = self.random.choice(self.contests)
        who = self.random.choice(("requester", "requester", "eve"))
        most = self.random.choice((0, 1, 9))
        self.both(
            lambda: self.world.cancel_request(replace(contest, requester=who), most),
            lambda: self.ledger.cancel_request(
                who, self.ledger.contests[contest.id - 1], most
            ),
        )

    def open_key(self) -> None:
        contest = self.random.choice(self.contests)
        is_right = self.random.random() < 0.9

        def contract() -> None:
            with self.world.as_("eve"):
                self.world.market.open_key(
                    contest.id,
                    self.world.people["requester"],
                    contest.struct,
                    KEY if is_right else bytes(32),
                )

        self.both(
            contract,
            lambda: self.ledger.open_key(
                self.ledger.contests[contest.id - 1], right=is_right
            ),
        )

    def claim(self) -> None:
        contest, entry, one = self.entry()
        who, score = self.somebody(one), self.random.choice((0, 7, 8, 19, 20, 21))
        ranked = [other.id for other in one.contest.ranking]
        hint = self.random.choice((0, one.id, *ranked))
        self.both(
            lambda: self.world.claim(contest, entry, score, hint=hint, who=who),
            lambda: self.ledger.claim(who, one, score, hint),
        )

    def set_operator(self) -> None:
        who, operator = self.random.sample(TRAINERS, 2)
        approved = self.random.random() < 0.7

        def contract() -> None:
            with self.world.as_(who):
                self.world.market.set_operator(self.world.people[operator], approved)

        self.both(
            contract,
            lambda: self.ledger.set_operator(who, operator, approved=approved),
        )

    def show(self) -> None:
        contest, entry, one = self.entry()
        who = self.somebody(one)
        changes = self.random.choice(({}, {}, {"salt": bytes(32)}))
        score = one.score + (self.random.random() < 0.1)
        shown = self.world.shown(entry, score)
        self.both(
            lambda: self.world.show(contest, entry, who=who, shown=shown, **changes),
            lambda: self.ledger.show(
                who, one, score=score, opens=not changes, header=""
            ),
        )

    def refute(self) -> None:
        contest, entry, one = self.entry()
        is_same = self.random.random() < 0.8 and one.shown is not None
        told = entry if is_same else replace(entry, shown=(*entry.shown[:5], 99))
        self.both(
            lambda: self.world.refute(contest, told, "eve"),
            lambda: self.ledger.refute(one, "eve", same=is_same),
        )

    def demand(self) -> None:
        contest, entry, one = self.entry()
        is_same = self.random.random() < 0.9 and one.shown is not None
        told = entry if is_same else replace(entry, shown=(*entry.shown[:5], 99))
        self.both(
            lambda: self.world.demand(contest, told, "eve"),
            lambda: self.ledger.demand("eve", one, 1, same=is_same),
        )

    def answer(self) -> None:
        _, entry, one = self.entry()
        part, of_listing = self.random.choice((0, 0, 1)), self.random.random() < 0.5
        self.both(
            lambda: self.world.answer(entry, part, of_listing=of_listing),
            lambda: self.ledger.answered(one, part, of_listing=of_listing),
        )

    def settle(self) -> None:
        contest, entry, one = self.entry()
        best = self.ledger.best(one.contest)
        self.both(
            lambda: self.world.settle(contest, entry),
            lambda: self.ledger.settle(one.contest, same=best is one),
        )

    def enforce(self) -> None:
        contest = self.random.choice(self.contests)
        self.both(
            lambda: self.world.enforce(contest),
            lambda: self.ledger.enforce(self.ledger.contests[contest.id - 1]),
        )

    def withdraw(self) -> None:
        contest, entry, one = self.entry()
        self.both(
            lambda: self.world.withdraw(contest, entry),
            lambda: self.ledger.withdraw(one),
        )

    def withdraw_bond(self) -> None:
        _, entry, one = self.entry()
        self.both(
            lambda: self.world.market.withdraw_bond(entry.id),
            lambda: self.ledger.withdraw_bond(one),
        )

    def wait(self) -> None:
        """Until a second at which something changes, or the one before it."""
        seconds = []
        for contest in self.ledger.contests:
            ends = self.ledger.step_ends(contest)
            seconds.append(ends)
            if contest.shown_at is not None:
                length = contest.terms.challenge
                seconds += [
                    contest.shown_at + length // 2,
                    contest.shown_at + length * 3 // 4,
                ]
        coming = [
            one - early
            for one in seconds
            for early in (0, 1)
            if one - early > self.world.now
        ]
        if coming:
            self.world.at(self.random.choice(coming))

    # --- looking ---

    def compare(self) -> None:
        world, ledger = self.world, self.ledger
        ledger.now = world.now
        for number, contest in enumerate(ledger.contests, start=1):
            state, best = world.market.request(number), ledger.best(contest)
            phase = ledger.phase(contest)
            ranking = contest.ranking
            assert PHASES[state.phase] == phase
            assert state.shown == (contest.shown_at is not None and not contest.end)
            assert state.step_ends == ledger.step_ends(contest)
            assert state.overdue == ledger.is_overdue(contest)
            if not contest.end:
                assert state.live == len(contest.live)
            assert state.best == (ranking[0].id if ranking else 0)
            is_candidate = phase == "VALIDATION" and best is not None
            assert state.candidate == (best.id if is_candidate and best else 0)
        for one in ledger.submissions:
            found = world.market.submission(one.id)
            assert STATUSES[found.status] == one.status
            assert found.score == one.score
            assert world.market.demand_of(one.id) == (
                world.people.get(one.demander, NOBODY),
                one.bond,
                sum(1 << part for part in one.owed),
                sum(1 << part for part in one.owed_listing),
            )
        for name in world.people:
            assert world.balance(name) == ledger.balances[name], name
        assert world.held() == ledger.held
        assert world.market.slashed() == ledger.slashed

    def go_on(self) -> None:
        """One step: any, but more often one for which it is the time."""
        newest = self.ledger.contests[-1]
        self.ledger.now = self.world.now
        phase = self.ledger.phase(newest)
        if phase == "VALIDATION" and newest.shown_at is not None:
            phase = "SHOWN"
        calls: list[Callable[[], None]] = [self.wait, self.open_key, self.set_operator]
        calls += [self.enforce, self.submit]
        if self.random.random() < 0.1:
            calls.append(self.cancel_request)
        calls += [self.claim, self.show, self.demand, self.answer, self.refute]
        calls += [self.settle, self.withdraw, self.withdraw_bond, self.cancel]
        calls += {
            "OPEN": [self.submit] * 12 + [self.wait] * 3,
            "TRUTH": [self.open_key] * 9,
            "CLAIMS": [self.claim] * 24 + [self.wait],
            "VALIDATION": [self.show] * 20,
            "SHOWN": [self.wait] * 4 + [self.demand, self.answer, self.settle] * 5,
        }.get(phase, [self.withdraw] * 4 + [self.withdraw_bond, self.create] * 2)
        call = self.random.choice(calls)
        self.made[call.__name__] = self.made.get(call.__name__, 0) + 1
        call()
        self.compare()
        self.telling.compare()
        entries = [entry for entry, _ in self.entries]
        for _ in range(TRIES):
            self.telling.try_something(self.random, self.contests, entries)
        self.telling.compare_plan(self.random.choice(("requester", *TRAINERS, "eve")))


@pytest.mark.parametrize("seed", range(16))
def test_story__whatever_people_do__is_the_same_in_the_ledger(
    world: World, seed: int
) -> None:
    with boa.env.anchor():
        story = Story(world, seed)
        story.create()
        story.submit()
        for _ in range(STEPS):
            story.go_on()
        assert len(story.made) > 8
        assert world.held() == world.owed() + world.market.slashed()
        world.contests.clear()
        world.entries.clear()
