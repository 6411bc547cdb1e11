# SPDX-License-Identifier: Apache-2.0
"""Clients that are slow, silent or many: every server goes on without them."""

from __future__ import annotations

import json
import logging
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from modelmarket.chain.devnode.server import running_node
from modelmarket.storage.gateway import application
from modelmarket.storage.store import Store
from modelmarket.system import serving
from modelmarket.web.server import running_page
from modelmarket.web.workspace import Workspace
from support.market import place

SHORT_S = 0.3
LONG_S = 30
"""For a test: longer than anything takes that is not stuck."""
FEW = 6
MUCH = 2**26
"""Bytes: more than lie between a server and its client."""
CLOSED = -1


@dataclass(frozen=True)
class Server:
    """One of ours.

    Attributes:
        address: Where it listens.
        host: What it answers to.
        ask: A request after which the line stays.
    """

    address: str
    host: str
    ask: bytes

    def line(self) -> socket.socket:
        where = urlsplit(self.address)
        return socket.create_connection((where.hostname, where.port), timeout=LONG_S)


def get(host: str, path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()


@contextmanager
def page(folder: Path) -> Iterator[Server]:
    with place("embedded", folder) as here:
        with running_page(Workspace(here.join("somebody"))) as found:
            ask = get(found.host, "/static/icon.svg")
            yield Server(found.listens, found.host, ask)


@contextmanager
def gateway(folder: Path) -> Iterator[Server]:
    with serving.serving(application(Store(folder))) as address:
        yield Server(address, "localhost", get("localhost", "/ipfs/rubbish"))


@contextmanager
def node(folder: Path) -> Iterator[Server]:
    del folder
    with running_node(None) as address:
        body = json.dumps({"id": 1, "method": "eth_chainId"})
        host = urlsplit(address).netloc
        head = (
            f"POST / HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        yield Server(address, host, (head + body).encode())


@pytest.fixture(
    scope="module", params=[page, gateway, node], ids=lambda one: one.__name__
)
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    with request.param(tmp_path_factory.mktemp("server")) as found:
        yield found


@pytest.fixture
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "PATIENCE_S", SHORT_S)


@pytest.fixture
def _few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "MOST_CONNECTIONS", FEW)


def rest_of(line: socket.socket) -> bytes:
    """What is said until the line is cut; fails if it is not."""
    said = b""
    try:
        while piece := line.recv(4_096):
            said += piece
    except ConnectionError:
        pass
    return said


def answer(line: socket.socket) -> bytes:
    """An answer, whole."""
    said = b""
    while b"\r\n\r\n" not in said:
        piece = line.recv(4_096)
        assert piece, said
        said += piece
    head, _, body = said.partition(b"\r\n\r\n")
    [length] = [
        int(one.split(b":")[1])
        for one in head.lower().splitlines()
        if one.startswith(b"content-length:")
    ]
    while len(body) < length:
        piece = line.recv(4_096)
        assert piece
        body += piece
    return head


def drip(line: socket.socket, piece: bytes) -> bytes:
    """Sends a little now and then until the server cuts the line; what it said."""
    line.settimeout(SHORT_S / 10)
    ends = time.monotonic() + LONG_S
    while time.monotonic() < ends:
        try:
            line.sendall(piece)
            said = line.recv(4_096)
        except TimeoutError:
            continue
        except ConnectionError:
            return b""
        return said
    raise AssertionError("the server waits for ever")


class Handler(logging.Handler):
    """Of the program that serves, which may write to its standard error."""

    closed = False

    def close(self) -> None:
        self.closed = True
        super().close()


def test_the_logging_of_the_program_that_serves_stays_its_own(tmp_path: Path) -> None:
    names = ("", "uvicorn", "uvicorn.error", "uvicorn.asgi")
    loggers = [logging.getLogger(name) for name in names]
    handler = Handler()
    before = [list(one.handlers) for one in loggers]
    with gateway(tmp_path) as server:
        get(server.host, "/")
    assert not handler.closed
    assert [list(one.handlers) for one in loggers] == before


