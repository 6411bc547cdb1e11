# SPDX-License-Identifier: Apache-2.0
"""Whoever trains: functions of installed packages, whatever they do."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from modelmarket.agent.trainer import Budget, Trained, plugin, plugins
from modelmarket.agent.trainer.installed import TrainingError, trained
from modelmarket.errors import InputError
from modelmarket.market.training import train
from support import packages

Install = Callable[..., None]
SOURCE = """
from modelmarket.agent.trainer import Trained

A_TEXT = "no function"

def mine(request):
    return Trained(request, name="mine")
"""


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Installs a little package."""

    def install(source: str = SOURCE, **trainers: str) -> None:
        packages.install(tmp_path, monkeypatch, source, **trainers)

    return install


def test_the_built_in_one_is_registered_like_others() -> None:
    assert plugins()["portfolio"].value == "modelmarket.market.training:train"
    assert plugin("portfolio") is train


def test_that_of_an_installed_package_is_found(install: Install) -> None:
    install(mine="mine")
    found: Any = "a request"
    model = trained(plugin("mine"), found, Budget())
    assert model == Trained("a request", name="mine")


def test_one_that_is_not_installed_is_told_with_those_that_are(
    install: Install,
) -> None:
    install(mine="mine")
    with pytest.raises(InputError) as told:
        plugin("yours")
    assert told.value.message == ("No installed package has a trainer called 'yours'.")
    assert told.value.hint == "There are: mine, portfolio."


def test_one_that_cannot_be_loaded_says_why(install: Install) -> None:
    install("import nothing_of_that_name", broken="mine")
    with pytest.raises(InputError, match="nothing_of_that_name"):
        plugin("broken")
    install("raise SystemExit(3)", broken="mine")
    with pytest.raises(InputError, match="SystemExit: 3"):
        plugin("broken")


def test_one_that_is_no_function_is_refused(install: Install) -> None:
    install(text="A_TEXT")
    with pytest.raises(InputError, match="and no function"):
        plugin("text")


REQUEST: Any = object()


def raising(error: BaseException) -> Callable[[object], object]:
    def train(request: object) -> object:
        raise error

    return train


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            ValueError("no such column\nmore"),
            "training raised ValueError: no such column",
        ),
        (KeyError(), "training raised KeyError."),
        (SystemExit(7), "training raised SystemExit: 7"),
        (InputError("It cannot be.", hint="Do this."), "It cannot be. Do this."),
    ],
    ids=repr,
)
def test_whatever_it_raises_is_told_and_ends_nothing(
    error: BaseException, said: str
) -> None:
    with pytest.raises(TrainingError) as told:
        trained(raising(error), REQUEST, Budget())
    assert str(told.value) == said
    assert told.value.__cause__ is error


def test_one_that_gives_nothing_is_told() -> None:
    with pytest.raises(TrainingError, match="training gave no model"):
        trained(lambda _: None, REQUEST, Budget())


def test_a_budget_is_given_to_whoever_takes_one() -> None:
    budget = Budget(seconds=3)

    def takes(request: object, budget: Budget) -> object:
        return (request, budget)

    assert trained(takes, REQUEST, budget).model == (REQUEST, budget)
    assert trained(lambda request: (request,), REQUEST, budget).model == (REQUEST,)


def test_one_that_does_not_end_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    end = threading.Event()
    monkeypatch.setattr("modelmarket.agent.trainer.installed.PATIENCE_S", 0.2)
    with pytest.raises(TrainingError, match="has not ended in 0 seconds"):
        trained(lambda _: end.wait(60), REQUEST, Budget(seconds=0.01))
    end.set()
