# SPDX-License-Identifier: Apache-2.0
"""Tokens that call back, refuse, keep a fee or say nothing: nothing is gained."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from contracts.comparing import Comparison
from contracts.encoding import calldata, word
from contracts.hostile import code, every_function, of_coin
from contracts.machine import Reverted
from contracts.reference import Permit
from modelmarket.chain.abi import functions

Call = Callable[..., Any]


# Each of the calls that move money, a moment before it is made.


def creating(both: Comparison) -> Call:
    return both.create


def submitting(both: Comparison) -> Call:
    truth = both.create()
    return lambda **expected: both.submit(truth, "ann", **expected)


def cancelling_an_empty_request(both: Comparison) -> Call:
    truth = both.create()
    return lambda **expected: both.cancel_request(truth, **expected)


def cancelling_with_a_remainder(both: Comparison) -> Call:
    truth = both.create()
    for who in ("ann", "bob", "eve"):
        both.submit(truth, who)
    return lambda **expected: both.cancel_request(truth, 3, **expected)


def leaving_in_time(both: Comparison) -> Call:
    guess = both.submit(both.create())
    return lambda **expected: both.cancel(guess, **expected)


def winning(both: Comparison) -> Call:
    _, guess, _ = both.in_validation([1], [1, 2])
    return lambda **expected: both.open_page(guess, **expected)


def failing_last(both: Comparison) -> Call:
    truth, guess = both.in_claims([1])
    both.claim(guess, 20)
    both.close_claims(truth)
    return lambda **expected: both.open_page(guess, **expected)


def leaving_as_the_last_candidate(both: Comparison) -> Call:
    _, guess = both.in_validation([1])
    return lambda **expected: both.cancel(guess, accept=True, **expected)


def timing_out_as_the_last_candidate(both: Comparison) -> Call:
    truth, _ = both.in_validation([1])
    both.until(truth)
    return lambda **expected: both.enforce(truth, **expected)


def closing_without_a_claim(both: Comparison) -> Call:
    truth, _ = both.in_claims([1])
    both.until(truth)
    return lambda **expected: both.enforce(truth, **expected)


def a_truth_that_nobody_waited_for(both: Comparison) -> Call:
    truth = both.create()
    both.at(truth.deadline)
    both.until(truth)
    return lambda **expected: both.enforce(truth, **expected)


def withdrawing_after_the_winner(both: Comparison) -> Call:
    _, first, second = both.in_validation([1], [1, 2])
    both.open_page(first)
    return lambda **expected: both.withdraw(second, **expected)


def withdrawing_a_share(both: Comparison) -> Call:
    truth = both.create()
    guess = both.submit(truth)
    both.cancel_request(truth, 1)
    return lambda **expected: both.withdraw(guess, **expected)


def withdrawing_after_a_forfeit(both: Comparison) -> Call:
    truth = both.create()
    guess = both.submit(truth)
    both.at(truth.deadline)
    both.until(truth)
    both.enforce(truth)
    return lambda **expected: both.withdraw(guess, **expected)


MOVING = (
    creating,
    submitting,
    cancelling_an_empty_request,
    cancelling_with_a_remainder,
    leaving_in_time,
    winning,
    failing_last,
    leaving_as_the_last_candidate,
    timing_out_as_the_last_candidate,
    closing_without_a_claim,
    a_truth_that_nobody_waited_for,
    withdrawing_after_the_winner,
    withdrawing_a_share,
    withdrawing_after_a_forfeit,
)


def test_every_call__in_the_interface__is_among_those_that_are_tried() -> None:
    names = set(functions("ModelMarket"))
    assert names == set(every_function(Comparison()))


@pytest.mark.parametrize("moment", MOVING)
def test_every_call__while_money_moves__is_refused_without_a_word(moment: Any) -> None:
    """Not one function answers while the token has the word; the lock itself
    says nothing, while each check of a function's own has a name."""
    both = Comparison(hostile=code("BadCoin"))
    call = moment(both)
    for name, sent in every_function(both).items():
        point = both.point()
        both.arm(sent)
        call()
        assert of_coin(both, "reentered") == word(1), name
        assert of_coin(both, "refused") == word(1), name
        assert of_coin(both, "answered")[32:64] == word(0), name
        both.reorganise(point)
        _would_answer(both, sent)


def _would_answer(both: Comparison, sent: bytes) -> None:
    """By itself the same call works, or is refused for a reason that it names."""
    point = both.point()
    try:
        both.machine.send(both.market, both.coin, sent)
    except Reverted as error:
        # The attacker has no coins of its own.
        assert str(error) or sent[:4] == calldata("create_request")[:4]
    both.machine.evm.revert(point.checkpoint)


@pytest.mark.parametrize("moment", [creating, submitting])
def test_collect__with_a_permit_that_calls_back__keeps_the_market_closed(
    moment: Any,
) -> None:
    both = Comparison(hostile=code("BadCoin"))
    call = moment(both)
    of_coin(both, "ask_for_permits", True)
    for name, sent in every_function(both).items():
        point = both.point()
        both.arm(sent)
        call(permit=Permit(both.now, 27, word(1), word(1)))
        assert of_coin(both, "reentered") == word(1), name
        assert of_coin(both, "refused") == word(1), name
        assert of_coin(both, "answered")[32:64] == word(0), name
        both.reorganise(point)


@pytest.mark.parametrize("moment", MOVING)
@pytest.mark.parametrize(
    ("coin", "reason"),
    [("BadCoin", "Unpaid"), ("BadCoin", "not today"), ("SilentCoin", "")],
)
def test_every_call__whose_money_does_not_move__is_refused_and_changes_nothing(
    moment: Any, coin: str, reason: str
) -> None:
    both = Comparison(hostile=code(coin))
    call = moment(both)
    both.misbehave(reason)
    call(refused=reason)
    both.misbehave(None)
    call()


def test_books__with_a_token_that_keeps_a_fee__make_nobody_richer() -> None:
    """The market owes what was promised; where the token has kept too much, a
    payment is refused whole, and the next one is not worse for it."""
    both = Comparison(hostile=code("BadCoin"))
    both.misbehave(None, fee=3)
    truth = both.create()
    ann, bob = both.submit(truth, "ann"), both.submit(truth, "bob")
    both.cancel(ann)
    both.cancel(bob)
    both.cancel_request(truth, refused="")
    other = both.create("eve")
    both.cancel_request(truth)
    both.cancel_request(other, refused="")
