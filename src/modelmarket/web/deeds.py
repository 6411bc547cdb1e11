# SPDX-License-Identifier: Apache-2.0
"""What the pages' forms do. Every write ends in an action or a message."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from fractions import Fraction
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from modelmarket.datasets.split import Source, parse_accuracy, parse_fraction
from modelmarket.datasets.survey import survey
from modelmarket.datasets.tables import Table, open_table
from modelmarket.errors import (
    DataError,
    FieldError,
    InputError,
    ModelMarketError,
    NotFoundError,
    RevertError,
    StepError,
)
from modelmarket.market.paying import refuse_unaffordable
from modelmarket.protocol.actions import (
    KINDS,
    Action,
    CancelRequest,
    CancelSubmission,
    ClaimAirdrop,
    CreateRequest,
    EnforceTimeout,
    Fund,
    SetOperator,
    Withdraw,
)
from modelmarket.protocol.money import parse_mdc
from modelmarket.protocol.phases import Phase
from modelmarket.protocol.types import SubmissionId, Wei
from modelmarket.storage.cid import Cid
from modelmarket.storage.fetch import fetch
from modelmarket.system.documents import parse_json
from modelmarket.web.desk import Desk, checked_account
from modelmarket.web.pages import (
    ACCOUNT_COOKIE,
    HERE,
    Visitor,
    failure,
    find_request,
    in_words_or_logged,
    show,
    show_request,
    visitor,
)
from modelmarket.web.terminal import Wish
from modelmarket.web.uploads import Upload
from modelmarket.web.views import ACTIONS, CONFIRMATIONS, local_path, result_of

if TYPE_CHECKING:
    from modelmarket.market.publishing import RequestOptions
    from modelmarket.protocol.types import Address
    from modelmarket.vault.journal import Entry

A_YEAR_S = 365 * 86_400
BAD_REQUEST = 400
DECLINED = 4001
"""EIP-1193: the user rejected the request."""
MOST_REASON = 500
FUND_WEI = Wei(5 * 10**16)
"""Of the chain's own coin: enough for some hundred steps at 1 gwei."""

Value = TypeVar("Value")
Form = Mapping[str, Any]
Deed = Callable[[Desk, Request, Form], Response]


def deed(act: Deed) -> Callable[[Request], Any]:
    """Makes an endpoint of a function that takes a form."""

    @wraps(act)
    async def serve(request: Request) -> Response:
        desk: Desk = request.app.state.desk
        request.state.version = desk.version
        is_json = request.headers.get("content-type", "").startswith("application/json")
        form: FormData | dict[str, Any] = {}
        try:
            form = await (_json(request) if is_json else _form(request))
            return await run_in_threadpool(act, desk, request, form)
        except (HTTPException, ClientDisconnect):
            raise
        except Exception as error:  # noqa: BLE001  # told in words, and logged
            if is_json:
                words, status = in_words_or_logged(request, error)
                return JSONResponse(_words(words), status)
            return await run_in_threadpool(failure, desk, request, error)
        finally:
            if isinstance(form, FormData):
                await form.close()

    return serve


async def _form(request: Request) -> FormData:
    try:
        return await request.form(max_files=4, max_fields=40)
    except HTTPException as error:
        if error.status_code != BAD_REQUEST:
            raise
        raise InputError(f"The form cannot be read: {error.detail}") from error


async def _json(request: Request) -> dict[str, Any]:
    try:
        document = parse_json(await request.body())
    except (ValueError, RecursionError):
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


def _save(form: Form, name: str, upload: Upload) -> Path | None:
    """Keeps the file that was chosen, or the one that was before it; None
    without either.
    """
    chosen = form.get(name)
    if not isinstance(chosen, UploadFile) or not chosen.filename:
        return upload.file(name)
    return upload.save(name, chosen.filename, chosen.file)


def _confirmations(form: Form) -> dict[str, bool]:
    """What was ticked, as the options of the same names."""
    return {name: _field(form, name) == "yes" for name in CONFIRMATIONS}


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
    return local_path(_field(form, "back", "/"))


# --- a new request ---


