# SPDX-License-Identifier: Apache-2.0
"""The verified market, its referee and its clerk: every call they take.

Terms, seal and what was shown are not stored on the chain: each call is handed what it
needs of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from modelmarket.chain.artifacts import artifact
from modelmarket.chain.blocks import Call, Receipt
from modelmarket.chain.connection import Connection
from modelmarket.chain.contracts import NO_PERMIT, AnyMarket, Contract, Permit
from modelmarket.chain.events import Contracts
from modelmarket.chain.queries import At, Query
from modelmarket.chain.sending import send
from modelmarket.chain.wallets import Wallet
from modelmarket.protocol.conditions import Conditions, Texts
from modelmarket.protocol.labels import words
from modelmarket.protocol.listings import SumStep
from modelmarket.protocol.merkle import Hash
from modelmarket.protocol.phases import Phase, Status
from modelmarket.protocol.points import weight_words
from modelmarket.protocol.shown import NOTHING_SHOWN, Shown
from modelmarket.protocol.types import (
    NOBODY,
    Address,
    RequestId,
    Salt,
    Seal,
    SubmissionId,
    Superhash,
    Wei,
    checksummed,
)

Steps = Sequence[SumStep]


@dataclass(frozen=True)
class ContestState:
    """A contest as it stands, in the order of the contract's struct.

    The attributes are explained in `contracts/interfaces/IVerifiedMarket.vyi`.
    """

    contest: Hash
    deadline: int
    phase: Phase
    shown: bool
    step_ends: int
    overdue: bool
    live: int
    ranked: int
    best: SubmissionId
    candidate: SubmissionId


@dataclass(frozen=True)
class EntryState:
    """A submission as it stands, in the order of the contract's struct."""

    request_id: RequestId
    status: Status
    score: int
    ahead: SubmissionId
    behind: SubmissionId
    held: Hash


@dataclass(frozen=True)
class Demand:
    """What was demanded of a submission.

    Attributes:
        demander: Who did; the address 0 if nobody did.
        bond: Wei that are locked for it.
        owed: A one for each part of the model that is to be posted.
        owed_of_listing: The same, of its listing.
    """

    demander: Address
    bond: Wei
    owed: int
    owed_of_listing: int


@dataclass(frozen=True)
class Contest:
    """Which contest a call means: all that it is handed of it.

    Attributes:
        request_id: Its id.
        requester: Whose it is.
        terms: What it promises.
    """

    request_id: RequestId
    requester: Address
    terms: Conditions


@dataclass(frozen=True)
class Proven:
    """Words of a list with the proof that they are in it.

    Attributes:
        index: Which row or group.
        words: Its words, joined.
        proof: The siblings, the lowest first.
    """

    index: int
    words: bytes
    proof: Sequence[Hash]

    def as_struct(self) -> tuple[int, list[int], list[Hash]]:
        """The contract's struct."""
        return (self.index, words(self.words), list(self.proof))


@dataclass(frozen=True)
class Listed:
    """A group of a listing with the sums above it.

    Attributes:
        words: Its eight words, joined.
        points: What the listing says that it scores.
        steps: Up to the root.
    """

    words: bytes
    points: int
    steps: Steps

    def as_struct(self) -> tuple[list[int], int, list[tuple[Hash, int, int]]]:
        """The contract's struct."""
        return (words(self.words), self.points, _steps(self.steps))


def _steps(steps: Steps) -> list[tuple[Hash, int, int]]:
    return [(one.sibling, one.sibling_sum, one.parent_sum) for one in steps]


