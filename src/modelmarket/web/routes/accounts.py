# SPDX-License-Identifier: Apache-2.0
"""An account: what it has done, and whose page this is."""

from __future__ import annotations

from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from modelmarket.market import Wanted
from modelmarket.protocol.types import read_address
from modelmarket.web import forms, stored
from modelmarket.web.responses import answering, go, show
from modelmarket.web.views import PAGE_ROWS
from modelmarket.web.visits import ACCOUNT_COOKIE, HERE, Visit


def account_page(visit: Visit) -> Response:
    """An account, where the chain has no explorer."""
    workspace, market = visit.workspace, visit.workspace.market
    address = read_address(visit.request.path_params["address"])
    created = market.find(Wanted(requester=address), limit=PAGE_ROWS)
    entered = market.find(Wanted(trainer=address), limit=PAGE_ROWS)
    return show(
        visit,
        "account.html",
        address=address,
        balance=workspace.known(lambda: market.balance(address), None),
        fee_balance=workspace.known(lambda: market.fee_balance(address), None),
        created=created,
        entered=entered,
        reputation=market.reputations([address])[address],
        sizes=stored.sizes(market, [*created, *entered]),
    )


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
    response: Response
    if visit.is_json:
        response = JSONResponse({"account": chosen})
    else:
        response = go(forms.back(visit.form))
    response.set_cookie(ACCOUNT_COOKIE, chosen, httponly=True, samesite="strict")
    return response


ROUTES = [
    Route("/accounts/{address}", answering(account_page)),
    Route("/account", answering(choose_account), methods=["POST"]),
]
