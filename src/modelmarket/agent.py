# SPDX-License-Identifier: Apache-2.0
"""The agent: does what is due, in time, for everything in the vault.

It keeps no state of its own. What is due follows from the chain and the vault
at any moment, so it may be killed and started again, or run twice: a step
that is done is not due any more, and the contract refuses to do it again.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from modelmarket.errors import ChainError, ModelMarketError, RevertError, StepError
from modelmarket.protocol.phases import Phase, Status
from modelmarket.protocol.types import RequestId, SubmissionId

if TYPE_CHECKING:
    from modelmarket.index.history import RequestRecord, SubmissionRecord
    from modelmarket.market.market import Market

POLL_S = 2.0
NONE = SubmissionId(0)


class Kind(StrEnum):
    """What a step does."""

    OPEN_TRUTH = "open the truth"
    CLAIM = "claim"
    VALIDATE = "open the predictions"
    WITHDRAW = "withdraw"
    ENFORCE = "enforce the time-out"


@dataclass(frozen=True)
class Step:
    """Something to be done.

    Attributes:
        kind: What.
        request_id: About which request.
        submission_id: About which submission; 0 = none.
        begins: The second from which it can be done.
        ends: The second from which it is too late; 0 = never.
    """

    kind: Kind
    request_id: RequestId
    submission_id: SubmissionId
    begins: int
    ends: int

    def __str__(self) -> str:
        about = f"request {self.request_id}"
        if self.submission_id:
            about = f"submission {self.submission_id} to {about}"
        return f"{self.kind.value}: {about}"


@dataclass(frozen=True)
class Report:
    """What became of a step.

    Attributes:
        step: The step.
        done: Whether it is done, by us or by somebody else.
        message: What happened, in words.
    """

    step: Step
    done: bool
    message: str


NO_STEP = Step(Kind.ENFORCE, RequestId(0), NONE, 0, 0)
"""Stands for the whole round when the chain cannot be reached."""


def plan(market: Market) -> list[Step]:
    """Everything that is due or will be, for what is in the vault.

    Steps whose time has not come have `begins` in the future.
    """
    market.index.sync()
    now = market.now()
    steps: list[Step] = []
    for record, truth_is_ours, ours in _concerns(market):
        if record.stage.is_final:
            steps += _withdrawals(record, ours)
        else:
            steps += _steps(record, ours, now, truth_is_ours=truth_is_ours)
    return sorted(steps, key=lambda step: (step.begins, step.ends))


def is_due(market: Market, step: Step) -> bool:
    """Whether a step's time has come.

    The truth waits until a block at or past the deadline is buried, since a
    reorganisation could else let somebody submit with the truth in hand; but
    never longer than half the window.
    """
    now = market.now()
    if now < step.begins:
        return False
    if step.kind is not Kind.OPEN_TRUTH or market.network.confirmations == 0:
        return True
    if now >= step.begins + (step.ends - step.begins) // 2:
        return True
    head = market.connection.block().number
    buried = market.connection.block(max(0, head - market.network.confirmations))
    if buried.timestamp >= step.begins:
        return True
    try:
        return market.connection.block("finalized").timestamp >= step.begins
    except ChainError:
        return False


def perform(market: Market, step: Step) -> Report:
    """Does a step; an error is reported, not raised."""
    try:
        request = market.request(step.request_id)
        if step.submission_id:
            submission = market.submission(step.submission_id)
        match step.kind:
            case Kind.OPEN_TRUTH:
                request.open_truth()
            case Kind.CLAIM:
                submission.claim()
            case Kind.VALIDATE:
                submission.validate()
            case Kind.WITHDRAW:
                submission.withdraw()
            case Kind.ENFORCE:
                request.enforce()
    except (RevertError, StepError) as error:
        # Somebody else may have done it, or moved the request on.
        still_due = any(
            one.kind is step.kind
            and one.request_id == step.request_id
            and one.submission_id == step.submission_id
            and is_due(market, one)
            for one in plan(market)
        )
        return Report(step, done=not still_due, message=str(error))
    except ModelMarketError as error:
        return Report(step, done=False, message=str(error))
    return Report(step, done=True, message="done")


def run_once(market: Market) -> list[Report]:
    """Does everything that is due now, the most urgent first.

    Doing a step can make another one due; that is done too.
    """
    reports: list[Report] = []
    failed: set[tuple[Kind, int, int]] = set()
    while True:
        due = [
            step
            for step in plan(market)
            if (step.kind, step.request_id, step.submission_id) not in failed
            and is_due(market, step)
        ]
        if not due:
            return reports
        for step in sorted(due, key=lambda one: one.ends or 2**63):
            report = perform(market, step)
            reports.append(report)
            if not report.done or report.message != "done":
                failed.add((step.kind, step.request_id, step.submission_id))


def run(
    market: Market,
    *,
    tell: Callable[[Report], None],
    stop: threading.Event | None = None,
    poll_s: float = POLL_S,
) -> None:
    """Keeps every appointment until it is told to stop.

    Args:
        market: With wallet and vault.
        tell: Is given what became of each step.
        stop: Ends the agent between two steps.
        poll_s: Seconds between two looks at the chain.
    """
    ended = stop or threading.Event()
    while not ended.is_set():
        try:
            market.resume()
            for report in run_once(market):
                tell(report)
        except ChainError as error:
            tell(Report(NO_STEP, done=False, message=str(error)))
        ended.wait(poll_s)


def _concerns(
    market: Market,
) -> Iterator[tuple[RequestRecord, bool, list[SubmissionRecord]]]:
    """Each request of the vault, whether its truth is ours, and which of its
    submissions are.
    """
    ours: dict[RequestId, list[SubmissionId]] = {}
    truths: set[RequestId] = set()
    for name, kind in market.vault.seals(market.network.market).items():
        if kind == "truth":
            request_id = market.index.request_of_seal(name)
            if request_id is not None:
                truths.add(request_id)
            continue
        secret = market.vault.predictions(name)
        for submission_id, trainer in market.index.submissions_of_seal(name):
            if secret is not None and trainer == secret.trainer:
                ours.setdefault(secret.request_id, []).append(submission_id)
    for request_id in sorted(truths | ours.keys()):
        record = market.index.request(request_id)
        mine = [record.submissions[one] for one in ours.get(request_id, [])]
        yield record, request_id in truths, mine


def _withdrawals(record: RequestRecord, ours: list[SubmissionRecord]) -> Iterator[Step]:
    """What an ended request owes to ours: the table in the protocol."""
    owed = {
        Phase.CANCELLED: Status.LIVE,
        Phase.FORFEITED: Status.LIVE,
        Phase.REFUNDED: Status.RANKED,
        Phase.FULFILLED: Status.RANKED,
    }[record.stage]
    for one in ours:
        if one.status is owed:
            yield Step(Kind.WITHDRAW, record.id, one.id, 0, 0)


def _steps(
    record: RequestRecord,
    ours: list[SubmissionRecord],
    now: int,
    *,
    truth_is_ours: bool,
) -> Iterator[Step]:
    position, window = record.at(now), record.terms.response_window_s
    live = [one for one in ours if one.is_live]
    if position.overdue:
        if _gains_by_enforcing(record, live, position.phase, requester=truth_is_ours):
            yield Step(Kind.ENFORCE, record.id, NONE, position.step_ends, 0)
        return
    if position.phase in (Phase.OPEN, Phase.TRUTH):
        if truth_is_ours:
            begins = record.deadline if record.pages == 0 else record.started
            ends = max(begins + window, position.step_ends)
            yield Step(Kind.OPEN_TRUTH, record.id, NONE, begins, ends)
        for one in live:
            # Claims come once the truth is open; until then nothing can be done.
            yield Step(Kind.CLAIM, record.id, one.id, position.step_ends, 0)
        return
    match position.phase:
        case Phase.CLAIMS:
            for one in live:
                if one.status is Status.LIVE:
                    yield Step(
                        Kind.CLAIM,
                        record.id,
                        one.id,
                        record.started,
                        position.step_ends,
                    )
        case Phase.VALIDATION:
            best = record.ranking[0]
            if best in live:
                begins = position.step_ends - window
                yield Step(
                    Kind.VALIDATE, record.id, best.id, begins, position.step_ends
                )
        case _:
            return


def _gains_by_enforcing(
    record: RequestRecord,
    live: list[SubmissionRecord],
    phase: Phase,
    *,
    requester: bool,
) -> bool:
    """Whether taking the step that somebody missed is in the user's interest."""
    ranked = [one for one in live if one.status is Status.RANKED]
    if phase is Phase.TRUTH:
        return bool(live) or (requester and record.live == 0)
    if phase is Phase.CLAIMS:
        return requester or bool(ranked)
    candidate = record.ranking[0]
    return candidate not in ranked and (requester or bool(ranked))
