# SPDX-License-Identifier: Apache-2.0
"""What a challenge that held has shown the chain: which row, what was listed for it,
and what the model says.

It is read out of the challenge itself: nobody needs the model, or has to be believed.
"""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from modelmarket.chain.abi import functions
from modelmarket.errors import ChainError, DataError, ModelMarketError
from modelmarket.market.verified.calls import record_of, showing_of
from modelmarket.market.verified.evidence import fetched_model
from modelmarket.protocol.events import SubmissionFailed
from modelmarket.protocol.hidden import Keystream, group_labels, unpack_groups
from modelmarket.protocol.labels import from_words
from modelmarket.protocol.merkle import GROUP_BYTES
from modelmarket.protocol.phases import Failure

if TYPE_CHECKING:
    from modelmarket.index.records import Placed
    from modelmarket.market.market import Market
    from modelmarket.market.verified.request import VerifiedRequest
    from modelmarket.protocol.contests import ContestRecord
    from modelmarket.protocol.hidden import Targets
    from modelmarket.protocol.records import SubmissionRecord
    from modelmarket.protocol.schema import Target

_log = logging.getLogger(__name__)

RERUNS = ("rerun_trees", "rerun_dense")


@dataclass(frozen=True)
class FoundRow:
    """A row that the chain ran the shown model on.

    Attributes:
        row: Which, from 0.
        listed: What was listed for it.
        computed: A class that the model prefers; None for a regression, of which the
            chain says that the number is another one, and where a class was listed
            that there is not.
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
            found = _read(record_of(market, submission.request_id), submission, sent)
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
        number: Of a regression, what the model says, if it is here.
    """

    submission: SubmissionRecord
    found: Found | None
    target: Target | None
    number: int | None = None

    @classmethod
    def of(cls, request: VerifiedRequest, submission: SubmissionRecord) -> Refutation:
        """What convicted a submission. Nothing is fetched but from the nodes."""
        try:
            found = request.market.challenges.of(request.market, submission)
        except ChainError as error:
            _log.info("submission %s: %s", submission.id, error)
            return cls(submission, None, None)
        number = None
        if isinstance(found, FoundRow) and found.computed is None:
            number = _computed(request, submission, found.row)
        return cls(submission, found, _target(request), number)

    @property
    def listed(self) -> str | None:
        """What was listed for the row; None for a recount."""
        if not isinstance(self.found, FoundRow):
            return None
        return named(self.target, self.found.listed)

    @property
    def computed(self) -> str | None:
        """What the model says; None for a recount, or if only the chain knows."""
        if not isinstance(self.found, FoundRow):
            return None
        number = self.number if self.found.computed is None else self.found.computed
        return None if number is None else named(self.target, number)

    @property
    def sentence(self) -> str:
        """The challenge as what it is, in words."""
        match self.found:
            case None:
                return "What it listed is not what its model gives"
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


def _target(request: VerifiedRequest) -> Target | None:
    """What names a contest's predictions; None if its folder is not all here.

    Nothing is fetched for it, and whatever a stranger's folder has is no error.
    """
    if request.market.files(request.record.dataset) is None:
        return None
    try:
        return request.schema.target
    except ModelMarketError:
        return None


def _computed(
    request: VerifiedRequest, submission: SubmissionRecord, row: int
) -> int | None:
    """What a shown model says of a row; None if rows or model are not all here."""
    market, showing = request.market, showing_of(submission)
    if None in (market.files(showing.model), market.files(request.record.dataset)):
        return None
    try:
        model = fetched_model(market, request.record, showing)
        codes = request.opened().codes[row : row + 1]
    except ModelMarketError:
        return None
    return int(model.predict(codes, bits=request.terms.bits)[0])


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


def _read(record: ContestRecord, submission: SubmissionRecord, sent: bytes) -> Found:
    """What a challenge's calldata show; the contract has found it to be true.

    Raises:
        ChainError: It is no direct call of the referee, or about another submission.
    """
    for call, function in functions("Referee").items():
        if call not in (*RERUNS, "recount") or sent[:4] != function.selector:
            continue
        said = function.decode_arguments(sent)
        if said[0][2] != submission.id.number:
            break
        return _of_row(record, said) if call in RERUNS else _of_group(record, said)
    raise ChainError(f"How submission {submission.id} was refuted stands in no call.")


def _of_row(record: ContestRecord, said: tuple[Any, ...]) -> FoundRow:
    (row, _, _), listed, better = said[4], said[5], said[7]
    terms = record.terms
    each = group_labels(terms.bits)
    rows = min(each, terms.rows - row // each * each)
    value = int(_plain(listed[0], rows, terms.bits)[row % each])
    is_class = terms.outputs > 1 and value < terms.outputs
    return FoundRow(row, value, better if is_class else None)


def _of_group(record: ContestRecord, said: tuple[Any, ...]) -> FoundGroup:
    key, (group, hidden, _), (listed, points, _) = said[3], said[4], said[5]
    terms = record.terms
    first = group * group_labels(terms.bits)
    last = min(first + group_labels(terms.bits), terms.rows) - 1
    rows = last - first + 1
    opened = Keystream(key, terms.nonce).groups(_words(hidden), first=group)
    targets = unpack_groups(opened, rows, terms.bits)
    truly = record.scoring.score(targets, _plain(listed, rows, terms.bits))
    return FoundGroup(first, last, points, truly)


def _words(group: list[int]) -> np.ndarray[Any, np.dtype[np.uint8]]:
    return np.frombuffer(from_words(group), dtype=np.uint8).reshape(1, GROUP_BYTES)


def _plain(group: list[int], rows: int, bits: int) -> Targets:
    return unpack_groups(_words(group), rows, bits)
