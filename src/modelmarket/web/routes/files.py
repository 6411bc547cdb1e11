# SPDX-License-Identifier: Apache-2.0
"""A file of the store; never shown, only saved."""

from __future__ import annotations

from starlette.concurrency import iterate_in_threadpool
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from modelmarket.errors import InputError
from modelmarket.storage.cid import Cid
from modelmarket.web.responses import answering
from modelmarket.web.visits import Visit


def download(visit: Visit) -> Response:
    """A file by the CID of its folder, and its path in it."""
    store, asked = visit.desk.market.store, visit.request.path_params
    cid = store.resolve(Cid.parse(asked["cid"]), asked["path"])
    node = store.node(cid)
    if node.is_folder:
        raise InputError("That is a folder.", hint="Choose a file in it.")
    headers = {
        "Content-Disposition": "attachment",
        "Content-Length": str(node.size),
        "X-Content-CID": str(cid),
    }
    return StreamingResponse(
        iterate_in_threadpool(store.read(cid)),
        headers=headers,
        media_type="application/octet-stream",
    )


ROUTES = [Route("/files/{cid}/{path:path}", answering(download))]
