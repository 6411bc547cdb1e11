# SPDX-License-Identifier: Apache-2.0
"""Runs a small HTTP server beside the rest of a program."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING

from modelmarket.errors import InputError

if TYPE_CHECKING:
    from starlette.types import ASGIApp

LOOPBACK = "127.0.0.1"
KEEP_ALIVE_S = 3_600
"""A line that is cut while a request is on its way looks like a dead server."""
GRACE_S = 5
"""For requests on their way when the server ends; one that hangs would keep
the program from ever ending."""
HEADERS_S = 20.0
"""How long the headers of a request may take; whoever sends them drop by drop
holds a connection that others need."""
LOOPBACK_HOSTS = ["127.0.0.1", "localhost", "[::1]"]
"""Names that a request may come for; others are DNS rebinding."""


def bound(*, host: str = LOOPBACK, port: int = 0) -> socket.socket:
    """A socket that listens; port 0 takes any that is free.

    Raises:
        InputError: The port is taken.
    """
    # perf: asyncio turns Nagle's delay (40 ms a request) off only for sockets
    # that say they speak TCP.
    listener = socket.socket(proto=socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise InputError(
            f"Cannot listen on {host}, port {port}: {error.strerror}.",
            hint="Choose another one with --port.",
        ) from error
    return listener


@cache
def _protocol(headers_s: float) -> type[asyncio.Protocol]:
    """HTTP as uvicorn has it, which by itself waits for headers for ever.

    Args:
        headers_s: Seconds from the first byte of a request, or from the opening
            of a connection, to the end of the headers.
    """
    import h11
    from uvicorn.protocols.http.h11_impl import H11Protocol

    class Patient(H11Protocol):
        """A connection that is closed when headers do not come."""

        _cut: asyncio.TimerHandle | None = None

        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            super().connection_made(transport)  # type: ignore[arg-type]  # its own
            self._watch()

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            self._watch()

        def on_response_complete(self) -> None:
            super().on_response_complete()
            # Between two requests a line may rest as long as it likes.
            if self.conn.trailing_data[0]:
                self._watch()

        def connection_lost(self, exc: Exception | None) -> None:
            self._rest()
            super().connection_lost(exc)

        def _watch(self) -> None:
            """Headers that are under way have a limit, whatever else comes."""
            if self.conn.their_state is not h11.IDLE:
                self._rest()
            elif self._cut is None:
                self._cut = self.loop.call_later(headers_s, self.transport.close)

        def _rest(self) -> None:
            if self._cut is not None:
                self._cut.cancel()
                self._cut = None

    return Patient


@contextmanager
def serving(
    application: ASGIApp,
    listener: socket.socket | None = None,
    *,
    host: str = LOOPBACK,
    port: int = 0,
    headers_s: float = HEADERS_S,
) -> Iterator[str]:
    """Serves an ASGI application from a thread and yields its address.

    Args:
        application: What to serve.
        listener: Where; None for a new one.
        host: The interface of a new one.
        port: The port of a new one; 0 for any that is free.
        headers_s: Seconds in which the headers of a request must be whole.

    Raises:
        InputError: The port is taken.
    """
    import uvicorn

    listener = listener or bound(host=host, port=port)
    server = uvicorn.Server(
        uvicorn.Config(
            application,
            http=_protocol(headers_s),
            log_level="warning",
            access_log=False,
            timeout_keep_alive=KEEP_ALIVE_S,
            timeout_graceful_shutdown=GRACE_S,
        )
    )
    thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
    thread.start()
    while not server.started and thread.is_alive():
        time.sleep(0.005)
    try:
        yield f"http://{host}:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(timeout=10)
        listener.close()
