# SPDX-License-Identifier: Apache-2.0
"""Receipts of what anybody may do, and of what is about no request."""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import Markup

from modelmarket.errors import ModelMarketError
from modelmarket.market import Wanted
from modelmarket.protocol import actions
from modelmarket.protocol.money import format_mdc
from modelmarket.protocol.phases import Phase
from modelmarket.protocol.sentences import MISSED
from modelmarket.system.text import counted
from modelmarket.system.text import duration as spoken_duration
from modelmarket.web.deeds import paid_by_settling
from modelmarket.web.happenings import request as request_link
from modelmarket.web.receipts.parts import Fact, fact, named, parts_of, until
from modelmarket.web.rendering import moment, strangers

if TYPE_CHECKING:
    from modelmarket.protocol.phases import Position
    from modelmarket.protocol.records import BaseRecord, SubmissionRecord
    from modelmarket.web.receipts.parts import Part, Sight

MOST_LEFT = 5
"""Entries that a receipt names."""


def settle(sight: Sight, record: BaseRecord | None) -> tuple[Part, ...]:
    """Of the pay of a contest's winner."""
    what = named(sight, record)
    paid = None if record is None else paid_by_settling(record)
    back = []
    if paid is not None:
        trainer, amount = paid
        told = Markup("{} MDC to {}: the stake and the reward").format(
            format_mdc(amount), sight.names.said(trainer)
        )
        back.append(Fact("The winner is paid", told))
    back.append(fact("The model", "stood unrefuted, and is the requester's now"))
    return parts_of(what, back, [fact("You lose", "nothing but the network fee")], [])


def end_the_wait(sight: Sight, record: BaseRecord | None) -> tuple[Part, ...]:
    """Of the end of a wait for a step that was missed."""
    what = named(sight, record)
    back = []
    if record is not None and not sight.entry.state.is_done:
        position = record.at(sight.now)
        if position.overdue:
            missed = MISSED[position.phase]
            if record.id.is_verified:
                missed = missed.replace("truth", "key")
            what.append(fact("What was missed", missed))
            back.append(fact("What follows", _what_follows(record, position.phase)))
    cost = [fact("You lose", "nothing but the network fee; anyone may do this")]
    return parts_of(what, back, cost, [])


def _what_follows(record: BaseRecord, phase: Phase) -> str:
    """What the contract does about a step that was missed."""
    reward = format_mdc(record.terms.reward)
    refund = f"the reward of {reward} MDC goes back to its requester"
    if phase is Phase.TRUTH and record.live:
        return (
            f"its requester loses the reward of {reward} MDC, and the stakes go back "
            "to their trainers"
        )
    if phase is Phase.VALIDATION and record.ranking:
        best = record.ranking[0]
        return (
            f"submission {best.id}, the best claim, fails and loses its stake of "
            f"{format_mdc(record.terms.stake)} MDC; the next best claim is checked, "
            f"or, if there is none, {refund}"
        )
    return refund


def _left_to_nobody(sight: Sight, action: actions.SetOperator) -> list[Fact]:
    """What of an account's is still to be claimed or shown: only an agent can."""
    account, facts, staked = sight.entry.account, list[Fact](), 0
    for record in _entered(sight, action):
        position = record.at(sight.now)
        for one in record.submissions.values():
            what = _to_come(record, one, position)
            if one.trainer != account or not what:
                continue
            staked += record.terms.stake
            named = (
                f"“{one.name}”, submission {one.id}"
                if one.name
                else (f"submission {one.id}")
            )
            told = Markup("{} of {}, {}").format(
                strangers(named),
                request_link(record.id),
                _until(record, one, position, sight),
            )
            facts.append(Fact(f"Still to be {what}", told))
    if not facts:
        return [
            fact(
                "You lose a stake if",
                "you enter a contest and do not appoint it again in time: nobody else "
                "can claim for you on these pages",
            )
        ]
    if len(facts) > MOST_LEFT:
        more = counted(len(facts) - MOST_LEFT, "more entry", "more entries")
        facts[MOST_LEFT:] = [fact(facts[MOST_LEFT].name, f"and {more}")]
    lost = (
        f"{format_mdc(staked)} MDC together, unless you appoint it again in time: "
        "nobody else can do that for you on these pages"
    )
    return [fact("You lose their stakes", lost), *facts]


