# SPDX-License-Identifier: Apache-2.0
"""What the page's user can do about a request, and which of it comes first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from modelmarket.protocol import contest_steps
from modelmarket.protocol.contests import ContestRecord
from modelmarket.protocol.money import format_mdc
from modelmarket.protocol.payouts import bond_due, due, missed_claim, returns_stake
from modelmarket.protocol.steps import NONE, StepKind, refusal
from modelmarket.system.text import counted
from modelmarket.web.deeds import NOBODY_GAINS, given_up, leader
from modelmarket.web.happenings import UNCLAIMED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelmarket.protocol.phases import Position
    from modelmarket.protocol.records import SubmissionRecord
    from modelmarket.protocol.replaying import Record
    from modelmarket.protocol.types import Address, SubmissionId


@dataclass(frozen=True)
class Choice:
    """Something that the user can do now.

    Attributes:
        kind: The action.
        label: Of the button.
        why: What it does and costs.
        submission: Which it is about; 0 = none.
        is_urgent: Whether it is the next step rather than a possibility.
    """

    kind: StepKind
    label: str
    why: str
    submission: SubmissionId = NONE
    is_urgent: bool = False


def choices(record: Record, now: int, account: Address | None) -> list[Choice]:
    """What an account can do about a request now.

    Args:
        record: The request.
        now: Seconds of chain time.
        account: Whose page it is.
    """
    if account is None:
        return []
    sight = _Sight(
        record,
        now,
        account,
        record.at(now),
        leader(record),
        returns_stake=returns_stake(record, now),
    )
    found = [*_of_request(sight)]
    for one in record.submissions.values():
        found += _of_submission(sight, one)
    return found


@dataclass(frozen=True)
class _Sight:
    """What choices follow from.

    perf: position and leader take sorting all claims, so they are found once, and not
    once for each of what may be a thousand submissions.
    """

    record: Record
    now: int
    account: Address
    position: Position
    leads: SubmissionId
    returns_stake: bool

    def may(self, kind: StepKind, one: SubmissionRecord | None = None) -> bool:
        """Whether the contract would let the account do something."""
        record, now, who, at = self.record, self.now, self.account, self.position
        if isinstance(record, ContestRecord):
            why = contest_steps.refusal(
                kind, record, now, who=who, submission=one, position=at
            )
        else:
            why = refusal(kind, record, now, who=who, submission=one, position=at)
        return why is None


def _of_request(sight: _Sight) -> Iterator[Choice]:
    record = sight.record
    if sight.may(StepKind.ENFORCE_TIMEOUT):
        why = (
            "Somebody missed a step. Anyone may end the wait; the contract does "
            "what the rules say."
        )
        yield Choice(StepKind.ENFORCE_TIMEOUT, "End the wait", why, is_urgent=True)
    if record.id.is_verified and sight.may(StepKind.SETTLE):
        why = "The model stood unrefuted. Anyone may have its trainer paid."
        yield Choice(StepKind.SETTLE, "Pay the winner", why, is_urgent=True)
    if sight.may(StepKind.CANCEL_REQUEST):
        reward = format_mdc(record.terms.reward)
        why = f"The reward of {reward} MDC comes back to you."
        if record.live:
            why = (
                f"The reward of {reward} MDC goes to the "
                f"{counted(record.live, 'submission that is', 'submissions that are')} "
                "in, and each stake back to its trainer. You keep what cannot be "
                "shared evenly."
            )
        yield Choice(StepKind.CANCEL_REQUEST, "Cancel the request", why)


def _of_submission(sight: _Sight, one: SubmissionRecord) -> Iterator[Choice]:
    record, demand = sight.record, one.demand
    if demand is not None and demand.demander == sight.account and bond_due(one):
        why = (
            f"The bond of {format_mdc(bond_due(one))} MDC with which you demanded "
            "this model is yours again."
        )
        yield Choice(
            StepKind.WITHDRAW_BOND, "Take the bond back", why, one.id, is_urgent=True
        )
    if one.trainer != sight.account:
        return
    if sight.may(StepKind.WITHDRAW, one):
        why = f"{format_mdc(due(record, one))} MDC are yours."
        yield Choice(StepKind.WITHDRAW, "Withdraw", why, one.id, is_urgent=True)
    if sight.may(StepKind.CANCEL_SUBMISSION, one):
        yield Choice(
            StepKind.CANCEL_SUBMISSION,
            "Cancel the submission",
            _of_cancelling(sight, one),
            one.id,
        )


def _of_cancelling(sight: _Sight, one: SubmissionRecord) -> str:
    """What a submission that is cancelled gets back, or loses."""
    locked = format_mdc(sight.record.terms.stake)
    if sight.returns_stake:
        return f"Your stake of {locked} MDC comes back to you."
    if missed_claim(one, sight.position):
        return (
            f"Your stake of {locked} MDC is lost already: {UNCLAIMED}. "
            "Cancelling brings nothing back."
        )
    lost = given_up(sight.record, one, sight.position, sight.leads)
    also = f" and {lost}" if lost else ", your stake"
    return f"You lose {locked} MDC{also}. {NOBODY_GAINS}."
