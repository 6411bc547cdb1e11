# SPDX-License-Identifier: Apache-2.0
"""The terms of a request, and which ones the contract accepts.

The same rules in Vyper: `check` in `contracts/requests.vy`.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields

from eth_hash.auto import keccak

from modelmarket.errors import TermsError
from modelmarket.protocol.classes import WIDTHS
from modelmarket.protocol.labels import page_count
from modelmarket.protocol.money import format_mdc
from modelmarket.protocol.types import Address, Seal, TermsHash, Wei
from modelmarket.text import bytes_of

MINUTE_S = 60
DAY_S = 86_400
DEFAULT_RESPONSE_WINDOW_S = 900
MOST_LABELS = 2**22
MOST_WEI = 2**96 - 1
MOST_DATASET_BYTES = 128
MOST_NAME_BYTES = 64
MOST_CONTEXT_BYTES = 1024
LONGEST_OPENING_S = 30 * DAY_S

ABI = f"(bytes,bytes,bytes,{'uint256,' * 7}bytes32)"
"""The terms as the contract's struct, in the order of the attributes.

A `String` of the contract's is any bytes; both are encoded alike.
"""


def least_stake(reward: int) -> Wei:
    """The lowest stake for a reward: 1% of it, rounded up, and at least 1 wei.

    At the default window a false top claim then costs its author 4% of the
    reward per hour of delay.
    """
    return Wei(max(-(-reward // 100), 1))


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

    def problems(self) -> Iterator[tuple[str, str]]:
        """What is wrong: the contract's reason and a sentence, for each."""
        for what, text, most in (
            ("dataset CID", self.dataset, MOST_DATASET_BYTES),
            ("name", self.name, MOST_NAME_BYTES),
            ("context", self.context, MOST_CONTEXT_BYTES),
        ):
            if (size := len(bytes_of(text))) > most:
                yield "", f"The {what} takes {size:,} bytes; {most:,} are allowed."
        if not 0 < self.reward <= MOST_WEI:
            yield "BadReward", "The reward must be above 0 and below 2**96 wei."
        if not least_stake(self.reward) <= self.stake <= MOST_WEI:
            least = format_mdc(least_stake(self.reward))
            yield "BadStake", f"The stake must be at least 1% of the reward: {least}."
        if not MINUTE_S <= self.submission_window_s <= 365 * DAY_S:
            yield "BadWindow", "Submissions must stay open for 60 s to 365 days."
        if not MINUTE_S <= self.response_window_s <= 7 * DAY_S:
            yield "BadWindow", "The response window must be 60 s to 7 days."
        if not 0 < self.labels <= MOST_LABELS:
            yield "BadLabels", f"There must be 1 to {MOST_LABELS:,} test labels."
        if self.bits not in WIDTHS:
            yield "BadBits", "A label must take 1, 2, 4, 8 or 16 bits."
        if not 0 <= self.minimum_matches <= self.labels:
            yield "BadMinimum", "The threshold cannot be above the number of labels."
        pages = page_count(max(self.labels, 0), self.bits)
        if self.response_window_s * pages > LONGEST_OPENING_S:
            yield (
                "TooSlow",
                (
                    f"{pages} pages with {self.response_window_s:,} s each could take "
                    "longer than 30 days to open."
                ),
            )

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
