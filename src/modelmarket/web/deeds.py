# SPDX-License-Identifier: Apache-2.0
"""What the pages' forms do. Every write ends in an errand or a message."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Callable, Mapping
from fractions import Fraction
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from modelmarket.datasets.split import Source, parse_fraction
from modelmarket.datasets.survey import survey
from modelmarket.datasets.tables import Table, open_table
from modelmarket.errors import (
    ChainError,
    DataError,
    InputError,
    ModelMarketError,
    NotFoundError,
    RevertError,
)
from modelmarket.protocol.money import parse_mdc
from modelmarket.protocol.phases import Phase
from modelmarket.protocol.types import SubmissionId
from modelmarket.storage.cid import Cid
from modelmarket.storage.fetch import fetch
from modelmarket.vault import backups
from modelmarket.web.activity import Errand, Kind, State
from modelmarket.web.desk import Desk, checked_account, terms_document
from modelmarket.web.pages import (
    ACCOUNT_COOKIE,
    HERE,
    Visitor,
    failure,
    find_request,
    show,
    show_request,
    visitor,
)

if TYPE_CHECKING:
    from modelmarket.protocol.types import Address

COPY_BYTES = 2**20
UPLOAD = re.compile(r"[0-9a-f]{8,32}")
A_YEAR_S = 365 * 86_400
FILE_NAME = re.compile(r"[^\w.\- ]")

Form = Mapping[str, Any]
Deed = Callable[[Desk, Request, Form], Response]


def deed(act: Deed) -> Callable[[Request], Any]:
    """Makes an endpoint of a function that takes a form."""

    @wraps(act)
    async def serve(request: Request) -> Response:
        desk: Desk = request.app.state.desk
        request.state.version = desk.version
        form: FormData | dict[str, Any]
        if request.headers.get("content-type", "").startswith("application/json"):
            form = await _json(request)
        else:
            form = await request.form(max_files=4, max_fields=40)
        try:
            return await run_in_threadpool(act, desk, request, form)
        except ModelMarketError as error:
            if isinstance(form, dict):
                return JSONResponse(_words(error), 400)
            return await run_in_threadpool(failure, desk, request, error)
        finally:
            if isinstance(form, FormData):
                await form.close()

    return serve


async def _json(request: Request) -> dict[str, Any]:
    try:
        document = json.loads(await request.body())
    except ValueError:
        document = None
    return document if isinstance(document, dict) else {}


def _words(error: ModelMarketError) -> dict[str, str]:
    reason = error.reason if isinstance(error, RevertError) else ""
    return {"message": error.message, "hint": error.hint, "reason": reason}


def _go(address: str) -> Response:
    return RedirectResponse(address, 303)


def _account(desk: Desk, request: Request) -> Address:
    who: Visitor = visitor(desk, request)
    if who.account is None:
        raise InputError(
            "No wallet is connected.",
            hint="Connect one at the top of the page, or use this computer's key.",
        )
    return who.account


def _field(form: Form, name: str, default: str = "") -> str:
    value = form.get(name, default)
    return value.strip() if isinstance(value, str) else default


def _save(form: Form, name: str, folder: Path, *, called: str = "") -> Path | None:
    """Puts an uploaded file into a folder; None if there is none."""
    upload = form.get(name)
    if not isinstance(upload, UploadFile) or not upload.filename:
        return None
    given = FILE_NAME.sub("_", Path(upload.filename).name)[-100:].lstrip(".")
    path = folder / (called or given or "file")
    with path.open("wb") as file:
        while piece := upload.file.read(COPY_BYTES):
            file.write(piece)
    return path


# --- whose page it is ---


def choose_account(desk: Desk, request: Request, form: Form) -> Response:
    """Looks at the market as the browser's wallet, or as a key of this computer.

    A key that is locked is asked for in the terminal, never in the page.
    """
    del request
    chosen = _field(form, "account")
    if chosen.startswith(HERE):
        account = checked_account(chosen.removeprefix(HERE))
        desk.keyring.ask_for(account)
        chosen = HERE + account
    elif chosen:
        chosen = checked_account(chosen)
    response: Response
    if isinstance(form, dict):
        response = JSONResponse({"account": chosen})
    else:
        response = _go(_back(form))
    response.set_cookie(ACCOUNT_COOKIE, chosen, httponly=True, samesite="strict")
    return response


def _back(form: Form) -> str:
    """A page of ours to go back to."""
    back = _field(form, "back", "/")
    return back if re.fullmatch(r"/[\w/\-]*", back) else "/"


# --- a new request ---


def upload_table(desk: Desk, request: Request, form: Form) -> Response:
    """Takes a table, and the labels if they are in a file of their own."""
    del request
    folder = desk.scratch()
    data = _save(form, "data", folder)
    if data is None:
        raise InputError("No file was chosen.", hint="Choose a CSV or Parquet file.")
    (folder / "labels").mkdir()
    labels = _save(form, "labels", folder / "labels")
    options = {"data": data.name, "labels": labels.name if labels else ""}
    (folder / "upload.json").write_text(json.dumps(options))
    return _go(f"/requests/new/{folder.name}")


def _upload(desk: Desk, request: Request) -> tuple[Path, Table, Table | None]:
    name = request.path_params["upload"]
    folder = desk.uploads / name
    if not UPLOAD.fullmatch(name) or not (folder / "upload.json").is_file():
        raise NotFoundError(
            "That upload is not here any more.", hint="Choose the file again."
        )
    options = json.loads((folder / "upload.json").read_text())
    if options["labels"]:
        labels = open_table(folder / "labels" / options["labels"])
        return folder, open_table(folder / options["data"]), labels
    return folder, open_table(folder / options["data"], knows="label"), None


def _source(table: Table, labels: Table | None, label: str) -> Source:
    if labels is not None:
        return Source(table, labels=labels)
    return Source(table, label=label)


def _guess(table: Table, asked: str) -> str:
    """The column that the labels are probably in."""
    if asked in table.columns:
        return asked
    likely = ("label", "class", "target", "y")
    known = {name.lower(): name for name in table.columns}
    return next((known[one] for one in likely if one in known), table.columns[-1])


def new_request(desk: Desk, request: Request) -> Response:
    """The form of a new request."""
    return show(desk, request, "new.html")


def survey_page(desk: Desk, request: Request) -> Response:
    """What is in the table, and the terms to be chosen."""
    return _survey_page(desk, request, {}, None)


def _survey_page(
    desk: Desk, request: Request, form: Form, problem: ModelMarketError | None
) -> Response:
    _, table, labels = _upload(desk, request)
    label = _guess(
        table, _field(form, "label") or request.query_params.get("label", "")
    )
    found = None
    try:
        found = survey(_source(table, labels, label))
        problem = problem or found.problem
    except DataError as error:
        problem = problem or error
    return show(
        desk,
        request,
        "terms.html",
        status=200 if problem is None else 400,
        table=table,
        labels=labels,
        label=label,
        survey=found,
        problem=problem,
        form=form,
    )


def prepare_request(desk: Desk, request: Request, form: Form) -> Response:
    """Splits, seals and stores; nothing is published on the chain yet."""
    owner = _account(desk, request)
    try:
        folder, table, labels = _upload(desk, request)
        source = _source(table, labels, _field(form, "label"))
        reward = parse_mdc(_field(form, "reward"))
        stake = _field(form, "stake")
        least = _field(form, "least")
        desk.market.may_take(owner, reward)
        terms = desk.market.prepare_request(
            source,
            owner=owner,
            reward=reward,
            name=_field(form, "name"),
            context=_field(form, "context").replace("\r\n", "\n"),
            stake=parse_mdc(stake) if stake else None,
            submission_window_s=_minutes(form, "minutes"),
            response_window_s=_minutes(form, "response"),
            minimum_accuracy=parse_fraction(least) if least else Fraction(0),
            fraction=parse_fraction(_field(form, "fraction", "20%")),
            stratified=_field(form, "stratified") == "yes",
        )
    except ModelMarketError as error:
        return _survey_page(desk, request, form, error)
    errand = desk.activity.begin(
        owner,
        Kind.CREATE_REQUEST,
        {"terms": terms_document(terms), "upload": folder.name},
    )
    return _go(f"/errands/{errand.id}")


def _minutes(form: Form, name: str) -> int:
    text = _field(form, name)
    try:
        seconds = round(Fraction(text) * 60)
    except (ValueError, ZeroDivisionError):
        seconds = -1
    if not 0 < seconds <= A_YEAR_S:
        raise InputError(f"{text!r} is not a number of minutes.")
    return seconds


# --- a submission ---


def prepare_submission(desk: Desk, request: Request, form: Form) -> Response:
    """Checks and seals predictions and a model."""
    found = find_request(desk, request)
    try:
        owner = _account(desk, request)
        with tempfile.TemporaryDirectory(dir=desk.market.home.scratch()) as scratch:
            folder = Path(scratch)
            (folder / "model").mkdir()
            predictions = _save(form, "predictions", folder, called="predictions.csv")
            model = _save(form, "model", folder / "model")
            if predictions is None or model is None:
                lacking = "predictions" if predictions is None else "model"
                raise InputError(f"No file was chosen as {lacking}.")
            if found.position().phase is not Phase.OPEN:
                raise InputError(
                    f"Request {found.id} takes no more submissions.",
                    hint="Its deadline has passed.",
                )
            desk.market.may_take(owner, found.terms.stake)
            checked = found.check(predictions)
            entry = found.prepare_submission(
                predictions, model, name=_field(form, "name"), owner=owner
            )
    except ModelMarketError as error:
        return show_request(desk, request, found, status=400, problem=error)
    errand = desk.activity.begin(
        owner,
        Kind.SUBMIT,
        {
            "request": found.id,
            "stake": str(found.terms.stake),
            "seal": entry.seal.hex(),
            "superhash": entry.superhash.hex(),
            "name": entry.name,
            "counts": checked.counts,
        },
    )
    return _go(f"/errands/{errand.id}")


def fetch_files(desk: Desk, request: Request, form: Form) -> Response:
    """Gets a request's data or its model from the network's gateways."""
    found = find_request(desk, request)
    what = _field(form, "what")
    cid = {"data": found.terms.dataset, "model": found.record.model}.get(what, "")
    if not cid:
        raise NotFoundError(f"Request {found.id} has no {what} to be fetched.")
    gateways = desk.market.network.gateways
    fetch(desk.market.store, Cid.parse(cid), gateways, name=found.terms.name)
    return _go(f"/requests/{found.id}")


# --- errands ---


def begin_errand(desk: Desk, request: Request, form: Form) -> Response:
    """Notes one of the small deeds, to be confirmed."""
    owner = _account(desk, request)
    wanted = _field(form, "kind")
    if wanted not in {one.value for one in Kind}:
        raise InputError(f"{wanted!r} is nothing that can be done here.")
    kind = Kind(wanted)
    details: dict[str, Any] = {"back": _back(form)}
    match kind:
        case Kind.AIRDROP | Kind.APPOINT | Kind.FUND:
            pass
        case Kind.CANCEL_REQUEST | Kind.ENFORCE:
            record = desk.market.index.request(_number(form, "request"))
            details |= {
                "request": record.id,
                "terms_hash": record.terms_hash.hex(),
                "max_live": record.live,
            }
        case Kind.CANCEL_SUBMISSION | Kind.WITHDRAW:
            one = desk.market.submission(SubmissionId(_number(form, "submission")))
            is_open = one.request.position().phase is Phase.OPEN
            details |= {
                "request": one.request.id,
                "submission": one.id,
                "seal": one.record.seal.hex(),
                "slash": not is_open,
            }
        case _:
            raise InputError(f"{kind.value} begins with a form of its own.")
    errand = desk.activity.begin(owner, kind, details)
    return _go(f"/errands/{errand.id}")


def _number(form: Form, name: str) -> Any:
    text = _field(form, name)
    if not text.isascii() or not text.isdigit() or len(text) > 18:  # noqa: PLR2004  # 63 bits
        raise InputError(f"{text!r} is not the number of a {name}.")
    return int(text)


def _errand(desk: Desk, request: Request) -> Errand:
    errand = desk.activity.get(request.path_params["id"])
    if errand.account != _account(desk, request):
        raise InputError(f"This is to be signed by {errand.account}.")
    return errand


def confirm(desk: Desk, request: Request, form: Form) -> Response:
    """Does an errand with this computer's key."""
    del form
    errand = _errand(desk, request)
    desk.confirm(errand)
    done = desk.activity.get(errand.id)
    return _go(
        done.result if done.state is State.CONFIRMED else f"/errands/{errand.id}"
    )


