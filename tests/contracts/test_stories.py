# SPDX-License-Identifier: Apache-2.0
"""Phases, money, ranking, operators and reorganisations, in stories that are
compared after every call; in the end of each all money drains."""

from __future__ import annotations

from collections.abc import Callable
from itertools import permutations, product
from typing import Any

import pytest

from contracts import sealing
from contracts.comparing import (
    NAMES,
    PEOPLE,
    PURSE,
    RESPONSE,
    SALT,
    WINDOW,
    Comparison,
    Guess,
    Truth,
)
from contracts.encoding import Page, Text, calldata, text
from contracts.hostile import code, every_function
from contracts.machine import Reverted
from contracts.reference import NO_PERMIT, PHASES, Terms
from contracts.sealing import NOTHING

SIZES = [(20, 4), (98_305, 4)]
"""One page, and three."""


def opening_window(truth: Truth) -> int:
    return RESPONSE + 60 * (len(truth.onion.pages) - 1)


# --- terms ---

LIMITS: list[tuple[str, list[int], list[int]]] = [
    ("reward", [1, 1_000], [0]),
    ("stake", [10, 11, 10_000], [9, 0, 1, 2**96]),
    ("submission_window", [60, 365 * 86_400], [59, 0, 365 * 86_400 + 1, 2**40]),
    ("response_window", [60, 7 * 86_400], [59, 0, 7 * 86_400 + 1, 2**24, 2**255]),
    ("minimum", [0, 1, 20], [21, 2**32, 2**255]),
]
REASONS = {
    "reward": "BadReward",
    "stake": "BadStake",
    "submission_window": "BadWindow",
    "response_window": "BadWindow",
    "minimum": "BadMinimum",
}


@pytest.mark.parametrize(("term", "good", "bad"), LIMITS)
def test_create_request__with_a_term_outside_its_limits__is_refused_and_inside_taken(
    both: Comparison, term: str, good: list[int], bad: list[int]
) -> None:
    change: dict[str, Any]
    for value in bad:
        change = {term: value}
        both.create(**change, refused=REASONS[term])
    for value in good:
        change = {term: value}
        both.create(**change)


@pytest.mark.parametrize(
    ("reward", "least"),
    [
        (1, 1),
        (99, 1),
        (100, 1),
        (101, 2),
        (199, 2),
        (200, 2),
        (201, 3),
        (10**18 + 1, 10**16 + 1),
    ],
)
def test_create_request__with_less_stake_than_a_hundredth_rounded_up__is_refused(
    both: Comparison, reward: int, least: int
) -> None:
    both.create(reward=reward, stake=least - 1, refused="BadStake")
    both.create(reward=reward, stake=least)


def test_create_request__with_labels_or_bits_outside_their_limits__is_refused(
    both: Comparison,
) -> None:
    for count in (0, 2**22 + 1, 2**23 + 1, 2**255):
        both.create(count=1, labels=count, refused="BadLabels")
    for bits in (0, 3, 5, 6, 7, 9, 12, 15, 17, 32, 256, 2**255):
        both.create(bits=bits, refused="BadBits")
    for bits in (1, 2, 4, 8, 16):
        both.create(count=2, bits=bits)
        both.create(count=1, bits=bits, labels=2**22)


def test_create_request__with_many_bad_terms__is_refused_for_the_first(
    both: Comparison,
) -> None:
    """In the order of the documentation."""
    good: dict[str, Any] = {
        "reward": 1_000,
        "stake": 10,
        "submission_window": WINDOW,
        "response_window": RESPONSE,
        "labels": 20,
        "bits": 4,
        "minimum": 0,
    }
    bad: dict[str, Any] = {
        "reward": 0,
        "stake": 0,
        "submission_window": 1,
        "response_window": 1,
        "labels": 0,
        "bits": 3,
        "minimum": 2**255,
    }
    reasons: tuple[str, ...] = ("BadReward", "BadStake", "BadWindow", "BadWindow")
    reasons += ("BadLabels", "BadBits", "BadMinimum")
    both.call("requester", "approve", 0)
    terms, _ = both.terms("requester", 20, 4, 1)
    sent = terms._replace(**bad)
    for term, reason in zip(bad, reasons, strict=True):
        both.expect(reason, "requester", "create_request", sent, NO_PERMIT)
        sent = sent._replace(**{term: good[term]})
    short = "erc20: insufficient allowance"
    both.expect(short, "requester", "create_request", sent, NO_PERMIT)


@pytest.mark.parametrize(
    ("term", "most"), [("dataset", 128), ("name", 64), ("context", 1_024)]
)
def test_create_request__with_any_bytes_in_its_texts__is_taken_up_to_their_length(
    both: Comparison, term: str, most: int
) -> None:
    change: dict[str, Any]
    for value in (b"", b"\xff" * most, bytes(most), b"\xc3\x28"):
        change = {term: Text(value)}
        both.create(**change)
    change = {term: Text(bytes(most + 1))}
    both.create(**change, refused="")


