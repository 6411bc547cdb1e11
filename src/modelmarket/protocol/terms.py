# SPDX-License-Identifier: Apache-2.0
"""The terms of a request, and which ones the contract accepts.

The same rules in Vyper: `check` in `contracts/requests.vy`.
"""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, fields
from fractions import Fraction

from eth_hash.auto import keccak

from modelmarket.errors import InputError, TermsError
from modelmarket.protocol.classes import WIDTHS
from modelmarket.protocol.labels import page_count
from modelmarket.protocol.money import format_mdc, rounded_up
from modelmarket.protocol.types import Address, Seal, TermsHash, Wei
from modelmarket.system.text import bytes_of

MINUTE_S = 60
DAY_S = 86_400
A_YEAR_S = 365 * DAY_S
DEFAULT_RESPONSE_WINDOW_S = 900
MOST_LABELS = 2**22
MOST_WEI = 2**96 - 1
MOST_DATASET_BYTES = 128
MOST_NAME_BYTES = 64
MOST_CONTEXT_BYTES = 1024
HOUR_S = 3_600
PRICE_OF_DELAY = Fraction(4, 100)
"""What a false claim should cost: of the reward, for each hour of delay."""
_UNITS_S = {"s": 1, "m": MINUTE_S, "h": HOUR_S, "d": DAY_S, "w": 7 * DAY_S}
"""Seconds of each unit of time that can be typed, by its first letter."""
_NUMBER = r"(\d{1,9}(?:\.\d{1,9})?)"
_UNIT = r"(s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?|d|days?|w|weeks?)(?![a-z])"
_MINUTES = re.compile(_NUMBER, re.ASCII)
_PART = re.compile(rf"{_NUMBER}\s*{_UNIT}", re.ASCII)
_DURATION = re.compile(rf"(?:{_NUMBER}\s*{_UNIT}[\s,]*)+", re.ASCII)

ABI = f"(bytes,bytes,bytes,{'uint256,' * 7}bytes32)"
"""The terms as the contract's struct, in the order of the attributes.

A `String` of the contract's is any bytes; both are encoded alike.
"""


