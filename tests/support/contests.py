# SPDX-License-Identifier: Apache-2.0
"""Verified contests that are played on a real node, with models that were fitted."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from sklearn.linear_model import LogisticRegression
from sklearn.tree import DecisionTreeClassifier

from modelmarket import agent
from modelmarket.audit import audit
from modelmarket.datasets.sources import Source
from modelmarket.datasets.tables import open_table
from modelmarket.market import Market, VerifiedRequest, VerifiedSubmission
from modelmarket.market.verified.listing import Listing
from modelmarket.protocol.money import ONE_MDC
from modelmarket.protocol.phases import Phase
from modelmarket.protocol.steps import StepKind
from modelmarket.protocol.types import RequestId, Wei
from support.market import Place

REWARD = Wei(100 * ONE_MDC)
COLOURS = ("blue", "green", "red")
PEOPLE = ("rita", "ann", "ben")


def table_at(path: Path, rows: int = 150, seed: int = 1) -> None:
    """Writes points in two dimensions, some of them lost, and which of three classes."""
    chance = random.Random(seed)
    lines = ["x,y,colour,kind"]
    for _ in range(rows):
        x, y = chance.gauss(0, 1), chance.gauss(0, 1)
        kind = ("near", "left", "right")[0 if x * x + y * y < 1 else 1 + (x > 0)]
        if chance.random() < 0.1:
            kind = "near"
        lost = "" if chance.random() < 0.05 else f"{y:.4f}"
        lines.append(f"{x:.4f},{lost},{chance.choice(COLOURS)},{kind}")
    path.write_text("\n".join(lines) + "\n")


def source(path: Path, label: str = "kind") -> Source:
    """The table in a file."""
    return Source(open_table(path, header=True), label=label)


def table(here: Place, rows: int = 150, seed: int = 1) -> Source:
    """A table of its own for so many rows."""
    path = here.folder / f"points-{rows}-{seed}.csv"
    table_at(path, rows, seed)
    return source(path)


def other_contest(market: Market) -> VerifiedRequest:
    """One of other rows, which goes on."""
    kinds = ["ab"[n % 2] for n in range(100)]
    return market.create_contest(
        pl.DataFrame({"n": range(100), "kind": kinds}),
        label="kind",
        reward="10",
        accept_findings=True,
    )


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
    return request.submit(fitted, name=f"depth {depth}", show=None, again=True)


def tree_of(request: VerifiedRequest, depth: int) -> DecisionTreeClassifier:
    """A tree of some depth, fitted on a contest's training part."""
    training = request.training()
    tree = DecisionTreeClassifier(max_depth=depth, random_state=0)
    return tree.fit(training.codes, training.targets)


def seen_request(here: Place, name: str = "ann") -> VerifiedRequest:
    """The first contest, as somebody sees it."""
    request = here.markets[name].request("v1")
    assert isinstance(request, VerifiedRequest)
    return request


def seen(here: Place, name: str = "ann") -> VerifiedSubmission:
    """Its candidate, as somebody sees it."""
    found = seen_request(here, name).candidate()
    assert found is not None
    return found


def corrected(submission: VerifiedSubmission, wrong: int) -> Listing:
    """A listing with all but so many mistakes corrected by hand."""
    opened = submission.request.opened()
    predictions = opened.predictions(submission.model()).copy()
    mistakes = np.flatnonzero(predictions != opened.targets)[wrong:]
    predictions[mistakes] = opened.targets[mistakes]
    return Listing.of(opened.record.terms, predictions, opened.points(predictions))


def cheat_with(submission: VerifiedSubmission, short: int) -> None:
    """Does what can be done now: claims so many rows less than all, or shows a model
    beside predictions that were mended by hand, all but so many.
    """
    contest = submission.request
    position = contest.position()
    if not contest.record.key or position.overdue:
        return
    if position.phase is Phase.CLAIMS and submission.record.score is None:
        submission.claim(contest.terms.rows - short)
    elif position.phase is Phase.VALIDATION and not contest.refuses(
        StepKind.SHOW_MODEL, submission.record
    ):
        submission.show(corrected(submission, wrong=short))


def work(here: Place, *names: str) -> list[agent.Report]:
    """Lets some people's agents do what is due."""
    return [
        report
        for name in names or PEOPLE
        for report in agent.run_once(here.markets[name])
    ]


def to_claims(here: Place, request: VerifiedRequest) -> None:
    here.move_to(request.record.deadline)
    work(here, "rita")


def to_validation(here: Place) -> VerifiedRequest:
    """Closes the claims."""
    request = here.markets["rita"].request("v1")
    here.move_to(request.position().step_ends)
    return request.refresh()


def finish(here: Place, *names: str) -> VerifiedRequest:
    """Lets agents work until the contest has ended."""
    rita = here.markets["rita"]
    for _ in range(30):
        if not work(here, *names):
            request = rita.request("v1")
            if request.record.stage.is_final:
                return request
            here.move_to(next_time(request))
    raise AssertionError(f"it did not end: {rita.request('v1').status()}")


def next_time(request: VerifiedRequest) -> int:
    """The next second at which something can become due."""
    position = request.position()
    if not position.shown:
        return position.step_ends
    times = request.record.timetable
    quarter = times.began + times.window_s // 4
    coming = (quarter, times.demands_end, times.answers_end, times.ends)
    return next(one for one in coming if one > request.now)


def promises(market: Market) -> list[str]:
    """What an audit finds broken."""
    verdicts = audit(market, RequestId.parse("v1"))
    assert len(verdicts) == 10
    return [f"{one.promise}: {one.figures}" for one in verdicts if one.is_broken]
