# SPDX-License-Identifier: Apache-2.0
"""How good what won is, from what the chain says: the truth, and what was opened.

Nothing of a stranger's is executed. Beside the winner's model may lie what probability
it gave to each class: whatever is in that file, it tells the log loss, or why not.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import numpy as np

from modelmarket.errors import ModelMarketError, NotFoundError, StepError
from modelmarket.market.evidence import gather
from modelmarket.market.opened_predictions import opened_predictions

if TYPE_CHECKING:
    from modelmarket.datasets.figures import Metrics
    from modelmarket.datasets.probabilities import Probabilities
    from modelmarket.market.request import Request
    from modelmarket.market.verified.opened import Opened
    from modelmarket.market.verified.request import VerifiedRequest
    from modelmarket.protocol.classes import Codes
    from modelmarket.protocol.hidden import Targets

NONE_GIVEN = "no probabilities of each class go with the predictions"
NONE_SEALED = "the winner’s folder has no probabilities.csv"
NOT_HERE = "the winner’s files are not here yet"
NONE_EXACT = "an exact model says a class, and no probabilities"

_log = logging.getLogger(__name__)


def measured(request: Request, *, fetches: bool = True) -> Metrics:
    """How good the predictions are that won a contest of predictions.

    Args:
        request: In which somebody has won.
        fetches: Whether probabilities are fetched that are not here.

    Raises:
        StepError: Nobody has.
        ChainError: What was opened does not open the seal.
        NotFoundError: The classes' names are nowhere to be had.
    """
    winner, truth = request.winner(), request.truth()
    if winner is None or truth is None:
        raise StepError(f"Request {request.id} has no winner: {request.status()}")
    opened = opened_predictions(gather(request.market, request.id), winner.record)
    assert opened is not None, "who has won has opened all"
    probabilities, why = None, NOT_HERE
    if fetches and request.manifest().bins is None:
        probabilities, why = _sealed_probabilities(request)
    return judged(request, truth, opened.codes, probabilities, why)


def judged(
    request: Request,
    truth: Codes,
    predicted: Codes,
    probabilities: Probabilities | None,
    why: str = NONE_GIVEN,
) -> Metrics:
    """How good predictions are.

    Args:
        request: Whose classes, or bins, they are.
        truth: Shape (rows,).
        predicted: Shape (rows,).
        probabilities: Shape (rows, classes); None if there are none.
        why: There are none, in words.
    """
    from modelmarket.datasets.metrics import of_bins, of_classes

    manifest = request.manifest()
    if manifest.bins is not None:
        return of_bins(truth, predicted, manifest.bins)
    names = manifest.classes.names
    return of_classes(truth, predicted, names, probabilities, why_no_log_loss=why)


def _sealed_probabilities(request: Request) -> tuple[Probabilities | None, str]:
    """What the winner's folder says of each class; or why it does not, in words.

    An error that nobody expected is the stranger's whose file it is.
    """
    from modelmarket.datasets.probabilities import read_probabilities

    classes, rows = request.manifest().classes, request.terms.labels
    path = None
    try:
        path = request.contents.fetch_probabilities()
        if path is None:
            return None, NONE_SEALED
        return read_probabilities(path, classes, rows, is_strangers=True), ""
    except NotFoundError as error:
        _log.info("request %s: %s", request.id, error)
        return None, "the winner’s folder is nowhere to be had"
    except ModelMarketError as error:
        # In the store it is called by its CID.
        why = error.message.replace(path.name, "it") if path else error.message
    except Exception as error:  # noqa: BLE001  # it is a stranger's
        _log.exception("request %s", request.id)
        why = type(error).__name__
    return None, f"the winner’s probabilities.csv cannot be read: {why.rstrip('.')}"


def recomputed(request: VerifiedRequest) -> Metrics:
    """How good the model is that won a verified contest, on the hidden rows.

    Raises:
        StepError: Nobody has won.
        NotFoundError: The model or the rows are nowhere to be had.
    """
    winner = request.winner()
    if winner is None or winner.record.showing is None:
        raise StepError(f"Request {request.id} has no winner: {request.status()}")
    found = winner.evidence()
    if found.model is None:
        raise NotFoundError(
            f"The model that won request {request.id} is nowhere to be had. "
            f"{found.why}".strip(),
            hint="Ask its trainer to serve it: `modelmarket store serve`.",
        )
    opened = request.opened()
    return judged_exact(request, opened, opened.predictions(found.model))


def judged_exact(
    request: VerifiedRequest, opened: Opened, predicted: Targets
) -> Metrics:
    """How good an exact model is on the hidden rows.

    Args:
        request: The contest.
        opened: Its hidden rows.
        predicted: What the model says of them; shape (rows,).
    """
    from modelmarket.datasets.metrics import of_classes, of_numbers
    from modelmarket.protocol.schema import NumberTarget

    target = request.schema.target
    if isinstance(target, NumberTarget):
        return of_numbers(target.values(opened.targets), target.values(predicted))
    truth, said = (one.astype(np.uint16) for one in (opened.targets, predicted))
    names = target.classes.names
    return of_classes(truth, said, names, why_no_log_loss=NONE_EXACT)
