# SPDX-License-Identifier: Apache-2.0
"""A submission: a model, with predictions or by itself, checked and sealed."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

from starlette.responses import Response
from starlette.routing import Route

from modelmarket.errors import InputError, ModelMarketError, NotFoundError
from modelmarket.market.checking import is_exported
from modelmarket.market.paying import refuse_unaffordable
from modelmarket.protocol.steps import takes_submissions
from modelmarket.web import forms, views
from modelmarket.web.forms import BAD_REQUEST, Form
from modelmarket.web.responses import answering, go
from modelmarket.web.routes.requests import FILES, find_request, show_request
from modelmarket.web.uploads import Upload
from modelmarket.web.visits import Visit


def prepare_submission(visit: Visit) -> Response:
    """Checks and seals a model and its predictions."""
    workspace, form, found = visit.workspace, visit.form, find_request(visit)
    with ExitStack() as closing:
        upload = form_upload(visit, closing)
        try:
            # First the files: whoever has yet to connect a wallet has chosen them.
            for name in FILES:
                forms.save(form, name, upload)
            owner = visit.account
            probabilities = _probabilities(form, upload)
            model, predictions = _files(upload)
            moment, purse = workspace.market.look_into(owner)
            found = found.as_of(moment)
            if not takes_submissions(found.record, found.now):
                raise InputError(
                    f"Request {found.id} takes no more submissions.",
                    hint="Its deadline has passed.",
                )
            refuse_unaffordable(purse, found.terms.stake)
            action = found.prepare_submission(
                model,
                predictions,
                probabilities=probabilities,
                name=forms.text(form, "name"),
                owner=owner,
                show=None,
                **forms.confirmations(form, views.OF_ENTRIES),
            )
        except ModelMarketError as error:
            return show_request(
                visit, found, status=BAD_REQUEST, problem=error, upload=upload
            )
        entry = workspace.actions.prepare(owner, action, f"/requests/{found.id}")
        workspace.uploads.discard(upload)
    return go(f"/actions/{entry.id}")


def form_upload(visit: Visit, closing: ExitStack) -> Upload:
    """Where the form's files go: to those that were kept when it was shown
    again, if they are still here.
    """
    uploads, kept = visit.workspace.uploads, forms.text(visit.form, "upload")
    if kept:
        try:
            return closing.enter_context(uploads.using(kept))
        except NotFoundError:
            pass
    return closing.enter_context(uploads.using(uploads.begin().name))


def _files(upload: Upload) -> tuple[Path, Path | None]:
    """The model and the predictions that were chosen, or are still here.

    Returns:
        None for predictions that the model makes itself.

    Raises:
        InputError: One of them is missing, or the model is empty.
    """
    predictions, model = upload.file("predictions"), upload.file("model")
    if model is None:
        raise InputError("No file was chosen as model.")
    if predictions is None and not is_exported(model):
        raise InputError(
            "No file was chosen as predictions.",
            hint="Only an exported model, such as model.onnx, predicts by itself.",
        )
    if model.stat().st_size == 0:
        raise InputError(
            f"{model.name} is empty.",
            hint="Choose one file; a folder goes into an archive first.",
        )
    return model, predictions


def _probabilities(form: Form, upload: Upload) -> Path | None:
    """How sure one is of each class, if such a file was chosen or is still here."""
    if forms.text(form, "without_probabilities") == "yes":
        upload.drop("probabilities")
        return None
    return upload.file("probabilities")


ROUTES = [
    Route("/requests/{id:int}", answering(prepare_submission), methods=["POST"]),
]
