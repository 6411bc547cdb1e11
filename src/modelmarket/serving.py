# SPDX-License-Identifier: Apache-2.0
"""Runs a small HTTP server beside the rest of a program."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
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
            hint="Choose another port.",
        ) from error
    return listener


@contextmanager
def serving(
    application: "ASGIApp",
    listener: socket.socket | None = None,
    *,
    host: str = LOOPBACK,
    port: int = 0,
) -> Iterator[str]:
    """Serves an ASGI application from a thread and yields its address.

    Args:
        application: What to serve.
        listener: Where; None for a new one.
        host: The interface of a new one.
        port: The port of a new one; 0 for any that is free.

    Raises:
        InputError: The port is taken.
    """
    import uvicorn

    listener = listener or bound(host=host, port=port)
    server = uvicorn.Server(
        uvicorn.Config(
            application,
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