def permit(desk: Desk, request: Request, form: Form) -> Response:
    """What the wallet must sign before the transaction; null for nothing."""
    del form
    errand = _errand(desk, request)
    return JSONResponse({"message": desk.permit_message(errand)})


def transaction(desk: Desk, request: Request, form: Form) -> Response:
    """The transaction for the wallet, tried on the chain."""
    errand = _errand(desk, request)
    deadline = form.get("deadline", 0)
    try:
        made = desk.transaction(
            errand,
            deadline if isinstance(deadline, int) else 0,
            _field(form, "signature"),
        )
    except ChainError as error:
        desk.fail(errand, error)
        raise
    return JSONResponse({"transaction": made})


def sent(desk: Desk, request: Request, form: Form) -> Response:
    """Notes the hash that the wallet gave."""
    errand = _errand(desk, request)
    text = _field(form, "hash").removeprefix("0x")
    if not re.fullmatch(r"[0-9a-fA-F]{64}", text):
        raise InputError("The wallet gave no transaction's hash.")
    desk.activity.sent(errand.id, bytes.fromhex(text))
    desk.changed()
    return JSONResponse({})


def refused(desk: Desk, request: Request, form: Form) -> Response:
    """Notes that the wallet did not sign: by its user's will, or by an error."""
    errand = _errand(desk, request)
    by_user = form.get("code") == 4001  # noqa: PLR2004  # EIP-1193: user rejected
    state = State.REFUSED if by_user else State.FAILED
    message = "" if by_user else "The wallet could not do it."
    desk.activity.move(
        errand.id, state, message=message, reason=_field(form, "reason")[:500]
    )
    desk.changed()
    return JSONResponse({})


