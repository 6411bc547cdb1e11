# SPDX-License-Identifier: Apache-2.0
"""Reading predictions: a CSV with row ids, or a bare column of labels."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from modelmarket.datasets.split import LABEL, ROW_ID
from modelmarket.datasets.tables import open_table
from modelmarket.errors import DataError
from modelmarket.protocol.classes import Classes, Codes


def read_predictions(path: Path, classes: Classes, rows: int) -> Codes:
    """Reads a file of predictions.

    Args:
        path: Two columns, `row_id` and `label`, in any order of rows; or one
            column of labels, in the order of the test rows, with or without
            a header.
        classes: The request's.
        rows: The request's test rows.

    Returns:
        Codes of shape (rows,), in the order of the test rows.

    Raises:
        DataError: Something is missing, twice, too much or unknown; names row
            and value.
    """
    table = open_table(path, knows=ROW_ID)
    if ROW_ID in table.columns:
        return _by_id(path, classes, rows)
    if len(table.columns) != 1:
        raise DataError(
            f"{path.name} has the columns {', '.join(table.columns[:8])}.",
            hint=f"Predictions have {ROW_ID!r} and {LABEL!r}, or one column of labels.",
        )
    table = open_table(path, header=False, delimiter=",")
    labels = [row[0] for row in table.rows()]
    # One more row than needed, whose first is no class, has a header.
    if len(labels) == rows + 1 and labels[0] not in classes.names:
        labels = labels[1:]
    return encode_predictions(labels, classes, rows, where=path.name)


def _by_id(path: Path, classes: Classes, rows: int) -> Codes:
    table = open_table(path, header=True)
    at_id, at_label = table.column(ROW_ID), table.column(LABEL)
    codes = np.zeros(rows, dtype=np.uint16)
    filled = np.zeros(rows, dtype=bool)
    for number, row in enumerate(table.rows(), 1):
        row_id = row[at_id].strip()
        place = int(row_id) - 1 if row_id.isascii() and row_id.isdigit() else -1
        if not 0 <= place < rows:
            raise DataError(
                f"{path.name}, row {number}: there is no test row {row_id!r}; "
                f"ids go from 1 to {rows:,}.",
                hint="Did you predict the training part?",
            )
        if filled[place]:
            raise DataError(f"{path.name}, row {number}: id {row_id!r} comes twice.")
        codes[place] = classes.encode([row[at_label]], first_row=number)[0]
        filled[place] = True
    if not filled.all():
        missing = int(np.argmin(filled)) + 1
        raise DataError(
            f"{path.name}: id '{missing}' is missing; {int(filled.sum()):,} of "
            f"{rows:,} test rows are there.",
            hint="Every test row needs a prediction.",
        )
    return codes


def encode_predictions(
    labels: Iterable[object], classes: Classes, rows: int, *, where: str
) -> Codes:
    """Turns predictions in the order of the test rows into codes.

    Args:
        labels: Class names, or values whose text is one (3, 3.0 and "3" are
            the same where "3" is a class).
        classes: The request's.
        rows: The request's test rows.
        where: What to call them in an error.

    Raises:
        DataError: Their number is wrong, or one is no class.
    """
    names = set(classes.names)
    texts = [_text(label, names) for label in labels]
    if len(texts) != rows:
        raise DataError(
            f"{where}: {len(texts):,} predictions for {rows:,} test rows.",
            hint="Predict every row of the test part, in its order.",
        )
    return classes.encode(texts)


def _text(label: object, names: set[str]) -> str:
    text = str(label)
    if text in names or not isinstance(label, (float, np.floating)):
        return text
    return str(int(label)) if float(label).is_integer() else text
