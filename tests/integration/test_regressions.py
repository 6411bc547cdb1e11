# SPDX-License-Identifier: Apache-2.0
"""Verified contests of numbers on a real node: who lies about one number is refuted,
and the model that is bought predicts in the label's own unit.
"""

from __future__ import annotations

import math
import random
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestRegressor
from sklearn.linear_model import Ridge
from sklearn.neural_network import MLPRegressor
from sklearn.tree import DecisionTreeRegressor

from modelmarket import agent
from modelmarket.datasets.sources import Source
from modelmarket.datasets.tables import open_table
from modelmarket.errors import EntryWarning, InputError
from modelmarket.market import Market, VerifiedRequest, VerifiedSubmission
from modelmarket.market.recovery import recover_key
from modelmarket.market.verified.judging import FalseRow
from modelmarket.market.verified.watching import Verdict
from modelmarket.protocol.phases import Failure, Phase
from modelmarket.protocol.point_kinds import Error, Kind
from modelmarket.protocol.schema import NumberTarget, shown
from modelmarket.web.workspace import Workspace
from support.contests import (
    PEOPLE,
    REWARD,
    corrected,
    finish,
    promises,
    to_claims,
    to_validation,
    work,
)
from support.market import Place
from support.visits import visiting

ESTIMATORS = [
    DecisionTreeRegressor(max_depth=4, random_state=0),
    RandomForestRegressor(5, max_depth=4, random_state=0),
    HistGradientBoostingRegressor(max_iter=10, max_depth=3, random_state=0),
    Ridge(),
    MLPRegressor(
        hidden_layer_sizes=(4,), learning_rate_init=0.5, max_iter=300, random_state=0
    ),
]


SEED = b"the same split every time"


def houses(here: Place, rows: int = 200) -> Source:
    """What flats cost, in thousands: by size and floor, and by chance."""
    chance = random.Random(1)
    path = here.folder / "houses.csv"
    lines = ["size,floor,town,price"]
    for _ in range(rows):
        size, floor = chance.uniform(20, 120), chance.randrange(9)
        town = chance.choice(("hill", "lake"))
        price = 2.5 * size + 10 * floor + 40 * (town == "lake") + chance.gauss(0, 8)
        lines.append(f"{size:.1f},{floor},{town},{price:.2f}")
    path.write_text("\n".join(lines) + "\n")
    return Source(open_table(path, header=True), label="price")


def contest(here: Place, market: Market, **options: Any) -> VerifiedRequest:
    # Some houses are alike.
    said: dict[str, Any] = {"reward": REWARD, "error": "absolute"}
    said["accept_findings"] = True
    return market.create_contest(houses(here), **(said | options))


def enter(market: Market, estimator: Any) -> VerifiedSubmission:
    request = market.request("v1")
    training = request.training()
    estimator.set_params(**request.suggest(estimator))
    fitted = estimator.fit(training.codes, training.targets)
    return request.submit(fitted, show=None, again=True)


@pytest.mark.parametrize("error", Error)
def test_a_life_ends_with_predictions_in_the_labels_own_unit(
    here: Place, tmp_path: Path, error: Error
) -> None:
    rita, ann, ben = (here.markets[name] for name in PEOPLE)
    # Of a split that is always the same, so that luck has no part in what is near.
    said: dict[str, Any] = {"error": error, "most_error": Fraction(60), "seed": SEED}
    request = contest(here, rita, **said)
    terms, target = request.terms, request.schema.target
    assert (terms.points, terms.outputs, terms.bits) == (error.kind, 1, 16)
    assert isinstance(target, NumberTarget)
    best = enter(ann, HistGradientBoostingRegressor(max_iter=60, random_state=0))
    stump = DecisionTreeRegressor(max_depth=1)
    other = enter(ben, stump)
    # What the trainer was told of rows not seen is near to what the hidden ones say.
    foretold = request.validate(stump)
    assert foretold.measure == request.mean_error
    assert foretold.folds > 0
    to_claims(here, request)
    done = finish(here)
    assert done.record.stage is Phase.FULFILLED
    found = done.error_of(other.refresh().score())
    assert found == pytest.approx(foretold.exact, rel=0.3)
    won = done.winner()
    assert won is not None
    assert won.id == best.id
    assert promises(ben) == []
    # What the score says of the error is what the rows say.
    opened = done.opened()
    truth = target.values(opened.targets)
    for one in (best, other):
        off = np.abs(target.values(opened.predictions(one.model())) - truth)
        off = np.minimum(off, terms.cap * terms.step * float(target.step))
        absolute = error is Error.ABSOLUTE
        mean = off.mean() if absolute else math.sqrt((off**2).mean())
        told = done.error_of(one.refresh().score())
        assert told is not None
        assert told <= mean + 1e-9
        assert told > mean - terms.step * float(target.step)
    with visiting(Workspace(rita)) as tab:
        parts = ("ranking", "data", "rules")
        page = "".join(tab.get(f"/requests/v1/{one}").text for one in parts)
    assert done.mean_error in ("mean error", "RMSE")
    assert done.mean_error in page.replace("Mean", "mean")
    assert f"{done.error_of(won.record.score or 0):.6g}</td>" in page
    lowest, highest = (shown(one, ",") for one in target.bounds)
    assert f"numbers from {lowest} to {highest}" in page
    assert ("the square of its error" in page) == (error is Error.SQUARED)
    new = tmp_path / "new.csv"
    new.write_text("town,floor,size,unused\nlake,5,100,x\nhill,0,30,y\n")
    dear, cheap = map(float, done.predict(new))
    assert 290 < dear < 390
    assert 55 < cheap < 115
    codes = done.codes(new)
    assert done.predict(new) == target.decode(done.model().predict(codes, bits=16))
    done.export(tmp_path / "model.onnx")
    exported = onnxruntime.InferenceSession(tmp_path / "model.onnx")
    [targets] = exported.run(["target"], {"codes": codes})
    assert target.decode(targets) == done.predict(new)


