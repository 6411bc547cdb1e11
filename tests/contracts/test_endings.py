# SPDX-License-Identifier: Apache-2.0
"""Every way that a request can end, and what is then left for whom: the table
of the protocol, row by row, while another request stands untouched beside it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import boa
import pytest

from contracts.test_events import CANCELLED_LATE, MISMATCH, TIMED_OUT, said
from contracts.world import (
    CANCELLED,
    FORFEITED,
    FULFILLED,
    MDC,
    MODEL,
    REFUNDED,
    RESPONSE,
    Requested,
    Submitted,
    World,
)

REWARD, STAKE = 100 * MDC + 1, 2 * MDC + 1
THRESHOLD = 15
ROLES = {
    "early": ("ann", 0),  # leaves before the deadline
    "late": ("eve", 0),  # leaves after it
    "silent": ("bob", 1),
    "mute": ("cid", 2),
    "ranked": ("dot", 9),  # claims what it has, below the threshold
    "false": ("ann", 3),  # claims everything
    "best": ("bob", 1),  # claims what it has, above the threshold
}
"""Who submits, and with how many mistakes."""


@dataclass
class Story:
    """A request on its way to an end."""

    world: World
    request: Requested
    entered: dict[str, Submitted]

    def leave(self, *roles: str) -> None:
        for role in roles:
            self.world.cancel(self.entered[role], accept_slash=True)

    def to_truth(self) -> None:
        self.leave("early")
        self.world.at(self.request.deadline)

    def to_claims(self) -> None:
        self.to_truth()
        self.leave("late")
        self.world.open_truth(self.request)

    def claim(self, role: str, matches: int | None = None) -> None:
        self.world.claim(self.request, self.entered[role], matches)

    def to_validation(self, *roles: str) -> None:
        self.to_claims()
        self.claim("ranked")
        self.claim("false", 20)
        for role in roles:
            self.claim(role)
        self.world.close_claims(self.request)

    def validate(self, role: str) -> None:
        self.world.validate(self.request, self.entered[role])

    def time_out(self) -> None:
        self.world.at(self.world.state(self.request).step_ends)
        self.world.enforce(self.request)

    def cancel(self, live: int) -> None:
        with self.world.as_("requester"):
            self.world.market.cancel_request(
                self.request.id, self.request.terms_hash, live
            )


def cancelled_while_open(story: Story) -> None:
    story.leave("early")
    story.cancel(6)


def cancelled_in_truth(story: Story) -> None:
    story.to_truth()
    story.leave("late")
    story.cancel(5)


def cancelled_with_none_live(story: Story) -> None:
    story.leave(*ROLES)
    story.cancel(0)


def forfeited(story: Story) -> None:
    story.to_truth()
    story.leave("late")
    story.time_out()


def forfeited_to_one(story: Story) -> None:
    story.to_truth()
    story.leave(*(role for role in ROLES if role not in ("early", "ranked")))
    story.time_out()


def unopened_with_none_live(story: Story) -> None:
    story.to_truth()
    story.leave(*(role for role in ROLES if role != "early"))
    story.time_out()


def nobody_claims(story: Story) -> None:
    story.to_claims()
    story.time_out()


def below_the_threshold(story: Story) -> None:
    story.to_claims()
    story.claim("ranked")
    story.time_out()


def the_last_candidate_lied(story: Story) -> None:
    story.to_validation()
    story.validate("false")


def the_last_candidate_missed_its_time(story: Story) -> None:
    story.to_validation()
    story.time_out()


def the_last_candidate_left(story: Story) -> None:
    story.to_validation()
    story.leave("false")


def somebody_won(story: Story) -> None:
    story.to_validation("best")
    story.validate("false")
    story.leave("mute")
    story.validate("best")


@dataclass(frozen=True)
class End:
    """What an ending leaves."""

    reach: Callable[[Story], None]
    phase: int
    due: dict[str, int]
    """By role; nothing for the others."""
    statuses: str
    """Of the roles in their order, a digit each."""
    to_requester: int
    slashed: int
    """In all, in stakes; a forfeited reward apart."""
    said: Callable[[Story], list[tuple[Any, ...]]]
    """The events of the last call."""


def _refunded(silent: int) -> Callable[[Story], list[tuple[Any, ...]]]:
    return lambda story: [("RequestRefunded", story.request.id, REWARD, silent * STAKE)]


def _failed(reason: int) -> Callable[[Story], list[tuple[Any, ...]]]:
    """Of the false one, and then the refund with three silent."""
    return lambda story: [
        (
            "SubmissionFailed",
            story.entered["false"].id,
            story.request.id,
            reason,
            STAKE,
            story.world.now + RESPONSE,
        ),
        ("RequestRefunded", story.request.id, REWARD, 3 * STAKE),
    ]


def _cancelled(live: int, share: int, paid: int) -> Callable[[Story], list[Any]]:
    return lambda story: [("RequestCancelled", story.request.id, live, share, paid)]


FIVE = ("silent", "mute", "ranked", "false", "best")
ENDS = [
    End(
        cancelled_while_open,
        CANCELLED,
        {role: STAKE + REWARD // 6 for role in ("late", *FIVE)},
        "3111111",
        REWARD % 6,
        0,
        _cancelled(6, REWARD // 6, REWARD % 6),
    ),
    End(
        cancelled_in_truth,
        CANCELLED,
        {role: STAKE + REWARD // 5 for role in FIVE},
        "3411111",
        REWARD % 5,
        1,
        _cancelled(5, REWARD // 5, REWARD % 5),
    ),
    End(
        cancelled_with_none_live,
        CANCELLED,
        {},
        "3333333",
        REWARD,
        0,
        _cancelled(0, 0, REWARD),
    ),
    End(
        forfeited,
        FORFEITED,
        dict.fromkeys(FIVE, STAKE),
        "3411111",
        0,
        1,
        lambda story: [("RequestForfeited", story.request.id, REWARD)],
    ),
    End(
        forfeited_to_one,
        FORFEITED,
        {"ranked": STAKE},
        "3444144",
        0,
        5,
        lambda story: [("RequestForfeited", story.request.id, REWARD)],
    ),
    End(
        unopened_with_none_live,
        REFUNDED,
        {},
        "3444444",
        REWARD,
        6,
        _refunded(0),
    ),
    End(nobody_claims, REFUNDED, {}, "3411111", REWARD, 6, _refunded(5)),
    End(
        below_the_threshold,
        REFUNDED,
        {"ranked": STAKE},
        "3411211",
        REWARD,
        5,
        _refunded(4),
    ),
    *(
        End(reach, REFUNDED, {"ranked": STAKE}, "3411241", REWARD, 5, _failed(reason))
        for reach, reason in (
            (the_last_candidate_lied, MISMATCH),
            (the_last_candidate_missed_its_time, TIMED_OUT),
            (the_last_candidate_left, CANCELLED_LATE),
        )
    ),
    End(
        somebody_won,
        FULFILLED,
        {"ranked": STAKE},
        "3414245",
        0,
        4,
        lambda story: [
            (
                "RequestFulfilled",
                story.request.id,
                story.entered["best"].id,
                REWARD + STAKE,
                STAKE,
                MODEL,
            )
        ],
    ),
]
every_end = pytest.mark.parametrize("end", ENDS, ids=lambda end: end.reach.__name__)


def begin(world: World) -> Story:
    """A request with all the roles, beside one that nothing happens to."""
    other = world.create()
    for who in ("dot", "cid"):
        world.submit(other, who)
    request = world.create(reward=REWARD, stake=STAKE, minimum_matches=THRESHOLD)
    entered = {
        role: world.submit(request, who, mistakes)
        for role, (who, mistakes) in ROLES.items()
    }
    return Story(world, request, entered)


@every_end
def test_story__at_each_ending__leaves_to_each_what_the_table_says(
    world: World, end: End
) -> None:
    story = begin(world)
    untouched = world.market.submission(1)
    before = {name: world.balance(name) for name in world.people}
    end.reach(story)

    assert said(world) == end.said(story)
    assert world.phase(story.request) == end.phase
    slashed = end.slashed * STAKE + (REWARD if end.phase == FORFEITED else 0)
    assert world.market.slashed() == slashed
    assert world.balance("requester") == before["requester"] + end.to_requester
    statuses = [world.status(one) for one in story.entered.values()]
    assert "".join(map(str, statuses)) == end.statuses
    for role, one in story.entered.items():
        assert world.market.due(one.id) == end.due.get(role, 0)

    gained = dict.fromkeys(world.people, 0)
    for role, status in zip(story.entered, end.statuses, strict=True):
        who, _ = ROLES[role]
        back = {"3": STAKE, "5": REWARD + STAKE}.get(status, 0)
        gained[who] += back + end.due.get(role, 0)
    gained["requester"] = end.to_requester
    for role, one in story.entered.items():
        if role in end.due:
            world.withdraw(one, who="requester")
            paid = end.due[role]
            assert said(world) == [("Withdrawn", one.id, story.request.id, paid)]
            assert world.status(one) == 6
        with boa.reverts("NothingDue"):
            world.withdraw(one)
    after = {name: world.balance(name) - before[name] for name in world.people}
    assert after == gained

    other = world.market.request(1)
    assert world.held() == slashed + other.reward + 2 * other.stake
    assert world.market.submission(1) == untouched


@every_end
def test_every_call__after_each_ending__is_refused_but_withdraw(
    world: World, end: End
) -> None:
    story = begin(world)
    end.reach(story)
    request, entered = story.request, story.entered
    for second in (world.now, world.now + 10 * RESPONSE):
        world.at(second)
        for who in (*world.people, "deployer"):
            with boa.reverts("NotOverdue"), _caller(world, who):
                world.market.enforce_timeout(request.id)
        for one in entered.values():
            with boa.reverts("WrongPhase"):
                world.cancel(one, accept_slash=True)
            with boa.reverts("WrongPhase"):
                world.claim(request, one, 3, hint=0)
            with boa.reverts("WrongPhase"):
                world.open_page(request, one, 0)
        with boa.reverts("WrongPhase"):
            story.cancel(9)
        with boa.reverts("WrongPhase"):
            world.open_truth_page(request, 0, who="requester")
        with boa.reverts("WrongPhase"):
            world.submit(request, "ann")


def _caller(world: World, who: str) -> Any:
    return boa.env.prank(world.deployer) if who == "deployer" else world.as_(who)
