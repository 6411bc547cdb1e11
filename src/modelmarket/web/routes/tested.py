# SPDX-License-Identifier: Apache-2.0
"""What was tested, once its labels are open; never shown, only saved."""

from __future__ import annotations

from itertools import chain

from starlette.concurrency import iterate_in_threadpool
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from modelmarket.market.tested import tested
from modelmarket.web.responses import answering
from modelmarket.web.routes.requests import find_request
from modelmarket.web.visits import Visit


def download(visit: Visit) -> Response:
    """The test rows with their labels."""
    found = find_request(visit)
    pieces = tested(found)
    # What is wrong shows in the first, and is told on a page.
    first = next(pieces)
    name = f"tested-of-request-{found.id}.csv"
    return StreamingResponse(
        iterate_in_threadpool(chain([first], pieces)),
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
        media_type="text/csv; charset=utf-8",
    )


ROUTES = [Route("/requests/{id:request}/tested.csv", answering(download))]
