# SPDX-License-Identifier: Apache-2.0
"""What came to somebody by a transaction that others sent: rewards, and refunds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from operator import attrgetter
from typing import TYPE_CHECKING

from modelmarket.errors import ModelMarketError
from modelmarket.market import Wanted
from modelmarket.protocol.phases import Phase
from modelmarket.web.deeds import ENDS

if TYPE_CHECKING:
    from modelmarket.market import Market
    from modelmarket.protocol.records import BaseRecord
    from modelmarket.protocol.types import Address, RequestId, Wei

MOST_ENDED = 25
"""Requests of each kind, the newest, whose ends are looked at."""


@dataclass(frozen=True)
class Payment:
    """MDC that came with the end of a request.

    Attributes:
        what: Why, in words.
        request: Of which.
        name: The request's.
        amount: Wei.
        second: Of the block, in chain time.
        transaction: Its hash of 32 bytes.
    """

    what: str
    request: RequestId
    name: str
    amount: Wei
    second: int
    transaction: bytes


def payments(market: Market, account: Address) -> list[Payment]:
    """What came to an account with the ends of requests, the newest first, but for what
    this vault's own transactions brought.
    """
    wanted = (
        Wanted(requester=account, is_final=True),
        Wanted(trainer=account, is_final=True),
    )
    numbers = {
        one.id: None for each in wanted for one in market.find(each, limit=MOST_ENDED)
    }
    found = [one for number in numbers for one in _of(market, number, account)]
    return sorted(found, key=attrgetter("second"), reverse=True)


def _of(market: Market, number: RequestId, account: Address) -> Iterator[Payment]:
    try:
        record = market.record(number)
    except ModelMarketError:
        # Its events make no sense any more.
        return
    ends = market.newest(number, limit=1, named=ENDS)
    if not ends or market.has_sent(ends[0].log.transaction):
        return
    place = ends[0].timestamp, ends[0].log.transaction
    for what, amount in _came(record, account):
        if amount:
            yield Payment(what, number, record.name, amount, *place)


def _came(record: BaseRecord, account: Address) -> Iterator[tuple[str, Wei]]:
    """What its end brought to an account, and why."""
    won = record.submissions.get(record.winner)
    if won is not None and won.trainer == account:
        yield "You won", won.paid
    if record.stage is Phase.REFUNDED and record.requester == account:
        yield "Your reward came back", record.paid
