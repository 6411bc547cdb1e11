# SPDX-License-Identifier: Apache-2.0
"""Running an ONNX file that says by itself what it reads and what it predicts.

One's own runs here, a stranger's shut in: see `modelmarket.models.onnx.strangers`.
"""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from modelmarket.errors import (
    DataError,
    InputError,
    ModelMarketError,
    NotFoundError,
    how_to_install,
)
from modelmarket.models.onnx.columns import Feed, Input, Reads, feed, places_of
from modelmarket.system.documents import parse_json
from modelmarket.system.files import existing_file

if TYPE_CHECKING:
    import polars as pl

COLUMNS, CLASSES = "columns", "classes"
"""What a file says of itself: names in their order, as JSON."""
LABEL, SCORES, NUMBER = "label", "scores", "number"
"""What it predicts: a class's name for each row; how sure it is of each class, if it
says so; and of a bin the very number that fell into it."""
ROWS_AT_ONCE = 1_000
"""perf: neighbours are found by a matrix of all distances."""
CELLS_AT_ONCE = 2**23
"""perf: of many classes or bins fewer rows, since each takes memory for each."""
TEXT_AT_ONCE = 2**22
"""Bytes, if all texts were as long as the longest, as matrices of words are."""
QUIET = 4
"""onnxruntime's own log: only what it cannot go on from."""


class Session(ABC):
    """Somewhere that a file runs.

    Attributes:
        inputs: Name and type of each array that it reads, as ONNX says them.
        outputs: The names of those that it says.
        said: What the file says of itself.
    """

    inputs: list[tuple[str, str]]
    outputs: list[str]
    said: dict[str, str]

    @abstractmethod
    def run(self, given: Feed, what: str = LABEL) -> list[str]:
        """The label of each row of some arrays, or whatever else the file says.

        Args:
            given: The arrays.
            what: One of the outputs that says one thing a row.

        Raises:
            InputError: It cannot be run.
        """


