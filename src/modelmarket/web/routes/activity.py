# SPDX-License-Identifier: Apache-2.0
"""The activity: what the page's user and this computer's keys have sent."""

from __future__ import annotations

from starlette.responses import Response
from starlette.routing import Route

from modelmarket.vault.journal import Signer
from modelmarket.web.responses import answering, show
from modelmarket.web.views import PAGE_ROWS
from modelmarket.web.visits import Visit


def activity(visit: Visit) -> Response:
    """Every transaction of mine: the page's, and those of this computer's keys."""
    account = visit.who.account
    newest = visit.workspace.actions.newest(PAGE_ROWS)
    mine = [one for one in newest if one.origin and one.account == account]
    signed = [one for one in newest if one not in mine and one.signer is Signer.KEY]
    return show(visit, "activity.html", mine=mine, signed=signed)


ROUTES = [Route("/activity", answering(activity))]