def _entered(sight: Sight, action: actions.SetOperator) -> list[BaseRecord]:
    """What the signer has entered in a market and has not ended; no node is asked."""
    wanted = Wanted(trainer=sight.entry.account, is_final=False)
    found: list[BaseRecord] = []
    for each in sight.market.find(wanted):
        if each.id.is_verified is action.verified:
            try:
                found.append(sight.market.record(each.id))
            except ModelMarketError:
                # It was set aside: its events make no sense.
                continue
    return found


def _to_come(record: BaseRecord, one: SubmissionRecord, position: Position) -> str:
    """What an operator may have to do for a submission yet: that it be claimed or
    shown; empty for nothing.
    """
    if position.overdue or not one.is_live:
        return ""
    if one.score is None:
        return "claimed" if position.phase <= Phase.CLAIMS else ""
    if record.id.is_verified and one.showing is None and one.score >= record.minimum:
        return "shown"
    return ""


def _until(
    record: BaseRecord, one: SubmissionRecord, position: Position, sight: Sight
) -> Markup:
    """Until when what is to come must be done, as far as that is known."""
    window = spoken_duration(record.terms.response_window_s)
    if position.phase in (Phase.OPEN, Phase.TRUTH):
        secret = "key" if record.id.is_verified else "truth"
        told = Markup("within {} once the {} is open, after {}")
        return told.format(window, secret, moment(record.deadline))
    if one.score is not None and not record.is_best(one.id):
        return Markup("within {} once the claims before it have fallen").format(window)
    if one.score is not None and position.phase is Phase.CLAIMS:
        told = Markup("within {} of the end of the claims, {}")
        return told.format(window, moment(position.step_ends))
    return Markup("until {}").format(until(position.step_ends, sight.now))


def of_no_request(
    sight: Sight, record: BaseRecord | None, action: actions.Action
) -> tuple[Part, ...]:
    """What is about no request, and what only programs do."""
    match action:
        case actions.SetOperator():
            whom, whose = ("you", "your") if sight.is_own else ("the signer", "its")
            allowed = f"claim for {whom}"
            if action.verified:
                allowed += f", and show {whose} model, in verified contests"
            what = [
                Fact("The key", sight.names.shown(action.operator)),
                fact("It may" if action.approved else "It may no longer", allowed),
                fact("It can never", f"submit, cancel, or receive {whose} funds"),
            ]
            cost = [fact("You lose a stake if", "it makes a wrong claim for you")]
            if not action.approved:
                cost = _left_to_nobody(sight, action)
            back = [
                fact(
                    "You can take it back" if action.approved else "You can change it",
                    "at any time, on the page of the agent",
                )
            ]
            return parts_of(what, back, cost, [])
        case actions.Fund():
            what = [
                Fact("To", sight.names.shown(action.receiver)),
                fact("What for", "the network fees of the agent's steps"),
            ]
            back = [
                fact(
                    "Comes back",
                    "nothing by itself; it stays with that key, which you can choose "
                    "at the top as this computer's",
                )
            ]
            return parts_of(what, back, [], [])
        case actions.Transfer():
            what = [Fact("To", sight.names.shown(action.receiver))]
            cost = [fact("Comes back", "nothing: only its receiver can send it on")]
            return parts_of(what, [], cost, [])
        case actions.ClaimAirdrop():
            what = [fact("What", "1,000 MDC for an account, once")]
            cost = [fact("You lose", "nothing but the network fee")]
            return parts_of(what, [], cost, [])
    return parts_of(named(sight, record), [], [], [])
