# SPDX-License-Identifier: Apache-2.0
"""How a model predicts rows that it has not seen: cross-validation before the stake.

The estimator is fitted again and again, on a table as it is and on its codes, and
converted; so what codes lose and what whole numbers lose can be told apart.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from modelmarket.errors import InputError, ModelMarketError
from modelmarket.protocol.point_kinds import Kind
from modelmarket.protocol.points import Scoring
from modelmarket.system.notebooks import facts_html
from modelmarket.system.text import counted, measured

if TYPE_CHECKING:
    from modelmarket.models.exact import ExactModel
    from modelmarket.protocol.hidden import RowCodes, Targets

FOLDS = 5
PILOT_ROWS = 1_000
"""Of a large table so many are tried first, to know how long all of them take."""
FITS = 2
"""Of an estimator in each fold: on the table as it is, and on codes."""

Floats = npt.NDArray[np.float64]
Show = Callable[[str], Any]
"""Is told a line for people, such as `print`."""


@dataclass(frozen=True)
class Measure:
    """How good predictions are: what their points come to, as people say it.

    Attributes:
        scoring: How the contest's rows score.
        bits: Of a target.
        unit: Of a regression, one step of its target in the label's own unit.
    """

    scoring: Scoring
    bits: int
    unit: float = 1.0

    @property
    def name(self) -> str:
        """What it is called."""
        return {
            Kind.ACCURACY: "accuracy",
            Kind.WEIGHTED: "weighted accuracy",
            Kind.ABSOLUTE: "mean error",
            Kind.SQUARED: "RMSE",
        }[self.scoring.kind]

    @property
    def is_error(self) -> bool:
        """Whether less is better, and it has the label's unit."""
        return self.scoring.kind.is_regression

    def value(self, targets: Targets, predicted: npt.NDArray[Any]) -> float:
        """What predictions measure; shapes (rows,)."""
        score = self.scoring.score(targets, self.whole(predicted))
        if self.is_error:
            return self.scoring.error(score, len(targets)) * self.unit
        return score / max(self.scoring.score(targets, targets), 1)

    def whole(self, predicted: npt.NDArray[Any]) -> Targets:
        """Predictions as the nearest targets that there are; shape (rows,)."""
        bounded = np.clip(predicted.astype(np.float64), 0, 2**self.bits - 1)
        found: Targets = np.floor(bounded + 0.5).astype(np.uint32)
        return found


@dataclass(frozen=True)
class Validation:
    """How a model predicts.

    Attributes:
        measure: What the figures are: an accuracy from 0 to 1, or an error in the
            label's own unit, as the contest's points count it.
        is_error: Whether they are errors.
        rows: That were predicted.
        folds: In which the estimator was fitted to the others, and predicted rows
            that it had not seen. 0 if it was not: then these are the training
            part's, which the model knows.
        plain: Of the estimator on the table as it is; None without folds.
        codes: Of the estimator on codes; None without folds.
        exact: Of the exact model.
        differ: Rows of which the last two say something else; None without folds.
        reason: Why there are no folds; empty where there are.
    """

    measure: str
    is_error: bool
    rows: int
    folds: int
    plain: float | None
    codes: float | None
    exact: float
    differ: int | None
    reason: str = ""

    def __str__(self) -> str:
        return "\n".join(self.lines())

    def _repr_html_(self) -> str:
        """What Jupyter shows."""
        return facts_html("The model on rows whose labels are known", self.lines())

    def as_document(self) -> dict[str, Any]:
        """As JSON has it."""
        return asdict(self)

    def lines(self) -> list[str]:
        """For people."""
        exact = self.said(self.exact)
        if self.plain is None or self.codes is None:
            known = f"It may know these {self.rows:,} rows, and does worse on others"
            return [
                f"{self.measure} of the exact model on the training part: {exact}",
                f"  {known}: {self.reason}",
            ]
        where = f"rows not seen ({self.folds} folds, {self.rows:,} rows)"
        plain, codes = self.said(self.plain), self.said(self.codes)
        figures = f"{plain} on the table as it is, {codes} on codes, {exact} exact"
        rows = self.differ or 0
        differ = "differs" if rows == 1 else "differ"
        return [
            f"{self.measure} on {where}: {figures}",
            f"  {counted(rows, 'row')} {differ} between the last two",
        ]

    def said(self, figure: float) -> str:
        """A figure of it, for people."""
        return measured(figure) if self.is_error else f"{figure:.2%}"


@dataclass(frozen=True)
class Table:
    """The training part of a contest.

    Attributes:
        plain: As it is; shape (rows, columns).
        codes: The same shape.
        targets: Classes, or numbers in steps of the target; shape (rows,).
        names: Of the classes; empty for numbers.
        texts: Columns whose codes are of texts.
    """

    plain: Floats
    codes: RowCodes
    targets: Targets
    names: tuple[str, ...] = ()
    texts: tuple[int, ...] = ()

    def __len__(self) -> int:
        return len(self.targets)

    def some(self, rows: npt.NDArray[np.intp]) -> Table:
        """Some of its rows."""
        return replace(
            self,
            plain=self.plain[rows],
            codes=self.codes[rows],
            targets=self.targets[rows],
        )


def as_hidden(known: RowCodes, new: RowCodes, texts: Sequence[int]) -> RowCodes:
    """Rows that are held out as a contest's hidden rows are.

    Codes of texts know those of the training part, held out rows or not; of a text that
    only hidden rows have, the code is 0.

    Args:
        known: What is learnt from; shape (rows, columns).
        new: What is held out; likewise.
        texts: Columns whose codes are of texts.
    """
    if not texts:
        return new
    found = new.copy()
    for column in texts:
        found[~np.isin(new[:, column], known[:, column]), column] = 0
    return found


