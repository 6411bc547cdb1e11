# SPDX-License-Identifier: Apache-2.0
"""A request's tables as each library of data science has them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from modelmarket.datasets.sources import LABEL
from modelmarket.errors import InputError, NotFoundError

if TYPE_CHECKING:
    import polars as pl

    from modelmarket.protocol.hidden import RowCodes, Targets

Library = Literal["polars", "pandas", "numpy", "torch"]
"""Which library's tables are wanted."""
LIBRARIES: tuple[Library, ...] = get_args(Library)

WHOLE = range(-(2**63), 2**63)
MOST_DIGITS = 19


def table_for(library: Library, frame: pl.DataFrame) -> Any:
    """A table of features.

    Args:
        library: Whose.
        frame: The table.

    Returns:
        A data frame of polars or pandas; or a matrix of shape (rows, columns), of
        torch's 32 bits of floating point, or of the type of NumPy's that holds all
        columns. Gaps are null in polars, and no number elsewhere.

    Raises:
        InputError: There is no such library, or the columns have text and torch has
            none.
        NotFoundError: The library is not installed.
    """
    import polars as pl

    check_library(library)
    match library:
        case "polars":
            return frame
        case "pandas":
            pandas = _imported("pandas")
            return pandas.DataFrame({one.name: one.to_numpy() for one in frame})
        case "numpy":
            return frame.to_numpy()
        case "torch":
            torch = _imported("torch")
            for name, kind in frame.schema.items():
                if kind == pl.String:
                    raise InputError(
                        f"The column {name!r} has text, and torch has numbers alone.",
                        hint='Encode it first: `training_data("pandas")`.',
                    )
            return torch.from_numpy(frame.to_numpy().astype(np.float32))


def labels_for(
    library: Library,
    labels: pl.Series,
    classes: Sequence[str],
    *,
    numbered: bool = False,
) -> Any:
    """A column of labels, in the type that they had.

    Args:
        library: Whose.
        labels: As text; shape (rows,).
        classes: All that there are, in the order of their numbers; none for numbers.
        numbered: Give the numbers of classes from 0, whatever they are called.

    Returns:
        Labels of shape (rows,): whole numbers if all classes are some, text otherwise;
        64 bits of floating point for numbers. For torch classes are their numbers from
        0, as its losses want them, and numbers have 32 bits.

    Raises:
        InputError: There is no such library.
        NotFoundError: The library is not installed.
        DataError: A label that is to be a finite number is none.
    """
    import polars as pl

    from modelmarket.protocol.bins import read_numbers

    check_library(library)
    typed = labels
    if classes and (numbered or library == "torch"):
        typed = labels.replace_strict(
            list(classes), list(range(len(classes))), return_dtype=pl.Int64
        )
    elif not classes:
        typed = pl.Series(labels.name, read_numbers(labels.fill_null("").to_list()))
        typed = typed.cast(pl.Float32) if library == "torch" else typed
    elif are_whole(classes):
        typed = labels.cast(pl.Int64)
    match library:
        case "polars":
            return typed
        case "torch":
            return _imported("torch").from_numpy(typed.to_numpy().copy())
        case "pandas":
            return _imported("pandas").Series(typed.to_numpy(), name=labels.name)
        case _:
            # Text of fixed width, which scikit-learn sorts, rather than objects.
            array = typed.to_numpy()
            return array.astype(np.str_) if typed.dtype == pl.String else array


def codes_for(
    library: Library, codes: RowCodes, names: Sequence[str], targets: Targets
) -> tuple[Any, Any]:
    """Rows in codes, and their targets.

    Args:
        library: Whose tables to make.
        codes: Shape (rows, columns).
        names: Of the columns.
        targets: Shape (rows,).

    Returns:
        A table of the same shape, and the targets. For torch codes have 32 bits of
        floating point, and targets 64 bits.

    Raises:
        InputError: There is no such library.
        NotFoundError: The library is not installed.
    """
    import polars as pl

    check_library(library)
    match library:
        case "numpy":
            return codes, targets
        case "torch":
            torch = _imported("torch")
            return (
                torch.from_numpy(codes.astype(np.float32)),
                torch.from_numpy(targets.astype(np.int64)),
            )
        case "polars":
            frame = pl.DataFrame(codes, schema=list(names), orient="row")
            return frame, pl.Series(LABEL, targets)
        case _:
            pandas = _imported("pandas")
            frame = pandas.DataFrame(codes, columns=list(names))
            return frame, pandas.Series(targets, name=LABEL)


def are_whole(classes: Sequence[str]) -> bool:
    """Whether all classes are whole numbers, written as Python writes them."""
    return all(map(_is_whole, classes))


def _is_whole(name: str) -> bool:
    digits = name.removeprefix("-")
    is_number = digits.isascii() and digits.isdigit() and len(digits) <= MOST_DIGITS
    return is_number and str(int(name)) == name and int(name) in WHOLE


def check_library(library: str) -> None:
    """Raises an `InputError` for one that is not known."""
    if library not in LIBRARIES:
        raise InputError(
            f"There is no library {library!r} here.",
            hint=f"Say one of {', '.join(LIBRARIES)}.",
        )


def _imported(name: str) -> Any:
    import importlib

    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise NotFoundError(
            f"{name} is not installed.", hint=f"pip install {name}"
        ) from error
