# SPDX-License-Identifier: Apache-2.0
"""Three lines for a trainer, whose model CatBoost or PyTorch trained."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from catboost import CatBoostClassifier
from torch import nn

from modelmarket.errors import InputError
from modelmarket.market import Market, Request, VerifiedRequest
from support.contests import contest, finish, promises, seen_request, to_claims
from support.market import Place

QUIET = {"verbose": False, "allow_writing_files": False, "thread_count": 1}


def fitted_network(rows: Any, targets: Any, outputs: int, scale: float = 1) -> Any:
    torch.manual_seed(0)
    module = nn.Sequential(
        nn.Linear(rows.shape[1], 24), nn.ReLU(), nn.Linear(24, outputs)
    )
    steps = torch.optim.Adam(module.parameters(), lr=0.02)
    for _ in range(200):
        steps.zero_grad()
        nn.functional.cross_entropy(module(rows / scale), targets).backward()
        steps.step()
    with torch.no_grad():
        module[0].weight /= scale
    return module


def test_a_network_is_submitted_in_three_lines(request_1: Request) -> None:
    module = fitted_network(*request_1.training_data("torch"), 3)
    told: list[str] = []
    entry = request_1.submit(module, show=told.append)
    assert entry.record.is_live
    assert told[0].startswith("It cannot be fitted again, so nobody knows")
    share = float(told[1].rpartition(": ")[2].removesuffix("%"))
    assert told[1].startswith(
        "accuracy on rows of the training part, which it may know"
    )
    assert share > 80
    assert told[-2].endswith("the fitted model says the same of 100.00% of the rows.")
    assert told[-1] == "Probabilities of each class go with them."
    with torch.inference_mode():
        places = module(request_1.test_data("torch")).argmax(dim=1).tolist()
    names = request_1.manifest().classes.names
    predicted = request_1.export(module).predict(request_1.test_data())
    assert predicted == [names[one] for one in places]


@pytest.mark.parametrize("library", ["polars", "pandas", "numpy"])
def test_catboost_is_submitted_in_three_lines(request_1: Request, library: Any) -> None:
    features, labels = request_1.training_data(library)
    if library == "polars":
        labels = labels.to_list()
    model = CatBoostClassifier(iterations=30, **QUIET).fit(features, labels)
    told: list[str] = []
    assert request_1.submit(model, show=told.append).record.is_live
    assert any("accuracy on rows not seen (5 folds, 96 rows)" in one for one in told)
    assert told[-2].endswith("the fitted model says the same of 100.00% of the rows.")
    assert told[-1] == "Probabilities of each class go with them."


def test_any_other_network_is_refused_before_it_costs_anything(
    request_1: Request,
) -> None:
    with pytest.raises(
        InputError, match="Sequential with Sigmoid.*cannot be converted"
    ):
        request_1.submit(nn.Sequential(nn.Linear(2, 3), nn.Sigmoid()))
    with pytest.raises(InputError, match="GRU is no fitted classifier.*PyTorch"):
        request_1.submit(nn.GRU(2, 3))
    assert not request_1.refresh().mine()


def entered(market: Market, model: Any) -> list[str]:
    request = market.request("v1")
    told: list[str] = []
    request.submit(model, show=told.append, again=True)
    return told


def test_both_enter_a_verified_contest_and_one_of_them_is_paid(here: Place) -> None:
    contest(here, here.markets["rita"])
    ann, ben = here.markets["ann"], here.markets["ben"]
    request = ann.request("v1")
    assert isinstance(request, VerifiedRequest)
    rows, targets = request.training_data("torch")
    module = fitted_network(rows, targets, 3, scale=255)
    told = entered(ann, module)
    assert any("Sequential has no fit(): how it was trained" in one for one in told)
    model = CatBoostClassifier(iterations=20, depth=4, **QUIET)
    model.set_params(**request.suggest(model)).fit(*request.training_data("numpy"))
    told = entered(ben, model)
    assert any("accuracy on rows not seen (5 folds" in one for one in told)
    to_claims(here, seen_request(here, "rita"))
    ended = finish(here)
    assert ended.record.stage.name == "FULFILLED"
    assert promises(here.markets["rita"]) == []
