# SPDX-License-Identifier: Apache-2.0
"""How long a server waits for its clients, and for how many.

uvicorn waits for ever for the head of a request: whoever connects and says
nothing, or a byte now and then, would hold a place for good. A line on which
requests were answered may rest between them.
"""

from __future__ import annotations

import time
from asyncio import BaseTransport, TimerHandle, Transport
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from modelmarket.system import serving


class PatientProtocol(H11Protocol):
    """HTTP/1.1 in which a client's part of a request ends in time."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._limit: TimerHandle | None = None
        self._has_asked = False
        self._is_full = False
        self.rests_since = time.monotonic()

    def connection_made(self, transport: BaseTransport) -> None:
        """Takes a line, if there is a place for it."""
        assert isinstance(transport, Transport)
        if len(self.connections) >= serving.MOST_CONNECTIONS and not self._make_room():
            transport.write(
                b"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\n"
                b"Content-Length: 0\r\n\r\n"
            )
            transport.close()
            self._is_full = True
            return
        super().connection_made(transport)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forgets the line."""
        self._unlimited()
        if not self._is_full:
            super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Takes what the client sent."""
        if not self._is_full:
            super().data_received(data)
            self._watch()

    def on_response_complete(self) -> None:
        """Goes on to the client's next request."""
        super().on_response_complete()
        self.rests_since = time.monotonic()
        self._watch()

    @property
    def rests(self) -> bool:
        """Whether the line waits for its client."""
        return self.cycle is None or self.cycle.response_complete

    def _make_room(self) -> bool:
        """Cuts the line that has rested longest; false if all are at work."""
        resting = [
            one
            for one in self.connections
            if isinstance(one, PatientProtocol)
            and one.rests
            and not one.transport.is_closing()
        ]
        if not resting:
            return False
        min(resting, key=lambda one: one.rests_since).transport.abort()
        return True

    def _watch(self) -> None:
        """Sets the limit while a request has begun, or none has come yet.

        It stays where it was set, however many bytes drip in.
        """
        if self.conn.their_state is not h11.IDLE:
            self._has_asked = True
        is_late_body = (
            self.conn.their_state is h11.SEND_BODY
            and self.cycle is not None
            and self.cycle.response_complete
        )
        is_head = self.conn.their_state is h11.IDLE and (
            not self._has_asked or bool(self.conn.trailing_data[0])
        )
        if not (is_head or is_late_body):
            self._unlimited()
        elif self._limit is None:
            self._limit = self.loop.call_later(serving.PATIENCE_S, self._cut)

    def _unlimited(self) -> None:
        if self._limit is not None:
            self._limit.cancel()
            self._limit = None

    def _cut(self) -> None:
        self._limit = None
        if self.transport.is_closing():
            return
        # Browsers connect ahead of need: who said nothing is told nothing.
        if self.conn.their_state is h11.IDLE and self.conn.trailing_data[0]:
            self.transport.write(
                b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n"
                b"Content-Length: 0\r\n\r\n"
            )
        self.transport.close()
