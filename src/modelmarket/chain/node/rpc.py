# SPDX-License-Identifier: Apache-2.0
"""The JSON-RPC methods of the embedded chain.

What wallets and web3 ask of a node, and the clock methods that anvil has too
(`evm_increaseTime`, `evm_setNextBlockTimestamp`, `evm_mine`), so that the same
tests and the same demo run on either.
"""

from collections.abc import Callable
from typing import Any

import rlp.exceptions
from eth.abc import BlockAPI, SignedTransactionAPI
from eth.exceptions import PyEVMError, Revert
from eth_utils import ValidationError, to_checksum_address

from modelmarket.chain.node.ledger import CHAIN_ID, Call, Ledger

TIP_WEI = 10**6
FAUCET_GIFT_WEI = 100 * 10**18

Json = Any
"""A value of a JSON document."""


class RpcError(Exception):
    """An answer with `error`, as the JSON-RPC specification has it."""

    def __init__(self, code: int, message: str, data: str | None = None) -> None:
        super().__init__(message)
        self.error: dict[str, Json] = {"code": code, "message": message}
        if data is not None:
            self.error["data"] = data


class Rpc:
    """Answers JSON-RPC requests from a ledger."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
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
                ledger.balance(_bytes(a), self._number(at))
            ),
            "eth_getTransactionCount": lambda a, at="latest": hex(
                ledger.nonce(_bytes(a), self._number(at))
            ),
            "eth_getCode": lambda a, at="latest": _hex(
                ledger.code(_bytes(a), self._number(at))
            ),
            "eth_getStorageAt": lambda a, slot, at="latest": _hex(
                ledger.storage(_bytes(a), int(slot, 16), self._number(at)).to_bytes(32)
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
            "evm_setNextBlockTimestamp": lambda s: ledger.set_next_time(_int(s)),
            "evm_mine": self._mine,
            "modelmarket_fund": lambda a: _hex(ledger.fund(_bytes(a), FAUCET_GIFT_WEI)),
        }

    def answer(self, request: Json) -> Json:
        """Answers one request, or a batch of them."""
        if isinstance(request, list):
            return [self.answer(one) for one in request]
        if not isinstance(request, dict) or "method" not in request:
            return _failed(None, RpcError(-32600, "not a JSON-RPC request"))
        number = request.get("id")
        method = self._methods.get(request["method"])
        if method is None:
            error = RpcError(-32601, f"method {request['method']} is not supported")
            return _failed(number, error)
        try:
            result = method(*request.get("params", []))
        except RpcError as error:
            return _failed(number, error)
        except (
            PyEVMError,
            ValidationError,
            ValueError,
            rlp.exceptions.RLPException,
        ) as error:
            return _failed(number, RpcError(-32000, str(error)))
        except (TypeError, KeyError, AttributeError) as error:
            return _failed(number, RpcError(-32602, f"invalid parameters: {error}"))
        return {"jsonrpc": "2.0", "id": number, "result": result}

    def _move_clock(self, seconds: str | int) -> str:
        self._ledger.move_clock(_int(seconds))
        return hex(_int(seconds))

    def _mine(self, *_: Json) -> str:
        self._ledger.mine()
        return "0x0"

    def _base_fee(self) -> int:
        return self._ledger.head.base_fee_per_gas or 0

    def _number(self, at: str | dict[str, str]) -> int | None:
        """A block number; None for pending. A request's `latest` state is
        that of now: nothing waits here, so the two differ in time alone.
        """
        if isinstance(at, dict):
            if "blockHash" in at:
                number = self._ledger.block_number(_bytes(at["blockHash"]))
                if number is None:
                    raise RpcError(-32000, "unknown block")
                return number
            at = at["blockNumber"]
        if at == "pending":
            return None
        if at in ("latest", "safe", "finalized"):
            return self._ledger.head.block_number
        number = 0 if at == "earliest" else int(at, 16)
        if number > self._ledger.head.block_number:
            raise RpcError(-32000, "unknown block")
        return number

    def _try(self, call: dict[str, str], at: str) -> tuple[Call, Any]:
        attempt = Call(
            sender=_bytes(call.get("from", "0x" + "00" * 20)),
            to=_bytes(call.get("to") or "0x"),
            data=_bytes(call.get("input") or call.get("data") or "0x"),
            value=int(call.get("value", "0x0"), 16),
        )
        computation = self._ledger.attempt(attempt, self._number(at))
        if computation.is_error:
            if isinstance(computation.error, Revert):
                data = computation.output
                raise RpcError(3, f"execution reverted{_reason(data)}", _hex(data))
            raise RpcError(-32000, f"execution failed: {computation.error!r}")
        return attempt, computation

    def _call(self, call: dict[str, str], at: str = "latest", *_: Json) -> str:
        return _hex(self._try(call, at)[1].output)

    def _estimate(self, call: dict[str, str], at: str = "pending", *_: Json) -> str:
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

    def _send(self, raw: str) -> str:
        return _hex(self._ledger.send(_bytes(raw)))

    def _fee_history(self, count: str | int, newest: str, percentiles: Json) -> Json:
        last = self._number(newest)
        if last is None:
            last = self._ledger.head.block_number
        first = max(0, last - _int(count) + 1)
        blocks = [self._ledger.block(number) for number in range(first, last + 1)]
        fees = [(block.header.base_fee_per_gas or 0) for block in blocks if block]
        ratios = [
            block.header.gas_used / block.header.gas_limit for block in blocks if block
        ]
        return {
            "oldestBlock": hex(first),
            "baseFeePerGas": [hex(fee) for fee in [*fees, self._base_fee()]],
            "gasUsedRatio": ratios,
            "reward": [[hex(TIP_WEI)] * len(percentiles or [])] * len(ratios),
        }

    def _block_by_number(self, at: str, full: bool = False) -> Json:
        if at != "pending":
            is_tag = at in ("latest", "safe", "finalized")
            head = self._ledger.head.block_number
            number = head if is_tag else 0 if at == "earliest" else int(at, 16)
            return self._block(self._ledger.block(number), full=full)
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

    def _block_by_hash(self, block_hash: str, full: bool = False) -> Json:
        number = self._ledger.block_number(_bytes(block_hash))
        return (
            None
            if number is None
            else self._block(self._ledger.block(number), full=full)
        )

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

    def _transaction_by_hash(self, transaction_hash: str) -> Json:
        place = self._ledger.locate(_bytes(transaction_hash))
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

    def _receipt(self, transaction_hash: str) -> Json:
        place = self._ledger.locate(_bytes(transaction_hash))
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

    def _logs(self, query: dict[str, Json]) -> Json:
        head = self._ledger.head.block_number
        if "blockHash" in query:
            number = self._ledger.block_number(_bytes(query["blockHash"]))
            if number is None:
                raise RpcError(-32000, "unknown block")
            first = last = number
        else:
            first_at = self._number(query.get("fromBlock", "latest"))
            first = head if first_at is None else first_at
            to_block = query.get("toBlock", "latest")
            is_number = to_block.startswith("0x")
            last = min(int(to_block, 16), head) if is_number else head
        addresses = query.get("address") or []
        wanted = [addresses] if isinstance(addresses, str) else addresses
        one = _bytes(wanted[0]) if len(wanted) == 1 else None
        allowed = {_bytes(address) for address in wanted}
        hashes: dict[int, BlockAPI] = {}
        found: list[Json] = []
        for log in self._ledger.logs(first, last, one):
            if allowed and log.address not in allowed:
                continue
            if not _topics_match(log.topics, query.get("topics") or []):
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


def _failed(number: Json, error: RpcError) -> Json:
    return {"jsonrpc": "2.0", "id": number, "error": error.error}


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))


def _hex(data: bytes) -> str:
    return "0x" + data.hex()


def _int(value: str | int) -> int:
    return int(value, 16) if isinstance(value, str) else int(value)


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


def _topics_match(topics: tuple[bytes, ...], wanted: list[Json]) -> bool:
    """Whether topics fit a filter: null fits any, a list any of its members."""
    if len(wanted) > len(topics):
        return False
    for topic, want in zip(topics, wanted, strict=False):
        if want is None:
            continue
        choices = [want] if isinstance(want, str) else want
        if choices and topic not in [_bytes(choice) for choice in choices]:
            return False
    return True
