# SPDX-License-Identifier: Apache-2.0
"""What entering a contest may come to, said before money is at stake: what a demand
could cost the trainer and a challenge a watcher, and what would keep this computer from
watching.
"""

from __future__ import annotations

import time
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from modelmarket.errors import EntryWarning
from modelmarket.market.verified.gas import answer_gas, challenge_gas
from modelmarket.models.header import Kind
from modelmarket.protocol.hidden import ROWS_AT_ONCE, Keystream, row_words
from modelmarket.protocol.labels import WORD_BYTES
from modelmarket.protocol.merkle import rows_tree
from modelmarket.protocol.money import format_about, format_mdc
from modelmarket.protocol.types import Wei
from modelmarket.storage.fetch import is_answering
from modelmarket.system.machine import memory
from modelmarket.system.text import duration

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelmarket.market.market import Market
    from modelmarket.market.verified.fitting import Training
    from modelmarket.market.verified.request import VerifiedRequest
    from modelmarket.models import ExactModel
    from modelmarket.protocol.conditions import Conditions
    from modelmarket.protocol.hidden import RowCodes
    from modelmarket.protocol.types import Address

SAMPLE_ROWS = 2_000
"""Rows by which this computer's pace is measured."""
TRIES = 3
"""Runs of a model, the fastest of which counts: the first one warms up."""

BYTES_A_ROW, COPIES = 260, 3
"""What an opened row takes in memory: hashes and targets, and each of its bytes so
often.
"""
BYTES_A_WORD = 120
"""What a word takes while it is decrypted. A test holds all this against what is
really taken.
"""

LAST_PART = 4
"""A model that is posted last of all must be run in so much of the window."""


@dataclass(frozen=True)
class Pace:
    """How fast this computer is, as measured just now.

    Attributes:
        opened: Words of rows that it decrypts and hashes in a second.
        executed: Words of models that it runs in a second; None if none was run.
        memory: Bytes that it has; None if it does not say.
    """

    opened: float
    executed: float | None
    memory: int | None

    @classmethod
    def measured(
        cls,
        terms: Conditions,
        model: ExactModel | None = None,
        codes: RowCodes | None = None,
    ) -> Pace:
        """Opens rows like a contest's, and runs a model on some.

        Args:
            terms: Of the contest.
            model: That is run; None for none.
            codes: On which; shape (rows, columns).
        """
        size = row_words(terms.columns, terms.width)
        rows = min(terms.rows, SAMPLE_ROWS)
        hidden = np.zeros((rows, size * WORD_BYTES), dtype=np.uint8)
        stream = Keystream(bytes(WORD_BYTES), bytes(WORD_BYTES))
        began = time.perf_counter()
        rows_tree(stream.rows(hidden).tobytes(), size)
        opened = rows * size / (time.perf_counter() - began)
        if model is None or codes is None or not len(codes):
            return cls(opened, None, memory())
        some, best = codes[:SAMPLE_ROWS], float("inf")
        for _ in range(TRIES):
            began = time.perf_counter()
            model.predict(some, bits=terms.bits)
            best = min(best, time.perf_counter() - began)
        return cls(opened, len(some) * executed_words(model) / best, memory())


def executed_words(model: ExactModel) -> int:
    """Words that a watcher runs for one row: all outputs, each path at its longest."""
    header = model.header
    if header.kind is Kind.DENSE:
        return sum(len(model.unit_words(unit)) for unit in range(header.units)) // (
            WORD_BYTES
        )
    return header.units * (header.depth + 2)


@dataclass(frozen=True)
class Cost:
    """What calls cost at most.

    Attributes:
        gas: That they take.
        wei: Of the chain's coin, as fees are now.
    """

    gas: int
    wei: Wei

    def as_document(self) -> dict[str, Any]:
        """As JSON has it; wei as a decimal string."""
        return {"gas": self.gas, "fee_wei": str(self.wei)}

    def __str__(self) -> str:
        return f"{self.gas:,} gas, {format_about(self.wei)} of the chain's coin today"


@dataclass(frozen=True)
class Prospect:
    """What entering may come to.

    Attributes:
        answer: Posting the whole model and its listing, if it is demanded.
        challenge: The dearest challenge of a model that the contest allows.
        bond: Wei of MDC that a demand locks.
        warnings: What would keep this computer from watching, or from answering; and
            what makes the model useless.
    """

    answer: Cost
    challenge: Cost
    bond: Wei
    warnings: tuple[str, ...]

    def as_document(self) -> dict[str, Any]:
        """As JSON has it; amounts as decimal strings."""
        return {
            "answer": self.answer.as_document(),
            "challenge": self.challenge.as_document(),
            "bond_wei": str(self.bond),
            "warnings": list(self.warnings),
        }

    def lines(self) -> list[str]:
        """What it costs, in words."""
        return [
            f"If your model is demanded, posting it takes up to {self.answer}.",
            f"Refuting somebody else's takes up to {self.challenge}.",
            f"Demanding what nobody serves locks {format_mdc(self.bond)} MDC.",
        ]


