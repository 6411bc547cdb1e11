# SPDX-License-Identifier: Apache-2.0
"""Holding the index against the contract: a node may have left events out.

An event that an index never saw is a step that an agent never takes. The
contract knows better, and its answer comes from the chain's state, not from
logs.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from modelmarket.errors import ChainError
from modelmarket.protocol.phases import Phase

if TYPE_CHECKING:
    from modelmarket.chain.contracts import ModelMarket, RequestState
    from modelmarket.index.history import RequestRecord
    from modelmarket.index.index import Index
    from modelmarket.protocol.types import RequestId

VERIFY_S = 60.0
"""Between two looks at the same request; a quarter of its window, if less."""
TRIES = 4


class Verifier:
    """Compares what the index says with the contract, now and then.

    Args:
        index: May be misled.
        contract: May not.
    """

    def __init__(self, index: Index, contract: ModelMarket) -> None:
        self._index = index
        self._contract = contract
        self._verified: dict[RequestId | None, float] = {}

    def verify_counts(self) -> None:
        """Makes sure that the index has every request and submission.

        Raises:
            ChainError: The nodes keep leaving something out.
        """
        if not self._is_time(None, VERIFY_S):
            return
        contract, index = self._contract, self._index
        for attempt in range(TRIES):
            there = (
                contract.request_count(at="latest"),
                contract.submission_count(at="latest"),
            )
            if index.counts() == there:
                self._verified[None] = time.monotonic()
                return
            # The first time it may have been a block in between.
            if attempt:
                index.rebuild()
            else:
                index.sync()
        raise _left_out("the market")

    def verify(self, record: RequestRecord) -> RequestRecord:
        """A request that has not ended, as it really is.

        Raises:
            ChainError: The nodes keep leaving something out.
        """
        patience = min(VERIFY_S, record.terms.response_window_s / 4)
        if not self._is_time(record.id, patience):
            return record
        for attempt in range(TRIES):
            if _agree(record, self._contract.request(record.id, at="latest")):
                self._verified[record.id] = time.monotonic()
                return record
            if attempt:
                self._index.forget(record.id)
            self._index.sync()
            record = self._index.request(record.id)
        raise _left_out(f"request {record.id}")

    def _is_time(self, what: RequestId | None, patience: float) -> bool:
        before = self._verified.get(what)
        return before is None or time.monotonic() - before >= patience


def _agree(record: RequestRecord, state: RequestState) -> bool:
    """Whether a request's events come to what the contract says of it."""
    return (
        _entered(record.stage),
        record.live,
        len(record.ranking),
        record.pages,
        record.matched,
    ) == (_entered(state.phase), state.live, state.ranked, state.pages, state.matched)


def _entered(phase: Phase) -> Phase:
    """The last phase that a transaction entered: the others come by the clock."""
    return {Phase.TRUTH: Phase.OPEN, Phase.VALIDATION: Phase.CLAIMS}.get(phase, phase)


def _left_out(what: str) -> ChainError:
    return ChainError(
        f"The nodes leave out events of {what}: the contract says otherwise.",
        hint="Name another node: `modelmarket node add`.",
    )
