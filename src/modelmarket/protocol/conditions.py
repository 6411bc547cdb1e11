# SPDX-License-Identifier: Apache-2.0
"""The terms of a verified contest, and which ones the contract accepts.

State is dear on the chain: terms and what was shown are handed in by the calls that
need them, and their hashes are kept. The same rules in Vyper:
`contracts/conditions.vy`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields

from eth_hash.auto import keccak

from modelmarket.errors import TermsError
from modelmarket.protocol.hidden import (
    CODE_WIDTHS,
    MOST_COLUMNS,
    TARGET_BITS,
    group_count,
    row_words,
)
from modelmarket.protocol.merkle import Hash
from modelmarket.protocol.money import format_mdc
from modelmarket.protocol.point_kinds import Kind
from modelmarket.protocol.points import Scoring, weights_hash
from modelmarket.protocol.terms import (
    DAY_S,
    MINUTE_S,
    MOST_WEI,
    too_long,
)
from modelmarket.protocol.types import Address, TermsHash, Wei
from modelmarket.system.text import bytes_of, duration

LEAST_RESPONSE_WINDOW_S = 900
MOST_ROWS = 2**26
"""Rows, and words of all rows together."""

MOST_UNITS = 2**18
MOST_MODEL_WORDS = 3_328
"""Words that one row's execution may take."""

MOST_PARTS = 256
"""Parts that a model may have, and that a listing may."""

PART_GROUPS = 64
"""Groups of a listing that are posted in one call."""

SECONDS_A_PART = 3
"""Of a quarter of the challenge window, for each part that may have to be posted."""

ROW_WORDS_A_SECOND = 100_000
"""Words of rows that a machine is expected to decrypt and hash in a second."""

EXECUTED_A_SECOND = 10_000_000
"""Words of models that a machine is expected to execute in a second."""

ABI = f"({'uint256,' * 18}{','.join(['bytes32'] * 7)})"
"""The terms as the contract's struct, in the order of the attributes."""


