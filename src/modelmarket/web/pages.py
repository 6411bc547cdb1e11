# SPDX-License-Identifier: Apache-2.0
"""The pages that are looked at."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Any

from starlette.concurrency import iterate_in_threadpool, run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import (
    HTMLResponse,
    PlainTextResponse,
    Response,
    StreamingResponse,
)

from modelmarket.agent.checks import Check, examine
from modelmarket.audit import Verdict, audit
from modelmarket.chain.blocks import Receipt
from modelmarket.chain.events import decode
from modelmarket.errors import (
    InputError,
    ModelMarketError,
    NotFoundError,
    in_words,
)
from modelmarket.index.summaries import Sort, Wanted
from modelmarket.market import Request as MarketRequest
from modelmarket.protocol.types import Address, RequestId
from modelmarket.storage.cid import Cid
from modelmarket.vault.journal import MOST_NUMBER, Signer
from modelmarket.web import views
from modelmarket.web.desk import LOG, Desk, Glance, checked_account
from modelmarket.web.fees import fee
from modelmarket.web.rendering import render

if TYPE_CHECKING:
    from modelmarket.index.summaries import Summary
    from modelmarket.storage.store import Entry
    from modelmarket.web.uploads import Upload

ACCOUNT_COOKIE = "modelmarket-account"
HERE = "here:"
"""Stands before an account whose key is this computer's."""
PAGE_ROWS = 25
HEARTBEAT_S = 15.0
LOOK_S = 0.2


@dataclass(frozen=True)
class Visitor:
    """Whose page it is.

    Attributes:
        account: Whose eyes the market is seen with; None before a choice.
        by_browser: Whether a wallet in the browser signs for it.
        is_locked: Whether it is this computer's and waits for its passphrase.
    """

    account: Address | None
    by_browser: bool = False
    is_locked: bool = False


def visitor(desk: Desk, request: Request) -> Visitor:
    """Who looks, by the page's own cookie."""
    chosen = request.cookies.get(ACCOUNT_COOKIE, "")
    is_here = chosen.startswith(HERE)
    try:
        account = checked_account(chosen.removeprefix(HERE))
    except InputError:
        return Visitor(None)
    if not is_here:
        return Visitor(account, by_browser=True)
    if account not in desk.keyring.addresses():
        return Visitor(None)
    return Visitor(account, is_locked=desk.keyring.wallet(account) is None)


Answer = Callable[[Desk, Request], Response]


def endpoint(answer: Answer) -> Callable[[Request], Any]:
    """Makes an endpoint of a function that may take its time.

    What goes wrong becomes a page that says what, and what to do next.
    """

    @wraps(answer)
    async def serve(request: Request) -> Response:
        desk: Desk = request.app.state.desk
        # What comes while the page is being made is new to it.
        request.state.version = desk.version
        try:
            return await run_in_threadpool(answer, desk, request)
        except (HTTPException, ClientDisconnect):
            raise
        except Exception as error:  # noqa: BLE001  # told in words, and logged
            return await run_in_threadpool(failure, desk, request, error)

    return serve


def in_words_or_logged(
    request: Request, error: Exception
) -> tuple[ModelMarketError, int]:
    """What the user is told of an error, and the answer's status.

    What nobody foresaw goes to the log with its traceback, and never to the page.
    """
    if isinstance(error, ModelMarketError):
        return error, 404 if isinstance(error, NotFoundError) else 400
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


def failure(desk: Desk, request: Request, error: Exception) -> Response:
    """The page of an error."""
    words, status = in_words_or_logged(request, error)
    try:
        return show(desk, request, "error.html", status=status, error=words)
    except Exception:  # noqa: BLE001  # the last resort
        LOG.exception("The page of an error failed too.")
        return PlainTextResponse(str(words), status)


