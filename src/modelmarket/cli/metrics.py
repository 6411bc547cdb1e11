# SPDX-License-Identifier: Apache-2.0
"""`modelmarket request metrics`: how good what won is, by the usual figures."""

from __future__ import annotations

import typer

from modelmarket.cli.context import Invocation
from modelmarket.cli.options import RequestNumber


def metrics(
    ctx: typer.Context,
    request: RequestNumber,
) -> None:
    """Tell how good what won is: the usual figures, and which classes it confuses.

    Of classes accuracy, balanced accuracy, macro F1, and log loss if probabilities lie
    beside the winner's model; of numbers mean absolute error, RMSE and R². Each has an
    interval that holds 95% of what luck in the choice of the test rows can do. Few
    classes are told each with each, of more the commonest mistakes; --json has
    precision and recall of every class, too.

    All of it is worked out from the truth and what the winner opened; nothing of a
    stranger's is run. Exits with 9 where nobody has won.

    Examples:

        modelmarket request metrics 7

        modelmarket request metrics v7 --json
    """
    from modelmarket.datasets.figures import ClassMetrics

    here = Invocation.of(ctx)
    found = here.market(sign=False).any_request(request)
    good = found.metrics()
    document = {"request": found.id, "submission": found.record.winner}
    here.output.result(document | good.as_document(), *good.lines())
    if isinstance(good, ClassMetrics) and not here.output.as_json:
        title, columns, cells = good.table()
        empty = "No row is taken for one of another class."
        here.output.table(None, columns, cells, title=title, empty=empty)
