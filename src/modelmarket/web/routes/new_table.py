# SPDX-License-Identifier: Apache-2.0
"""The form that a new request begins with: a table is sent, and what goes with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path

from starlette.responses import Response
from starlette.routing import Route

from modelmarket.datasets.coding import TABLES_ALONE
from modelmarket.datasets.tables import open_table
from modelmarket.errors import FieldError, ModelMarketError, NotFoundError
from modelmarket.web import forms
from modelmarket.web.creating.contests import CONTEST
from modelmarket.web.creating.kinds import PREDICTIONS
from modelmarket.web.creating.requests import REQUEST
from modelmarket.web.creating.tables import FILES
from modelmarket.web.forms import BAD_REQUEST
from modelmarket.web.responses import NOT_FOUND, answering, go, show
from modelmarket.web.uploads import Upload
from modelmarket.web.visits import Visit

OPTIONAL = ("labels", FILES)
FIELDS = ("data", *OPTIONAL)


def new_request(visit: Visit) -> Response:
    """The form of a new request, with the files that were kept of a refused one."""
    query, uploads = visit.request.query_params, visit.workspace.uploads
    kept = query.get("upload", "")
    lost = uploads.lost(kept)
    typed = {} if lost is None else uploads.typed(lost)
    kind = query.get("kind") or typed.get("kind", "")
    visit = replace(visit, form={"upload": kept, "kind": kind})
    try:
        with uploads.using(kept) as upload:
            visit = replace(visit, form={**uploads.typed(upload), **visit.form})
            return _show_form(visit, upload, None)
    except NotFoundError:
        return _show_form(visit, lost, None)


def choose_again(visit: Visit, kind: str, asked: Mapping[str, str]) -> Response:
    """The form for the table of terms whose table has gone.

    They are filled in once there is one.

    Args:
        visit: Names the upload, and may send the terms.
        kind: What the form says for what they are of.
        asked: What the address says of them.
    """
    uploads, is_sent = visit.workspace.uploads, visit.request.method == "POST"
    # What is sent waits for the file, though the server has begun anew since; whoever
    # only looks may have been led here by anybody.
    upload = uploads.given(visit.request.path_params["upload"])
    if upload is None and is_sent:
        upload = uploads.reserve()
    if upload is not None:
        said = {**asked, **forms.typed(visit.form), "kind": kind}
        uploads.remember(upload, {**uploads.typed(upload), **said}, evicts=is_sent)
    visit = replace(visit, form={"upload": upload.name if upload else "", "kind": kind})
    why = "is not here any more: files are kept for an hour, and no longer than the "
    why += "server runs"
    name = "" if upload is None else upload.name
    # Something else may have been chosen in its place.
    if uploads.was_taken_away(name) or uploads.has(name):
        why = "was taken away"
    gone = NotFoundError(
        f"The file of these terms {why}.",
        hint="Choose the file again; what you typed is filled in then.",
    )
    return _show_form(visit, upload, gone, status=NOT_FOUND)


def _show_form(
    visit: Visit,
    upload: Upload | None,
    problem: ModelMarketError | None,
    *,
    refusals: Sequence[FieldError] = (),
    status: int = BAD_REQUEST,
) -> Response:
    kept, name = forms.kept_files(upload, FIELDS), upload.name if upload else ""
    typed = {} if upload is None else visit.workspace.uploads.typed(upload)
    # What was typed beside one that goes on is filled in.
    goes_on = bool(kept) or name == forms.text(visit.form, "upload")
    return show(
        visit,
        "new.html",
        status=200 if problem is None else status,
        upload=name if goes_on else "",
        has_terms=any(
            said
            for field, said in typed.items()
            if field != "kind" and not field.startswith(forms.REFUSED)
        ),
        kept=kept,
        refused=forms.refused(visit.form, FIELDS, refusals),
        problem=problem,
        form=visit.form,
    )


def upload_table(visit: Visit) -> Response:
    """Takes a table, the labels if they are in a file of their own, and the files that
    rows name.
    """
    with ExitStack() as closing:
        upload = closing.enter_context(_upload_of(visit))
        refusals: list[FieldError] = []
        try:
            refusals = _keep(visit, upload)
            if refusals:
                raise refusals[0]
            if forms.is_chosen(visit.form):
                return _show_form(visit, upload, None)
            noun = _noun(visit, upload)
        except ModelMarketError as error:
            response = _show_form(visit, upload, error, refusals=refusals)
            if not forms.kept_files(upload, FIELDS):
                visit.workspace.uploads.forget(upload)
            return response
        return go(f"/{noun}/new/{upload.name}")


def _upload_of(visit: Visit) -> AbstractContextManager[Upload]:
    """The upload that the form goes on with, or another one without files.

    Where its files have gone it has the same name, so that what was typed beside them
    is found; and another name if something was sealed of them already.
    """
    uploads, kept = visit.workspace.uploads, forms.text(visit.form, "upload")
    lost = uploads.lost(kept)
    if lost is None or visit.workspace.actions.come_of(kept) is None:
        # Another tab may have chosen its file again meanwhile: both go on with it.
        return uploads.using(uploads.resume(kept).name)
    made = uploads.begin()
    uploads.remember(made, uploads.typed(lost))
    return uploads.using(made.name)


def _keep(visit: Visit, upload: Upload) -> list[FieldError]:
    """Keeps what was sent, and what was refused of it in mind.

    Returns:
        Why a file is no table, or others cannot be unpacked; each names its field.

    Raises:
        DiskError: The disk is full.
    """
    form, uploads = visit.form, visit.workspace.uploads
    refusals = forms.save_all(
        [
            partial(forms.save, form, "data", upload, _refuse_unreadable),
            partial(forms.save, form, "labels", upload, _refuse_unreadable),
            partial(forms.unpack, form, FILES, upload),
        ]
    )
    before = uploads.typed(upload)
    refused = forms.refused(form, FIELDS, refusals)
    typed = forms.typed(before) | forms.as_refused(refused)
    if typed != before:
        uploads.remember(upload, typed)
    return refusals


def _noun(visit: Visit, upload: Upload) -> str:
    """Of what is to be made of what was kept.

    Raises:
        FieldError: There is no table, or a file was refused, or there are some that no
            contest of this kind has; names the field.
    """
    form = visit.form
    forms.refuse_refused(form, FIELDS, OPTIONAL, upload)
    if upload.file("data") is None:
        lacking = FieldError(
            "No file was chosen.", field="data", hint="Choose a CSV or Parquet file."
        )
        raise forms.unchosen(form, upload, lacking)
    has_contests = bool(visit.workspace.market.network.verified)
    if not has_contests or forms.text(form, "kind") == PREDICTIONS:
        return REQUEST.noun
    if upload.file(FILES) is not None:
        raise FieldError(
            TABLES_ALONE,
            field="kind",
            hint="Choose the contest of predictions, or leave the files out.",
        )
    return CONTEST.noun


def _refuse_unreadable(path: Path, field: str) -> None:
    """Makes sure that a file is a table, as far as its beginning tells.

    Raises:
        DataError: It is none.
    """
    open_table(path, knows="label" if field == "data" else None)


ROUTES = [
    Route("/requests/new", answering(new_request)),
    Route("/requests/new", answering(upload_table), methods=["POST"]),
]
