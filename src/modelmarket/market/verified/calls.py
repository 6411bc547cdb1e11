# SPDX-License-Identifier: Apache-2.0
"""The call that does an action in a verified contest.

Terms, seal and what was shown are not stored on the chain: they come from the index.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelmarket.chain.contracts import NO_PERMIT, Permit, with_copy
from modelmarket.chain.verified import Contest
from modelmarket.errors import InputError, StepError, VaultError
from modelmarket.market.reusing import refuse_used_seal
from modelmarket.protocol import actions
from modelmarket.protocol.contests import ContestRecord
from modelmarket.protocol.shown import NOTHING_SHOWN

if TYPE_CHECKING:
    from modelmarket.chain.blocks import Call
    from modelmarket.market.market import Market
    from modelmarket.protocol.actions import Action
    from modelmarket.protocol.records import Showing, SubmissionRecord
    from modelmarket.protocol.types import RequestId


def contest_of(record: ContestRecord) -> Contest:
    """Which contest a call means."""
    return Contest(record.id, record.requester, record.terms)


def record_of(market: Market, request_id: RequestId) -> ContestRecord:
    """A verified contest, as the index has it.

    Raises:
        NotFoundError: There is none with this id.
    """
    record = market.index.request(request_id)
    assert isinstance(record, ContestRecord), "its id is one of a verified contest"
    return record


def showing_of(record: SubmissionRecord) -> Showing:
    """What a submission showed.

    Raises:
        StepError: It has shown nothing.
    """
    if record.showing is None:
        raise StepError(f"Submission {record.id} has not shown its model.")
    return record.showing


def call_of(market: Market, action: Action, permit: Permit = NO_PERMIT) -> Call:
    """The call that does an action in a verified contest.

    Args:
        market: Whose index has been read up to now.
        action: What is to be done.
        permit: For what it locks.

    Raises:
        TermsError: A contest has this key already.
        VaultError: What was sealed for it is not in this vault.
        StepError: What was to be named has not been shown.
        InputError: It is done by a call of its own.
    """
    contract = market.markets.verified
    if isinstance(action, actions.CreateContest):
        refuse_used_seal(market, action.seal)
        call = contract.create_request(
            action.terms, action.texts, action.weights, permit
        )
        return with_copy(call, market.vault.copy_of(action.seal))
    if isinstance(action, actions.SetOperator):
        return contract.set_operator(action.operator, approved=action.approved)
    record = record_of(market, action.request_id)
    contest = contest_of(record)
    match action:
        case actions.SubmitModel():
            call = contract.submit(
                contest, action.seal, action.superhash, action.name, permit
            )
            return with_copy(call, market.vault.copy_of(action.seal))
        case actions.CancelRequest():
            return contract.cancel_request(contest, action.max_live)
        case actions.OpenKey():
            secret = market.vault.key(record.secret)
            if secret is None:
                raise VaultError(
                    f"The key of request {record.id} is not in this vault.",
                    hint="A backup is read by `modelmarket vault restore FILE`.",
                )
            return contract.open_key(contest, secret.key)
        case actions.EnforceTimeout():
            return contract.enforce_timeout(contest)
        case actions.Settle():
            return _settle(market, record)
        case _:
            return _of_submission(market, record, action, permit)


def _settle(market: Market, record: ContestRecord) -> Call:
    candidate = record.candidate
    if candidate is None:
        if record.stage.is_final:
            raise StepError(f"{record.id.named.capitalize()} has ended.")
        raise StepError(f"Nobody has shown a model in {record.id.named}.")
    showing = showing_of(candidate)
    return market.markets.verified.settle(contest_of(record), showing.shown)


def _of_submission(
    market: Market, record: ContestRecord, action: Action, permit: Permit
) -> Call:
    contract, contest = market.markets.verified, contest_of(record)
    match action:
        case actions.CancelSubmission():
            entry = record.submissions[action.submission]
            showing = entry.showing
            return contract.cancel_submission(
                action.submission,
                contest,
                action.sealed_as,
                NOTHING_SHOWN if showing is None else showing.shown,
                accept_slash=action.accept_slash,
            )
        case actions.Claim():
            entry = record.submissions[action.submission]
            hint = market.index.hint(action.request, action.submission, action.score)
            return contract.claim(
                action.submission,
                contest,
                entry.trainer,
                action.sealed_as,
                score=action.score,
                hint=hint,
            )
        case actions.Demand():
            entry = record.submissions[action.submission]
            shown = showing_of(entry).shown
            return contract.demand(action.submission, contest, shown, permit)
        case actions.Withdraw():
            entry = record.submissions[action.submission]
            return contract.withdraw(entry.id, contest, entry.trainer, entry.seal)
        case actions.WithdrawBond():
            return contract.withdraw_bond(action.submission)
        case _:
            raise InputError(f"{action.what} is not done by one call of its own.")
