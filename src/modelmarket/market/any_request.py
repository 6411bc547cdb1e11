# SPDX-License-Identifier: Apache-2.0
"""What requests of both markets have in common, and their submissions."""

from __future__ import annotations

from abc import abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Self, TypeVar

from modelmarket.chain.reasons import REASONS
from modelmarket.datasets.about import agreement
from modelmarket.datasets.published import REPORT, TRAIN
from modelmarket.errors import (
    InputError,
    ModelMarketError,
    NotFoundError,
    RevertError,
    StepError,
)
from modelmarket.market.contents import KeptModel
from modelmarket.market.paying import refuse_unaffordable
from modelmarket.protocol.actions import (
    CancelRequest,
    CancelSubmission,
    Claim,
    EnforceTimeout,
    Entering,
    Withdraw,
)
from modelmarket.protocol.events import (
    RequestCancelled,
    RequestForfeited,
    RequestFulfilled,
    RequestRefunded,
    SubmissionCancelled,
    SubmissionCreated,
    SubmissionFailed,
)
from modelmarket.protocol.money import format_mdc
from modelmarket.protocol.phases import Phase, Status
from modelmarket.protocol.steps import StepKind
from modelmarket.protocol.types import RequestId, SubmissionId, Wei
from modelmarket.storage.cid import Cid
from modelmarket.storage.store import MOST_BYTES
from modelmarket.system.notebooks import facts_html
from modelmarket.system.text import local_time

if TYPE_CHECKING:
    from collections.abc import Callable

    from modelmarket.chain.blocks import Moment, Receipt
    from modelmarket.datasets.contest import ContestManifest
    from modelmarket.datasets.figures import Metrics
    from modelmarket.datasets.lint.findings import Report
    from modelmarket.datasets.published import Manifest
    from modelmarket.datasets.unusual import Unusual
    from modelmarket.market.contents import Contents
    from modelmarket.market.market import Market
    from modelmarket.market.verified.refutations import Refutation
    from modelmarket.protocol.phases import Position
    from modelmarket.protocol.records import BaseRecord, SubmissionRecord
    from modelmarket.protocol.reproductions import Reproduction
    from modelmarket.protocol.types import Address
    from modelmarket.storage.store import Progress, Stored
    from modelmarket.system.confinement import Limits

CLAIM_TRIES = 5
MOST_NAME_BYTES = 64
STALE_HINTS = ("BadHint", "HintTooFar")

S_co = TypeVar("S_co", bound="AnySubmission", covariant=True)


