# SPDX-License-Identifier: Apache-2.0
"""Several nodes of one chain, asked in order, none of them trusted to be well."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

import requests
from web3 import HTTPProvider
from web3.providers.base import JSONBaseProvider

from modelmarket.errors import ChainError
from modelmarket.system.documents import parse_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from web3.types import RPCEndpoint, RPCResponse

TRIES = 5
FIRST_PAUSE_S = 0.1
MOST_TRYING_S = 30.0
LONGEST_REST_S = 60.0
LIMIT_EXCEEDED = -32_005
"""EIP-1474: too many requests, or too much in one answer."""
MOST_LAG_BLOCKS = 3


@dataclass
class _Node:
    """One of them, and how it has been doing.

    Attributes:
        address: Where it answers.
        provider: The line to it.
        is_known: Whether it has said that it is on the right chain.
        failures: In a row.
        rests_until: By the monotonic clock; others are asked first until then.
    """

    address: str
    provider: HTTPProvider
    is_known: bool = False
    failures: int = 0
    rests_until: float = 0.0

    def failed(self) -> None:
        self.failures += 1
        rest = min(LONGEST_REST_S, FIRST_PAUSE_S * 2**self.failures)
        self.rests_until = time.monotonic() + rest

    def answered(self) -> None:
        self.failures, self.rests_until = 0, 0.0

    @property
    def name(self) -> str:
        """Its address without what may be somebody's key."""
        return named(self.address)


def named(address: str) -> str:
    """A node's address for people: no path, no password."""
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


class _TroubleError(Exception):
    """Why a node's answer is none."""


class _Line(HTTPProvider):
    """The line to a node, whose answers are a stranger's documents."""

    @staticmethod
    def decode_rpc_response(raw_response: bytes) -> RPCResponse:
        return cast("RPCResponse", parse_json(raw_response))


