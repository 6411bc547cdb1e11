# SPDX-License-Identifier: Apache-2.0
"""What a trainer would seal in a verified contest, before it is staked on.

Once the key is open, likewise what it would have scored, and where it would have stood.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from modelmarket.market.any_request import told_place
from modelmarket.market.checking import MOST_TOLD
from modelmarket.market.measuring import judged_exact
from modelmarket.market.verified.fitting import Fit, fit_of
from modelmarket.market.verified.validating import refuse_another, validate
from modelmarket.models.header import Limits
from modelmarket.protocol.schema import ClassTarget
from modelmarket.system.notebooks import facts_html, table_html
from modelmarket.system.text import counted, measured

if TYPE_CHECKING:
    from modelmarket.datasets.figures import Metrics
    from modelmarket.market.verified.request import VerifiedRequest
    from modelmarket.models import ExactModel
    from modelmarket.models.validating import Show, Validation
    from modelmarket.protocol.hidden import Targets


@dataclass(frozen=True)
class HiddenScore:
    """What a model scores on the hidden rows: all groups of them.

    Attributes:
        rows: How many there are.
        score: Points.
        most_score: The most that there are.
        error: For numbers, by how much the model is off there, in the label's own
            unit, as the points count it; None for classes.
        measure: What that error is called.
        place: The place that the points would have taken, see `AnyRequest.place_of`.
    """

    rows: int
    score: int
    most_score: int
    error: float | None
    measure: str
    place: int | None

    def as_document(self) -> dict[str, int | float]:
        """As JSON has it."""
        off = {} if self.error is None else {"mean_error": self.error}
        points = {"score": self.score, "most_score": self.most_score}
        return {"rows": self.rows, **points, **off}

    def line(self) -> str:
        """For people."""
        points = f"{self.score:,} of {counted(self.most_score, 'point')}"
        said = f"{points} ({self.score / self.most_score:.2%})"
        if self.error is not None:
            said += f", {self.measure} {measured(self.error)} in the label's own unit,"
        said += f" on {counted(self.rows, 'hidden row')}"
        return f"{said}{told_place(self.place)}."


@dataclass(frozen=True)
class CheckedModel:
    """A model that fits a verified contest.

    Attributes:
        model: What would be sealed.
        fit: Its size, and how it does on the training part.
        limits: What the contest allows.
        counts: How many rows it says each class of, by name: of the hidden rows once
            they are open, and of the training part until then. Empty for numbers.
        learnt: Rows of each class in the training part, by name; empty for numbers.
        measure: What an error is called.
        validation: How it does on rows that it has not seen, as far as that is to be
            had: on the table as it is, on codes, and exactly. None if nobody asked.
        hidden: Once the key is open, what it scores on the hidden rows.
        metrics: Likewise, how good it is there; None until then.
    """

    model: ExactModel
    fit: Fit
    limits: Limits
    counts: dict[str, int]
    learnt: dict[str, int]
    measure: str
    validation: Validation | None = None
    hidden: HiddenScore | None = None
    metrics: Metrics | None = None

    @property
    def place(self) -> int | None:
        """The place that it would have taken, from 1; None until all others have
        claimed.
        """
        return None if self.hidden is None else self.hidden.place

    @property
    def title(self) -> str:
        """What it is, in a few words."""
        return f"{self.fit.size}, {self.fit.bytes:,} bytes"

    @property
    def columns(self) -> tuple[str, str, str]:
        """What the columns of `classes` are called."""
        part = "training" if self.hidden is None else "hidden"
        return ("class", f"predicted {part} rows", "training rows")

    @property
    def classes(self) -> list[tuple[str, str, str]]:
        """Each class, how often it says it, and how often it was learnt."""
        return [
            (name, f"{self.counts[name]:,}", f"{count:,}")
            for name, count in self.learnt.items()
        ]

    def _repr_html_(self) -> str:
        """What Jupyter shows."""
        more = [table_html(self.columns, self.classes)] if self.learnt else []
        if self.metrics is not None:
            more.append(self.metrics._repr_html_())
        return facts_html(f"A model that fits: {self.title}", self._lines(()), *more)

    def as_document(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            **self.fit.as_document(),
            "most_units": self.limits.most_units,
            "most_parts": self.limits.most_parts,
            "counts": self.counts,
            "train_counts": self.learnt,
            "validation": self.validation.as_document() if self.validation else None,
            "hidden": self.hidden.as_document() if self.hidden else None,
            "place": self.place,
            "metrics": self.metrics.as_document() if self.metrics else None,
        }

    def __str__(self) -> str:
        part = self.columns[1].removeprefix("predicted ")
        counts = (
            f"{name}: {said} predicted of the {part}, {known} in training"
            for name, said, known in self.classes[:MOST_TOLD]
        )
        return "\n".join([f"A model that fits: {self.title}.", *self.lines(), *counts])

    def lines(self) -> list[str]:
        """For people, without the classes."""
        return self._lines(self.metrics.lines() if self.metrics else ())

    def _lines(self, good: Sequence[str]) -> list[str]:
        """The same, with what the metrics say in its place."""
        fit, limits = self.fit, self.limits
        units = f"{fit.units:,} of {limits.most_units:,} {fit.what}"
        parts = f"{fit.parts:,} of {counted(limits.most_parts, 'part')}"
        known = f"{fit.share:.2%} of the points on the training part, which it may know"
        if fit.mean_error is not None:
            off = f"{self.measure} {measured(fit.mean_error)}"
            known += f"; {off} there, in the label's own unit"
        said = [f"It has {units} that are allowed, and {parts}.", f"{known}."]
        if self.validation is not None:
            said += self.validation.lines()
        said += good
        if self.hidden is not None:
            said.append(self.hidden.line())
        return said


def check(
    request: VerifiedRequest, given: Any, show: Show | None = None
) -> CheckedModel:
    """Checks a model.

    Args:
        request: As it is now.
        given: A fitted estimator, an `ExactModel`, or the path of its file.
        show: Is told how far cross-validation is; None for none.

    Raises:
        InputError: The model cannot be converted, is beyond a limit, or was fitted on
            something else than the codes.
        DataError: The hidden files are not what the terms promise.
        RevertError: The contract would not let it be shown.
    """
    from modelmarket.models import Limits

    request.check_folder()
    model = request.convert(given)
    request.refuse_unshowable(model)
    training, bits = request.training(), request.terms.bits
    known = model.predict(training.codes, bits=bits)
    validation = None
    if show is not None:
        validation = validate(request, given, show)
        refuse_another(request, validation, model)
    found = CheckedModel(
        model,
        fit_of(request, model, known),
        Limits.of_terms(request.terms),
        counts=_counts(request, known),
        learnt=_counts(request, training.targets),
        measure=request.mean_error,
        validation=validation,
    )
    if not request.record.key:
        return found
    opened = request.opened()
    said = opened.predictions(model)
    return replace(
        found,
        counts=_counts(request, said),
        hidden=_hidden(request, int(opened.points(said).sum())),
        metrics=judged_exact(request, opened, said),
    )


def _hidden(request: VerifiedRequest, score: int) -> HiddenScore:
    return HiddenScore(
        request.terms.rows,
        score,
        request.terms.rows * request.record.scoring.most,
        request.error_of(score),
        request.mean_error,
        request.place_of(score),
    )


def _names(request: VerifiedRequest) -> tuple[str, ...]:
    """The classes that there are; none for numbers."""
    target = request.schema.target
    return target.classes.names if isinstance(target, ClassTarget) else ()


def _counts(request: VerifiedRequest, predicted: Targets) -> dict[str, int]:
    """How often each class was predicted, by name; empty for numbers."""
    names = _names(request)
    counts = np.bincount(predicted, minlength=len(names)).tolist() if names else []
    return dict(zip(names, counts, strict=True))
