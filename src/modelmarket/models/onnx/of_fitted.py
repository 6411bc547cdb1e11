# SPDX-License-Identifier: Apache-2.0
"""A fitted classifier or regressor as an ONNX file, with its preprocessing."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from modelmarket.errors import InputError, ModelMarketError, NotFoundError
from modelmarket.models.converting import of_catboost
from modelmarket.models.converting.of_torch import (
    LAYERS,
    Sequential,
    one_number,
    understood,
)
from modelmarket.models.onnx.answers import Answers, BinAnswers, ClassAnswers, text
from modelmarket.models.onnx.columns import Input, Reads, each_by_itself, one_matrix
from modelmarket.models.onnx.preparing import parts
from modelmarket.models.onnx.running import OnnxModel, first_line
from modelmarket.models.onnx.writing import written
from modelmarket.protocol.bins import Bins

if TYPE_CHECKING:
    import numpy.typing as npt
    import polars as pl

    from modelmarket.protocol.classes import Classes

ALIKE = 0.999
"""A file that says the same of so many rows as what was fitted is looked no further
from: most of the rest are ties that 32 bits break otherwise."""
TOO_DIFFERENT = 0.95
"""And one that says the same of fewer rows than these is another model."""
TRIED_ROWS = 2_000
"""Of which each way of writing it is tried."""
KNOWN = (
    "{kind}s of scikit-learn, alone or in pipelines with column transformers, "
    f"those of XGBoost, LightGBM and CatBoost, and of PyTorch {LAYERS}"
)
CLASSIFIER, REGRESSOR = "classifier", "regressor"
BY_HAND = (
    "Any other file or folder can be submitted with its predictions: "
    "`modelmarket submit ID PREDICTIONS MODEL`."
)
SPARSE = (
    "XGBoost takes the zeros of a sparse matrix for gaps: say `sparse_output=False` to "
    "an encoder, and `sparse_threshold=0` to a column transformer."
)
NUMBERS, WHOLE_NUMBERS = (Reads.DOUBLE, Reads.FLOAT), (Reads.WHOLE, None)


class SpeechlessError(InputError):
    """What was fitted says nothing of the rows that it is to predict."""


@dataclass(frozen=True)
class Exported:
    """A fitted estimator that was written as an ONNX file.

    Attributes:
        model: The file.
        labels: What it predicts for the rows to be predicted: the name of a class, or
            bin, for each.
        agreement: The share of them of which the fitted estimator says the same; None
            for a file that was given.
        scores: How sure it is of each class of each of these rows, see
            `OnnxModel.predict_surely`; None if it does not say, or was not asked.
    """

    model: OnnxModel
    labels: list[str] = field(repr=False)
    agreement: float | None
    scores: npt.NDArray[np.float64] | None = field(default=None, repr=False)

    @classmethod
    def of(
        cls,
        model: OnnxModel,
        rows: pl.DataFrame,
        *,
        with_scores: bool = False,
    ) -> Exported:
        """What a file predicts for the rows to be predicted; see `export`."""
        labels, scores = (
            model.predict_surely(rows) if with_scores else (model.predict(rows), None)
        )
        return cls(model, labels, None, scores)


def export(
    estimator: Any,
    learnt: pl.DataFrame,
    rows: pl.DataFrame,
    classes: Classes,
    libraries: Collection[str] = (),
    *,
    with_scores: bool = False,
) -> Exported:
    """Writes a fitted estimator as an ONNX file, and predicts by that file.

    Args:
        estimator: A classifier, or where classes are bins a regressor, fitted on the
            training part's columns, and on its labels; or a `Sequential` of PyTorch's.
        learnt: The training part's features.
        rows: To be predicted; the same columns.
        classes: All that can be predicted.
        libraries: Whose tables it may have been fitted on; empty if nobody knows.
        with_scores: Ask how sure it is of each class, too.

    Raises:
        InputError: It cannot be written, or says nothing of the rows to be predicted,
            or the file says something else than it; says what to do.
        NotFoundError: What writes it is not installed.
    """
    from polars.selectors import by_name

    estimator, answers = _asked(estimator, classes)
    _refuse_misread(estimator)
    columns = _columns(estimator, learnt.columns)
    learnt, rows = (one.select(by_name(*columns)) for one in (learnt, rows))
    some = rows.head(TRIED_ROWS)
    says = _Remembered(_predicted(estimator, answers, some, libraries))
    best: tuple[float, OnnxModel] | None = None
    next(iter(says))  # what it does not predict, no file can predict for it
    problem: Exception | None = None
    for inputs in _ways(estimator, learnt, rows):
        try:
            model = OnnxModel(written(estimator, inputs, learnt.columns, answers))
            alike = _agreement(model.predict(some), says)
        except (NotFoundError, SpeechlessError):
            raise
        except Exception as error:  # noqa: BLE001  # strangers' converters raise anything
            problem = problem or error
            continue
        if best is None or alike > best[0]:
            best = alike, model
        if alike >= ALIKE:
            break
    if best is None:
        assert problem is not None, "one way at least was tried"
        raise _not_written(estimator, answers, problem) from problem
    found = Exported.of(best[1], rows, with_scores=with_scores)
    alike = _agreement(found.labels, _predicted(estimator, answers, rows, libraries))
    if alike < TOO_DIFFERENT:
        raise InputError(
            f"The exported file says something else than the {_name(estimator)} that "
            f"was fitted of {1 - alike:.1%} of the test rows.",
            hint=_way_out(estimator, rows),
        )
    return replace(found, agreement=alike)


def _last(estimator: Any) -> Any:
    """What a pipeline ends with; anything else itself."""
    last = estimator
    while getattr(last, "steps", None):
        last = last.steps[-1][1]
    return last


def _name(estimator: Any) -> str:
    """What an estimator is called; of a pipeline, what it ends with."""
    last = _last(estimator)
    return last.__name__ if isinstance(last, type) else type(last).__name__


def _way_out(estimator: Any, rows: pl.DataFrame) -> str:
    """What to do about a file that says something else."""
    import polars as pl

    if _reads_sparse(estimator):
        return SPARSE
    if any(one.dtype == pl.String and one.null_count() for one in rows):
        return (
            "It has gaps in columns of text, which scikit-learn knows in data frames "
            f'of pandas alone: fit it on `request.training_data("pandas")`. {BY_HAND}'
        )
    return BY_HAND


def _columns(estimator: Any, columns: Sequence[str]) -> list[str]:
    """The columns that an estimator was fitted on, in its order.

    Raises:
        InputError: The training part has not all of them.
    """
    names = _learnt_names(estimator)
    if names is None:
        return list(columns)
    # LightGBM writes blanks so.
    known = {one.replace(" ", "_"): one for one in columns} | {
        one: one for one in columns
    }
    if unknown := [one for one in names if one not in known]:
        raise InputError(
            f"The {_name(estimator)} was fitted on a column {unknown[0]!r}, which the "
            "training part has not.",
            hint="What makes it belongs into a pipeline, so that the file has it too.",
        )
    return [known[one] for one in names]


def _learnt_names(estimator: Any) -> list[str] | None:
    """The names of the columns that it was fitted on; None if they had none."""
    if of_catboost.is_one(estimator):
        return of_catboost.names_of(estimator)
    try:
        names = [str(one) for one in estimator.feature_names_in_]
    except AttributeError:
        return None
    is_numbered = names == [f"Column_{at}" for at in range(len(names))]
    return None if is_numbered else names


def _refuse_misread(estimator: Any) -> None:
    """Refuses what skl2onnx or onnxmltools write as something else.

    Raises:
        InputError: It is such; says what.
    """
    if of_catboost.is_one(_last(estimator)):
        of_catboost.refuse_categories(_last(estimator))
    for part in parts(estimator):
        own = getattr(part, "is_categorical_", None)
        if own is not None and own.any():
            raise InputError(
                f"{type(part).__name__} with categories of its own cannot be exported "
                "to ONNX.",
                hint="Encode them in a pipeline before it, as `OrdinalEncoder` does.",
            )
        if (getattr(part, "num_parallel_tree", None) or 1) > 1:
            raise InputError(
                "XGBoost's forests (`num_parallel_tree`) cannot be exported to ONNX.",
                hint=f"Leave that parameter out. {BY_HAND}",
            )
        if _drops_columns(part):
            raise InputError(
                f"{type(part).__name__} drops a column that has nothing but gaps, and "
                "ONNX does not.",
                hint="Say `keep_empty_features=True` to it, or leave the column out.",
            )


def _drops_columns(part: Any) -> bool:
    """Whether it fills gaps, and drops a column in which it saw nothing else."""
    statistics = np.asarray(getattr(part, "statistics_", []))
    if statistics.dtype.kind != "f" or getattr(part, "keep_empty_features", True):
        return False
    return bool(np.isnan(statistics).any())


def _reads_sparse(estimator: Any) -> bool:
    """Whether it is XGBoost behind what may hand it a sparse matrix."""
    return _name(estimator).startswith("XGB") and any(
        getattr(one, "sparse_output_", False) or getattr(one, "sparse_output", False)
        for one in parts(estimator)
    )


def _asked(estimator: Any, classes: Classes) -> tuple[Any, Answers]:
    """An estimator as it is asked, and how what it says is understood.

    Raises:
        InputError: It is no fitted one of the kind that is wanted.
    """
    if isinstance(classes, Bins):
        found = one_number(understood(estimator))
        _refuse_no_regressor(found)
        return found, BinAnswers(classes)
    found = understood(estimator, classes.names)
    names = _class_names(found, classes.names)
    keys: tuple[int, ...] = ()
    if isinstance(found, Sequential):
        keys = tuple(range(len(names)))
    elif names != list(found.classes_):
        keys = tuple(map(int, found.classes_))
    numbered = is_numbered(found, classes.names)
    return found, ClassAnswers(tuple(names), keys, numbered)


def _refuse_no_regressor(estimator: Any) -> None:
    """Refuses what says classes, or nothing.

    Raises:
        InputError: It is such.
    """
    is_class = isinstance(estimator, type)
    known = getattr(estimator, "classes_", None)
    says_classes = known is not None and len(known)
    if is_class or says_classes or "predict_proba" in dir(estimator):
        raise InputError(
            f"{_name(estimator)} is no fitted regressor, and the labels are numbers.",
            hint=f"What is taken: {KNOWN.format(kind=REGRESSOR)}. {BY_HAND}",
        )


def _class_names(estimator: Any, classes: Sequence[str]) -> list[str]:
    """What an estimator's classes are called, in its order.

    Raises:
        InputError: It is no fitted classifier, or knows others.
    """
    found = getattr(estimator, "classes_", None)
    # CatBoost's regressors have a list of none.
    if found is None or not len(found) or isinstance(estimator, type):
        is_one = "predict_proba" in dir(estimator) and not isinstance(estimator, type)
        raise InputError(
            f"{_name(estimator)} is no fitted classifier.",
            hint="Fit it first."
            if is_one
            else f"What is taken: {KNOWN.format(kind=CLASSIFIER)}. {BY_HAND}",
        )
    if isinstance(found, list) or np.ndim(found) > 1:
        raise InputError(
            f"{_name(estimator)} predicts several labels for a row; a request has one."
        )
    if is_numbered(estimator, classes):
        return [classes[int(one)] for one in found]
    names = [text(one) for one in found]
    if unknown := [one for one in names if one not in classes]:
        raise InputError(
            f"The classifier knows a class {unknown[0]!r}, which this request has not.",
            hint=f"Fit it on the labels of `request.training_data()`. {BY_HAND}",
        )
    return names


def is_numbered(estimator: Any, classes: Sequence[str]) -> bool:
    """Whether a classifier was fitted on the numbers of classes that have names.

    XGBoost takes no others. Where a class is called by such a number, numbers are
    names.

    Args:
        estimator: Fitted.
        classes: All that can be predicted, in the order of their numbers.
    """
    found = getattr(estimator, "classes_", None)
    if not isinstance(found, np.ndarray) or found.dtype.kind not in "iu":
        return False
    places = range(len(classes))
    if not set(map(str, places)).isdisjoint(classes):
        return False
    return found.ndim == 1 and set(places) >= set(found.tolist())


def _ways(
    estimator: Any, learnt: pl.DataFrame, rows: pl.DataFrame
) -> Iterator[tuple[Input, ...]]:
    """How a file might read a table, the likeliest first."""
    import polars as pl

    by_name = pl.String in [*learnt.dtypes, *rows.dtypes] or any(
        type(one).__name__ == "ColumnTransformer" for one in parts(estimator)
    )
    for numbers in reversed(NUMBERS) if _rounds(estimator) else NUMBERS:
        if by_name:
            for whole in WHOLE_NUMBERS:
                yield each_by_itself([learnt, rows], numbers, whole or numbers)
        else:
            yield one_matrix(learnt.columns, numbers)


def _rounds(estimator: Any) -> bool:
    """Whether it is trees that round what they read to 32 bits by themselves."""
    last = getattr(estimator, "best_estimator_", estimator)
    first = getattr(last, "estimators_", [last])[0]
    return hasattr(first[0] if isinstance(first, np.ndarray) else first, "tree_")


def _not_written(
    estimator: Any, answers: Answers, problem: Exception
) -> ModelMarketError:
    """Why nothing could be written."""
    if isinstance(problem, ModelMarketError):
        return problem
    kind = REGRESSOR if isinstance(answers, BinAnswers) else CLASSIFIER
    return InputError(
        f"{_name(estimator)} cannot be exported to ONNX: {first_line(problem)}",
        hint=f"What can: {KNOWN.format(kind=kind)}. {BY_HAND}",
    )


def _predicted(
    estimator: Any, answers: Answers, rows: pl.DataFrame, libraries: Collection[str]
) -> Iterator[list[str]]:
    """What a fitted estimator says of rows, given as each library's table.

    Gaps are not the same in all of them: where it is known which it was fitted on, the
    others are not asked.

    Raises:
        SpeechlessError: It says nothing of any.
    """
    problem = Exception()
    said = False
    for library, table in tables(estimator, rows, libraries):
        if said and libraries and library not in libraries:
            break
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                found = np.asarray(estimator.predict(table)).reshape(-1)
        except Exception as error:  # noqa: BLE001  # it was fitted on another kind
            problem = error
            continue
        said = True
        yield answers.texts(found)
    if not said:
        raise SpeechlessError(
            f"{_name(estimator)} does not predict the test rows: {first_line(problem)}",
            hint="Fit it first."
            if type(problem).__name__ == "NotFittedError"
            else "It must take what the test part has, gaps as well: see "
            "`request.test_data()`.",
        )


def tables(
    estimator: Any, rows: pl.DataFrame, libraries: Collection[str]
) -> list[tuple[str, Any]]:
    """A table as each library has it that is loaded, by the library's name.

    Args:
        estimator: Fitted; what knows columns by their names is given no matrix, where
            it would not look at them.
        rows: The table.
        libraries: Whose tables come first.
    """
    import polars as pl

    found: list[tuple[str, Any]] = [("polars", rows)]
    if pandas := sys.modules.get("pandas"):
        found.append(
            ("pandas", pandas.DataFrame({one.name: one.to_numpy() for one in rows}))
        )
    if pl.String not in rows.dtypes and _learnt_names(estimator) is None:
        found.append(("numpy", rows.to_numpy()))
    return sorted(found, key=lambda one: one[0] not in libraries)


class _Remembered:
    """What is found out once at most, however often it is asked for."""

    def __init__(self, source: Iterator[list[str]]) -> None:
        self._source, self._known = source, list[list[str]]()

    def __iter__(self) -> Iterator[list[str]]:
        yield from self._known
        for one in self._source:
            self._known.append(one)
            yield one


def _agreement(labels: list[str], says: Iterable[list[str]]) -> float:
    """The share of rows of which both say the same, at best."""
    best = 0.0
    for one in says:
        best = max(best, sum(map(str.__eq__, labels, one)) / max(len(labels), 1))
        if best >= ALIKE:
            break
    return best
