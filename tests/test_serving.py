# SPDX-License-Identifier: Apache-2.0
"""The small server: nobody holds it up, and nobody is cut off who need not be."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from modelmarket.serving import serving

LIMIT_S = 0.4
REQUEST = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"


async def _slowly(request: Request) -> PlainTextResponse:
    body = await request.body()
    return PlainTextResponse(f"{len(body)} bytes")


@pytest.fixture
def address() -> Iterator[str]:
    app = Starlette(routes=[Route("/", _slowly, methods=["GET", "POST"])])
    with serving(app, headers_s=LIMIT_S) as found:
        yield found


def answered(line: socket.socket) -> None:
    """Sends a request and reads its whole answer."""
    line.sendall(REQUEST)
    answer = b""
    while not answer.endswith(b"0 bytes"):
        piece = line.recv(1_000)
        assert piece, "the line was cut"
        answer += piece


def connected(address: str) -> socket.socket:
    place = urlsplit(address)
    return socket.create_connection((place.hostname, place.port), timeout=10)


@pytest.mark.parametrize("sent", [b"", b"G", REQUEST[:-2]], ids=["none", "one", "all"])
def test_headers_that_do_not_end_close_the_connection(
    address: str, sent: bytes
) -> None:
    with connected(address) as line:
        line.sendall(sent)
        assert line.recv(100) == b""


def test_headers_that_come_drop_by_drop_are_not_waited_for(address: str) -> None:
    with connected(address) as line, pytest.raises(OSError):  # closed
        line.sendall(REQUEST[:-2])
        for n in range(100):
            line.sendall(f"X-{n}: drop\r\n".encode())
            time.sleep(LIMIT_S / 5)


def test_a_line_may_rest_between_two_requests(address: str) -> None:
    with connected(address) as line:
        for _ in range(2):
            answered(line)
            time.sleep(2 * LIMIT_S)


def test_after_a_request_the_next_ones_headers_have_their_limit_too(
    address: str,
) -> None:
    with connected(address) as line:
        answered(line)
        line.sendall(REQUEST[:-2])
        assert line.recv(100) == b""


def test_a_body_may_take_longer_than_headers(address: str) -> None:
    def pieces() -> Iterator[bytes]:
        for _ in range(3):
            yield b"x"
            time.sleep(LIMIT_S / 1.5)

    assert httpx.post(address, content=pieces()).text == "3 bytes"
