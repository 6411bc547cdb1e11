# SPDX-License-Identifier: Apache-2.0
"""A new request: a table is uploaded, looked over, split and sealed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import Response
from starlette.routing import Route

from modelmarket.datasets.split import Source, parse_accuracy, parse_fraction
from modelmarket.datasets.survey import survey
from modelmarket.datasets.tables import Table, open_table
from modelmarket.errors import (
    DataError,
    InputError,
    ModelMarketError,
    NotFoundError,
)
from modelmarket.market.paying import refuse_unaffordable
from modelmarket.protocol.actions import CreateRequest
from modelmarket.protocol.money import parse_mdc
from modelmarket.protocol.terms import parse_minutes
from modelmarket.web import forms
from modelmarket.web.forms import BAD_REQUEST, Form
from modelmarket.web.responses import answering, go, show
from modelmarket.web.uploads import Upload
from modelmarket.web.visits import Visit

if TYPE_CHECKING:
    from modelmarket.market.publishing import RequestOptions

LIKELY_LABELS = ("label", "class", "target", "y")


# --- the table ---


def new_request(visit: Visit) -> Response:
    """The form of a new request."""
    return show(visit, "new.html")


def upload_table(visit: Visit) -> Response:
    """Takes a table, and the labels if they are in a file of their own."""
    uploads, form = visit.workspace.uploads, visit.form
    with uploads.using(uploads.begin().name) as upload:
        if forms.save(form, "data", upload) is None:
            uploads.discard(upload)
            raise InputError(
                "No file was chosen.", hint="Choose a CSV or Parquet file."
            )
        forms.save(form, "labels", upload)
        return go(f"/requests/new/{upload.name}")


def _tables(upload: Upload) -> tuple[Table, Table | None]:
    data, labels = upload.file("data"), upload.file("labels")
    if data is None:
        raise NotFoundError(
            "That upload is not here any more.", hint="Choose the file again."
        )
    if labels is not None:
        labelled = open_table(labels)
        return open_table(data), labelled
    return open_table(data, knows="label"), None


def _source(table: Table, labels: Table | None, label: str) -> Source:
    if labels is not None:
        return Source(table, labels=labels)
    return Source(table, label=label)


# --- its terms ---


def survey_page(visit: Visit) -> Response:
    """What is in the table, and the terms to be chosen."""
    sealed = _sealed_before(visit)
    if sealed is not None:
        return sealed
    with visit.workspace.uploads.using(visit.request.path_params["upload"]) as upload:
        return _show_survey(visit, upload, None)


def _sealed_before(visit: Visit) -> Response | None:
    """The way to what was made of an upload already.

    So a second click on "Split and seal" seals nothing twice.
    """
    entry = visit.workspace.actions.come_of(visit.request.path_params["upload"])
    return None if entry is None else go(f"/actions/{entry.id}")


def _show_survey(
    visit: Visit, upload: Upload, problem: ModelMarketError | None
) -> Response:
    form, query = visit.form, visit.request.query_params
    table, labels = _tables(upload)
    label = _guess(table, forms.text(form, "label") or query.get("label", ""))
    found = None
    try:
        found = survey(_source(table, labels, label))
        problem = problem or found.problem
    except DataError as error:
        problem = problem or error
    return show(
        visit,
        "terms.html",
        status=200 if problem is None else BAD_REQUEST,
        table=table,
        labels=labels,
        label=label,
        survey=found,
        problem=problem,
        form=form,
    )


def _guess(table: Table, asked: str) -> str:
    """The column that the labels are probably in."""
    if asked in table.columns:
        return asked
    known = {name.lower(): name for name in table.columns}
    return next(
        (known[one] for one in LIKELY_LABELS if one in known), table.columns[-1]
    )


# --- sealing it ---


def prepare_request(visit: Visit) -> Response:
    """Splits, seals and stores; nothing is published on the chain yet."""
    uploads = visit.workspace.uploads
    try:
        with uploads.using(visit.request.path_params["upload"]) as upload:
            if forms.text(visit.form, "discard"):
                uploads.discard(upload)
                return go("/requests/new")
            return _prepare(visit, upload)
    except NotFoundError:
        sealed = _sealed_before(visit)
        if sealed is None:
            raise
        return sealed


def _prepare(visit: Visit, upload: Upload) -> Response:
    workspace, form = visit.workspace, visit.form
    try:
        owner = visit.account
        table, labels = _tables(upload)
        source = _source(table, labels, forms.text(form, "label"))
        reward = forms.read(form, "reward", parse_mdc)
        options = _options(form)
        moment, purse = workspace.market.look_into(owner)
        refuse_unaffordable(purse, reward)
        terms = workspace.market.prepare_request(
            source, owner=owner, reward=reward, now=moment.now, **options
        )
    except ModelMarketError as error:
        return _show_survey(visit, upload, error)
    entry = workspace.actions.prepare(owner, CreateRequest(terms), upload.name)
    workspace.uploads.discard(upload)
    return go(f"/actions/{entry.id}")


def _options(form: Form) -> RequestOptions:
    """What was typed and ticked, beside the reward.

    Raises:
        FieldError: A field cannot be read; it is named.
    """
    stake, threshold = forms.text(form, "stake"), forms.text(form, "threshold")
    return {
        "name": forms.text(form, "name"),
        "context": forms.text(form, "context").replace("\r\n", "\n"),
        "stake": forms.read(form, "stake", parse_mdc) if stake else None,
        "submission_window_s": forms.read(form, "minutes", parse_minutes),
        "response_window_s": forms.read(form, "response", parse_minutes),
        "threshold": (
            forms.read(form, "threshold", parse_accuracy) if threshold else None
        ),
        "fraction": forms.read(form, "fraction", parse_fraction),
        "stratified": forms.text(form, "stratified") == "yes",
        **forms.confirmations(form),  # type: ignore[typeddict-item]  # names of its own
    }


ROUTES = [
    Route("/requests/new", answering(new_request)),
    Route("/requests/new", answering(upload_table), methods=["POST"]),
    Route("/requests/new/{upload}", answering(survey_page)),
    Route("/requests/new/{upload}", answering(prepare_request), methods=["POST"]),
]
