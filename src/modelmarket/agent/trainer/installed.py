# SPDX-License-Identifier: Apache-2.0
"""Whoever trains: functions of installed packages, found by their entry points.

A package that says

    [project.entry-points."modelmarket.trainers"]
    mine = "my_package:train"

is found as `mine`. Its function takes a request and gives a model: whatever
`request.submit` takes, or a `Trained`, which says how good it is. If it has a parameter
`budget`, it is told what training may take.
"""

from __future__ import annotations

import inspect
import threading
from collections.abc import Callable
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, Any

from modelmarket.errors import InputError, ModelMarketError
from modelmarket.market.trained import Budget, Trained
from modelmarket.market.training import train as built_in

if TYPE_CHECKING:
    from modelmarket.market import Request, VerifiedRequest

GROUP = "modelmarket.trainers"
BUILT_IN = "portfolio"
BUDGET = "budget"
LOOK_S = 0.2
"""Between two looks whether somebody wants the program to end."""
PATIENCE, PATIENCE_S = 3.0, 60.0
"""Training that takes so many times its seconds, and so many more, is left alone."""
MOST_SAID = 300

Train = Callable[..., Any]
"""Makes a model for a request; see above."""


class TrainingError(ModelMarketError):
    """Whoever trains has failed; what was raised is its cause."""


def plugins() -> dict[str, EntryPoint]:
    """All that are installed, by name."""
    return {one.name: one for one in entry_points(group=GROUP)}


def plugin(name: str) -> Train:
    """An installed trainer.

    Raises:
        InputError: There is none of that name, or it cannot be loaded; says why.
    """
    known = plugins()
    if name == BUILT_IN and name not in known:
        return built_in  # this package is used without being installed
    if name not in known:
        raise InputError(
            f"No installed package has a trainer called {name[:60]!r}.",
            hint=f"There are: {', '.join(sorted(known)) or 'none'}.",
        )
    try:
        found: Train = known[name].load()
    except (Exception, SystemExit) as error:
        raise InputError(
            f"The trainer {name!r} cannot be loaded from {known[name].value}: "
            f"{_said(error)}",
            hint="Install the package that has it again.",
        ) from error
    if not callable(found):
        raise InputError(
            f"The trainer {name!r} is {known[name].value}, and no function.",
            hint="An entry point names a function: `train(request)`.",
        )
    return found


def trained(
    train: Train, request: Request | VerifiedRequest, budget: Budget
) -> Trained:
    """What somebody's function makes for a request.

    It runs in a thread of its own: whatever it raises ends no more than itself, and
    whoever wants this program to end need not wait for it.

    Raises:
        TrainingError: It failed, gave nothing, or did not end; says what it said.
    """
    made: list[Any] = []
    failures: list[BaseException] = []

    def work() -> None:
        try:
            made.append(_called(train, request, budget))
        except BaseException as error:  # noqa: BLE001  # a stranger's code stops nobody
            failures.append(error)

    thread = threading.Thread(target=work, name="training", daemon=True)
    thread.start()
    patience = PATIENCE * budget.seconds + PATIENCE_S
    for _ in range(max(1, round(patience / LOOK_S))):
        thread.join(LOOK_S)
        if not thread.is_alive():
            break
    else:
        raise TrainingError(
            f"training has not ended in {patience:.0f} seconds, and is left alone."
        )
    if failures:
        [error] = failures
        if isinstance(error, ModelMarketError):
            raise TrainingError(error.text) from error
        raise TrainingError(f"training raised {_said(error)}") from error
    [model] = made
    if model is None:
        raise TrainingError("training gave no model.")
    return model if isinstance(model, Trained) else Trained(model)


def _called(train: Train, request: Request | VerifiedRequest, budget: Budget) -> Any:
    return train(request, budget=budget) if _takes_budget(train) else train(request)


def _takes_budget(train: Train) -> bool:
    try:
        return BUDGET in inspect.signature(train).parameters
    except (TypeError, ValueError):
        return False  # what is written in C need not say what it takes


def _said(error: BaseException) -> str:
    said = str(error).strip().partition("\n")[0][:MOST_SAID]
    return f"{type(error).__name__}: {said}" if said else f"{type(error).__name__}."
