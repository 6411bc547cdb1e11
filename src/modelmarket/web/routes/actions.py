# SPDX-License-Identifier: Apache-2.0
"""An action: begun, looked at, confirmed, signed by a key or by a wallet."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from markupsafe import Markup
from starlette.convertors import Convertor, register_url_convertor
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from modelmarket.errors import (
    InputError,
    ModelMarketError,
    NotFoundError,
    StepError,
)
from modelmarket.protocol.actions import (
    KINDS,
    Action,
    CancelRequest,
    CancelSubmission,
    ClaimAirdrop,
    CreateContest,
    CreateRequest,
    EnforceTimeout,
    Entering,
    Fund,
    SetOperator,
    Settle,
    Submit,
    SubmitModel,
    Withdraw,
    WithdrawBond,
)
from modelmarket.protocol.payouts import returns_stake
from modelmarket.protocol.steps import takes_submissions
from modelmarket.protocol.types import RequestId, Wei
from modelmarket.vault.journal import State
from modelmarket.web import forms
from modelmarket.web.deeds import came_of, heading, record_of, told
from modelmarket.web.names import Names
from modelmarket.web.news import Told
from modelmarket.web.receipts.parts import Sight
from modelmarket.web.receipts.telling import receipt
from modelmarket.web.responses import (
    answering,
    go,
    go_and_tell,
    in_decimals,
    show,
)
from modelmarket.web.routes.requests import may_claim_for
from modelmarket.web.views import ACTIONS, local_path, result_of
from modelmarket.web.visits import Visit

if TYPE_CHECKING:
    from modelmarket.market.confirming import Asks
    from modelmarket.vault.journal import Entry


class ActionNumbers(Convertor[int]):
    """The part of an address that names an action."""

    regex = "[0-9]{1,18}"

    def convert(self, value: str) -> int:
        return int(value)

    def to_string(self, value: int) -> str:
        return str(value)


register_url_convertor("action", ActionNumbers())

DECLINED = 4001
"""EIP-1193: the user rejected the request."""
MOST_REASON = 500
FUND_WEI = Wei(5 * 10**16)
"""Of the chain's own coin: enough for some hundred steps at 1 gwei."""


def _looked_at(visit: Visit) -> Entry:
    return visit.workspace.actions.get(visit.request.path_params["id"])


def _own(visit: Visit) -> Entry:
    """The action that the address names, if it is its visitor's.

    Raises:
        InputError: It is another account's.
        NotFoundError: There is none.
    """
    entry = _looked_at(visit)
    if entry.account != visit.account:
        raise InputError(f"This is to be signed by {entry.account}.")
    return entry


# --- beginning and looking ---


def begin(visit: Visit) -> Response:
    """Notes one of the small actions, to be confirmed."""
    owner = visit.account
    action = _small_action(visit)
    entry = visit.workspace.actions.prepare(owner, action, forms.back(visit.form))
    return go(f"/actions/{entry.id}")


def _small_action(visit: Visit) -> Action:
    """What a button without a form of its own does.

    Raises:
        InputError: It is nothing that can be done so.
    """
    market, form = visit.workspace.market, visit.form
    kind, agent_key = forms.text(form, "kind"), market.wallet.address
    match kind:
        case ClaimAirdrop.kind:
            return ClaimAirdrop()
        case SetOperator.kind:
            is_verified = forms.text(form, "verified") == "yes"
            approved = forms.text(form, "approved") != "no"
            return SetOperator(agent_key, approved=approved, verified=is_verified)
        case Fund.kind:
            return Fund(agent_key, FUND_WEI)
        case CancelRequest.kind | EnforceTimeout.kind | Settle.kind:
            record = market.record(forms.request_id(form))
            if kind == EnforceTimeout.kind:
                return EnforceTimeout(record.id)
            if kind == Settle.kind:
                _require_contest(record.id)
                return Settle(record.id)
            return CancelRequest(record.id, record.terms_hash, record.live)
        case CancelSubmission.kind | Withdraw.kind | WithdrawBond.kind:
            one = market.any_submission(forms.submission_id(form))
            if kind == Withdraw.kind:
                return Withdraw(one.request.id, one.id)
            if kind == WithdrawBond.kind:
                _require_contest(one.request.id)
                return WithdrawBond(one.request.id, one.id)
            returns = returns_stake(one.request.record, one.request.now)
            return CancelSubmission(
                one.request.id, one.id, one.record.seal, accept_slash=not returns
            )
        case kind if kind in KINDS:
            raise InputError(f"{ACTIONS[kind]} begins with a form of its own.")
        case _:
            raise InputError(f"{kind[:40]!r} is nothing that can be done here.")