def least_stake(reward: int) -> Wei:
    """The lowest stake for a reward: 1% of it, rounded up, and at least 1 wei."""
    return Wei(max(-(-reward // 100), 1))


def opening_window(response_window_s: int, pages: int) -> int:
    """Seconds in which a list must be opened whole, however fast its pages come.

    Args:
        response_window_s: Seconds of the request's response window.
        pages: Of the list, at least 1.
    """
    return response_window_s + MINUTE_S * (pages - 1)


def proposed_stake(reward: int, response_window_s: int, pages: int) -> Wei:
    """The stake that keeps the price of delay at `PRICE_OF_DELAY`, in three digits.

    A false top claim holds a request up for one opening window and costs its
    author the stake: 1% of the reward at the default window and one page.

    Args:
        reward: Wei.
        response_window_s: Seconds of the response window.
        pages: Of the truth, at least 1.

    Returns:
        Wei, at least what the contract wants and at most the reward.
    """
    window = opening_window(response_window_s, pages)
    stake = math.ceil(reward * PRICE_OF_DELAY * window / HOUR_S)
    return Wei(min(rounded_up(max(stake, least_stake(reward))), max(reward, 1)))


def price_of_delay(
    stake: int, reward: int, response_window_s: int, pages: int
) -> Fraction:
    """What a false claim costs its author for each hour by which it delays.

    Args:
        stake: Wei that it loses.
        reward: Wei, above 0.
        response_window_s: Seconds of the response window.
        pages: Of the truth, at least 1.

    Returns:
        A fraction of the reward: 1/25 stands for 4% an hour.
    """
    window = opening_window(response_window_s, pages)
    return Fraction(stake * HOUR_S, reward * window)


def too_long(dataset: str, name: str, context: str) -> Iterator[tuple[str, str]]:
    """Which texts of a request a contract does not take: no reason, and a sentence."""
    for what, text, most in (
        ("dataset CID", dataset, MOST_DATASET_BYTES),
        ("name", name, MOST_NAME_BYTES),
        ("context", context, MOST_CONTEXT_BYTES),
    ):
        if (size := len(bytes_of(text))) > most:
            yield "", f"The {what} takes {size:,} bytes; {most:,} are allowed."


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What a request promises.

    Attributes:
        dataset: CID of the published dataset folder; at most 128 bytes.
        name: At most 64 bytes of UTF-8.
        context: At most 1,024 bytes of UTF-8.
        reward: Wei that the requester locks.
        stake: Wei that each submission locks.
        submission_window_s: Seconds from creation to the deadline.
        response_window_s: Seconds that each party has for its next step.
        labels: Number of test rows.
        bits: Per label.
        minimum_matches: Fewest matches that earn the reward; 0 = any.
        truth_seal: Seal of the test labels.
    """

    dataset: str
    name: str
    context: str
    reward: Wei
    stake: Wei
    submission_window_s: int
    response_window_s: int
    labels: int
    bits: int
    minimum_matches: int
    truth_seal: Seal

    @property
    def pages(self) -> int:
        """Of the truth, and of each submission's predictions."""
        return page_count(self.labels, self.bits)

    @property
    def opening_window_s(self) -> int:
        """Seconds in which a list of so many pages must be opened whole."""
        return opening_window(self.response_window_s, self.pages)

    @property
    def price_of_delay(self) -> Fraction:
        """What a false claim costs its author, of the reward, for each hour."""
        return price_of_delay(
            self.stake, self.reward, self.response_window_s, self.pages
        )

    def problems(self) -> Iterator[tuple[str, str]]:
        """What is wrong: the contract's reason and a sentence, for each."""
        yield from too_long(self.dataset, self.name, self.context)
        if not 0 < self.reward <= MOST_WEI:
            yield (
                "BadReward",
                "The reward must be more than 0, and less than 79,000,000,000 MDC.",
            )
        if not least_stake(self.reward) <= self.stake <= MOST_WEI:
            least = format_mdc(least_stake(self.reward))
            yield "BadStake", f"The stake must be at least 1% of the reward: {least}."
        if not MINUTE_S <= self.submission_window_s <= 365 * DAY_S:
            yield "BadWindow", "Submissions must stay open for 1 min to 365 days."
        if not MINUTE_S <= self.response_window_s <= 7 * DAY_S:
            yield "BadWindow", "The response window must be 1 min to 7 days."
        if not 0 < self.labels <= MOST_LABELS:
            yield "BadLabels", f"There must be 1 to {MOST_LABELS:,} test labels."
        if self.bits not in WIDTHS:
            yield "BadBits", "A label must take 1, 2, 4, 8 or 16 bits."
        if not 0 <= self.minimum_matches <= self.labels:
            yield "BadMinimum", "The threshold cannot be above the number of labels."

    def check(self) -> None:
        """Raises a `TermsError` unless the contract accepts these terms."""
        for _, problem in self.problems():
            raise TermsError(problem)

    def as_struct(self) -> tuple[str | int | bytes, ...]:
        """The contract's struct."""
        return tuple(getattr(self, field.name) for field in fields(self))

    def hash(self, requester: Address) -> TermsHash:
        """keccak256 of requester and terms, which every submission names."""
        from eth_abi import encode

        struct = tuple(
            bytes_of(one) if isinstance(one, str) else one for one in self.as_struct()
        )
        return TermsHash(keccak(encode(("address", ABI), (requester, struct))))


def parse_duration(given: str) -> int:
    """Seconds of a time that was typed, such as `3 days`, `1 h 30 min` or `90`.

    What has no unit is in minutes.

    Raises:
        InputError: It is none, or more than a year.
    """
    words = given.strip().casefold()
    if _MINUTES.fullmatch(words):
        words += "min"
    seconds = Fraction(0)
    if _DURATION.fullmatch(words):
        for number, unit in _PART.findall(words):
            seconds += Fraction(number) * _UNITS_S[unit[0]]
    if not 0 < (whole := round(seconds)) <= A_YEAR_S:
        what = "more than a year" if whole > A_YEAR_S else "no length of time"
        raise InputError(
            f"{given[:40]!r} is {what}.",
            hint="Write it as 90 min, 36 hours or 3 days.",
        )
    return whole
