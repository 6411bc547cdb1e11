# SPDX-License-Identifier: Apache-2.0
"""The market: all requests, found, filtered and sorted by the address."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

from starlette.responses import Response
from starlette.routing import Route

from modelmarket.market import Part, Sort, Wanted
from modelmarket.web import forms, stored
from modelmarket.web.responses import answering, show
from modelmarket.web.thresholds import thresholds
from modelmarket.web.views import PAGE_ROWS
from modelmarket.web.visits import Visit

MOST_SEARCHED = 100
MINE = "mine"
ENTERED = "entered"


@dataclass(frozen=True)
class Filter:
    """A link that shows some of the requests.

    Attributes:
        name: What it shows.
        address: Where it leads.
        count: How many there are.
        is_shown: Whether they are what the page shows.
    """

    name: str
    address: str
    count: int
    is_shown: bool


def market(visit: Visit) -> Response:
    """All requests that fit, a page of them at a time."""
    found, asked = visit.workspace.market, visit.request.query_params
    account, now = visit.who.account, visit.glance.now
    shown, search = asked.get("show", "all"), asked.get("q", "")[:MOST_SEARCHED]
    if account is None and shown in (MINE, ENTERED):
        shown = "all"
    sort = asked.get("sort", Sort.NEWEST)
    sort = sort if sort in set(Sort) else Sort.NEWEST
    number = asked.get("page", "1")
    page = max(forms.whole_number(number) or 1, 1)
    wanted = Wanted(
        requester=account if shown == MINE else None,
        trainer=account if shown == ENTERED else None,
        part=Part(shown) if shown in set(Part) else None,
        now=now,
        search=search,
    )
    count = found.count(wanted)
    requests = found.find(
        wanted, sort=Sort(sort), limit=PAGE_ROWS, offset=(page - 1) * PAGE_ROWS
    )

    def address(**other: object) -> str:
        """This page with something else."""
        said = {"q": search, "show": shown, "sort": sort} | other
        kept = {
            name: value
            for name, value in said.items()
            if value not in ("", "all", Sort.NEWEST)
        }
        return f"/?{urlencode(kept)}" if kept else "/"

    tally = found.tally(search, now, account)
    names = {
        "all": ("All", tally.all),
        Part.OPEN: ("Open", tally.open),
        Part.DECIDING: ("Being decided", tally.deciding),
        Part.ENDED: ("Ended", tally.ended),
    }
    if account is not None:
        names |= {MINE: ("Mine", tally.mine), ENTERED: ("Entered by me", tally.entered)}
    return show(
        visit,
        "market.html",
        found=requests,
        sizes=stored.sizes(found, requests),
        thresholds=thresholds(found, requests),
        reputations=found.reputations(one.requester for one in requests),
        filters=[
            Filter(name, address(show=value), number, shown == value)
            for value, (name, number) in names.items()
        ],
        address=address,
        count=count,
        total=found.count(),
        q=search,
        shown=shown,
        sort=sort,
        page=page,
        pages=-(-count // PAGE_ROWS),
    )


ROUTES = [Route("/", answering(market))]
