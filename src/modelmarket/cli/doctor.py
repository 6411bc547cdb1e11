# SPDX-License-Identifier: Apache-2.0
"""`modelmarket doctor`: whether everything is as it must be."""

import typer

from modelmarket.cli.context import Invocation
from modelmarket.cli.options import AccountName


def doctor(
    ctx: typer.Context,
    account: AccountName = None,
) -> None:
    """See whether anything could make you miss an appointment.

    It looks at node, clock, fees, operators, late steps, transactions on their
    way, disk, secrets and data. Exits with 1 if something is not as it must be.

    Example:

        modelmarket doctor
    """
    from modelmarket import agent
    from modelmarket.agent.checks import examine, examine_here
    from modelmarket.errors import ChainError

    here = Invocation.of(ctx)
    market = here.market(account, sign=True)
    try:
        moment = market.look()
        checks = list(examine(market, agent.plan(market, moment), moment))
    except ChainError as error:
        checks = list(examine_here(market, error))
    here.output.table(
        [{"name": one.name, "good": one.is_good, "says": one.says} for one in checks],
        ("", "what", "found"),
        [("good" if one.is_good else "LOOK", one.name, one.says) for one in checks],
    )
    if not all(one.is_good for one in checks):
        raise typer.Exit(1)
