# SPDX-License-Identifier: Apache-2.0
"""A verified contest's page: what it promises, how it stands, who was refuted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import Response
from starlette.routing import Route

from modelmarket.audit import Verdict, audit
from modelmarket.errors import NotFoundError
from modelmarket.market import VerifiedRequest
from modelmarket.protocol.types import RequestId
from modelmarket.web import forms, views
from modelmarket.web.responses import answering, go, show
from modelmarket.web.routes.requests import MOST_EVENTS

if TYPE_CHECKING:
    from modelmarket.web.visits import Visit


MOST_CONTESTS = 2**61
"""More than any market will ever count to, and less than a database holds."""


def contest_page(visit: Visit) -> Response:
    """A contest's page."""
    return _show(visit, _find(visit))


def audited(visit: Visit) -> Response:
    """A contest's page with the audit's verdicts."""
    found = _find(visit)
    return _show(visit, found, verdicts=audit(visit.workspace.market, found.id))


def fetch_files(visit: Visit) -> Response:
    """Gets a contest's data or its model from the network's gateways."""
    found, what = _find(visit), forms.text(visit.form, "what")
    if what == "data":
        found.fetch()
    elif what == "model" and found.record.model:
        found.contents.fetch_model()
    else:
        raise NotFoundError(f"Request {found.id} has no {what} to be fetched.")
    return go(f"/requests/{found.id}")


def _find(visit: Visit) -> VerifiedRequest:
    """The contest that the address names.

    Raises:
        NotFoundError: The market has no such contest.
        UnreadableError: Its events make no sense, so that it is set aside.
    """
    workspace, number = visit.workspace, visit.request.path_params["number"]
    if number > MOST_CONTESTS:
        raise NotFoundError(f"There is no request v{number}.")
    name = RequestId.of(number, is_verified=True)
    found = workspace.market.seen(workspace.market.record(name), visit.glance.now)
    assert isinstance(found, VerifiedRequest), "its id says so"
    return found


def _show(
    visit: Visit, found: VerifiedRequest, *, verdicts: list[Verdict] | None = None
) -> Response:
    market, record, account = visit.workspace.market, found.record, visit.who.account
    position = found.position()
    mine = [one for one in record.submissions.values() if one.trainer == account]
    return show(
        visit,
        "contest.html",
        record=record,
        terms=found.terms,
        most=found.terms.rows * record.scoring.most,
        noun="contest",
        unit="points",
        measured="points",
        says=found.status(),
        position=position,
        line=views.time_line(record, position),
        ranking=views.ranking(record, account),
        refuted=found.refutations(),
        mine=mine,
        plan=[step for step in visit.workspace.coming if step.request_id == found.id],
        entries=market.files(record.dataset),
        model=market.files(record.model) if record.model else None,
        events=market.events(found.id, limit=MOST_EVENTS),
        verdicts=verdicts,
    )


ROUTES = [
    Route("/requests/v{number:int}", answering(contest_page)),
    Route("/requests/v{number:int}/audit", answering(audited)),
    Route("/requests/v{number:int}/fetch", answering(fetch_files), methods=["POST"]),
]
