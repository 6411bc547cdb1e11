# SPDX-License-Identifier: Apache-2.0
"""Robots that train a model for every request they find, honestly."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from modelmarket import agent
from modelmarket.demo.models import RECIPES, Recipe, require_libraries
from modelmarket.errors import ModelMarketError
from modelmarket.market import Request, VerifiedRequest
from modelmarket.protocol.phases import Phase
from modelmarket.protocol.types import RequestId
from modelmarket.sandbox import Person

if TYPE_CHECKING:
    import polars as pl
    from sklearn.pipeline import Pipeline

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
    learnt = features.head(recipe.most_rows)
    model = _of_any_table(recipe, learnt).fit(learnt, labels.head(len(learnt)))
    request.submit(model, name=f"robot {recipe.name}", show=None)


def _of_any_table(recipe: Recipe, table: pl.DataFrame) -> Pipeline:
    """A recipe's estimator behind words by their places, and gaps as zeros."""
    import polars as pl
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OrdinalEncoder

    kinds = table.schema.items()
    words = [name for name, kind in kinds if kind == pl.String]
    numbers = [name for name, kind in kinds if kind != pl.String]
    places = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    filled = SimpleImputer(strategy="constant", fill_value=0)
    columns = ColumnTransformer(
        [("words", places, words), ("numbers", filled, numbers)]
    )
    return make_pipeline(columns, recipe.make(len(table)))
