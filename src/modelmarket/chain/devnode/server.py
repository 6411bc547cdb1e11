# SPDX-License-Identifier: Apache-2.0
"""Serves the embedded chain over HTTP on loopback, to programs and wallets.

Every website that a browser of this machine shows can knock here too. What a
website may send without asking (a form, text/plain) is refused by its type;
for JSON a browser asks first, and names the website in `Origin`.
"""

import json
import re
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from modelmarket.chain.devnode.ledger import Ledger
from modelmarket.chain.devnode.rpc import PARSE_ERROR, Json, Rpc, RpcError, failed
from modelmarket.system.documents import parse_json
from modelmarket.system.serving import LimitedBody, NamedHost, refused, serving

MOST_BODY_BYTES = 2**20
JSON_TYPE = "application/json"
EXTENSION = re.compile(
    r"(chrome-extension|moz-extension|safari-web-extension)://[A-Za-z0-9-]+"
)
"""What a browser calls its extensions; wallets are such, and call the node."""
FOREIGN = ("cross-site", "same-site")
PREFLIGHT_S = "600"


class Origins:
    """Refuses what a website sends, unless it is one of those that may.

    Args:
        app: What answers.
        allowed: Websites, as `Origin` spells them.
    """

    def __init__(self, app: ASGIApp, *, allowed: Collection[str]) -> None:
        self._app = app
        self._allowed = frozenset(allowed)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        given = headers.getlist("origin")
        is_hidden = not given and headers.get("sec-fetch-site") in FOREIGN
        if is_hidden or len(given) > 1 or not all(map(self._may_ask, given)):
            answer = refused("Websites may not ask this node.")
            await answer(scope, receive, send)
            return
        if not given:
            await self._app(scope, receive, send)
            return

        async def shown(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [
                    *message.get("headers", ()),
                    (b"access-control-allow-origin", given[0].encode()),
                    (b"vary", b"Origin"),
                ]
            await send(message)

        await self._app(scope, receive, shown)

    def _may_ask(self, origin: str) -> bool:
        return origin in self._allowed or bool(EXTENSION.fullmatch(origin))


def application(
    ledger: Ledger, *, test_methods: bool = False, origins: Collection[str] = ()
) -> Starlette:
    """The node as an ASGI application: POST a JSON-RPC request to `/`.

    Args:
        ledger: The chain.
        test_methods: Whether its clock may be moved and blocks mined at will.
        origins: Websites whose scripts may ask it, besides browser extensions.
    """
    rpc = Rpc(ledger, test_methods=test_methods)

    async def answer(request: Request) -> Response:
        if _media_type(request) != JSON_TYPE:
            return refused(f"Send JSON-RPC as Content-Type: {JSON_TYPE}.", 415)
        declared = request.headers.get("content-length", "0")
        is_number = declared.isascii() and declared.isdigit()
        if not is_number or len(declared) > 12:  # noqa: PLR2004  # no huge number
            return refused("Content-Length is no number of bytes.", 400)
        if int(declared) > MOST_BODY_BYTES:
            return refused(f"{MOST_BODY_BYTES:,} bytes are allowed at once.", 413)
        body = await Request(
            request.scope, LimitedBody(request.receive, MOST_BODY_BYTES)
        ).body()
        try:
            message = parse_json(body)
        except ValueError:
            error = RpcError(PARSE_ERROR, "the request is not JSON")
            return _json(failed(None, error), 400)
        from_browser = not {"origin", "sec-fetch-site"}.isdisjoint(request.headers)
        return _json(
            await run_in_threadpool(rpc.answer, message, from_browser=from_browser)
        )

    async def preflight(request: Request) -> Response:
        asked = request.headers
        if "origin" not in asked or "access-control-request-method" not in asked:
            return _explain(request)
        headers = {
            "Access-Control-Allow-Methods": "POST",
            "Access-Control-Allow-Headers": "content-type",
            "Access-Control-Max-Age": PREFLIGHT_S,
        }
        if asked.get("access-control-request-private-network") == "true":
            headers["Access-Control-Allow-Private-Network"] = "true"
        return Response(status_code=204, headers=headers)

    def _explain(_request: Request) -> Response:
        return refused(
            "This is the node of a local chain. Programs and wallets ask it by POST, "
            "in JSON-RPC; there is nothing to be seen here. `modelmarket up` opens "
            "the market in a browser.",
            405,
            Allow="POST, OPTIONS",
        )

    async def explain(request: Request) -> Response:
        return _explain(request)

    return Starlette(
        routes=[
            Route("/", answer, methods=["POST"]),
            Route("/", preflight, methods=["OPTIONS"]),
            Route("/", explain, methods=["GET", "HEAD", "PUT", "PATCH", "DELETE"]),
        ],
        middleware=[
            Middleware(NamedHost, same_port=True),
            Middleware(Origins, allowed=origins),
        ],
    )


def _media_type(request: Request) -> str:
    given = request.headers.getlist("content-type")
    return given[0].partition(";")[0].strip().lower() if len(given) == 1 else ""


def _json(document: Json, status: int = 200) -> Response:
    # In ASCII, for a string may hold halves of characters.
    return Response(json.dumps(document), status, media_type=JSON_TYPE)


@contextmanager
def running_node(
    path: Path | None,
    *,
    port: int = 0,
    test_methods: bool = False,
    origins: Collection[str] = (),
) -> Iterator[str]:
    """Runs the node in a thread and yields its address.

    Args:
        path: The chain's file; None for a chain in memory.
        port: On loopback; 0 for any that is free.
        test_methods: Whether its clock may be moved and blocks mined at will.
        origins: Websites whose scripts may ask it, besides browser extensions.
    """
    ledger = Ledger(path)
    try:
        served = application(ledger, test_methods=test_methods, origins=origins)
        with serving(served, port=port) as address:
            yield address
    finally:
        ledger.close()
