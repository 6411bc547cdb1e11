# SPDX-License-Identifier: Apache-2.0
"""A submission: a model, with predictions or by itself, checked and sealed."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from markupsafe import Markup
from starlette.responses import Response
from starlette.routing import Route

from modelmarket.datasets.published import TEST, TRAIN, Manifest
from modelmarket.errors import (
    DataError,
    FieldError,
    InputError,
    ModelMarketError,
    NotFoundError,
)
from modelmarket.market import Request, VerifiedRequest
from modelmarket.market.checking import is_exported
from modelmarket.market.paying import refuse_unaffordable
from modelmarket.protocol.steps import takes_submissions
from modelmarket.web import forms, stored
from modelmarket.web.forms import Form
from modelmarket.web.responses import answering, go
from modelmarket.web.routes.requests import find_request, show_form
from modelmarket.web.snippets import entering
from modelmarket.web.uploads import Upload
from modelmarket.web.views import OF_ENTRIES
from modelmarket.web.visits import Visit
from modelmarket.web.workspace import OF_PLAY

if TYPE_CHECKING:
    from modelmarket.protocol.actions import Action
    from modelmarket.protocol.types import Address

FILES = ("model", "predictions", "probabilities")
"""That may come with a submission; a verified contest takes the model alone."""


def submission_page(visit: Visit) -> Response:
    """The form, with the files that were kept of a refused one."""
    found, kept = find_request(visit), visit.request.query_params.get("upload", "")
    uploads = visit.workspace.uploads
    try:
        with uploads.using(kept) as upload:
            typed = replace(visit, form=uploads.typed(upload))
            return _show(typed, found, upload=upload)
    except NotFoundError:
        return _show(visit, found)


def prepare_submission(visit: Visit) -> Response:
    """Checks and seals what was sent."""
    workspace, form, found = visit.workspace, visit.form, find_request(visit)
    is_verified = isinstance(found, VerifiedRequest)
    fields = ("model",) if is_verified else FILES
    with ExitStack() as closing:
        upload = forms.upload_of(form, workspace.uploads, closing)
        state, refusals = upload.state, list[FieldError]()
        try:
            # First the files: whoever has yet to connect a wallet has chosen them.
            refusals = forms.save_all(
                partial(forms.save, form, name, upload, partial(_refuse, found))
                for name in fields
            )
            refused = forms.refused(form, fields, refusals)
            typed = forms.typed(form) | forms.as_refused(refused)
            workspace.uploads.remember(upload, typed)
            if refusals:
                raise refusals[0]
            is_chosen = forms.is_chosen(form)
            if is_chosen or upload.file("model") is not None:
                forms.refuse_gone(form, upload)
            if is_chosen:
                return _show(visit, found, upload=upload)
            forms.refuse_others(form, state)
            forms.refuse_refused(form, fields, _optional(upload), upload)
            owner = visit.account
            moment, purse = workspace.market.look_into(owner, verified=is_verified)
            found = found.as_of(moment)
            if not takes_submissions(found.record, found.now):
                raise InputError(
                    f"Request {found.id} takes no more submissions.",
                    hint="Its deadline has passed.",
                )
            refuse_unaffordable(purse, found.terms.stake)
            if isinstance(found, VerifiedRequest):
                action = _model(found, form, upload, owner)
            else:
                action = _predictions(found, form, upload, owner)
        except ModelMarketError as error:
            problem = _at_its_field(error, upload)
            return _show(
                visit, found, problem=problem, upload=upload, refusals=refusals
            )
        origin = f"/requests/{found.id}/submit?upload={upload.name}"
        entry = workspace.actions.prepare(owner, action, origin)
    return go(f"/actions/{entry.id}")


def _optional(upload: Upload | None) -> set[str]:
    """The fields whose files may be left out, beside the model that is there."""
    model = None if upload is None else upload.file("model")
    needs_predictions = model is not None and not is_exported(model)
    return {"probabilities"} if needs_predictions else {"predictions", "probabilities"}


def _show(
    visit: Visit,
    found: Request | VerifiedRequest,
    *,
    problem: ModelMarketError | None = None,
    upload: Upload | None = None,
    refusals: Sequence[FieldError] = (),
) -> Response:
    said = stored.manifest(found)
    manifest = said if isinstance(said, Manifest) else None
    return show_form(
        visit,
        found,
        "submit",
        FILES,
        problem=problem,
        upload=upload,
        refused=forms.refused(visit.form, FILES, refusals),
        snippet=entering(
            found, manifest, _files_of(manifest), account=visit.who.account
        ),
        market_key=found.market.wallet.address,
        asked_for=_asked_for(visit),
        optional=_optional(upload),
        entries=[
            one
            for one in found.market.files(found.record.dataset) or ()
            if one.path in (TRAIN, TEST)
        ],
    )


def _asked_for(visit: Visit) -> Markup:
    """What whoever runs the lines of Python is asked for."""
    if not visit.workspace.is_demo:
        return Markup("your passphrase")
    return Markup("the demo’s passphrase, <code>{}</code>").format(OF_PLAY)


def _refuse(found: Request | VerifiedRequest, path: Path, field: str) -> None:
    """Makes sure that a file is what it is chosen for, as far as what is here tells.

    Raises:
        InputError, DataError: It is not.
    """
    if field == "model" or stored.manifest(found) is not None:
        found.check_file(path, field)


def _at_its_field(error: ModelMarketError, upload: Upload) -> ModelMarketError:
    """The same, beside the field of the name or file that it begins with."""
    if type(error) not in (InputError, DataError):
        return error
    if error.message.startswith("The name takes"):
        return FieldError(error.message, field="name", hint=error.hint)
    for name in FILES:
        file = upload.file(name)
        if file is not None and error.message.startswith(file.name):
            return FieldError(error.message, field=name, hint=error.hint)
    return error


def _files_of(manifest: Manifest | None) -> str:
    """Of which kind the files are that the rows name; empty for none."""
    if manifest is None or manifest.files is None:
        return ""
    return str(manifest.files.kind)


def _predictions(found: Request, form: Form, upload: Upload, owner: Address) -> Action:
    model, predictions = _files(form, upload)
    action = found.prepare_submission(
        model,
        predictions,
        probabilities=upload.file("probabilities"),
        name=forms.text(form, "name"),
        owner=owner,
        show=None,
        **forms.confirmations(form, OF_ENTRIES),
    )
    return replace(action, files=forms.kept_files(upload, FILES))


def _model(
    found: VerifiedRequest, form: Form, upload: Upload, owner: Address
) -> Action:
    """Seals an exact model, once the hidden files are all here."""
    file = upload.file("model")
    if file is None:
        lacking = FieldError(
            "No file was chosen as model.",
            field="model",
            hint="An exact model's file is what `ExactModel.save` writes.",
        )
        raise forms.unchosen(form, upload, lacking)
    model = found.convert(file)
    action = found.prepare_submission(
        model,
        name=forms.text(form, "name"),
        owner=owner,
        **forms.confirmations(form, OF_ENTRIES),
    )
    said = {
        "file": file.name,
        **found.fit_of(model).as_document(),
        **found.prospect(model, owner).as_document(),
    }
    return replace(action, fit=said)


def _files(form: Form, upload: Upload) -> tuple[Path, Path | None]:
    """The model and the predictions that were chosen, or are still here.

    Returns:
        None for predictions that the model makes itself.

    Raises:
        FieldError: One of them is missing.
    """
    predictions, model = upload.file("predictions"), upload.file("model")
    if model is None:
        lacking = FieldError("No file was chosen as model.", field="model")
        raise forms.unchosen(form, upload, lacking)
    if predictions is None and not is_exported(model):
        raise FieldError(
            "No file was chosen as predictions.",
            field="predictions",
            hint="Only an exported model, such as model.onnx, predicts by itself.",
        )
    return model, predictions


ROUTES = [
    Route("/requests/{id:request}/submit", answering(submission_page)),
    Route(
        "/requests/{id:request}/submit", answering(prepare_submission), methods=["POST"]
    ),
]
