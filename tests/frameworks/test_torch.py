# SPDX-License-Identifier: Apache-2.0
"""PyTorch's networks, as exact models and as ONNX files."""

from __future__ import annotations

import copy
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from frameworks.comparing import Compared
from frameworks.data import Table, diabetes, digits, tumours
from modelmarket.errors import InputError
from modelmarket.models import ExactModel, Limits, suggest
from modelmarket.models.converting.of_torch import LAYERS, Sequential, understood

EPOCHS, STEP = 60, 0.003


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)
    torch.set_num_threads(1)


def first_linear(module: Any) -> Any:
    return next(one for one in module.modules() if isinstance(one, nn.Linear))


def trained(module: Any, table: Table, loss: Any) -> Any:
    """A network that was trained on codes.

    It learns from codes between 0 and 1; then its first layer is told that they are
    larger.
    """
    rows = torch.from_numpy(table.learnt.astype(np.float32)) / 255
    targets = torch.from_numpy(table.targets.astype(np.int64))
    steps = torch.optim.Adam(module.parameters(), lr=STEP)
    for _ in range(EPOCHS):
        for some in torch.randperm(len(rows)).split(64):
            steps.zero_grad()
            loss(module(rows[some]), targets[some]).backward()
            steps.step()
    with torch.no_grad():
        first_linear(module).weight /= 255
    return module


def said(module: Any, rows: Any) -> Any:
    """What PyTorch itself says; shape (rows, outputs)."""
    still = copy.deepcopy(module).eval()
    with torch.inference_mode():
        given = torch.from_numpy(rows.astype(np.float32))
        return still(given.to(next(still.parameters()))).double().numpy()


def convert(module: Any, table: Table, outputs: int | None = None) -> ExactModel:
    sample, columns = table.learnt, table.columns
    return ExactModel.of_codes(
        module, width=8, columns=columns, outputs=outputs, sample=sample
    )


def cross_entropy(values: Any, targets: Any) -> Any:
    return nn.functional.cross_entropy(values, targets)


def of_two(values: Any, targets: Any) -> Any:
    return nn.functional.binary_cross_entropy_with_logits(values[:, 0], targets.float())


def squares(values: Any, targets: Any) -> Any:
    return nn.functional.mse_loss(values[:, 0], targets.float())


