# SPDX-License-Identifier: Apache-2.0
"""The activity: what the page's user and this computer's keys have sent."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from starlette.responses import Response
from starlette.routing import Route

from modelmarket.errors import ModelMarketError, NotFoundError
from modelmarket.vault.journal import Entry, Part
from modelmarket.web import forms
from modelmarket.web.deeds import Deed
from modelmarket.web.payments import payments
from modelmarket.web.responses import answering, show
from modelmarket.web.views import PAGE_ROWS
from modelmarket.web.visits import Visit
from modelmarket.web.workspace import Workspace

GIVEN_UP_S = 86_400
"""After which nobody comes back to what was not confirmed."""
MOST_BEGUN = 5


@dataclass(frozen=True)
class Page:
    """A page of a list.

    Attributes:
        deeds: On it.
        number: From 1.
        pages: How many there are, at least 1.
        count: Of all that the list has.
    """

    deeds: list[Deed]
    number: int
    pages: int
    count: int


def activity(visit: Visit) -> Response:
    """Every transaction of mine: the page's, and those of this computer's keys."""
    account, workspace = visit.who.account, visit.workspace
    since = int(time.time()) - GIVEN_UP_S
    prepared = [] if account is None else workspace.actions.prepared(account, since)
    begun = prepared[:MOST_BEGUN]
    return show(
        visit,
        "activity.html",
        begun=[Deed.of(workspace.market, one, {}) for one in begun],
        overtaken={one.id for one in begun if _is_overtaken(workspace, one)},
        payments=[] if account is None else payments(workspace.market, account),
        mine=_page(visit, "page", Part(account, confirmed=True)),
        signed=_page(visit, "signed", Part(account, confirmed=False)),
    )


def _is_overtaken(workspace: Workspace, entry: Entry) -> bool:
    """Whether what is to be confirmed cannot be done now, as its page says."""
    try:
        workspace.known(lambda: workspace.actions.asks(entry), None)
    except ModelMarketError:
        return True
    return False


def _page(visit: Visit, name: str, part: Part) -> Page:
    """The page of a list that the address names; the first one where it names none.

    Raises:
        NotFoundError: The list is shorter.
    """
    workspace = visit.workspace
    actions, market = workspace.actions, workspace.market
    given = visit.request.query_params.get(name, "1")
    number = forms.whole_number(given)
    count = actions.count(part)
    pages = max(1, -(-count // PAGE_ROWS))
    if number is None or not 1 <= number <= pages:
        raise NotFoundError(
            "The activity has no such page.", hint="The newest is on the first one."
        )
    found = actions.newest(PAGE_ROWS, (number - 1) * PAGE_ROWS, part)
    seconds = _seconds(workspace, found)
    deeds = [Deed.of(market, one, seconds, part.account) for one in found]
    return Page(deeds, number, pages, count)


def _seconds(workspace: Workspace, entries: Iterable[Entry]) -> Mapping[int, int]:
    """The second of each block that entries are in, as far as node or index tell.

    The index knows blocks with events of the market; coins move in others, too.
    """
    market = workspace.market
    blocks = {one.block for one in entries if one.block is not None}
    known = market.seconds(blocks, ask_node=False)
    return workspace.known(lambda: market.seconds(blocks), known)


ROUTES = [Route("/activity", answering(activity))]
