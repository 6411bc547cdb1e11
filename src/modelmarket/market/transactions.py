# SPDX-License-Identifier: Apache-2.0
"""A transaction as a page tells it: who, whom, what moved, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from modelmarket.chain import queries
from modelmarket.chain.abi import events
from modelmarket.chain.blocks import Call
from modelmarket.errors import ChainError, FundsError, RevertError
from modelmarket.protocol.types import Wei, checksummed

if TYPE_CHECKING:
    from modelmarket.chain.blocks import Block, Log, Outcome
    from modelmarket.market.reader import Reader
    from modelmarket.protocol.events import Event
    from modelmarket.protocol.types import Address

OUT_OF_GAS = "It used up all the gas that it was given."
UNEXPLAINED = "The contract refused it. The chain may have changed just before it."


@dataclass(frozen=True)
class Transfer:
    """MDC that moved.

    Attributes:
        sender: From whom.
        receiver: To whom.
        amount: Wei.
    """

    sender: Address
    receiver: Address
    amount: Wei


@dataclass(frozen=True)
class Transaction:
    """A transaction that a node knows.

    Attributes:
        sender: Whose it is.
        to: Whom it called; None if it created a contract.
        value: Wei of the chain's own coin that went with it.
        bytes_sent: Of its calldata.
        block: Where it is; None while it is in no block.
        gas: That was charged; 0 while it is in no block.
        fee: Wei of the chain's own coin that were paid for it.
        why_failed: Why it failed, in words; empty if it did not.
        contract: What it created, if it did.
        events: What the market logged in it.
        transfers: MDC that moved in it.
        airdropped: Who got the airdrop in it; None for nobody.
    """

    sender: Address
    to: Address | None
    value: Wei
    bytes_sent: int
    block: Block | None
    gas: int
    fee: Wei
    why_failed: str
    contract: Address | None
    events: list[Event]
    transfers: list[Transfer]
    airdropped: Address | None

    def gain(self, account: Address) -> Wei:
        """Wei of MDC that an account had more afterwards; below 0 for less."""
        came = sum(one.amount for one in self.transfers if one.receiver == account)
        went = sum(one.amount for one in self.transfers if one.sender == account)
        return Wei(came - went)


def looked_up(reader: Reader, name: bytes) -> Transaction | None:
    """A transaction by its hash of 32 bytes; None if the node does not know it.

    Raises:
        ChainError: The node does not answer.
    """
    found = reader.connection.query(queries.outcome(name))
    if found is None:
        return None
    block = None if found.block is None else reader.connection.block(found.block)
    transfers, airdropped = _of_coin(found.logs, reader.coin.address)
    return Transaction(
        sender=found.sender,
        to=found.to,
        value=found.value,
        bytes_sent=len(found.data),
        block=block,
        gas=found.gas,
        fee=found.fee,
        why_failed=_why_failed(reader, found) if found.has_failed else "",
        contract=None if found.has_failed else found.contract,
        events=reader.markets.events_in(found.logs),
        transfers=transfers,
        airdropped=airdropped,
    )


def where_moved(reader: Reader, wanted: Transfer, first: int, last: int) -> list[Log]:
    """What the coin logged of MDC that moved so, from one block to another.

    Raises:
        ChainError: The node does not answer.
    """
    coin = reader.coin.address
    logs = reader.connection.logs([coin], first, last)
    return [log for log in logs if _of_coin((log,), coin)[0] == [wanted]]


def _of_coin(
    logs: tuple[Log, ...], coin: Address
) -> tuple[list[Transfer], Address | None]:
    """What a coin logged: what of it moved, and who got the airdrop."""
    kinds, transfers, airdropped = events("ModelCoin"), [], None
    for log in logs:
        kind = kinds.get(log.topics[0]) if log.topics else None
        if log.address != coin or kind is None:
            continue
        values = kind.decode(log.topics, log.data)
        if kind.name == "Transfer":
            sender, receiver, amount = values.values()
            transfers.append(
                Transfer(checksummed(sender), checksummed(receiver), Wei(amount))
            )
        elif kind.name == "AirdropClaimed":
            airdropped = checksummed(values["account"])
    return transfers, airdropped


def _why_failed(reader: Reader, found: Outcome) -> str:
    """The reason of a failure: the same is tried on the block before it.

    A node keeps no reason. What stood before it in its own block is not there when it
    is tried, so that it may succeed; and a node may have forgotten an old block.
    """
    if found.gas >= found.gas_limit:
        return OUT_OF_GAS
    assert found.block is not None, "what has failed is in a block"
    call = Call("", found.to, found.data, found.value)
    again = queries.call(call, sender=found.sender, at=found.block - 1)
    try:
        reader.connection.query(again)
    except (RevertError, FundsError) as error:
        return error.message
    except ChainError:
        return UNEXPLAINED
    return UNEXPLAINED
