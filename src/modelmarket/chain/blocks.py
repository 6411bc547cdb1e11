# SPDX-License-Identifier: Apache-2.0
"""What a chain is made of: blocks, what was logged in them, calls and receipts."""

from __future__ import annotations

from dataclasses import dataclass

from modelmarket.protocol.types import Address, Wei


@dataclass(frozen=True)
class Block:
    """A block's place.

    Attributes:
        number: From 0.
        hash: 32 bytes.
        parent_hash: 32 bytes.
        timestamp: Seconds, UTC.
        bloom: Of what was logged in it; 256 bytes, or none where the node has none.
    """

    number: int
    hash: bytes
    parent_hash: bytes
    timestamp: int
    bloom: bytes = b""

    def may_have_logs_of(self, contract: Address) -> bool:
        """Whether a contract may have logged something in it.

        "No" is certain; the more a block holds, the less "yes" says. The bits
        are those of the Yellow Paper, section 4.3.1.
        """
        from eth_utils.crypto import keccak

        bits, hashed = int.from_bytes(self.bloom), keccak(hexstr=contract)
        return all(
            bits >> (int.from_bytes(hashed[at : at + 2]) % 2048) & 1 for at in (0, 2, 4)
        )


@dataclass(frozen=True)
class Moment:
    """The chain as it was when it was looked at; handed down, not asked again.

    Attributes:
        head: The newest block.
        now: Chain time in seconds: what the next block will carry at least.
    """

    head: Block
    now: int


@dataclass(frozen=True)
class Log:
    """What a contract logged, and where.

    Attributes:
        address: The contract.
        topics: Up to four words.
        data: The rest.
        block: The block's number.
        block_hash: 32 bytes.
        transaction: The transaction's hash.
        position: Within the block.
        timestamp: The block's, in seconds; None where the node does not say.
    """

    address: Address
    topics: tuple[bytes, ...]
    data: bytes
    block: int
    block_hash: bytes
    transaction: bytes
    position: int
    timestamp: int | None = None


@dataclass(frozen=True)
class Sent:
    """What a transaction sent.

    Attributes:
        nonce: Its place in its account.
        to: Whom it called; None if it created a contract.
        data: The calldata.
    """

    nonce: int
    to: Address | None
    data: bytes


@dataclass(frozen=True)
class Receipt:
    """A transaction that is in the chain and did what it should.

    Attributes:
        transaction: Its hash.
        block: The block's number.
        gas: Gas that was charged.
        contract: What it created, if it did.
        logs: In order.
    """

    transaction: bytes
    block: int
    gas: int
    contract: Address | None
    logs: tuple[Log, ...]


@dataclass(frozen=True)
class Outcome:
    """A transaction as a node knows it, whatever came of it.

    Attributes:
        sender: Whose it is.
        to: Whom it called; None if it created a contract.
        value: Wei of the chain's own coin that went with it.
        data: The calldata.
        gas_limit: The most gas that it may take.
        block: The block's number; None while it is in none.
        has_failed: Whether it is in a block, and did nothing.
        gas: Gas that was charged; 0 while it is in no block.
        fee: Wei of the chain's own coin that were paid for it.
        contract: What it created, if it did.
        logs: In order; none of one that failed.
    """

    sender: Address
    to: Address | None
    value: Wei
    data: bytes
    gas_limit: int
    block: int | None
    has_failed: bool
    gas: int
    fee: Wei
    contract: Address | None
    logs: tuple[Log, ...]


@dataclass(frozen=True)
class Call:
    """A call of a contract.

    Attributes:
        what: The function, in words for people.
        to: The contract; None to create one.
        data: Selector and arguments.
        value: Wei of the chain's own coin that go with it.
    """

    what: str
    to: Address | None
    data: bytes
    value: Wei = Wei(0)
