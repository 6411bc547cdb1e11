# SPDX-License-Identifier: Apache-2.0
"""The line to a node: reading what is so, and sending, in one place."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from eth_typing import Hash32

from modelmarket.chain.reasons import explain
from modelmarket.errors import ChainError, FundsError, InputError
from modelmarket.protocol.types import Address, Wei, checksummed

if TYPE_CHECKING:
    from web3 import Web3

    from modelmarket.chain.wallets import Wallet

TRANSACTION_GAS_LIMIT = 2**24
"""EIP-7825: the most gas of one transaction."""

TRANSACTION_BYTES_LIMIT = 128 * 1024
"""Public nodes refuse larger ones."""

SEND_TRIES = 3
RECEIPT_POLL_S = 0.05
SLOWEST_POLL_S = 2.0
RECEIPT_WAIT_S = 300.0


def calldata_floor(data: bytes) -> int:
    """The least gas of a transaction with such data (EIP-7623)."""
    zeros = data.count(0)
    return 21_000 + 10 * zeros + 40 * (len(data) - zeros)


@dataclass(frozen=True)
class Block:
    """A block's place.

    Attributes:
        number: From 0.
        hash: 32 bytes.
        parent_hash: 32 bytes.
        timestamp: Seconds, UTC.
    """

    number: int
    hash: bytes
    parent_hash: bytes
    timestamp: int


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


class Connection:
    """A node that speaks JSON-RPC.

    Args:
        rpc: Its address.
        chain_id: What it must say it is; None to take its word.
        timeout_s: For each request.
    """

    def __init__(
        self, rpc: str, *, chain_id: int | None = None, timeout_s: float = 30
    ) -> None:
        from web3 import HTTPProvider, Web3

        self.rpc = rpc
        self.web3: Web3 = Web3(HTTPProvider(rpc, request_kwargs={"timeout": timeout_s}))
        with _node_errors(rpc):
            self.chain_id = int(self.web3.eth.chain_id)
        if chain_id is not None and chain_id != self.chain_id:
            raise ChainError(
                f"The node at {rpc} is on chain {self.chain_id}, not {chain_id}.",
                hint="Check the network's `rpc` and `chain_id`.",
            )

    # --- reading ---

    def block(self, at: int | str = "latest") -> Block:
        """A block by number or tag.

        Raises:
            ChainError: The node does not have it.
        """
        with _node_errors(self.rpc):
            found = self.web3.eth.get_block(at)  # type: ignore[arg-type]  # a NewType of int
        return Block(
            int(found["number"]),
            bytes(found["hash"]),
            bytes(found["parentHash"]),
            int(found["timestamp"]),
        )

    def now(self) -> int:
        """Chain time: the second that the next block will carry at least.

        On an idle chain the last block's time lags, so that a step which a
        deadline has just opened would look closed; a node's pending block
        knows better.
        """
        with _node_errors(self.rpc):
            pending = self.web3.eth.get_block("pending")
            latest = self.web3.eth.get_block("latest")
        return max(int(pending["timestamp"]), int(latest["timestamp"]))

    def fee_balance(self, address: Address) -> Wei:
        """An account's wei of the coin that fees are paid in."""
        with _node_errors(self.rpc):
            return Wei(int(self.web3.eth.get_balance(address)))

    def transaction_count(self, address: Address) -> int:
        """How many transactions of an account are in the chain."""
        with _node_errors(self.rpc):
            return int(self.web3.eth.get_transaction_count(address, "latest"))

    def code(self, address: Address) -> bytes:
        """A contract's code; empty where there is none."""
        with _node_errors(self.rpc):
            return bytes(self.web3.eth.get_code(address))

    def read(
        self, call: Call, *, sender: Address | None = None, at: int | str = "pending"
    ) -> bytes:
        """Makes a call without sending it.

        Raises:
            RevertError: The contract refused, in words.
        """
        request: dict[str, Any] = {"to": call.to, "data": call.data}
        if sender is not None:
            request["from"] = sender
        with _node_errors(self.rpc):
            return bytes(self.web3.eth.call(request, at))  # type: ignore[arg-type]  # TxParams

    def logs(self, address: Address, first: int, last: int) -> list[Log]:
        """What a contract logged in the blocks first … last."""
        with _node_errors(self.rpc):
            found = self.web3.eth.get_logs(
                {"address": address, "fromBlock": first, "toBlock": last}
            )
        return [_log(one) for one in found]

    def nonce(self, transaction: bytes) -> int | None:
        """A transaction's place in its account; None if the node has never
        heard of it.
        """
        from web3.exceptions import TransactionNotFound

        with _node_errors(self.rpc):
            try:
                return int(self.web3.eth.get_transaction(Hash32(transaction))["nonce"])
            except TransactionNotFound:
                return None

    def transaction_input(self, transaction: bytes) -> bytes:
        """What a mined transaction sent."""
        with _node_errors(self.rpc):
            return bytes(self.web3.eth.get_transaction(Hash32(transaction))["input"])

    def receipt(self, transaction: bytes) -> Receipt | None:
        """A transaction's receipt; None while it is not in the chain.

        Raises:
            ChainError: The transaction is in the chain and failed.
        """
        from web3.exceptions import TransactionNotFound

        with _node_errors(self.rpc):
            try:
                found = self.web3.eth.get_transaction_receipt(Hash32(transaction))
            except TransactionNotFound:
                return None
        if found["status"] != 1:
            raise ChainError(
                f"Transaction 0x{transaction.hex()} is in block "
                f"{found['blockNumber']} and failed.",
                hint="The chain changed between the check and the block; try again.",
            )
        created = found.get("contractAddress")
        return Receipt(
            transaction,
            int(found["blockNumber"]),
            int(found["gasUsed"]),
            checksummed(str(created)) if created else None,
            tuple(_log(one) for one in found["logs"]),
        )

    # --- sending ---

    def quote(self, call: Call, sender: Address) -> dict[str, Any]:
        """Checks a call against the chain as it is now.

        Returns:
            The transaction that makes it, for whoever signs for the sender.

        Raises:
            RevertError: The contract would refuse, in words.
            FundsError: The account cannot pay the fees.
            InputError: The transaction needs more gas than the chain gives.
        """
        request: dict[str, Any] = {
            "from": sender,
            "data": call.data,
            "value": call.value,
        }
        if call.to is not None:
            request["to"] = call.to
        with _node_errors(self.rpc):
            estimate = self.web3.eth.estimate_gas(request, "pending")  # type: ignore[arg-type]  # TxParams
            nonce = self.web3.eth.get_transaction_count(sender, "pending")
            base_fee = int(self.web3.eth.get_block("latest")["baseFeePerGas"])
            tip = int(self.web3.eth.max_priority_fee)
            balance = int(self.web3.eth.get_balance(sender))
        gas = max(estimate + estimate // 10, calldata_floor(call.data))
        if max(estimate, calldata_floor(call.data)) > TRANSACTION_GAS_LIMIT:
            raise InputError(
                f"{call.what} would need {estimate:,} gas; "
                f"one transaction may use {TRANSACTION_GAS_LIMIT:,}."
            )
        gas = min(gas, TRANSACTION_GAS_LIMIT)
        # The base fee rises by an eighth a block at most: this lasts six full ones.
        fee = 2 * base_fee + tip
        if balance < gas * fee + call.value:
            raise FundsError(
                f"{sender} has {balance} wei for fees; {call.what} may "
                f"take {gas * fee + call.value}.",
                hint="Send it some of the chain's own coin.",
            )
        return {
            "type": 2,
            "chainId": self.chain_id,
            "nonce": nonce,
            "gas": gas,
            "maxFeePerGas": fee,
            "maxPriorityFeePerGas": tip,
            "to": call.to or "",
            "value": call.value,
            "data": call.data,
        }

    def prepare(self, call: Call, wallet: Wallet) -> tuple[bytes, bytes]:
        """Checks a call against the chain as it is now and signs it.

        Returns:
            The transaction's hash and its raw bytes.

        Raises:
            RevertError: The contract would refuse, in words.
            FundsError: The account cannot pay the fees.
            InputError: The transaction is larger than the chain takes.
        """
        transaction_hash, raw = wallet.sign_transaction(
            self.quote(call, wallet.address)
        )
        if len(raw) > TRANSACTION_BYTES_LIMIT:
            raise InputError(
                f"{call.what} takes {len(raw):,} bytes; nodes take "
                f"{TRANSACTION_BYTES_LIMIT:,} in one transaction."
            )
        return transaction_hash, raw

    def broadcast(self, transaction: bytes, raw: bytes) -> Receipt:
        """Sends a signed transaction and waits until it is in the chain.

        Sending the same bytes again does no harm.

        Raises:
            ChainError: It failed, or is still not there when the wait ends.
        """
        receipt = self.receipt(transaction)
        if receipt is not None:
            return receipt
        for attempt in range(1, SEND_TRIES + 1):
            try:
                with _node_errors(self.rpc):
                    self.web3.eth.send_raw_transaction(raw)
                break
            except ChainError:
                # A node that has it already says so by an error; a line that
                # was cut may have carried it, or not.
                receipt = self.receipt(transaction)
                if receipt is not None:
                    return receipt
                if attempt == SEND_TRIES:
                    raise
                time.sleep(RECEIPT_POLL_S * attempt)
        return self.wait_for(transaction)

    def is_spent(self, raw: bytes) -> bool:
        """Whether a signed transaction's nonce is used up in the chain."""
        from eth_account import Account
        from eth_account.typed_transactions.typed_transaction import TypedTransaction
        from hexbytes import HexBytes

        sender = Account.recover_transaction(HexBytes(raw))
        nonce = int(TypedTransaction.from_bytes(HexBytes(raw)).as_dict()["nonce"])
        return self.transaction_count(checksummed(sender)) > nonce

    def wait_for(self, transaction: bytes) -> Receipt:
        """Waits until a transaction is in the chain."""
        ends = time.monotonic() + RECEIPT_WAIT_S
        pause = RECEIPT_POLL_S
        while time.monotonic() < ends:
            receipt = self.receipt(transaction)
            if receipt is not None:
                return receipt
            time.sleep(pause)
            pause = min(pause * 1.5, SLOWEST_POLL_S)
        raise ChainError(
            f"Transaction 0x{transaction.hex()} is not in the chain after "
            f"{RECEIPT_WAIT_S:.0f} s.",
            hint="It may still get there; running the command again is safe.",
        )

    def send(
        self,
        call: Call,
        wallet: Wallet,
        *,
        journal: Callable[[bytes, bytes], None] | None = None,
    ) -> Receipt:
        """Checks, signs and sends a call, and waits until it is in the chain.

        Args:
            call: What to do.
            wallet: Who does it.
            journal: Is given hash and raw bytes before they are sent.
        """
        transaction, raw = self.prepare(call, wallet)
        if journal is not None:
            journal(transaction, raw)
        return self.broadcast(transaction, raw)

    def ask(self, method: str, *params: Any) -> Any:
        """Makes a JSON-RPC request that has no name here.

        Raises:
            ChainError: The node does not know it, or refuses.
        """
        with _node_errors(self.rpc):
            answer = self.web3.provider.make_request(method, list(params))  # type: ignore[arg-type]  # any method
        if "error" in answer:
            raise ChainError(f"{self.rpc} refused {method}: {answer['error']}.")
        return answer.get("result")


def _log(found: Any) -> Log:
    second = found.get("blockTimestamp")
    return Log(
        Address(found["address"]),
        tuple(bytes(topic) for topic in found["topics"]),
        bytes(found["data"]),
        int(found["blockNumber"]),
        bytes(found["blockHash"]),
        bytes(found["transactionHash"]),
        int(found["logIndex"]),
        int(second, 16) if isinstance(second, str) else second,
    )


@contextmanager
def _node_errors(rpc: str) -> Iterator[None]:
    """Turns whatever goes wrong on the line into this package's errors."""
    import requests
    from web3.exceptions import ContractLogicError, Web3Exception

    try:
        yield
    except ContractLogicError as error:
        raise explain(_reason(error)) from None
    except Web3Exception as error:
        raise ChainError(f"The node at {rpc} answered: {error}") from error
    except requests.RequestException as error:
        raise ChainError(
            f"The node at {rpc} cannot be reached ({type(error).__name__}).",
            hint="Is it running? `modelmarket node start` runs a local one.",
        ) from error
    except ValueError as error:
        raise ChainError(f"The node at {rpc} answered nonsense: {error}") from error


def _reason(error: Any) -> str:
    """The contract's reason: the text of `Error(string)`, or else empty."""
    data = error.data if isinstance(error.data, str) else ""
    raw = bytes.fromhex(data.removeprefix("0x"))
    if raw[:4] == bytes.fromhex("08c379a0"):
        size = int.from_bytes(raw[36:68])
        return raw[68 : 68 + size].decode(errors="replace")
    return ""
