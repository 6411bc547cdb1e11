# SPDX-License-Identifier: Apache-2.0
"""What a trainer would seal in a contest of predictions, before it is staked on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np

from modelmarket.datasets.sources import LABEL
from modelmarket.errors import DataError, InputError
from modelmarket.market.any_request import told_place
from modelmarket.market.measuring import judged
from modelmarket.system.files import existing_file, existing_path
from modelmarket.system.notebooks import facts_html, table_html
from modelmarket.system.text import agreeing, an, counted

if TYPE_CHECKING:
    from modelmarket.datasets.figures import Metrics
    from modelmarket.datasets.probabilities import Probabilities
    from modelmarket.market.request import Request
    from modelmarket.models.folds import Folds, Show
    from modelmarket.models.onnx import Exported
    from modelmarket.protocol.classes import Codes

MODEL_FILE = "model.onnx"
WITH_PREDICTIONS = "`modelmarket submit ID PREDICTIONS MODEL`"
"""What an exported model is called."""
ONNX = ".onnx"
EXACT = b"MMX1"
"""How the file of an exact model begins."""
NO_PICKLE = (
    "A model is given in Python as it was fitted, or as the ONNX file that "
    "`request.export(model)` writes; predictions as CSV or Parquet."
)
KNOWN_ROWS, MARGIN = 2_000, 0.1
"""A classifier that was fitted well does better on rows that it knows than on others:
it is another one if it is right in so many of so many rows less."""
MOST_TOLD = 20
"""Classes that are told in a terminal."""
MOST_S, SHARE_OF_TIME_LEFT = 60.0, 0.1
"""Cross-validation takes no longer, about; nor more of the time until the deadline."""


@dataclass(frozen=True)
class Checked:
    """Predictions that fit a request.

    Attributes:
        codes: In the order of the test rows; shape (rows,).
        counts: Rows of each class that was predicted, by name.
        learnt: Rows of each class in the training part, by name.
        exported: The file that predicted them; None if they were given.
        folds: How the model does on rows that it has not seen; None if that cannot be
            had.
        probabilities: How sure the model is of each class; shape (rows, classes). None
            if it does not say.
        right: Once the truth is open, how many are right.
        metrics: Likewise, how good they are; None until then.
        place: The place that they would have taken then, from 1; None until all
            others have claimed.
    """

    codes: Codes
    counts: dict[str, int]
    learnt: dict[str, int]
    exported: Exported | None = None
    folds: Folds | None = None
    probabilities: Probabilities | None = field(default=None, repr=False)
    right: int | None = None
    metrics: Metrics | None = None
    place: int | None = None

    @property
    def is_reproducible(self) -> bool:
        """Whether the predictions came from the very file that would be sealed."""
        return self.exported is not None

    @property
    def unlikely(self) -> int | None:
        """Rows in which another class than the predicted one is likelier; None if
        nobody says how likely they are.
        """
        from modelmarket.datasets.probabilities import unlikely

        sure = self.probabilities
        return None if sure is None else unlikely(sure, self.codes)

    def _repr_html_(self) -> str:
        """What Jupyter shows."""
        counts = table_html(
            ("class", "predicted rows", "training rows"),
            [
                (name, f"{self.counts.get(name, 0):,}", f"{count:,}")
                for name, count in self.learnt.items()
            ],
        )
        title = f"Predictions that fit: {counted(int(self.codes.size), 'row')}"
        good = () if self.metrics is None else (self.metrics._repr_html_(),)
        return facts_html(title, self._lines(), counts, *good)

    def as_document(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "rows": int(self.codes.size),
            "counts": self.counts,
            "train_counts": self.learnt,
            "reproducible": self.is_reproducible,
            "agreement": self.exported.agreement if self.exported else None,
            "cross_validation": self.folds.as_document() if self.folds else None,
            "probabilities": self.probabilities is not None,
            "right": self.right,
            "place": self.place,
            "metrics": self.metrics.as_document() if self.metrics else None,
        }

    def __str__(self) -> str:
        counts = (
            f"{name}: {self.counts.get(name, 0):,} predicted, {known:,} in training"
            for name, known in list(self.learnt.items())[:MOST_TOLD]
        )
        title = f"Predictions that fit: {counted(int(self.codes.size), 'row')}."
        return "\n".join([title, *self.lines(), *counts])

    def lines(self) -> list[str]:
        """For people, without the classes."""
        return self._lines(self.metrics.lines() if self.metrics else ())

    def _lines(self, good: Sequence[str] = ()) -> list[str]:
        """The same, with what the metrics say in its place."""
        rows, said = int(self.codes.size), list[str]()
        if self.folds is not None:
            said.append(self.folds.line())
        if self.exported is None:
            said.append(
                "Not reproducible: nobody can tell whether the model's file made these "
                "predictions."
            )
        elif self.exported.agreement is None:
            said.append("Predicted by the ONNX file that would be sealed.")
        else:
            said.append(
                "Predicted by the ONNX file that would be sealed; the fitted model "
                f"says the same of {self.exported.agreement:.2%} of the rows."
            )
        if self.unlikely is not None:
            said.append(_told_probabilities(self.unlikely, rows))
        said += good
        if self.right is not None:
            right = f"{self.right:,} of {counted(rows, 'row')} "
            right += f"{agreeing(self.right, 'is', 'are')} right"
            right += f" ({self.right / rows:.2%}){told_place(self.place)}"
            said.append(f"{right}.")
        return said


def _told_probabilities(unlikely: int, rows: int) -> str:
    said = "Probabilities of each class go with them"
    return f"{said}{told_unlikely(unlikely, rows)}."


def told_unlikely(unlikely: int, rows: int) -> str:
    """In how many rows another class is likelier, as a sentence goes on; empty for
    none.
    """
    if not unlikely:
        return ""
    return (
        f"; in {unlikely:,} of {counted(rows, 'row')} another class is likelier than "
        "the predicted"
    )


def check(
    request: Request,
    given: Any,
    show: Show | None = None,
    probabilities: Any = None,
) -> Checked:
    """Checks predictions, or a model that makes them.

    Args:
        request: As it is now.
        given: A fitted estimator, an exported model or its file; or predictions.
        show: Is told how far cross-validation is; None for none.
        probabilities: Of predictions, how sure one is of each class: a file's path, a
            data frame or an array; None if nobody says. A model says so itself.

    Raises:
        InputError: The model cannot be exported.
        DataError: The predictions or probabilities do not fit; names row and value.
    """
    from modelmarket.datasets.predictions import encode_predictions

    manifest, rows = request.manifest(), request.terms.labels
    classes = manifest.classes
    exported = exported_by(request, given)
    if exported is not None:
        codes = encode_predictions(
            exported.labels, classes, rows, where="the model's predictions"
        )
    elif isinstance(given, str | Path):
        codes = _read(request, Path(given))
    else:
        codes = encode_predictions(given, classes, rows, where="predictions")
    counts: dict[str, int] = {}
    for name in classes.decode(codes):
        counts[name] = counts.get(name, 0) + 1
    found = Checked(
        codes,
        counts,
        learnt=dict(zip(classes.names, manifest.train_counts, strict=True)),
        exported=exported,
        folds=_folds(request, given, show),
        probabilities=_probabilities(request, exported, probabilities),
    )
    _refuse_another(request, found, show)
    truth = request.truth()
    if truth is None:
        return found
    right = int(np.count_nonzero(codes == truth))
    good = judged(request, truth, codes, found.probabilities)
    place = request.place_of(right)
    return replace(found, right=right, metrics=good, place=place)


def check_file(request: Request, path: Path, what: str) -> None:
    """Looks at one of the files that a submission is made of, before the others are
    there.

    Args:
        request: With its test rows, unless it is the model.
        path: The file.
        what: `model`, `predictions` or `probabilities`. A model may be any file: beside
            predictions none is run.

    Raises:
        InputError: It is a model where predictions belong.
        DataError: It is empty, or does not fit the test rows; names row and value.
    """
    if what == "predictions":
        _refuse_model(path)
        _read(request, path)
    elif what == "probabilities":
        _probabilities(request, None, path)
    elif existing_file(path).stat().st_size == 0:
        raise DataError(
            f"{path.name} is empty.",
            hint="Choose one file; a folder goes into an archive first.",
        )


def _read(request: Request, path: Path) -> Codes:
    """Predictions in a file."""
    from modelmarket.datasets.predictions import read_predictions
    from modelmarket.models.inspecting.pickles import refuse_pickle

    refuse_pickle(path, NO_PICKLE)
    _refuse_exact(request, path)
    manifest, rows = request.manifest(), request.terms.labels
    return read_predictions(path, manifest.classes, rows, manifest=manifest)


def _refuse_model(predictions: Any) -> None:
    """Raises an `InputError` for a model, where its predictions belong."""
    if is_exported(predictions) or makes_predictions(predictions):
        raise InputError(
            "The predictions are a model.",
            hint="A model predicts by itself: `modelmarket submit ID MODEL`. Any other "
            f"file or folder has its predictions beside it: {WITH_PREDICTIONS}.",
        )


def _refuse_exact(request: Request, path: Path) -> None:
    """Raises an `InputError` for the file of an exact model: predictions are text."""
    with existing_file(path).open("rb") as file:
        is_exact = file.read(len(EXACT)) == EXACT
    if is_exact:
        raise InputError(
            f"{path.name} is an exact model, as verified contests take them; request "
            f"{request.id} is of predictions.",
            hint=NO_PICKLE,
        )


def _probabilities(
    request: Request, exported: Exported | None, given: Any
) -> Probabilities | None:
    """How sure a model, or whoever predicted, is of each class; None if nobody says.

    Raises:
        InputError: Somebody says so of a model that does itself.
        DataError: What is given are no probabilities of these rows.
    """
    from modelmarket.datasets.probabilities import (
        encode_probabilities,
        of_scores,
        read_probabilities,
    )

    classes, rows = request.manifest().classes, request.terms.labels
    if exported is not None and given is not None:
        raise InputError(
            "A model says by itself how sure it is of each class.",
            hint="Leave the probabilities out.",
        )
    if request.manifest().bins is not None:
        if given is not None:
            raise InputError(
                "The labels are numbers, and have no probabilities.",
                hint="Leave the probabilities out.",
            )
        return None
    if exported is None:
        if given is None:
            return None
        if isinstance(given, str | Path):
            return read_probabilities(Path(given), classes, rows)
        return encode_probabilities(given, classes, rows, where="the probabilities")
    if exported.scores is None:
        return None
    return of_scores(exported.scores, exported.model.classes, classes)


def _takes_probabilities(request: Request) -> bool:
    """Whether it has classes, and not too many for a file of probabilities."""
    from modelmarket.datasets.probabilities import refuse_many

    manifest = request.manifest()
    if manifest.bins is not None:
        return False
    try:
        refuse_many(manifest.classes, request.terms.labels)
    except DataError:
        return False
    return True


def _refuse_another(request: Request, found: Checked, show: Show | None) -> None:
    """Makes sure that the exported file means what was cross-validated.

    A classifier that was fitted on other features than the training part has, or on
    other labels, says something else of these than the same one fitted on them. Of what
    cannot be fitted again, it is shown how it does on rows that it may know.

    Raises:
        InputError: It is right in much fewer rows that it was fitted on than in rows
            not seen.
    """
    if found.exported is None or show is None:
        return
    some = request.training.head(KNOWN_ROWS)
    said = found.exported.model.predict(some.drop(LABEL))
    classes = request.manifest().classes
    truth = classes.decode(classes.encode(some[LABEL].to_list()))
    share = sum(map(str.__eq__, said, truth)) / len(said)
    if found.folds is None:
        show(f"accuracy on rows of the training part, which it may know: {share:.2%}")
        return
    if share < found.folds.accuracy - MARGIN:
        name = "classifier" if request.manifest().bins is None else "regressor"
        raise InputError(
            f"Of the rows that it was fitted on the exported file is right in "
            f"{share:.2%}; the same {name}, fitted anew on the training part, is "
            f"right in {found.folds.accuracy:.2%} of rows that it has not seen.",
            hint="Fit it on `request.training_data()` as it is: what scales, selects "
            "or makes columns belongs into a pipeline. If it is meant so, submit "
            "`request.export(model)`.",
        )


def exported_by(request: Request, given: Any) -> Exported | None:
    """The file of a model with what it predicts; None for what is no model.

    Raises:
        InputError: It cannot be exported.
    """
    from modelmarket.models.onnx import Exported, OnnxModel, export

    if is_exported(given):
        given = OnnxModel.load(Path(given))
    with_scores = _takes_probabilities(request)
    if isinstance(given, OnnxModel):
        return Exported.of(given, request.test_data(), with_scores=with_scores)
    if not makes_predictions(given):
        return None
    classes, known = request.manifest().classes, set(request.libraries)
    features = request.training.drop(LABEL)
    rows = request.test_data()
    return export(given, features, rows, classes, known, with_scores=with_scores)


def is_exported(given: Any) -> bool:
    """Whether it is the path of an exported model."""
    return isinstance(given, str | Path) and Path(given).suffix.lower() == ONNX


def makes_predictions(given: Any) -> bool:
    """Whether it is a classifier or network of some library, or an exported model."""
    from modelmarket.models.converting.of_torch import is_module

    return callable(getattr(given, "predict", None)) or is_module(given)


def _folds(request: Request, estimator: Any, show: Show | None) -> Folds | None:
    from modelmarket.datasets.libraries import labels_for
    from modelmarket.models.converting.of_torch import is_module
    from modelmarket.models.folds import cross_validated
    from modelmarket.models.onnx.of_fitted import is_numbered

    # A network of PyTorch's is told that it cannot be fitted again.
    if show is None or not (hasattr(estimator, "fit") or is_module(estimator)):
        return None
    left = request.record.deadline - request.now
    limit_s = min(MOST_S, SHARE_OF_TIME_LEFT * left) if left > 0 else MOST_S
    known = set(request.libraries)
    features, labels = request.training.drop(LABEL), request.training[LABEL]
    names = request.label_names
    numbered = bool(names) and is_numbered(estimator, names)
    typed = labels_for("polars", labels, names, numbered=numbered)
    bins = request.manifest().bins
    return cross_validated(estimator, features, typed, limit_s, show, known, bins)


@contextmanager
def model_file(
    request: Request,
    model: Any,
    predictions: Any,
    show: Show | None,
    probabilities: Any = None,
) -> Iterator[tuple[Path, Checked]]:
    """The file or folder that would be sealed, and its predictions.

    Args:
        request: As it is now.
        model: A fitted estimator, an exported model or its file; with predictions of
            one's own any file or folder.
        predictions: None if the model makes them.
        show: See `check`.
        probabilities: Likewise.

    Raises:
        InputError: The model cannot be exported, or one of the two is missing.
        DataError: The predictions do not fit.
        NotFoundError: There is no such file.
    """
    is_path = isinstance(model, str | Path)
    _refuse_model(predictions)
    if predictions is not None:
        if not is_path:
            raise InputError(
                f"{an(type(model).__name__, first=True)} is no path of a model's file "
                "or folder.",
                hint="A fitted model alone will do: `modelmarket submit ID MODEL`; its "
                "predictions come from the exported file.",
            )
        existing_path(Path(model))
        yield Path(model), check(request, predictions, probabilities=probabilities)
        return
    if is_path and not is_exported(model):
        existing_path(Path(model))
        raise InputError(
            f"What {Path(model).name} predicts is not known.",
            hint="Any file or folder is taken with its predictions: "
            f"{WITH_PREDICTIONS}.",
        )
    if not (is_path or makes_predictions(model)):
        raise InputError(
            f"{an(type(model).__name__, first=True)} is no model.",
            hint="Give a fitted estimator, or a path and its predictions: "
            f"{WITH_PREDICTIONS}.",
        )
    checked = check(request, model, show, probabilities)
    if is_path:
        yield Path(model), checked
        return
    assert checked.exported is not None, "it makes its predictions"
    with TemporaryDirectory(dir=request.market.home.scratch()) as folder:
        path = Path(folder) / MODEL_FILE
        path.write_bytes(checked.exported.model.data)
        yield path, checked
