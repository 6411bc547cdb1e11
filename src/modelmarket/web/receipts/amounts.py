# SPDX-License-Identifier: Apache-2.0
"""What an action moves: the first thing that a receipt says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from modelmarket.protocol import actions
from modelmarket.protocol.types import Wei
from modelmarket.system.text import counted
from modelmarket.vault.journal import State
from modelmarket.web.deeds import gain, leader, sharing
from modelmarket.web.receipts.parts import Amount
from modelmarket.web.views import short

if TYPE_CHECKING:
    from modelmarket.protocol.records import BaseRecord
    from modelmarket.web.receipts.parts import Sight


@dataclass(frozen=True)
class _Labels:
    """Where an amount goes, in the tense of how far the action is.

    Attributes:
        went: Out of the signer's wallet.
        came: Into it.
        lost: Without having moved.
    """

    went: str
    came: str
    lost: str


def _labels(sight: Sight) -> _Labels:
    entry = sight.entry
    who, lose, whose = "You", "You lose", "your wallet"
    if not sight.is_own:
        who, lose, whose = "It", "It loses", "its wallet"
    match entry.state:
        case State.MINED | State.BURIED:
            return _Labels(f"Left {whose}", f"Came to {whose}", f"{who} lost")
        case State.GIVEN_UP | State.REPLACED:
            return _Labels(
                f"Would have left {whose}",
                f"Would have come to {whose}",
                f"{who} would have lost",
            )
        case State.SIGNED | State.SENT:
            return _Labels(f"On its way out of {whose}", f"On its way to {whose}", lose)
        case State.AWAITING:
            once = "once it is signed"
            return _Labels(f"Leaves {whose} {once}", f"Comes to {whose} {once}", lose)
    if sight.is_refused or entry.is_declined or entry.state is State.FAILED:
        return _Labels(
            f"Would leave {whose}", f"Would come to {whose}", f"{who} would lose"
        )
    return _Labels(f"Leaves {whose} now", f"Comes to {whose} now", lose)


def amount_of(sight: Sight, record: BaseRecord | None) -> Amount:
    """What moves now; of what is done, what has moved."""
    entry, action = sight.entry, sight.entry.action
    is_done, labels = entry.state.is_done, _labels(sight)
    if isinstance(action, actions.Fund):
        who = sight.names.get(action.receiver) or short(action.receiver)
        return Amount(
            labels.went, action.amount, "of the chain's coin", f"sent to {who}"
        )
    moved = gain(sight.market, entry, record)
    if is_done and sight.outcome is not None:
        moved = sight.outcome.gain(entry.account)
    if not moved:
        return _lost(sight, record, labels.lost) or Amount(
            labels.went, Wei(0), "MDC", "nothing but the network fee"
        )
    label = labels.went if moved < 0 else labels.came
    return Amount(label, Wei(abs(moved)), "MDC", _what_moves(sight, record, moved))


def _lost(sight: Sight, record: BaseRecord | None, label: str) -> Amount | None:
    """What is lost by an action for which nothing moves now; None for nothing."""
    if record is None:
        return None
    match sight.entry.action:
        case actions.CancelSubmission(accept_slash=True) as action:
            what = "the stake, of which nothing comes back"
            if action.submission == leader(record):
                what += ", and first place"
            return Amount(label, record.terms.stake, "MDC", what)
        case actions.CancelRequest() as action if live := sharing(action, record):
            what = f"the reward, shared by {counted(live, 'live submission')}"
            if live == 1:
                what = "the reward, which goes to the one live submission"
            return Amount(label, record.terms.reward, "MDC", what)
    return None


def _what_moves(sight: Sight, record: BaseRecord | None, moved: int) -> str:
    match sight.entry.action:
        case actions.CreateRequest() | actions.CreateContest():
            return "the reward, which the market holds"
        case actions.Entering():
            return "the stake, which the market holds"
        case actions.Transfer():
            return "sent to another account" if moved < 0 else "sent to you"
        case actions.ClaimAirdrop():
            return "the airdrop, which each account gets once"
        case actions.CancelRequest() as action if record is not None and sharing(
            action, record
        ):
            return "what cannot be shared evenly of the reward"
        case actions.CancelRequest():
            return "the reward, whole"
        case actions.EnforceTimeout():
            return "the reward, whole: nobody won it"
        case actions.Settle() if record is not None:
            is_more = moved > record.terms.stake + record.terms.reward
            bond = ", and the bond of whoever demanded the model" if is_more else ""
            whose = "your" if sight.is_own else "its"
            return f"the stake and the reward{bond}: {whose} model won"
        case actions.CancelSubmission():
            return "the stake, whole"
        case actions.Withdraw() if record is not None:
            is_more = moved > record.terms.stake
            return "the stake, and a share of the reward" if is_more else "the stake"
        case actions.WithdrawBond():
            return "the bond"
    return ""