def upload_table(desk: Desk, request: Request, form: Form) -> Response:
    """Takes a table, and the labels if they are in a file of their own."""
    del request
    with desk.uploads.using(desk.uploads.begin().name) as upload:
        if _save(form, "data", upload) is None:
            desk.uploads.discard(upload)
            raise InputError(
                "No file was chosen.", hint="Choose a CSV or Parquet file."
            )
        _save(form, "labels", upload)
        return _go(f"/requests/new/{upload.name}")


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
    sealed = _sealed_before(desk, request)
    if sealed is not None:
        return sealed
    with desk.uploads.using(request.path_params["upload"]) as upload:
        return _survey_page(desk, request, upload, {}, None)


def _sealed_before(desk: Desk, request: Request) -> Response | None:
    """The way to what was made of an upload already.

    So a second click on "Split and seal" seals nothing twice.
    """
    entry = desk.actions.come_of(request.path_params["upload"])
    return None if entry is None else _go(f"/actions/{entry.id}")


def _survey_page(
    desk: Desk,
    request: Request,
    upload: Upload,
    form: Form,
    problem: ModelMarketError | None,
) -> Response:
    table, labels = _tables(upload)
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
        status=200 if problem is None else BAD_REQUEST,
        table=table,
        labels=labels,
        label=label,
        survey=found,
        problem=problem,
        form=form,
    )


def prepare_request(desk: Desk, request: Request, form: Form) -> Response:
    """Splits, seals and stores; nothing is published on the chain yet."""
    name = request.path_params["upload"]
    try:
        with desk.uploads.using(name) as upload:
            if _field(form, "discard"):
                desk.uploads.discard(upload)
                return _go("/requests/new")
            return _prepare_request(desk, request, upload, form)
    except NotFoundError:
        sealed = _sealed_before(desk, request)
        if sealed is None:
            raise
        return sealed


def _prepare_request(
    desk: Desk, request: Request, upload: Upload, form: Form
) -> Response:
    try:
        owner = _account(desk, request)
        table, labels = _tables(upload)
        source = _source(table, labels, _field(form, "label"))
        reward = _read(form, "reward", parse_mdc)
        stake, least = _field(form, "stake"), _field(form, "least")
        options: RequestOptions = {
            "name": _field(form, "name"),
            "context": _field(form, "context").replace("\r\n", "\n"),
            "stake": _read(form, "stake", parse_mdc) if stake else None,
            "submission_window_s": _read(form, "minutes", _minutes),
            "response_window_s": _read(form, "response", _minutes),
            "minimum_accuracy": _read(form, "least", parse_accuracy) if least else None,
            "fraction": _read(form, "fraction", parse_fraction),
            "stratified": _field(form, "stratified") == "yes",
            **_confirmations(form),  # type: ignore[typeddict-item]  # names of its own
        }
        moment, purse = desk.market.look_into(owner)
        refuse_unaffordable(purse, reward)
        terms = desk.market.prepare_request(
            source, owner=owner, reward=reward, now=moment.now, **options
        )
    except ModelMarketError as error:
        return _survey_page(desk, request, upload, form, error)
    entry = desk.actions.prepare(owner, CreateRequest(terms), upload.name)
    desk.uploads.discard(upload)
    return _go(f"/actions/{entry.id}")


def _read(form: Form, name: str, parse: Callable[[str], Value]) -> Value:
    """What a field says.

    Raises:
        FieldError: It cannot be read; names the field.
    """
    try:
        return parse(_field(form, name))
    except InputError as error:
        raise FieldError(error.message, field=name, hint=error.hint) from error


def _minutes(text: str) -> int:
    try:
        seconds = round(Fraction(text) * 60)
    except (ValueError, ZeroDivisionError, OverflowError):
        seconds = -1
    if not 0 < seconds <= A_YEAR_S:
        raise InputError(f"{text!r} is not a number of minutes.")
    return seconds


# --- a submission ---


