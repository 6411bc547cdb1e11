# SPDX-License-Identifier: Apache-2.0
"""The program that runs a stranger's ONNX file, shut in: `python -m` this.

It knows nothing of tables: it is given arrays, and tells labels.
"""

from __future__ import annotations

import json
from typing import Any, BinaryIO

import numpy as np

from modelmarket.models.onnx.running import (
    described,
    labels_of,
    runtime,
    runtime_session,
)
from modelmarket.models.onnx.strangers import NUMBERS
from modelmarket.system.confined import Answer, Told, serve


def answers_about(file: BinaryIO | None) -> dict[str, Answer]:
    """What can be asked about a model in a file."""
    opened: list[Any] = []

    def open_(_: Told, __: bytes) -> tuple[Told, bytes]:
        assert file is not None, "there is one"
        opened[:] = [runtime_session(file.read())]
        inputs, outputs, said = described(opened[0])
        return {"inputs": inputs, "outputs": outputs, "said": said}, b""

    def run(question: Told, data: bytes) -> tuple[Told, bytes]:
        given, at = dict[str, Any](), 0
        for name, dtype, shape, size in question["arrays"]:
            given[name] = _array(dtype, shape, data[at : at + size])
            at += size
        labels = labels_of(opened[0], given, question["what"])
        numbers = {label: number for number, label in enumerate(dict.fromkeys(labels))}
        said = np.array([numbers[one] for one in labels], dtype=NUMBERS)
        return {"labels": list(numbers)}, said.tobytes()

    return {"open": open_, "run": run}


def _array(dtype: str, shape: list[int], data: bytes) -> Any:
    """An array of bytes; one of text is JSON."""
    if dtype == "text":
        return np.array(json.loads(data), dtype=object).reshape(shape)
    return np.frombuffer(data, dtype=dtype).reshape(shape)


if __name__ == "__main__":
    runtime()  # found now, since later no file can be opened
    serve(answers_about)
