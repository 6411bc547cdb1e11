# SPDX-License-Identifier: Apache-2.0
"""A transaction, where the chain has no explorer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import Markup
from starlette.responses import Response
from starlette.routing import Route

from modelmarket.errors import InputError, ModelMarketError, NotFoundError
from modelmarket.market.transactions import Transaction
from modelmarket.protocol.money import format_mdc
from modelmarket.web.happenings import sentence
from modelmarket.web.names import Names
from modelmarket.web.responses import answering, show
from modelmarket.web.visits import Visit

if TYPE_CHECKING:
    from modelmarket.market import Market
    from modelmarket.protocol.events import Event
    from modelmarket.protocol.records import BaseRecord

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
        raise InputError(f"0x{text[:80]} is not a transaction's hash.")
    is_away = object()
    found = workspace.known(lambda: workspace.market.transaction(name), is_away)
    if found is None:
        raise NotFoundError(f"There is no transaction 0x{text} in the chain yet.")
    # While the node is away there is nothing but the hash to show.
    known = found if isinstance(found, Transaction) else None
    names = Names.of(workspace, visit.who.account)
    return show(
        visit,
        "transaction.html",
        hash=name,
        found=known,
        names=names,
        told=[] if known is None else _told(workspace.market, known, names),
    )


def _told(market: Market, found: Transaction, names: Names) -> list[Markup]:
    """What it meant, in sentences; none while it is in no block, or if it failed."""
    if found.block is None or found.why_failed:
        return []
    told = [sentence(one, names, _record(market, one)) for one in found.events]
    if found.airdropped is not None:
        told.append(
            Markup("{} got the airdrop, which each account gets once.").format(
                names.said(found.airdropped, first=True)
            )
        )
    if found.value and found.to is not None:
        told.append(
            Markup("{} sent {} of the chain's coin to {}.").format(
                names.said(found.sender, first=True),
                format_mdc(found.value),
                names.said(found.to),
            )
        )
    if not told:
        told = [
            Markup("{} sent {} MDC to {}.").format(
                names.said(one.sender, first=True),
                format_mdc(one.amount),
                names.said(one.receiver),
            )
            for one in found.transfers
        ]
    if not told and found.contract is not None:
        told.append(
            Markup("{} made a new contract.").format(
                names.said(found.sender, first=True)
            )
        )
    return told or [Markup("Nothing on this market.")]


def _record(market: Market, event: Event) -> BaseRecord | None:
    """The request that an event is about, as the index has it; None for none."""
    number = getattr(event, "request_id", None)
    if number is None:
        return None
    try:
        return market.record(number)
    except ModelMarketError:
        # It is not known yet, or was set aside.
        return None


ROUTES = [Route("/transactions/{hash}", answering(transaction))]
