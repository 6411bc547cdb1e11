# SPDX-License-Identifier: Apache-2.0
"""A proxy before a node that does to requests whatever networks and nodes do."""

from __future__ import annotations

import json
import random
import socket
import struct
import threading
import time
import weakref
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx

LATE_BLOCKS = 5


class Fault(StrEnum):
    """What can go wrong with a request."""

    DELAY = "delayed"
    DROP = "never answered"
    RESET = "cut before the answer"
    DUPLICATE = "sent twice"
    TOO_MANY = "HTTP 429"
    BROKEN = "HTTP 500"
    LIMIT = "limit exceeded"
    NONSENSE = "no JSON"
    TRUNCATED = "half an answer"
    FORGET = "a transaction taken and forgotten"
    HIDE = "a receipt denied"
    OMIT = "logs left out"
    GARBLE = "logs cut in the middle"
    STALE = "a head that lies behind"
    LOW_NONCE = "a nonce that is used"
    NO_PENDING = "no pending block"
    OTHER_CHAIN = "another chain's id"


ONLY_FOR = {
    Fault.FORGET: "eth_sendRawTransaction",
    Fault.HIDE: "eth_getTransactionReceipt",
    Fault.OMIT: "eth_getLogs",
    Fault.GARBLE: "eth_getLogs",
    Fault.STALE: "eth_getBlockByNumber latest",
    Fault.LOW_NONCE: "eth_getTransactionCount",
    Fault.NO_PENDING: "eth_getBlockByNumber pending",
    Fault.OTHER_CHAIN: "eth_chainId",
}


def method_of(query: dict[str, Any]) -> str:
    """A request's method; for a block, which one too."""
    method = str(query.get("method"))
    if method == "eth_getBlockByNumber":
        method += f" {query['params'][0]}"
    return method


