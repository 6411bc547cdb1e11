# SPDX-License-Identifier: Apache-2.0
"""What must be right before it costs money, as a list of checks."""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from modelmarket.agent.planning import Kind, acts_for
from modelmarket.protocol.money import format_about
from modelmarket.system.text import duration

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from modelmarket.agent.planning import Step
    from modelmarket.errors import ChainError
    from modelmarket.market import Market, Moment
    from modelmarket.protocol.types import Address

FEW_FEES_WEI = 10**16
"""Of the chain's own coin: some hundred steps at 1 gwei."""
DRIFT_S = 60
FEW_BYTES = 10**9
MOST_LAG_BLOCKS = 3
_OPENING = (Kind.OPEN_TRUTH, Kind.OPEN_KEY)
"""Steps of a requester, whose data others must be able to fetch."""


@dataclass(frozen=True)
class Check:
    """A thing that must be right.

    Attributes:
        name: What.
        is_good: Whether it is.
        says: What was found, and what to do.
    """

    name: str
    is_good: bool
    says: str


def examine(
    market: Market,
    plan: Sequence[Step],
    moment: Moment,
    *,
    accounts: Iterable[Address] = (),
    clock_is_ours: bool = False,
) -> Iterator[Check]:
    """Looks at everything that an appointment could be missed by.

    Args:
        market: With wallet and vault; its wallet is the agent's key.
        plan: What the agent is going to do.
        moment: As the chain is now.
        accounts: Other accounts that the agent is to claim for.
        clock_is_ours: The chain's clock may be moved, so it need not be right.

    Raises:
        ChainError: The node does not answer.
    """
    yield _node(market)
    yield _clock(moment.now, clock_is_ours=clock_is_ours)
    yield _fees(market)
    yield from _operator(market, plan, accounts)
    yield _steps(plan, moment.now)
    yield _journal(market)
    yield _disk(market)
    missing, needed = market.missing_secrets()
    says = "all that must be opened are here"
    if missing:
        says = (
            f"{len(missing)} of {len(needed)} that must be opened are not in this "
            "vault: `modelmarket vault recover`"
        )
    yield Check("Secrets", not missing, says)
    yield from _forgotten(market)
    yield _data(market, plan)
    yield _reach(market, plan)
    yield _watching(market, plan)


def _forgotten(market: Market) -> Iterator[Check]:
    """Whether the vault has secrets of a market on this chain that no network names.

    Nobody would keep an appointment there: a key would never be opened.
    """
    for address, count in market.forgotten().items():
        yield Check(
            "Markets",
            False,
            f"{count} of the vault's secrets are of the market {address}, which no "
            "network here names. If it is one of verified contests: `modelmarket node "
            f"add {market.network.name} --verified {address}`",
        )


def examine_here(market: Market, failure: ChainError) -> Iterator[Check]:
    """Looks at what can be looked at while no node answers.

    Args:
        market: Of a user.
        failure: What the node said, or did not say.
    """
    yield Check("Node", False, str(failure))
    yield Check("All that asks the chain", False, "not looked at")
    yield _disk(market)


def _disk(market: Market) -> Check:
    free = shutil.disk_usage(market.home.path).free
    return Check("Disk", free > FEW_BYTES, f"{free / 10**9:.1f} GB free")


def _node(market: Market) -> Check:
    heads = market.heads()
    newest = max((head for head in heads.values() if head is not None), default=0)
    for name, head in heads.items():
        if head is None:
            return Check("Node", False, f"{name} does not answer")
        if head + MOST_LAG_BLOCKS < newest:
            return Check("Node", False, f"{name} lies {newest - head:,} blocks behind")
    if market.is_catching_up():
        return Check("Node", False, f"it is still catching up, at block {newest:,}")
    return Check("Node", True, f"block {newest:,}")


def _clock(now: int, *, clock_is_ours: bool) -> Check:
    if clock_is_ours:
        return Check("Clock", True, "the embedded chain's, which you may move")
    drift = abs(now - int(time.time()))
    return Check("Clock", drift < DRIFT_S, f"{drift} s from this computer's")


