# SPDX-License-Identifier: Apache-2.0
"""Arguments and options that several commands have.

Those of the whole program are in `program.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, TypeVar

import typer

from modelmarket.errors import InputError
from modelmarket.protocol.types import RequestId, SubmissionId

MOST_PORT = 65_535


Value = TypeVar("Value")


def read(option: str, parse: Callable[[str], Value], text: str) -> Value:
    """What an option was given; a mistake names it.

    Raises:
        InputError: It cannot be read; of the kind that it is.
    """
    try:
        return parse(text)
    except InputError as error:
        raise type(error)(f"{option}: {error.message}", hint=error.hint) from error


def read_any(
    option: str, parse: Callable[[str], Value], text: str | None
) -> Value | None:
    """The same; None for an option that was left out."""
    return None if text is None else read(option, parse, text)


def request_id(text: str) -> RequestId:
    """Reads a request's id; a mistake is told like any other of an argument."""
    try:
        return RequestId.parse(text)
    except InputError as error:
        raise typer.BadParameter(error.text) from error


def _submission_id(text: str) -> SubmissionId:
    """Reads a submission's id; see `request_id`."""
    try:
        return SubmissionId.parse(text)
    except InputError as error:
        raise typer.BadParameter(error.text) from error


AccountName = Annotated[
    str | None,
    typer.Option(
        "--account",
        envvar="MODELMARKET_ACCOUNT",
        help="An account's address, or how it begins.",
    ),
]
RequestNumber = Annotated[
    RequestId,
    typer.Argument(
        metavar="REQUEST",
        parser=request_id,
        help="Its id: 7, or v7 for a verified contest.",
    ),
]
SubmissionNumber = Annotated[
    SubmissionId,
    typer.Argument(
        metavar="SUBMISSION",
        parser=_submission_id,
        help="Its id: 12, or v12 in a verified contest.",
    ),
]

Again = Annotated[
    bool, typer.Option("--again", help="Even if it was published or entered before.")
]
AcceptStake = Annotated[
    bool, typer.Option("--accept-stake", help="Even if the stake is above the reward.")
]

Unconfined = Annotated[
    bool,
    typer.Option(
        "--unconfined",
        help="Run a stranger's file where it cannot be confined, with limits alone.",
    ),
]
AcceptRisk = Annotated[
    bool,
    typer.Option(
        "--accept-risk", help="With --unconfined: as if the file were your own program."
    ),
]

Notify = Annotated[bool, typer.Option("--notify", help="Show warnings on the desktop.")]
MetricsPort = Annotated[
    int,
    typer.Option(
        min=0, max=MOST_PORT, help="Serve Prometheus there, on loopback; 0 for not."
    ),
]

WEBHOOK_VARIABLE = "MODELMARKET_WEBHOOK"