def test_submit__under_a_hash_of_another_term_or_requester__is_refused(
    both: Comparison,
) -> None:
    truth = both.create()
    changes: dict[str, Any] = {
        "dataset": text("other"),
        "name": text("other"),
        "context": text("other"),
        "reward": 999,
        "stake": 11,
        "submission_window": WINDOW + 1,
        "response_window": RESPONSE + 1,
        "labels": 21,
        "bits": 8,
        "minimum": 1,
        "seal": NOTHING,
    }
    assert tuple(changes) == Terms._fields
    for term, value in changes.items():
        other = truth.terms._replace(**{term: value})
        hashed = sealing.terms_hash(PEOPLE["requester"], other)
        both.submit(truth, terms_hash=hashed, refused="WrongTerms")
    hashed = sealing.terms_hash(PEOPLE["eve"], truth.terms)
    both.submit(truth, terms_hash=hashed, refused="WrongTerms")
    both.cancel_request(truth, terms_hash=hashed, refused="WrongTerms")
    both.submit(truth)


def test_story__with_the_largest_amounts_side_by_side__pays_all_of_them() -> None:
    both = Comparison(hostile=code("BadCoin"), purse=2**100)
    most = 2**96 - 1
    both.create(reward=most + 1, stake=most, refused="BadReward")
    both.create(reward=most, stake=most + 1, refused="BadStake")
    terms: dict[str, Any] = {"reward": most, "stake": most, "minimum": 20, "bits": 16}
    truth, ann, bob = both.in_validation([], [1], **terms)
    both.open_page(ann)
    both.withdraw(bob)
    other = both.create(**terms)
    for who in NAMES[1:]:
        both.submit(other, who)
    both.cancel_request(other, 3)
    assert both.phase(truth) == "FULFILLED"
    both.drain()


@pytest.mark.parametrize("later", [2**31, 2**32, 2**39])
def test_story__past_32_bits_of_seconds__runs_like_any_other(
    both: Comparison, later: int
) -> None:
    both.at(later)
    truth, ann, bob = both.in_claims([1], [2, 3], count=98_305)
    both.claim(ann)
    both.claim(bob)
    both.close_claims(truth)
    both.until(truth)
    both.enforce(truth)
    both.open_pages(bob)
    assert both.phase(truth) == "FULFILLED"


@pytest.mark.parametrize(
    "before",
    [(254, 253), (2**16 - 2, 2**16 - 3), (2**32 - 2, 2**32 - 3), (2**63, 2**64 - 6)],
)
def test_story__with_ids_of_any_size__tells_them_apart(before: tuple[int, int]) -> None:
    """As if so many had been made: nothing wraps and nothing runs over."""
    both = Comparison(before=before)
    truths = [both.create(seed=seed) for seed in (1, 2, 3)]
    guesses = [
        both.submit(truths[n % 2], who, range(n))
        for n, who in enumerate(("ann", "bob", "eve", "ann"))
    ]
    for truth in truths:
        both.open_truth(truth)
    for one in reversed(guesses):
        both.claim(one)
    both.until(truths[0])
    for one in guesses[:2]:
        both.open_page(one)
        both.withdraw(guesses[one.id - guesses[0].id + 2])
    both.drain()


# --- windows ---


@pytest.mark.parametrize("beside", [-1, 0, 1])
@pytest.mark.parametrize("size", SIZES)
def test_clock__at_the_deadline__ends_submitting_and_leaving_for_free(
    both: Comparison, size: tuple[int, int], beside: int
) -> None:
    truth = both.create("requester", *size)
    ann = both.submit(truth)
    both.at(truth.deadline + beside)
    late = beside >= 0
    both.submit(truth, "bob", refused="WrongPhase" if late else None)
    both.cancel(ann, refused="StakeAtRisk" if late else None)
    both.open_truth_page(truth, refused=None if late else "WrongPhase")


@pytest.mark.parametrize("live", [0, 1])
@pytest.mark.parametrize("size", SIZES)
def test_enforce_timeout__a_second_before_the_truths_window_ends__is_refused(
    both: Comparison, size: tuple[int, int], live: int
) -> None:
    truth = both.create("requester", *size)
    for _ in range(live):
        both.submit(truth)
    for second in (both.now, truth.deadline - 1, truth.deadline):
        both.at(second)
        both.enforce(truth, refused="NotOverdue")
    both.at(truth.deadline + opening_window(truth) - 1)
    both.enforce(truth, refused="NotOverdue")
    both.wait(1)
    both.enforce(truth)
    assert both.phase(truth) == ("FORFEITED" if live else "REFUNDED")
    both.enforce(truth, refused="NotOverdue")


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("claims", [0, 1, 2])
def test_enforce_timeout__a_second_before_the_other_windows_end__is_refused(
    both: Comparison, size: tuple[int, int], claims: int
) -> None:
    """Claims close with a candidate or without; then each candidate has its time."""
    truth, *guesses = both.in_claims([1], [1, 2], count=size[0], bits=size[1])
    for one in guesses[:claims]:
        both.claim(one)
    both.until(truth, -1)
    both.enforce(truth, refused="NotOverdue")
    both.open_page(guesses[0], refused="WrongPhase")
    both.wait(1)
    for _ in range(claims):
        both.enforce(truth, refused="NotOverdue")
        both.until(truth, -1)
        assert both.phase(truth) == "VALIDATION"
        both.enforce(truth, refused="NotOverdue")
        both.wait(1)
        both.enforce(truth)
    if not claims:
        both.claim(guesses[0], refused="Overdue")
        both.enforce(truth)
    assert both.phase(truth) == "REFUNDED"