@dataclass
class Faults:
    """Which faults come, and how often they came.

    Attributes:
        node: The real one's address.
        rate: Of the requests that something happens to, from 0 to 1.
        seed: Fixes which.
        kinds: Those that may happen; a log is only garbled where that is said.
        longest_s: That a request is delayed, or kept without an answer.
        most: Faults in all.
        about: The request that garbled logs are about.
        before: Is called before each answer.
        injected: How many of each there were.
        answered: Round trips in all.
    """

    node: str
    rate: float = 0.0
    seed: int = 0
    kinds: tuple[Fault, ...] = tuple(one for one in Fault if one != Fault.GARBLE)
    longest_s: float = 1.0
    most: int = 2**63
    about: int = 0
    before: Callable[[], None] | None = None
    injected: Counter[Fault] = field(default_factory=Counter)
    answered: int = 0

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)
        self._lock = threading.Lock()
        self._client = httpx.Client(timeout=60)
        weakref.finalize(self, self._client.close)

    def draw(self, queries: list[dict[str, Any]]) -> Fault | None:
        """What happens to requests that come together."""
        with self._lock:
            self.answered += 1
            spent = self.injected.total() >= self.most
            if spent or self._random.random() >= self.rate:
                return None
            asked = [*map(method_of, queries), None]
            can = [one for one in self.kinds if ONLY_FOR.get(one) in asked]
            if not can:
                return None
            # Half of what can happen to this method alone happens to it.
            special = [one for one in can if one in ONLY_FOR]
            pool = special if special and self._random.random() < 0.5 else can
            fault = self._random.choice(pool)
            self.injected[fault] += 1
            return fault

    def forward(self, body: bytes) -> bytes:
        """The real node's answer."""
        self.happens()
        headers = {"Content-Type": "application/json"}
        return self._client.post(self.node, content=body, headers=headers).content

    def happens(self) -> None:
        """What the chain does between two questions; nothing, by itself."""

    def ask(self, method: str, *params: Any) -> Any:
        """Asks the real node."""
        query = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        return json.loads(self.forward(json.dumps(query).encode()))["result"]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Head and body are two packets, and the second must not wait for the first.
    disable_nagle_algorithm = True
    faults: Faults

    def log_message(self, *_: object) -> None:
        """Says nothing."""

    def do_POST(self) -> None:
        size = int(self.headers.get("Content-Length", 0))
        body = self.rfile.read(size)
        asked = json.loads(body)
        if self.faults.before is not None:
            self.faults.before()
        fault = self.faults.draw(asked if isinstance(asked, list) else [asked])
        if fault is Fault.DELAY:
            time.sleep(random.uniform(0, self.faults.longest_s))
        elif fault is Fault.DUPLICATE:
            self.faults.forward(body)
        elif fault is not None and self._breaks(fault, body, asked):
            return
        answer = self._answers(fault, body, asked)
        if fault is Fault.TRUNCATED:
            self._answer(answer[: len(answer) // 2], says=len(answer))
            self._cut()
            return
        self._answer(answer)

    def _breaks(self, fault: Fault, body: bytes, asked: Any) -> bool:
        """Whether a fault is that there is no answer, or none that is of use."""
        match fault:
            case Fault.DROP:
                time.sleep(self.faults.longest_s)
                self._cut()
            case Fault.RESET:
                self.faults.forward(body)
                self._cut()
            case Fault.TOO_MANY:
                self._answer(b"slow down", status=429)
            case Fault.BROKEN:
                self._answer(b"<h1>It broke</h1>", status=500)
            case Fault.NONSENSE:
                self._answer(b"<html>Please log in</html>")
            case Fault.LIMIT:
                self._answer(_limited(asked))
            case _:
                return False
        return True

    def _answers(self, fault: Fault | None, body: bytes, asked: Any) -> bytes:
        """The node's answers, but for what is a lie: the node never hears of it."""
        queries = asked if isinstance(asked, list) else [asked]
        lies = {}
        for query in queries:
            is_it = fault is not None and ONLY_FOR.get(fault) == method_of(query)
            lie = self._lie(fault, query) if is_it else None
            if lie is not None:
                lies[query["id"]] = lie[0]
        if not lies:
            return self.faults.forward(body)
        rest = [one for one in queries if one["id"] not in lies]
        said = [
            {"jsonrpc": "2.0", "id": number, "result": lie}
            for number, lie in lies.items()
        ]
        if rest:
            said += json.loads(self.faults.forward(json.dumps(rest).encode()))
        return json.dumps(said if isinstance(asked, list) else said[0]).encode()

    def _lie(self, fault: Fault | None, query: dict[str, Any]) -> tuple[Any] | None:
        params = query.get("params", [])
        match fault:
            case Fault.FORGET:
                from eth_utils.crypto import keccak

                return ("0x" + keccak(hexstr=params[0]).hex(),)
            case Fault.HIDE | Fault.NO_PENDING:
                return (None,)
            case Fault.OMIT:
                return ([],)
            case Fault.GARBLE:
                logs = self.faults.ask("eth_getLogs", *params)
                about = f"0x{self.faults.about:064x}"
                return (
                    [
                        {**one, "data": one["data"][:66]}
                        if about in one["topics"][1:]
                        else one
                        for one in logs
                    ],
                )
            case Fault.OTHER_CHAIN:
                return ("0x5",)
            case Fault.STALE:
                head = int(self.faults.ask("eth_blockNumber"), 16)
                late = hex(max(0, head - LATE_BLOCKS))
                return (self.faults.ask("eth_getBlockByNumber", late, params[1]),)
            case Fault.LOW_NONCE:
                true = int(self.faults.ask("eth_getTransactionCount", *params), 16)
                return (hex(max(0, true - 1)),)
            case _:
                return None

    def _answer(self, body: bytes, *, status: int = 200, says: int = 0) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(says or len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _cut(self) -> None:
        """Ends the line as a crash does: with a reset."""
        linger = struct.pack("ii", 1, 0)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.close_connection = True
        self.connection.close()


def _limited(asked: Any) -> bytes:
    """The answers of a node that was asked too often."""
    is_batch = isinstance(asked, list)
    error = {"code": -32005, "message": "limit exceeded"}
    said = [
        {"jsonrpc": "2.0", "id": one["id"], "error": error}
        for one in (asked if is_batch else [asked])
    ]
    return json.dumps(said if is_batch else said[0]).encode()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """A client that went away is no trouble of ours."""


@contextmanager
def faulty(faults: Faults) -> Iterator[str]:
    """Runs a proxy and yields its address."""
    handler = type("Handler", (_Handler,), {"faults": faults})
    server = _Server(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=10)
