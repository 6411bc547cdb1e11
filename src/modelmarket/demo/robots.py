# SPDX-License-Identifier: Apache-2.0
"""Robots that train a model for every request they find, honestly."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from modelmarket import agent
from modelmarket.demo.models import RECIPES, Recipe, predict, require_libraries, train
from modelmarket.errors import ModelMarketError
from modelmarket.market import Request, VerifiedRequest
from modelmarket.protocol.phases import Phase
from modelmarket.protocol.types import RequestId
from modelmarket.sandbox import Person

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import polars as pl

ROBOTS = tuple(recipe for recipe in RECIPES if recipe.name in ("forest", "linear"))
LOOK_S = 1.0
MOST_TRIES = 5
"""At one request: it cannot learn everything, but a gateway may just be slow."""

_TURN = threading.Lock()
"""Robots enter one by one: threads that import parts of one library at once break each
other's imports.
"""


@contextmanager
def robot(person: Person, recipe: Recipe) -> Iterator[None]:
    """Lets a robot work beside the rest of the program.

    Raises:
        NotFoundError: What it trains with is not installed.
    """
    require_libraries()
    stop = threading.Event()
    thread = threading.Thread(target=_work, args=(person, recipe, stop), daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(timeout=20)


def _work(person: Person, recipe: Recipe, stop: threading.Event) -> None:
    market = person.market
    market.claim_airdrop()
    failed = Counter[RequestId]()
    while not stop.is_set():
        try:
            market.resume()
            agent.run_once(market)
            for request in market.requests(is_final=False):
                if failed[request.id] >= MOST_TRIES or request.mine():
                    continue
                if request.position().phase is Phase.OPEN:
                    try:
                        with _TURN:
                            _enter(request, recipe)
                    except ModelMarketError:
                        failed[request.id] += 1
        except ModelMarketError:
            pass  # the node is away; look again
        stop.wait(LOOK_S)


def _enter(request: Request | VerifiedRequest, recipe: Recipe) -> None:
    if isinstance(request, VerifiedRequest):
        _enter_contest(request, recipe)
    else:
        _predict(request, recipe)


def _enter_contest(request: VerifiedRequest, recipe: Recipe) -> None:
    """Trains on codes: they need no scaling, so what scales is left out."""
    training = request.training()
    codes, targets = training.codes[: recipe.most_rows], training.targets
    made = recipe.make(len(codes))
    estimator = made[-1] if hasattr(made, "steps") else made
    estimator.set_params(**request.suggest(estimator))
    estimator.fit(codes, targets[: recipe.most_rows])
    request.submit(estimator, name=f"robot {recipe.name}", show=None)


def _predict(request: Request, recipe: Recipe) -> None:
    features, labels = request.training_data()
    test = request.test_data()
    learned = features.head(recipe.most_rows)
    model = train(recipe, matrix(learned), labels.head(learned.height).to_numpy())
    path = request.market.home.path / f"{recipe.name}-{request.id}.onnx"
    path.write_bytes(model)
    request.submit(predict(model, matrix(test)), path, name=f"robot {recipe.name}")


def matrix(frame: pl.DataFrame) -> npt.NDArray[np.float32]:
    """Any table as numbers: words by their hashes, gaps as zeros.

    Returns:
        Shape (rows, columns).
    """
    import polars as pl
    from polars.selectors import by_name

    columns = [
        by_name(name).hash(seed=7).mod(1_000).cast(pl.Float32)
        if kind == pl.String
        else by_name(name).cast(pl.Float32, strict=False).fill_null(0).fill_nan(0)
        for name, kind in frame.schema.items()
    ]
    return frame.select(columns).to_numpy()
