# SPDX-License-Identifier: Apache-2.0
"""Verified contests that are played on a real node, with models that were fitted."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.tree import DecisionTreeClassifier

from modelmarket.datasets.split import Source
from modelmarket.datasets.tables import open_table
from modelmarket.market import Market, VerifiedRequest, VerifiedSubmission
from modelmarket.market.verified.listing import Listing
from modelmarket.protocol.money import ONE_MDC
from modelmarket.protocol.types import Wei
from support.market import Place

REWARD = Wei(100 * ONE_MDC)
COLOURS = ("blue", "green", "red")


def table(here: Place, rows: int = 150, seed: int = 1) -> Source:
    """Points in two dimensions, some of them lost, and which of three classes."""
    chance = random.Random(seed)
    path = here.folder / f"points-{rows}-{seed}.csv"
    lines = ["x,y,colour,kind"]
    for _ in range(rows):
        x, y = chance.gauss(0, 1), chance.gauss(0, 1)
        kind = ("near", "left", "right")[0 if x * x + y * y < 1 else 1 + (x > 0)]
        if chance.random() < 0.1:
            kind = "near"
        lost = "" if chance.random() < 0.05 else f"{y:.4f}"
        lines.append(f"{x:.4f},{lost},{chance.choice(COLOURS)},{kind}")
    path.write_text("\n".join(lines) + "\n")
    return Source(open_table(path, header=True), label="kind")


def contest(here: Place, market: Market, **options: Any) -> VerifiedRequest:
    said: dict[str, Any] = {"reward": REWARD, "name": "points", "stratified": True}
    source = said.pop("source", None) or options.pop("source", table(here))
    return market.create_contest(source, **(said | options))


def enter(market: Market, number: str = "v1", depth: int = 4) -> VerifiedSubmission:
    """Fits a tree of some depth, and enters it; depth 0 is a linear model."""
    request = market.request(number)
    training = request.training()
    fitted = DecisionTreeClassifier(max_depth=depth or None, random_state=0)
    if not depth:
        fitted = LogisticRegression(max_iter=300)
    fitted.fit(training.codes, training.targets)
    return request.submit(fitted, name=f"depth {depth}", again=True)


def tree_of(request: VerifiedRequest, depth: int) -> DecisionTreeClassifier:
    """A tree of some depth, fitted on a contest's training part."""
    training = request.training()
    tree = DecisionTreeClassifier(max_depth=depth, random_state=0)
    return tree.fit(training.codes, training.targets)


def corrected(submission: VerifiedSubmission, wrong: int) -> Listing:
    """A listing with all but so many mistakes corrected by hand."""
    opened = submission.request.opened()
    predictions = opened.predictions(submission.model()).copy()
    mistakes = np.flatnonzero(predictions != opened.targets)[wrong:]
    predictions[mistakes] = opened.targets[mistakes]
    return Listing.of(opened.record.terms, predictions, opened.points(predictions))
