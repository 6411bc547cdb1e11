# SPDX-License-Identifier: Apache-2.0
"""A transaction, where the chain has no explorer."""

from __future__ import annotations

from starlette.responses import Response
from starlette.routing import Route

from modelmarket.errors import InputError, NotFoundError
from modelmarket.market.reader import Transaction
from modelmarket.web.responses import answering, show
from modelmarket.web.visits import Visit

HASH_BYTES = 32


def transaction(visit: Visit) -> Response:
    """What a transaction did on this market, as the node tells it."""
    workspace, text = (
        visit.workspace,
        visit.request.path_params["hash"].removeprefix("0x"),
    )
    try:
        name = bytes.fromhex(text)
    except ValueError:
        name = b""
    if len(name) != HASH_BYTES:
        raise InputError(f"0x{text} is not a transaction's hash.")
    is_away = object()
    found = workspace.known(lambda: workspace.market.transaction(name), is_away)
    if found is None:
        raise NotFoundError(f"There is no transaction 0x{text} in the chain yet.")
    # While the node is away there is nothing but the hash to show.
    known = found if isinstance(found, Transaction) else None
    return show(visit, "transaction.html", hash=name, found=known)


ROUTES = [Route("/transactions/{hash}", answering(transaction))]
