# SPDX-License-Identifier: Apache-2.0
"""Running an ONNX file that says by itself what it reads and what it predicts.

Only one's own: a stranger's file is not opened here.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modelmarket.errors import InputError, NotFoundError
from modelmarket.models.onnx.columns import Input, Reads, feed
from modelmarket.system.files import existing_file

if TYPE_CHECKING:
    import polars as pl

COLUMNS, CLASSES = "columns", "classes"
"""What a file says of itself: names in their order, as JSON."""
LABEL, SCORES = "label", "scores"
"""What it predicts: a class's name for each row; and how sure it is of each class, if
it says so."""
ROWS_AT_ONCE = 1_000
"""perf: neighbours are found by a matrix of all distances."""
QUIET = 4
"""onnxruntime's own log: only what it cannot go on from."""
HOW_TO_INSTALL = "pip install 'modelmarket[onnx]'"


@dataclass(frozen=True)
class OnnxModel:
    """An ONNX file of a fitted model.

    Attributes:
        data: The file.
    """

    data: bytes

    @classmethod
    def load(cls, path: Path) -> OnnxModel:
        """Reads a file.

        Raises:
            NotFoundError: It is not there.
            InputError: It is a folder, a pipe or a device.
        """
        return cls(existing_file(path).read_bytes())

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
        for one in self._session.get_inputs():
            try:
                found.append(Input.named(one.name, Reads(one.type), self.columns))
            except ValueError:
                raise InputError(
                    f"This model reads {one.name!r}, a {one.type}, which no table has."
                ) from None
        return tuple(found)

    def predict(self, frame: pl.DataFrame) -> list[str]:
        """The class of each row of a table with the columns of the training part.

        Raises:
            DataError: A column is missing, or has cells of another kind.
            InputError: The file cannot be run.
        """
        labels: list[str] = []
        for at in range(0, frame.height, ROWS_AT_ONCE):
            some = frame.slice(at, ROWS_AT_ONCE)
            given = feed(self.inputs, some)
            try:
                [found] = self._session.run([LABEL], given)
            except Exception as error:
                raise InputError(
                    f"This model cannot be run: {first_line(error)}"
                ) from (error)
            labels += [str(one) for one in found.reshape(-1)]
        return labels

    @cached_property
    def _session(self) -> Any:
        try:
            import onnxruntime as ort
        except ImportError as error:
            raise NotFoundError(
                "ONNX files are run with onnxruntime, which is not installed.",
                hint=HOW_TO_INSTALL,
            ) from error
        options = ort.SessionOptions()
        options.log_severity_level = QUIET
        try:
            return ort.InferenceSession(
                self.data, options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:
            raise InputError(f"This model cannot be run: {first_line(error)}") from (
                error
            )

    def _said(self, what: str) -> tuple[str, ...]:
        said = self._session.get_modelmeta().custom_metadata_map.get(what)
        if said is None:
            raise InputError(
                f"This file does not say its {what}.",
                hint="What says so is written by `request.export(model)`.",
            )
        try:
            names = json.loads(said)
        except ValueError:
            names = None
        if not isinstance(names, list) or not all(isinstance(n, str) for n in names):
            raise InputError(f"What this file says of its {what} is no list of names.")
        return tuple(names)


def first_line(error: Exception) -> str:
    """The beginning of what another library says."""
    return str(error).strip().partition("\n")[0][:200]
