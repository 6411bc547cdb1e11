# SPDX-License-Identifier: Apache-2.0
"""The line to a chain: whatever is asked of it goes through here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Literal, TypeVar

from modelmarket.chain import queries
from modelmarket.chain.blocks import Block, Call, Log, Moment, Receipt
from modelmarket.chain.nodes import Nodes, named
from modelmarket.chain.queries import At, Query, RefusalError, sequence, together
from modelmarket.errors import ChainError
from modelmarket.protocol.types import Address, Wei

T = TypeVar("T")


class Connection:
    """A chain, through nodes that speak JSON-RPC.

    Nothing is asked before the first question; each node says first which chain
    it is on.

    Args:
        rpcs: Their addresses, the preferred one first.
        chain_id: What each must say it is; None to take the first's word.
        timeout_s: For each request.
        most_fee: The most wei a unit of gas may cost; None for no limit.
    """

    def __init__(
        self,
        *rpcs: str,
        chain_id: int | None = None,
        timeout_s: float = 20,
        most_fee: Wei | None = None,
    ) -> None:
        self.name = named(rpcs[0])
        self.most_fee = most_fee
        self._nodes = Nodes(rpcs, chain_id, timeout_s)

    @property
    def chain_id(self) -> int:
        """The chain's id; asked for once, if it was not given.

        Raises:
            ChainError: No node can be reached, or none is on this chain.
        """
        return self._nodes.chain_id()

    def close(self) -> None:
        """Closes the lines to the nodes."""
        self._nodes.close()

    def query(self, query: Query[T]) -> T:
        """Asks what belongs together, in one round trip.

        Raises:
            ChainError: No node answers, or one refuses or answers nonsense.
            RevertError: A contract refuses, in words.
            FundsError: The token does, for want of MDC.
        """
        with self._node_errors():
            answers = self._nodes.ask(query.requests) if query.requests else []
            return query.read(answers)

    def ask(self, method: str, *params: Any) -> Any:
        """Makes a JSON-RPC request that has no name here.

        Raises:
            ChainError: The node does not know it, or refuses.
        """
        try:
            return self.query(queries.ask(method, *params, read=lambda found: found))
        except ChainError as error:
            if not isinstance(error.__cause__, RefusalError):
                raise
            raise ChainError(
                f"{self.name} refused {method}: {error.__cause__}."
            ) from None

    # --- blocks ---

    def block(self, at: At = "latest") -> Block:
        """A block by number or tag.

        Raises:
            ChainError: The node does not have it.
        """
        return self.query(queries.block(at))

    def blocks(self, numbers: Sequence[int]) -> list[Block]:
        """Blocks by their numbers.

        Raises:
            ChainError: The node does not have one of them.
        """
        return self.query(sequence([queries.block(one) for one in numbers]))

    def moment(self) -> Moment:
        """The newest block, and chain time."""
        return self.query(queries.moment())

    def now(self) -> int:
        """Chain time: the second that the next block will carry at least."""
        return self.moment().now

    def is_agreed(self, block: Block) -> bool:
        """Whether every node that answers has this block at its place.

        A node that lies behind does not have it yet, and one on another fork
        has another.
        """
        return all(one == block.hash for one in self._nodes.hashes_of(block.number))

    def heads(self) -> dict[str, int | None]:
        """Each node's newest block by the node's name; None if it does not answer."""
        return self._nodes.heads()

    # --- logs ---

    def logs(self, contracts: Sequence[Address], first: int, last: int) -> list[Log]:
        """What contracts logged in the blocks first … last."""
        return self.query(queries.logs(contracts, first, last))

    def logs_anywhere(self, contract: Address, block: Block) -> list[Log]:
        """What a contract logged in a block, from whichever node knows most.

        That there is nothing is certain only if some node says the truth.
        """
        most: list[Log] = []
        for found in self._nodes.logs_of(contract, block.number):
            try:
                logs = queries.read_logs(found)
            except (AttributeError, LookupError, TypeError, ValueError):
                continue
            if all(one.block_hash == block.hash for one in logs):
                most = max(most, logs, key=len)
        return most

    # --- accounts and contracts ---

    def fee_balance(self, address: Address) -> Wei:
        """An account's wei of the coin that fees are paid in."""
        return self.query(queries.fee_balance(address))

    def transaction_count(
        self, address: Address, at: Literal["latest", "pending"] = "latest"
    ) -> int:
        """How many transactions of an account are in the chain, or waiting too."""
        return self.query(queries.transaction_count(address, at))

    def code(self, address: Address) -> bytes:
        """A contract's code; empty where there is none."""
        return self.query(queries.code(address))

    def read(
        self, call: Call, *, sender: Address | None = None, at: At = "pending"
    ) -> bytes:
        """Makes a call without sending it.

        Raises:
            RevertError: The contract refused, in words.
        """
        return self.query(queries.call(call, sender=sender, at=at))

    # --- transactions ---

    def fees(self) -> tuple[Wei, Wei]:
        """What a unit of gas costs now.

        Returns:
            The base fee and the tip that the node suggests, in wei.
        """
        base, tip = self.query(together(queries.base_fee(), queries.tip()))
        return base, self.tip_above(base) if tip is None else tip

    def tip_above(self, base: Wei) -> Wei:
        """The tip for a unit of gas, from a node that suggests none by itself."""
        return Wei(max(0, self.query(queries.gas_price()) - base))

    def estimate(self, call: Call, sender: Address) -> int:
        """The gas that a call would take as the chain is now.

        Raises:
            RevertError: The contract would refuse, in words.
        """
        return self.query(queries.estimate(call, sender))

    def nonce(self, transaction: bytes) -> int | None:
        """A transaction's place in its account; None if the node has never
        heard of it.
        """
        found = self.query(queries.transaction(transaction))
        return None if found is None else found.nonce

    def transaction_input(
        self, transaction: bytes, *, to: Address | None = None
    ) -> bytes:
        """What a transaction sent; empty if the node has never heard of it.

        Args:
            transaction: Its hash.
            to: Whom it must have called: another contract may be handed anything, and
                hand on something else.
        """
        found = self.query(queries.transaction(transaction))
        if found is None or to not in (None, found.to):
            return b""
        return found.data

    def receipt(self, transaction: bytes) -> Receipt | None:
        """A transaction's receipt; None while it is not in the chain.

        Raises:
            TransactionError: The transaction is in the chain and failed.
        """
        return self.query(queries.receipt(transaction))

    def push(self, raw: bytes) -> None:
        """Hands a signed transaction to a node.

        Raises:
            ChainError: It is refused, perhaps because it is known already.
        """
        self.query(queries.push(raw))

    @contextmanager
    def _node_errors(self) -> Iterator[None]:
        """Turns whatever goes wrong on the line into this package's errors."""
        try:
            yield
        except RefusalError as error:
            raise ChainError(f"The node at {self.name} answered: {error}") from error
        except (
            ArithmeticError,
            AttributeError,
            LookupError,
            RecursionError,
            TypeError,
            ValueError,
        ) as error:
            raise ChainError(
                f"The node at {self.name} answered nonsense: {error}"
            ) from error
