# SPDX-License-Identifier: Apache-2.0
"""Both contracts of a market, asked as one."""

from __future__ import annotations

from collections.abc import Sequence

from modelmarket.chain.blocks import Log, Receipt
from modelmarket.chain.connection import Connection
from modelmarket.chain.contracts import ModelMarket, RequestState
from modelmarket.chain.events import Contracts
from modelmarket.chain.queries import At, Query, together
from modelmarket.chain.verified import ContestState, VerifiedMarket
from modelmarket.errors import InputError, NotFoundError, RevertError
from modelmarket.protocol.events import Event, Unreadable
from modelmarket.protocol.types import Address, MarketId, RequestId


class Markets:
    """The market of predictions and that of verified contests.

    Args:
        connection: The node.
        contracts: Where they are.
    """

    def __init__(self, connection: Connection, contracts: Contracts) -> None:
        self.connection = connection
        self._contracts = contracts
        self.predictions = ModelMarket(connection, contracts.predictions)

    @property
    def verified(self) -> VerifiedMarket:
        """The market of verified contests.

        Raises:
            NotFoundError: This network has none.
        """
        if self._contracts.verified is None:
            raise NotFoundError(
                "This network has no market of verified contests.",
                hint="Its address is given by `modelmarket node add --verified`.",
            )
        return VerifiedMarket(self.connection, self._contracts.verified)

    def address_of(self, request_id: MarketId) -> Address:
        """Which contract counts a request or submission.

        Raises:
            NotFoundError: This network has no such contract.
        """
        which = self.verified if request_id.is_verified else self.predictions
        return which.address

    def events(self, receipt: Receipt) -> list[Event]:
        """What either logged in a transaction."""
        return self.events_in(receipt.logs)

    def events_in(self, logs: Sequence[Log]) -> list[Event]:
        """What either logged, among what a transaction logged."""
        decoded = map(self._contracts.decode, logs)
        return [one for one in decoded if not isinstance(one, Unreadable | None)]

    def counts(self, *, at: At = "pending") -> Query[tuple[int, int]]:
        """How many requests and submissions there are in both."""
        predictions = self.predictions.counts(at=at)
        if self._contracts.verified is None:
            return predictions
        both = together(predictions, self.verified.counts(at=at))
        return both.map(lambda found: (_sum(found, 0), _sum(found, 1)))

    def state(
        self, request_id: RequestId, *, at: At = "pending"
    ) -> Query[RequestState | ContestState]:
        """A request as it stands."""
        if request_id.is_verified:
            return self.verified.state(request_id, at=at)
        return self.predictions.state(request_id, at=at)


def check_contracts(connection: Connection, contracts: Contracts) -> None:
    """Makes sure that each of a market's contracts is there, and is what it should be.

    Raises:
        NotFoundError: There is none at an address.
        InputError: One of them is the other's kind, or none.
        ChainError: The node does not answer.
    """
    for address in contracts.addresses:
        if not connection.code(address):
            raise NotFoundError(
                f"There is no contract at {address} on {connection.name}."
            )
    if _is_of_contests(connection, contracts.predictions):
        raise InputError(
            f"{contracts.predictions} is a market of verified contests.",
            hint="`modelmarket node add --verified` names it, beside the market of "
            "predictions.",
        )
    found = contracts.verified
    if found is not None and not _is_of_contests(connection, found):
        raise InputError(
            f"{found} is no market of verified contests.",
            hint="Whoever deployed it knows its address: ask for all of them.",
        )


def _is_of_contests(connection: Connection, address: Address) -> bool:
    """Whether a contract has a referee, as a market of verified contests has."""
    try:
        VerifiedMarket(connection, address).referee()
    except (RevertError, ValueError):
        return False
    return True


def _sum(found: tuple[tuple[int, int], tuple[int, int]], at: int) -> int:
    return found[0][at] + found[1][at]
