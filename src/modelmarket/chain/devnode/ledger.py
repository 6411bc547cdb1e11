# SPDX-License-Identifier: Apache-2.0
"""A private chain in one file: one transaction a block, mined at once.

Its rules are Prague's, with Osaka's limit on a transaction's gas. Block time
follows the machine's clock plus an offset that only `move_clock` changes, and
is always after its parent's.
"""

import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from eth.abc import (
    BlockAPI,
    BlockHeaderAPI,
    ComputationAPI,
    ReceiptAPI,
    SignedTransactionAPI,
    UnsignedTransactionAPI,
)
from eth.chains.base import MiningChain
from eth.constants import BLANK_ROOT_HASH, ZERO_ADDRESS
from eth.db.atomic import AtomicDB
from eth.exceptions import HeaderNotFound, TransactionNotFound
from eth.vm.forks.prague import PragueVM
from eth.vm.forks.prague.transactions import PragueTransactionBuilder
from eth.vm.spoof import SpoofTransaction
from eth_keys.datatypes import PrivateKey
from eth_typing import Address, BlockNumber, Hash32

from modelmarket.chain.devnode.database import ChainDatabase

CHAIN_ID = 1_297_041_477
"""The letters MOME; no public chain has it."""

GAS_LIMIT = 60_000_000
TRANSACTION_GAS_LIMIT = 2**24
"""EIP-7825."""

MOST_SECOND = 253_402_300_799
"""The last of the year 9999: no calendar goes further."""

FAUCET_WEI = 10**24
FIRST_BASE_FEE = 10**9


class EmbeddedChain(MiningChain):
    """Prague from the first block on, with a gas limit that stays."""

    chain_id = CHAIN_ID
    vm_configuration = ((BlockNumber(0), PragueVM),)

    def create_header_from_parent(
        self, parent_header: BlockHeaderAPI, **header_params: object
    ) -> BlockHeaderAPI:
        header_params["gas_limit"] = parent_header.gas_limit
        return super().create_header_from_parent(parent_header, **header_params)  # type: ignore[arg-type]  # py-evm types its parameters as one union


@dataclass(frozen=True)
class Log:
    """A log with its place in the chain.

    Attributes:
        block: The block's number.
        position: Within the block.
        transaction_index: Within the block.
        address: 20 bytes.
        topics: Up to four words.
        data: The rest.
    """

    block: int
    position: int
    transaction_index: int
    address: bytes
    topics: tuple[bytes, ...]
    data: bytes


@dataclass(frozen=True)
class Call:
    """A call that is tried rather than sent.

    Attributes:
        sender: 20 bytes.
        to: 20 bytes; empty to create a contract.
        data: The input.
        value: Wei.
        gas: The limit.
    """

    sender: bytes
    to: bytes
    data: bytes
    value: int = 0
    gas: int = TRANSACTION_GAS_LIMIT


