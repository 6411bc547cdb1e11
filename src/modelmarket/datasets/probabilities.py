# SPDX-License-Identifier: Apache-2.0
"""How sure a model is of each class: a number for each class of each test row.

The file has `row_id` and a column for each class, called as the class. It lies beside
the predictions that are sealed, decides nothing, and tells the log loss afterwards.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from modelmarket.datasets.predictions import by_ids, in_row_order, place_of
from modelmarket.datasets.sources import ROW_ID
from modelmarket.datasets.tables import PARQUET_MAGIC, Table, open_table
from modelmarket.errors import DataError
from modelmarket.protocol.classes import Classes, Codes
from modelmarket.system.text import counted

Probabilities = npt.NDArray[np.float64]
"""In the order of test rows and of the manifest's classes; shape (rows, classes)."""

MOST_CELLS = 2**23
"""Of a file, so that nobody who reads it runs out of memory: 800,000 rows of ten
classes."""
MOST_BYTES = 2**28
"""Of its text: 32 for each."""
NEAR = 1e-3
"""What a row's probabilities may add up to beside 1: three decimals, or 32 bits."""
FORM = (
    f"Probabilities have {ROW_ID!r} and a column for each class, called as the class: "
    "numbers from 0 to 1 that add up to 1 in each row."
)

ONCE = "Every test row needs its probabilities, and once."


def read_probabilities(
    path: Path, classes: Classes, rows: int, *, is_strangers: bool = False
) -> Probabilities:
    """Reads a file of probabilities.

    Args:
        path: `row_id` and a column for each class, in any order of rows and columns; or
            without `row_id`, in the order of the test rows.
        classes: The request's.
        rows: The request's test rows.
        is_strangers: Whether it must be as it is written here: CSV in UTF-8, with
            commas.

    Raises:
        NotFoundError: There is no such file.
        InputError: It is a folder, a pipe or a device.
        DataError: Something is missing, twice, too much, or no probability; names row
            and value.
    """
    refuse_many(classes, rows)
    table = _table(path, is_strangers=is_strangers)
    places = _places(table.columns, classes, path.name)
    at_id = table.columns.index(ROW_ID) if ROW_ID in table.columns else None
    found = np.zeros((rows, len(classes)))
    filled = np.zeros(rows, dtype=bool)
    numbers = np.zeros(rows, dtype=np.int64)
    for number, row in enumerate(table.rows(), 1):
        if at_id is not None:
            place = place_of(table, number, row[at_id].strip(), rows)
        elif number > rows:
            raise DataError(
                f"{path.name} has more than {counted(rows, 'row')}.", hint=ONCE
            )
        else:
            place = number - 1
        if filled[place]:
            raise DataError(
                f"{table.told(number)}: id '{place + 1}' comes twice.", hint=ONCE
            )
        try:
            found[place] = [float(row[one]) for one in places]
        except ValueError:
            raise _no_number(table.told(number), [row[one] for one in places]) from None
        filled[place], numbers[place] = True, number
    if not filled.all():
        raise DataError(
            f"{path.name}: id '{int(np.argmin(filled)) + 1}' is missing; "
            f"{int(filled.sum()):,} of {rows:,} test rows are there.",
            hint=ONCE,
        )
    return _checked(
        found, classes, path.name, told=lambda place: table.told(int(numbers[place]))
    )


def _table(path: Path, *, is_strangers: bool) -> Table:
    if not is_strangers:
        return open_table(path, header=True)
    with path.open("rb") as file:
        if file.read(len(PARQUET_MAGIC)) == PARQUET_MAGIC:
            raise DataError("It is no CSV.", hint=FORM)
    return open_table(path, header=True, delimiter=",", encoding="utf-8")


def _places(columns: Sequence[str], classes: Classes, where: str) -> list[int]:
    """Where the column of each class is.

    Raises:
        DataError: One is missing, or there is one too many.
    """
    known, names = {name: at for at, name in enumerate(columns)}, set(classes.names)
    if ROW_ID in names:
        raise DataError(
            f"A class is called {ROW_ID!r}, so that {where} cannot name it.",
            hint="Submit without probabilities.",
        )
    for name in classes.names:
        if name not in known:
            raise DataError(
                f"{where} has no column for the class {name[:40]!r}.", hint=FORM
            )
    for name in columns:
        if name != ROW_ID and name not in names:
            raise DataError(
                f"{where} has a column {name[:40]!r}, which is no class.", hint=FORM
            )
    return [known[name] for name in classes.names]


def _no_number(where: str, cells: Sequence[str]) -> DataError:
    """What is wrong with a row of which a cell is no number."""
    for cell in cells:
        try:
            float(cell)
        except ValueError:
            return DataError(f"{where}: {cell[:20]!r} is no number.", hint=FORM)
    raise AssertionError("one of them is none")


