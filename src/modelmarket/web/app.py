# SPDX-License-Identifier: Apache-2.0
"""The page's application: the tables of all nouns, put together."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

from modelmarket.web.responses import (
    METHOD_NOT_ALLOWED,
    NOT_FOUND,
    wrong_address,
)
from modelmarket.web.routes import (
    accounts,
    actions,
    activity,
    agent,
    clock,
    files,
    live,
    market,
    new_request,
    new_table,
    notes,
    predictions,
    requests,
    submissions,
    tested,
    transactions,
    vault,
)

if TYPE_CHECKING:
    from modelmarket.web.workspace import Workspace

STATIC = Path(__file__).with_name("static")
NOUNS = (
    market,
    new_request,
    new_table,
    requests,
    submissions,
    predictions,
    files,
    tested,
    activity,
    agent,
    vault,
    clock,
    transactions,
    accounts,
    actions,
    live,
    notes,
)


def application(workspace: Workspace) -> Starlette:
    """What answers to a user's browser, once the guard lets it in."""
    routes = [route for noun in NOUNS for route in noun.ROUTES]
    made = Starlette(
        routes=[*routes, Mount("/static", StaticFiles(directory=STATIC))],
        exception_handlers={
            NOT_FOUND: wrong_address,
            METHOD_NOT_ALLOWED: wrong_address,
        },
    )
    made.state.workspace = workspace
    return made
