# SPDX-License-Identifier: Apache-2.0
"""Whether what a receipt said is still so: looked into again before anybody signs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelmarket.chain.reasons import REASONS
from modelmarket.errors import FundsError, StepError
from modelmarket.market.paying import refuse_unaffordable
from modelmarket.market.recognising import refuse_overtaken
from modelmarket.protocol import contest_steps, steps
from modelmarket.protocol.actions import (
    Action,
    CancelRequest,
    CancelSubmission,
    ClaimAirdrop,
    CreateContest,
    CreateRequest,
    EnforceTimeout,
    Entering,
    Fund,
    Settle,
    Submit,
    SubmitModel,
    Transfer,
    Withdraw,
    WithdrawBond,
)
from modelmarket.protocol.contests import ContestRecord
from modelmarket.protocol.money import format_about, format_mdc
from modelmarket.protocol.payouts import returns_stake
from modelmarket.protocol.phases import Phase
from modelmarket.protocol.steps import NONE, StepKind, takes_submissions
from modelmarket.system.text import agreeing, counted

if TYPE_CHECKING:
    from modelmarket.market.market import Market
    from modelmarket.protocol.types import Address
    from modelmarket.vault.journal import Entry, Journal


def require_as_told(market: Market, journal: Journal, entry: Entry) -> None:
    """What the receipt says, and what was made sure of before it, is still so.

    Args:
        market: As it is now.
        journal: Has whatever else was prepared.
        entry: What is to be confirmed.

    Raises:
        StepError: It is not; says what has changed, and what to do.
        FundsError: What it moves is not there any more.
        DataError: Hidden rows stand in another request since.
    """
    action = entry.action
    match action:
        case CancelRequest():
            _require_cancellable(market, action)
            _require_as_many(market, action)
            _require_possible(market, entry, action)
        case CancelSubmission() if not action.accept_slash:
            _require_returned(market, action)
            _require_possible(market, entry, action)
        case (
            CancelSubmission()
            | EnforceTimeout()
            | Settle()
            | Withdraw()
            | WithdrawBond()
        ):
            _require_possible(market, entry, action)
        case Transfer() | ClaimAirdrop() | Fund():
            _require_means(market, entry.account, action)
        case Submit() | SubmitModel():
            _require_open_request(market, action)
            if not action.again:
                _require_the_only_one(market, journal, entry, action)
        case CreateRequest() | CreateContest():
            hides_rows = isinstance(action, CreateContest)
            refuse_overtaken(market, action.seal, hides_rows=hides_rows)


def _require_open_request(market: Market, action: Entering) -> None:
    """The request still takes submissions."""
    record = market.record(action.request)
    if not takes_submissions(record, market.moment().now):
        raise StepError(
            f"Request {action.request} takes no more submissions.",
            hint="This can be discarded; nothing was staked on it.",
        )


def _require_returned(market: Market, action: CancelSubmission) -> None:
    """Whoever takes a submission out still gets its stake back."""
    record = market.record(action.request)
    if not returns_stake(record, market.moment().now):
        raise StepError(
            "The deadline has passed, so cancelling now would lose the stake.",
            hint="Begin anew: the request's page says what cancelling costs now.",
        )


def _require_cancellable(market: Market, action: CancelRequest) -> None:
    """The request can still be cancelled."""
    record = market.record(action.request)
    position = record.at(market.moment().now)
    if position.phase not in (Phase.OPEN, Phase.TRUTH):
        raise StepError(
            f"Request {action.request} cannot be cancelled any more.",
            hint="The request's page says how it stands.",
        )


def _require_means(
    market: Market, account: Address, action: Transfer | ClaimAirdrop | Fund
) -> None:
    """An account still has what it sends, or may still have the airdrop."""
    if isinstance(action, Transfer):
        _, purse = market.look_into(account)
        refuse_unaffordable(purse, action.amount)
        return
    _, has = market.holdings(account)
    if isinstance(action, Fund) and has.fees < action.amount:
        raise FundsError(
            f"{account} has {format_about(has.fees, 6)} of the chain's coin and needs "
            f"{format_mdc(action.amount)}."
        )
    if isinstance(action, ClaimAirdrop) and has.no_airdrop:
        raise StepError(has.no_airdrop)


def _require_possible(market: Market, entry: Entry, action: Action) -> None:
    """The contract would still let its signer do it."""
    record, now = market.record(action.request_id), market.moment().now
    kind, who = StepKind(action.kind), entry.account
    if hasattr(action, "submission") and action.submission not in record.submissions:
        raise StepError(
            f"Submission {action.submission} is not there any more.",
            hint="The request's page says how it stands.",
        )
    one = record.submissions.get(getattr(action, "submission", NONE))
    if isinstance(record, ContestRecord):
        why = contest_steps.refusal(kind, record, now, who=who, submission=one)
    else:
        why = steps.refusal(kind, record, now, who=who, submission=one)
    if why is None:
        return
    said, hint = REASONS[why].sentence, REASONS[why].hint
    if isinstance(action, CancelSubmission):
        said = f"Submission {action.submission} cannot be taken out any more."
    raise StepError(said, hint=hint or "The request's page says how it stands.")


def _require_as_many(market: Market, action: CancelRequest) -> None:
    """Nobody has entered since it was said who shares the reward."""
    more = market.record(action.request).live - action.max_live
    if more > 0:
        have = agreeing(more, "has", "have")
        raise StepError(
            f"{counted(more, 'more submission')} {have} entered meanwhile, and "
            "would share the reward.",
            hint="Begin anew: the request's page says what cancelling costs now.",
        )


def _require_the_only_one(
    market: Market, journal: Journal, entry: Entry, action: Entering
) -> None:
    """Two forms may have sealed the same before either was confirmed."""
    twin = journal.twin(entry)
    record = market.index.request(action.request)
    live = [
        one.id
        for one in record.submissions.values()
        if one.seal == action.seal and one.trainer == entry.account and one.is_live
    ]
    if twin is None and not live:
        return
    says = f"stands as submission {live[0]}" if live else "is under way"
    raise StepError(
        f"The same submission {says} already.",
        hint="To stake on it twice, change the submission: it asks whether that is "
        "meant.",
    )
