# SPDX-License-Identifier: Apache-2.0
"""What is due, and what will be: it follows from the chain and the vault."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from modelmarket.errors import ChainError
from modelmarket.protocol.phases import Phase, Status
from modelmarket.protocol.types import RequestId, SubmissionId

if TYPE_CHECKING:
    from modelmarket.index.history import RequestRecord, SubmissionRecord
    from modelmarket.market.market import Market

NONE = SubmissionId(0)


class Kind(StrEnum):
    """What a step does."""

    OPEN_TRUTH = "open the truth"
    CLAIM = "claim"
    VALIDATE = "open the predictions"
    WITHDRAW = "withdraw"
    ENFORCE = "enforce the time-out"
    STAND_BY = "stand by"


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

    @property
    def key(self) -> tuple[Kind, RequestId, SubmissionId]:
        """What it is, whenever it is due."""
        return self.kind, self.request_id, self.submission_id

    def __str__(self) -> str:
        about = f"request {self.request_id}"
        if self.submission_id:
            about = f"submission {self.submission_id} to {about}"
        return f"{self.kind.value}: {about}"


def plan(market: Market, now: int | None = None) -> list[Step]:
    """Everything that is due or will be, for what is in the vault.

    Steps whose time has not come have `begins` in the future. Where nothing is
    to be done for now, but may be once others have acted or missed their time,
    the step is to stand by.

    Args:
        market: With the vault and the nodes.
        now: Chain time; None to ask for it.
    """
    market.index.sync()
    market.verifier.verify_counts()
    now = market.now() if now is None else now
    steps: list[Step] = []
    for record, truth_is_ours, ours in _concerns(market):
        if record.stage.is_final:
            steps += _withdrawals(record, ours)
            continue
        found = list(_steps(record, ours, now, truth_is_ours=truth_is_ours))
        steps += found or _standing_by(record, ours, now)
    return sorted(steps, key=lambda step: (step.begins, step.ends))


def is_due(market: Market, step: Step, now: int | None = None) -> bool:
    """Whether a step's time has come.

    The truth waits until a block at or past the deadline is buried, and every
    node that answers has that block: a reorganisation could else let somebody
    submit with the truth in hand. But it never waits longer than half the
    window, for then the reward is at stake.

    Args:
        market: With the nodes.
        step: The step.
        now: Chain time; None to ask for it.
    """
    second = market.now() if now is None else now
    if second < step.begins or step.kind is Kind.STAND_BY:
        return False
    if step.kind is not Kind.OPEN_TRUTH or market.network.confirmations == 0:
        return True
    if second >= step.begins + (step.ends - step.begins) // 2:
        return True
    return _is_past_for_good(market, step.begins)


def _is_past_for_good(market: Market, second: int) -> bool:
    connection = market.connection
    head = connection.block().number
    buried = connection.block(max(0, head - market.network.confirmations))
    if buried.timestamp >= second:
        return connection.is_agreed(buried)
    try:
        final = connection.block("finalized")
    except ChainError:
        return False
    return final.timestamp >= second and connection.is_agreed(final)


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
        if not record.stage.is_final:
            record = market.verifier.verify(record)
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
    position, window = record.at(now), record.terms.opening_window_s
    live = [one for one in ours if one.is_live]
    if position.overdue:
        if _gains_by_enforcing(record, live, position.phase, requester=truth_is_ours):
            yield Step(Kind.ENFORCE, record.id, NONE, position.step_ends, 0)
        return
    if position.phase in (Phase.OPEN, Phase.TRUTH):
        if truth_is_ours:
            begins = record.deadline
            yield Step(Kind.OPEN_TRUTH, record.id, NONE, begins, begins + window)
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


def _standing_by(
    record: RequestRecord, ours: list[SubmissionRecord], now: int
) -> Iterator[Step]:
    """A claim may become the candidate, and others may miss their steps."""
    position = record.at(now)
    ranked = [one.id for one in ours if one.is_live and one.status is Status.RANKED]
    for one in ranked or [NONE]:
        yield Step(Kind.STAND_BY, record.id, one, position.step_ends, 0)


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
