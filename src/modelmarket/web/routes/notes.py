# SPDX-License-Identifier: Apache-2.0
"""What every page shows of the chain, around nothing."""

from __future__ import annotations

from starlette.responses import Response
from starlette.routing import Route

from modelmarket.web.responses import answering, show
from modelmarket.web.visits import NOTES, Visit


def notes(visit: Visit) -> Response:
    """For pages whose own content does not change with the chain."""
    return show(visit, "notes.html")


ROUTES = [Route(NOTES, answering(notes))]
