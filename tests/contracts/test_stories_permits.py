# SPDX-License-Identifier: Apache-2.0
"""Permits and allowances, in stories that are compared after every call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from contracts.comparing import PEOPLE, PURSE, REWARD, STAKE, Comparison
from contracts.reference import UNLIMITED, Permit

SHORT = "erc20: insufficient allowance"
POOR = "erc20: transfer amount exceeds balance"


class Paying:
    """Somebody who is about to pay, and has allowed nothing yet."""

    def __init__(self, both: Comparison, what: str) -> None:
        self.both = both
        self.who = "ann"
        if what == "reward":
            self.due = REWARD
            self.pay: Callable[..., Any] = lambda **how: both.create("ann", **how)
        else:
            self.due = STAKE
            truth = both.create()
            self.pay = lambda **how: both.submit(truth, "ann", **how)
        both.call("ann", "approve", 0)

    def sign(self, amount: int | None = None, **changes: Any) -> Permit:
        amount = self.due if amount is None else amount
        return self.both.sign(self.who, amount, **changes)

    @property
    def nonce(self) -> int:
        return self.both.model.coin.nonces[PEOPLE[self.who]]

    @property
    def allowed(self) -> int:
        coin, market = self.both.model.coin, self.both.market
        return coin.allowances[PEOPLE[self.who], market]


@pytest.fixture(params=["reward", "stake"])
def paying(both: Comparison, request: pytest.FixtureRequest) -> Paying:
    return Paying(both, request.param)


def test_collect__with_a_permit_for_the_whole__pays_and_leaves_no_allowance(
    paying: Paying,
) -> None:
    paying.pay(permit=paying.sign())
    assert (paying.nonce, paying.allowed) == (1, 0)


def test_collect__without_permit_or_allowance__is_refused(paying: Paying) -> None:
    paying.pay(refused=SHORT)


@pytest.mark.parametrize("off", [-1, 1])
def test_collect__with_a_permit_for_another_amount__is_refused(
    paying: Paying, off: int
) -> None:
    paying.pay(permit=paying.sign(paying.due + off), refused=SHORT)
    assert paying.nonce == 0


@pytest.mark.parametrize("allowed", [1, STAKE // 2, STAKE - 1])
def test_collect__with_a_permit_for_what_the_allowance_lacks__is_refused(
    paying: Paying, allowed: int
) -> None:
    """It must be for the whole amount, whatever is allowed already."""
    paying.both.call("ann", "approve", allowed)
    paying.pay(permit=paying.sign(paying.due - allowed), refused=SHORT)
    assert (paying.nonce, paying.allowed) == (0, allowed)


@pytest.mark.parametrize("allowed", [1, STAKE - 1])
def test_collect__with_a_permit_for_the_whole_beside_a_part__replaces_the_part(
    paying: Paying, allowed: int
) -> None:
    paying.both.call("ann", "approve", allowed)
    paying.pay(refused=SHORT)
    paying.pay(permit=paying.sign())
    assert (paying.nonce, paying.allowed) == (1, 0)


@pytest.mark.parametrize("more", [0, 1, 500])
def test_collect__while_the_allowance_suffices__leaves_the_permit_unused(
    paying: Paying, more: int
) -> None:
    paying.both.call("ann", "approve", paying.due + more)
    paying.pay(permit=paying.sign())
    assert (paying.nonce, paying.allowed) == (0, more)


def test_collect__with_an_unlimited_allowance__leaves_it_unlimited(
    paying: Paying,
) -> None:
    paying.both.call("ann", "approve", UNLIMITED)
    paying.pay(permit=paying.sign())
    assert (paying.nonce, paying.allowed) == (0, UNLIMITED)


def test_collect__with_a_permit_in_its_last_second__pays_and_later_is_refused(
    paying: Paying,
) -> None:
    now = paying.both.now
    paying.pay(permit=paying.sign(deadline=now - 1), refused=SHORT)
    paying.pay(permit=paying.sign(deadline=1), refused=SHORT)
    paying.pay(permit=paying.sign(deadline=now))


@pytest.mark.parametrize(
    "changes",
    [
        {"signer": "eve"},
        {"spender": PEOPLE["eve"]},
        {"chain_id": 61},
        {"coin": PEOPLE["eve"]},
        {"nonce": 1},
    ],
)
def test_collect__with_a_permit_signed_for_anything_else__is_refused(
    paying: Paying, changes: dict[str, Any]
) -> None:
    paying.pay(permit=paying.sign(**changes), refused=SHORT)
    assert paying.nonce == 0


@pytest.mark.parametrize("part", ["v", "r", "s"])
def test_collect__with_a_permit_of_another_signature__is_refused(
    paying: Paying, part: str
) -> None:
    permit = paying.sign()
    other: Any = 55 - permit.v if part == "v" else bytes(31) + b"\x07"
    paying.pay(permit=permit._replace(**{part: other}), refused=SHORT)
    paying.pay(permit=permit)


def test_collect__with_a_permit_that_somebody_sent_ahead__pays_all_the_same(
    paying: Paying,
) -> None:
    permit = paying.sign()
    paying.both.call("eve", "permit", PEOPLE["ann"], paying.due, permit)
    paying.pay(permit=permit)
    assert (paying.nonce, paying.allowed) == (1, 0)


def test_collect__with_a_permit_that_has_served__is_refused(paying: Paying) -> None:
    permit = paying.sign()
    paying.pay(permit=permit)
    paying.pay(permit=permit, refused=SHORT)
    paying.pay(permit=paying.sign())
    assert paying.nonce == 2


def test_collect__with_a_permit_sent_ahead_and_then_revoked__is_refused(
    paying: Paying,
) -> None:
    permit = paying.sign()
    paying.both.call("eve", "permit", PEOPLE["ann"], paying.due, permit)
    paying.both.call("ann", "approve", paying.due - 1)
    paying.pay(permit=permit, refused=SHORT)


def test_collect__of_coins_that_are_not_there__is_refused_and_uses_no_permit(
    paying: Paying,
) -> None:
    paying.both.call("ann", "donate", PURSE - paying.due + 1)
    paying.pay(permit=paying.sign(), refused=POOR)
    assert (paying.nonce, paying.allowed) == (0, 0)


def test_collect__of_all_that_is_owned_to_the_last_wei__pays(paying: Paying) -> None:
    paying.both.call("ann", "donate", PURSE - paying.due)
    paying.pay(permit=paying.sign())


def test_collect__with_the_permit_of_somebody_else__is_refused(
    both: Comparison,
) -> None:
    """A stranger's allowance or permit serves only the stranger."""
    truth = both.create()
    both.call("ann", "approve", 0)
    both.call("bob", "approve", 0)
    permit = both.sign("ann", STAKE)
    both.submit(truth, "bob", permit=permit, refused=SHORT)
    both.submit(truth, "ann", permit=permit)


def test_collect__after_a_fork__takes_permits_for_the_new_chain_alone() -> None:
    fork = Comparison(chain_id=1, forked_to=61)
    fork.call("ann", "approve", 0)
    fork.create("ann", permit=fork.sign("ann", REWARD, chain_id=1), refused=SHORT)
    fork.create("ann", permit=fork.sign("ann", REWARD))
    fork.drain()