def on_training(
    model: ExactModel, table: Table, measure: Measure, reason: str
) -> Validation:
    """How an exact model predicts the training part itself.

    Args:
        model: It cannot be fitted again.
        table: The training part.
        measure: How good that is.
        reason: Why it is not fitted again.
    """
    predicted = model.predict(table.codes, bits=measure.bits)
    found = measure.value(table.targets, predicted)
    rows = len(table)
    name, is_error = measure.name, measure.is_error
    return Validation(name, is_error, rows, 0, None, None, found, None, reason)


@dataclass(frozen=True)
class CrossValidation:
    """Fits an estimator again for rows that it is not to see.

    Attributes:
        estimator: Fitted; stays as it is.
        convert: Makes the exact model of what was fitted, with the codes it was
            fitted on.
        measure: How good predictions are.
        limit_s: So many seconds it may take, about: large tables are tried in part.
        show: Is told how far it is.
    """

    estimator: Any
    convert: Callable[[Any, RowCodes], ExactModel]
    measure: Measure
    limit_s: float
    show: Show

    def run(self, table: Table, seed: int = 0) -> Validation:
        """Predicts each row of a training part by a model that has not seen it.

        Args:
            table: The training part.
            seed: Of how its rows are dealt out.

        Raises:
            InputError: The estimator could not be fitted again, or there are too few
                rows; says why.
        """
        if len(table) < FOLDS:
            raise InputError(f"{len(table)} rows are too few to leave some out.")
        began, rng = time.monotonic(), np.random.default_rng(seed)
        some = table.some(rng.permutation(len(table))[: self._affordable(table, rng)])
        fold_of = np.empty(len(some), dtype=np.int64)
        # Each fold has as many rows of each class, or of each range, as the others.
        fold_of[np.lexsort((rng.random(len(some)), some.targets))] = (
            np.arange(len(some)) % FOLDS
        )
        found: list[npt.NDArray[Any]] = []
        for fold in range(FOLDS):
            seen, unseen = (
                np.flatnonzero(fold_of != fold),
                np.flatnonzero(fold_of == fold),
            )
            found.append(np.stack([unseen, *self._predicted(some, seen, unseen)]))
            took = time.monotonic() - began
            self.show(f"fold {fold + 1} of {FOLDS}: {took:.0f} s so far")
            if took * (fold + 2) / (fold + 1) > self.limit_s:
                break
        rows, plain, codes, exact = np.concatenate(found, axis=1)
        targets = some.targets[rows.astype(np.int64)]
        return Validation(
            self.measure.name,
            self.measure.is_error,
            len(rows),
            len(found),
            self.measure.value(targets, plain),
            self.measure.value(targets, codes),
            self.measure.value(targets, exact),
            int((self.measure.whole(codes) != exact).sum()),
        )

    def _affordable(self, table: Table, rng: np.random.Generator) -> int:
        """How many rows can be tried in the time."""
        rows = len(table)
        if rows <= PILOT_ROWS:
            return rows
        places = rng.permutation(rows)[:PILOT_ROWS]
        began = time.monotonic()
        self._fitted(table.codes[places], table.targets[places], table.names)
        took = time.monotonic() - began
        folds = PILOT_ROWS * self.limit_s / max(took * FITS * FOLDS, 1e-9)
        return min(rows, max(PILOT_ROWS, int(folds)))

    def _predicted(
        self,
        table: Table,
        seen: npt.NDArray[np.intp],
        unseen: npt.NDArray[np.intp],
    ) -> tuple[Floats, Floats, Floats]:
        """What is predicted on the table as it is, on codes, and exactly."""
        known, new = table.some(seen), table.some(unseen)
        plain = self._fitted(known.plain, known.targets, table.names)
        coded = self._fitted(known.codes, known.targets, table.names)
        exact = self.convert(coded, known.codes)
        codes = as_hidden(known.codes, new.codes, table.texts)
        return (
            _targets(plain, new.plain, table.names),
            _targets(coded, codes, table.names),
            exact.predict(codes, bits=self.measure.bits).astype(np.float64),
        )

    def _fitted(
        self, features: npt.NDArray[Any], targets: Targets, names: tuple[str, ...]
    ) -> Any:
        """The estimator, fitted anew.

        Raises:
            InputError: It does not let itself be.
        """
        from sklearn.base import clone

        # What a search has found is not searched for again.
        original = getattr(self.estimator, "best_estimator_", self.estimator)
        if not hasattr(original, "fit"):
            raise InputError(
                f"{type(original).__name__} has no fit(): how it was trained is not "
                "known here."
            )
        by_name = getattr(original, "classes_", targets).dtype.kind in "UOS"
        labels = np.array(names)[targets] if by_name else targets.astype(np.int64)
        try:
            with warnings.catch_warnings():
                # Whoever fitted it has seen what it warns of.
                warnings.simplefilter("ignore")
                return clone(original).fit(features, labels)
        except ModelMarketError:
            raise
        except Exception as error:
            said = str(error).strip().partition("\n")[0][:200]
            raise InputError(
                f"{type(original).__name__} could not be fitted again: {said}"
            ) from error


def _targets(
    estimator: Any, features: npt.NDArray[Any], names: tuple[str, ...]
) -> Floats:
    """What an estimator predicts, as targets; shape (rows,)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = np.asarray(estimator.predict(features)).reshape(-1)
    if found.dtype.kind in "UOS":
        places = {name: at for at, name in enumerate(names)}
        return np.array([places[str(one)] for one in found], dtype=np.float64)
    return found.astype(np.float64)
