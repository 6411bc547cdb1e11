# SPDX-License-Identifier: Apache-2.0
"""A verified contest's page: what it promises, how it stands, who was refuted; and
models that enter it.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING

from starlette.responses import Response
from starlette.routing import Route

from modelmarket.audit import Verdict, audit
from modelmarket.errors import InputError, ModelMarketError, NotFoundError
from modelmarket.market import VerifiedRequest
from modelmarket.market.describing import reproduction_of
from modelmarket.market.paying import refuse_unaffordable
from modelmarket.protocol.contest_steps import BY_OPERATORS, steps
from modelmarket.protocol.steps import takes_submissions
from modelmarket.protocol.types import RequestId
from modelmarket.web import forms, stored, views
from modelmarket.web.forms import BAD_REQUEST, Form
from modelmarket.web.responses import answering, go, show
from modelmarket.web.routes.requests import (
    MOST_EVENTS,
    MOST_PLACES,
    find,
    kept_files,
    may_claim_for,
    reputations,
)
from modelmarket.web.routes.submissions import form_upload

if TYPE_CHECKING:
    from pathlib import Path

    from modelmarket.web.uploads import Upload
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


def prepare_submission(visit: Visit) -> Response:
    """Checks and seals a model, and looks whether the hidden files are all here."""
    workspace, form, found = visit.workspace, visit.form, _find(visit)
    with ExitStack() as closing:
        upload = form_upload(visit, closing)
        try:
            # First the file: whoever has yet to connect a wallet has chosen it.
            file, owner = _model(form, upload), visit.account
            moment, purse = workspace.market.look_into(owner, verified=True)
            found = found.as_of(moment)
            if not takes_submissions(found.record, found.now):
                raise InputError(
                    f"Request {found.id} takes no more submissions.",
                    hint="Its deadline has passed.",
                )
            refuse_unaffordable(purse, found.terms.stake)
            model = found.convert(file)
            action = found.prepare_submission(
                model,
                name=forms.text(form, "name"),
                owner=owner,
                **forms.confirmations(form, views.OF_ENTRIES),
            )
            said = {
                **found.fit_of(model).as_document(),
                **found.prospect(model, owner).as_document(),
            }
        except ModelMarketError as error:
            return _show(visit, found, status=BAD_REQUEST, problem=error, upload=upload)
        entry = workspace.actions.prepare(
            owner, replace(action, fit=said), f"/requests/{found.id}"
        )
        workspace.uploads.discard(upload)
    return go(f"/actions/{entry.id}")


def _model(form: Form, upload: Upload) -> Path:
    """The model's file that was chosen, or is still here.

    Raises:
        InputError: There is none.
    """
    file = forms.save(form, "model", upload)
    if file is None:
        raise InputError(
            "No file was chosen as model.",
            hint="An exact model's file is what `ExactModel.save` writes.",
        )
    return file


def _find(visit: Visit) -> VerifiedRequest:
    """The contest that the address names.

    Raises:
        NotFoundError: The market has no such contest.
        UnreadableError: Its events make no sense, so that it is set aside.
    """
    number = visit.request.path_params["number"]
    if number > MOST_CONTESTS:
        raise NotFoundError(f"There is no request v{number}.")
    found = find(visit, RequestId.of(number, is_verified=True))
    assert isinstance(found, VerifiedRequest), "its id says so"
    return found


def _show(
    visit: Visit,
    found: VerifiedRequest,
    *,
    status: int = 200,
    problem: ModelMarketError | None = None,
    verdicts: list[Verdict] | None = None,
    upload: Upload | None = None,
) -> Response:
    """A contest's page, and what went wrong on it.

    Args:
        visit: The browser's; what was typed into the form of a submission is
            shown again.
        found: The contest.
        status: Of the answer.
        problem: What went wrong.
        verdicts: Of the audit; None if there was none.
        upload: The file that came with the form, and is still here.
    """
    workspace, record, account = visit.workspace, found.record, visit.who.account
    market, now, position = workspace.market, found.now, found.position()
    mine = [one for one in record.submissions.values() if one.trainer == account]
    to_come = steps(record, mine, now, key_is_ours=False)
    kept, hidden = kept_files(upload), stored.hidden_of(found)
    places = views.ranking(record, account)[:MOST_PLACES]
    return show(
        visit,
        "contest.html",
        status=status,
        record=record,
        terms=found.terms,
        most=found.terms.rows * record.scoring.most,
        noun="contest",
        unit="points",
        has_errors=found.error_of(0) is not None,
        error_of=found.error_of,
        mean_error=found.mean_error,
        measured="points",
        says=found.status(),
        position=position,
        line=views.time_line(record, position),
        ranking=places,
        reputations=reputations(found, places),
        reproduction=reproduction_of(found),
        quality=workspace.quality.of(found),
        refuted=found.refutations(),
        choices=views.choices(record, now, account),
        mine=mine,
        plan=[step for step in workspace.coming if step.request_id == found.id],
        may_submit=takes_submissions(record, now),
        wants_operator=account is not None
        and any(step.kind in BY_OPERATORS for step in to_come)
        and not may_claim_for(workspace, account, verified=True),
        hidden=hidden,
        manifest=hidden.manifest if hidden else None,
        card=stored.card(found),
        entries=market.files(record.dataset),
        report=stored.report(found),
        model=market.files(record.model) if record.model else None,
        events=market.events(found.id, limit=MOST_EVENTS),
        problem=problem,
        verdicts=verdicts,
        form=visit.form,
        upload=upload.name if kept and upload is not None else "",
        kept=kept,
    )


ROUTES = [
    Route("/requests/v{number:int}", answering(contest_page)),
    Route("/requests/v{number:int}", answering(prepare_submission), methods=["POST"]),
    Route("/requests/v{number:int}/audit", answering(audited)),
    Route("/requests/v{number:int}/fetch", answering(fetch_files), methods=["POST"]),
]