class Ledger:
    """The chain, its logs and its clock.

    Args:
        path: The chain's file; None for a temporary one in memory.

    All methods may be called from any thread.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._lock = threading.RLock()
        self.database = ChainDatabase(path or Path(":memory:"))
        stored = self.database.setting("faucet")
        if stored is None:
            self.faucet = PrivateKey(secrets.token_bytes(32))
            self._chain = self._create()
            self.database.set_setting("faucet", self.faucet.to_hex())
            self.database.commit()
        else:
            self.faucet = PrivateKey(bytes.fromhex(stored[2:]))
            self._chain = EmbeddedChain(AtomicDB(self.database))
            head = self._chain.get_canonical_head()
            self._chain.header = self._chain.create_header_from_parent(head)
        self._offset_s = int(self.database.setting("offset_s") or 0)
        self._next_time: int | None = None

    def _create(self) -> EmbeddedChain:
        chain = EmbeddedChain.from_genesis(
            AtomicDB(self.database),
            {
                "coinbase": ZERO_ADDRESS,
                "difficulty": 0,
                "extra_data": b"ModelMarket",
                "gas_limit": GAS_LIMIT,
                "mix_hash": bytes(32),
                "nonce": bytes(8),
                "receipt_root": BLANK_ROOT_HASH,
                "timestamp": int(time.time()) - 1,
                "transaction_root": BLANK_ROOT_HASH,
                "base_fee_per_gas": FIRST_BASE_FEE,
            },
            {
                Address(self.faucet.public_key.to_canonical_address()): {
                    "balance": FAUCET_WEI,
                    "nonce": 0,
                    "code": b"",
                    "storage": {},
                }
            },
        )
        assert isinstance(chain, EmbeddedChain)
        return chain

    # --- the clock ---

    def now(self) -> int:
        """The second that a block mined now would carry."""
        with self._lock:
            if self._next_time is not None:
                return self._next_time
            return max(self.head.timestamp + 1, int(time.time()) + self._offset_s)

    def move_clock(self, seconds: int) -> None:
        """Moves block time forward, for good."""
        with self._lock:
            self._offset_s += seconds
            self.database.set_setting("offset_s", str(self._offset_s))
            self.database.commit()

    def set_next_time(self, second: int) -> None:
        """Sets the time of the next block; the clock goes on from there.

        Raises:
            ValueError: The second is not after the head's.
        """
        with self._lock:
            if second <= self.head.timestamp:
                raise ValueError(f"timestamp {second} is not after the head's")
            self.move_clock(second - int(time.time()) - self._offset_s)
            self._next_time = second

    # --- blocks ---

    @property
    def head(self) -> BlockHeaderAPI:
        """The last block's header."""
        # While a block is written, the new head may be there before its header.
        with self._lock:
            return self._chain.get_canonical_head()

    def block(self, number: int) -> BlockAPI | None:
        """A block; None if there is none of that number."""
        with self._lock:
            if not 0 <= number <= self.head.block_number:
                return None
            return self._chain.get_canonical_block_by_number(BlockNumber(number))

    def block_number(self, block_hash: bytes) -> int | None:
        """The number of the block with a hash; None if there is none."""
        with self._lock:
            try:
                header = self._chain.get_block_header_by_hash(Hash32(block_hash))
            except HeaderNotFound:
                return None
            return header.block_number

    def receipts(self, block: BlockAPI) -> tuple[ReceiptAPI, ...]:
        """The receipts of a block's transactions."""
        with self._lock:
            return block.get_receipts(self._chain.chaindb)

    def locate(self, transaction_hash: bytes) -> tuple[int, int] | None:
        """Block number and index of a mined transaction."""
        with self._lock:
            try:
                return self._chain.chaindb.get_transaction_index(
                    Hash32(transaction_hash)
                )
            except TransactionNotFound:
                return None

    def logs(self, first: int, last: int, address: bytes | None) -> Iterator[Log]:
        """The logs of blocks first … last, in order."""
        with self._lock:
            rows = self.database.connection.execute(
                "SELECT * FROM logs WHERE block BETWEEN ? AND ?"
                " AND (? IS NULL OR address = ?) ORDER BY block, position",
                (first, last, address, address),
            ).fetchall()
        for block, position, index, where, topics, data in rows:
            split = tuple(topics[at : at + 32] for at in range(0, len(topics), 32))
            yield Log(block, position, index, where, split, data)

    # --- state ---

    @contextmanager
    def _state_at(self, number: int | None) -> Iterator[PragueVM]:
        """A machine whose state is that after a block; None: pending, now."""
        with self._lock:
            if number is None:
                second = self.now()
                header = self._chain.header
            else:
                parent = self._chain.get_canonical_block_header_by_number(
                    BlockNumber(number)
                )
                second = parent.timestamp
                header = self._chain.create_header_from_parent(parent)
            # Calls are free, so the fee must not stand in their way.
            machine = self._chain.get_vm(
                header.copy(timestamp=second, base_fee_per_gas=0)
            )
            assert isinstance(machine, PragueVM)
            snapshot = machine.state.snapshot()
            try:
                yield machine
            finally:
                machine.state.revert(snapshot)

    def balance(self, address: bytes, number: int | None = None) -> int:
        """An account's wei after a block."""
        with self._state_at(number) as machine:
            return machine.state.get_balance(Address(address))

    def nonce(self, address: bytes, number: int | None = None) -> int:
        """How many transactions an account has sent up to a block."""
        with self._state_at(number) as machine:
            return machine.state.get_nonce(Address(address))

    def code(self, address: bytes, number: int | None = None) -> bytes:
        """An account's code after a block."""
        with self._state_at(number) as machine:
            return machine.state.get_code(Address(address))

    def storage(self, address: bytes, slot: int, number: int | None = None) -> int:
        """A contract's slot after a block."""
        with self._state_at(number) as machine:
            return machine.state.get_storage(Address(address), slot)

    def attempt(self, call: Call, number: int | None = None) -> ComputationAPI:
        """Executes a call without keeping what it does."""
        with self._state_at(number) as machine:
            transaction = machine.create_unsigned_transaction(
                nonce=machine.state.get_nonce(Address(call.sender)),
                gas_price=0,
                gas=min(call.gas, TRANSACTION_GAS_LIMIT),
                to=Address(call.to),
                value=call.value,
                data=call.data,
            )
            return machine.state.costless_execute_transaction(
                _from(transaction, call.sender)
            )

    # --- transactions ---

    def send(self, raw: bytes) -> bytes:
        """Mines a signed transaction in a block of its own.

        Returns:
            Its hash, once the block is on disk.

        Raises:
            eth_utils.ValidationError: The transaction is not valid now.
            rlp.exceptions.DecodingError: The bytes are not a transaction.
        """
        with self._lock:
            machine = self._chain.get_vm()
            transaction = machine.get_transaction_builder().decode(raw)
            if self.locate(transaction.hash):
                raise ValueError("already known")
            if transaction.gas > TRANSACTION_GAS_LIMIT:
                raise ValueError("transaction gas limit too high (EIP-7825)")
            self._mine(transaction)
            return transaction.hash

    def mine(self) -> None:
        """Mines an empty block."""
        with self._lock:
            self._mine(None)

    def _mine(self, transaction: SignedTransactionAPI | None) -> None:
        pending = self._chain.header
        try:
            self._chain.set_header_timestamp(self.now())
            if transaction is not None:
                self._chain.apply_transaction(transaction)
            block = self._chain.mine_block()
        except BaseException:
            self._chain.header = pending
            raise
        self._next_time = None
        position = 0
        rows: list[tuple[object, ...]] = []
        for index, receipt in enumerate(block.get_receipts(self._chain.chaindb)):
            for log in receipt.logs:
                topics = b"".join(topic.to_bytes(32) for topic in log.topics)
                rows.append(
                    (block.number, position, index, log.address, topics, log.data)
                )
                position += 1
        self.database.connection.executemany(
            "INSERT INTO logs VALUES (?, ?, ?, ?, ?, ?)", rows
        )
        self.database.commit()

    def fund(self, address: bytes, amount: int) -> bytes:
        """Sends an account wei for fees out of the chain's faucet."""
        with self._lock:
            machine = self._chain.get_vm()
            account = Address(self.faucet.public_key.to_canonical_address())
            fee = (self._chain.header.base_fee_per_gas or 0) * 2 + 1
            unsigned = PragueTransactionBuilder.new_unsigned_dynamic_fee_transaction(
                chain_id=CHAIN_ID,
                nonce=machine.state.get_nonce(account),
                max_priority_fee_per_gas=1,
                max_fee_per_gas=fee,
                gas=21_000,
                to=Address(address),
                value=amount,
                data=b"",
                access_list=[],
            )
            transaction = unsigned.as_signed_transaction(self.faucet)
            self._mine(transaction)
            return bytes(transaction.hash)

    def close(self) -> None:
        """Closes the chain's file."""
        with self._lock:
            self.database.close()


def _from(transaction: UnsignedTransactionAPI, sender: bytes) -> SignedTransactionAPI:
    """An unsigned transaction that is executed as if its sender had signed."""
    spoofed: SignedTransactionAPI = SpoofTransaction(transaction, from_=sender)  # type: ignore[assignment]  # it stands in by attribute
    return spoofed
