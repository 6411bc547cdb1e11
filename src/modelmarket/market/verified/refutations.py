# SPDX-License-Identifier: Apache-2.0
"""What a challenge that held has shown the chain: which row, what was listed for it,
and what the model says.

It is read out of the challenge itself: nobody needs the model, or has to be believed.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from modelmarket.chain.abi import functions
from modelmarket.errors import ChainError, DataError
from modelmarket.market.verified.calls import record_of, showing_of
from modelmarket.protocol.events import SubmissionFailed
from modelmarket.protocol.hidden import (
    Keystream,
    group_labels,
    unpack_groups,
    unpack_rows,
)
from modelmarket.protocol.labels import from_words
from modelmarket.protocol.merkle import GROUP_BYTES
from modelmarket.protocol.phases import Failure

if TYPE_CHECKING:
    from modelmarket.index.records import Placed
    from modelmarket.market.market import Market
    from modelmarket.market.verified.request import VerifiedRequest
    from modelmarket.protocol.contests import ContestRecord
    from modelmarket.protocol.hidden import Targets
    from modelmarket.protocol.records import Showing, SubmissionRecord
    from modelmarket.protocol.schema import Target
    from modelmarket.protocol.types import Address

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class FoundRow:
    """A row that the chain ran the shown model on.

    Attributes:
        row: Which, from 0.
        listed: What was listed for it.
        computed: The number that the model gives, or a class that it prefers; None
            where a class was listed that there is not.
    """

    row: int
    listed: int
    computed: int | None


@dataclass(frozen=True)
class FoundGroup:
    """A group that the chain recounted.

    Attributes:
        first: Its first row, from 0.
        last: Its last.
        listed: Points that were listed.
        computed: Points that it scores; the same where a sum above it was false.
    """

    first: int
    last: int
    listed: int
    computed: int


Found = FoundRow | FoundGroup


class Challenges:
    """What challenges have shown, by their transactions: no transaction changes."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._found: dict[bytes, Found] = {}

    def of(self, market: Market, submission: SubmissionRecord) -> Found:
        """What was shown of a submission that was refuted.

        Raises:
            ChainError: The node does not answer, or the challenge came through another
                contract, so that no transaction tells it.
        """
        name = _challenge(market, submission).log.transaction
        with self._lock:
            found = self._found.get(name)
        if found is None:
            referee = market.markets.verified.referee().address
            sent = market.connection.transaction_input(name, to=referee)
            record = record_of(market, submission.request_id)
            place = market.markets.verified.address
            found = read_challenge(record, submission, place, sent)
            with self._lock:
                self._found[name] = found
        return found


@dataclass(frozen=True)
class Refutation:
    """A submission that was refuted, and what convicted it.

    Attributes:
        submission: Whose.
        found: What the chain was shown; None if that is not to be had.
        target: Names what is predicted; None if the schema is not here.
    """

    submission: SubmissionRecord
    found: Found | None
    target: Target | None

    @classmethod
    def of(cls, request: VerifiedRequest, submission: SubmissionRecord) -> Refutation:
        """What convicted a submission. Nothing is fetched but from the nodes."""
        try:
            found = request.market.challenges.of(request.market, submission)
        except ChainError as error:
            _log.info("submission %s: %s", submission.id, error)
            return cls(submission, None, None)
        return cls(submission, found, request.known_target)

    @property
    def listed(self) -> str | None:
        """What was listed for the row; None for a recount."""
        if not isinstance(self.found, FoundRow):
            return None
        return named(self.target, self.found.listed)

    @property
    def computed(self) -> str | None:
        """What the model says; None for a recount, and for a class that is none."""
        if not isinstance(self.found, FoundRow) or self.found.computed is None:
            return None
        return named(self.target, self.found.computed)

    @property
    def sentence(self) -> str:
        """The challenge as what it is, in words."""
        match self.found:
            case None:
                return "What it showed was not true"
            case FoundGroup(first, last, listed, computed):
                rows = f"{first + 1:,} to {last + 1:,}"
                if listed == computed:
                    return f"The sums above rows {rows} do not lead to the claim"
                return (
                    f"Rows {rows} were listed with {listed:,} points, and score "
                    f"{computed:,}"
                )
            case FoundRow(row):
                said = self.computed or "something else"
                return (
                    f"Row {row + 1:,} was listed as {self.listed}, and its model "
                    f"says {said}"
                )

    def as_document(self) -> dict[str, Any]:
        """As JSON has it; rows are counted from 1."""
        found, one = self.found, self.submission
        return {
            "submission": one.id,
            "trainer": one.trainer,
            "challenger": one.challenger,
            "row": found.row + 1 if isinstance(found, FoundRow) else None,
            "listed": self.listed,
            "computed": self.computed,
            "says": self.sentence,
        }


