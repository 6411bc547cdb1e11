# SPDX-License-Identifier: Apache-2.0
"""A trustless gateway (https://specs.ipfs.tech/http-gateways/trustless-gateway/).

It serves blocks, CARs and files by CID and lists nothing: a model whose CID
has not been opened cannot be asked for.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from starlette.applications import Starlette
from starlette.concurrency import iterate_in_threadpool, run_in_threadpool
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from modelmarket.errors import InputError, NotFoundError, StorageError
from modelmarket.storage import car
from modelmarket.storage.cid import Cid
from modelmarket.storage.store import Store
from modelmarket.system.serving import NamedHost

RAW_TYPE = "application/vnd.ipld.raw"
CAR_TYPE = "application/vnd.ipld.car"
_RANGE = re.compile(r"bytes=(\d*)-(\d*)")
_SAFE = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Content-Disposition": "attachment",
}
_FOR_EVER = {"Cache-Control": "public, max-age=29030400, immutable"}


def application(store: Store, *, names: Collection[str] = ()) -> Starlette:
    """The gateway as an ASGI application: `GET /ipfs/CID[/PATH]`.

    Args:
        store: What is served.
        names: Hosts that it may be asked by, besides addresses and `localhost`.
    """

    async def serve(request: Request) -> Response:
        try:
            return await run_in_threadpool(_answer, store, request)
        except InputError as error:
            return PlainTextResponse(error.text, 400, headers=_SAFE)
        except NotFoundError as error:
            return PlainTextResponse(error.text, 404, headers=_SAFE)
        except StorageError as error:
            return PlainTextResponse(error.text, 500, headers=_SAFE)

    return Starlette(
        routes=[
            Route("/ipfs/{cid}", serve, methods=["GET", "HEAD"]),
            Route("/ipfs/{cid}/{path:path}", serve, methods=["GET", "HEAD"]),
        ],
        middleware=[Middleware(NamedHost, names=names)],
    )


def _answer(store: Store, request: Request) -> Response:
    root = Cid.parse(request.path_params["cid"])
    cid = store.resolve(root, request.path_params.get("path", ""))
    accept = request.headers.get("accept", "")
    wanted = request.query_params.get("format", "")
    headers = {**_SAFE, **_FOR_EVER, "ETag": f'"{cid}.{wanted}"'}
    if wanted == "raw" or RAW_TYPE in accept:
        return Response(store.block(cid), media_type=RAW_TYPE, headers=headers)
    if wanted == "car" or CAR_TYPE in accept:
        block = store.block(cid)
        is_block = request.query_params.get("dag-scope") == "block"
        pieces = car.write(cid, [(cid, block)]) if is_block else store.export_car(cid)
        return StreamingResponse(
            iterate_in_threadpool(pieces),
            media_type=f"{CAR_TYPE}; version=1; order=dfs",
            headers=headers,
        )
    node = store.node(cid)
    if node.is_folder:
        raise InputError(
            "This is a folder.", hint="Ask for ?format=car, or for a file."
        )
    return _file(store, cid, node.size, request.headers.get("range", ""), headers)


def _file(
    store: Store, cid: Cid, size: int, asked: str, headers: dict[str, str]
) -> Response:
    first, last, status = 0, size - 1, 200
    headers["Accept-Ranges"] = "bytes"
    match = _RANGE.fullmatch(asked)
    if match and (match[1] or match[2]):
        first = int(match[1]) if match[1] else max(0, size - int(match[2]))
        last = min(int(match[2]), size - 1) if match[1] and match[2] else size - 1
        if first > last:
            headers["Content-Range"] = f"bytes */{size}"
            return Response(status_code=416, headers=headers)
        headers["Content-Range"] = f"bytes {first}-{last}/{size}"
        status = 206
    headers["Content-Length"] = str(last - first + 1)
    return StreamingResponse(
        iterate_in_threadpool(_between(store.read(cid), first, last)),
        status,
        media_type="application/octet-stream",
        headers=headers,
    )


def _between(pieces: Iterator[bytes], first: int, last: int) -> Iterator[bytes]:
    """The bytes first … last of what the pieces make up."""
    at = 0
    for piece in pieces:
        if at > last:
            return
        wanted = piece[max(0, first - at) : last - at + 1]
        at += len(piece)
        if wanted:
            yield wanted
