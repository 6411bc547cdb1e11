# SPDX-License-Identifier: Apache-2.0
"""Several nodes of one chain, asked in order, none of them trusted to be well."""

from __future__ import annotations

import json
import logging
import random
import threading
import time
import weakref
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from logging import DEBUG, INFO
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from modelmarket.chain.queries import Answer, RpcRequest
from modelmarket.errors import ChainError
from modelmarket.system.certificates import certificates
from modelmarket.system.documents import parse_json
from modelmarket.system.logs import told

if TYPE_CHECKING:
    import httpx

TRIES = 5
FIRST_PAUSE_S = 0.1
MOST_TRYING_S = 30.0
MOST_DOUBLINGS = 30
LONGEST_REST_S = 60.0
LIMIT_EXCEEDED = -32_005
"""EIP-1474: too many requests, or too much in one answer."""
TOO_MANY_REQUESTS = 429
BAD_REQUEST = 400
MOST_LAG_BLOCKS = 3
MOST_IN_BATCH = 100
"""Requests that travel together; public nodes take that many, or none."""
SINGLY_S = 600.0
"""How long a node that refused a batch is asked singly."""

_log = logging.getLogger(__name__)

CHAIN_ID = RpcRequest("eth_chainId")
HEAD = RpcRequest("eth_blockNumber")


class _TroubleError(Exception):
    """Why a node's answer is none."""


class _RefusedBatchError(Exception):
    """A node answers no requests that travel together."""


@dataclass
class _Node:
    """One of them, and how it has been doing.

    Attributes:
        address: Where it answers.
        is_known: Whether it has said that it is on the right chain.
        failures: In a row.
        rests_until: By the monotonic clock; others are asked first until then.
        singly_until: The same, for how long it is sent one request at a time.
    """

    address: str
    is_known: bool = False
    failures: int = 0
    rests_until: float = 0.0
    singly_until: float = 0.0

    def failed(self) -> None:
        self.failures += 1
        # The power is bounded: a node may be away for days, and no float holds that.
        doubled = 2 ** min(self.failures, MOST_DOUBLINGS)
        rest = min(LONGEST_REST_S, FIRST_PAUSE_S * doubled)
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


