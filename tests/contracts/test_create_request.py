# SPDX-License-Identifier: Apache-2.0
"""Creating a request: which terms are taken, and what becomes of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import boa
import pytest

from contracts.world import OPEN, REWARD, STAKE, WINDOW, World, labels
from modelmarket.errors import TermsError

DAY = 86_400


def test_create_request__with_its_reward__moves_it_from_the_requester_to_the_market(
    world: World,
) -> None:
    before = world.balance("requester")
    world.create()
    assert world.balance("requester") == before - REWARD
    assert world.held() == REWARD


def test_create_request__made_twice__counts_ids_from_one(world: World) -> None:
    assert [world.create().id, world.create().id] == [1, 2]
    assert world.market.request_count() == 2


def test_request__just_created__reads_back_as_it_was_made(world: World) -> None:
    request = world.create(minimum_matches=7)
    state = world.state(request)
    assert state.requester == world.people["requester"]
    assert state.terms_hash == request.terms_hash
    assert (state.reward, state.stake) == (REWARD, STAKE)
    assert (state.labels, state.bits, state.minimum_matches) == (20, 4, 7)
    assert state.deadline == world.now + WINDOW
    assert (state.phase, state.step_ends, state.overdue) == (
        OPEN,
        state.deadline,
        False,
    )
    assert state.sealed == request.opening.seal


def test_create_request__with_another_term_or_requester__has_another_terms_hash(
    world: World,
) -> None:
    hashes = {world.create().terms_hash, world.create(who="ann").terms_hash}
    for change in (
        {"dataset": "x"},
        {"name": "x"},
        {"context": "x"},
        {"reward": REWARD + 1, "stake": STAKE + 1},
        {"stake": STAKE + 1},
        {"submission_window_s": 61},
        {"response_window_s": 61},
        {"minimum_matches": 1},
    ):
        request = world.create(**change)
        assert world.state(request).terms_hash == request.terms_hash
        hashes.add(request.terms_hash)
    assert len(hashes) == 10


@pytest.mark.parametrize(
    ("reason", "refused", "taken"),
    [
        ("BadReward", {"reward": 0, "stake": 1}, {"reward": 1, "stake": 1}),
        ("BadStake", {"reward": 100, "stake": 0}, {"reward": 100, "stake": 1}),
        ("BadStake", {"reward": 101, "stake": 1}, {"reward": 101, "stake": 2}),
        ("BadStake", {"stake": 2**96}, {"stake": 2**96 - 1}),
        ("BadWindow", {"submission_window_s": 59}, {"submission_window_s": 60}),
        (
            "BadWindow",
            {"submission_window_s": 365 * DAY + 1},
            {"submission_window_s": 365 * DAY},
        ),
        ("BadWindow", {"response_window_s": 59}, {"response_window_s": 60}),
        (
            "BadWindow",
            {"response_window_s": 7 * DAY + 1},
            {"response_window_s": 7 * DAY},
        ),
        ("BadLabels", {"labels": 0}, {"labels": 1}),
        ("BadLabels", {"labels": 2**22 + 1}, {"labels": 2**22}),
        ("BadBits", {"bits": 3}, {"bits": 2}),
        ("BadBits", {"bits": 0}, {"bits": 1}),
        ("BadBits", {"bits": 32}, {"bits": 16}),
        ("BadMinimum", {"minimum_matches": 21}, {"minimum_matches": 20}),
    ],
)
def test_create_request__with_a_term_beyond_its_edge__is_refused_and_at_it_taken(
    world: World, reason: str, refused: dict[str, int], taken: dict[str, int]
) -> None:
    codes = labels(20)
    opening = world.seal_truth(codes, 4)
    permit = (0, 0, bytes(32), bytes(32))

    bad = world.terms(codes, opening, **refused)
    with pytest.raises(TermsError):
        bad.check()
    assert reason in [name for name, _ in bad.problems()]
    with world.as_("requester"), boa.reverts(reason):
        world.market.create_request(bad.as_struct(), permit)

    good = world.terms(codes, opening, **taken)
    good.check()
    with world.as_("requester"):
        world.market.create_request(good.as_struct(), permit)


def test_create_request__with_a_reward_of_2_to_the_96__is_refused_before_money_is_asked_for(
    world: World,
) -> None:
    with boa.reverts("BadReward"):
        world.create(reward=2**96, stake=2**96 - 1)
    with boa.reverts("erc20: transfer amount exceeds balance"):
        world.create(reward=2**96 - 1, stake=2**96 - 1)


@pytest.mark.parametrize("reward", [1, 99, 100, 101, 12_345])
def test_create_request__with_a_stake_below_one_percent_rounded_up__is_refused(
    world: World, reward: int
) -> None:
    least = max(-(-reward // 100), 1)
    world.create(reward=reward, stake=least)
    with boa.reverts("BadStake"):
        world.create(reward=reward, stake=least - 1)


@pytest.mark.parametrize(
    "change", [{"dataset": "x" * 129}, {"name": "x" * 65}, {"context": "x" * 1_025}]
)
def test_create_request__with_a_string_over_its_bound__is_refused(
    world: World, change: dict[str, Any]
) -> None:
    world.create(**{key: value[:-1] for key, value in change.items()})
    with pytest.raises(Exception):  # noqa: B017  # the ABI decoder has no reason
        world.create(**change)


def test_create_request__without_the_money__is_refused_and_changes_nothing(
    world: World,
) -> None:
    with world.as_("ann"):
        world.coin.transfer(world.people["bob"], world.balance("ann") - REWARD + 1)
    with boa.reverts("erc20: transfer amount exceeds balance"):
        world.create(who="ann")
    assert world.market.request_count() == 0


def test_every_call__on_an_unknown_request__is_refused(world: World) -> None:
    calls: tuple[Callable[[int], object], ...] = (
        lambda n: world.market.phase(n),
        lambda n: world.market.request(n),
        lambda n: world.market.truth_page(n, 0),
        lambda n: world.market.cancel_request(n, bytes(32), 0),
        lambda n: world.market.open_truth(n, 0, [1], bytes(32)),
        lambda n: world.market.enforce_timeout(n),
        lambda n: world.market.submit(
            n, bytes(32), bytes(32), bytes(32), "", (0, 0, bytes(32), bytes(32))
        ),
    )
    for number in (0, 1):
        for call in calls:
            with boa.reverts("UnknownRequest"):
                call(number)


def test_request__with_every_term_at_its_largest__reads_back_as_it_was_made(
    world: World,
) -> None:
    request = world.create(
        1,
        labels=2**22,
        bits=16,
        minimum_matches=2**22,
        stake=2**96 - 1,
        submission_window_s=365 * DAY,
        response_window_s=7 * DAY,
    )
    state = world.state(request)
    assert (state.labels, state.bits, state.minimum_matches) == (2**22, 16, 2**22)
    assert (state.reward, state.stake) == (REWARD, 2**96 - 1)
    assert state.deadline == world.now + 365 * DAY
    assert state.response_window == 7 * DAY


def test_create_request__with_the_same_terms_twice__makes_two_requests(
    world: World,
) -> None:
    first, second = world.create(), world.create()
    assert first.terms_hash == second.terms_hash
    with world.as_("requester"):
        world.market.cancel_request(first.id, first.terms_hash, 0)
    assert (world.phase(second), world.held()) == (OPEN, REWARD)
