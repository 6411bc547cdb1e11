# SPDX-License-Identifier: Apache-2.0
"""A transaction, where the chain has no explorer."""

from __future__ import annotations

from starlette.responses import Response
from starlette.routing import Route

from modelmarket.chain.blocks import Receipt
from modelmarket.errors import InputError, NotFoundError
from modelmarket.web.responses import answering, show
from modelmarket.web.visits import Visit

HASH_BYTES = 32


def transaction(visit: Visit) -> Response:
    """What a transaction did on this market, as the node tells it."""
    desk, text = visit.desk, visit.request.path_params["hash"].removeprefix("0x")
    try:
        name = bytes.fromhex(text)
    except ValueError:
        name = b""
    if len(name) != HASH_BYTES:
        raise InputError(f"0x{text} is not a transaction's hash.")
    connection, contract = desk.market.connection, desk.market.contract
    is_away = object()
    receipt = desk.known(lambda: connection.receipt(name), is_away)
    if receipt is None:
        raise NotFoundError(f"There is no transaction 0x{text} in the chain yet.")
    if not isinstance(receipt, Receipt):
        return show(visit, "transaction.html", hash=name, receipt=None)
    return show(
        visit,
        "transaction.html",
        hash=name,
        receipt=receipt,
        block=desk.known(lambda: connection.block(receipt.block), None),
        bytes_sent=len(desk.known(lambda: connection.transaction_input(name), b"")),
        events=contract.events(receipt),
    )


ROUTES = [Route("/transactions/{hash}", answering(transaction))]
