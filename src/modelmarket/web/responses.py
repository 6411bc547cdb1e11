# SPDX-License-Identifier: Apache-2.0
"""Answers: pages, ways to go on, and what went wrong in words."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import replace
from functools import wraps
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import (
    HTMLResponse,
    JSONResponse,
    PlainTextResponse,
    RedirectResponse,
    Response,
)

from modelmarket.errors import (
    ChainError,
    DiskError,
    FundsError,
    ModelMarketError,
    NotFoundError,
    RevertError,
    StorageError,
    TransactionError,
    UnreadableError,
    in_words,
)
from modelmarket.errors.wording import on_the_page
from modelmarket.web.forms import is_json, sent_form, text
from modelmarket.web.guard import OPEN_FOLDER
from modelmarket.web.news import Told
from modelmarket.web.rendering import render
from modelmarket.web.views import local_path
from modelmarket.web.visits import Visit
from modelmarket.web.workspace import LOG, Workspace

if TYPE_CHECKING:
    from markupsafe import Markup

FOUND = 200
SEE_OTHER = 303
NOT_FOUND = 404
LEFT = 499
"""As servers note that whoever asked has left."""
METHOD_NOT_ALLOWED = 405
SCRIPT = "x-modelmarket-script"
"""Of whatever the page's script sends in place of the browser."""

Answer = Callable[[Visit], Response]
Endpoint = Callable[[Request], Coroutine[Any, Any, Response]]


def answering(answer: Answer) -> Endpoint:
    """Makes an endpoint of a function that may take its time.

    What goes wrong is told in words, and what to do next: on a page, or in JSON to
    whoever sent JSON.
    """

    @wraps(answer)
    async def serve(request: Request) -> Response:
        workspace: Workspace = request.app.state.workspace
        # What comes while the answer is being made is new to it.
        visit = Visit(workspace, request, workspace.version, is_json=is_json(request))
        try:
            async with sent_form(request) as form:
                visit = replace(visit, form=form)
                return _told(visit, await run_in_threadpool(answer, visit))
        except HTTPException:
            raise
        except ClientDisconnect:
            # Whoever left while a file was on its way hears no answer.
            return Response(status_code=LEFT)
        except Exception as error:  # noqa: BLE001  # told in words, and logged
            return await run_in_threadpool(_failure, visit, error)

    return serve


async def wrong_address(request: Request, error: Exception) -> Response:
    """The answer to an address that leads nowhere, or takes only what forms send.

    Args:
        request: The browser's.
        error: What the router says of it.
    """
    assert isinstance(error, HTTPException), "it is what the router raises"
    if request.url.path.startswith(OPEN_FOLDER):
        return PlainTextResponse(error.detail, error.status_code)
    workspace: Workspace = request.app.state.workspace
    visit = Visit(workspace, request, workspace.version, is_json=is_json(request))
    is_there = error.status_code != NOT_FOUND
    words = NotFoundError(
        "This address takes what a form sends; there is nothing to be seen."
        if is_there
        else "There is no such page.",
        hint="Look for it from the market on.",
    )
    made = await run_in_threadpool(_told_error, visit, words, error.status_code)
    made.headers.update(error.headers or {})
    return made


def _failure(visit: Visit, error: Exception) -> Response:
    return _told_error(visit, *_in_words_or_logged(visit.request, error))


def _told_error(visit: Visit, words: ModelMarketError, status: int) -> Response:
    if visit.is_json:
        reason = words.reason if isinstance(words, RevertError) else ""
        told = {
            "message": on_the_page(words.message),
            "hint": on_the_page(words.hint),
            "reason": reason,
        }
        return JSONResponse(told, status)
    try:
        sent = visit.request.method == "POST"
        path = _sent_from(visit) if sent else visit.request.url.path
        return show(
            visit, "error.html", status=status, error=words, sent=sent, path=path
        )
    except Exception:  # noqa: BLE001  # the last resort
        LOG.exception("The page of an error failed too.")
        return PlainTextResponse(on_the_page(words.text), status)


def _sent_from(visit: Visit) -> str:
    """The page that a form was sent from: nobody can look at where it was sent to."""
    referer = visit.request.headers.get("referer", "")
    return local_path(text(visit.form, "back") or urlsplit(referer).path)


def _in_words_or_logged(
    request: Request, error: Exception
) -> tuple[ModelMarketError, int]:
    """What the user is told of an error, and the answer's status.

    What nobody foresaw goes to the log with its traceback, and never to the page.
    """
    if isinstance(error, ModelMarketError):
        return error, _status(error)
    path = request.url.path
    LOG.error("%s %s failed.", request.method, path, exc_info=error)
    known = in_words(error)
    if known is None:
        known = ModelMarketError(
            "Something went wrong here that nobody foresaw.",
            hint="The terminal where `modelmarket up` runs says more. What was sent, "
            "if anything, is in the activity.",
        )
    return known, 500


def _status(error: ModelMarketError) -> int:
    """Whether it was the visitor, this computer, or a node or gateway behind it."""
    match error:
        case NotFoundError():
            return NOT_FOUND
        case DiskError():
            return 500
        case RevertError() | FundsError() | TransactionError() | UnreadableError():
            return 400
        case ChainError() | StorageError():
            return 502
    return 400


def show(visit: Visit, template: str, *, status: int = 200, **values: Any) -> Response:
    """A page, with what every page shows; it may have a `path` of its own."""
    workspace, glance = visit.workspace, visit.glance
    own = values.pop("path", "")
    every = {
        "workspace": workspace,
        "here": own or visit.place,
        "path": own or visit.request.url.path,
        "who": visit.who,
        "now": glance.now,
        "version": visit.version,
        "money": glance.money,
        "fees": glance.fees,
        "no_airdrop": glance.no_airdrop,
        "network": workspace.market.network,
        "news": _news(visit) if status == FOUND else None,
    }
    # What a page says of itself takes the place of nothing that all of them say.
    return HTMLResponse(render(template, **every, **values), status)


def _news(visit: Visit) -> Told | None:
    """What came of what led to a page; scripts that renew one leave it to be told."""
    request = visit.request
    is_opened = request.headers.get("sec-fetch-dest", "document") == "document"
    if request.method != "GET" or not is_opened:
        return None
    return visit.workspace.news.take(visit.who.account, visit.place)


def go(address: str) -> Response:
    """The way to another page, which is looked at."""
    return RedirectResponse(address, SEE_OTHER)


def go_and_tell(
    visit: Visit, address: str, said: Markup, *, is_done: bool = True
) -> Response:
    """The way to another page, which says once what came of what was done.

    Args:
        visit: Of whoever is told.
        address: Of that page.
        said: What is told.
        is_done: Whether it is what was meant to be done.
    """
    visit.workspace.news.leave(visit.who.account, address, Told(said, is_done))
    return go(address)


def _told(visit: Visit, response: Response) -> Response:
    """The way on in words, to the page's script that has sent a form and says so.

    A browser would follow it before the script hears of it, and then once more.
    """
    if SCRIPT not in visit.request.headers or response.status_code != SEE_OTHER:
        return response
    return JSONResponse({"address": response.headers["location"]})


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
