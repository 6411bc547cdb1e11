# SPDX-License-Identifier: Apache-2.0
"""Holding the index against the contract: a node may have left events out.

An event that an index never saw is a step that an agent never takes. The
contract knows better, and its answer comes from the chain's state, not from
logs. But only states of the same block can be compared: while blocks come, the
newest state is ahead of whatever was read before.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from modelmarket.errors import ChainError, NotFoundError, RevertError
from modelmarket.index.expected import differences, expected_request

if TYPE_CHECKING:
    from modelmarket.chain.connection import Connection
    from modelmarket.chain.contracts import ModelMarket
    from modelmarket.index.history import RequestRecord
    from modelmarket.index.index import Index, Mark
    from modelmarket.protocol.types import RequestId

VERIFY_S = 60.0
"""Between two looks at the same request; a quarter of its window, if less."""
TRIES = 8
"""Looks, since the index may move on in the middle of one."""
SUSPICIONS = 3
"""So often must they differ at one block, each time read anew."""


class Verifier:
    """Compares what the index says with the contract, now and then.

    Args:
        connection: Tells which block is in the chain.
        index: May be misled.
        contract: May not.
    """

    def __init__(
        self, connection: Connection, index: Index, contract: ModelMarket
    ) -> None:
        self._connection = connection
        self._index = index
        self._contract = contract
        self._verified: dict[RequestId | None, float] = {}

    def verify_counts(self) -> None:
        """Makes sure that the index has every request and submission.

        Where no block can be compared, because blocks come too fast or no node
        remembers, nothing is said, and it is looked at again the next time.

        Raises:
            ChainError: The nodes keep leaving something out.
        """
        if not self._is_time(None, VERIFY_S):
            return
        contract, index = self._contract, self._index

        def agree(mark: Mark) -> bool:
            return index.counts() == (
                contract.request_count(at=mark.number),
                contract.submission_count(at=mark.number),
            )

        self._hold(None, "the market", agree, index.rebuild)

    def verify(self, record: RequestRecord) -> RequestRecord:
        """A request that has not ended, as it really is.

        Where no block can be compared it is returned as the index has it.

        Raises:
            ChainError: The nodes keep leaving something out.
        """
        patience = min(VERIFY_S, record.terms.response_window_s / 4)
        if not self._is_time(record.id, patience):
            return record
        contract, index = self._contract, self._index

        def agree(mark: Mark) -> bool:
            try:
                state = contract.request(record.id, at=mark.number)
                here = index.request(record.id)
            except (NotFoundError, RevertError):
                return False
            return not any(differences(state, expected_request(here, mark.timestamp)))

        def mend() -> None:
            index.forget(record.id)
            index.sync()

        self._hold(record.id, f"request {record.id}", agree, mend)
        return index.request(record.id)

    def _hold(
        self,
        key: RequestId | None,
        what: str,
        agree: Callable[[Mark], bool],
        mend: Callable[[], None],
    ) -> None:
        """Compares at one block, and has the index read again what differs."""
        suspicions = 0
        for _ in range(TRIES):
            try:
                verdict = self._at_one_block(agree)
            except ChainError:
                # No node has the state of this block, or none answers.
                return
            if verdict is True:
                self._verified[key] = time.monotonic()
                return
            if verdict is None:
                self._index.sync()
                continue
            suspicions += 1
            if suspicions == SUSPICIONS:
                raise ChainError(
                    f"The nodes leave out events of {what}: "
                    "the contract says otherwise.",
                    hint="Name another node: `modelmarket node add`.",
                )
            mend()

    def _at_one_block(self, agree: Callable[[Mark], bool]) -> bool | None:
        """Whether index and contract agree at the block that the index stands at.

        Returns:
            None where that cannot be said: the index has moved on, or the block
            is not in the chain any more.

        Raises:
            ChainError: The block or its state is not to be had.
        """
        mark = self._index.mark()
        if mark is None:
            return None
        agrees = agree(mark)
        is_there = self._connection.block(mark.number).hash == mark.hash
        return agrees if is_there and self._index.mark() == mark else None

    def _is_time(self, what: RequestId | None, patience: float) -> bool:
        before = self._verified.get(what)
        return before is None or time.monotonic() - before >= patience
