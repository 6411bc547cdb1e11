# SPDX-License-Identifier: Apache-2.0
"""The agent: what is due, with which key, and whether all is well."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import Response
from starlette.routing import Route

from modelmarket.agent.checks import Check, examine
from modelmarket.web.responses import answering, show
from modelmarket.web.visits import Visit
from modelmarket.web.workspace import Workspace

if TYPE_CHECKING:
    from modelmarket.protocol.types import Address


def agent_page(visit: Visit) -> Response:
    """What the agent did and will do, and what could keep it from that."""
    workspace, account = visit.workspace, visit.who.account
    market, plan = workspace.market, workspace.coming
    checks = workspace.known(
        lambda: list(
            examine(
                market,
                plan,
                market.look(),
                clock_is_ours=workspace.move_clock is not None,
            )
        ),
        None,
    )
    away = Check("Node", False, "it does not answer, so nothing else can be checked")
    return show(
        visit,
        "agent.html",
        plan=plan,
        told=list(workspace.told),
        checks=[away] if checks is None else checks,
        is_known=checks is not None,
        operates=_operates(workspace, account),
        secrets=len(market.vault.seals(*market.network.contracts.addresses)),
    )


def _operates(workspace: Workspace, account: Address | None) -> list[tuple[bool, bool]]:
    """In which contests the agent may claim for an account: whether they are verified
    ones, and whether it may; none where it need not be appointed, or nobody can tell.
    """
    market, nothing = workspace.market, list[tuple[bool, bool]]()
    key = market.wallet.address
    if account is None or account == key:
        return nothing
    kinds = (True, False) if market.network.verified else (False,)

    def ask() -> list[tuple[bool, bool]]:
        return [(one, market.is_operator(account, key, verified=one)) for one in kinds]

    return workspace.known(ask, nothing)


ROUTES = [Route("/agent", answering(agent_page))]
