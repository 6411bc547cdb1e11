# SPDX-License-Identifier: Apache-2.0
"""The JSON-RPC methods of the embedded chain.

What wallets and web3 ask of a node, and the clock methods that anvil has too
(`evm_increaseTime`, `evm_setNextBlockTimestamp`, `evm_mine`), so that the same
tests and the same demo run on either. Those change the chain without anybody's
signature, so they are off unless the node was started for tests.

`modelmarket_fund`, the faucet, is always there, but for programs alone: what
comes out of a browser says so, and is refused. A secret file would keep nobody
out who may run programs here, and would keep out the second home of a machine,
for which the faucet is there; and its coin is worth nothing.
"""

import logging
import math
import re
from collections.abc import Callable
from typing import Any

import rlp.exceptions
from eth.abc import BlockAPI, SignedTransactionAPI
from eth.exceptions import PyEVMError, Revert
from eth_utils import ValidationError, to_checksum_address

from modelmarket.chain.devnode.ledger import CHAIN_ID, MOST_SECOND, Call, Ledger

TIP_WEI = 10**6
FAUCET_GIFT_WEI = 100 * 10**18
MOST_BATCH = 100
MOST_HISTORY = 1_024
MOST_PERCENTILES = 100
MOST_TOPICS = 4
MOST_NAMED = 1_000
"""Addresses or topics in one question."""

PARSE_ERROR = -32700
INVALID_REQUEST = -32600
NOT_FOUND = -32601
INVALID_PARAMS = -32602
INTERNAL = -32603
REFUSED = -32000
REVERTED = 3

TEST_METHODS = ("evm_increaseTime", "evm_setNextBlockTimestamp", "evm_mine")
FAUCET = "modelmarket_fund"
HEADS = ("latest", "safe", "finalized")

_HEX = re.compile(r"0x([0-9a-fA-F]{2})*")
_NUMBER = re.compile(r"0x[0-9a-fA-F]{1,64}")

Json = Any
"""A value of a JSON document."""

_log = logging.getLogger(__name__)


class RpcError(Exception):
    """An answer with `error`, as the JSON-RPC specification has it."""

    def __init__(self, code: int, message: str, data: str | None = None) -> None:
        super().__init__(message)
        self.error: dict[str, Json] = {"code": code, "message": message}
        if data is not None:
            self.error["data"] = data


