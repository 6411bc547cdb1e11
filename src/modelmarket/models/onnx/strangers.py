# SPDX-License-Identifier: Apache-2.0
"""Running an ONNX file that a stranger made: in confinement, and with limits."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, BinaryIO, Self

import numpy as np

from modelmarket.errors import InputError, LimitError
from modelmarket.models.onnx.running import (
    LABEL,
    OnnxFile,
    Session,
    first_line,
    runtime,
)
from modelmarket.system.confinement import Confined, Limits, ProblemError
from modelmarket.system.documents import read_text

if TYPE_CHECKING:
    from modelmarket.models.onnx.columns import Feed

NUMBERS = np.dtype("<u4")
"""Which of the labels that were told each row has."""
PROGRAM = ("-m", "modelmarket.models.onnx.confined_running")


class StrangersModel(OnnxFile):
    """An ONNX file of somebody else's; to be closed, best by `with`.

    Args:
        file: Open for reading.
        limits: What it may use in all.
        unconfined: Run it with limits alone.

    Raises:
        ConfinementError: This machine cannot confine it.
        LimitError: It went beyond a limit while it was opened.
        InputError: It cannot be run.
        NotFoundError: onnxruntime is not installed.
    """

    def __init__(
        self, file: BinaryIO, limits: Limits | None = None, *, unconfined: bool = False
    ) -> None:
        runtime()  # here it can still be said what is missing
        self._confined = Confined(
            PROGRAM, limits or Limits(), file=file, unconfined=unconfined
        )
        try:
            self._session = _There(self._confined)
        except BaseException:
            self._confined.close()
            raise

    @property
    def session(self) -> Session:
        """See `OnnxFile`."""
        return self._session

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._confined.close()


class _There(Session):
    """A file that runs in confinement; what it says of itself is a stranger's word."""

    def __init__(self, confined: Confined) -> None:
        self._confined = confined
        told, _ = self._ask("open", {})
        self.inputs = [(name, kind) for name, kind in _pairs(told.get("inputs"))]
        outputs = told.get("outputs")
        self.outputs = outputs if isinstance(outputs, list) else []
        said = told.get("said")
        self.said = dict(_pairs(list(said.items()) if isinstance(said, dict) else None))

    def run(self, given: Feed, what: str = LABEL) -> list[str]:
        """See `Session`.

        Raises:
            LimitError: It went beyond a limit, or answers no list of labels.
        """
        arrays, data = list[Any](), list[bytes]()
        for name, array in given.items():
            if array.dtype == object:
                kind, piece = "text", json.dumps(array.tolist()).encode()
            else:
                kind, piece = array.dtype.str, np.ascontiguousarray(array).tobytes()
            arrays.append((name, kind, array.shape, len(piece)))
            data.append(piece)
        question = {"arrays": arrays, "what": what}
        told, behind = self._ask("run", question, b"".join(data))
        try:
            labels = [read_text(one) for one in told["labels"]]
            return [labels[one] for one in np.frombuffer(behind, NUMBERS)]
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise LimitError("It answers something that is no list of labels.") from (
                error
            )

    def _ask(
        self, what: str, given: dict[str, Any], data: bytes = b""
    ) -> tuple[dict[str, Any], bytes]:
        try:
            return self._confined.ask(what, given, data)
        except ProblemError as error:
            raise InputError(f"This model cannot be run: {first_line(error)}") from None


def _pairs(told: Any) -> list[tuple[str, str]]:
    """Pairs of text that the program told.

    Raises:
        LimitError: They are none.
    """
    try:
        pairs = [(name, other) for name, other in told]
    except (TypeError, ValueError):
        pairs = [(None, None)]
    if not all(isinstance(half, str) for pair in pairs for half in pair):
        raise LimitError("It answers something that is no description of a model.")
    return pairs
