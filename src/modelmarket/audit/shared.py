# SPDX-License-Identifier: Apache-2.0
"""What every audit needs, and the promises that both markets make."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from modelmarket.errors import ModelMarketError, said_by
from modelmarket.market.evidence import Evidence, Transfer
from modelmarket.market.expected import (
    differences,
    expected_request,
    expected_submissions,
)
from modelmarket.protocol import events as ev
from modelmarket.protocol import payouts
from modelmarket.protocol.money import format_mdc
from modelmarket.protocol.phases import Phase
from modelmarket.protocol.records import BaseRecord
from modelmarket.protocol.replaying import replay
from modelmarket.protocol.types import Address
from modelmarket.system.text import agreeing, counted

MOST_NAMED = 8
"""Claims that are named one by one."""
PHASES = {
    Phase.OPEN: "taking submissions",
    Phase.TRUTH: "to be opened",
    Phase.CLAIMS: "scores being claimed",
    Phase.VALIDATION: "the best claim being checked",
    Phase.FULFILLED: "fulfilled",
    Phase.REFUNDED: "refunded",
    Phase.CANCELLED: "cancelled",
    Phase.FORFEITED: "forfeited",
}
"""What a request's phases are called."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Verdict:
    """Whether one promise was kept.

    Attributes:
        promise: What should be so.
        passed: Whether it is; None where nobody can tell.
        figures: What was found.
    """

    promise: str
    passed: bool | None
    figures: str

    @property
    def is_broken(self) -> bool:
        """Whether it was not kept."""
        return self.passed is False

    @property
    def word(self) -> str:
        """PASS or FAIL, or neither."""
        return {True: "PASS", False: "FAIL", None: "----"}[self.passed]


class Broken(Exception):  # noqa: N818  # not an error of the program
    """A promise that was not kept."""


class Untold(Exception):  # noqa: N818  # not an error of the program
    """A promise of which nobody can tell whether it was kept."""


Promise = tuple[str, Callable[[Evidence], str]]
"""What should be so, and what finds out; it raises what is wrong."""


def verdict_on(
    promise: str, check: Callable[[Evidence], str], evidence: Evidence
) -> Verdict:
    """Holds evidence to one promise; whatever goes wrong is a verdict too."""
    try:
        return Verdict(promise, passed=True, figures=check(evidence))
    except Untold as untold:
        return Verdict(promise, passed=None, figures=str(untold))
    except (Broken, ModelMarketError) as broken:
        return Verdict(promise, passed=False, figures=said_by(broken))
    except Exception as error:  # noqa: BLE001  # one that cannot be checked is not the others' fault
        _log.exception("a promise could not be checked: %s", promise)
        return Verdict(promise, passed=False, figures=f"cannot be checked: {error!r}")


def require(condition: bool, figures: str) -> None:
    """Breaks a promise unless something is so."""
    if not condition:
        raise Broken(figures)


def refuse_forfeited(evidence: Evidence, secret: str) -> None:
    """Says of a request that was forfeited that its secret was never opened."""
    if evidence.record.stage is Phase.FORFEITED:
        raise Untold(f"its requester never opened the {secret}, and lost the reward")


def state(evidence: Evidence) -> str:
    """The chain's state is what its events say."""
    record, state = evidence.record, evidence.state
    require(replay(evidence.events) == record, "the events replay to something else")
    expected = expected_request(record, evidence.block.timestamp)
    wrong = list(differences(state, expected))
    entries = expected_submissions(record)
    for one, entry in evidence.entries.items():
        found = differences(entry, entries[one]) if one in entries else ["not logged"]
        wrong += [f"submission {one}, {what}" for what in found]
    require(not wrong, "; ".join(wrong))
    return (
        f"{PHASES[state.phase]}, as of block {evidence.block.number:,}, after "
        f"{counted(len(evidence.events), 'event')}; "
        f"{counted(record.live, 'submission')} in"
    )


def claims(evidence: Evidence) -> str:
    """Every claim stands in its order."""
    ranking = evidence.record.ranking
    expected = [one.id for one in ranking]
    require(
        evidence.ranking == expected,
        f"the contract ranks {evidence.ranking}, the events {expected}",
    )
    places = [f"submission {one.id} with {one.score:,}" for one in ranking[:MOST_NAMED]]
    places += ["…"] * (len(ranking) > MOST_NAMED)
    told = f"{counted(len(ranking), 'claim')}, the best first: {', '.join(places)}"
    return told if ranking else "no claim"


