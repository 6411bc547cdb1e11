# SPDX-License-Identifier: Apache-2.0
"""Whether a model that won gives the predictions that it was paid for.

In a verified contest the chain has settled it, and whoever looks recomputes it to the
last bit. In a contest of predictions any file can have won: what is in the winner's
folder is run on the test rows, in confinement, and held against what was opened.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from modelmarket.errors import (
    ConfinementError,
    DataError,
    InputError,
    LimitError,
    ModelMarketError,
    NotFoundError,
    StepError,
)
from modelmarket.market.evidence import Evidence, gather
from modelmarket.market.opened_predictions import opened_predictions
from modelmarket.market.verified.refutations import named
from modelmarket.market.winning import winning_model
from modelmarket.protocol.reproductions import (
    MOST_SHOWN,
    Differing,
    Outcome,
    Reproduction,
)
from modelmarket.system.text import counted

if TYPE_CHECKING:
    from modelmarket.market.request import Request
    from modelmarket.market.verified.request import VerifiedRequest
    from modelmarket.system.confinement import Limits


def reproduce(
    request: Request, limits: Limits | None = None, *, unconfined: bool = False
) -> Reproduction:
    """Runs the model that won on the test rows, in confinement.

    Args:
        request: Of predictions, in which somebody has won.
        limits: What the model may use; None for four GiB and ten minutes.
        unconfined: Run it with limits alone.

    Raises:
        StepError: Nobody has won.
        ConfinementError: This machine cannot confine it.
        NotFoundError: The model or the test rows are nowhere to be had.
        ChainError: What was opened does not open the seal.
    """
    return reproduced_from(
        gather(request.market, request.id), limits, unconfined=unconfined
    )


def reproduced_from(
    evidence: Evidence, limits: Limits | None = None, *, unconfined: bool = False
) -> Reproduction:
    """The same of a request whose evidence is there; see `reproduce`."""
    found = _reproduced(evidence, limits, unconfined=unconfined)
    return noted(evidence.request, found)


def noted(request: Request | VerifiedRequest, found: Reproduction) -> Reproduction:
    """Keeps what was found out in the index, unless it was only stopped."""
    found = replace(found, at=int(time.time()))
    if found.outcome is not Outcome.STOPPED:
        seal = request.submission_record(request.record.winner).seal
        request.market.index.note_reproduction(seal, found)
    return found


def _reproduced(
    evidence: Evidence, limits: Limits | None, *, unconfined: bool
) -> Reproduction:
    from modelmarket.market.request import Request

    request = evidence.request
    assert isinstance(request, Request), "it is of predictions"
    winner = request.winner()
    if winner is None:
        raise StepError(f"Request {request.id} has no winner: {request.status()}")
    opened = opened_predictions(evidence, winner.record)
    assert opened is not None, "who has won has opened all"
    expected = request.manifest().classes.decode(opened.codes)
    started = Reproduction(
        request.id, opened.model, Outcome.NOT_REPRODUCIBLE, rows=len(expected)
    )
    rows = request.test_data()
    try:
        if rows.height != len(expected):
            raise DataError(
                f"{counted(len(expected), 'row')} were opened, and the dataset has "
                f"{rows.height:,}."
            )
        with winning_model(request, limits, unconfined=unconfined) as model:
            computed = model.predict(rows)
    except LimitError as error:
        return _because(started, Outcome.STOPPED, error)
    except ConfinementError:
        raise
    except InputError as error:
        return _because(started, Outcome.NOT_REPRODUCIBLE, error)
    return compared(started, expected, computed)


def compared(
    started: Reproduction, expected: Sequence[str], computed: Sequence[str]
) -> Reproduction:
    """Holds what a model says against what was opened, row by row."""
    differing = [
        Differing(row, one, other)
        for row, (one, other) in enumerate(zip(expected, computed, strict=True), 1)
        if one != other
    ]
    return Reproduction(
        started.request,
        started.model,
        Outcome.DIFFERENT if differing else Outcome.REPRODUCED,
        rows=len(expected),
        alike=len(expected) - len(differing),
        differing=tuple(differing[:MOST_SHOWN]),
    )


def _because(
    started: Reproduction, outcome: Outcome, error: ModelMarketError
) -> Reproduction:
    return Reproduction(
        started.request, started.model, outcome, rows=started.rows, why=error.message
    )


def recomputed(request: VerifiedRequest) -> Reproduction:
    """Runs the model that won on the hidden rows, exactly as the chain would.

    Raises:
        StepError: Nobody has won.
        NotFoundError: The rows are nowhere to be had.
    """
    return noted(request, _recomputed(request))


def _recomputed(request: VerifiedRequest) -> Reproduction:
    winner = request.winner()
    if winner is None or winner.record.showing is None:
        raise StepError(f"Request {request.id} has no winner: {request.status()}")
    started = Reproduction(
        request.id,
        request.record.model,
        Outcome.NOT_REPRODUCIBLE,
        rows=request.terms.rows,
    )
    found = winner.evidence()
    if found.model is None:
        return _because(started, Outcome.NOT_REPRODUCIBLE, NotFoundError(found.why))
    truly = request.opened().listing(found.model)
    target = request.schema.target
    computed = target.decode(truly.predictions)
    if truly.is_of(winner.record.showing.shown):
        return compared(started, computed, computed)
    if found.listing is None:
        why = "The listing that was paid for is another one, and nobody serves it."
        return _because(started, Outcome.DIFFERENT, NotFoundError(why))
    listed = [named(target, one) for one in found.listing.predictions.tolist()]
    return compared(started, listed, computed)
