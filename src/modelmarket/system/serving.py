# SPDX-License-Identifier: Apache-2.0
"""Runs a small HTTP server beside the rest of a program.

What holds for every server of ours stands here: by which names it may be
asked, how long a client may take, and how many may be connected.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import threading
import time
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse, Response

from modelmarket.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOOPBACK = "127.0.0.1"
LOOPBACK_6 = "::1"
KEEP_ALIVE_S = 3_600
"""A line that is cut while a request is on its way looks like a dead server."""
GRACE_S = 5
"""For requests on their way when the server ends; one that hangs would keep
the program from ever ending."""
PATIENCE_S = 20.0
"""How long a client may take over the head of a request, from the connection
or from its first byte on; and how long over each piece of a body."""
PIECE_BYTES = 2**16
MOST_CONNECTIONS = 256
"""At once, to one server. Whoever comes later takes the place of one that is
idle, or is told to come again."""


def bound(*, host: str = LOOPBACK, port: int = 0) -> socket.socket:
    """A socket that listens; port 0 takes any that is free.

    Raises:
        InputError: The port is taken.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # perf: asyncio turns Nagle's delay (40 ms a request) off only for sockets
    # that say they speak TCP.
    listener = socket.socket(family, proto=socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family is socket.AF_INET6:
        listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise InputError(
            f"Cannot listen on {host}, port {port}: {error.strerror}.",
            hint="Choose another port.",
        ) from error
    return listener


def bound_to_loopback(port: int = 0) -> list[socket.socket]:
    """Sockets that listen on all that a name under `.localhost` stands for.

    A browser tries ::1 first. Were it not ours, another user of this machine
    could listen there and be sent what is meant for us.

    Args:
        port: The same on both; 0 for one that is free.

    Raises:
        InputError: The port is taken.
    """
    first = bound(port=port)
    if not _has_ipv6_loopback():
        return [first]
    try:
        return [first, bound(host=LOOPBACK_6, port=first.getsockname()[1])]
    except InputError:
        first.close()
        if port:
            raise
        return bound_to_loopback()


def _has_ipv6_loopback() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind((LOOPBACK_6, 0))
    except OSError:
        return False
    return True


# --- by which name it is asked ---


def is_loopback(host: str) -> bool:
    """Whether a host, without its port, is this machine and nothing else."""
    return host == "localhost" or (_is_address(host) and _is_own_address(host))


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _is_own_address(host: str) -> bool:
    return ipaddress.ip_address(host).is_loopback


class NamedHost:
    """Refuses requests that came by a name which is not the server's.

    Any website can have a name of its own point at this machine, and so make a
    browser read what answers there (DNS rebinding); but then the name stands
    in `Host`. On loopback a server answers to `localhost` and to loopback's
    addresses; elsewhere to addresses, which nobody can rebind. Other names
    must be given.

    Args:
        app: What answers.
        names: More hosts that it may be asked by, without a port.
        same_port: Whether the port in `Host` must be the one that listens.
    """

    def __init__(
        self, app: ASGIApp, *, names: Collection[str] = (), same_port: bool = False
    ) -> None:
        self._app = app
        self._names = {name.lower() for name in names}
        self._same_port = same_port

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not self._is_ours(scope):
            refusal = refused("This server does not answer to that name.", 400)
            await refusal(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _is_ours(self, scope: Scope) -> bool:
        given = Headers(scope=scope).getlist("host")
        if len(given) != 1:
            return False
        try:
            parts = urlsplit(f"//{given[0]}")
            host, port = parts.hostname or "", parts.port
        except ValueError:
            return False
        if parts.netloc != given[0] or parts.username is not None:
            return False
        ours, listens = scope["server"]
        if self._same_port and (port or 80) != listens:
            return False
        if host in self._names or is_loopback(host):
            return True
        return _is_address(host) and not is_loopback(ours)


def refused(why: str, status: int = 403, **headers: str) -> Response:
    """An answer to somebody who may not ask, after which the line is cut.

    Held open, the lines of those who are refused would take the places of
    others.
    """
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return PlainTextResponse(why, status, headers={**named, "Connection": "close"})


# --- what it is sent ---


class LimitedBody:
    """A body that must arrive, piece by piece, in time and within its size.

    Args:
        receive: Where it comes from.
        most_bytes: Of the whole.
    """

    def __init__(self, receive: Receive, most_bytes: int) -> None:
        self._receive = receive
        self._left = most_bytes
        self._piece = 0
        self._ends = time.monotonic() + PATIENCE_S
        self._is_complete = False

    async def __call__(self) -> Message:
        """The next message.

        Raises:
            HTTPException: It is late (408), or too much (413).
        """
        if self._is_complete:
            return await self._receive()
        left_s = self._ends - time.monotonic()
        try:
            message = await asyncio.wait_for(self._receive(), max(left_s, 0))
        except TimeoutError:
            raise HTTPException(
                408, "The upload stopped; try again.", headers={"Connection": "close"}
            ) from None
        size = len(message.get("body", b""))
        self._left -= size
        if self._left < 0:
            raise HTTPException(
                413, "That is too large.", headers={"Connection": "close"}
            )
        self._piece += size
        if self._piece >= PIECE_BYTES:
            self._piece, self._ends = 0, time.monotonic() + PATIENCE_S
        self._is_complete = not message.get("more_body")
        return message


# --- the server ---


@contextmanager
def serving(
    application: ASGIApp,
    listeners: Sequence[socket.socket] = (),
    *,
    host: str = LOOPBACK,
    port: int = 0,
) -> Iterator[str]:
    """Serves an ASGI application from a thread and yields its address.

    Args:
        application: What to serve.
        listeners: Where; empty for a new one.
        host: The interface of a new one.
        port: The port of a new one; 0 for any that is free.

    Raises:
        InputError: The port is taken.
    """
    import uvicorn

    from modelmarket.system.patience import PatientProtocol

    listeners = listeners or [bound(host=host, port=port)]

    class Server(uvicorn.Server):
        """One that leaves no line open when it ends, whatever hangs on it."""

        async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
            await super().shutdown(sockets)
            for connection in list(self.server_state.connections):
                connection.transport.abort()
            # What was aborted is closed in the next round.
            await asyncio.sleep(0)

    server = Server(
        uvicorn.Config(
            application,
            http=PatientProtocol,
            ws="none",
            # Logging belongs to the host: its default would close all handlers.
            log_config=None,
            lifespan="off",
            log_level="error",
            access_log=False,
            timeout_keep_alive=KEEP_ALIVE_S,
            timeout_graceful_shutdown=GRACE_S,
        )
    )
    with ExitStack() as closing:
        for listener in listeners:
            closing.callback(listener.close)
        thread = threading.Thread(
            target=server.run, args=(list(listeners),), daemon=True
        )
        thread.start()
        while not server.started and thread.is_alive():
            time.sleep(0.005)
        shown = f"[{host}]" if ":" in host else host
        try:
            yield f"http://{shown}:{listeners[0].getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(timeout=10)
