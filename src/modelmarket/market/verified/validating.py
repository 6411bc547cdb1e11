# SPDX-License-Identifier: Apache-2.0
"""How a trainer's model does on rows that it has not seen, before he stakes on it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from modelmarket.errors import InputError
from modelmarket.protocol.schema import ClassTarget

if TYPE_CHECKING:
    from modelmarket.market.verified.request import VerifiedRequest
    from modelmarket.models import ExactModel
    from modelmarket.models.validating import Show, Validation
    from modelmarket.protocol.hidden import RowCodes

MOST_S = 60.0
"""Validation takes no longer, about."""
SHARE_OF_TIME_LEFT = 0.1
"""Nor more of the time until the deadline."""


def validate(request: VerifiedRequest, model: Any, show: Show) -> Validation:
    """How a model does: by cross-validation, if it can be fitted again.

    Args:
        request: The contest, as it is now.
        model: A fitted estimator, an `ExactModel`, or the path of its file.
        show: Is told how far it is.

    Raises:
        InputError: The model cannot be converted, or is beyond a limit.
    """
    from modelmarket.models import ExactModel, Limits
    from modelmarket.models.validating import (
        CrossValidation,
        Measure,
        Table,
        on_training,
    )

    schema, bits = request.schema, request.terms.bits
    training, target = request.training(), request.schema.target
    unit = 1.0 if isinstance(target, ClassTarget) else float(target.step)
    names = target.classes.names if isinstance(target, ClassTarget) else ()
    measure = Measure(request.record.scoring, bits, unit)
    limits = Limits.of_terms(request.terms)

    def convert(estimator: Any, sample: RowCodes) -> ExactModel:
        return ExactModel.of(estimator, schema, sample=sample, limits=limits)

    plain = request.folder.plain(schema)
    table = Table(plain, training.codes, training.targets, names)

    def as_it_is(reason: str) -> Validation:
        return on_training(request.convert(model), table, measure, reason)

    if isinstance(model, ExactModel | str | Path):
        return as_it_is("an exact model cannot be fitted again.")
    left = request.record.deadline - request.now
    limit = min(MOST_S, SHARE_OF_TIME_LEFT * left)
    trial = CrossValidation(model, convert, measure, limit, show)
    try:
        return trial.run(table)
    except InputError as error:
        return as_it_is(error.message)