def test_clock__from_the_last_of_three_pages__gives_claims_one_window(
    both: Comparison,
) -> None:
    truth, ann, bob = both.in_claims([1], [1, 2], count=98_305)
    assert both.where(truth)[1] == both.now + RESPONSE
    both.claim(ann)
    assert both.where(truth)[1] == both.now + RESPONSE
    both.until(truth, -1)
    both.claim(bob)
    both.wait(1)
    assert both.where(truth)[:2] == ("VALIDATION", both.now + RESPONSE + 120)


@pytest.mark.parametrize("size", SIZES)
def test_clock__of_the_first_candidate__begins_when_claims_close_whoever_comes_when(
    both: Comparison, size: tuple[int, int]
) -> None:
    truth, ann, bob, _ = both.in_claims([1], [1, 2], [3], count=size[0], bits=size[1])
    both.claim(ann)
    both.claim(bob)
    both.close_claims(truth)
    ends = both.where(truth)[1]
    both.wait(300)
    both.open_page(ann, refused=None)
    if size[0] > 20:
        assert both.where(truth)[1] == ends
        both.cancel(ann, accept=True)
        assert both.where(truth)[1] == both.now + RESPONSE + 120


def test_every_call__on_an_overdue_request__is_refused_but_enforce_timeout(
    both: Comparison,
) -> None:
    stories = [
        (both.create(), 0),
        both.in_claims([1]),
        both.in_validation([1]),
    ]
    both.wait(30 * 86_400)
    for story in stories:
        truth = story[0]
        guess = story[1] or both.guess(truth, "ann")
        both.submit(truth, refused="Overdue")
        both.cancel_request(truth, 9, refused="Overdue")
        both.open_truth_page(truth, refused="Overdue")
        if guess.id:
            both.cancel(guess, accept=True, refused="Overdue")
            both.claim(guess, refused="Overdue")
            both.open_page(guess, refused="Overdue")
            both.withdraw(guess, refused="NothingDue")
        both.enforce(truth)


def test_enforce_timeout__thirty_days_late__takes_one_step_at_a_time(
    both: Comparison,
) -> None:
    truth, *_ = both.in_validation([1], [1, 2], [3, 4, 5])
    both.wait(30 * 86_400)
    for left in (2, 1):
        both.enforce(truth)
        assert len(both.asked(truth).ranking) == left
        both.enforce(truth, refused="NotOverdue")
        both.wait(RESPONSE)
    both.enforce(truth)
    assert both.phase(truth) == "REFUNDED"


# --- what each phase allows ---


def _in_phase(both: Comparison, phase: str) -> tuple[Truth, Guess]:
    """A request in a phase, with a live submission where one can be."""
    if phase in ("CLAIMS", "REFUNDED"):
        truth, ann = both.in_claims([1])
        if phase == "REFUNDED":
            both.until(truth)
            both.enforce(truth)
        return truth, ann
    if phase in ("VALIDATION", "FULFILLED"):
        truth, ann, _ = both.in_validation([1], [1, 2])
        if phase == "FULFILLED":
            both.open_page(ann)
        return truth, ann
    truth = both.create()
    ann = both.submit(truth)
    if phase in ("TRUTH", "FORFEITED"):
        both.at(truth.deadline)
    if phase == "FORFEITED":
        both.until(truth)
        both.enforce(truth)
    if phase == "CANCELLED":
        both.cancel_request(truth, 1)
    return truth, ann


