# SPDX-License-Identifier: Apache-2.0
"""Reading predictions: a CSV with row ids, or a bare column of labels."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from modelmarket.datasets.given import found_out, library_of
from modelmarket.datasets.published import TEST, TRAIN
from modelmarket.datasets.records import encode_row
from modelmarket.datasets.sources import LABEL, ROW_ID
from modelmarket.datasets.tables import Table, open_table
from modelmarket.errors import DataError
from modelmarket.protocol.bins import Bins
from modelmarket.protocol.classes import Classes, Codes, RowName, row_name
from modelmarket.system.text import an, counted

if TYPE_CHECKING:
    from modelmarket.datasets.published import Manifest

FORMS = f"Predictions have {ROW_ID!r} and {LABEL!r}, or one column of labels."
NO_INDEX = "Leave an index out, as pandas does with `index=False`."
ONE_CLASS_A_ROW = (
    "Write the class of each row, not its probability: take argmax, as "
    "`model.classes_[probabilities.argmax(axis=1)]` does; with scikit-learn `predict` "
    "says it, not `predict_proba`."
)
ONE_NUMBER_A_ROW = "Write one number for each row."
ONE_COLUMN = "It has a single column: give `predictions.ravel()`."
JUDGED_ROWS = 100
"""Rows that probabilities are recognised by."""
MOST_DIGITS = 10


def as_csv(labels: Iterable[str]) -> bytes:
    """Predictions as they are submitted, and saved: a row's number, and its label.

    Args:
        labels: Of rows in order, the first of which is row 1.
    """
    rows = (b"%d,%b\n" % (n, encode_row([one])) for n, one in enumerate(labels, 1))
    return f"{ROW_ID},{LABEL}\n".encode() + b"".join(rows)


def read_predictions(
    path: Path, classes: Classes, rows: int, *, manifest: Manifest | None = None
) -> Codes:
    """Reads a file of predictions.

    Args:
        path: Two columns, `row_id` and `label`, in any order of rows; or one
            column of labels, in the order of the test rows, with or without
            a header.
        classes: The request's.
        rows: The request's test rows.
        manifest: Of the dataset, to tell its own files from predictions.

    Returns:
        Codes of shape (rows,), in the order of the test rows.

    Raises:
        NotFoundError: There is no such file.
        InputError: It is a folder, a pipe or a device.
        DataError: Something is missing, twice, too much or unknown; names row
            and value.
    """
    with found_out(FORMS):
        table = open_table(path, knows=ROW_ID)
        if manifest is not None:
            _refuse_published(table, manifest)
        if LABEL not in table.columns and not isinstance(classes, Bins):
            _refuse_probabilities(table)
        if ROW_ID in table.columns:
            return _by_id(path, classes, rows)
        if len(table.columns) != 1:
            # Data frames are written with a column that numbers the rows, and has no
            # name.
            known = ", ".join(map(repr, table.columns[:8]))
            index = "" if table.columns[0] else f" {NO_INDEX}"
            raise DataError(
                f"{path.name} has the columns {known}.", hint=f"{FORMS}{index}"
            )
        table = open_table(path, header=False, delimiter=",")
        labels = [row[0] for row in table.rows()]
    # What comes first and is no class may be a mistake, or the name of the column.
    is_named = len(labels) > rows or labels[0].strip().casefold() == LABEL
    if is_named and not classes.knows(labels[0]):
        table, labels = replace(table, has_header=True), labels[1:]
    return encode_predictions(labels, classes, rows, where=path.name, row=table.told)


def _refuse_published(table: Table, manifest: Manifest) -> None:
    """Raises a `DataError` for the dataset's own files."""
    name, columns = table.path.name, set(table.columns)
    if LABEL not in columns and columns - {ROW_ID} == set(manifest.features):
        raise DataError(
            f"{name} is {TEST} itself, or a copy: it has the features and no "
            f"{LABEL!r}.",
            hint=f"Predict its rows with your model, and write {ROW_ID!r} and "
            f"{LABEL!r}.",
        )
    with table.path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest == manifest.sha256.get(TRAIN):
        raise DataError(
            f"{name} is {TRAIN} itself, or a copy.",
            hint=f"Predict the rows of {TEST}, and write {ROW_ID!r} and {LABEL!r}.",
        )


