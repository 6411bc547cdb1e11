# SPDX-License-Identifier: Apache-2.0
"""What is due, and what will be: it follows from the chain and the vault."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from modelmarket.errors import ChainError, UnreadableError
from modelmarket.protocol import steps
from modelmarket.protocol.steps import NONE
from modelmarket.protocol.types import RequestId, SubmissionId

if TYPE_CHECKING:
    from modelmarket.chain.blocks import Moment
    from modelmarket.market.market import Market
    from modelmarket.protocol.types import Address, Seal
    from modelmarket.vault.secret import SealedTruth


class Kind(StrEnum):
    """What a step does."""

    OPEN_TRUTH = "open the truth"
    CLAIM = "claim"
    VALIDATE = "open the predictions"
    WITHDRAW = "withdraw"
    ENFORCE = "enforce the time-out"
    STAND_BY = "stand by"
    LOOK = "look at"
    """What is planned for it could not be found out; nobody does this step."""


_KINDS = {
    steps.StepKind.OPEN_TRUTH: Kind.OPEN_TRUTH,
    steps.StepKind.CLAIM: Kind.CLAIM,
    steps.StepKind.OPEN_PREDICTIONS: Kind.VALIDATE,
    steps.StepKind.WITHDRAW: Kind.WITHDRAW,
    steps.StepKind.ENFORCE_TIMEOUT: Kind.ENFORCE,
    None: Kind.STAND_BY,
}


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
        about = f"request {self.request_id}" if self.request_id else "the market"
        if self.submission_id:
            about = f"submission {self.submission_id} to {about}"
        return f"{self.kind.value}: {about}"


@dataclass(frozen=True)
class Trouble:
    """What keeps the steps for a request from being planned.

    Attributes:
        step: To look at it; about request 0 where it is about the whole market.
        error: What went wrong.
    """

    step: Step
    error: Exception


@dataclass(frozen=True)
class Outlook:
    """A plan, and what could not be planned.

    Attributes:
        steps: What is due or will be, in the order in which it begins.
        troubles: One for each request whose steps are not among them.
    """

    steps: list[Step]
    troubles: list[Trouble]


def plan(market: Market, moment: Moment | None = None) -> list[Step]:
    """Everything that is due or will be, for what is in the vault.

    What cannot be planned for one request keeps no other from it: see `look_ahead`.

    Args:
        market: With the vault and the nodes.
        moment: That the index has been read up to; None to look.

    Raises:
        ChainError: The node does not answer, or keeps leaving something out.
    """
    outlook = look_ahead(market, moment or market.look())
    for trouble in outlook.troubles:
        if not trouble.step.request_id and isinstance(trouble.error, ChainError):
            raise trouble.error
    return outlook.steps


def look_ahead(
    market: Market, moment: Moment, resting: Collection[RequestId] = ()
) -> Outlook:
    """The plan, and what could not be planned.

    Steps whose time has not come have `begins` in the future. Where nothing is
    to be done for now, but may be once others have acted or missed their time,
    the step is to stand by.

    Args:
        market: With the vault and the nodes.
        moment: That the index has been read up to.
        resting: Requests to be left alone, since they could not be planned
            lately; 0 stands for looking at the market as a whole.

    Raises:
        ChainError: The node does not answer.
    """
    troubles: list[Trouble] = []

    def trouble(request_id: RequestId, error: Exception) -> None:
        step = Step(Kind.LOOK, request_id, NONE, 0, 0)
        troubles.append(Trouble(step, error))

    if RequestId(0) not in resting:
        try:
            market.verifier.verify_counts()
        except ChainError as error:
            trouble(RequestId(0), error)
    found: list[Step] = []
    for one in _concerns(market, trouble):
        if one.request_id in resting:
            continue
        try:
            found += _planned(market, one, moment.now)
        except Exception as error:  # noqa: BLE001  # one request never stops the others
            trouble(one.request_id, error)
    return Outlook(sorted(found, key=lambda step: (step.begins, step.ends)), troubles)


def _planned(market: Market, concern: _Concern, now: int) -> list[Step]:
    """The steps for one request.

    Raises:
        Exception: Whatever comes of what strangers wrote.
    """
    try:
        record = market.index.request(concern.request_id)
    except UnreadableError:
        market.verifier.read_again(concern.request_id)
        record = market.index.request(concern.request_id)
    if not record.stage.is_final:
        record = market.verifier.verify(record)
    ours = [
        one
        for one in record.submissions.values()
        if concern.submissions.get(one.seal) == one.trainer
    ]
    truth_is_ours = concern.requester == record.requester
    return [
        Step(_KINDS[one.kind], one.request_id, one.submission_id, one.begins, one.ends)
        for one in steps.steps(record, ours, now, truth_is_ours=truth_is_ours)
    ]


def is_due(market: Market, step: Step, moment: Moment) -> bool:
    """Whether a step's time has come.

    The truth waits until a block at or past the deadline is buried, and every
    node that answers has that block: a reorganisation could else let somebody
    submit with the truth in hand. But it never waits longer than half the
    window, for then the reward is at stake.

    Args:
        market: With the nodes.
        step: The step.
        moment: As the chain is now.
    """
    second = moment.now
    if second < step.begins or step.kind is Kind.STAND_BY:
        return False
    if step.kind is not Kind.OPEN_TRUTH or market.network.confirmations == 0:
        return True
    if second >= step.begins + (step.ends - step.begins) // 2:
        return True
    return _is_past_for_good(market, step.begins, moment)


def _is_past_for_good(market: Market, second: int, moment: Moment) -> bool:
    connection, head = market.connection, moment.head.number
    buried = connection.block(max(0, head - market.network.confirmations))
    if buried.timestamp >= second:
        return connection.is_agreed(buried)
    try:
        final = connection.block("finalized")
    except ChainError:
        return False
    return final.timestamp >= second and connection.is_agreed(final)


@dataclass
class _Concern:
    """What the vault has to do with a request.

    Attributes:
        request_id: The request.
        requester: Who sealed the truth that is in the vault; empty for none.
        submissions: Who sealed the predictions that are, by seal.
    """

    request_id: RequestId
    requester: str = ""
    submissions: dict[Seal, Address] = field(default_factory=dict)


def _concerns(
    market: Market, trouble: Callable[[RequestId, Exception], None]
) -> list[_Concern]:
    """Each request that a secret in the vault opens, or may open."""
    found: dict[RequestId, _Concern] = {}
    for seal, kind in market.vault.seals(market.network.market).items():
        try:
            _note(market, seal, kind, found)
        except Exception as error:  # noqa: BLE001  # one secret never stops the others
            trouble(RequestId(0), error)
    return [found[one] for one in sorted(found)]


def _note(
    market: Market, seal: Seal, kind: str, found: dict[RequestId, _Concern]
) -> None:
    """Notes what a secret has to do with which requests.

    A seal may be copied: only who sealed it can have entered it in earnest.
    """
    index = market.index
    if kind == "truth":
        truth = market.vault.truth(seal)
        if truth is None:
            return
        where = [
            request_id
            for request_id, requester in index.requests_of_seal(seal)
            if requester == truth.requester
        ]
        for request_id in (*where, *_set_aside_with(market, truth, seal)):
            concern = found.setdefault(request_id, _Concern(request_id))
            concern.requester = truth.requester
        return
    secret = market.vault.predictions(seal)
    if secret is None:
        return
    trainers = [trainer for _, trainer in index.submissions_of_seal(seal)]
    if secret.trainer in trainers or secret.request_id in index.set_aside():
        concern = found.setdefault(secret.request_id, _Concern(secret.request_id))
        concern.submissions[seal] = secret.trainer


def _set_aside_with(
    market: Market, truth: SealedTruth, seal: Seal
) -> Iterator[RequestId]:
    """What is set aside is in no table but that of the events."""
    requester = bytes.fromhex(truth.requester[2:]).rjust(32, b"\0")
    for request_id in market.index.set_aside():
        if any(
            requester in one.log.topics or one.log.data.find(seal) >= 0
            for one in market.index.logs(request_id)
        ):
            yield request_id
