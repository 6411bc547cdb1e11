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


MARGIN, WORSE = 0.1, 1.5
"""A model that was fitted well does better on rows that it knows than on others: it is
another one if it is right in so many rows less, or its error so many times as large."""


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
    table = Table(plain, training.codes, training.targets, names, schema.texts)

    def as_it_is(reason: str) -> Validation:
        return on_training(request.convert(model), table, measure, reason)

    if isinstance(model, ExactModel | str | Path):
        return as_it_is("an exact model cannot be fitted again.")
    left = request.record.deadline - request.now
    limit = min(MOST_S, SHARE_OF_TIME_LEFT * left) if left > 0 else MOST_S
    trial = CrossValidation(model, convert, measure, limit, show)
    try:
        return trial.run(table)
    except InputError as error:
        return as_it_is(error.message)


def refuse_another(
    request: VerifiedRequest, found: Validation, model: ExactModel
) -> None:
    """Makes sure that what would be sealed is what was validated.

    Cross-validation fits the estimator again, on codes; the one that was handed in may
    have been fitted on the table as it is, or on labels, and means something else.

    Args:
        request: The contest, as it is now.
        found: How the estimator does on rows that it has not seen, if that was tried.
        model: That would be sealed, and was fitted on the training part.

    Raises:
        InputError: It does much worse there.
    """
    if not found.folds:
        return
    sealed = validate(request, model, lambda _: None)
    if found.is_error:
        is_worse = sealed.exact > WORSE * found.exact
    else:
        is_worse = sealed.exact < found.exact - MARGIN
    if is_worse:
        raise InputError(
            f"On the training part the {found.measure} of the model that would be "
            f"sealed is {found.said(sealed.exact)}; that of the same estimator, fitted "
            f"on codes, is {found.said(found.exact)} on rows that it has not seen.",
            hint="Fit it on `request.training_data()`, which gives codes and targets: "
            "columns and labels as the table has them have other units. If it is meant "
            "so, submit `request.convert(model)`.",
        )