class VerifiedMarket(AnyMarket):
    """The market of verified contests."""

    name = "VerifiedMarket"

    @property
    def logging(self) -> Contracts:
        return Contracts(NOBODY, checksummed(self.address))

    @classmethod
    def deploy(
        cls, connection: Connection, wallet: Wallet, coin: Address
    ) -> tuple[VerifiedMarket, list[Receipt]]:
        """Deploys a market that pays in a coin, with its referee and its clerk."""
        from eth_abi import encode

        receipts, helpers = [], []
        for name in ("Referee", "Clerk"):
            code = bytes.fromhex(artifact(name).bytecode[2:])
            receipt = send(connection, Call(f"deploy {name}", None, code), wallet)
            assert receipt.contract is not None
            helpers.append(receipt.contract)
            receipts.append(receipt)
        code = bytes.fromhex(artifact(cls.name).bytecode[2:])
        data = code + encode(("address",) * 3, (coin, *helpers))
        receipt = send(connection, Call(f"deploy {cls.name}", None, data), wallet)
        assert receipt.contract is not None
        return cls(connection, receipt.contract), [*receipts, receipt]

    # --- reading ---

    def referee(self) -> Referee:
        """Where challenges go."""
        return Referee(self.connection, checksummed(self._read("referee")))

    def clerk(self) -> Clerk:
        """Where demanded parts are posted."""
        return Clerk(self.connection, checksummed(self._read("clerk")))

    def request(self, request_id: RequestId, *, at: At = "pending") -> ContestState:
        """A contest as it stands."""
        return self.connection.query(self.state(request_id, at=at))

    def state(
        self, request_id: RequestId, *, at: At = "pending"
    ) -> Query[ContestState]:
        """A contest as it stands."""

        def read(found: tuple[Any, ...]) -> ContestState:
            *values, best, candidate = found
            ids = (_submission(best), _submission(candidate))
            values[2] = Phase(values[2])
            return ContestState(*[*values, *ids])

        return self._query("request", request_id.number, at=at).map(read)

    def submission(
        self, submission_id: SubmissionId, *, at: At = "pending"
    ) -> EntryState:
        """A submission as it stands."""
        number = submission_id.number
        request, status, score, ahead, behind, held = self._read(
            "submission", number, at=at
        )
        return EntryState(
            RequestId.of(request, is_verified=True),
            Status(status),
            score,
            _submission(ahead),
            _submission(behind),
            held,
        )

    def demand_of(self, submission_id: SubmissionId, *, at: At = "pending") -> Demand:
        """What was demanded of a submission."""
        query = self._query_all("demand_of", submission_id.number, at=at)
        demander, *rest = self.connection.query(query)
        return Demand(checksummed(demander), *rest)

    # --- calls ---

    def create_request(
        self,
        terms: Conditions,
        texts: Texts,
        weights: Sequence[int] = (),
        permit: Permit = NO_PERMIT,
    ) -> Call:
        """Opens a contest and locks its reward."""
        return self._call(
            "create_request",
            terms.as_struct(),
            texts.as_struct(),
            words(weight_words(weights)),
            permit.as_struct(),
        )

    def cancel_request(self, contest: Contest, max_live: int) -> Call:
        """Cancels a contest if no more submissions are live."""
        return self._call(
            "cancel_request",
            contest.request_id.number,
            contest.terms.as_struct(),
            max_live,
        )

    def open_key(self, contest: Contest, key: bytes) -> Call:
        """Opens the key, and with it all rows and targets."""
        return self._call("open_key", *_of(contest), key)

    def submit(
        self,
        contest: Contest,
        seal: Seal,
        superhash: Superhash,
        name: str,
        permit: Permit = NO_PERMIT,
    ) -> Call:
        """Enters a contest and locks its stake."""
        return self._call(
            "submit", *_of(contest), seal, superhash, name, permit.as_struct()
        )

    def cancel_submission(
        self,
        submission_id: SubmissionId,
        contest: Contest,
        seal: Seal,
        shown: Shown = NOTHING_SHOWN,
        *,
        accept_slash: bool = False,
    ) -> Call:
        """Takes a submission out."""
        return self._call(
            "cancel_submission",
            submission_id.number,
            *_of(contest)[1:],
            seal,
            shown.as_struct(),
            accept_slash,
        )

    def claim(
        self,
        submission_id: SubmissionId,
        contest: Contest,
        trainer: Address,
        seal: Seal,
        *,
        score: int,
        hint: SubmissionId,
    ) -> Call:
        """States what the sealed model scores."""
        who = (submission_id.number, *_of(contest)[1:], trainer)
        return self._call("claim", *who, seal, score, hint.number)

    def show_model(
        self,
        submission_id: SubmissionId,
        contest: Contest,
        shown: Shown,
        base: bytes,
        *,
        salt: Salt,
        model: str,
        listing: str = "",
    ) -> Call:
        """Shows the candidate's model and all of its predictions."""
        return self._call(
            "show_model",
            submission_id.number,
            *_of(contest)[1:],
            shown.as_struct(),
            words(base),
            salt,
            model,
            listing,
        )

    def demand(
        self,
        submission_id: SubmissionId,
        contest: Contest,
        shown: Shown,
        permit: Permit = NO_PERMIT,
    ) -> Call:
        """Demands that a shown model and its listing be posted."""
        return self._call(
            "demand",
            submission_id.number,
            *_of(contest)[1:],
            shown.as_struct(),
            permit.as_struct(),
        )

    def settle(self, contest: Contest, shown: Shown) -> Call:
        """Pays the candidate that stood unrefuted."""
        return self._call("settle", *_of(contest), shown.as_struct())

    def enforce_timeout(self, contest: Contest) -> Call:
        """Takes the one step that is due because somebody missed it."""
        return self._call("enforce_timeout", *_of(contest))

    def withdraw(
        self,
        submission_id: SubmissionId,
        contest: Contest,
        trainer: Address,
        seal: Seal,
    ) -> Call:
        """Pays the trainer what is due."""
        return self._call(
            "withdraw", submission_id.number, *_of(contest)[1:], trainer, seal
        )

    def withdraw_bond(self, submission_id: SubmissionId) -> Call:
        """Gives a bond back to whom demanded a submission that failed."""
        return self._call("withdraw_bond", submission_id.number)


