# SPDX-License-Identifier: Apache-2.0
"""Who may talk to the page's server: its own page, and nobody else.

The server listens on loopback, where every program and every web page of the
machine can knock. So it answers under a random name alone, which only its own
browser knows: cookies ignore ports, and one of 127.0.0.1 would be sent to every
local server. A write must come from our own page (Origin, Sec-Fetch-Site), and
everything needs a session: the terminal prints a link, which lets one browser
in, once, and is void then.
"""

from __future__ import annotations

import base64
import hmac
import secrets
import threading
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import HTMLResponse, Response

from modelmarket.system.serving import LimitedBody, refused
from modelmarket.web.rendering import with_code

if TYPE_CHECKING:
    from collections.abc import Callable

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
NAME_BYTES = 10
SESSION_COOKIE = "modelmarket-session"
SAFE_METHODS = ("GET", "HEAD")
OPEN_FOLDER = "/static/"
MOST_BODY_BYTES = 4 * 2**30
MOST_FORM_BYTES = 2**20
MOST_DIGITS = 12
"""Of a number of bytes."""
NEW_LINK = (
    "Press Enter in the terminal where `modelmarket up` runs: it prints a new link. "
    "Without a terminal, start it again."
)
STYLE = '<link rel="stylesheet" href="/static/style.css">'
TURNED_AWAY = (
    '<!doctype html><html lang="en"><head><meta charset="utf-8">'
    '<meta name="viewport" content="width=device-width, initial-scale=1">'
    '<meta name="color-scheme" content="light dark"><title>ModelMarket</title>{2}'
    "</head><body><main><h1>{0}</h1><p>{1}</p></main></body></html>"
)
WELCOME = (
    '<!doctype html><html lang="en"><meta charset="utf-8">'
    '<link rel="icon" href="/static/icon.svg" type="image/svg+xml">'
    '<meta http-equiv="refresh" content="0; url=/"><title>ModelMarket</title>'
    '<p><a href="/">Go on to the market</a></p></html>'
)


def new_name() -> str:
    """A host that nobody can guess: browsers take it for this machine."""
    return base64.b32encode(secrets.token_bytes(NAME_BYTES)).decode().lower() + (
        ".localhost"
    )


class Sessions:
    """The browsers that were let in, and the link that lets in the next one.

    Args:
        address: The server's own, such as `http://….localhost:8500`.
        let_in: Told whenever a link was used.
    """

    def __init__(
        self, address: str, *, let_in: Callable[[], None] = lambda: None
    ) -> None:
        self._address = address
        self._let_in = let_in
        self._token = ""
        self._used: set[str] = set()
        self._sessions: set[str] = set()
        self._lock = threading.Lock()

    def new_link(self) -> str:
        """A link for one browser, once. Those before it are void."""
        with self._lock:
            if self._token:
                self._used.add(self._token)
            self._token = secrets.token_urlsafe(TOKEN_BYTES)
            return f"{self._address}/?token={self._token}"

    def exchange(self, token: str) -> str | None:
        """A new session's secret for a link's token; None for one that is void."""
        with self._lock:
            if not self._token or not _is_same(token, self._token):
                return None
            self._used.add(self._token)
            self._token = ""
            session = secrets.token_urlsafe(TOKEN_BYTES)
            self._sessions.add(session)
        self._let_in()
        return session

    def was_used(self, token: str) -> bool:
        """Whether a token was one of ours, and is void."""
        with self._lock:
            return any(_is_same(token, one) for one in self._used)

    def knows(self, session: str) -> bool:
        """Whether a browser was let in."""
        with self._lock:
            return any(_is_same(session, one) for one in self._sessions)


def _is_same(given: str, known: str) -> bool:
    return hmac.compare_digest(given.encode(), known.encode())


class Guard:
    """Refuses whoever is not the server's own page.

    Args:
        app: What is guarded.
        sessions: Who was let in.
        origin: The server's own address, such as `http://….localhost:8500`.
    """

    def __init__(self, app: ASGIApp, *, sessions: Sessions, origin: str) -> None:
        self._app = app
        self._sessions = sessions
        self._origin = origin
        self._host = urlsplit(origin).netloc

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        answer = self._answer(scope)

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        if answer is not None:
            await answer(scope, receive, guarded)
            return
        if scope["method"] not in SAFE_METHODS:
            receive = LimitedBody(receive, _most_bytes(Headers(scope=scope)))
        await self._app(scope, receive, guarded)

    def _answer(self, scope: Scope) -> Response | None:
        """The answer to somebody who may not come in, or comes in; None for
        those who were let in.
        """
        headers, path = Headers(scope=scope), scope["path"]
        if headers.getlist("host") != [self._host]:
            # Whoever asks for another host is given nothing of ours, and no style.
            return _turned_away(
                "This page has ended, or was never here.",
                f"The server answers only under its own address. {NEW_LINK}",
            )
        if scope["method"] not in SAFE_METHODS:
            if headers.getlist("origin") != [self._origin]:
                return refused("This was not sent by the server's own page.")
            if headers.get("sec-fetch-site", "same-origin") != "same-origin":
                return refused("This was not sent by the server's own page.")
            length = headers.get("content-length", "0")
            most = _most_bytes(headers)
            # Other digits than ours are none to `int`, or worth something else.
            is_number = length.isascii() and length.isdigit()
            if not is_number or len(length) > MOST_DIGITS or int(length) > most:
                return refused(f"That is too large: {most:,} bytes are allowed.", 413)
        if path.startswith(OPEN_FOLDER):
            return None
        given = parse_qs(scope["query_string"].decode("latin-1")).get("token", [""])[0]
        is_in = self._sessions.knows(_session(headers))
        if path == "/" and given and scope["method"] == "GET":
            # A browser that looks ahead must not use the link up.
            is_ahead = "sec-purpose" in headers or "purpose" in headers
            session = None if is_ahead else self._sessions.exchange(given)
            if session is not None:
                return _welcome(None if is_in else session)
            if not is_in and self._sessions.was_used(given):
                return _turned_away(
                    "This link is void.",
                    f"A link lets one browser in, once. {NEW_LINK}",
                    style=STYLE,
                )
        if is_in:
            return _welcome(None) if path == "/" and given else None
        return _turned_away(
            "This browser was not let in, or its session has ended.",
            NEW_LINK,
            style=STYLE,
        )


def _turned_away(what: str, why: str, *, style: str = "") -> Response:
    """The same refusal as a page that people can read."""
    answer = refused(TURNED_AWAY.format(what, with_code(why), style))
    answer.headers["Content-Type"] = "text/html; charset=utf-8"
    return answer


def _welcome(session: str | None) -> Response:
    # Not a redirect: after a link in a file or a mail, a browser would not send
    # a strict cookie along. This page goes on by itself, and takes the token out
    # of the address and the history.
    response = HTMLResponse(WELCOME, headers={"Referrer-Policy": "no-referrer"})
    if session is not None:
        response.set_cookie(
            SESSION_COOKIE, session, httponly=True, samesite="strict", path="/"
        )
    return response


def _session(headers: Headers) -> str:
    for part in headers.get("cookie", "").split(";"):
        name, _, value = part.strip().partition("=")
        if name == SESSION_COOKIE:
            return value
    return ""


def _most_bytes(headers: Headers) -> int:
    is_file = headers.get("content-type", "").startswith("multipart/form-data")
    return MOST_BODY_BYTES if is_file else MOST_FORM_BYTES
