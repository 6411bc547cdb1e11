# SPDX-License-Identifier: Apache-2.0
"""Who may talk to the page's server: its own page, and nobody else.

The server listens on loopback, where every program and every web page of the
machine can knock. So the Host must be ours (DNS rebinding), a write must come
from our own page (Origin, Sec-Fetch-Site), and everything needs the token
that the terminal printed, which the first visit turns into a cookie.
"""

from __future__ import annotations

import asyncio
import hmac
import secrets
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse, RedirectResponse, Response

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' data:; connect-src 'self'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
TOKEN_BYTES = 32
SAFE_METHODS = ("GET", "HEAD")
OPEN_FOLDER = "/static/"
PATIENCE_S = 20.0
"""How long the next piece of an upload may take."""
MOST_BODY_BYTES = 4 * 2**30
MOST_FORM_BYTES = 2**20


def new_token() -> str:
    """A launch token: 256 bits, fit for an address."""
    return secrets.token_urlsafe(TOKEN_BYTES)


class Guard:
    """Refuses whoever is not the server's own page.

    Args:
        app: What is guarded.
        token: The launch token.
        origin: The server's own address, such as `http://127.0.0.1:8500`.
    """

    def __init__(self, app: ASGIApp, *, token: str, origin: str) -> None:
        self._app = app
        self._token = token
        self._origin = origin
        host = urlsplit(origin)
        self._hosts = {host.netloc, f"localhost:{host.port}"}
        self._cookie = f"modelmarket-{host.port}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        refusal = self._refusal(scope)

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        if refusal is not None:
            await refusal(scope, receive, guarded)
        else:
            await self._app(scope, _Patience(scope, receive), guarded)

    def _refusal(self, scope: Scope) -> Response | None:
        """The answer to somebody who may not come in; None for others."""
        headers, path = Headers(scope=scope), scope["path"]
        if headers.get("host") not in self._hosts:
            return _refuse("This server answers only under its own address.")
        if scope["method"] not in SAFE_METHODS:
            if headers.get("origin") != self._origin_of(headers):
                return _refuse("This was not sent by the server's own page.")
            if headers.get("sec-fetch-site", "same-origin") != "same-origin":
                return _refuse("This was not sent by the server's own page.")
            length = headers.get("content-length", "0")
            most = _most_bytes(headers)
            if not length.isdigit() or int(length) > most:
                return PlainTextResponse(
                    f"That is too large: {most:,} bytes are allowed.", 413
                )
        if path.startswith(OPEN_FOLDER):
            return None
        given = parse_qs(scope["query_string"].decode("latin-1")).get("token", [""])[0]
        if path == "/" and given and self._is_token(given):
            response = RedirectResponse("/", 303)
            response.set_cookie(
                self._cookie, self._token, httponly=True, samesite="strict", path="/"
            )
            return response
        if not self._is_token(self._sent_token(headers)):
            return _refuse(
                "Open the address that `modelmarket up` printed; it lets this browser "
                "in."
            )
        return None

    def _origin_of(self, headers: Headers) -> str:
        return f"{urlsplit(self._origin).scheme}://{headers['host']}"

    def _sent_token(self, headers: Headers) -> str:
        for part in headers.get("cookie", "").split(";"):
            name, _, value = part.strip().partition("=")
            if name == self._cookie:
                return value
        return ""

    def _is_token(self, given: str) -> bool:
        return hmac.compare_digest(given.encode(), self._token.encode())


class _Patience:
    """A body that must arrive, piece by piece, in time and within its size."""

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self._receive = receive
        self._left = _most_bytes(Headers(scope=scope))
        self._is_body = scope["method"] not in SAFE_METHODS

    async def __call__(self) -> Message:
        if not self._is_body:
            return await self._receive()
        try:
            message = await asyncio.wait_for(self._receive(), PATIENCE_S)
        except TimeoutError:
            raise HTTPException(408, "The upload stopped; try again.") from None
        self._left -= len(message.get("body", b""))
        if self._left < 0:
            raise HTTPException(413, "That is too large.")
        if not message.get("more_body"):
            self._is_body = False
        return message


def _most_bytes(headers: Headers) -> int:
    is_file = headers.get("content-type", "").startswith("multipart/form-data")
    return MOST_BODY_BYTES if is_file else MOST_FORM_BYTES


def _refuse(why: str) -> Response:
    return PlainTextResponse(why, 403)