# A network need not have learned all that it could.
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda one: type(one).__name__)
def test_a_hand_corrected_number_is_refuted_and_told_in_the_labels_unit(
    here: Place, estimator: Any
) -> None:
    rita, ann, ben = (here.markets[name] for name in PEOPLE)
    request = contest(here, rita)
    enter(ann, DecisionTreeRegressor(max_depth=2))
    lie = enter(ben, estimator)
    to_claims(here, request)
    listing = corrected(lie.refresh(), wrong=3)
    lie.claim(listing.score)
    work(here, "ann")
    to_validation(here)
    lie.show(listing)
    shown = ann.request("v1").candidate()
    assert shown is not None
    found = shown.find_lie(shown.evidence())
    assert isinstance(found, FalseRow)
    [report] = [one for one in work(here, "ann") if one.step.kind is agent.Kind.WATCH]
    assert report.message == Verdict.REFUTED.value
    failed = lie.refresh()
    assert failed.record.failure is Failure.REFUTED
    [told] = rita.request("v1").refutations()
    target = request.schema.target
    [listed] = target.decode(listing.predictions[found.row : found.row + 1])
    truly = failed.request.opened().predictions(failed.model())
    [computed] = target.decode(truly[found.row : found.row + 1])
    assert told.as_document()["row"] == found.row + 1
    assert (told.listed, told.computed) == (listed, computed)
    assert told.sentence == (
        f"Row {found.row + 1} was listed as {listed}, and its model says {computed}"
    )
    done = finish(here, "ann", "rita")
    won = done.winner()
    assert won is not None
    assert won.record.trainer == ann.wallet.address
    assert promises(rita) == []


def test_what_a_model_is_off_by_is_told_before_anything_is_staked(here: Place) -> None:
    rita, ann = here.markets["rita"], here.markets["ann"]
    contest(here, rita, bits=32, scale=Fraction(100))
    request = ann.request("v1")
    training, target = request.training(), request.schema.target
    assert isinstance(target, NumberTarget)
    # Prices are written in hundredths, and 32 bits keep them.
    assert target.step == Fraction(1, 100)
    assert request.terms.cap * request.terms.step == 10_000
    forest = RandomForestRegressor(10, max_depth=6, random_state=0)
    exact = request.convert(forest.fit(training.codes, training.targets))
    fit = request.fit_of(exact)
    off = np.abs(
        target.values(exact.predict(training.codes, bits=32))
        - target.values(training.targets)
    )
    assert fit.mean_error == pytest.approx(np.minimum(off, 100).mean())
    assert fit.as_document()["mean_error"] == fit.mean_error


def test_a_model_of_labels_rather_than_targets_is_warned_about(here: Place) -> None:
    rita, ann = here.markets["rita"], here.markets["ann"]
    contest(here, rita)
    request = ann.request("v1")
    training = request.training()
    _, labels = request.training_data("polars", codes=False)
    tree = DecisionTreeRegressor(max_depth=1)
    weak = request.convert(tree.fit(training.codes, training.targets))
    assert request.prospect(weak).warnings == ()
    mistaken = tree.fit(training.codes, labels.cast(float).to_numpy())
    [warning] = request.prospect(request.convert(mistaken)).warnings
    assert "fitted on the targets of `request.training_data()`" in warning
    with (
        pytest.warns(EntryWarning, match="worse than always saying the median"),
        pytest.raises(InputError, match="of the model that would be sealed"),
    ):
        request.submit(mistaken)


def test_a_regressions_key_is_made_again_from_its_table(here: Place) -> None:
    rita = here.markets["rita"]
    request = contest(here, rita, error="squared", bits=8, width=16, even=True)
    assert (request.terms.points, request.terms.bits) == (Kind.SQUARED, 8)
    assert recover_key(request, houses(here)).seal == request.record.secret


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"error": "cubic"}, "no error 'cubic'"),
        ({"error": None, "bits": 16}, "width in bits is for labels that are numbers"),
        ({"error": None, "scale": Fraction(1)}, "scale of errors is for labels"),
        (
            {"error": None, "most_error": Fraction(1)},
            "largest mean error is for labels",
        ),
        ({"balanced": True}, "Only classes"),
        ({"threshold": Fraction(1, 2)}, "never quite right"),
        ({"bits": 4}, "8, 16 or 32 bits"),
        ({"scale": Fraction(0)}, "scale of errors must be above 0"),
        ({"most_error": Fraction(-1)}, "largest mean error must be above 0"),
        (
            {"most_error": Fraction(1, 10**9)},
            "1e-09 asks for a model that is off in no",
        ),
    ],
)
def test_what_goes_with_other_labels_is_refused(
    here: Place, options: dict[str, Any], said: str
) -> None:
    with pytest.raises(InputError, match=said):
        contest(here, here.markets["rita"], **options)
