# SPDX-License-Identifier: Apache-2.0
"""The form that a new request begins with: a table is sent, and what goes with it."""

from __future__ import annotations

from contextlib import ExitStack

from starlette.responses import Response
from starlette.routing import Route

from modelmarket.datasets.coding import TABLES_ALONE
from modelmarket.datasets.tables import open_table
from modelmarket.errors import DataError, FieldError, ModelMarketError, NotFoundError
from modelmarket.web import forms
from modelmarket.web.forms import BAD_REQUEST
from modelmarket.web.responses import answering, go, show
from modelmarket.web.uploads import Upload
from modelmarket.web.visits import Visit

PREDICTIONS = "predictions"
"""What the form says for a request of predictions; anything else is a contest."""
FILES = "files"
FIELDS = ("data", "labels", FILES)


def new_request(visit: Visit) -> Response:
    """The form of a new request, with the files that were kept of a refused one."""
    kept = visit.request.query_params.get("upload", "")
    try:
        with visit.workspace.uploads.using(kept) as upload:
            return _show_form(visit, upload, None)
    except NotFoundError:
        return _show_form(visit, None, None)


def _show_form(
    visit: Visit, upload: Upload | None, problem: ModelMarketError | None
) -> Response:
    kept = forms.kept_files(upload, FIELDS)
    return show(
        visit,
        "new.html",
        status=200 if problem is None else BAD_REQUEST,
        upload=upload.name if kept and upload is not None else "",
        kept=kept,
        problem=problem,
        form=visit.form,
    )


def upload_table(visit: Visit) -> Response:
    """Takes a table, the labels if they are in a file of their own, and the files that
    rows name.
    """
    with ExitStack() as closing:
        upload = forms.upload_of(visit.form, visit.workspace.uploads, closing)
        try:
            noun = _taken(visit, upload)
        except ModelMarketError as error:
            response = _show_form(visit, upload, error)
            if not forms.kept_files(upload, FIELDS):
                visit.workspace.uploads.discard(upload)
            return response
        return go(f"/{noun}/new/{upload.name}")


def _taken(visit: Visit, upload: Upload) -> str:
    """Keeps what was sent; the noun of what is to be made of it.

    Raises:
        FieldError: There is no table, or files that cannot be unpacked, or that no
            contest of this kind has; names the field.
        DiskError: The disk is full.
    """
    form = visit.form
    for name in ("labels", FILES):
        if forms.text(form, f"without_{name}") == "yes":
            upload.drop(name)
    data = forms.save(form, "data", upload)
    forms.save(form, "labels", upload)
    files = forms.unpack(form, FILES, upload)
    if data is None:
        raise FieldError(
            "No file was chosen.", field="data", hint="Choose a CSV or Parquet file."
        )
    for name in ("data", "labels"):
        _refuse_unreadable(upload, name)
    has_contests = bool(visit.workspace.market.network.verified)
    if not has_contests or forms.text(form, "kind") == PREDICTIONS:
        return "requests"
    if files is not None:
        raise FieldError(
            TABLES_ALONE,
            field="kind",
            hint="Choose the contest of predictions, or leave the files out.",
        )
    return "contests"


def _refuse_unreadable(upload: Upload, field: str) -> None:
    """Makes sure that a file is a table, as far as its beginning tells.

    Raises:
        FieldError: It is none; names the field, which has no file any more.
    """
    path = upload.file(field)
    if path is None:
        return
    try:
        open_table(path, knows="label" if field == "data" else None)
    except DataError as error:
        upload.drop(field)
        raise FieldError(error.message, field=field, hint=error.hint) from error


ROUTES = [
    Route("/requests/new", answering(new_request)),
    Route("/requests/new", answering(upload_table), methods=["POST"]),
]
