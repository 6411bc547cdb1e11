# SPDX-License-Identifier: Apache-2.0
"""What a node can be asked, and how its answers are read.

A query is a value: it is made here, joined with others that belong to it, and
asked by a `Connection`, in one round trip. The methods and their answers are
those of the Ethereum JSON-RPC specification (execution-apis).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar, overload

from modelmarket.chain.blocks import Block, Call, Log, Moment, Outcome, Receipt, Sent
from modelmarket.chain.reasons import explain
from modelmarket.errors import ChainError, TransactionError
from modelmarket.protocol.types import Address, Wei, checksummed

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
U = TypeVar("U")
_Error = TypeVar("_Error", bound=Exception)
A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")
D = TypeVar("D")
E = TypeVar("E")

Answer = dict[str, Any]
"""A JSON-RPC response: with `result`, or with `error`."""
At = int | str
"""A block: its number or its tag."""

REVERTED = 3
METHOD_NOT_FOUND = -32601
ERROR_OF_STRING = bytes.fromhex("08c379a0")
"""Selector of `Error(string)`, by which contracts give their reasons."""


@dataclass(frozen=True)
class RpcRequest:
    """A JSON-RPC request.

    Attributes:
        method: Its name.
        params: By position.
    """

    method: str
    params: tuple[Any, ...] = ()


class RefusalError(Exception):
    """A node answered with an error.

    Attributes:
        error: As it came.
    """

    def __init__(self, error: Any) -> None:
        said = error.get("message", error) if isinstance(error, dict) else error
        super().__init__(str(said))
        self.error: dict[str, Any] = error if isinstance(error, dict) else {}


@dataclass(frozen=True)
class Query(Generic[T_co]):
    """Something to be asked of a node.

    Attributes:
        requests: What is sent, together.
        read: Makes a value of the answers, which are in the same order.
    """

    requests: tuple[RpcRequest, ...]
    read: Callable[[Sequence[Answer]], T_co]

    def map(self, change: Callable[[T_co], U]) -> Query[U]:
        """The same question, whose answer is changed."""
        return Query(self.requests, lambda answers: change(self.read(answers)))

    def rescue(
        self, kind: type[_Error], recover: Callable[[_Error], T_co]
    ) -> Query[T_co]:
        """The same question, with an answer in place of an error of a kind."""

        def read(answers: Sequence[Answer]) -> T_co:
            try:
                return self.read(answers)
            except kind as error:
                return recover(error)

        return Query(self.requests, read)


def ask(
    method: str,
    *params: Any,
    read: Callable[[Any], T],
    refused: Callable[[RefusalError], T] | None = None,
) -> Query[T]:
    """A query of one request.

    Args:
        method: Its name.
        params: Of the method.
        read: Makes a value of the result.
        refused: Makes one of an error, or raises; None to raise it as it is.
    """

    def value(answers: Sequence[Answer]) -> T:
        [answer] = answers
        if "error" not in answer:
            return read(answer["result"])
        refusal = RefusalError(answer["error"])
        if refused is None:
            raise refusal
        return refused(refusal)

    return Query((RpcRequest(method, params),), value)


def sequence(queries: Sequence[Query[T]]) -> Query[list[T]]:
    """Several queries of one kind."""
    requests = tuple(request for one in queries for request in one.requests)

    def read(answers: Sequence[Answer]) -> list[T]:
        values, begin = [], 0
        for one in queries:
            end = begin + len(one.requests)
            values.append(one.read(answers[begin:end]))
            begin = end
        return values

    return Query(requests, read)


@overload
def together(a: Query[A], b: Query[B], /) -> Query[tuple[A, B]]: ...
@overload
def together(a: Query[A], b: Query[B], c: Query[C], /) -> Query[tuple[A, B, C]]: ...
@overload
def together(
    a: Query[A], b: Query[B], c: Query[C], d: Query[D], /
) -> Query[tuple[A, B, C, D]]: ...
@overload
def together(
    a: Query[A], b: Query[B], c: Query[C], d: Query[D], e: Query[E], /
) -> Query[tuple[A, B, C, D, E]]: ...
def together(*queries: Query[Any]) -> Query[Any]:
    """Several queries as one; the first that was refused raises."""
    return sequence(queries).map(tuple)


# --- queries ---


def nothing() -> Query[None]:
    """Stands where there may be something to ask."""
    return Query((), lambda _: None)


def block(at: At = "latest") -> Query[Block]:
    """A block by number or tag; a node without it has its answer refused."""

    def there(found: Block | None) -> Block:
        if found is None:
            raise ChainError(f"The node has no block {at}.")
        return found

    return block_or_none(at).map(there)


def block_or_none(at: At) -> Query[Block | None]:
    """A block by number or tag; None where the node has none."""

    def read(found: Any) -> Block | None:
        return None if found is None else _block(found)

    return ask("eth_getBlockByNumber", _tag(at), False, read=read)


def moment() -> Query[Moment]:
    """The newest block, and chain time.

    On an idle chain the last block's time lags, so that a step which a deadline
    has just opened would look closed; a node's pending block knows better, where
    there is one.
    """

    def pending(found: Any) -> int:
        return 0 if found is None else _int(found["timestamp"])

    time = ask(
        "eth_getBlockByNumber",
        "pending",
        False,
        read=pending,
        refused=lambda _: 0,
    )
    return together(block(), time).map(
        lambda both: Moment(both[0], max(both[0].timestamp, both[1]))
    )


def base_fee() -> Query[Wei]:
    """Wei that a unit of gas costs in the newest block, without a tip."""

    def read(found: Any) -> Wei:
        return Wei(_int(found["baseFeePerGas"]))

    return ask("eth_getBlockByNumber", "latest", False, read=read)


def tip() -> Query[Wei | None]:
    """Wei for a unit of gas that the node suggests as tip; None if it does not."""

    def refused(refusal: RefusalError) -> None:
        if refusal.error.get("code") != METHOD_NOT_FOUND:
            raise refusal

    return ask(
        "eth_maxPriorityFeePerGas",
        read=lambda found: Wei(_int(found)),
        refused=refused,
    )


def gas_price() -> Query[Wei]:
    """Wei for a unit of gas with which a transaction is taken soon."""
    return ask("eth_gasPrice", read=lambda found: Wei(_int(found)))


def fee_balance(address: Address) -> Query[Wei]:
    """An account's wei of the coin that fees are paid in."""
    return ask("eth_getBalance", address, "latest", read=lambda it: Wei(_int(it)))


