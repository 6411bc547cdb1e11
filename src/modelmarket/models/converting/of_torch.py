# SPDX-License-Identifier: Apache-2.0
"""Networks that PyTorch trained: a `Sequential` of Linear and ReLU.

A module says nothing of its classes, and has no `predict`: here it becomes what can be
asked like other estimators. What it says of a row are the classes' values, in the order
of their numbers, the largest of which wins; or one value, which above 0 says the second
class of two, or which is the number.
"""

from __future__ import annotations

import copy
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from modelmarket.errors import InputError
from modelmarket.models.converting.networks import (
    Affine,
    classes_of_layers,
    numbers_of_layers,
)
from modelmarket.models.converting.parts import Codes, Converted, only_number
from modelmarket.models.header import Advice
from modelmarket.models.shape import Shape

ADVICE = Advice(units="out_features")

LAYERS = (
    "a Sequential of Linear and ReLU, which begins and ends with a Linear; Flatten, "
    "Dropout and Identity may stand between them, since they change nothing there"
)


def is_module(model: Any) -> bool:
    """Whether it is any network of PyTorch's, which need not be loaded."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(model, torch.nn.Module)


def understood(model: Any, classes: Sequence[str] = ()) -> Any:
    """A `Sequential` of PyTorch's as an estimator; anything else as it is.

    Args:
        model: Anything.
        classes: All that can be predicted, in the order of their numbers; none for
            the numbers themselves.

    Raises:
        InputError: It has other layers, or says more values than there are classes.
    """
    if not is_module(model) or not _is_plain(model, "Sequential"):
        return model
    layers = _affine_layers(list(_flat(model)))
    _refuse_hooks(model)
    outputs = len(layers[-1].biases)
    if classes:
        _check_outputs(outputs, len(classes))
    known = max(outputs, 2)
    names = np.array(classes[:known]) if classes else np.arange(known)
    return Sequential(model, layers, names)


@dataclass(frozen=True, eq=False)
class Sequential:
    """What PyTorch trained, as it is asked here.

    Attributes:
        module: The network.
        layers: Its layers, with relu between them.
        classes_: What its values stand for, as estimators of scikit-learn say it.
    """

    module: Any
    layers: tuple[Affine, ...]
    classes_: npt.NDArray[Any]

    @property
    def n_features_in_(self) -> int:
        """The columns that it reads."""
        return len(self.layers[0].weights)

    @property
    def outputs(self) -> int:
        """The values that it says of a row."""
        return len(self.layers[-1].biases)

    @property
    def says_numbers(self) -> bool:
        """Whether its one value is what is predicted, and not a class's."""
        return not len(self.classes_)

    def predict(self, table: Any) -> npt.NDArray[Any]:
        """The class, or number, of each row of a table, by PyTorch itself; shape
        (rows,).

        Raises:
            InputError: It says no number, as of rows with gaps.
        """
        values = self.values(table)
        if np.isnan(values).any():
            raise InputError("Of a row with gaps it says no number.")
        if self.says_numbers:
            return values[:, 0]
        is_one = self.outputs == 1
        places = values[:, 0] > 0 if is_one else np.argmax(values, axis=1)
        found: npt.NDArray[Any] = self.classes_[places.astype(np.int64)]
        return found

    def values(self, table: Any) -> npt.NDArray[np.float64]:
        """What PyTorch says of rows; shape (rows, outputs)."""
        torch = sys.modules["torch"]
        # What is in training drops values by chance; and the owner's stays as it is.
        module = copy.deepcopy(self.module).eval()
        weights = next(module.parameters())
        with torch.inference_mode():
            rows = torch.from_numpy(np.array(table, dtype=np.float32)).to(weights)
            return np.asarray(module(rows).double().cpu().numpy())


def one_number(model: Any) -> Any:
    """A `Sequential` of PyTorch's that predicts a number; anything else as it is.

    Args:
        model: See `understood`.

    Raises:
        InputError: It says several values of a row.
    """
    if not isinstance(model, Sequential):
        return model
    if model.outputs != 1:
        raise InputError(
            f"The Sequential says {model.outputs:,} values of a row; a number is one.",
            hint="Its last Linear has out_features=1.",
        )
    return replace(model, classes_=np.array([]))