@pytest.mark.usefixtures("_short")
def test_whoever_says_nothing_is_cut_off(server: Server) -> None:
    with server.line() as line:
        assert rest_of(line) == b""


@pytest.mark.usefixtures("_short")
@pytest.mark.parametrize("begin", [b"", b"GET / HTTP/1.1\r\nHost: x\r\nX: "])
def test_a_head_that_drips_is_cut_off(server: Server, begin: bytes) -> None:
    with server.line() as line:
        line.sendall(begin)
        assert drip(line, b"G")[:13] in (b"", b"HTTP/1.1 408 ")


@pytest.mark.usefixtures("_short")
def test_a_head_that_stops_is_told_so(server: Server) -> None:
    with server.line() as line:
        line.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n")
        assert rest_of(line).startswith(b"HTTP/1.1 408 ")


@pytest.mark.usefixtures("_short")
def test_a_line_may_rest_between_requests_but_not_within_one(server: Server) -> None:
    with server.line() as line:
        for _ in range(2):
            line.sendall(server.ask)
            assert answer(line).startswith(b"HTTP/1.1 ")
            time.sleep(3 * SHORT_S)
        line.sendall(server.ask[:20])
        assert rest_of(line).startswith(b"HTTP/1.1 408 ")


@pytest.mark.usefixtures("_short")
def test_two_requests_at_once_are_both_answered(server: Server) -> None:
    with server.line() as line:
        line.sendall(server.ask + server.ask + server.ask[:9])
        said = rest_of(line)
    assert said.count(b"HTTP/1.1 ") == 3
    assert b"HTTP/1.1 408 " in said


@pytest.mark.usefixtures("_short")
def test_a_body_that_nobody_wants_does_not_hold_the_line(server: Server) -> None:
    with server.line() as line:
        path = server.ask.split()[1].decode()
        head = f"GET {path} HTTP/1.1\r\nHost: {server.host}\r\nContent-Length: 1000000"
        line.sendall(head.encode() + b"\r\n\r\n")
        answer(line)
        drip(line, b"x")


@pytest.mark.usefixtures("_few")
def test_whoever_rests_makes_room_for_those_who_come(server: Server) -> None:
    with ExitStack() as closing:
        resting = [closing.enter_context(server.line()) for _ in range(FEW)]
        for line in resting:
            line.sendall(server.ask)
            answer(line)
        silent = [closing.enter_context(server.line()) for _ in range(3 * FEW)]
        with server.line() as line:
            line.sendall(server.ask)
            assert b" 503 " not in answer(line)
        for one in (*resting, silent[0]):
            assert rest_of(one) == b""


@pytest.mark.usefixtures("_few")
def test_when_all_are_at_work_the_next_is_told_to_come_again(tmp_path: Path) -> None:
    with node(tmp_path) as server, ExitStack() as closing:
        for _ in range(FEW):
            line = closing.enter_context(server.line())
            line.sendall(server.ask[:-1])
            time.sleep(0.05)
        line = closing.enter_context(server.line())
        assert rest_of(line).startswith(b"HTTP/1.1 503 ")


def test_a_server_that_ends_leaves_no_line_open(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whoever asked for much reads none of it."""
    monkeypatch.setattr(serving, "GRACE_S", 0.1)
    sent = threading.Event()
    lines: list[Any] = []

    async def tell(scope: Any, receive: Any, send: Any) -> None:
        lines.append(send.__self__.transport)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        sent.set()
        await send({"type": "http.response.body", "body": bytes(MUCH)})

    with serving.serving(tell) as address:
        where = urlsplit(address)
        line = socket.create_connection((where.hostname, where.port), timeout=5)
        line.sendall(get("127.0.0.1", "/"))
        assert sent.wait(LONG_S)
    with line, suppress(ConnectionResetError):
        while line.recv(2**20):
            pass
    [transport] = lines
    assert transport.get_extra_info("socket").fileno() == CLOSED