class OnnxFile(ABC):
    """A file that is run somewhere."""

    @property
    @abstractmethod
    def session(self) -> Session:
        """Where it runs.

        Raises:
            InputError: It cannot be run.
            NotFoundError: What runs it is not installed.
        """

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """The columns that it reads, in their order.

        Raises:
            InputError: The file does not say.
        """
        return self._said(COLUMNS)

    @cached_property
    def classes(self) -> tuple[str, ...]:
        """The names of what it can predict.

        Raises:
            InputError: The file does not say.
        """
        return self._said(CLASSES)

    @cached_property
    def inputs(self) -> tuple[Input, ...]:
        """The arrays that it reads.

        Raises:
            InputError: It reads what no table has.
        """
        found: list[Input] = []
        places = places_of(self.columns)
        for name, kind in self.session.inputs:
            try:
                found.append(Input(name, Reads(kind), places[name]))
            except (ValueError, KeyError):
                raise InputError(
                    f"This model reads {name!r}, a {kind}, which no table has."
                ) from None
        return tuple(found)

    def predict(self, frame: pl.DataFrame, *, numbers: bool = False) -> list[str]:
        """The class of each row of a table with the columns of the training part.

        Args:
            frame: The table.
            numbers: Give the numbers that fell into bins, if the file says them, as
                decimals.

        Raises:
            DataError: A column is missing, or has cells of another kind.
            InputError: The file cannot be run.
        """
        labels: list[str] = []
        what = NUMBER if numbers and NUMBER in self.session.outputs else LABEL
        for rows, given in self._fed(frame):
            found = self.session.run(given, what)
            _check(found, rows)
            labels += found
        return labels

    def _fed(self, frame: pl.DataFrame) -> Iterator[tuple[int, Feed]]:
        """A table as the file reads it, so many rows at a time.

        Raises:
            DataError: A column is missing, or has cells of another kind.
        """
        here = set(frame.columns)
        for name in self.columns:
            if name not in here:
                raise DataError(
                    f"The model reads a column {name!r}, which this table has not.",
                    hint="Give it the columns of the training part.",
                )
        try:
            many = max(1, min(ROWS_AT_ONCE, CELLS_AT_ONCE // max(1, len(self.classes))))
        except InputError:  # it says no classes
            many = ROWS_AT_ONCE
        for at in range(0, frame.height, many):
            for some in _not_too_long(frame.slice(at, many), self.columns):
                yield some.height, feed(self.inputs, some)

    def _said(self, what: str) -> tuple[str, ...]:
        said = self.session.said.get(what)
        if said is None:
            raise InputError(
                f"This file does not say its {what}.",
                hint="What says so is written by `request.export(model)`.",
            )
        try:
            names = parse_json(said.encode())
        except ValueError:
            names = None
        if not isinstance(names, list) or not all(isinstance(n, str) for n in names):
            raise InputError(f"What this file says of its {what} is no list of names.")
        if len(set(names)) != len(names):
            raise InputError(f"This file names one of its {what} twice.")
        return tuple(names)


def _not_too_long(rows: pl.DataFrame, columns: Sequence[str]) -> Iterator[pl.DataFrame]:
    """Rows in order, and long texts among few others.

    What cuts texts into words has as many places for each row as the longest has words:
    one book among a thousand sentences would take gigabytes.
    """
    import polars as pl

    texts = [one for one in map(rows.get_column, columns) if one.dtype == pl.String]
    sizes = [one.str.len_bytes().fill_null(0).to_numpy() for one in texts]
    longest = max((int(one.max(initial=0)) for one in sizes), default=0)
    if rows.height <= 1 or longest * rows.height <= TEXT_AT_ONCE:
        yield rows
        return
    half = rows.height // 2
    yield from _not_too_long(rows.head(half), columns)
    yield from _not_too_long(rows.slice(half), columns)


@dataclass(frozen=True)
class OnnxModel(OnnxFile):
    """An ONNX file of a fitted model, one's own.

    Attributes:
        data: The file.
    """

    data: bytes = field(repr=False)

    @classmethod
    def load(cls, path: Path) -> OnnxModel:
        """Reads a file.

        Raises:
            NotFoundError: It is not there.
            InputError: It is a folder, a pipe or a device.
        """
        return cls(existing_file(path).read_bytes())

    @cached_property
    def session(self) -> _Here:
        """See `OnnxFile`."""
        return _Here(self.data)

    def predict_surely(
        self, frame: pl.DataFrame
    ) -> tuple[list[str], npt.NDArray[np.float64] | None]:
        """The class of each row, and how sure the file is of each class.

        That is what the estimator calls so: probabilities of most, of some distances
        from what divides the classes. Numbers of 32 bits are the shortest decimals that
        stand for them.

        perf: each row is run once for both.

        Args:
            frame: A table with the columns of the training part.

        Returns:
            The classes, see `predict`; and a matrix of shape (rows, classes), in the
            order of its `classes`, or None if it does not say.

        Raises:
            DataError: A column is missing, or has cells of another kind.
            InputError: The file cannot be run.
        """
        labels: list[str] = []
        parts: list[npt.NDArray[np.float64] | None] = []
        for rows, given in self._fed(frame):
            said, sure = self.session.run_both(given)
            _check(said, rows)
            labels += said
            fits = sure is not None and sure.shape == (rows, len(self.classes))
            parts.append(sure if fits else None)
        known = [one for one in parts if one is not None]
        is_whole = known and len(known) == len(parts)
        return labels, np.concatenate(known) if is_whole else None


class _Here(Session):
    """A file that runs in this very process.

    Raises:
        InputError: It cannot be run.
        NotFoundError: onnxruntime is not installed.
    """

    def __init__(self, data: bytes) -> None:
        try:
            self._runtime = runtime_session(data)
        except ModelMarketError:
            raise
        except Exception as error:
            raise _cannot(first_line(error)) from error
        self.inputs, self.outputs, self.said = described(self._runtime)

    def run(self, given: Feed, what: str = LABEL) -> list[str]:
        """See `Session`."""
        try:
            return labels_of(self._runtime, given, what)
        except Exception as error:
            raise _cannot(first_line(error)) from error

    def run_both(self, given: Feed) -> tuple[list[str], npt.NDArray[np.float64] | None]:
        """Labels, and how sure it is of each class; None if it says no numbers.

        Raises:
            InputError: It cannot be run.
        """
        if SCORES not in self.outputs:
            return self.run(given), None
        try:
            label, found = self._runtime.run([LABEL, SCORES], given)
        except Exception as error:
            raise _cannot(first_line(error)) from error
        is_number = isinstance(found, np.ndarray) and found.dtype.kind == "f"
        return _texts(label), (
            found.astype(str).astype(np.float64) if is_number else None
        )


def runtime_session(data: bytes) -> Any:
    """A file in onnxruntime, with one thread.

    note: several add up the trees of an ensemble in another order, and what is nearly a
    tie falls to another class: a trainer's machine must say what the buyer's does.

    Raises:
        NotFoundError: onnxruntime is not installed.
        Exception: Whatever onnxruntime says of a file that it cannot run.
    """
    ort = runtime()
    options = ort.SessionOptions()
    options.log_severity_level = QUIET
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return ort.InferenceSession(data, options, providers=["CPUExecutionProvider"])


def runtime() -> Any:
    """The module onnxruntime.

    Raises:
        NotFoundError: It is not installed.
    """
    # Nobody asked for it to tell anybody anything; it starts a thread when imported.
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    try:
        import onnxruntime as ort
    except ImportError as error:
        raise NotFoundError(
            "ONNX files are run with onnxruntime, which is not installed.",
            hint=how_to_install("onnx"),
        ) from error
    return ort


def described(runtime: Any) -> tuple[list[tuple[str, str]], list[str], dict[str, str]]:
    """What a file in onnxruntime reads, what it says, and what it says of itself."""
    inputs = [(str(one.name), str(one.type)) for one in runtime.get_inputs()]
    outputs = [str(one.name) for one in runtime.get_outputs()]
    return inputs, outputs, dict(runtime.get_modelmeta().custom_metadata_map)


def labels_of(runtime: Any, given: Feed, what: str = LABEL) -> list[str]:
    """The label, or whatever else, of each row of some arrays, as text."""
    [found] = runtime.run([what], given)
    return _texts(found)


def _texts(found: Any) -> list[str]:
    # As Python's own they are as short as they can be.
    return list(map(str, found.reshape(-1).tolist()))


def _check(labels: list[str], rows: int) -> None:
    if len(labels) != rows:
        raise InputError(f"This model says {len(labels):,} labels of {rows:,} rows.")


def _cannot(why: str) -> InputError:
    return InputError(f"This model cannot be run: {why}")


def first_line(error: Exception) -> str:
    """The beginning of what another library says."""
    return str(error).strip().partition("\n")[0][:200]