def network(
    estimator: Sequential, shape: Shape, sample: Codes | None, scaler: Affine
) -> Converted:
    """A network that predicts classes, or numbers if the contest is one of numbers.

    Raises:
        InputError: There are no rows of training, it says more or fewer values than
            the contest asks for, or a limit is passed.
    """
    layers, outputs = estimator.layers, estimator.outputs
    if shape.outputs == 1 or (shape.outputs is None and outputs == 1):
        only_number(shape.outputs)
        one_number(estimator)
        return numbers_of_layers(layers, shape, sample, scaler, ADVICE)
    if shape.outputs is not None:
        _check_outputs(outputs, shape.outputs)
    return classes_of_layers(estimator, layers, shape, sample, scaler, ADVICE)


def _check_outputs(outputs: int, classes: int) -> None:
    # note: the last classes may not have been in training.
    if outputs > classes or (outputs == 1 and classes > 2):  # noqa: PLR2004  # as said
        raise InputError(
            f"The Sequential says {outputs:,} values of a row; there are "
            f"{classes:,} classes.",
            hint="Its last Linear has a value for each class, or of two classes one: "
            f"out_features={classes}.",
        )


def _is_plain(module: Any, kind: str) -> bool:
    """Whether a module is of a kind of PyTorch's, and does nothing else than that."""
    known = getattr(sys.modules["torch"].nn, kind)
    return (
        isinstance(module, known)
        and type(module).forward is known.forward
        and "forward" not in vars(module)
    )


def _refuse_hooks(module: Any) -> None:
    """Refuses what does something before or after its layers.

    Raises:
        InputError: It does.
    """
    for one in module.modules():
        if one._forward_hooks or one._forward_pre_hooks:  # noqa: SLF001  # have no public name
            raise InputError(
                f"A Sequential with hooks on {type(one).__name__} cannot be converted.",
                hint="Take them away, as torch.nn.utils.remove_weight_norm does.",
            )


def _flat(module: Any) -> Iterator[Any]:
    """The layers, also of a `Sequential` inside; without those that change nothing.

    Raises:
        InputError: One is of another kind.
    """
    for layer in module:
        if _is_plain(layer, "Sequential"):
            yield from _flat(layer)
        elif _is_plain(layer, "Linear") or _is_plain(layer, "ReLU"):
            yield layer
        elif not (
            any(_is_plain(layer, kind) for kind in ("Dropout", "Identity"))
            # Rows are flat, from their second dimension on.
            or (_is_plain(layer, "Flatten") and layer.start_dim == 1)
        ):
            raise InputError(
                f"A Sequential with {type(layer).__name__} cannot be converted.",
                hint=f"What can: {LAYERS}.",
            )


def _affine_layers(layers: Sequence[Any]) -> tuple[Affine, ...]:
    """The layers, with relu between them: without one two Linear are one.

    Raises:
        InputError: It begins or ends with ReLU, or weights are no numbers.
    """
    linear = [_is_plain(layer, "Linear") for layer in layers]
    if not linear or not (linear[0] and linear[-1]):
        raise InputError(
            "A Sequential that does not begin and end with a Linear cannot be "
            "converted.",
            hint=f"What can: {LAYERS}.",
        )
    found: list[Affine] = []
    joins = False
    for layer, is_linear in zip(layers, linear, strict=True):
        if not is_linear:
            joins = False
            continue
        one = _affine(layer)
        if found and found[-1].weights.shape[1] != one.weights.shape[0]:
            raise InputError(
                f"A Linear reads {one.weights.shape[0]:,} values, and the one before "
                f"says {found[-1].weights.shape[1]:,}."
            )
        if joins:
            before = found.pop()
            one = Affine(
                before.weights @ one.weights, before.biases @ one.weights + one.biases
            )
        found.append(one)
        joins = True
    return tuple(found)


def _affine(layer: Any) -> Affine:
    torch = sys.modules["torch"]
    if torch.nn.parameter.is_lazy(layer.weight):
        raise InputError(
            "A LazyLinear has no weights yet.", hint="Train the network first."
        )
    weights = layer.weight.detach().double().cpu().numpy().T
    biases = np.zeros(weights.shape[1])
    if layer.bias is not None:
        biases = layer.bias.detach().double().cpu().numpy()
    if not (np.isfinite(weights).all() and np.isfinite(biases).all()):
        raise InputError(
            "The network has weights that are no numbers: its training went astray.",
            hint="Train it again, with a smaller step or scaled columns.",
        )
    return Affine(weights.copy(), biases.copy())
