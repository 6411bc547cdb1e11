# SPDX-License-Identifier: Apache-2.0
"""An exact model: what it predicts is the same on every machine and on the chain."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from eth_hash.auto import keccak

from modelmarket.errors import InputError
from modelmarket.models import dense, ensembles, files
from modelmarket.models.dense import Network
from modelmarket.models.ensembles import Outputs, Trees
from modelmarket.models.header import (
    NO_ADVICE,
    Advice,
    ExactHeader,
    Limits,
)
from modelmarket.models.shape import Shape
from modelmarket.models.words import tree_words
from modelmarket.protocol.hidden import TARGET_BITS, RowCodes, Targets
from modelmarket.protocol.merkle import Hash, HashTree, tag, unit_node
from modelmarket.protocol.schema import ClassTarget, Schema
from modelmarket.system.files import write_atomically

_MODEL = tag("model")

# perf: so many rows at a time keep what a tree is asked in the processor's cache.
_ROWS_AT_ONCE = 2**13


@dataclass(frozen=True, eq=False)
class ExactModel:
    """A model in whole numbers, as a contest commits to it.

    Attributes:
        header: What it is.
        base: Its base words, joined: values of the outputs, or layers.
        units: Its trees, or its neurons.
    """

    header: ExactHeader
    base: bytes
    units: Trees | Network

    def __repr__(self) -> str:
        return f"ExactModel(0x{self.root.hex()[:16]}…, {self.header.units:,} units)"

    @classmethod
    def of(
        cls,
        estimator: Any,
        schema: Schema,
        *,
        sample: npt.NDArray[np.integer] | None = None,
        limits: Limits | None = None,
    ) -> ExactModel:
        """Converts an estimator that was fitted on a contest's codes.

        Args:
            estimator: Of scikit-learn: trees, forests, boosting, linear models and
                networks; a classifier or regressor of XGBoost, LightGBM or CatBoost;
                or a `Sequential` of PyTorch's. Its classes are targets (0, 1, …) or
                the classes' names.
            schema: Of the contest.
            sample: Codes of training rows, shape (rows, columns). Networks and
                linear regressions need them to find the range of their values.
            limits: What the contest's terms say of a model.

        Raises:
            InputError: It cannot be converted, or is beyond a limit; says what to
                change.
        """
        target = schema.target
        names = target.classes.names if isinstance(target, ClassTarget) else ()
        found = limits or Limits.of(schema)
        return cls.of_codes(
            estimator,
            width=found.width,
            columns=found.columns,
            outputs=found.outputs,
            names=names,
            sample=sample,
            limits=found,
        )

    @classmethod
    def of_codes(
        cls,
        estimator: Any,
        *,
        width: int,
        columns: int,
        outputs: int | None = None,
        names: tuple[str, ...] = (),
        sample: npt.NDArray[np.integer] | None = None,
        limits: Limits | None = None,
    ) -> ExactModel:
        """The same without a schema.

        Args:
            estimator: See `of`.
            width: Bits of a code, 8 or 16.
            columns: Codes of a row.
            outputs: Classes of the contest, if the estimator may not have seen all.
            names: Of the classes, if the estimator may have been fitted on them.
            sample: See `of`.
            limits: What the contest's terms say of a model.

        Raises:
            InputError: It cannot be converted, or is beyond a limit; says what to
                change.
        """
        from modelmarket.models.converting import converted

        shape = Shape(columns, width, outputs, names)
        found = converted(estimator, shape, sample)
        model = cls(found.header, found.base, found.units)
        any_model = Limits(columns, found.header.outputs, width)
        model.check(limits or any_model, found.advice)
        return model

    @classmethod
    def load(cls, path: Path | str, limits: Limits | None = None) -> ExactModel:
        """Reads a model's file.

        Args:
            path: Of the file.
            limits: What a contest's terms say.

        Raises:
            InputError: It is no model, or beyond a limit.
            NotFoundError: Nothing is there.
            DiskError: It cannot be read.
        """
        data = files.read_file(Path(path))
        try:
            return cls.from_bytes(data, limits)
        except InputError as error:
            said = f"{Path(path).name}: {error.message}"
            raise InputError(said, hint=error.hint) from error

    @classmethod
    def from_bytes(cls, data: bytes, limits: Limits | None = None) -> ExactModel:
        """Reads a model from the bytes of its file.

        Raises:
            InputError: It is no model, or beyond a limit.
        """
        return cls(*files.decoded(data, limits))

    def save(self, path: Path | str) -> None:
        """Writes the model's file."""
        write_atomically(Path(path), self.to_bytes())

    def export(
        self,
        path: Path | str,
        *,
        bits: int = TARGET_BITS[-1],
        names: tuple[str, ...] = (),
    ) -> None:
        """Writes the model as ONNX, which says the same of every row.

        Args:
            path: Of the file. It reads `codes`, shape (rows, columns), and says each
                row's `target`, and its `label` if classes have names.
            bits: Of a target; a regression is clamped to what fits into them.
            names: Of the classes.

        Raises:
            InputError: An output may pass 64 bits, which ONNX cannot say.
            NotFoundError: onnx is not installed.
        """
        from modelmarket.models.onnx import to_onnx

        write_atomically(Path(path), to_onnx(self, bits, names))

    def to_bytes(self) -> bytes:
        """The bytes of the model's file."""
        return files.encoded(self.header, self.base, self.units)

    def check(self, limits: Limits, advice: Advice = NO_ADVICE) -> None:
        """Whether a contest takes the model.

        Args:
            limits: What the terms say.
            advice: What the estimator's parameters are called.

        Raises:
            InputError: A limit is passed; says which.
        """
        self.header.check(limits, advice)
        if isinstance(self.units, Network):
            layers = self.units.layers
            dense.check_layers(self.header, layers, advice, limits.most_words)

    @cached_property
    def units_tree(self) -> HashTree:
        """The tree of hashes above the units."""
        return HashTree.over(self.units.unit_hashes(), unit_node)

    @property
    def units_root(self) -> Hash:
        """What commits to the units."""
        return self.units_tree.root

    @property
    def base_hash(self) -> Hash:
        """What commits to the base words."""
        return keccak(self.base)

    @property
    def root(self) -> Hash:
        """What commits to the model."""
        return keccak(_MODEL + self.header.word + self.base_hash + self.units_root)

    def unit_words(self, unit: int) -> bytes:
        """The words of a tree or a neuron, as they are posted."""
        if isinstance(self.units, Network):
            return self.units.neuron(unit)
        return tree_words(self.units, unit)

    def units_needed(self, outputs: list[int]) -> list[int]:
        """The units that must be executed to know some outputs, in order."""
        if isinstance(self.units, Network):
            return dense.units_of(self.units.layers, outputs)
        return ensembles.units_of(self.header, outputs)

    def outputs(self, codes: RowCodes) -> Outputs:
        """The outputs of rows.

        Args:
            codes: Shape (rows, columns).

        Returns:
            Shape (rows, outputs).

        Raises:
            InputError: These are not codes of the model's columns.
        """
        found = [self._run(some) for some in self._blocks(codes)]
        if not found:
            return np.zeros((0, self.header.outputs), dtype=np.int64)
        return np.concatenate(found)

    def predict(self, codes: RowCodes, *, bits: int = TARGET_BITS[-1]) -> Targets:
        """Predicts rows.

        Args:
            codes: Shape (rows, columns).
            bits: Of a target; a regression is clamped to what fits into them.

        Returns:
            Classes, or numbers; shape (rows,).

        Raises:
            InputError: These are not codes of the model's columns.
        """
        found = [self._decide(self._run(some), bits) for some in self._blocks(codes)]
        return np.concatenate([np.zeros(0, dtype=np.uint32), *found])

    def _decide(self, outputs: Outputs, bits: int) -> Targets:
        if self.header.is_classification:
            # The first of the largest.
            classes: Targets = np.argmax(outputs, axis=1).astype(np.uint32)
            return classes
        numbers: Targets = np.clip(outputs[:, 0], 0, 2**bits - 1).astype(np.uint32)
        return numbers

    def _run(self, codes: RowCodes) -> Outputs:
        if isinstance(self.units, Network):
            return self.units.run(codes)
        return ensembles.run(self.header, self.base, self.units, codes)

    def _blocks(self, codes: RowCodes) -> Iterator[RowCodes]:
        """Checks codes, and cuts them into blocks of rows."""
        columns, width = self.header.columns, self.header.width
        if codes.ndim != 2 or codes.shape[1] != columns:  # noqa: PLR2004  # a table
            raise InputError(
                f"The model reads rows of {columns:,} codes, not {codes.shape[1:]}."
            )
        if codes.dtype.kind not in "iu":
            raise InputError("Codes are whole numbers.", hint="Convert them first.")
        if codes.size and (int(np.max(codes)) >> width or int(np.min(codes)) < 0):
            raise InputError(f"A code has {width} bits; there are larger ones.")
        for at in range(0, len(codes), _ROWS_AT_ONCE):
            yield codes[at : at + _ROWS_AT_ONCE].astype(f"u{width // 8}")
