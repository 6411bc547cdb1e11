# SPDX-License-Identifier: Apache-2.0
"""What keeps open pages new: a number that grows when there is something new."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route


async def version(request: Request) -> Response:
    """The number, for whoever asks again and again.

    A stream would be told sooner, and each open tab would keep one of the six
    connections that a browser has to a server for all of them.
    """
    return PlainTextResponse(str(request.app.state.workspace.version))


ROUTES = [Route("/version", version)]
