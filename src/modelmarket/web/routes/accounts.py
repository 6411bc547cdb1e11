# SPDX-License-Identifier: Apache-2.0
"""An account: what it has done, and whose page this is."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from modelmarket.errors import (
    FieldError,
    FundsError,
    InputError,
    ModelMarketError,
)
from modelmarket.market import Summary, Wanted
from modelmarket.market.paying import receiver_of, transfer_to
from modelmarket.protocol.money import parse_mdc
from modelmarket.protocol.reputation import AsRequester, AsTrainer
from modelmarket.protocol.sentences import FAILURES
from modelmarket.protocol.types import Wei, read_address
from modelmarket.web import forms, stored
from modelmarket.web.forms import BAD_REQUEST
from modelmarket.web.names import YOU, Names
from modelmarket.web.responses import answering, go, show
from modelmarket.web.thresholds import thresholds
from modelmarket.web.views import PAGE_ROWS, Paging
from modelmarket.web.visits import ACCOUNT_COOKIE, HERE, Visit

HELD = "It holds rewards and stakes, and pays them out by its rules; nobody owns it."
CONTRACTS = {
    "the market": f"The contract of all requests of predictions. {HELD}",
    "the market of verified contests": f"The contract of all verified contests. {HELD}",
    "the coin, MDC": "The contract that keeps everybody's balance of MDC.",
}
"""What a contract of the market is, by what it is called."""


@dataclass(frozen=True)
class Figure:
    """Something that was counted.

    Attributes:
        count: How many.
        what: Of what, in singular or plural.
    """

    count: int
    what: str


def account_page(visit: Visit) -> Response:
    """An account, or a contract of the market, where the chain has no explorer."""
    return _show(visit)


def send(visit: Visit) -> Response:
    """Notes that MDC are to be sent to another account, to be confirmed."""
    owner, form = visit.account, visit.form
    if read_address(visit.request.path_params["address"]) != owner:
        raise InputError(
            "These MDC are another account's.",
            hint="Choose that account at the top, and look at its page.",
        )
    market, receiver = visit.workspace.market, forms.text(form, "receiver")
    reading = forms.Reading(form)
    amount = reading.take(lambda: forms.read(form, "amount", parse_mdc), Wei(0))
    try:
        reading.take(lambda: receiver_of(market, owner, receiver), owner)
        reading.finish()
        action = transfer_to(market, owner, receiver, amount)
    except FundsError as error:
        return _show(visit, FieldError(error.message, field="amount", hint=error.hint))
    except ModelMarketError as error:
        return _show(visit, error)
    entry = visit.workspace.actions.prepare(owner, action, f"/accounts/{owner}")
    return go(f"/actions/{entry.id}")


def _show(visit: Visit, problem: ModelMarketError | None = None) -> Response:
    workspace, market = visit.workspace, visit.workspace.market
    address = read_address(visit.request.path_params["address"])
    names = Names.of(workspace, visit.who.account)
    called = names.contracts.get(address, "")
    created, of_created = _part(visit, "created", Wanted(requester=address))
    entered, of_entered = _part(visit, "entered", Wanted(trainer=address))
    requesters = (one.requester for one in (*created, *entered))
    reputations = market.reputations([address, *requesters])
    reputation = reputations[address]
    return show(
        visit,
        "account.html",
        status=BAD_REQUEST if problem else 200,
        problem=problem,
        form=visit.form,
        is_own=address == visit.who.account,
        address=address,
        title=_title(names.get(address)),
        contract=CONTRACTS.get(called, ""),
        balance=workspace.known(lambda: market.balance(address), None),
        fee_balance=workspace.known(lambda: market.fee_balance(address), None),
        created=created,
        of_created=of_created,
        of_entered=of_entered,
        reputations=reputations,
        entered=entered,
        as_requester=_as_requester(reputation.as_requester),
        as_trainer=_as_trainer(reputation.as_trainer),
        sizes=stored.sizes(market, [*created, *entered]),
        thresholds=thresholds(market, [*created, *entered]),
    )


def _part(visit: Visit, name: str, wanted: Wanted) -> tuple[list[Summary], Paging]:
    """The page of a list of requests that the address asks for."""
    market = visit.workspace.market
    asked = forms.whole_number(visit.request.query_params.get(name, ""))
    paging = Paging.of(name, asked, market.count(wanted))
    return market.find(wanted, limit=PAGE_ROWS, offset=paging.offset), paging


def _title(called: str) -> str:
    """The heading of the page of whoever is called so."""
    if called == YOU:
        return "Your account"
    return called[0].upper() + called[1:] if called else "Account"


def _as_requester(found: AsRequester) -> list[Figure]:
    return _figures(
        (found.created, "request", "requests"),
        (found.paid, "paid a winner", "paid a winner"),
        (found.won_itself, "won by itself", "won by itself"),
        (found.opened, "truth or key opened", "truths and keys opened"),
        (found.refunded, "refunded", "refunded"),
        (found.cancelled - found.cancelled_with_entries, "cancelled", "cancelled"),
        (
            found.cancelled_with_entries,
            "cancelled with entries in",
            "cancelled with entries in",
        ),
        (found.forfeited, "forfeited", "forfeited"),
        (found.going_on, "going on", "going on"),
    )


def _as_trainer(found: AsTrainer) -> list[Figure]:
    return _figures(
        (found.submitted, "submission", "submissions"),
        (found.won, "won", "won"),
        (found.won_own, "won in a request of its own", "won in requests of its own"),
        (found.run, "winning model run here", "winning models run here"),
        (found.reproduced, "reproduced here", "reproduced here"),
        (found.ranked, "did not win", "did not win"),
        (found.silent, "never claimed", "never claimed"),
        *(
            (count, f"failed: {FAILURES[why]}", f"failed: {FAILURES[why]}")
            for why, count in found.failures.items()
        ),
        (found.cancelled, "cancelled in time", "cancelled in time"),
        (found.unjudged, "never judged", "never judged"),
        (found.going_on, "going on", "going on"),
    )


def _figures(*counted: tuple[int, str, str]) -> list[Figure]:
    """What there is some of."""
    return [
        Figure(count, one if count == 1 else more)
        for count, one, more in counted
        if count
    ]


def choose_account(visit: Visit) -> Response:
    """Looks at the market as the browser's wallet, or as a key of this computer.

    A key that is locked is asked for in the terminal, never in the page.
    """
    chosen = forms.text(visit.form, "account")
    if chosen.startswith(HERE):
        account = read_address(chosen.removeprefix(HERE))
        visit.workspace.keyring.ask_for(account)
        chosen = HERE + account
    elif chosen:
        chosen = read_address(chosen)
    # Whatever other tabs show is for somebody else now.
    visit.workspace.changed()
    response: Response
    if visit.is_json:
        response = JSONResponse({"account": chosen})
    else:
        response = go(forms.back(visit.form))
    response.set_cookie(ACCOUNT_COOKIE, chosen, httponly=True, samesite="strict")
    return response


ROUTES = [
    Route("/accounts/{address}", answering(account_page)),
    Route("/accounts/{address}/send", answering(send), methods=["POST"]),
    Route("/account", answering(choose_account), methods=["POST"]),
]
