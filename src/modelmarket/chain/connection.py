# SPDX-License-Identifier: Apache-2.0
"""The line to a chain: reading what is so, in one place."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, cast

from eth_typing import Hash32

from modelmarket.chain.reasons import explain
from modelmarket.errors import ChainError, TransactionError
from modelmarket.protocol.types import Address, Wei, checksummed

if TYPE_CHECKING:
    from web3 import Web3
    from web3.types import RPCEndpoint


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
    """A chain, through nodes that speak JSON-RPC.

    Args:
        rpcs: Their addresses, the preferred one first.
        chain_id: What each must say it is; None to take the first's word.
        timeout_s: For each request.
        most_fee: The most wei a unit of gas may cost; None for no limit.

    Raises:
        ChainError: None of them can be reached, or none is on this chain.
    """

    def __init__(
        self,
        *rpcs: str,
        chain_id: int | None = None,
        timeout_s: float = 20,
        most_fee: Wei | None = None,
    ) -> None:
        from web3 import Web3

        from modelmarket.chain.nodes import Nodes, named

        self.name = named(rpcs[0])
        self.most_fee = most_fee
        self._nodes = Nodes(rpcs, chain_id, timeout_s)
        self.web3: Web3 = Web3(self._nodes)
        with _node_errors(self.name):
            self.chain_id = int(self.web3.eth.chain_id)

    # --- reading ---

    def block(self, at: int | str = "latest") -> Block:
        """A block by number or tag.

        Raises:
            ChainError: The node does not have it.
        """
        with _node_errors(self.name):
            found = self.web3.eth.get_block(at)  # type: ignore[arg-type]  # a NewType of int
            return Block(
                int(found["number"]),
                bytes(found["hash"]),
                bytes(found["parentHash"]),
                int(found["timestamp"]),
                bytes(found.get("logsBloom", b"")),
            )

    def is_agreed(self, block: Block) -> bool:
        """Whether every node that answers has this block at its place.

        A node that lies behind does not have it yet, and one on another fork
        has another.
        """
        return all(one == block.hash for one in self._nodes.hashes_of(block.number))

    def logs_anywhere(self, contract: Address, block: Block) -> list[Log]:
        """What a contract logged in a block, from whichever node knows most.

        That there is nothing is certain only if some node says the truth.
        """
        most: list[Log] = []
        for found in self._nodes.logs_of(contract, block.number):
            try:
                logs = [_log_of_json(one) for one in found]
            except (AttributeError, LookupError, TypeError, ValueError):
                continue
            if all(one.block_hash == block.hash for one in logs):
                most = max(most, logs, key=len)
        return most

    def heads(self) -> dict[str, int | None]:
        """Each node's newest block by the node's name; None if it does not answer."""
        return self._nodes.heads()

    def now(self, head: Block | None = None) -> int:
        """Chain time: the second that the next block will carry at least.

        On an idle chain the last block's time lags, so that a step which a
        deadline has just opened would look closed; a node's pending block
        knows better, where there is one.

        Args:
            head: The newest block; None to ask for it.
        """
        from web3.exceptions import BlockNotFound

        latest = (head or self.block()).timestamp
        with _node_errors(self.name):
            try:
                pending = self.web3.eth.get_block("pending")
            except BlockNotFound:
                return latest
        return max(int(pending["timestamp"]), latest)

    def fees(self) -> tuple[Wei, Wei]:
        """What a unit of gas costs now.

        Returns:
            The base fee and the tip that the node suggests, in wei.
        """
        with _node_errors(self.name):
            base = int(self.web3.eth.get_block("latest")["baseFeePerGas"])
            return Wei(base), Wei(int(self.web3.eth.max_priority_fee))

    def estimate(self, call: Call, sender: Address) -> int:
        """The gas that a call would take as the chain is now.

        Raises:
            RevertError: The contract would refuse, in words.
        """
        request: dict[str, Any] = {
            "from": sender,
            "data": call.data,
            "value": call.value,
        }
        if call.to is not None:
            request["to"] = call.to
        with _node_errors(self.name):
            return self.web3.eth.estimate_gas(request, "pending")  # type: ignore[arg-type]  # TxParams

    def fee_balance(self, address: Address) -> Wei:
        """An account's wei of the coin that fees are paid in."""
        with _node_errors(self.name):
            return Wei(int(self.web3.eth.get_balance(address)))

    def transaction_count(
        self, address: Address, at: Literal["latest", "pending"] = "latest"
    ) -> int:
        """How many transactions of an account are in the chain, or waiting too."""
        with _node_errors(self.name):
            return int(self.web3.eth.get_transaction_count(address, at))

    def code(self, address: Address) -> bytes:
        """A contract's code; empty where there is none."""
        with _node_errors(self.name):
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
        with _node_errors(self.name):
            return bytes(self.web3.eth.call(request, at))  # type: ignore[arg-type]  # TxParams

    def logs(self, address: Address, first: int, last: int) -> list[Log]:
        """What a contract logged in the blocks first … last."""
        with _node_errors(self.name):
            found = self.web3.eth.get_logs(
                {"address": address, "fromBlock": first, "toBlock": last}
            )
            return [_log(one) for one in found]

    def nonce(self, transaction: bytes) -> int | None:
        """A transaction's place in its account; None if the node has never
        heard of it.
        """
        from web3.exceptions import TransactionNotFound

        with _node_errors(self.name):
            try:
                return int(self.web3.eth.get_transaction(Hash32(transaction))["nonce"])
            except TransactionNotFound:
                return None

    def transaction_input(self, transaction: bytes) -> bytes:
        """What a mined transaction sent."""
        with _node_errors(self.name):
            return bytes(self.web3.eth.get_transaction(Hash32(transaction))["input"])

    def receipt(self, transaction: bytes) -> Receipt | None:
        """A transaction's receipt; None while it is not in the chain.

        Raises:
            TransactionError: The transaction is in the chain and failed.
        """
        from web3.exceptions import TransactionNotFound

        with _node_errors(self.name):
            try:
                found = self.web3.eth.get_transaction_receipt(Hash32(transaction))
            except TransactionNotFound:
                return None
        if found["status"] != 1:
            raise TransactionError(
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

    def push(self, raw: bytes) -> None:
        """Hands a signed transaction to a node.

        Raises:
            ChainError: It is refused, perhaps because it is known already.
        """
        with _node_errors(self.name):
            self.web3.eth.send_raw_transaction(raw)

    def ask(self, method: str, *params: Any) -> Any:
        """Makes a JSON-RPC request that has no name here.

        Raises:
            ChainError: The node does not know it, or refuses.
        """
        with _node_errors(self.name):
            answer = self._nodes.make_request(cast("RPCEndpoint", method), list(params))
        if "error" in answer:
            error = answer["error"]
            says = error.get("message", error) if isinstance(error, dict) else error
            raise ChainError(f"{self.name} refused {method}: {says}.")
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


def _log_of_json(found: dict[str, Any]) -> Log:
    def raw(text: str) -> bytes:
        return bytes.fromhex(text.removeprefix("0x"))

    second = found.get("blockTimestamp")
    return Log(
        checksummed(found["address"]),
        tuple(raw(topic) for topic in found["topics"]),
        raw(found["data"]),
        int(found["blockNumber"], 16),
        raw(found["blockHash"]),
        raw(found["transactionHash"]),
        int(found["logIndex"], 16),
        int(second, 16) if isinstance(second, str) else second,
    )


@contextmanager
def _node_errors(name: str) -> Iterator[None]:
    """Turns whatever goes wrong on the line into this package's errors."""
    from web3.exceptions import ContractLogicError, Web3Exception

    try:
        yield
    except ContractLogicError as error:
        raise explain(_reason(error)) from None
    except Web3Exception as error:
        raise ChainError(f"The node at {name} answered: {error}") from error
    except (
        ArithmeticError,
        AttributeError,
        LookupError,
        RecursionError,
        TypeError,
        ValueError,
    ) as error:
        raise ChainError(f"The node at {name} answered nonsense: {error}") from error


def _reason(error: Any) -> str:
    """The contract's reason: the text of `Error(string)`, or else empty."""
    data = error.data if isinstance(error.data, str) else ""
    try:
        raw = bytes.fromhex(data.removeprefix("0x"))
    except ValueError:
        return ""
    if raw[:4] == bytes.fromhex("08c379a0"):
        size = int.from_bytes(raw[36:68])
        return raw[68 : 68 + size].decode(errors="replace")
    return ""
