# SPDX-License-Identifier: Apache-2.0
"""`modelmarket audit`: holds a request to its promises."""

import typer

from modelmarket.cli.options import (
    DEFAULT_NETWORK,
    AsJson,
    NetworkName,
    RequestNumber,
    open_market,
)
from modelmarket.cli.output import Output


def audit(
    request: RequestNumber,
    network: NetworkName = DEFAULT_NETWORK,
    as_json: AsJson = False,
) -> None:
    """Rebuild a request from chain and store alone, and check each promise.

    Exits with 1 if one was not kept.

    Example:

        modelmarket audit 7
    """
    from modelmarket.audit import audit as check

    market = open_market(network, sign=False)
    verdicts = check(market, request)
    Output(as_json=as_json).table(
        [
            {"promise": one.promise, "passed": one.passed, "figures": one.figures}
            for one in verdicts
        ],
        ("", "promise", "figures"),
        [
            ("PASS" if one.passed else "FAIL", one.promise, one.figures)
            for one in verdicts
        ],
        title=f"Request {request}",
    )
    if not all(one.passed for one in verdicts):
        raise typer.Exit(1)