def state(desk: Desk, request: Request) -> Response:
    """How far an errand is."""
    errand = desk.activity.get(request.path_params["id"])
    return JSONResponse({"state": errand.state.name, "result": errand.result})


# --- the vault and the clock ---


def back_up(desk: Desk, request: Request, form: Form) -> Response:
    """A backup of the vault, under a passphrase of its own."""
    del request
    passphrase = _field(form, "passphrase")
    if len(passphrase) < 8:  # noqa: PLR2004  # as for a keystore
        raise InputError("The backup's passphrase must have 8 characters at least.")
    with tempfile.TemporaryDirectory(dir=desk.market.home.scratch()) as scratch:
        path = Path(scratch) / "backup.json"
        backups.write(path, desk.market.vault.all(), passphrase)
        data = path.read_bytes()
    headers = {"Content-Disposition": 'attachment; filename="modelmarket-backup.json"'}
    return Response(data, media_type="application/octet-stream", headers=headers)


def restore(desk: Desk, request: Request, form: Form) -> Response:
    """Takes a backup in."""
    del request
    with tempfile.TemporaryDirectory(dir=desk.market.home.scratch()) as scratch:
        path = _save(form, "backup", Path(scratch))
        if path is None:
            raise InputError("No file was chosen.", hint="Choose a backup.")
        backups.read(path, desk.market.vault, _field(form, "passphrase"))
    return _go("/agent")


def move_clock(desk: Desk, request: Request, form: Form) -> Response:
    """Moves the embedded chain's clock to a request's next deadline."""
    del request
    if desk.move_clock is None:
        raise InputError("The clock of this chain is nobody's to move.")
    number = _number(form, "request")
    record = desk.market.index.request(number)
    ends = record.at(desk.market.now()).step_ends
    if ends > desk.market.now():
        desk.move_clock(ends)
    return _go(f"/requests/{number}")