def _refuse_probabilities(table: Table) -> None:
    """Raises a `DataError` where each class has a column of its own."""
    judged = [name for name in table.columns if name != ROW_ID]
    first = list(islice(table.rows(), JUDGED_ROWS))
    if len(judged) < 2 or not first:  # noqa: PLR2004  # one is told of with its row
        return
    places = [table.column(name) for name in judged]
    if all(_is_share(row[at]) for row in first for at in places):
        shown = ", ".join(judged[:4]) + (", …" if len(judged) > 4 else "")  # noqa: PLR2004  # as many as fit
        raise DataError(
            f"{table.path.name} has {len(judged)} columns of numbers between 0 and "
            f"1 ({shown}): probabilities?",
            hint=ONE_CLASS_A_ROW,
        )


def _is_share(cell: str) -> bool:
    try:
        return 0 <= float(cell) <= 1
    except ValueError:
        return False


def _by_id(path: Path, classes: Classes, rows: int) -> Codes:
    table = open_table(path, header=True)
    at_id, at_label = table.column(ROW_ID), table.column(LABEL)
    codes = np.zeros(rows, dtype=np.uint16)
    filled = np.zeros(rows, dtype=bool)
    for number, row in enumerate(table.rows(), 1):
        place = place_of(table, number, row[at_id].strip(), rows)
        if filled[place]:
            raise DataError(f"{table.told(number)}: id {row[at_id]!r} comes twice.")
        codes[place] = _encode_one(row[at_label], classes, table, number)
        filled[place] = True
    if not filled.all():
        missing = int(np.argmin(filled)) + 1
        raise DataError(
            f"{path.name}: id '{missing}' is missing; {int(filled.sum()):,} of "
            f"{rows:,} test rows are there.",
            hint="Every test row needs a prediction.",
        )
    return codes


def place_of(table: Table, number: int, row_id: str, rows: int) -> int:
    """Where what is said of a row belongs, from 0.

    Args:
        table: That it stands in, for an error.
        number: Of the row in it, from 1.
        row_id: As it stands there.
        rows: The request's test rows.

    Raises:
        DataError: There is no such row.
    """
    is_whole = row_id.isascii() and row_id.isdigit() and len(row_id) <= MOST_DIGITS
    if is_whole and 1 <= int(row_id) <= rows:
        return int(row_id) - 1
    found = f"{table.told(number)}: there is no test row {row_id[:20]!r}; "
    if is_whole and int(row_id) == 0:
        raise DataError(
            f"{found}ids begin with 1 and go to {rows:,}.",
            hint=f"Take {ROW_ID!r} from {TEST}, or add 1 to each.",
        )
    if row_id.removesuffix("0").endswith(".") and not is_whole:
        raise DataError(
            f"{found}ids are whole numbers from 1 to {rows:,}.",
            hint="Write them without a decimal point.",
        )
    raise DataError(
        f"{found}ids go from 1 to {rows:,}.",
        hint="Did you predict the training part?",
    )


def _encode_one(label: str, classes: Classes, table: Table, number: int) -> int:
    try:
        return int(classes.encode([label], row=lambda _: table.told(number))[0])
    except DataError as error:
        raise _told_apart(error, [label], classes) from None


def encode_predictions(
    labels: Iterable[object],
    classes: Classes,
    rows: int,
    *,
    where: str,
    row: RowName = row_name,
) -> Codes:
    """Turns predictions in the order of the test rows into codes.

    Args:
        labels: Class names, or values whose text is one (3, 3.0 and "3" are the same
            where "3" is a class); numbers, where classes are bins: an array, a list, a
            column, or a data frame with the test rows' ids. An index of pandas' that is
            not that of the test rows is put in order or refused.
        classes: The request's.
        rows: The request's test rows.
        where: What to call them in an error.
        row: What each is called there.

    Raises:
        DataError: Their number is wrong, or one is no class.
    """
    # Of a dictionary the keys would be taken, and any number falls into some bin.
    if not isinstance(labels, Iterable) or isinstance(labels, Mapping | AbstractSet):
        raise DataError(
            f"{where}: {an(type(labels).__name__)} is no labels.", hint=FORMS
        )
    shape = getattr(labels, "shape", ())
    if len(shape) > 1 and not hasattr(labels, "columns"):
        raise DataError(
            f"{where} have the shape {shape}: one label a row is expected.",
            hint=ONE_COLUMN if shape[1:] == (1,) else _one_a_row(classes),
        )
    hint = _one_a_row(classes)
    ordered = in_row_order(labels, rows, where, hint=hint)
    texts = [_text(label, classes) for label in ordered]
    if len(texts) != rows:
        raise DataError(
            f"{where}: {counted(len(texts), 'prediction')} for "
            f"{counted(rows, 'test row')}.",
            hint="Predict every row of the test part, in its order.",
        )
    try:
        return classes.encode(texts, row=row)
    except DataError as error:
        raise _told_apart(error, texts, classes) from None


