# SPDX-License-Identifier: Apache-2.0
"""What a chain says about a request, all of it after one and the same block.

A request may move while it is looked at: a payment between two reads would make
a market that keeps its promises look like one that breaks them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from eth_hash.auto import keccak

from modelmarket.chain.abi import functions
from modelmarket.errors import ChainError
from modelmarket.protocol import events as ev
from modelmarket.protocol import payouts
from modelmarket.protocol.types import Address, SubmissionId, Wei, checksummed

if TYPE_CHECKING:
    from modelmarket.chain.blocks import Block
    from modelmarket.index.queries import Seen
    from modelmarket.index.records import Placed
    from modelmarket.market.expected import RequestStates, SubmissionStates
    from modelmarket.market.market import Market
    from modelmarket.market.request import Request
    from modelmarket.market.verified.request import VerifiedRequest
    from modelmarket.protocol.replaying import Record
    from modelmarket.protocol.types import RequestId

_TRANSFER = keccak(b"Transfer(address,address,uint256)")
TRIES = 5


@dataclass(frozen=True)
class Transfer:
    """A movement of MDC.

    Attributes:
        sender: Who paid.
        receiver: Who was paid.
        amount: Wei.
    """

    sender: Address
    receiver: Address
    amount: int


@dataclass(frozen=True)
class Evidence:
    """What the chain says about a request.

    Attributes:
        market: Where it is.
        chain_id: What the chain calls itself.
        request: As the index replays it.
        placed: Its logs, with times.
        events: Their events.
        block: The last block that all of this knows of.
        state: The request, as the contract has it.
        entries: The submissions to it, as the contract has them.
        ranking: The submissions in the contract's order, best first.
        due: Wei of MDC that `withdraw` would pay to each submission; empty before
            the request has ended.
        balance: Wei of MDC that the contract holds.
        slashed: Wei of MDC that it has kept for good.
    """

    market: Market
    chain_id: int
    request: Request | VerifiedRequest
    placed: list[Placed]
    events: list[ev.Event]
    block: Block
    state: RequestStates
    entries: dict[SubmissionId, SubmissionStates]
    ranking: list[SubmissionId]
    due: dict[SubmissionId, Wei]
    balance: Wei
    slashed: Wei

    @property
    def record(self) -> Record:
        """The request with everything that happened to it."""
        return self.request.record

    @property
    def address(self) -> Address:
        """The contract that keeps it."""
        return self.market.markets.address_of(self.request.id)

    def arguments(self, call: str, placed: Placed) -> tuple[Any, ...]:
        """What a call was given, by the calldata of the transaction of a log."""
        sent = self.market.connection.transaction_input(
            placed.log.transaction, to=self.address
        )
        contract = "VerifiedMarket" if self.request.id.is_verified else "ModelMarket"
        return functions(contract)[call].decode_arguments(sent)

    def transfers(self) -> Iterator[Transfer]:
        """What the request's transactions moved into or out of the market."""
        market, coin = self.address, self.market.coin.address
        ours = {one.log.transaction for one in self.placed}
        for block in sorted({one.log.block for one in self.placed}):
            for log in self.market.connection.logs([coin], block, block):
                if log.topics[:1] != (_TRANSFER,) or log.transaction not in ours:
                    continue
                sender, receiver = (checksummed(topic[12:]) for topic in log.topics[1:])
                if market in (sender, receiver):
                    yield Transfer(sender, receiver, int.from_bytes(log.data))


def gather(market: Market, request_id: RequestId) -> Evidence:
    """Reads everything about a request.

    Raises:
        NotFoundError: There is no such request.
        UnreadableError: Its events make no sense.
        ChainError: The nodes do not agree, or do not answer.
    """
    for attempt in range(TRIES):
        now = market.look().now
        seen = market.index.seen(request_id)
        try:
            found = _read(market, seen, now)
        except ChainError:
            # A node that lies behind has not got that block yet.
            if attempt + 1 == TRIES:
                raise
            continue
        # What was read came from any node, perhaps from one on another fork.
        if found.block.hash == seen.mark.hash and market.connection.is_agreed(
            found.block
        ):
            return found
    raise ChainError(
        f"The nodes do not agree on what request {request_id} has become.",
        hint="Try again in a minute.",
    )


def _read(market: Market, seen: Seen, now: int) -> Evidence:
    head, request = seen.mark.number, market.seen(seen.record, now)
    is_verified = request.id.is_verified
    contract = market.markets.verified if is_verified else market.markets.predictions
    state = contract.request(request.id, at=head)
    entries: dict[SubmissionId, SubmissionStates] = {
        one: contract.submission(one, at=head) for one in request.record.submissions
    }
    here, ranking = state.best, list[SubmissionId]()
    # A circle must not keep us here for ever.
    while here and len(ranking) <= len(entries):
        ranking.append(here)
        here = entries[here].behind if here in entries else SubmissionId(0)
    return Evidence(
        market=market,
        chain_id=contract.chain_id(),
        request=request,
        placed=seen.placed,
        events=[
            event
            for one in seen.placed
            if not isinstance(event := market.decode(one.log), ev.Unreadable | None)
        ],
        block=market.connection.block(head),
        state=state,
        entries=entries,
        ranking=ranking,
        due=_due(market, request.record, head),
        balance=market.coin.balance(contract.address, at=head),
        slashed=contract.slashed(at=head),
    )


def _due(market: Market, record: Record, head: int) -> dict[SubmissionId, Wei]:
    """What withdrawing would pay to each submission to an ended request.

    The market of verified contests does not say so: what it would pay follows from
    statuses, which are held against the contract's.
    """
    if not record.stage.is_final:
        return {}
    if record.id.is_verified:
        return {one.id: payouts.due(record, one) for one in record.submissions.values()}
    contract = market.markets.predictions
    return {one: contract.due(one, at=head) for one in record.submissions}