def named(target: Target | None, value: int) -> str:
    """What a prediction is called, if it is called anything."""
    if target is None:
        return f"number {value}"
    try:
        return target.decode(np.array([value], dtype=np.uint32))[0]
    except DataError:
        return f"no class ({value})"


def _challenge(market: Market, submission: SubmissionRecord) -> Placed:
    """The log of the challenge that held."""
    for placed in market.index.logs(submission.request_id):
        event = market.decode(placed.log)
        if (
            isinstance(event, SubmissionFailed)
            and event.submission_id == submission.id
            and event.reason is Failure.REFUTED
        ):
            return placed
    raise ChainError(f"Submission {submission.id} was not refuted.")


def read_challenge(
    record: ContestRecord, submission: SubmissionRecord, market: Address, sent: bytes
) -> Found:
    """What a challenge's calldata show; the contract has found it to be true.

    Args:
        record: The contest.
        submission: That was refuted in this transaction.
        market: That it was submitted to. The referee believes any market, and one of a
            stranger's may say something else to the true one meanwhile.
        sent: To the referee.

    Raises:
        ChainError: It is no call of the referee's, or about another submission.
    """
    meant = (market.lower(), submission.id.number)
    for call, read in CHALLENGES.items():
        function = functions("Referee")[call]
        if sent[:4] != function.selector:
            continue
        case, *said = function.decode_arguments(sent)
        place, _, number, _ = case
        if (place.lower(), number) == meant:
            return read(record, showing_of(submission), *said[2:])
    raise ChainError(f"How submission {submission.id} was refuted stands in no call.")


def _of_row(
    record: ContestRecord,
    showing: Showing,
    key: bytes,
    hidden: tuple[Any, ...],
    listed: tuple[Any, ...],
    _base: list[int],
    better: int,
    words: list[int],
    _proof: list[bytes],
) -> FoundRow:
    row, terms = hidden[0], record.terms
    each = group_labels(terms.bits)
    rows = min(each, terms.rows - row // each * each)
    value = int(_plain(listed[0], rows, terms.bits)[row % each])
    if terms.points.is_regression:
        # perf: whoever looks at a market has no use for all kinds of models.
        from modelmarket.models.proofs import rerun_model

        model = rerun_model(showing.shown.header, showing.base, from_words(words))
        encrypted = np.frombuffer(from_words(hidden[1]), dtype=np.uint8)
        plain = Keystream(key, terms.nonce).rows(encrypted.reshape(1, -1), first=row)
        codes = unpack_rows(plain, terms.columns, terms.width)
        return FoundRow(row, value, int(model.predict(codes, bits=terms.bits)[0]))
    return FoundRow(row, value, better if value < terms.outputs else None)


def _of_group(
    record: ContestRecord,
    _showing: Showing,
    key: bytes,
    hidden: tuple[Any, ...],
    listed: tuple[Any, ...],
    _weights: list[int],
) -> FoundGroup:
    group, targets_words, _ = hidden
    words, points, _ = listed
    terms = record.terms
    first = group * group_labels(terms.bits)
    last = min(first + group_labels(terms.bits), terms.rows) - 1
    rows = last - first + 1
    opened = Keystream(key, terms.nonce).groups(_words(targets_words), first=group)
    targets = unpack_groups(opened, rows, terms.bits)
    truly = record.scoring.score(targets, _plain(words, rows, terms.bits))
    return FoundGroup(first, last, points, truly)


def _words(group: list[int]) -> np.ndarray[Any, np.dtype[np.uint8]]:
    return np.frombuffer(from_words(group), dtype=np.uint8).reshape(1, GROUP_BYTES)


def _plain(group: list[int], rows: int, bits: int) -> Targets:
    return unpack_groups(_words(group), rows, bits)


CHALLENGES: dict[str, Callable[..., Found]] = {
    "rerun_trees": _of_row,
    "rerun_dense": _of_row,
    "recount": _of_group,
}
"""How each of the referee's calls is read, from the key on."""