def _fees(market: Market) -> Check:
    key = market.wallet.address
    fees = market.fee_balance(key)
    says = f"{format_about(fees, 6)} of the chain's coin"
    if fees < FEW_FEES_WEI:
        return Check("Fees of the agent's key", False, f"{says}; send some to {key}")
    return Check("Fees of the agent's key", True, says)


def _operator(
    market: Market, plan: Sequence[Step], accounts: Iterable[Address]
) -> Iterator[Check]:
    """Whether the agent may claim for whose predictions and models are here."""
    key = market.wallet.address
    kinds = (False, True) if market.network.verified else (False,)
    trainers = {(one, is_verified) for one in accounts for is_verified in kinds}
    for step in plan:
        if trainer := acts_for(market, step):
            trainers.add((trainer, step.request_id.is_verified))
    for trainer, is_verified in sorted(trainers):
        if trainer == key:
            continue
        may = market.is_operator(trainer, key, verified=is_verified)
        says = "may claim for" if may else "may not claim yet for"
        where = (
            " in verified contests" if is_verified else " in contests of predictions"
        )
        yield Check("The agent as operator", may, f"{says} {trainer}{where}")


def _steps(plan: Sequence[Step], now: int) -> Check:
    """Late is what could have been done for half of its time."""
    late = [one for one in plan if one.ends and now > (one.begins + one.ends) // 2]
    if late:
        return Check("Steps", False, f"late: {late[0]}; is the agent running?")
    due = [one for one in plan if one.ends and one.begins <= now]
    if due:
        next_one = min(due, key=lambda step: step.ends)
        return Check(
            "Steps", True, f"{next_one}, with {duration(next_one.ends - now)} to spare"
        )
    coming = [one for one in plan if one.begins > now]
    if coming:
        wait = coming[0].begins - now
        return Check(
            "Steps", True, f"{len(plan)} to come, the next in {duration(wait)}"
        )
    return Check("Steps", True, f"{len(plan)} to come")


def _journal(market: Market) -> Check:
    waiting = market.unfinished()
    are = "is" if len(waiting) == 1 else "are"
    says = (
        f"{len(waiting)} {are} signed and not in the chain yet" if waiting else "none"
    )
    return Check("Transactions on their way", not waiting, says)


def _data(market: Market, plan: Sequence[Step]) -> Check:
    """Nobody can enter a request whose data nobody has."""
    gone = [
        step.request_id
        for step in plan
        if step.kind in _OPENING and not market.contents(step.request_id).is_here()
    ]
    if gone:
        return Check("Data", False, f"those of request {gone[0]} are not in the store")
    return Check("Data", True, "all of your open requests' are here")


def _reach(market: Market, plan: Sequence[Step]) -> Check:
    """Whether others can get the data of what is open."""
    for step in plan:
        if step.kind in _OPENING and not market.contents(step.request_id).is_served():
            return Check("Reach", False, _unreached(market, step.request_id))
    return Check("Reach", True, "others can fetch your open requests' data")


def _watching(market: Market, plan: Sequence[Step]) -> Check:
    """Whether what others show in contests can be fetched, and recomputed here."""
    from modelmarket.market.verified.calls import record_of
    from modelmarket.market.verified.prospects import Pace, too_slow, unreachable

    contests = sorted({one.request_id for one in plan if one.request_id.is_verified})
    if not contests:
        return Check("Watching", True, "nothing to watch")
    for trouble in unreachable(market):
        return Check("Watching", False, trouble)
    for contest in contests:
        terms = record_of(market, contest).terms
        for trouble in too_slow(terms, Pace.measured(terms)):
            return Check("Watching", False, f"request {contest}: {trouble}")
    return Check("Watching", True, "this computer keeps up with your contests")


def _unreached(market: Market, request_id: int) -> str:
    """Why nobody gets a request's data, and the command that helps."""
    network = market.network
    if network.gateways:
        return (
            f"no gateway of this network has those of request {request_id}: keep "
            "`modelmarket store serve` running where one of them leads, which are "
            + ", ".join(network.gateways)
        )
    return (
        f"this network names no gateway to get those of request {request_id} from: "
        "keep `modelmarket store serve` running, and name its address: `modelmarket "
        f"node add {network.name} --gateway http://127.0.0.1:8080`"
    )
