# SPDX-License-Identifier: Apache-2.0
"""A number is bought: published as it is, paid for by bins, predicted as numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import LinearRegression
from sklearn.tree import DecisionTreeClassifier

from modelmarket.datasets.figures import BINNED, NumberMetrics
from modelmarket.datasets.metrics import of_bins
from modelmarket.errors import DataError, InputError
from modelmarket.market import Request
from modelmarket.protocol.bins import Bins
from modelmarket.protocol.reproductions import Outcome
from support.market import Place, refused

ROWS = 200


def table() -> pl.DataFrame:
    rng = np.random.default_rng(4)
    size, floor = rng.integers(20, 200, ROWS), rng.integers(0, 5, ROWS)
    noise = rng.random(ROWS)
    price = np.round(12.5 * size - 40 * floor + noise, 2)
    return pl.DataFrame({"size": size, "floor": floor, "price": price})


def request_of(here: Place, name: str) -> Request:
    request = here.markets[name].request(1)
    assert isinstance(request, Request)
    return request


@pytest.fixture
def request_1(here: Place) -> Request:
    here.markets["rita"].create_request(
        table(), label="price", reward="10", bins=8, accept_findings=True
    )
    return request_of(here, "ann")


def test_three_lines_win_a_contest_of_numbers(here: Place, request_1: Request) -> None:
    request = request_1
    model = RandomForestRegressor(20, random_state=0).fit(*request.training_data())
    told: list[str] = []
    request.submit(model, show=told.append)
    assert any("accuracy on rows not seen (5 folds, 160 rows)" in one for one in told)
    here.live(1)
    rita = request_of(here, "rita")
    truth, bins = rita.truth(), rita.manifest().bins
    assert truth is not None
    assert bins is not None
    right = int((bins.encode(in_words(model, request)) == truth).sum())
    winner = rita.winner()
    assert winner is not None
    assert winner.record.score == right
    assert right > 25
    found = rita.reproduce()
    assert found.outcome is Outcome.REPRODUCED
    # What she bought it for: numbers, and not their bins alone.
    new = table().drop("price").head(50)
    said = [float(one) for one in rita.predict(new)]
    assert said == pytest.approx(model.predict(new).tolist(), rel=1e-5)


def test_the_winner_is_judged_by_what_its_bins_are_off_by(
    here: Place, request_1: Request
) -> None:
    said = LinearRegression().fit(*request_1.training_data())
    predicted = said.predict(request_1.test_data()) + 60
    path = here.folder / "any.txt"
    path.write_text("any")
    request_1.submit(path, predicted)
    here.live(1)
    rita = request_of(here, "rita")
    truth, bins = rita.truth(), rita.manifest().bins
    assert truth is not None
    assert bins is not None
    found = rita.metrics()
    assert isinstance(found, NumberMetrics)
    codes = bins.codes_of(predicted)
    assert found.in_bin is not None
    assert found.in_bin.value == np.mean(codes == truth)
    off = bins.numbers[codes] - bins.numbers[truth]
    assert found.mae.value == pytest.approx(np.abs(off).mean())
    assert found.bias.value == pytest.approx(off.mean())
    assert found.lines()[0].startswith("in the right bin ")
    assert BINNED in found.lines()
    assert found.as_document()["in_bin"]["value"] == found.in_bin.value
    # And so is what was checked after the end.
    assert rita.check(predicted).metrics == found
    with pytest.raises(InputError, match="are numbers, and have no probabilities"):
        rita.check(predicted, probabilities=np.ones((40, 8)) / 8)


def test_codes_that_are_no_bins_count_as_the_highest() -> None:
    bins = Bins(("1", "2", "4"), (1.5, 3.0))
    codes = np.array([0, 3, 2, 3], dtype=np.uint16)
    found = of_bins(np.array([0, 1, 2, 3], dtype=np.uint16), codes, bins)
    assert found.mae.value == 0.5
    assert found.in_bin is not None
    assert found.in_bin.value == 0.75


def in_words(model: RandomForestRegressor, request: Request) -> list[str]:
    return list(map(repr, model.predict(request.test_data()).tolist()))


def test_labels_are_the_numbers_that_they_were(request_1: Request) -> None:
    known = set(table()["price"])
    for kind in ("polars", "pandas", "numpy"):
        _, labels = request_1.training_data(kind)
        assert labels.dtype in (np.float64, pl.Float64)
        assert set(labels) <= known
        assert len(labels) == 160
    bins = request_1.manifest().classes
    assert isinstance(bins, Bins)
    assert (len(bins), bins.bits) == (8, 4)


def test_check_tells_how_many_fall_into_the_right_bin(
    request_1: Request, tmp_path: Path
) -> None:
    fitted = LinearRegression().fit(*request_1.training_data())
    said = fitted.predict(request_1.test_data())
    told: list[str] = []
    checked = request_1.check(fitted, show=told.append)
    assert checked.is_reproducible
    names = set(request_1.manifest().classes.names)
    assert set(checked.learnt) == names
    assert sum(checked.counts.values()) == 40
    path = tmp_path / "mine.csv"
    path.write_text("price\n" + "\n".join(map(str, said)) + "\n")
    ids = pl.DataFrame({"row_id": range(1, 41), "label": said})
    for given in (said, list(said), pd.Series(said), pl.Series(said), ids, path):
        assert (request_1.check(given).codes == checked.codes).all()
    with pytest.raises(DataError, match="Row 1: 'dear' is no finite number"):
        request_1.check(["dear"] * 40)
    with pytest.raises(InputError, match="DecisionTreeClassifier is no fitted regress"):
        features, labels = request_1.training_data()
        request_1.check(DecisionTreeClassifier().fit(features, labels > 1_000))


def test_a_regressor_of_other_columns_is_told_before_it_is_sealed(
    request_1: Request,
) -> None:
    """Fitted on other numbers than the training part's it says something else."""
    features, labels = request_1.training_data()
    forest = RandomForestRegressor(20, random_state=0).fit(features, labels * 1.5)
    with pytest.raises(InputError, match="the same regressor, fitted anew on the"):
        request_1.check(forest, show=lambda _: None)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"bins": 1}, "cannot be put into 1 bin"),
        ({"bins": 65_537}, "cannot be put into 65,537 bins"),
        ({"even_bins": True}, "into how many bins"),
        ({"bins": 8, "stratified": True}, "cannot be drawn class by class"),
        ({"bin": 8}, "no option 'bin'"),
    ],
)
def test_what_makes_no_bins_is_refused(
    here: Place, options: dict[str, bool | int], said: str
) -> None:
    with pytest.raises((InputError, DataError), match=said):
        here.markets["rita"].create_request(
            table(),
            label="price",
            reward="10",
            accept_findings=True,
            **options,  # type: ignore[arg-type]  # some of them wrong
        )


def test_a_threshold_that_the_fullest_bin_reaches_is_asked_about(here: Place) -> None:
    refused(
        here.markets["rita"],
        "accept_threshold",
        lambda: here.markets["rita"].create_request(
            table(),
            label="price",
            reward="10",
            bins=4,
            threshold="20%",
            accept_findings=True,
        ),
    )
