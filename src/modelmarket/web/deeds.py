# SPDX-License-Identifier: Apache-2.0
"""What somebody did, in words: about which request, and what it moved."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from markupsafe import Markup

from modelmarket.errors import ModelMarketError
from modelmarket.protocol import actions
from modelmarket.protocol.money import ONE_MDC, format_mdc
from modelmarket.protocol.payouts import bond_due, due
from modelmarket.protocol.phases import Phase, Status
from modelmarket.protocol.types import RequestId, SubmissionId, Wei
from modelmarket.web.locks import since
from modelmarket.web.views import ACTIONS, short

if TYPE_CHECKING:
    from collections.abc import Mapping

    from modelmarket.market import Market
    from modelmarket.protocol.phases import Position
    from modelmarket.protocol.records import BaseRecord, SubmissionRecord
    from modelmarket.protocol.types import Address
    from modelmarket.vault.journal import Entry

TO_BE_CONFIRMED = "to be confirmed"
"""What the journal says of what nothing has come in the way of."""
AIRDROP = Wei(1_000 * ONE_MDC)

ENDS = (
    "RequestCancelled",
    "RequestForfeited",
    "RequestFulfilled",
    "RequestRefunded",
)
"""Each ends a request."""
_MOST_SECOND = 2**63
PAYING_BACK = (
    actions.CancelRequest,
    actions.CancelSubmission,
    actions.EnforceTimeout,
)
"""What gives back what was locked."""

TO_DO = ACTIONS | {
    "enforce_timeout": "move {} on, as its time is over",
    "settle": "pay the winner of {}",
}
"""What each kind of action is going to do, to which request where that is said."""

DONE = {
    "create_request": "Created a request",
    "create_contest": "Created a verified contest",
    "submit": "Submitted predictions",
    "submit_model": "Submitted a model",
    "claim_airdrop": "Claimed the airdrop",
    "cancel_request": "Cancelled the request",
    "cancel_submission": "Cancelled the submission",
    "withdraw": "Withdrew",
    "withdraw_bond": "Took the bond back",
    "enforce_timeout": "Moved {} on, as its time was over",
    "settle": "Had the winner of {} paid",
    "set_operator": "Appointed the agent",
    "fund": "Funded the agent",
    "transfer": "Sent MDC",
    "open_truth": "Opened the truth",
    "open_key": "Opened the key",
    "claim": "Claimed its score",
    "open_predictions": "Opened the predictions",
    "show_model": "Showed the model",
    "refute": "Refuted a false model",
    "demand": "Demanded a model",
    "answer": "Posted the model that was demanded",
    "other": "Another call",
}
"""What each kind of action did, once it is in the chain; to which request likewise."""


@dataclass(frozen=True)
class Deed:
    """An action in a list.

    Attributes:
        entry: In the journal.
        second: Of its block, in chain time; before that the one it was begun in, of
            this computer's clock where the chain's was not known.
        what: Which action, in words.
        request: Which it is about; 0 = none.
        name: Of the request; empty where it is not known.
        entered: The submission that it is about, in words; empty for none.
        amount: Wei of MDC that whoever looks had more afterwards, or had fewer of; of
            what moves nothing of theirs, that its signer had.
        lost: Wei of MDC that were locked before and did not come back.
        fund: Wei of the chain's own coin that it sent.
        moved: What became of the amount, in a word.
    """

    entry: Entry
    second: int
    what: str
    request: RequestId
    name: str
    entered: str
    amount: Wei
    lost: Wei
    fund: Wei
    moved: str

    @classmethod
    def of(
        cls,
        market: Market,
        entry: Entry,
        seconds: Mapping[int, int],
        account: Address | None = None,
    ) -> Deed:
        """As the journal and the index have it; no node is asked.

        Args:
            market: With the index.
            entry: In the journal.
            seconds: Of blocks, as far as they are known.
            account: Who looks; None for whoever signed it.
        """
        action, is_done = entry.action, entry.state.is_done
        record = record_of(market, entry)
        request, name = about(entry, record)
        moves = is_done or entry.is_under_way
        own = gain(market, entry, record, account) if moves else Wei(0)
        amount = own or (gain(market, entry, record) if moves else Wei(0))
        moved = _moved(action, amount)
        if account not in (None, entry.account):
            is_agent = entry.account == market.wallet.address
            whose = "your agent's key" if is_agent else short(entry.account)
            whose = "you" if own else whose
            moved = f"{'paid to' if amount > 0 else f'{moved} by'} {whose}"
        if record is not None and is_done:
            became = since(action, record, submission_of(entry, record))
            moved += f", {became.since}" if became else ""
        words = told(entry)
        fund = action.amount if isinstance(action, actions.Fund) and moves else Wei(0)
        return cls(
            entry,
            seconds.get(entry.block or 0, entry.second or entry.began),
            words,
            request,
            name,
            entered(entry, record),
            amount,
            lost(entry, record),
            fund,
            moved,
        )


def _moved(action: actions.Action, amount: Wei) -> str:
    """What becomes of the amount, in a word."""
    match action:
        case actions.ClaimAirdrop() | actions.Fund():
            return "given"
        case actions.Transfer() if amount < 0:
            return "sent"
        case _ if isinstance(action, PAYING_BACK):
            return "paid back"
    return "locked" if amount < 0 else "received"


def told(entry: Entry) -> str:
    """Which action it is, as a heading: what it did, or is going to do."""
    words = DONE if entry.state.is_done else TO_DO
    told = words[entry.action.kind].format(f"#{entry.action.request_id}")
    if isinstance(entry.action, actions.SetOperator):
        told = _appointed(entry.action, is_done=entry.state.is_done)
    return told if entry.state.is_done else told[:1].upper() + told[1:]


def heading(entry: Entry, standing: str) -> str:
    """What the page of an action is called: what it did, or how far it is.

    Args:
        entry: In the journal.
        standing: How far it is, in words.
    """
    words = told(entry)
    if entry.state.is_done or standing == TO_BE_CONFIRMED:
        return words
    return f"{standing.capitalize()}: {words[:1].lower()}{words[1:]}"


def came_of(market: Market, entry: Entry) -> Markup:
    """What an action did, in a sentence with the way to its receipt."""
    deed = Deed.of(market, entry, {})
    if deed.amount:
        moved = f": {format_mdc(abs(deed.amount))} MDC {deed.moved}"
    elif deed.lost:
        moved = f": {format_mdc(deed.lost)} MDC, locked before, were lost"
    elif deed.fund:
        moved = f": {format_mdc(deed.fund)} of the chain's coin sent"
    else:
        moved = ""
    receipt = Markup('<a href="/actions/{}">See the receipt</a>').format(entry.id)
    return Markup("<strong>{}</strong>{}. {}.").format(deed.what, moved, receipt)


def _appointed(action: actions.SetOperator, *, is_done: bool) -> str:
    """Whether the agent may claim or may no longer, and where."""
    what = ("Dismissed", "Appointed") if is_done else ("dismiss", "appoint")
    where = "verified contests" if action.verified else "contests of predictions"
    return f"{what[action.approved]} the agent for {where}"


def record_of(market: Market, entry: Entry) -> BaseRecord | None:
    """The request that an action made or is about, as the index has it."""
    action, number = entry.action, entry.action.request_id
    if isinstance(action, actions.CreateRequest | actions.CreateContest):
        number = RequestId(entry.made)
    if not number:
        return None
    try:
        return market.record(number)
    except ModelMarketError:
        # It was set aside, or is of a chain that was begun anew.
        return None


def about(entry: Entry, record: BaseRecord | None) -> tuple[RequestId, str]:
    """The request that an action made or is about, and its name."""
    match entry.action:
        case actions.CreateRequest(terms=terms):
            return RequestId(entry.made), terms.name
        case actions.CreateContest(texts=texts):
            return RequestId(entry.made), texts.name
        case action:
            return action.request_id, record.name if record is not None else ""


def submission_of(entry: Entry, record: BaseRecord | None) -> SubmissionRecord | None:
    """The submission that an action made or is about; None where none is known."""
    number = SubmissionId(getattr(entry.action, "submission", 0))
    if isinstance(entry.action, actions.Entering):
        number = SubmissionId(entry.made)
    return None if record is None else record.submissions.get(number)


def entered(entry: Entry, record: BaseRecord | None) -> str:
    """The submission that an action made or is about, in words; empty for none."""
    one = submission_of(entry, record)
    name = one.name if one is not None else ""
    number = one.id if one is not None else getattr(entry.action, "submission", 0)
    if isinstance(entry.action, actions.Entering):
        name = entry.action.name
    said = [f"submission {number}" if number else "", f"“{name}”" if name else ""]
    return " ".join(filter(None, said))


def gain(
    market: Market,
    entry: Entry,
    record: BaseRecord | None,
    account: Address | None = None,
) -> Wei:
    """Wei of MDC that an account has more once an action is done; below 0 for less.

    Before it is done, what the contract would pay as things stand.

    Args:
        market: With the index.
        entry: The action.
        record: The request that it is about; None where that is not known.
        account: Whose; None for whoever signs it.
    """
    action, who = entry.action, account or entry.account
    is_signer = who == entry.account
    if action.locks:
        return Wei(-action.locks if is_signer else 0)
    if isinstance(action, actions.ClaimAirdrop | actions.Transfer):
        return _of_coin(action, who, is_signer=is_signer)
    if record is None:
        return Wei(0)
    if isinstance(action, actions.CancelRequest):
        is_own = record.requester == who
        return _back_to_requester(action, record) if is_own else Wei(0)
    one = submission_of(entry, record)
    match action:
        case actions.EnforceTimeout():
            is_own = record.requester == who
            return _refund(market, entry, record) if is_own else Wei(0)
        case actions.Settle():
            paid = paid_by_settling(record)
            is_own = paid is not None and paid[0] == who
            return paid[1] if paid is not None and is_own else Wei(0)
        case _ if one is None:
            return Wei(0)
        case actions.CancelSubmission() if one.trainer == who:
            is_lost = action.accept_slash
            return Wei(0) if is_lost else record.terms.stake
        case actions.Withdraw() if one.trainer == who:
            return one.paid if one.status is Status.WITHDRAWN else due(record, one)
        case actions.WithdrawBond() if one.demand is not None:
            is_own = one.demand.demander == who
            return (one.demand.returned or bond_due(one)) if is_own else Wei(0)
        case actions.OpenPredictions() if record.winner == one.id:
            is_own = one.trainer == who
            return one.paid if is_own and _is_last_page(action, record) else Wei(0)
        case actions.Refute() if one.challenger == who:
            return one.reward_of_challenger
    return Wei(0)


def _of_coin(
    action: actions.ClaimAirdrop | actions.Transfer, who: Address, *, is_signer: bool
) -> Wei:
    """Wei of MDC that an account has more by what no market has to do with."""
    if isinstance(action, actions.ClaimAirdrop):
        return AIRDROP if is_signer else Wei(0)
    if is_signer:
        return Wei(-action.amount)
    return action.amount if who == action.receiver else Wei(0)


def lost(entry: Entry, record: BaseRecord | None) -> Wei:
    """Wei of MDC that were locked before, and do not come back by what was done."""
    if record is None or not entry.state.is_done:
        return Wei(0)
    match entry.action:
        case actions.CancelSubmission(accept_slash=True):
            return record.terms.stake
        case actions.CancelRequest() as action if sharing(action, record):
            return Wei(record.terms.reward - _back_to_requester(action, record))
    return Wei(0)


NOBODY_GAINS = (
    "After the deadline nobody gains by cancelling: a claim that stands has its stake "
    "back at the end"
)


def leader(record: BaseRecord) -> SubmissionId:
    """The submission that wins if its claim stands; 0 while there is none."""
    return record.ranking[0].id if record.has_candidate else SubmissionId(0)


def given_up(
    record: BaseRecord, one: SubmissionRecord, position: Position, leads: SubmissionId
) -> str:
    """What a submission that is cancelled after the deadline loses besides its stake.

    Args:
        record: What it was submitted to.
        one: It, live.
        position: Of the request's clock.
        leads: The leader, found once for all submissions.

    Returns:
        In words that follow "You lose"; empty where there is nothing else to lose.
    """
    reward = format_mdc(record.terms.reward)
    if one.id == leads:
        return (
            f"first place: the reward of {reward} MDC goes to the next best claim, or "
            "back to the requester"
        )
    may_claim = position.phase <= Phase.CLAIMS and not position.overdue
    can_win = may_claim if one.score is None else one.score >= record.minimum
    return f"all chance of the reward of {reward} MDC" if can_win else ""


def sharing(action: actions.CancelRequest, record: BaseRecord) -> int:
    """Submissions that share the reward of a request that is cancelled.

    Before it is, no more than was agreed to: with more it is refused.
    """
    if record.stage is Phase.CANCELLED:
        return record.live
    return min(record.live, action.max_live)


def _back_to_requester(action: actions.CancelRequest, record: BaseRecord) -> Wei:
    """Wei of the reward that come back to whoever cancels a request."""
    if record.stage is Phase.CANCELLED:
        return record.paid
    reward, live = record.terms.reward, sharing(action, record)
    return Wei(reward % live if live else reward)


def _is_last_page(action: actions.OpenPredictions, record: BaseRecord) -> bool:
    return action.page + 1 == getattr(record.terms, "pages", 1)


def _refund(market: Market, entry: Entry, record: BaseRecord) -> Wei:
    """Wei of the reward that the end of a wait gives back to its requester."""
    if entry.state.is_done:
        # One end of a wait may only have made way for another.
        ends = market.newest(record.id, limit=1, named=ENDS)
        is_its_end = bool(ends) and ends[0].log.transaction == entry.hash
        return record.paid if is_its_end else Wei(0)
    # It can only be done once the step is overdue.
    phase, ranking = record.at(_MOST_SECOND).phase, record.ranking
    is_kept = {
        Phase.TRUTH: record.live > 0,
        Phase.CLAIMS: False,
        # The best claim fails, and the next one is checked if it is good enough.
        Phase.VALIDATION: any(
            (one.score or 0) >= record.minimum for one in ranking[1:]
        ),
    }
    return Wei(0) if is_kept.get(phase, True) else record.terms.reward


def paid_by_settling(record: BaseRecord) -> tuple[Address, Wei] | None:
    """Whom settling a contest pays, or has paid, and how much: wei; None where there is
    nobody.
    """
    if record.winner:
        won = record.submissions[record.winner]
        return won.trainer, won.paid
    ranking = record.ranking
    if not ranking:
        return None
    best = ranking[0]
    bond = best.demand.locked if best.demand is not None else 0
    return best.trainer, Wei(record.terms.stake + record.terms.reward + bond)
