# SPDX-License-Identifier: Apache-2.0
"""What keeps open pages new: a number that grows when there is something new."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from modelmarket.web.workspace import Workspace

HEARTBEAT_S = 15.0
LOOK_S = 0.2


async def live(request: Request) -> Response:
    """Server-sent events: the number, whenever it has grown."""
    workspace: Workspace = request.app.state.workspace

    async def stream() -> AsyncIterator[str]:
        seen, quiet = workspace.version, 0.0
        yield f"retry: 1000\ndata: {seen}\n\n"
        while not await request.is_disconnected() and not request.app.state.ending:
            await asyncio.sleep(LOOK_S)
            quiet += LOOK_S
            if workspace.version != seen:
                seen, quiet = workspace.version, 0.0
                yield f"data: {seen}\n\n"
            elif quiet > HEARTBEAT_S:
                quiet = 0.0
                yield ": still here\n\n"

    return StreamingResponse(stream(), media_type="text/event-stream")


ROUTES = [Route("/events", live)]