def _submission(number: int) -> SubmissionId:
    return SubmissionId.of(number, is_verified=True)


def _of(contest: Contest) -> tuple[int, Address, tuple[Any, ...]]:
    return (contest.request_id.number, contest.requester, contest.terms.as_struct())


class Referee(Contract):
    """Runs a shown model on a row, and recounts a group of a listing."""

    name = "Referee"

    def recount(
        self,
        market: Address,
        submission_id: SubmissionId,
        contest: Contest,
        shown: Shown,
        *,
        key: bytes,
        targets: Proven,
        listed: Listed,
        weights: Sequence[int] = (),
    ) -> Call:
        """Fails a submission whose listing does not score what it says."""
        return self._call(
            "recount",
            _case(market, submission_id, contest),
            contest.terms.as_struct(),
            shown.as_struct(),
            key,
            targets.as_struct(),
            listed.as_struct(),
            words(weight_words(weights)),
        )

    def rerun(
        self,
        market: Address,
        submission_id: SubmissionId,
        contest: Contest,
        shown: Shown,
        *,
        key: bytes,
        row: Proven,
        listed: Listed,
        base: bytes,
        better: int,
        executed: bytes,
        proof: Sequence[Hash],
    ) -> Call:
        """Fails a submission whose model predicts something else for a row.

        Args:
            market: Where it is.
            submission_id: Whose model was shown.
            contest: Which contest.
            shown: What it showed.
            key: That opens the row.
            row: The encrypted row.
            listed: The group that its prediction is listed in.
            base: The model's base words, joined.
            better: For classes, one that beats the listed one.
            executed: The words that are executed, joined.
            proof: Siblings of the units that are.
        """
        return self._call(
            "rerun_dense" if shown.is_dense else "rerun_trees",
            _case(market, submission_id, contest),
            contest.terms.as_struct(),
            shown.as_struct(),
            key,
            row.as_struct(),
            listed.as_struct(),
            words(base),
            better,
            words(executed),
            list(proof),
        )

    def check_header(self, terms: Conditions, header: bytes, base: bytes) -> bool:
        """Whether a model could be shown.

        Raises:
            RevertError: It could not; says why.
        """
        number = int.from_bytes(header)
        return bool(self._read("check_header", terms.as_struct(), number, words(base)))


def _case(
    market: Address, submission_id: SubmissionId, contest: Contest
) -> tuple[Address, int, int, Address]:
    numbers = (contest.request_id.number, submission_id.number)
    return (market, *numbers, contest.requester)


class Clerk(Contract):
    """Where the parts of a demanded model are posted."""

    name = "Clerk"

    def check_terms(self, terms: Conditions, weights: Sequence[int] = ()) -> bool:
        """Whether a contest could have such terms.

        Raises:
            RevertError: It could not; says why.
        """
        given = words(weight_words(weights))
        return bool(self._read("check_terms", terms.as_struct(), given))

    def answer_trees(
        self,
        market: Address,
        submission_id: SubmissionId,
        shown: Shown,
        *,
        part: int,
        posted: bytes,
        proof: Sequence[Hash],
    ) -> Call:
        """Posts a part of an ensemble: the words of its trees."""
        return self._call(
            "answer_trees",
            market,
            submission_id.number,
            shown.as_struct(),
            part,
            words(posted),
            list(proof),
        )

    def answer_dense(
        self,
        market: Address,
        submission_id: SubmissionId,
        shown: Shown,
        *,
        base: bytes,
        posted: bytes,
    ) -> Call:
        """Posts a linear model or a network: the words of its neurons."""
        return self._call(
            "answer_dense",
            market,
            submission_id.number,
            shown.as_struct(),
            words(base),
            words(posted),
        )

    def answer_listing(
        self,
        market: Address,
        submission_id: SubmissionId,
        contest: Contest,
        shown: Shown,
        *,
        part: int,
        posted: bytes,
        sums: Sequence[int],
        steps: Steps,
    ) -> Call:
        """Posts a part of a listing: 64 groups, their points, the sums above."""
        return self._call(
            "answer_listing",
            market,
            submission_id.number,
            contest.requester,
            contest.terms.as_struct(),
            shown.as_struct(),
            part,
            words(posted),
            list(sums),
            _steps(steps),
        )