def encode_probabilities(
    given: Any, classes: Classes, rows: int, *, where: str
) -> Probabilities:
    """Takes probabilities as people have them at hand.

    Args:
        given: A data frame of polars or pandas with a column for each class, and
            `row_id` or not; or an array of shape (rows, classes), in the order of the
            test rows and of the manifest's classes. An index of pandas' that is not
            that of the test rows is put in order or refused.
        classes: The request's.
        rows: The request's test rows.
        where: What to call them in an error.

    Raises:
        DataError: Their number is wrong, or one is no probability.
    """
    refuse_many(classes, rows)
    if not hasattr(given, "columns"):
        return _checked(_array(given, (rows, len(classes)), where), classes, where)
    keys = list(given.columns)
    columns = [str(one) for one in keys]
    ids = list(given[ROW_ID]) if ROW_ID in columns else None
    found: list[Probabilities] = []
    for place in _places(columns, classes, where):
        column = given[keys[place]]
        ordered = (
            in_row_order(column, rows, where)
            if ids is None
            else by_ids(ids, list(column), rows, where)
        )
        found.append(_array(list(ordered), (rows,), where))
    return _checked(np.stack(found, axis=1), classes, where)


def _array(given: Any, shape: tuple[int, ...], where: str) -> Probabilities:
    """Numbers as an array of some shape.

    Raises:
        DataError: They are none, or too many or too few.
    """
    try:
        found = np.array(given, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(f"{where} are no numbers.", hint=FORM) from error
    if found.shape != shape:
        raise DataError(
            f"{where} have the shape {found.shape}; {shape} is expected.",
            hint="Give a line for each test row, and in it a number for each class, in "
            "the order of `request.manifest().classes.names`.",
        )
    return found


def refuse_many(classes: Classes, rows: int) -> None:
    """Makes sure that so many probabilities can be kept.

    Raises:
        DataError: They are too many.
    """
    if (cells := rows * len(classes)) > MOST_CELLS:
        raise DataError(
            f"{counted(rows, 'row')} of {len(classes):,} classes have {cells:,} "
            f"probabilities; {MOST_CELLS:,} can be kept.",
            hint="Submit without probabilities.",
        )


def _checked(
    found: Probabilities,
    classes: Classes,
    where: str,
    told: Callable[[int], str] | None = None,
) -> Probabilities:
    """The same, if all of them are probabilities.

    Args:
        found: Shape (rows, classes).
        classes: The request's.
        where: What to call them in an error.
        told: What a test row's probabilities are called, by its place from 0, if they
            stand in a row of a file.

    Raises:
        DataError: One is none, or a row does not add up; names row and class.
    """
    is_one = (found >= 0) & (found <= 1)
    if not is_one.all():
        row, place = (int(one[0]) for one in np.nonzero(~is_one))
        raise DataError(
            f"{told(row) if told else where}, id '{row + 1}': "
            f"{found[row, place]:.6g} for the class "
            f"{classes.names[place][:40]!r} is no probability.",
            hint=FORM,
        )
    sums = found.sum(axis=1)
    is_whole = np.abs(sums - 1) <= NEAR
    if not is_whole.all():
        row = int(np.argmin(is_whole))
        raise DataError(
            f"{told(row) if told else where}, id '{row + 1}': the probabilities add "
            f"up to {sums[row]:.6g}.",
            hint=FORM,
        )
    return found


def of_scores(
    scores: Probabilities, known: Sequence[str], classes: Classes
) -> Probabilities | None:
    """What a model says of the classes that it knows, as probabilities of all.

    Args:
        scores: Shape (rows, classes that it knows).
        known: Their names, in its order.
        classes: The request's; what it does not know has the probability 0.

    Returns:
        None if they are no probabilities, such as distances, or of other classes.
    """
    if not set(known) <= set(classes.names) or ROW_ID in classes.names:
        return None
    found = np.zeros((len(scores), len(classes)))
    # What 32 bits add up to may be beyond 1 by the last of them.
    found[:, classes.encode(known)] = np.where(
        (scores > 1) & (scores <= 1 + NEAR), 1.0, scores
    )
    try:
        return _checked(found, classes, "scores")
    except DataError:
        return None


def written(probabilities: Probabilities, classes: Classes) -> bytes:
    """The file."""
    import csv
    import io

    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow([ROW_ID, *classes.names])
    for number, row in enumerate(probabilities, 1):
        rows.writerow([number, *row.tolist()])
    return text.getvalue().encode()


def unlikely(probabilities: Probabilities, codes: Codes) -> int:
    """Of how many rows another class is likelier than the one that was predicted.

    Args:
        probabilities: Shape (rows, classes).
        codes: What was predicted; shape (rows,).
    """
    given = probabilities[np.arange(codes.size), codes]
    return int(np.count_nonzero(given < probabilities.max(axis=1)))