def _require_contest(number: RequestId) -> None:
    """A request is a verified contest.

    Raises:
        InputError: It is one of predictions.
    """
    if not number.is_verified:
        raise InputError(f"Request {number} is no verified contest.")


def action_page(visit: Visit) -> Response:
    """One action: what it will do and cost, or what became of it."""
    entry = _looked_at(visit)
    is_open = entry.state.is_open or entry.is_asked
    workspace, action = visit.workspace, entry.action
    is_own, form = entry.account == visit.who.account, _form_of(entry)
    market = workspace.market
    # To anybody else it is told of addresses alone: "you" would be somebody else.
    names = Names.of(workspace, entry.account if is_own else None)
    posting, outcome = None, None
    if isinstance(action, SubmitModel) and action.fit and is_open:
        gas = action.fit["answer"]["gas"]
        posting = workspace.known(lambda: market.price(gas), None)
    ended = entry.state.is_done or entry.state is State.FAILED
    if ended and (name := entry.hash) is not None:
        outcome = workspace.known(lambda: market.transaction(name), None)
    asks, refusal = _asked(visit, entry) if is_open and is_own else (None, None)
    may_claim = not (is_open and isinstance(action, Entering)) or may_claim_for(
        workspace, entry.account, verified=action.is_verified
    )
    now = visit.glance.now
    is_refused = refusal is not None and entry.state is State.PREPARED
    sight = Sight(
        market,
        entry,
        names,
        now,
        outcome,
        posting,
        may_claim,
        is_refused=is_refused,
        is_own=is_own,
    )
    return show(
        visit,
        "action.html",
        entry=entry,
        heading=heading(entry, sight.standing),
        standing=sight.standing,
        is_refused=is_refused,
        receipt=receipt(sight),
        fee=workspace.known(lambda: market.fee(action), None) if is_open else None,
        outcome=outcome,
        asks=asks,
        refusal=refusal,
        is_stale=isinstance(refusal, StepError | NotFoundError),
        names=names,
        is_open=is_open,
        is_own=is_own,
        form=form,
        is_kept=workspace.uploads.has(_upload_of(entry)),
        may_change=bool(form) and _may_change(visit, entry),
        successor=workspace.actions.come_of(entry.origin) if form else None,
    )


def _form_of(entry: Entry) -> str:
    """The address of the form that an action was made with; empty for none."""
    if not entry.origin:
        return ""
    match entry.action:
        case CreateRequest():
            return f"/requests/new/{entry.origin}"
        case CreateContest():
            return f"/contests/new/{entry.origin}"
        case Submit() | SubmitModel():
            return local_path(entry.origin)
        case _:
            return ""


def _may_change(visit: Visit, entry: Entry) -> bool:
    """Whether anything could come of another version of what was prepared."""
    if not isinstance(entry.action, Entering):
        return True
    record = record_of(visit.workspace.market, entry)
    return record is not None and takes_submissions(record, visit.glance.now)


def _upload_of(entry: Entry) -> str:
    """The upload that an action was made of; no upload's name where it was of none."""
    # What else was begun beside an upload only leads back to it.
    return entry.origin.rpartition("=")[2] if _form_of(entry) else ""


def change(visit: Visit) -> Response:
    """Gives up what was prepared, and goes back to its form, which is as it was."""
    entry = _own(visit)
    form = _form_of(entry)
    if not form:
        raise InputError(f"{told(entry)} has no form that could be changed.")
    if not _may_change(visit, entry):
        raise StepError(
            f"Request {entry.action.request_id} takes no more submissions.",
            hint="This can be discarded; nothing was staked on it.",
        )
    if not visit.workspace.uploads.has(_upload_of(entry)):
        raise NotFoundError(
            "What this was made of is not here any more.",
            hint="It can still be confirmed; to change it, choose the file again.",
        )
    visit.workspace.actions.give_up(entry)
    return go_and_tell(
        visit, form, Markup("Nothing was sent. Change it, and seal it once more.")
    )


def discard(visit: Visit) -> Response:
    """Gives up what was prepared, and forgets what it was made of."""
    entry = _own(visit)
    visit.workspace.actions.give_up(entry)
    _forget_files(visit, entry)
    said = Markup("<strong>Discarded: {}.</strong> Nothing of it has happened.")
    words = told(entry)
    return go_and_tell(
        visit, result_of(entry), said.format(f"{words[:1].lower()}{words[1:]}")
    )