def transaction_count(
    address: Address, at: Literal["latest", "pending"] = "latest"
) -> Query[int]:
    """How many transactions of an account are in the chain, or waiting too."""
    return ask("eth_getTransactionCount", address, at, read=_int)


def code(address: Address) -> Query[bytes]:
    """A contract's code; empty where there is none."""
    return ask("eth_getCode", address, "latest", read=_bytes)


def call(
    what: Call, *, sender: Address | None = None, at: At = "pending"
) -> Query[bytes]:
    """What a call would return; a contract's refusal is raised in words."""
    sent: dict[str, str | None] = {"to": what.to, "data": _hex(what.data)}
    if sender is not None:
        sent["from"] = sender
    if what.value:
        sent["value"] = hex(what.value)
    return ask("eth_call", sent, _tag(at), read=_bytes, refused=_reverted)


def estimate(what: Call, sender: Address) -> Query[int]:
    """The gas that a call would take; a contract's refusal is raised in words."""
    sent = {"from": sender, "data": _hex(what.data), "value": hex(what.value)}
    if what.to is not None:
        sent["to"] = what.to
    return ask("eth_estimateGas", sent, "pending", read=_int, refused=_reverted)


def logs(contracts: Sequence[Address], first: int, last: int) -> Query[list[Log]]:
    """What contracts logged in the blocks first … last."""
    address = list(contracts) if len(contracts) > 1 else contracts[0]
    wanted = {"address": address, "fromBlock": hex(first), "toBlock": hex(last)}
    return ask("eth_getLogs", wanted, read=read_logs)


def transaction(name: bytes) -> Query[Sent | None]:
    """What a transaction sent; None where the node does not know it."""

    def read(found: Any) -> Sent | None:
        if found is None:
            return None
        to = None if found["to"] is None else checksummed(_bytes(found["to"]))
        return Sent(_int(found["nonce"]), to, _bytes(found["input"]))

    return ask("eth_getTransactionByHash", _hex(name), read=read)


