# SPDX-License-Identifier: Apache-2.0
"""A proxy before a node that does to requests whatever networks and nodes do."""

from __future__ import annotations

import json
import random
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import requests

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
        answered: Requests in all.
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
        self._sessions = threading.local()

    def draw(self, query: dict[str, Any]) -> Fault | None:
        """What happens to a request."""
        method = str(query.get("method"))
        if method == "eth_getBlockByNumber":
            method += f" {query['params'][0]}"
        with self._lock:
            self.answered += 1
            spent = self.injected.total() >= self.most
            if spent or self._random.random() >= self.rate:
                return None
            can = [one for one in self.kinds if ONLY_FOR.get(one, method) == method]
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
        session = getattr(self._sessions, "session", None)
        if session is None:
            session = self._sessions.session = requests.Session()
        headers = {"Content-Type": "application/json"}
        return bytes(session.post(self.node, body, headers=headers, timeout=60).content)

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
        query = json.loads(body)
        if self.faults.before is not None:
            self.faults.before()
        fault = self.faults.draw(query)
        match fault:
            case Fault.DELAY:
                time.sleep(random.uniform(0, self.faults.longest_s))
            case Fault.DROP:
                time.sleep(self.faults.longest_s)
                self._cut()
                return
            case Fault.RESET:
                self.faults.forward(body)
                self._cut()
                return
            case Fault.DUPLICATE:
                self.faults.forward(body)
            case Fault.TOO_MANY:
                self._answer(b"slow down", status=429)
                return
            case Fault.BROKEN:
                self._answer(b"<h1>It broke</h1>", status=500)
                return
            case Fault.NONSENSE:
                self._answer(b"<html>Please log in</html>")
                return
            case Fault.LIMIT:
                error = {"code": -32005, "message": "limit exceeded"}
                self._say(query, error=error)
                return
            case _:
                pass
        lie = self._lie(fault, query)
        if lie is not None:
            self._say(query, result=lie[0])
            return
        answer = self.faults.forward(body)
        if fault is Fault.TRUNCATED:
            self._answer(answer[: len(answer) // 2], says=len(answer))
            self._cut()
            return
        self._answer(answer)

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

    def _say(self, query: dict[str, Any], **what: Any) -> None:
        self._answer(json.dumps({"jsonrpc": "2.0", "id": query["id"]} | what).encode())

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
