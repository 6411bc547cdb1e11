# SPDX-License-Identifier: Apache-2.0
"""The agent: what is due, with which key, and whether all is well."""

from __future__ import annotations

from starlette.responses import Response
from starlette.routing import Route

from modelmarket.agent.checks import Check, examine
from modelmarket.web.responses import answering, show
from modelmarket.web.visits import Visit


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
                accounts=[] if account is None else [account],
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
        secrets=len(market.vault.seals(*market.network.contracts.addresses)),
    )


ROUTES = [Route("/agent", answering(agent_page))]
