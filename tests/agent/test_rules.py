# SPDX-License-Identifier: Apache-2.0
"""Which requests a trainer enters: each rule, and both sides of its boundary."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from modelmarket.agent.trainer import (
    Decision,
    RequestKind,
    Rule,
    Rules,
    Trained,
    Verdict,
)
from modelmarket.agent.trainer.decisions import entered
from modelmarket.agent.trainer.rules import (
    Asked,
    Purse,
    by_model,
    by_sizes,
    by_terms,
)
from modelmarket.market.training import Sizes
from modelmarket.protocol.money import ONE_MDC
from modelmarket.protocol.types import RequestId, SubmissionId, Wei


def mdc(amount: int) -> Wei:
    return Wei(amount * ONE_MDC)


FITS = Asked(
    RequestKind.VERIFIED,
    is_own=False,
    reward=mdc(100),
    stake=mdc(5),
    rows=200,
    seconds_left=3_600,
)
PURSE = Purse(balance=mdc(1_000), locked=mdc(10))


def test_what_fits_is_not_refused() -> None:
    assert by_terms(Rules(), FITS, PURSE) is None
    assert by_sizes(Rules(), Sizes(800, 3)) is None


TERMS: list[tuple[Rule, dict[str, Any], dict[str, Any], dict[str, Any], str]] = [
    (
        Rule.LEAST_REWARD,
        {"least_reward": mdc(50)},
        {"reward": mdc(50)},
        {"reward": Wei(mdc(50) - 1)},
        "the reward of 49.999999999999999999 MDC is below 50 MDC (`--least-reward`)",
    ),
    (
        Rule.MOST_STAKE,
        {"most_stake": mdc(20)},
        {"stake": mdc(20)},
        {"stake": mdc(50)},
        "the stake of 50 MDC is above 20 MDC (`--most-stake`)",
    ),
    (
        Rule.REWARD_ABOVE_STAKE,
        {},
        {"reward": mdc(5)},
        {"reward": mdc(4)},
        "the stake of 5 MDC is above the reward of 4 MDC",
    ),
    (
        Rule.MOST_LOCKED,
        {"most_locked": mdc(15)},
        {"stake": mdc(5)},
        {"stake": mdc(6)},
        "with its stake of 6 MDC more than 15 MDC would be at stake at once "
        "(`--most-locked`)",
    ),
    (
        Rule.MOST_ROWS,
        {"most_rows": 200},
        {"rows": 200},
        {"rows": 201},
        "it has 201 test rows, and 200 are the most (`--most-rows`)",
    ),
    (
        Rule.KIND,
        {"kinds": frozenset({RequestKind.VERIFIED})},
        {},
        {"kind": RequestKind.PREDICTION},
        "it is a contest of predictions (`--kind`)",
    ),
    (
        Rule.KIND,
        {"kinds": frozenset({RequestKind.PREDICTION})},
        {"kind": RequestKind.PREDICTION},
        {},
        "it is a verified contest (`--kind`)",
    ),
    (Rule.OTHERS, {}, {}, {"is_own": True}, "it is your own"),
    (
        Rule.TIME,
        {},
        {"seconds_left": 4},
        {"seconds_left": 3.9},
        "too little time is left until its deadline",
    ),
]


@pytest.mark.parametrize(
    ("rule", "rules", "good", "bad", "why"), TERMS, ids=lambda one: str(one)[:20]
)
def test_terms_are_refused_on_one_side_of_the_boundary(
    rule: Rule,
    rules: dict[str, Any],
    good: dict[str, Any],
    bad: dict[str, Any],
    why: str,
) -> None:
    said = Rules(**rules)
    assert by_terms(said, replace(FITS, **good), PURSE) is None
    refused = by_terms(said, replace(FITS, **bad), PURSE)
    assert refused is not None
    assert (refused.rule, refused.why) == (rule, why)


def test_no_more_is_staked_than_the_account_has() -> None:
    assert by_terms(Rules(), FITS, replace(PURSE, balance=mdc(5))) is None
    refused = by_terms(Rules(), FITS, replace(PURSE, balance=Wei(mdc(5) - 1)))
    assert refused is not None
    assert refused.rule is Rule.BALANCE
    assert refused.why == "the stake of 5 MDC is more than the account has"


def test_fees_are_spent_up_to_a_limit() -> None:
    rules = Rules(most_fees=Wei(10**16))
    purse = replace(PURSE, fees=Wei(9 * 10**15), next_fee=Wei(10**15))
    assert by_terms(rules, FITS, purse) is None
    assert by_terms(Rules(), FITS, replace(purse, fees=Wei(10**20))) is None
    refused = by_terms(rules, FITS, replace(purse, next_fee=Wei(10**15 + 1)))
    assert refused is not None
    assert refused.rule is Rule.MOST_FEES
    assert refused.why == (
        "fees would come to more than 0.01 of the chain's coin (`--most-fees`)"
    )


@pytest.mark.parametrize(
    ("sizes", "rule", "why"),
    [
        (Sizes(1_000, 10), None, ""),
        (
            Sizes(1_001, 10),
            Rule.MOST_ROWS,
            "it has 1,001 training rows, and 1,000 are the most (`--most-rows`)",
        ),
        (
            Sizes(1_000, 11),
            Rule.MOST_CLASSES,
            "it has 11 classes, and 10 are the most (`--most-classes`)",
        ),
        (Sizes(1_000, 10, 2_000_000), None, ""),
        (
            Sizes(1_000, 10, 2_000_001),
            Rule.MOST_MEGABYTES,
            "its files have 3 MB, and 2 are the most (`--most-megabytes`)",
        ),
    ],
)
def test_data_are_refused_by_their_size(
    sizes: Sizes, rule: Rule | None, why: str
) -> None:
    rules = Rules(most_rows=1_000, most_classes=10, most_bytes=2_000_000)
    refused = by_sizes(rules, sizes)
    assert (refused and refused.rule, refused.why if refused else "") == (rule, why)


BOOSTING = Trained(None, name="gradient boosting", value=0.971, baseline=0.909)


def test_a_model_is_refused_if_it_is_not_far_enough_above_the_baseline() -> None:
    exact = Trained(None, name="a tree", value=0.75, baseline=0.5)
    assert by_model(Rules(least_gap=25), exact) is None
    refused = by_model(Rules(least_gap=6.5), BOOSTING)
    assert refused is not None
    assert refused.rule is Rule.LEAST_GAP
    assert refused.why == (
        "gradient boosting, 97.1% accuracy in cross-validation, 6.2 points above the "
        "quick baseline; 6.5 points above it are the least (`--least-gap`)"
    )


def test_a_model_of_unknown_worth_is_refused_only_if_a_gap_is_wanted() -> None:
    unknown = Trained(3, name="mine")
    assert by_model(Rules(), unknown) is None
    refused = by_model(Rules(least_gap=1), unknown)
    assert refused is not None
    assert refused.why == (
        "mine, of which nobody knows how it does on rows not seen, so nobody knows "
        "whether it is 1 point above the quick baseline (`--least-gap`)"
    )


@pytest.mark.parametrize(
    ("trained", "gap"),
    [
        (BOOSTING, 6.2),
        (Trained(None, value=30.0, baseline=40.0, is_error=True), 25.0),
        (Trained(None, value=50.0, baseline=40.0, is_error=True), -25.0),
        (Trained(None, value=0.0, baseline=0.0, is_error=True), 0.0),
        (Trained(None, value=0.5), None),
    ],
)
def test_the_gap_is_in_points_or_in_per_cent_of_the_error(
    trained: Trained, gap: float | None
) -> None:
    assert trained.gap == (gap if gap is None else pytest.approx(gap))


@pytest.mark.parametrize(
    ("trained", "said"),
    [
        (
            Trained(None, "ridge", "mean error", True, 43.26, 46.5),
            "ridge, mean error 43.26 in cross-validation, 7.0% less than the quick "
            "baseline",
        ),
        (
            Trained(None, "the quick baseline", value=0.95, baseline=0.95),
            "the quick baseline, 95.0% accuracy in cross-validation, since nothing "
            "else was better",
        ),
        (Trained(None, "mine", value=0.5), "mine, 50.0% accuracy in cross-validation"),
    ],
)
def test_a_model_is_told_in_words(trained: Trained, said: str) -> None:
    assert str(trained) == said


def test_training_takes_a_share_of_the_time_that_is_left() -> None:
    rules = Rules(seconds=60)
    assert rules.seconds_for(10_000) == 60
    assert rules.seconds_for(100) == 25


def test_a_decision_is_a_line_and_an_object() -> None:
    made = entered(RequestId(7), SubmissionId(12), mdc(5), BOOSTING)
    assert made.message == (
        "Request 7: entered: gradient boosting, 97.1% accuracy in cross-validation, 6.2 "
        "points above the quick baseline; submission 12, 5 MDC at stake"
    )
    document = made.document()
    assert document["decision"] == "entered"
    assert (document["request"], document["submission"]) == (7, 12)
    assert document["stake_wei"] == "5000000000000000000"
    assert document["training"]["model"] == "gradient boosting"
    refused = Decision(
        RequestId(7), Verdict.NOT_ENTERED, "it is your own", rule=Rule.OTHERS
    )
    assert refused.message == "Request 7: not entered: it is your own"
    assert refused.document()["rule"] == "others"
    assert refused.document()["submission"] is None


def test_a_refusal_is_the_same_as_long_as_its_rule_is() -> None:
    one = Decision(RequestId(7), Verdict.NOT_ENTERED, "in 8 s", rule=Rule.TIME)
    assert one.key == replace(one, why="in 7 s").key
    assert one.key != replace(one, rule=Rule.OTHERS).key
    failed = replace(one, verdict=Verdict.FAILED, rule=None)
    assert failed.key != replace(failed, why="in 7 s").key
