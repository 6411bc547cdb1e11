# SPDX-License-Identifier: Apache-2.0
"""A request: everything about it, its audit, and its files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import Response
from starlette.routing import Route

from modelmarket.audit import Verdict, audit
from modelmarket.errors import ModelMarketError, NotFoundError
from modelmarket.market import Request
from modelmarket.market.describing import challengers_of, reproduction_of
from modelmarket.protocol.steps import StepKind, steps, takes_submissions
from modelmarket.protocol.types import RequestId
from modelmarket.vault.journal import MOST_NUMBER
from modelmarket.web import forms, stored, views
from modelmarket.web.responses import answering, go, show
from modelmarket.web.visits import Visit

if TYPE_CHECKING:
    from modelmarket.market import VerifiedRequest
    from modelmarket.protocol.reputation import Reputation
    from modelmarket.protocol.types import Address
    from modelmarket.web.uploads import Upload
    from modelmarket.web.workspace import Workspace

MOST_EVENTS = 100
FILES = ("predictions", "model", "probabilities")
"""That may come with a submission."""
MOST_PLACES = 100
"""Of a ranking, on its page."""


def request_page(visit: Visit) -> Response:
    """Everything about a request."""
    return show_request(visit, find_request(visit))


def audited(visit: Visit) -> Response:
    """A request's page with the audit's verdicts."""
    found = find_request(visit)
    verdicts = audit(visit.workspace.market, found.id, runs_models=False)
    return show_request(visit, found, verdicts=verdicts)


def fetch_files(visit: Visit) -> Response:
    """Gets a request's data or its model from the network's gateways."""
    found, what = find_request(visit), forms.text(visit.form, "what")
    if what == "data":
        found.fetch()
    elif what == "model" and found.record.model:
        found.contents.fetch_model()
    else:
        raise NotFoundError(f"Request {found.id} has no {what} to be fetched.")
    return go(f"/requests/{found.id}")


def find_request(visit: Visit) -> Request:
    """The request that the address names.

    Raises:
        NotFoundError: The market has no such request.
        UnreadableError: Its events make no sense, so that it is set aside.
    """
    number = visit.request.path_params["id"]
    if number > MOST_NUMBER:
        raise NotFoundError(f"There is no request {number}.")
    found = find(visit, RequestId(number))
    assert isinstance(found, Request), "its id says so"
    return found


def find(visit: Visit, number: RequestId) -> Request | VerifiedRequest:
    """A request of either market, as it was when the visit began.

    Raises:
        NotFoundError: The market has no such request.
        UnreadableError: Its events make no sense, so that it is set aside.
    """
    market = visit.workspace.market
    try:
        return market.seen(market.record(number), visit.glance.now)
    except NotFoundError:
        # Somebody may have sent a link to one that this index has yet to see.
        found: Request | VerifiedRequest | None = visit.workspace.known(
            lambda: market.any_request(number), None
        )
        if found is None:
            raise NotFoundError(
                f"Request {number} is not known here, and the node cannot be asked.",
                hint="Try again when it answers.",
            ) from None
        return found


def show_request(
    visit: Visit,
    found: Request,
    *,
    status: int = 200,
    problem: ModelMarketError | None = None,
    verdicts: list[Verdict] | None = None,
    upload: Upload | None = None,
) -> Response:
    """A request's page, and what went wrong on it.

    Args:
        visit: The browser's; what was typed into the form of a submission is
            shown again.
        found: The request.
        status: Of the answer.
        problem: What went wrong.
        verdicts: Of the audit; None if there was none.
        upload: The files that came with the form, and are still here.
    """
    workspace, account, record = visit.workspace, visit.who.account, found.record
    now, position = found.now, found.position()
    mine = [one for one in record.submissions.values() if one.trainer == account]
    to_come = steps(record, mine, now, truth_is_ours=False)
    data, kept = stored.data(found), kept_files(upload)
    places = views.ranking(record, account)[:MOST_PLACES]
    return show(
        visit,
        "request.html",
        status=status,
        record=record,
        terms=found.terms,
        most=found.terms.labels,
        noun="request",
        unit="matches",
        measured="rows",
        position=position,
        line=views.time_line(record, position),
        ranking=places,
        reputations=reputations(found, places),
        reproduction=reproduction_of(found),
        quality=workspace.quality.of(found),
        choices=views.choices(record, now, account),
        mine=mine,
        plan=[step for step in workspace.coming if step.request_id == found.id],
        may_submit=takes_submissions(record, now),
        wants_operator=account is not None
        and any(step.kind is StepKind.CLAIM for step in to_come)
        and not may_claim_for(workspace, account),
        data=data,
        manifest=data.manifest if data else None,
        card=stored.card(found),
        entries=data.entries if data else [],
        model=stored.model(found),
        report=stored.report(found),
        events=workspace.market.events(found.id, limit=MOST_EVENTS),
        problem=problem,
        verdicts=verdicts,
        form=visit.form,
        upload=upload.name if kept and upload is not None else "",
        kept=kept,
    )


def reputations(
    found: Request | VerifiedRequest, places: list[views.Place]
) -> dict[Address, Reputation]:
    """What became of what the people on a request's page did before.

    Args:
        found: The request.
        places: The lines of its ranking that are shown.
    """
    trainers = (one.record.trainer for one in places)
    people = [found.record.requester, *trainers, *challengers_of(found)]
    return found.market.reputations(people)


def kept_files(
    upload: Upload | None, fields: tuple[str, ...] = FILES
) -> dict[str, str]:
    """What the files are called that came with a form and are still here."""
    if upload is None:
        return {}
    files = {name: upload.file(name) for name in fields}
    return {name: file.name for name, file in files.items() if file is not None}


def may_claim_for(
    workspace: Workspace, account: Address, *, verified: bool = False
) -> bool:
    """Whether the agent's key may claim for an account, as far as is known.

    Args:
        workspace: With the agent.
        account: The trainer.
        verified: In the market of verified contests rather than of predictions.
    """
    market, wallet = workspace.market, workspace.market.wallet.address
    return account == wallet or workspace.known(
        lambda: market.is_operator(account, wallet, verified=verified), True
    )


ROUTES = [
    Route("/requests/{id:int}", answering(request_page)),
    Route("/requests/{id:int}/audit", answering(audited)),
    Route("/requests/{id:int}/fetch", answering(fetch_files), methods=["POST"]),
]