def _one_a_row(classes: Classes) -> str:
    """What to do about several predictions for a row."""
    return ONE_NUMBER_A_ROW if isinstance(classes, Bins) else ONE_CLASS_A_ROW


def in_row_order(
    labels: Any, rows: int, where: str, *, hint: str = ONE_CLASS_A_ROW
) -> Iterable[object]:
    """Predictions in the order of the test rows, whatever order they came in.

    Args:
        labels: Of the test rows.
        rows: The request's test rows.
        where: What to call them in an error.
        hint: What to do about several predictions for a row.

    Raises:
        DataError: Nobody can say which rows they are for.
    """
    if hasattr(labels, "columns"):
        columns = list(map(str, labels.columns))
        if {ROW_ID, LABEL} <= set(columns):
            return by_ids(list(labels[ROW_ID]), list(labels[LABEL]), rows, where)
        if len(columns) != 1:
            shown = ", ".join(columns[:8])
            raise DataError(
                f"{where} have the columns {shown}.",
                hint=f"{FORMS} {hint}",
            )
        labels = labels[labels.columns[0]]
    if library_of(labels) != "pandas" or not hasattr(labels, "index"):
        plain: Iterable[object] = labels
        return plain
    index, found = list(labels.index), list(labels)
    if index == list(range(len(found))):
        return found
    if labels.index.name == ROW_ID:
        return by_ids(index, found, rows, where)
    if sorted(map(str, index)) == sorted(map(str, range(len(found)))):
        return [one for _, one in sorted(zip(map(int, index), found, strict=True))]
    raise DataError(
        f"{where} have an index that is not that of the test rows.",
        hint="If they are in the order of the test rows, say so with "
        "`reset_index(drop=True)`.",
    )


def by_ids(
    ids: list[object], labels: list[object], rows: int, where: str
) -> list[object]:
    """Labels in the order of the test rows, by those rows' ids.

    Raises:
        DataError: An id is none, comes twice, or is missing.
    """
    found: dict[int, object] = {}
    for given, label in zip(ids, labels, strict=True):
        text = str(given)
        place = int(text) if text.isascii() and text.isdigit() else 0
        if not 1 <= place <= rows:
            raise DataError(
                f"{where}: there is no test row {text[:20]!r}; ids go from 1 to "
                f"{rows:,}.",
                hint=f"Take {ROW_ID!r} from {TEST}.",
            )
        if place in found:
            raise DataError(f"{where}: id {text!r} comes twice.")
        found[place] = label
    for place in range(1, rows + 1):
        if place not in found:
            raise DataError(
                f"{where}: id '{place}' is missing; {len(found):,} of {rows:,} test "
                "rows are there.",
                hint="Every test row needs a prediction.",
            )
    return [found[place] for place in range(1, rows + 1)]


def _told_apart(error: DataError, texts: list[str], classes: Classes) -> DataError:
    """The same error, with what to do if probabilities or codes stand for names."""
    if isinstance(classes, Bins):
        return error
    unknown = list(
        islice((one for one in texts if not classes.knows(one)), JUDGED_ROWS)
    )
    meant = _meant(unknown[0], classes)
    if meant is not None:
        return DataError(
            error.message,
            hint="Labels are compared as text, as the training part has them: write "
            f"{meant!r}, not {unknown[0]!r}.",
        )
    if all(one.isascii() and one.isdigit() for one in unknown):
        if all(int(one[:MOST_DIGITS]) < len(classes) for one in unknown):
            return DataError(
                f"{error.message} Is it a class's number?",
                hint="Write each class by its name, as the training part does.",
            )
    elif all(map(_is_share, unknown)):
        return DataError(f"{error.message} Is it a probability?", hint=ONE_CLASS_A_ROW)
    return error


def _meant(text: str, classes: Classes) -> str | None:
    """The class that differs from a text by its spelling alone; None for none.

    Booleans and numbers are spelled otherwise by each library: `True` and `true`, `1`
    and `1.0`.
    """
    alike = text.strip().casefold()
    value = _value(alike)
    for name in classes.names:
        if name.strip().casefold() == alike:
            return name
        if value is not None and _value(name) == value:
            return name
    return None


def _value(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return None if value != value else value  # noqa: PLR0124  # no number equals none


def _text(label: object, classes: Classes) -> str:
    if isinstance(classes, Bins) and isinstance(label, np.floating):
        return repr(float(label))  # 32 bits have fewer digits
    text = str(label)
    if classes.knows(text) or not isinstance(label, (float, np.floating)):
        return text
    return str(int(label)) if float(label).is_integer() else text
