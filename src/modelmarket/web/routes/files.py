# SPDX-License-Identifier: Apache-2.0
"""A file of the store; never shown, only saved."""

from __future__ import annotations

from starlette.concurrency import iterate_in_threadpool
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from modelmarket.web.responses import answering
from modelmarket.web.visits import Visit


def download(visit: Visit) -> Response:
    """A file by the CID of its folder, and its path in it."""
    asked = visit.request.path_params
    file = visit.workspace.market.file(asked["cid"], asked["path"])
    headers = {
        "Content-Disposition": "attachment",
        "Content-Length": str(file.size),
        "X-Content-CID": str(file.cid),
    }
    return StreamingResponse(
        iterate_in_threadpool(file.pieces),
        headers=headers,
        media_type="application/octet-stream",
    )


ROUTES = [Route("/files/{cid}/{path:path}", answering(download))]