def glance_at(desk: Desk, request: Request) -> Glance:
    """What every page shows of the chain; asked once for each page."""
    found: Glance | None = getattr(request.state, "glance", None)
    if found is None:
        found = request.state.glance = desk.glance(visitor(desk, request).account)
    return found


def show(
    desk: Desk, request: Request, template: str, *, status: int = 200, **values: Any
) -> Response:
    """A page, with what every page shows."""
    who = visitor(desk, request)
    glance = glance_at(desk, request)
    page = render(
        template,
        desk=desk,
        path=request.url.path,
        who=who,
        now=glance.now,
        version=request.state.version,
        money=glance.money,
        fees=glance.fees,
        no_airdrop=glance.no_airdrop,
        network=desk.market.network,
        waiting=desk.actions.pending(),
        **values,
    )
    return HTMLResponse(page, status)


# --- the market ---


def market(desk: Desk, request: Request) -> Response:
    """All requests, found, filtered and sorted by the address."""
    asked = request.query_params
    who = visitor(desk, request)
    show_what = asked.get("show", "all")
    sort = asked.get("sort", Sort.NEWEST)
    number = asked.get("page", "1")
    page = max(int(number), 1) if number.isdigit() and len(number) < 9 else 1  # noqa: PLR2004  # no huge number
    wanted = Wanted(
        requester=who.account if show_what == "mine" else None,
        trainer=who.account if show_what == "entered" else None,
        is_final={"open": False, "ended": True}.get(show_what),
        search=asked.get("q", "")[:100],
    )
    index = desk.market.index
    count = index.count(wanted)
    found = index.find(
        wanted,
        sort=Sort(sort) if sort in set(Sort) else Sort.NEWEST,
        limit=PAGE_ROWS,
        offset=(page - 1) * PAGE_ROWS,
    )
    return show(
        desk,
        request,
        "market.html",
        found=found,
        sizes=_sizes(desk, found),
        count=count,
        total=index.count(),
        q=wanted.search,
        shown=show_what,
        sort=sort,
        page=page,
        pages=-(-count // PAGE_ROWS),
    )


def _sizes(desk: Desk, found: list[Summary]) -> dict[RequestId, int]:
    """Bytes of the data of those requests whose data are here."""
    store, sizes = desk.market.store, {}
    for one in found:
        try:
            folder = Cid.parse(one.dataset)
            if store.has(folder):
                sizes[one.id] = sum(entry.size for entry in store.entries(folder))
        except ModelMarketError:
            continue
    return sizes


# --- a request ---


def one_request(desk: Desk, request: Request) -> Response:
    """Everything about a request."""
    return show_request(desk, request, find_request(desk, request))


def find_request(desk: Desk, request: Request) -> MarketRequest:
    """The request that the address names.

    Raises:
        NotFoundError: The market has no such request.
    """
    number = request.path_params["id"]
    unknown = NotFoundError(f"There is no request {number}.")
    if number > MOST_NUMBER:
        raise unknown
    try:
        record = desk.market.index.request(number)
        return MarketRequest(desk.market, record, glance_at(desk, request).now)
    except NotFoundError:
        # Somebody may have sent a link to one that this index has yet to see.
        found = desk.known(lambda: desk.market.request(number), None)
        if found is None:
            raise NotFoundError(
                f"Request {number} is not known here, and the node cannot be asked.",
                hint="Try again when it answers.",
            ) from None
        return found


def show_request(
    desk: Desk,
    request: Request,
    found: MarketRequest,
    *,
    status: int = 200,
    problem: ModelMarketError | None = None,
    verdicts: list[Verdict] | None = None,
    form: Mapping[str, Any] | None = None,
    upload: Upload | None = None,
) -> Response:
    """A request's page, and what went wrong on it.

    Args:
        desk: Of the user.
        request: Of the browser.
        found: The request.
        status: Of the answer.
        problem: What went wrong.
        verdicts: Of the audit; None if there was none.
        form: What was typed into the form of a submission.
        upload: The files that came with it, and are still here.
    """
    who, record = visitor(desk, request), found.record
    now, position = found.now, found.position()
    mine = [one for one in record.submissions.values() if one.trainer == who.account]
    plan = [step for step in desk.coming if step.request_id == found.id]
    may_claim = who.account is None or may_claim_for(desk, who.account)
    kept = {}
    if upload is not None:
        files = {name: upload.file(name) for name in ("predictions", "model")}
        kept = {name: file.name for name, file in files.items() if file is not None}
    return show(
        desk,
        request,
        "request.html",
        status=status,
        record=record,
        terms=found.terms,
        position=position,
        line=views.time_line(record, position),
        ranking=views.ranking(record, who.account),
        deeds=views.deeds(record, now, who.account),
        mine=mine,
        plan=plan,
        may_claim=may_claim,
        data=_dataset(desk, found),
        model=_model(desk, found),
        events=_events(desk, found),
        problem=problem,
        verdicts=verdicts,
        form=form or {},
        upload=upload.name if kept and upload is not None else "",
        kept=kept,
    )


def may_claim_for(desk: Desk, account: Address) -> bool:
    """Whether the agent's key may claim for an account, as far as is known."""
    wallet, contract = desk.market.wallet.address, desk.market.contract
    return account == wallet or desk.known(
        lambda: contract.is_operator(account, wallet), True
    )


@dataclass(frozen=True)
class Data:
    """A request's data, as far as they are here.

    Attributes:
        entries: The files.
        manifest: What they say of themselves; None if they are not here.
        head: The first lines of the training part.
    """

    entries: list[Entry]
    manifest: Any
    head: list[list[str]]


def _dataset(desk: Desk, found: MarketRequest) -> Data | None:
    import csv
    import io
    from itertools import islice

    store = desk.market.store
    try:
        folder = Cid.parse(found.terms.dataset)
        if not store.has(folder):
            return None
        entries = store.entries(folder)
        manifest = found.manifest()
        pieces = store.read(store.resolve(folder, "train.csv"))
        text = next(pieces, b"").decode(errors="replace")
        head = [row[:13] for row in islice(csv.reader(io.StringIO(text)), 6)]
    except (ModelMarketError, csv.Error):
        return None
    return Data(entries, manifest, head)


def _model(desk: Desk, found: MarketRequest) -> list[Entry] | None:
    if not found.record.model:
        return None
    try:
        return desk.market.store.entries(Cid.parse(found.record.model))
    except ModelMarketError:
        return None


def _events(desk: Desk, found: MarketRequest) -> list[tuple[int, str, bytes]]:
    logs = reversed(desk.market.index.logs(found.id)[-100:])
    return [
        (one.timestamp, type(decode(one.log)).__name__, one.log.transaction)
        for one in logs
    ]


def audited(desk: Desk, request: Request) -> Response:
    """A request's page with the audit's verdicts."""
    found = find_request(desk, request)
    return show_request(desk, request, found, verdicts=audit(desk.market, found.id))


def download(desk: Desk, request: Request) -> Response:
    """A file of the store; never shown, only saved."""
    store = desk.market.store
    cid = store.resolve(
        Cid.parse(request.path_params["cid"]), request.path_params["path"]
    )
    node = store.node(cid)
    if node.is_folder:
        raise InputError("That is a folder.", hint="Choose a file in it.")
    headers = {
        "Content-Disposition": "attachment",
        "Content-Length": str(node.size),
        "X-Content-CID": str(cid),
    }
    return StreamingResponse(
        iterate_in_threadpool(store.read(cid)),
        headers=headers,
        media_type="application/octet-stream",
    )


# --- mine ---


def activity(desk: Desk, request: Request) -> Response:
    """Every transaction of mine: the page's, and those of this computer's keys."""
    who = visitor(desk, request)
    newest = desk.actions.newest(PAGE_ROWS)
    mine = [one for one in newest if one.origin and one.account == who.account]
    signed = [one for one in newest if one not in mine and one.signer is Signer.KEY]
    return show(desk, request, "activity.html", mine=mine, signed=signed)


def agent_page(desk: Desk, request: Request) -> Response:
    """The agent: what is due, with which key, and whether all is well."""
    who, plan = visitor(desk, request), desk.coming
    accounts = [] if who.account is None else [who.account]
    checks = desk.known(
        lambda: list(
            examine(
                desk.market,
                plan,
                desk.market.look(),
                accounts=accounts,
                clock_is_ours=desk.move_clock is not None,
            )
        ),
        [Check("Node", False, "it does not answer, so nothing else can be checked")],
    )
    return show(
        desk,
        request,
        "agent.html",
        plan=plan,
        told=list(desk.told),
        checks=checks,
        secrets=len(desk.market.vault.seals(desk.market.network.market)),
    )


def transaction(desk: Desk, request: Request) -> Response:
    """A transaction, where the chain has no explorer."""
    text = request.path_params["hash"].removeprefix("0x")
    try:
        name = bytes.fromhex(text)
    except ValueError:
        name = b""
    if len(name) != 32:  # noqa: PLR2004  # a hash's length
        raise InputError(f"0x{text} is not a transaction's hash.")
    connection, contract = desk.market.connection, desk.market.contract
    is_away = object()
    receipt = desk.known(lambda: connection.receipt(name), is_away)
    if receipt is None:
        raise NotFoundError(f"There is no transaction 0x{text} in the chain yet.")
    if not isinstance(receipt, Receipt):
        return show(desk, request, "transaction.html", hash=name, receipt=None)
    return show(
        desk,
        request,
        "transaction.html",
        hash=name,
        receipt=receipt,
        block=desk.known(lambda: connection.block(receipt.block), None),
        bytes_sent=len(desk.known(lambda: connection.transaction_input(name), b"")),
        events=contract.events(receipt),
    )


def account_page(desk: Desk, request: Request) -> Response:
    """An account, where the chain has no explorer."""
    address = checked_account(request.path_params["address"])
    market = desk.market
    created = desk.market.index.find(Wanted(requester=address), limit=PAGE_ROWS)
    entered = desk.market.index.find(Wanted(trainer=address), limit=PAGE_ROWS)
    return show(
        desk,
        request,
        "account.html",
        address=address,
        balance=desk.known(lambda: market.coin.balance(address), None),
        fee_balance=desk.known(lambda: market.connection.fee_balance(address), None),
        created=created,
        entered=entered,
        sizes=_sizes(desk, [*created, *entered]),
    )


def action_page(desk: Desk, request: Request) -> Response:
    """One action: what it will do and cost, or what became of it."""
    entry = desk.actions.get(request.path_params["id"])
    is_open = entry.state.is_open or entry.is_asked
    connection, kind = desk.market.connection, entry.action.kind
    return show(
        desk,
        request,
        "action.html",
        entry=entry,
        action=entry.action,
        fee=desk.known(lambda: fee(connection, kind), None) if is_open else None,
        is_open=is_open,
    )


async def events(request: Request) -> Response:
    """Server-sent events: a number that grows when there is something new."""
    desk: Desk = request.app.state.desk

    async def stream() -> AsyncIterator[str]:
        seen, quiet = desk.version, 0.0
        yield f"retry: 1000\ndata: {seen}\n\n"
        while not await request.is_disconnected() and not request.app.state.ending:
            await asyncio.sleep(LOOK_S)
            quiet += LOOK_S
            if desk.version != seen:
                seen, quiet = desk.version, 0.0
                yield f"data: {seen}\n\n"
            elif quiet > HEARTBEAT_S:
                quiet = 0.0
                yield ": still here\n\n"

    return StreamingResponse(stream(), media_type="text/event-stream")