NETWORKS: dict[str, Any] = {
    "one Linear": lambda: nn.Sequential(nn.Linear(64, 10)),
    "64-48-10": lambda: nn.Sequential(nn.Linear(64, 48), nn.ReLU(), nn.Linear(48, 10)),
    "64-64-32-10, Flatten, Dropout": lambda: nn.Sequential(
        nn.Flatten(),
        nn.Sequential(nn.Linear(64, 64), nn.ReLU(inplace=True), nn.Dropout(0.1)),
        *(nn.Linear(64, 32), nn.Identity(), nn.ReLU()),
        nn.Linear(32, 10),
    ),
    "two Linear without ReLU, no biases": lambda: nn.Sequential(
        nn.Linear(64, 20, bias=False),
        *(nn.Linear(20, 40), nn.ReLU(), nn.Linear(40, 10, bias=False)),
    ),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_networks_of_classes_say_the_same_in_whole_numbers(
    name: str, compared: list[Compared]
) -> None:
    table = digits()
    module = trained(NETWORKS[name](), table, cross_entropy)
    ours = convert(module, table, outputs=10).predict(table.rows)
    theirs = said(module, table.rows).argmax(axis=1)
    one = Compared.of_classes(
        "torch", f"{name}, {table.name}", "exact", theirs, ours, table.truth
    )
    compared.append(one)
    assert (theirs == table.truth).mean() > 0.8
    assert one.share >= 0.98
    assert one.lost <= 0.01


@pytest.mark.parametrize("outputs", [1, 2])
def test_two_classes_are_two_values_or_one_above_0(
    outputs: int, compared: list[Compared]
) -> None:
    table = tumours()
    layers = nn.Linear(30, 16), nn.ReLU(), nn.Linear(16, outputs)
    loss = of_two if outputs == 1 else cross_entropy
    module = trained(nn.Sequential(*layers), table, loss)
    values = said(module, table.rows)
    theirs = values[:, 0] > 0 if outputs == 1 else values.argmax(axis=1)
    ours = convert(module, table, outputs=2).predict(table.rows)
    name = f"30-16-{outputs}, {table.name}"
    one = Compared.of_classes("torch", name, "exact", theirs, ours, table.truth)
    compared.append(one)
    assert (theirs == table.truth).mean() > 0.9
    assert one.share >= 0.98
    assert one.lost <= 0.01


def test_networks_of_numbers_say_nearly_the_same(compared: list[Compared]) -> None:
    table = diabetes()
    module = nn.Sequential(nn.Linear(10, 32), nn.ReLU(), nn.Linear(32, 1))
    with torch.no_grad():
        module[-1].bias += float(table.targets.mean())
        module[-1].weight *= 50
    module = trained(module, table, squares)
    theirs = said(module, table.rows)[:, 0]
    ours = convert(module, table, outputs=1).predict(table.rows, bits=16)
    one = Compared.of_numbers(
        "torch", f"10-32-1, {table.name}", "exact", theirs, ours, table.truth
    )
    compared.append(one)
    assert np.abs(theirs - table.truth).mean() < 60
    assert one.lost <= 1
    assert np.abs(theirs - ours).max() < 8
    # Where nobody says that it is a contest of numbers, one value says so.
    same = convert(module, table).predict(table.rows, bits=16)
    assert (same == ours).all()


@given(
    st.lists(st.integers(1, 9), min_size=2, max_size=5),
    st.lists(st.sampled_from(["ReLU", "Dropout", "Identity", "nothing"]), min_size=4),
    st.sampled_from([torch.float32, torch.float64, torch.bfloat16]),
    st.integers(0, 2**20),
)
@settings(max_examples=60, deadline=None)
def test_layers_are_read_as_pytorch_runs_them(
    sizes: list[int], between: list[str], kind: Any, seed: int
) -> None:
    torch.manual_seed(seed)
    layers: list[Any] = [nn.Flatten()]
    for at, (before, after) in enumerate(pairwise(sizes)):
        if at and between[at - 1] != "nothing":
            layers.append(getattr(nn, between[at - 1])())
        layers.append(nn.Linear(before, after, bias=bool((seed + at) % 3)))
    module = nn.Sequential(*layers).to(kind)
    found = understood(module)
    assert isinstance(found, Sequential)
    rows = np.random.default_rng(seed).integers(0, 256, (20, sizes[0]))
    values = rows.astype(np.float64)
    for at, layer in enumerate(found.layers):
        values = (
            np.maximum(values, 0) if at else values
        ) @ layer.weights + layer.biases
    close = 0.1 if kind is torch.bfloat16 else 1e-4
    assert np.allclose(values, found.values(rows), rtol=close, atol=close * 256)
    assert (found.n_features_in_, found.outputs) == (sizes[0], sizes[-1])


def test_the_owners_network_stays_in_training() -> None:
    module = nn.Sequential(nn.Linear(4, 8), nn.Dropout(0.9), nn.ReLU(), nn.Linear(8, 3))
    module.train()
    found, rows = understood(module), np.arange(40).reshape(10, 4)
    assert (found.values(rows) == found.values(rows)).all()
    assert all(one.training for one in module.modules())


class Own(nn.Sequential):  # type: ignore[misc]  # torch is not there when it is checked
    """Does something else than its layers."""

    def forward(self, rows: Any) -> Any:
        return -super().forward(rows)


def instead(rows: Any) -> Any:
    return rows


def hooked() -> Any:
    module = nn.Sequential(nn.Linear(4, 3))
    module[0].register_forward_hook(lambda _module, _rows, values: -values)
    return module


def otherwise() -> Any:
    module = nn.Sequential(nn.Linear(4, 3))
    module[0].forward = instead
    return module


LINEAR = nn.Linear(4, 3)
REFUSED: dict[str, tuple[Any, str]] = {
    "Sigmoid": (nn.Sequential(nn.Linear(4, 4), nn.Sigmoid(), LINEAR), LAYERS),
    "BatchNorm1d": (nn.Sequential(nn.BatchNorm1d(4), LINEAR), LAYERS),
    "Conv1d": (nn.Sequential(nn.Conv1d(1, 1, 1), nn.Flatten(), LINEAR), LAYERS),
    "LSTM": (nn.Sequential(nn.LSTM(4, 4), LINEAR), LAYERS),
    "Softmax": (nn.Sequential(LINEAR, nn.Softmax(1)), LAYERS),
    "Flatten": (nn.Sequential(nn.Flatten(0), LINEAR), LAYERS),
    "begin and end with a Linear": (nn.Sequential(LINEAR, nn.ReLU()), LAYERS),
    "not begin and": (nn.Sequential(), LAYERS),
    "Own cannot be converted": (Own(LINEAR), LAYERS),
    "Linear cannot be converted": (LINEAR, LAYERS),
    "hooks on Linear cannot": (hooked(), "Take them away"),
    "with Linear cannot": (otherwise(), LAYERS),
    "LazyLinear": (nn.Sequential(nn.LazyLinear(3)), "Train the network first"),
    "one before says 3": (nn.Sequential(LINEAR, nn.Linear(4, 3)), ""),
    "fitted on 5 columns": (nn.Sequential(nn.Linear(5, 3)), ""),
    "4 values of a row; there are 3": (
        nn.Sequential(nn.Linear(4, 4)),
        "out_features=3",
    ),
    "1 values of a row; there are 3": (
        nn.Sequential(nn.Linear(4, 1)),
        "out_features=3",
    ),
    "a number is one": (nn.Sequential(nn.Linear(4, 4)), "out_features=1"),
}


@pytest.mark.parametrize("said", REFUSED)
@pytest.mark.filterwarnings("ignore:Lazy modules are a new feature:UserWarning")
def test_other_networks_are_refused_with_the_list_of_what_can(said: str) -> None:
    module, hint = REFUSED[said]
    outputs = 1 if "number" in said else 3
    with pytest.raises(InputError, match=said) as told:
        ExactModel.of_codes(module, width=8, columns=4, outputs=outputs)
    assert hint in told.value.hint


def test_weights_that_are_made_of_others_are_read_as_they_are_used() -> None:
    torch.manual_seed(1)
    linear = nn.utils.parametrizations.weight_norm(nn.Linear(4, 3))
    found = understood(nn.Sequential(linear))
    rows = np.arange(20, dtype=np.uint8).reshape(5, 4)
    [layer] = found.layers
    expected = rows @ layer.weights + layer.biases
    assert np.allclose(found.values(rows), expected, atol=1e-4)


def test_weights_that_are_no_numbers_are_refused() -> None:
    module = nn.Sequential(nn.Linear(4, 3))
    with torch.no_grad():
        module[0].bias[1] = torch.nan
    with pytest.raises(InputError, match="its training went astray"):
        ExactModel.of_codes(module, width=8, columns=4)


def test_what_is_beyond_a_limit_names_the_layers() -> None:
    limits = Limits(4, 3, 8, most_units=30)
    fits = nn.Sequential(nn.Linear(4, 20), nn.ReLU(), nn.Linear(20, 3))
    assert suggest(fits, limits) == {}
    module = nn.Sequential(nn.Linear(4, 90), nn.ReLU(), nn.Linear(90, 3))
    with pytest.raises(InputError, match="hidden layers of 90") as told:
        suggest(module, limits)
    assert "out_features" in told.value.hint
    rows = np.arange(80, dtype=np.uint8).reshape(20, 4)
    with pytest.raises(InputError, match="out_features=30 or less"):
        ExactModel.of_codes(module, width=8, columns=4, sample=rows, limits=limits)
    with pytest.raises(InputError, match="LSTM cannot be converted"):
        suggest(nn.LSTM(4, 4), limits)