def receipt(name: bytes) -> Query[Receipt | None]:
    """A transaction's receipt; None while it is not in the chain.

    It raises a `TransactionError` for one that is there and failed.
    """

    def read(found: Any) -> Receipt | None:
        if found is None:
            return None
        if _int(found["status"]) != 1:
            raise TransactionError(
                f"Transaction 0x{name.hex()} is in block "
                f"{_int(found['blockNumber'])} and failed.",
                hint="Something came before it. If this is still due, try again.",
            )
        created = found.get("contractAddress")
        return Receipt(
            name,
            _int(found["blockNumber"]),
            _int(found["gasUsed"]),
            checksummed(created) if created else None,
            tuple(read_logs(found["logs"])),
        )

    return ask("eth_getTransactionReceipt", _hex(name), read=read)


def outcome(name: bytes) -> Query[Outcome | None]:
    """A transaction and what came of it; None where the node does not know it."""

    def read(both: tuple[Any, Any]) -> Outcome | None:
        sent, found = both
        if sent is None:
            return None
        created = None if found is None else found.get("contractAddress")
        gas = 0 if found is None else _int(found["gasUsed"])
        price = _int((found or sent).get("effectiveGasPrice") or sent["gasPrice"])
        return Outcome(
            checksummed(sent["from"]),
            None if sent["to"] is None else checksummed(sent["to"]),
            Wei(_int(sent["value"])),
            _bytes(sent["input"]),
            _int(sent["gas"]),
            None if found is None else _int(found["blockNumber"]),
            found is not None and _int(found["status"]) != 1,
            gas,
            Wei(gas * price),
            checksummed(created) if created else None,
            tuple(read_logs(found["logs"])) if found is not None else (),
        )

    def as_it_is(method: str) -> Query[Any]:
        return ask(method, _hex(name), read=lambda found: found)

    return together(
        as_it_is("eth_getTransactionByHash"), as_it_is("eth_getTransactionReceipt")
    ).map(read)


def push(raw: bytes) -> Query[None]:
    """Hands a signed transaction over."""
    return ask("eth_sendRawTransaction", _hex(raw), read=lambda _: None)


# --- reading ---


def read_logs(found: Any) -> list[Log]:
    """Logs as a node gives them.

    Raises:
        AttributeError, LookupError, TypeError, ValueError: They are none.
    """
    return [
        Log(
            checksummed(one["address"]),
            tuple(_bytes(topic) for topic in one["topics"]),
            _bytes(one["data"]),
            _int(one["blockNumber"]),
            _bytes(one["blockHash"]),
            _bytes(one["transactionHash"]),
            _int(one["logIndex"]),
            None if (it := one.get("blockTimestamp")) is None else _int(it),
        )
        for one in found
    ]


def _block(found: Any) -> Block:
    return Block(
        _int(found["number"]),
        _bytes(found["hash"]),
        _bytes(found["parentHash"]),
        _int(found["timestamp"]),
        _bytes(found.get("logsBloom") or "0x"),
    )


def _tag(at: At) -> str:
    return hex(at) if isinstance(at, int) else at


def _hex(data: bytes) -> str:
    return "0x" + data.hex()


def _int(text: Any) -> int:
    if not isinstance(text, str) or not text.startswith("0x"):
        raise TypeError(f"{text!r} is no quantity")
    return int(text, 16)


def _bytes(text: Any) -> bytes:
    if not isinstance(text, str):
        raise TypeError(f"{text!r} are no data")
    return bytes.fromhex(text.removeprefix("0x"))


def _reverted(refusal: RefusalError) -> Any:
    """Raises a contract's refusal in words; anything else as it is.

    Nodes put it in different ways: with code 3 and the data of the revert, with
    those data behind the word "Reverted", or with a message alone.
    """
    error = refusal.error
    data, message = error.get("data"), str(error.get("message", ""))
    given = data.removeprefix("Reverted ") if isinstance(data, str) else ""
    if error.get("code") != REVERTED and "revert" not in message and len(given) < 10:  # noqa: PLR2004  # 0x and a selector
        raise refusal
    raise explain(_reason(given) or message.partition("reverted: ")[2]) from None


def _reason(data: str) -> str:
    """The text of an `Error(string)`, or else empty."""
    try:
        raw = bytes.fromhex(data.removeprefix("0x"))
    except ValueError:
        return ""
    if raw[:4] != ERROR_OF_STRING:
        return ""
    size = int.from_bytes(raw[36:68])
    return raw[68 : 68 + size].decode(errors="replace")