class Rpc:
    """Answers JSON-RPC requests from a ledger.

    Args:
        ledger: The chain.
        test_methods: Whether `TEST_METHODS` are answered.
    """

    def __init__(self, ledger: Ledger, *, test_methods: bool = False) -> None:
        self._ledger = ledger
        self._test_methods = test_methods
        self._methods: dict[str, Callable[..., Json]] = {
            "web3_clientVersion": lambda: "modelmarket/py-evm",
            "net_version": lambda: str(CHAIN_ID),
            "net_listening": lambda: True,
            "eth_chainId": lambda: hex(CHAIN_ID),
            "eth_syncing": lambda: False,
            "eth_accounts": list,
            "eth_blockNumber": lambda: hex(ledger.head.block_number),
            "eth_gasPrice": lambda: hex(self._base_fee() + TIP_WEI),
            "eth_maxPriorityFeePerGas": lambda: hex(TIP_WEI),
            "eth_feeHistory": self._fee_history,
            "eth_getBalance": lambda a, at="latest": hex(
                ledger.balance(_address(a), self._number(at))
            ),
            "eth_getTransactionCount": lambda a, at="latest": hex(
                ledger.nonce(_address(a), self._number(at))
            ),
            "eth_getCode": lambda a, at="latest": _hex(
                ledger.code(_address(a), self._number(at))
            ),
            "eth_getStorageAt": lambda a, slot, at="latest": _hex(
                ledger.storage(_address(a), _int(slot), self._number(at)).to_bytes(32)
            ),
            "eth_call": self._call,
            "eth_estimateGas": self._estimate,
            "eth_sendRawTransaction": self._send,
            "eth_getBlockByNumber": self._block_by_number,
            "eth_getBlockByHash": self._block_by_hash,
            "eth_getTransactionByHash": self._transaction_by_hash,
            "eth_getTransactionReceipt": self._receipt,
            "eth_getLogs": self._logs,
            "evm_increaseTime": self._move_clock,
            "evm_setNextBlockTimestamp": self._set_next_time,
            "evm_mine": self._mine,
            FAUCET: self._fund,
        }

    @property
    def methods(self) -> tuple[str, ...]:
        """The names of all that there are, on or off."""
        return tuple(self._methods)

    def answer(self, request: Json, *, from_browser: bool = False) -> Json:
        """Answers one request, or a batch of them; whatever it is, in JSON-RPC.

        Args:
            request: A JSON document.
            from_browser: Whether a website or an extension asks.
        """
        if not isinstance(request, list):
            return self._answer(request, from_browser=from_browser)
        if not 0 < len(request) <= MOST_BATCH:
            return failed(
                None,
                RpcError(
                    INVALID_REQUEST,
                    f"a batch holds 1 to {MOST_BATCH} requests, not {len(request)}",
                ),
            )
        return [self._answer(one, from_browser=from_browser) for one in request]

    def _answer(self, request: Json, *, from_browser: bool) -> Json:
        number = request.get("id") if isinstance(request, dict) else None
        if not _is_id(number):
            return failed(None, RpcError(INVALID_REQUEST, "the id is not an id"))
        try:
            method = self._method(request, from_browser=from_browser)
            given = request.get("params")
            if given is None:
                given = []
            if not isinstance(given, list):
                raise _invalid("params must be an array")
            return {"jsonrpc": "2.0", "id": number, "result": method(*given)}
        except RpcError as error:
            return failed(number, error)
        except (
            PyEVMError,
            ValidationError,
            ValueError,
            rlp.exceptions.RLPException,
        ) as error:
            return failed(number, RpcError(REFUSED, str(error)))
        except TypeError as error:
            return failed(number, _invalid(str(error)))
        except Exception as error:  # noqa: BLE001  # one question must not end the node
            _log.exception("the node could not answer %.100r", request)
            what = f"internal error: {type(error).__name__}"
            return failed(number, RpcError(INTERNAL, what))

    def _method(self, request: Json, *, from_browser: bool) -> Callable[..., Json]:
        name = request.get("method") if isinstance(request, dict) else None
        if not isinstance(name, str):
            raise RpcError(INVALID_REQUEST, "not a JSON-RPC request")
        method = self._methods.get(name)
        if method is None:
            raise RpcError(NOT_FOUND, f"method {name[:100]} is not supported")
        if name in TEST_METHODS and not self._test_methods:
            raise RpcError(
                NOT_FOUND,
                f"{name} is for tests and off; start the node with `modelmarket node "
                "start --test-methods`",
            )
        if name == FAUCET and from_browser:
            raise RpcError(
                NOT_FOUND,
                f"{name} is not for browsers; run `modelmarket node fund`",
            )
        return method

    def _move_clock(self, seconds: Json) -> str:
        by = _int(seconds)
        if self._ledger.now() + by > MOST_SECOND:
            raise _invalid("the clock would leave the calendar")
        self._ledger.move_clock(by)
        return hex(by)

    def _set_next_time(self, second: Json) -> None:
        at = _int(second)
        if at > MOST_SECOND:
            raise _invalid("the clock would leave the calendar")
        self._ledger.set_next_time(at)

    def _mine(self, *_: Json) -> str:
        self._ledger.mine()
        return "0x0"

    def _fund(self, address: Json) -> str:
        return _hex(self._ledger.fund(_address(address), FAUCET_GIFT_WEI))

    def _base_fee(self) -> int:
        return self._ledger.head.base_fee_per_gas or 0

    def _number(self, at: Json) -> int | None:
        """A block number; None for pending. A request's `latest` state is
        that of now: nothing waits here, so the two differ in time alone.
        """
        if isinstance(at, dict):
            if "blockHash" in at:
                found = self._ledger.block_number(_hash(at["blockHash"]))
                if found is None:
                    raise RpcError(REFUSED, "unknown block")
                return found
            at = at.get("blockNumber")
        if at == "pending":
            return None
        if at in HEADS:
            return self._ledger.head.block_number
        number = 0 if at == "earliest" else _int(at)
        if number > self._ledger.head.block_number:
            raise RpcError(REFUSED, "unknown block")
        return number

    def _try(self, call: Json, at: Json) -> tuple[Call, Any]:
        if not isinstance(call, dict):
            raise _invalid("a call is an object")
        given = {name: value for name, value in call.items() if value is not None}
        attempt = Call(
            sender=_address(given.get("from", "0x" + "00" * 20)),
            to=_address(given["to"]) if given.get("to", "0x") != "0x" else b"",
            data=_bytes(given.get("input") or given.get("data") or "0x"),
            value=_int(given.get("value", 0)),
        )
        computation = self._ledger.attempt(attempt, self._number(at))
        if computation.is_error:
            if isinstance(computation.error, Revert):
                data = computation.output
                raise RpcError(
                    REVERTED, f"execution reverted{_reason(data)}", _hex(data)
                )
            raise RpcError(REFUSED, f"execution failed: {computation.error!r}")
        return attempt, computation

    def _call(self, call: Json, at: Json = "latest", *_: Json) -> str:
        return _hex(self._try(call, at)[1].output)

    def _estimate(self, call: Json, at: Json = "pending", *_: Json) -> str:
        attempt, computation = self._try(call, at)
        # EIP-150: a call inside gets 63/64 of what is left. EIP-7623: at least
        # the floor for the bytes that are sent.
        zeros = attempt.data.count(0)
        standard = 21_000 + 4 * zeros + 16 * (len(attempt.data) - zeros)
        if not attempt.to:
            standard += 32_000 + 2 * -(-len(attempt.data) // 32)
        floor = 21_000 + 10 * zeros + 40 * (len(attempt.data) - zeros)
        execution = computation.get_gas_used() * 64 // 63 + 5_000
        return hex(max(standard + execution, floor))

    def _send(self, raw: Json) -> str:
        return _hex(self._ledger.send(_bytes(raw)))

    def _fee_history(self, count: Json, newest: Json, percentiles: Json = None) -> Json:
        asked, wanted = _int(count), _list(percentiles, MOST_PERCENTILES)
        if asked > MOST_HISTORY:
            raise _invalid(f"at most {MOST_HISTORY} blocks are told at once")
        last = self._number(newest)
        if last is None:
            last = self._ledger.head.block_number
        first = max(0, last - asked + 1)
        blocks = [self._ledger.block(number) for number in range(first, last + 1)]
        fees = [(block.header.base_fee_per_gas or 0) for block in blocks if block]
        ratios = [
            block.header.gas_used / block.header.gas_limit for block in blocks if block
        ]
        return {
            "oldestBlock": hex(first),
            "baseFeePerGas": [hex(fee) for fee in [*fees, self._base_fee()]],
            "gasUsedRatio": ratios,
            "reward": [[hex(TIP_WEI)] * len(wanted)] * len(ratios),
        }

    def _block_by_number(self, at: Json, full: Json = False) -> Json:
        if at != "pending":
            head = self._ledger.head.block_number
            number = head if at in HEADS else 0 if at == "earliest" else _int(at)
            return self._block(self._ledger.block(number), full=full is True)
        # Nothing ever waits here, so the pending block is empty but for its time.
        head_block = self._ledger.block(self._ledger.head.block_number)
        assert head_block is not None
        return self._block(head_block, full=False) | {
            "number": hex(head_block.number + 1),
            "hash": None,
            "nonce": None,
            "parentHash": _hex(head_block.hash),
            "timestamp": hex(self._ledger.now()),
            "gasUsed": "0x0",
            "transactions": [],
        }

    def _block_by_hash(self, block_hash: Json, full: Json = False) -> Json:
        number = self._ledger.block_number(_hash(block_hash))
        if number is None:
            return None
        return self._block(self._ledger.block(number), full=full is True)

    def _block(self, block: BlockAPI | None, *, full: bool) -> Json:
        if block is None:
            return None
        header = block.header
        return {
            "number": hex(header.block_number),
            "hash": _hex(header.hash),
            "parentHash": _hex(header.parent_hash),
            "nonce": _hex(header.nonce),
            "sha3Uncles": _hex(header.uncles_hash),
            "logsBloom": _hex(header.bloom.to_bytes(256)),
            "transactionsRoot": _hex(header.transaction_root),
            "stateRoot": _hex(header.state_root),
            "receiptsRoot": _hex(header.receipt_root),
            "miner": to_checksum_address(header.coinbase),
            "difficulty": "0x0",
            "extraData": _hex(header.extra_data),
            "size": "0x0",
            "gasLimit": hex(header.gas_limit),
            "gasUsed": hex(header.gas_used),
            "timestamp": hex(header.timestamp),
            "baseFeePerGas": hex(header.base_fee_per_gas or 0),
            "mixHash": _hex(header.mix_hash),
            "uncles": [],
            "transactions": [
                self._transaction(block, index) if full else _hex(one.hash)
                for index, one in enumerate(block.transactions)
            ],
        }

    def _transaction_by_hash(self, transaction_hash: Json) -> Json:
        place = self._ledger.locate(_hash(transaction_hash))
        if place is None:
            return None
        block = self._ledger.block(place[0])
        return block and self._transaction(block, place[1])

    def _transaction(self, block: BlockAPI, index: int) -> Json:
        transaction: SignedTransactionAPI = block.transactions[index]
        return {
            "hash": _hex(transaction.hash),
            "type": hex(_type_of(transaction)),
            "chainId": hex(CHAIN_ID),
            "nonce": hex(transaction.nonce),
            "from": to_checksum_address(transaction.sender),
            "to": to_checksum_address(transaction.to) if transaction.to else None,
            "value": hex(transaction.value),
            "gas": hex(transaction.gas),
            "gasPrice": hex(self._price(block, transaction)),
            "maxFeePerGas": hex(transaction.max_fee_per_gas),
            "maxPriorityFeePerGas": hex(transaction.max_priority_fee_per_gas),
            "input": _hex(transaction.data),
            "blockNumber": hex(block.number),
            "blockHash": _hex(block.hash),
            "transactionIndex": hex(index),
            "v": hex(transaction.y_parity),
            "r": hex(transaction.r),
            "s": hex(transaction.s),
        }

    def _price(self, block: BlockAPI, transaction: SignedTransactionAPI) -> int:
        base = block.header.base_fee_per_gas or 0
        return min(
            transaction.max_fee_per_gas, base + transaction.max_priority_fee_per_gas
        )

    def _receipt(self, transaction_hash: Json) -> Json:
        place = self._ledger.locate(_hash(transaction_hash))
        if place is None:
            return None
        number, index = place
        block = self._ledger.block(number)
        if block is None:
            return None
        receipts = self._ledger.receipts(block)
        before = receipts[index - 1].gas_used if index else 0
        transaction = block.transactions[index]
        created = None if transaction.to else _created(transaction)
        return {
            "transactionHash": _hex(transaction.hash),
            "transactionIndex": hex(index),
            "blockNumber": hex(number),
            "blockHash": _hex(block.hash),
            "from": to_checksum_address(transaction.sender),
            "to": to_checksum_address(transaction.to) if transaction.to else None,
            "cumulativeGasUsed": hex(receipts[index].gas_used),
            "gasUsed": hex(receipts[index].gas_used - before),
            "effectiveGasPrice": hex(self._price(block, transaction)),
            "contractAddress": created,
            "logs": [
                log
                for log in self._logs(
                    {"fromBlock": hex(number), "toBlock": hex(number)}
                )
                if log["transactionIndex"] == hex(index)
            ],
            "logsBloom": _hex(receipts[index].bloom.to_bytes(256)),
            "status": hex(int(receipts[index].state_root == b"\x01")),
            "type": hex(_type_of(transaction)),
        }

    def _logs(self, query: Json) -> Json:
        if not isinstance(query, dict):
            raise _invalid("a filter is an object")
        head = self._ledger.head.block_number
        if query.get("blockHash") is not None:
            number = self._ledger.block_number(_hash(query["blockHash"]))
            if number is None:
                raise RpcError(REFUSED, "unknown block")
            first = last = number
        else:
            first_at = self._number(query.get("fromBlock") or "latest")
            first = head if first_at is None else first_at
            to_block = query.get("toBlock") or "latest"
            is_head = to_block == "pending" or to_block in HEADS
            until = 0 if to_block == "earliest" else head if is_head else _int(to_block)
            last = min(until, head)
        addresses = query.get("address")
        wanted = [addresses] if isinstance(addresses, str) else addresses
        allowed = {_address(address) for address in _list(wanted, MOST_NAMED)}
        one = next(iter(allowed)) if len(allowed) == 1 else None
        topics = [
            None if topic is None else _choices(topic)
            for topic in _list(query.get("topics"), MOST_TOPICS)
        ]
        hashes: dict[int, BlockAPI] = {}
        found: list[Json] = []
        for log in self._ledger.logs(first, last, one):
            if allowed and log.address not in allowed:
                continue
            if not _topics_match(log.topics, topics):
                continue
            if log.block not in hashes:
                block = self._ledger.block(log.block)
                assert block is not None
                hashes = {log.block: block}
            block = hashes[log.block]
            found.append(
                {
                    "address": to_checksum_address(log.address),
                    "topics": [_hex(topic) for topic in log.topics],
                    "data": _hex(log.data),
                    "blockNumber": hex(log.block),
                    "blockHash": _hex(block.hash),
                    "blockTimestamp": hex(block.header.timestamp),
                    "transactionHash": _hex(
                        block.transactions[log.transaction_index].hash
                    ),
                    "transactionIndex": hex(log.transaction_index),
                    "logIndex": hex(log.position),
                    "removed": False,
                }
            )
        return found


def failed(number: Json, error: RpcError) -> Json:
    """The answer to a request that could not be done."""
    return {"jsonrpc": "2.0", "id": number, "error": error.error}


# --- what parameters may be; everything else is said to be wrong ---


def _invalid(what: str) -> RpcError:
    return RpcError(INVALID_PARAMS, f"invalid parameters: {what}")


def _is_id(number: Json) -> bool:
    if isinstance(number, float):
        return math.isfinite(number)
    return number is None or (
        isinstance(number, str | int) and not isinstance(number, bool)
    )


def _bytes(text: Json, size: int | None = None) -> bytes:
    if not isinstance(text, str) or not _HEX.fullmatch(text):
        raise _invalid("bytes are 0x and hexadecimal digits, two for each")
    data = bytes.fromhex(text[2:])
    if size is not None and len(data) != size:
        raise _invalid(f"{size} bytes are wanted, not {len(data)}")
    return data


def _address(text: Json) -> bytes:
    return _bytes(text, 20)


def _hash(text: Json) -> bytes:
    return _bytes(text, 32)


def _int(value: Json) -> int:
    """A whole number of up to 256 bits, as one or in hexadecimal."""
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        return int(value, 16)
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**256:
        return value
    raise _invalid("a number is 0x and up to 64 hexadecimal digits")


def _list(value: Json, most: int) -> list[Json]:
    if value is None:
        return []
    if not isinstance(value, list) or len(value) > most:
        raise _invalid(f"an array of up to {most} is wanted")
    return value


def _choices(topic: Json) -> list[bytes]:
    """What a log's topic may be; empty for anything."""
    several = [topic] if isinstance(topic, str) else _list(topic, MOST_NAMED)
    return [_hash(one) for one in several]


# --- how things are told ---


def _hex(data: bytes) -> str:
    return "0x" + data.hex()


def _reason(data: bytes) -> str:
    """The text of `Error(string)`, if the data is one."""
    if data[:4] != bytes.fromhex("08c379a0"):
        return ""
    size = int.from_bytes(data[36:68])
    return ": " + data[68 : 68 + size].decode(errors="replace")


def _type_of(transaction: SignedTransactionAPI) -> int:
    return getattr(transaction, "type_id", None) or 0


def _created(transaction: SignedTransactionAPI) -> str:
    from eth._utils.address import generate_contract_address

    return to_checksum_address(
        generate_contract_address(transaction.sender, transaction.nonce)
    )


def _topics_match(topics: tuple[bytes, ...], wanted: list[list[bytes] | None]) -> bool:
    """Whether topics fit a filter: null fits any, a list any of its members."""
    if len(wanted) > len(topics):
        return False
    return all(
        not choices or topic in choices
        for topic, choices in zip(topics, wanted, strict=False)
    )