@pytest.mark.parametrize(
    "phase",
    PHASES[1:],
)
def test_every_call__in_each_phase__is_taken_only_where_the_phase_is_its_own(
    both: Comparison, phase: str
) -> None:
    truth, ann = _in_phase(both, phase)
    assert both.phase(truth) == phase

    def only_in(*phases: str) -> str | None:
        return None if phase in phases else "WrongPhase"

    calls: list[tuple[Callable[..., Any], str | None]] = [
        (lambda **how: both.submit(truth, "bob", **how), only_in("OPEN")),
        (lambda **how: both.open_truth_page(truth, **how), only_in("TRUTH")),
        (lambda **how: both.claim(ann, **how), only_in("CLAIMS")),
        (lambda **how: both.open_page(ann, **how), only_in("VALIDATION")),
        (
            lambda **how: both.cancel_request(truth, 9, **how),
            only_in("OPEN", "TRUTH"),
        ),
        (
            lambda **how: both.cancel(ann, accept=True, **how),
            only_in("OPEN", "TRUTH", "CLAIMS", "VALIDATION"),
        ),
        (lambda **how: both.enforce(truth, **how), "NotOverdue"),
        (
            lambda **how: both.withdraw(ann, **how),
            None if phase in ("CANCELLED", "FORFEITED") else "NothingDue",
        ),
    ]
    for call, refused in calls:
        point = both.point()
        call(refused=refused)
        both.reorganise(point)


# --- money ---