def least_stake(reward: int) -> Wei:
    """The lowest stake for a reward: 5% of it, rounded up, and at least 1 wei."""
    return Wei(max(-(-reward // 20), 1))


def least_bond(stake: int) -> Wei:
    """The lowest bond of a demand: a tenth of the stake, and at least 1 wei."""
    return Wei(max(-(-stake // 10), 1))


@dataclass(frozen=True, kw_only=True)
class Texts:
    """What people read of a contest; its terms have their hash.

    Attributes:
        dataset: CID of the published dataset folder; at most 128 bytes.
        name: At most 64 bytes of UTF-8.
        context: At most 1,024 bytes of UTF-8.
    """

    dataset: str
    name: str
    context: str

    def as_struct(self) -> tuple[str, str, str]:
        """The contract's struct."""
        return (self.dataset, self.name, self.context)

    def hash(self) -> Hash:
        """keccak256 of the texts as `abi.encode` gives them."""
        from eth_abi import encode

        texts = tuple(bytes_of(one) for one in self.as_struct())
        return keccak(encode(("(bytes,bytes,bytes)",), (texts,)))

    def problems(self) -> Iterator[tuple[str, str]]:
        """What is wrong: the contract's reason and a sentence, for each."""
        yield from too_long(*self.as_struct())


@dataclass(frozen=True, kw_only=True)
class Conditions:
    """What a verified contest promises, but for its texts.

    Attributes:
        reward: Wei that the requester locks.
        stake: Wei that each submission locks.
        demand_bond: Wei that whoever demands a shown model locks.
        submission_window_s: Seconds from creation to the deadline.
        response_window_s: Seconds that each party has for its next step.
        challenge_window_s: Seconds in which a shown model may be refuted.
        minimum_score: The least that earns the reward; 0 = any.
        rows: Hidden ones.
        columns: Codes of a row.
        width: Bits of a code, 8 or 16.
        outputs: Classes; 1 for a regression.
        bits: Of a target.
        points: How rows score.
        cap: The most points of a row; of squared errors its root.
        step: Of a target, that costs a point.
        most_units: Trees or neurons that a model may have.
        most_words: Words that a model may execute on one row.
        most_parts: Parts that a model may be posted in.
        weights_hash: Of the points of each class.
        rows_root: Commits to the encrypted rows.
        targets_root: Commits to the encrypted targets.
        nonce: 32 bytes, never used twice.
        key_hash: Of the key that opens rows and targets.
        schema_hash: Of the schema that makes codes of a table.
        texts_hash: Of the texts.
    """

    reward: Wei
    stake: Wei
    demand_bond: Wei
    submission_window_s: int
    response_window_s: int
    challenge_window_s: int
    minimum_score: int
    rows: int
    columns: int
    width: int
    outputs: int
    bits: int
    points: Kind
    cap: int
    step: int
    most_units: int
    most_words: int
    most_parts: int
    weights_hash: Hash
    rows_root: Hash
    targets_root: Hash
    nonce: bytes
    key_hash: Hash
    schema_hash: Hash
    texts_hash: Hash

    def scoring(self, weights: tuple[int, ...] = ()) -> Scoring:
        """How rows score points.

        Args:
            weights: Of the classes, if points are weighted.
        """
        return Scoring(self.points, self.outputs, self.cap, self.step, weights)

    @property
    def groups(self) -> int:
        """Of targets, and of a listing."""
        return group_count(self.rows, self.bits)

    @property
    def listing_parts(self) -> int:
        """In how many parts a listing is posted."""
        return -(-self.groups // PART_GROUPS)

    def problems(self, weights: tuple[int, ...] = ()) -> Iterator[tuple[str, str]]:
        """What is wrong: the contract's reason and a sentence, for each.

        Args:
            weights: Of the classes, if points are weighted.
        """
        yield from self._money()
        yield from self._windows()
        yield from self._rows()
        yield from self._points(weights)
        yield from self._limits()

    def check(self, weights: tuple[int, ...] = ()) -> None:
        """Raises a `TermsError` unless the contract accepts these terms."""
        for _, problem in self.problems(weights):
            raise TermsError(problem)

    def _money(self) -> Iterator[tuple[str, str]]:
        if not 0 < self.reward <= MOST_WEI:
            yield (
                "BadReward",
                "The reward must be more than 0, and less than 79,000,000,000 MDC.",
            )
        if not least_stake(self.reward) <= self.stake <= MOST_WEI:
            least = format_mdc(least_stake(self.reward))
            yield "BadStake", f"The stake must be at least 5% of the reward: {least}."
        if not least_bond(self.stake) <= self.demand_bond <= self.stake:
            least, most = format_mdc(least_bond(self.stake)), format_mdc(self.stake)
            yield (
                "BadBond",
                f"The bond of a demand must be {least} to {most}.",
            )

    def _windows(self) -> Iterator[tuple[str, str]]:
        if not MINUTE_S <= self.submission_window_s <= 365 * DAY_S:
            yield "BadWindow", "Submissions must stay open for 1 min to 365 days."
        if not LEAST_RESPONSE_WINDOW_S <= self.response_window_s <= 7 * DAY_S:
            yield "BadWindow", "The response window must be 15 min to 7 days."
        least = 4 * self.response_window_s
        if not least <= self.challenge_window_s <= 28 * DAY_S:
            yield (
                "BadWindow",
                (
                    f"The challenge window must be {duration(least)} (four response "
                    "windows) to 28 days."
                ),
            )

    def _rows(self) -> Iterator[tuple[str, str]]:
        if not 0 < self.rows <= MOST_ROWS:
            yield "BadRows", f"There must be 1 to {MOST_ROWS:,} hidden rows."
        if self.width not in CODE_WIDTHS:
            yield "BadWidth", "A code must take 8 or 16 bits."
        if not 1 <= self.columns <= MOST_COLUMNS:
            yield "BadColumns", f"There must be 1 to {MOST_COLUMNS:,} columns."
        elif self.width in CODE_WIDTHS:
            yield from self._row_words()

    def _row_words(self) -> Iterator[tuple[str, str]]:
        words = self.rows * row_words(self.columns, self.width)
        most = min(MOST_ROWS, ROW_WORDS_A_SECOND * self.response_window_s)
        if words > most:
            yield (
                "BadRows",
                (
                    f"All rows together take {words:,} words of 32 bytes; {most:,} are "
                    f"what people's machines open in "
                    f"{duration(self.response_window_s)}."
                ),
            )

    def _points(self, weights: tuple[int, ...]) -> Iterator[tuple[str, str]]:
        scoring = self.scoring(weights)
        yield from scoring.problems(self.rows, self.bits)
        if weights_hash(weights) != self.weights_hash:
            yield "BadWeights", "The terms were made for other weights of the classes."
        most = self.rows * scoring.most
        if not 0 <= self.minimum_score <= most:
            yield "BadMinimum", f"The threshold cannot be above {most:,} points."

    def _limits(self) -> Iterator[tuple[str, str]]:
        if not 0 < self.most_units <= MOST_UNITS:
            yield "BadUnits", f"A model may have 1 to {MOST_UNITS:,} units."
        if not 0 < self.most_words <= MOST_MODEL_WORDS:
            yield "BadWords", f"A row may take 1 to {MOST_MODEL_WORDS:,} words."
        # note: one challenge runs the trees of two outputs, a watcher all of them.
        pairs = (self.outputs + 1) // 2
        executed = self.rows * self.most_words * pairs
        least = -(-executed // EXECUTED_A_SECOND)
        if self.challenge_window_s < least:
            yield (
                "BadWords",
                (
                    f"Running a model on all rows may take {duration(least)}; "
                    f"the challenge window has {duration(self.challenge_window_s)}."
                ),
            )
        if not 0 < self.most_parts <= MOST_PARTS:
            yield "BadParts", f"A model may be posted in 1 to {MOST_PARTS} parts."
        known = self.rows > 0 and self.bits in TARGET_BITS
        listed = self.listing_parts if known else 0
        if listed > MOST_PARTS:
            yield (
                "BadRows",
                (
                    f"So many rows are posted in {listed:,} parts; {MOST_PARTS} are "
                    "allowed."
                ),
            )
        needed = 4 * SECONDS_A_PART * (self.most_parts + listed)
        if self.challenge_window_s < needed:
            yield (
                "BadParts",
                (
                    f"Posting {self.most_parts + listed:,} parts needs a "
                    f"challenge window of {duration(needed)}."
                ),
            )

    def as_struct(self) -> tuple[int | bytes, ...]:
        """The contract's struct."""
        return tuple(getattr(self, field.name) for field in fields(self))

    def hash(self, requester: Address) -> TermsHash:
        """keccak256 of requester and terms: what the market keeps of a contest."""
        from eth_abi import encode

        return TermsHash(
            keccak(encode(("address", ABI), (requester, self.as_struct())))
        )
