# SPDX-License-Identifier: Apache-2.0
"""Holding the index against the contract: a node may have left events out.

An event that an index never saw is a step that an agent never takes. The
contract knows better, and its answer comes from the chain's state, not from
logs. Both are compared as of one block, the last that the index has read: a
chain goes on between two questions, and nodes lie behind or stand on forks.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypeVar

from modelmarket.chain import queries
from modelmarket.chain.queries import together
from modelmarket.errors import ChainError
from modelmarket.market.expected import differences, expected_request

if TYPE_CHECKING:
    from modelmarket.chain.markets import Markets
    from modelmarket.chain.queries import Query
    from modelmarket.index.index import Index
    from modelmarket.index.queries import Mark
    from modelmarket.market.expected import RequestStates
    from modelmarket.protocol.replaying import Record
    from modelmarket.protocol.types import RequestId

_T = TypeVar("_T")

VERIFY_S = 60.0
"""Between two looks at the same request; a quarter of its window, if less."""
AGAIN_S = 5.0
"""Before another look where nobody could say."""
READ_AGAIN_S = 600.0
"""Between two tries to read what made no sense."""
TRIES = 4


class Verifier:
    """Compares what the index says with the contract, now and then.

    Args:
        index: May be misled.
        markets: May not.
    """

    def __init__(self, index: Index, markets: Markets) -> None:
        self._index = index
        self._markets = markets
        self._verified: dict[RequestId | None, float] = {}
        self._read_again: dict[RequestId, float] = {}

    def verify_counts(self) -> None:
        """Makes sure that the index has every request and submission.

        Where the nodes cannot say what is so as of the index's block, nothing is
        held against them: it is looked at again next time.

        Raises:
            ChainError: The nodes keep leaving something out.
        """
        if not self._is_time(None, VERIFY_S):
            return
        markets, index = self._markets, self._index
        is_missing = False
        for _ in range(TRIES):
            counts, mark = index.counts_as_of()
            there = self._at(mark, markets.counts(at=mark.number))
            if there is not None and there[0] == counts:
                self._verified[None] = time.monotonic()
                return
            is_missing = there is not None and self._is_everybodys(mark)
            if is_missing:
                index.rebuild()
            else:
                index.sync()
        if is_missing:
            raise _left_out("the market")
        self._look_again_soon(None, VERIFY_S)

    def verify(self, record: Record) -> Record:
        """A request that has not ended, as it really is.

        Where the nodes cannot say what is so as of the index's block, it is what
        the index says, and is looked at again next time.

        Raises:
            ChainError: The nodes keep leaving something out.
        """
        patience = min(VERIFY_S, record.terms.response_window_s / 4)
        if not self._is_time(record.id, patience):
            return record
        is_missing = False
        for _ in range(TRIES):
            record, mark = self._index.request_as_of(record.id)
            state = self._markets.state(record.id, at=mark.number)
            there = self._at(mark, state)
            if there is not None and _agree(record, *there):
                self._verified[record.id] = time.monotonic()
                return record
            is_missing = there is not None and self._is_everybodys(mark)
            if is_missing:
                self._index.forget(record.id)
            self._index.sync()
        if is_missing:
            raise _left_out(f"request {record.id}")
        self._look_again_soon(record.id, patience)
        return self._index.request(record.id)

    def read_again(self, request_id: RequestId) -> None:
        """Reads a request anew that was set aside: a node may have told nonsense.

        Raises:
            ChainError: The node does not answer.
        """
        now = time.monotonic()
        if now - self._read_again.get(request_id, -READ_AGAIN_S) < READ_AGAIN_S:
            return
        self._read_again[request_id] = now
        self._index.forget(request_id)
        self._index.sync()

    def _at(self, mark: Mark, asked: Query[_T]) -> tuple[_T, int] | None:
        """What the contract says as of a block of the index, and its second.

        Returns:
            None where nobody can say: no node has the state of that block any
            more, or yet, or the chain has another block there now.
        """
        try:
            found, block = self._markets.connection.query(
                together(asked, queries.block(mark.number))
            )
        except ChainError:
            return None
        return (found, block.timestamp) if block.hash == mark.hash else None

    def _is_everybodys(self, mark: Mark) -> bool:
        """Whether every node that answers has that very block.

        What was read came from any of them, perhaps from one on another fork.
        """
        try:
            block = self._markets.connection.block(mark.number)
            return block.hash == mark.hash and self._markets.connection.is_agreed(block)
        except ChainError:
            return False

    def _look_again_soon(self, what: RequestId | None, patience: float) -> None:
        self._verified[what] = time.monotonic() - patience + min(AGAIN_S, patience)

    def _is_time(self, what: RequestId | None, patience: float) -> bool:
        before = self._verified.get(what)
        return before is None or time.monotonic() - before >= patience


def _agree(record: Record, state: RequestStates, now: int) -> bool:
    """Whether a request's events come to what the contract says of it."""
    return not any(differences(state, expected_request(record, now)))


def _left_out(what: str) -> ChainError:
    return ChainError(
        f"The nodes leave out events of {what}: the contract says otherwise.",
        hint="Name another node: `modelmarket node add`.",
    )