class Nodes(JSONBaseProvider):
    """What web3 asks: the first node that gives a proper answer gives it.

    Time-outs, broken lines, HTTP errors, answers that are not JSON-RPC, rate
    limits, a wrong chain and a head that lies behind make it ask the next one,
    and all of them again after a pause. Asking twice does no harm: reading
    changes nothing, and what is sent is signed.

    Args:
        addresses: Of the nodes, the preferred one first.
        chain_id: What each must say it is; None to take the first's word.
        timeout_s: For each request.
    """

    def __init__(
        self, addresses: Sequence[str], chain_id: int | None, timeout_s: float
    ) -> None:
        super().__init__()
        self._nodes = [
            _Node(
                one,
                _Line(
                    one,
                    request_kwargs={"timeout": timeout_s},
                    exception_retry_configuration=None,
                ),
            )
            for one in addresses
        ]
        self._chain_id = chain_id
        self._highest = 0

    def make_request(self, method: RPCEndpoint, params: Any) -> RPCResponse:
        """Asks until a node answers.

        Raises:
            ChainError: None does; says what each one did.
        """
        ends = time.monotonic() + MOST_TRYING_S
        for attempt in range(TRIES):
            if attempt:
                # Not all clients at the same moment again.
                pause = FIRST_PAUSE_S * 2 ** (attempt - 1) * random.uniform(0.5, 1.5)  # noqa: S311  # no secret
                time.sleep(pause)
            troubles: dict[str, str] = {}
            refusal: RPCResponse | None = None
            for node in self._in_order():
                try:
                    answer = self._ask(node, method, params)
                except _TroubleError as trouble:
                    node.failed()
                    troubles[node.name] = str(trouble)
                    continue
                if _is_limit(answer):
                    node.failed()
                    refusal = answer
                    continue
                node.answered()
                return answer
            # Too much in one answer stays too much; too many requests do not.
            if refusal is not None and (
                method == "eth_getLogs" or attempt == TRIES - 1
            ):
                return refusal
            if time.monotonic() > ends:
                break
        said = "; ".join(f"{node} {what}" for node, what in troubles.items())
        raise ChainError(
            f"No node can be reached: {said}."
            if len(troubles) > 1
            else f"The node at {said}.",
            hint="Is it running? `modelmarket node start` runs a local one.",
        )

    def hashes_of(self, number: int) -> Iterator[bytes]:
        """A block's hash from each node that answers; empty from one without."""
        for found in self._of_each("eth_getBlockByNumber", [hex(number), False]):
            said = str(found.get("hash", "")) if isinstance(found, dict) else ""
            yield bytes.fromhex(said.removeprefix("0x"))

    def logs_of(self, contract: str, number: int) -> Iterator[list[Any]]:
        """A contract's logs in a block from each node that answers."""
        query = {"address": contract, "fromBlock": hex(number), "toBlock": hex(number)}
        for found in self._of_each("eth_getLogs", [query]):
            yield found if isinstance(found, list) else []

    def _of_each(self, method: str, params: Any) -> Iterator[Any]:
        """The result from each node that answers."""
        for node in self._nodes:
            try:
                yield self._ask(node, method, params).get("result")
            except _TroubleError:
                continue

    def heads(self) -> dict[str, int | None]:
        """The number of each node's newest block; None from one that is not well."""
        found: dict[str, int | None] = {}
        for node in self._nodes:
            try:
                answer = self._ask(node, "eth_blockNumber", [])
                found[node.name] = int(str(answer.get("result")), 16)
            except (_TroubleError, ValueError):
                found[node.name] = None
        return found

    def _in_order(self) -> list[_Node]:
        now = time.monotonic()
        return sorted(self._nodes, key=lambda node: node.rests_until > now)

    def _ask(self, node: _Node, method: str, params: Any) -> RPCResponse:
        if not node.is_known:
            said = _post(node, "eth_chainId", []).get("result")
            if not isinstance(said, str):
                raise _TroubleError("does not say which chain it is on")
            chain_id = int(said, 16)
            if self._chain_id is None:
                self._chain_id = chain_id
            if chain_id != self._chain_id:
                raise _TroubleError(f"is on chain {chain_id}, not {self._chain_id}")
            node.is_known = True
        if method == "eth_chainId":
            # It has said so, and web3 asks before each transaction.
            said = hex(self._chain_id or 0)
            return cast("RPCResponse", {"jsonrpc": "2.0", "id": 0, "result": said})
        answer = _post(node, method, params)
        if method == "eth_getBlockByNumber" and params[0] == "latest":
            self._compare_heads(answer)
        return answer

    def _compare_heads(self, answer: RPCResponse) -> None:
        """Rather asks another node than one that lies behind, if there is one."""
        found = answer.get("result")
        if not isinstance(found, dict):
            raise _TroubleError("has no newest block")
        number = int(str(found["number"]), 16)
        if number + MOST_LAG_BLOCKS < self._highest and len(self._nodes) > 1:
            behind = self._highest - number
            # If all do, the chain itself went back.
            self._highest -= 1
            raise _TroubleError(f"lies {behind} blocks behind")
        self._highest = max(number, self._highest)


def _post(node: _Node, method: str, params: Any) -> RPCResponse:
    try:
        answer = node.provider.make_request(cast("RPCEndpoint", method), params)
    except requests.HTTPError as error:
        status = "error" if error.response is None else error.response.status_code
        raise _TroubleError(f"answered HTTP {status}") from None
    except requests.RequestException as error:
        raise _TroubleError(f"cannot be reached ({type(error).__name__})") from None
    except (ValueError, TypeError, AttributeError, LookupError) as error:
        raise _TroubleError(f"answered nonsense ({type(error).__name__})") from None
    if not isinstance(answer, dict) or not {"result", "error"} & answer.keys():
        raise _TroubleError("answered nonsense (no JSON-RPC)")
    return answer


def _is_limit(answer: RPCResponse) -> bool:
    error = answer.get("error")
    return isinstance(error, dict) and error.get("code") == LIMIT_EXCEEDED
