# SPDX-License-Identifier: Apache-2.0
"""Tokens that are none: what they are told to do, and what they call back."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import boa

from contracts.comparing import DEPLOYER, PEOPLE, Comparison
from contracts.encoding import Page, Text, calldata
from contracts.reference import NO_PERMIT
from contracts.sealing import NOTHING
from contracts.sources import search

HARNESS = Path(__file__).parent / "harness"


@cache
def code(name: str) -> bytes:
    search()
    return bytes(boa.load_partial(str(HARNESS / f"{name}.vy")).compiler_data.bytecode)


def of_coin(both: Comparison, what: str, *arguments: object) -> bytes:
    return both.machine.send(both.coin, DEPLOYER, calldata(what, *arguments))


def every_function(both: Comparison) -> dict[str, bytes]:
    """A call of each of the market's functions, with arguments that decode."""
    terms, _ = both.terms("eve", 20, 4, 1)
    page = Page(bytes(96))
    arguments: dict[str, tuple[object, ...]] = {
        "create_request": (terms, NO_PERMIT),
        "cancel_request": (1, NOTHING, 9),
        "open_truth": (1, 0, page, NOTHING),
        "submit": (1, NOTHING, NOTHING, NOTHING, Text(b""), NO_PERMIT),
        "cancel_submission": (1, NOTHING, True),
        "set_operator": (PEOPLE["eve"], True),
        "claim": (1, NOTHING, 1, 0),
        "open_predictions": (1, 0, page, page, NOTHING, NOTHING, Text(b"")),
        "is_operator": (PEOPLE["eve"], PEOPLE["ann"]),
        "truth_page": (1, 0),
        **dict.fromkeys(("coin", "chain_id", "slashed"), ()),
        **dict.fromkeys(("request_count", "submission_count"), ()),
        **dict.fromkeys(("enforce_timeout", "withdraw", "phase"), (1,)),
        **dict.fromkeys(("request", "submission", "due"), (1,)),
    }
    return {name: calldata(name, *sent) for name, sent in arguments.items()}