def prospect(
    request: VerifiedRequest, model: ExactModel, payer: Address | None
) -> Prospect:
    """What entering a contest may come to; takes a moment, and stakes nothing.

    Args:
        request: The contest.
        model: That would be sealed.
        payer: Whose coin would pay for answers and challenges, and whose MDC for a
            demand; None if nobody's yet.

    Raises:
        ChainError: The node does not answer.
        NotFoundError: No gateway has the training part.
    """
    market, terms = request.market, request.terms
    price = sum(market.connection.fees())

    def cost(gas: int) -> Cost:
        return Cost(gas, Wei(gas * price))

    answer, challenge = cost(answer_gas(model, terms)), cost(challenge_gas(terms))
    training = request.training()
    pace = Pace.measured(terms, model, training.codes)
    troubles = [*unreachable(market), *too_slow(terms, pace)]
    if terms.points.is_regression:
        troubles += worse_than_the_median(request, model, training)
    needed = max(answer.wei, challenge.wei)
    has = needed if payer is None else market.fee_balance(payer)
    if has < needed:
        troubles.append(
            f"{payer} has {format_about(has)} of the chain's coin; answering a demand "
            f"may take {format_about(answer.wei)}, and a challenge "
            f"{format_about(challenge.wei)}."
        )
    if payer is not None and (mdc := market.balance(payer)) < terms.demand_bond:
        troubles.append(
            f"{payer} has {format_mdc(mdc)} MDC: it could not demand what nobody "
            f"serves, which locks {format_mdc(terms.demand_bond)} MDC."
        )
    return Prospect(answer, challenge, terms.demand_bond, tuple(troubles))


def worse_than_the_median(
    request: VerifiedRequest, model: ExactModel, training: Training
) -> Iterator[str]:
    """Why a model of numbers was hardly fitted on those that the contest is about."""
    scoring, targets = request.record.scoring, training.targets
    predicted = model.predict(training.codes, bits=request.terms.bits)
    median = np.full_like(targets, int(np.median(targets)))
    if scoring.score(targets, predicted) < scoring.score(targets, median):
        yield (
            "On the training part this model does worse than always saying the median. "
            "Was it fitted on the targets of `request.training_data()`? The labels "
            "have another unit."
        )


def taken(terms: Conditions) -> int:
    """Bytes of memory that opening a contest's rows takes at most."""
    size = row_words(terms.columns, terms.width)
    each = BYTES_A_ROW + COPIES * size * WORD_BYTES
    return terms.rows * each + min(terms.rows, ROWS_AT_ONCE) * size * BYTES_A_WORD


def obstacles(market: Market, terms: Conditions) -> Iterator[str]:
    """What would keep this computer from watching a contest, whatever is shown."""
    yield from unreachable(market)
    yield from too_slow(terms, Pace.measured(terms))


def warned(line: str) -> None:
    """Tells a program's user by Python's own warnings."""
    warnings.warn(line, EntryWarning, stacklevel=6)


def unreachable(market: Market) -> Iterator[str]:
    """Why nothing that others show could be fetched."""
    gateways = market.network.gateways
    if not any(is_answering(one) for one in gateways):
        asked = ", ".join(gateways) or "this network names none"
        yield (
            f"No gateway can be reached ({asked}): what others show could only be "
            "demanded, for a bond each."
        )


def too_slow(terms: Conditions, pace: Pace) -> Iterator[str]:
    """Which of a contest's limits are beyond this computer.

    Args:
        terms: Of the contest.
        pace: Of this computer.
    """
    words, needed = terms.rows * row_words(terms.columns, terms.width), taken(terms)
    if pace.memory is not None and needed > pace.memory:
        yield (
            f"Opening all rows takes {needed / 10**9:,.1f} GB of memory; this computer "
            f"has {pace.memory / 10**9:,.1f}."
        )
    opens = words / pace.opened
    if opens > terms.response_window_s:
        yield (
            f"Opening all rows takes about {duration(round(opens))} here; the response "
            f"window has {duration(terms.response_window_s)}."
        )
    if pace.executed is None:
        return
    pairs = (terms.outputs + 1) // 2
    runs = terms.rows * terms.most_words * pairs / pace.executed
    last = terms.challenge_window_s // LAST_PART
    if runs > last:
        yield (
            f"Running the largest model that is allowed on all rows takes about "
            f"{runs:,.0f} s here; what is posted last must be run in {last:,}."
        )
