# SPDX-License-Identifier: Apache-2.0
"""Whatever one gateway does, the next one is asked, and nobody waits for ever."""

from __future__ import annotations

import asyncio
import gzip
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from modelmarket.errors import NotFoundError
from modelmarket.storage import fetch as fetching
from modelmarket.storage.fetch import fetch, is_served
from modelmarket.storage.gateway import application
from modelmarket.storage.store import Store
from modelmarket.system.serving import serving

FILE = b"a file that somebody wants"
BOMB = gzip.compress(bytes(2**24))


class _Handler(BaseHTTPRequestHandler):
    kind = ""

    def log_message(self, *_: object) -> None:
        """Says nothing."""

    def do_GET(self) -> None:
        if self.kind == "nonsense":
            self.wfile.write(b"\x00\xff no HTTP at all\r\n\r\n")
            return
        self.send_response(200)
        if self.kind == "packed":
            self.send_header("Content-Encoding", "gzip")
        if self.kind == "broken":
            self.send_header("Content-Encoding", "gzip, br, deflate")
        self.send_header("Set-Cookie", "\xff=\x01; Max-Age=x")
        self.end_headers()
        match self.kind:
            case "trickling":
                for _ in range(10_000):
                    self.wfile.write(b"x")
                    self.wfile.flush()
                    time.sleep(0.05)
            case "packed":
                self.wfile.write(BOMB)
            case "endless":
                while True:
                    self.wfile.write(bytes(2**16))
            case _:
                self.wfile.write(b"\xff\x00 no block")


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """A client that went away is what this is about."""


@contextmanager
def gateway(kind: str) -> Iterator[str]:
    server = _Server(("127.0.0.1", 0), type("Handler", (_Handler,), {"kind": kind}))
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.mark.parametrize(
    "kind", ["nonsense", "packed", "broken", "trickling", "endless", "no address"]
)
def test_a_bad_gateway_is_left_for_the_next_one(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching, "MOST_S", 0.5)
    monkeypatch.setattr(fetching, "QUICK_S", 0.5)
    theirs, ours = Store(tmp_path / "theirs"), Store(tmp_path / "ours")
    cid = theirs.add_bytes(FILE, "file").cid
    with ExitStack() as closing:
        bad = "http://[not an address"
        if kind != "no address":
            bad = closing.enter_context(gateway(kind))
        good = closing.enter_context(serving(application(theirs)))
        assert not is_served(cid, [bad])
        assert is_served(cid, [bad, good])
        with pytest.raises(NotFoundError, match="is not to be had"):
            fetch(ours, cid, [bad])
        fetch(ours, cid, [bad, good])
    assert ours.read_bytes(cid, most=100) == FILE


def test_whoever_gave_the_last_block_is_asked_first_for_the_next_one(
    tmp_path: Path,
) -> None:
    """A gateway that has nothing of it, or hangs, is met once and not at each block."""
    theirs, ours = Store(tmp_path / "theirs"), Store(tmp_path / "ours")
    file = theirs.add_bytes(bytes(2**20) + b"1" * 2**20 + b"2", "three blocks")
    more = theirs.add_bytes(b"one block", "more")
    asked: list[str] = []

    def counting(name: str, store: Store) -> Any:
        inner = application(store)

        async def answer(scope: Any, receive: Any, send: Any) -> None:
            if scope["type"] == "http":
                asked.append(name)
            await inner(scope, receive, send)

        return answer

    with ExitStack() as closing:
        empty = Store(tmp_path / "empty")
        gateways = [
            closing.enter_context(serving(counting("empty", empty))),
            closing.enter_context(serving(counting("theirs", theirs))),
        ]
        fetch(ours, file.cid, gateways)
        # The root, and three blocks below it.
        assert asked == ["empty", *["theirs"] * 4]
        # The next fetch begins with the order that was set.
        asked.clear()
        fetch(ours, more.cid, gateways)
    assert asked == ["empty", "theirs"]


def test_a_gateway_that_is_slow_all_along_is_given_up_in_time(tmp_path: Path) -> None:
    """Each block comes; a file of many would take for ever."""
    theirs, ours = Store(tmp_path / "theirs"), Store(tmp_path / "ours")
    file = theirs.add_bytes(bytes(range(256)) * 2**12 * 3, "three blocks or more")
    inner = application(theirs)

    async def slow(scope: Any, receive: Any, send: Any) -> None:
        await asyncio.sleep(0.4)
        await inner(scope, receive, send)

    with serving(slow) as address:
        fetch(ours, file.cid, [address])
        ours = Store(tmp_path / "others")
        with pytest.raises(NotFoundError, match="It has taken 0 s|too long"):
            fetch(ours, file.cid, [address, address], most_s=0.5)
    assert not ours.has(file.cid)