def prepare_submission(desk: Desk, request: Request, form: Form) -> Response:
    """Checks and seals predictions and a model."""
    found = find_request(desk, request)
    with ExitStack() as closing:
        upload = _submitted(desk, form, closing)
        try:
            owner = _account(desk, request)
            predictions = _save(form, "predictions", upload)
            model = _save(form, "model", upload)
            if predictions is None or model is None:
                lacking = "predictions" if predictions is None else "model"
                raise InputError(f"No file was chosen as {lacking}.")
            if model.stat().st_size == 0:
                raise InputError(
                    f"{model.name} is empty.",
                    hint="Choose one file; a folder goes into an archive first.",
                )
            moment, purse = desk.market.look_into(owner)
            found = found.as_of(moment)
            if found.position().phase is not Phase.OPEN:
                raise InputError(
                    f"Request {found.id} takes no more submissions.",
                    hint="Its deadline has passed.",
                )
            refuse_unaffordable(purse, found.terms.stake)
            action = found.prepare_submission(
                predictions,
                model,
                name=_field(form, "name"),
                owner=owner,
                **_confirmations(form),
            )
        except ModelMarketError as error:
            return show_request(
                desk,
                request,
                found,
                status=BAD_REQUEST,
                problem=error,
                form=form,
                upload=upload,
            )
        entry = desk.actions.prepare(owner, action, f"/requests/{found.id}")
        desk.uploads.discard(upload)
    return _go(f"/actions/{entry.id}")


def _submitted(desk: Desk, form: Form, closing: ExitStack) -> Upload:
    """Where the form's files go: to those that were kept when it was shown
    again, if they are still here.
    """
    kept = _field(form, "upload")
    if kept:
        try:
            return closing.enter_context(desk.uploads.using(kept))
        except NotFoundError:
            pass
    return closing.enter_context(desk.uploads.using(desk.uploads.begin().name))


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


# --- actions ---


def begin_action(desk: Desk, request: Request, form: Form) -> Response:
    """Notes one of the small actions, to be confirmed."""
    owner = _account(desk, request)
    action = _small_action(desk, form)
    entry = desk.actions.prepare(owner, action, _back(form))
    return _go(f"/actions/{entry.id}")


def _small_action(desk: Desk, form: Form) -> Action:
    """What a button without a form of its own does.

    Raises:
        InputError: It is nothing that can be done so.
    """
    kind, agent_key = _field(form, "kind"), desk.market.wallet.address
    match kind:
        case ClaimAirdrop.kind:
            return ClaimAirdrop()
        case SetOperator.kind:
            return SetOperator(agent_key, approved=True)
        case Fund.kind:
            return Fund(agent_key, FUND_WEI)
        case CancelRequest.kind | EnforceTimeout.kind:
            record = desk.market.index.request(_number(form, "request"))
            if kind == EnforceTimeout.kind:
                return EnforceTimeout(record.id)
            return CancelRequest(record.id, record.terms_hash, record.live)
        case CancelSubmission.kind | Withdraw.kind:
            one = desk.market.submission(SubmissionId(_number(form, "submission")))
            if kind == Withdraw.kind:
                return Withdraw(one.request.id, one.id)
            is_open = one.request.position().phase is Phase.OPEN
            return CancelSubmission(
                one.request.id, one.id, one.record.seal, accept_slash=not is_open
            )
        case kind if kind in KINDS:
            raise InputError(f"{ACTIONS[kind]} begins with a form of its own.")
        case _:
            raise InputError(f"{kind!r} is nothing that can be done here.")


def _number(form: Form, name: str) -> Any:
    text = _field(form, name)
    if not text.isascii() or not text.isdigit() or len(text) > 18:  # noqa: PLR2004  # 63 bits
        raise InputError(f"{text!r} is not the number of a {name}.")
    return int(text)


def _entry(desk: Desk, request: Request) -> Entry:
    entry = desk.actions.get(request.path_params["id"])
    if entry.account != _account(desk, request):
        raise InputError(f"This is to be signed by {entry.account}.")
    return entry


def confirm(desk: Desk, request: Request, form: Form) -> Response:
    """Does an action with this computer's key.

    The second of two clicks finds it begun, and goes to where it is shown.
    """
    entry = _entry(desk, request)
    try:
        desk.actions.confirm(entry, again=_field(form, "again") == "yes")
    except StepError:
        now = desk.actions.get(entry.id)
        if not (now.is_under_way or now.state.is_done):
            raise
    done = desk.actions.get(entry.id)
    return _go(result_of(done) if done.state.is_done else f"/actions/{entry.id}")