class AnyRequest(Generic[S_co]):
    """A request of either market, as it was when it was looked at.

    Args:
        market: Where it is.
        record: What its events tell.
        now: Chain time of that look, in seconds.
    """

    record: BaseRecord
    READ_ONCE: ClassVar[tuple[str, ...]] = ()
    """What was read of files that never change: one look hands it on to the next."""

    def __init__(self, market: Market, record: BaseRecord, now: int) -> None:
        self.market = market
        self.record = record
        self.now = now
        self.id: RequestId = record.id

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.id}, {self.position().phase.name})"

    def _repr_html_(self) -> str:
        """What Jupyter shows."""
        from modelmarket.market.describing import request_html

        return request_html(self)

    def refresh(self) -> Self:
        """The request as it is now."""
        return self.as_of(self.market.look())

    def as_of(self, moment: Moment) -> Self:
        """The request as the index has it, which was read up to a moment."""
        now = type(self)(self.market, self.market.record(self.id), moment.now)
        # perf: a large training part takes seconds to be read.
        known = self.__dict__
        now.__dict__.update({one: known[one] for one in self.READ_ONCE if one in known})
        return now

    # --- looking ---

    def position(self) -> Position:
        """Phase and window."""
        return self.record.at(self.now)

    @abstractmethod
    def refuses(
        self, kind: StepKind, submission: SubmissionRecord | None = None
    ) -> bool:
        """Whether the contract would refuse this wallet a call."""

    @abstractmethod
    def status(self) -> str:
        """What is so and what comes next, in words."""

    @abstractmethod
    def submission(self, submission_id: SubmissionId) -> S_co:
        """A submission to this request.

        Raises:
            NotFoundError: It is another one's.
        """

    def submissions(self) -> list[S_co]:
        """All submissions, oldest first."""
        return [self.submission(one) for one in self.record.submissions]

    def ranking(self) -> list[S_co]:
        """Submissions that claimed and have not failed, best first."""
        return [self.submission(one.id) for one in self.record.ranking]

    def winner(self) -> S_co | None:
        """The submission that won."""
        return self.submission(self.record.winner) if self.record.winner else None

    def place_of(self, score: int) -> int | None:
        """The place that a score would have taken, had it been claimed: unofficial.

        Entries of the same score stand in the order in which they were submitted, and
        this one would have been the last. One's own that is as good may be the very
        same, and stands behind it.

        Args:
            score: Matches, or points in a verified contest.

        Returns:
            From 1; None until all others have claimed.
        """
        position = self.position()
        if position.phase < Phase.CLAIMS:
            return None
        if position.phase is Phase.CLAIMS and not position.overdue:
            return None
        mine = self.market.own_accounts
        ahead = [
            one
            for one in self.record.ranking
            if (one.score or 0) >= score
            and not (one.trainer in mine and one.score == score)
        ]
        return len(ahead) + 1

    def mine(self) -> list[S_co]:
        """This wallet's submissions."""
        me = self.market.wallet.address
        return [one for one in self.submissions() if one.record.trainer == me]

    def refutations(self) -> list[Refutation]:
        """Who was refuted, and by what; nobody but in a verified contest."""
        return []

    def submission_record(self, submission_id: SubmissionId) -> SubmissionRecord:
        """What is told of a submission to this request.

        Raises:
            NotFoundError: It is another one's.
        """
        record = self.record.submissions.get(submission_id)
        if record is None:
            raise NotFoundError(
                f"Request {self.id} has no submission {submission_id}.",
                hint=f"`modelmarket request show {self.id}` shows those that it has.",
            )
        return record

    def refuse_if_ended(self) -> None:
        """Makes sure that it has not ended yet.

        Raises:
            StepError: It has; says how, and when.
        """
        if not self.record.stage.is_final:
            return
        ends = (RequestCancelled, RequestForfeited, RequestFulfilled, RequestRefunded)
        for placed in self.market.history(self.id):
            if isinstance(self.market.decode(placed.log), ends):
                raise StepError(
                    f"Request {self.id} has ended already, in block "
                    f"{placed.log.block:,} at {local_time(placed.timestamp)}.",
                    hint=self.status(),
                )

    # --- its files ---

    @property
    def contents(self) -> Contents:
        """Its files, and where they come from."""
        return self.market.contents_of(self.record)

    @abstractmethod
    def manifest(self) -> Manifest | ContestManifest:
        """What the dataset says of itself.

        Raises:
            DataError: It contradicts the terms.
        """

    def agreement(self) -> str:
        """What whoever submits agrees to, in a sentence; empty if nothing was said.

        Raises:
            NotFoundError: No gateway has the dataset.
            DataError: It contradicts the terms.
        """
        return agreement(self.manifest().model_licence)

    def report(self) -> Report:
        """What was found about the table; see `Contents.report`."""
        return self.contents.report(self.manifest().sha256.get(REPORT))

    def fetch(
        self, *, most_bytes: int = MOST_BYTES, progress: Progress | None = None
    ) -> Stored:
        """Gets the dataset into the store; see `Contents.fetch`."""
        return self.contents.fetch(most_bytes=most_bytes, progress=progress)

    def fetch_model(self, destination: Path | str) -> Path:
        """Gets the winner's model, each block checked.

        Args:
            destination: A path that does not exist yet.

        Raises:
            StepError: Nobody has won.
            NotFoundError: No gateway has it.
        """
        kept = self.keep_model()
        return self.market.store.export(kept.folder, Path(destination))

    def keep_model(self, *, most_bytes: int = MOST_BYTES) -> KeptModel:
        """Gets the winner's model into the store, each block checked.

        Args:
            most_bytes: Refuse more than so much, whatever it says of itself.

        Raises:
            StepError: Nobody has won.
            NotFoundError: No gateway has it.
            StorageError: It is not what it says, or is too large.
        """
        if not self.record.model:
            raise StepError(f"Request {self.id} has no winner: {self.status()}")
        folder = self.contents.fetch_model(most_bytes=most_bytes).cid
        return KeptModel(folder, self.market.store.entries(folder))

    def kept_model(self) -> KeptModel | None:
        """The winner's model, if it is in the store; nothing is fetched."""
        files = self.market.files(self.record.model)
        return None if files is None else KeptModel(Cid.parse(self.record.model), files)

    def unusual(self, table: Path) -> list[Unusual]:
        """In which columns new rows are unlike all training rows, the worst first; none
        where the training part is not here, or cannot be read: it may be a stranger's.

        Args:
            table: With the columns of the training part.
        """
        from polars.exceptions import PolarsError

        from modelmarket.datasets.unusual import unusual

        contents, store = self.contents, self.market.store
        if not contents.is_here():
            return []
        try:
            train = store.path(store.resolve(contents.dataset, TRAIN))
            return unusual(train, table, self.manifest().features)
        except (ModelMarketError, PolarsError):
            return []

    def reproduced(self) -> Reproduction | None:
        """What was found out here about the model that won; None if it was not run."""
        if not self.record.winner:
            return None
        seal = self.submission_record(self.record.winner).seal
        return self.market.index.reproduction(seal)

    def model_card(self) -> str:
        """The card of the model that won, as Markdown; see `market.model_cards`.

        Raises:
            StepError: Nobody has won.
            NotFoundError: No gateway has the dataset.
        """
        from modelmarket.market.model_cards import model_card

        return model_card(self)

    @abstractmethod
    def predict(
        self,
        table: Any,
        limits: Limits | None = None,
        *,
        unconfined: bool = False,
        accept_risk: bool = False,
    ) -> list[str]:
        """What the model that won says of another table's rows, in words.

        Raises:
            StepError: Nobody has won.
            DataError: A column is missing, or a cell is none of its kind.
            ConfinementError: This machine cannot confine a stranger's model.
        """

    @abstractmethod
    def reproduce(
        self,
        limits: Limits | None = None,
        *,
        unconfined: bool = False,
        accept_risk: bool = False,
    ) -> Reproduction:
        """Runs the model that won on the rows that it was scored on, and compares.

        Raises:
            StepError: Nobody has won.
            ConfinementError: This machine cannot confine a stranger's model.
            NotFoundError: The model or the rows are nowhere to be had.
        """

    @abstractmethod
    def metrics(self) -> Metrics:
        """How good what won is, by the usual figures, each with an interval.

        Raises:
            StepError: Nobody has won.
            NotFoundError: What it is worked out from is nowhere to be had.
        """

    # --- acting ---

    def enter(
        self,
        kind: type[Entering],
        prepare: Callable[[Self, Address], Entering],
        show: Callable[[str], Any] | None,
    ) -> S_co:
        """Seals something, and stakes on it.

        Args:
            kind: What is prepared.
            prepare: Seals it, for this request as it is now and this wallet's
                account; the secrets lie in the vault when it returns.
            show: Is told first what whoever submits agrees to, and in the end what was
                entered; None for nothing.

        Raises:
            StepError: The deadline has passed, or an interrupted run has
                submitted already.
            FundsError: MDC or fees do not suffice.
        """
        market = self.market
        market.outbox.finish_interrupted(kind.kind, "modelmarket submission list")
        owner = market.wallet.address
        moment, purse = market.look_into(owner, verified=self.id.is_verified)
        now = self.as_of(moment)
        if now.refuses(StepKind.SUBMIT):
            raise StepError(
                f"Request {self.id} takes no more submissions: "
                f"it is in {now.position().phase.name}."
            )
        refuse_unaffordable(purse, now.record.terms.stake)
        if show is not None and (agreed := now.agreement()):
            show(agreed)
        with market.paying(prepare(now, owner), purse, moment.now) as receipt:
            created = next(
                event
                for event in market.markets.events(receipt)
                if isinstance(event, SubmissionCreated)
            )
            entered = self.refresh().submission(created.submission_id)
        if show is not None:
            show(entered.told)
        return entered

    def cancel(self, *, max_live: int = 0) -> Receipt:
        """Cancels the request.

        Args:
            max_live: The most live submissions that may share the reward.

        Raises:
            StepError: It is another's.
        """
        refuse_others(self.market, f"Request {self.id}", self.record.requester)
        return self.market.do(CancelRequest(self.id, self.record.terms_hash, max_live))

    def enforce(self) -> Receipt:
        """Takes the one step that is due because somebody missed it."""
        return self.market.do(EnforceTimeout(self.id))


