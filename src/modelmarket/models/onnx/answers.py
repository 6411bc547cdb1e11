# SPDX-License-Identifier: Apache-2.0
"""What fitted estimators say of a row, and how it becomes the name of a class.

A classifier's classes have names. What a regressor says is a number, and what counts is
the bin that it falls into, which is called by the number that stands for it: the file
that is written does that by itself.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from modelmarket.errors import InputError
from modelmarket.models.onnx.running import LABEL, NUMBER, SCORES
from modelmarket.protocol.bins import Bins

if TYPE_CHECKING:
    from collections.abc import Sequence

ML = "ai.onnx.ml"
"""Where ONNX keeps what is not of networks alone."""


@dataclass(frozen=True)
class Said:
    """The end of a file: nodes, constants and outputs that are added to it."""

    nodes: list[Any]
    constants: list[Any]
    outputs: list[Any]


class Answers(ABC):
    """How what an estimator says becomes names."""

    @property
    @abstractmethod
    def names(self) -> Sequence[str]:
        """Of all that can be said, in the order of what it says of each."""

    @abstractmethod
    def texts(self, found: Any) -> list[str]:
        """The names of what it said of rows.

        Args:
            found: What `predict` gave; shape (rows,).

        Raises:
            InputError: It says nothing of a row.
        """

    @abstractmethod
    def said(self, outputs: Sequence[tuple[str, int]]) -> Said:
        """What ends a file, so that it says names.

        Args:
            outputs: Of what was converted: what each is called, and its type as
                ONNX numbers them.
        """


@dataclass(frozen=True)
class ClassAnswers(Answers):
    """A classifier says classes.

    Attributes:
        known: What its classes are called, in its order.
        keys: What the file says in place of them: numbers, where it has such.
        is_numbered: Whether the estimator itself says these numbers, which are no
            names.
    """

    known: tuple[str, ...]
    keys: tuple[int, ...]
    is_numbered: bool = False

    @property
    def names(self) -> Sequence[str]:
        """See `Answers`."""
        return self.known

    def texts(self, found: Any) -> list[str]:
        """See `Answers`."""
        if self.is_numbered:
            named = dict(zip(self.keys, self.known, strict=True))
            return [named[int(one)] for one in found]
        return [text(one) for one in found]

    def said(self, outputs: Sequence[tuple[str, int]]) -> Said:
        """See `Answers`."""
        from onnx import TensorProto, helper

        (label, kind), *scores = outputs
        end = Said([], [], [_output(LABEL, TensorProto.STRING, "rows")])
        if kind == TensorProto.STRING:
            end.nodes.append(helper.make_node("Identity", [label], [LABEL]))
        else:
            end.nodes.append(_renamed(label, self.keys, self.known))
        if scores:
            to = TensorProto.FLOAT
            end.nodes.append(helper.make_node("Cast", [scores[0][0]], [SCORES], to=to))
            end.outputs.append(_output(SCORES, to, "rows", len(self.known)))
        return end


@dataclass(frozen=True)
class BinAnswers(Answers):
    """A regressor says numbers, which fall into bins.

    Attributes:
        bins: Of the request.
    """

    bins: Bins

    @property
    def names(self) -> Sequence[str]:
        """See `Answers`."""
        return self.bins.names

    def texts(self, found: Any) -> list[str]:
        """See `Answers`."""
        numbers = np.asarray(found, dtype=np.float64)
        if not np.isfinite(numbers).all():
            row = int(np.argmin(np.isfinite(numbers))) + 1
            raise InputError(f"Of row {row} it says no finite number.")
        return self.bins.named(numbers)

    def said(self, outputs: Sequence[tuple[str, int]]) -> Said:
        """See `Answers`."""
        from onnx import TensorProto, helper, numpy_helper

        [(number, _)] = outputs
        edges = np.array(self.bins.edges, dtype=np.float64).reshape(1, -1)
        constants = {
            "a number a row": np.array([-1, 1], dtype=np.int64),
            "edges of the bins": edges,
            "along the edges": np.array([1], dtype=np.int64),
        }
        shape, between, along = constants
        column, beyond, bins = "one number a row", "edges below it", "its bin"
        nodes = [
            helper.make_node("Reshape", [number, shape], [column]),
            helper.make_node("Cast", [column], [NUMBER], to=TensorProto.DOUBLE),
            # A bin ends with its edge: what is above it is beyond.
            helper.make_node("Less", [between, NUMBER], ["are below it"]),
            helper.make_node("Cast", ["are below it"], [beyond], to=TensorProto.INT64),
            helper.make_node("ReduceSum", [beyond, along], [bins], keepdims=0),
            _renamed(bins, range(len(self.names)), self.names),
        ]
        return Said(
            nodes,
            [numpy_helper.from_array(one, name) for name, one in constants.items()],
            [
                _output(LABEL, TensorProto.STRING, "rows"),
                _output(NUMBER, TensorProto.DOUBLE, "rows", 1),
            ],
        )


def text(label: Any) -> str:
    """What a class is called that an estimator says; 3.0 is 3."""
    if isinstance(label, float | np.floating) and float(label).is_integer():
        return str(int(label))
    return str(label)


def _renamed(said: str, keys: Sequence[int], names: Sequence[str]) -> Any:
    """A node that says names in place of numbers."""
    from onnx import helper

    return helper.make_node(
        "LabelEncoder",
        [said],
        [LABEL],
        domain=ML,
        keys_int64s=list(keys),
        values_strings=list(names),
    )


def _output(name: str, kind: int, *shape: str | int) -> Any:
    from onnx import helper

    return helper.make_tensor_value_info(name, kind, list(shape))