@pytest.mark.parametrize("pages", [1, 3])
@pytest.mark.parametrize("phase", ["OPEN", "TRUTH", "one page open"])
@pytest.mark.parametrize(
    ("reward", "live"), [(1_000, 0), (1_000, 1), (1_000, 3), (7, 4), (100, 7), (1, 2)]
)
def test_cancel_request__with_any_number_live__shares_the_reward_and_returns_the_remainder(
    both: Comparison, phase: str, reward: int, live: int, pages: int
) -> None:
    truth = both.create(
        "ann", 20 if pages == 1 else 98_305, reward=reward, stake=max(reward // 100, 1)
    )
    guesses = [both.submit(truth, NAMES[n % 4]) for n in range(live)]
    gone = both.submit(truth, "bob")
    both.cancel(gone)
    if phase != "OPEN":
        both.at(truth.deadline)
    if phase == "one page open" and pages > 1:
        both.open_truth_page(truth)
    balance = both.model.coin.balances
    before = balance[PEOPLE["ann"]]
    if live:
        both.cancel_request(truth, live - 1, refused="TooManyLive")
    both.cancel_request(truth, live, who="eve", refused="NotRequester")
    both.cancel_request(truth, live)
    rest = reward % live if live else reward
    assert balance[PEOPLE["ann"]] == before + rest
    for one in guesses:
        both.withdraw(one)
        both.withdraw(one, refused="NothingDue")
    both.withdraw(gone, refused="NothingDue")
    assert balance[both.market] == both.model.slashed


@pytest.mark.parametrize("phase", ["TRUTH", "CLAIMS", "VALIDATION"])
@pytest.mark.parametrize("who", ["best", "second", "silent"])
def test_cancel_submission__late__costs_the_stake_and_only_with_accept_slash(
    both: Comparison, phase: str, who: str
) -> None:
    truth, best, second, silent = both.create(), None, None, None
    best, second, silent = (
        both.submit(truth, name, range(n)) for n, name in enumerate(NAMES[1:])
    )
    guess = {"best": best, "second": second, "silent": silent}[who]
    both.at(truth.deadline)
    if phase != "TRUTH":
        both.open_truth_page(truth)
        both.claim(best)
        both.claim(second)
    if phase == "VALIDATION":
        both.close_claims(truth)
    both.wait(10)
    both.cancel(
        guess, who="bob" if guess.trainer != "bob" else "ann", refused="NotTrainer"
    )
    both.cancel(guess, refused="StakeAtRisk")
    both.cancel(guess, accept=True)
    both.cancel(guess, accept=True, refused="NotLive")
    assert both.model.slashed == truth.stake
    both.withdraw(guess, refused="NothingDue")


def test_cancel_submission__in_time__is_free_with_or_without_accept_slash(
    both: Comparison,
) -> None:
    truth = both.create()
    for accept in (False, True):
        guess = both.submit(truth)
        both.cancel(guess, accept=accept)
        both.cancel(guess, accept=accept, refused="NotLive")
    assert both.model.coin.balances[PEOPLE["ann"]] == PURSE
    both.open_truth(truth)
    for guess in both.guesses:
        both.claim(guess, refused="NotLive")


@pytest.mark.parametrize("ending", ["fulfilled", "refunded", "below", "forfeited"])
def test_withdraw__after_each_ending__pays_each_submission_what_is_due_once(
    both: Comparison, ending: str
) -> None:
    """One of each kind: cancelled in time, cancelled late, silent, ranked, and
    one that fails."""
    minimum = 19 if ending == "below" else 0
    truth = both.create(minimum=minimum)
    early, late, silent, liar, good, fair = (
        both.submit(truth, NAMES[n % 4], range(n)) for n in range(6)
    )
    both.cancel(early)
    both.at(truth.deadline)
    both.cancel(late, accept=True)
    if ending == "forfeited":
        both.until(truth)
        both.enforce(truth)
    else:
        both.open_truth_page(truth)
        both.claim(liar, 20)
        both.claim(good)
        both.claim(fair)
        both.close_claims(truth)
        both.open_page(liar)  # fails: it has fewer
    if ending == "fulfilled":
        both.open_page(good)
    if ending == "refunded":
        for _ in (good, fair):
            both.until(truth)
            both.enforce(truth)
    expected = {
        "fulfilled": {fair.id},
        "refunded": set(),
        "below": {good.id, fair.id},
        "forfeited": {silent.id, liar.id, good.id, fair.id},
    }[ending]
    for one in (early, late, silent, liar, good, fair):
        is_due = one.id in expected
        both.withdraw(one, refused=None if is_due else "NothingDue")
        both.withdraw(one, refused="NothingDue")
    assert both.model.coin.balances[both.market] == both.model.slashed


@pytest.mark.parametrize("ending", ["fulfilled", "refunded", "no claim", "leaves"])
def test_books__at_each_ending__slash_the_silent_once(
    both: Comparison, ending: str
) -> None:
    truth, ann, _, _, gone = both.in_claims([1], [2], [3], [4])
    both.cancel(gone, accept=True)
    if ending != "no claim":
        both.claim(ann)
    both.close_claims(truth)
    assert both.model.slashed == truth.stake
    match ending:
        case "fulfilled":
            both.open_page(ann)
        case "refunded":
            both.until(truth)
            both.enforce(truth)
        case "leaves":
            both.cancel(ann, accept=True)
        case _:
            both.enforce(truth)
    failed = {"fulfilled": 0, "no claim": 1}.get(ending, 1)
    assert both.model.slashed == (1 + 2 + failed) * truth.stake


@pytest.mark.parametrize("how", ["mismatch", "is late", "leaves"])
@pytest.mark.parametrize("next_one", ["reaches it", "below it", "none"])
def test_story__after_a_failure__goes_on_only_if_the_next_reaches_the_threshold(
    both: Comparison, how: str, next_one: str
) -> None:
    truth, first, second = both.in_claims([1], [1, 2], minimum=18)
    both.claim(first, 20)
    if next_one != "none":
        both.claim(second, 18 if next_one == "reaches it" else 17)
    both.close_claims(truth)
    match how:
        case "mismatch":
            both.wait(11)
            both.open_page(first)
        case "is late":
            both.until(truth, 5)
            both.enforce(truth)
        case _:
            both.cancel(first, accept=True)
    if next_one == "reaches it":
        assert both.where(truth)[:2] == ("VALIDATION", both.now + RESPONSE)
        both.open_page(second)
        assert both.phase(truth) == "FULFILLED"
        return
    assert both.phase(truth) == "REFUNDED"
    both.withdraw(second, refused=None if next_one == "below it" else "NothingDue")


@pytest.mark.parametrize(
    ("minimum", "reached"), [(0, True), (18, True), (19, False), (20, False)]
)
def test_open_predictions__of_a_claim_that_reaches_the_threshold__wins_and_else_is_refused(
    both: Comparison, minimum: int, reached: bool
) -> None:
    truth, ann = both.in_claims([1, 2], minimum=minimum)
    both.claim(ann)
    both.close_claims(truth)
    if reached:
        both.open_page(ann)
        assert both.phase(truth) == "FULFILLED"
    else:
        both.open_page(ann, refused="Overdue")
        both.enforce(truth)
        both.withdraw(ann)


def test_claim__of_no_matches__can_win(both: Comparison) -> None:
    truth, ann = both.in_validation(range(20))
    both.open_page(ann)
    assert both.entered(ann).matches == 0
    assert both.phase(truth) == "FULFILLED"


def test_books__of_requests_side_by_side__never_pay_each_other(
    both: Comparison,
) -> None:
    """Three at once in three phases, with the same people; donations too."""
    cheap = both.create("requester", reward=100, stake=1)
    dear = both.create("ann", reward=5_000, stake=777, seed=2)
    third = both.create("bob", reward=9, stake=3, submission_window=5_000)
    for truth in (cheap, dear, third):
        for who in NAMES:
            both.submit(truth, who, range(NAMES.index(who)))
    both.call("eve", "donate", 12_345)
    both.open_truth(cheap)
    both.open_truth(dear)
    for one in both.guesses[:8]:
        both.claim(one)
    both.close_claims(dear)
    both.open_page(both.guesses[4])
    both.enforce(cheap, refused="NotOverdue")
    both.until(cheap)
    both.enforce(cheap)
    both.cancel_request(third, 4)
    for one in both.guesses:
        is_due = one.truth is third or (
            one.truth is dear and one.trainer != "requester"
        )
        both.withdraw(one, refused=None if is_due else "NothingDue")


# --- ranking and hints ---

STAIRS = [(18, 18, 17, 17), (17, 18, 18, 19), (20, 20, 20, 20)]


@pytest.mark.parametrize("matches", STAIRS)
def test_ranking__after_any_order_of_claims_and_of_leaving__is_right(
    both: Comparison, matches: tuple[int, ...]
) -> None:
    truth = both.create()
    guesses = [both.submit(truth, NAMES[n]) for n in range(4)]
    both.open_truth(truth)
    for n, order in enumerate(permutations(range(4))):
        point = both.point()
        for one in order:
            both.claim(guesses[one], matches[one])
        leaving = [order[n % 4], *order]
        for one in dict.fromkeys(leaving):
            both.cancel(guesses[one], accept=True)
        both.reorganise(point)


def test_claim__with_any_hint_of_the_list__finds_its_place(both: Comparison) -> None:
    truth = both.create()
    guesses = [both.submit(truth, NAMES[n % 4]) for n in range(6)]
    both.open_truth(truth)
    *ranked, new = guesses
    for one, matches in zip(ranked, (18, 16, 14, 14, 12), strict=True):
        both.claim(one, matches)
    for hint, matches in product((0, 1, 2, 3, 4, 5), range(11, 20)):
        point = both.point()
        both.claim(new, matches, hint=hint)
        both.reorganise(point)


def test_claim__with_a_hint_not_ranked_in_its_request__is_refused(
    both: Comparison,
) -> None:
    other = both.create()
    strange = both.submit(other)
    truth = both.create()
    ann, bob, gone, silent = (both.submit(truth, NAMES[n]) for n in range(4))
    both.open_truth(other)
    both.open_truth(truth)
    both.claim(strange, 20)
    both.claim(ann, 19)
    both.claim(gone, 19)
    both.cancel(gone, accept=True)
    for hint in (bob.id, strange.id, gone.id, silent.id, 6, 2**64 + ann.id, 2**255):
        both.claim(bob, 18, hint=hint, refused="BadHint")
    both.claim(bob, 18, hint=ann.id)


@pytest.mark.parametrize("steps", [31, 32, 33, 34])
def test_claim__with_a_hint_32_steps_off_either_way__is_taken_and_33_refused(
    both: Comparison, steps: int
) -> None:
    truth = both.create()
    guesses = [both.submit(truth, NAMES[n % 4]) for n in range(37)]
    both.open_truth(truth)
    *ranked, new = guesses
    for one in ranked:
        both.claim(one, 10, hint=both.guesses[one.id - 2].id if one.id > 1 else 0)
    refused = "HintTooFar" if steps > 32 else None
    for hint, matches in (
        # To the top from the place with so many ahead; down from the top or
        # from the third to the end.
        (ranked[steps - 1].id, 11),
        (ranked[35 - steps].id if steps < 36 else 0, 9),
    ):
        point = both.point()
        both.claim(new, matches, hint=hint, refused=refused)
        both.reorganise(point)
    for one in ranked[steps:]:
        both.cancel(one, accept=True)
    both.claim(new, 9, hint=0, refused=refused)


# --- claims and operators ---


def test_claim__by_its_trainer_under_its_seal__is_taken_once_and_for_good(
    both: Comparison,
) -> None:
    truth, ann, bob = both.in_claims([1], [2, 3])
    both.claim(ann, 21, refused="TooManyMatches")
    both.claim(ann, 2**32, refused="TooManyMatches")
    both.claim(ann, 2**256 - 1, refused="TooManyMatches")
    both.claim(ann, who="bob", refused="NotTrainer")
    both.claim(ann, who="requester", refused="NotTrainer")
    both.claim(ann, seal=bob.seal, refused="WrongSeal")
    both.claim(ann, seal=NOTHING, refused="WrongSeal")
    both.claim(ann, seal=ann.onion.layers[0], refused="WrongSeal")
    both.claim(ann, 20)
    both.claim(ann, 19, hint=0, refused="NotLive")
    both.claim(bob, 20)
    assert both.asked(truth).candidate == both.entered(ann)


def test_set_operator__by_a_trainer__lets_the_operator_claim_for_it_and_nothing_else(
    both: Comparison,
) -> None:
    truth, ann, bob = both.in_claims([1], [2, 3])
    both.claim(ann, who="eve", refused="NotTrainer")
    both.call("eve", "set_operator", PEOPLE["ann"], True)
    both.claim(ann, who="eve", refused="NotTrainer")
    both.call("ann", "set_operator", PEOPLE["eve"], True)
    both.call("ann", "set_operator", PEOPLE["eve"], True)
    both.claim(bob, who="eve", refused="NotTrainer")
    both.cancel(ann, who="eve", accept=True, refused="NotTrainer")
    both.call("ann", "set_operator", PEOPLE["eve"], False)
    both.claim(ann, who="eve", refused="NotTrainer")
    both.call("ann", "set_operator", PEOPLE["eve"], True)
    both.claim(ann, who="eve")
    both.claim(bob)
    both.close_claims(truth)
    before = both.model.coin.balances[PEOPLE["eve"]]
    both.open_page(ann)
    assert both.model.coin.balances[PEOPLE["eve"]] == before


def test_cancel_submission__by_an_operator_before_the_deadline__is_refused(
    both: Comparison,
) -> None:
    truth = both.create()
    ann = both.submit(truth)
    both.call("ann", "set_operator", PEOPLE["eve"], True)
    both.cancel(ann, who="eve", refused="NotTrainer")
    both.cancel_request(truth, 9, who="eve", refused="NotRequester")


# --- the order of the checks ---


def test_cancel_request__with_many_faults__is_refused_for_the_first(
    both: Comparison,
) -> None:
    truth = both.create()
    both.submit(truth)
    both.wait(10 * 86_400)
    wrong: dict[str, Any] = {"terms_hash": NOTHING}
    both.expect("UnknownRequest", "eve", "cancel_request", 2, NOTHING, 0)
    both.expect("UnknownRequest", "eve", "cancel_request", 0, NOTHING, 0)
    both.cancel_request(truth, 0, who="eve", **wrong, refused="NotRequester")
    both.cancel_request(truth, 0, **wrong, refused="WrongTerms")
    both.cancel_request(truth, 0, refused="Overdue")
    both.enforce(truth)
    both.cancel_request(truth, 0, **wrong, refused="WrongTerms")
    both.cancel_request(truth, 0, refused="WrongPhase")


def test_submit__with_many_faults__is_refused_for_the_first(both: Comparison) -> None:
    truth = both.create()
    both.call("ann", "approve", 0)
    call = (NOTHING, NOTHING, NOTHING, text(""), NO_PERMIT)
    for number in (0, 2, 2**64 + 1, 2**255):
        both.expect("UnknownRequest", "ann", "submit", number, *call)
    both.submit(truth, terms_hash=NOTHING, refused="WrongTerms")
    both.submit(truth, refused="erc20: insufficient allowance")
    both.at(truth.deadline)
    both.submit(truth, terms_hash=NOTHING, refused="WrongPhase")
    both.until(truth)
    both.submit(truth, terms_hash=NOTHING, refused="Overdue")
    both.expect("", "ann", "submit", 1, *call[:3], Text(bytes(65)), NO_PERMIT)


def test_cancel_submission__with_many_faults__is_refused_for_the_first(
    both: Comparison,
) -> None:
    truth, ann = both.in_claims([1])
    for number in (0, 2, 2**64 + 1):
        both.expect(
            "UnknownSubmission", "eve", "cancel_submission", number, NOTHING, False
        )
    both.until(truth)
    both.cancel(ann, who="eve", seal=NOTHING, refused="NotTrainer")
    both.cancel(ann, seal=NOTHING, refused="WrongSeal")
    both.cancel(ann, refused="Overdue")
    both.enforce(truth)
    both.cancel(ann, refused="WrongPhase")


def test_claim__with_many_faults__is_refused_for_the_first(both: Comparison) -> None:
    truth, ann, bob = both.in_claims([1], [1])
    far: dict[str, Any] = {"matches": 2**255, "hint": 2**255}
    for number in (0, 3, 2**64 + 1):
        both.expect("UnknownSubmission", "eve", "claim", number, NOTHING, 2**255, 9)
    both.claim(ann, **far, who="eve", seal=NOTHING, refused="NotTrainer")
    both.claim(ann, **far, seal=NOTHING, refused="WrongSeal")
    both.claim(ann, **far, refused="TooManyMatches")
    both.claim(ann, 20, hint=2**255, refused="BadHint")
    both.claim(ann)
    both.claim(ann, **far, refused="NotLive")
    both.close_claims(truth)
    both.claim(ann, **far, refused="WrongPhase")
    both.until(truth)
    both.claim(bob, **far, refused="Overdue")


def test_open_predictions__with_many_faults__is_refused_for_the_first(
    both: Comparison,
) -> None:
    truth, ann, bob = both.in_claims([1], [1, 2])
    nothing: dict[str, Any] = {
        "truth": Page(b""),
        "difference": Page(b""),
        "inner": NOTHING,
        "superhash": NOTHING,
    }
    sent = (*nothing.values(), text(""))
    both.expect("UnknownSubmission", "eve", "open_predictions", 0, 9, *sent)
    both.expect("UnknownSubmission", "eve", "open_predictions", 3, 9, *sent)
    both.open_page(ann, 9, **nothing, refused="WrongPhase")
    both.claim(ann)
    both.claim(bob)
    both.close_claims(truth)
    both.open_page(bob, 9, **nothing, refused="NotCandidate")
    both.open_page(ann, 9, **nothing, refused="WrongPage")
    both.open_page(ann, **nothing, refused="WrongLength")
    zeros = Page(bytes(32))
    rest: dict[str, Any] = {"inner": NOTHING, "superhash": NOTHING}
    both.open_page(ann, truth=zeros, difference=zeros, **rest, refused="WrongTruth")
    both.open_page(ann, difference=zeros, **rest, refused="WrongModel")
    both.open_page(ann, difference=zeros, inner=NOTHING, refused="WrongSeal")
    both.until(truth)
    both.open_page(bob, 9, **nothing, refused="Overdue")


def test_open_truth__with_many_faults__is_refused_for_the_first(
    both: Comparison,
) -> None:
    truth = both.create()
    empty: dict[str, Any] = {"words": Page(b""), "inner": NOTHING}
    both.expect("UnknownRequest", "eve", "open_truth", 0, 9, *empty.values())
    both.expect("UnknownRequest", "eve", "open_truth", 2, 9, *empty.values())
    both.open_truth_page(truth, 9, **empty, refused="WrongPhase")
    both.at(truth.deadline)
    both.open_truth_page(truth, 9, **empty, refused="WrongPage")
    both.open_truth_page(truth, **empty, refused="WrongLength")
    both.open_truth_page(truth, inner=NOTHING, refused="WrongSeal")
    both.until(truth)
    both.open_truth_page(truth, 9, **empty, refused="Overdue")


def test_every_call__with_an_unknown_id__is_refused_by_name(both: Comparison) -> None:
    both.submit(both.create())
    for number in (0, 2, 2**64, 2**64 + 1, 2**255):
        both.expect("UnknownRequest", "eve", "enforce_timeout", number)
        both.expect("UnknownSubmission", "eve", "withdraw", number)
        for what in ("phase", "request"):
            assert both.look(what, number) == b"refused: UnknownRequest"
        for what in ("submission", "due"):
            assert both.look(what, number) == b"refused: UnknownSubmission"
        assert both.look("truth_page", number, 0) == b"refused: UnknownRequest"


def test_every_call__with_ether__is_refused(both: Comparison) -> None:
    both.submit(both.create())
    both.machine.evm.set_balance(PEOPLE["eve"], 10**18)
    calls = every_function(both) | {
        "nothing": b"",
        "no such function": b"\x01\x02\x03\x04",
    }
    for sent in calls.values():
        with pytest.raises(Reverted) as refusal:
            both.machine.send(both.market, PEOPLE["eve"], sent, value=1)
        assert str(refusal.value) == ""
    for sent in (b"", calldata("withdraw", 1)[:4], b"\x01\x02\x03\x04"):
        with pytest.raises(Reverted):
            both.machine.send(both.market, PEOPLE["eve"], sent)
    both.compare()


# --- reorganisations ---


def test_claim__moved_to_another_entry_by_a_reorganisation__is_refused(
    both: Comparison,
) -> None:
    truth = both.create()
    point = both.point()
    meant, _ = both.submit(truth, "ann"), both.submit(truth, "ann", [1, 2, 3])
    both.reorganise(point)
    other, _ = both.submit(truth, "ann", [1, 2, 3]), both.submit(truth, "ann")
    assert other.id == meant.id
    both.cancel(meant, refused="WrongSeal")
    both.open_truth(truth)
    both.claim(meant, refused="WrongSeal")
    both.cancel(meant, accept=True, refused="WrongSeal")
    both.claim(other)
    both.close_claims(truth)
    both.open_page(meant, refused="WrongSeal")
    both.open_page(other)


def test_attack_reorganisation__that_replaces_a_request__moves_no_stake_and_no_cancel(
    both: Comparison,
) -> None:
    point = both.point()
    meant = both.create(seed=1)
    both.reorganise(point)
    other = both.create(seed=2, name=text("another"))
    assert other.id == meant.id
    both.submit(meant, "ann", refused="WrongTerms")
    both.cancel_request(meant, 9, refused="WrongTerms")
    both.submit(other, "ann")
    both.at(other.deadline)
    both.open_truth_page(meant, refused="WrongSeal")
    both.open_truth_page(other)


def test_open_predictions__sealed_for_terms_that_are_gone__is_refused(
    both: Comparison,
) -> None:
    point = both.point()
    meant = both.create()
    guess = both.guess(meant, "ann")
    both.reorganise(point)
    other = both.create(name=text("another"))
    ann = both.submit(other, "ann", copied=guess)
    both.open_truth(other)
    both.claim(ann)
    both.close_claims(other)
    both.open_page(ann, refused="WrongSeal")


@pytest.mark.parametrize("after", ["claim", "page", "failure", "end"])
def test_story__undone_by_a_reorganisation__can_go_on_otherwise(
    both: Comparison, after: str
) -> None:
    truth, ann, bob = both.in_claims([1], [1, 2], count=98_305)
    both.claim(bob)
    point = both.point()
    both.claim(ann)
    both.close_claims(truth)
    if after != "claim":
        both.open_page(ann)
    if after == "failure":
        both.cancel(ann, accept=True)
    if after == "end":
        both.open_pages(ann)
    both.reorganise(point)
    both.close_claims(truth)
    both.claim(ann, refused="WrongPhase")
    both.open_pages(bob)
    assert both.entered(bob).status == "won"
    assert SALT == truth.onion.core.salt
