# SPDX-License-Identifier: Apache-2.0
"""What a trainer is told of a model before anything is staked on it in a verified
contest; and after the end, for nothing, what it would have scored, and where.
"""

from __future__ import annotations

from html import escape
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from modelmarket.datasets.libraries import Library
from modelmarket.errors import InputError, StepError
from modelmarket.market import VerifiedRequest
from modelmarket.market.verified.checking import CheckedModel
from support.contests import (
    contest,
    enter,
    finish,
    seen_request,
    to_claims,
    to_validation,
    tree_of,
)
from support.market import Place, left

NAMES = ["left", "near", "right"]
UNOFFICIAL = "had it been submitted in time (unofficial)."


def histogram(targets: Any) -> dict[str, int]:
    counts = np.bincount(targets, minlength=len(NAMES)).tolist()
    return dict(zip(NAMES, counts, strict=True))


def test_check_says_what_would_be_sealed_whatever_it_is_given_as(
    here: Place, tmp_path: Path
) -> None:
    contest(here, here.markets["rita"])
    request, path = seen_request(here), tmp_path / "tree.exact"
    tree = tree_of(request, 3)
    exact = request.convert(tree)
    exact.save(path)
    training, fit = request.training(), request.fit_of(exact)
    before = left(request.market)
    for given in (tree, exact, path, str(path)):
        checked = request.check(given)
        assert checked.model.root == exact.root
        assert checked.fit == fit
        assert checked.learnt == histogram(training.targets)
        said = exact.predict(training.codes, bits=request.terms.bits)
        assert checked.counts == histogram(said)
        assert (checked.hidden, checked.place, checked.metrics) == (None, None, None)
        assert checked.validation is None, "it is looked into when somebody looks"
    assert left(request.market) == before
    assert request.refresh().submissions() == []
    terms, names = request.terms, checked.learnt
    units = f"It has 1 of {terms.most_units:,} trees that are allowed"
    assert str(checked).splitlines() == [
        f"A model that fits: 1 tree, {fit.bytes:,} bytes.",
        f"{units}, and 1 of {terms.most_parts:,} parts.",
        f"{fit.share:.2%} of the points on the training part, which it may know.",
        *(
            f"{name}: {checked.counts[name]:,} predicted of the training rows, "
            f"{known:,} in training"
            for name, known in names.items()
        ),
    ]
    html = checked._repr_html_()
    assert f"<b>A model that fits: 1 tree, {fit.bytes:,} bytes</b>" in html
    assert "<th>predicted training rows</th><th>training rows</th>" in html
    document = checked.as_document()
    assert document["train_counts"] == names
    assert (document["units"], document["most_units"]) == (1, terms.most_units)
    nothing = [document[one] for one in ("validation", "hidden", "place", "metrics")]
    assert nothing == [None] * 4


def test_check_cross_validates_on_the_table_on_codes_and_exactly(here: Place) -> None:
    contest(here, here.markets["rita"])
    request, told = seen_request(here), list[str]()
    tree = tree_of(request, 3)
    checked = request.check(tree, show=told.append)
    assert [one.partition(":")[0] for one in told] == [
        f"fold {n} of 5" for n in range(1, 6)
    ]
    found = request.validate(tree)
    assert checked.validation == found
    assert None not in (found.plain, found.codes)
    assert checked.lines()[-2:] == found.lines()
    assert checked.as_document()["validation"] == found.as_document()
    known = request.check(request.convert(tree), show=told.append)
    assert known.validation is not None
    assert known.validation.reason == "an exact model cannot be fitted again."


def test_what_submit_would_refuse_check_refuses(here: Place) -> None:
    contest(here, here.markets["rita"])
    request = seen_request(here)
    training = request.training()
    scaled = DecisionTreeClassifier(max_depth=4, random_state=0)
    scaled.fit(training.codes / 255, training.targets)
    with pytest.raises(InputError, match="On the training part the accuracy of the"):
        request.check(scaled, show=lambda _: None)
    other = DecisionTreeClassifier(max_depth=2).fit(
        training.codes[:, :2], training.targets
    )
    with pytest.raises(InputError, match="columns"):
        request.check(other)


def score(of: VerifiedRequest, depth: int) -> tuple[int, int | None]:
    """The points and the place of a tree of some depth, and that they are told."""
    found = of.refresh().check(tree_of(of, depth))
    assert found.hidden is not None
    rows, points = of.terms.rows, found.hidden.score
    said = f"{points} of {rows} points ({points / rows:.2%}) on {rows} hidden rows"
    place = "" if found.place is None else f": place {found.place}, {UNOFFICIAL[:-1]}"
    assert found.lines()[-1] == f"{said}{place}."
    assert f"<li>{said}{place}.</li>" in found._repr_html_()
    return points, found.place