def _forget_files(visit: Visit, entry: Entry) -> None:
    """Removes what an action was made of, as nobody goes back to its form any more:
    its files, if they are still here, and what was typed beside them.
    """
    visit.workspace.uploads.discard_named(_upload_of(entry))


def _asked(visit: Visit, entry: Entry) -> tuple[Asks | None, ModelMarketError | None]:
    """What the wallet is going to be asked, or why it cannot be."""
    workspace = visit.workspace
    try:
        return workspace.known(lambda: workspace.actions.asks(entry), None), None
    except ModelMarketError as error:
        return None, error


def state(visit: Visit) -> Response:
    """How far an action is; the page that asks goes on to what came of it."""
    entry = _looked_at(visit)
    if entry.state.is_done and entry.account == visit.who.account:
        said = came_of(visit.workspace.market, entry)
        visit.workspace.news.leave(entry.account, result_of(entry), Told(said))
    return JSONResponse(
        {
            "is_done": entry.state.is_done,
            "is_under_way": entry.is_under_way,
            "result": result_of(entry),
        }
    )


# --- signed by a key of this computer ---


def confirm(visit: Visit) -> Response:
    """Does an action with this computer's key.

    The second of two clicks finds it begun, and goes to where it is shown.
    """
    actions, entry = visit.workspace.actions, _own(visit)
    try:
        actions.confirm(entry, again=forms.text(visit.form, "again") == "yes")
    except StepError:
        now = actions.get(entry.id)
        if not (now.is_under_way or now.state.is_done):
            raise
    done = actions.get(entry.id)
    if done.is_under_way or done.state.is_done:
        _forget_files(visit, done)
    if not done.state.is_done:
        return go(f"/actions/{entry.id}")
    return go_and_tell(visit, result_of(done), came_of(visit.workspace.market, done))


# --- signed by a wallet in the browser ---


def permit(visit: Visit) -> Response:
    """What the wallet must sign before the transaction; null for nothing."""
    entry, again = _own(visit), visit.form.get("again") is True
    message = visit.workspace.actions.permit_message(
        entry, again=again, deadline=forms.decimal(visit.form, "deadline")
    )
    return JSONResponse(
        {"message": in_decimals(message), "attempt": str(entry.attempt)}
    )


def transaction(visit: Visit) -> Response:
    """The transaction for the wallet, tried on the chain."""
    form = visit.form
    asked, made = visit.workspace.actions.transaction(
        _own(visit),
        forms.decimal(form, "deadline"),
        forms.text(form, "signature"),
        again=form.get("again") is True,
    )
    return JSONResponse({"transaction": made, "attempt": str(asked.attempt)})


def sent(visit: Visit) -> Response:
    """Notes the hash that the wallet gave."""
    entry = _own(visit)
    text = forms.text(visit.form, "hash").removeprefix("0x")
    if not re.fullmatch(r"[0-9a-fA-F]{64}", text):
        raise InputError("The wallet gave no transaction's hash.")
    visit.workspace.actions.sent(entry, bytes.fromhex(text))
    _forget_files(visit, entry)
    return JSONResponse({})


def refused(visit: Visit) -> Response:
    """Notes that the wallet did not sign: by its user's will, or by an error.

    Whoever answers for an earlier attempt says nothing of this one. After an
    error the wallet may all the same have sent what it was given.
    """
    actions, form, entry = visit.workspace.actions, visit.form, _own(visit)
    if forms.decimal(form, "attempt") != entry.attempt:
        raise StepError("The wallet was asked again meanwhile.")
    if form.get("code") == DECLINED:
        actions.declined(entry)
    else:
        actions.puzzled(
            entry,
            message="The wallet could not do it.",
            reason=forms.text(form, "reason")[:MOST_REASON],
        )
    return JSONResponse({})


ROUTES = [
    Route("/actions", answering(begin), methods=["POST"]),
    Route("/actions/{id:action}", answering(action_page)),
    Route("/actions/{id:action}/state", answering(state)),
    Route("/actions/{id:action}/change", answering(change), methods=["POST"]),
    Route("/actions/{id:action}/discard", answering(discard), methods=["POST"]),
    Route("/actions/{id:action}/confirm", answering(confirm), methods=["POST"]),
    Route("/actions/{id:action}/permit", answering(permit), methods=["POST"]),
    Route("/actions/{id:action}/transaction", answering(transaction), methods=["POST"]),
    Route("/actions/{id:action}/sent", answering(sent), methods=["POST"]),
    Route("/actions/{id:action}/refused", answering(refused), methods=["POST"]),
]
