# SPDX-License-Identifier: Apache-2.0
"""What is due, and what will be: it follows from the chain and the vault."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from modelmarket.errors import ChainError
from modelmarket.market.concerns import concerns
from modelmarket.market.verified.watching import planned
from modelmarket.protocol import contest_steps, steps
from modelmarket.protocol.contests import ContestRecord
from modelmarket.protocol.steps import NONE
from modelmarket.protocol.types import Address, RequestId, SubmissionId

if TYPE_CHECKING:
    from modelmarket.market import Moment
    from modelmarket.market.concerns import Concern
    from modelmarket.market.market import Market


class Kind(StrEnum):
    """What a step does."""

    OPEN_TRUTH = "open the truth"
    OPEN_KEY = "open the key"
    CLAIM = "claim"
    VALIDATE = "open the predictions"
    SHOW = "show the model"
    WATCH = "watch"
    ANSWER = "post what was demanded"
    SETTLE = "settle"
    WITHDRAW = "withdraw"
    WITHDRAW_BOND = "take the bond back"
    ENFORCE = "enforce the time-out"
    FETCH = "fetch what was bought"
    STAND_BY = "wait for others to act"
    FOLLOW = "follow"
    """The chain, and what was signed before; of no request, and nobody does it."""
    LOOK = "look at"
    """What is planned for it could not be found out; nobody does this step."""


NEVER = 2**63
"""A second that no step is due by."""
_KINDS = {
    steps.StepKind.OPEN_TRUTH: Kind.OPEN_TRUTH,
    steps.StepKind.OPEN_KEY: Kind.OPEN_KEY,
    steps.StepKind.CLAIM: Kind.CLAIM,
    steps.StepKind.OPEN_PREDICTIONS: Kind.VALIDATE,
    steps.StepKind.SHOW_MODEL: Kind.SHOW,
    steps.StepKind.WATCH: Kind.WATCH,
    steps.StepKind.ANSWER: Kind.ANSWER,
    steps.StepKind.SETTLE: Kind.SETTLE,
    steps.StepKind.WITHDRAW: Kind.WITHDRAW,
    steps.StepKind.WITHDRAW_BOND: Kind.WITHDRAW_BOND,
    steps.StepKind.ENFORCE_TIMEOUT: Kind.ENFORCE,
    None: Kind.STAND_BY,
}


_SAYS = {
    Kind.OPEN_TRUTH: ("open the truth of {}", "opened the truth of {}"),
    Kind.OPEN_KEY: ("open the key of {}", "opened the key of {}"),
    Kind.CLAIM: ("claim for {}", "claimed for {}"),
    Kind.VALIDATE: ("open the predictions of {}", "opened the predictions of {}"),
    Kind.SHOW: ("show the model of {}", "showed the model of {}"),
    Kind.WATCH: ("check the model that {} showed", "checked the model that {} showed"),
    Kind.ANSWER: ("post what was demanded of {}", "posted what was demanded of {}"),
    Kind.SETTLE: ("settle {}", "settled {}"),
    Kind.WITHDRAW: ("withdraw what {} is owed", "withdrew what {} was owed"),
    Kind.WITHDRAW_BOND: ("take back the bond on {}", "took back the bond on {}"),
    Kind.ENFORCE: (
        "move {} on, as its time is over",
        "moved {} on, as its time was over",
    ),
    Kind.FETCH: ("fetch the model that won {}", "fetched the model that won {}"),
    Kind.STAND_BY: (
        "wait for others to act on {}",
        "waited for others to act on {}",
    ),
    Kind.FOLLOW: ("follow the chain", "followed the chain"),
    Kind.LOOK: ("look at {}", "looked at {}"),
}
"""Each as something to be done, and as something that was; `{}` is what it is about."""


_BURIED = (Kind.OPEN_TRUTH, Kind.OPEN_KEY)
"""What waits until no reorganisation can open the time before it again."""


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

    @property
    def about(self) -> str:
        """What it is about, as people call it."""
        about = self.request_id.named if self.request_id else "the market"
        if self.submission_id:
            return f"submission {self.submission_id} to {about}"
        return about

    def __str__(self) -> str:
        """What is to be done: `open the truth of request 7`."""
        to_do, _ = _SAYS[self.kind]
        return to_do.format(self.about)

    @property
    def past(self) -> str:
        """What was done: `opened the truth of request 7`."""
        _, done = _SAYS[self.kind]
        return done.format(self.about)


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
    the step is to wait for others to act.

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
            market.verify_counts()
        except ChainError as error:
            trouble(RequestId(0), error)
    found: list[Step] = []
    for one in concerns(market, lambda error: trouble(RequestId(0), error)):
        if one.request_id in resting:
            continue
        try:
            found += _planned(market, one, moment.now)
        except Exception as error:  # noqa: BLE001  # one request never stops the others
            trouble(one.request_id, error)
    # What may take as long as it likes comes after what waits for nothing.
    in_order = sorted(found, key=lambda step: (step.begins, step.ends or NEVER))
    return Outlook(in_order, troubles)


def _planned(market: Market, concern: Concern, now: int) -> list[Step]:
    """The steps for one request.

    Raises:
        Exception: Whatever comes of what strangers wrote.
    """
    record = market.verified(concern.request_id)
    ours = [
        one
        for one in record.submissions.values()
        if concern.submissions.get(one.seal) == one.trainer
    ]
    is_requester = concern.requester == record.requester
    if isinstance(record, ContestRecord):
        accounts = {market.wallet.address}
        accounts |= set(concern.submissions.values())
        found = [
            known
            for step in contest_steps.steps(
                record, ours, now, key_is_ours=is_requester, accounts=accounts
            )
            for known in planned(step, record, market.watched)
        ]
    else:
        found = steps.steps(record, ours, now, truth_is_ours=is_requester)
    planned_here = [
        Step(_KINDS[one.kind], one.request_id, one.submission_id, one.begins, one.ends)
        for one in found
    ]
    # Its author need not serve it for ever.
    bought = is_requester and record.winner
    if bought and market.seen(record, now).kept_model() is None:
        planned_here.append(Step(Kind.FETCH, record.id, NONE, 0, 0))
    return planned_here


def acts_for(market: Market, step: Step) -> Address | None:
    """The trainer who must have appointed the agent for a step, if it needs that.

    Args:
        market: With the agent's key and the index.
        step: The step.
    """
    if step.kind not in (Kind.CLAIM, Kind.SHOW):
        return None
    record = market.record(step.request_id)
    one = record.submissions.get(step.submission_id)
    if one is None or one.trainer == market.wallet.address:
        # What a reorganisation took is no step of anybody's.
        return None
    return one.trainer


def barred(market: Market, plan: Sequence[Step]) -> list[Step]:
    """What of a plan no trainer has let the agent do.

    Args:
        market: With the agent's key and the nodes.
        plan: The steps.

    Raises:
        ChainError: The node does not answer.
    """
    key = market.wallet.address
    may: dict[tuple[Address, bool], bool] = {}
    found = []
    for step in plan:
        trainer, verified = acts_for(market, step), step.request_id.is_verified
        if trainer is None:
            continue
        if (trainer, verified) not in may:
            allowed = market.is_operator(trainer, key, verified=verified)
            may[trainer, verified] = allowed
        if not may[trainer, verified]:
            found.append(step)
    return found


def is_due(market: Market, step: Step, moment: Moment) -> bool:
    """Whether a step's time has come.

    The truth, or the key, waits until a block at or past the deadline is buried,
    and every node that answers has that block: a reorganisation could else let
    somebody submit with the truth in hand. But it never waits longer than half the
    window, for then the reward is at stake.

    Args:
        market: With the nodes.
        step: The step.
        moment: As the chain is now.
    """
    second = moment.now
    if second < step.begins or step.kind is Kind.STAND_BY:
        return False
    if step.kind not in _BURIED or market.network.confirmations == 0:
        return True
    # By a block that there is, or by two clocks: the node's alone, if it is ahead,
    # would have the key sent where everybody may still submit.
    half = step.begins + (step.ends - step.begins) // 2
    if max(moment.head.timestamp, min(second, int(time.time()))) >= half:
        return True
    return market.is_past_for_good(step.begins, moment)
