# SPDX-License-Identifier: Apache-2.0
"""A model for a request, found by trying several kinds: the built-in trainer.

What is compared is what would be sealed: in a verified contest the exact model, by the
contest's own points. The quick baseline, which `dataset check` tells of every table, is
tried beside all others, and is what is sealed where nothing is better.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from modelmarket.datasets.baselines import MOST_FITTED_ROWS, quick_forest
from modelmarket.datasets.filetypes import NOUNS, FileKind
from modelmarket.datasets.published import MANIFEST, MOST_MANIFEST_BYTES
from modelmarket.datasets.sources import LABEL
from modelmarket.errors import DataError, InputError
from modelmarket.market.trained import BASELINE, Attempt, Budget, Trained
from modelmarket.market.verified.request import VerifiedRequest
from modelmarket.models.candidates import Candidate, Family, Kind, candidates
from modelmarket.protocol.bins import Bins
from modelmarket.protocol.point_kinds import Kind as Points
from modelmarket.protocol.schema import NumberTarget

if TYPE_CHECKING:
    import numpy.typing as npt
    import polars as pl

    from modelmarket.market.request import Request
    from modelmarket.models import ExactModel, Limits
    from modelmarket.models.onnx import OnnxModel
    from modelmarket.models.racing import Race, Standing, Task
    from modelmarket.models.validating import Measure
    from modelmarket.protocol.classes import Classes
    from modelmarket.protocol.hidden import RowCodes, Targets
    from modelmarket.protocol.schema import Schema

BINS_RIGHT = "in the right bin"
ALIKE = 0.99
"""A file that says the same of fewer rows than what was compared is another model."""
MOST_DOUBLE_CELLS = 10_000_000
"""Of a matrix of 64 bits; larger ones have 32, which trees read anyway."""


@dataclass(frozen=True)
class Sizes:
    """How much data a request has.

    Attributes:
        train_rows: With labels.
        classes: That can be predicted; 1 for numbers, in bins or not.
        bytes: Of all its files, as the folder says itself.
    """

    train_rows: int
    classes: int
    bytes: int = 0


def sizes_of(request: Request | VerifiedRequest) -> Sizes:
    """How much data a request has; no more is fetched than its manifest.

    Raises:
        NotFoundError: No gateway has it.
        DataError: It contradicts the terms.
    """
    if isinstance(request, VerifiedRequest):
        from modelmarket.datasets.contest import ContestManifest

        path = request.contents.fetch_file(MANIFEST)
        if path.stat().st_size > MOST_MANIFEST_BYTES:
            raise DataError(f"{MANIFEST} has {path.stat().st_size:,} bytes.")
        told = ContestManifest.from_json(path.read_bytes())
        rows, classes = told.train_rows, request.terms.outputs
        return Sizes(rows, classes, request.contents.size())
    manifest = request.manifest()
    classes = 1 if manifest.bins is not None else len(manifest.classes)
    files = 0 if manifest.files is None else manifest.files.bytes
    return Sizes(manifest.train_rows, classes, request.contents.size() + files)


def train(
    request: Request | VerifiedRequest,
    budget: Budget | None = None,
    *,
    only: Collection[str] = (),
) -> Trained:
    """Finds a model for a request.

    Args:
        request: Whose training part is learnt.
        budget: What it may take; None for a minute on all processors.
        only: Families that are tried beside the baseline; empty for all.

    Raises:
        NotFoundError: No gateway has the data, or what writes models is not installed.
        DataError: The data are not what the terms say.
        InputError: Not even the baseline could be sealed.
    """
    budget = budget or Budget()
    if isinstance(request, VerifiedRequest):
        from modelmarket.models import Limits
        from modelmarket.models.validating import Measure

        schema, training = request.schema, request.training()
        target = schema.target
        unit = float(target.step) if isinstance(target, NumberTarget) else 1.0
        return train_exact(
            training.codes,
            training.targets,
            schema,
            Measure(request.record.scoring, request.terms.bits, unit),
            Limits.of_terms(request.terms),
            budget,
            only=only,
        )
    return train_file(
        _readable(request, request.training.drop(LABEL)),
        request.training[LABEL],
        _readable(request, request.test_data()),
        request.manifest().classes,
        budget,
        only=only,
    )


def _readable(request: Request, table: pl.DataFrame) -> pl.DataFrame:
    """The columns of a table that can be learnt from: of files, only texts.

    Raises:
        InputError: There are none.
    """
    from polars.selectors import by_name

    files = request.manifest().files
    if files is None or files.kind is FileKind.TEXT:
        return table
    if table.width == 1:
        raise InputError(
            f"Its rows are {NOUNS[files.kind][1]} alone, which this trainer cannot "
            "learn from.",
            hint="Plug in one that can: `modelmarket trainer run --plugin`.",
        )
    # note: a bare name may be taken for a pattern, such as `*`.
    return table.drop(by_name(files.column))


def train_exact(
    codes: RowCodes,
    targets: Targets,
    schema: Schema,
    measure: Measure,
    limits: Limits,
    budget: Budget,
    *,
    only: Collection[str] = (),
) -> Trained:
    """Finds an exact model.

    Args:
        codes: Of the training part; shape (rows, columns).
        targets: Shape (rows,).
        schema: What they are codes of.
        measure: What counts.
        limits: Of a model.
        budget: What it may take.
        only: Families that are tried beside the baseline; empty for all.

    Raises:
        InputError: Not even the baseline could be sealed.
    """
    from modelmarket.models import ExactModel
    from modelmarket.models.racing import Task
    from modelmarket.models.suggesting import suggest
    from modelmarket.models.validating import as_hidden

    kind = Kind(
        rows=len(codes),
        columns=codes.shape[1],
        classes=limits.outputs,
        is_exact=True,
        is_balanced=measure.scoring.kind is Points.WEIGHTED,
        threads=_threads(budget),
    )

    def fitting(candidate: Candidate) -> Candidate:
        """With parameters by which its model keeps the limits."""
        if candidate.family is Family.LINEAR:
            return candidate
        return candidate.changed(lambda one: one.set_params(**suggest(one, limits)))

    def convert(estimator: Any, learnt: RowCodes) -> ExactModel:
        return ExactModel.of(estimator, schema, sample=learnt, limits=limits)

    def value(
        estimator: Any, learnt: RowCodes, new: RowCodes, wanted: npt.NDArray[Any]
    ) -> float:
        predicted = convert(estimator, learnt).predict(new, bits=measure.bits)
        return measure.value(wanted.astype(np.uint32), predicted)

    # Numbers are learnt as signed ones: differences of others have none below 0.
    task = Task(
        codes,
        targets.astype(np.int64),
        is_number=kind.is_number,
        is_error=measure.is_error,
        value=value,
        hide=lambda known, new: as_hidden(known, new, schema.texts),
        clock=budget.clock,
    )

    def seal(estimator: Any, learnt: Any) -> ExactModel:
        return convert(estimator, learnt)

    return _found(task, kind, fitting, seal, measure.name, budget, only)


def train_file(
    features: pl.DataFrame,
    labels: pl.Series,
    test: pl.DataFrame,
    classes: Classes,
    budget: Budget,
    *,
    only: Collection[str] = (),
) -> Trained:
    """Finds what can be written as an ONNX file, pipeline and all: a classifier, or a
    regressor where classes are bins.

    Args:
        features: Of the training part.
        labels: As text; shape (rows,).
        test: The rows to be predicted; the same columns.
        classes: All that can be predicted.
        budget: What it may take.
        only: Families that are tried beside the baseline; empty for all.

    Raises:
        InputError: Not even the baseline could be sealed.
        NotFoundError: What writes ONNX files is not installed.
    """
    from modelmarket.datasets.libraries import labels_for
    from modelmarket.models.columns import behind_columns, is_plain, without_gaps
    from modelmarket.models.onnx import export
    from modelmarket.models.racing import Task

    bins = classes if isinstance(classes, Bins) else None
    names = () if bins is not None else classes.names
    known, rows = without_gaps(features), without_gaps(test)
    plain = is_plain(known) and is_plain(rows)
    kind = Kind(
        rows=known.height,
        columns=known.width,
        classes=len(names) or 1,
        is_exact=False,
        threads=_threads(budget),
    )

    def fitting(candidate: Candidate) -> Candidate:
        """Behind what makes numbers of words, and fills gaps."""
        if plain:
            return candidate
        return candidate.changed(behind_columns(known, candidate.family))

    def value(estimator: Any, _: Any, new: Any, wanted: npt.NDArray[Any]) -> float:
        said = np.asarray(estimator.predict(new)).reshape(-1)
        if bins is not None:
            said, wanted = (
                bins.codes_of(one.astype(np.float64)) for one in (said, wanted)
            )
        return float((said == wanted).mean())

    task = Task(
        _matrix(known) if plain else known,
        np.asarray(labels_for("numpy", labels, names)),
        is_number=kind.is_number,
        is_error=False,
        value=value,
        clock=budget.clock,
    )

    def seal(estimator: Any, _: Any) -> OnnxModel:
        exported = export(estimator, known, rows, classes)
        if (alike := exported.agreement) is not None and alike < ALIKE:
            raise InputError(f"Its file says the same of {alike:.1%} of the rows.")
        return exported.model

    measure = "accuracy" if bins is None else BINS_RIGHT
    return _found(task, kind, fitting, seal, measure, budget, only)


def _matrix(table: pl.DataFrame) -> npt.NDArray[Any]:
    """A table of numbers; shape (rows, columns)."""
    found = table.to_numpy()
    return found.astype(np.float32) if found.size > MOST_DOUBLE_CELLS else found


def _threads(budget: Budget) -> int:
    return budget.threads or os.cpu_count() or 1


def _found(
    task: Task,
    kind: Kind,
    fitting: Callable[[Candidate], Candidate],
    seal: Callable[[Any, Any], Any],
    measure: str,
    budget: Budget,
    only: Collection[str],
) -> Trained:
    """Lets candidates race, and makes the model of the best that can be sealed.

    Args:
        task: What is learnt.
        kind: Of table.
        fitting: Makes a candidate fit into the request.
        seal: Makes what is submitted of a fitted estimator, and of what it learnt.
        measure: What the figures are called.
        budget: What it may take.
        only: Families that are tried beside the baseline; empty for all.

    Raises:
        InputError: Not even the baseline could be sealed.
    """
    from threadpoolctl import threadpool_limits

    from modelmarket.models.racing import race

    forest = Candidate(
        BASELINE,
        Family.BASELINE,
        lambda: quick_forest(
            kind.columns, is_number=kind.is_number, threads=kind.workers
        ),
        most_rows=MOST_FITTED_ROWS,
    )
    others = [one for one in candidates(kind) if not only or one.family in only]
    with threadpool_limits(limits=kind.workers), warnings.catch_warnings():
        found = race(
            task,
            fitting(forest),
            list(map(fitting, others)),
            budget.seconds,
            budget.show,
        )
        best, model, problems = _sealed(task, found, seal)
    tried = [_attempt(one, problems) for one in (*found.order, *found.others)]
    return Trained(
        model,
        name=best.candidate.name,
        measure=measure,
        is_error=task.is_error,
        value=best.value,
        baseline=best.baseline,
        rows=best.learns,
        tried=tuple(tried),
    )


def _sealed(
    task: Task, found: Race, seal: Callable[[Any, Any], Any]
) -> tuple[Standing, Any, dict[str, str]]:
    """The best that can be sealed, its model, and why those before it could not.

    Raises:
        InputError: Not even the baseline can.
    """
    problems: dict[str, str] = {}
    for one in found.order:
        rows = found.rows[: one.learns]
        candidate = replace(one.candidate, most_rows=one.learns)
        try:
            estimator = task.fitted(candidate, rows)
            return one, seal(estimator, task.some(rows)), problems
        except InputError as error:
            problems[one.candidate.name] = f"it cannot be sealed: {error.message}"
    raise InputError(
        f"No model of this table can be sealed: {problems[BASELINE]}",
        hint="Look at the request's limits: `modelmarket request show`.",
    )


def _attempt(one: Standing, problems: dict[str, str]) -> Attempt:
    name = one.candidate.name
    left_out = problems.get(name, one.left_out)
    return Attempt(name, one.value if one.folds else None, one.folds, left_out)