class Nodes:
    """The first node that gives proper answers gives them.

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
        self._nodes = [_Node(one) for one in addresses]
        self._chain_id = chain_id
        self._timeout_s = timeout_s
        self._highest = 0
        self._client: httpx.Client | None = None
        self._lock = threading.Lock()

    def close(self) -> None:
        """Closes the lines."""
        with self._lock:
            if self._client is not None:
                self._client.close()
                self._client = None

    def chain_id(self) -> int:
        """The chain that they are on.

        Raises:
            ChainError: It was not given, and none of them says it.
        """
        if self._chain_id is None:
            self.ask(())
        assert self._chain_id is not None, "who answers has said it"
        return self._chain_id

    def ask(self, requests: Sequence[RpcRequest]) -> list[Answer]:
        """Asks until a node answers all of it.

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
            refusal: list[Answer] = []
            for node in self._in_order():
                try:
                    answers = self._ask(node, requests)
                except _TroubleError as trouble:
                    node.failed()
                    troubles[node.name] = str(trouble)
                    told(_log, INFO, "a node failed", node=node.name, why=str(trouble))
                    continue
                if any(map(_is_limit, answers)):
                    node.failed()
                    refusal = answers
                    continue
                node.answered()
                return answers
            # Too much in one answer stays too much; too many requests do not.
            is_large = any(one.method == "eth_getLogs" for one in requests)
            if refusal and (is_large or attempt == TRIES - 1):
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
        request = RpcRequest("eth_getBlockByNumber", (hex(number), False))
        for found in self._of_each(request):
            said = str(found.get("hash", "")) if isinstance(found, dict) else ""
            yield bytes.fromhex(said.removeprefix("0x"))

    def logs_of(self, contract: str, number: int) -> Iterator[list[Any]]:
        """A contract's logs in a block from each node that answers."""
        query = {"address": contract, "fromBlock": hex(number), "toBlock": hex(number)}
        for found in self._of_each(RpcRequest("eth_getLogs", (query,))):
            yield found if isinstance(found, list) else []

    def heads(self) -> dict[str, int | None]:
        """The number of each node's newest block; None from one that is not well."""
        found: dict[str, int | None] = {}
        for node in self._nodes:
            try:
                [answer] = self._ask(node, [HEAD])
                found[node.name] = int(str(answer.get("result")), 16)
            except (_TroubleError, ValueError):
                found[node.name] = None
        return found

    def _of_each(self, request: RpcRequest) -> Iterator[Any]:
        """The result from each node that answers."""
        for node in self._nodes:
            try:
                [answer] = self._ask(node, [request])
            except _TroubleError:
                continue
            yield answer.get("result")

    def _in_order(self) -> list[_Node]:
        now = time.monotonic()
        return sorted(self._nodes, key=lambda node: node.rests_until > now)

    def _ask(self, node: _Node, requests: Sequence[RpcRequest]) -> list[Answer]:
        """What a node answers, once it has said that it is on the right chain.

        Raises:
            _TroubleError: It answers nothing that is of use.
        """
        if node.is_known:
            answers = self._send(node, requests)
        else:
            said, *answers = self._send(node, [CHAIN_ID, *requests])
            self._get_to_know(node, said)
        for request, answer in zip(requests, answers, strict=True):
            if request.method == "eth_getBlockByNumber" and "latest" in request.params:
                self._compare_heads(answer)
        return answers

    def _get_to_know(self, node: _Node, answer: Answer) -> None:
        said = answer.get("result")
        try:
            chain_id = int(said or "", 16)
        except (TypeError, ValueError):
            raise _TroubleError("does not say which chain it is on") from None
        if self._chain_id is None:
            self._chain_id = chain_id
        if chain_id != self._chain_id:
            raise _TroubleError(f"is on chain {chain_id}, not {self._chain_id}")
        node.is_known = True

    def _compare_heads(self, answer: Answer) -> None:
        """Rather asks another node than one that lies behind, if there is one."""
        found = answer.get("result")
        if not isinstance(found, dict):
            raise _TroubleError("has no newest block")
        try:
            number = int(str(found.get("number")), 16)
        except ValueError:
            raise _TroubleError("answered nonsense (a block without number)") from None
        if number + MOST_LAG_BLOCKS < self._highest and len(self._nodes) > 1:
            behind = self._highest - number
            # If all do, the chain itself went back.
            self._highest -= 1
            raise _TroubleError(f"lies {behind} blocks behind")
        self._highest = max(number, self._highest)

    # --- the line ---

    def _send(self, node: _Node, requests: Sequence[RpcRequest]) -> list[Answer]:
        """Sends requests together; singly to a node that takes no batches."""
        if len(requests) > 1 and time.monotonic() >= node.singly_until:
            try:
                return [
                    answer
                    for begin in range(0, len(requests), MOST_IN_BATCH)
                    for answer in self._send_together(
                        node, requests[begin : begin + MOST_IN_BATCH]
                    )
                ]
            except _RefusedBatchError:
                told(_log, INFO, "a node takes no batches", node=node.name)
                answers = [self._send_one(node, one) for one in requests]
                node.singly_until = time.monotonic() + SINGLY_S
                return answers
        return [self._send_one(node, one) for one in requests]

    def _send_one(self, node: _Node, request: RpcRequest) -> Answer:
        status, answer = self._post(node, _document(request, 1))
        if status >= BAD_REQUEST:
            raise _TroubleError(f"answered HTTP {status}")
        if not _is_answer(answer):
            raise _TroubleError("answered nonsense (no JSON-RPC)")
        found: Answer = answer
        return found

    def _send_together(
        self, node: _Node, requests: Sequence[RpcRequest]
    ) -> list[Answer]:
        """Sends one batch.

        Raises:
            _RefusedBatchError: The node takes none, or none that is so large.
        """
        documents = [_document(one, number) for number, one in enumerate(requests)]
        status, found = self._post(node, documents)
        if status == TOO_MANY_REQUESTS:
            raise _TroubleError(f"answered HTTP {status}")
        if status >= BAD_REQUEST:
            raise _RefusedBatchError
        if _is_answer(found):
            if _is_limit(found):
                return [found] * len(requests)
            raise _RefusedBatchError
        answers = {}
        for one in found if isinstance(found, list) else ():
            # The order is the node's; the numbers are ours.
            if _is_answer(one) and isinstance(one.get("id"), int):
                answers[one["id"]] = one
        if answers.keys() != set(range(len(requests))):
            raise _TroubleError("answered nonsense (no JSON-RPC)")
        return [answers[number] for number in range(len(requests))]

    def _post(self, node: _Node, document: Any) -> tuple[int, Any]:
        """HTTP status and document of an answer."""
        import httpx

        asked = document if isinstance(document, list) else [document]
        methods = [one["method"] for one in asked]
        told(_log, DEBUG, "asked a node", node=node.name, methods=methods)
        try:
            response = self._line().post(
                node.address,
                content=json.dumps(document).encode(),
                headers={"Content-Type": "application/json"},
            )
            if response.status_code >= BAD_REQUEST:
                return response.status_code, None
            return response.status_code, parse_json(response.content)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise _TroubleError(f"cannot be reached ({type(error).__name__})") from None
        except (ValueError, RecursionError) as error:
            raise _TroubleError(f"answered nonsense ({type(error).__name__})") from None

    def _line(self) -> httpx.Client:
        """The line to all of them; it closes itself where nobody else does."""
        import httpx

        with self._lock:
            if self._client is None:
                self._client = httpx.Client(
                    timeout=self._timeout_s, verify=certificates()
                )
                weakref.finalize(self, self._client.close)
            return self._client


def _document(request: RpcRequest, number: int) -> dict[str, Any]:
    return {
        "jsonrpc": "2.0",
        "id": number,
        "method": request.method,
        "params": request.params,
    }


def _is_answer(found: Any) -> bool:
    return isinstance(found, dict) and bool({"result", "error"} & found.keys())


def _is_limit(answer: Answer) -> bool:
    error = answer.get("error")
    return isinstance(error, dict) and error.get("code") == LIMIT_EXCEEDED