def refuse_others(market: Market, what: str, owner: Address) -> None:
    """Makes sure that the wallet which is going to sign is the owner's.

    Raises:
        StepError: It is not.
    """
    if market.wallet.address != owner:
        raise StepError(
            f"{what} is not yours: it is that of {owner}.",
            hint="Name another account of yours with --account.",
        )


def told_place(place: int | None) -> str:
    """A place that was not fought for, behind what would have taken it."""
    if place is None:
        return ""
    return f": place {place:,}, had it been submitted in time (unofficial)"


def check_name(name: str) -> None:
    """Makes sure that the contract takes a submission's name.

    Raises:
        InputError: It is too long.
    """
    size = len(name.encode())
    if size > MOST_NAME_BYTES:
        raise InputError(f"The name takes {size} bytes; {MOST_NAME_BYTES} are allowed.")


class AnySubmission:
    """A submission to a request of either market.

    Args:
        request: What it was submitted to.
        record: What its events tell.
    """

    request: AnyRequest[Any]

    def __init__(self, request: AnyRequest[Any], record: SubmissionRecord) -> None:
        self.request = request
        self.record = record
        self.id: SubmissionId = record.id

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.id}, {self.record.status.name})"

    def _repr_html_(self) -> str:
        """What Jupyter shows."""
        record = self.record
        scored = "" if record.score is None else f"claimed {record.score:,}"
        known = self.request.market.reputations([record.trainer])[record.trainer]
        return facts_html(
            f"Submission {self.id} to request {record.request_id}: "
            f"{record.name or 'without a name'}",
            (
                self.status(),
                f"trainer {record.trainer}: {known.as_trainer.short}",
                scored,
            ),
        )

    @property
    def told(self) -> str:
        """Which it is, and what it has staked, in a sentence."""
        staked = format_mdc(self.request.record.terms.stake)
        return (
            f"Submission {self.id} to request {self.request.id}: {staked} MDC are at "
            "stake."
        )

    def due(self) -> Wei:
        """Wei of MDC that withdrawing would pay, as far as this has been read."""
        from modelmarket.protocol import payouts

        return payouts.due(self.request.record, self.record)

    @abstractmethod
    def status(self) -> str:
        """What is so and what comes next, in words."""

    def refuse_if_ended(self) -> None:
        """Makes sure that it is still in the running.

        Raises:
            StepError: It was cancelled or has failed; says when.
        """
        if self.record.is_live:
            return
        kinds = (SubmissionCancelled, SubmissionFailed)
        market = self.request.market
        for placed in market.history(self.request.id):
            event = market.decode(placed.log)
            if isinstance(event, kinds) and event.submission_id == self.id:
                what = {
                    Status.CANCELLED: "was cancelled",
                    Status.FAILED: "failed",
                }[self.record.status]
                name = f" ({self.record.name})" if self.record.name else ""
                raise StepError(
                    f"Submission {self.id}{name} to request {self.request.id} {what} "
                    f"already, in block {placed.log.block:,} at "
                    f"{local_time(placed.timestamp)}.",
                    hint=self.status(),
                )

    def cancel(self, *, accept_slash: bool = False) -> Receipt:
        """Takes the submission out.

        Args:
            accept_slash: Whether to go on where the stake would be lost.

        Raises:
            StepError: It is another's.
        """
        trainer = self.record.trainer
        refuse_others(self.request.market, f"Submission {self.id}", trainer)
        return self.request.market.do(
            CancelSubmission(
                self.request.id,
                self.id,
                self.record.seal,
                accept_slash=accept_slash,
            )
        )

    def send_claim(self, score: int) -> Receipt:
        """States a score: matches, or points of a model.

        Others claim at the same time: a hint can be stale, and is looked up again.
        """
        market = self.request.market
        for attempt in range(1, CLAIM_TRIES + 1):
            if attempt > 1:
                market.look()
            try:
                return market.do(
                    Claim(self.request.id, self.id, self.record.seal, score)
                )
            except RevertError as error:
                if error.reason not in STALE_HINTS or attempt == CLAIM_TRIES:
                    raise
        raise RevertError(REASONS["HintTooFar"].sentence, reason="HintTooFar")

    def withdraw(self) -> Receipt:
        """Takes what is due."""
        return self.request.market.do(Withdraw(self.request.id, self.id))