def permit(desk: Desk, request: Request, form: Form) -> Response:
    """What the wallet must sign before the transaction; null for nothing."""
    entry = _entry(desk, request)
    message = desk.actions.permit_message(entry, again=form.get("again") is True)
    return JSONResponse(
        {"message": in_decimals(message), "attempt": str(entry.attempt)}
    )


def transaction(desk: Desk, request: Request, form: Form) -> Response:
    """The transaction for the wallet, tried on the chain."""
    asked, made = desk.actions.transaction(
        _entry(desk, request),
        _whole(form, "deadline"),
        _field(form, "signature"),
        again=form.get("again") is True,
    )
    return JSONResponse({"transaction": made, "attempt": str(asked.attempt)})


def in_decimals(document: Any) -> Any:
    """The same with each whole number as a decimal string.

    JavaScript keeps 53 bits of a number; an amount has up to 96, and wallets
    read decimal strings for every `uint256`.
    """
    if isinstance(document, dict):
        return {name: in_decimals(one) for name, one in document.items()}
    if isinstance(document, list | tuple):
        return [in_decimals(one) for one in document]
    is_number = isinstance(document, int) and not isinstance(document, bool)
    return str(document) if is_number else document


def _whole(form: Form, name: str) -> int:
    """A whole number that the page was given as a decimal string."""
    text = str(form.get(name, "0"))
    if not re.fullmatch(r"[0-9]{1,78}", text):
        raise InputError(f"{text[:100]!r} is no {name}.")
    return int(text)


def sent(desk: Desk, request: Request, form: Form) -> Response:
    """Notes the hash that the wallet gave."""
    entry = _entry(desk, request)
    text = _field(form, "hash").removeprefix("0x")
    if not re.fullmatch(r"[0-9a-fA-F]{64}", text):
        raise InputError("The wallet gave no transaction's hash.")
    desk.actions.sent(entry, bytes.fromhex(text))
    return JSONResponse({})


def refused(desk: Desk, request: Request, form: Form) -> Response:
    """Notes that the wallet did not sign: by its user's will, or by an error.

    Whoever answers for an earlier attempt says nothing of this one. After an
    error the wallet may all the same have sent what it was given.
    """
    entry = _entry(desk, request)
    if _whole(form, "attempt") != entry.attempt:
        raise StepError("The wallet was asked again meanwhile.")
    if form.get("code") == DECLINED:
        desk.actions.declined(entry)
    else:
        desk.actions.puzzled(
            entry,
            message="The wallet could not do it.",
            reason=_field(form, "reason")[:MOST_REASON],
        )
    return JSONResponse({})


def state(desk: Desk, request: Request) -> Response:
    """How far an action is."""
    entry = desk.actions.get(request.path_params["id"])
    return JSONResponse(
        {
            "is_done": entry.state.is_done,
            "is_under_way": entry.is_under_way,
            "result": result_of(entry),
        }
    )


# --- the vault and the clock ---


def back_up(desk: Desk, request: Request, form: Form) -> Response:
    """Has the terminal ask whether, where to and under which passphrase."""
    del request, form
    return _ask_terminal(desk, Wish.BACKUP)


def restore(desk: Desk, request: Request, form: Form) -> Response:
    """Has the terminal ask for a backup's file and passphrase."""
    del request, form
    return _ask_terminal(desk, Wish.RESTORE)


def _ask_terminal(desk: Desk, wish: Wish) -> Response:
    desk.terminal.ask_for(wish)
    desk.changed()
    return _go("/agent#live-vault")


def move_clock(desk: Desk, request: Request, form: Form) -> Response:
    """Moves the embedded chain's clock to a request's next deadline."""
    del request
    if desk.move_clock is None:
        raise InputError("The clock of this chain is nobody's to move.")
    number = _number(form, "request")
    found = desk.market.request(number)
    ends = found.position().step_ends
    if ends > found.now:
        desk.move_clock(ends)
    return _go(f"/requests/{number}")
