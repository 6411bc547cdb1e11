# SPDX-License-Identifier: Apache-2.0
"""The market: all requests, found, filtered and sorted by the address."""

from __future__ import annotations

from starlette.responses import Response
from starlette.routing import Route

from modelmarket.market import Sort, Wanted
from modelmarket.web import stored
from modelmarket.web.responses import answering, show
from modelmarket.web.views import PAGE_ROWS
from modelmarket.web.visits import Visit


def market(visit: Visit) -> Response:
    """All requests that fit, a page of them at a time."""
    workspace, asked = visit.workspace, visit.request.query_params
    who = visit.who
    show_what = asked.get("show", "all")
    sort = asked.get("sort", Sort.NEWEST)
    number = asked.get("page", "1")
    page = max(int(number), 1) if number.isdigit() and len(number) < 9 else 1  # noqa: PLR2004  # no huge number
    wanted = Wanted(
        requester=who.account if show_what == "mine" else None,
        trainer=who.account if show_what == "entered" else None,
        is_final={"open": False, "ended": True}.get(show_what),
        search=asked.get("q", "")[:100],
    )
    count = workspace.market.count(wanted)
    found = workspace.market.find(
        wanted,
        sort=Sort(sort) if sort in set(Sort) else Sort.NEWEST,
        limit=PAGE_ROWS,
        offset=(page - 1) * PAGE_ROWS,
    )
    return show(
        visit,
        "market.html",
        found=found,
        sizes=stored.sizes(workspace.market, found),
        count=count,
        total=workspace.market.count(),
        q=wanted.search,
        shown=show_what,
        sort=sort,
        page=page,
        pages=-(-count // PAGE_ROWS),
    )


ROUTES = [Route("/", answering(market))]
