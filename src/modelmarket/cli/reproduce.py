# SPDX-License-Identifier: Apache-2.0
"""`modelmarket reproduce`: whether the model that won gives what was paid for."""

from __future__ import annotations

from typing import Annotated

import typer

from modelmarket.cli.asking import with_consent
from modelmarket.cli.context import Invocation
from modelmarket.cli.options import AcceptRisk, RequestNumber, Unconfined


def reproduce(
    ctx: typer.Context,
    request: RequestNumber,
    memory: Annotated[
        int, typer.Option(min=1, metavar="MIB", help="MiB that the model may take.")
    ] = 4_096,
    seconds: Annotated[
        int, typer.Option(min=1, help="Seconds that the model may take.")
    ] = 600,
    unconfined: Unconfined = False,
    accept_risk: AcceptRisk = False,
) -> None:
    """Run the model that won on the rows it was scored on, and compare row by row.

    The model of a verified contest is recomputed as the chain would. That of any other
    request is a stranger's ONNX file: it runs in a process without network, files and
    processes, with limits on memory and time. Nothing else is run at all.

    Exits with 1 if it gives something else, or cannot be run; with 10 if this machine
    cannot confine it.

    Examples:

        modelmarket reproduce 7

        modelmarket reproduce v7

        modelmarket reproduce 7 --memory 1024 --seconds 60
    """
    from modelmarket.system.confinement import Limits

    here = Invocation.of(ctx)
    found = here.market(sign=False).any_request(request)
    limits = Limits(memory_bytes=memory * 2**20, processor_s=seconds, wall_s=seconds)
    done = with_consent(
        lambda *, accept_risk: found.reproduce(
            limits, unconfined=unconfined, accept_risk=accept_risk
        ),
        here.output,
        accept_risk=accept_risk,
    )
    here.output.result(done.as_document(), *done.lines())
    if done.differing and not here.output.as_json:
        here.output.table(
            None,
            ("row", "opened", "the model says"),
            [(one.row, one.opened, one.computed) for one in done.differing],
        )
    if not done.is_reproduced:
        raise typer.Exit(1)
