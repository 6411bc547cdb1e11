# SPDX-License-Identifier: Apache-2.0
"""Serves the embedded chain over HTTP on loopback."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from modelmarket.chain.node.ledger import Ledger
from modelmarket.chain.node.rpc import Rpc
from modelmarket.serving import LOOPBACK_HOSTS, serving

MOST_BODY_BYTES = 2**20


def application(ledger: Ledger) -> Starlette:
    """The node as an ASGI application: POST a JSON-RPC request to `/`."""
    rpc = Rpc(ledger)

    async def answer(request: Request) -> Response:
        body = await request.body()
        if len(body) > MOST_BODY_BYTES:
            return JSONResponse({"error": "the request is too large"}, 413)
        try:
            message = json.loads(body)
        except ValueError:
            return JSONResponse({"error": "the request is not JSON"}, 400)
        return JSONResponse(await run_in_threadpool(rpc.answer, message))

    return Starlette(
        routes=[Route("/", answer, methods=["POST"])],
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=LOOPBACK_HOSTS)],
    )


@contextmanager
def running_node(path: Path | None, *, port: int = 0) -> Iterator[str]:
    """Runs the node in a thread and yields its address.

    Args:
        path: The chain's file; None for a chain in memory.
        port: On loopback; 0 for any that is free.
    """
    ledger = Ledger(path)
    try:
        with serving(application(ledger), port=port) as address:
            yield address
    finally:
        ledger.close()
