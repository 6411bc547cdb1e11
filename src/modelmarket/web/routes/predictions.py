# SPDX-License-Identifier: Apache-2.0
"""New rows, predicted with the model that won."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path

from starlette.responses import FileResponse, Response
from starlette.routing import Route

from modelmarket.datasets.predictions import as_csv
from modelmarket.datasets.published import Manifest
from modelmarket.datasets.tables import open_table
from modelmarket.errors import (
    DataError,
    FieldError,
    InputError,
    ModelMarketError,
    NotFoundError,
)
from modelmarket.market import Request, VerifiedRequest
from modelmarket.market.winning import refuse_no_rows, why_not_run
from modelmarket.system.files import write_atomically
from modelmarket.web import forms, stored
from modelmarket.web.responses import answering, go
from modelmarket.web.routes.requests import find_request, show_form
from modelmarket.web.snippets import in_terminal
from modelmarket.web.uploads import Upload
from modelmarket.web.visits import Visit

ROWS, PREDICTED, UNUSUAL = "rows", "predicted", "unusual"
"""Fields of an upload: the table that was sent, what the model says of it, and what of
it no training row is like.
"""
CALLED = "predictions.csv"
MOST_SHOWN = 20
MOST_UNUSUAL = 8
MOST_BESIDE = 4
"""Columns of a table that stand beside what is said of its rows."""
MOST_NAMED = 12
"""Columns of a table that are named at once; more of them are folded."""
MOST_LISTED = 200
"""That are named at all."""


@dataclass(frozen=True)
class Predicted:
    """What a model said of a table.

    Attributes:
        table: What the browser calls it.
        columns: The first of the table's own.
        first: Of the first rows, what the table has in those columns, and what the
            model says.
        rows: How many there are.
        alone: What it says of every row, where there are several; empty where it does
            not say the same of all.
        unusual: What of it no training row is like, in sentences, the worst first.
        address: Where all of it is to be had.
    """

    table: str
    columns: tuple[str, ...]
    first: list[tuple[list[str], str]]
    rows: int
    alone: str
    unusual: list[str]
    address: str


def prediction_page(visit: Visit) -> Response:
    """The form, and what was predicted last, if the address names it."""
    found, name = find_request(visit), visit.request.query_params.get("upload", "")
    try:
        with visit.workspace.uploads.using(name) as upload:
            typed = visit.workspace.uploads.typed(upload)
            return _show(replace(visit, form=typed), found, upload=upload)
    except NotFoundError:
        return _show(visit, found)


def predict(visit: Visit) -> Response:
    """Predicts the rows of a table; they stay on this computer."""
    found, form = find_request(visit), visit.form
    with ExitStack() as closing:
        upload = forms.upload_of(form, visit.workspace.uploads, closing)
        refusals = list[FieldError]()
        try:
            upload.drop(PREDICTED)
            upload.drop(UNUSUAL)
            save = partial(forms.save, form, ROWS, upload, partial(_refuse, found))
            refusals = forms.save_all([save])
            refused = forms.refused(form, (ROWS,), refusals)
            uploads, typed = visit.workspace.uploads, forms.as_refused(refused)
            if typed != uploads.typed(upload):
                uploads.remember(upload, typed)
            if refusals:
                raise refusals[0]
            if forms.is_chosen(form):
                return _show(visit, found, upload=upload)
            forms.refuse_refused(form, (ROWS,), (), upload)
            table = upload.file(ROWS)
            if table is None:
                lacking = FieldError(
                    "No file was chosen.",
                    field=ROWS,
                    hint="Choose a table with the columns of the training part.",
                )
                raise forms.unchosen(form, upload, lacking)
            try:
                said = found.predict(table)
                refuse_no_rows(table, len(said))
            except (DataError, InputError) as error:
                raise FieldError(error.message, field=ROWS, hint=error.hint) from error
            unlike = [one.told(len(said)) for one in found.unusual(table)]
            place = upload.place(UNUSUAL, f"{UNUSUAL}.json")
            write_atomically(place, json.dumps(unlike[:MOST_UNUSUAL]).encode())
            write_atomically(upload.place(PREDICTED, CALLED), as_csv(said))
        except ModelMarketError as error:
            return _show(visit, found, problem=error, upload=upload, refusals=refusals)
    return go(f"/requests/{found.id}/predict?upload={upload.name}")


def _refuse(found: Request | VerifiedRequest, table: Path, field: str) -> None:
    """Makes sure that a table can be predicted, once the model is here.

    Raises:
        InputError, DataError: It cannot.
    """
    del field
    if found.kept_model() is not None:
        found.check_rows(table)


def download(visit: Visit) -> Response:
    """All that was predicted, as CSV."""
    find_request(visit)
    uploads, name = visit.workspace.uploads, visit.request.path_params["upload"]
    with uploads.using(name) as upload:
        path = upload.file(PREDICTED)
        if path is None:
            raise NotFoundError("Nothing was predicted of that table.")
        return FileResponse(path, media_type="text/csv", filename=CALLED)


def _show(
    visit: Visit,
    found: Request | VerifiedRequest,
    *,
    problem: ModelMarketError | None = None,
    upload: Upload | None = None,
    refusals: Sequence[FieldError] = (),
) -> Response:
    manifest = stored.manifest(found)
    return show_form(
        visit,
        found,
        "predict",
        (ROWS,),
        problem=problem,
        upload=upload,
        refused=forms.refused(visit.form, (ROWS,), refusals),
        columns=() if manifest is None else manifest.features,
        command=in_terminal(
            found.market, visit.who.account, f"model predict {found.id} new.csv"
        ),
        most_named=MOST_NAMED,
        most_listed=MOST_LISTED,
        are_numbers=_are_numbers(found),
        predicted=_predicted(found, upload),
        is_here=found.kept_model() is not None,
        not_run="" if isinstance(found, VerifiedRequest) else why_not_run(found),
    )


def _are_numbers(found: Request | VerifiedRequest) -> bool:
    """Whether numbers are predicted rather than classes."""
    if isinstance(found, VerifiedRequest):
        return found.terms.points.is_regression
    manifest = stored.manifest(found)
    return isinstance(manifest, Manifest) and manifest.bins is not None


def _predicted(
    found: Request | VerifiedRequest, upload: Upload | None
) -> Predicted | None:
    """What was predicted of an upload's table; None if nothing was."""
    table = None if upload is None else upload.file(ROWS)
    path = None if upload is None else upload.file(PREDICTED)
    if upload is None or table is None or path is None:
        return None
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.reader(file)
        next(rows)
        counts = Counter[str]()
        said = list[str]()
        for _, label in rows:
            counts[label] += 1
            if len(said) < MOST_SHOWN:
                said.append(label)
    count = counts.total()
    alone = said[0] if count > 1 and len(counts) == 1 else ""
    columns, cells = _beside(table)
    first = list(zip(cells, said, strict=True))
    address = f"/requests/{found.id}/predicted/{upload.name}"
    kept = upload.file(UNUSUAL)
    unlike = [] if kept is None else json.loads(kept.read_bytes())
    return Predicted(table.name, columns, first, count, alone, unlike, address)


def _beside(table: Path) -> tuple[tuple[str, ...], list[list[str]]]:
    """The first columns of a table, by which its rows are known again, and what its
    first rows have in them.
    """
    read = open_table(table, header=True)
    rows = islice(read.rows(), MOST_SHOWN)
    return read.columns[:MOST_BESIDE], [row[:MOST_BESIDE] for row in rows]


ROUTES = [
    Route("/requests/{id:request}/predict", answering(prediction_page)),
    Route("/requests/{id:request}/predict", answering(predict), methods=["POST"]),
    Route("/requests/{id:request}/predicted/{upload}", answering(download)),
]
