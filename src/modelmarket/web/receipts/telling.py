# SPDX-License-Identifier: Apache-2.0
"""A receipt, shown before an action is confirmed, and for good when it is done."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelmarket.protocol import actions
from modelmarket.web import stored
from modelmarket.web.deeds import record_of, submission_of
from modelmarket.web.locks import since
from modelmarket.web.receipts.amounts import amount_of
from modelmarket.web.receipts.entering import cancel_submission, enter, withdraw
from modelmarket.web.receipts.others import end_the_wait, of_no_request, settle
from modelmarket.web.receipts.parts import FOR_ANYBODY, Receipt
from modelmarket.web.receipts.requesting import (
    cancel_request,
    create_contest,
    create_request,
)

if TYPE_CHECKING:
    from modelmarket.protocol.records import BaseRecord
    from modelmarket.web.receipts.parts import Part, Sight

_LOCKED = {
    actions.CreateRequest.kind: "The reward",
    actions.CreateContest.kind: "The reward",
    actions.Submit.kind: "The stake",
    actions.SubmitModel.kind: "The stake",
    actions.Demand.kind: "The bond",
}


def receipt(sight: Sight) -> Receipt:
    """An action's receipt."""
    record, action = record_of(sight.market, sight.entry), sight.entry.action
    hidden = None
    if isinstance(action, actions.CreateContest):
        hidden = stored.hidden(sight.market, action.texts.dataset)
    parts = _parts(sight, record, hidden)
    if not sight.is_own:
        parts = tuple(one for one in parts if one.title in FOR_ANYBODY)
    return Receipt(amount_of(sight, record), parts, hidden, _became(sight, record))


def _became(sight: Sight, record: BaseRecord | None) -> str:
    """What has become of what was locked; see `Receipt`."""
    entry = sight.entry
    if record is None or not entry.state.is_done or not sight.is_own:
        return ""
    found = since(entry.action, record, submission_of(entry, record))
    return "" if found is None else f"{_LOCKED[entry.action.kind]} {found.told}."


def _parts(
    sight: Sight, record: BaseRecord | None, hidden: stored.Hidden | None
) -> tuple[Part, ...]:
    match sight.entry.action:
        case actions.CreateRequest() as action:
            return create_request(sight, action)
        case actions.CreateContest() as action:
            return create_contest(sight, action, hidden)
        case actions.Submit() | actions.SubmitModel() as action:
            return enter(sight, record, action)
        case actions.CancelRequest() as action:
            return cancel_request(sight, record, action)
        case actions.CancelSubmission() as action:
            return cancel_submission(sight, record, action)
        case actions.Withdraw() | actions.WithdrawBond():
            return withdraw(sight, record)
        case actions.Settle():
            return settle(sight, record)
        case actions.EnforceTimeout():
            return end_the_wait(sight, record)
        case action:
            return of_no_request(sight, record, action)