def test_after_the_end_check_says_the_points_on_the_hidden_rows_and_which_place(
    here: Place,
) -> None:
    rita, ann, ben = (here.markets[name] for name in ("rita", "ann", "ben"))
    request = contest(here, rita)
    shallow, deep = enter(ann, depth=1), enter(ben, depth=5)
    mine, his = seen_request(here), seen_request(here, "ben")
    to_claims(here, request)
    assert score(mine, 5)[1] is None, "nobody has claimed yet"
    shallow, deep = shallow.refresh(), deep.refresh()
    shallow.claim()
    deep.claim()
    claimed = [one.refresh().record.score for one in (shallow, deep)]
    assert [score(mine, depth) for depth in (1, 5)] == [(one, None) for one in claimed]
    to_validation(here)
    low, high = claimed
    assert low is not None
    assert high is not None
    assert low < high
    for when in ("claims are over", "it has ended"):
        assert score(mine, 5) == (high, 2), f"who entered first stays first: {when}"
        assert score(his, 5) == (high, 1), "it is the very one that stands there"
        assert score(mine, 1) == (low, 2), "it is the very one that stands there"
        assert score(his, 1) == (low, 3)
        finish(here)
    checked = rita.request("v1").check(tree_of(request, 5))
    opened = request.refresh().opened()
    assert checked.counts == histogram(opened.predictions(checked.model))
    assert checked.metrics == rita.request("v1").metrics()
    document = checked.as_document()
    rows = request.terms.rows
    assert document["hidden"] == {"rows": rows, "score": high, "most_score": rows}
    assert document["place"] == 2
    assert document["metrics"]["right"] == high
    assert "<th>predicted hidden rows</th>" in checked._repr_html_()
    assert escape("How good it is") in checked._repr_html_()
    found = mine.refresh().check(tree_of(mine, 3), show=lambda _: None)
    assert found.validation is not None
    assert found.validation.folds == 5, "there is no deadline to be in time for"


def test_of_numbers_check_says_the_error_in_the_labels_own_unit(here: Place) -> None:
    rita, chance = here.markets["rita"], Random(1)
    values = [chance.random() for _ in range(120)]
    frame = pl.DataFrame({"x": values, "y": [round(40 * one, 2) for one in values]})
    request = rita.create_contest(frame, label="y", reward="100", error="absolute")
    mine = seen_request(here)
    training = mine.training()
    tree = DecisionTreeRegressor(max_depth=4).fit(training.codes, training.targets)
    entry = mine.submit(tree, show=None)
    checked = mine.check(tree)
    assert (checked.counts, checked.learnt) == ({}, {})
    assert "<table>" not in checked._repr_html_()
    error = checked.fit.mean_error
    assert f"; mean error {error:.6g} there, in the label's own unit." in str(checked)
    to_claims(here, request)
    entry.refresh().claim()
    to_validation(here)
    checked = mine.refresh().check(tree)
    assert isinstance(checked, CheckedModel)
    hidden = checked.hidden
    assert hidden is not None
    assert hidden.score == entry.refresh().record.score
    assert hidden.error == mine.error_of(hidden.score)
    assert (
        f" points ({hidden.score / hidden.most_score:.2%}), mean error "
        f"{hidden.error:.6g} in the label's own unit, on 24 hidden rows: place 1, "
        f"{UNOFFICIAL}"
    ) in checked.lines()[-1]
    assert checked.as_document()["hidden"]["mean_error"] == hidden.error
    assert checked.as_document()["metrics"]["kind"] == "numbers"


def test_test_rows_are_hidden_until_the_key_is_open_and_are_codes_then(
    here: Place,
) -> None:
    request = contest(here, here.markets["rita"])
    mine = seen_request(here)
    with pytest.raises(StepError) as told:
        mine.test_data()
    assert told.value.message == (
        f"The test rows of request v1 are hidden until its key is open: {mine.status()}"
    )
    assert told.value.hint == (
        "A model is sealed without them: `modelmarket submit v1 MODEL`. How it does on "
        "rows not seen, `modelmarket submission check v1 MODEL` tells from the training "
        "part."
    )
    to_claims(here, request)
    mine = mine.refresh()
    kinds: dict[Library, type[Any]] = {
        "numpy": np.ndarray,
        "polars": pl.DataFrame,
        "pandas": pd.DataFrame,
    }
    opened, tree = mine.opened(), tree_of(mine, 3)
    for library, kind in kinds.items():
        rows = mine.test_data(library)
        assert isinstance(rows, kind)
        assert np.array_equal(np.asarray(rows), opened.codes)
        known, _ = mine.training_data(library)
        assert list(getattr(rows, "columns", [])) == list(getattr(known, "columns", []))
    said = tree.predict(mine.test_data())
    assert said.tolist() == opened.predictions(mine.convert(tree)).tolist()
    with pytest.raises(ValueError, match="read-only"):
        mine.test_data()[0, 0] = 1
    with pytest.raises(InputError, match="no library 'jax'"):
        mine.test_data("jax")  # type: ignore[arg-type]  # as a notebook says it
