# SPDX-License-Identifier: Apache-2.0
"""`modelmarket audit`: holds a request to its promises."""

import typer

from modelmarket.cli.context import Invocation
from modelmarket.cli.options import RequestNumber


def audit(
    ctx: typer.Context,
    request: RequestNumber,
) -> None:
    """Rebuild a request from chain and store alone, and check each promise.

    Exits with 1 if one was not kept. Of what nobody can tell the first column has a
    line, and JSON null: whether a model made the predictions, where it is none that
    can be run.

    Example:

        modelmarket audit 7
    """
    from modelmarket.audit import audit as check

    here = Invocation.of(ctx)
    market = here.market(sign=False)
    verdicts = check(market, request)
    here.output.table(
        [
            {"promise": one.promise, "passed": one.passed, "figures": one.figures}
            for one in verdicts
        ],
        ("", "promise", "figures"),
        [(one.word, one.promise, one.figures) for one in verdicts],
        title=f"Request {request}",
    )
    if any(one.is_broken for one in verdicts):
        raise typer.Exit(1)