def payments(evidence: Evidence) -> str:
    """Every payment is explained by an event."""
    made = list(evidence.transfers())
    explained = [
        transfer
        for event in evidence.events
        for transfer in _explained(event, evidence.record, evidence.address)
    ]
    require(
        Counter(made) == Counter(explained),
        f"{counted(len(made), 'payment')} made, {len(explained):,} explained",
    )
    came = sum(one.amount for one in made if one.receiver == evidence.address)
    went = sum(one.amount for one in made if one.sender == evidence.address)
    return (
        f"{counted(len(made), 'payment')}: {format_mdc(came)} MDC came in, "
        f"{format_mdc(went)} MDC went out"
    )


def _explained(
    event: ev.Event, record: BaseRecord, market: Address
) -> Iterator[Transfer]:
    """The movement of money that an event explains."""
    match event:
        case ev.RequestCreated() | ev.ContestCreated():
            yield Transfer(event.requester, market, event.terms.reward)
        case ev.SubmissionCreated():
            yield Transfer(event.trainer, market, record.terms.stake)
        case ev.RequestCancelled() | ev.RequestRefunded():
            if event.paid:
                yield Transfer(market, record.requester, event.paid)
        case ev.SubmissionCancelled() | ev.Withdrawn():
            trainer = record.submissions[event.submission_id].trainer
            yield Transfer(market, trainer, event.paid)
        case ev.RequestFulfilled():
            trainer = record.submissions[event.submission_id].trainer
            yield Transfer(market, trainer, event.paid + event.bond)
        case ev.SubmissionFailed() if event.paid:
            yield Transfer(market, event.challenger, event.paid)
        case ev.Demanded():
            yield Transfer(event.demander, market, event.bond)
        case ev.BondReturned():
            demand = record.submissions[event.submission_id].demand
            assert demand is not None, "only a bond that was locked comes back"
            yield Transfer(market, demand.demander, event.paid)
        case _:
            return


def outcome(evidence: Evidence) -> str:
    """Everybody got what the rules say."""
    record = evidence.record
    if not record.stage.is_final:
        return "the request has not ended"
    for one in record.submissions.values():
        owed = evidence.due[one.id]
        entitled = payouts.entitled(record, one)
        require(
            one.paid + owed == entitled,
            f"submission {one.id} got {one.paid} wei and is due {owed}; "
            f"the rules say {entitled}",
        )
    returned = payouts.returned(record)
    require(
        record.paid == returned,
        f"the requester got {record.paid} wei; the rules say {returned}",
    )
    left = sum(evidence.due.values())
    if not left:
        return "all of it is withdrawn"
    return f"{format_mdc(left)} MDC can still be withdrawn"


def sum_(evidence: Evidence) -> str:
    """All money is accounted for."""
    record = evidence.record
    taken, paid = payouts.taken(record), payouts.paid(record)
    slashed = payouts.slashed(record)
    if record.stage.is_final:
        # A bond of what failed is whoever demanded it's, for ever.
        due: int = sum(evidence.due.values())
        due += sum(payouts.bond_due(one) for one in record.submissions.values())
        require(
            taken == paid + due + slashed,
            f"{taken} wei came in; {paid} went out, {due} are held, {slashed} are lost",
        )
    else:
        due = payouts.held(record)
        require(due >= 0, f"{taken} wei came in, {paid + slashed} are gone")
    owed = evidence.slashed + due
    require(
        evidence.balance >= owed,
        f"the market holds {evidence.balance} wei, and owes {owed}",
    )
    return (
        f"of {format_mdc(taken)} MDC that came in {format_mdc(paid)} MDC went out, "
        f"{format_mdc(due)} MDC are held for whoever is owed them, and "
        f"{format_mdc(slashed)} MDC are lost for good{lost_of(record)}"
    )


def lost_of(record: BaseRecord) -> str:
    """Of what the loss is, as the end of a sentence; empty where nothing was lost."""
    entries = record.submissions.values()
    ids = [
        str(one.id)
        for one in entries
        if payouts.stake(record, one) is payouts.Stake.LOST
    ]
    told = ids[:MOST_NAMED] + ["…"] * (len(ids) > MOST_NAMED)
    of = ["the reward"] * (record.stage is Phase.FORFEITED)
    if ids:
        stakes = agreeing(
            len(ids), "the stake of submission", "the stakes of submissions"
        )
        of.append(f"{stakes} {', '.join(told)}")
    return f": {' and '.join(of)}" if of else ""
