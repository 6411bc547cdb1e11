# SPDX-License-Identifier: Apache-2.0
"""What an action moves: the first thing that a receipt says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelmarket.protocol import actions
from modelmarket.protocol.types import Wei
from modelmarket.system.text import counted
from modelmarket.web.deeds import gain, sharing
from modelmarket.web.receipts.parts import Amount
from modelmarket.web.views import short

if TYPE_CHECKING:
    from modelmarket.protocol.records import BaseRecord
    from modelmarket.web.receipts.parts import Sight


def amount_of(sight: Sight, record: BaseRecord | None) -> Amount:
    """What moves now; of what is done, what has moved."""
    entry, action = sight.entry, sight.entry.action
    is_done = entry.state.is_done
    went = "Left your wallet" if is_done else "Leaves your wallet now"
    came = "Came to your wallet" if is_done else "Comes to your wallet now"
    if entry.state.is_given_up:
        went, came = "Would have left your wallet", "Would have come to your wallet"
    if isinstance(action, actions.Fund):
        who = sight.names.get(action.receiver) or short(action.receiver)
        return Amount(went, action.amount, "of the chain's coin", f"sent to {who}")
    moved = gain(sight.market, entry, record)
    if is_done and sight.outcome is not None:
        moved = sight.outcome.gain(entry.account)
    if not moved:
        return _lost(action, record, is_done=is_done) or Amount(
            went, Wei(0), "MDC", "nothing but the network fee"
        )
    label = went if moved < 0 else came
    return Amount(label, Wei(abs(moved)), "MDC", _what_moves(action, record, moved))


def _lost(
    action: actions.Action, record: BaseRecord | None, *, is_done: bool
) -> Amount | None:
    """What is lost by an action for which nothing moves now; None for nothing."""
    label = "You lost" if is_done else "You lose"
    if record is None:
        return None
    match action:
        case actions.CancelSubmission(accept_slash=True):
            what = "the stake, of which nothing comes back"
            return Amount(label, record.terms.stake, "MDC", what)
        case actions.CancelRequest() if live := sharing(action, record):
            what = f"the reward, shared by {counted(live, 'live submission')}"
            if live == 1:
                what = "the reward, which goes to the one live submission"
            return Amount(label, record.terms.reward, "MDC", what)
    return None


def _what_moves(action: actions.Action, record: BaseRecord | None, moved: int) -> str:
    match action:
        case actions.CreateRequest() | actions.CreateContest():
            return "the reward, which the market holds"
        case actions.Entering():
            return "the stake, which the market holds"
        case actions.Transfer():
            return "sent to another account" if moved < 0 else "sent to you"
        case actions.ClaimAirdrop():
            return "the airdrop, which each account gets once"
        case actions.CancelRequest() if record is not None and sharing(action, record):
            return "what cannot be shared evenly of the reward"
        case actions.CancelRequest():
            return "the reward, whole"
        case actions.EnforceTimeout():
            return "the reward, whole: nobody won it"
        case actions.Settle() if record is not None:
            is_more = moved > record.terms.stake + record.terms.reward
            bond = ", and the bond of whoever demanded the model" if is_more else ""
            return f"the stake and the reward{bond}: your model won"
        case actions.CancelSubmission():
            return "the stake, whole"
        case actions.Withdraw() if record is not None:
            is_more = moved > record.terms.stake
            return "the stake, and a share of the reward" if is_more else "the stake"
        case actions.WithdrawBond():
            return "the bond"
    return ""
