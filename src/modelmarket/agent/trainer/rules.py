# SPDX-License-Identifier: Apache-2.0
"""Which requests a trainer enters: rules, and why one is not entered.

Pure: what is known of a request goes in, the rule that it does not keep comes out. What
costs nothing to know is asked first: its terms, then the size of its data, and last how
good a model of them is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from modelmarket.protocol.money import ONE_MDC, format_about, format_mdc
from modelmarket.protocol.types import Wei
from modelmarket.system.text import counted

if TYPE_CHECKING:
    from modelmarket.market.trained import Trained
    from modelmarket.market.training import Sizes

SHARE_OF_TIME_LEFT = 0.25
"""Training takes no more of the time until the deadline: entering wants some, too."""
MEGABYTE = 10**6
LEAST_SECONDS = 1.0
"""In less nothing is trained."""


class RequestKind(StrEnum):
    """Which market a request is of."""

    VERIFIED = "verified"
    PREDICTION = "prediction"


class Rule(StrEnum):
    """What a request must keep to be entered, as JSON has it."""

    OTHERS = "others"
    KIND = "kind"
    LEAST_REWARD = "least_reward"
    REWARD_ABOVE_STAKE = "reward_above_stake"
    MOST_STAKE = "most_stake"
    MOST_LOCKED = "most_locked"
    BALANCE = "balance"
    MOST_FEES = "most_fees"
    TIME = "time"
    MOST_ROWS = "most_rows"
    MOST_CLASSES = "most_classes"
    MOST_MEGABYTES = "most_megabytes"
    LEAST_GAP = "least_gap"
    UNDER_WAY = "under_way"


@dataclass(frozen=True)
class Rules:
    """What a trainer enters, and what it may spend.

    Attributes:
        least_reward: Wei of MDC.
        most_stake: Wei of MDC for one request.
        most_locked: Wei of MDC in all open requests together.
        most_fees: Wei of the chain's own coin for all entries since it was started;
            None for no limit.
        most_rows: Training rows, and test rows.
        most_classes: Of a request for classes.
        most_bytes: Of a request's files.
        least_gap: Points above the quick baseline: per cent of the rows, or of numbers
            per cent of the baseline's error.
        seconds: That training may take for one request.
        kinds: Of requests that are entered.
    """

    least_reward: Wei = Wei(0)
    most_stake: Wei = Wei(20 * ONE_MDC)
    most_locked: Wei = Wei(100 * ONE_MDC)
    most_fees: Wei | None = None
    most_rows: int = 1_000_000
    most_classes: int = 1_000
    most_bytes: int = 1_000 * MEGABYTE
    least_gap: float = 0.0
    seconds: float = 60.0
    kinds: frozenset[RequestKind] = frozenset(RequestKind)

    def seconds_for(self, left: float) -> float:
        """Seconds that training may take, with so many left until the deadline."""
        return min(self.seconds, SHARE_OF_TIME_LEFT * left)


@dataclass(frozen=True)
class Asked:
    """What the chain says of a request.

    Attributes:
        kind: Which market it is of.
        is_own: Whether whoever trains has made it.
        reward: Wei of MDC.
        stake: Wei of MDC.
        rows: Test rows.
        seconds_left: Until the deadline.
    """

    kind: RequestKind
    is_own: bool
    reward: Wei
    stake: Wei
    rows: int
    seconds_left: float


@dataclass(frozen=True)
class Purse:
    """What whoever trains has, and has spent.

    Attributes:
        balance: Wei of MDC that are free.
        locked: Wei of MDC at stake in open requests.
        fees: Wei of the chain's own coin for entries since it was started.
        next_fee: What another entry costs at most; asked for only if there is a limit.
    """

    balance: Wei
    locked: Wei
    fees: Wei = Wei(0)
    next_fee: Wei = Wei(0)


@dataclass(frozen=True)
class Refusal:
    """Why a request is not entered.

    Attributes:
        rule: That it does not keep.
        why: In words.
    """

    rule: Rule
    why: str


def by_terms(rules: Rules, asked: Asked, purse: Purse) -> Refusal | None:
    """Why a request is not entered, as far as its terms tell; None if they fit."""
    return next(_by_terms(rules, asked, purse), None)


def _by_terms(rules: Rules, asked: Asked, purse: Purse) -> Iterator[Refusal]:
    reward, stake = asked.reward, asked.stake
    if asked.is_own:
        yield Refusal(Rule.OTHERS, "it is your own")
    if asked.kind not in rules.kinds:
        what = "a contest of predictions"
        if asked.kind is RequestKind.VERIFIED:
            what = "a verified contest"
        yield Refusal(Rule.KIND, f"it is {what} (`--kind`)")
    if reward < rules.least_reward:
        least = format_mdc(rules.least_reward)
        yield Refusal(
            Rule.LEAST_REWARD,
            f"the reward of {format_mdc(reward)} MDC is below {least} MDC "
            "(`--least-reward`)",
        )
    if stake > reward:
        yield Refusal(
            Rule.REWARD_ABOVE_STAKE,
            f"the stake of {format_mdc(stake)} MDC is above the reward of "
            f"{format_mdc(reward)} MDC",
        )
    if stake > rules.most_stake:
        yield Refusal(
            Rule.MOST_STAKE,
            f"the stake of {format_mdc(stake)} MDC is above "
            f"{format_mdc(rules.most_stake)} MDC (`--most-stake`)",
        )
    if asked.rows > rules.most_rows:
        yield _too_many(rules, asked.rows, "test row")
    yield from _by_money(rules, stake, purse)
    if rules.seconds_for(asked.seconds_left) < LEAST_SECONDS:
        yield Refusal(Rule.TIME, "too little time is left until its deadline")


def _by_money(rules: Rules, stake: Wei, purse: Purse) -> Iterator[Refusal]:
    if purse.locked + stake > rules.most_locked:
        yield Refusal(
            Rule.MOST_LOCKED,
            f"with its stake of {format_mdc(stake)} MDC more than "
            f"{format_mdc(rules.most_locked)} MDC would be at stake at once "
            "(`--most-locked`)",
        )
    if stake > purse.balance:
        yield Refusal(
            Rule.BALANCE,
            f"the stake of {format_mdc(stake)} MDC is more than the account has",
        )
    if rules.most_fees is not None and purse.fees + purse.next_fee > rules.most_fees:
        yield Refusal(
            Rule.MOST_FEES,
            f"fees would come to more than {format_about(rules.most_fees)} of the "
            "chain's coin (`--most-fees`)",
        )


def by_sizes(rules: Rules, sizes: Sizes) -> Refusal | None:
    """Why a request is not entered, as far as its data tell; None if they fit."""
    if sizes.train_rows > rules.most_rows:
        return _too_many(rules, sizes.train_rows, "training row")
    if sizes.classes > rules.most_classes:
        return Refusal(
            Rule.MOST_CLASSES,
            f"it has {counted(sizes.classes, 'class', 'classes')}, and "
            f"{rules.most_classes:,} are the most (`--most-classes`)",
        )
    if sizes.bytes > rules.most_bytes:
        most, has = rules.most_bytes // MEGABYTE, -(-sizes.bytes // MEGABYTE)
        return Refusal(
            Rule.MOST_MEGABYTES,
            f"its files have {has:,} MB, and {most:,} are the most "
            "(`--most-megabytes`)",
        )
    return None


def _too_many(rules: Rules, rows: int, what: str) -> Refusal:
    return Refusal(
        Rule.MOST_ROWS,
        f"it has {counted(rows, what)}, and {rules.most_rows:,} are the most "
        "(`--most-rows`)",
    )


def _points(number: float) -> str:
    return "1 point" if number == 1 else f"{number:g} points"


def by_model(rules: Rules, trained: Trained) -> Refusal | None:
    """Why a model is not entered; None if it is good enough."""
    gap = trained.gap
    if gap is None and rules.least_gap > 0:
        return Refusal(
            Rule.LEAST_GAP,
            f"{trained}, so nobody knows whether it is {_points(rules.least_gap)} "
            "above the quick baseline (`--least-gap`)",
        )
    if gap is not None and gap < rules.least_gap:
        return Refusal(
            Rule.LEAST_GAP,
            f"{trained}; {_points(rules.least_gap)} above it are the least "
            "(`--least-gap`)",
        )
    return None
